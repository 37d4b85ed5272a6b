"""What a video says about itself: the banner that ffmpeg prints, and what its first frame adds."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from pipeline.errors import MediaError
from pipeline.media.beginnings import video_container
from pipeline.media.ffmpeg import Process, address, complaint, decoders, run

_CONFIG = re.compile(r"config in time_base: (\d+)/(\d+), frame_rate: (\d+)/(\d+)")
_FRAME = re.compile(r"n: *0 pts: .*? fmt:(\S+) .*?sar:(\d+)/(\d+) s:(\d+)x(\d+) i:(\S)")
_COLOUR = re.compile(r"color_range:(\S+) color_space:(\S+) color_primaries:(\S+) color_trc:(\S+)")
_CONTAINER = re.compile(r"\bInput #0, (\S+), from ")
_CLOCK = r"(\d+):(\d+):(\d+(?:\.\d+)?)"
_DURATION = re.compile(rf"\bDuration: {_CLOCK}")
_STREAM_END = re.compile(rf"\bDURATION +: {_CLOCK}")
_STREAM = re.compile(r"\bStream #0:\d+.*?: (Video|Audio|Subtitle|Data|Attachment): ")
_ROTATION = re.compile(r"[Dd]isplay ?[Mm]atrix: rotation of (-?[\d.]+) degrees")
_CODEC = re.compile(r": Video: (\w+)")
_ALPHA_BESIDE = re.compile(r"\balpha_mode +: 1\b", re.IGNORECASE)
_ALPHA_FORMAT = re.compile(r"(yuva|gbrap|rgba|bgra|argb|abgr|ya\d|ayuv|uyva|vuya).*")
_ALPHA_DECODERS = {"vp8": "libvpx", "vp9": "libvpx-vp9"}
"""Those that decode the transparency of WebM, which is a second picture beside the first."""
_DEEP_FORMAT = re.compile(r"(\d+)x?(?:msb)?(?:le|be)$")
_DEEP_NUMBERS = {
    20: 10,
    30: 10,
    36: 12,
    28: 16,
    32: 16,
    48: 16,
    64: 16,
    96: 16,
    **{one: one for one in (9, 10, 12, 14, 16)},
}
_STATED_FPS = re.compile(r", ([\d.]+)(k?) fps")


@dataclass(frozen=True)
class Header:
    """What is known before the whole file has been decoded."""

    container: str
    """As ffmpeg calls it, for instance 'matroska,webm'."""
    width: int
    height: int
    """Size after rotation, in pixels; the pixels may not be square."""
    pixel_aspect: Fraction
    """Width of a pixel divided by its height."""
    stated_rate: Fraction | None
    """Frames a second as the file states or ffmpeg guesses it."""
    rotation: int
    """Degrees by which the container asks to turn the stored picture, counter-clockwise."""
    pixel_format: str
    colour_space: str
    colour_range: str
    colour_primaries: str
    colour_transfer: str
    """As ffmpeg names them; 'unknown' where the file does not say."""
    interlaced: bool
    alpha: bool
    """The pixels can be transparent."""
    bits: int
    """Of a channel of a pixel."""
    decoder: str
    """The decoder of ffmpeg that the frames need; '' for the one it takes by itself."""
    expected: int | None
    """Number of frames there should be; only good for a progress bar."""
    stream_end: Fraction | None
    """Where the video ends on the clock of the file, in seconds, if a Matroska tag says so."""


def read_header(path: Path, on_start: Callable[[Process], None] | None = None) -> Header:
    """Decode the first frame of `path` and tell what it and the container say.

    :param on_start: as for `run`.
    :raises MediaError: it is no video, or not one frame can be decoded.
    """
    done = run(
        [
            *("-i", address(path), "-map", "0:V:0", "-vf", "showinfo=checksum=0", "-frames:v", "1"),
            *("-fps_mode", "passthrough", "-f", "null", "-"),
        ],
        on_start=on_start,
    )
    said = "\n".join(done.lines)
    banner = re.split(r"^(?:\[info\] )?Output #", said, maxsplit=1, flags=re.MULTILINE)[0]
    frame, config = _FRAME.search(said), _CONFIG.search(said)
    if frame is None or config is None:
        raise _unreadable(path, banner, said, done.reason if done.code else complaint(done.lines))
    pixel_format, sar_num, sar_den, width, height, scan = frame.groups()
    colour = _COLOUR.search(said)
    colour_range, space, primaries, transfer = colour.groups() if colour else ("unknown",) * 4
    rotation = _ROTATION.search(banner)
    container = _CONTAINER.search(banner)
    codec, beside = _video_codec(banner)
    decoder = _ALPHA_DECODERS.get(codec, "") if beside else ""
    if decoder not in decoders():
        decoder = ""
    # The fourth byte of uncompressed AVI is there to align pixels, and often 0 throughout.
    padded = codec == "rawvideo" and "avi" in (container.group(1).split(",") if container else ())
    return Header(
        container=container.group(1) if container else "",
        width=int(width),
        height=int(height),
        pixel_aspect=_ratio(sar_num, sar_den) or Fraction(1),
        stated_rate=_ratio(config.group(3), config.group(4)),
        rotation=round(float(rotation.group(1))) if rotation else 0,
        pixel_format=pixel_format,
        colour_space=space,
        colour_range=colour_range,
        colour_primaries=primaries,
        colour_transfer=transfer,
        interlaced=scan in "TB",
        alpha=bool(decoder) or (_ALPHA_FORMAT.fullmatch(pixel_format) is not None and not padded),
        bits=_bits(pixel_format),
        decoder=decoder,
        expected=_expected(banner),
        stream_end=_video_end(banner),
    )


def _bits(pixel_format: str) -> int:
    """Bits of a channel: 10 of 'yuv420p10le', 'p010le', 'x2rgb10le' and 'y210le', 16 of 'rgb48be' and 'gbrpf32le'."""
    found = _DEEP_FORMAT.search(pixel_format)
    if found is None:
        return 8
    # A few formats say how many bits all channels take, or begin with how they share colour.
    return _DEEP_NUMBERS.get(int(found.group(1)) % 100, 8)


def _ratio(numerator: str, denominator: str) -> Fraction | None:
    return Fraction(int(numerator), int(denominator)) if int(numerator) and int(denominator) else None


def _seconds(clock: re.Match[str]) -> Fraction:
    hours, minutes, seconds = clock.groups()
    return int(hours) * 3600 + int(minutes) * 60 + Fraction(seconds)


def _expected(banner: str) -> int | None:
    lasts = _DURATION.search(banner)
    fps = next((m for line in banner.splitlines() if ": Video: " in line and (m := _STATED_FPS.search(line))), None)
    if lasts is None or fps is None:
        return None
    return round(_seconds(lasts) * Fraction(fps.group(1)) * (1000 if fps.group(2) else 1))


def _video_end(banner: str) -> Fraction | None:
    """The DURATION tag that stands under the first video stream."""
    ends = (_STREAM_END.search(line) for line in _video_lines(banner))
    return next((_seconds(end) for end in ends if end), None)


def _video_codec(banner: str) -> tuple[str, bool]:
    """The codec of the first video stream, and whether a tag under it tells of transparency stored beside."""
    lines = _video_lines(banner)
    codec = _CODEC.search(lines[0]) if lines else None
    return codec.group(1) if codec else "", any(_ALPHA_BESIDE.search(line) for line in lines)


def _video_lines(banner: str) -> list[str]:
    """The line of the first video stream and those under it."""
    found: list[str] = []
    for line in banner.splitlines():
        stream = _STREAM.search(line)
        if stream and found:
            break
        if found or (stream and stream.group(1) == "Video"):
            found.append(line)
    return found


def _unreadable(path: Path, banner: str, said: str, reason: str) -> MediaError:
    kinds = set(_STREAM.findall(banner))
    if kinds and ("Video" not in kinds or "matches no streams" in said):
        what = "sound only" if "Audio" in kinds else "no pictures"
        if "Video" in kinds:
            what = "sound and a cover picture, no video"
        return MediaError(f"{path}: the file holds {what}; there is nothing to paint. Choose a video.")
    container = video_container(path)
    if "moov atom not found" in said and container and container[1] in (".mp4", ".mov"):
        return MediaError(
            f"{path}: the file was cut off before its index was written (a broken download, or a recording that "
            "was interrupted), so no frame of it can be found. Copy or download it again."
        )
    says = f" (ffmpeg says: {reason})" if reason else ""
    if "Video" in kinds:
        return MediaError(
            f"{path}: the file holds a video, but not one frame of it can be decoded{says}. Copy or download it again."
        )
    if container:
        return MediaError(
            f"{path}: the file begins as a video does ({container[0]}), but nothing of it can be read: it is damaged "
            f"or cut off{says}. Copy or download it again."
        )
    return MediaError(
        f"{path}: this is not a video or a picture that can be read{says}. If it plays elsewhere, convert it first: "
        "ffmpeg -i IN -c:v libx264 -crf 12 OUT.mp4"
    )
