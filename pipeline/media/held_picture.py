"""An animation that shows one picture all along: two frames, as one alone would be a still, without duration or loop.

The encoders of WebP and PNG make one frame of two that are equal.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from typing import Any, Literal

from PIL import Image as Pillow

from pipeline.media.metadata import exif_texts, png_texts

_EXIF, _ALPHA, _ANIMATION = 0x08, 0x10, 0x02
_DO_NOT_BLEND = 0x02


def held_picture(
    form: Literal["WEBP", "PNG"],
    picture: Pillow.Image,
    milliseconds: tuple[int, int],
    plays: int,
    texts: dict[str, str],
    options: dict[str, Any],
) -> bytes:
    """The bytes of such a file.

    :param milliseconds: how long each of the two frames is shown.
    :param plays: how often; 0 for ever.
    :param texts: its metadata.
    :param options: of the encoder, as Pillow takes them.
    :raises ValueError: the format cannot hold a picture of that size.
    """
    if form == "PNG":
        data = io.BytesIO()
        # Frames that are laid down in two ways are not made one: the first over nothing, the second in its place.
        picture.save(
            data, "PNG", save_all=True, append_images=[picture.copy()], duration=list(milliseconds), loop=plays,
            blend=[1, 0], pnginfo=png_texts(texts), **options,
        )  # fmt: skip
        return data.getvalue()
    still = io.BytesIO()
    picture.save(still, "WEBP", **options)
    exif = exif_texts(texts).tobytes() if texts else b""
    kept = (_chunk(name, data) for name, data in _chunks(still.getvalue()) if name in (b"ALPH", b"VP8 ", b"VP8L"))
    flags = _ANIMATION | (_ALPHA if picture.mode == "RGBA" else 0) | (_EXIF if exif else 0)
    return _webp(b"".join(kept), flags, picture.size, milliseconds, plays, exif)


def _webp(
    image: bytes, flags: int, size: tuple[int, int], milliseconds: tuple[int, int], plays: int, exif: bytes
) -> bytes:
    """Two frames of one picture, in the container of RFC 9649, section 2.7.

    :param image: its chunks, as in the file of a still.
    :param flags: of the whole file.
    :param exif: '' where there is none.
    """
    width, height = (_three_bytes(side - 1) for side in size)
    body = _chunk(b"VP8X", bytes([flags, 0, 0, 0]) + width + height)
    body += _chunk(b"ANIM", bytes(4) + struct.pack("<H", plays))
    for duration in milliseconds:
        head = bytes(6) + width + height + _three_bytes(duration) + bytes([_DO_NOT_BLEND])
        body += _chunk(b"ANMF", head + image)
    body += _chunk(b"EXIF", exif) if exif else b""
    return _chunk(b"RIFF", b"WEBP" + body)


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    place = 12
    while place + 8 <= len(data):
        name, length = struct.unpack_from("<4sI", data, place)
        yield name, data[place + 8 : place + 8 + length]
        place += 8 + length + length % 2


def _chunk(name: bytes, data: bytes) -> bytes:
    return name + struct.pack("<I", len(data)) + data + bytes(len(data) % 2)


def _three_bytes(number: int) -> bytes:
    return number.to_bytes(3, "little")
