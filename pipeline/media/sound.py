"""Sound: taken from the source as it is, cut to the stretch that was painted, put beside the new pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from pipeline.errors import OutputError
from pipeline.media.ffmpeg import address, run
from pipeline.media.listing import packets


@dataclass(frozen=True)
class Sound:
    """A stretch of the first audio stream of a file."""

    path: Path
    start: Fraction
    """Where the stretch begins, in seconds on the clock of the file: `VideoInfo.start`."""
    duration: Fraction
    """Seconds: `VideoInfo.duration`."""


COPIED = {
    ".mp4": ("aac", "mp3", "ac3", "eac3", "opus", "flac", "alac"),
    ".mov": ("aac", "mp3", "ac3", "eac3", "alac", "pcm_s16le", "pcm_s24le", "pcm_s16be", "pcm_s24be"),
    ".webm": ("opus", "vorbis"),
}
"""Codecs that a container takes as they are; .mkv takes everything."""

_ENCODERS = {
    ".mp4": ("AAC", ("-c:a", "aac", "-b:a", "256k")),
    ".mov": ("AAC", ("-c:a", "aac", "-b:a", "256k")),
    ".webm": ("Opus", ("-c:a", "libopus", "-b:a", "160k")),
    ".mkv": ("FLAC", ("-c:a", "flac")),
}


def sound_codec(path: Path) -> str | None:
    """Codec of the first audio stream of `path` as ffmpeg calls it, None where there is none."""
    listing = packets(path, "a:0", 1)
    stream = listing.stream("audio")
    return None if stream is None else listing.codecs.get(stream)


def add_sound(video: Path, sound: Sound, into: Path, container: Sequence[str]) -> tuple[bool, tuple[str, ...]]:
    """Write `into`: the pictures of `video` as they are, with `sound`.

    The sound is copied, or encoded anew where the container cannot take it. It keeps its place: where it begins
    after the pictures in the source it does so in the result. It never outlasts the pictures.

    Args:
        container: arguments for the container, such as its metadata.

    Returns:
        Whether there is any sound in that stretch, and remarks.

    Raises:
        OutputError: ffmpeg could not do it.
    """
    suffix = into.suffix.lower()
    codec = sound_codec(sound.path)
    if codec is None:
        return False, ("The source has no sound any more.",)
    copied = suffix not in COPIED or codec in COPIED[suffix]
    notes: tuple[str, ...] = ()
    how: tuple[str, ...] = ("-c:a", "copy")
    if not copied:
        name, how = _ENCODERS[suffix]
        notes = (f"A {suffix} file cannot hold {codec} sound; it was encoded anew as {name}.",)
    done = run(_arguments(video, sound, into, container, how))
    if done.code and copied:
        # Odd tags and profiles: what the table promises, this file does not keep.
        name, how = _ENCODERS[suffix]
        notes = (f"The {codec} sound could not be copied into a {suffix} file; it was encoded anew as {name}.",)
        done = run(_arguments(video, sound, into, container, how))
    if done.code:
        raise OutputError(
            f"{into}: the sound of {sound.path} could not be added (ffmpeg says: {done.reason}). Make sure there is "
            "room on the disk, or leave the sound out."
        )
    if packets(into, "a:0", 1).count("audio") == 0:
        return False, ("The source has no sound in this stretch.",)
    return True, notes


def _arguments(video: Path, sound: Sound, into: Path, container: Sequence[str], how: Sequence[str]) -> list[str]:
    # Packets before the cut would otherwise be kept with times below 0, and Matroska would delay the pictures.
    seek, drop = (("-ss", _decimal(sound.start)), ("-copypriorss:a", "0")) if sound.start > 0 else ((), ())
    return [
        *("-i", address(video)),
        *(*seek, "-t", _decimal(sound.duration), "-vn", "-i", address(sound.path)),
        *("-map", "0:v:0", "-map", "1:a:0?", "-map_metadata", "-1", "-map_chapters", "-1", "-c:v", "copy", *how, *drop),
        *(*container, address(into)),
    ]


def _decimal(seconds: Fraction) -> str:
    return f"{float(seconds):.6f}"
