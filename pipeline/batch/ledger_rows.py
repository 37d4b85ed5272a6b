"""What the ledger of a batch knows, row by row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from pipeline.batch.plan.item import Item
from pipeline.frame_numbers import ALL_FRAMES, FrameNumbers


class State(str, Enum):
    """Where a painting stands."""

    WAITING = "waiting"
    PAINTING = "painting"
    DONE = "done"
    FAILED = "failed"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True)
class ItemRow:
    """A painting, as the ledger knows it."""

    item: Item
    state: State
    width: int | None
    height: int | None
    """Size of the painting in pixels, once its input was opened."""
    frames: int
    passes: int
    done: int
    """Frames that are finished; in several passes each one counts: all is done at `frames` x `passes`."""
    began: float | None
    ended: float | None
    """Seconds since 1970."""
    seconds: float
    """Spent on it so far, over all runs."""
    estimate: float | None
    """Seconds for all of it, as they were estimated before it began."""
    error: str | None
    """Why it failed, a paragraph."""
    again: bool
    """Whether the surroundings were to blame: the next run tries it again without being asked."""
    notes: tuple[str, ...]
    outputs: tuple[OutputRow, ...]
    """Results that the batch has finished; while a painting is made anew, those of the one before."""
    identity: str | None
    """What the result was, or is being, made from; compared to see whether anything has changed."""
    made: Mapping[str, str]
    """How it was made, as its metadata say: software, network, settings. Empty until it is finished."""
    cuts: tuple[int, ...]
    """First frame of each shot but the first; as all numbers of frames here, from 0 among those that are painted."""
    in_file: FrameNumbers = ALL_FRAMES
    """Which frames of the input are painted."""

    @property
    def name(self) -> str:
        return self.item.name


@dataclass(frozen=True)
class OutputRow:
    """A finished file (or folder), as it was when it was finished."""

    path: Path
    size: int
    """Bytes; of a folder, of all its pictures."""
    digest: str
    """As `media.fingerprint`."""
    source: Path | None = None
    """The input that it is a painting of; None: it was not noted."""


@dataclass(frozen=True)
class FrameRow:
    """A finished frame."""

    in_pass: int
    """From 1."""
    frame: int
    """From 0."""
    losses: Mapping[str, float]
    """'total' (weighted) and each term unweighted."""
    steps: int
    seconds: float
    stopped: str
    """A `Stop`."""


@dataclass(frozen=True)
class FlickerRow:
    """From a frame to the next: mean square difference along the motion of the input (E_warp); None across a cut."""

    frame: int
    """The later one of the two, from 0; of a loop, 0 follows the last one."""
    painting: float | None
    input: float | None
    """The input's own, which is the floor."""


@dataclass(frozen=True)
class ThumbnailRow:
    """A frame before and after, as JPEG files of the same size."""

    frame: int
    before: bytes
    after: bytes


@dataclass(frozen=True)
class RunRow:
    """One time that the command was given."""

    began: float
    ended: float | None
    """None: it is still at work, or was killed; `seen` tells which."""
    host: str
    pid: int
    version: str
    workers: int
    seen: float
    """When it last wrote, seconds since 1970."""
    finish_by: float | None
    outcome: str | None
    """'finished', 'interrupted', 'failed'."""
