"""What is where in every frame of a clip: found in the survey, kept packed, unpacked for the frame that is painted."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipeline.clip.mask_files import NO_MASKS, OpenMasks, brightness, placed_mask
from pipeline.errors import MediaError
from pipeline.media import Image
from pipeline.style.regions import Masks


@dataclass(frozen=True)
class FrameMasks:
    """The masks of all frames."""

    masks: OpenMasks
    packed: tuple[bytes, ...] = ()
    """Of each frame those that move, one above the other; none where none does."""

    def of(self, index: int) -> Masks | None:
        """Those of a frame; None where all is painted alike."""
        moving = len(self.masks.moving)
        return self.masks.together(unpacked(self.packed[index], moving, self.masks) if moving else [])

    def alike(self, one: int, other: int) -> bool:
        """Whether the masks of two frames are the same."""
        return not self.packed or self.packed[one] == self.packed[other]


ALIKE = FrameMasks(NO_MASKS)
"""Of a clip that has no regions."""


def packed(images: Sequence[Image]) -> bytes:
    """Masks of one size, uint8 (H, W), without loss: they are flat for the most part."""
    return zlib.compress(np.stack(images).tobytes(), 1)


def unpacked(stored: bytes, count: int, masks: OpenMasks) -> list[Image]:
    """What was packed: so many masks."""
    width, height = masks.geometry.size
    return [*np.frombuffer(zlib.decompress(stored), np.uint8).reshape(count, height, width)]


def find_frame_masks(masks: OpenMasks) -> FrameMasks:
    """The masks of every frame of a clip, from those that were opened.

    :raises MediaError: a frame of one cannot be read, or one is black in all of them.
    """
    if not masks.moving:
        return FrameMasks(masks)
    found: list[bytes] = []
    seen = [False] * len(masks.moving)
    with ExitStack() as stack:
        sources = [one.frames for one in masks.moving if one.frames is not None]
        frames = [stack.enter_context(closing(source.frames())) for source in sources]
        for together in zip(*frames, strict=True):
            images = [placed_mask(brightness(frame.image), masks.geometry) for frame in together]
            seen = [before or bool(image.any()) for before, image in zip(seen, images, strict=True)]
            found.append(packed(images))
    for one, white in zip(masks.moving, seen, strict=True):
        if not white:
            raise MediaError(
                f"{one.mask.text}: this mask is black in every frame that is painted, so nothing belongs to its "
                "region. Paint the region white, or leave the mask out."
            )
    return FrameMasks(masks, tuple(found))


def masks_as_json(found: FrameMasks) -> list[str]:
    """Those that move, in JSON's own types."""
    return [base64.b85encode(one).decode("ascii") for one in found.packed]


def masks_from_json(stored: Any, masks: OpenMasks, frames: int) -> FrameMasks:
    """What `masks_as_json` gave.

    :param frames: how many there have to be.
    :raises ValueError, TypeError: something else.
    """
    found = FrameMasks(masks, tuple(base64.b85decode(one) for one in stored))
    if len(found.packed) != (frames if masks.moving else 0):
        raise ValueError("there are not as many as frames")
    try:
        for one in found.packed:
            unpacked(one, len(masks.moving), masks)
    except zlib.error as error:
        raise ValueError("what is packed is damaged") from error
    return found
