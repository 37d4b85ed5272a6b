"""A justified grid: pictures of any proportions in rows that are all as wide as the sheet, about equally high.

Pillow has no such layout, and those of CSS and Matplotlib have cells of one size.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median

NARROWEST, WIDEST = 1 / 2, 3.0
"""Proportions (width / height) that are shown whole; of what is narrower or wider, the middle is."""
SHEET_ASPECT = 4 / 3
"""Width of a sheet in heights, about, where nothing says how many columns there are."""
UNEVEN = 2.0
"""How much rows of different height count against proportions that are not these."""
HIGHER = 2.5
"""How high a row may be, in heights of the lowest one."""
GAP = 1 / 160
"""Between pictures of a sheet and around them, in its widths."""
LARGEST, WIDE_ENOUGH = 1600, 1000
"""Width of a sheet in pixels, if nothing else is said: as the pictures have them, up to the first; pictures with fewer
are enlarged towards the second..."""
ENLARGED = 2.0
"""... but no more than this."""

_EQUAL = 1e-9  # the first of equal ways, whatever sums are rounded to

Place = tuple[int, int, int, int]
"""x, y, width and height in pixels."""


def shown_aspect(width: int, height: int) -> float:
    """Width / height with which a picture is shown."""
    return min(WIDEST, max(NARROWEST, width / height))


def split_into_rows(aspects: Sequence[float], group: int = 1, columns: int | None = None) -> list[int]:
    """How many pictures stand in each row, in order.

    :param aspects: width / height of each.
    :param group: so many in a row belong group, and are not parted.
    :param columns: no more than so many stand in a row, in as few rows as that takes; None: in so many that the sheet
        has good proportions and its rows are about equally high.
    """
    groups = [sum(aspects[first : first + group]) for first in range(0, len(aspects), group)]
    if columns is not None:
        most = max(1, columns // group)
        rows = _parted(groups, math.ceil(len(groups) / most), most)
    else:
        near = round(math.sqrt(sum(groups) / SHEET_ASPECT))
        counts = {min(len(groups), max(1, near + more)) for more in (-1, 0, 1, 2)}
        rows = min(
            (_parted(groups, count, len(groups)) for count in sorted(counts)), key=lambda rows: _fault(groups, rows)
        )
    last = len(aspects) - group * (len(groups) - 1)
    return [*(group * count for count in rows[:-1]), group * (rows[-1] - 1) + last]


def sheet_width(aspects: Sequence[float], heights: Sequence[int], rows: Sequence[int]) -> int:
    """Pixels that a sheet is wide, so that the pictures of that many pixels of height are not enlarged, or not much."""
    across = [sum(row) for row in _split(aspects, rows) for _ in row]
    natural = median(height * wide for height, wide in zip(heights, across, strict=True))
    return max(64, round(min(LARGEST, max(natural, min(WIDE_ENOUGH, ENLARGED * natural)))))


def place_rows(aspects: Sequence[float], rows: Sequence[int], width: int) -> tuple[list[Place], int]:
    """Where pictures stand in rows that are all as wide as the sheet, and how high that makes it.

    Pictures of a row are equally high and keep their proportions. A row that would be higher than `HIGHER` allows
    stands in the middle.

    :param aspects: width / height of each.
    :param rows: how many there are in each row.
    """
    gap = max(2, round(GAP * width))
    split = _split(aspects, rows)
    full = [(width - gap * (len(row) + 1)) / sum(row) for row in split]
    places: list[Place] = []
    y = gap
    for row, most in zip(split, full, strict=True):
        high = max(1, round(min(most, HIGHER * min(full))))
        whole = high == round(most)
        wides = [max(1, round(aspect * high)) for aspect in row]
        x = gap if whole else (width - sum(wides) - gap * (len(row) - 1)) // 2
        if whole:  # rounding ends at the margin
            wides[-1] = max(1, width - 2 * gap - sum(wide + gap for wide in wides[:-1]))
        for wide in wides:
            places.append((x, y, wide, high))
            x += wide + gap
        y += high + gap
    return places, y


def _split(aspects: Sequence[float], rows: Sequence[int]) -> list[Sequence[float]]:
    ends = [sum(rows[: number + 1]) for number in range(len(rows))]
    return [aspects[end - count : end] for end, count in zip(ends, rows, strict=True)]


def _fault(widths: Sequence[float], rows: Sequence[int]) -> float:
    """How far a sheet is from good proportions and even rows."""
    highs = [1 / sum(row) for row in _split(widths, rows)]
    aspect = 1 / sum(highs)
    # What is higher than wide does not fit a screen.
    high = max(0.0, -math.log(aspect))
    return abs(math.log(aspect / SHEET_ASPECT)) + high + UNEVEN * math.log(max(highs) / min(highs)) ** 2


def _parted(widths: Sequence[float], count: int, most: int) -> list[int]:
    """So many parts of a row, each of no more than `most`, that are about equally wide: how many stand in each.

    The sum of the squares of their widths is least, which dynamic programming finds.
    """
    # No good row has three times as many as the others; it need not be tried.
    most = min(most, math.ceil(3 * len(widths) / count))
    ends = [0.0]
    for width in widths:
        ends.append(ends[-1] + width)
    least = [0.0] + [math.inf] * len(widths)
    begins: list[list[int]] = []
    for _ in range(count):
        after, begun = [math.inf] * len(least), [0] * len(least)
        for end in range(1, len(least)):
            for begin in range(max(0, end - most), end):
                squares = least[begin] + (ends[end] - ends[begin]) ** 2
                if squares < after[end] - _EQUAL:
                    after[end], begun[end] = squares, begin
        least = after
        begins.append(begun)
    rows, end = [], len(widths)
    for begun in reversed(begins):
        rows.append(end - begun[end])
        end = begun[end]
    return rows[::-1]
