"""How fast this machine paints a clip, from a few real steps on its first frames."""

from __future__ import annotations

import tempfile
import time
from contextlib import closing
from itertools import islice
from pathlib import Path

from pipeline.clip.step_budget import Speed
from pipeline.clip.store import FrameStore
from pipeline.clip.warm_start import track_frames, warm_start
from pipeline.media.frame import FrameSource
from pipeline.motion.flow import FlowMethod
from pipeline.style.frame import PaintedFrame, WarmStart
from pipeline.style.optimise import Stop
from pipeline.style.painter import Painter

STEPS = 6
"""Steps that are timed."""


def measure_speed(source: FrameSource, painter: Painter, flow: FlowMethod) -> Speed:
    """Do with the second frame of a clip all that is done with a carried frame, but with few steps.

    The clip has been looked at, so decoding is a small part, and is left out. What is found is a guess to begin with:
    `StepBudget` corrects it with every frame.
    """
    with tempfile.TemporaryDirectory() as folder, closing(source.frames()) as frames:
        settings = painter.settings
        store = FrameStore(Path(folder), range(2))
        found = track_frames(islice(frames, 2), 0, {0}, settings, flow)
        seen = next(found)
        store.put(0, PaintedFrame(seen.frame.image, {}, 0, 0.0, Stop.STEPS))
        # What is done once for all frames, such as the targets of the style, is not timed.
        painter.paint(seen.frame.image, WarmStart(seen.frame.image), steps=1)
        began = time.monotonic()
        seen = next(found, seen)
        carried = warm_start(seen, store, settings) or WarmStart(seen.frame.image)
        painted = painter.paint(seen.frame.image, carried, steps=1)
        if not store.whole and seen.frame.index:
            store.put(1, painted)
        once = time.monotonic() - began
        more = painter.paint(seen.frame.image, carried, steps=1 + STEPS).seconds
    step = max(1e-6, (more - painted.seconds) / STEPS)
    return Speed(step, max(0.0, once - step))
