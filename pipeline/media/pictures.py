"""Read a picture, whatever it is, as 8-bit RGB the way a viewer would show it."""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import cast

import numpy as np
from PIL import Image as Pillow
from PIL import ImageCms, ImageOps, UnidentifiedImageError

from pipeline.errors import MediaError
from pipeline.media.beginnings import is_heif, picture_kind, video_container
from pipeline.media.coded_colours import coded_colour_note
from pipeline.media.exr import opened_exr
from pipeline.media.gif_frames import composed_frames
from pipeline.media.probe import check_readable
from pipeline.media.suffixes import GET_HEIF, STILLS, ending
from pipeline.text import sanitize_line
from pipeline.types import Image

with suppress(ImportError):
    import pillow_heif

    pillow_heif.register_heif_opener()

# A list, not whatever Pillow has: its MPEG plugin would claim videos, its EPS plugin would start Ghostscript.
_WANTED = (
    *("PNG", "JPEG", "GIF", "WEBP", "TIFF", "BMP", "DIB", "PPM", "JPEG2000", "AVIF", "ICO", "ICNS"),
    *("PCX", "SGI", "QOI", "PSD", "DDS", "XBM", "XPM", "HEIF"),
)
Pillow.init()
FORMATS = tuple(name for name in _WANTED if name in Pillow.OPEN)
"""The formats that are read; a build of Pillow may lack a few."""

ANIMATED_FORMATS = frozenset({"GIF", "WEBP", "PNG", "AVIF"})

_DNG_VERSION, _KIND, _REDUCED = 50706, 254, 1
"""Tags of a TIFF: written by a camera; what kind of picture the first one is; that of a smaller copy of another."""

DEEP_MODES = ("I", "F", "I;16", "I;16L", "I;16B", "I;16N")
"""Modes of Pillow with more than 8 bits a channel; of colours it has none."""


_DAMAGE = (
    *(OSError, SyntaxError, ValueError, EOFError, LookupError, ArithmeticError, AssertionError),
    # Of a header that names what there is not, or leaves something out; of what libavif cannot decode.
    *(NotImplementedError, RuntimeError, TypeError, AttributeError, struct.error, zlib.error),
)
"""What Pillow's decoders raise where a picture is damaged."""


class NotAPictureError(MediaError):
    """The file is none of `FORMATS`; it may be a video."""


def read_picture(path: str | Path) -> Image:
    """The picture in `path`, uint8, shape (height, width, 3), sRGB.

    It is turned as its EXIF orientation says, transparent parts show white, an embedded colour profile (of a
    CMYK picture too) is converted to sRGB, and 16-bit grey is scaled, not clipped. Of an animated or
    many-paged picture this is the first one (see `is_animated`).

    :raises MediaError: missing, a folder, empty, no picture, broken off, or too large to be one.
    """
    path = Path(path)
    with open_picture(path) as picture:
        return as_rgb(first_shown(picture, path))


def gif_frames(picture: Pillow.Image, path: Path) -> Iterator[Pillow.Image]:
    """Every frame of the GIF `path`, which is open as `picture`, for `as_rgb`; each is valid until the next."""
    profile = picture.info.get("icc_profile")
    for frame in composed_frames(path):
        if profile:
            frame.info["icc_profile"] = profile
        yield frame


def first_shown(picture: Pillow.Image, path: Path) -> Pillow.Image:
    """What the picture `path`, which is open, shows at first, for `as_rgb`: of a GIF the frame as browsers compose
    it."""
    return next(gif_frames(picture, path), picture) if picture.format == "GIF" else picture


def is_animated(path: str | Path) -> bool:
    """True where `path` is an animated GIF, WebP, PNG or AVIF of more than one frame.

    :raises MediaError: as `read_picture`.
    """
    with open_picture(Path(path)) as picture:
        return animated(picture)


def animated(picture: Pillow.Image) -> bool:
    """True where an open picture is an animation; the pages of a TIFF or the views of an MPO are none."""
    return picture.format in ANIMATED_FORMATS and getattr(picture, "n_frames", 1) > 1


