"""Pictures that a caller holds in memory, as arrays or as Pillow's images."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any, TypeAlias, cast

import numpy as np
import numpy.typing as npt
from PIL import Image as Pillow

from pipeline.errors import UsageError
from pipeline.media.pictures import as_rgb, as_rgba, on_white
from pipeline.types import Image

PilImage: TypeAlias = Pillow.Image
Picture: TypeAlias = str | Path | npt.NDArray[np.generic] | Pillow.Image
"""A picture as callers of the library hand it over: the path of a file, an array, or an image of Pillow's.

An array is (H, W, 3) RGB, (H, W, 4) with alpha, which is laid on white, or (H, W) or (H, W, 1) grey; of uint8 in
0..255, or of floating point in 0..1.
"""


def to_image(picture: npt.NDArray[np.generic] | Pillow.Image, what: str, alpha: bool = False) -> Image:
    """A picture in memory as uint8 (H, W, 3) RGB; a Pillow image as `read_picture` would read it from a file.

    :param alpha: one that can be transparent stays so, (H, W, 4).
    :param what: what the picture is, for the error: 'content', 'style'.
    :raises UsageError: an array of another shape, type or range.
    """
    if isinstance(picture, Pillow.Image):
        return as_rgba(picture) if alpha and picture.has_transparency_data else as_rgb(picture)
    values: npt.NDArray[Any] = np.asarray(picture)
    if values.ndim == 2:
        values = values[:, :, None]
    if values.ndim != 3 or values.shape[2] not in (1, 3, 4) or not values.size:
        raise UsageError(
            f"The {what} is an array of shape {values.shape}. A picture has the shape (height, width, 3), or 4 or 1 "
            "values a pixel; move the axis of the channels to the end."
        )
    if np.issubdtype(values.dtype, np.floating):
        values = _from_floats(values, what)
    if values.dtype != np.uint8:
        raise UsageError(
            f"The {what} is an array of {values.dtype}. Convert it to uint8 in 0..255, or to floating point in 0..1."
        )
    if values.shape[2] == 4:
        return cast(Image, values if alpha else np.array(on_white(Pillow.fromarray(values))))
    return cast(Image, np.ascontiguousarray(np.broadcast_to(values, (*values.shape[:2], 3))))


def _from_floats(values: npt.NDArray[Any], what: str) -> Image:
    # What torch has resized or painted leaves 0..1 by rounding.
    if not np.isfinite(values).all() or values.min() < -0.01 or values.max() > 1.01:
        raise UsageError(
            f"The {what} is an array of {values.dtype} from {values.min():g} to {values.max():g}. Floating point has "
            "to lie in 0..1; divide by 255, or convert to uint8."
        )
    return cast(Image, np.rint(np.clip(values, 0, 1) * 255).astype(np.uint8))


def to_pil(image: Image) -> PilImage:
    """uint8 (H, W, 3) RGB as an image of Pillow's."""
    return Pillow.fromarray(image)


def to_png(image: Image) -> bytes:
    """uint8 (H, W, 3) RGB as the bytes of a PNG file."""
    stream = io.BytesIO()
    to_pil(image).save(stream, "PNG")
    return stream.getvalue()
