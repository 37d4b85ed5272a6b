"""The masks of a job, opened: what lies in their files, in the shape and at the size of what is painted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from pipeline.clip.input_times import input_times
from pipeline.clip.jobs import ClipJob
from pipeline.clip.regions import Mask, Regions
from pipeline.errors import MediaError, UsageError, WrongFileError
from pipeline.media import Image, is_animated, open_source, read_picture, resize
from pipeline.media.frame import Box, FrameSource, VideoInfo
from pipeline.media.pictures import NotAPictureError, read_opacity
from pipeline.media.resize import centre_crop, cropped
from pipeline.style.own_colours import LUMA
from pipeline.style.regions import Masks
from pipeline.text import count_text

ASKEW = 0.02
"""Of its shape, by which a mask may differ from what it lies on."""


@dataclass(frozen=True)
class Geometry:
    """What becomes of a picture of the input until it is painted."""

    source: tuple[int, int]
    """Width and height of the input."""
    box: Box | None
    """The part of it that is painted; None: all."""
    size: tuple[int, int]
    """Width and height at which it is painted."""


def _geometry_of(info: VideoInfo) -> Geometry:
    """Of a clip."""
    return Geometry((info.source_width, info.source_height), info.crop, (info.width, info.height))


@dataclass(frozen=True)
class OpenMask:
    """A mask as it was found in its file, or files."""

    mask: Mask
    still: Image | None = None
    """Of every frame the same: uint8 (H, W), at the size that is painted."""
    frames: FrameSource | None = None
    """One for every frame, at its own size."""
    drawn: tuple[tuple[int, Image], ...] = ()
    """Frames of those that are painted for which it was drawn, in order, and what it is there, uint8 (H, W): from them
    it follows the motion."""


@dataclass(frozen=True)
class OpenMasks:
    """All masks of a job: those of the regions, then those of what is protected."""

    masks: tuple[OpenMask, ...] = ()
    regions: int = 0
    """How many of them are those of regions."""
    geometry: Geometry = Geometry((1, 1), None, (1, 1))

    @property
    def moving(self) -> tuple[OpenMask, ...]:
        """Those that are not the same in every frame."""
        return tuple(one for one in self.masks if one.still is None)

    def together(self, moving: Sequence[Image]) -> Masks | None:
        """What the painter needs to know; None where all is painted alike.

        :param moving: of those that move, what they are in this frame, uint8 (H, W).
        """
        if not self.masks:
            return None
        others = iter(moving)
        found = [next(others) if one.still is None else one.still for one in self.masks]
        width, height = self.geometry.size
        regions = np.stack(found[: self.regions]) if self.regions else np.zeros((0, height, width), np.uint8)
        protected = found[self.regions :]
        return Masks(regions, np.max(protected, axis=0) if protected else None)


NO_MASKS = OpenMasks()
"""Of what is painted alike all over."""


def still_masks(job: Regions, crop: Fraction | None, whole: Image, size: tuple[int, int]) -> OpenMasks:
    """The masks of a picture.

    :param crop: as `Framing.crop`.
    :param whole: the picture, uint8 (H, W, 3).
    :param size: width and height at which it is painted.
    :raises MediaError: one of them cannot be read, or is black throughout.
    :raises WrongFileError: one of them has another shape.
    """
    height, width = whole.shape[:2]
    geometry = Geometry((width, height), centre_crop(width, height, crop), size)
    found = []
    for mask in job.masks:
        picture = mask.pictures[0]
        if picture.at is not None:
            raise UsageError(
                f"{mask.text}: a mask that was drawn for a frame follows the motion of a clip, and a picture has none. "
                f"Write {picture.path.name} alone."
            )
        if picture.path.is_dir() or is_animated(picture.path):
            raise UsageError(f"{picture.path}: a picture has one mask, and this has several. Name a single picture.")
        found.append(OpenMask(mask, _fitted_mask(picture.path, read_mask(picture.path), geometry)))
    return OpenMasks(tuple(found), len(job.region), geometry)


def open_clip_masks(job: ClipJob, info: VideoInfo) -> OpenMasks:
    """The masks of a clip.

    :param info: of the clip.
    :raises MediaError: one of them cannot be read, or is black throughout.
    :raises WrongFileError: one of them has another shape, or another number of frames than the clip.
    """
    geometry = _geometry_of(info)
    return OpenMasks(tuple(_open_clip_mask(mask, job, info, geometry) for mask in job.masks), len(job.region), geometry)


def _open_clip_mask(mask: Mask, job: ClipJob, info: VideoInfo, geometry: Geometry) -> OpenMask:
    picture = mask.pictures[0]
    if picture.at is not None:
        return OpenMask(mask, drawn=_drawn(mask, job, info, geometry))
    if _is_single(picture.path):
        return OpenMask(mask, _fitted_mask(picture.path, read_mask(picture.path), geometry))
    return OpenMask(mask, frames=_mask_frames(picture.path, job, info))


def _drawn(mask: Mask, job: ClipJob, info: VideoInfo, geometry: Geometry) -> tuple[tuple[int, Image], ...]:
    """The pictures of a mask that follows the motion, by the frames for which they were drawn."""
    times = input_times(job.source, info, job.rate)
    begin = times.painted[0] - info.times[0]
    found: dict[int, Image] = {}
    for one in mask.pictures:
        if not _is_single(one.path):
            raise WrongFileError(
                f"{one.path}: a mask that was drawn for a frame is a single picture. Name one, or write the name "
                "without @FRAME for a mask that has a frame for every one of the clip."
            )
        assert one.at is not None
        times.check(one.at, one.text, job.source.name)
        picture = _fitted_mask(one.path, read_mask(one.path), geometry, white=False)
        time = times.of(one.at) - begin
        if info.times[0] <= time <= max(info.times[-1], info.duration):
            found[min(range(info.frames), key=lambda index: abs(info.times[index] - time))] = picture
    if not found:
        raise UsageError(
            f"{mask.text}: none of the frames that this mask was drawn for is among those that are painted. Draw it "
            "for one of them, or let --frames include it."
        )
    if not any(picture.any() for picture in found.values()):
        raise _black(mask.pictures[0].path)
    return tuple(sorted(found.items(), key=lambda one: one[0]))


def _is_single(path: Path) -> bool:
    """Whether a file is one picture, and no clip."""
    try:
        return not path.is_dir() and not is_animated(path)
    except NotAPictureError:
        return False


def _mask_frames(path: Path, job: ClipJob, info: VideoInfo) -> FrameSource:
    """The frames of a mask that belong to those of a clip: all of them, or, where it is as long as the whole input,
    those that are painted of it."""
    source = open_source(path)
    _check_shape(path, (source.info.width, source.info.height), (info.source_width, info.source_height))
    if source.info.frames == info.frames:
        return source
    masks, whole = source.info.frames, input_times(job.source, info, job.rate).frames
    rate = job.rate if source.info.kind in ("video", "animation") else None
    # A mask of another length would be taken from another moment of the clip than the frame that it lies on.
    if (info.part is not None and masks == whole) or (info.part is None and rate is not None):
        source = open_source(path, frames=info.part, fps=rate)
        if source.info.frames == info.frames:
            return source
    which = f"of the {whole} of {info.path.name}" if info.part is not None else f"of {info.path.name}"
    either = f", or for each of all {whole}" if info.part is not None else ""
    has, painted = count_text(masks, "frame"), count_text(info.frames, "is", "are")
    raise WrongFileError(
        f"{path}: this mask has {has}, and {painted} painted {which}. Give a mask with a frame for each of those"
        f"{either}, or a single picture that is for all of them."
    )


def read_mask(path: Path) -> Image:
    """What a picture says of a region, uint8 (H, W): how bright it is; of one that is transparent in part, how opaque.

    :raises MediaError: it cannot be read.
    """
    picture = read_picture(path)
    opacity = read_opacity(path)
    return brightness(picture) if opacity is None else opacity


def brightness(picture: Image) -> Image:
    """Luma of uint8 (H, W, 3), uint8 (H, W)."""
    return np.asarray(np.rint(picture @ np.array(LUMA)), np.uint8)


def _fitted_mask(path: Path, mask: Image, geometry: Geometry, white: bool = True) -> Image:
    """A mask, uint8 (h, w), as it lies on what is painted.

    :param white: whether something of it has to be.
    :raises WrongFileError: it has another shape.
    :raises MediaError: it leaves nothing of it.
    """
    _check_shape(path, (mask.shape[1], mask.shape[0]), geometry.source)
    if white and not mask.any():
        raise _black(path)
    found = placed_mask(mask, geometry)
    if white and not found.any():
        raise MediaError(
            f"{path}: what is white in this mask lies outside of what is painted. Look at --aspect, or leave the mask "
            "out."
        )
    return found


def _black(path: Path) -> MediaError:
    return MediaError(
        f"{path}: this mask is black throughout, so nothing belongs to its region. Paint the region white, or leave "
        "the mask out."
    )


def placed_mask(mask: Image, geometry: Geometry) -> Image:
    """A mask of the input, uint8 (h, w), cropped and resized as the input is."""
    if geometry.box is not None:
        mask = cropped(resize(mask, *geometry.source), geometry.box)
    return resize(mask, *geometry.size)


def _check_shape(path: Path, size: tuple[int, int], wanted: tuple[int, int]) -> None:
    # A pixel of the smaller one is what rounding can make.
    width, height = size
    slack = ASKEW + 1 / min(*size, *wanted)
    if abs(width * wanted[1] / (height * wanted[0]) - 1) > slack:
        raise WrongFileError(
            f"{path}: this mask is {width}x{height}, and what it lies on {wanted[0]}x{wanted[1]}. A mask has the shape "
            "of the whole input, at whatever size."
        )
