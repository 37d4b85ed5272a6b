"""The frames of a GIF as browsers compose them.

Pillow decodes each frame alone; where it lies and what becomes of it is done here. Composed by Pillow, what is disposed
of or was never drawn shows a colour of the palette, and the canvas grows with a frame that lies beyond it.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from PIL import Image as Pillow
from PIL import UnidentifiedImageError

from pipeline.media.gif_blocks import GifFrame, screen, walk_gif

_NOTHING = (0, 0, 0, 0)
_CLEAR, _RESTORE = 2, (3, 4)  # the standard was once read as if 4 brought back what was there, and browsers obey


def composed_frames(path: Path) -> Iterator[Pillow.Image]:
    """Each frame of the GIF `path` in turn, RGBA, on a canvas of one size; it changes with the next.

    Pixels that no frame has drawn, or whose frame was disposed of, are transparent. What lies beyond the canvas is cut
    off; only the first frame enlarges it.

    :raises OSError, ValueError, and what else Pillow raises: a frame is damaged.
    """
    frames = walk_gif(path).frames
    if not frames:
        return
    with path.open("rb") as stream:
        head = stream.read(_HEAD)
        width, height, length = screen(head)
        head = head[:length]
        size = (max(width, frames[0].left + frames[0].width), max(height, frames[0].top + frames[0].height))
        canvas = Pillow.new("RGBA", size, _NOTHING)
        for frame in frames:
            before = canvas.copy() if frame.disposal in _RESTORE else None
            if frame.width and frame.height:
                drawn = _decoded(stream, head, frame)
                canvas.paste(drawn, (frame.left, frame.top), drawn)
            yield canvas
            if before is not None:
                canvas = before
            elif frame.disposal == _CLEAR:
                right, bottom = frame.left + frame.width, frame.top + frame.height
                canvas.paste(_NOTHING, (frame.left, frame.top, right, bottom))


_HEAD = 13 + 3 * 256
"""Bytes that the header takes at most, with its colour table."""


def _decoded(stream: BinaryIO, head: bytes, frame: GifFrame) -> Pillow.Image:
    """One frame by itself: as a GIF of its size with nothing else in it."""
    stream.seek(frame.start + 9)  # what follows the place in the descriptor
    data = stream.read(frame.end - frame.start - 9)
    control = b""
    if frame.transparent is not None:
        control = b"\x21\xf9\x04" + bytes([1, 0, 0, frame.transparent]) + b"\0"
    place = struct.pack("<HHHH", 0, 0, frame.width, frame.height)
    alone = head[:6] + place[4:] + head[10:] + control + b"\x2c" + place + data + b"\x3b"
    try:
        picture: Pillow.Image = Pillow.open(io.BytesIO(alone), formats=("GIF",))
        return picture.convert("RGBA")
    except UnidentifiedImageError as error:
        raise OSError("a frame of the GIF cannot be decoded") from error
