"""What stands around the painting in a story: content and style beside it or above, the curve of the loss below."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.media import Image, resize
from pipeline.media.lettering import INK, PAPER, Colour, text_size, write
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


@dataclass(frozen=True)
class _Cell:
    """A picture with a word under its middle."""

    image: Image
    word: str
    x: int
    y: int
    width: int
    height: int
    """Of the room that the picture stands in the middle of."""


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
        height, width = size
        self._size = size
        self._at = (0, 0)
        self._curve: Curve | None = None
        self.colours: tuple[Colour, ...] = ()
        """Of words and lines."""
        if not (panels or curve):
            self._paper = np.zeros((height, width, 3), np.uint8)
            return
        self.colours = _colours()
        letters = round(min(LARGEST, max(SMALLEST, LETTERS * (height * width) ** 0.5)))
        gap = letters
        under = text_size("", letters)[0] + gap // 3
        cells, room = _cells(snapshots, size, letters, gap, under) if panels else ([], (height, width))
        edge = gap if panels else 0
        side = edge or gap
        across = room[1] + 2 * edge
        if curve:
            across = max(across, least_width(snapshots.losses, steps, letters) + 2 * side)
        # A word under a picture stands farther from what follows than a picture does.
        graph = round(min(HIGHEST_CURVE * letters, max(LOWEST_CURVE * letters, CURVE * height))) + 2 * under
        below = (gap if panels else gap // 2) + graph + gap // 2 if curve else edge
        paper = np.empty((edge + room[0] + below, across, 3), np.uint8)
        paper[:] = PAPER
        left = (across - room[1]) // 2
        self._at = (edge, left)
        for cell in cells:
            x, y = left + cell.x, edge + cell.y
            high, wide = cell.image.shape[:2]
            at = y + (cell.height - high) // 2, x + (cell.width - wide) // 2
            paper[at[0] : at[0] + high, at[1] : at[1] + wide] = cell.image
            middle = x + (cell.width - text_size(cell.word, letters)[1]) // 2
            paper = np.array(write(paper, cell.word, middle, y + cell.height + gap // 4, letters, GREY))
            if cell.word == "painting":
                self._at = at
        if even:
            odd = [length % 2 for length in paper.shape[:2]]
            paper = np.pad(paper, ((0, odd[0]), (0, odd[1]), (0, 0)), constant_values=255)
        self._paper = paper
        if curve:
            top = edge + room[0] + (gap if panels else gap // 2)
            self._curve = Curve(snapshots.losses, steps, (side, top, across - side, top + graph), letters)
            self._paper = self._curve.axis(paper)

    def shown(self, number: int, painting: Image) -> Image:
        """The frame of that number, uint8 (H, W, 3), with the painting as it is then."""
        paper = np.array(self._paper)
        (y, x), (height, width) = self._at, self._size
        paper[y : y + height, x : x + width] = painting
        return paper if self._curve is None else self._curve.drawn(paper, number)


def _cells(
    snapshots: Snapshots, size: tuple[int, int], letters: int, gap: int, under: int
) -> tuple[list[_Cell], tuple[int, int]]:
    """Content, style and painting, and the (height, width) that they take with their words."""
    height, width = size
    words = ("content", "style" if len(snapshots.styles) < 2 else "styles", "painting")
    # A word is never wider than the room above it.
    least = max(text_size(word, letters)[1] for word in words)
    lowest = LEAST_CELL * letters
    wide = max(least, width)
    if width > WIDE * height:
        cell = max(least, (width - gap) // 2)
        high = max(lowest, round(cell * height / width))
        across = max(wide, 2 * cell + gap)
        pictures = _whole(snapshots.content, high, cell), _styles(snapshots.styles, high, cell, gap)
        painting = np.zeros((height, width, 3), np.uint8)
        return [
            _Cell(pictures[0], words[0], 0, 0, cell, high),
            _Cell(pictures[1], words[1], across - cell, 0, cell, high),
            _Cell(painting, words[2], 0, high + under + gap, across, height),
        ], (high + under + gap + height + under, across)
    highs = [max(lowest, (height - under - gap) // 2)]
    highs.append(max(lowest, height - highs[0] - under - gap))
    cell = max(least, round(highs[0] * width / height))
    room = max(height, sum(highs) + under + gap)
    pictures = _whole(snapshots.content, highs[0], cell), _styles(snapshots.styles, highs[1], cell, gap)
    return [
        _Cell(pictures[0], words[0], 0, 0, cell, highs[0]),
        _Cell(pictures[1], words[1], 0, highs[0] + under + gap, cell, highs[1]),
        _Cell(np.zeros((height, width, 3), np.uint8), words[2], cell + gap, 0, wide, room),
    ], (room + under, cell + gap + wide)


def _whole(image: Image, height: int, width: int) -> Image:
    """All of a picture, as large as there is room."""
    scale = min(height / image.shape[0], width / image.shape[1])
    return resize(image, max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))


def _styles(styles: Sequence[Image], height: int, width: int, gap: int) -> Image:
    """The styles of a blend stand side by side in one cell."""
    count = max(1, len(styles))
    hair = max(2, gap // 4) if count > 1 else 0
    ends = [round(number * (width + hair) / count) for number in range(count + 1)]
    cell = np.empty((height, width, 3), np.uint8)
    cell[:] = PAPER
    for style, first, end in zip(styles, ends, ends[1:], strict=False):
        cell[:, first : end - hair] = filling(style, height, max(1, end - hair - first))
    return cell


def filling(image: Image, height: int, width: int) -> Image:
    """The middle of a picture, as much of it as has that shape, at that size."""
    scale = max(height / image.shape[0], width / image.shape[1])
    high, wide = max(height, round(image.shape[0] * scale)), max(width, round(image.shape[1] * scale))
    y, x = (high - height) // 2, (wide - width) // 2
    return np.ascontiguousarray(resize(image, wide, high)[y : y + height, x : x + width])


def _colours() -> tuple[Colour, ...]:
    """Of words and lines, with their smooth edges."""
    found = [PAPER, INK, GREY, HAIR, ACCENT]
    for colour, shares in ((GREY, (0.25, 0.5, 0.75)), (INK, (0.33, 0.67)), (ACCENT, (0.5,))):
        found += [_between(PAPER, colour, share) for share in shares]
    return tuple(found)


def _between(one: Colour, other: Colour, share: float) -> Colour:
    red, green, blue = (round(a + share * (b - a)) for a, b in zip(one, other, strict=True))
    return red, green, blue
