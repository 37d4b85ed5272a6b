"""The sheet of a preview: the frames above, then style by style a row for each of its settings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from pipeline.media import Image, read_picture, resize
from pipeline.media.lettering import PAPER, is_legible, shortened_to, text_size, wrapped, write
from pipeline.pictures.preview_cells import Cell, Preview
from pipeline.pictures.preview_words import about, costs, facts

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


@dataclass(frozen=True)
class _Group:
    """A style with everything that was painted in it."""

    picture: Image
    words: list[str]
    """Below it."""
    bold: int
    """So many lines of them are its name."""
    cells: list[tuple[Cell, list[str]]]
    """Each with the words beside it; the first line is bold."""


def drawn(found: Preview) -> Image:
    """The sheet, uint8 (H, W, 3). What all cells have in common stands once."""
    height, width = found.shown[0].image.shape[:2]
    size = max(SMALLEST, min(LARGEST, round(LETTERS * max(height, width))))
    gap, apart, line = round(GAP * size), round(APART * size), text_size("", size)[0]
    beside = max(width, NARROWEST * size)
    head, groups = _groups(found, beside, size)
    across = max(text_size(text, size, bold=at == 0)[1] for group in groups for _, words in group.cells
                 for at, text in enumerate(words))  # fmt: skip
    heads = _heads(found)
    # A small frame makes room for the words above it.
    column = max(width, *(text_size(text, size)[1] for text in ("", *heads)))
    left = 2 * gap + beside + gap + across + 2 * gap
    total = left + len(found.shown) * (column + gap) + gap
    sheet = _Sheet(total, size)
    y = 2 * gap
    under = y + (line + gap // 2 if heads else 0)
    for place, (frame, text) in enumerate(zip(found.shown, heads or [""] * len(found.shown), strict=True)):
        x = left + place * (column + gap)
        sheet.write(text, x, y)
        sheet.put(frame.image, x, under)
    titled = _name(head[0], left - 3 * gap, size)
    for at, text in enumerate([*titled, *head[1:]]):
        sheet.write(text, 2 * gap, y + at * line, bold=at < len(titled))
    y = max(under + height, y + (len(titled) + len(head) - 1) * line)
    for group in groups:
        y += apart
        sheet.rule(y, 2 * gap, total - 2 * gap)
        y += apart
        sheet.put(group.picture, 2 * gap, y)
        below = y + group.picture.shape[0] + gap // 2
        for at, text in enumerate(group.words):
            sheet.write(text, 2 * gap, below + at * line, bold=at < group.bold)
        below += len(group.words) * line
        for number, (cell, words) in enumerate(group.cells):
            y += gap if number else 0
            for at, text in enumerate(words):
                sheet.write(text, 2 * gap + beside + gap, y + at * line, bold=at == 0)
            for place, painting in enumerate(cell.paintings):
                sheet.put(painting, left + place * (column + gap), y)
            y += max(height, len(words) * line)
        y = max(y, below)
    return sheet.drawn(y + 2 * gap)


class _Sheet:
    """White paper that grows downward."""

    def __init__(self, width: int, size: int) -> None:
        self._paper = _white(1, width)
        self._size = size

    def put(self, picture: Image, x: int, y: int) -> None:
        """A picture with its top left corner there."""
        self._grow(y + picture.shape[0])
        self._paper[y : y + picture.shape[0], x : x + picture.shape[1]] = picture

    def write(self, text: str, x: int, y: int, bold: bool = False) -> None:
        """A line of words."""
        high = text_size(text, self._size)[0]
        self._grow(y + high)
        self._paper[y : y + high] = write(self._paper[y : y + high], text, x, 0, self._size, bold=bold)

    def rule(self, y: int, x: int, stop: int) -> None:
        """A fine line."""
        self._grow(y + 1)
        self._paper[y, x:stop] = RULE

    def drawn(self, height: int) -> Image:
        """All of it."""
        self._grow(height)
        return self._paper[:height]

    def _grow(self, height: int) -> None:
        if height > len(self._paper):
            self._paper = np.vstack([self._paper, _white(height - len(self._paper), self._paper.shape[1])])


def _white(height: int, width: int) -> Image:
    paper = np.empty((height, width, 3), np.uint8)
    paper[:] = PAPER
    return paper


def _groups(found: Preview, wide: int, size: int) -> tuple[list[str], list[_Group]]:
    """The words above all, and the styles. What a cell costs is said once for all, or once for a style, if it can."""
    every = [costs(cell.cost) for cell in found.cells]
    alike = all(cost == every[0] for cost in every)
    height = found.shown[0].image.shape[0]
    groups = []
    for number, (_, run) in enumerate(groupby(found.cells, key=lambda cell: cell.item.styles), 1):
        cells = list(run)
        own = [costs(cell.cost) for cell in cells]
        same = all(cost == own[0] for cost in own)
        name = about(cells[0], found)[0]
        words = _name(name if is_legible(name) else f"style {number}", wide, size)
        rows = [(cell, _beside(cell, found, () if same else cost)) for cell, cost in zip(cells, own, strict=True)]
        most = max(height, round(0.6 * len(cells) * height))
        groups.append(
            _Group(_style(cells[0], wide, most), [*words, *(own[0] if same and not alike else ())], len(words), rows)
        )
    head = facts(found)
    head[0] = head[0] if is_legible(head[0]) else "the input"
    return [*head, *(["", "each " + every[0][0], *every[0][1:]] if alike else [])], groups


def _name(name: str, width: int, size: int) -> list[str]:
    """A name in bold lines of so many pixels; of a word that is wider, its beginning."""
    return [shortened_to(line, width, size, bold=True) for line in wrapped(name, width, size, bold=True)]


def _beside(cell: Cell, found: Preview, cost: Sequence[str]) -> list[str]:
    """The words beside a row."""
    _, *rest = about(cell, found)
    return [f"{cell.number}   {rest[0]}", *rest[1:], *cost]


def _heads(found: Preview) -> list[str]:
    """The words above the frames; none where there is only one."""
    if found.cells[0].item.still:
        return []
    return [f"frame {frame.index}, {float(frame.time):.1f} s" for frame in found.shown]


def _style(cell: Cell, wide: int, most: int) -> Image:
    """The style, those of a blend side by side, of that width or lower than `most`."""
    pictures = [read_picture(style.path) for style in cell.item.styles]
    high = min(picture.shape[0] for picture in pictures)
    row = np.hstack([resize(one, max(1, round(one.shape[1] * high / one.shape[0])), high) for one in pictures])
    scale = min(wide / row.shape[1], most / row.shape[0])
    return resize(row, max(1, round(row.shape[1] * scale)), max(1, round(row.shape[0] * scale)))
