"""What the style pictures are to a network, found once for each size, and blended."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor

from pipeline.network.device import waits_for_launches
from pipeline.settings import Settings, open_layers
from pipeline.style.adain import ChannelStatistics, style_channel_statistics
from pipeline.style.look import Variant
from pipeline.style.losses import Moments, Statistic, blend, moments_of
from pipeline.style.picture import resized, scaled_size
from pipeline.style.regions import resized_shares

Sums = Callable[[Tensor, Sequence[str], int | None, Tensor | None], Mapping[str, tuple[Tensor, Tensor, int]]]
"""Sums over the maps of a picture on the device, by layer, as `tiles.tiled_sums`; from the side of a tile, and how much
each pixel counts, (1, H, W), where not all do alike."""


@dataclass(frozen=True)
class StyleStatistics:
    """What the style pictures, blended, are at one size."""

    style: Mapping[str, Moments]
    """Of the style layers."""
    content: Mapping[str, ChannelStatistics]
    """Of the content layers, for a content that takes them on."""


@dataclass(frozen=True)
class _Measured:
    """A variant at one size; its scales are blended."""

    style: Mapping[str, list[Moments]]
    content: Mapping[str, list[Moments]]


@dataclass(frozen=True)
class _Stack:
    """A layer of all variants of a part."""

    means: Tensor
    """(V, N)"""
    seconds: Tensor
    """(V, N, N); of content layers their diagonals, (V, N)."""
    positions: int


class StyleBank:
    """The statistics of the styles of every part of a picture, found when they are first asked for."""

    def __init__(
        self,
        parts: Sequence[Sequence[Variant]],
        settings: Settings,
        device: torch.device,
        workable: Callable[[int, int], tuple[int, int]],
        sums: Sums,
    ) -> None:
        """
        :param parts: the styles of the rest of a picture, then those of each region.
        :param workable: the size at which a picture of some size is looked at.
        """
        self._parts = parts
        self._device = device
        self._workable = workable
        self._sums = sums
        self._statistic = cast(Statistic, settings.statistic)
        self._style_layers = [*dict(settings.style_layers), *open_layers(settings)]
        self._content_layers = [layer for layer, _ in settings.content_layers] if settings.recolour else []
        self._blended: dict[tuple[int, int], StyleStatistics] = {}
        self._stacks: dict[tuple[int, int], tuple[dict[str, _Stack], dict[str, _Stack]]] = {}

    def of(self, part: int, longest: int, tile_side: int | None) -> StyleStatistics:
        """Those of a part, at a size that suits a painting of that longest side.

        :param tile_side: as `Targets.objective`.
        """
        if (part, longest) not in self._blended:
            weights = [one.weight for one in self._parts[part]]
            found = [self._measured(one, longest, tile_side) for one in self._parts[part]]

            def of_layer(layer: str, kind: str, statistic: Statistic) -> Moments:
                pairs = zip(weights, found, strict=True)
                return blend([(weight, each) for weight, one in pairs for each in getattr(one, kind)[layer]], statistic)

            self._blended[part, longest] = StyleStatistics(
                {layer: of_layer(layer, "style", self._statistic) for layer in self._style_layers},
                {
                    layer: style_channel_statistics(of_layer(layer, "content", "moments"))
                    for layer in self._content_layers
                },
            )
        return self._blended[part, longest]

    def mixed(self, part: int, longest: int, tile_side: int | None, shares: Tensor) -> StyleStatistics:
        """The same with other shares than the weights of the variants.

        :param shares: float32 (V,) on the device, 1 together. Its values are not read: what is found can be recorded,
            and replayed with others.
        """
        if (part, longest) not in self._stacks:
            found = [self._measured(one, longest, tile_side) for one in self._parts[part]]
            self._stacks[part, longest] = (
                {
                    layer: _stack([blend([(1.0, each) for each in one.style[layer]], self._statistic) for one in found],
                                  self._statistic)
                    for layer in self._style_layers
                },
                {
                    layer: _diagonals([blend([(1.0, each) for each in one.content[layer]], "moments") for one in found])
                    for layer in self._content_layers
                },
            )  # fmt: skip
        style, content = self._stacks[part, longest]
        return StyleStatistics(
            {
                layer: Moments(
                    torch.einsum("v,vn->n", shares, one.means),
                    torch.einsum("v,vnm->nm", shares, one.seconds),
                    one.positions,
                )
                for layer, one in style.items()
            },
            {
                layer: ChannelStatistics(
                    torch.einsum("v,vn->n", shares, one.means),
                    torch.einsum("v,vn->n", shares, one.seconds).clamp(min=0),
                )
                for layer, one in content.items()
            },
        )

    def _measured(self, variant: Variant, longest: int, tile_side: int | None) -> _Measured:
        layers = list(dict.fromkeys((*self._style_layers, *self._content_layers)))
        style: dict[str, list[Moments]] = {layer: [] for layer in self._style_layers}
        content: dict[str, list[Moments]] = {layer: [] for layer in self._content_layers}
        picture = variant.picture
        for scale in variant.scales:
            wanted = min(max(picture.shape[2:]), round(longest * scale))
            height, width = scaled_size(picture.shape[2], picture.shape[3], wanted)
            # Where memory is not short, the device does that too.
            there = tile_side is None and waits_for_launches(self._device)
            full = picture.to(self._device) if there else picture
            shown = resized(full, *self._workable(height, width)).to(self._device)
            counts = None if variant.counts is None else resized_shares(variant.counts, *shown.shape[2:])
            with torch.no_grad():
                sums = self._sums(shown, layers, tile_side, counts)
                for layer, parts in style.items():
                    parts.append(moments_of(*sums[layer], self._statistic))
                for layer, parts in content.items():
                    parts.append(moments_of(*sums[layer], "moments"))
        return _Measured(style, content)


def _stack(found: Sequence[Moments], statistic: Statistic) -> _Stack:
    """Gram matrices grow with the number of positions: all are brought to the first one's."""
    first = found[0].positions
    seconds = [one.second * (first / one.positions if statistic == "gram" else 1.0) for one in found]
    return _Stack(torch.stack([one.mean for one in found]), torch.stack(seconds), first)


def _diagonals(found: Sequence[Moments]) -> _Stack:
    seconds = torch.stack([one.second.diagonal() for one in found])
    return _Stack(torch.stack([one.mean for one in found]), seconds, found[0].positions)
