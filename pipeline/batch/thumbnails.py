"""A finished painting beside its input: a few frames to look at, and how much it flickers. For the report."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass

from pipeline.batch.plan.item import Item
from pipeline.batch.rows import FlickerRow, ThumbnailRow
from pipeline.errors import MediaError
from pipeline.media import FrameSource, Image, fit_size, open_source, read_picture, resize
from pipeline.media.thumbnail import thumbnail
from pipeline.motion.measure import flicker_between


@dataclass(frozen=True)
class Share:
    """What each painting may take of the report, so that its page opens quickly however many there are."""

    items: int
    """In a batch of up to so many."""
    looks: int
    """Frames of a clip, spread evenly from the first to the last. Where there are less than half as many cuts, the
    first frame of each shot is looked at as well."""
    longest: int
    """Pixels of the longer side of a picture, ..."""
    most: int
    """... and the bytes it should not exceed."""

    @property
    def most_frames(self) -> int:
        """With those at cuts."""
        return self.looks + max(0, (self.looks - 1) // 2)


SHARES = (
    Share(8, 8, 640, 120_000),
    Share(24, 5, 480, 50_000),
    Share(80, 3, 360, 24_000),
    Share(250, 2, 280, 14_000),
    Share(1000, 1, 200, 8_000),
)
"""Written into the page as text, all pictures together stay below 30 MB; a still larger batch is given the last one."""
SMALL = 256
"""Pixels of the longer side at which flicker is measured: a hundredth of a second a frame, and the same story."""


@dataclass(frozen=True)
class Seen:
    """What is to be seen of a finished painting."""

    looks: tuple[ThumbnailRow, ...] = ()
    flicker: tuple[FlickerRow, ...] = ()
    notes: tuple[str, ...] = ()
    """Why there is nothing, where there is nothing; a sentence each."""


def thumbnail_limits(items: int) -> Share:
    """What each painting may take in a batch of so many."""
    return next((share for share in SHARES if items <= share.items), SHARES[-1])


def seen(item: Item, cuts: Sequence[int] = (), share: Share = SHARES[0], loop: bool = False) -> Seen:
    """Look at the finished output of `item`, and at its input. This is a bonus: where it goes wrong, a note says so.

    :param cuts: first frame of each shot but the first, as in `Started`.
    :param share: as `thumbnail_limits` says for the batch.
    :param loop: whether it was painted as one: its first frame follows the last.
    """
    try:
        if item.still:
            return Seen(looks=(_still(item, share),))
        source, painting = _opened(item, share)
        looks, flicker = _looked_through(source, painting, cuts, share, loop)
        return Seen(tuple(looks), tuple(flicker))
    # Whatever it is: the painting is finished, and stays so.
    except Exception as error:
        return Seen(notes=(f"The painting is finished, but the report cannot show it: {error}",))


def thumbnail_frames(frames: int, cuts: Sequence[int], looks: int) -> list[int]:
    """The frames to look at, from 0, increasing: so many, and a few at cuts; of one the middle one."""
    last = frames - 1
    spread = {round(k * last / (looks - 1)) for k in range(looks)} if looks > 1 else {frames // 2}
    return sorted(spread | set(cuts if len(cuts) < looks / 2 and looks > 1 else ()))


def _still(item: Item, share: Share) -> ThumbnailRow:
    painting = read_picture(item.output)
    return _look(0, _at(read_picture(item.source), painting), painting, share)


def _opened(item: Item, share: Share) -> tuple[FrameSource, FrameSource]:
    """The frames that were painted, and what came of them."""
    painting = open_source(item.output, size=max(share.longest, SMALL))
    size = max(painting.info.width, painting.info.height)
    source = open_source(item.source, size=size, frames=item.frames, fps=item.rate)
    if source.info.frames != painting.info.frames:
        raise MediaError(
            f"{item.source} has {source.info.frames} frames now, {item.output} has {painting.info.frames}."
        )
    return source, painting


def _looked_through(
    source: FrameSource, painting: FrameSource, cuts: Sequence[int], share: Share, loop: bool
) -> tuple[list[ThumbnailRow], list[FlickerRow]]:
    """Both in one go: decoding is a good part of what this takes. Three frames are kept, and those small."""
    wanted = set(thumbnail_frames(source.info.frames, cuts, share.looks))
    looks: list[ThumbnailRow] = []
    flicker: list[FlickerRow] = []
    first: tuple[Image, Image] | None = None
    before: tuple[Image, Image] | None = None
    with closing(_pairs(source, painting)) as pairs:
        for index, (content, painted) in enumerate(pairs):
            if index in wanted:
                looks.append(_look(index, content, painted, share))
            here = _small(content), _small(painted)
            if before is not None:
                flicker.append(FlickerRow(index, None, None) if index in cuts else _flicker(index, before, here))
            first, before = first or here, here
    if loop and first is not None and before is not None:
        flicker.insert(0, _flicker(0, before, first))
    return looks, flicker


def _flicker(index: int, before: tuple[Image, Image], here: tuple[Image, Image]) -> FlickerRow:
    found = flicker_between(before, here)
    return FlickerRow(index, found.painting, found.input)


def _pairs(source: FrameSource, painting: FrameSource) -> Generator[tuple[Image, Image], None, None]:
    """Every frame of the input, at the size of the painting, and its painting."""
    with closing(source.frames()) as contents, closing(painting.frames()) as paintings:
        for content, painted in zip(contents, paintings, strict=True):
            yield _at(content.image, painted.image), painted.image


def _look(frame: int, content: Image, painted: Image, share: Share) -> ThumbnailRow:
    before, after = (thumbnail(image, share.longest, share.most) for image in (content, painted))
    return ThumbnailRow(frame, before, after)


def _at(content: Image, painting: Image) -> Image:
    return resize(content, painting.shape[1], painting.shape[0])


def _small(image: Image) -> Image:
    return resize(image, *fit_size(image.shape[1], image.shape[0], SMALL))
