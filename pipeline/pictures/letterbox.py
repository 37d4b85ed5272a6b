"""The dark ground on which pictures of different proportions are shown together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pipeline.media import Image, resize

GROUND = 18
"""Grey: white would outshine the pictures, and flash between two that fill the screen."""
BETWEEN = 1 / 60
"""Room between pictures, in heights of a picture."""
STRETCH = 0.03
"""How much the proportions of two pictures may differ before it is worth a word, or a margin."""


def fitted(image: Image, width: int, height: int) -> Image:
    """A picture, uint8 (H, W, 3), at a size; one of other proportions whole, in the middle of the ground."""
    if abs(image.shape[1] * height / image.shape[0] - width) <= 2 + STRETCH * width:
        return resize(image, width, height)
    scale = min(width / image.shape[1], height / image.shape[0])
    return grounded(resize(image, max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale))),
                    width, height)  # fmt: skip


def grounded(image: Image, width: int, height: int) -> Image:
    """A picture in the middle of ground of that size, which it does not exceed."""
    ground = np.full((height, width, 3), GROUND, np.uint8)
    y, x = (height - image.shape[0]) // 2, (width - image.shape[1]) // 2
    ground[y : y + image.shape[0], x : x + image.shape[1]] = image
    return ground


def side_by_side(images: Sequence[Image]) -> Image:
    """Pictures of one height with ground between them."""
    height = images[0].shape[0]
    between = np.full((height, gap_of(height), 3), GROUND, np.uint8)
    parts = [part for image in images for part in (between, image)]
    return np.hstack(parts[1:])


def gap_of(height: int) -> int:
    """Pixels between pictures of that height; even, for the codecs."""
    return 2 * max(1, round(BETWEEN * height / 2))
