"""From the pictures of the media room to the tensors of this one, and back."""

from __future__ import annotations

from typing import cast

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from pipeline.types import DeepImage

CPU = torch.device("cpu")
MOST_SHRUNK = 32
"""How many times smaller a CUDA device makes a picture at once: from some 47 on, torch has no room for the weights."""


def to_tensor(image: npt.NDArray[np.uint8] | npt.NDArray[np.uint16], device: torch.device = CPU) -> Tensor:
    """uint8 or uint16 (H, W, 3) -> float32 (1, 3, H, W) in 0..1, on a device.

    The device gets the bytes, a quarter of what the numbers take.
    """
    if image.dtype == np.uint16:
        levels = torch.from_numpy(image.astype(np.float32))
        return levels.to(device).permute(2, 0, 1).unsqueeze(0) / 65535
    # A copy: decoders hand out arrays that may not be written to, which torch warns of.
    return torch.from_numpy(np.array(image, order="C")).to(device).permute(2, 0, 1).unsqueeze(0).float() / 255


def to_image(tensor: Tensor) -> npt.NDArray[np.uint8]:
    """Float (1, 3, H, W) in 0..1 -> uint8 (H, W, 3), rounded to the nearest level. Waits for the device."""
    levels = (tensor.detach().squeeze(0).clamp(0, 1) * 255).round().to(torch.uint8)
    return np.ascontiguousarray(levels.permute(1, 2, 0).cpu().numpy())


def to_deep(tensor: Tensor) -> DeepImage:
    """Float (1, 3, H, W) in 0..1 -> uint16 (H, W, 3), rounded to the nearest level. Waits for the device."""
    levels = (tensor.detach().squeeze(0).float().clamp(0, 1) * 65535).round().permute(1, 2, 0)
    return cast(DeepImage, levels.cpu().numpy().astype(np.uint16))


def resized(tensor: Tensor, height: int, width: int) -> Tensor:
    """Float (1, 3, H, W) in 0..1 at another size: bicubic, antialiased when shrinking, still in 0..1."""
    if tensor.shape[2:] == (height, width):
        return tensor
    if tensor.is_cuda and max(tensor.shape[2] / height, tensor.shape[3] / width) > MOST_SHRUNK:
        return resized(tensor.cpu(), height, width).to(tensor.device)
    scaled = F.interpolate(tensor, (height, width), mode="bicubic", antialias=True, align_corners=False)
    return scaled.clamp(0, 1)


def scaled_size(height: int, width: int, longest: int) -> tuple[int, int]:
    """(height, width) scaled so that the longer one is `longest`; at least one pixel each."""
    scale = longest / max(height, width)
    return max(1, round(height * scale)), max(1, round(width * scale))


def enlarged(painted: Tensor, base: Tensor | None, size: tuple[int, int]) -> Tensor:
    """A painting at a larger size, with what of the picture it began as was too fine for the smaller one."""
    larger = resized(painted, *size)
    if base is None:
        return larger
    fine = resized(base, *size) - resized(resized(base, *painted.shape[2:]), *size)
    return (larger + fine).clamp(0, 1)


def blurred(maps: Tensor, deviation: float) -> Tensor:
    """A Gaussian of that deviation, in positions, over maps (1, R, h, w); the border is repeated beyond it."""
    reach = max(1, round(3 * deviation))
    places = torch.arange(-reach, reach + 1, dtype=maps.dtype, device=maps.device)
    kernel = torch.exp(-0.5 * (places / max(deviation, 1e-3)) ** 2)
    kernel = kernel / kernel.sum()
    count = maps.shape[1]
    across = F.pad(maps, (reach, reach, 0, 0), mode="replicate")
    maps = F.conv2d(across, kernel.view(1, 1, 1, -1).expand(count, -1, -1, -1), groups=count)
    down = F.pad(maps, (0, 0, reach, reach), mode="replicate")
    return F.conv2d(down, kernel.view(1, 1, -1, 1).expand(count, -1, -1, -1), groups=count)
