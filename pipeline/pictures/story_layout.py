"""What stands around the painting in a story: content and style beside it or above, the curve of the loss below."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pipeline.media import Image
from pipeline.pictures.canvas import Canvas, Mark, Picture, beside, labelled, of_picture, stacked
from pipeline.pictures.fitting import contained, cropped
from pipeline.pictures.lettering import INK, PAPER, Colour, text_size
from pipeline.pictures.snapshots import Snapshots
from pipeline.pictures.story_curve import ACCENT, GREY, HAIR, Curve, least_width

LETTERS = 1 / 28
"""Height of the letters in sides of the painting, the mean of both, within `SMALLEST` and `LARGEST` pixels."""
SMALLEST, LARGEST = 10, 20
CURVE = 0.2
"""Height of the curve in heights of the painting, within these heights of the letters."""
LOWEST_CURVE, HIGHEST_CURVE = 3.5, 8
WIDE = 2.0
"""A painting that is wider, in its heights, has content and style above it instead of beside it."""
LEAST_CELL = 3
"""Height of content and style in heights of the letters, at least."""


class Page:
    """The same for every frame but for the painting and the tip of the curve."""

    def __init__(
        self,
        snapshots: Snapshots,
        steps: Sequence[float],
        size: tuple[int, int],
        panels: bool,
        curve: bool,
        even: bool = False,
    ) -> None:
        """
        :param steps: how far the painting is in each frame of the story.
        :param size: (height, width) of the painting in it.
        :param even: make both sides even, for video codecs.
        """
        self._around: Canvas | None = None
        self._curve: Curve | None = None
        self.colours: tuple[Colour, ...] = ()
        """Of words and lines."""
        if not (panels or curve):
            return
        self.colours = _colours()
        height, width = size
        letters = round(min(LARGEST, max(SMALLEST, LETTERS * (height * width) ** 0.5)))
        gap = letters
        under = text_size("", letters)[0] + gap // 3
        painting = np.zeros((height, width, 3), np.uint8)
        room = _with_panels(painting, snapshots, letters) if panels else of_picture(painting)
        edge = gap if panels else 0
        side = edge or gap
        across = room.width + 2 * edge
        if curve:
            across = max(across, least_width(snapshots.losses, steps, letters) + 2 * side)
        # A word under a picture stands farther from what follows than a picture does.
        top = edge + room.height + (gap if panels else gap // 2)
        bottom = top + round(min(HIGHEST_CURVE * letters, max(LOWEST_CURVE * letters, CURVE * height))) + 2 * under
        page = room.centred(room.height, across).padded(top=edge)
        page = page.padded(bottom=bottom + gap // 2 - page.height if curve else edge)
        if even:
            page = page.at_least(page.height + page.height % 2, page.width + page.width % 2)
        *others, place = page.pictures
        self._at = place.x, place.y
        marks: list[Mark] = [*page.texts, *others]
        if curve:
            self._curve = Curve(snapshots.losses, steps, (side, top, across - side, bottom), letters)
            marks += self._curve.axis()
        # What does not change is drawn once.
        self._around = of_picture(Canvas(page.height, page.width, tuple(marks)).pixels())

    def frame(self, number: int, painting: Image) -> Image:
        """The frame of that number, uint8 (H, W, 3), with the painting as it is then."""
        if self._around is None:
            return painting
        curve = () if self._curve is None else self._curve.marks(number)
        marks = (*self._around.marks, Picture(painting, *self._at), *curve)
        return Canvas(self._around.height, self._around.width, marks).pixels()


def _with_panels(painting: Image, snapshots: Snapshots, letters: int) -> Canvas:
    """Content and styles beside the painting, or above a wide one, each with a word under its middle; the painting is
    the last picture."""
    height, width = painting.shape[:2]
    words = ("content", "style" if len(snapshots.styles) < 2 else "styles", "painting")
    gap = letters
    under = text_size("", letters)[0] + gap // 3
    # A word is never wider than the room above it.
    least = max(text_size(word, letters)[1] for word in words)
    lowest = LEAST_CELL * letters

    def cell(image: Image, word: str, height: int, width: int) -> Canvas:
        room = of_picture(image).centred(height, width)
        return labelled(room, word, letters, gap // 4, GREY).padded(bottom=gap // 3 - gap // 4)

    if width > WIDE * height:
        wide = max(least, (width - gap) // 2)
        high = max(lowest, round(wide * height / width))
        across = max(least, width, 2 * wide + gap)
        content = cell(contained(snapshots.content, wide, high), words[0], high, wide)
        style = cell(_side_by_side(snapshots.styles, high, wide, gap), words[1], high, wide)
        above = beside([content.padded(right=across - 2 * wide), style]).padded(bottom=gap)
        return stacked([above, cell(painting, words[2], height, across)])
    upper = max(lowest, (height - under - gap) // 2)
    lower = max(lowest, height - upper - under - gap)
    wide = max(least, round(upper * width / height))
    content = cell(contained(snapshots.content, wide, upper), words[0], upper, wide).padded(bottom=gap)
    style = cell(_side_by_side(snapshots.styles, lower, wide, gap), words[1], lower, wide)
    room = max(height, upper + lower + under + gap)
    panels = stacked([content, style]).padded(right=gap)
    return beside([panels, cell(painting, words[2], room, max(least, width))])


def _side_by_side(styles: Sequence[Image], height: int, width: int, gap: int) -> Image:
    """The styles of a blend in one cell, each as much of its middle as there is room for."""
    count = max(1, len(styles))
    hair = max(2, gap // 4) if count > 1 else 0
    ends = [round(number * (width + hair) / count) for number in range(count + 1)]
    marks = [
        Picture(cropped(style, max(1, end - hair - first), height), first, 0)
        for style, first, end in zip(styles, ends, ends[1:], strict=False)
    ]
    return Canvas(height, width, tuple(marks)).pixels()


def _colours() -> tuple[Colour, ...]:
    """Of words and lines, with their smooth edges."""
    colours = [PAPER, INK, GREY, HAIR, ACCENT]
    for colour, shares in ((GREY, (0.25, 0.5, 0.75)), (INK, (0.33, 0.67)), (ACCENT, (0.5,))):
        colours += [_between(PAPER, colour, share) for share in shares]
    return tuple(colours)


def _between(one: Colour, other: Colour, share: float) -> Colour:
    red, green, blue = (round(a + share * (b - a)) for a, b in zip(one, other, strict=True))
    return red, green, blue
