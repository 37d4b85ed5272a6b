"""Dense optical flow between two frames: which way, and how far, every pixel moves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import cv2
import numpy as np
import numpy.typing as npt

from pipeline.types import Image

Flow = npt.NDArray[np.float32]
"""Motion in pixels, float32, shape (H, W, 2): u to the right, v down. The pixel at x of one frame is found at
x + flow[x] of the other."""

SMALLEST = 16
"""Pixels a side below which frames are padded: DIS refuses less than 12, and its coarsest level needs a patch of 8."""


class FlowMethod(Protocol):
    """A way to find the flow. It has no memory: the same two frames always give the same flow."""

    @property
    def name(self) -> str:
        """What it is called in reports; another name stands for other flows."""
        ...

    def __call__(self, before: Image, after: Image) -> Flow:
        """The flow from `before` to `after`, two frames of one size."""
        ...

    def both_ways(self, a: Image, b: Image) -> tuple[Flow, Flow]:
        """The flow from `a` to `b`, and the one from `b` to `a`."""
        ...


@dataclass(frozen=True)
class Dis:
    """Dense inverse search (Kroeger et al., ECCV 2016, "Fast Optical Flow using Dense Inverse Search") by OpenCV.

    OpenCV's preset "medium", but down to full resolution (the preset stops at half) and with patches that overlap by
    half. On the sample clip, against its true flow, where a pixel can be seen in both frames: end-point error 0.28 px
    at 256x144 and 0.44 px at 512x288 in 11 and 43 ms on one core; the bare preset has 0.41 px in 5 ms and 0.57 px in
    15 ms, the preset "fast" 0.57 and 0.81 px in 2 and 3 ms. More iterations of any kind changed the third digit.

    The flow does not depend on the number of threads, and a change of brightness alone is no motion.
    """

    finest_scale: int = 0
    """Level of the pyramid at which it stops, 0 is full resolution; each level more costs a quarter."""
    patch_stride: int = 4
    """Pixels from one patch of 8x8 to the next."""

    @property
    def name(self) -> str:
        return f"DIS medium, finest scale {self.finest_scale}, stride {self.patch_stride}"

    def __call__(self, before: Image, after: Image) -> Flow:
        """
        :raises ValueError: the frames differ in size.
        """
        check_sizes(before, after)
        height, width = before.shape[:2]
        # Made anew for every pair: the object keeps buffers, and two threads may ask at once.
        # OpenCV's stubs lack the name in some releases.
        make: Any = getattr(cv2, "DISOpticalFlow_create")  # noqa: B009
        dis = make(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
        dis.setFinestScale(self.finest_scale)
        dis.setPatchStride(self.patch_stride)
        flow = dis.calc(_grey(before), _grey(after), None)[:height, :width]
        return np.ascontiguousarray(flow, np.float32)

    def both_ways(self, a: Image, b: Image) -> tuple[Flow, Flow]:
        """The flow from `a` to `b`, and the one from `b` to `a`."""
        return self(a, b), self(b, a)


def check_sizes(before: Image, after: Image) -> None:
    """See that two frames have one size.

    :raises ValueError: they do not.
    """
    if before.shape != after.shape:
        raise ValueError(f"flow between frames of different size: {before.shape} and {after.shape}")


DIS = Dis()
"""The method that is used where none is named."""


def both_ways(a: Image, b: Image, method: FlowMethod = DIS) -> tuple[Flow, Flow]:
    """The flow from `a` to `b`, and the one from `b` to `a`; what is consistent in both can be trusted."""
    return method.both_ways(a, b)


def _grey(image: Image) -> Image:
    """Luma, uint8, with its border repeated to the right and below where it is smaller than DIS accepts."""
    grey = cv2.cvtColor(np.ascontiguousarray(image), cv2.COLOR_RGB2GRAY)
    below, right = (max(0, SMALLEST - side) for side in grey.shape)
    return np.asarray(np.pad(grey, ((0, below), (0, right)), mode="edge") if below or right else grey, np.uint8)
