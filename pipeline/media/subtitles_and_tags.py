"""What a result takes over from a file beside its sound: subtitles, chapters, what the file says of itself. And the one
place that knows what it does not take over."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from pipeline.media.file_streams import Chapter, Contents, Stream
from pipeline.media.frame import VideoInfo
from pipeline.media.metadata import unpack
from pipeline.media.sound import Sound, chosen_tracks, describe

_TEXTS = {
    *("subrip", "srt", "ass", "ssa", "mov_text", "webvtt", "text", "eia_608", "hdmv_text_subtitle", "jacosub"),
    *("microdvd", "mpl2", "pjs", "realtext", "sami", "stl", "subviewer", "subviewer1", "vplayer"),
}
"""Codecs of subtitles that are letters; others are pictures of them, which only Matroska takes."""
_COPIED = {
    ".mp4": ("mov_text",),
    ".mov": ("mov_text",),
    ".webm": ("webvtt",),
    ".mkv": ("subrip", "ass", "ssa", "webvtt", "hdmv_pgs_subtitle", "dvd_subtitle", "dvb_subtitle"),
}
_ENCODERS = {".mp4": "mov_text", ".mov": "mov_text", ".webm": "webvtt", ".mkv": "srt"}
"""Containers -> what subtitles are encoded with where they cannot be copied."""

_MOV = ("title", "artist", "album", "date", "genre", "copyright", "creation_time")
_MP4 = (
    *_MOV,
    *("album_artist", "composer", "grouping", "lyrics", "description", "synopsis", "show", "episode_id", "network"),
    *("keywords", "track", "disc"),
)
_MKV = (*_MP4, "author", "performer", "publisher", "season_number", "episode_sort", "year", "language", "subtitle")
_TAGS = {".mp4": _MP4, ".mov": _MOV, ".mkv": _MKV, ".webm": _MKV}
"""What of a work is taken over, and has a name in the container. Which device it was made with is not."""
_TECHNICAL = re.compile(
    r"(major_brand|minor_version|compatible_brands|encoder|encoding|duration|isvbr|devicecon|hw|vendor_id|handler_name)"
    r"|(_statistics|wm/|bps|number_of|toolkit|product_|company_name|application_platform|operational_pattern).*"
    r"|.*(umid|uid|version)|modification_date"
)
"""What says how a file is written, and means nothing of another one."""
_PLACE = re.compile(r"location|gps|xyz")
_APPLE = "com.apple.quicktime."
_LISTED = 5


@dataclass(frozen=True)
class Extras:
    """What a stretch of a file holds beside its pictures."""

    path: Path
    start: Fraction
    """Where the stretch begins, in seconds on the clock of the file."""
    duration: Fraction
    """Seconds."""
    contents: Contents
    audio: str | int = "default"
    """Which sound was asked for, as `Sound.choice`, or 'none'."""
    location: bool = False
    """Take over where it says that it was filmed."""

    def subtitles(self, suffix: str) -> tuple[tuple[Stream, str], ...]:
        """The subtitles that a container can hold, each with what ffmpeg is told to encode it with."""
        if suffix not in _COPIED:
            return ()
        ways = ((one, _way(one.codec, suffix)) for one in self.contents.of("subtitle"))
        return tuple((one, way) for one, way in ways if way)

    def attachments(self, suffix: str) -> tuple[Stream, ...]:
        """The fonts and other files in it that a container can hold: those of subtitles, above all."""
        return self.contents.of("attachment") if suffix == ".mkv" else ()

    @property
    def chapters(self) -> tuple[Chapter, ...]:
        """The chapters of the stretch, in seconds after its beginning."""
        moved = (
            Chapter(max(Fraction(0), one.start - self.start), min(self.duration, one.end - self.start), one.title)
            for one in self.contents.chapters
        )
        return tuple(one for one in moved if one.end > one.start)

    def tags(self, suffix: str) -> dict[str, str]:
        """What the file says of itself that a container has a name for."""
        known = _TAGS.get(suffix, ())
        found: dict[str, str] = {}
        for name, value in self.contents.tags.items():
            plain = name.removeprefix(_APPLE)
            if plain in known:
                found.setdefault(plain, value)
            elif self.location and known and _is_place(plain):
                found.setdefault("location", value)
        return found

    def left_out(self, suffix: str) -> str:
        """Everything that is in the file and not in a result with this ending ('' for a folder), as one sentence; ''
        where nothing is missing."""
        missing = [*self._missing_streams(suffix), *self._missing_tags(suffix)]
        if self.chapters and suffix not in _TAGS:
            missing.append(_counted(len(self.chapters), "chapter"))
        return f"Not taken over from {self.path.name}: {'; '.join(missing)}." if missing else ""

    def _missing_streams(self, suffix: str) -> list[str]:
        contents, missing = self.contents, []
        sounds = contents.of("audio")
        taken = chosen_tracks(contents, self.audio, self.path) if suffix in _TAGS else ()
        if self.audio == "default" and len(taken) < len(sounds):
            rest = [one for one in sounds if one not in taken]
            hint = ", see --audio" if taken else ""
            missing.append(f"{'other ' if taken else ''}sound ({_listed(map(describe, rest))}{hint})")
        elif self.audio != "none" and not taken and sounds:
            missing.append(f"sound ({_listed(map(describe, sounds))})")
        held = [one for one, _ in self.subtitles(suffix)]
        lost = [one for one in contents.of("subtitle") if one not in held]
        if lost:
            missing.append(f"subtitles ({_listed(map(describe, lost))})")
        pictures = contents.of("video")
        covers = sum(one.cover for one in pictures)
        if covers:
            missing.append(_counted(covers, "cover picture"))
        if len(pictures) - covers > 1:
            missing.append(_counted(len(pictures) - covers - 1, "further video track"))
        for kind in dict.fromkeys(one.kind for one in contents.streams):
            others = sum(one.kind == kind and not one.menu for one in contents.streams)
            if kind not in ("video", "audio", "subtitle", "attachment") and others:
                missing.append(_counted(others, f"{kind} track"))
        if files := [one for one in contents.of("attachment") if one not in self.attachments(suffix)]:
            missing.append(f"attached files ({_listed(one.title or describe(one) for one in files)})")
        return missing

    def _missing_tags(self, suffix: str) -> list[str]:
        kept, missing = self.tags(suffix), []
        place = False
        for name, value in self.contents.tags.items():
            plain = name.removeprefix(_APPLE)
            if plain in kept or _TECHNICAL.fullmatch(plain) or not value.strip() or value.startswith("Lavf"):
                continue
            if _is_place(plain):
                place = True
            elif plain != "comment" or "comment" in unpack(value):  # what Reelbrush has written there is replaced
                missing.append(plain)
        # Without one of these lists, nothing of a file is expected in the result.
        told = [f"what it says as {_listed(sorted(missing))}"] if missing and suffix in _TAGS else []
        if place and "location" not in kept and suffix in _TAGS:
            told.append("where it was filmed (see --location)")
        return told


def extras_of(info: VideoInfo, audio: str | int, sound: Sound | None, *, location: bool) -> Extras | None:
    """What goes with the pictures of a video beside its sound; None of another kind of clip."""
    if info.kind != "video":
        return None
    duration = info.duration if sound is None else max(info.duration, sound.duration)
    return Extras(info.path, info.start, duration, info.contents, audio, location)


def _way(codec: str, suffix: str) -> str:
    if codec in _COPIED[suffix]:
        return "copy"
    return _ENCODERS[suffix] if codec in _TEXTS else ""


def _is_place(name: str) -> bool:
    return _PLACE.search(name) is not None


def _counted(count: int, what: str) -> str:
    return what if count == 1 else f"{count} {what}s"


def _listed(texts: Iterable[str]) -> str:
    found: Sequence[str] = [f"{text} x{count}" if count > 1 else text for text, count in Counter(texts).items()]
    more = len(found) - _LISTED
    return ", ".join(found[:_LISTED]) + (f" and {more} more" if more > 0 else "")
