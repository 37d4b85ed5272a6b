"""Picture sizes: which one a clip is painted at, and getting there."""

from __future__ import annotations

from fractions import Fraction
from typing import cast

import numpy as np
from PIL import Image as Pillow

from pipeline.errors import UsageError
from pipeline.media.frame import Box
from pipeline.types import AnyImage


def fit_size(
    width: int, height: int, longest: int | None, upscale: bool = False, even: bool = False
) -> tuple[int, int]:
    """The size in which the longer side is `longest` pixels and the aspect is kept, each side at least 1.

    A smaller picture keeps its size unless `upscale`; with `longest=None` every picture does. With `even`, a
    picture that is scaled to an even `longest` gets an even shorter side too, for codecs that share colour between
    neighbours.

    :raises UsageError: `longest` is not positive.
    """
    if longest is None:
        return width, height
    if longest < 1:
        raise UsageError(f"A picture cannot be {longest} pixels wide. Give a size of 1 or more.")
    side = max(width, height)
    if side <= longest and not upscale:
        return width, height
    step = 2 if even and longest % 2 == 0 else 1
    # Integers throughout: half a step is rounded up, on every machine.
    return (
        max(step, (2 * width * longest + step * side) // (2 * step * side) * step),
        max(step, (2 * height * longest + step * side) // (2 * step * side) * step),
    )


def centre_crop(width: int, height: int, ratio: Fraction | None, step: int = 1) -> Box | None:
    """The largest part of a picture, from its centre, with that ratio of width to height; None: all of it is.

    :param step: what its edges are multiples of, but those that it shares with the picture.
    """
    if ratio is None:
        return None
    box_width, box_height = width, height
    if width > height * ratio:
        box_width = min(width, max(step, round(height * ratio / step) * step))
    else:
        box_height = min(height, max(step, round(width / ratio / step) * step))
    if (box_width, box_height) == (width, height):
        return None
    return (width - box_width) // (2 * step) * step, (height - box_height) // (2 * step) * step, box_width, box_height


def cropped(image: AnyImage, box: Box | None) -> AnyImage:
    """The part of a picture; the very same array where it is all of it."""
    if box is None:
        return image
    left, top, width, height = box
    return image[top : top + height, left : left + width]


def resize(image: AnyImage, width: int, height: int) -> AnyImage:
    """`image` at another size, by a Lanczos filter that is widened when shrinking, so nothing aliases.

    :param image: uint8, shape (h, w, 3) or (h, w); or uint16, shape (h, w, 3).
    :return: the same type, shape (height, width, 3) or (height, width); the very same array where the size is right
        already.
    """
    if image.shape[:2] == (height, width):
        return image
    if image.dtype == np.uint16:
        planes = (Pillow.fromarray(plane.astype(np.float32)) for plane in np.moveaxis(image, 2, 0))
        resized_planes = [np.asarray(plane.resize((width, height), Pillow.Resampling.LANCZOS)) for plane in planes]
        exact = np.stack(resized_planes, 2)
        return cast(AnyImage, np.clip(np.rint(exact), 0, 65535).astype(np.uint16))
    resized = Pillow.fromarray(image).resize((width, height), Pillow.Resampling.LANCZOS)
    return cast(AnyImage, np.array(resized))
