"""Feature networks other than those that are shipped, for comparison, and distances as a network sees them."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from pipeline.media.frame import Image
from pipeline.network.base import Network, Pooling, StackPlan
from pipeline.network.vgg import BLOCKS
from pipeline.style.losses import gram_loss, moments
from pipeline.style.picture import to_tensor

HOME = Path(__file__).resolve().parent / "networks"


def random_vgg19(seed: int = 0) -> Network:
    """VGG-19 with seeded random weights of a sane size (He et al. 2015)."""
    generator = torch.Generator().manual_seed(seed)
    plan = StackPlan("vgg19", BLOCKS, mean=(0.5, 0.5, 0.5), std=(0.25, 0.25, 0.25))
    weights = {}
    for suffix, channels_in, channels_out in plan.convolutions:
        kernel = torch.randn(channels_out, channels_in, 3, 3, generator=generator)
        weights[f"conv{suffix}.weight"] = kernel * (2 / (9 * channels_in)) ** 0.5
        weights[f"conv{suffix}.bias"] = torch.zeros(channels_out)
    return Network(plan, weights)


def plan_of(weights: Mapping[str, Tensor]) -> StackPlan:
    """The shape of a network that `tools/train_builtin.py` trained, read from its weights."""
    widths: dict[str, list[int]] = {}
    for name in sorted(name for name in weights if name.endswith(".weight")):
        widths.setdefault(name[4], []).append(weights[name].shape[0])
    blocks = tuple(tuple(block) for block in widths.values())
    return StackPlan("builtin", blocks, mean=(0.5, 0.5, 0.5), std=(0.25, 0.25, 0.25), padding="replicate")


def trained(path: Path, pooling: Pooling = "average") -> Network:
    """A network that `tools/train_builtin.py` wrote to `path`."""
    weights = load_file(path)
    return Network(plan_of(weights), weights, pooling)


class Judge:
    """Tells how far a painting is from its content and from its style, by a network that had no part in painting it.

    Trained like the built-in network, but of another shape, with maximum pooling, from another seed, and asked
    something else: which crops belong together and which way up they are (`networks/judge.json`).
    """

    CONTENT = ("relu3_2", "relu4_2")
    STYLE = ("relu1_2", "relu2_2", "relu3_2", "relu4_2", "relu5_1")

    def __init__(self, path: Path = HOME / "judge.safetensors") -> None:
        self._network = trained(path, "max")

    @torch.no_grad()
    def content(self, painting: Image, content: Image) -> float:
        """One minus the correlation of each map with the content's, mean over maps: 0 where everything is in its
        place, 1 where nothing is. A picture in other colours, or of other contrast, is still the same content.
        """
        found = self._network.features(to_tensor(painting), self.CONTENT)
        aim = self._network.features(to_tensor(content), self.CONTENT)
        return float(torch.stack([1 - _correlation(found[layer], aim[layer]) for layer in self.CONTENT]).mean())

    @torch.no_grad()
    def style(self, painting: Image, style: Image) -> float:
        """Mean over layers of the relative difference of Gram matrices; 0 is the same statistics."""
        found = self._network.features(to_tensor(painting), self.STYLE)
        aim = self._network.features(to_tensor(style), self.STYLE)
        losses = [gram_loss(found[layer], moments(aim[layer], "gram"), "relative") for layer in self.STYLE]
        return float(torch.stack(losses).mean())


def _correlation(a: Tensor, b: Tensor) -> Tensor:
    """Of maps (1, N, h, w), each with its counterpart, mean over the maps that vary at all."""
    a, b = (maps - maps.mean((2, 3), keepdim=True) for maps in (a, b))
    strength = (a.square().sum((2, 3)) * b.square().sum((2, 3))).sqrt()
    return ((a * b).sum((2, 3)) / strength.clamp(min=1e-6))[strength > 1e-6].mean()
