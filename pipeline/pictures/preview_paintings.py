"""A few frames of a job at draft size under several settings, and what the whole job will cost under each.

The paintings come from the same painter, with the same palette of the clip as a whole, as those of the real job.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from fractions import Fraction

from pipeline.batch.checked_item import CheckedItem, RejectedItem
from pipeline.batch.estimate import need_of, room_of
from pipeline.batch.perform import engine_of, measure_cost
from pipeline.batch.plan.item import Item
from pipeline.batch.preflight import Preflight
from pipeline.batch.task import MeasuredCost
from pipeline.clip.engine import open_painter
from pipeline.clip.frame_masks import FrameMasks, find_frame_masks
from pipeline.clip.input_times import InputTimes, input_times
from pipeline.clip.keyed_painter import key_pictures, keyed_painter
from pipeline.clip.mask_files import open_clip_masks, still_masks
from pipeline.clip.session import given_shots, open_clip
from pipeline.clip.speed import MOST_STEPS
from pipeline.clip.start import read_start
from pipeline.clip.survey import sampled_frames
from pipeline.clip.timeline import AS_SET, Looks, Timeline, open_timeline
from pipeline.errors import UsageError
from pipeline.media import Frame, FrameSource, Image, fit_size, read_picture, resize
from pipeline.media.frame import VideoInfo
from pipeline.media.resize import centre_crop, cropped
from pipeline.motion.flow import DIS
from pipeline.motion.shots import Shot, find_shots
from pipeline.network.device import peak_memory
from pipeline.settings import Settings
from pipeline.style.adain import ClipStatistics, pooled_statistics
from pipeline.text import count_text, number_text, rough_duration_text, rough_size_text
from pipeline.types import OnCount

DRAFT = 256
"""Longest side of a preview's paintings, in pixels, at most."""
LEAST_STEPS, SHARE = 30, 4
"""Steps of a preview's paintings: the settings' own divided by `SHARE`, but so many if they have them."""


@dataclass(frozen=True)
class Cost:
    """What the whole job takes, as `reelbrush batch --dry-run` has it."""

    seconds: float
    result: int
    """Bytes on the disk that stay."""
    work: int
    """Bytes on the disk that are needed beside it while it is painted."""
    memory: int | None
    """Bytes of memory, of the device if that has its own; None where it cannot be told."""

    def texts(self) -> list[str]:
        """In words, as far as an estimate goes."""
        return [
            f"about {rough_duration_text(self.seconds)}",
            f"{rough_size_text(self.result + self.work)} of disk",
            *([] if self.memory is None else [f"{rough_size_text(self.memory)} of memory"]),
        ]


@dataclass(frozen=True)
class Cell:
    """The whole job under one of the settings that are compared."""

    number: int
    """From 1."""
    item: Item
    settings: Settings
    """Complete, of the real job."""
    frames: int
    """Of the clip."""
    cost: Cost
    paintings: tuple[Image, ...]
    """One of each frame that is shown, uint8 (H, W, 3)."""

    @property
    def style_name(self) -> str:
        """'starry', or 'starry + wave' of a blend."""
        return " + ".join(style.path.stem for style in self.item.styles)

    @property
    def strength_text(self) -> str:
        """'strength 0.5'."""
        return f"strength {number_text(self.settings.strength)}"


@dataclass(frozen=True)
class Preview:
    """Frames of a clip, and what becomes of them."""

    frames: tuple[Frame, ...]
    """Before painting, at draft size."""
    cells: tuple[Cell, ...]
    width: int
    height: int
    """Of the real job, in pixels."""
    times: InputTimes | None
    """Of the frames of the job in its input; None of a picture."""
    draft: Settings
    """With which the paintings of the first cell were made."""

    def input_texts(self) -> list[str]:
        """The input in a few lines; the first one is its name."""
        height, width = self.frames[0].image.shape[:2]
        cell, size = self.cells[0], f"{self.width}x{self.height}"
        whole = f"a picture of {size}" if cell.item.still else f"{count_text(cell.frames, 'frame')} of {size}"
        return [cell.item.source.name, whole, *([f"shown at {width}x{height}"] if size != f"{width}x{height}" else [])]

    def frame_texts(self) -> list[str]:
        """Which frames of the input these are, and when they are shown in it; none of a picture."""
        if self.times is None:
            return []
        places = [frame.index for frame in self.frames]
        return [f"frame {self.times.in_file.of(one)}, {float(self.times.painted[one]):.1f} s" for one in places]


