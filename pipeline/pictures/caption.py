"""Texts on moving pictures: white in a corner, on a dark, half transparent ground, legible over anything."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pipeline.pictures.canvas import Box, Mark, Text
from pipeline.pictures.lettering import is_legible, shortened_inside, text_size

LETTERS = 0.045
"""Height of the letters in heights of the picture, within `SMALLEST` and `LARGEST` pixels."""
SMALLEST, LARGEST = 11, 28
SIDE, ABOVE = 0.55, 0.2
"""Room beside, and above and below the text, in heights of the letters."""
FEW = 4
"""Letters, with the ellipsis, of a text that is cut: so few say nothing."""
GROUND = 0.6
"""Opacity of the ground."""
BLACK, WHITE = (0, 0, 0), (255, 255, 255)


def caption(text: str, height: int, width: int, right: bool = False) -> tuple[Mark, ...]:
    """A text in the lower left corner (or right) of a picture of that size; nothing where the text is '', or where no
    more than its first letters would fit."""
    written = caption_text(text, height, width)
    if not written:
        return ()
    letters = _letters(height)
    side, above = _side(letters), round(ABOVE * letters)
    high, wide = text_size(written, letters)
    high, wide = high + 2 * above, wide + 2 * side
    edge = max(2, high // 4)
    y, x = max(0, height - high - edge), max(0, width - wide - edge) if right else min(edge, max(0, width - wide))
    return (
        Box(x, y, wide, high, BLACK, radius=high / 4, opacity=GROUND),
        Text(written, x + side, y + above, letters, colour=WHITE),
    )


def caption_text(text: str, height: int, width: int) -> str:
    """As much of a text as fits into a picture of that size, its middle cut out; '' where that says nothing."""
    letters = _letters(height)
    short = shortened_inside(text, max(1, width - 4 * _side(letters)), letters)
    return short if short == text or len(short) > FEW else ""


def clip_names(paths: Sequence[Path]) -> list[str]:
    """What tells clips apart: their names, or also their folders, where these are alike."""
    names = [path.name for path in paths]
    alike = len(set(names)) < len(names)
    return [f"{path.resolve().parent.name}/{path.name}" if alike else path.name for path in paths]


def legible_labels(labels: Sequence[str], instead: Sequence[str] = ()) -> tuple[list[str], tuple[str, ...]]:
    """The labels, with others in place of those for which there are no letters; and what to say of it.

    :param instead: the others; (): their numbers.
    """
    odd = [f"'{label}'" for label in labels if not is_legible(label)]
    if not odd:
        return list(labels), ()
    others = instead or [str(number) for number in range(1, len(labels) + 1)]
    legible = [label if is_legible(label) else other for label, other in zip(labels, others, strict=True)]
    used = ", ".join(f"'{other}'" for label, other in zip(labels, others, strict=True) if not is_legible(label))
    whose = f"{used} stands" if instead else "its number stands" if len(odd) == 1 else "their numbers stand"
    return legible, (f"There are no letters here for {', '.join(odd)}; {whose} there instead.",)


def _letters(height: int) -> int:
    return min(LARGEST, max(SMALLEST, round(LETTERS * height)))


def _side(letters: int) -> int:
    return round(SIDE * letters)
