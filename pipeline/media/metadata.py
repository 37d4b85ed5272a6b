"""What a result says about how it was made: a few named texts, kept in the file itself.

PNG keeps each text under its name. Everything else has one field for remarks, which holds the texts as JSON.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path

from PIL import Image as Pillow
from PIL.PngImagePlugin import PngInfo

from pipeline.errors import MediaError
from pipeline.media.ffmpeg import address, run
from pipeline.media.pictures import NotAPictureError, open_picture
from pipeline.media.probe import check_readable

IMAGE_DESCRIPTION = 0x010E
"""The field of EXIF and TIFF for a remark."""

_PNG_END = b"\0\0\0\0IEND\xaeB`\x82"


def pack(metadata: Mapping[str, str]) -> str:
    """`metadata` as one line of plain ASCII, the same on every run; '' where there is none."""
    return json.dumps(dict(metadata), ensure_ascii=True, sort_keys=True) if metadata else ""


def unpack(text: str) -> dict[str, str]:
    """What `pack` made of; a remark by somebody else has the name 'comment'."""
    try:
        texts = json.loads(text)
    except (ValueError, RecursionError):
        texts = None
    if isinstance(texts, dict):
        return {str(name): str(value) for name, value in texts.items()}
    return {"comment": text} if text else {}


def png_texts(metadata: Mapping[str, str]) -> PngInfo:
    """`metadata` for a PNG, where each text has its name."""
    texts = PngInfo()
    for name, value in metadata.items():
        texts.add_itxt(name, value)
    return texts


def exif_texts(metadata: Mapping[str, str]) -> Pillow.Exif:
    """`metadata` for a format that knows EXIF."""
    exif = Pillow.Exif()
    if metadata:
        exif[IMAGE_DESCRIPTION] = pack(metadata)
    return exif


def read_metadata(path: str | Path) -> dict[str, str]:
    """The texts that `write_picture` or a sink has put into `path`; of a folder, those of its first picture.

    :raises MediaError: the file cannot be read.
    """
    path = Path(path)
    if path.is_dir():
        return read_metadata(min(path.glob("frame_*.png"), default=path / "frame_000001.png"))
    check_readable(path)
    try:
        with open_picture(path) as picture:
            return _of_picture(picture)
    except NotAPictureError:
        return _of_video(path)


def read_checked(path: Path) -> dict[str, str]:
    """The texts that `write_picture` has put into a PNG file, every byte of which is what was written: the file is
    compared with the check sums in it, which takes far less time than to decode it.

    :raises MediaError: the file is damaged, or no PNG file.
    """
    with open_picture(path) as picture:
        if picture.format != "PNG":
            raise MediaError(f"{path}: this is no PNG file.")
        texts = {str(name): value for name, value in picture.info.items() if isinstance(value, str)}
        picture.verify()
        # Its own chunk is not checked, nor what comes after it.
        with path.open("rb") as file:
            file.seek(-len(_PNG_END), os.SEEK_END)
            if file.read() != _PNG_END:
                raise MediaError(f"{path}: the picture is damaged at its end.")
        return texts


def _of_picture(picture: Pillow.Image) -> dict[str, str]:
    if picture.format == "PNG":
        # Texts may stand after the pixels, so these must be read first.
        picture.load()
        return {name: str(value) for name, value in getattr(picture, "text", {}).items()}
    comment = picture.info.get("comment")
    if comment:
        return unpack(comment.decode("utf-8", "replace") if isinstance(comment, bytes) else str(comment))
    description = picture.getexif().get(IMAGE_DESCRIPTION, "")
    return unpack(str(description).rstrip("\0"))


def _of_video(path: Path) -> dict[str, str]:
    done = run(["-i", address(path), "-f", "ffmetadata", "pipe:1"])
    if done.code:
        raise MediaError(f"{path}: nothing can be read of this file (ffmpeg says: {done.reason}).")
    text = re.sub(r"\\\n", "\n", done.out.decode("utf-8", "replace"))
    for line in text.split("\n["):
        comment = re.search(r"^comment=(.*)$", line, re.MULTILINE | re.IGNORECASE)
        if comment:
            return unpack(re.sub(r"\\(.)", r"\1", comment.group(1)))
    return {}
