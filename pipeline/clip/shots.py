"""Where the shots of a job begin: told, or found once and kept."""

from __future__ import annotations

from contextlib import closing

from pipeline.clip.events import OnEvent, Scanned, Stage
from pipeline.clip.work_folder import WorkFolder
from pipeline.media.frame import FrameSource
from pipeline.motion.cuts import parse_cuts
from pipeline.motion.shots import Shot, find_shots
from pipeline.settings import Settings

LOOKING = "Looking for cuts"


def told_shots(source: FrameSource, settings: Settings) -> list[Shot] | None:
    """The shots where nothing has to be looked for, else None; frame numbers count the frames that are painted.

    :raises UsageError: a cut that was told lies behind the last frame.
    """
    frames = source.info.frames
    cuts = parse_cuts(settings.cuts)
    if not cuts.automatic:
        return cuts.shots(frames)
    # Where nothing is carried there is nothing that a cut could end.
    return [(0, frames)] if settings.carry == "none" or frames < 2 else None


def found_shots(source: FrameSource, work: WorkFolder, on_event: OnEvent) -> list[Shot]:
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
