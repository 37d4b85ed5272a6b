"""Where the shots of a job begin: told, or found once and kept."""

from __future__ import annotations

from contextlib import closing

import numpy as np

from pipeline.clip.events import OnEvent, Scanned, Stage
from pipeline.clip.work_folder import WorkFolder
from pipeline.media.frame import FrameSource
from pipeline.motion.cuts import parse_cuts
from pipeline.motion.frame_difference import downscaled
from pipeline.motion.shots import Shot, find_shots
from pipeline.motion.track import untracked_share
from pipeline.settings import Settings
from pipeline.types import Image

LOOKING = "Looking for cuts"


def given_shots(source: FrameSource, settings: Settings) -> list[Shot] | None:
    """The shots where nothing has to be looked for, else None; frame numbers count the frames that are painted.

    :raises UsageError: a cut that was told lies behind the last frame.
    """
    frames = source.info.frames
    cuts = parse_cuts(settings.cuts)
    if not cuts.automatic:
        return cuts.shots(frames)
    # Where nothing is carried there is nothing that a cut could end.
    return [(0, frames)] if settings.carry == "none" or frames < 2 else None


def find_clip_shots(source: FrameSource, work: WorkFolder, on_event: OnEvent) -> list[Shot]:
    """The shots as `find_shots` sees them, in one pass that keeps no frames before anything is painted.

    They are kept in the work folder: a resumed job has the same ones without looking again.
    """
    shots = work.shots()
    if shots is None:
        on_event(Stage(LOOKING))
        with closing(source.frames()) as frames:
            images = (frame.image for frame in frames)
            shots = find_shots(images, lambda seen: on_event(Scanned(seen, source.info.frames, LOOKING)))
        work.keep_shots(shots)
    return shots


LOOKING = "Looking at the motion"
LEAST = 0.0001
"""A frame that is not exactly the one before it has at least so much news: only one that is costs nothing."""


def find_motion(source: FrameSource, work: WorkFolder, on_event: OnEvent) -> list[float]:
    """`untracked_share` of every frame against the one before it: 0 where nothing at all has changed; 1 for the first.

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
    return max(LEAST, round(untracked_share(downscaled(before), downscaled(now)), 4))
