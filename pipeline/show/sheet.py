"""Pictures in a tidy grid, with words above, beside and under them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pipeline.media import Image
from pipeline.media.lettering import PAPER, shortened_to, text_size, write

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
    """A grid on white paper, uint8 (H, W, 3).

    :param rows: pictures, uint8 (h, w, 3), any size; each is put into the middle of its cell, and all cells have the
        size of the largest picture, or are as high as the lines beside them. None leaves a cell empty.
    :param heads: a line above each column.
    :param sides: a line beside each row, to the left; or several, of which the first one is bold.
    :param labels: a line under each picture.
    :param title: a line above all.
    :param letters: height of the letters in pixels; None: by the size of the cells.
    """
    shown = [picture for row in rows for picture in row if picture is not None]
    cell = max(picture.shape[0] for picture in shown), max(picture.shape[1] for picture in shown)
    size = letters or round(min(LARGEST, max(SMALLEST, LETTERS * cell[0])))
    gap, line = round(GAP * size), text_size("", size)[0]
    cell = max(cell[0], *(_beside(text, size)[0] for text in ("", *sides))), cell[1]
    under = line + gap // 2 if any(any(row) for row in labels) else 0
    side = max((_beside(text, size)[1] for text in sides), default=0) + (gap if any(sides) else 0)
    top = gap + (line + gap if title else 0) + (line + gap // 2 if any(heads) else 0)
    columns = max(len(row) for row in rows)
    height = top + len(rows) * (cell[0] + under + gap)
    width = gap + side + columns * (cell[1] + gap)
    paper = np.empty((height, width, 3), np.uint8)
    paper[:] = PAPER
    if title:
        paper = write(paper, shortened_to(title, width - 2 * gap, size, bold=True), gap, gap, size, bold=True)
    for number, row in enumerate(rows):
        y = top + number * (cell[0] + under + gap)
        if number < len(sides):
            lines = sides[number].split("\n")
            down = y + (cell[0] - _beside(sides[number], size)[0]) // 2
            for at, text in enumerate(lines):
                paper = write(paper, text, gap, down + at * line, size, bold=len(lines) > 1 and at == 0)
        for place, picture in enumerate(row):
            x = gap + side + place * (cell[1] + gap)
            if number == 0 and place < len(heads):
                paper = _centred(paper, heads[place], x, top - line - gap // 2, cell[1], size)
            if picture is not None:
                down, across = y + (cell[0] - picture.shape[0]) // 2, x + (cell[1] - picture.shape[1]) // 2
                paper = np.array(paper)
                paper[down : down + picture.shape[0], across : across + picture.shape[1]] = picture
            if number < len(labels) and place < len(labels[number]):
                paper = _centred(paper, labels[number][place], x, y + cell[0] + gap // 4, cell[1], size)
    return paper


def _beside(text: str, size: int) -> tuple[int, int]:
    """(height, width) of the lines beside a row."""
    lines = text.split("\n")
    widths = [text_size(line, size, bold=len(lines) > 1 and at == 0)[1] for at, line in enumerate(lines)]
    return len(lines) * text_size("", size)[0], max(widths)


def _centred(paper: Image, text: str, x: int, y: int, width: int, size: int) -> Image:
    text = shortened_to(text, width, size)
    return write(paper, text, x + (width - text_size(text, size)[1]) // 2, y, size)
