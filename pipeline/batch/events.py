"""What a batch tells whoever watches it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pipeline.batch.ledger_rows import State
from pipeline.clip.events import Event


@dataclass(frozen=True)
class Checking:
    """Something is looked at before anything is painted."""

    what: str
    done: int
    of: int


What = Literal["paint", "paint anew", "go on", "finished", "failed"]
"""What a run does with a painting, or has found of it. Anew is what was finished and has changed since: the new result
takes the place of the old one."""


@dataclass(frozen=True)
class PlanRow:
    """What is going to be done with a painting."""

    name: str
    source: str
    what: What
    width: int | None
    height: int | None
    frames: int
    passes: int
    seconds: float
    """Estimated, for one worker."""
    changed: str = ""
    """Of what is painted anew, what is different from when it was finished."""


@dataclass(frozen=True)
class Planned:
    """Everything was looked at."""

    folder: Path
    items: int
    paint: int
    """Paintings that this run paints, or goes on with."""
    finished: int
    """That an earlier run has finished."""
    failed: tuple[tuple[str, str], ...]
    """Name and reason of those that cannot be painted, or have failed before."""
    seconds: float
    """Estimated, for all workers together."""
    room: int
    free: int
    """Bytes on the disk that are needed and that there are."""
    workers: int
    rows: tuple[PlanRow, ...] = ()
    finish_by: float | None = None


@dataclass(frozen=True)
class ItemBegan:
    """A painting is begun, or gone on with."""

    name: str
    number: int
    """Among those of this run, from 1."""
    of: int


@dataclass(frozen=True)
class ItemEvent:
    """Something has happened to a painting; several may be under way."""

    name: str
    event: Event


@dataclass(frozen=True)
class ItemEnded:
    """A painting stands under its final name, or has failed."""

    name: str
    state: State
    seconds: float
    error: str | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class BatchEnded:
    """Nothing more is painted in this run."""

    folder: Path
    done: int
    """Paintings that are finished, those of earlier runs counted too."""
    failed: tuple[tuple[str, str], ...]
    """Name and reason of those that could not be painted."""
    left: int
    """That were not finished, and are gone on with next time."""
    seconds: float


@dataclass(frozen=True)
class Notice:
    """Something that concerns the workers as a whole, and no task."""

    text: str


@dataclass(frozen=True)
class LeftOut:
    """Files of the input folders that are not painted, although a person may want them to be."""

    files: tuple[Path, ...]
    text: str
    """Which, and what makes them be painted."""


BatchEvent = Checking | LeftOut | Planned | ItemBegan | ItemEvent | ItemEnded | BatchEnded | Notice
OnBatchEvent = Callable[[BatchEvent], None]
