"""Masks of whole clips in little memory: they are flat for the most part."""

from __future__ import annotations

import zlib

import numpy as np

from pipeline.media import Image


def packed(mask: Image) -> bytes:
    """A mask, uint8 (H, W), without loss."""
    return zlib.compress(mask.tobytes(), 1)


def unpacked(stored: bytes, size: tuple[int, int]) -> Image:
    """What was packed.

    :param size: its width and height.
    :raises ValueError: it is something else.
    """
    try:
        return np.frombuffer(zlib.decompress(stored), np.uint8).reshape(size[1], size[0])
    except zlib.error as error:
        raise ValueError("what was packed is damaged") from error