def draft_settings(settings: Settings) -> Settings:
    """The same settings, smaller and with fewer steps."""
    steps = min(settings.steps, max(LEAST_STEPS, settings.steps // SHARE))
    return replace(settings, size=min(settings.size or DRAFT, DRAFT), steps=steps)


def paint_preview(
    items: Sequence[Item],
    count: int,
    device: str,
    on_count: OnCount,
    on_checked: Callable[[], None] = lambda: None,
) -> Preview:
    """Paint `count` frames of a job under every one of its settings, and estimate all of them.

    :param items: the same input with different styles or settings.
    :param on_checked: called once it is known that nothing is wrong with them, before anything is painted.
    :raises ReelbrushError: something cannot be read or painted.
    """
    checked = _checked(items, device, on_count)
    shown = _read_frames(checked[0], count, on_count)
    every_look = [_looks(one, shown) for one in checked]
    on_checked()
    costs = _costs(checked, device, on_count)
    frames, samples = shown.frames, shown.samples
    statistics: dict[str, ClipStatistics] = {}
    cells = []
    for number, one in enumerate(checked):
        engine = engine_of(one.item, device)
        settings = draft_settings(one.settings)
        painter = open_painter(engine, one.item.styles, one.item, settings)
        timeline, looks = every_look[number]
        if timeline is not None:
            painter = keyed_painter(painter, timeline, looks, key_pictures(one.item.clip_job()))
        masks = shown.masks.fading(looks.presence)
        if samples and painter.needs_statistics:
            if engine.network.digest not in statistics:
                views = [painter.statistics_of(image) for image in samples]
                statistics[engine.network.digest] = pooled_statistics(views)
            painter = painter.with_statistics(statistics[engine.network.digest])
        paintings: list[Image] = []
        for frame in frames:
            on_count("Painting", number * len(frames) + len(paintings), len(checked) * len(frames))
            own = painter.with_masks(masks.of(frame.index)).with_look(looks.of(frame.index))
            size = frame.image.shape[1], frame.image.shape[0]
            start = None if one.item.init is None else read_start(one.item.init, one.item.crop, *size)
            paintings.append(own.paint(frame.image, index=frame.index, start=start).image)
        cells.append(Cell(number + 1, one.item, one.settings, one.subject.frames, costs[number], tuple(paintings)))
    subject = checked[0].subject
    item, draft = checked[0].item, draft_settings(checked[0].settings)
    times = None if shown.info is None else input_times(item.source, shown.info, item.rate)
    return Preview(tuple(frames), tuple(cells), subject.width, subject.height, times, draft)


def representative(shots: Sequence[Shot], count: int) -> list[int]:
    """Frames that stand for a clip: the middles of its longest shots, or of parts of them where there are too few.

    :return: no more than `count`, and no more than there are frames, in order.
    """
    parts = list(shots)
    while len(parts) < count:
        longest = max(parts, key=lambda part: part[1] - part[0])
        begin, end = longest
        if end - begin < 2:
            break
        place = parts.index(longest)
        parts[place : place + 1] = [(begin, (begin + end) // 2), ((begin + end) // 2, end)]
    longest_parts = sorted(sorted(parts, key=lambda part: part[0] - part[1])[:count])
    return [(begin + end) // 2 for begin, end in longest_parts]


def _checked(items: Sequence[Item], device: str, on_count: OnCount) -> list[CheckedItem]:
    """The items, opened."""
    preflight = Preflight(None, device, overwrite=True)
    checked = []
    for item in items:
        on_count(f"Reading {item.source.name}", 0, None)
        one = preflight.check(item)
        if isinstance(one, RejectedItem):
            raise UsageError(one.text)
        checked.append(one)
    return checked


def _looks(one: CheckedItem, shown: _Shown) -> tuple[Timeline | None, Looks]:
    """The keyframes of an item, and what they make of every frame."""
    if shown.info is None:
        return None, AS_SET
    timeline = open_timeline(one.item.clip_job(), draft_settings(one.settings), shown.info)
    return timeline, AS_SET if timeline is None else timeline.looks(shown.shots)


def _costs(checked: Sequence[CheckedItem], device: str, on_count: OnCount) -> list[Cost]:
    """What each item takes.

    A step costs the same whatever is to become of the picture, so each network is timed once; before the next one is
    opened, so that the memory is its own.
    """
    timings: dict[str, tuple[MeasuredCost, int | None]] = {}
    costs = []
    for one in checked:
        engine = engine_of(one.item, device)
        name = engine.network.digest
        if name not in timings:
            on_count(f"Measuring a step at {one.subject.width}x{one.subject.height}", 0, None)
            timing = measure_cost(one.item, engine, one.subject.height, one.subject.width)
            timings[name] = timing, _memory(one, peak_memory(engine.device))
        measured, memory = timings[name]
        room = room_of(one)
        costs.append(Cost(need_of(one, measured).full, room.result, room.work, memory))
    return costs


def _memory(one: CheckedItem, measured: int | None) -> int | None:
    """What the whole job takes, from the most that `measure_cost` took: L-BFGS learns from more steps later."""
    if measured is None or one.settings.optimizer != "lbfgs":
        return measured
    pairs = min(one.settings.history, one.settings.steps) - MOST_STEPS
    return measured + max(0, pairs) * 2 * 3 * 4 * one.subject.width * one.subject.height


@dataclass(frozen=True)
class _Shown:
    """What is looked at of a clip or a picture."""

    frames: list[Frame]
    """That are painted."""
    samples: list[Image]
    """That say what the clip as a whole looks like; none for a picture."""
    masks: FrameMasks
    info: VideoInfo | None = None
    """Of a clip."""
    shots: Sequence[Shot] = ()


def _read_frames(checked: CheckedItem, count: int, on_count: OnCount) -> _Shown:
    item, size = checked.item, draft_settings(checked.settings).size
    if item.still:
        whole = read_picture(item.source)
        picture = cropped(whole, centre_crop(whole.shape[1], whole.shape[0], item.crop))
        small = resize(picture, *fit_size(picture.shape[1], picture.shape[0], size, item.upscale))
        masks = FrameMasks(still_masks(item, item.crop, whole, (small.shape[1], small.shape[0])))
        return _Shown([Frame(0, Fraction(0), small)], [], masks)
    job = item.clip_job()
    source = open_clip(job, size)
    shots = given_shots(source, checked.settings) or _find_shots(source, on_count)
    chosen = representative(shots, count)
    sampled = sampled_frames(source.info.frames) if source.info.frames > 1 else frozenset()
    shown, samples = [], []
    last = max(*chosen, *sampled, 0)
    with closing(source.frames()) as frames:
        for frame in frames:
            if frame.index in chosen:
                shown.append(frame)
            if frame.index in sampled:
                samples.append(frame.image)
            on_count("Looking at the colours", frame.index + 1, last + 1)
            if frame.index == last:
                break
    masks = find_frame_masks(open_clip_masks(job, source.info), source, shots, DIS)
    return _Shown(shown, samples, masks, source.info, shots)


def _find_shots(source: FrameSource, on_count: OnCount) -> list[Shot]:
    with closing(source.frames()) as frames:
        images = (frame.image for frame in frames)
        return find_shots(images, lambda done: on_count("Looking for cuts", done, source.info.frames))
