"""Packets and frames as ffmpeg lists them with `-f framecrc`: the one output of it that is meant for machines."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

from pipeline.media.ffmpeg import Process, address, complaint, run

_HEAD = re.compile(r"#(tb|media_type|codec_id) (\d+): (\S+)")


@dataclass
class Listing:
    """What the lines of a listing have told so far: stream, dts, pts, duration, size of each packet."""

    bases: dict[int, Fraction] = field(default_factory=dict)
    """Stream -> seconds a tick."""
    kinds: dict[int, str] = field(default_factory=dict)
    codecs: dict[int, str] = field(default_factory=dict)
    packets: dict[int, list[tuple[int | None, int]]] = field(default_factory=dict)
    """Stream -> (pts, duration) of each packet, in ticks."""
    last_dts: dict[int, int] = field(default_factory=dict)
    """Stream -> when its last packet must be decoded, in ticks."""
    well: bool = True
    """False where ffmpeg complained while it listed."""

    def take(self, line: str) -> None:
        """Read one line."""
        if head := _HEAD.match(line):
            what, stream, value = head.group(1), int(head.group(2)), head.group(3)
            if what == "tb":
                self.bases[stream] = Fraction(value)
            elif what == "media_type":
                self.kinds[stream] = value
            else:
                self.codecs[stream] = value
        elif line[:1].isdigit():
            columns = line.split(",")
            stream, dts, pts, duration = int(columns[0]), *(column.strip() for column in columns[1:4])
            self.packets.setdefault(stream, []).append((None if pts == "NOPTS" else int(pts), int(duration)))
            if dts != "NOPTS":
                self.last_dts[stream] = int(dts)

    def streams(self, kind: str) -> list[int]:
        """Numbers of the streams of a kind, 'video' or 'audio'."""
        return [number for number, what in sorted(self.kinds.items()) if what == kind]

    def stream(self, kind: str) -> int | None:
        """Number of the first stream of a kind."""
        return next(iter(self.streams(kind)), None)

    def count(self, kind: str) -> int:
        """How many packets the first stream of a kind has."""
        number = self.stream(kind)
        return 0 if number is None else len(self.packets.get(number, ()))

    def span(self, number: int) -> tuple[Fraction, Fraction] | None:
        """When a stream begins and ends, in seconds; None where it has no packet."""
        timed = [(p, d) for p, d in self.packets.get(number, ()) if p is not None]
        if not timed:
            return None
        base = self.bases[number]
        return min(p for p, _ in timed) * base, max(p + d for p, d in timed) * base


def packets(path: Path, stream: str, limit: int | None = None, *, through: bool = False) -> Listing:
    """Every packet of one stream of `path`, or of several, undecoded, up to damage; empty where there is none such.

    :param stream: as `-map` names it, for instance '1', 'a:0', or 'a' for all of a kind.
    :param limit: stop after so many of each.
    :param through: go on after damage.
    """
    limits = () if limit is None else ("-frames:" + stream[0], str(limit))
    copy = ("-map", f"0:{stream}", "-c", "copy", *limits, "-flush_packets", "0", "-f", "framecrc", "pipe:1")
    listing = Listing()
    done = run([*(() if through else ("-xerror",)), "-i", address(path), *copy])
    for line in done.out.decode("ascii", "replace").splitlines():
        listing.take(line)
    listing.well = done.code == 0 and not complaint(done.lines)
    return listing


def first_packet(path: Path, stream: int, after: Fraction) -> Fraction | None:
    """When the first packet of a stream begins that ends after a time, in seconds on the clock of the file; None where
    there is none. What comes later is not read: the whole of a film takes its time.

    :param stream: its number in the file.
    """
    copy = ("-map", f"0:{stream}", "-c", "copy", "-f", "framecrc", "pipe:1")
    process = Process(["-xerror", "-i", address(path), *copy], read=True)
    listing = Listing()
    try:
        for line in process.stdout:
            listing.take(line.decode("ascii", "replace"))
            for pts, length in listing.packets.pop(0, ()):
                if pts is not None and (pts + length) * listing.bases[0] > after:
                    return pts * listing.bases[0]
        return None
    finally:
        process.kill()
        process.wait()
