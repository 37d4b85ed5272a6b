"""The gradient of a picture, or of anything else that has a value in every pixel."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float32]


def gradient(values: Values) -> tuple[Values, Values]:
    """Change across and down in steps a pixel, by central differences; beyond the edges the border is repeated.

    :param values: float32, shape (H, W) or (H, W, C).
    :return: two arrays of that shape.
    """
    around = np.pad(values, [(1, 1), (1, 1), *[(0, 0)] * (values.ndim - 2)], mode="edge")
    across = (around[1:-1, 2:] - around[1:-1, :-2]) / 2
    down = (around[2:, 1:-1] - around[:-2, 1:-1]) / 2
    return np.asarray(across, np.float32), np.asarray(down, np.float32)
