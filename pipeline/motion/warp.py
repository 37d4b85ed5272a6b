"""Pictures moved along a flow."""

from __future__ import annotations

from typing import TypeVar

import cv2
import numpy as np
import numpy.typing as npt

from pipeline.motion.flow import Flow

Pixels = TypeVar("Pixels", npt.NDArray[np.uint8], npt.NDArray[np.float32])


def warped(image: Pixels, flow: Flow, sharp: bool = False) -> Pixels:
    """`image` sampled at x + flow(x): bilinear, the border repeated beyond the edges.

    With the flow from frame a to frame b, and `image` the painting of b, the result lies on a. A shift by whole pixels
    copies them exactly.

    :param image: uint8 or float32, shape (H, W), or (H, W, C) with up to 4 channels; uint8 is rounded.
    :param flow: float32 (H, W, 2), in pixels.
    :param sharp: Lanczos over 8x8 pixels instead: what is warped again and again does not smear, but at edges it may
        overshoot.
    :raises ValueError: they differ in size.
    """
    height, width = flow.shape[:2]
    if image.shape[:2] != (height, width):
        raise ValueError(f"a picture of {image.shape[:2]} cannot be warped by a flow of {(height, width)}")
    x, y = targets(flow)
    kernel = cv2.INTER_LANCZOS4 if sharp else cv2.INTER_LINEAR
    sampled = cv2.remap(np.ascontiguousarray(image), x, y, kernel, borderMode=cv2.BORDER_REPLICATE)
    # OpenCV drops an axis of one channel.
    return np.asarray(sampled, image.dtype).reshape(image.shape)


def in_bounds(flow: Flow) -> npt.NDArray[np.bool_]:
    """Where x + flow(x) lies inside the picture, between the centres of its outermost pixels; bool (H, W)."""
    height, width = flow.shape[:2]
    x, y = _targets(flow)
    return np.asarray((x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1))


def targets(flow: Flow) -> tuple[Flow, Flow]:
    """x + u and y + v in pixels, float32 (H, W) each, held inside the picture: the same as repeating its border, and
    none is too far for OpenCV's own arithmetic."""
    height, width = flow.shape[:2]
    x, y = _targets(flow)
    return x.clip(0, width - 1), y.clip(0, height - 1)


def _targets(flow: Flow) -> tuple[Flow, Flow]:
    """x + u and y + v in pixels, float32 (H, W) each."""
    height, width = flow.shape[:2]
    x, y = np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)
    return np.asarray(flow[..., 0] + x, np.float32), np.asarray(flow[..., 1] + y[:, None], np.float32)
