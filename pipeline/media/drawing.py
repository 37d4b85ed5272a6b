"""Smooth lines and dots in pictures, drawn larger and shrunk: the same pixels on every machine."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image as Pillow
from PIL import ImageDraw

from pipeline.types import Image

Point = tuple[float, float]
"""(x, y) in pixels from the top left corner; whole numbers are the corners of pixels."""
_FINER = 4


def line(image: Image, points: Sequence[Point], width: float, colour: tuple[int, int, int]) -> Image:
    """A copy of `image`, uint8 (H, W, 3), with a line through all points, its ends and corners round."""
    size = (image.shape[1] * _FINER, image.shape[0] * _FINER)
    mask = Pillow.new("L", size)
    draw = ImageDraw.Draw(mask)
    fine = [(x * _FINER, y * _FINER) for x, y in points]
    draw.line(fine, fill=255, width=max(1, round(width * _FINER)), joint="curve")
    for x, y in (fine[0], fine[-1]):
        _dot(draw, x, y, width * _FINER / 2)
    return _painted(image, mask, colour)


def dot(image: Image, x: float, y: float, radius: float, colour: tuple[int, int, int]) -> Image:
    """A copy of `image`, uint8 (H, W, 3), with a filled circle around (x, y)."""
    mask = Pillow.new("L", (image.shape[1] * _FINER, image.shape[0] * _FINER))
    _dot(ImageDraw.Draw(mask), x * _FINER, y * _FINER, radius * _FINER)
    return _painted(image, mask, colour)


def _dot(draw: ImageDraw.ImageDraw, x: float, y: float, radius: float) -> None:
    draw.ellipse((x - radius, y - radius, x + radius - 1, y + radius - 1), fill=255)


def _painted(image: Image, mask: Pillow.Image, colour: tuple[int, int, int]) -> Image:
    shown = Pillow.fromarray(image)
    shown.paste(colour, mask=mask.reduce(_FINER))
    return np.array(shown)
