"""Whether a fragmented MP4 is whole: one that is written piece by piece, as by recorders that expect to be interrupted.

Where it breaks off in the table of a piece, ffmpeg ends with the piece before, and says nothing of it.
"""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

_FIRST = (b"ftyp", b"styp")
_TABLE = b"moof"
"""The box with the table of a piece; what the table describes follows it in another one."""


def breaks_off(path: Path) -> bool:
    """Whether `path` is a fragmented MP4 that ends inside a box, or goes on with none. Boxes follow one another; each
    begins with its size and its name.

    :raises OSError: it cannot be read.
    """
    size = path.stat().st_size
    at, pieces = 0, 0
    with path.open("rb") as stream:
        while at < size:
            length, name = _box(stream, at, size)
            if at == 0 and name not in _FIRST:
                return False
            pieces += name == _TABLE
            if length < 8 or at + length > size:
                return pieces > 0
            at += length
    return False


def _box(stream: BinaryIO, at: int, size: int) -> tuple[int, bytes]:
    """Size and name of the box at `at` of a file of `size` bytes."""
    stream.seek(at)
    head = stream.read(16)
    length = int.from_bytes(head[:4], "big")
    if length == 1:
        length = int.from_bytes(head[8:16], "big")
    elif length == 0:  # up to the end
        length = size - at
    return length if len(head) >= 8 else 0, head[4:8]
