"""The blocks of a GIF file: delays exactly as stored, whether the file is whole, and a remark put in."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from mmap import ACCESS_READ, mmap
from pathlib import Path

from pipeline.media.outputs import part_path

_EXTENSION, _PICTURE, _END = 0x21, 0x2C, 0x3B
_GRAPHIC_CONTROL, _COMMENT = 0xF9, 0xFE
_HEADER = 13  # bytes: signature and logical screen


@dataclass(frozen=True)
class GifBlocks:
    """What the blocks of a GIF say."""

    delays: list[int]
    """Of each frame whose data are all there, in hundredths of a second; 0 where none is given."""
    whole: bool
    """False where the file breaks off inside a block; a missing end mark alone is common and harmless."""


def walk_gif(path: Path) -> GifBlocks:
    """Go through the blocks of the GIF `path` without decoding a picture."""
    with path.open("rb") as stream, mmap(stream.fileno(), 0, access=ACCESS_READ) as data:
        return _walk(data)


def _walk(data: mmap) -> GifBlocks:
    delays: list[int] = []
    delay = 0
    try:
        at = _HEADER + _table(data[10])
        while at < len(data) and data[at] != _END:
            if data[at] == _EXTENSION:
                if data[at + 1] == _GRAPHIC_CONTROL:
                    delay = int.from_bytes(data[at + 4 : at + 6], "little")
                at = _after_sub_blocks(data, at + 2)
            elif data[at] == _PICTURE:
                at = _after_sub_blocks(data, at + 10 + _table(data[at + 9]) + 1)
                delays.append(delay)
                delay = 0
            else:
                return GifBlocks(delays, False)
    except IndexError:
        return GifBlocks(delays, False)
    return GifBlocks(delays, True)


def add_comment(path: Path, text: str) -> None:
    """Put `text` (ASCII) into the GIF `path` as a comment, before its first frame.

    Raises:
        OSError: the disk is full; `path` is as before then.
    """
    raw = text.encode("ascii", "replace")
    blocks = b"".join(bytes([len(raw[i : i + 255])]) + raw[i : i + 255] for i in range(0, len(raw), 255))
    other = part_path(path)
    with path.open("rb") as old, other.open("wb") as new:
        header = old.read(_HEADER)
        new.write(header + old.read(_table(header[10])))
        new.write(bytes([_EXTENSION, _COMMENT]) + blocks + b"\0")
        shutil.copyfileobj(old, new)
    other.replace(path)


def _table(flags: int) -> int:
    """Bytes of the colour table that `flags` announce."""
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _after_sub_blocks(data: mmap, at: int) -> int:
    while data[at]:
        at += data[at] + 1
    return at + 1
