"""Transparency: whether a clip has any, and a picture with that of another one."""

from __future__ import annotations

from contextlib import closing
from itertools import islice
from typing import cast

import numpy as np

from pipeline.media.frame import FrameSource
from pipeline.types import AnyImage, Image


def is_transparent(source: FrameSource, looked_at: int | None = None) -> bool:
    """Whether a clip is transparent: of a video, whether it has room for that; else, whether any pixel of it is.

    :param looked_at: so many frames at most; None: all.
    :raises MediaError: the input is no longer what it was.
    """
    info = source.info
    if info.kind == "video":
        return info.alpha
    with closing(source.opacity(info.width, info.height).frames()) as frames:
        return any(frame.image.min() < 255 for frame in islice(frames, looked_at))


def with_opacity(image: AnyImage, opacity: Image) -> AnyImage:
    """A picture between bars with the transparency of what it shows: (H, W, 4) of the same type. Bars are opaque; what
    cannot be seen is white, whatever was painted there.

    :param image: uint8 or uint16 (H, W, 3).
    :param opacity: uint8 (h, w) of the picture in the middle.
    """
    height, width = image.shape[:2]
    high, wide = opacity.shape
    top, left = (height - high) // 2, (width - wide) // 2
    most = np.iinfo(image.dtype).max
    whole = np.full((height, width, 4), most, image.dtype)
    whole[:, :, :3] = image
    whole[top : top + high, left : left + wide, 3] = opacity.astype(image.dtype) * (most // 255)
    whole[whole[:, :, 3] == 0, :3] = most
    return cast(AnyImage, whole)
