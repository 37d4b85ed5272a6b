"""Content and styles as small pictures with white borders in a corner of a painting."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pipeline.media import Image, resize

SHARE = 0.21
"""Height of an inset, in the geometric mean of the painting's sides..."""
MOST = 0.28
"""... and in its height."""
TOGETHER = 1 / 3
"""How much of a painting's width (or height, where they stand one above the other) all of them may take."""
CLEARLY = 1.25
"""How much larger insets have to be one above the other than side by side to stand so."""
LEAST = 8
"""Height of an inset in pixels, at least."""
BORDER = 1 / 40
"""White around it, in its heights; at least a pixel."""
WIDEST = 1.3
"""Of an inset, in its heights; what is wider shows its middle, and what is narrower than the inverse as well."""


def with_insets(painting: Image, insets: Sequence[Image]) -> Image:
    """A copy of a painting, uint8 (H, W, 3), with the insets in its lower left corner: side by side, or one above the
    other, where it is so narrow that they are larger then."""
    height, width = painting.shape[:2]
    if not insets:
        return painting
    shown = [_middle(inset) for inset in insets]
    shapes = [inset.shape[1] / inset.shape[0] for inset in shown]
    most = min(SHARE * (height * width) ** 0.5, MOST * height)
    # With the borders between them and the edge.
    edges = 1 + BORDER * (len(shown) + 3)
    beside = min(most, TOGETHER * width / (sum(shapes) * edges))
    above = min(most, TOGETHER * height / (len(shown) * edges), TOGETHER * width / (max(shapes) * edges))
    # On a sheet they look tidier where most of them stand in one way.
    up = above > CLEARLY * beside
    high = max(LEAST, round(above if up else beside))
    border = max(1, round(BORDER * high))
    picture, x, y = np.array(painting), 2 * border, height - 2 * border
    if up:
        y -= (len(shown) - 1) * (high + border)
    for inset, shape in zip(shown, shapes, strict=True):
        wide = max(1, round(shape * high))
        small = np.full((high + 2 * border, wide + 2 * border, 3), 255, np.uint8)
        small[border:-border, border:-border] = resize(inset, wide, high)
        top = max(0, y - small.shape[0])
        part = picture[top : top + small.shape[0], x : x + small.shape[1]]
        part[:] = small[: part.shape[0], : part.shape[1]]
        # Their borders meet in one line.
        x, y = (x, y + high + border) if up else (x + small.shape[1] - border, y)
    return picture


def _middle(image: Image) -> Image:
    """The middle of a picture that is much wider than high, or the other way round."""
    height, width = image.shape[:2]
    wide, high = min(width, round(WIDEST * height)), min(height, round(WIDEST * width))
    y, x = (height - high) // 2, (width - wide) // 2
    return image[y : y + high, x : x + wide]
