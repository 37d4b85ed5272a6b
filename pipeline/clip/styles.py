"""Style pictures as a person writes them: 'scream.jpg', 'scream.jpg:0.7', 'scream.jpg@120,40,300,300', and blends.

Nothing here imports what reads pictures, or torch: `reelbrush --help` needs these classes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from pipeline.errors import UsageError

Part: TypeAlias = tuple[int, int, int, int]
"""Of a picture: its left and upper edge, its width and height, in pixels."""
_NUMBER = re.compile(r"\s*[-+]?[\d.]+\s*")
_PART = re.compile(r"\s*(\d{1,6})\s*,\s*(\d{1,6})\s*,\s*(\d{1,6})\s*,\s*(\d{1,6})\s*")


@dataclass(frozen=True)
class StylePicture:
    """A style picture, or a part of one, and its share in the blend."""

    path: Path
    weight: float = 1.0
    part: Part | None = None
    """What of the picture is used; None: all of it."""

    @property
    def text(self) -> str:
        """What it is called on the command line, without its weight."""
        return str(self.path) + part_text(self.part)


def blend_text(styles: Sequence[StylePicture]) -> str:
    """'a.jpg:0.7+b.jpg:0.3', as it is written on the command line."""
    return "+".join(style.text + (f":{style.weight:.10g}" if style.weight != 1 else "") for style in styles)


def part_text(part: Part | None) -> str:
    """'@120,40,300,300', or '' for all of a picture."""
    return "" if part is None else "@" + ",".join(map(str, part))


def parse_style(text: str) -> StylePicture:
    """A picture out of 'FILE', 'FILE:WEIGHT', 'FILE@X,Y,W,H' or 'FILE@X,Y,W,H:WEIGHT'. A file whose name ends like a
    weight or a part is taken as a file if it is there.

    :raises UsageError: no name, a weight that is not above zero, or a part that is none.
    """
    if not has_name(text) and not (text.strip() and Path(text).exists()):
        raise UsageError("The name of a style picture is empty. Write --style FILE or --style FILE:WEIGHT.")
    head, colon, tail = text.rpartition(":")
    if not colon or Path(text).exists():
        return _with_part(text, 1.0)
    try:
        weight = float(tail)
    except ValueError:
        return _with_part(text, 1.0)
    if not 0 < weight < float("inf"):
        raise UsageError(f"The weight of the style {head} has to be above zero, not {tail}.")
    return _with_part(head, weight)


def has_name(text: str) -> bool:
    """Whether a style names a picture at all: '' and ':0.7' do not."""
    head, colon, tail = text.rpartition(":")
    return bool(head.strip() or (tail.strip() and not (colon and _NUMBER.fullmatch(tail))))


def _with_part(text: str, weight: float) -> StylePicture:
    head, _, tail = text.rpartition("@")
    found = _PART.fullmatch(tail)
    if not head or found is None or Path(text).exists():
        return StylePicture(Path(text), weight)
    left, top, width, height = map(int, found.groups())
    if not width or not height:
        raise UsageError(
            f"The part @{tail} of the style {head} is empty. Write its left and upper edge, its width and its height "
            "in pixels of the picture: @X,Y,W,H."
        )
    return StylePicture(Path(head), weight, (left, top, width, height))


def split_blend(text: str, names_a_file: Callable[[str], bool]) -> list[str]:
    """A text at those of its '+' that are in no name of a file: the longest names win."""
    pieces, parts = text.split("+"), []
    while pieces:
        ends = range(len(pieces), 1, -1)
        end = next((end for end in ends if names_a_file("+".join(pieces[:end]))), 1)
        parts.append("+".join(pieces[:end]))
        del pieces[:end]
    return parts


def style_as_json(style: StylePicture, name_of: Callable[[Path], Any] = str) -> list[Any]:
    """In JSON's own types: path and weight, and the part if there is one.

    :param name_of: what stands for a file.
    """
    return [name_of(style.path), style.weight, *([] if style.part is None else [list(style.part)])]


def style_from_json(stored: Any) -> StylePicture:
    """What `style_as_json` gave."""
    path, weight, *part = stored
    return StylePicture(Path(path), weight, tuple(part[0]) if part else None)
