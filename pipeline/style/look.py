"""What the frames of a clip are painted like where that changes over time: how much of which style, in which colours.

A look changes as the targets of a painting do: statistics are blended, never pictures (Gatys et al. 2016 blend styles
so, too). What there is of a style picture at a size is found once, and every frame has its own shares of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

from pipeline.settings import Settings, strengthened
from pipeline.style.adain import ChannelStatistics
from pipeline.style.colour import FLOOR, ColourStatistics, blended_colour_statistics, colour_statistics, with_colours
from pipeline.style.frame import Style
from pipeline.style.own_colours import style_matched
from pipeline.style.picture import to_tensor
from pipeline.style.regions import mixed

WORDS = ("style", "keep", "match")
"""Whose colours a painting can have: `Settings.colours`."""


@dataclass(frozen=True)
class Look:
    """What one frame is painted like."""

    strength: float
    """As `Settings.strength`."""
    shares: tuple[tuple[float, ...], ...]
    """Of the rest of the picture and of each region: the shares of its variants, 1 together."""
    kept: float = 0.0
    """How much of the input's own chroma the painting has, 0 to 1."""
    presence: tuple[float, ...] = ()
    """How far each region is there, 0 to 1."""

    def step(self, other: Look) -> float:
        """How far two looks of a clip are apart, 0 to 1: the largest change of anything."""
        pairs = zip(self.shares, other.shares, strict=True)
        moved = [sum(abs(a - b) for a, b in zip(*pair, strict=True)) / 2 for pair in pairs]
        come = [abs(a - b) for a, b in zip(self.presence, other.presence, strict=True)]
        return max(*moved, *come, abs(self.strength - other.strength), abs(self.kept - other.kept))


@dataclass(frozen=True)
class Variant:
    """A style picture as it is taken: with its weight, in which colours, and at which sizes."""

    picture: Tensor
    """float32 (1, 3, H, W) in 0..1, on the CPU."""
    weight: float
    colours: str
    """One of `WORDS`."""
    scales: tuple[float, ...]
    """As `Settings.style_scale`."""
    counts: Tensor | None = None
    """How much each of its pixels counts, 0 to 1, float32 (1, H, W), on the CPU; None: all do alike."""

    def matched(self, content: ColourStatistics) -> Variant:
        """The same brought to the colours of the input, as far as that is asked for."""
        if self.colours == "style":
            return self
        return replace(self, picture=style_matched(self.picture, content, self.colours == "keep"))

    @cached_property
    def statistics(self) -> ColourStatistics:
        """Of the pixels of the picture; of those that count half or more."""
        if self.counts is None:
            return colour_statistics(self.picture)
        counting = self.counts[0] >= min(0.5, float(self.counts.max()))
        return colour_statistics(self.picture[..., counting].unsqueeze(-1))


def variants_of(styles: Sequence[Style], settings: Settings) -> list[Variant]:
    """The style pictures of a part; what they do not say themselves is as in the settings."""
    pictures: dict[int, Tensor] = {}
    found = []
    for style in styles:
        scale = settings.style_scale if style.scale is None else style.scale
        picture = pictures.setdefault(id(style.image), to_tensor(style.image))
        scales = scale if isinstance(scale, tuple) else (scale,)
        counts = None if style.counts is None else torch.from_numpy(style.counts).unsqueeze(0)
        found.append(Variant(picture, style.weight, style.colours or settings.colours, scales, counts))
    return found


def style_colours(parts: Sequence[Sequence[Variant]], look: Look | None) -> tuple[float, list[ColourStatistics]]:
    """How much of a painting has the colours of its styles, 0 to 1, and those colours, part by part; none for 0.

    :param look: None: as the weights of the variants say.
    """
    found, together = [], 0.0
    for number, part in enumerate(parts):
        shares = [one.weight for one in part] if look is None else look.shares[number]
        own = [(share, one) for share, one in zip(shares, part, strict=True) if one.colours == "style" and share > 0]
        if not own:
            return 0.0, []
        found.append(blended_colour_statistics([(share, one.statistics) for share, one in own]))
        together = sum(share for share, _ in own) / sum(shares)
    return together, found


def palette_moved(
    painting: Tensor, parts: Sequence[Sequence[Variant]], looks: tuple[Look, Look], shares: Tensor | None
) -> Tensor:
    """A painting of one look, (1, 3, H, W) in 0..1, in the colours that it would have under another one: each of its
    parts is moved by what the colours of its styles have moved.

    :param parts: as for `style_colours`, matched to the input.
    :param looks: before and now.
    :param shares: of what belongs to which part where all regions are there, as `regions.shares_of`; None: all of it to
        the rest.
    """
    if (looks[0].shares, looks[0].presence) == (looks[1].shares, looks[1].presence):
        return painting
    # With less style than the preset has, a painting keeps some of the input's colours.
    much = min(1.0, *(2 * look.strength for look in looks))
    moved = []
    for number in range(1 if shares is None else len(parts)):
        before, now = (_palette(parts, look, number) for look in looks)
        # `with_colours` adds as much to the other one: what has not changed stays.
        now = replace(now, covariance=now.covariance + FLOOR * torch.eye(3, dtype=torch.float64))
        moved.append(painting + much * (with_colours(painting, before, now) - painting))
    return moved[0] if shares is None else mixed([*moved, painting], shares)


def _palette(parts: Sequence[Sequence[Variant]], look: Look, number: int) -> ColourStatistics:
    """The colours of a part's styles; of a region, as far as it is not there, those of the rest."""
    there = look.presence[number - 1] if number else 1.0
    own = [(there * share, one) for share, one in zip(look.shares[number], parts[number], strict=True)]
    rest = [((1 - there) * share, one) for share, one in zip(look.shares[0], parts[0], strict=True)]
    return blended_colour_statistics([(share, one.statistics) for share, one in (*own, *rest) if share])


FIRST_SHARE = 2
"""Where in `numbers_of` the shares begin."""


def numbers_of(look: Look, settings: Settings, device: torch.device) -> Tensor:
    """A look as a device needs it, float32: the weight of the style, `kept`, and the shares of all parts."""
    weight = settings.style_weight * strengthened(look.strength)
    return torch.tensor([weight, look.kept, *(share for part in look.shares for share in part)], device=device)


def statistics_between(
    colour: Mapping[str, ChannelStatistics], grey: Mapping[str, ChannelStatistics], kept: Tensor
) -> dict[str, ChannelStatistics]:
    """What a clip looks like with so much of its chroma given up.

    :param kept: scalar, 0 to 1: 0 for `colour`, 1 for `grey`.
    """
    return {
        layer: ChannelStatistics(
            torch.lerp(one.mean, grey[layer].mean, kept), torch.lerp(one.variance, grey[layer].variance, kept)
        )
        for layer, one in colour.items()
    }
