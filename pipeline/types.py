"""Types that several rooms have in common."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.uint8]
"""A picture: uint8, shape (height, width, 3), RGB, sRGB transfer, 0 is black and 255 is white."""

DeepImage = npt.NDArray[np.uint16]
"""The same with 65535 as white."""

OnProgress = Callable[[int, "int | None"], None]
"""Is called with how much is done, and how much there is, None where that is not known: frames, or bytes."""

OnCount = Callable[[str, int, "int | None"], None]
"""The same, preceded by what is being done."""
