"""Pictures in a tidy grid, with words above, beside and under them."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.media import Image
from pipeline.media.lettering import shortened_to, text_size
from pipeline.pictures.canvas import Canvas, Mark, Picture, Text

LETTERS = 1 / 14
"""Height of the letters, in heights of a cell, within `SMALLEST` and `LARGEST` pixels."""
SMALLEST, LARGEST = 12, 40
GAP = 0.6
"""Between cells, in heights of the letters."""


def sheet(
    rows: Sequence[Sequence[Image | None]],
    *,
    heads: Sequence[str] = (),
    sides: Sequence[str] = (),
    labels: Sequence[Sequence[str]] = (),
    title: str = "",
    letters: int | None = None,
) -> Image:
    """The grid of `labelled_grid` in pixels, uint8 (H, W, 3)."""
    return labelled_grid(rows, heads=heads, sides=sides, labels=labels, title=title, letters=letters).drawn()


def labelled_grid(
    rows: Sequence[Sequence[Image | None]],
    *,
    heads: Sequence[str] = (),
    sides: Sequence[str] = (),
    labels: Sequence[Sequence[str]] = (),
    title: str = "",
    letters: int | None = None,
) -> Canvas:
    """A grid on white paper. No words but the title's are ever cut: cells are as wide as those above and under them.

    :param rows: pictures, uint8 (h, w, 3), any size; each is put into the middle of its cell, or stands on its label.
        All cells have the size of the largest picture, or what words need. None leaves a cell empty.
    :param heads: a line above each column.
    :param sides: a line beside each row, to the left; or several, of which the first one is bold.
    :param labels: a line under each picture, or several.
    :param title: a line above all; what does not fit of it is left out.
    :param letters: height of the letters in pixels; None: by the size of the cells.
    """
    shown = [picture for row in rows for picture in row if picture is not None]
    cell = max(picture.shape[0] for picture in shown), max(picture.shape[1] for picture in shown)
    size = letters or round(min(LARGEST, max(SMALLEST, LETTERS * cell[0])))
    gap, line = round(GAP * size), text_size("", size)[0]
    lines = [text for words in (heads, *labels) for text in "\n".join(words).split("\n")]
    cell = (
        max(cell[0], *(_beside(text, size)[0] for text in ("", *sides))),
        max(cell[1], *(width + gap for width in (text_size(text, size)[1] for text in lines) if width > cell[1]), 0),
    )
    under = [_under(row, line, gap) for row in [*labels, *[()] * (len(rows) - len(labels))]]
    side = max((_beside(text, size)[1] for text in sides), default=0) + (gap if any(sides) else 0)
    top = gap + (line + gap if title else 0) + (line + gap // 2 if any(heads) else 0)
    columns = max(len(row) for row in rows)
    width = gap + side + columns * (cell[1] + gap)
    marks: list[Mark] = []
    if title:
        marks.append(Text(shortened_to(title, width - 2 * gap, size, bold=True), gap, gap, size, bold=True))
    for place, text in enumerate(heads):
        marks += _centred(text, gap + side + place * (cell[1] + gap), top - line - gap // 2, cell[1], size)
    y = top
    for number, row in enumerate(rows):
        if number < len(sides):
            marks += _side(sides[number], gap, y + (cell[0] - _beside(sides[number], size)[0]) // 2, size)
        for place, picture in enumerate(row):
            x = gap + side + place * (cell[1] + gap)
            if picture is not None:
                down = (cell[0] - picture.shape[0]) // (1 if under[number] else 2)
                marks.append(Picture(picture, x + (cell[1] - picture.shape[1]) // 2, y + down))
            if number < len(labels) and place < len(labels[number]):
                marks += _centred(labels[number][place], x, y + cell[0] + gap // 4, cell[1], size)
        y += cell[0] + under[number] + gap
    return Canvas(y, width, tuple(marks))


def _under(labels: Sequence[str], line: int, gap: int) -> int:
    """Pixels for the labels of a row."""
    return max(text.count("\n") + 1 for text in labels) * line + gap // 2 if any(labels) else 0


def _beside(text: str, size: int) -> tuple[int, int]:
    """(height, width) of the lines beside a row."""
    lines = text.split("\n")
    widths = [text_size(line, size, bold=len(lines) > 1 and at == 0)[1] for at, line in enumerate(lines)]
    return len(lines) * text_size("", size)[0], max(widths)


def _side(text: str, x: int, y: int, size: int) -> list[Text]:
    lines, line = text.split("\n"), text_size("", size)[0]
    return [Text(one, x, y + at * line, size, bold=len(lines) > 1 and at == 0) for at, one in enumerate(lines) if one]


def _centred(text: str, x: int, y: int, width: int, size: int) -> list[Text]:
    line = text_size("", size)[0]
    return [
        Text(one, x + (width - text_size(one, size)[1]) // 2, y + at * line, size)
        for at, one in enumerate(text.split("\n"))
        if one
    ]
