"""Write a picture, so that it is either there and complete, or not there."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path

from PIL import Image as Pillow

from pipeline.errors import OutputError, OutputNameError
from pipeline.media.frame_file import encode_png
from pipeline.media.metadata import IMAGE_DESCRIPTION, exif_texts, pack, png_texts
from pipeline.media.outputs import check_output, refuse_existing, written_atomically
from pipeline.media.suffixes import WRITABLE
from pipeline.types import DeepImage, Image, deep_only, shallow

JPEG_QUALITY = 95
"""With full colour resolution (4:4:4): above this, files grow and nothing is seen."""


def check_picture_output(path: Path) -> None:
    """Find out before any work is done whether `write_picture` can write `path`, as `check_output`.

    :raises OutputError: as `write_picture`.
    """
    if path.suffix.lower() not in WRITABLE:
        raise OutputNameError(f"{path}: a picture must end in one of {', '.join(WRITABLE)}. Choose such a name.")
    check_output(path)


def write_picture(
    path: str | Path,
    image: Image | DeepImage,
    *,
    metadata: Mapping[str, str] | None = None,
    overwrite: bool = False,
    dots: int | None = None,
) -> None:
    """Write `image` as PNG, JPEG (quality 95, 4:4:4), lossless WebP or TIFF, by the ending of `path`.

    :param image: uint8, shape (height, width, 3 or 4), RGB; or uint16, for a PNG.
    :param metadata: texts that `read_metadata` gives back.
    :param overwrite: replace an existing file; it stays as it is until the new one is complete.
    :param dots: pixels for an inch in print, which all but WebP can say.
    :raises OutputError: it exists already, has an unknown ending, or cannot be written (no folder, disk full).
    """
    path = Path(path)
    check_picture_output(path)
    refuse_existing(path, overwrite)
    deep = deep_only(image)
    if deep is None:
        encoded = encode_picture(shallow(image), WRITABLE[path.suffix.lower()], metadata or {}, path, dots)
    else:
        encoded = encode_png(path, deep, metadata or {})
    with written_atomically(path) as part:
        part.write_bytes(encoded)


def encode_picture(image: Image, form: str, metadata: Mapping[str, str], path: Path, dots: int | None = None) -> bytes:
    """The bytes of a picture file; `path` is only named in errors."""
    picture = Pillow.fromarray(image)
    stream = io.BytesIO()
    printed = {} if dots is None else {"dpi": (dots, dots)}
    try:
        if form == "PNG":
            picture.save(stream, "PNG", pnginfo=png_texts(metadata), compress_level=6, **printed)
        elif form == "JPEG":
            comment = pack(metadata).encode("ascii")
            picture.save(stream, "JPEG", quality=JPEG_QUALITY, subsampling=0, comment=comment, **printed)
        elif form == "WEBP":
            picture.save(stream, "WEBP", lossless=True, exact=True, exif=exif_texts(metadata).tobytes())
        else:
            texts = {IMAGE_DESCRIPTION: pack(metadata)} if metadata else {}
            picture.save(stream, "TIFF", compression="tiff_deflate", tiffinfo=texts, **printed)
    except (ValueError, OSError) as error:
        height, width = image.shape[:2]
        raise OutputError(
            f"{path}: {form} cannot hold this picture of {width}x{height} pixels ({error}). Choose a name that ends "
            "in .png."
        ) from error
    return stream.getvalue()
