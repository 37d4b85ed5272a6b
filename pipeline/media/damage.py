"""What of a file that ffmpeg complains about is damaged. Only pictures count, of the stream that is painted: a file
that has every one of them can be painted, whatever else of it is broken."""

from __future__ import annotations

import itertools
import re
from bisect import bisect_left
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

from pipeline.errors import MediaError
from pipeline.media.decoding import Decoded, decode
from pipeline.media.ffmpeg import address, run
from pipeline.media.fragments import breaks_off
from pipeline.media.header import Header
from pipeline.media.listing import Listing, packets
from pipeline.text import count_text

_REORDERED = 64
"""More packets than any codec stores between a frame and the one shown after it."""
_LATER = 20
"""More frames than a decoder keeps back: what it complains about is shown so many frames later at most."""
_NEVER_PICTURES = re.compile(r"Referenced QT chapter track not found")
_CUT_OFF = re.compile(r"partial file|prematurely|truncat", re.IGNORECASE)
_CORRUPT = re.compile(r"Packet corrupt \(stream = (\d+), dts = (\S+?)\)")
_JOINED = re.compile(r"DTS discontinuity in stream (\d+): packet \d+ with DTS (-?\d+),")
_GUESSED = re.compile(r"corrupt decoded frame")
_SERIOUS = re.compile(r"^(\[[^\]]*\] )*\[(?:error|fatal|panic)\] ")
_READ = re.compile(r"\] demuxer -> ist_index:0:\d+ type:video ")
_DECODED = re.compile(r"\] decoder -> pts:.* keyframe:(\d)")


@dataclass(frozen=True)
class Broken:
    """Where a file is damaged."""

    good: int
    """Frames before the first break that are just what they would be in the whole file."""
    again: int | None
    """The frame from which on all are good again, counted as the file is decoded; None: none before its end."""
    words: str
    """What shows it: 'ffmpeg says: …'."""

    def error(self, path: Path) -> MediaError:
        """What is told of it."""
        after = "" if self.again is None else f", and so are those from {self.again} on after the last one"
        parts = [f"--frames 0:{self.good}"] if self.good else []
        parts += [] if self.again is None else [f"--frames {self.again}:"]
        advice = f"or paint a good part with {' or '.join(parts)}" if parts else "or repair it with another program"
        return MediaError(
            f"{path}: the file is damaged or cut off; {count_text(self.good, 'frame is', 'frames are')} good before "
            f"the break{after} ({self.words}). Copy or download it again, {advice}."
        )


@dataclass(frozen=True)
class Heard:
    """What is complained about in a pass by one thread: each complaint in its place among the frames.

    Where several threads decode, ffmpeg may lose the mark of a frame that it could only guess.
    """

    keys: tuple[int, ...]
    """The frames that need none before them."""
    marked: tuple[int, ...]
    """The frames that were guessed in part."""
    near: tuple[int, ...]
    """How many frames were decoded at each other complaint of a decoder: what it is about is shown soon after."""
    read: int
    """The last packet that the reader of the container complained about; 0: none."""

    @property
    def last(self) -> int:
        """The last frame that is complained about, or a packet not long before it."""
        return max((self.read, *self.marked, *self.near))

    def within(self, first: int, stop: int | None) -> Heard:
        """The same of the frames from `first` on that come before `stop`; None: all of them."""
        end = 1 << 62 if stop is None else stop
        marked = tuple(one for one in self.marked if first <= one < end)
        return replace(self, marked=marked, near=tuple(one for one in self.near if first <= one + _LATER and one < end))


def hear(path: Path, stop: int | None) -> Heard:
    """Decode `path` once more, by one thread.

    :param stop: end after this many frames.
    """
    keys: list[int] = []
    marked: list[int] = []
    near: list[int] = []
    read, decoded, broken = 0, 0, 0

    def listen(line: str) -> None:
        # Reader and decoder run in threads of their own; each complains in its place among what it hands on.
        nonlocal read, decoded, broken
        if frame := _DECODED.search(line):
            keys.extend([decoded] * int(frame.group(1)))
            decoded += 1
        elif _READ.search(line):
            read += 1
        elif line.startswith("[in#") and (_SERIOUS.match(line) or _CORRUPT.search(line)):
            broken = max(broken, read)
        elif _GUESSED.search(line):
            marked.append(decoded)
        elif _SERIOUS.match(line):
            near.append(decoded)

    limit = () if stop is None else ("-frames:v", str(stop))
    copy = ("-fps_mode", "passthrough", "-f", "null", "-")
    run(["-nostats", "-debug_ts", "-threads", "1", "-i", address(path), "-map", "0:V:0", *limit, *copy], listen)
    return Heard(tuple(keys), tuple(marked), tuple(near), broken)


