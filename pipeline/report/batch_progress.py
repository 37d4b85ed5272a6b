"""A batch as it is seen in the terminal: what is planned, what is under way, how long it still takes."""

from __future__ import annotations

import time
from collections.abc import Sequence

from pipeline.batch.events import (
    BatchEnded,
    BatchEvent,
    ItemEnded,
    ItemEvent,
    Planned,
    PlanRow,
)
from pipeline.clip.events import FrameDone, Started, Stepped
from pipeline.text import duration_text, sanitize_line, size_text


class Headway:
    """How far a batch is, from its events. Knows no clock: the caller says what time it is."""

    def __init__(self) -> None:
        self._seconds: dict[str, float] = {}
        """Estimated, by name, of what this run paints."""
        self._whole: dict[str, int] = {}
        """Frames, every pass counted."""
        self._done: dict[str, float] = {}
        self._first: dict[str, float] = {}
        """What was done of it when this run began."""
        self._share: dict[str, float] = {}
        """Of the frame under way."""
        self._workers = 1
        self._began = 0.0

    def see(self, event: BatchEvent, now: float) -> None:
        """:param now: seconds on any steady clock."""
        if isinstance(event, Planned):
            self._workers, self._began = event.workers, now
            for row in event.rows:
                if row.what in ("paint", "paint anew", "go on"):
                    self._seconds[row.name] = max(row.seconds, 1e-3)
                    self._whole[row.name] = max(1, row.frames * row.passes)
        elif isinstance(event, ItemEnded) and event.name in self._whole:
            self._done[event.name] = self._whole[event.name]
        elif isinstance(event, ItemEvent) and event.name in self._whole:
            self._told(event)

    def _told(self, told: ItemEvent) -> None:
        name, event = told.name, told.event
        if isinstance(event, Started):
            self._done[name] = max(self._done.get(name, 0.0), event.done)
            self._first.setdefault(name, event.done)
        elif isinstance(event, Stepped):
            self._share[name] = event.share
        elif isinstance(event, FrameDone):
            self._done[name] = self._done.get(name, 0.0) + 1
            self._share[name] = 0.0

    def fraction_of(self, name: str) -> float:
        """Share of a painting that is done, 0 to 1."""
        if name not in self._whole:
            return 0.0
        return min(1.0, (self._done.get(name, 0.0) + self._share.get(name, 0.0)) / self._whole[name])

    @property
    def fraction(self) -> float:
        """Share of the work of this run that is done, 0 to 1."""
        total = sum(self._seconds.values())
        return 1.0 if not total else sum(self.fraction_of(name) * s for name, s in self._seconds.items()) / total

    def left(self, now: float) -> float | None:
        """Seconds to the end; by the plan until enough is done to know better."""
        total = sum(self._seconds.values())
        if not total:
            return None
        rest = sum((1 - self.fraction_of(name)) * seconds for name, seconds in self._seconds.items())
        before = sum(self._first.get(name, 0.0) / self._whole[name] * s for name, s in self._seconds.items())
        mine = total - rest - before
        if mine / total < 0.03:
            return rest / self._workers
        # What has been painted so far tells how wrong the plan was, and how many workers were really busy.
        return rest * (now - self._began) / mine


PLAN_HEADS = ("painting", "of", "size", "frames", "about", "")


def plan_rows(rows: Sequence[PlanRow]) -> list[tuple[str, ...]]:
    """What is going to be done, for a table with `PLAN_HEADS`."""
    return [
        (
            row.name,
            row.source,
            f"{row.width}x{row.height}" if row.width else "",
            "" if not row.frames else f"{row.frames}" + (f" x {row.passes}" if row.passes > 1 else ""),
            duration_text(row.seconds) if row.seconds else "",
            f"{row.what}: {row.changed}" if row.changed else row.what,
        )
        for row in rows
    ]


def plan_line(event: Planned) -> str:
    """One sentence: what is going to happen, how long it takes, what it needs."""
    nothing = event.finished + len(event.failed) == event.items
    parts = ["nothing to paint" if nothing else f"{event.paint} of {event.items} to paint"]
    if event.finished:
        parts.append(f"{event.finished} finished already")
    if event.failed:
        parts.append(f"{len(event.failed)} failed")
    text = f"{sanitize_line(event.folder)}: {', '.join(parts)}"
    if anew := [row.changed for row in event.rows if row.what == "paint anew"]:
        reasons = "; ".join(dict.fromkeys(anew))
        text += f"; {len(anew)} of them anew, in place of what was finished ({reasons})"
    if event.paint:
        text += f"; about {duration_text(max(1.0, event.seconds))}"
        text += f" with {event.workers} workers" if event.workers > 1 else ""
        if event.finish_by is not None:
            left = event.finish_by - time.time()
            clock = time.strftime("%H:%M" if left > 3600 else "%H:%M:%S", time.localtime(event.finish_by))
            text += f", to be done by {clock}{' with fewer steps' if left < event.seconds else ''}"
        text += f", {size_text(event.room)} of disk of {size_text(event.free)} that are free"
    return text


def end_line(event: BatchEnded, painted: int) -> str:
    """One sentence: what came of it.

    :param painted: how many paintings this run has finished.
    """
    before = event.done - painted
    parts = [f"{painted} painted" if painted else "nothing painted"]
    if before:
        parts.append(f"{before} {'was' if before == 1 else 'were'} finished before")
    if event.failed:
        parts.append(f"{len(event.failed)} failed")
    if event.left:
        parts.append(f"{event.left} not finished")
    return f"{sanitize_line(event.folder)}: {', '.join(parts)}, in {duration_text(max(1.0, event.seconds))}"
