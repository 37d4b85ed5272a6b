"""How Triton kernels are started: what all files of kernels have in common."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor

# As Triton does it unless told otherwise, of which it warns from 3.9 on.
OPTIONS = {"enable_fp_fusion": True}


def on_device_of(tensor: Tensor) -> AbstractContextManager[object]:
    """Triton starts kernels on the device that is current; a tensor may be on another GPU."""
    return torch.cuda.device(tensor.device) if tensor.device.type == "cuda" else nullcontext()


def interpreted() -> bool:
    """Whether kernels that are defined now run in Triton's interpreter."""
    return os.environ.get("TRITON_INTERPRET", "0") == "1"


def power_of_two(count: int, least: int = 1) -> int:
    """The smallest one that is no less than `count`, nor than `least`: what blocks in kernels are long."""
    return max(least, 1 << max(0, count - 1).bit_length())
