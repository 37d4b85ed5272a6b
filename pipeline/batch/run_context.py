"""One run over a batch: its folder, items, workers, options and ledger."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.batch.events import OnBatchEvent
from pipeline.batch.jobs import RunOptions
from pipeline.batch.ledger import LEDGER, Ledger
from pipeline.batch.ledger_rows import State
from pipeline.batch.plan.item import Item
from pipeline.batch.worker_pool import WorkerPool
from pipeline.errors import StoreError
from pipeline.signals import Interrupts

HEARTBEAT = 20.0
"""Seconds between two signs of life in the ledger."""


@dataclass(frozen=True)
class Outcome:
    """What a run has left."""

    done: int
    failed: int
    left: int

    @property
    def exit_code(self) -> int:
        """0: all done; 1: none; 3: some."""
        return 0 if not self.failed and not self.left else 3 if self.done else 1

    @property
    def planned_exit_code(self) -> int:
        """Of a dry run, after which all that can be painted is left: 1 where that is nothing, 3 where it is not all."""
        return 0 if not self.failed else 3 if self.done or self.left else 1


@dataclass
class RunContext:
    """A run over a batch."""

    folder: Path
    items: Sequence[Item]
    pool: WorkerPool
    options: RunOptions
    on_event: OnBatchEvent
    ledger: Ledger
    interrupts: Interrupts
    run: int | None = None
    """Its number in the ledger."""
    stopping: bool = False
    """Whether the workers were asked to give up."""
    last_heartbeat: float = field(default_factory=time.monotonic)
    """When it last gave a sign of life."""

    def outcome(self) -> Outcome:
        """How all paintings of the batch stand now."""
        states = [row.state for row in self.ledger.items()]
        done, failed = states.count(State.DONE), states.count(State.FAILED)
        return Outcome(done, failed, len(states) - done - failed)

    def failures(self) -> tuple[tuple[str, str], ...]:
        """Name and reason of those that could not be painted."""
        rows = [row for row in self.ledger.items() if row.state is State.FAILED]
        return tuple((row.name, str(row.error)) for row in rows)

    def heartbeat(self) -> None:
        """Let those who read the ledger know that this run is alive."""
        if self.run is not None and time.monotonic() - self.last_heartbeat > HEARTBEAT:
            self.last_heartbeat = time.monotonic()
            self.check_there()
            self.ledger.heartbeat(self.run)

    def check_there(self) -> None:
        """Whether what is noted will be found by anybody: a file that was removed while it is open takes everything.

        :raises StoreError: the ledger, or the whole folder, was removed or moved.
        """
        if not (self.folder / LEDGER).exists():
            raise StoreError(
                f"{self.folder}: this folder, or the ledger in it, was removed or moved while the batch was at work, "
                "and has ended it. Give the same command again."
            )

    def stop(self) -> None:
        """Ask the workers to give up after the step that they are at."""
        self.stopping = True
        self.pool.stop()
