"""Dense inverse search (Kroeger et al., ECCV 2016, "Fast Optical Flow using Dense Inverse Search") in torch: all pairs
of a frame, both ways, at once.

OpenCV's, which serves on a CPU (`motion.flow.Dis`), goes from patch to patch, each of which begins with what its
neighbours have found. Here all patches go at once, and look at their neighbours between rounds; and the equations of
the refinement are solved by Jacobi's iteration with Chebyshev's weights instead of over-relaxation. Nothing is
scattered and no value is read back: the same frames give the same flow, and the work can be recorded (`device_graph`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from pipeline.network.kernels import MotionKernels
from pipeline.network.variational import VariationalRefinement, central_differences

PATCH = 8
"""Pixels of the side of a patch."""
STRIDE = 4
"""Pixels from one patch to the next: each pixel is in four."""
ROUNDS = 2
"""Times that a patch looks at its neighbours, and then descends."""
DESCENTS = 4
"""Steps down in a round. With six, or with three rounds of four, the end-point error was the same to .02 pixels."""
DAMPING = 1e-3
"""Share of the mean of a patch's curvatures that is added to both: along an edge there is almost none."""
NEIGHBOURS = ((0, 1), (2, 1), (1, 0), (1, 2))
"""Above, below, before and behind, in rows and columns of patches with a border of one."""


