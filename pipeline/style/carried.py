"""What a frame is handed from the frames before it: a start, and pictures that it should look like in places."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Expected:
    """An earlier painting moved to where its things are now."""

    picture: Image
    """w: uint8 (H, W, 3), the size of the frame."""
    weights: npt.NDArray[np.float32]
    """c: how far it can be trusted in each pixel, 0 to 1; float32 (H, W)."""


@dataclass(frozen=True)
class Carried:
    """The warm start of a frame, and the pictures of its temporal loss."""

    start: Image
    """uint8 (H, W, 3), the size of the frame."""
    expected: tuple[Expected, ...] = ()
    """None of them: no temporal loss."""
    own: Image | None = None
    """The frame's painting of an earlier pass, of the same size: where it is better already, it is started from."""
