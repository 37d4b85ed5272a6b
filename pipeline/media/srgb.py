"""The curve of sRGB (IEC 61966-2-1): from what is stored to light, and back."""

from __future__ import annotations

from typing import Any, TypeVar, cast

import numpy as np
import numpy.typing as npt

Levels = TypeVar("Levels", bound=npt.NDArray[np.floating[Any]])
"""From 0 to 1, of any shape."""


def to_light(stored: Levels) -> Levels:
    """The light that a stored value stands for, 0 to 1."""
    return cast(Levels, np.where(stored <= 0.04045, stored / 12.92, ((stored + 0.055) / 1.055) ** 2.4))


def from_light(light: Levels) -> Levels:
    """The value that is stored for some light, 0 to 1."""
    return cast(Levels, np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055))
