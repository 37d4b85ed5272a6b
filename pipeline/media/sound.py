"""Sound: taken from the source as it is, cut to the stretch that was painted, put beside the new pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from pipeline.atomic import remove
from pipeline.errors import OutputError
from pipeline.media.channels import channel_count, layout_of, mix_for
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
    beyond: Fraction = Fraction(0)
    """Seconds for which it goes on after the last picture of the file: `VideoInfo.sound_beyond`."""


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


def try_sound(sound: Sound, trial: Path) -> tuple[Way, ...]:
    """Find out before any work is done how the sound can be written: a little of it is, and thrown away.

    Args:
        trial: a file that may be written; its ending names the container.

    Returns:
        The ways to go, the best one first; none where the file has no sound.

    Raises:
        OutputError: there is no way; the message says what to do.
    """
    codec = sound_codec(sound.path)
    if codec is None:
        return ()
    ways = _ways(sound.path, codec, trial.suffix.lower())
    reason = ""
    try:
        for index, way in enumerate(ways):
            # From the beginning of the file, not of the stretch: what decides is the kind of sound.
            mix = ("-af", way.mix) if way.mix else ()
            little = ("-map", "0:a:0", *mix, *way.arguments, "-frames:a", str(_TRIED), address(trial))
            done = run(["-i", address(sound.path), "-vn", *little])
            if done.code == 0:
                return ways[index:]
            reason = done.reason
    finally:
        remove(trial)
    raise OutputError(
        f"{sound.path}: its sound ({codec}, {layout_of(sound.path) or 'unknown channels'}) can neither be copied into "
        f"a {trial.suffix} file nor encoded for it (ffmpeg says: {reason}). Choose a name that ends in .mkv, which "
        "takes any sound, or leave it out with --no-audio."
    )


def _ways(path: Path, codec: str, suffix: str) -> tuple[Way, ...]:
    encoder = _ENCODERS[suffix]
    layout = layout_of(path)
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


def sound_codec(path: Path) -> str | None:
    """Codec of the first audio stream of `path` as ffmpeg calls it, None where there is none."""
    listing = packets(path, "a:0", 1)
    stream = listing.stream("audio")
    return None if stream is None else listing.codecs.get(stream)


def sound_begins(sound: Sound) -> Fraction | None:
    """When the first sound of the stretch is heard, in seconds after the stretch begins; None where there is none."""
    listing = packets(sound.path, "a:0")
    stream = listing.stream("audio")
    if stream is None:
        return None
    base, end = listing.bases[stream], sound.start + sound.duration
    timed = [(pts * base, length * base) for pts, length in listing.packets.get(stream, ()) if pts is not None]
    heard = [at - sound.start for at, length in timed if at + length > sound.start and at < end]
    return max(Fraction(0), min(heard)) if heard else None


def add_sound(
    video: Path, sound: Sound, into: Path, container: Sequence[str], ways: Sequence[Way]
) -> tuple[bool, tuple[str, ...]]:
    """Write `into`: the pictures of `video` as they are, with `sound`.

    The sound is copied, or encoded anew where the container cannot take it. It keeps its place: where it begins
    after the pictures in the source it does so in the result. It never outlasts the pictures.

    Args:
        container: arguments for the container, such as its metadata.
        ways: what `try_sound` found; the next is taken where one fails.

    Returns:
        Whether there is any sound in that stretch, and remarks.

    Raises:
        OutputError: ffmpeg could not do it.
    """
    if not ways or sound_codec(sound.path) is None:
        return False, ("The source has no sound any more.",)
    for way in ways:
        done = run(_arguments(video, sound, into, container, way))
        if done.code == 0:
            break
    else:
        raise OutputError(
            f"{into}: the sound of {sound.path} could not be added (ffmpeg says: {done.reason}). Make sure there is "
            "room on the disk, or leave the sound out."
        )
    if packets(into, "a:0", 1).count("audio") == 0:
        return False, ("The source has no sound in this stretch.",)
    return True, (way.note,) if way.note else ()


def _arguments(video: Path, sound: Sound, into: Path, container: Sequence[str], way: Way) -> list[str]:
    # The file is read from its beginning: to seek in it, ffmpeg goes to the next picture that can be decoded alone,
    # in some containers one that comes later, and what is heard before it would be lost.
    shift = ("-itsoffset", _decimal(-sound.start)) if sound.start > 0 else ()
    limit: tuple[str, ...] = ()
    if way.encoded:
        # Not with -t, which counts from the first sound of the file.
        cut = f"atrim=start=0:end={_decimal(sound.duration)}"
        how = ("-af", f"{cut},{way.mix}" if way.mix else cut, *way.arguments)
    else:
        limit = ("-t", _decimal(sound.duration))
        # Packets before the cut would otherwise be kept with times below 0, and Matroska would delay the pictures.
        how = (*way.arguments, *(("-copypriorss:a", "0") if sound.start > 0 else ()))
    return [
        *("-i", address(video), *shift, *limit, "-vn", "-i", address(sound.path)),
        *("-map", "0:v:0", "-map", "1:a:0?", "-map_metadata", "-1", "-map_chapters", "-1", "-c:v", "copy", *how),
        *(*container, address(into)),
    ]


def _decimal(seconds: Fraction) -> str:
    return f"{float(seconds):.6f}"
