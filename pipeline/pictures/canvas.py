"""A canvas: pictures, texts, lines and boxes with their places, before they are drawn. Everything that this room draws
stands on one. It becomes pixels here, and vectors in `pipeline.pictures.matplotlib_figure`.

Pixels are drawn by Pillow and not by Matplotlib, which would make both: for a story's frame (400x267 with panels and
curve) Pillow takes 6 ms and Matplotlib's Agg 120, and importing Matplotlib takes half a second. There are no smooth
lines in Pillow, so lines and boxes are drawn larger and shrunk: the same pixels on every machine.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image as Pillow
from PIL import ImageDraw

from pipeline.media import Image
from pipeline.pictures.lettering import INK, PAPER, Colour, font, text_size, wrapped

Point = tuple[float, float]
"""(x, y) in pixels from the top left corner; whole numbers are the corners of pixels."""
_FINER = 4
"""Lines and boxes are drawn so many times larger."""


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
    """A line of text in letters of so many pixels; the top left corner of what it takes is at (x, y)."""

    text: str
    x: int
    y: int
    letters: int
    bold: bool = False
    down: bool = False
    """Read from the top downward: turned clockwise."""
    colour: Colour = INK

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) in pixels of what it takes on the canvas."""
        size = text_size(self.text, self.letters, self.bold)
        return size[::-1] if self.down else size

    def moved(self, x: int, y: int) -> Text:
        """The same, further to the right and further down."""
        return replace(self, x=self.x + x, y=self.y + y)


@dataclass(frozen=True)
class Line:
    """A line through points, `width` pixels wide, its ends and corners round."""

    points: tuple[Point, ...]
    width: float
    colour: Colour = INK

    def moved(self, x: int, y: int) -> Line:
        """The same, further to the right and further down."""
        return replace(self, points=tuple((across + x, down + y) for across, down in self.points))


@dataclass(frozen=True)
class Box:
    """A filled rectangle, whose corners may be round; one as high and wide as two radii is a dot."""

    x: float
    y: float
    width: float
    height: float
    colour: Colour
    radius: float = 0.0
    opacity: float = 1.0

    def moved(self, x: int, y: int) -> Box:
        """The same, further to the right and further down."""
        return replace(self, x=self.x + x, y=self.y + y)


Mark = Picture | Text | Line | Box


@dataclass(frozen=True)
class Canvas:
    """Paper, and what stands on it; a later mark covers an earlier one."""

    height: int
    width: int
    marks: tuple[Mark, ...] = ()
    paper: Colour = PAPER

    @property
    def pictures(self) -> tuple[Picture, ...]:
        """Those on it, in their order."""
        return tuple(mark for mark in self.marks if isinstance(mark, Picture))

    @property
    def texts(self) -> tuple[Text, ...]:
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

    def with_marks(self, marks: Iterable[Mark]) -> Canvas:
        """With more marks, which cover what there is."""
        return replace(self, marks=(*self.marks, *marks))

    def padded(self, left: int = 0, top: int = 0, right: int = 0, bottom: int = 0) -> Canvas:
        """With so much more paper on each side."""
        marks = tuple(mark.moved(left, top) for mark in self.marks)
        return replace(self, height=top + self.height + bottom, width=left + self.width + right, marks=marks)

    def centred(self, height: int, width: int) -> Canvas:
        """In the middle of paper of that size, which is no smaller."""
        left, top = (width - self.width) // 2, (height - self.height) // 2
        return self.padded(left, top, width - self.width - left, height - self.height - top)

    def at_least(self, height: int = 0, width: int = 0) -> Canvas:
        """With more paper below and to the right, where it is not so high or wide."""
        return replace(self, height=max(height, self.height), width=max(width, self.width))

    def pixels(self) -> Image:
        """It drawn, uint8 (H, W, 3)."""
        paper = Pillow.new("RGB", (self.width, self.height), self.paper)
        for mark in self.marks:
            if isinstance(mark, Picture):
                paper.paste(Pillow.fromarray(mark.image), (mark.x, mark.y))
            elif isinstance(mark, Text):
                _draw_text(paper, mark)
            else:
                _draw_smoothly(paper, mark)
        return np.array(paper)


