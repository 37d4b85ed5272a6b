"""Small JPEG files held in memory: pictures to look at beside a text, not to keep."""

from __future__ import annotations

import io

from PIL import Image as Pillow

from pipeline.media.resize import fit_size, resize
from pipeline.types import Image

QUALITIES = (85, 75, 65, 50, 35)
"""Tried one after the other, until the file is small enough."""


def thumbnail(image: Image, longest: int, most: int) -> bytes:
    """`image` as a JPEG file.

    :param image: uint8, shape (height, width, 3), RGB.
    :param longest: pixels of the longer side; a smaller picture keeps its size.
    :param most: bytes that the file should not exceed; what is busier than the lowest quality can hold still may.
    """
    height, width = image.shape[:2]
    return _encoded(Pillow.fromarray(resize(image, *fit_size(width, height, longest))), most)


def smaller_thumbnail(jpeg: bytes, longest: int, most: int) -> bytes:
    """A file that `thumbnail` made, made smaller; the very same bytes where it is small enough."""
    with Pillow.open(io.BytesIO(jpeg), formats=("JPEG",)) as picture:
        width, height = picture.size
        size = fit_size(width, height, longest)
        if size == picture.size and len(jpeg) <= most:
            return jpeg
        return _encoded(picture.resize(size, Pillow.Resampling.LANCZOS), most)


def thumbnail_size(jpeg: bytes) -> tuple[int, int]:
    """Width and height of a file that `thumbnail` made, in pixels; only its head is read."""
    with Pillow.open(io.BytesIO(jpeg), formats=("JPEG",)) as picture:
        width, height = picture.size
        return width, height


def _encoded(picture: Pillow.Image, most: int) -> bytes:
    encoded = b""
    for quality in QUALITIES:
        stream = io.BytesIO()
        picture.save(stream, "JPEG", quality=quality, optimize=True)
        encoded = stream.getvalue()
        if len(encoded) <= most:
            break
    return encoded
