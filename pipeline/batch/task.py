"""What the driver of a batch asks of its workers, and what they answer. All of it can be pickled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from pipeline.batch.events import Notice
from pipeline.batch.ledger_rows import FlickerRow, OutputRow, ThumbnailRow
from pipeline.batch.plan.item import Item
from pipeline.clip.events import Event
from pipeline.clip.step_budget import Speed
from pipeline.motion.shots import Shot

Kind = Literal["time", "survey", "part", "paint"]
"""Measure what a step costs; find the shots and the palette of a clip; paint the frames of some shots; or paint (what
is left of) the whole, and write it."""


@dataclass(frozen=True)
class Task:
    """A piece of work for one worker."""

    item: Item
    kind: Kind
    part: Shot | None = None
    """First frame and the one after the last, of a part."""
    size: tuple[int, int] | None = None
    """(height, width) to measure a step at."""
    until: float | None = None
    """When it has to be finished, as `time.time()` counts. Of a survey: when the whole clip would have to be, if
    one worker painted it in the time of all."""
    speed: Speed | None = None
    """How fast a part is painted, as far as is known."""
    overwrite: bool = False
    items: int = 1
    """Paintings of the batch: the more, the less of each is shown in the report."""

    @property
    def key(self) -> str:
        """Unique among the tasks of a batch."""
        return f"{self.item.name}\n{self.kind}\n{self.part}\n{self.size}"


@dataclass(frozen=True)
class MeasuredCost:
    """What painting costs on a worker."""

    step: float
    """Seconds for a step at the size asked for."""
    frame: float
    """Seconds for what a frame needs beside its steps."""
    first: float
    """Work of a frame that starts a shot, in steps at full size."""
    carried: float
    """Work of a frame that starts from the one before it, in a first pass."""


@dataclass(frozen=True)
class Surveyed:
    """What is known of a clip before it is painted."""

    shots: tuple[Shot, ...]
    begun: bool
    """Whether an earlier run has painted frames of it as a whole: it is gone on with in one piece."""
    speed: Speed | None = None
    """How fast it is painted; measured where there is an end to come."""


@dataclass(frozen=True)
class Painted:
    """A part, or a painting that stands under its final name."""

    outputs: tuple[OutputRow, ...] = ()
    flicker: tuple[FlickerRow, ...] = ()
    thumbnails: tuple[ThumbnailRow, ...] = ()
    notes: tuple[str, ...] = ()
    passes: int | None = None
    """That there was time for; None: those of the settings."""
    made: Mapping[str, str] = field(default_factory=dict)


Result = MeasuredCost | Surveyed | Painted


@dataclass(frozen=True)
class TaskEvent:
    """Something that has happened while a task was worked on."""

    key: str
    event: Event


@dataclass(frozen=True)
class Done:
    """A task is finished."""

    key: str
    result: Result


@dataclass(frozen=True)
class Failed:
    """A task came to an end without a result."""

    key: str
    error: str
    """A paragraph that says why, what to do, and what the same command does where that is not to try again."""
    again: bool
    """Whether the surroundings were to blame (disk, memory, a file that is gone) and the same command may try again."""
    full: bool = False
    """Whether the disk is full: nothing else can be painted either."""


@dataclass(frozen=True)
class Stopped:
    """A task was given up because the driver asked for it; what is finished is kept."""

    key: str


@dataclass(frozen=True)
class Lost:
    """The worker is gone; what it had finished is kept."""

    key: str
    why: str
    blame: bool = True
    """Whether the task itself may have ended the worker; not where a whole machine or a scheduler went."""


Message = TaskEvent | Done | Failed | Stopped | Lost | Notice
