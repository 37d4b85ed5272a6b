"""A feature network of a few hundred weights, settings that fit it, and small pictures: for tests that paint."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from pipeline.network.base import Network, Pooling, StackPlan
from pipeline.settings import Settings
from pipeline.style.frame import Style
from pipeline.style.painter import Painter

CPU = torch.device("cpu")
PLAN = StackPlan("tiny", ((8, 8), (12,), (16,)), mean=(0.5, 0.5, 0.5), std=(0.25, 0.25, 0.25))


def tiny_weights(plan: StackPlan = PLAN, seed: int = 0) -> dict[str, Tensor]:
    """Seeded filters that keep responses near one (He et al. 2015)."""
    generator = torch.Generator().manual_seed(seed)
    weights = {}
    for suffix, channels_in, channels_out in plan.convolutions:
        filters = torch.randn(channels_out, channels_in, 3, 3, generator=generator)
        weights[f"conv{suffix}.weight"] = filters * (2 / (9 * channels_in)) ** 0.5
        weights[f"conv{suffix}.bias"] = torch.randn(channels_out, generator=generator) * 0.1
    return weights


class SharedList(list[tuple[tuple[int, int], frozenset[str]]]):
    """A list that a deep copy of its owner keeps sharing: a painter copies its network."""

    def __deepcopy__(self, memo: dict[int, Any]) -> SharedList:
        return self


class CountingNetwork(Network):
    """Remembers what it, or a copy of it, was asked for."""

    def __init__(self, pooling: Pooling = "average", seed: int = 0) -> None:
        super().__init__(PLAN, tiny_weights(seed=seed), pooling, digest="0123456789abcdef")
        self.asked = SharedList()

    def features(self, image: Tensor, layers: Iterable[str]) -> dict[str, Tensor]:
        layers = list(layers)
        self.asked.append(((image.shape[2], image.shape[3]), frozenset(layers)))
        return super().features(image, layers)


def tiny_settings(**values: Any) -> Settings:
    """Settings for the tiny network; a few steps of Adam unless told otherwise."""
    base = Settings(
        preset="tiny",
        content_layers=(("relu2_1", 1.0),),
        style_layers=(("relu1_1", 0.5), ("relu3_1", 0.5)),
        statistic="moments",
        learning_rate=0.03,
        tv_weight=0.1,
        steps=12,
        carried_steps=5,
        precision="float32",
    )
    return replace(base, **values)


def tiny_painter(network: Network | None = None, **values: Any) -> Painter:
    """A painter in the style of one small picture."""
    return Painter(network or CountingNetwork(), [Style(picture(40, 48, seed=1))], tiny_settings(**values), CPU)


def picture(height: int, width: int, seed: int = 0) -> npt.NDArray[np.uint8]:
    """Waves of colour with a little grain, uint8 (H, W, 3)."""
    random = np.random.default_rng(seed)
    down, across = np.mgrid[0:height, 0:width]
    image = random.uniform(-0.2, 0.2, (height, width, 3))
    for _ in range(6):
        a, b, phase = random.uniform(-0.5, 0.5), random.uniform(-0.5, 0.5), random.uniform(0, 6)
        image += np.sin(a * down + b * across + phase)[..., None] * random.uniform(-1, 1, 3)
    return (127.5 + 60 * image).clip(0, 255).astype(np.uint8)


def flat(colour: tuple[int, int, int], height: int, width: int) -> npt.NDArray[np.uint8]:
    """A picture of one colour."""
    return np.full((height, width, 3), colour, np.uint8)