def past_damage(
    path: Path, header: Header, decoded: Decoded, first: int | Fraction, stop: int | None
) -> tuple[Decoded, str]:
    """A pass over a file that goes on where `decoded` broke off, and what there is to say of it.

    :param first: the first frame that is wanted, or when it is shown, in seconds after the first of the file.
    :param stop: the frame after the last that is wanted, as for `decode`.
    :raises MediaError: a picture that is wanted is missing or broken.
    """
    words = decoded.unread or decoded.reason
    lenient = decode(path, header, stop, lenient=True, numbered=decoded.numbered)
    if lenient.backwards and not lenient.numbered:
        lenient = decode(path, header, stop, lenient=True, numbered=True)
    count = lenient.listing.count("video")
    if count and not _pictures_broken(lenient, header, whole=stop is None):
        return lenient, words
    good = min((_good_frames(path, header, decoded, stop), *_gaps(lenient)))
    if stop is not None and good >= stop - 1:
        return decoded, ""  # The one that is missing was only to show where the last one ends.
    broken = Broken(good, _good_again(path, lenient, good, stop), f"ffmpeg says: {words}")
    if broken.again is None or frame_number(first, lenient) < broken.again:
        raise broken.error(path)
    return lenient, f"{words}, before the first one"


def refuse_silent_end(path: Path, decoded: Decoded, stop: int | None) -> None:
    """Raise a MediaError where the file breaks off before the end that is wanted, and ffmpeg says nothing of it.

    :param stop: the frame after the last that is wanted, as for `decode`.
    """
    good = decoded.listing.count("video")
    if (stop is None or good < stop - 1) and breaks_off(path):
        raise Broken(good, None, "its last piece is not whole").error(path)


def without_unsure_end(path: Path, decoded: Decoded, stop: int) -> Decoded:
    """`decoded` without its last frame, the one after the slice, where frames before it may be missing."""
    stored = packets(path, "V:0", stop + _REORDERED)
    if stored.well and stored.count("video") < stop + _REORDERED:
        return decoded  # the whole file was listed, nothing is missing
    stream = decoded.listing.stream("video")
    if stream is not None and _complete_frames(decoded, stored) < stop > 1:
        decoded.listing.packets[stream].pop()
    return decoded


def _pictures_broken(lenient: Decoded, header: Header, *, whole: bool) -> bool:
    """Whether what was said in a lenient pass is about pictures of the stream that is painted."""
    # Where recordings are put together, the last packet before the seam is marked; time jumps just there.
    seams = {match.groups() for line in lenient.demuxer if (match := _JOINED.search(line))}
    for line in lenient.demuxer:
        marked = _CORRUPT.search(line)
        if marked and marked.group(1) == str(lenient.stream) and marked.groups() not in seams:
            return True
        if _SERIOUS.match(line) and not _NEVER_PICTURES.search(line):
            # Something was lost, unless there are as many pictures as the container tells.
            enough = whole and header.expected is not None and lenient.listing.count("video") >= header.expected
            if not enough or _CUT_OFF.search(line):
                return True
    rest = (line for line in lenient.decoder if "monoton" not in line)
    return any(_GUESSED.search(line) or _SERIOUS.match(line) for line in rest)


def frame_number(first: int | Fraction, decoded: Decoded) -> int:
    """The number of a frame that is named by its number or its time."""
    stream = decoded.listing.stream("video")
    if isinstance(first, int) or stream is None:
        return int(first)
    shown = [pts for pts, _ in decoded.listing.packets[stream] if pts is not None]
    base = decoded.listing.bases[stream]
    return bisect_left([(pts - shown[0]) * base for pts in shown], first)


def _good_again(path: Path, lenient: Decoded, good: int, stop: int | None) -> int | None:
    """The first frame after all damage that needs none before it; None where damage goes on to the end."""
    heard = hear(path, stop)
    broken = max(good, heard.last, *_gaps(lenient))
    return next((key for key in heard.keys if broken + _LATER <= key < lenient.listing.count("video")), None)


def _gaps(decoded: Decoded) -> list[int]:
    """The numbers of frames before which others are missing, by the times; none where these are uneven anyway."""
    stream = decoded.listing.stream("video")
    shown = [pts for pts, _ in decoded.listing.packets.get(stream or 0, ()) if pts is not None]
    steps = [after - before for before, after in itertools.pairwise(shown)]
    usual = sorted(steps)[len(steps) // 2] if steps else 0
    found = [number for number, step in enumerate(steps, 1) if step > 1.5 * usual]
    return found if len(found) <= len(steps) // 10 else []


def _good_frames(path: Path, header: Header, decoded: Decoded, stop: int | None) -> int:
    """How many frames from the first on are just what they would be in the whole file."""
    # Damage that is noticed late may have spoiled frames that are shown before it.
    strictly = decode(path, header, stop, strict=True)
    good = min(decoded.listing.count("video"), strictly.listing.count("video"))
    return min(good, _complete_frames(strictly, packets(path, "V:0")))


def _complete_frames(shown: Decoded, stored: Listing) -> int:
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
