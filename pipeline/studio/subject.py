"""The input as the studio looks at it: a few frames that stand for a clip."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from pipeline.media import Image, fit_size, open_source, read_picture, resize
from pipeline.studio.wish import Wish, paints_picture

FRAMES = 8
"""That stand for a clip, at most."""
PICTURE, CLIP = 1536, 768
"""Longest side at which a picture and the frames of a clip are kept, in pixels, at most: no draft is larger."""


@dataclass(frozen=True)
class Subject:
    """An input, read."""

    source: Path
    still: bool
    """Whether it is a single picture."""
    frames: tuple[Image, ...]
    """uint8 (H, W, 3), as large as drafts may become."""
    numbers: tuple[int, ...]
    """Of each of them, counted from 0 in the whole clip."""
    times: tuple[float, ...]
    """When each of them is shown, in seconds."""
    duration: float
    """In seconds; 0 for a picture."""
    width: int
    height: int
    """Of the input itself, in pixels."""

    def frame(self, place: int) -> Image:
        """That which stands at a place among those that stand for the clip, or the last one."""
        return self.frames[min(place, len(self.frames) - 1)]


def frames_that_stand_for(count: int) -> list[int]:
    """The middles of as many equal parts of a clip as there may be frames to look at, in order."""
    parts = min(FRAMES, count)
    return sorted({(2 * part + 1) * count // (2 * parts) for part in range(parts)})


def read_subject(source: Path, told: Callable[[str], None]) -> Subject:
    """Read it.

    :param told: called with what is being done; what it raises ends the reading.
    :raises MediaError: it cannot be read.
    """
    told(f"Reading {source.name}")
    if paints_picture(source):
        whole = read_picture(source)
        height, width = whole.shape[:2]
        kept = resize(whole, *fit_size(width, height, PICTURE))
        return Subject(source, True, (kept,), (0,), (0.0,), 0.0, width, height)
    opened = open_source(source, size=CLIP)
    info = opened.info
    wanted = frames_that_stand_for(len(info.times))
    found = []
    with closing(opened.frames()) as frames:
        for frame in frames:
            if frame.index in wanted:
                found.append(frame.image)
            if frame.index == wanted[-1]:
                break
            told(f"Reading {source.name}: frame {frame.index + 1} of {len(info.times)}")
    times = tuple(float(info.times[number]) for number in wanted)
    width, height = info.source_width or info.width, info.source_height or info.height
    return Subject(source, False, tuple(found), tuple(wanted), times, float(info.duration), width, height)


def largest_draft(wish: Wish, subject: Subject) -> int:
    """Longest side of the largest draft, in pixels: as large as the real painting, or as what is kept of the input."""
    longest: int = max(subject.frames[0].shape[:2])
    return min(wish.settings.size or longest, longest)
