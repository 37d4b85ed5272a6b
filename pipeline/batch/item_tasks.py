"""One painting on its way through a batch: which tasks it needs, and how far it is."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace

from pipeline.batch.budget import Need
from pipeline.batch.checked_item import CheckedItem
from pipeline.batch.task import Kind, Painted, Result, Surveyed, Task
from pipeline.clip.deadline import reserve
from pipeline.clip.events import MEMORY_FALLBACKS, Event, FrameDone, Started
from pipeline.clip.shards import split_shots
from pipeline.frame_numbers import ALL_FRAMES, FrameNumbers


@dataclass
class ItemTasks:
    """The tasks of a painting: all in one, or, of a clip for several workers, a survey of it, its parts side by
    side, and what puts them together."""

    checked: CheckedItem
    need: Need
    """Seconds that it takes, as estimated, for one worker."""
    items: int
    """Paintings of the batch."""
    overwrite: bool
    several: bool
    """Whether its shots are to be painted side by side."""
    waiting: deque[Task] = field(default_factory=deque)
    running: dict[str, Task] = field(default_factory=dict)
    """By key."""
    done: dict[str, int] = field(default_factory=dict)
    """Frames that are finished, by task; in several passes, each one counts."""
    began: float | None = None
    """On a steady clock; None: not yet."""
    failed: str | None = None
    """Why no more of it is begun."""
    memory_fallbacks: set[str] = field(default_factory=set)
    """What has been done without so far, for want of memory."""
    lost: int = 0
    """How often a worker was lost with it since a frame of it was last finished."""

    in_parts: bool = False
    """Whether parts of it are painted, so that all that is left in the end is to put them together."""

    passes: int = 0
    """That there was time for in any of its parts."""

    in_file: FrameNumbers = ALL_FRAMES
    """Which frames of the input are painted, once a task has told it."""

    def __post_init__(self) -> None:
        self.waiting.append(self._task("survey" if self.several else "paint"))

    def _task(self, kind: Kind, part: tuple[int, int] | None = None) -> Task:
        return Task(self.checked.item, kind, part, items=self.items, overwrite=self.overwrite)

    @property
    def name(self) -> str:
        return self.checked.item.name

    def begin_task(self, until: float | None) -> Task:
        """Take the task that is to begin now; one must be waiting.

        :param until: when it has to be finished, as `Task` has it. One that was begun before keeps its own.
        """
        task = self.waiting.popleft()
        if task.until is None:
            task = replace(task, until=until)
        self.running[task.key] = task
        return task

    def needs(self, task: Task, workers: int) -> list[Need]:
        """What a task takes, and what can be foreseen to follow from it: as many pieces of work as there can be side by
        side."""
        if task.kind == "survey":
            return [self.need.share(1 / workers)] * workers
        if task.part is not None:
            return [self.need.share((task.part[1] - task.part[0]) / self.checked.subject.frames)]
        return [] if self.in_parts else [self.need]

    def to_come(self, workers: int) -> list[Need]:
        """The pieces of work that no worker has begun, in their order."""
        if self.failed is not None:
            return []
        surveying = [task for task in self.running.values() if task.kind == "survey"]
        return [need for task in (*surveying, *self.waiting) for need in self.needs(task, workers)]

    @property
    def joining(self) -> float:
        """Seconds to keep for putting its parts together, once they are painted."""
        left = self.waiting or self.running
        return reserve(self.checked.subject.frames, *self.checked.written) if self.in_parts and left else 0.0

    def update(self, key: str, event: Event) -> None:
        """Learn from an event of a task how many frames are finished."""
        if isinstance(event, Started):
            self.in_file = event.in_file
            if self.running[key].kind == "paint":
                # It begins with what the parts have painted.
                self.done.clear()
            self.done[key] = event.done
        elif isinstance(event, FrameDone):
            self.done[key] = self.done.get(key, 0) + 1
            self.lost = 0

    def note_of(self, event: FrameDone) -> str | None:
        """What a person should know of how a frame came about, if it is not known yet."""
        if event.stopped == "unstable" and event.in_pass == 1:
            return f"Frame {self.in_file.of(event.frame)} did not settle; its last sound state was kept."
        if not event.memory_fallback or event.memory_fallback in self.memory_fallbacks:
            return None
        self.memory_fallbacks.add(event.memory_fallback)
        number = self.in_file.of(event.frame)
        return f"Memory ran out at frame {number}: from there on {MEMORY_FALLBACKS[event.memory_fallback]}"

    def complete(self, key: str, result: Result) -> None:
        """A task has come to its end: what can follow now waits."""
        task = self.running.pop(key)
        if isinstance(result, Surveyed):
            parts = [] if result.begun else split_shots(result.shots)
            if len(parts) > 1:
                # The longest ones first: nobody should wait for one that was begun last.
                parts.sort(key=lambda part: part[0] - part[1])
                self.waiting.extend(replace(self._task("part", part), speed=result.speed) for part in parts)
                self.in_parts = True
                return
        if isinstance(result, Painted) and task.kind == "part":
            self.passes = max(self.passes, result.passes or 0)
        if not self.waiting and not self.running and task.kind != "paint":
            self.waiting.append(self._task("paint"))

    def give_back(self, key: str) -> None:
        """A task was not finished, and waits again."""
        self.waiting.appendleft(self.running.pop(key))
