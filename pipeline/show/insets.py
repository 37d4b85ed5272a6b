"""Content and styles as small pictures with white borders in a corner of a painting."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pipeline.media import Image, resize

SHARE = 0.21
"""Height of an inset, in the geometric mean of the painting's sides..."""
MOST = 0.28
"""... and how much of a painting's width one may take."""
BORDER = 1 / 40
"""White around it, in its heights; at least a pixel."""
WIDEST = 1.3
"""Of an inset, in its heights; what is wider shows its middle, and what is narrower than the inverse as well."""


def with_insets(painting: Image, insets: Sequence[Image]) -> Image:
    """A copy of a painting, uint8 (H, W, 3), with the insets side by side in its lower left corner."""
    height, width = painting.shape[:2]
    if not insets:
        return painting
    high = min(SHARE * (height * width) ** 0.5, MOST * height)
    shown = [_middle(inset) for inset in insets]
    # All of them together leave the painting its better half.
    across = sum(inset.shape[1] / inset.shape[0] for inset in shown)
    high = max(8, round(min(high, 2 * MOST * width / across)))
    border = max(1, round(BORDER * high))
    picture, x, edge = np.array(painting), 2 * border, 2 * border
    for inset in shown:
        wide = max(1, round(inset.shape[1] * high / inset.shape[0]))
        small = np.full((high + 2 * border, wide + 2 * border, 3), 255, np.uint8)
        small[border:-border, border:-border] = resize(inset, wide, high)
        y = max(0, height - edge - small.shape[0])
        part = picture[y : y + small.shape[0], x : x + small.shape[1]]
        part[:] = small[: part.shape[0], : part.shape[1]]
        # Their borders meet in one line.
        x += small.shape[1] - border
    return picture


def _middle(image: Image) -> Image:
    """The middle of a picture that is much wider than high, or the other way round."""
    height, width = image.shape[:2]
    wide, high = min(width, round(WIDEST * height)), min(height, round(WIDEST * width))
    y, x = (height - high) // 2, (width - wide) // 2
    return image[y : y + high, x : x + wide]
