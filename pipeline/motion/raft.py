"""RAFT, a trained network for optical flow (Teed and Deng, ECCV 2020): slower than DIS, and better where things are
large, fast or without texture."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pipeline.motion.flow import Flow, check_sizes
from pipeline.network.device_graph import ALONE
from pipeline.types import Image

SMALLEST = 128
"""Pixels a side below which frames are padded: the correlation pyramid halves maps of an eighth four times."""
MULTIPLE = 8
"""Sides have to be multiples of this."""
UPDATES = 12
"""Times that the flow is refined; torchvision's default."""


class Raft:
    """The flow by a RAFT network with its weights. Both directions of a pair go through it as one batch."""

    def __init__(self, network: nn.Module, name: str, device: torch.device) -> None:
        """
        :param network: torchvision's; it is moved to the device.
        :param name: says which weights these are.
        """
        self._network = network.to(device).eval().requires_grad_(False)
        self._name = name
        self._device = device

    @property
    def name(self) -> str:
        """What it is called in reports and job identities, with the hash of its weights."""
        return self._name

    def __call__(self, before: Image, after: Image) -> Flow:
        """The flow from `before` to `after`, uint8 (H, W, 3).

        :raises ValueError: the frames differ in size.
        """
        return self._found((before, after))[0]

    def both_ways(self, a: Image, b: Image) -> tuple[Flow, Flow]:
        """The flow from `a` to `b`, and the one from `b` to `a`.

        :raises ValueError: the frames differ in size.
        """
        there, back = self._found((a, b), (b, a))
        return there, back

    def _found(self, *pairs: tuple[Image, Image]) -> list[Flow]:
        for before, after in pairs:
            check_sizes(before, after)
        height, width = pairs[0][0].shape[:2]
        padded = [torch.cat([_padded(pair[side]) for pair in pairs]) for side in (0, 1)]
        top, left = _before(height), _before(width)
        # One at a time: the network keeps the correlations of a pair in itself while it works. In inference mode
        # whichever thread asks: the mode belongs to a thread.
        with ALONE, torch.inference_mode():
            first, second = (one.to(self._device) for one in padded)
            flows: Any = self._network(first, second, num_flow_updates=UPDATES)[-1]
            # torchvision leaves it here until the next call: it grows with the fourth power of the side.
            correlations: Any = self._network.corr_block
            correlations.corr_pyramid = None
            inner = flows[..., top : top + height, left : left + width].permute(0, 2, 3, 1).float().cpu().numpy()
        return [np.ascontiguousarray(flow, np.float32) for flow in inner]


def _padded(image: Image) -> Tensor:
    """float32 (1, 3, H', W') in -1..1 as RAFT was trained on, the border repeated up to a size it takes."""
    pixels = torch.from_numpy(np.array(image, order="C")).permute(2, 0, 1)[None].float() / 127.5 - 1
    height, width = image.shape[:2]
    top, left = _before(height), _before(width)
    below, right = _side(height) - height - top, _side(width) - width - left
    return F.pad(pixels, (left, right, top, below), mode="replicate")


def _side(length: int) -> int:
    return max(SMALLEST, -(-length // MULTIPLE) * MULTIPLE)


def _before(length: int) -> int:
    """Pixels of padding before the picture; the rest comes behind it."""
    return (_side(length) - length) // 2
