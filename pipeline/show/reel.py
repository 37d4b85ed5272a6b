"""Results one after the other in an animation: each is held, or plays, and is wiped away by the next one."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing
from fractions import Fraction
from itertools import repeat
from pathlib import Path

import numpy as np

from pipeline.media import Frame, FrameSource, Image, fit_size, open_sink, open_source, resize
from pipeline.media.lettering import PAPER
from pipeline.show.exhibits import Exhibit, insets_of
from pipeline.show.insets import with_insets
from pipeline.show.moment import content_of, frame_at, is_clip, picked, shown_at
from pipeline.show.wipe import eased, wiped

SCREEN = 480
"""Longest side in pixels, if nothing else is said; less where results would have to be enlarged."""
GIF_RATE, RATE = Fraction(20), Fraction(30)
"""Frames a second of a GIF, which counts in hundredths of a second, and of a video."""
HOLD = Fraction(8, 5)
"""Seconds that a picture is held."""
CLIP = Fraction(4)
"""Seconds of a clip that are shown, at most."""
WIPE = Fraction(3, 5)
"""Seconds from one result to the next."""
CUT = 0.2
"""How much of a picture may be cut off to fill the screen; where it would be more, there are margins."""

OnCount = Callable[[str, int, "int | None"], None]
"""What is being done, how much of it is done, and how much there is, if that is known."""


def write_reel(
    path: Path, exhibits: Sequence[Exhibit], longest: int | None, insets: bool, overwrite: bool, on_count: OnCount
) -> tuple[int, int]:
    """Write an animation of results that begins again where it ends.

    :param path: a GIF or a video.
    :param longest: side in pixels; None: that of the largest result, up to `SCREEN`.
    :param insets: whether content and styles are shown small in a corner of each.
    :return: width and height in pixels.
    :raises ReelbrushError: a result cannot be read, or the animation cannot be written.
    """
    steady = path.suffix.lower() != ".gif"
    rate = RATE if steady else GIF_RATE
    sources = [open_source(one.path) for one in exhibits]
    largest = max(max(source.info.width, source.info.height) for source in sources)
    width, height = _screen(sources, longest or min(SCREEN, largest))
    parts = [_Part(one, source, rate, steady, (width, height), insets)
             for one, source in zip(exhibits, sources, strict=True)]  # fmt: skip
    wipes = round(WIPE * rate) - 1 if len(parts) > 1 else 0
    lengths = [length for part in parts for length in (*part.lengths, *[1 / rate] * wipes)]
    times = [Fraction(0)]
    for length in lengths:
        times.append(times[-1] + length)
    duration = times.pop()
    sink = open_sink(
        path, width=width, height=height, times=times, duration=duration, rate=len(times) / duration,
        variable=len(set(lengths)) > 1, overwrite=overwrite,
    )  # fmt: skip
    try:
        for index, picture in enumerate(_shown(parts, wipes)):
            sink.put(Frame(index, times[index], picture))
            on_count("Hanging", index + 1, len(times))
        on_count("Encoding", 0, None)
        sink.finish()
    finally:
        sink.abort()
    return width, height


def _screen(sources: Sequence[FrameSource], longest: int) -> tuple[int, int]:
    """Width and height that most results have: that of the middle one by its shape; even, for codecs."""
    infos = sorted((source.info for source in sources), key=lambda info: info.width / info.height)
    info = infos[len(infos) // 2]
    width, height = fit_size(info.width, info.height, longest, upscale=True)
    return max(2, round(width / 2) * 2), max(2, round(height / 2) * 2)


class _Part:
    """What is shown of one result."""

    def __init__(
        self, one: Exhibit, source: FrameSource, rate: Fraction, steady: bool, size: tuple[int, int], insets: bool
    ) -> None:
        """
        :param steady: all frames have one length, as those of a video, where players differ in what they make of
            others; a GIF holds a picture as a single frame.
        """
        self._size = size
        self._source = source
        self._numbers = [0]
        self._content: FrameSource | None = None
        self._insets = insets_of(one, 0) if insets else []
        if not is_clip(source):
            self.lengths = [1 / rate] * round(HOLD * rate) if steady else [HOLD]
            return
        # Seen from its beginning; where frames may last longer than others, at its own rate.
        rate = rate if steady else min(rate, source.info.rate)
        moments = [k / rate for k in range(max(1, round(min(CLIP, source.info.duration) * rate)))]
        self._numbers = shown_at(source.info.times, moments)
        if insets and one.origin is not None:
            self._content = content_of(one.origin)
        held = max(0, round(HOLD * rate) - len(moments))
        self.lengths = [1 / rate] * (len(moments) + held if steady else len(moments))
        if not steady:
            self.lengths[-1] += held / rate

    def frames(self) -> Generator[Image, None, None]:
        """So many as there are lengths; the last one stays. The content of a clip moves along in its inset."""
        number = 0
        with ExitStack() as stack:
            images = stack.enter_context(closing(picked(self._source, self._numbers)))
            contents: Iterable[Image | None] = repeat(None)
            if self._content is not None:
                contents = stack.enter_context(closing(picked(self._content, self._numbers)))
            for picture, content in zip(images, contents, strict=False):
                image = self._on_screen(picture, self._insets if content is None else [content, *self._insets[1:]])
                yield image
                number += 1
        yield from [image] * (len(self.lengths) - number)

    def first(self) -> Image:
        """What it begins with."""
        return self._on_screen(frame_at(self._source, 0), self._insets)

    def _on_screen(self, image: Image, insets: Sequence[Image]) -> Image:
        """In the middle of white paper, with its insets; whole, but where edges of nearly its proportions are cut."""
        width, height = self._size
        cut = _cut(image, width / height)
        scale = min(width / cut.shape[1], height / cut.shape[0])
        wide, high = max(1, round(cut.shape[1] * scale)), max(1, round(cut.shape[0] * scale))
        # A pixel of rounding is no reason for a margin.
        wide, high = width if width - wide < 3 else wide, height if height - high < 3 else high
        shown = with_insets(resize(cut, wide, high), insets)
        if (high, wide) == (height, width):
            return shown
        paper = np.empty((height, width, 3), np.uint8)
        paper[:] = PAPER
        y, x = (height - high) // 2, (width - wide) // 2
        paper[y : y + high, x : x + wide] = shown
        return paper


def _cut(image: Image, shape: float) -> Image:
    """A picture cut to proportions (width / height) if that takes no more than `CUT` of it, else as it is."""
    height, width = image.shape[:2]
    wide, high = min(width, round(shape * height)), min(height, round(width / shape))
    if wide * high < (1 - CUT) * width * height:
        return image
    y, x = (height - high) // 2, (width - wide) // 2
    return image[y : y + high, x : x + wide]


def _shown(parts: Sequence[_Part], wipes: int) -> Iterator[Image]:
    """Every frame: each part, and the wipe to the one after it; after the last one comes the first again."""
    for number, part in enumerate(parts):
        with closing(part.frames()) as frames:
            for image in frames:
                yield image
        if wipes:
            after = parts[(number + 1) % len(parts)].first()
            for step in range(wipes):
                yield wiped(after, image, eased((step + 1) / (wipes + 1)))
