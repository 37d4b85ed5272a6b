"""Put sound, subtitles, chapters and what a file says of itself beside new pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from pipeline.atomic import remove
from pipeline.errors import OutputError
from pipeline.media.ffmpeg import Run, address, run
from pipeline.media.file_streams import Stream, as_metadata, read_contents
from pipeline.media.listing import packets
from pipeline.media.sound import Sound, Way, chosen_tracks
from pipeline.media.subtitles_and_tags import Extras

_KINDS = {"subtitle": "subtitles", "attachment": "attached files"}
_KEPT = {"default", "forced", "comment", "hearing_impaired", "visual_impaired", "dub", "original"}


@dataclass(frozen=True)
class Muxing:
    """A video without sound, and what comes beside its pictures."""

    video: Path
    sound: Sound | None
    ways: tuple[tuple[Way, ...], ...]
    """For each stream of the sound, what `try_sound` found; the next is taken where one fails."""
    extras: Extras | None
    container: Sequence[str]
    """Arguments for the container, such as its metadata."""

    def write(self, into: Path) -> tuple[bool, tuple[str, ...]]:
        """Write `into`: the pictures of `video` as they are, with all that there is beside them.

        Sound is copied, or encoded anew where the container cannot take it. It keeps its place: where it begins after
        the pictures in the source it does so in the result.

        :return: whether there is anything beside the pictures, and remarks; without it nothing is written.
        :raises OutputError: ffmpeg could not do it.
        """
        notes: list[str] = []
        tracks: tuple[Stream, ...] = ()
        if self.sound is not None:
            tracks = chosen_tracks(read_contents(self.sound.path), self.sound.choice, self.sound.path)
            if len(tracks) != len(self.ways) or not tracks:
                tracks = ()
                notes.append("The source has no sound any more.")
        beside: list[tuple[Stream, str]] = []
        if self.extras is not None:
            beside += self.extras.subtitles(into.suffix.lower())
            beside += [(one, "copy") for one in self.extras.attachments(into.suffix.lower())]
        if not (tracks or beside or self._texts(into.suffix.lower())):
            return False, tuple(notes)
        most = max((len(ways) for ways in self.ways), default=1)
        done: Run | None = None
        for level in range(most):
            chosen = [ways[min(level, len(ways) - 1)] for ways in self.ways] if tracks else []
            done = self._run(into, list(zip(tracks, chosen, strict=True)), beside)
            if done.code and beside:
                reason, without = done.reason, self._run(into, list(zip(tracks, chosen, strict=True)), ())
                if without.code == 0:
                    kinds = " and ".join(dict.fromkeys(_KINDS[one.kind] for one, _ in beside))
                    done, beside = without, []
                    notes.append(f"The {kinds} could not be taken over (ffmpeg says: {reason}).")
            if done.code == 0:
                notes += [way.note for way in chosen if way.note]
                break
        if done is None or done.code:
            raise OutputError(
                f"{into}: the sound of the input could not be added (ffmpeg says: {done.reason if done else ''}). Make "
                "sure there is room on the disk, or leave the sound out."
            )
        # One by one: of several streams ffmpeg would end all at the first limit that is met.
        if tracks and not any(packets(into, f"a:{number}", 1).count("audio") for number in range(len(tracks))):
            notes.append("The source has no sound in this stretch.")
        return True, tuple(dict.fromkeys(notes))

    def _texts(self, suffix: str) -> str:
        """Chapters and tags, as ffmpeg reads them; '' where there are none."""
        if self.extras is None or not (self.extras.chapters or self.extras.tags(suffix)):
            return ""
        return as_metadata(self.extras.tags(suffix), self.extras.chapters)

    def _run(self, into: Path, tracks: list[tuple[Stream, Way]], beside: Sequence[tuple[Stream, str]]) -> Run:
        texts = into.with_suffix(".txt")
        said = self._texts(into.suffix.lower())
        try:
            if said:
                texts.write_text(said, encoding="utf-8", newline="\n")
            return run(self._arguments(into, tracks, beside, texts if said else None))
        finally:
            remove(texts)

    def _arguments(
        self,
        into: Path,
        tracks: list[tuple[Stream, Way]],
        beside: Sequence[tuple[Stream, str]],
        texts: Path | None,
    ) -> list[str]:
        inputs, outputs = ["-i", address(self.video)], ["-map", "0:v:0", "-c:v", "copy"]
        count = 1
        copied = [track for track, way in tracks if not way.encoded]
        sources: dict[bool, int] = {}
        # What is copied is cut by -t. For what is decoded that would count from the first sound of the file.
        for encoded, wanted in ((False, copied or beside), (True, len(copied) < len(tracks))):
            if wanted:
                inputs += self._source(cut=not encoded)
                sources[encoded], count = count, count + 1
        for index, (track, way) in enumerate(tracks):
            outputs += ["-map", f"{sources[way.encoded]}:{track.number}?", *self._sound(index, way)]
            outputs += _described("a", index, track, alone=len(tracks) == 1)
        subtitles = [one for one in beside if one[0].kind == "subtitle"]
        for index, (track, codec) in enumerate(subtitles):
            outputs += ["-map", f"{sources[False]}:{track.number}?", f"-c:s:{index}", codec]
            outputs += [f"-bsf:s:{index}", self._stretch(), *_described("s", index, track)]
        for track, codec in (one for one in beside if one[0].kind == "attachment"):
            outputs += ["-map", f"{sources[False]}:{track.number}?", "-c:t", codec]
        outputs += ["-map_metadata", "-1", "-map_chapters", "-1"]
        if texts is not None:
            inputs += ["-f", "ffmetadata", "-i", address(texts)]
            outputs[-4:] = ["-map_metadata", str(count), "-map_chapters", str(count)]
        return [*inputs, *outputs, *self.container, address(into)]

    def _source(self, *, cut: bool) -> list[str]:
        # The file is read from its beginning: to seek in it, ffmpeg goes to the next picture that can be decoded
        # alone, in some containers one that comes later, and what is heard before it would be lost.
        origin = self.sound or self.extras
        assert origin is not None
        shift = ("-itsoffset", _decimal(-origin.start)) if origin.start > 0 else ()
        limit = ("-t", _decimal(origin.duration)) if cut else ()
        return [*shift, *limit, "-vn", "-i", address(origin.path)]

    def _sound(self, index: int, way: Way) -> list[str]:
        assert self.sound is not None
        how = [f"{one}:{index}" if one in ("-c:a", "-b:a") else one for one in way.arguments]
        if way.encoded:
            cut = f"atrim=start=0:end={_decimal(self.sound.duration)}"
            return [f"-filter:a:{index}", f"{cut},{way.mix}" if way.mix else cut, *how]
        # Packets before the cut would otherwise be kept with times below 0, and Matroska would delay the pictures.
        return [*how, *((f"-copypriorss:a:{index}", "0") if self.sound.start > 0 else ())]

    def _stretch(self) -> str:
        """The bitstream filters that cut subtitles to the stretch: one that is shown as it begins is shown from there
        on. Times count from the stretch already."""
        assert self.extras is not None
        end = _decimal(self.extras.duration)
        return (
            # Half a millisecond, for a tick is no exact number there.
            f"noise=drop='gte(pts*tb+0.0005,{end})+lte((pts+d)*tb,0.0005)*gt(d,0)+lt(pts*tb,-0.0005)*lte(d,0)',"
            f"setts=pts='max(PTS,0)':dts='max(PTS,0)':duration='if(gt(DURATION,0),min(PTS+DURATION,{end}/TB)-max(PTS,0),"
            "DURATION)'"
        )


def _described(kind: str, index: int, track: Stream, *, alone: bool = False) -> list[str]:
    """Arguments for what a stream says of itself."""
    texts = [(name, text) for name, text in (("language", track.language), ("title", track.title)) if text]
    flags = [flag for flag in track.flags if flag in _KEPT]
    if alone and "default" not in flags:
        flags.append("default")
    told = [part for name, text in texts for part in (f"-metadata:s:{kind}:{index}", f"{name}={text}")]
    return [*told, f"-disposition:{kind}:{index}", "+".join(flags) or "0"]


def _decimal(seconds: Fraction) -> str:
    return f"{float(seconds):.6f}"