def more_in(path: Path) -> str:
    """'is animated; its first frame' or 'has 3 pages; its first one', where a picture holds more than is read of it as
    a single one; else ''.

    :raises MediaError: as `read_picture`.
    """
    with open_picture(path) as picture:
        if animated(picture):
            return "is animated; its first frame"
        pages = 0
        for page in range(getattr(picture, "n_frames", 1) if picture.format == "TIFF" else 0):
            picture.seek(page)
            # A smaller copy of another page is none.
            pages += not int(getattr(picture, "tag_v2", {}).get(_KIND, 0)) & _REDUCED
    return f"has {pages} pages; its first one" if pages > 1 else ""


@contextmanager
def open_picture(path: Path) -> Iterator[Pillow.Image]:
    """Open `path` with Pillow; any trouble, now or while decoding inside the block, becomes a MediaError."""
    check_readable(path)
    formats = (*FORMATS, "TGA") if path.suffix.lower() == ".tga" else FORMATS
    try:
        with warnings.catch_warnings():
            # Above 89 megapixels Pillow warns, above 179 it refuses; a large scan is no attack.
            warnings.simplefilter("ignore", Pillow.DecompressionBombWarning)
            # Remarks on odd EXIF blocks are of no use to anyone here.
            warnings.simplefilter("ignore", UserWarning)
            with opened_exr(path) or Pillow.open(path, formats=formats) as picture:
                _refuse_preview(picture, path)
                yield picture
    except UnidentifiedImageError as error:
        if is_heif(path):
            raise MediaError(
                f"{path}: this is a HEIC picture, which is read where pillow-heif is installed: {GET_HEIF}. Or convert "
                "it to PNG or JPEG."
            ) from error
        if kind := picture_kind(path, FORMATS):
            raise MediaError(
                f"{path}: the file begins as a picture does ({kind}), but nothing of it can be read: it is damaged or "
                "cut off, or of a rare kind. Copy or download it again, or save it anew from a program that opens it."
            ) from error
        if container := video_container(path):
            raise NotAPictureError(
                f"{path}: this is not a picture, but a video ({container[0]}). {_renamed(path, container[1])}"
            ) from error
        raise NotAPictureError(
            f"{path}: this is not a picture that can be read. Convert it to PNG or JPEG first."
        ) from error
    except Pillow.DecompressionBombError as error:
        limit = 2 * (Pillow.MAX_IMAGE_PIXELS or 0) // 1_000_000
        raise MediaError(
            f"{path}: the picture claims more than {limit} million pixels, which is more than can be painted. "
            "Make a smaller copy first."
        ) from error
    except MemoryError as error:
        raise MediaError(
            f"{path}: the memory of this machine does not suffice to read the picture. It may be damaged, and claim to "
            "be larger than it is; else make a smaller copy first."
        ) from error
    except _DAMAGE as error:
        raise MediaError(
            f"{path}: the picture is damaged or cut off ({error}). Copy or download it again, or save it anew "
            "from a program that still opens it."
        ) from error


def colour_notes(path: Path) -> tuple[str, ...]:
    """What a person should know of the colours of a picture.

    :raises MediaError: as `read_picture`.
    """
    with open_picture(path) as picture:
        name, profiled = profile_name(picture), bool(picture.info.get("icc_profile"))
    if name:
        return (f"The colours of {path.name} are converted to sRGB from its profile ({name}).",)
    note = "" if profiled else coded_colour_note(path)
    return (note,) if note else ()


def profile_name(picture: Pillow.Image) -> str:
    """What the colour profile of a picture is called; '' where it has none that matters, or a broken one."""
    profile = picture.info.get("icc_profile")
    if not profile:
        return ""
    with suppress(ImageCms.PyCMSError, OSError, ValueError, TypeError):
        name = ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(io.BytesIO(profile))).strip()
        # To convert this one would only add rounding.
        return "" if "srgb" in name.lower() else sanitize_line(name, 40) or "unnamed"
    return ""


def _renamed(path: Path, suffix: str) -> str:
    """What helps where the name promises a picture and the file is a video."""
    return f"Rename it, so that its name ends in {suffix}." if ending(path) in STILLS else "Name a picture."


