"""One decode of a whole video, nothing kept but the times of its frames and what ffmpeg complained about."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pipeline.media.ffmpeg import Process, address, complaint
from pipeline.media.header import Header
from pipeline.media.listing import Listing
from pipeline.types import OnProgress

_PROGRESS_EVERY = 0.2  # seconds
_FIELDS = 20_061_110
"""What is printed when the first frame comes that consists of two fields."""
# 24 is the level of warnings.
_TELL_FIELDS = rf"select=if(ld(0)+eq(interlace_type\,PROGRESSIVE)\,1\,st(0\,1)*print({_FIELDS}\,24))"
_PAINTED = re.compile(r"Stream #0:(\d+) -> #0:0 ")


@dataclass(frozen=True)
class Decoded:
    """One pass over a file."""

    listing: Listing
    code: int
    reason: str
    demuxer: tuple[str, ...]
    """What the reader of the container said, beside what it tells of any file."""
    decoder: tuple[str, ...]
    """What anything else said."""
    numbered: bool
    """The frames are numbered, their times are unknown."""
    stream: int | None
    """Number of the painted stream in the file, where that was told."""

    @property
    def backwards(self) -> bool:
        """Times ran backwards, which stops the listing."""
        return any("monoton" in line for line in self.decoder)

    @property
    def interlaced(self) -> bool:
        """Whether any frame consists of two fields."""
        return any(str(_FIELDS) in line for line in self.decoder)

    @property
    def unread(self) -> str:
        """What the reader of the container complained about; '' where it did not."""
        return complaint(self.demuxer)


def decode(
    path: Path,
    header: Header | Callable[[], Header],
    stop: int | None,
    on_progress: OnProgress | None = None,
    *,
    strict: bool = False,
    numbered: bool = False,
    lenient: bool = False,
) -> Decoded:
    """List every decoded frame, and every packet of sound where the whole file is read.

    :param header: what the file says, or what waits until that is known.
    :param stop: end after this many frames.
    :param strict: also stop where a decoder would guess; by one thread, since several may not notice it.
    :param numbered: take the number of a frame for its time, in ticks of one frame.
    :param lenient: list pictures alone, and go on after what is broken. Else the pass ends there.
    """
    count = ",setpts=N" if numbered else ""
    # With a limit on frames ffmpeg would end every stream at the first limit that is met: pictures alone, then.
    whole = stop is None and not lenient
    streams = ["-map", "0:a?", "-c:a", "copy"] if whole else [] if stop is None else ["-frames:v", str(stop)]
    explode = ("-threads", "1", "-err_detect:v", "+explode") if strict else ()
    manner = ("-loglevel", "level+info", "-nostats") if lenient else ("-loglevel", "level+warning", "-xerror", *explode)
    process = Process(
        [
            # V, not v: a cover picture inside a music file is no video.
            *(*manner, "-i", address(path), "-map", "0:V:0", *streams),
            # Only the times are wanted: four pixels are enough to list a frame.
            *("-vf", rf"{_TELL_FIELDS},crop=min(iw\,2):min(ih\,2):0:0:exact=1{count}", "-fps_mode", "passthrough"),
            *("-enc_time_base", "demux", "-c:v", "rawvideo", "-f", "framecrc", "pipe:1"),
        ],
        read=True,
    )
    said = header if callable(header) else lambda: header
    listing = Listing()
    told = time.monotonic()
    try:
        for line in process.stdout:
            listing.take(line.decode("ascii", "replace"))
            if on_progress is not None and time.monotonic() - told > _PROGRESS_EVERY:
                told = time.monotonic()
                on_progress(listing.count("video"), said().expected)
    except BaseException:
        process.kill()
        process.wait()
        raise
    code = process.wait()
    if on_progress is not None and listing.count("video"):
        on_progress(listing.count("video"), said().expected)
    lines = process.lines
    # Newer versions of ffmpeg call the reader of the container in#0, older ones by its name.
    reader = ("[in#", f"[{said().container} @")
    demuxer = tuple(line for line in lines if line.startswith(reader))
    decoder = tuple(line for line in lines if not line.startswith(reader))
    painted = [match for line in decoder if (match := _PAINTED.search(line))]
    stream = int(painted[0].group(1)) if painted else None
    return Decoded(listing, code, process.reason(), demuxer, decoder, numbered, stream)
