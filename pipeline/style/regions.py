"""Parts of a picture that are painted in styles of their own, or not at all: how much of a pixel belongs to which."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from pipeline.style.frame import OnProgress, showing
from pipeline.style.picture import blurred, to_deep, to_image, to_tensor
from pipeline.types import DeepImage, Image

FEATHER = 0.006
"""Of the longer side: deviation of the soft edge that a protected region gets."""


@dataclass(frozen=True)
class Masks:
    """What is where in a frame."""

    regions: npt.NDArray[np.uint8]
    """(R, H, W), a mask for each region: 255 where a pixel belongs to it, 0 where it does not, and between."""
    protected: npt.NDArray[np.uint8] | None = None
    """(H, W): what stays as it is."""


def shares_of(masks: Masks) -> Tensor:
    """How much of each pixel belongs to the rest of the picture, to each region, and to what is protected.

    Where masks are more than 1 together they share the pixel; what they leave is the rest. What is protected is taken
    from all of them.

    :return: float32 (R + 2, H, W) in 0..1, in this order; in each pixel 1 together.
    """
    regions = torch.from_numpy(np.array(masks.regions)).float() / 255
    together = regions.sum(0)
    regions = regions / together.clamp(min=1)
    rest = (1 - together).clamp(min=0)
    protected = torch.zeros_like(rest)
    if masks.protected is not None:
        mask = torch.from_numpy(np.array(masks.protected)).float() / 255
        # A soft edge that lies inside of it as much as outside. Sums of a kernel are rounded.
        protected = blurred(mask[None, None], FEATHER * max(mask.shape))[0, 0].clamp(0, 1)
    return torch.cat([((1 - protected) * torch.cat([rest[None], regions])), protected[None]])


def equal_masks(regions: int, height: int, width: int) -> Masks | None:
    """Masks by which so many regions and the rest have equal shares of every pixel; None for no regions."""
    return Masks(np.full((regions, height, width), 255 // (regions + 1), np.uint8)) if regions else None


def resized_shares(shares: Tensor, height: int, width: int) -> Tensor:
    """The same at another size, (R + 2, height, width); linear, antialiased when shrinking."""
    if shares.shape[1:] == (height, width):
        return shares
    return F.interpolate(shares[None], (height, width), mode="bilinear", antialias=True, align_corners=False)[0]


def mixed(pictures: Sequence[Tensor], shares: Tensor) -> Tensor:
    """Pictures or maps (1, N, h, w), each where its share (R, h, w) is."""
    total = pictures[0] * shares[0]
    for picture, share in zip(pictures[1:], shares[1:], strict=True):
        total = total + picture * share
    return total


def with_protected(painted: Image | DeepImage, content: Image | DeepImage, shares: Tensor) -> Image | DeepImage:
    """A painting, uint8 or uint16 (H, W, 3), with what is protected as it is in the content, of the same size."""
    protected = shares[-1]
    if not bool(protected.any()):
        return painted
    found = to_tensor(painted) * (1 - protected) + to_tensor(content) * protected
    return to_image(found) if painted.dtype == np.uint8 else to_deep(found)


def showing_protected(on_progress: OnProgress, content: Image | DeepImage, shares: Tensor) -> OnProgress:
    """Tells `on_progress` of pictures with what is protected as it is in the content."""
    protected = shares[-1]
    if not bool(protected.any()):
        return on_progress
    kept = to_tensor(content) * protected

    return showing(on_progress, lambda picture: picture * (1 - protected) + kept)
