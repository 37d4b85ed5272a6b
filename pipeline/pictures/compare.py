"""`reelbrush compare`: clips and pictures side by side, or two of them with a wipe that goes to and fro."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

from pipeline.errors import UsageError
from pipeline.media import (
    FrameSource,
    Image,
    Sound,
    VideoInfo,
    check_output,
    open_source,
    refuse_existing,
    refuse_same_file,
    write_picture,
)
from pipeline.media.encoding_ladder import Encoding
from pipeline.media.plan import SinkPlan
from pipeline.media.probe import check_there
from pipeline.media.sink import SUFFIXES, write_frames
from pipeline.media.size_limit import Encoded, write_within_limit
from pipeline.media.sound import sound_of
from pipeline.media.suffixes import WRITABLE
from pipeline.pictures.canvas import Canvas, Mark, Picture, of_picture
from pipeline.pictures.caption import caption, caption_text, clip_names, legible_labels
from pipeline.pictures.fitting import GROUND, STRETCH, letterboxed
from pipeline.pictures.frame_access import frame_at, frames_by_number, frames_shown_at
from pipeline.pictures.jobs import CompareJob
from pipeline.pictures.timeline import Timeline, is_loop, shared_timeline
from pipeline.pictures.wipe import THERE_AND_BACK, to_and_fro, wiped
from pipeline.text import count_text
from pipeline.types import OnCount

TALLEST = 720
"""Height of the clips in pixels, if nothing else is said: that of the tallest, up to this."""
WIDEST = 2560
"""Width of the whole in pixels, at the most, if no height is said: what is wider, players show small or not at all."""
BETWEEN = 1 / 60
"""Room between clips, in their heights."""
SILENT = (".gif", ".webp")
"""Endings of animations that have no sound and begin again. Of stills alone, a .webp is a picture."""


@dataclass(frozen=True)
class Comparison:
    """What was made."""

    width: int
    height: int
    frames: int
    seconds: float
    notes: tuple[str, ...]


def run_compare(job: CompareJob, on_count: OnCount) -> Comparison:
    """Lay the clips side by side and write what comes of it. Pictures alone may become a picture.

    :raises ReelbrushError: one of them cannot be read, or the result cannot be written; nothing unfinished is left.
    """
    _check(job)
    comparison = _ComparisonAnimation(job, _open_sources(job, on_count), on_count)
    refuse_existing(job.output, job.overwrite)
    if comparison.is_picture:
        picture = comparison.picture()
        write_picture(job.output, picture, overwrite=job.overwrite)
        return Comparison(picture.shape[1], picture.shape[0], 1, 0.0, comparison.notes(1.0))
    made = write_within_limit(job.output, comparison, job.max_bytes, comparison.trying)
    return Comparison(made.width, made.height, made.frames, float(comparison.timeline.duration), made.notes)


class _ComparisonAnimation:
    """Clips side by side or with a wipe, as an `Animation`."""

    kind = "comparison"

    def __init__(self, job: CompareJob, sources: Sequence[FrameSource], on_count: OnCount) -> None:
        self._wipe = job.wipe
        self._sources = sources
        self._infos = [source.info for source in sources]
        self._height = job.height or _height(self._infos, job.wipe)
        wanted = (list(job.label) or clip_names(job.clips)) if job.labels else [""] * len(sources)
        self._labels, self._label_notes = legible_labels(wanted)
        self._on_count = on_count
        self._stage = "Comparing"
        suffix = job.output.suffix.lower()
        self._silent = suffix in SILENT
        moving = job.wipe or any(info.frames > 1 for info in self._infos)
        self.is_picture = suffix in WRITABLE and not (moving and self._silent)
        """Whether it is one picture, and no animation at all."""
        if self.is_picture and job.max_bytes is not None:
            raise UsageError(
                "--max-bytes chooses frames, colours and size of an animation, and this is one picture. Make it "
                "smaller with --height, or choose a name that ends in .jpg."
            )
        self.advice = "another ending: .mp4 and .webm take less." if self._silent else "shorter clips."
        even = job.wipe or not self._silent
        self.timeline = shared_timeline(self._infos, even, THERE_AND_BACK if job.wipe else Fraction(0))

    def trying(self, what: str) -> None:
        """Say of what follows that it is only tried."""
        self._stage = f"Trying {what}"

    def size(self, encoding: Encoding) -> tuple[int, int]:
        sizes, _ = self._sizes(encoding.scale)
        return sizes[0][1], len(self.timeline.thinned(encoding.share).times)

    def encode(self, path: Path, encoding: Encoding) -> Encoded:
        timeline = self.timeline.thinned(encoding.share)
        sizes, _ = self._sizes(encoding.scale)
        width, height = self._across(sizes), sizes[0][1]
        sound = _sound(self._infos, timeline.duration)
        sound_notes = () if self._silent else _sound_notes(sound, self._infos, timeline.duration)
        plan = SinkPlan(
            path, width=width, height=height, times=timeline.times, duration=timeline.duration, rate=timeline.rate,
            variable=timeline.variable, sound=sound, quality=encoding.quality, palette=encoding.palette,
            animation=True, overwrite=True,
        )  # fmt: skip
        with ExitStack() as stack:
            clips = [stack.enter_context(closing(_resized_frames(source, timeline, *size)))
                     for source, size in zip(self._sources, sizes, strict=True)]  # fmt: skip
            frames = (self._compose(images, time / timeline.duration)
                      for time, images in zip(timeline.times, zip(*clips, strict=True), strict=True))  # fmt: skip
            written = write_frames(plan, frames, self._on_count, self._stage)
        notes = dict.fromkeys((*timeline.notes, *self.notes(encoding.scale), *sound_notes, *written))
        return Encoded(width, height, len(timeline.times), tuple(notes))

    def _compose(self, images: Sequence[Image], share: Fraction) -> Image:
        """:param share: of the duration that has gone by."""
        if self._wipe:
            left, right = (
                of_picture(image).with_marks(caption(label, image.shape[0], image.shape[1], right=second)).pixels()
                for image, label, second in zip(images, self._labels, (False, True), strict=True)
            )
            turns = max(1, round(self.timeline.duration / THERE_AND_BACK))
            return wiped(left, right, to_and_fro(share * turns))
        height, across = images[0].shape[0], 0
        marks: list[Mark] = []
        for image, label in zip(images, self._labels, strict=True):
            marks.append(Picture(image, across, 0))
            marks += [mark.moved(across, 0) for mark in caption(label, height, image.shape[1])]
            across += image.shape[1] + _gap(height)
        return Canvas(height, across - _gap(height), tuple(marks), GROUND).pixels()

    def picture(self) -> Image:
        """Pictures side by side, uint8 (H, W, 3).

        :raises UsageError: one of them moves.
        """
        moving = next((info.path for info in self._infos if info.frames > 1), None)
        if moving is not None or self._wipe:
            why = "A wipe moves" if moving is None else f"{moving} moves"
            endings = ", ".join((*SUFFIXES, ".webp"))
            raise UsageError(f"{why}, and a picture does not. Choose a name that ends in {endings}.")
        sizes, _ = self._sizes(1.0)
        images = [letterboxed(frame_at(source, 0), *size) for source, size in zip(self._sources, sizes, strict=True)]
        return self._compose(images, Fraction(0))

    def notes(self, scale: float) -> tuple[str, ...]:
        """What a person should know of the picture: labels, proportions, and what the files say."""
        sizes, odd = self._sizes(scale)
        notes = (note for info in self._infos for note in info.notes)
        return tuple(dict.fromkeys((*odd, *self._label_notes, *self._too_narrow(sizes), *notes)))

    def _too_narrow(self, sizes: Sequence[tuple[int, int]]) -> tuple[str, ...]:
        """What is said where a label is left out."""
        gone = [label for label, (width, height) in zip(self._labels, sizes, strict=True)
                if label and not caption_text(label, height, width)]  # fmt: skip
        return (
            (f"No room for the label{'s' * (len(gone) > 1)} {', '.join(gone)}. --height makes more.",) if gone else ()
        )

    def _sizes(self, scale: float) -> tuple[list[tuple[int, int]], tuple[str, ...]]:
        return _sizes(self._infos, max(2, round(self._height * scale)), self._wipe)

    def _across(self, sizes: Sequence[tuple[int, int]]) -> int:
        if self._wipe:
            return sizes[0][0]
        return sum(size[0] for size in sizes) + _gap(sizes[0][1]) * (len(sizes) - 1)


def _gap(height: int) -> int:
    """Pixels between clips of that height; even, for the codecs."""
    return 2 * max(1, round(BETWEEN * height / 2))


def _check(job: CompareJob) -> None:
    if len(job.clips) < 2:
        raise UsageError("There is nothing to compare. Name two clips or more.")
    if job.wipe and len(job.clips) != 2:
        raise UsageError(f"A wipe is between two clips, and there are {len(job.clips)}. Leave out --wipe, or name two.")
    if job.labels and job.label and len(job.label) != len(job.clips):
        there = count_text(len(job.label), "label is", "labels are")
        raise UsageError(f"{there} given for {len(job.clips)} clips. Give --label once for each, in order.")
    if job.output.suffix.lower() not in (*SUFFIXES, *WRITABLE):
        raise UsageError(
            f"{job.output}: a comparison is a video, a GIF or a WebP, and of pictures also a picture. Choose a name "
            f"that ends in {', '.join((*SUFFIXES, *WRITABLE))}."
        )
    for path in job.clips:
        check_there(path)
        refuse_same_file(path, (job.output,))
    check_output(job.output)


def _open_sources(job: CompareJob, on_count: OnCount) -> list[FrameSource]:
    def opened(path: Path, rate: Fraction | None = None) -> FrameSource:
        return open_source(path, fps=rate, on_progress=lambda done, of: on_count(f"Reading {path.name}", done, of))

    sources = [opened(path) for path in job.clips]
    # Frames in a folder have no times of their own: they are most likely those of a clip that has as many.
    rates = {source.info.frames: source.info.rate for source in reversed(sources) if source.info.kind != "folder"}
    return [
        opened(path, rates[source.info.frames])
        if source.info.kind == "folder" and source.info.frames in rates else source
        for path, source in zip(job.clips, sources, strict=True)
    ]  # fmt: skip


def _height(infos: Sequence[VideoInfo], wipe: bool) -> int:
    """That of the tallest, within limits."""
    shapes = [info.width / info.height for info in infos]
    across = shapes[0] if wipe else sum(shapes) + BETWEEN * (len(shapes) - 1)
    return max(2, min(TALLEST, int(WIDEST / across), max(info.height for info in infos)))


def _sizes(infos: Sequence[VideoInfo], height: int, wipe: bool) -> tuple[list[tuple[int, int]], tuple[str, ...]]:
    """(width, height) that each is shown at, even for the codecs, and what a person should know of it."""
    height = max(2, round(height / 2) * 2)
    sizes = [(max(2, round(info.width * height / info.height / 2) * 2), height) for info in infos]
    if not wipe:
        return sizes, ()
    if abs(sizes[1][0] - sizes[0][0]) <= 2 + STRETCH * sizes[0][0]:
        return [sizes[0]] * 2, ()
    one, other = infos
    return [sizes[0]] * 2, (
        f"{other.path.name} ({other.width}x{other.height}) does not have the proportions of {one.path.name} "
        f"({one.width}x{one.height}); it is shown whole, on a dark ground.",
    )


def _resized_frames(source: FrameSource, timeline: Timeline, width: int, height: int) -> Generator[Image, None, None]:
    """What a clip shows at each moment, at that size; in the end it begins again, or its last frame stays."""
    info = source.info
    moments = [time % info.duration for time in timeline.times] if is_loop(info) else timeline.times
    before: Image | None = None
    with closing(frames_by_number(source, frames_shown_at(info.times, moments))) as images:
        for image in images:
            if image is not before:
                before, ready = image, letterboxed(image, width, height)
            yield ready


def _sound(infos: Sequence[VideoInfo], duration: Fraction) -> Sound | None:
    """That of the first clip that has some."""
    first = next((info for info in infos if info.audio and info.kind == "video"), None)
    sound = None if first is None else sound_of(first, shortest=True)
    return sound and replace(sound, duration=min(duration, sound.duration))


def _sound_notes(sound: Sound | None, infos: Sequence[VideoInfo], duration: Fraction) -> tuple[str, ...]:
    """Whose sound it is, where that is not plain."""
    if sound is None:
        return ()
    ends = f", and ends after {float(sound.duration):.2f} s" if sound.duration < duration - Fraction(1, 10) else ""
    several = sum(bool(info.audio) for info in infos) > 1
    return (f"The sound is that of {sound.path.name}{ends}.",) if several or ends else ()
