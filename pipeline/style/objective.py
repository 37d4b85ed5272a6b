"""What is minimised for one frame: named terms over the picture and its feature maps, and their sum."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Protocol, cast

import torch
from torch import Tensor

from pipeline.network.base import Network, Part
from pipeline.network.device import waits_for_launches
from pipeline.network.kernels import GramTarget, Kernels, MomentTarget, kernels_on
from pipeline.style.activation_checkpointing import checkpointed
from pipeline.style.hand_gradients import expected_loss
from pipeline.style.losses import (
    ContentTarget,
    Moments,
    Normalisation,
    Statistic,
    content_loss,
    content_loss_of,
    gram_factor,
    gram_loss,
    gram_loss_of,
    moment_loss,
    moment_loss_of,
    moments_of,
    squared_difference,
    sums_of,
    total_variation,
)
from pipeline.style.tiles import Place, Tile, tiled, tiles_of

LayerWeights = Mapping[str, float]


class Term(Protocol):
    """One thing the painting should be: a name, a weight, the layers it depends on, and its loss."""

    @property
    def name(self) -> str: ...

    @property
    def weight(self) -> float | Tensor:
        """A number; or a scalar on the device, where frames of a clip have others: its value is not read."""
        ...

    @property
    def layers(self) -> Sequence[str]: ...

    def __call__(self, image: Tensor, maps: Mapping[str, Tensor]) -> Tensor:
        """Unweighted loss, a scalar, of an image (1, 3, H, W) in 0..1 with its feature maps."""
        ...


class LayerTerm(Term, Protocol):
    """A term that is a sum over its layers, and nothing but that."""

    def of_layer(self, layer: str, maps: Tensor) -> Tensor:
        """What a layer adds to the unweighted loss, a scalar, for its maps (1, N, h, w)."""
        ...

    def sums(self, layer: str, maps: Tensor, place: Place) -> Sequence[Tensor]:
        """What it needs to know of a part of a layer's maps, at that place: sums over positions, which the parts of a
        picture add up to."""
        ...

    def of_sums(self, layer: str, sums: Sequence[Tensor], positions: int) -> Tensor:
        """As `of_layer`, from the sums over all of its positions."""
        ...


@dataclass(frozen=True)
class ContentTerm:
    """Eq. 1: the maps of the painting near those of the content, layer by layer."""

    targets: Mapping[str, ContentTarget]
    layer_weights: LayerWeights
    weight: float
    normalisation: Normalisation = "relative"
    name: str = "content"

    @property
    def layers(self) -> Sequence[str]:
        return tuple(self.targets)

    def __call__(self, image: Tensor, maps: Mapping[str, Tensor]) -> Tensor:
        return _total([self.of_layer(layer, maps[layer]) for layer in self.targets])

    def of_layer(self, layer: str, maps: Tensor) -> Tensor:
        """A layer's part of the loss."""
        target, weight, kernels = self.targets[layer], self.layer_weights[layer], kernels_on(maps.device)
        if kernels is not None and self.normalisation == "relative" and maps.stride() == target.maps.stride():
            return kernels.squares(maps, target.maps, target.energy, weight / target.maps.numel())
        return weight * content_loss(maps, target, self.normalisation)

    def sums(self, layer: str, maps: Tensor, place: Place) -> Sequence[Tensor]:
        """Of squared differences from the content."""
        return (squared_difference(maps, self.targets[layer].maps[place]),)

    def of_sums(self, layer: str, sums: Sequence[Tensor], positions: int) -> Tensor:
        """A layer's part of the loss."""
        return self.layer_weights[layer] * content_loss_of(sums[0], self.targets[layer], self.normalisation)


