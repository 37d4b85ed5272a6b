"""What a worker does for each kind of task. It knows no processes and no driver."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from pipeline.batch.plan.item import Item
from pipeline.batch.rows import OutputRow
from pipeline.batch.task import Painted, Result, Surveyed, Task, Timed
from pipeline.batch.thumbnails import inspect_result, thumbnail_limits
from pipeline.clip.api import Studio, open_studio
from pipeline.clip.clip import run_clip
from pipeline.clip.deadline import Deadline
from pipeline.clip.events import Event, OnEvent, Started
from pipeline.clip.shards import look_through, paint_shard
from pipeline.clip.still import run_still
from pipeline.clip.styles import load_styles
from pipeline.clip.warm_start import distances, open_flow
from pipeline.errors import UsageError
from pipeline.media import fingerprint, read_metadata, resize
from pipeline.motion.track import track
from pipeline.style.frame import TemporalTarget, WarmStart
from pipeline.style.painter import Painter
from pipeline.types import Image

FEW, MORE = 2, 7
"""Steps of the two frames that tell what a step costs, and what a frame costs without any."""


def perform(task: Task, device: str, on_event: OnEvent) -> Result:
    """Work on a task to its end.

    :raises ReelbrushError: as `run_clip` and `run_still`.
    """
    studio = studio_of(task.item, device)
    if task.kind == "time":
        if task.size is None:
            raise UsageError("A step can only be timed at a size.")
        return timed(task.item, studio, *task.size)
    deadline = None if task.until is None else Deadline(task.until, task.speed)
    if task.kind == "survey":
        found = look_through(
            task.item.clip_job(task.overwrite), studio.network, studio.settings, studio.device, on_event, deadline
        )
        return Surveyed(tuple(found.shots), found.begun, found.speed)
    if task.kind == "part":
        if task.part is None:
            raise UsageError("A part of a clip has to say which frames it is.")
        passes = paint_shard(
            task.item.clip_job(task.overwrite),
            task.part,
            studio.network,
            studio.settings,
            studio.device,
            on_event,
            deadline,
        )
        return Painted(passes=passes)
    return _painted(task, studio, on_event, deadline)


def studio_of(item: Item, device: str) -> Studio:
    """Network, settings and device for an item. Items that ask for the same have it loaded once."""
    settings = json.dumps(dict(item.settings), sort_keys=True)
    return _studio(item.preset, item.weights, device, settings)


@lru_cache(maxsize=2)
def _studio(preset: str, weights: Path | None, device: str, settings: str) -> Studio:
    return open_studio(preset, weights, device, json.loads(settings))


def _painted(task: Task, studio: Studio, on_event: OnEvent, deadline: Deadline | None) -> Painted:
    item = task.item
    notes: tuple[str, ...] = ()
    passes: int | None = None
    cuts: tuple[int, ...] = ()

    def watched(event: Event) -> None:
        nonlocal cuts, notes
        if isinstance(event, Started):
            cuts = event.cuts
            # A clip has notes of its own in the end.
            notes = event.notes
        on_event(event)

    item.output.parent.mkdir(parents=True, exist_ok=True)
    if item.still:
        run_still(item.still_job(task.overwrite), studio.network, studio.settings, studio.device, watched)
    else:
        job = item.clip_job(task.overwrite)
        result = run_clip(job, studio.network, studio.settings, studio.device, watched, deadline)
        notes, passes = result.notes, result.passes
    outputs = tuple(output_row(path, item.source) for path in item.outputs)
    inspection = inspect_result(item, cuts, thumbnail_limits(task.items), studio.settings.loop)
    made = read_metadata(item.output)
    return Painted(outputs, inspection.flicker, inspection.thumbnails, (*notes, *inspection.notes), passes, made)


def output_row(path: Path, source: Path) -> OutputRow:
    """A result as it stands on the disk.

    :param source: the input that it is a painting of.
    """
    return OutputRow(path, size_of(path), fingerprint(path), source)


def size_of(path: Path) -> int:
    """Bytes of a file, or of all files in a folder."""
    return sum(one.stat().st_size for one in path.iterdir()) if path.is_dir() else path.stat().st_size


def timed(item: Item, studio: Studio, height: int, width: int) -> Timed:
    """What painting costs here, from a few real steps at that size."""
    styles = load_styles(item.styles)
    picture = resize(styles[0].image, width, height)
    carried = WarmStart(picture, (TemporalTarget(picture, np.ones((height, width), np.float32)),))
    if item.still or not studio.settings.temporal_weight:
        carried = WarmStart(picture)
    quick = replace(studio.settings, tolerance=0.0, seconds=0.0)
    painter = Painter(studio.network, styles, quick, studio.device)

    def seconds(steps: int) -> float:
        # What is done only once, such as the targets of the style, is no part of what a frame costs.
        painter.paint(picture, carried, steps=steps)
        began = time.monotonic()
        painter.paint(picture, carried, steps=steps)
        return time.monotonic() - began

    few, more = seconds(FEW), seconds(MORE)
    step = max(1e-6, (more - few) / (MORE - FEW))
    beside = max(0.0, few - FEW * step) + (0.0 if item.still else _flow_seconds(picture, studio))
    return Timed(step, beside, painter.work(height, width, carried=False))


def _flow_seconds(picture: Image, studio: Studio) -> float:
    """To find a frame again in the next one, at every distance that the settings ask for."""
    flow = open_flow(studio.settings, studio.device)
    began = time.monotonic()
    for back in distances(studio.settings):
        track(np.roll(picture, back, axis=1), picture, flow)
    return time.monotonic() - began
