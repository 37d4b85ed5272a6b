"""What regions change of what a frame takes over from those before: a painting is carried where it has the styles that
are wanted now, and what comes into view is painted like what else there is of its region.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from pipeline.clip.frame_masks import FrameMasks
from pipeline.clip.moves import Moves, PreviousPaintings
from pipeline.clip.tracking import TrackedFrame
from pipeline.motion.carry import FEWEST, Colours, Palette, Way, laid, opening
from pipeline.motion.track import Levels
from pipeline.style.regions import Masks
from pipeline.types import Image

CHANGED = 64
"""Levels by which a mask may differ from the one before, moved along, where a painting is carried on: a quarter."""


def within_regions(tracked: TrackedFrame, masks: FrameMasks, previous: PreviousPaintings) -> TrackedFrame:
    """A frame that is found again only where it belongs to the same regions as before.

    Where a mask goes its own way, or has gone wrong and comes right, the painting of the frame before is in another
    style: to hold on to it would leave a ghost.
    """
    now = masks.of(tracked.frame.index)
    if now is None or not tracked.ways:
        return tracked
    ways: dict[int, Way] = {}
    for back, found in tracked.ways.items():
        place = previous.find(tracked.frame.index, back)
        before = None if place is None else masks.of(place[1])
        ways[back] = found if before is None else replace(found, weights=found.weights * _same(before, now, found))
    return replace(tracked, ways=ways)


def _same(before: Masks, now: Masks, found: Way) -> npt.NDArray[np.float32]:
    """1 where all masks are what they were before, else 0."""
    same = np.ones(found.weights.shape, np.bool_)
    for one, other in zip(_layers(before), _layers(now), strict=True):
        same &= np.abs(laid(one, found).astype(np.int16) - other) <= CHANGED
    return same.astype(np.float32)


def _layers(masks: Masks) -> list[Image]:
    return [*masks.regions, *([] if masks.protected is None else [masks.protected])]


def filled_by_regions(tracked: TrackedFrame, moves: Moves, masks: FrameMasks) -> Moves:
    """Paintings moved to a frame, with what is new in it filled from its own region.

    :param tracked: as `within_regions` gives it.
    """
    now = masks.of(tracked.frame.index)
    if now is None or moves.opening is None:
        return moves
    image, weights = tracked.frame.image, tracked.ways[1].weights
    plain = opening(image, weights)
    labels = _labels(now)
    there = {part: (weights > 0) & (labels == part) for part in np.unique(labels).tolist()}
    parts = {part: Palette(image, where) for part, where in there.items() if where.sum() >= FEWEST}
    return replace(moves, opening=replace(plain, palette=_Palettes(plain.palette, parts, labels[plain.new])))


def _labels(masks: Masks) -> npt.NDArray[np.intp]:
    """To which part a pixel belongs most: 0 the rest, then the regions."""
    rest = 255 - np.minimum(masks.regions.sum(0, dtype=np.int64), 255)
    return np.asarray(np.concatenate([rest[None], masks.regions]).argmax(axis=0))


@dataclass(frozen=True)
class _Palettes:
    """As `Palette`, of the pixels of an opening: each in the colours of its own region."""

    whole: Colours
    parts: Mapping[int, Palette]
    """Of the regions that the painting shows enough of."""
    labels: npt.NDArray[np.intp]
    """(N,): to which part each of the pixels belongs."""

    def colours(self, shown: Image, painting: Image) -> Levels:
        """The pixels (N, 3) in the colours of the painting."""
        found = np.empty(shown.shape, np.float32)
        for part in np.unique(self.labels).tolist():
            here = self.labels == part
            found[here] = self.parts.get(part, self.whole).colours(shown[here], painting)
        return found
