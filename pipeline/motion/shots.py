"""Where one shot ends and the next begins: hard cuts, seen in two neighbouring frames."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

# Mean change of a pixel, in levels of 255, from which two neighbours belong to different shots. In four clips
# the hard cuts changed 48 to 83 levels, the fastest motion within a shot 21.
CUT = 32.0
# Longest side of the blocks in which frames are compared: motion within a block does not count.
BLOCKS = 64


def is_cut(before: npt.NDArray[np.uint8], after: npt.NDArray[np.uint8]) -> bool:
    """Whether a hard cut lies between two neighbouring frames of the input, uint8 (H, W, 3) of one size."""
    return change(before, after) > CUT


def change(before: npt.NDArray[np.uint8], after: npt.NDArray[np.uint8]) -> float:
    """Mean absolute difference of two frames, uint8 (H, W, 3) of one size, seen in coarse blocks; 0 to 255."""
    return float(np.abs(_coarse(after) - _coarse(before)).mean())


def _coarse(image: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
    """Means over square blocks, at most BLOCKS of them a side; a rest at the right and below is left out."""
    height, width = image.shape[:2]
    side = max(1, -(-max(height, width) // BLOCKS))
    side = min(side, height, width)
    rows, columns = height // side, width // side
    blocks = image[: rows * side, : columns * side].reshape(rows, side, columns, side, 3)
    return np.asarray(blocks.mean(axis=(1, 3), dtype=np.float64))