@dataclass(frozen=True)
class StyleTerm:
    """Eq. 5: sum over layers of w_l E_l.

    Several styles blend within `targets`. Where parts of a picture have styles of their own, a `GuidedStyleTerm` takes
    its place.
    """

    targets: Mapping[str, Moments]
    layer_weights: LayerWeights
    weight: float | Tensor
    statistic: Statistic = "gram"
    normalisation: Normalisation = "relative"
    name: str = "style"

    @property
    def layers(self) -> Sequence[str]:
        return tuple(self.targets)

    def __call__(self, image: Tensor, maps: Mapping[str, Tensor]) -> Tensor:
        kernels, layers = kernels_on(image.device), [maps[layer] for layer in self.targets]
        if kernels is not None and layers[0].dtype == torch.bfloat16:
            return self._at_once(kernels, layers)
        return _total([self.of_layer(layer, maps[layer]) for layer in self.targets])

    def _at_once(self, kernels: Kernels, layers: Sequence[Tensor]) -> Tensor:
        """Of the maps of all layers, in their order."""
        targets, weights = self.targets.values(), [self.layer_weights[layer] for layer in self.targets]
        if self.statistic == "moments":
            units = [MomentTarget(one.mean, one.unit, one.second, one.covariance_unit) for one in targets]
            return kernels.moment_losses(layers, units, weights)
        factors = [
            weight * gram_factor(self.normalisation, maps.shape[1], maps.shape[2] * maps.shape[3])
            for weight, maps in zip(weights, layers, strict=True)
        ]
        grams = [GramTarget(one.second, one.energy, one.positions) for one in targets]
        return kernels.gram_losses(layers, grams, factors, self.normalisation == "relative")

    def of_layer(self, layer: str, maps: Tensor) -> Tensor:
        """A layer's part of the loss."""
        target = self.targets[layer]
        loss = gram_loss(maps, target, self.normalisation) if self.statistic == "gram" else moment_loss(maps, target)
        return self.layer_weights[layer] * loss

    def sums(self, layer: str, maps: Tensor, place: Place) -> Sequence[Tensor]:
        """Of the maps and of their products."""
        return sums_of(maps)

    def of_sums(self, layer: str, sums: Sequence[Tensor], positions: int) -> Tensor:
        """A layer's part of the loss."""
        own, target = moments_of(sums[0], sums[1], positions, self.statistic), self.targets[layer]
        if self.statistic == "gram":
            return self.layer_weights[layer] * gram_loss_of(own.second, positions, target, self.normalisation)
        return self.layer_weights[layer] * moment_loss_of(own, target)


@dataclass(frozen=True)
class SmoothnessTerm:
    """Total variation: no noise from pixel to pixel."""

    weight: float
    name: str = "tv"
    layers: tuple[str, ...] = ()

    def __call__(self, image: Tensor, maps: Mapping[str, Tensor]) -> Tensor:
        kernels = kernels_on(image.device)
        return total_variation(image) if kernels is None else kernels.roughness(image)


@dataclass(frozen=True)
class TemporalTerm:
    """Ruder, Dosovitskiy and Brox (2016): 1/D sum c (x - w)^2, the painting near what earlier ones lead to expect.

    D is the number of values 3 H W, whatever the weights c are: where little can be expected, the term is small. With
    several expected pictures the sum goes over all of them (their long-term loss); their weights are at most 1 in a
    pixel together.
    """

    targets: Sequence[tuple[Tensor, Tensor]]
    """w (1, 3, H, W) in 0..1 and c (1, 1, H, W) in 0..1, on the device."""
    weight: float
    name: str = "temporal"
    layers: tuple[str, ...] = ()

    def __call__(self, image: Tensor, maps: Mapping[str, Tensor]) -> Tensor:
        kernels = kernels_on(image.device)
        if kernels is not None:
            return kernels.expected(image, self.targets)
        if waits_for_launches(image.device):
            return expected_loss(image, self.targets)
        return _total([(weights * (image - picture).square()).sum() for picture, weights in self.targets]) / (
            image.numel()
        )


@dataclass(frozen=True)
class Losses:
    """Value of the objective: scalars on the device, nothing read back yet."""

    total: Tensor
    """Sum of weight times loss over the terms (eq. 7)."""
    terms: dict[str, Tensor]
    """Unweighted loss of each term."""

    def floats(self) -> dict[str, float]:
        """All of them as numbers, 'total' first. Waits for the device."""
        return {"total": self.total.item(), **{name: value.item() for name, value in self.terms.items()}}

    def detached(self) -> Losses:
        """The same values, without the graph that led to them."""
        return Losses(self.total.detach(), self.terms)


