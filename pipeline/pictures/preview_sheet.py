"""The sheet of a preview: the frames above, then style by style a row for each of its settings."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from pipeline.clip.engine import read_style
from pipeline.media import Image
from pipeline.pictures.canvas import Box, Canvas, beside, of_lines, of_picture, stacked
from pipeline.pictures.fitting import at_height, contained
from pipeline.pictures.lettering import is_legible, shortened_to, text_size, wrapped
from pipeline.pictures.preview_paintings import Cell, Preview

LETTERS = 1 / 18
"""Height of the letters, in longest sides of a frame, within `SMALLEST` and `LARGEST` pixels."""
SMALLEST, LARGEST = 13, 20
GAP = 0.7
"""Between pictures, and between them and words, in heights of the letters."""
APART = 1.2
"""Above and below the rule between two styles, in the same."""
NARROWEST = 9
"""Of a style, in the same: a name should stand below it."""
RULE = (205, 205, 208)


def preview_sheet(preview: Preview) -> Image:
    """The sheet, uint8 (H, W, 3). What all cells have in common stands once."""
    return _Sheet(preview).pixels()


class _Sheet:
    """Three columns: styles, the words of each cell, and frames and paintings."""

    def __init__(self, preview: Preview) -> None:
        height, width = preview.frames[0].image.shape[:2]
        self._preview = preview
        self._letters = max(SMALLEST, min(LARGEST, round(LETTERS * max(height, width))))
        self._gap, self._apart = round(GAP * self._letters), round(APART * self._letters)
        self._style_width = max(width, NARROWEST * self._letters)
        self._groups = [list(run) for _, run in groupby(preview.cells, key=lambda cell: cell.item.styles)]
        self._cost_differs = len({tuple(cell.cost.texts()) for cell in preview.cells}) > 1
        words = [self._cell_words(cell, group) for group in self._groups for cell in group]
        self._words_width = max(part.width for part in words)
        # A small frame makes room for the words above it.
        self._column = max(width, *(text_size(text, self._letters)[1] for text in ("", *self._preview.frame_texts())))

    def pixels(self) -> Image:
        """All of it."""
        parts = [self._head()]
        for number, group in enumerate(self._groups, 1):
            parts += [self._rule(), self._group(number, group)]
        margin = 2 * self._gap
        return stacked(parts).padded(margin, margin, margin, margin).pixels()

    def _head(self) -> Canvas:
        """The input in words, and its frames."""
        first, *rest = self._preview.input_texts()
        if not self._cost_differs:
            one, *others = self._preview.cells[0].cost.texts()
            rest += ["", f"each {one}", *others]
        width = self._style_width + self._gap + self._words_width + self._gap
        title = self._name(first if is_legible(first) else "the input", width)
        words = of_lines([*title, *rest], self._letters, bold=len(title))
        texts = self._preview.frame_texts() or [""] * len(self._preview.frames)
        frames = [
            stacked([of_lines([text] if text else [], self._letters).padded(bottom=self._gap // 2 if text else 0),
                     of_picture(frame.image)])
            for frame, text in zip(self._preview.frames, texts, strict=True)
        ]  # fmt: skip
        return self._row(words, frames)

    def _rule(self) -> Canvas:
        """A fine line across."""
        columns = len(self._preview.frames) * (self._column + self._gap) - self._gap
        width = self._style_width + self._gap + self._words_width + 2 * self._gap + columns
        return Canvas(1, width, (Box(0, 0, width, 1, RULE),)).padded(top=self._apart, bottom=self._apart)

    def _group(self, number: int, cells: Sequence[Cell]) -> Canvas:
        """A style, and beside it a row for each of its cells."""
        height = self._preview.frames[0].image.shape[0]
        name = cells[0].style_name
        lines = self._name(name if is_legible(name) else f"style {number}", self._style_width)
        cost = cells[0].cost.texts() if self._cost_differs and not self._differs(cells) else []
        picture = _style_picture(cells[0], self._style_width, max(height, round(0.6 * len(cells) * height)))
        words = of_lines([*lines, *cost], self._letters, bold=len(lines)).padded(top=self._gap // 2)
        style = stacked([of_picture(picture), words]).at_least(width=self._style_width + self._gap)
        rows = [
            self._row(self._cell_words(cell, cells), list(map(of_picture, cell.paintings)), style.width)
            for cell in cells
        ]
        spaced = [row.padded(top=self._gap if place else 0) for place, row in enumerate(rows)]
        return beside([style, stacked(spaced)])

    def _row(self, words: Canvas, pictures: Sequence[Canvas], begins: int = 0) -> Canvas:
        """Words, and pictures in their columns.

        :param begins: pixels from the left edge of the sheet to the words.
        """
        left = self._style_width + self._gap + self._words_width + 2 * self._gap
        columns = [picture.at_least(width=self._column).padded(right=self._gap) for picture in pictures]
        columns[-1] = pictures[-1].at_least(width=self._column)
        return beside([words.at_least(width=left - begins), *columns])

    def _cell_words(self, cell: Cell, group: Sequence[Cell]) -> Canvas:
        """What stands beside the paintings of a cell: what it costs only where that is not said for all."""
        cost = cell.cost.texts() if self._differs(group) else []
        return of_lines([f"{cell.number}   {cell.strength_text}", *cost], self._letters, bold=1)

    def _differs(self, cells: Sequence[Cell]) -> bool:
        return len({tuple(cell.cost.texts()) for cell in cells}) > 1

    def _name(self, name: str, width: int) -> list[str]:
        """A name in bold lines of so many pixels; of a word that is wider, its beginning."""
        lines = wrapped(name, width, self._letters, bold=True)
        return [shortened_to(line, width, self._letters, bold=True) for line in lines]


def _style_picture(cell: Cell, width: int, height: int) -> Image:
    """The style, those of a blend side by side, within a size."""
    pictures = [read_style(style) for style in (*cell.item.styles, *cell.item.region_styles)]
    lowest = min(picture.shape[0] for picture in pictures)
    row = beside(of_picture(at_height(picture, lowest)) for picture in pictures)
    return contained(row.pixels(), width, height)
