"""What a file says in its first bytes that it is, whatever its name."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path

from pipeline.media.suffixes import MOTION_JPEG, ending

_PICTURES = {
    "PNG": rb"\x89PNG\r\n\x1a\n",
    "JPEG": rb"\xff\xd8\xff",
    "GIF": rb"GIF8[79]a",
    "WEBP": rb"RIFF....WEBP",
    "AVIF": rb"....ftypavi[fs]",
    "TIFF": rb"II\*\0|MM\0\*",
    "JPEG2000": rb"\0\0\0\x0cjP  ",
    "PSD": rb"8BPS",
    "QOI": rb"qoif",
    "DDS": rb"DDS ",
}
"""Formats of pictures, as Pillow calls them, and how files of them begin. Others begin as many a file does."""
_HEIF = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")


def picture_kind(path: Path, formats: Collection[str]) -> str:
    """Which of `formats` a file begins as; '' where it says nothing of it. A .mjpg has one JPEG after the other, and is
    a video.

    :raises OSError: it cannot be read.
    """
    head = _head(path, 16)
    found = (name for name, begins in _PICTURES.items() if re.match(begins, head, re.DOTALL))
    return next((name for name in found if name in formats and ending(path) not in MOTION_JPEG), "")


def is_heif(path: Path) -> bool:
    """Whether a file says that it is a picture, or several, of telephones; ffmpeg would take one tile for a video.

    :raises OSError: it cannot be read.
    """
    head = _head(path, 12)
    return head[4:8] == b"ftyp" and head[8:] in _HEIF


def video_container(path: Path) -> tuple[str, str] | None:
    """What kind of video a file says that it is, and how the name of such a one ends; None where it says nothing of it.

    :raises OSError: it cannot be read.
    """
    head = _head(path, 377)
    if head[4:8] == b"ftyp":
        return ("QuickTime", ".mov") if head[8:12] == b"qt  " else ("MP4", ".mp4")
    if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
        return "AVI", ".avi"
    if head[:1] == head[188:189] == head[376:377] == b"\x47":
        return "MPEG transport stream", ".ts"
    kinds = {b"\x1a\x45\xdf\xa3": ("Matroska or WebM", ".mkv"), b"FLV\x01": ("FLV", ".flv")}
    kinds |= {b"OggS": ("Ogg", ".ogv"), b"\x00\x00\x01\xba": ("MPEG", ".mpg")}
    return kinds.get(head[:4])


def _head(path: Path, count: int) -> bytes:
    with path.open("rb") as stream:
        return stream.read(count)