def of_picture(image: Image, paper: Colour = PAPER) -> Canvas:
    """A canvas that a picture fills."""
    return Canvas(image.shape[0], image.shape[1], (Picture(image, 0, 0),), paper)


def of_lines(texts: Sequence[str], letters: int, bold: int = 0, colour: Colour = INK) -> Canvas:
    """Lines of text, one above the other, to the left; the first `bold` of them are bold."""
    line = text_size("", letters)[0]
    marks = tuple(Text(text, 0, at * line, letters, at < bold, colour=colour) for at, text in enumerate(texts))
    return Canvas(len(texts) * line, max((mark.size[1] for mark in marks), default=0), marks)


def paragraph(text: str, width: int, letters: int) -> Canvas:
    """A text in as many lines as it takes within so many pixels."""
    return of_lines(wrapped(text, width, letters), letters)


def labelled(part: Canvas, text: str, letters: int, gap: int, colour: Colour = INK) -> Canvas:
    """A part with a line of text under its middle, and so wide that the text has room."""
    label = of_lines([text], letters, colour=colour)
    width = max(part.width, label.width)
    return stacked([part.centred(part.height, width), label.centred(label.height, width).padded(top=gap)])


def stacked(parts: Iterable[Canvas]) -> Canvas:
    """One above the other, to the left."""
    parts, down = list(parts), 0
    marks: list[Mark] = []
    for part in parts:
        marks += part.padded(top=down).marks
        down += part.height
    return Canvas(down, max(part.width for part in parts), tuple(marks))


def beside(parts: Iterable[Canvas]) -> Canvas:
    """One beside the other, at the top."""
    parts, across = list(parts), 0
    marks: list[Mark] = []
    for part in parts:
        marks += part.padded(left=across).marks
        across += part.width
    return Canvas(max(part.height for part in parts), across, tuple(marks))


def _draw_text(paper: Pillow.Image, mark: Text) -> None:
    letters = font(mark.letters, mark.bold)
    if not mark.down:
        ImageDraw.Draw(paper).text((mark.x, mark.y), mark.text, fill=mark.colour, font=letters)
        return
    mask = Pillow.new("L", mark.size)
    ImageDraw.Draw(mask).text((0, 0), mark.text, fill=255, font=letters)
    paper.paste(mark.colour, (mark.x, mark.y), mask.transpose(Pillow.Transpose.ROTATE_270))


def _draw_smoothly(paper: Pillow.Image, mark: Line | Box) -> None:
    """Only the pixels around a mark are drawn larger."""
    if isinstance(mark, Line):
        reach = mark.width / 2 + 1
        left, right = min(x for x, _ in mark.points) - reach, max(x for x, _ in mark.points) + reach
        top, bottom = min(y for _, y in mark.points) - reach, max(y for _, y in mark.points) + reach
    else:
        left, top, right, bottom = mark.x, mark.y, mark.x + mark.width, mark.y + mark.height
    x, y = math.floor(left), math.floor(top)
    mask = Pillow.new("L", (_FINER * max(1, math.ceil(right) - x), _FINER * max(1, math.ceil(bottom) - y)))
    draw = ImageDraw.Draw(mask)
    if isinstance(mark, Line):
        fine = [(_FINER * (across - x), _FINER * (down - y)) for across, down in mark.points]
        draw.line(fine, fill=255, width=max(1, round(_FINER * mark.width)), joint="curve")
        for across, down in (fine[0], fine[-1]):
            half = _FINER * mark.width / 2
            draw.ellipse((across - half, down - half, across + half - 1, down + half - 1), fill=255)
    else:
        # Pillow counts the last row and column of a rectangle in.
        edges = [_FINER * (left - x), _FINER * (top - y), _FINER * (right - x) - 1, _FINER * (bottom - y) - 1]
        draw.rounded_rectangle(edges, radius=_FINER * mark.radius, fill=round(255 * mark.opacity))
    paper.paste(mark.colour, (x, y), mask.reduce(_FINER))
