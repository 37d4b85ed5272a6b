"""Pictures moved along a flow."""

from __future__ import annotations

from typing import TypeVar

import cv2
import numpy as np
import numpy.typing as npt

from pipeline.motion.flow import Flow

Pixels = TypeVar("Pixels", npt.NDArray[np.uint8], npt.NDArray[np.float32])
EVERY = slice(None)
"""All rows of a picture."""


def warped(image: Pixels, flow: Flow, sharp: bool = False, rows: slice = EVERY) -> Pixels:
    """`image` sampled at x + flow(x): bilinear, the border repeated beyond the edges.

    With the flow from frame a to frame b, and `image` the painting of b, the result lies on a. A shift by whole pixels
    copies them exactly.

    :param image: uint8 or float32, shape (H, W), or (H, W, C) with up to 4 channels; uint8 is rounded.
    :param flow: float32 (H, W, 2), in pixels.
    :param sharp: Lanczos over 8x8 pixels instead: what is warped again and again does not smear, but at edges it may
        overshoot.
    :param rows: those of the result that are wanted.
    :raises ValueError: they differ in size.
    """
    height, width = flow.shape[:2]
    if image.shape[:2] != (height, width):
        raise ValueError(f"a picture of {image.shape[:2]} cannot be warped by a flow of {(height, width)}")
    x, y = _targets(flow, rows)
    # Held inside: the same as repeating the border, and no target is too far for OpenCV's own arithmetic.
    x, y = x.clip(0, width - 1), y.clip(0, height - 1)
    kernel = cv2.INTER_LANCZOS4 if sharp else cv2.INTER_LINEAR
    sampled = cv2.remap(np.ascontiguousarray(image), x, y, kernel, borderMode=cv2.BORDER_REPLICATE)
    # OpenCV drops an axis of one channel.
    return np.asarray(sampled, image.dtype).reshape(len(x), *image.shape[1:])


def in_bounds(flow: Flow) -> npt.NDArray[np.bool_]:
    """Where x + flow(x) lies inside the picture, between the centres of its outermost pixels; bool (H, W)."""
    height, width = flow.shape[:2]
    x, y = _targets(flow)
    return np.asarray((x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1))


def _targets(flow: Flow, rows: slice = EVERY) -> tuple[Flow, Flow]:
    """x + u and y + v in pixels, float32 (H, W) each; of some rows."""
    height, width = flow.shape[:2]
    x, y = np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)[rows]
    flow = flow[rows]
    return np.asarray(flow[..., 0] + x, np.float32), np.asarray(flow[..., 1] + y[:, None], np.float32)
