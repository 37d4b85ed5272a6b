"""Motion found on the device that paints."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from pipeline.motion.carry import Bytes, Way
from pipeline.motion.device_way import WayFinder
from pipeline.motion.flow import SMALLEST, Flow, check_sizes
from pipeline.network.device_graph import ALONE, Recorded, recorder_of
from pipeline.network.inverse_search import InverseSearch
from pipeline.network.kernels import motion_kernels_on
from pipeline.network.memory import is_out_of_memory
from pipeline.types import Image

MOST_SIZES = 3
"""Sizes of frames, and numbers of pairs, whose work stays recorded."""
MOST_PIXELS = 2**21
"""Of pairs of frames that are looked at beside one another; each takes some 370 bytes a pixel meanwhile."""


class DeviceDis:
    """Dense inverse search in torch (`network.inverse_search`): as good as OpenCV's on known motions, and other flows.

    On 12 frames of the sample clip at 512x288, against its true flow, where a pixel can be seen in both frames:
    end-point error 0.448 px from frame to frame, 0.74 over two and 3.5 over four, by OpenCV's 0.450, 0.76 and 5.7.
    Beside a GPU it takes no core from anyone.
    """

    def __init__(self, device: torch.device, pairs: int = 1) -> None:
        """
        :param pairs: that are usually looked for at once, of a frame and those before it.
        """
        self._device = device
        self._pairs = pairs
        self._recorder = recorder_of(device)
        self._known: OrderedDict[tuple[bool, int, int, int], _Search] = OrderedDict()

    @property
    def name(self) -> str:
        return "DIS in torch, stride 4, medians"

    def __call__(self, before: Image, after: Image) -> Flow:
        """The flow from `before` to `after`, uint8 (H, W, 3).

        :raises ValueError: the frames differ in size.
        """
        return self.both_ways(before, after)[0]

    def both_ways(self, a: Image, b: Image) -> tuple[Flow, Flow]:
        """The flow from `a` to `b`, and the one from `b` to `a`.

        :raises ValueError: the frames differ in size.
        """
        (found,) = self._found(False, a, [b])
        there, back = found.view(np.float32).reshape(2, *_padded_size(a), 2)
        height, width = a.shape[:2]
        return np.ascontiguousarray(there[:height, :width]), np.ascontiguousarray(back[:height, :width])

    def prepare(self, height: int, width: int) -> None:
        """Record what `ways` does with frames of that size, while nobody else is at work on the device. Where there is
        no room for that, it is told once frames are looked for."""
        blank = np.zeros((height, width, 3), np.uint8)
        try:
            for _ in range(0 if self._recorder is None else 2):
                self.ways({1: blank}, blank)
        except Exception as error:
            if not is_out_of_memory(error):
                raise

    def ways(self, earliers: Mapping[int, Image], later: Image) -> dict[int, Way]:
        """How paintings get from each of some earlier frames to a later one, all uint8 (H, W, 3)."""
        height, width = later.shape[:2]
        found = self._found(True, later, [*earliers.values()])
        return {back: Way.from_bytes(one, height, width) for back, one in zip(earliers, found, strict=True)}

    def _found(self, ways: bool, later: Image, earliers: Sequence[Image]) -> list[Bytes]:
        """The bytes of what is found of each pair: its way, or its flow both ways."""
        for earlier in earliers:
            check_sizes(earlier, later)
        height, width = later.shape[:2]
        most = max(1, MOST_PIXELS // (height * width))
        # As many as usual, though there may be fewer: what is recorded has one size.
        several = min(most, self._pairs) if ways else 1
        found: list[Bytes] = []
        # In inference mode whichever thread asks: the mode belongs to a thread.
        with ALONE, torch.inference_mode():
            search = self._search(ways, height, width, several)
            for first in range(0, len(earliers), several):
                some = earliers[first : first + several]
                found += search([later, *some, *[some[-1]] * (several - len(some))])[: len(some)]
        return found

    def _search(self, ways: bool, height: int, width: int, pairs: int) -> _Search:
        key = (ways, height, width, pairs)
        search = self._known.pop(key, None) or _Search(
            ways, (height, width), pairs, self._device, Recorded(self._recorder)
        )
        self._known[key] = search
        while len(self._known) > MOST_SIZES:
            self._known.popitem(last=False)
        return search


class _Search:
    """Finds frames of one size in a certain number of earlier ones."""

    def __init__(self, ways: bool, size: tuple[int, int], pairs: int, device: torch.device, recorded: Recorded) -> None:
        self._frames = torch.zeros((1 + pairs, *size, 3), dtype=torch.uint8, device=device)
        # What goes to a GPU and comes from it would hold up the painting there, if memory were not pinned.
        self._pinned = device.type == "cuda"
        self._sent = torch.empty(self._frames.shape, dtype=torch.uint8, pin_memory=self._pinned)
        self._received: Tensor | None = None
        height, width = (max(SMALLEST, side) for side in size)
        self._flow = InverseSearch(height, width, device, motion_kernels_on(device))
        self._ways = WayFinder(*size, device) if ways else None
        self._recorded = recorded

    def __call__(self, frames: Sequence[Image]) -> list[Bytes]:
        """The bytes of what is found, of each frame after the first one."""
        np.stack(frames, out=self._sent.numpy())
        self._frames.copy_(self._sent, non_blocking=True)
        result = self._recorded(self._work)
        if self._received is None:
            self._received = torch.empty(result.shape, dtype=torch.uint8, pin_memory=self._pinned)
        # This waits for it, and so for what was sent. The next call writes over it.
        self._received.copy_(result)
        return [*self._received.clone().numpy()]

    def _work(self) -> Tensor:
        height, width = self._frames.shape[1:3]
        grey = _padded(_luma(self._frames))
        later, earlier = grey[:1].expand(len(grey) - 1, -1, -1, -1), grey[1:]
        both = self._flow(torch.cat((later, earlier)), torch.cat((earlier, later)))
        flow, reverse = both.chunk(2)
        if self._ways is None:
            return torch.stack((flow, reverse), 1).view(torch.uint8).flatten(1)
        flow, reverse = (one[:, :height, :width].permute(0, 3, 1, 2).contiguous() for one in (flow, reverse))
        levels = self._frames.permute(0, 3, 1, 2).float()
        return self._ways(levels[1:], levels[:1], flow, reverse)


def _luma(frames: Tensor) -> Tensor:
    """uint8 (N, H, W, 3) as OpenCV makes grey of it, in whole numbers; float32 (N, 1, H, W)."""
    red, green, blue = frames.to(torch.int32).unbind(-1)
    return ((9798 * red + 19235 * green + 3735 * blue + 16384) // 32768).float()[:, None]


def _padded(grey: Tensor) -> Tensor:
    """With its border repeated to the right and below where it is smaller than is looked for."""
    below, right = (max(0, SMALLEST - side) for side in grey.shape[-2:])
    return F.pad(grey, (0, right, 0, below), mode="replicate") if below or right else grey


def _padded_size(image: Image) -> tuple[int, int]:
    height, width = image.shape[:2]
    return max(SMALLEST, height), max(SMALLEST, width)
