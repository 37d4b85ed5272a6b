"""Content and styles as small pictures with white borders in a corner of a painting."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.media import Image
from pipeline.pictures.canvas import Box, Canvas, Mark, Picture
from pipeline.pictures.fitting import cropped
from pipeline.pictures.lettering import PAPER

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
    aspects = [min(WIDEST, max(1 / WIDEST, inset.shape[1] / inset.shape[0])) for inset in insets]
    most = min(SHARE * (height * width) ** 0.5, MOST * height)
    # With the borders between them and the edge.
    edges = 1 + BORDER * (len(insets) + 3)
    beside = min(most, TOGETHER * width / (sum(aspects) * edges))
    above = min(most, TOGETHER * height / (len(insets) * edges), TOGETHER * width / (max(aspects) * edges))
    # On a sheet they look tidier where most of them stand in one way.
    up = above > CLEARLY * beside
    high = max(LEAST, round(above if up else beside))
    border = max(1, round(BORDER * high))
    marks: list[Mark] = [Picture(painting, 0, 0)]
    x, y = 2 * border, height - high - 4 * border
    if up:
        y -= (len(insets) - 1) * (high + border)
    for inset, aspect in zip(insets, aspects, strict=True):
        wide, top = max(1, round(aspect * high)), max(0, y)
        marks += [
            Box(x, top, wide + 2 * border, high + 2 * border, PAPER),
            Picture(cropped(inset, wide, high), x + border, top + border),
        ]
        # Their borders meet in one line.
        x, y = (x, y + high + border) if up else (x + wide + border, y)
    return Canvas(height, width, tuple(marks)).pixels()
