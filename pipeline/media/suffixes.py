"""What the ending of a name promises: a video, an animation, a picture, or nothing that is known here.

Only for choosing among the files of a folder. What a file really is, its bytes say when it is opened.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import PurePath

HEIF = frozenset({".heic", ".heif", ".hif"})
"""Pictures of telephones, which are read where pillow-heif is installed."""
READS_HEIF = find_spec("pillow_heif") is not None
GET_HEIF = "pip install pillow-heif"
"""What makes it read them."""
_PICTURES = """
    .png .apng .jpg .jpeg .jpe .jfif .mpo .gif .webp .tif .tiff .bmp .dib .ppm .pgm .pbm .pnm .jp2
    .j2k .avif .avifs .exr .ico .icns .pcx .sgi .rgb .qoi .psd .dds .tga .xbm .xpm
"""
PICTURES = frozenset(_PICTURES.split()) | (HEIF if READS_HEIF else frozenset())
"""Names that promise a picture; a file so named that is none is an error, not something to skip."""
_VIDEOS = """
    .mp4 .m4v .mov .qt .mkv .webm .avi .divx .wmv .asf .flv .f4v .mpg .mpeg .mpe .mpv .m1v .m2v .vob .ts .mts .m2ts .m2t
    .3gp .3g2 .ogv .ogm .rm .rmvb .dv .mxf .nut .y4m .ivf .mjpg .mjpeg .h264 .264 .hevc .h265 .265 .wtv .insv
"""
VIDEOS = frozenset(_VIDEOS.split())
"""Names that promise a video."""
MOTION_JPEG = frozenset({".mjpg", ".mjpeg"})
"""Names of videos that are one JPEG after the other: by its first bytes, such a one is a picture."""
ANIMATIONS = frozenset({".gif", ".apng", ".avifs"})
"""Names of pictures that promise to move. A WebP, PNG or AVIF may move as well; its name does not say."""
STILLS = PICTURES - ANIMATIONS
"""Names that promise a single picture; some of these may hold an animation all the same (see `is_animated`)."""
WRITABLE = {
    ".png": "PNG",
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".webp": "WEBP",
    ".tif": "TIFF",
    ".tiff": "TIFF",
}
"""Endings of pictures that can be written -> format."""
_ALL = VIDEOS | PICTURES
_OTHER = """
    .txt .md .rst .pdf .doc .docx .odt .rtf .ppt .pptx .xls .xlsx .csv .tsv .json .jsonl .xml .yml .yaml .toml .ini .cfg
    .conf .htm .html .css .js .py .sh .bat .log .lock .db .sqlite .sqlite3 .url .lnk .nfo .srt .ass .ssa .sub .idx .vtt
    .sup .xmp .aae .thm .lrv .lut .cube .mp3 .m4a .aac .wav .flac .ogg .oga .opus .wma .aif .aiff .mid .ac3 .dts .zip
    .7z .rar .gz .tgz .tar .xz .bz2 .iso .exe .dll .so .ttf .otf .woff .woff2 .pth .safetensors .ckpt .onnx .npy .npz
"""
OTHER = frozenset(_OTHER.split())
"""Names that promise neither picture nor video: nobody misses such a file among the paintings of a folder."""


def ending(path: PurePath) -> str:
    """The ending in small letters, with its dot; '' where there is none."""
    return path.suffix.lower()


def may_be_missed(path: PurePath) -> bool:
    """Whether a file that is left out of a folder, by its name, could be one that a person wants to be painted."""
    return not is_media_name(path) and ending(path) not in OTHER


def is_media_name(path: PurePath) -> bool:
    """Whether the name promises a video, an animation or a picture."""
    return ending(path) in _ALL
