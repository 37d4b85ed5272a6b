"""Frames for ffmpeg with exact times: an IVF stream of uncompressed or compressed PNG pictures.

A raw pipe has no times, so a variable rate would be lost; a rate given as a number would be rounded. IVF is the
simplest stream that ffmpeg reads which carries a time base and a 64-bit time for each frame: a header of
32 bytes, then 12 bytes before each picture.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
from PIL import Image as Pillow

from pipeline.atomic import remove
from pipeline.media.outputs import cannot_write
from pipeline.media.plan import SinkPlan
from pipeline.types import DeepImage, Image

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_TYPES = {3: 2, 4: 6}  # channels -> colour type of PNG


def ivf_header(width: int, height: int, tick: Fraction, frames: int) -> bytes:
    """The beginning of a stream whose times count ticks of `tick` seconds."""
    return struct.pack(
        "<4sHH4sHHIIII",
        *(b"DKIF", 0, 32, b"MPNG", width & 0xFFFF, height & 0xFFFF),  # ffmpeg takes the size from the pictures
        *(tick.denominator, tick.numerator, frames & 0xFFFFFFFF, 0),
    )


def ivf_frame(image: Image | DeepImage, tick: int, level: int) -> bytes:
    """One frame, uint8 or uint16 of shape (height, width, 3), shown from `tick` on; zlib `level` 0 (fast) to 9."""
    picture = png(image, level)
    return struct.pack("<IQ", len(picture), tick) + picture


class IvfFile:
    """Frames that wait on the disk, without loss, for a second look; begun with the first of them."""

    def __init__(self, path: Path, plan: SinkPlan) -> None:
        """
        :param plan: of the result that they become; its ticks are hundredths of a second.
        """
        self.path = path
        self._plan = plan
        self._stream: BinaryIO | None = None

    def write(self, image: Image, tick: int) -> None:
        """Raises an OutputError, which names the result, where the disk is full."""
        try:
            if self._stream is None:
                self._stream = self.path.open("wb")
                plan = self._plan
                self._stream.write(ivf_header(plan.width, plan.height, Fraction(1, 100), len(plan.times)))
            self._stream.write(ivf_frame(image, tick, level=1))
        except OSError as error:
            raise cannot_write(self._plan.path, error) from error

    def close(self) -> None:
        """Raises an OutputError where the disk is full."""
        if self._stream is not None:
            try:
                self._stream.close()
            except OSError as error:
                raise cannot_write(self._plan.path, error) from error

    def discard(self) -> None:
        """Close and remove it, however far it is."""
        if self._stream is not None:
            with suppress(OSError):  # on a full disk there is still something that cannot be written
                self._stream.close()
        remove(self.path)


def ivf_images(path: Path) -> Iterator[Image]:
    """The frames of a stream that `ivf_frame` has written, in order."""
    with path.open("rb") as stream:
        stream.seek(32)
        while head := stream.read(12):
            size, _ = struct.unpack("<IQ", head)
            with Pillow.open(io.BytesIO(stream.read(size))) as picture:
                yield cast(Image, np.array(picture))


def png(image: Image | DeepImage, level: int) -> bytes:
    """A PNG without any filter: made faster than by a real PNG writer, for pipes and temporary files."""
    height, width, channels = image.shape
    bits = 8 * image.itemsize
    values = image.astype(image.dtype.newbyteorder(">"), copy=False).view(np.uint8) if bits > 8 else image
    rows = np.zeros((height, 1 + width * channels * image.itemsize), np.uint8)  # each begins with its filter: 0, none
    rows[:, 1:] = values.reshape(height, -1)
    size = struct.pack(">IIBBBBB", width, height, bits, _TYPES[channels], 0, 0, 0)
    pixels = zlib.compress(rows.tobytes(), level)
    return _PNG_SIGNATURE + _chunk(b"IHDR", size) + _chunk(b"IDAT", pixels) + _chunk(b"IEND", b"")


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(data, zlib.crc32(name)))
