"""What is minimised for one frame: named terms over the picture and its feature maps, and their sum."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from pipeline.network.base import Network
from pipeline.style.losses import (
    ContentTarget,
    Moments,
    Normalisation,
    Statistic,
    content_loss,
    gram_loss,
    moment_loss,
    total_variation,
)

LayerWeights = Mapping[str, float]


class Term(Protocol):
    """One thing the painting should be: a name, a weight, the layers it looks at, and its loss."""

    @property
    def name(self) -> str: ...

    @property
    def weight(self) -> float: ...

    @property
    def layers(self) -> Sequence[str]: ...

    def __call__(self, image: Tensor, maps: Mapping[str, Tensor]) -> Tensor:
        """Unweighted loss, a scalar, of an image (1, 3, H, W) in 0..1 with its feature maps."""
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
        losses = [
            self.layer_weights[layer] * content_loss(maps[layer], target, self.normalisation)
            for layer, target in self.targets.items()
        ]
        return _total(losses)


@dataclass(frozen=True)
class StyleTerm:
    """Eq. 5: sum over layers of w_l E_l.

    Several styles blend within `targets`. Regions come as several StyleTerms, each over its own mask of the picture.
    """

    targets: Mapping[str, Moments]
    layer_weights: LayerWeights
    weight: float
    statistic: Statistic = "gram"
    normalisation: Normalisation = "relative"
    name: str = "style"

    @property
    def layers(self) -> Sequence[str]:
        return tuple(self.targets)

    def __call__(self, image: Tensor, maps: Mapping[str, Tensor]) -> Tensor:
        return _total(
            [
                self.layer_weights[layer] * self._layer_loss(maps[layer], target)
                for layer, target in self.targets.items()
            ]
        )

    def _layer_loss(self, maps: Tensor, target: Moments) -> Tensor:
        if self.statistic == "gram":
            return gram_loss(maps, target, self.normalisation)
        return moment_loss(maps, target)


@dataclass(frozen=True)
class SmoothnessTerm:
    """Total variation: no noise from pixel to pixel."""

    weight: float
    name: str = "tv"
    layers: tuple[str, ...] = ()

    def __call__(self, image: Tensor, maps: Mapping[str, Tensor]) -> Tensor:
        return total_variation(image)


@dataclass(frozen=True)
class TemporalTerm:
    """Ruder, Dosovitskiy and Brox (2016): 1/D sum c (x - w)^2, the painting near what earlier ones lead to expect.

    D is the number of values 3 H W, whatever the weights c are: where little can be expected, the term is small. With
    several expected pictures the sum goes over all of them (their long-term loss); their weights are at most 1 in a
    pixel together.
    """

    expected: Sequence[tuple[Tensor, Tensor]]
    """w (1, 3, H, W) in 0..1 and c (1, 1, H, W) in 0..1, on the device."""
    weight: float
    name: str = "temporal"
    layers: tuple[str, ...] = ()

    def __call__(self, image: Tensor, maps: Mapping[str, Tensor]) -> Tensor:
        return _total([(weights * (image - picture).square()).sum() for picture, weights in self.expected]) / (
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

    def __init__(self, network: Network, terms: Sequence[Term]) -> None:
        self.network = network
        self.terms = tuple(term for term in terms if term.weight != 0)
        self._layers = tuple(dict.fromkeys(layer for term in self.terms for layer in term.layers))

    def __call__(self, image: Tensor) -> Losses:
        maps = self.network.features(image, self._layers) if self._layers else {}
        values = {term.name: term(image, maps) for term in self.terms}
        total = _total([term.weight * values[term.name] for term in self.terms])
        return Losses(total, {name: value.detach() for name, value in values.items()})


def _total(losses: Sequence[Tensor]) -> Tensor:
    total = losses[0]
    for loss in losses[1:]:
        total = total + loss
    return total
