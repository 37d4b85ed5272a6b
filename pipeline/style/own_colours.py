"""Paintings in the colours of their input: the two ways of Gatys, Bethge, Hertzmann and Shechtman (2016, "Preserving
Color in Neural Artistic Style Transfer").

`match` gives the style picture the colours of the input before anything is painted, and `keep` paints the luminance
alone and gives the painting the input's own chroma. Where a clip goes from one to another, frames are between them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import cast

import numpy as np
import torch
from torch import Tensor

from pipeline.style.colour import ColourStatistics, colour_statistics, with_colours
from pipeline.style.frame import OnProgress, PaintedFrame, WarmStart, showing
from pipeline.style.picture import to_deep, to_image, to_tensor
from pipeline.types import AnyImage, DeepImage, Image, deep_only, shallow

# Y of YIQ, as in the paper (ITU-R BT.601).
LUMA = (0.299, 0.587, 0.114)
LEAST_OWN = 0.1
"""Of its own chroma: what shows less of it than that is not brought back to what it was, for it is rounded by then."""


def luminance(image: Tensor) -> Tensor:
    """Y (1, 1, H, W) of a picture (1, 3, H, W) in 0..1."""
    return torch.einsum("c,nchw->nhw", torch.tensor(LUMA, dtype=image.dtype), image).unsqueeze(1)


def with_luminance(image: Tensor, wanted: Tensor) -> Tensor:
    """A picture (1, 3, H, W) in 0..1 whose luminance has become `wanted`, (1, 1, H, W) in 0..1, with its chroma.

    Where a colour would be brighter or darker than a pixel can be, its chroma is brought down as far as that takes, in
    the same hue; the luminance is always the wanted one.
    """
    chroma = image - luminance(image)
    # c s + Y within 0..1 for each channel: the largest s up to 1.
    room = torch.where(chroma > 0, 1 - wanted, wanted)
    share = (room / chroma.abs().clamp(min=1e-6)).amin(1, keepdim=True).clamp(max=1)
    return (wanted + share * chroma).clamp(0, 1)


def in_grey(image: AnyImage) -> AnyImage:
    """The luminance of a picture in all three channels, (H, W, 3) of the same type."""
    grey = luminance(to_tensor(image)).expand(1, 3, -1, -1)
    return cast(AnyImage, to_image(grey) if image.dtype == np.uint8 else to_deep(grey))


def style_matched(style: Tensor, content: ColourStatistics, grey: bool) -> Tensor:
    """The style picture as a painting in the colours of its input needs it.

    :param style: (1, 3, H, W) in 0..1.
    :param content: of the input; of a clip as a whole, so that its frames are painted in one style.
    :param grey: with `keep`: luminance alone, its mean m and deviation s the content's,
        Y' = s_content / s_style (Y - m_style) + m_content. Else mean and covariance of the colours become those of the
        content.
    :return: (1, 3, H, W) in 0..1.
    """
    if not grey:
        return with_colours(style, colour_statistics(style), content)
    weights = torch.tensor(LUMA, dtype=torch.float64)
    own = luminance(style)
    deviation = (weights @ content.covariance @ weights).sqrt() / own.double().std(correction=0).clamp(min=1e-6)
    matched = deviation * (own.double() - own.double().mean()) + weights @ content.mean
    return matched.to(style.dtype).clamp(0, 1).expand(1, 3, -1, -1)


def with_less_chroma(image: AnyImage, share: float) -> AnyImage:
    """A picture (H, W, 3) with so much of its chroma, 0 to 1, in its own luminance."""
    pixels = to_tensor(image)
    grey = luminance(pixels)
    found = grey + share * (pixels - grey)
    return cast(AnyImage, to_image(found) if image.dtype == np.uint8 else to_deep(found))


def own_share(kept: float) -> float:
    """How much of its own chroma a painting shows that has `kept` of the input's, 0 to 1. What is painted has as much
    of what its styles have, for statistics that are mixed evenly have the root of it: together it is 1 - kept."""
    return math.sqrt(1 - kept)


def with_chroma_of(painted: Tensor, content: Tensor, kept: float) -> Tensor:
    """What is painted, (1, 3, H, W) in 0..1, with so much of the content's chroma in the place of its own."""
    grey = luminance(painted)
    return with_luminance(grey + own_share(kept) * (painted - grey) + kept * (content - luminance(content)), grey)


def without_chroma_of(painting: Tensor, content: Tensor, kept: float) -> Tensor:
    """What was painted, from what `with_chroma_of` gave of it; where hardly any of its own chroma is left, greyer."""
    grey = luminance(painting)
    own = painting - grey - kept * (content - luminance(content))
    return with_luminance(grey + own / max(LEAST_OWN, own_share(kept)), grey)


def paint_in_own_colours(
    kept: float,
    paint: Callable[[Image | DeepImage, WarmStart | None, OnProgress | None, Image | None], PaintedFrame],
    content: Image | DeepImage,
    carried: WarmStart | None,
    on_progress: OnProgress | None,
    start: Image | None,
) -> PaintedFrame:
    """With `keep`: paint in grey, and give the painting the chroma of the content. On the way to that from `style` or
    `match`, content and targets are on the way to grey, and what is painted gives up its chroma as the content's comes
    in.

    :param kept: how far it is on that way, above 0; 1 is `keep`.
    :param paint: paints a content, with what is carried to it, what is told of its progress, and a picture to start
        from.
    """
    colours, own = to_tensor(content), own_share(kept)

    def as_painted(painting: Image) -> Image:
        return in_grey(painting) if kept == 1 else to_image(without_chroma_of(to_tensor(painting), colours, kept))

    def coloured(picture: Tensor) -> Tensor:
        return with_luminance(colours, luminance(picture)) if kept == 1 else with_chroma_of(picture, colours, kept)

    deep = deep_only(content)
    painted = paint(
        with_less_chroma(shallow(content), own) if deep is None else with_less_chroma(deep, own),
        None if carried is None else carried.mapped(as_painted),
        None if on_progress is None else showing(on_progress, coloured),
        None if start is None else with_less_chroma(start, own),
    )
    found = coloured(to_tensor(painted.exact))
    return painted.with_exact(to_image(found) if painted.deep is None else to_deep(found))
