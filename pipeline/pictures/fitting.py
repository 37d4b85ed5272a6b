"""Pictures brought to a size: whole, cropped, or letterboxed on the dark ground of moving pictures."""

from __future__ import annotations

import numpy as np
from PIL import Image as Pillow
from PIL import ImageOps

from pipeline.media import Image, resize
from pipeline.pictures.canvas import of_picture
from pipeline.pictures.lettering import Colour

GROUND: Colour = (18, 18, 18)
"""White would outshine the pictures, and flash between two that fill the screen."""
STRETCH = 0.03
"""How much the proportions of two pictures may differ before it is worth a word, or a margin."""


def contained(image: Image, width: int, height: int) -> Image:
    """All of a picture, uint8 (H, W, 3), as large as it can be within a size.

    As `ImageOps.contain`; that one fails where a side would be less than half a pixel, as of a strip of 3000x2 at 400.
    """
    scale = min(width / image.shape[1], height / image.shape[0])
    return resize(image, max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))


def cropped(image: Image, width: int, height: int) -> Image:
    """The middle of a picture, uint8 (H, W, 3), as much of it as has the proportions of a size, at that size."""
    if image.shape[:2] == (height, width):
        return image
    return np.array(ImageOps.fit(Pillow.fromarray(image), (width, height), Pillow.Resampling.LANCZOS))


def cropped_share(image: Image, width: int, height: int) -> float:
    """How much of a picture `cropped` would cut off."""
    aspect, wanted = float(image.shape[1] / image.shape[0]), width / height
    return 1 - min(aspect, wanted) / max(aspect, wanted)


def letterboxed(image: Image, width: int, height: int) -> Image:
    """A picture, uint8 (H, W, 3), at a size; one of other proportions whole, in the middle of the dark ground."""
    if abs(image.shape[1] * height / image.shape[0] - width) <= 2 + STRETCH * width:
        return resize(image, width, height)
    return on_ground(contained(image, width, height), width, height)


def on_ground(image: Image, width: int, height: int) -> Image:
    """A picture in the middle of dark ground of a size, which it does not exceed."""
    if image.shape[:2] == (height, width):
        return image
    return of_picture(image, GROUND).centred(height, width).pixels()


def at_height(image: Image, height: int) -> Image:
    """A picture at a height in pixels, with its proportions."""
    return resize(image, max(1, round(image.shape[1] * height / image.shape[0])), height)
