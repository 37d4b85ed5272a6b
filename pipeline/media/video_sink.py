"""Write a video: every frame with its exact time through a pipe into ffmpeg, the sound last, then a check."""

from __future__ import annotations

from fractions import Fraction

from pipeline.atomic import remove
from pipeline.errors import DiskFullError, MediaError, OutputError
from pipeline.media.codecs import Encoding
from pipeline.media.display_conversion import is_hdr
from pipeline.media.ffmpeg import Process, address
from pipeline.media.file_streams import read_contents
from pipeline.media.hdr import to_hdr
from pipeline.media.ivf import ivf_frame, ivf_header
from pipeline.media.metadata import pack
from pipeline.media.muxing import Muxing
from pipeline.media.outputs import part_path, publish
from pipeline.media.plan import SinkPlan
from pipeline.media.probe import Probe, probe
from pipeline.media.sound import OUT_OF_PLACE, Way, chosen_tracks, sound_begins, try_sound
from pipeline.media.timing import clock
from pipeline.text import count_text
from pipeline.types import DeepImage, Image

_FORMATS = {".mp4": "mp4", ".mov": "mov", ".mkv": "matroska", ".webm": "webm"}
_MATROSKA_TICK = Fraction(1, 1000)
"""Matroska and WebM count time in thousandths of a second."""


