"""The input as the studio looks at it: a few frames that stand for a clip, at the size of drafts."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from pipeline.media import Image, fit_size, open_source, read_picture, resize
from pipeline.studio.wish import paints_picture

FRAMES = 8
"""That stand for a clip, at most."""


@dataclass(frozen=True)
class Subject:
    """An input, read."""

    source: Path
    still: bool
    """Whether it is a single picture."""
    frames: tuple[Image, ...]
    """uint8 (H, W, 3), at the size of drafts."""
    times: tuple[float, ...]
    """When each of them is shown, in seconds."""
    duration: float
    """In seconds; 0 for a picture."""
    width: int
    height: int
    """Of the input itself, in pixels."""


def frames_that_stand_for(count: int) -> list[int]:
    """The middles of as many equal parts of a clip as there may be frames to look at, in order."""
    parts = min(FRAMES, count)
    return sorted({(2 * part + 1) * count // (2 * parts) for part in range(parts)})


def read_subject(source: Path, longest: int, told: Callable[[str], None]) -> Subject:
    """Read it.

    :param longest: longest side of the frames in pixels, at most.
    :param told: called with what is being done; what it raises ends the reading.
    :raises MediaError: it cannot be read.
    """
    told(f"Reading {source.name}")
    if paints_picture(source):
        whole = read_picture(source)
        height, width = whole.shape[:2]
        return Subject(source, True, (resize(whole, *fit_size(width, height, longest)),), (0.0,), 0.0, width, height)
    opened = open_source(source, size=longest)
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
    return Subject(source, False, tuple(found), times, float(info.duration), width, height)
