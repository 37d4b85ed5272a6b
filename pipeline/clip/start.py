"""A picture that painting starts from, in the place of what the setting `start` says."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

from pipeline.media import read_picture, resize
from pipeline.media.pictures import more_in
from pipeline.media.resize import centre_crop, cropped
from pipeline.types import Image


def read_start(path: Path, crop: Fraction | None, width: int, height: int) -> Image:
    """The picture in the size that is painted, uint8 (height, width, 3); of an animated one the first frame.

    :param crop: shape to which the input is cropped; the picture is so, too.
    :raises MediaError: it cannot be read.
    """
    picture = read_picture(path)
    return resize(cropped(picture, centre_crop(picture.shape[1], picture.shape[0], crop)), width, height)


def start_notes(path: Path | None) -> tuple[str, ...]:
    """What a person should know of it, a sentence each."""
    more = "" if path is None else more_in(path)
    return (f"{path.name} {more} is what the painting starts from.",) if path is not None and more else ()
