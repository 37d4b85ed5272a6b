"""A finished painting beside its input: a few frames to be shown, and how much it flickers. For the report."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from fractions import Fraction

from pipeline.batch.ledger_rows import FlickerRow, ThumbnailRow
from pipeline.batch.plan.item import Item
from pipeline.batch.worst_frame import excess, worst_frame, worst_frame_text
from pipeline.errors import MediaError
from pipeline.media import FrameSource, Image, fit_size, open_source, read_picture, resize
from pipeline.media.reframe import between_bars
from pipeline.media.resize import centre_crop, cropped
from pipeline.media.thumbnail import thumbnail
from pipeline.motion.measure import flicker_between


@dataclass(frozen=True)
class ThumbnailLimits:
    """What each painting may take of the report, so that its page opens quickly however many there are."""

    items: int
    """In a batch of up to so many."""
    frames: int
    """Frames of a clip, spread evenly from the first to the last. Where there are less than half as many cuts, the
    first frame of each shot is shown as well."""
    longest: int
    """Pixels of the longer side of a picture, ..."""
    most_bytes: int
    """... and the bytes it should not exceed."""

    @property
    def most_frames(self) -> int:
        """With those at cuts."""
        return self.frames + max(0, (self.frames - 1) // 2)


LIMITS = (
    ThumbnailLimits(8, 8, 640, 120_000),
    ThumbnailLimits(24, 5, 480, 50_000),
    ThumbnailLimits(80, 3, 360, 24_000),
    ThumbnailLimits(250, 2, 280, 14_000),
    ThumbnailLimits(1000, 1, 200, 8_000),
)
"""Written into the page as text, all pictures together stay below 30 MB; a still larger batch is given the last one."""
GIF_CLOCK = Fraction(1, 100)
SMALL = 256
"""Pixels of the longer side at which flicker is measured: a hundredth of a second a frame, and the same story."""


@dataclass(frozen=True)
class Inspection:
    """What the report shows of a finished painting."""

    thumbnails: tuple[ThumbnailRow, ...] = ()
    flicker: tuple[FlickerRow, ...] = ()
    notes: tuple[str, ...] = ()
    """What is to be known of it: the frame at which it flickers most, where that stands out; or why there is nothing
    to be shown. A sentence each."""


def thumbnail_limits(items: int) -> ThumbnailLimits:
    """What each painting may take in a batch of so many."""
    return next((limits for limits in LIMITS if items <= limits.items), LIMITS[-1])


def inspect_result(
    item: Item, cuts: Sequence[int] = (), limits: ThumbnailLimits = LIMITS[0], loop: bool = False
) -> Inspection:
    """Compare the finished output of `item` with its input. This is a bonus: where it goes wrong, a note says so.

    :param cuts: first frame of each shot but the first, as in `Started`.
    :param limits: as `thumbnail_limits` says for the batch.
    :param loop: whether it was painted as one: its first frame follows the last.
    """
    try:
        if item.still:
            return Inspection(thumbnails=(_still(item, limits),))
        source, painting = _open(item, limits)
        thumbnails, flicker = _compare(source, painting, item, cuts, limits, loop)
        worst = worst_frame(flicker)
        notes = () if worst is None else (f"It flickers most at {worst_frame_text(worst, source.info.in_file)}.",)
        return Inspection(tuple(thumbnails), tuple(flicker), notes)
    # Whatever it is: the painting is finished, and stays so.
    except Exception as error:
        return Inspection(notes=(f"The painting is finished, but the report cannot show it: {error}",))


def thumbnail_frames(frames: int, cuts: Sequence[int], count: int) -> list[int]:
    """The frames that are shown, from 0, increasing: so many, and a few at cuts; of one the middle one."""
    last = frames - 1
    spread = {round(k * last / (count - 1)) for k in range(count)} if count > 1 else {frames // 2}
    return sorted(spread | set(cuts if len(cuts) < count / 2 and count > 1 else ()))


def _still(item: Item, limits: ThumbnailLimits) -> ThumbnailRow:
    painting, content = read_picture(item.output), read_picture(item.source)
    content = cropped(content, centre_crop(content.shape[1], content.shape[0], item.crop))
    return _thumbnail(0, _shown_as(content, painting, item), painting, limits)


def _open(item: Item, limits: ThumbnailLimits) -> tuple[FrameSource, FrameSource]:
    """The frames that were painted, and what came of them."""
    painting = open_source(item.output, size=max(limits.longest, SMALL))
    size = max(painting.info.width, painting.info.height)
    source = open_source(item.source, size=size, frames=item.frames, fps=item.rate, crop=item.crop)
    fewer = item.gif_options and item.the_gif == item.output
    if source.info.frames != painting.info.frames and not fewer:
        raise MediaError(
            f"{item.source} has {source.info.frames} frames now, {item.output} has {painting.info.frames}."
        )
    return source, painting


def _compare(
    source: FrameSource, painting: FrameSource, item: Item, cuts: Sequence[int], limits: ThumbnailLimits, loop: bool
) -> tuple[list[ThumbnailRow], list[FlickerRow]]:
    """Both in one go: decoding is a good part of what this takes. Three frames are kept, and those small."""
    shown = _shown(source, painting)
    # The first of each shot that is shown.
    begins = {place for cut in cuts if (place := bisect_left(shown, cut)) < len(shown)}
    wanted = set(thumbnail_frames(len(shown), sorted(begins), limits.frames))
    info = source.info
    # Bars stand still, whatever is painted between them.
    ratio = None if item.pad is None else Fraction(*info.kept)

    def between(image: Image) -> Image:
        return cropped(image, centre_crop(image.shape[1], image.shape[0], ratio))

    thumbnails: list[ThumbnailRow] = []
    flicker: list[FlickerRow] = []
    first: tuple[Image, Image] | None = None
    before: tuple[Image, Image] | None = None
    worst: tuple[FlickerRow, Image, Image] | None = None
    with closing(_pairs(source, painting, item, shown)) as pairs:
        for place, (content, painted) in enumerate(pairs):
            index = shown[place]
            if place in wanted:
                thumbnails.append(_thumbnail(index, content, painted, limits))
            here = _small(between(content)), _small(between(painted))
            if before is not None:
                flicker.append(FlickerRow(index, None, None) if place in begins else _flicker(index, before, here))
                if worst is None or excess(flicker[-1]) > excess(worst[0]):
                    worst = flicker[-1], content, painted
            first, before = first or here, here
    found = worst_frame(flicker)
    if found is not None and worst is not None and found.frame not in {one.frame for one in thumbnails}:
        thumbnails.append(_thumbnail(found.frame, *worst[1:], limits))
        thumbnails.sort(key=lambda one: one.frame)
    if loop and first is not None and before is not None:
        flicker.insert(0, _flicker(0, before, first))
    return thumbnails, flicker


def _flicker(index: int, before: tuple[Image, Image], here: tuple[Image, Image]) -> FlickerRow:
    found = flicker_between(before, here)
    return FlickerRow(index, found.painting, found.input)


def _shown(source: FrameSource, painting: FrameSource) -> list[int]:
    """Of every frame of a painting the number of the frame that it is a painting of."""
    if source.info.frames == painting.info.frames:
        return list(range(source.info.frames))
    # A GIF of fewer frames a second; it counts in hundredths of a second.
    return [max(0, bisect_right(source.info.times, time + GIF_CLOCK / 2) - 1) for time in painting.info.times]


def _pairs(
    source: FrameSource, painting: FrameSource, item: Item, shown: Sequence[int]
) -> Generator[tuple[Image, Image], None, None]:
    """Every frame of the painting, and before it what it is a painting of, at its size."""
    with closing(source.frames()) as contents, closing(painting.frames()) as paintings:
        content = next(contents)
        for painted, index in zip(paintings, shown, strict=True):
            while content.index < index:
                content = next(contents)
            yield _shown_as(content.image, painted.image, item), painted.image


def _thumbnail(frame: int, content: Image, painted: Image, limits: ThumbnailLimits) -> ThumbnailRow:
    before, after = (thumbnail(image, limits.longest, limits.most_bytes) for image in (content, painted))
    return ThumbnailRow(frame, before, after)


def _shown_as(content: Image, painting: Image, item: Item) -> Image:
    """What was painted, at the place that its painting has in the result."""
    size = painting.shape[1], painting.shape[0]
    if item.pad is None:
        return resize(content, *size)
    return between_bars(content, size, item.pad)


def _small(image: Image) -> Image:
    return resize(image, *fit_size(image.shape[1], image.shape[0], SMALL))
