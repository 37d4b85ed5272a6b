"""How fast this machine paints: from a few real steps on a few frames."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from itertools import islice
from pathlib import Path

from pipeline.clip.frame_store import FrameStore
from pipeline.clip.moves import PreviousPaintings
from pipeline.clip.step_budget import Speed
from pipeline.clip.tracking import find_by, lookback, track_frames
from pipeline.clip.warm_start import warm_start
from pipeline.media.frame import Frame, FrameSource
from pipeline.motion.device_flow import DeviceDis
from pipeline.motion.flow import FlowMethod
from pipeline.settings import Settings
from pipeline.style.frame import PaintedFrame, WarmStart
from pipeline.style.optimise import Stop
from pipeline.style.painter import Painter
from pipeline.style.regions import equal_masks

STEPS = 6
"""Steps that are timed, ..."""
MOST_STEPS = 1 + STEPS
"""... and the most of one painting."""


def frames_to_measure(settings: Settings) -> int:
    """How many frames `measure_speed` wants of a clip: all that its last one depends on are among them."""
    return 1 + lookback(settings)


def first_frames(source: FrameSource, settings: Settings) -> list[Frame]:
    """The frames of a clip by which its speed is measured; fewer where it has no more."""
    with closing(source.frames()) as frames:
        return list(islice(frames, frames_to_measure(settings)))


def measure_speed(painter: Painter, flow: FlowMethod, frames: Sequence[Frame]) -> Speed:
    """Do with the last of some frames all that is done with a carried one, but with few steps.

    What is found is a guess to begin with: `StepBudget` corrects it with every frame.

    :param frames: neighbours of one size, numbered from 0: `frames_to_measure`, or as many as there are. With a single
        one nothing is found again in another.
    """
    # So few steps should be what they are among many, and all of one size.
    painter = painter.with_settings(replace(painter.settings, tolerance=0.0, seconds=0.0, carried_levels=1))
    settings, (*before, last) = painter.settings, frames
    image = last.image
    # Whatever the regions are, they cost the same.
    painter = painter.with_masks(equal_masks(painter.regions, *image.shape[:2]))
    with tempfile.TemporaryDirectory() as folder:
        store = FrameStore(Path(folder), range(len(frames)))
        for frame in before:
            store.put(frame.index, PaintedFrame(frame.image, {}, 0, 0.0, Stop.STEPS))
        # What is done once for all frames, such as the targets of the style, is not timed.
        painter.paint(image, WarmStart(image), steps=1)
        if isinstance(flow, DeviceDis):
            flow.prepare(*image.shape[:2])
        began = time.monotonic()
        tracked = next(track_frames(frames, last.index, {0}, settings, find_by(flow)))
        carried = warm_start(tracked, PreviousPaintings(store), settings) or WarmStart(image)
        painted = painter.paint(image, carried, steps=1)
        store.put(last.index, painted)
        once = time.monotonic() - began
        more = painter.paint(image, carried, steps=MOST_STEPS).seconds
    step = max(1e-6, (more - painted.seconds) / STEPS)
    return Speed(step, max(0.0, once - step))
