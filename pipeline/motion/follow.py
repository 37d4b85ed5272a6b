"""A mask that was drawn for one frame, carried along the motion to its neighbours.

Where a frame shows what the one before it showed, the mask moves with it. What comes into view, and the edges of
moving things, where no flow can be trusted, belong to what they resemble: to the side of the mask on which pixels
around them have their colour and go on as they do. What is found again in the frame that the mask was drawn for has the
mask that was drawn: whatever has gone wrong on the way, as where something passed in front of it, comes right.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from pipeline.motion.flow import Flow
from pipeline.motion.track import Track
from pipeline.motion.warp import warped
from pipeline.types import Image

REACH = 0.05
"""Of the longer side: deviation of the neighbourhood that settles a pixel."""
ALIKE = 12.0
"""Levels: deviation of the colours that count as the same."""
OFFSETS = 6
"""Places from its middle to its edge at which it is looked at."""
PACE = 1.0
"""Pixels a frame: deviation of the motions that count as the same, ..."""
PACE_SHARE = 0.2
"""... and how much more for each pixel of the motion."""
LEAST = 1e-4
"""Of a weight: where all around a pixel together have less, nothing is like it."""
MEDIAN = 7
"""Pixels a side over which what is settled is smoothed."""
INSIDE = 5
"""Pixels a side of which all have to be found again in the frame that a mask was drawn for."""
SURE = 2.0
"""How much the share of a settled pixel is drawn to 0 or 1: edges stay edges however often they are settled."""


def followed(
    mask: Image, later: Image, tracked: Track, onward: Flow | None = None, drawn: tuple[Image, Track] | None = None
) -> Image:
    """The mask of a frame in the one after it, uint8 (H, W).

    :param later: that one, uint8 (H, W, 3).
    :param tracked: the frame as seen from `later`.
    :param onward: the flow from `later` to the frame after it; None where there is none.
    :param drawn: the mask as it was drawn, and the frame for which it was as seen from `later`: what is found again
        there as well belongs to what it belonged to then, whatever has passed in front of it since.
    """
    # Sharp: it is done once a frame, to what the frame before has left.
    moved = warped(mask, tracked.flow, sharp=True)
    known = tracked.weights > 0
    if drawn is not None:
        again = cv2.erode(drawn[1].weights, np.ones((INSIDE, INSIDE), np.uint8)) > 0
        moved = np.where(again, warped(drawn[0], drawn[1].flow, sharp=True), moved)
        known = known | again
    return settled(moved, later, known, onward)


def settled(mask: Image, image: Image, known: npt.NDArray[np.bool_], onward: Flow | None = None) -> Image:
    """A mask, uint8 (H, W), with the pixels that are not known settled by those around them which are: each counts by
    how near it is, how much of their colour it has, and how far it goes on with them. Where there is none, the mask
    stays.

    :param image: what it lies on, uint8 (H, W, 3).
    :param onward: where each pixel moves next. What comes into view behind a moving thing may look like it, and stays
        behind.
    """
    rows, columns = np.nonzero(~known)
    if not rows.size or not known.any():
        return mask
    height, width = mask.shape
    reach = REACH * max(height, width)
    looks = _marks(image, onward)
    own = looks[rows, columns]
    share = np.zeros(rows.size, np.float32)
    total = np.zeros(rows.size, np.float32)
    steps = np.unique(np.rint(np.linspace(-2 * reach, 2 * reach, 2 * OFFSETS + 1)).astype(int))
    # Outside of the picture nothing is known.
    most = int(steps[-1])
    there = np.pad(known, most)
    marks, level = (np.pad(one, ((most, most), (most, most), *[(0, 0)] * (one.ndim - 2))) for one in (looks, mask))
    flat = (rows + most) * (width + 2 * most) + columns + most
    there, marks, level = there.reshape(-1), marks.reshape(-1, marks.shape[2]), level.reshape(-1)
    for down in steps:
        for across in steps:
            place = flat + down * (width + 2 * most) + across
            at = np.flatnonzero(there[place])
            if not at.size:
                continue
            place = place[at]
            away = marks[place] - own[at]
            weight = np.exp(-0.5 * (np.einsum("ij,ij->i", away, away) + (down**2 + across**2) / reach**2))
            share[at] += weight * level[place]
            total[at] += weight
    found = mask.copy()
    enough = total > LEAST
    settled_share = share[enough] / total[enough] / 255
    settled_share = (settled_share - 0.5) * SURE + 0.5
    found[rows[enough], columns[enough]] = np.rint(255 * settled_share.clip(0, 1)).astype(np.uint8)
    # Single pixels among others are noise; what is known stays as it is.
    return np.asarray(np.where(known, found, cv2.medianBlur(found, MEDIAN)), np.uint8)


def _marks(image: Image, onward: Flow | None) -> npt.NDArray[np.float32]:
    """What a pixel is known by, in deviations: its colour, and where it moves; float32 (H, W, N)."""
    colours = cv2.GaussianBlur(image, (0, 0), 1.0).astype(np.float32) / (ALIKE * 3**0.5)
    if onward is None:
        return colours
    pace = PACE + PACE_SHARE * np.linalg.norm(onward, axis=2, keepdims=True)
    return np.concatenate([colours, onward / float(pace.mean())], 2).astype(np.float32)
