"""Photos of a folder or a zip, as one tensor, and distorted crops of them."""

from __future__ import annotations

import io
import math
import zipfile
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

CANVAS = 288
SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")
# A crop shows a fifth to four fifths of a photo's side.
SMALLEST_SHARE, LARGEST_SHARE = 56 / CANVAS, 230 / CANVAS


def read_photos(path: Path) -> Tensor:
    """Every photo of a folder or a zip, as one uint8 tensor (N, 3, CANVAS, CANVAS): centre square, resized.

    :raises SystemExit: there is none.
    """
    if path.is_dir():
        files = [p.read_bytes() for p in sorted(path.rglob("*")) if p.suffix.lower() in SUFFIXES]
    elif zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            files = [archive.read(name) for name in sorted(archive.namelist()) if name.lower().endswith(SUFFIXES)]
    else:
        raise SystemExit(f"{path} is neither a folder nor a zip of photos.")
    if not files:
        raise SystemExit(f"{path} holds no photo ({', '.join(SUFFIXES)}).")
    return torch.stack([_square(data) for data in files])


def _square(data: bytes) -> Tensor:
    with Image.open(io.BytesIO(data)) as picture:
        side = min(picture.size)
        left, top = (picture.width - side) // 2, (picture.height - side) // 2
        square = picture.convert("RGB").resize(
            (CANVAS, CANVAS), Image.Resampling.LANCZOS, (left, top, left + side, top + side)
        )
        return torch.from_numpy(np.array(square)).permute(2, 0, 1)


def crops(photos: Tensor, chosen: Tensor, side: int, colour: float, generator: torch.Generator) -> Tensor:
    """One distorted crop of each chosen photo, float (N, 3, side, side) in 0..1, on the photos' device.

    Any size between SMALLEST_SHARE and LARGEST_SHARE of the photo (log-uniform), any place, a turn of up to 20
    degrees, mirrored half of the time; brightness and contrast vary by 15 %, each colour channel by `colour`.
    All chances come from `generator`, on the CPU, so that every device sees the same crops.
    """
    count = len(chosen)

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        return low + (high - low) * torch.rand(*shape, generator=generator)

    scale = torch.exp(uniform(math.log(SMALLEST_SHARE), math.log(LARGEST_SHARE), count))
    angle = uniform(-0.35, 0.35, count)
    mirror = torch.where(torch.rand(count, generator=generator) < 0.5, -1.0, 1.0)
    shift = uniform(-1, 1, count, 2) * (1 - scale).unsqueeze(1)
    cosine, sine = scale * torch.cos(angle), scale * torch.sin(angle)
    matrix = torch.stack(
        [
            torch.stack([cosine * mirror, -sine, shift[:, 0]], 1),
            torch.stack([sine * mirror, cosine, shift[:, 1]], 1),
        ],
        1,
    )
    # Twice the size, then halved: half-pixel aliasing would teach the first layer noise.
    grid = F.affine_grid(matrix, [count, 3, 2 * side, 2 * side], align_corners=False).to(photos.device)
    batch = photos[chosen.to(photos.device)].float() / 255
    batch = F.avg_pool2d(F.grid_sample(batch, grid, padding_mode="reflection", align_corners=False), 2)
    gain = uniform(0.85, 1.15, count, 1, 1, 1) * uniform(1 - colour, 1 + colour, count, 3, 1, 1)
    offset = uniform(-0.08, 0.08, count, 1, 1, 1)
    return ((batch - 0.5) * gain.to(batch.device) + 0.5 + offset.to(batch.device)).clamp(0, 1)
