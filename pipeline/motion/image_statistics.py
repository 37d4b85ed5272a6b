"""Numbers that say what a whole frame looks like: its mean colour, how sharp it is, how far it is from another one."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from pipeline.types import Image

Lab = tuple[float, float, float]
"""CIELAB under D65: lightness L* from 0 to 100, a* from green to red, b* from blue to yellow. Distances are what the
eye sees: about 2.3 can just be noticed (Mahy et al. 1994)."""


Values = npt.NDArray[np.float32]
"""float32, shape (H, W) or (H, W, C): a value, or several, in every pixel."""


def mean_colour(image: Image) -> Lab:
    """Mean of all pixels in CIELAB."""
    lightness, a, b = _lab(image).mean((0, 1), dtype=np.float64)
    return float(lightness), float(a), float(b)


def sharpness(image: Image) -> float:
    """Mean length of the gradient of L*, by central differences, in steps of lightness a pixel: fine strokes have much,
    a smeared picture has little."""
    return float(np.hypot(*gradient(_lab(image)[..., 0])).mean(dtype=np.float64))


def colour_distance(one: Image, other: Image) -> float:
    """Mean distance in CIELAB between the pixels of two pictures of one size."""
    apart = _lab(one) - _lab(other)
    return float(np.sqrt((apart * apart).sum(2)).mean(dtype=np.float64))


def gradient(values: Values) -> tuple[Values, Values]:
    """Change across and down in steps a pixel, by central differences; beyond the edges the border is repeated.

    :return: two arrays of the shape of `values`.
    """
    around = np.pad(values, [(1, 1), (1, 1), *[(0, 0)] * (values.ndim - 2)], mode="edge")
    across = (around[1:-1, 2:] - around[1:-1, :-2]) / 2
    down = (around[2:, 1:-1] - around[:-2, 1:-1]) / 2
    return np.asarray(across, np.float32), np.asarray(down, np.float32)


def _lab(image: Image) -> npt.NDArray[np.float32]:
    return np.asarray(cv2.cvtColor(image.astype(np.float32) / 255, cv2.COLOR_RGB2LAB), np.float32)
