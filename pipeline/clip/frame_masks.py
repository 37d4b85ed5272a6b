"""What is where in every frame of a clip: found in the survey, kept packed, unpacked for the frame that is painted."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.clip.events import OnEvent, ignore
from pipeline.clip.followed_masks import followed_frames
from pipeline.clip.mask_files import NO_MASKS, OpenMask, OpenMasks, brightness, placed_mask
from pipeline.clip.packed_masks import packed, unpacked
from pipeline.errors import MediaError
from pipeline.media.frame import FrameSource
from pipeline.motion.flow import FlowMethod
from pipeline.motion.shots import Shot
from pipeline.style.regions import Masks


@dataclass(frozen=True)
class FrameMasks:
    """The masks of all frames."""

    masks: OpenMasks
    packed: tuple[tuple[bytes, ...], ...] = ()
    """Of each mask that moves, what it is in every frame."""
    presence: tuple[tuple[float, ...], ...] = ()
    """Of each frame how far each region is there, 0 to 1; () where all are there throughout."""

    def of(self, index: int) -> Masks | None:
        """Those of a frame; None where all is painted alike."""
        found = self.whole(index)
        if found is None or not self.presence or min(self.presence[index], default=1.0) == 1:
            return found
        there = np.array(self.presence[index], np.float32)[:, None, None]
        return Masks(np.asarray(np.rint(there * found.regions), np.uint8), found.protected)

    def whole(self, index: int) -> Masks | None:
        """The same with all regions there."""
        return self.masks.together([unpacked(one[index], self.masks.geometry.size) for one in self.packed])

    def alike(self, one: int, other: int) -> bool:
        """Whether the masks of two frames are the same."""
        same = not self.presence or self.presence[one] == self.presence[other]
        return same and all(mask[one] == mask[other] for mask in self.packed)

    def fading(self, presence: tuple[tuple[float, ...], ...]) -> FrameMasks:
        """The same with regions that come and go.

        :param presence: of each frame; () for none.
        """
        return replace(self, presence=presence)


ALIKE = FrameMasks(NO_MASKS)
"""Of a clip that has no regions."""


def find_frame_masks(
    masks: OpenMasks,
    source: FrameSource,
    shots: Sequence[Shot],
    flow: FlowMethod,
    on_event: OnEvent = ignore,
    folder: Path | None = None,
) -> FrameMasks:
    """The masks of every frame of a clip, from those that were opened.

    :param source: the clip, at the size at which it is painted.
    :param folder: on whose disk frames may wait, as for `media.prefetch.backward`.
    :raises MediaError: a frame of one cannot be read, or one is black in all of them.
    """
    following = [one for one in masks.moving if one.drawn]
    followed = iter(followed_frames(following, source, shots, flow, on_event, folder) if following else ())
    return FrameMasks(masks, tuple(next(followed) if one.drawn else _read(one, masks) for one in masks.moving))


def _read(mask: OpenMask, masks: OpenMasks) -> tuple[bytes, ...]:
    """A mask that has a frame for every one of the clip."""
    assert mask.frames is not None
    found, white = [], False
    with closing(mask.frames.frames()) as frames:
        for frame in frames:
            placed = placed_mask(brightness(frame.image), masks.geometry)
            white = white or bool(placed.any())
            found.append(packed(placed))
    if not white:
        raise MediaError(
            f"{mask.mask.text}: this mask is black in every frame that is painted, so nothing belongs to its region. "
            "Paint the region white, or leave the mask out."
        )
    return tuple(found)


def masks_as_json(found: FrameMasks) -> list[list[str]]:
    """Those that move, in JSON's own types."""
    return [[base64.b85encode(one).decode("ascii") for one in mask] for mask in found.packed]


def masks_from_json(stored: Any, masks: OpenMasks, frames: int) -> FrameMasks:
    """What `masks_as_json` gave.

    :param frames: how many there have to be.
    :raises ValueError, TypeError: something else.
    """
    found = FrameMasks(masks, tuple(tuple(base64.b85decode(one) for one in mask) for mask in stored))
    if [len(mask) for mask in found.packed] != [frames] * len(masks.moving):
        raise ValueError("there are not as many as frames")
    for index in range(frames):
        found.of(index)
    return found
