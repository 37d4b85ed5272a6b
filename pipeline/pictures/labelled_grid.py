"""Pictures in a grid, with texts above, beside and under them."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.media import Image
from pipeline.pictures.canvas import Canvas, Mark, Picture, of_lines
from pipeline.pictures.lettering import text_size

GAP = 0.6
"""Between cells, in heights of the letters."""


def labelled_grid(
    rows: Sequence[Sequence[Image]],
    *,
    heads: Sequence[str] = (),
    sides: Sequence[str] = (),
    labels: Sequence[Sequence[str]] = (),
    letters: int,
) -> Canvas:
    """A grid on white paper. No text is ever cut: cells are as wide as those above and under them.

    :param rows: pictures, uint8 (h, w, 3), any size; each is put into the middle of its cell, or stands on its label.
        All cells have the size of the largest picture, or what texts need.
    :param heads: a line above each column.
    :param sides: a line beside each row, to the left; or several, of which the first one is bold.
    :param labels: a line under each picture, or several.
    :param letters: height of the letters in pixels.
    """
    pictures = [picture for row in rows for picture in row]
    height, width = max(one.shape[0] for one in pictures), max(one.shape[1] for one in pictures)
    gap, line = round(GAP * letters), text_size("", letters)[0]
    beside = [of_lines(text.split("\n"), letters, bold="\n" in text) for text in sides]
    above = [of_lines([text], letters) for text in heads]
    under = [[of_lines(text.split("\n"), letters) for text in row] for row in labels]
    height = max(height, line, *(part.height for part in beside)) if beside else max(height, line)
    width = max(width, *(part.width + gap for part in (*above, *(one for row in under for one in row))
                         if part.width > width), 0)  # fmt: skip
    left = gap + (max(part.width for part in beside) + gap if any(sides) else 0)
    y = gap + (line + gap // 2 if any(heads) else 0)
    marks: list[Mark] = []

    def put(part: Canvas, x: int, y: int) -> None:
        marks.extend(part.padded(x, y).marks)

    for place, part in enumerate(above):
        put(part, left + place * (width + gap) + (width - part.width) // 2, gap)
    for number, row in enumerate(rows):
        texts = under[number] if number < len(under) else []
        if number < len(beside):
            put(beside[number], gap, y + (height - beside[number].height) // 2)
        for place, picture in enumerate(row):
            x = left + place * (width + gap)
            down = (height - picture.shape[0]) // (1 if texts else 2)
            marks.append(Picture(picture, x + (width - picture.shape[1]) // 2, y + down))
        for place, part in enumerate(texts):
            # Every line stands under the middle.
            for text in part.texts:
                x = left + place * (width + gap) + (width - text.size[1]) // 2
                marks.append(text.moved(x, y + height + gap // 4))
        y += height + gap + (max(part.height for part in texts) + gap // 2 if texts else 0)
    return Canvas(y, left + max(map(len, rows)) * (width + gap), tuple(marks))
