"""The style pictures of a job, loaded, and what a person should know of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pipeline.clip.jobs import StylePicture
from pipeline.media import is_animated, read_picture

# Who only names styles need not wait for torch.
if TYPE_CHECKING:
    from pipeline.style.frame import Style


def load_styles(styles: Sequence[StylePicture]) -> list[Style]:
    """The pictures, at full size; an animated one gives its first frame.

    :raises MediaError: one of them cannot be read.
    """
    from pipeline.style.frame import Style

    return [Style(read_picture(style.path), style.weight) for style in styles]


def style_notes(styles: Sequence[StylePicture]) -> tuple[str, ...]:
    """What a person should know of the style pictures, a sentence each."""
    return tuple(
        f"The style {style.path.name} is animated; its first frame is used."
        for style in styles
        if is_animated(style.path)
    )
