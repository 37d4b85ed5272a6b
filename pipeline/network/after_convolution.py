"""What follows a convolution: its bias, the rectifier, pooling, and the border that the next one sees.

Left to separate operations, these passes over the maps and their way back take twice as long on an H100 as the
convolutions. Where a device has Triton, two kernels do them in one pass each way. torch.compile makes such kernels too;
but it fails on the way back through a border that is repeated, of maps stored channels last (torch 2.15), and it
compiles in every process, for every size, where these are compiled once and found on the disk after that.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import lru_cache
from importlib.util import find_spec
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

Stage = Callable[[Tensor, Tensor, bool, bool, bool], tuple[Tensor, Tensor | None]]
"""See `plain_stage`."""


def plain_stage(raw: Tensor, bias: Tensor, pool: bool, pad: bool, keep: bool) -> tuple[Tensor, Tensor | None]:
    """The same in plain operations.

    :param raw: what a convolution without bias gave, (N, C, H, W).
    :param pool: whether each 2x2 positions become their mean; the last row or column of an odd number is left out.
    :param pad: whether one position is added beyond each border, which repeats the border.
    :param keep: whether the rectified maps are wanted.
    :return: what is handed on, and the rectified maps (N, C, H, W) where they are wanted.
    """
    rectified = F.relu(raw + bias.view(1, -1, 1, 1))
    handed_on = F.avg_pool2d(rectified, 2) if pool else rectified
    if pad:
        handed_on = F.pad(handed_on, (1, 1, 1, 1), mode="replicate")
    return handed_on, rectified if keep else None


class Kernels(Protocol):
    """What a device can do in one pass."""

    def fused_stage(self, raw: Tensor, bias: Tensor, pool: bool, pad: bool, keep: bool) -> tuple[Tensor, Tensor | None]:
        """As `plain_stage`."""
        ...

    def row_products(self, rows: Tensor, vectors: Tensor) -> Tensor:
        """As `rows.plain_row_products`."""
        ...


def fused_stage_on(device: torch.device) -> Stage | None:
    """`plain_stage` in one pass each way; None where the device has no kernels for that."""
    kernels = kernels_on(device)
    return None if kernels is None else kernels.fused_stage


def kernels_on(device: torch.device) -> Kernels | None:
    """The kernels of a device; None where it has none."""
    return None if device.type != "cuda" or find_spec("triton") is None else _tried(device)


@lru_cache(maxsize=8)
def _tried(device: torch.device) -> Kernels | None:
    """Triton wants a C compiler beside a GPU that it knows."""
    try:
        from pipeline.network import fused_kernels

        maps, bias = torch.zeros((1, 2, 2, 2), device=device), torch.zeros(2, device=device)
        fused_kernels.fused_stage(maps, bias, True, True, False)
    except Exception as error:
        warnings.warn(
            f"The fused kernels do not run on this device, so painting is slower: {type(error).__name__}: {error}",
            RuntimeWarning,
            stacklevel=2,
        )
        return None
    return fused_kernels