class Objective:
    """Called on an image (1, 3, H, W) in 0..1, gives named losses and their weighted sum.

    Terms that come with a weight of zero are left out and their layers are not computed.
    """

    def __init__(
        self,
        network: Network,
        terms: Sequence[Term],
        checkpoint: bool = False,
        tile_side: int | None = None,
        grey: bool = False,
    ) -> None:
        """
        :param checkpoint: forget the maps of every block as soon as its losses are known, and compute them anew on the
            way back: less memory for more time, and the same numbers to the last bit. All terms with layers have to be
            `LayerTerm`s then.
        :param tile_side: instead, go over the picture in tiles of at most so many pixels a side: the same numbers to
            rounding, with the maps of one tile in memory.
        :param grey: take the mean of the three channels for all of them: what starts grey stays grey.
        """
        self.network = network
        self.terms = tuple(term for term in terms if isinstance(term.weight, Tensor) or term.weight != 0)
        self._layers = tuple(dict.fromkeys(layer for term in self.terms for layer in term.layers))
        self._checkpoint = checkpoint
        self._tile_side = tile_side
        self._grey = grey

    @property
    def kind(self) -> Hashable:
        """What has to be the same of two objectives, beside their terms, for them to be the same work."""
        return id(self.network), self._checkpoint, self._tile_side, self._grey

    def with_terms(self, terms: Sequence[Term]) -> Objective:
        """The same with other terms."""
        return Objective(self.network, terms, self._checkpoint, self._tile_side, self._grey)

    def __call__(self, image: Tensor) -> Losses:
        if self._grey:
            image = image.mean(1, keepdim=True).expand_as(image)
        if self._tile_side and self._layers:
            values = self._by_tiles(image, self._tile_side)
        else:
            values = self._by_parts(image) if self._checkpoint else self._at_once(image)
        total = _total([term.weight * values[term.name] for term in self.terms])
        return Losses(total, {name: value.detach() for name, value in values.items()})

    def _at_once(self, image: Tensor) -> dict[str, Tensor]:
        maps = self.network.features(image, self._layers) if self._layers else {}
        return {term.name: term(image, maps) for term in self.terms}

    def _by_parts(self, image: Tensor) -> dict[str, Tensor]:
        layer_losses: dict[tuple[str, str], Tensor] = {}
        handed_on = image
        for part in self.network.parts(self._layers):
            places: list[tuple[str, str]] = []
            handed_on, *losses = checkpointed(partial(self._of_part, part, places), handed_on)
            layer_losses.update(zip(places, losses, strict=True))
        return {
            term.name: _total([layer_losses[term.name, layer] for layer in term.layers])
            if term.layers
            else term(image, {})
            for term in self.terms
        }

    def _of_part(self, part: Part, places: list[tuple[str, str]], image: Tensor) -> list[Tensor]:
        """What a part of the network hands on, and the losses of its layers: they keep maps as well.

        :param places: is filled with term and layer of each loss.
        """
        handed_on, maps = part(image)
        places[:] = [(term.name, layer) for term in self.terms for layer in term.layers if layer in maps]
        terms = {term.name: cast(LayerTerm, term) for term in self.terms}
        return [handed_on, *(terms[name].of_layer(layer, maps[layer]) for name, layer in places)]

    def _by_tiles(self, image: Tensor, side: int) -> dict[str, Tensor]:
        height, width = image.shape[2:]
        strides = {layer: self.network.smallest_side([layer]) for layer in self._layers}
        terms = [(cast(LayerTerm, term), layer) for term in self.terms for layer in term.layers]
        counts: list[int] = []

        def of_tile(tile: Tile, crop: Tensor) -> list[Tensor]:
            """The sums of all terms and layers, one after the other; how many each has is put into `counts`."""
            maps = self.network.features(crop, self._layers)
            found = []
            for term, layer in terms:
                stride = strides[layer]
                found.append(term.sums(layer, maps[layer][tile.of_crop(stride)], tile.of_picture(stride)))
            counts[:] = map(len, found)
            return [one for several in found for one in several]

        sums = iter(tiled(of_tile, tiles_of(self.network, self._layers, (height, width), side), image))
        losses: dict[str, list[Tensor]] = {}
        for (term, layer), count in zip(terms, counts, strict=True):
            positions = (height // strides[layer]) * (width // strides[layer])
            losses.setdefault(term.name, []).append(term.of_sums(layer, [*islice(sums, count)], positions))
        return {term.name: _total(losses[term.name]) if term.layers else term(image, {}) for term in self.terms}


def _total(losses: Sequence[Tensor]) -> Tensor:
    total = losses[0]
    for loss in losses[1:]:
        total = total + loss
    return total
