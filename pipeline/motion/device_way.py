"""How paintings get from earlier frames to a later one, found on the device that has found the flow: what `track.track`
and `carry.way_of` do, for several earlier frames at once, with no value read back.

What is rounded there is rounded here: a weight may differ where a measure stands at its limit, a place by a 32nd of a
pixel, and light by hundredths of a level.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from pipeline.motion.carry import blurred
from pipeline.motion.track import ALIKE, NOISE
from pipeline.network.variational import central_differences

PARTS = 32
"""Of a pixel, to which places are rounded, as `cv2.remap` does."""
DARKEST = -255
"""Of two frames that differ by all there is."""


class WayFinder:
    """Finds them for frames of one size."""

    def __init__(self, height: int, width: int, device: torch.device) -> None:
        self._size = (height, width)
        self._x = torch.arange(width, device=device, dtype=torch.float32)
        self._y = torch.arange(height, device=device, dtype=torch.float32)[:, None]
        sigma = max(1.0, max(height, width) / 16)
        # As `carry.light_change` blurs: along each side it is a product with a matrix.
        self._down = torch.from_numpy(_blurring(height, sigma)).to(device)
        self._across = torch.from_numpy(_blurring(width, sigma)).to(device).T.contiguous()

    def __call__(self, earlier: Tensor, later: Tensor, flow: Tensor, reverse: Tensor) -> Tensor:
        """How paintings get from each of the earlier frames to the later one.

        :param earlier: levels from 0 to 255, float32 (N, 3, H, W).
        :param later: (1, 3, H, W).
        :param flow: from the later frame to the earlier ones, float32 (N, 2, H, W).
        :param reverse: from these to the later one.
        :return: the bytes of each, uint8 (N, 19 H W and up to three more), as `Way.from_bytes` reads them.
        """
        height, width = self._size
        x, y = self._x + flow[:, 0], self._y + flow[:, 1]
        inside = (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)
        # Rounded as for `cv2.remap`, by which paintings are moved there.
        x, y = x.clamp(0, width - 1), y.clamp(0, height - 1)
        fine_x, fine_y = (torch.round(PARTS * one).to(torch.int32) for one in (x, y))
        grid = torch.stack((fine_x * (2 / (PARTS * max(1, width - 1))) - 1,
                            fine_y * (2 / (PARTS * max(1, height - 1))) - 1), -1)  # fmt: skip
        back = F.grid_sample(reverse, grid, "bilinear", "border", align_corners=True)
        aligned = F.grid_sample(earlier, grid, "bilinear", "border", align_corners=True).round()
        lengths, lengths_back = _squares(flow), _squares(back)
        hidden = _squares(flow + back) > 0.01 * (lengths + lengths_back) + 0.5
        across, down = central_differences(flow)
        boundary = _squares(across) + _squares(down) > 0.01 * lengths + 0.002
        moving = F.max_pool2d(lengths[:, None], 3, 1, 1)[:, 0] >= NOISE**2
        trusted = inside & ~hidden & ~(boundary & moving)
        change = later - aligned
        light = _medians(change, trusted)[:, :, None, None]
        alike = (change - light).abs().sum(1) / 3 <= ALIKE
        weights = (trusted & alike).float()[:, None]
        kept = self._down @ torch.cat((change * weights, weights), 1) @ self._across
        light = (kept[:, :3] / (kept[:, 3:] + 0.01)).permute(0, 2, 3, 1)
        places = torch.stack((fine_x // PARTS, fine_y // PARTS), -1).to(torch.int16)
        parts = (fine_y % PARTS * PARTS + fine_x % PARTS).to(torch.int16)
        found = (light, places, parts, weights.to(torch.uint8))
        whole = torch.cat([one.contiguous().view(torch.uint8).flatten(1) for one in found], 1)
        # Numbers of four bytes begin where four divides, in each of them.
        return F.pad(whole, (0, -whole.shape[1] % 4))


def _squares(flow: Tensor) -> Tensor:
    """|w|^2 of (N, 2, H, W): (N, H, W)."""
    return flow.square().sum(1)


def _medians(levels: Tensor, where: Tensor) -> Tensor:
    """The median of each channel of whole numbers from -255 to 255, (N, 3, H, W), over the pixels `where`, (N, H, W):
    (N, 3). Found by halving: counts are sums of whole numbers, and the same in whatever order they are made."""
    numbers, trusted = levels.flatten(2), where.flatten(1)[:, None]
    count = trusted.sum(2)
    # Of an even number it is the mean of two.
    middle = torch.stack(
        (torch.div(count - 1, 2, rounding_mode="floor") + 1, torch.div(count, 2, rounding_mode="floor")), -1
    )
    low = torch.full((*levels.shape[:2], 2), DARKEST, dtype=torch.int32, device=levels.device)
    high = torch.full_like(low, -DARKEST)
    for _ in range((-2 * DARKEST).bit_length()):
        between = torch.div(low + high, 2, rounding_mode="floor")
        below = torch.stack([((numbers <= one[..., None]) & trusted).sum(2) for one in between.unbind(-1)], -1)
        enough = below >= middle
        high, low = torch.where(enough, between, high), torch.where(enough, low, between + 1)
    return high.float().mean(-1)


def _blurring(length: int, sigma: float) -> npt.NDArray[np.float32]:
    """What `carry.blurred` does along a side of that length, as a matrix."""
    return np.hstack([blurred(column[:, None], sigma).reshape(-1, 1) for column in np.eye(length, dtype=np.float32)])
