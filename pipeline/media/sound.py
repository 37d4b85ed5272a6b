"""Sound: which of it is taken from the source, and how it can be written into a container."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

from pipeline.atomic import remove
from pipeline.errors import OutputError, UsageError
from pipeline.media.channels import channel_count, mix_for
from pipeline.media.ffmpeg import address, run
from pipeline.media.file_streams import Contents, Stream, read_contents
from pipeline.media.frame import VideoInfo
from pipeline.media.listing import first_packet

OUT_OF_PLACE = Fraction(1, 5)
"""Seconds by which sound may begin or end elsewhere: codecs count in packets, and want one or two to begin with."""


@dataclass(frozen=True)
class Sound:
    """A stretch of one or several audio streams of a file."""

    path: Path
    start: Fraction
    """Where the stretch begins, in seconds on the clock of the file: `VideoInfo.start`."""
    duration: Fraction
    """Seconds, until it is cut."""
    choice: str | int = "default"
    """Which streams: 'default', the one that a player takes; 'all'; or one of them by its number, from 1."""
    beyond: Fraction = Fraction(0)
    """Seconds of it that come after the last picture."""

    def inner(self, margin: Fraction) -> Sound:
        """The same without so many seconds at its beginning and at its end."""
        return replace(self, start=self.start + margin, duration=self.duration - 2 * margin)


def sound_of(info: VideoInfo, choice: str | int = "default", *, shortest: bool = False) -> Sound | None:
    """The sound that goes with the pictures of a clip; None where there is none, or 'none' is the choice.

    :param choice: as `Sound.choice`, or 'none'.
    :param shortest: cut it after the last picture; else one that goes on to the end of the file does so.
    :raises UsageError: there is no such stream.
    """
    if choice == "none" or info.kind != "video":
        return None
    tracks = chosen_tracks(info.contents, choice, info.path)
    if not tracks:
        return None
    ends = zip(info.contents.of("audio"), info.sound_beyond, strict=False)
    beyond = max((beyond for track, beyond in ends if track in tracks), default=Fraction(0))
    if shortest or beyond <= OUT_OF_PLACE:
        beyond = Fraction(0)
    return Sound(info.path, info.start, info.duration + beyond, choice, beyond)


def chosen_tracks(contents: Contents, choice: str | int, path: Path) -> tuple[Stream, ...]:
    """The audio streams that a choice means.

    :raises UsageError: there is no such stream.
    """
    sounds, default = contents.of("audio"), contents.default_sound
    if choice == "all":
        return sounds
    if choice == "none" or (choice == "default" and default is None):
        return ()
    if isinstance(choice, int):
        if not 1 <= choice <= len(sounds):
            there = ", ".join(f"{number} ({describe(one)})" for number, one in enumerate(sounds, 1)) or "none"
            raise UsageError(f"{path}: there is no audio track {choice}. There are: {there}.")
        return (sounds[choice - 1],)
    return () if default is None else (default,)


def describe(stream: Stream) -> str:
    """What a stream is, for a person: 'Commentary, eng, aac'."""
    codec = "unknown codec" if stream.codec == "none" else stream.codec
    return ", ".join(part for part in (stream.title, stream.language, codec) if part)


@dataclass(frozen=True)
class Way:
    """One way to bring sound into a container."""

    arguments: tuple[str, ...]
    note: str = ""
    """What a person should know of it."""
    encoded: bool = False
    """The sound is decoded and encoded, not copied."""
    mix: str = ""
    """Filter that it goes through, where it is encoded."""


@dataclass(frozen=True)
class _Encoder:
    """What sound is encoded with where a container cannot take it as it is."""

    name: str
    arguments: tuple[str, ...]
    least: int
    """Kilobits a second of up to two channels; 0 where no rate is told."""
    each: int
    """The same of every channel, where there are more."""
    layouts: tuple[str, ...]
    """Layouts that it takes for certain, each channel in its place."""
    others: bool
    """It may take more of them; that is tried."""

    def way(self, channels: int, note: str, mix: str = "") -> Way:
        rate = max(self.least, self.each * channels if channels > 2 else 0)
        rates = ("-b:a", f"{rate}k") if rate else ()
        return Way((*self.arguments, *rates), note, encoded=True, mix=mix)


COPIED = {
    ".mp4": ("aac", "mp3", "ac3", "eac3", "opus", "flac", "alac"),
    ".mov": ("aac", "mp3", "ac3", "eac3", "alac", "pcm_s16le", "pcm_s24le", "pcm_s16be", "pcm_s24be"),
    ".webm": ("opus", "vorbis"),
}
"""Codecs that a container takes as they are; .mkv takes everything."""

_EVEN = ("mono", "stereo", "3.0", "quad", "5.1", "7.1")
"""Opus has 5.0 and 6.1 too, but there ffmpeg writes channels in an order in which they come back exchanged."""
_AAC = _Encoder("AAC", ("-c:a", "aac"), 256, 80, ("mono", "stereo", "3.0", "4.0", "5.0", "5.1", "7.1"), True)
_ENCODERS = {
    ".mp4": _AAC,
    ".mov": _AAC,
    ".webm": _Encoder("Opus", ("-c:a", "libopus"), 160, 64, _EVEN, False),
    ".mkv": _Encoder("FLAC", ("-c:a", "flac"), 0, 0, _EVEN, True),
}
_TRIED = 50
"""Packets of sound that a trial writes: a second or so."""


def try_sound(sound: Sound, trial: Path) -> tuple[tuple[Way, ...], ...]:
    """Find out before any work is done how the sound can be written: a little of it is, and thrown away.

    :param trial: a file that may be written; its ending names the container.
    :return: for each stream the ways to go, the best one first; none where the file has no sound.
    :raises OutputError: there is no way; the message says what to do.
    :raises UsageError: there is no such stream.
    """
    tracks = chosen_tracks(read_contents(sound.path), sound.choice, sound.path)
    return tuple(_working(sound.path, track, trial) for track in tracks)


def _working(path: Path, track: Stream, trial: Path) -> tuple[Way, ...]:
    ways = _ways(track, trial.suffix.lower())
    reason = ""
    try:
        for index, way in enumerate(ways):
            # From the beginning of the file, not of the stretch: what decides is the kind of sound.
            mix = ("-af", way.mix) if way.mix else ()
            little = ("-map", f"0:{track.number}", *mix, *way.arguments, "-frames:a", str(_TRIED), address(trial))
            done = run(["-i", address(path), "-vn", *little])
            if done.code == 0:
                return ways[index:]
            reason = done.reason
    finally:
        remove(trial)
    raise OutputError(
        f"{path}: its sound ({describe(track)}, {track.layout or 'unknown channels'}) can neither be copied into "
        f"a {trial.suffix} file nor encoded for it (ffmpeg says: {reason}). Choose a name that ends in .mkv, which "
        "takes any sound, or leave it out with --audio none."
    )


def _ways(track: Stream, suffix: str) -> tuple[Way, ...]:
    encoder = _ENCODERS[suffix]
    codec, layout = track.codec, track.layout
    found = []
    why = f"A {suffix} file cannot hold {codec} sound; it was encoded anew as {encoder.name}"
    if suffix not in COPIED or codec in COPIED[suffix]:
        found.append(Way(("-c:a", "copy")))
        # Odd tags and profiles: what the table promises, this file does not keep.
        why = f"The {codec} sound could not be copied into a {suffix} file; it was encoded anew as {encoder.name}"
    mix = mix_for(layout, encoder.layouts)
    if mix is None or (encoder.others and layout != mix.layout):
        found.append(encoder.way(channel_count(layout), f"{why}."))
    if mix is not None:
        what = ""
        if layout != mix.layout:
            done = "its channels were put into the places of" if mix.whole else "it was mixed down to"
            what = f", where {layout} has no place: {done} {mix.layout}"
        found.append(encoder.way(mix.channels, f"{why}{what}.", mix.filter if what else ""))
    return tuple(found)


def sound_begins(sound: Sound, track: Stream) -> Fraction | None:
    """When the first sound of the stretch is heard, in seconds after the stretch begins; None where there is none."""
    at = first_packet(sound.path, track.number, sound.start)
    return None if at is None or at >= sound.start + sound.duration else max(Fraction(0), at - sound.start)
