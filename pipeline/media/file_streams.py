"""What is in a file beside the pictures that are painted: sound, subtitles, chapters, and what it says of itself."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path

from pipeline.media.ffmpeg import address, run

_STREAM = re.compile(r"Stream #0:(\d+)(?:\[0x[0-9a-f]+\])?(?:\((\w+)\))?: (\w+): (\w+)(.*)")
_SOUND = re.compile(r", \d+ Hz, ([^,]+)")
_TITLE = re.compile(r"(?:title|name|filename) +: (.*)")  # the second in MP4, the last of attachments
_FLAGS = re.compile(r"\((default|forced|comment|hearing impaired|visual impaired|dub|original)\)")
_CHAPTER = re.compile(r"(?<!\\\n)^\[CHAPTER\]$", re.MULTILINE)  # no line of a text of several
_LINE = re.compile(r"^((?:[^=\\\n]|\\.)+)=((?:[^\\\n]|\\.|\\\n)*)$", re.MULTILINE)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_SPECIAL = re.compile(r"([=;#\\\n])")


@dataclass(frozen=True)
class Stream:
    """One stream of a file."""

    number: int
    """Among all streams of the file, from 0."""
    kind: str
    """'video', 'audio', 'subtitle', 'data', 'attachment', or what else ffmpeg calls it."""
    codec: str
    """As ffmpeg calls it; 'none' where it knows none."""
    language: str = ""
    title: str = ""
    layout: str = ""
    """Of sound, its channels, such as '5.1(side)' or '16 channels'."""
    flags: tuple[str, ...] = ()
    """'default', 'forced', 'comment', ... as `-disposition` takes them."""
    cover: bool = False
    """It is a picture of what the file holds, such as that of an album."""
    menu: bool = False
    """It holds the titles of chapters, which are told as such."""


@dataclass(frozen=True)
class Chapter:
    """A named stretch; in seconds on the clock of the file."""

    start: Fraction
    end: Fraction
    title: str


@dataclass(frozen=True)
class Contents:
    """What a file holds."""

    streams: tuple[Stream, ...] = ()
    chapters: tuple[Chapter, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    """What the file as a whole says of itself, by names in small letters."""

    def of(self, kind: str) -> tuple[Stream, ...]:
        """The streams of a kind, but for the one that holds the titles of chapters."""
        return tuple(stream for stream in self.streams if stream.kind == kind and not stream.menu)

    @property
    def default_sound(self) -> Stream | None:
        """The audio stream that a player takes: the first one marked so, else the first one; None where there is
        none."""
        sounds = self.of("audio")
        return next((one for one in sounds if "default" in one.flags), sounds[0] if sounds else None)


def read_contents(path: Path) -> Contents:
    """What the headers of `path` tell; nothing where it cannot be read."""
    # Named by hand, the tags come whole: of those that it takes by itself ffmpeg drops when the file was made.
    done = run(["-i", address(path), "-map_metadata", "0", "-f", "ffmetadata", "pipe:1"])
    head, *chapters = _CHAPTER.split(done.out.decode("utf-8", "replace"))
    found = tuple(_chapter(text) for text in chapters)
    tags = {name.lower(): value for name, value in _pairs(head.partition("\n[STREAM]")[0]).items()}
    return Contents(_streams(done.lines, bool(found)), found, tags)


def as_metadata(tags: Mapping[str, str], chapters: tuple[Chapter, ...]) -> str:
    """The text of a file that ffmpeg reads with `-f ffmetadata`."""
    lines = [";FFMETADATA1", *(f"{_escaped(name)}={_escaped(value)}" for name, value in tags.items())]
    for one in chapters:
        start, end = (round(at * 1_000_000) for at in (one.start, one.end))
        lines += ["[CHAPTER]", "TIMEBASE=1/1000000", f"START={start}", f"END={end}", f"title={_escaped(one.title)}"]
    return "\n".join((*lines, ""))


def _streams(lines: tuple[str, ...], chapters: bool) -> tuple[Stream, ...]:
    found: dict[int, Stream] = {}
    last: Stream | None = None
    written: set[int] = set()
    for line in lines:
        told = line.partition("] ")[2].strip() if line.startswith("[") else line.strip()
        if told.startswith("Output #"):
            break
        if stream := _STREAM.match(told):
            last = _stream(stream, chapters)
            # A transport stream lists what belongs to several programs several times.
            found.setdefault(last.number, last)
            if last.codec == "mov_text" and "(text /" in stream.group(5):
                written.add(last.number)
        elif last is not None and (title := _TITLE.match(told)) and not found[last.number].title:
            found[last.number] = last = _titled(found[last.number], title.group(1))
    streams = [found[number] for number in sorted(found)]
    if chapters and not any(one.menu for one in streams):
        # Where the reference to it leads nowhere, the track of the titles looks like subtitles of QuickTime.
        streams = [replace(one, menu=True) if one.number in written else one for one in streams]
    return tuple(streams)


def _stream(match: re.Match[str], chapters: bool) -> Stream:
    number, language, kind, codec, rest = match.groups()
    sound = _SOUND.search(rest)
    return Stream(
        number=int(number),
        kind=kind.lower(),
        codec=codec,
        language="" if language in (None, "und") else language,
        layout=sound.group(1).strip() if sound and kind == "Audio" else "",
        flags=tuple(flag.replace(" ", "_") for flag in _FLAGS.findall(rest)),
        cover="(attached pic)" in rest or "(timed thumbnails)" in rest,
        menu=chapters and codec == "bin_data" and "text" in rest,
    )


def _titled(stream: Stream, title: str) -> Stream:
    return replace(stream, title=title.strip())


def _chapter(text: str) -> Chapter:
    values = _pairs(text)
    base = Fraction(values.get("TIMEBASE", "1/1000000000"))
    start, end = (int(values.get(name, 0)) * base for name in ("START", "END"))
    return Chapter(start, end, values.get("title", ""))


def _pairs(text: str) -> dict[str, str]:
    return {_plain(name): _plain(value) for name, value in _LINE.findall(text)}


def _plain(text: str) -> str:
    return _ESCAPED.sub(r"\1", text)


def _escaped(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", text)
