"""Types that several rooms have in common."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.uint8]
"""A picture: uint8, shape (height, width, 3), RGB, sRGB transfer, 0 is black and 255 is white."""

DeepImage = npt.NDArray[np.uint16]
"""The same with 65535 as white."""

AnyImage = TypeVar("AnyImage", Image, DeepImage)
"""The one or the other."""


def shallow(image: Image | DeepImage) -> Image:
    """A picture with 8 bits a channel, rounded; the very same array where it has no more."""
    if image.dtype == np.uint8:
        return cast(Image, image)
    return cast(Image, ((image.astype(np.uint32) + 128) // 257).astype(np.uint8))


def deep_only(image: Image | DeepImage) -> DeepImage | None:
    """A picture that has more than 8 bits a channel; None of one that has not."""
    return cast(DeepImage, image) if image.dtype == np.uint16 else None


def deepened(image: Image | DeepImage) -> DeepImage:
    """A picture with 16 bits a channel; what has 8 has no more levels for it."""
    return cast(DeepImage, image if image.dtype == np.uint16 else image.astype(np.uint16) * 257)


OnProgress = Callable[[int, "int | None"], None]
"""Is called with how much is done, and how much there is, None where that is not known: frames, or bytes."""

OnCount = Callable[[str, int, "int | None"], None]
"""The same, preceded by what is being done."""
