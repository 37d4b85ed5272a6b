"""How much moves in every frame of a clip: looked at once, and kept."""

from __future__ import annotations

from contextlib import closing

import numpy as np

from pipeline.clip.events import OnEvent, Scanned, Stage
from pipeline.clip.work_folder import WorkFolder
from pipeline.media.frame import FrameSource, Image
from pipeline.motion.frame_difference import glance
from pipeline.motion.news import news

LOOKING = "Looking at the motion"
LEAST = 0.0001
"""A frame that is not exactly the one before it has at least so much news: only one that is costs nothing."""


def found_motion(source: FrameSource, work: WorkFolder, on_event: OnEvent) -> list[float]:
    """`news` of every frame against the one before it: 0 where nothing at all has changed; 1 for the first.

    It depends on the input alone and is kept in the work folder: a resumed job has the same without looking again.
    """
    motion = work.motion(source.info.frames)
    if motion is None:
        on_event(Stage(LOOKING))
        motion = []
        before: Image | None = None
        with closing(source.frames()) as frames:
            for frame in frames:
                motion.append(1.0 if before is None else _new(before, frame.image))
                before = frame.image
                on_event(Scanned(len(motion), source.info.frames, LOOKING))
        work.keep_motion(motion)
    return motion


def _new(before: Image, now: Image) -> float:
    if np.array_equal(before, now):
        return 0.0
    return max(LEAST, round(news(glance(before), glance(now)), 4))
