"""The style pictures of a job: named with weights on the command line, loaded, and told apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import UsageError
from pipeline.media import is_animated, read_picture

# Who only names styles need not wait for torch.
if TYPE_CHECKING:
    from pipeline.style.painter import Style


@dataclass(frozen=True)
class StylePicture:
    """A style picture and its share in the blend."""

    path: Path
    weight: float = 1.0


def parse_style(text: str) -> StylePicture:
    """A picture out of 'FILE' or 'FILE:WEIGHT'. A file whose name ends like a weight is taken as a file if it is there.

    :raises UsageError: no name, or a weight that is not above zero.
    """
    if not text.strip():
        raise UsageError("The name of a style picture is empty. Write --style FILE or --style FILE:WEIGHT.")
    head, colon, tail = text.rpartition(":")
    if not colon or Path(text).exists():
        return StylePicture(Path(text))
    try:
        weight = float(tail)
    except ValueError:
        return StylePicture(Path(text))
    if not 0 < weight < float("inf"):
        raise UsageError(f"The weight of the style {head} has to be above zero, not {tail}.")
    return StylePicture(Path(head), weight)


def load_styles(styles: Sequence[StylePicture]) -> list[Style]:
    """The pictures, at full size; an animated one gives its first frame.

    :raises MediaError: one of them cannot be read.
    """
    from pipeline.style.painter import Style

    return [Style(read_picture(style.path), style.weight) for style in styles]


def style_notes(styles: Sequence[StylePicture]) -> tuple[str, ...]:
    """What a person should know of the style pictures, a sentence each."""
    return tuple(
        f"The style {style.path.name} is animated; its first frame is used."
        for style in styles
        if is_animated(style.path)
    )
