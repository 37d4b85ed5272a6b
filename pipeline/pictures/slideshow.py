"""A slideshow of results: each is held, or plays, and is wiped away by the next one."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from fractions import Fraction
from itertools import repeat
from pathlib import Path

from pipeline.media import FrameSource, Image, fit_size
from pipeline.media.encoding_ladder import Encoding
from pipeline.media.plan import SinkPlan
from pipeline.media.sink import write_frames
from pipeline.media.size_limit import Encoded, write_within_limit
from pipeline.pictures.fitting import contained, cropped, cropped_share, on_ground
from pipeline.pictures.frame_access import frame_at, frames_by_number, frames_shown_at, is_clip, open_content
from pipeline.pictures.gallery_items import GalleryItem, inset_pictures, marked
from pipeline.pictures.insets import with_insets
from pipeline.pictures.wipe import SECONDS, one_way, wiped
from pipeline.types import OnCount

SCREEN = 480
"""Longest side in pixels, if nothing else is said; less where results would have to be enlarged."""
GIF_RATE, RATE = Fraction(20), Fraction(30)
"""Frames a second of a GIF, which counts in hundredths of a second, and of a video."""
HOLD = Fraction(8, 5)
"""Seconds that a picture is held."""
CLIP = Fraction(4)
"""Seconds of a clip that are shown, at most."""
CUT = 0.2
"""How much of a picture may be cut off to fill the screen; where it would be more, there are margins."""


def write_slideshow(
    path: Path,
    items: Sequence[GalleryItem],
    longest: int | None,
    insets: bool,
    max_bytes: int | None,
    on_count: OnCount,
) -> Encoded:
    """Write an animation of results that begins again where it ends; what was there is replaced.

    :param path: a GIF or a video.
    :param longest: side in pixels; None: that of the largest result, up to `SCREEN`.
    :param insets: whether content and styles are shown small in a corner of each.
    :param max_bytes: that the file may take; None: as many as it does.
    :raises ReelbrushError: a result cannot be read, or the animation cannot be written or does not fit.
    """
    slideshow = _Slideshow(items, longest, insets, path.suffix.lower() != ".gif", on_count)
    return write_within_limit(path, slideshow, max_bytes, slideshow.trying)


class _Slideshow:
    """Results one after the other, as an `Animation`."""

    kind = "gallery"

    def __init__(
        self, items: Sequence[GalleryItem], longest: int | None, insets: bool, constant_rate: bool, on_count: OnCount
    ) -> None:
        """
        :param constant_rate: all frames have one length, as those of a video, where players differ in what they make of
            others; a GIF holds a picture as a single frame.
        """
        self._infos = [one.source.info for one in items]
        self._longest = longest or min(SCREEN, max(max(info.width, info.height) for info in self._infos))
        self._constant_rate = constant_rate
        self._rate = RATE if constant_rate else GIF_RATE
        self._slides = [_Slide(one, insets) for one in items]
        self._on_count = on_count
        self._stage = "Drawing the frames"
        self.advice = "fewer results" + (
            "." if constant_rate else ", or another ending: .mp4 and .webm take less than .gif."
        )

    def trying(self, what: str) -> None:
        """Say of what follows that it is only tried."""
        self._stage = f"Trying {what}"

    def size(self, encoding: Encoding) -> tuple[int, int]:
        return max(self._screen_size(encoding)), len(self._lengths(encoding))

    def encode(self, path: Path, encoding: Encoding) -> Encoded:
        width, height = self._screen_size(encoding)
        lengths = self._lengths(encoding)
        times = [Fraction(0)]
        for length in lengths:
            times.append(times[-1] + length)
        duration = times.pop()
        plan = SinkPlan(
            path, width=width, height=height, times=tuple(times), duration=duration, rate=len(times) / duration,
            variable=len(set(lengths)) > 1, quality=encoding.quality, palette=encoding.palette, overwrite=True,
        )  # fmt: skip
        write_frames(plan, self._frames(encoding), self._on_count, self._stage)
        return Encoded(width, height, len(times))

    def _screen_size(self, encoding: Encoding) -> tuple[int, int]:
        """Width and height that most results have: that of the middle one by its shape; even, for codecs."""
        infos = sorted(self._infos, key=lambda info: info.width / info.height)
        info = infos[len(infos) // 2]
        width, height = fit_size(info.width, info.height, max(2, round(self._longest * encoding.scale)), upscale=True)
        return max(2, round(width / 2) * 2), max(2, round(height / 2) * 2)

    def _wipes(self, encoding: Encoding) -> int:
        """Frames between one result and the next."""
        return round(SECONDS * self._rate * encoding.share) - 1 if len(self._slides) > 1 else 0

    def _playbacks(self, encoding: Encoding) -> list[_Playback]:
        return [slide.playback(self._rate, encoding.share, self._constant_rate) for slide in self._slides]

    def _lengths(self, encoding: Encoding) -> list[Fraction]:
        """Seconds of every frame."""
        wipe = [1 / (self._rate * encoding.share)] * self._wipes(encoding)
        return [length for playback in self._playbacks(encoding) for length in (*playback.lengths, *wipe)]

    def _frames(self, encoding: Encoding) -> Iterator[Image]:
        """Every frame: each part, and the wipe to the one after it; after the last one comes the first again."""
        size, wipes = self._screen_size(encoding), self._wipes(encoding)
        for number, (slide, playback) in enumerate(zip(self._slides, self._playbacks(encoding), strict=True)):
            with closing(slide.frames(playback, size)) as frames:
                for image in frames:
                    yield image
            if wipes:
                after = self._slides[(number + 1) % len(self._slides)].first(size)
                for step in range(wipes):
                    yield wiped(after, image, one_way((step + 1) / (wipes + 1)))


@dataclass(frozen=True)
class _Playback:
    """Which frames of a result are shown, and for how long."""

    numbers: list[int]
    lengths: list[Fraction]
    """In seconds; where there are more of them than numbers, the last frame stays."""


class _Slide:
    """What is shown of one result."""

    def __init__(self, one: GalleryItem, insets: bool) -> None:
        self._source = one.source
        self._mark = one.mark
        self._insets = inset_pictures(one, 0) if insets else []
        self._content: FrameSource | None = None
        if insets and one.origin is not None and is_clip(one.source):
            self._content = open_content(one.origin)

    def playback(self, rate: Fraction, share: Fraction, constant_rate: bool) -> _Playback:
        """:param rate: frames a second that an animation of all frames has.
        :param share: of them.
        :param constant_rate: all frames have one length.
        """
        if not is_clip(self._source):
            return _Playback([0], [1 / (rate * share)] * round(HOLD * rate * share) if constant_rate else [HOLD])
        # Seen from its beginning; where frames may last longer than others, at its own rate.
        info = self._source.info
        rate = share * (rate if constant_rate else min(rate, info.rate))
        moments = [k / rate for k in range(max(1, round(min(CLIP, info.duration) * rate)))]
        held = max(0, round(HOLD * rate) - len(moments))
        lengths = [1 / rate] * (len(moments) + held if constant_rate else len(moments))
        if not constant_rate:
            lengths[-1] += held / rate
        return _Playback(frames_shown_at(info.times, moments), lengths)

    def frames(self, playback: _Playback, size: tuple[int, int]) -> Generator[Image, None, None]:
        """So many as there are lengths; the last one stays. The content of a clip moves along in its inset."""
        number = 0
        with ExitStack() as stack:
            images = stack.enter_context(closing(frames_by_number(self._source, playback.numbers)))
            contents: Iterable[Image | None] = repeat(None)
            if self._content is not None:
                contents = stack.enter_context(closing(frames_by_number(self._content, playback.numbers)))
            for picture, content in zip(images, contents, strict=False):
                image = _on_screen(picture, self._insets if content is None else [content, *self._insets[1:]], size)
                image = marked(image, self._mark)
                yield image
                number += 1
        yield from [image] * (len(playback.lengths) - number)

    def first(self, size: tuple[int, int]) -> Image:
        """What it begins with."""
        return marked(_on_screen(frame_at(self._source, 0), self._insets, size), self._mark)


def _on_screen(image: Image, insets: Sequence[Image], size: tuple[int, int]) -> Image:
    """In the middle of a dark ground, with its insets; whole, but where edges of nearly its proportions are cut."""
    if cropped_share(image, *size) <= CUT:
        return with_insets(cropped(image, *size), insets)
    return on_ground(with_insets(contained(image, *size), insets), *size)
