"""What a clip as a whole looks like to the network: the statistics of its palette, found once and kept."""

from __future__ import annotations

from contextlib import closing

from pipeline.clip.events import OnEvent, Scanned, Stage
from pipeline.clip.work_folder import WorkFolder
from pipeline.media.frame import FrameSource
from pipeline.style.adain import ClipStatistics, pooled_statistics, statistics_as_json, statistics_from_json
from pipeline.style.painter import Painter

LOOKING = "Looking at the colours"
SAMPLES = 32
"""Frames that stand for a clip."""


def find_statistics(source: FrameSource, painter: Painter, work: WorkFolder, on_event: OnEvent) -> ClipStatistics:
    """The statistics of a clip, from frames spread evenly over it; empty where none is needed.

    It depends on the input and the settings alone and is found before anything is painted, so that every shot can be
    painted without the others. It is kept in the work folder: a resumed job has the same one without looking again.

    The same for all shots: with others for each, a night scene and the end of a fade to black took on every colour
    of the style, and a scene that came back looked different.
    """
    # A single frame is all there is to see of its clip: it keeps its own palette, like a picture.
    if not painter.needs_statistics or source.info.frames < 2:
        return ClipStatistics()
    kept = _kept(work)
    if kept is not None:
        return kept
    wanted = sampled_frames(source.info.frames)
    found: list[ClipStatistics] = []
    on_event(Stage(LOOKING))
    with closing(source.frames()) as frames:
        for frame in frames:
            if frame.index in wanted:
                found.append(painter.statistics_of(frame.image))
            on_event(Scanned(frame.index + 1, source.info.frames, LOOKING))
            if len(found) == len(wanted):
                break
    statistics = pooled_statistics(found)
    work.keep_statistics(statistics_as_json(statistics))
    return statistics


def sampled_frames(frames: int) -> frozenset[int]:
    """Which of so many frames stand for all: the middles of `SAMPLES` parts, or every one of a short clip."""
    count = min(SAMPLES, frames)
    return frozenset((2 * part + 1) * frames // (2 * count) for part in range(count))


def _kept(work: WorkFolder) -> ClipStatistics | None:
    """None where nothing was kept, or where it is damaged."""
    try:
        return statistics_from_json(work.statistics())
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
