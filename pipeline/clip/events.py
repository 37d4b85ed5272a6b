"""What a job tells whoever watches it. Jobs print nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.frame_numbers import ALL_FRAMES, FrameNumbers

if TYPE_CHECKING:
    from pipeline.style.frame import Progress


@dataclass(frozen=True)
class Started:
    """The job is ready to paint."""

    source: str | None
    """What goes in, as the user named it; None where it came from memory, to a call from Python."""
    outputs: tuple[Path, ...]
    width: int
    height: int
    """Size of the painting in pixels."""
    frames: int
    done: int
    """Frames that an earlier, interrupted run has finished already; in several passes, each one counts."""
    first_work: float
    next_work: float
    """Work budgeted for the first frame and for each one after it, in steps at full size."""
    network: str
    device: str
    notes: tuple[str, ...] = ()
    deadline_notes: tuple[str, ...] = ()
    """What is foreseen where it has to be finished by some time; how it ends may be known better."""
    cuts: tuple[int, ...] = ()
    """First frame of each shot but the first, from 0."""
    passes: int = 1
    """How often every frame is painted."""
    again_work: float = 0.0
    """Work budgeted for a frame of a pass after the first."""
    in_file: FrameNumbers = ALL_FRAMES
    """Which frames of the input are painted: events count those that are, from 0, and what a person reads or writes
    counts those of the input."""


@dataclass(frozen=True)
class Stepped:
    """One step of a frame is done."""

    frame: int
    step: int
    """At this size, from 1."""
    of: int
    """Step budget at this size."""
    share: float
    """How much of the frame's budgeted work is done, 0 to 1."""
    in_pass: int = 1
    """From 1. In every second pass the frames come backward."""
    size: int = 1
    """Which of the sizes that are painted coarse to fine, from 1."""
    sizes: int = 1


def stepped(frame: int, progress: Progress, in_pass: int = 1) -> Stepped:
    """What is told of a step of a frame."""
    step, size = progress.detail, progress.sizes - progress.level
    return Stepped(frame, step.number, step.of, progress.share, in_pass, size, progress.sizes)


@dataclass(frozen=True)
class FrameDone:
    """A frame is finished and safely kept."""

    frame: int
    losses: dict[str, float]
    steps: int
    seconds: float
    stopped: str
    """A `Stop`: 'steps', 'plateau', 'time', 'unstable', 'still', 'kept' or 'given'."""
    in_pass: int = 1
    """From 1."""
    memory_fallback: str = ""
    """A `MemoryFallback`: how memory was saved, where it did not suffice; '' as usual."""


MEMORY_FALLBACKS = {
    "freed": "memory that was not in use is given back before each frame. The pictures stay the same.",
    "checkpointed": "the maps of the network are computed twice instead of kept. The pictures stay the same.",
    "short history": "L-BFGS learns from fewer past steps as well. The pictures change a little.",
    "tiles": "frames are looked at in overlapping tiles, one after the other. The pictures hardly change.",
    "half size": "frames are painted at half the size and enlarged.",
    "quarter size": "frames are painted at a quarter of the size and enlarged.",
}
"""What a person is told of each memory_fallback, after 'from here on'."""


@dataclass(frozen=True)
class Repainted:
    """A carried frame came out wrong and was painted again from nothing; `FrameDone` follows with the better one."""

    frame: int
    carried_loss: float | None
    """What it was painted towards, without the temporal loss; None: no finite number."""
    fresh_loss: float | None
    kept: str
    """'carried' or 'fresh'."""


@dataclass(frozen=True)
class Reverted:
    """A further pass would have made a frame worse; its painting of the pass before is kept."""

    frame: int
    in_pass: int


@dataclass(frozen=True)
class Damaged:
    """A finished frame was damaged on the disk since; it is painted again, and so is all that was painted after it."""

    frame: int
    in_pass: int


@dataclass(frozen=True)
class Stage:
    """Something other than painting has begun that may take a while, such as 'Encoding'."""

    text: str


@dataclass(frozen=True)
class Scanned:
    """Frames of the input looked through before painting begins."""

    frames: int
    of: int | None
    """About as many as there should be, where the file says."""
    why: str = "Reading"


@dataclass(frozen=True)
class Finished:
    """The results stand under their final names."""

    outputs: tuple[Path, ...]
    frames: int
    painted: int
    """Frames painted by this run; in several passes, each one counts."""
    seconds: float
    notes: tuple[str, ...] = field(default=())


Event = Started | Stepped | FrameDone | Repainted | Reverted | Damaged | Stage | Scanned | Finished
OnEvent = Callable[[Event], None]


def ignore(event: Event) -> None:
    """An `OnEvent` for callers that do not watch."""
