"""Look at a video before anything is painted: one decode of the whole file, nothing kept but its times.

A container's header can promise anything; only decoding shows how many frames there are, when each is shown
and whether the file is whole. The pass takes less time than painting one frame of the clip. Where a decoder complains,
a second one shows what about.

It is ffmpeg's listing that is read, since there is no ffprobe in imageio-ffmpeg, whose own reader counts 118 frames
where a variable rate has 60. PyAV would tell the times as well, but beside torchvision it hung when decoding ended
early (PyAV #1849, #1861).
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from types import TracebackType

from pipeline.errors import MediaError, WrongFileError
from pipeline.file_kind import no_file, stream_kind
from pipeline.media.damage import Heard, frame_number, hear, past_damage, refuse_silent_end, without_unsure_end
from pipeline.media.decoding import Decoded, decode
from pipeline.media.ffmpeg import Process, complaint
from pipeline.media.header import Header, read_header
from pipeline.media.listing import Listing, packets
from pipeline.media.timing import mean_rate, regular_rate
from pipeline.types import OnProgress

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
    doubtful: tuple[int, ...] = ()
    """The frames near which a decoder complained about something: they, or those soon after them, may be damaged."""


def probe(
    path: Path, *, first: int | Fraction = 0, stop: int | None = None, on_progress: OnProgress | None = None
) -> Probe:
    """Decode `path` once and tell what is in it.

    :param path: a video.
    :param first: the first frame that is wanted, or when it is shown, in seconds; damage well before it does not
        matter.
    :param stop: look at this many frames at most; damage after them does not matter then.
    :param on_progress: see `OnProgress`.
    :raises MediaError: missing, empty, no video, or damaged; then the message says how many frames are good.
    """
    check_readable(path)
    # Two looks at the file, side by side. What is no video is known as such by either at once.
    with ThreadPoolExecutor(1, thread_name_prefix="header") as beside, _Stoppable() as reader:
        reading = beside.submit(read_header, path, reader.watch)
        decoded = decode(path, reading.result, stop, on_progress)
        header = reading.result()
    if decoded.backwards:
        # Number the frames instead.
        decoded = decode(path, header, stop, on_progress, numbered=True)
    enough = stop is not None and decoded.listing.count("video") >= stop
    sounds, remark = decoded.listing if stop is None else packets(path, "a", 1), complaint(decoded.decoder)
    # Matroska tells of its missing end, and yet ffmpeg leaves with 0.
    broken_off = not enough and (decoded.code != 0 or decoded.unread or not decoded.listing.count("video"))
    heard = _heard(path, decoded, first, stop) if remark and not broken_off else None
    if broken_off or (heard is not None and heard.marked):
        decoded, remark = past_damage(path, header, decoded, first, stop)
        sounds = packets(path, "a", None if stop is None else 1, through=True)
        heard = None
    elif not enough:
        refuse_silent_end(path, decoded, stop)
    elif stop is not None:
        decoded = without_unsure_end(path, decoded, stop)
    # Broadcasts and edited tapes begin with frames of one kind and go on with those of the other.
    header = replace(header, interlaced=header.interlaced or decoded.interlaced)
    return replace(_conclude(header, decoded, sounds, remark, whole=stop is None), doubtful=heard.near if heard else ())


def _heard(path: Path, decoded: Decoded, first: int | Fraction, stop: int | None) -> Heard:
    """What a decoder complained about among the frames that are wanted. The last one before `stop` is not: it only
    shows where the one before it ends."""
    return hear(path, stop).within(frame_number(first, decoded), None if stop is None else stop - 1)


class _Stoppable:
    """A program in another thread that is ended where a block ends early: nobody hears of its end any more."""

    def __init__(self) -> None:
        self._process: Process | None = None
        self._over = False

    def watch(self, process: Process) -> None:
        """Take the program, as soon as it runs."""
        self._process = process
        if self._over:  # since before it was there
            process.kill()

    def __enter__(self) -> _Stoppable:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self._over = True
            if self._process is not None:
                self._process.kill()


def check_there(path: Path) -> None:
    """The same of what may be a folder, too."""
    if not path.is_dir():
        check_readable(path)


def check_readable(path: Path) -> None:
    """Raise a MediaError where `path` is empty or may not be read, a WrongFileError where it is missing, a folder or a
    pipe."""
    if not path.exists() or path.is_dir():
        raise WrongFileError(no_file(path))
    if stream_kind(path):
        stdin = "A picture that is to be painted can come from stdin: reelbrush image - …"
        raise WrongFileError(f"{no_file(path)} {stdin}")
    try:
        with path.open("rb") as stream:
            first = stream.read(1)
    except OSError as error:
        raise MediaError(f"{path}: the file cannot be read ({error.strerror}). Check its permissions.") from error
    if not first:
        raise MediaError(f"{path}: the file is empty (0 bytes). Copy or download it again.")


def _conclude(header: Header, decoded: Decoded, sounds: Listing, remark: str, *, whole: bool) -> Probe:
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
        remark="its times run backwards, so frames are evenly spaced" if decoded.numbered else remark,
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
