"""A word in the corner of a moving picture: white on a dark, half transparent ground, legible over anything."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from pipeline.media import Image
from pipeline.media.lettering import shortened_to, text_size, write

LETTERS = 0.045
"""Height of the letters in heights of the picture, within `SMALLEST` and `LARGEST` pixels."""
SMALLEST, LARGEST = 11, 28
FEW = 4
"""Letters, with the ellipsis, of a text that is cut: so few say nothing."""
GROUND = 0.6
"""How much of the picture is gone where the ground is full."""
WHITE = (255, 255, 255)


def captioned(image: Image, text: str, right: bool = False) -> Image:
    """A copy of a picture, uint8 (H, W, 3), with a text in its lower left corner (or right). Nothing changes where
    the text is '', or where no more than its first letters would fit."""
    height, width = image.shape[:2]
    if not caption_text(text, height, width):
        return image
    ground, words = _caption(text, height, width)
    high, wide = ground.shape
    edge = max(2, high // 4)
    y, x = max(0, height - high - edge), max(0, width - wide - edge) if right else min(edge, max(0, width - wide))
    shown = np.array(image)
    place = shown[y : y + high, x : x + wide]
    dark = place * (1 - GROUND * ground[: place.shape[0], : place.shape[1], None])
    cover = words[: place.shape[0], : place.shape[1], None]
    shown[y : y + high, x : x + wide] = np.rint(dark + cover * (255 - dark)).astype(np.uint8)
    return shown


def caption_text(text: str, height: int, width: int) -> str:
    """As much of a text as fits into a picture of that size; '' where that says nothing."""
    size = _letters(height)
    said = shortened_to(text, max(1, width - 4 * _side(size)), size)
    return said if said == text or len(said) > FEW else ""


def _letters(height: int) -> int:
    return min(LARGEST, max(SMALLEST, round(LETTERS * height)))


def _side(size: int) -> int:
    """Room on either side of the words."""
    return round(0.55 * size)


@lru_cache(maxsize=16)
def _caption(text: str, height: int, width: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """How far the ground and the words cover each pixel, 0 to 1, (h, w)."""
    size = _letters(height)
    side, said = _side(size), caption_text(text, height, width)
    high, wide = text_size(said, size)
    above = round(0.2 * size)
    canvas = np.zeros((high + 2 * above, wide + 2 * side, 3), np.uint8)
    words = write(canvas, said, side, above, size, colour=WHITE)[..., 0] / np.float32(255)
    return _rounded(*words.shape), words.astype(np.float32)


def _rounded(height: int, width: int) -> npt.NDArray[np.float32]:
    """A rectangle with round corners: coverage of each pixel, 0 to 1."""
    radius = height / 4
    y, x = np.mgrid[0:height, 0:width] + 0.5
    away = np.hypot(x - np.clip(x, radius, width - radius), y - np.clip(y, radius, height - radius))
    return np.asarray(np.clip(radius - away + 0.5, 0, 1), np.float32)
