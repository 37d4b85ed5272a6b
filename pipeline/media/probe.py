"""Look at a video before anything is painted: one decode of the whole file, nothing kept but its times.

A container's header can promise anything; only decoding shows how many frames there are, when each is shown
and whether the file is whole. The pass takes less time than painting one frame of the clip.

It is ffmpeg's listing that is read, since there is no ffprobe in imageio-ffmpeg, whose own reader counts 118 frames
where a variable rate has 60. PyAV would tell the times as well, but beside torchvision it hung when decoding ended
early (PyAV #1849, #1861).
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from pipeline.errors import MediaError
from pipeline.media.ffmpeg import Process, address, complaint
from pipeline.media.header import Header, read_header
from pipeline.media.listing import Listing, packets
from pipeline.media.timing import mean_rate, regular_rate
from pipeline.types import OnProgress

_PROGRESS_EVERY = 0.2  # seconds
_REORDERED = 64
"""More packets than any codec stores between a frame and the one shown after it."""


Span = tuple[Fraction, Fraction]


@dataclass(frozen=True)
class Probe:
    """What one decode of a video showed."""

    header: Header
    times: tuple[Fraction, ...]
    """When each frame is first shown, in seconds after the first."""
    duration: Fraction
    """Seconds from the first frame to the end of the last."""
    rate: Fraction
    """Frames a second; the mean of a variable rate."""
    variable: bool
    origin: Fraction
    """When the first frame is shown on the clock of the file, whose 0 is the start of its earliest stream."""
    sounds: tuple[Span | None, ...]
    """When each audio stream begins and ends, in seconds after the first frame; None where it has no packet. Where
    `stop` was given, only the first packet counts."""
    remark: str = ""
    """What ffmpeg complained about although every frame could be decoded."""


@dataclass(frozen=True)
class _Pass:
    """One pass over a file."""

    listing: Listing
    code: int
    reason: str
    demuxer: str
    """What the reader of the container complained about; '' where it did not."""
    decoder: str
    """What the decoder complained about."""
    numbered: bool
    """The frames are numbered, their times are unknown."""


def probe(path: Path, *, stop: int | None = None, on_progress: OnProgress | None = None) -> Probe:
    """Decode `path` once and tell what is in it.

    Args:
        path: a video.
        stop: look at this many frames at most; damage after them does not matter then.
        on_progress: see `OnProgress`.

    Raises:
        MediaError: missing, empty, no video, or damaged; then the message says how many frames are good.
    """
    check_readable(path)
    header = read_header(path)
    decoded = _decode(path, header, stop, on_progress)
    if "monoton" in decoded.reason:
        # Times that run backwards stop the listing: number the frames instead.
        decoded = _decode(path, header, stop, on_progress, numbered=True)
    enough = stop is not None and decoded.listing.count("video") >= stop
    # Matroska tells of its missing end, and yet ffmpeg leaves with 0.
    if not enough and (decoded.code != 0 or decoded.demuxer or not decoded.listing.count("video")):
        broken = _broken(path, header, decoded, stop)
        if broken is not None:
            raise broken
    if stop is not None and enough:
        decoded = _without_unsure_end(path, decoded, stop)
    return _conclude(header, decoded, decoded.listing if stop is None else packets(path, "a", 1), whole=stop is None)


def check_readable(path: Path) -> None:
    """Raise a MediaError where `path` is missing, a folder, empty or may not be read."""
    if not path.exists():
        raise MediaError(f"{path}: there is no such file. Check the name and the folder.")
    if path.is_dir():
        raise MediaError(f"{path}: this is a folder; a file is needed here.")
    try:
        with path.open("rb") as stream:
            first = stream.read(1)
    except OSError as error:
        raise MediaError(f"{path}: the file cannot be read ({error.strerror}). Check its permissions.") from error
    if not first:
        raise MediaError(f"{path}: the file is empty (0 bytes). Copy or download it again.")


def _decode(
    path: Path,
    header: Header,
    stop: int | None,
    on_progress: OnProgress | None = None,
    *,
    strict: bool = False,
    numbered: bool = False,
) -> _Pass:
    """List every decoded frame and every packet of sound.

    Args:
        strict: also stop where a decoder would guess.
        numbered: take the number of a frame for its time, in ticks of one frame.
    """
    count = ",setpts=N" if numbered else ""
    # With a limit on frames ffmpeg would end every stream at the first limit that is met: pictures alone, then.
    streams = ["-map", "0:a?", "-c:a", "copy"] if stop is None else ["-frames:v", str(stop)]
    process = Process(
        [
            *("-loglevel", "level+warning", "-xerror", *(("-err_detect:v", "+explode") if strict else ())),
            # V, not v: a cover picture inside a music file is no video.
            *("-i", address(path), "-map", "0:V:0", *streams),
            # Only the times are wanted: four pixels are enough to list a frame.
            *("-vf", rf"crop=min(iw\,2):min(ih\,2):0:0:exact=1{count}", "-fps_mode", "passthrough"),
            *("-enc_time_base", "demux", "-c:v", "rawvideo", "-f", "framecrc", "pipe:1"),
        ],
        read=True,
    )
    listing = Listing()
    told = time.monotonic()
    try:
        for line in process.stdout:
            listing.take(line.decode("ascii", "replace"))
            if on_progress is not None and time.monotonic() - told > _PROGRESS_EVERY:
                told = time.monotonic()
                on_progress(listing.count("video"), header.expected)
    except BaseException:
        process.kill()
        process.wait()
        raise
    code = process.wait()
    if on_progress is not None and listing.count("video"):
        on_progress(listing.count("video"), header.expected)
    lines = process.lines
    # Newer versions of ffmpeg call the reader of the container in#0, older ones by its name.
    reader = ("[in#", f"[{header.container} @")
    demuxer = [line for line in lines if line.startswith(reader)]
    decoder = [line for line in lines if not line.startswith(reader)]
    return _Pass(listing, code, process.reason(), complaint(demuxer), complaint(decoder), numbered)


def _broken(path: Path, header: Header, decoded: _Pass, stop: int | None) -> MediaError | None:
    words = decoded.demuxer or decoded.reason
    good = _good_frames(path, header, decoded, stop)
    if stop is not None and good >= stop - 1:
        return None  # The one that is missing was only to show where the last one ends.
    advice = f"or paint the good part with --frames 0:{good}" if good else "or repair it with another program"
    return MediaError(
        f"{path}: the file is damaged or cut off; {good} frames are good before the break (ffmpeg says: {words}). "
        f"Copy or download it again, {advice}."
    )


def _good_frames(path: Path, header: Header, decoded: _Pass, stop: int | None) -> int:
    """How many frames from the first on are just what they would be in the whole file."""
    # Damage that is noticed late may have spoiled frames that are shown before it.
    strictly = _decode(path, header, stop, strict=True)
    good = min(decoded.listing.count("video"), strictly.listing.count("video"))
    return min(good, _complete_frames(strictly, packets(path, "V:0")))


def _complete_frames(shown: _Pass, stored: Listing) -> int:
    """How many of the frames `shown` come before anything that is missing in a file that breaks off.

    Frames are stored in another order than they are shown in. No frame is shown before it is decoded, so all that
    is shown up to the decoding time of the last packet is there; among later frames some may be missing.
    """
    frames, kept = shown.listing.stream("video"), stored.stream("video")
    if frames is None or kept is None or kept not in stored.last_dts or shown.numbered:
        return shown.listing.count("video")
    limit = stored.last_dts[kept] * stored.bases[kept]
    base = shown.listing.bases[frames]
    return sum(pts is None or pts * base <= limit for pts, _ in shown.listing.packets.get(frames, ()))


def _without_unsure_end(path: Path, decoded: _Pass, stop: int) -> _Pass:
    """`decoded` without its last frame, the one after the slice, where frames before it may be missing."""
    stored = packets(path, "V:0", stop + _REORDERED)
    if stored.well and stored.count("video") < stop + _REORDERED:
        return decoded  # the whole file was listed, nothing is missing
    stream = decoded.listing.stream("video")
    if stream is not None and _complete_frames(decoded, stored) < stop > 1:
        decoded.listing.packets[stream].pop()
    return decoded


def _conclude(header: Header, decoded: _Pass, sounds: Listing, *, whole: bool) -> Probe:
    listing = decoded.listing
    stream = listing.stream("video")
    assert stream is not None
    base, packets = listing.bases[stream], listing.packets[stream]
    if decoded.numbered:
        base = 1 / (header.stated_rate or Fraction(25))
    pts = _increasing([value for value, _ in packets], base, header.stated_rate)
    times = [(value - pts[0]) * base for value in pts]
    origin = pts[0] * base
    rate = regular_rate(times, base, header.stated_rate)
    last = _last_length(header, packets[-1][1] * base, times, origin)
    # Evenly spaced frames with a last one that is held are no regular clip: it lasts longer than they count.
    variable = rate is None or (whole and len(times) > 1 and last * rate > Fraction(3, 2))
    if rate is not None and not variable:
        times = [k / rate for k in range(len(times))]
        duration = len(times) / rate
    else:
        duration = times[-1] + last
        rate = mean_rate(len(times), duration)
    spans = [sounds.span(number) for number in sounds.streams("audio")]
    return Probe(
        header=header,
        times=tuple(times),
        duration=duration,
        rate=rate,
        variable=variable,
        origin=origin,
        sounds=tuple(span and (span[0] - origin, span[1] - origin) for span in spans),
        remark="its times run backwards, so frames are evenly spaced" if decoded.numbered else decoded.decoder,
    )


def _increasing(pts: list[int | None], base: Fraction, stated: Fraction | None) -> list[int]:
    """Time stamps with the missing and the backward ones replaced by one frame after their predecessor."""
    step = max(1, round(1 / (stated * base))) if stated else 1
    whole: list[int] = []
    for value in pts:
        if not whole:
            whole.append(value or 0)
        elif value is None or value <= whole[-1]:
            whole.append(whole[-1] + step)
        else:
            whole.append(value)
    return whole


def _last_length(header: Header, stored: Fraction, times: list[Fraction], origin: Fraction) -> Fraction:
    """How long the last frame of an irregular clip is shown: as the file says, else as long as the others."""
    if header.stream_end is not None and header.stream_end - origin > times[-1]:
        return header.stream_end - origin - times[-1]
    if stored > 0:
        return stored
    return times[-1] / (len(times) - 1) if len(times) > 1 else Fraction(1, 25)
