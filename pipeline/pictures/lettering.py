"""Letters in pictures, the same on every machine: DejaVu Sans, which comes with matplotlib. How much room they take,
which characters there are, and how a text is fitted into a width."""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from importlib.resources import files

from PIL import ImageFont

Colour = tuple[int, int, int]
INK: Colour = (28, 28, 30)
PAPER: Colour = (255, 255, 255)
_NO_CHARACTER = "\uffff"  # none now, and never one


@lru_cache(maxsize=32)
def font(size: int, bold: bool = False) -> ImageFont.FreeTypeFont:
    """The letters of so many pixels."""
    path = files("matplotlib").joinpath(f"mpl-data/fonts/ttf/DejaVuSans{'-Bold' if bold else ''}.ttf")
    # The basic layout is the same with every build of Pillow; another one needs libraries that not all have.
    return ImageFont.truetype(str(path), size, layout_engine=ImageFont.Layout.BASIC)


def text_size(text: str, size: int, bold: bool = False) -> tuple[int, int]:
    """(height, width) in pixels of a line in letters of so many pixels; the height is the same for every text."""
    letters = font(size, bold)
    above, below = letters.getmetrics()
    return above + below, round(letters.getlength(text))


def ascent(size: int, bold: bool) -> int:
    """How many pixels the baseline of a line in letters of so many pixels is below its top."""
    return font(size, bold).getmetrics()[0]


def is_legible(text: str) -> bool:
    """Whether there is a letter for every character, and they are read in the order in which they are written."""
    # What runs from right to left needs a layout that not all builds of Pillow have.
    backward = any(unicodedata.bidirectional(character) in ("R", "AL") for character in text)
    return not backward and not any(_shape(character) == _shape(_NO_CHARACTER) for character in text)


@lru_cache(maxsize=1024)
def _shape(character: str) -> tuple[tuple[int, int], bytes]:
    """Size and pixels of a letter; of a character that has none, those of a box."""
    mask = font(24).getmask(character)
    return mask.size, bytes(mask)


def shortened_to(text: str, width: int, size: int, bold: bool = False) -> str:
    """`text`, or as much of its beginning as fits into so many pixels with an ellipsis."""
    if text_size(text, size, bold)[1] <= width:
        return text
    while text and text_size(text + "…", size, bold)[1] > width:
        text = text[:-1]
    return text.rstrip() + "…"


def shortened_inside(text: str, width: int, size: int) -> str:
    """`text`, or as much of its beginning and its end as fits into so many pixels with an ellipsis between them: what
    is numbered differs at its end."""
    if text_size(text, size)[1] <= width:
        return text
    for kept in range(len(text) - 1, 0, -1):
        end = kept // 2
        cut = f"{text[: kept - end].rstrip()}…{text[len(text) - end :].lstrip()}"
        if text_size(cut, size)[1] <= width:
            return cut
    return "…"


def wrapped(text: str, width: int, size: int, bold: bool = False) -> list[str]:
    """`text` in lines of so many pixels; a word that is wider has a line of its own, and is never cut."""
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and text_size(longer, size, bold)[1] <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines
