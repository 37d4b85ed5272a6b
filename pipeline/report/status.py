"""How far a batch is, how fast it goes, and when it will be done, from its ledger alone."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace

from pipeline.batch.ledger import Ledger
from pipeline.batch.ledger_rows import ItemRow, RunRow, State
from pipeline.report.failures import Cause, Failure, causes
from pipeline.report.progress import BatchProgress, ItemProgress, row_progress

STALE = 60.0
"""Seconds without a sign of life after which a run on another machine counts as dead, ..."""
STALE_HERE = 600.0
"""... and one on this machine whose process is there: before the first frame it may be busy for a while."""
WATCH_EVERY = 1.0
"""Seconds from one status of a watched batch to the next."""
_ORDER = (State.FAILED, State.PAINTING, State.INTERRUPTED, State.WAITING, State.DONE)
"""What a person looks for first."""
STOPPED = "stopped"
"""How a run has ended that left things undone although nobody interrupted it: at the first failure."""


@dataclass(frozen=True)
class ItemStatus:
    """How far a painting is."""

    name: str
    source: str
    """Path of its input."""
    state: str
    done: int
    of: int
    """Frames; in several passes each one counts. 0 where the input was not opened yet."""
    fraction: float
    """0 to 1."""
    seconds: float
    """That workers have spent on it so far."""
    rate: float | None
    """Frames a minute that a worker makes, each pass of a frame counted; None before the first one."""
    left: float | None
    """Seconds that it still needs of one worker, as far as that is known."""
    workers: int
    """How many can be at it at once: one for every shot of a clip."""
    error: str | None
    notes: tuple[str, ...] = ()
    """What is to be known of it, such as a frame that stands out."""
    passes: int = 1
    """How often each frame is painted."""
    earlier: bool = False
    """Whether an earlier command has asked for it, and the last one leaves it out."""


@dataclass(frozen=True)
class BatchStatus:
    """How far a batch is."""

    folder: str
    run: str
    """'running', 'not running', 'finished', 'stopped' (by --fail-fast), 'interrupted', 'failed', or 'not begun'."""
    items: tuple[ItemStatus, ...]
    """Those that failed first, those that are done last."""
    counts: dict[str, int]
    fraction: float
    """Of the work, 0 to 1."""
    rate: float | None
    """Frames a minute that the batch makes, over all that is painted at once."""
    elapsed: float
    """Seconds that the command has been at work, over all runs."""
    runs: int
    """How often it was given."""
    left: float | None
    """Seconds to the end of the batch; None where it is not known."""
    ends: float | None
    """When that will be, seconds since 1970; None where nothing is running."""
    finish_by: float | None
    """When it should be, if that was said."""
    now: float
    """When this was so, seconds since 1970."""
    earlier: tuple[ItemStatus, ...] = ()
    """Finished by earlier commands and left out of the last one; nothing else counts them."""

    @property
    def going(self) -> bool:
        """Whether there is anything to wait for."""
        return self.run == "running"

    def differs(self, other: BatchStatus | None) -> bool:
        """Whether anything but the time has changed since `other`."""
        return other is None or (self.run, self.items) != (other.run, other.items)

    def as_json(self) -> str:
        """One object on one line."""
        return json.dumps({"event": "status", **asdict(self)})

    @property
    def causes(self) -> list[Cause]:
        """Why what failed has failed, each cause once."""
        return causes(
            Failure(item.name, item.source, item.error or "") for item in self.items if item.state == State.FAILED.value
        )


def status(ledger: Ledger, now: float) -> BatchStatus:
    """How far the batch is whose ledger this is.

    :param now: seconds since 1970.
    :raises StoreError, OutputError: the ledger is damaged, or cannot be read.
    """
    rows, runs = ledger.items(), ledger.runs()
    last = runs[-1] if runs else None
    run = STOPPED if stopped_early(last, rows) else _state_of_run(last, now)
    workers = max(1, last.workers) if last else 1
    painted = ledger.frame_seconds()
    progress = BatchProgress([row_progress(row, painted.get(row.name, 0.0), workers) for row in rows], workers)
    items = [_item(row, item, progress.left_of(item), run) for row, item in zip(rows, progress.items, strict=True)]
    items.sort(key=lambda item: _ORDER.index(State(item.state)))
    left = progress.left
    return BatchStatus(
        folder=str(ledger.path.parent),
        run=run,
        items=tuple(items),
        counts={state.value: sum(item.state == state.value for item in items) for state in (State.DONE, *_ORDER[:-1])},
        fraction=progress.fraction,
        rate=_rate(items, workers),
        elapsed=sum(_end(one, now if run == "running" and one is last else one.seen) - one.began for one in runs),
        runs=len(runs),
        left=left,
        ends=now + left if left is not None and run == "running" else None,
        finish_by=last.finish_by if last else None,
        now=now,
        earlier=tuple(replace(_item(row, row_progress(row), None, run), earlier=True) for row in ledger.earlier()),
    )


def stopped_early(run: RunRow | None, rows: Sequence[ItemRow]) -> bool:
    """Whether a run has come to its end in order, and has left things undone because something had failed."""
    states = {row.state for row in rows}
    undone = State.WAITING in states or State.INTERRUPTED in states
    return run is not None and run.outcome == "finished" and State.FAILED in states and undone


def _end(run: RunRow, otherwise: float) -> float:
    return otherwise if run.ended is None else run.ended


def watch_batch(ledger: Ledger) -> Iterator[BatchStatus]:
    """The status again and again, until the run ends; at least once.

    :raises StoreError, OutputError: as `status`.
    """
    while True:
        now = status(ledger, time.time())
        yield now
        if not now.going:
            return
        time.sleep(WATCH_EVERY)


def changed_only(statuses: Iterable[BatchStatus]) -> Iterator[BatchStatus]:
    """Those statuses in which something has changed."""
    last: BatchStatus | None = None
    for one in statuses:
        if one.differs(last):
            yield one
            last = one


def _state_of_run(run: RunRow | None, now: float) -> str:
    """What has become of the last run. One that was killed has written nothing of it."""
    if run is None:
        return "not begun"
    if run.ended is not None:
        return run.outcome or "finished"
    here = run.host == socket.gethostname()
    alive = now - run.seen < (STALE_HERE if here else STALE) and (not here or _process_exists(run.pid))
    return "running" if alive else "not running"


def _process_exists(pid: int) -> bool:
    """Whether there is such a process on this machine."""
    if os.name != "posix":
        # There, the question itself would end the process. The time of the last sign of life has to do.
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _item(row: ItemRow, item: ItemProgress, left: float | None, run: str) -> ItemStatus:
    state = State.INTERRUPTED if row.state is State.PAINTING and run != "running" else row.state
    return ItemStatus(
        row.name, str(row.item.source), state.value, row.done, row.frames * row.passes, item.fraction, item.seconds,
        60 * row.done / item.seconds if item.seconds and row.done else None, left, item.pieces, row.error, row.notes,
        row.passes,
    )  # fmt: skip


def _rate(items: Sequence[ItemStatus], workers: int) -> float | None:
    """As fast as one worker is at what is being painted, for all that are at it; None where nothing is known."""
    painting = [item for item in items if item.state == State.PAINTING.value]
    rates = [item.rate for item in painting if item.rate]
    busy = min(workers, sum(item.workers for item in painting))
    return busy * sum(rates) / len(rates) if rates else None
