"""What a clip as a whole looks like to the network: the anchor of its palette, found once and kept."""

from __future__ import annotations

from contextlib import closing

from pipeline.clip.events import OnEvent, Scanned, Stage
from pipeline.clip.work_folder import WorkFolder
from pipeline.media.frame import FrameSource
from pipeline.style.adain import Anchor, anchor_as_json, anchor_from_json, pooled_anchor
from pipeline.style.painter import Painter

LOOKING = "Looking at the colours"
VIEWS = 32
"""Frames that stand for a clip."""


def found_anchor(source: FrameSource, painter: Painter, work: WorkFolder, on_event: OnEvent) -> Anchor:
    """The anchor of a clip, from frames spread evenly over it; empty where none is needed.

    It depends on the input and the settings alone and is found before anything is painted, so that every shot can be
    painted without the others. It is kept in the work folder: a resumed job has the same one without looking again.

    One anchor for all shots: with one for each, a night scene and the end of a fade to black took on every colour of
    the style, and a scene that came back looked different.
    """
    # A single frame is all there is to see of its clip: it keeps its own palette, like a picture.
    if not painter.is_anchored or source.info.frames < 2:
        return Anchor()
    kept = _kept(work)
    if kept is not None:
        return kept
    wanted = views(source.info.frames)
    found: list[Anchor] = []
    on_event(Stage(LOOKING))
    with closing(source.frames()) as frames:
        for frame in frames:
            if frame.index in wanted:
                found.append(painter.view(frame.image))
            on_event(Scanned(frame.index + 1, source.info.frames, LOOKING))
            if len(found) == len(wanted):
                break
    anchor = pooled_anchor(found)
    work.keep_anchor(anchor_as_json(anchor))
    return anchor


def views(frames: int) -> frozenset[int]:
    """Which of so many frames stand for all: the middles of `VIEWS` parts, or every one of a short clip."""
    count = min(VIEWS, frames)
    return frozenset((2 * part + 1) * frames // (2 * count) for part in range(count))


def _kept(work: WorkFolder) -> Anchor | None:
    """None where nothing was kept, or where it is damaged."""
    try:
        return anchor_from_json(work.anchor())
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
