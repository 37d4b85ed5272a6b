"""The blocks of a GIF file: where its frames stand, their delays, how often they are played, and a remark put in."""

from __future__ import annotations

import shutil
import struct
from dataclasses import dataclass
from mmap import ACCESS_READ, mmap
from pathlib import Path

from pipeline.media.outputs import part_path

_EXTENSION, _PICTURE, _END = 0x21, 0x2C, 0x3B
_GRAPHIC_CONTROL, _APPLICATION, _COMMENT = 0xF9, 0xFF, 0xFE
_HEADER = 13  # bytes: signature and logical screen
_LOOPING = (b"NETSCAPE2.0", b"ANIMEXTS1.0")


@dataclass(frozen=True)
class GifFrame:
    """Where a frame lies on the canvas and in the file, and what becomes of it."""

    left: int
    top: int
    width: int
    height: int
    delay: int
    """In hundredths of a second; 0 where none is given."""
    disposal: int
    """As stored: 2 makes its place transparent before the next frame, 3 brings back what was there before it."""
    transparent: int | None
    """The index in the palette that is not drawn."""
    start: int
    """First byte of its image descriptor."""
    end: int
    """First byte after its data."""


@dataclass(frozen=True)
class GifBlocks:
    """What the blocks of a GIF say."""

    frames: list[GifFrame]
    """Those whose data are all there."""
    whole: bool
    """False where the file breaks off inside a block; a missing end mark alone is common and harmless."""
    plays: int = 1
    """How often the animation is played; 0 for ever."""

    @property
    def delays(self) -> list[int]:
        """Of each frame, in hundredths of a second."""
        return [frame.delay for frame in self.frames]


def walk_gif(path: Path) -> GifBlocks:
    """Go through the blocks of the GIF `path` without decoding a picture."""
    with path.open("rb") as stream, mmap(stream.fileno(), 0, access=ACCESS_READ) as data:
        return _walk(data)


def screen(head: bytes) -> tuple[int, int, int]:
    """Width, height and bytes of the header with its colour table, of a GIF that begins with `head`."""
    width, height = struct.unpack_from("<HH", head, 6)
    return width, height, _HEADER + _table(head[10])


def _walk(data: mmap) -> GifBlocks:
    frames: list[GifFrame] = []
    control, plays = bytes(4), 1
    whole = True
    try:
        at = _HEADER + _table(data[10])
        while at < len(data) and data[at] != _END:
            if data[at] == _EXTENSION:
                if data[at + 1] == _GRAPHIC_CONTROL:
                    control = bytes(data[at + 3 + k] for k in range(4))
                elif data[at + 1] == _APPLICATION and data[at + 3 : at + 14] in _LOOPING and data[at + 15] & 7 == 1:
                    repeats = data[at + 16] + 256 * data[at + 17]
                    plays = repeats + 1 if repeats else 0
                at = _after_sub_blocks(data, at + 2)
            elif data[at] == _PICTURE:
                end = _after_sub_blocks(data, at + 10 + _table(data[at + 9]) + 1)
                left, top, width, height = struct.unpack("<HHHH", data[at + 1 : at + 9])
                flags, delay, transparent = struct.unpack("<BHB", control)
                unseen = transparent if flags & 1 else None
                frames.append(GifFrame(left, top, width, height, delay, flags >> 2 & 7, unseen, at, end))
                control, at = bytes(4), end
            else:
                whole = False
                break
    except IndexError:
        whole = False
    return GifBlocks(frames, whole, plays)


def add_comment(path: Path, text: str) -> None:
    """Put `text` (ASCII) into the GIF `path` as a comment, before its first frame.

    :raises OSError: the disk is full; `path` is as before then.
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
