"""What a layer knows of a picture: the picture is painted from white noise towards that layer alone (Gatys et al. 2016,
Figure 1)."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from pipeline.network.base import Network
from pipeline.network.device import memory_format
from pipeline.style.losses import Statistic, content_target, moments
from pipeline.style.objective import ContentTerm, Objective, SmoothnessTerm, StyleTerm, Term
from pipeline.style.optimise import LoopSettings, optimise
from pipeline.style.picture import to_image, to_tensor
from pipeline.types import Image

# Largest root mean square change of a pixel in one step of L-BFGS.
RATE = 0.1
# Steps that bring less than this share of the loss, over so many steps, are not worth their time.
TOLERANCE, PATIENCE = 0.01, 25


@dataclass(frozen=True)
class Plan:
    """How to reconstruct."""

    steps: int
    """At most, of L-BFGS."""
    tv_weight: float
    """Of the total variation, beside a loss that is about 1 for a picture that keeps nothing. Without it, what a layer
    cannot see of the white noise stays; Mahendran and Vedaldi (2015) clear it away like this."""
    seed: int = 0


@dataclass(frozen=True)
class Reconstruction:
    """What came of it."""

    image: Image
    """uint8 (H, W, 3)."""
    losses: Mapping[str, float]
    """'total' (weighted), 'content' or 'style', and 'tv', unweighted."""
    steps: int


OnStep = Callable[[int], None]
"""How many steps are done."""


class Reconstructor:
    """Reconstructs pictures from the maps of one network, in float32: low layers know more than bfloat16 holds."""

    def __init__(self, network: Network, device: torch.device, plan: Plan) -> None:
        self._network = copy.deepcopy(network).placed(device, torch.float32, memory_format(device))
        self._device = device
        self._plan = plan

    def content(self, image: Image, layer: str, on_step: OnStep) -> Reconstruction:
        """The picture that has the maps of `image`, uint8 (H, W, 3), in one layer.

        :raises SettingsError: a layer that the network does not have.
        :raises PaintingError: the loss is not a finite number.
        """
        with torch.no_grad():
            maps = self._network.features(to_tensor(image).to(self._device), [layer])
        term = ContentTerm({layer: content_target(maps[layer])}, {layer: 1.0}, 1.0)
        return self._from_noise(term, image.shape[0], image.shape[1], on_step)

    def style(
        self, image: Image, layers: Sequence[str], statistic: Statistic, height: int, width: int, on_step: OnStep
    ) -> Reconstruction:
        """A picture of any size whose maps have the statistics of those of `image`, uint8 (h, w, 3), in some layers.

        :raises SettingsError: a layer that the network does not have.
        :raises PaintingError: the loss is not a finite number.
        """
        with torch.no_grad():
            maps = self._network.features(to_tensor(image).to(self._device), layers)
        targets = {layer: moments(maps[layer], statistic) for layer in layers}
        term = StyleTerm(targets, dict.fromkeys(layers, 1 / len(layers)), 1.0, statistic)
        return self._from_noise(term, height, width, on_step)

    def _from_noise(self, term: Term, height: int, width: int, on_step: OnStep) -> Reconstruction:
        # Seeded on the CPU, so that every device starts from the same noise.
        generator = torch.Generator().manual_seed(self._plan.seed)
        noise: Tensor = torch.rand((1, 3, height, width), generator=generator)
        objective = Objective(self._network, [term, SmoothnessTerm(self._plan.tv_weight)])
        settings = LoopSettings("lbfgs", RATE, self._plan.steps, tolerance=TOLERANCE, patience=PATIENCE)
        painting = optimise(objective, noise.to(self._device), settings, lambda step: on_step(step.number))
        return Reconstruction(to_image(painting.image), painting.losses, painting.steps)


def psnr(one: Image, other: Image) -> float:
    """Peak signal-to-noise ratio of two pictures of one size, uint8, in dB; infinite where they are equal."""
    error = float(np.square(one.astype(np.float64) - other).mean())
    return math.inf if error == 0 else 10 * math.log10(255**2 / error)
