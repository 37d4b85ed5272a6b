"""`reelbrush compare`: clips and pictures side by side, or two of them with a wipe that goes to and fro."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from pipeline.errors import UsageError
from pipeline.media import (
    Frame,
    FrameSource,
    Image,
    Sound,
    VideoInfo,
    check_output,
    open_sink,
    open_source,
    refuse_same_file,
    resize,
)
from pipeline.media.sink import SUFFIXES
from pipeline.show.moment import picked, shown_at
from pipeline.show.tag import tagged
from pipeline.show.wipe import wiped

TALLEST = 720
"""Height of the clips in pixels, if nothing else is said: that of the tallest, up to this."""
WIDEST = 2560
"""Width of the whole in pixels, at the most, if no height is said: what is wider, players show small or not at all."""
BETWEEN = 1 / 60
"""Room between clips, in heights of a clip."""
THERE_AND_BACK = Fraction(4)
"""Seconds that a wipe takes there and back, about: a clip is a whole number of them, so that it can be a loop."""
STILLS_LAST = Fraction(4)
"""Seconds of a comparison of nothing but pictures."""
SMOOTH = Fraction(25)
"""Frames a second that a wipe over pictures has; GIFs count in hundredths, so it is exact there."""
STRETCH = 0.03
"""How much the proportions of two clips may differ before it is worth a word."""
GROUND = 18
"""Grey between the clips."""

OnCount = Callable[[str, int, "int | None"], None]
"""What is being done, how much of it is done, and how much there is, if that is known."""


@dataclass(frozen=True)
class CompareJob:
    """What to compare, and where to put it."""

    clips: Sequence[Path]
    """Videos, animations, folders of pictures, pictures: two or more."""
    output: Path
    """A video or a GIF."""
    wipe: bool = False
    """Whether two are laid on one another, with a line that goes to and fro."""
    labels: Sequence[str] | None = None
    """A text for each; None: the names of the files, () for none."""
    height: int | None = None
    """Of the clips in pixels; None: that of the tallest, within limits."""
    overwrite: bool = False


@dataclass(frozen=True)
class Comparison:
    """What was made."""

    width: int
    height: int
    frames: int
    seconds: float
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Line:
    """The moments that a comparison shows."""

    times: tuple[Fraction, ...]
    duration: Fraction
    rate: Fraction
    variable: bool
    notes: tuple[str, ...]


def run_compare(job: CompareJob, on_count: OnCount) -> Comparison:
    """Lay the clips side by side and write what comes of it.

    :raises ReelbrushError: one of them cannot be read, or the result cannot be written; nothing unfinished is left.
    """
    _check(job)
    sources = _opened(job, on_count)
    infos = [source.info for source in sources]
    line = timeline(infos, job.wipe)
    height = job.height or _height(infos, job.wipe)
    sizes, notes = _sizes(infos, height, job.wipe)
    labels = [path.name for path in job.clips] if job.labels is None else list(job.labels) or [""] * len(infos)
    gap = 2 * max(1, round(BETWEEN * height / 2))
    width = sizes[0][0] if job.wipe else sum(size[0] for size in sizes) + gap * (len(sizes) - 1)
    notes = tuple(dict.fromkeys((*line.notes, *notes, *(note for info in infos for note in info.notes))))
    with ExitStack() as stack:
        sink = open_sink(
            job.output, width=width, height=sizes[0][1], times=line.times, duration=line.duration, rate=line.rate,
            variable=line.variable, sound=_sound(infos, line.duration), overwrite=job.overwrite,
        )  # fmt: skip
        stack.callback(sink.abort)
        shown = [stack.enter_context(closing(_shown(source, line, *size)))
                 for source, size in zip(sources, sizes, strict=True)]  # fmt: skip
        turns = max(1, round(line.duration / THERE_AND_BACK))
        for index, (time, images) in enumerate(zip(line.times, zip(*shown, strict=True), strict=True)):
            if job.wipe:
                left, right = tagged(images[0], labels[0]), tagged(images[1], labels[1], right=True)
                picture = wiped(left, right, wipe_at(time * turns / line.duration))
            else:
                picture = _side_by_side([tagged(*pair) for pair in zip(images, labels, strict=True)], gap)
            sink.put(Frame(index, time, picture))
            on_count("Comparing", index + 1, len(line.times))
        on_count("Encoding", 0, None)
        sink.finish()
        notes = (*notes, *(note for note in sink.notes if note not in notes))
    return Comparison(width, sizes[0][1], len(line.times), float(line.duration), notes)


def wipe_at(turn: Fraction | float) -> float:
    """Which share of the width shows the first clip after so many turns: all of it, none after half a one, and back."""
    return float((1 + np.cos(2 * np.pi * float(turn))) / 2)


def timeline(infos: Sequence[VideoInfo], wipe: bool) -> Line:
    """The moments at which clips are shown together, matched by time.

    Clips that are shown at the same times keep them. Others are shown at the highest of their rates (that of GIFs and
    the like counts only where there is no other) until the longest one ends. A shorter GIF begins again, the last frame
    of another shorter clip stays, and a picture stays all the time.
    """
    moving = [info for info in infos if info.frames > 1]
    if not moving:
        rate = SMOOTH
        count = int(STILLS_LAST * rate) if wipe else 1
        return Line(tuple(k / rate for k in range(count)), STILLS_LAST, rate, not wipe, ())
    first = moving[0]
    if all(info.times == first.times and info.duration == first.duration for info in moving):
        return Line(first.times, first.duration, first.rate, first.variable, ())
    leading = [info for info in moving if not _begins_again(info)] or moving
    rate, duration = max(info.rate for info in leading), max(info.duration for info in moving)
    count = max(1, round(duration * rate))
    notes = []
    rates = {info.rate for info in moving}
    if len(rates) > 1 or any(info.variable for info in moving):
        told = ", ".join(f"{info.path.name} has {float(info.rate):.4g}" for info in moving)
        notes.append(f"The clips are matched by time, at {float(rate):.4g} frames a second ({told}).")
    short = [info for info in moving if info.duration < duration - 1 / rate]
    if short:
        told = ", ".join(
            f"{info.path.name} {'begins again' if _begins_again(info) else 'stays'} after {float(info.duration):.2f} s"
            for info in short
        )
        notes.append(f"Not all last {float(duration):.2f} s: {told}.")
    return Line(tuple(k / rate for k in range(count)), count / rate, rate, False, tuple(notes))


def _begins_again(info: VideoInfo) -> bool:
    return info.kind == "animation"


def _check(job: CompareJob) -> None:
    if len(job.clips) < 2:
        raise UsageError("There is nothing to compare. Name two clips or more.")
    if job.wipe and len(job.clips) != 2:
        raise UsageError(f"A wipe is between two clips, and there are {len(job.clips)}. Leave out --wipe, or name two.")
    if job.labels and len(job.labels) != len(job.clips):
        raise UsageError(
            f"There are {len(job.labels)} labels for {len(job.clips)} clips. Give --label once for each, in order."
        )
    if job.output.suffix.lower() not in SUFFIXES:
        raise UsageError(
            f"{job.output}: a comparison is a video or a GIF. Choose a name that ends in {', '.join(SUFFIXES)}."
        )
    for path in job.clips:
        refuse_same_file(path, (job.output,))
    check_output(job.output, job.overwrite)


def _opened(job: CompareJob, on_count: OnCount) -> list[FrameSource]:
    def opened(path: Path, rate: Fraction | None = None) -> FrameSource:
        return open_source(path, fps=rate, on_progress=lambda seen, of: on_count(f"Reading {path.name}", seen, of))

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
    across = infos[0].width / infos[0].height if wipe else sum(info.width / info.height for info in infos)
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


def _shown(source: FrameSource, line: Line, width: int, height: int) -> Generator[Image, None, None]:
    """What a clip shows at each moment, at that size; in the end it begins again, or its last frame stays."""
    info = source.info
    moments = [time % info.duration for time in line.times] if _begins_again(info) else line.times
    before: Image | None = None
    with closing(picked(source, shown_at(info.times, moments))) as images:
        for image in images:
            if image is not before:
                before, fitted = image, _fitted(image, width, height)
            yield fitted


def _fitted(image: Image, width: int, height: int) -> Image:
    """A picture at a size; one of other proportions whole, on a dark ground."""
    if abs(image.shape[1] * height / image.shape[0] - width) <= 2 + STRETCH * width:
        return resize(image, width, height)
    scale = min(width / image.shape[1], height / image.shape[0])
    inside = resize(image, max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    ground = np.full((height, width, 3), GROUND, np.uint8)
    y, x = (height - inside.shape[0]) // 2, (width - inside.shape[1]) // 2
    ground[y : y + inside.shape[0], x : x + inside.shape[1]] = inside
    return ground


def _side_by_side(images: Sequence[Image], gap: int) -> Image:
    between = np.full((images[0].shape[0], gap, 3), GROUND, np.uint8)
    parts = [part for image in images for part in (between, image)]
    return np.hstack(parts[1:])


def _sound(infos: Sequence[VideoInfo], duration: Fraction) -> Sound | None:
    """That of the first clip that has some."""
    heard = next((info for info in infos if info.audio and info.kind == "video"), None)
    return None if heard is None else Sound(heard.path, heard.start, min(duration, heard.duration))