def _refuse_preview(picture: Pillow.Image, path: Path) -> None:
    """Raise a MediaError for what a camera wrote before it was developed: Pillow would read the small preview in it."""
    tags = getattr(picture, "tag_v2", {})
    if picture.format == "TIFF" and (_DNG_VERSION in tags or int(tags.get(_KIND, 0)) & _REDUCED):
        raise MediaError(
            f"{path}: this is a raw photograph, which holds no finished picture but a small preview. Develop it to a "
            "PNG, TIFF or JPEG first."
        )


def as_rgb(picture: Pillow.Image) -> Image:
    """The current frame of an open picture as `read_picture` returns it. Shape (height, width, 3), uint8."""
    upright = ImageOps.exif_transpose(picture)
    if upright.mode in DEEP_MODES:
        return _from_deep_grey(upright)
    return cast(Image, np.array(on_white(_to_srgb(upright))))


def as_rgba(picture: Pillow.Image) -> Image:
    """The same with its transparency, uint8 (height, width, 4): laid on white it is what `as_rgb` gives."""
    return cast(Image, np.array(_to_srgb(ImageOps.exif_transpose(picture)).convert("RGBA")))


def opacity_of(picture: Pillow.Image) -> Image | None:
    """How opaque the current frame of an open picture is, uint8 (height, width), turned as `as_rgb` turns it; None
    where it is opaque throughout."""
    upright = ImageOps.exif_transpose(picture)
    if not upright.has_transparency_data:
        return None
    opacity = np.array(upright.convert("RGBA").getchannel("A"))
    return None if opacity.min() == 255 else cast(Image, opacity)


def read_opacity(path: str | Path) -> Image | None:
    """How opaque the picture in `path` is, as `opacity_of`.

    :raises MediaError: as `read_picture`.
    """
    path = Path(path)
    with open_picture(path) as picture:
        return opacity_of(first_shown(picture, path))


def _from_deep_grey(picture: Pillow.Image) -> Image:
    values = np.asarray(picture).astype(np.float64)
    if picture.mode == "F":
        # Floating point has no agreed range: 0..1 where all values fit that, else 0..255, else 0..65535.
        top = float(np.nanmax(values, initial=0.0))
        white = 1.0 if top <= 1 else 255.0 if top <= 255 else 65535.0
    else:
        # Mode I holds what 16-bit files store; only values above that are really 32 bits wide.
        white = 65535.0 if values.max(initial=0) <= 65535 else float(2**32 - 1)
    grey = np.clip(np.nan_to_num(values) * (255.0 / white) + 0.5, 0, 255).astype(np.uint8)
    return cast(Image, np.repeat(grey[:, :, None], 3, axis=2))


def _to_srgb(picture: Pillow.Image) -> Pillow.Image:
    """Colours converted from the embedded profile, where there is one that can be used."""
    if not profile_name(picture):
        return picture
    with suppress(ImageCms.PyCMSError, OSError, ValueError, TypeError):  # a broken profile is as good as none
        source = ImageCms.ImageCmsProfile(io.BytesIO(picture.info["icc_profile"]))
        if picture.mode == "P":
            picture = picture.convert("RGBA" if "transparency" in picture.info else "RGB")
        alpha = picture.getchannel("A") if picture.mode in ("RGBA", "LA") else None
        if alpha is not None:
            picture = picture.convert(picture.mode[:-1])
        if picture.mode not in ("RGB", "CMYK", "L", "LAB"):
            return picture
        converted = ImageCms.profileToProfile(
            picture,
            source,
            ImageCms.createProfile("sRGB"),
            renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
            outputMode="RGB",
            flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
        if converted is None:
            return picture
        if alpha is not None:
            converted.putalpha(alpha)
        return converted
    return picture


def on_white(picture: Pillow.Image) -> Pillow.Image:
    """In RGB; what is transparent shows white."""
    if picture.has_transparency_data:
        layer = picture.convert("RGBA")
        return Pillow.alpha_composite(Pillow.new("RGBA", layer.size, "white"), layer).convert("RGB")
    return picture.convert("RGB")