class VideoWriter:
    """A `Writer` for .mp4, .mov, .mkv and .webm."""

    def __init__(self, plan: SinkPlan, encoding: Encoding) -> None:
        self.notes = list(encoding.notes)
        self._plan = plan
        self._encoding = encoding
        self._silent = part_path(plan.path)
        self._sounding = part_path(plan.path, "sound.part")
        self._part = self._silent
        self._process: Process | None = None
        # A regular clip counts frames, so that ffmpeg sees its rate; one that is not counts parts of a second.
        self._tick = Fraction(1, clock(plan.times, plan.duration)) if plan.variable else 1 / plan.rate
        self._ways: tuple[tuple[Way, ...], ...] = ()
        if plan.sound is not None:
            self._ways = try_sound(plan.sound, self._sounding)
            self.notes += dict.fromkeys(ways[0].note for ways in self._ways if ways[0].note)
            if plan.sound.beyond:
                beyond = f"{float(plan.sound.beyond):.1f} s"
                self.notes.append(
                    f"The sound goes on for {beyond} after the last picture, which stays meanwhile; --shortest cuts it."
                )
        self.notes += plan.left_out()

    def write(self, image: Image | DeepImage, position: int) -> None:
        """Raises an OutputError where ffmpeg has ended or cannot write."""
        tick = round(self._plan.times[position] / self._tick)
        try:
            if self._process is None:
                self._process = Process(self._arguments(), feed=True)
                header = ivf_header(self._plan.width, self._plan.height, self._tick, len(self._plan.times))
                self._process.stdin.write(header)
            shown = to_hdr(image, self._plan.hdr) if self._plan.hdr else image
            self._process.stdin.write(ivf_frame(shown, tick, level=0))
        except OSError as error:
            raise self._failed() from error

    def complete(self) -> None:
        """Raises an OutputError where ffmpeg failed, or the file is not what was promised."""
        if self._process is None or self._process.wait() != 0:
            raise self._failed()
        plan = self._plan
        muxing = Muxing(self._silent, plan.sound, self._ways, plan.extras, self._container())
        beside, notes = muxing.write(self._sounding)
        self.notes += [note for note in notes if note not in self.notes]
        if beside:
            self._part = self._sounding
        self._check()

    def publish(self) -> None:
        publish(self._part, self._plan.path)

    def interrupt(self) -> None:
        if self._process is not None:
            self._process.kill()

    def discard(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        remove(self._silent)
        remove(self._sounding)

    def _arguments(self) -> list[str]:
        plan = self._plan
        last = round(plan.times[-1] / self._tick)
        ends = round(plan.duration / self._tick)
        return [
            # One picture tells all there is to know; probing more would only hold them back.
            *("-f", "ivf", "-probesize", "32", "-analyzeduration", "0", "-i", "pipe:0", "-map", "0:v:0"),
            *("-vf", self._encoding.filters, "-fps_mode", "passthrough", "-enc_time_base", "demux"),
            *self._encoding.arguments,
            # Nothing says how long the last frame is shown, unless it is told here. (pts and dts must be named:
            # left out, the filter replaces both by dts, and frames lose their order.)
            *("-bsf:v", f"setts=pts=PTS:dts=DTS:duration='if(eq(PTS,{last}),{ends - last},DURATION)'"),
            *("-flags:v", "+bitexact", *self._container(), address(self._silent)),
        ]

    def _container(self) -> list[str]:
        suffix = self._plan.path.suffix.lower()
        remark = pack(self._plan.metadata)
        arguments = ["-fflags", "+bitexact", *(("-metadata", f"comment={remark}") if remark else ())]
        if suffix in (".mp4", ".mov"):
            # The clock of the track, so that each time is kept exactly; the index first, so that a page can play
            # before it has everything.
            arguments += ["-video_track_timescale", str(self._tick.denominator), "-movflags", "+faststart"]
        return [*arguments, "-f", _FORMATS[suffix]]

    def _failed(self) -> OutputError:
        reason = "it could not be started"
        if self._process is not None:
            self._process.wait()
            reason = self._process.reason()
        path = self._plan.path
        if any(sign in reason for sign in ("No space left", "File too large", "Disk quota", "SIGXFSZ")):
            return DiskFullError(f"{path}: the disk is full ({reason}). Make room and give the same command again.")
        return OutputError(
            f"{path}: ffmpeg could not encode the clip as {self._encoding.codec}: {reason}. Give the same command "
            "again; if that does not help, choose another codec."
        )

    def _check(self) -> None:
        try:
            written = probe(self._part)
        except MediaError as error:
            raise OutputError(f"{self._plan.path}: what was encoded cannot be read back: {error}") from error
        wrong = self._wrong_frames(written) or self._wrong_times(written) or self._wrong_sound(written)
        if wrong:
            raise OutputError(
                f"{self._plan.path}: the encoded clip is not what it should be: {wrong}. It was not kept. Give the "
                "same command again, or choose another codec."
            )

    def _wrong_frames(self, written: Probe) -> str:
        size = (written.header.width, written.header.height)
        if size != (self._plan.width, self._plan.height):
            return f"its pictures are {size[0]}x{size[1]}, not {self._plan.width}x{self._plan.height}"
        if self._plan.alpha and not written.header.alpha:
            return "its transparency is missing"
        light = written.header.colour_transfer if is_hdr(written.header) else ""
        if light != self._plan.hdr:
            return f"its light is said to be {light or 'that of an ordinary picture'}"
        if len(written.times) != len(self._plan.times):
            return f"it has {count_text(len(written.times), 'frame')}, not {len(self._plan.times)}"
        return ""

    def _wrong_times(self, written: Probe) -> str:
        plan = self._plan
        tick = max(_MATROSKA_TICK, self._tick)
        for index, (is_at, should) in enumerate(zip(written.times, plan.times, strict=True)):
            if abs(is_at - should) > tick:
                return f"frame {index} is shown at {float(is_at):.3f} s, not at {float(should):.3f} s"
        if abs(written.duration - plan.duration) > plan.duration / len(plan.times) + tick:
            return f"it lasts {float(written.duration):.3f} s, not {float(plan.duration):.3f} s"
        return ""

    def _wrong_sound(self, written: Probe) -> str:
        sound = self._plan.sound
        if sound is None or not self._ways:
            return ""
        tracks = chosen_tracks(read_contents(sound.path), sound.choice, sound.path)
        begins = [sound_begins(sound, track) for track in tracks]
        # Of a packet that is cut by the beginning or the end of the stretch, little or nothing may be left.
        sure = [sound_begins(sound.inner(OUT_OF_PLACE), track) for track in tracks]
        spans = written.sounds
        if sum(span is not None for span in spans) < sum(at is not None for at in sure):
            return "sound is missing"
        if len(spans) != len(tracks):  # a track without a packet is not always told of
            return ""
        frame = self._plan.duration / len(self._plan.times)
        for should, span in zip(begins, spans, strict=True):
            if span is None or should is None:
                continue
            if abs(span[0] - should) > OUT_OF_PLACE:
                return f"its sound begins at {float(span[0]):.2f} s, not at {float(should):.2f} s"
            if span[1] > sound.duration + max(frame, OUT_OF_PLACE):
                return "its sound is longer than it should be"
        return ""
