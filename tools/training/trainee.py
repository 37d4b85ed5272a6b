"""The network under training, and how it becomes a frozen one: batch norm folded away, every map scaled."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pipeline.network.base import Pooling, StackPlan

# A map less active than this share of its layer's mean activation is not raised to one, or its rare peaks would
# outweigh everything in the Gram matrix.
LEAST_ACTIVE = 0.1


def pooled(x: Tensor, pooling: Pooling) -> Tensor:
    return F.avg_pool2d(x, 2) if pooling == "average" else F.max_pool2d(x, 2)


class Trainee(nn.Module):
    """A network of that plan, with batch norm after each convolution."""

    def __init__(self, plan: StackPlan, pooling: Pooling = "average") -> None:
        super().__init__()
        self.plan = plan
        self.pooling = pooling
        self.convolutions = nn.ModuleDict()
        self.norms = nn.ModuleDict()
        for suffix, channels_in, channels_out in plan.convolutions:
            convolution = nn.Conv2d(channels_in, channels_out, 3, padding=1, bias=False, padding_mode=plan.padding)
            nn.init.kaiming_normal_(convolution.weight, nonlinearity="relu")
            self.convolutions[suffix] = convolution
            self.norms[suffix] = nn.BatchNorm2d(channels_out)
        self.mean: Tensor
        self.std: Tensor
        self.register_buffer("mean", torch.tensor(plan.mean).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(plan.std).view(1, 3, 1, 1))

    def forward(self, image: Tensor) -> list[Tensor]:
        """The last maps (N, C, h, w) of every block, from an image (N, 3, H, W) in 0..1."""
        x = (image - self.mean) / self.std
        found = []
        for block, widths in enumerate(self.plan.blocks, start=1):
            if block > 1:
                x = pooled(x, self.pooling)
            for number in range(1, len(widths) + 1):
                suffix = f"{block}_{number}"
                x = F.relu(self.norms[suffix](self.convolutions[suffix](x)))
            found.append(x)
        return found


def folded(trainee: Trainee) -> dict[str, Tensor]:
    """Convolutions with their batch norm folded in: `conv1_1.weight`, `conv1_1.bias`, …, on the CPU."""
    weights = {}
    for suffix, _, _ in trainee.plan.convolutions:
        norm, convolution = trainee.norms[suffix], trainee.convolutions[suffix]
        assert isinstance(norm, nn.BatchNorm2d) and norm.running_var is not None and norm.running_mean is not None
        assert isinstance(convolution, nn.Conv2d)
        gain = norm.weight / torch.sqrt(norm.running_var + norm.eps)
        kernel = convolution.weight
        weights[f"conv{suffix}.weight"] = (kernel * gain.view(-1, 1, 1, 1)).detach().cpu()
        weights[f"conv{suffix}.bias"] = (norm.bias - norm.running_mean * gain).detach().cpu()
    return weights


@torch.no_grad()
def with_mean_activation_one(
    plan: StackPlan, weights: dict[str, Tensor], photos: Tensor, pooling: Pooling = "average"
) -> dict[str, Tensor]:
    """Scale every map so that its mean after the rectifier is one over `photos` (uint8, (N, 3, H, W)).

    As Gatys et al. do with VGG. Exact, because relu(a x) = a relu(x) for a > 0, and pooling keeps a factor: what a
    layer gains, the next one's kernel loses.
    """
    weights = dict(weights)
    mean, std = torch.tensor(plan.mean).view(1, 3, 1, 1), torch.tensor(plan.std).view(1, 3, 1, 1)
    maps = [(p.unsqueeze(0).float() / 255 - mean) / std for p in photos[:: max(1, len(photos) // 100)]]
    undo = torch.ones(3)
    block = "1"
    mode = "replicate" if plan.padding == "replicate" else "constant"
    for suffix, _, _ in plan.convolutions:
        if suffix[0] != block:
            block, maps = suffix[0], [pooled(m, pooling) for m in maps]
        kernel, bias = weights[f"conv{suffix}.weight"] / undo.view(1, -1, 1, 1), weights[f"conv{suffix}.bias"]
        raw = [F.relu(F.conv2d(F.pad(m, (1, 1, 1, 1), mode=mode), kernel, bias)) for m in maps]
        average = torch.stack([m.mean((0, 2, 3)) for m in raw]).mean(0)
        gain = 1 / average.clamp(min=LEAST_ACTIVE * float(average.mean()))
        weights[f"conv{suffix}.weight"] = kernel * gain.view(-1, 1, 1, 1)
        weights[f"conv{suffix}.bias"] = bias * gain
        maps = [m * gain.view(1, -1, 1, 1) for m in raw]
        undo = gain
    return weights
