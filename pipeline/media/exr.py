"""OpenEXR pictures, whose values are light: Pillow does not know them, ffmpeg reads them."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
from PIL import Image as Pillow

from pipeline.media.ffmpeg import address, run
from pipeline.media.header import read_header
from pipeline.media.srgb import from_light

_MAGIC = b"v/1\x01"
_KINDS = ("32-bit integer", "16-bit floating-point", "32-bit floating-point")
"""Of channels, by their number in the file."""
_HEADER = 1 << 20
"""Bytes in which its attributes are."""
_TILED, _DEEP_OR_SEVERAL = 0x200, 0x1800


def opened_exr(path: Path) -> Pillow.Image | None:
    """A picture in sRGB, with white behind what is transparent; None where `path` is no OpenEXR file.

    :raises OSError: it is damaged.
    """
    with path.open("rb") as stream:
        if stream.read(4) != _MAGIC:
            return None
    if not _whole(path.read_bytes()):
        raise OSError("the file ends before its last lines")
    one = ("-f", "exr_pipe", "-i", address(path), "-frames:v", "1")
    done = run(["-xerror", *one, "-pix_fmt", "gbrapf32le", "-f", "rawvideo", "pipe:1"])
    if done.code:
        raise OSError(done.reason)
    header = read_header(path)
    planes = np.frombuffer(done.out, "<f4").reshape(4, header.height, header.width)
    green, blue, red, opacity = np.nan_to_num(planes, posinf=1.0).clip(0, 1)
    # Its colours are multiplied with their opacity already; white shows through the rest.
    light = (np.stack([red, green, blue], axis=2) + (1 - opacity)[:, :, None]).clip(0, 1)
    return Pillow.fromarray((from_light(light) * 255 + 0.5).astype(np.uint8))


def exr_kind(path: Path) -> str:
    """What the channels of an OpenEXR file are: '16-bit floating-point', '32-bit floating-point' or '32-bit integer';
    of several kinds the finest. '' where `path` is no such file.

    The attribute `channels` is a list of name, type (0 integers, 1 half, 2 float), and twelve bytes of other things.

    :raises OSError: it cannot be read.
    """
    with path.open("rb") as stream:
        if stream.read(4) != _MAGIC:
            return ""
        data = stream.read(_HEADER)
    kinds = set()
    try:
        at = data.index(b"channels\0chlist\0") + len(b"channels\0chlist\0") + 4
        while data[at]:
            at = data.index(0, at) + 1
            kinds.add(int.from_bytes(data[at : at + 4], "little"))
            at += 16
    except (ValueError, IndexError):
        return _KINDS[1]
    return next((_KINDS[kind] for kind in (2, 0, 1) if kind in kinds), _KINDS[1])


def _whole(data: bytes) -> bool:
    """Whether every block of lines, or tile, that the table of a file names is in it; ffmpeg leaves black what is not.

    The header is a list of name, type, size and value; the table of offsets follows it, up to the first block.
    """
    flags = int.from_bytes(data[4:8], "little")
    if flags & _DEEP_OR_SEVERAL:
        return True
    try:
        at = 8
        while data[at]:
            of_type = data.index(0, at) + 1
            of_size = data.index(0, of_type) + 1
            at = of_size + 4 + int.from_bytes(data[of_size : of_size + 4], "little")
        at += 1
        first = len(data)
        lead = 16 if flags & _TILED else 4
        while at < first:
            (offset,) = struct.unpack_from("<Q", data, at)
            (size,) = struct.unpack_from("<I", data, offset + lead)
            if offset + lead + 4 + size > len(data):
                return False
            first, at = min(first, offset), at + 8
        return True
    except (IndexError, ValueError, struct.error):
        return False
