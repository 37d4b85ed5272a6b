"""Pixels in, pixels out: the only room that touches ffmpeg and Pillow."""

from pipeline.media.ffmpeg import FfmpegReport, ffmpeg_report
from pipeline.media.fingerprint import fingerprint
from pipeline.media.frame import Frame, FrameSink, FrameSource, VideoInfo
from pipeline.media.metadata import read_checked, read_metadata
from pipeline.media.outputs import check_output, refuse_existing, refuse_same_file
from pipeline.media.pictures import is_animated, read_picture
from pipeline.media.prefetch import prefetch
from pipeline.media.resize import fit_size, resize
from pipeline.media.sink import open_sink
from pipeline.media.sound import Sound
from pipeline.media.source import open_source
from pipeline.media.writing import check_picture_output, write_picture
from pipeline.types import Image

__all__ = [
    "FfmpegReport",
    "Frame",
    "FrameSink",
    "FrameSource",
    "Image",
    "Sound",
    "VideoInfo",
    "check_output",
    "check_picture_output",
    "ffmpeg_report",
    "fingerprint",
    "fit_size",
    "is_animated",
    "open_sink",
    "open_source",
    "prefetch",
    "read_checked",
    "read_metadata",
    "read_picture",
    "refuse_existing",
    "refuse_same_file",
    "resize",
    "write_picture",
]
