"""A page before it is drawn: pictures, words and strokes with their places. Pixels are made of it here, vectors in
`pipeline.pictures.layout_svg`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from pipeline.media import Image
from pipeline.media.drawing import Point, line
from pipeline.media.lettering import INK, PAPER, text_size, wrapped, write


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture, uint8 (h, w, 3); its top left corner is at (x, y)."""

    image: Image
    x: int
    y: int

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) in pixels."""
        return self.image.shape[0], self.image.shape[1]

    def moved(self, x: int, y: int) -> Picture:
        """The same, further to the right and further down."""
        return replace(self, x=self.x + x, y=self.y + y)


@dataclass(frozen=True)
class Text:
    """A line of text in letters of `height` pixels; the top left corner of what it takes is at (x, y)."""

    text: str
    x: int
    y: int
    height: int
    bold: bool = False
    down: bool = False
    """Read from the top downward: turned clockwise."""

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) in pixels of what it takes on the page."""
        size = text_size(self.text, self.height, self.bold)
        return size[::-1] if self.down else size

    def moved(self, x: int, y: int) -> Text:
        """The same, further to the right and further down."""
        return replace(self, x=self.x + x, y=self.y + y)


@dataclass(frozen=True)
class Line:
    """A line through points, `width` pixels wide."""

    points: tuple[Point, ...]
    width: float

    def moved(self, x: int, y: int) -> Line:
        """The same, further to the right and further down."""
        return replace(self, points=tuple((across + x, down + y) for across, down in self.points))


Mark = Picture | Text | Line


@dataclass(frozen=True)
class Canvas:
    """White paper, and what stands on it; a later mark covers an earlier one."""

    height: int
    width: int
    marks: tuple[Mark, ...]

    @property
    def pictures(self) -> tuple[Picture, ...]:
        """Those on it, in their order."""
        return tuple(mark for mark in self.marks if isinstance(mark, Picture))

    @property
    def words(self) -> tuple[Text, ...]:
        """The lines of text on it, in their order."""
        return tuple(mark for mark in self.marks if isinstance(mark, Text))

    @property
    def reach(self) -> tuple[int, int, int, int]:
        """(left, top, right, bottom) of all pictures together."""
        return (
            min(one.x for one in self.pictures),
            min(one.y for one in self.pictures),
            max(one.x + one.size[1] for one in self.pictures),
            max(one.y + one.size[0] for one in self.pictures),
        )

    def moved(self, x: int, y: int) -> Canvas:
        """With so much more paper to the left and above."""
        return Canvas(self.height + y, self.width + x, tuple(mark.moved(x, y) for mark in self.marks))

    def drawn(self) -> Image:
        """In pixels, uint8 (H, W, 3)."""
        paper = np.empty((self.height, self.width, 3), np.uint8)
        paper[:] = PAPER
        for mark in self.marks:
            if isinstance(mark, Line):
                paper = line(paper, mark.points, mark.width, INK)
            elif isinstance(mark, Text) and not mark.down:
                paper = write(paper, mark.text, mark.x, mark.y, mark.height, bold=mark.bold)
            else:
                image = _turned(mark) if isinstance(mark, Text) else mark.image
                height, width = image.shape[:2]
                paper = np.array(paper)
                paper[mark.y : mark.y + height, mark.x : mark.x + width] = image
        return paper


def stacked(parts: Iterable[Canvas]) -> Canvas:
    """One above the other, to the left."""
    parts, down = list(parts), 0
    marks: list[Mark] = []
    for part in parts:
        marks += part.moved(0, down).marks
        down += part.height
    return Canvas(down, max(part.width for part in parts), tuple(marks))


def beside(parts: Iterable[Canvas]) -> Canvas:
    """One beside the other, at the top."""
    parts, across = list(parts), 0
    marks: list[Mark] = []
    for part in parts:
        marks += part.moved(across, 0).marks
        across += part.width
    return Canvas(max(part.height for part in parts), across, tuple(marks))


def paragraph(text: str, width: int, letters: int) -> Canvas:
    """A text in as many lines as it takes within so many pixels."""
    line_height = text_size("", letters)[0]
    lines = wrapped(text, width, letters)
    words = tuple(Text(one, 0, number * line_height, letters) for number, one in enumerate(lines))
    return Canvas(len(lines) * line_height, max(one.size[1] for one in words), words)


def axis(text: str, length: int, letters: int, down: bool = False) -> Canvas:
    """An arrow of so many pixels with a text along its outer side: to the right, or downward.

    The text is in as many lines as it takes.
    """
    line_height, room, width = text_size("", letters)[0], letters, letters / 12
    lines = wrapped(text, length, letters)
    thick = len(lines) * line_height + room
    head = letters / 3
    # Of the arrow, from the outer edge; its head reaches half a line width further than its points.
    at, tip = thick - room / 2, length - width
    strokes = (
        Line(((width, at), (tip, at)), width),
        Line(((tip - head, at - head / 1.5), (tip, at), (tip - head, at + head / 1.5)), width),
    )
    words = [
        Text(one, (length - text_size(one, letters)[1]) // 2, number * line_height, letters)
        for number, one in enumerate(lines)
    ]
    if not down:
        return Canvas(thick, length, (*words, *strokes))
    # Mirrored at the diagonal, the arrow is to the right of the text; the first line is the furthest to its right.
    mirrored = [Line(tuple((y, x) for x, y in stroke.points), stroke.width) for stroke in strokes]
    turned = [
        Text(one.text, (len(lines) - 1 - number) * line_height, one.x, letters, down=True)
        for number, one in enumerate(words)
    ]
    return Canvas(length, thick, (*turned, *mirrored))


def _turned(words: Text) -> Image:
    """A line of text by itself, turned clockwise, uint8 (H, W, 3)."""
    width, height = words.size
    paper = np.empty((height, width, 3), np.uint8)
    paper[:] = PAPER
    return np.ascontiguousarray(np.rot90(write(paper, words.text, 0, 0, words.height, bold=words.bold), -1))
