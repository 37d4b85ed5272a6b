"""Single frames of a clip by number or time, and the same frames of what it was painted from."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Generator, Iterable, Sequence
from contextlib import closing
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.media import FrameSource, Image, open_source, read_picture
from pipeline.media.resize import centre_crop, cropped

if TYPE_CHECKING:  # torch takes seconds to import, and who compares or measures clips needs none
    from pipeline.clip.find_inputs import FoundIngredients


def is_clip(source: FrameSource) -> bool:
    """Whether there is more than one frame to see."""
    return source.info.frames > 1


def middle_number(source: FrameSource) -> int:
    """Number of the frame that stands for a clip: clips begin with titles and fades, and end with them."""
    return source.info.frames // 2


def frame_at(source: FrameSource, number: int) -> Image:
    """The frame of that number, or the last one of a shorter clip; uint8 (H, W, 3)."""
    with closing(source.frames(min(number, source.info.frames - 1))) as frames:
        return next(frames).image


def frames_shown_at(times: Sequence[Fraction], moments: Iterable[Fraction]) -> list[int]:
    """Which frame is seen at each of some moments; `times` says when each is first shown."""
    return [max(0, bisect_right(times, moment) - 1) for moment in moments]


def frames_by_number(source: FrameSource, numbers: Iterable[int]) -> Generator[Image, None, None]:
    """The frames of those numbers, in that order; of higher ones than there are, the last. The same frame is the same
    array. Where numbers fall, the clip is read again from its beginning."""
    frames, at, last = source.frames(), -1, source.info.frames - 1
    try:
        for wanted in (min(number, last) for number in numbers):
            if wanted < at:
                frames.close()
                frames, at = source.frames(), -1
            while at < wanted:
                frame = next(frames)
                at = frame.index
            yield frame.image
    finally:
        frames.close()


def open_content(origin: FoundIngredients) -> FrameSource | None:
    """What a clip was painted from, frame by frame; None where that is gone."""
    if origin.source is None:
        return None
    return open_source(origin.source, frames=origin.record.frames, fps=origin.record.rate, crop=origin.record.crop)


def content_frame(origin: FoundIngredients, number: int) -> Image | None:
    """What frame `number` of a result was painted from, at its own size; None where that is gone."""
    if origin.source is None:
        return None
    if origin.record.kind == "picture":
        picture = read_picture(origin.source)
        return cropped(picture, centre_crop(picture.shape[1], picture.shape[0], origin.record.crop))
    content = open_content(origin)
    return None if content is None else frame_at(content, number)


def middle_frame(path: Path) -> tuple[Image, int]:
    """A picture, or the middle frame of a clip, and its number; uint8 (H, W, 3)."""
    source = open_source(path)
    number = middle_number(source)
    return frame_at(source, number), number
