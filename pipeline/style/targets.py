"""What a frame is painted towards: its objective, from the style pictures, its content, its clip and earlier frames."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import cast

import numpy as np
import torch
from torch import Tensor

from pipeline.network.base import Network
from pipeline.network.device import in_planes
from pipeline.settings import Settings, open_layers, strengthened
from pipeline.style.adain import (
    ChannelStatistics,
    adain,
    channel_statistics,
    style_channel_statistics,
    style_of_frame,
)
from pipeline.style.frame import TemporalTarget
from pipeline.style.guided import GuidedStyleTerm, RegionTarget, StyleTerms, guided_sums, guides_of, shares_of_layer
from pipeline.style.look import FIRST_SHARE, Variant
from pipeline.style.losses import Moments, Normalisation, Statistic, content_target, moments_of, sums_of
from pipeline.style.objective import ContentTerm, Objective, SmoothnessTerm, StyleTerm, TemporalTerm, Term
from pipeline.style.picture import resized, to_tensor
from pipeline.style.regions import mixed
from pipeline.style.style_statistics import StyleBank, StyleStatistics
from pipeline.style.tiles import Place, stitched_maps, tile_sides, tiled_sums, tiles_of

# A picture below this many pixels a side holds no statistics worth the name; it is painted at this size.
LEAST_SIDE = 16


class Targets:
    """Builds the objectives of frames; what it computes of the styles it computes once for each size."""

    def __init__(
        self,
        network: Network,
        parts: Sequence[Sequence[Variant]],
        settings: Settings,
        device: torch.device,
    ) -> None:
        """
        :param network: on the device.
        :param parts: the styles of the picture, then those of each part of it that has its own.
        :param settings: complete; the layers belong to `network`.
        :raises SettingsError: a layer that the network does not have.
        """
        self._network = network
        self._counts = [len(part) for part in parts]
        self._settings = settings
        self._device = device
        self._open_layers = open_layers(settings)
        layers = [*dict(settings.content_layers), *dict(settings.style_layers), *self._open_layers]
        self._layers = layers
        self.least_side = max(LEAST_SIDE, network.smallest_side(layers))
        """Pixels of the shorter side below which nothing is painted."""
        self._bank = StyleBank(parts, settings, device, self.workable, self._sums)
        self._grey = settings.colours == "keep"
        self._numbers: Tensor | None = None

    def with_settings(self, settings: Settings) -> Targets:
        """With other weights; layers, statistic and sizes have to be the same, and what is known of the styles is
        shared."""
        other = copy.copy(self)
        other._settings = settings
        return other

    def of_look(self, numbers: Tensor, grey: bool) -> Targets:
        """For a frame that has a look of its own.

        :param numbers: as `look.numbers_of`, on the device. Their values are not read.
        :param grey: whether only its luminance is painted.
        """
        other = copy.copy(self)
        other._numbers, other._grey = numbers, grey
        return other

    def workable(self, height: int, width: int) -> tuple[int, int]:
        """The size itself, or for a tiny picture the size it is painted at."""
        grow = max(1.0, self.least_side / min(height, width))
        return round(height * grow), round(width * grow)

    @property
    def clip_layers(self) -> list[str]:
        """The layers whose targets depend on what the clip as a whole looks like."""
        settings = self._settings
        content = settings.content_layers if settings.recolour and settings.content_weight else ()
        style = [*dict(settings.style_layers), *self._open_layers]
        measured = style if settings.clip_palette and settings.statistic == "moments" else ()
        return list(dict.fromkeys((*dict(content), *measured)))

    def statistics_of(self, image: Tensor, tile_side: int | None = None) -> dict[str, ChannelStatistics]:
        """Those of the layers `clip_layers` for a picture, float32 (1, 3, H, W) in 0..1; on the device.

        :param tile_side: as `objective`.
        """
        with torch.no_grad():
            return self._seen(image.to(self._device), [], self.clip_layers, tile_side)[1]

    def objective(
        self,
        content: Tensor,
        temporal_targets: Sequence[TemporalTarget] = (),
        clip: Mapping[str, ChannelStatistics] | None = None,
        checkpoint: bool = False,
        tile_side: int | None = None,
        shares: Tensor | None = None,
        open_share: Tensor | None = None,
    ) -> Objective:
        """What is minimised for a frame.

        :param content: float32 (1, 3, H, W) on the CPU, at the size that is painted.
        :param clip: statistics of the clip at this size, by layer; None takes those of the content itself.
        :param checkpoint: as `Objective`.
        :param tile_side: as `Objective`; where tiles that large save nothing at this size, smaller ones or none.
        :param shares: of what belongs to which region, `regions.shares_of`, at that size; None: all of it to the rest.
        :param open_share: how open each pixel is, as `open_areas.open_share_of`, at that size, (1, H, W); None: nothing
            is, and `settings.open_layers` are left out.
        """
        settings = self._settings
        normalisation = cast(Normalisation, settings.normalisation)
        wanted = [layer for layer, _ in settings.content_layers] if settings.content_weight else []
        parts = 1 if shares is None else len(self._counts)
        known = [self._style_statistics(max(content.shape[2:]), tile_side, part) for part in range(parts)]
        size = (content.shape[2], content.shape[3])
        with torch.no_grad():
            maps, own_style = self._seen(content.to(self._device), wanted, [*(clip or ())], tile_side)
            styles = [self._style_of_frame(one.style, own_style, clip) for one in known]
            if settings.recolour:
                own = clip or {layer: channel_statistics(own_maps) for layer, own_maps in maps.items()}
                maps = {
                    layer: self._recoloured(layer, own_maps, own[layer], [one.content[layer] for one in known], shares)
                    for layer, own_maps in maps.items()
                }
        terms: list[Term] = [
            ContentTerm(
                {layer: content_target(own_maps) for layer, own_maps in maps.items()},
                dict(settings.content_layers),
                settings.content_weight,
                normalisation,
            ),
            self._style_term(styles, size, shares, open_share),
            SmoothnessTerm(settings.tv_weight),
        ]
        if temporal_targets:
            terms.append(self.temporal_term(temporal_targets, size))
        return Objective(self._network, terms, checkpoint, self._tile_side(size, tile_side), self._grey)

    def temporal_term(self, targets: Sequence[TemporalTarget], size: tuple[int, int]) -> TemporalTerm:
        """What holds a frame near earlier ones, for a painting of (height, width)."""
        return TemporalTerm([self._placed(target, size) for target in targets], self._settings.temporal_weight)

    @property
    def _style_weight(self) -> float | Tensor:
        settings = self._settings
        # Without a style there is no term at all, whatever the look.
        if self._numbers is None or not settings.style_weight:
            return settings.style_weight * strengthened(settings.strength)
        return self._numbers[0]

    def _style_term(
        self,
        styles: Sequence[Mapping[str, Moments]],
        size: tuple[int, int],
        shares: Tensor | None,
        open_share: Tensor | None,
    ) -> Term:
        everywhere = dict(self._settings.style_layers)
        within = {} if open_share is None else {layer: open_share.to(self._device) for layer in self._open_layers}
        if shares is not None:
            return self._guided_term(styles, shares, [*everywhere, *within], within)
        for layer in everywhere:
            stride, needed = self._network.smallest_side([layer]), self._positions_needed(styles[0][layer])
            everywhere[layer] *= min(1.0, (size[0] // stride) * (size[1] // stride) / needed) if needed else 1.0
        found = StyleTerm({layer: styles[0][layer] for layer in everywhere}, everywhere, *self._style_measure)
        if open_share is None or not within:
            return found
        return StyleTerms([found, self._guided_term(styles, torch.ones_like(open_share), [*within], within)])

    def _guided_term(
        self,
        styles: Sequence[Mapping[str, Moments]],
        shares: Tensor,
        layers: Sequence[str],
        within: Mapping[str, Tensor],
    ) -> GuidedStyleTerm:
        """The style loss of some layers, in each part of a picture that of its own style.

        :param within: layers that count in a share of each pixel only, (1, H, W), whatever part it belongs to.
        """
        shares = shares.to(self._device)
        own = {layer: shares * within[layer] if layer in within else shares for layer in layers}
        guides = {layer: guides_of(self._shares_of(layer, one)) for layer, one in own.items()}
        means = {layer: one.mean((1, 2)) for layer, one in own.items()}

        def counting(part: int, layer: str) -> Tensor:
            share, positions = means[layer][part], guides[layer][0].numel()
            needed = 0.0 if layer in within else self._positions_needed(styles[part][layer])
            return share * (share * positions / needed).clamp(max=1) if needed else share

        # What is protected has no style.
        regions = [
            RegionTarget(
                {layer: style[layer] for layer in layers},
                {layer: guides[layer][part] for layer in layers},
                {layer: counting(part, layer) for layer in layers},
            )
            for part, style in enumerate(styles)
        ]
        return GuidedStyleTerm(
            regions, {**dict(self._settings.style_layers), **self._open_layers}, *self._style_measure
        )

    @property
    def _style_measure(self) -> tuple[float | Tensor, Statistic, Normalisation]:
        settings = self._settings
        return self._style_weight, cast(Statistic, settings.statistic), cast(Normalisation, settings.normalisation)

    def _positions_needed(self, style: Moments) -> float:
        """By a layer for its filters: with fewer it counts less. 0: it always counts in full."""
        return self._settings.positions_per_filter * len(style.second)

    def _shares_of(self, layer: str, shares: Tensor) -> Tensor:
        return shares_of_layer(self._network, layer, shares.to(self._device))

    def _recoloured(
        self,
        layer: str,
        maps: Tensor,
        own: ChannelStatistics,
        styles: Sequence[ChannelStatistics],
        shares: Tensor | None,
    ) -> Tensor:
        """Maps of the content, each part of the picture with the statistics of its own style; what is protected stays
        as it is."""
        found = [adain(maps, own, style, self._settings.recolour) for style in styles]
        return found[0] if shares is None else mixed([*found, maps.float()], self._shares_of(layer, shares))

    def tile_sides(self, size: tuple[int, int]) -> list[int]:
        """Pixels of tiles with which a painting of (height, width) takes less memory, the largest first."""
        return tile_sides(self._network, self._layers, size)

    def _tile_side(self, size: tuple[int, int], most: int | None) -> int | None:
        return None if most is None else next((side for side in self.tile_sides(size) if side <= most), None)

    def _seen(
        self, image: Tensor, wanted: Sequence[str], measured: Sequence[str], tile_side: int | None
    ) -> tuple[dict[str, Tensor], dict[str, ChannelStatistics]]:
        """Maps of a picture, and the statistics of those that are measured only."""
        size = (image.shape[2], image.shape[3])
        side = self._tile_side(size, tile_side)
        if side is None:
            maps = self._network.features(image, [*wanted, *measured])
            own = {layer: channel_statistics(maps[layer]) for layer in measured}
            return {layer: maps[layer] for layer in wanted}, own
        tiles = tiles_of(self._network, self._layers, size, side)
        sums = tiled_sums(self._network, measured, tiles, image) if measured else {}
        own = {layer: style_channel_statistics(moments_of(*found, "moments")) for layer, found in sums.items()}
        return stitched_maps(self._network, wanted, tiles, image) if wanted else {}, own

    def _style_of_frame(
        self,
        style: Mapping[str, Moments],
        own: Mapping[str, ChannelStatistics],
        clip: Mapping[str, ChannelStatistics] | None,
    ) -> Mapping[str, Moments]:
        """Statistics of the style layers for a content that looks so, by what the clip as a whole looks like."""
        share = self._settings.clip_palette
        if clip is None or not share or self._settings.statistic != "moments":
            return style
        return {
            layer: style_of_frame(aim, own[layer], clip[layer], share, layer.startswith("relu"))
            for layer, aim in style.items()
        }

    def _placed(self, target: TemporalTarget, size: tuple[int, int]) -> tuple[Tensor, Tensor]:
        """w (1, 3, H, W) and c (1, 1, H, W) on the device, at the size that is painted."""
        weights = torch.from_numpy(np.array(target.weights, np.float32))[None, None]
        if target.picture.shape[:2] == size:
            picture = to_tensor(target.picture, self._device)
        else:
            picture = resized(to_tensor(target.picture), *size).to(self._device)
        return in_planes(picture), resized(weights, *size).to(self._device)

    def _style_statistics(self, longest: int, tile_side: int | None, part: int) -> StyleStatistics:
        """Those of the style pictures of a part, at a size that suits a painting of that longest side."""
        if self._numbers is None:
            return self._bank.of(part, longest, tile_side)
        first = FIRST_SHARE + sum(self._counts[:part])
        return self._bank.mixed(part, longest, tile_side, self._numbers[first : first + self._counts[part]])

    def _sums(
        self, image: Tensor, layers: Sequence[str], tile_side: int | None, counts: Tensor | None
    ) -> dict[str, tuple[Tensor, Tensor, int]]:
        """Of each layer for a picture on the device, as `tiled_sums`.

        :param counts: how much each pixel counts, float32 (1, H, W); None: all do alike.
        """
        guides = {} if counts is None else {layer: guides_of(self._shares_of(layer, counts))[0] for layer in layers}

        def summed(layer: str, maps: Tensor, place: Place) -> tuple[Tensor, Tensor]:
            return guided_sums(maps, guides[layer][place]) if guides else sums_of(maps)

        size = (image.shape[2], image.shape[3])
        side = self._tile_side(size, tile_side)
        if side is not None:
            return tiled_sums(self._network, layers, tiles_of(self._network, self._layers, size, side), image, summed)
        maps = self._network.features(image, layers)
        whole = (..., slice(None), slice(None))
        return {layer: (*summed(layer, maps[layer], whole), maps[layer][0, 0].numel()) for layer in layers}
