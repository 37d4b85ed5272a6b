"""What a worker does for each kind of task. It knows no processes and no driver."""

from __future__ import annotations

import json
from fractions import Fraction
from functools import lru_cache
from pathlib import Path

import numpy as np

from pipeline.batch.ledger_rows import OutputRow
from pipeline.batch.plan.item import Item
from pipeline.batch.task import MeasuredCost, Painted, Result, Surveyed, Task
from pipeline.batch.thumbnails import inspect_result, thumbnail_limits
from pipeline.clip.clip import run_clip
from pipeline.clip.deadline import Deadline
from pipeline.clip.engine import Engine, open_engine, open_painter, read_style
from pipeline.clip.events import Event, OnEvent, Started
from pipeline.clip.shards import outline_clip, paint_shard
from pipeline.clip.speed import frames_to_measure, measure_speed
from pipeline.clip.still import run_still
from pipeline.clip.warm_start import open_flow
from pipeline.errors import UsageError
from pipeline.media import fingerprint, read_metadata, resize
from pipeline.media.frame import Frame


def perform(task: Task, device: str, on_event: OnEvent) -> Result:
    """Work on a task to its end.

    :raises ReelbrushError: as `run_clip` and `run_still`.
    """
    engine = engine_of(task.item, device)
    if task.kind == "time":
        if task.size is None:
            raise UsageError("A step can only be timed at a size.")
        return measure_cost(task.item, engine, *task.size)
    deadline = None if task.until is None else Deadline(task.until, task.speed)
    if task.kind == "survey":
        found = outline_clip(task.item.clip_job(task.overwrite), engine, on_event, deadline)
        return Surveyed(tuple(found.shots), found.begun, found.speed)
    if task.kind == "part":
        if task.part is None:
            raise UsageError("A part of a clip has to say which frames it is.")
        passes = paint_shard(task.item.clip_job(task.overwrite), task.part, engine, on_event, deadline)
        return Painted(passes=passes)
    return _paint(task, engine, on_event, deadline)


def engine_of(item: Item, device: str) -> Engine:
    """Network, settings and device for an item. Items that ask for the same have it loaded once."""
    settings = json.dumps(dict(item.settings), sort_keys=True)
    return _open_engine(item.preset, item.weights, device, settings)


@lru_cache(maxsize=2)
def _open_engine(preset: str, weights: Path | None, device: str, settings: str) -> Engine:
    return open_engine(preset, weights, device, json.loads(settings))


def _paint(task: Task, engine: Engine, on_event: OnEvent, deadline: Deadline | None) -> Painted:
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
        run_still(item.still_job(task.overwrite), engine, watched)
    else:
        job = item.clip_job(task.overwrite)
        result = run_clip(job, engine, watched, deadline)
        notes, passes = result.notes, result.passes
    outputs = tuple(output_row(path, item.source) for path in item.outputs)
    inspection = inspect_result(item, cuts, thumbnail_limits(task.items), engine.settings.loop)
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


def measure_cost(item: Item, engine: Engine, height: int, width: int) -> MeasuredCost:
    """What painting costs here: from a few real steps at that size, on a style picture that pans."""
    settings = engine.settings
    picture = resize(read_style(item.styles[0]), width, height)
    count = 1 if item.still else frames_to_measure(settings)
    frames = [Frame(index, Fraction(index), np.roll(picture, index, axis=1)) for index in range(count)]
    painter = open_painter(engine, item.styles, item, settings)
    speed = measure_speed(painter, open_flow(settings, engine.device), frames)
    first, carried = (painter.work(height, width, carried) for carried in (False, True))
    return MeasuredCost(speed.step, speed.beside, first, carried)