@dataclass(frozen=True)
class _Level:
    """What of a level of the pyramid depends on its size alone."""

    height: int
    width: int
    pixels: Tensor
    """Place of each pixel, as `grid_sample` counts from -1 to 1; (1, height, width, 2)."""
    points: Tensor
    """The same of each pixel of each patch, (1, patches, 64, 2)."""
    scale: Tensor
    """What a pixel is in that count, (2,)."""
    middles: tuple[Tensor, Tensor]
    """Row and column of the pixel in the middle of each patch, int64 (rows,) and (columns,)."""

    @property
    def patches(self) -> tuple[int, int]:
        """Rows and columns of patches. The first ones begin half a patch before the picture."""
        return -(-self.height // STRIDE) + 1, -(-self.width // STRIDE) + 1

    @classmethod
    def of(cls, height: int, width: int, device: torch.device) -> _Level:
        def places(length: int) -> tuple[Tensor, Tensor, float]:
            share = 2 / max(1, length - 1)
            patches = STRIDE * (torch.arange(-(-length // STRIDE) + 1)[:, None] - 1) + torch.arange(PATCH)
            return torch.arange(length) * share - 1, patches * share - 1, share

        (y, rows, down), (x, columns, across) = places(height), places(width)
        pixels = torch.stack((x.expand(height, -1), y[:, None].expand(-1, width)), -1)
        shape = (len(rows), len(columns), PATCH, PATCH)
        points = torch.stack((columns[None, :, None, :].expand(shape), rows[:, None, :, None].expand(shape)), -1)
        middles = [(STRIDE * torch.arange(len(one))).clamp(max=length - 1).to(device) for one, length in
                   ((rows, height), (columns, width))]  # fmt: skip
        return cls(
            height,
            width,
            pixels[None].float().contiguous().to(device),
            points.reshape(1, -1, PATCH * PATCH, 2).float().contiguous().to(device),
            torch.tensor([across, down], dtype=torch.float32).to(device),
            (middles[0], middles[1]),
        )

    def sampled(self, image: Tensor, flow: Tensor) -> Tensor:
        """A picture (N, C, height, width) at x + flow(x), flow (N, height, width, 2): bilinear, its border repeated."""
        return F.grid_sample(image, self.pixels + flow * self.scale, "bilinear", "border", align_corners=True)

    def sampled_patches(self, image: Tensor, flow: Tensor) -> Tensor:
        """The same of one flow a patch, (N, patches, 2): (N, patches, 64)."""
        places = self.points + (flow * self.scale)[:, :, None]
        return F.grid_sample(image, places, "bilinear", "border", align_corners=True)[:, 0]

    def in_patches(self, image: Tensor) -> Tensor:
        """The pixels of all patches, (N, 1, height, width) to (N, patches, 64); the border is repeated."""
        rows, columns = self.patches
        below, right = (STRIDE * count - length for count, length in ((rows, self.height), (columns, self.width)))
        padded = F.pad(image, (STRIDE, right, STRIDE, below), mode="replicate")
        found = padded.unfold(2, PATCH, STRIDE).unfold(3, PATCH, STRIDE)
        return found.reshape(len(image), rows * columns, PATCH * PATCH)


class InverseSearch:
    """Finds the flow of several pairs of frames of one size, of more than one pixel."""

    def __init__(self, height: int, width: int, device: torch.device, kernels: MotionKernels | None = None) -> None:
        """
        :param kernels: do the same in fewer launches, where a device has them.
        """
        self._kernels = kernels
        self._levels = [_Level.of(height, width, device)]
        for _ in range(coarsest_level(height, width)):
            finer = self._levels[-1]
            self._levels.append(_Level.of(-(-finer.height // 2), -(-finer.width // 2), device))
        self._refinement = VariationalRefinement()

    def __call__(self, before: Tensor, after: Tensor) -> Tensor:
        """The flow from each frame of `before` to that of `after`.

        :param before: float32 (N, 1, H, W), from 0 to 255.
        :return: float32 (N, H, W, 2): pixels to the right and down.
        """
        pyramid = [(before, after)]
        for _ in self._levels[1:]:
            finer, further = pyramid[-1]
            pyramid.append((_halved(finer), _halved(further)))
        coarsest = self._levels[-1]
        flow = before.new_zeros((len(before), coarsest.height, coarsest.width, 2))
        for level, (one, other) in zip(reversed(self._levels), reversed(pyramid), strict=True):
            if level is not coarsest:
                flow = _doubled(flow)[:, : level.height, : level.width]
            middles = flow.index_select(1, level.middles[0]).index_select(2, level.middles[1])
            if self._kernels is None:
                flow = _densified(level, one, other, _searched(level, one, other, middles))
            else:
                flow = self._kernels.densified(one, other, self._kernels.searched(one, other, middles))
            flow = flow + self._refinement(one, level.sampled(other, flow), flow, self._kernels)
        return flow


def coarsest_level(height: int, width: int) -> int:
    """How often frames are halved; as OpenCV does it."""
    if min(height, width) < PATCH:
        return 0
    return max(
        0, min(int(math.log2(max(height, width) / (4 * PATCH)) + 0.5), int(math.log2(min(height, width) / PATCH)))
    )


def _halved(image: Tensor) -> Tensor:
    """At half the size: the mean of four pixels. A border of odd length is repeated."""
    height, width = image.shape[-2:]
    return F.avg_pool2d(F.pad(image, (0, width % 2, 0, height % 2), mode="replicate"), 2)


def _doubled(flow: Tensor) -> Tensor:
    """The flow (N, h, w, 2) at twice the size."""
    wide = F.interpolate(flow.permute(0, 3, 1, 2), scale_factor=2, mode="bilinear", align_corners=False)
    return 2 * wide.permute(0, 2, 3, 1)


def _searched(level: _Level, before: Tensor, after: Tensor, middles: Tensor) -> Tensor:
    """The flow of each patch, (N, rows, columns, 2), beginning with that of the pixel in its middle.

    It descends to the least sum of squares of what differs from the patch found, but for its mean: Kroeger et al.,
    section 2.1. What makes that larger, or leads farther than a patch is long, is given up.
    """
    rows, columns = level.patches
    patch = level.in_patches(before)
    slopes = torch.stack([level.in_patches(one) for one in _sobel(before)], 2)
    # Without their means: then it is no matter what the mean of the other patch is.
    slopes = slopes - slopes.mean(-1, keepdim=True)
    own = (slopes * patch[:, :, None]).sum(-1)
    across, down = slopes.square().sum(-1).unbind(-1)
    mixed = slopes.prod(2).sum(-1)
    # The 1 stands for nothing: where a patch is flat, all of the slopes are 0.
    damping = DAMPING / 2 * (across + down) + 1
    across, down = across + damping, down + damping
    share = 1 / (across * down - mixed * mixed)
    inverse = torch.stack((down * share, -mixed * share, -mixed * share, across * share), -1)
    inverse = inverse.view(*share.shape, 2, 2)

    def misfit(at: Tensor) -> Tensor:
        away = level.sampled_patches(after, at) - patch
        return away.square().sum(-1) - away.sum(-1).square() / PATCH**2

    found = middles.reshape(len(middles), rows * columns, 2)
    least = misfit(found)
    for _ in range(ROUNDS):
        around = F.pad(found.view(-1, rows, columns, 2).permute(0, 3, 1, 2), (1, 1, 1, 1), mode="replicate")
        for y, x in NEIGHBOURS:
            theirs = around[:, :, y : y + rows, x : x + columns].permute(0, 2, 3, 1).reshape(found.shape)
            of_theirs = misfit(theirs)
            found = torch.where((of_theirs < least)[..., None], theirs, found)
            least = torch.minimum(least, of_theirs)
        lower = found
        for _ in range(DESCENTS):
            slope = (slopes * level.sampled_patches(after, lower)[:, :, None]).sum(-1) - own
            lower = lower - (inverse * slope[:, :, None]).sum(-1)
        of_lower = misfit(lower)
        taken = (of_lower < least) & ((lower - found).square().sum(-1) < PATCH**2)
        found = torch.where(taken[..., None], lower, found)
        least = torch.where(taken, of_lower, least)
    return _smoothed(found.view(middles.shape))


def _smoothed(patches: Tensor) -> Tensor:
    """The flow of patches (N, rows, columns, 2): of each part of it the median of three by three (Sun, Roth and Black,
    CVPR 2010, "Secrets of optical flow estimation and their principles").

    Where there is little to see, patches find noise, each its own, and paintings tear there: nine frames of bikes
    (`draft`, 192 pixels) had an E_warp of 0.000728 without this and 0.000524 with it, by OpenCV's flow 0.000603.
    """
    around = F.pad(patches.permute(0, 3, 1, 2), (1, 1, 1, 1), mode="replicate")
    nine = around.unfold(2, 3, 1).unfold(3, 3, 1).flatten(4)
    return nine.median(-1).values.permute(0, 2, 3, 1).contiguous()


def _densified(level: _Level, before: Tensor, after: Tensor, patches: Tensor) -> Tensor:
    """The flow of each pixel, (N, height, width, 2): the mean of the four patches that it is in, each by how well it
    fits this pixel (Kroeger et al., equation 3)."""
    rows, columns = (count - 1 for count in level.patches)
    total, weights = patches.new_zeros(()), patches.new_zeros(())
    for y in (0, 1):
        for x in (0, 1):
            one = patches[:, y : y + rows, None, x : x + columns, None]
            flow = one.expand(-1, rows, STRIDE, columns, STRIDE, 2).reshape(-1, STRIDE * rows, STRIDE * columns, 2)
            flow = flow[:, : level.height, : level.width]
            weight = 1 / (level.sampled(after, flow) - before).abs().clamp(min=1).permute(0, 2, 3, 1)
            total, weights = total + weight * flow, weights + weight
    return total / weights


def _sobel(image: Tensor) -> tuple[Tensor, Tensor]:
    """The slopes of a picture (N, 1, H, W) across and down, levels a pixel: central differences, smoothed along the
    other side."""
    across, down = central_differences(image)
    above, beside = F.pad(across, (0, 0, 1, 1), mode="replicate"), F.pad(down, (1, 1, 0, 0), mode="replicate")
    return (
        (above[..., :-2, :] + 2 * across + above[..., 2:, :]) / 4,
        (beside[..., :-2] + 2 * down + beside[..., 2:]) / 4,
    )
