"""What a feature network is: a picture in, named feature maps out."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import partial
from itertools import groupby
from typing import Literal, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pipeline.errors import SettingsError, WeightsError
from pipeline.network.kernels import FirstStage, Pool, Stage, first_weight, kernels_on

Pooling = Literal["average", "max"]
Padding = Literal["zeros", "replicate"]
"""What convolutions see beyond the border: nothing, or the border repeated."""
Part = Callable[[Tensor], tuple[Tensor, dict[str, Tensor]]]
"""A stretch of a network: what it hands on to the next stretch, and the maps of those of its layers that are wanted."""


@dataclass(frozen=True)
class StackPlan:
    """The shape of a VGG-like network (Simonyan and Zisserman 2015): blocks of 3x3 convolutions."""

    name: str
    blocks: tuple[tuple[int, ...], ...]
    """Output channels of each convolution, block by block; a 2x2 pooling stands between blocks."""
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    """The input, RGB in 0..1, is normalised to (x - mean) / std."""

    @property
    def convolutions(self) -> tuple[tuple[str, int, int], ...]:
        """(suffix such as '3_1', channels in, channels out) of every convolution, in order."""
        layers = []
        channels = 3
        for block, widths in enumerate(self.blocks, start=1):
            for number, width in enumerate(widths, start=1):
                layers.append((f"{block}_{number}", channels, width))
                channels = width
        return tuple(layers)


class Network(nn.Module):
    """A frozen VGG-like network.

    Layer `conv{b}_{i}` is the response of a convolution before the rectifier, `relu{b}_{i}` after it. (Caffe
    rectifies in place, so what the literature calls conv4_2 is `relu4_2` here.)
    """

    def __init__(
        self, plan: StackPlan, weights: Mapping[str, Tensor], pooling: Pooling = "average", digest: str = ""
    ) -> None:
        """
        :param weights: `conv1_1.weight` (out, in, 3, 3) and `conv1_1.bias` (out,) and so on for every layer.
        :param digest: hash of the file the weights came from; results carry it.
        :raises WeightsError: a tensor is missing or has another shape.
        """
        super().__init__()
        self.plan = plan
        self.name = plan.name
        self.digest = digest
        self.pooling = pooling
        self.layers: tuple[str, ...] = tuple(
            f"{kind}{suffix}" for suffix, _, _ in plan.convolutions for kind in ("conv", "relu")
        )
        self.convolutions = nn.ModuleDict()
        for suffix, channels_in, channels_out in plan.convolutions:
            # Not filled with random numbers first, which would take as long as reading the weights.
            shape = nn.Conv2d(channels_in, channels_out, 3, padding=1, device="meta")
            convolution = shape.to_empty(device="cpu")
            for part in ("weight", "bias"):
                _fill(getattr(convolution, part), weights, f"conv{suffix}.{part}", plan.name)
            self.convolutions[f"conv{suffix}"] = convolution
        self.mean: Tensor
        self.std: Tensor
        self.register_buffer("mean", torch.tensor(plan.mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(plan.std).view(1, 3, 1, 1), persistent=False)
        self._normalising: tuple[Tensor, Tensor]
        self._first_weight: Tensor
        self.stage: Stage | None = None
        """Does what follows each convolution in one pass, where the device has that."""
        self.first_stage: FirstStage | None = None
        """... and the first one altogether."""
        self.requires_grad_(False)
        self.eval()

    def placed(self, device: torch.device, dtype: torch.dtype, memory_format: torch.memory_format) -> Network:
        """This network, moved. Only the convolutions change their number format: normalising stays float32."""
        self.mean, self.std = self.mean.to(device), self.std.to(device)
        self._normalising = (1 / self.std).flatten(), (-self.mean / self.std).flatten()
        self.convolutions.to(device=device, dtype=dtype)
        self._first_weight = first_weight(cast(nn.Conv2d, next(iter(self.convolutions.values()))).weight)
        self.convolutions.to(memory_format=memory_format)
        kernels = kernels_on(device)
        self.stage = kernels.stage if kernels is not None else None
        self.first_stage = kernels.first_stage if kernels is not None and dtype == torch.bfloat16 else None
        return self

    def padded(self, padding: Padding) -> Network:
        """This network, with that beyond the border. VGG was trained with zeros; they paint a seam along the border."""
        for convolution in self.convolutions.values():
            cast(nn.Conv2d, convolution).padding_mode = padding
        return self

    @property
    def dtype(self) -> torch.dtype:
        """Number format in which the convolutions run."""
        return next(self.parameters()).dtype

    def smallest_side(self, layers: Iterable[str]) -> int:
        """Shortest picture side, in pixels, for which the deepest of `layers` is at least one pixel wide."""
        return int(2 ** (max(int(self._known(layer)[4]) for layer in layers) - 1))

    def overlap(self, layers: Iterable[str]) -> int:
        """Pixels beside an end that is no border of the picture, within which maps of `layers` depend on what lies
        beyond it. Where the end lies on a multiple of `smallest_side(layers)`, this is one too."""
        places = 0
        deepest = max(self._known(layer)[4:] for layer in layers)
        for block, names in groupby(self.convolutions, lambda name: name[4]):
            # From one block to the next two places become one, wrong where one of them is.
            places = math.ceil(places / 2)
            for name in names:
                places += 1
                if name[4:] == deepest:
                    return int(places * 2 ** (int(block) - 1))
        return 0

    def features(self, image: Tensor, layers: Iterable[str]) -> dict[str, Tensor]:
        """Feature maps of a picture, computed no deeper than the deepest layer asked for.

        :param image: float, shape (N, 3, H, W), RGB in 0..1.
        :param layers: names out of `self.layers`.
        :return: layer -> float map of shape (N, C, h, w), in the network's own number format.
        :raises SettingsError: a layer that this network does not have.
        """
        wanted_maps: dict[str, Tensor] = {}
        for part in self.parts(layers):
            image, maps = part(image)
            wanted_maps.update(maps)
        return wanted_maps

    def parts(self, layers: Iterable[str]) -> list[Part]:
        """The network as a chain of its blocks, each with the pooling after it, no deeper than the deepest of `layers`.

        The first one takes a picture, each further one what the one before hands on. For whoever cannot keep the maps
        of all blocks at once.

        :param layers: names out of `self.layers`.
        :raises SettingsError: a layer that this network does not have.
        """
        wanted = frozenset(self._known(layer) for layer in layers)
        names = list(self.convolutions)
        needed = names[: max((names.index(f"conv{layer[4:]}") + 1 for layer in wanted), default=0)]
        # In one pass, the response of a convolution before its bias and rectifier is nowhere.
        fused = self.stage is not None and all(layer.startswith("relu") for layer in wanted)
        part = self._fused_part if fused else self._part
        return [partial(part, list(block), needed[-1], wanted) for _, block in groupby(needed, lambda name: name[4])]

    def _part(
        self, block: Sequence[str], deepest: str, wanted: frozenset[str], x: Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        wanted_maps: dict[str, Tensor] = {}
        if block[0] == next(iter(self.convolutions)):
            x = self._normalised(x)
        for name in block:
            x = self.convolutions[name](x)
            if name in wanted:
                wanted_maps[name] = x
            rectified = f"relu{name[4:]}"
            if name == deepest and rectified not in wanted:
                break
            # In place where nobody asked for what was there before.
            x = F.relu(x, inplace=name not in wanted)
            if rectified in wanted:
                wanted_maps[rectified] = x
        if deepest not in block:
            x = F.avg_pool2d(x, 2) if self.pooling == "average" else F.max_pool2d(x, 2)
        return x, wanted_maps

    def _fused_part(
        self, block: Sequence[str], deepest: str, wanted: frozenset[str], x: Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """As `_part`. What it is handed and hands on has the border beyond it already that convolutions want."""
        assert self.stage is not None
        wanted_maps: dict[str, Tensor] = {}
        first = cast(nn.Conv2d, self.convolutions[block[0]])
        replicate = first.padding_mode == "replicate"
        names = list(block)
        if block[0] == next(iter(self.convolutions)):
            # Neither pooled nor the last one there is.
            if self.first_stage is not None and x.shape[0] == 1 and len(block) > 1 and block[0] != deepest:
                keep = f"relu{names.pop(0)[4:]}" in wanted
                assert first.bias is not None
                x, maps = self.first_stage(x, self._first_weight, first.bias, *self._normalising, replicate, keep)
                if maps is not None:
                    wanted_maps[f"relu{block[0][4:]}"] = maps
            else:
                x = self._normalised(x)
                x = F.pad(x, (1, 1, 1, 1), mode="replicate") if replicate else x
                # Otherwise the gradient of all that the first convolution gives is copied twice on its way back.
                x = x.contiguous(memory_format=torch.channels_last)
        for name in names:
            convolution = cast(nn.Conv2d, self.convolutions[name])
            assert convolution.bias is not None
            raw = F.conv2d(x, convolution.weight, padding=0 if replicate else 1)
            rectified = f"relu{name[4:]}"
            last = name == deepest
            pool: Pool = self.pooling if name == block[-1] and not last else "none"
            x, maps = self.stage(raw, convolution.bias, pool, replicate and not last, rectified in wanted and not last)
            if rectified in wanted:
                wanted_maps[rectified] = x if maps is None else maps
        return x, wanted_maps

    def _normalised(self, image: Tensor) -> Tensor:
        # In one pass: x / std - mean / std.
        return torch.addcmul(-self.mean / self.std, image, 1 / self.std).to(self.dtype)

    def _known(self, layer: str) -> str:
        if layer in self.layers:
            return layer
        near = get_close_matches(layer, self.layers, n=1, cutoff=0)
        raise SettingsError(
            f"The network {self.name!r} has no layer {layer!r}; the nearest it has is {near[0]!r}. "
            f"It has {_ranges(self.layers)}, each as convX_Y (before the rectifier) and reluX_Y (after it)."
        )


def _fill(parameter: Tensor, weights: Mapping[str, Tensor], key: str, network: str) -> None:
    if key not in weights:
        raise WeightsError(f"The weights for {network!r} lack the tensor {key!r}: this is not a {network} file.")
    values = weights[key]
    if values.shape != parameter.shape:
        raise WeightsError(
            f"The weights for {network!r} do not fit: {key!r} has shape {tuple(values.shape)}, "
            f"{tuple(parameter.shape)} was expected. This is not a {network} file."
        )
    parameter.data.copy_(values)


def _ranges(layers: Sequence[str]) -> str:
    """'1_1, 1_2, 2_1 …' once for each convolution."""
    return ", ".join(layer[4:] for layer in layers if layer.startswith("conv"))
