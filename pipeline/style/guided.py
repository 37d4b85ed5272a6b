"""Statistics of parts of a picture: the spatial control of Gatys et al. (2017, "Controlling Perceptual Factors in
Neural Style Transfer", section 4), with shares of positions for their guidance channels.

A guide T of a layer says how much each of its positions counts for a region. Theirs enters squared, G = (T F)(T F)';
here it is what a position counts, so that the guides of regions that add up to one have sums that add up to those of
the whole picture.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from pipeline.network.base import Network
from pipeline.network.device import multiplies_bfloat16, product
from pipeline.style.losses import Moments, Normalisation, Statistic, gram_loss_of, moment_loss_of, moments_of
from pipeline.style.objective import LayerTerm
from pipeline.style.picture import blurred
from pipeline.style.tiles import Place

SHARPNESS = 3.0
"""Power of the share of its field that a position counts with. At 1, strokes of one region went on into its neighbour
for the width of the field of the deepest layer; at 3, positions count half from 0.8 deviations of the field inside of
the edge."""


class _GuidedSums(torch.autograd.Function):
    """sum_k T_k F_ik and sum_k T_k F_ik F_jk, with a gradient by hand: T_k (s + (P + P') F_k), for s and P those of the
    sums."""

    @staticmethod
    def forward(ctx: Any, maps: Tensor, guide: Tensor) -> tuple[Tensor, Tensor]:
        # One row a position: for maps that are stored channels last this is no copy.
        rows = maps.permute(0, 2, 3, 1).flatten(0, 2)
        if not multiplies_bfloat16(maps.device):
            rows = rows.float()
        each = guide.reshape(-1, 1)
        counted = (rows * each).to(rows.dtype)
        ctx.save_for_backward(rows, each)
        ctx.like = (maps.shape, maps.dtype)
        return counted.sum(0, dtype=torch.float32), product(rows.T, counted)

    @staticmethod
    def backward(ctx: Any, of_sum: Tensor, of_products: Tensor) -> tuple[Tensor, None]:
        rows, each = ctx.saved_tensors
        (_, count, height, width), dtype = ctx.like
        both = of_products + of_products.T
        if rows.dtype == torch.bfloat16:
            # In two parts of eight digits each, as without a guide: much of it cancels.
            high = both.to(rows.dtype)
            gradient = product(rows, high).add_(product(rows, (both - high).to(rows.dtype)))
        else:
            gradient = rows @ both
        gradient = gradient.add_(of_sum).mul_(each).to(dtype)
        return gradient.view(1, height, width, count).permute(0, 3, 1, 2), None


def guided_sums(maps: Tensor, guide: Tensor) -> tuple[Tensor, Tensor]:
    """As `losses.sums_of`, each position counted as often as the guide says: (N,) and (N, N), float32.

    :param maps: (1, N, h, w), any float.
    :param guide: T, float32 (h, w), not below 0; no gradient is taken in it.
    """
    sums: tuple[Tensor, Tensor] = _GuidedSums.apply(maps, guide)
    return sums


def field_deviation(network: Network, layer: str) -> float:
    """Standard deviation, in pixels, of the field that a position of a layer depends on, were all filters flat.

    The theoretical field of relu5_1 is 132 pixels wide, but what counts of it is a Gaussian in its middle (Luo et al.
    2016, "Understanding the Effective Receptive Field"). A flat filter of three adds 2/3 of a stride squared to the
    variance, a pooling of two 1/4.
    """
    variance, stride = 0.0, 1
    for suffix, _, _ in network.plan.convolutions:
        block, number = (int(part) for part in suffix.split("_"))
        if number == 1 and block > 1:
            variance += stride**2 / 4
            stride *= 2
        variance += 2 / 3 * stride**2
        if suffix == layer[4:]:
            break
    return float(variance**0.5)


def shares_of_layer(network: Network, layer: str, shares: Tensor) -> Tensor:
    """How much of the field of each position of a layer belongs to each part of a picture.

    :param shares: float32 (R, H, W), 0 to 1, in each pixel 1 together.
    :return: (R, h, w), likewise.
    """
    stride = network.smallest_side([layer])
    pooled = F.avg_pool2d(shares.unsqueeze(0), stride)
    # A box of so many pixels has been averaged over already.
    variance = max(0.0, field_deviation(network, layer) ** 2 - (stride**2 - 1) / 12)
    return blurred(pooled, variance**0.5 / stride).squeeze(0)


def guides_of(shares: Tensor) -> Tensor:
    """T of each part of a layer: positions count by how much of their field belongs to it, those with much the most.

    :param shares: (R, h, w), as `shares_of_layer`.
    :return: (R, h, w), of mean 1, so that sums are like those of a whole picture; 0 of a part that is not to be seen.
    """
    counts = shares.clamp(min=0) ** SHARPNESS
    means = counts.mean((1, 2), keepdim=True)
    return torch.where(means > 1e-12, counts / means.clamp(min=1e-12), torch.zeros_like(counts))


@dataclass(frozen=True)
class RegionTarget:
    """What one part of a picture is painted towards."""

    targets: Mapping[str, Moments]
    """By layer."""
    guides: Mapping[str, Tensor]
    """T of each layer, float32 (h, w), of mean 1 or all 0."""
    shares: Mapping[str, Tensor]
    """By layer, of the picture, 0 to 1; scalars. With them, a pixel is pulled as much as in a picture of that style
    alone; less by a layer for whose filters the region has too few positions."""


@dataclass(frozen=True)
class GuidedStyleTerm:
    """Eq. 5 for each region by itself: sum over regions and layers of a_rl w_l E_l, with a_rl the region's share of the
    picture and E_l of statistics over its guide."""

    regions: Sequence[RegionTarget]
    layer_weights: Mapping[str, float]
    weight: float | Tensor
    statistic: Statistic = "gram"
    normalisation: Normalisation = "relative"
    name: str = "style"

    @property
    def layers(self) -> Sequence[str]:
        return tuple(self.regions[0].targets)

    def __call__(self, image: Tensor, maps: Mapping[str, Tensor]) -> Tensor:
        return torch.stack([self.of_layer(layer, maps[layer]) for layer in self.layers]).sum()

    def of_layer(self, layer: str, maps: Tensor) -> Tensor:
        """A layer's part of the loss."""
        return self.of_sums(layer, self.sums(layer, maps, (..., slice(None), slice(None))), maps[0, 0].numel())

    def sums(self, layer: str, maps: Tensor, place: Place) -> Sequence[Tensor]:
        """Of the maps and of their products, region by region."""
        return [one for region in self.regions for one in guided_sums(maps, region.guides[layer][place])]

    def of_sums(self, layer: str, sums: Sequence[Tensor], positions: int) -> Tensor:
        """A layer's part of the loss."""
        losses = []
        for region, total, products in zip(self.regions, sums[::2], sums[1::2], strict=True):
            own, target = moments_of(total, products, positions, self.statistic), region.targets[layer]
            if self.statistic == "gram":
                loss = gram_loss_of(own.second, positions, target, self.normalisation)
            else:
                loss = moment_loss_of(own, target)
            losses.append(region.shares[layer] * loss)
        return self.layer_weights[layer] * torch.stack(losses).sum()


@dataclass(frozen=True)
class StyleTerms:
    """Eq. 5 where some layers count everywhere and others in a part of the picture: the terms of both as one."""

    parts: Sequence[LayerTerm]
    """Of one name and weight, over different layers."""

    @property
    def name(self) -> str:
        return self.parts[0].name

    @property
    def weight(self) -> float | Tensor:
        return self.parts[0].weight

    @property
    def layers(self) -> Sequence[str]:
        return tuple(layer for part in self.parts for layer in part.layers)

    def __call__(self, image: Tensor, maps: Mapping[str, Tensor]) -> Tensor:
        return torch.stack([part(image, maps) for part in self.parts]).sum()

    def of_layer(self, layer: str, maps: Tensor) -> Tensor:
        """A layer's part of the loss."""
        return self._part_of(layer).of_layer(layer, maps)

    def sums(self, layer: str, maps: Tensor, place: Place) -> Sequence[Tensor]:
        """What the term of that layer needs to know of a part of its maps."""
        return self._part_of(layer).sums(layer, maps, place)

    def of_sums(self, layer: str, sums: Sequence[Tensor], positions: int) -> Tensor:
        """A layer's part of the loss."""
        return self._part_of(layer).of_sums(layer, sums, positions)

    def _part_of(self, layer: str) -> LayerTerm:
        return next(part for part in self.parts if layer in part.layers)
