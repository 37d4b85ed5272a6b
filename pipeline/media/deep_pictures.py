"""Pictures with 16 bits a channel, of which Pillow reads 8."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import numpy as np

from pipeline.media.exr import exr_kind
from pipeline.media.frame_file import decode_deep
from pipeline.media.pictures import DEEP_MODES, colour_notes, more_in, open_picture, profile_name, read_picture
from pipeline.types import DeepImage, Image

_BITS, _PHOTOMETRIC, _ORIENTATION, _SAMPLES = 258, 262, 274, 339
"""Tags of a TIFF: bits of a channel, what the channels are, how it is turned, what their numbers are."""
_FLOATING = 3
"""Of `_SAMPLES`: floating point."""


def read_exact_picture(path: Path) -> Image | DeepImage:
    """As `read_picture`, with 16 bits a channel where the picture has them, and is a PNG or a TIFF in sRGB that need
    not be turned.

    :raises MediaError: as `read_picture`.
    """
    with open_picture(path) as picture:
        plain = not profile_name(picture) and picture.getexif().get(_ORIENTATION, 1) == 1
        if picture.format == "TIFF":
            plain = plain and picture.tag_v2.get(_PHOTOMETRIC) in (1, 2)  # type: ignore[attr-defined]
        size = picture.size
        wanted = plain and picture.format in ("PNG", "TIFF") and getattr(picture, "n_frames", 1) == 1
    found = decode_deep(path) if wanted and picture_bits(path) == 16 else None
    if found is None or (found.shape[1], found.shape[0]) != size:
        return read_picture(path)
    if found.ndim == 2:
        return cast(DeepImage, np.repeat(found[:, :, None], 3, 2))
    if found.shape[2] == 3:
        return found
    opacity = found[:, :, 3:].astype(np.float64) / 65535
    on_paper = found[:, :, :3] * opacity + 65535 * (1 - opacity)
    return cast(DeepImage, np.rint(on_paper).astype(np.uint16))


def depth_notes(path: Path, deep: bool = False) -> tuple[str, ...]:
    """What a person should know of the bits of a picture.

    :param deep: whether it is read by `read_exact_picture`.
    :raises MediaError: as `read_picture`.
    """
    bits, floating = picture_bits(path), _floating_kind(path)
    if floating:
        return (f"{path.name} has {floating} channels; it is painted from 8 bits of each.",)
    if deep and read_exact_picture(path).dtype == np.uint16:
        return ()
    return () if bits <= 8 else (f"{path.name} has {bits} bits a channel; it is painted from 8 of them.",)


def picture_notes(path: Path, deep: bool = False) -> tuple[str, ...]:
    """What a person should know of a picture that is painted: of its pages, its colours and its bits.

    :param deep: as for `depth_notes`.
    :raises MediaError: as `read_picture`.
    """
    more = more_in(path)
    pages = (f"{path.name} {more} is painted. Save other pages as pictures of their own.",) if "pages" in more else ()
    return (*pages, *colour_notes(path), *depth_notes(path, deep))


def _floating_kind(path: Path) -> str:
    """'32-bit floating-point': what the channels of a picture are, where they are not whole numbers; '' elsewhere.

    :raises MediaError: as `read_picture`.
    """
    kind = exr_kind(path)
    if kind:
        return kind
    with open_picture(path) as picture:
        if picture.format == "TIFF":
            tags = getattr(picture, "tag_v2", {})
            floating = _FLOATING in np.atleast_1d(tags.get(_SAMPLES, 1))
            return f"{max(map(int, np.atleast_1d(tags.get(_BITS, 32))))}-bit floating-point" if floating else ""
        return "32-bit floating-point" if picture.mode == "F" else ""


def picture_bits(path: Path) -> int:
    """Bits of a channel of a picture, from 8 on.

    :raises MediaError: as `read_picture`.
    """
    kind = exr_kind(path)
    if kind:
        return int(kind[:2])
    with open_picture(path) as picture:
        if picture.format == "PNG":
            with path.open("rb") as stream:
                return max(8, stream.read(25)[-1])
        if picture.format == "TIFF":
            return max(8, *map(int, getattr(picture, "tag_v2", {}).get(_BITS, (8,))))
        return 32 if picture.mode == "F" else 16 if picture.mode in DEEP_MODES else 8
