"""`reelbrush status`: how far a batch is, how fast it goes, and when it will be done, from its ledger alone."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from pipeline.batch.ledger import Ledger
from pipeline.batch.rows import ItemRow, RunRow, State
from pipeline.report.failures import RESUME_HINT, Cause, Failure, causes
from pipeline.text import duration_text

STALE = 60.0
"""Seconds without a sign of life after which a run on another machine counts as dead, ..."""
STALE_HERE = 600.0
"""... and one on this machine whose process is there: before the first frame it may be busy for a while."""
LOOK_EVERY = 1.0
"""Seconds from one look at a batch to the next."""
_ORDER = (State.FAILED, State.PAINTING, State.INTERRUPTED, State.WAITING, State.DONE)
"""What a person looks for first."""
_WATCHED = (State.PAINTING, State.FAILED, State.INTERRUPTED, State.WAITING, State.DONE)
"""The same for one who looks on."""
_BAR = 12
"""Characters of a bar."""
_WIDE, _NARROW = 100, 70
"""Columns of a terminal below which a table has no bars, and below which it has no frames and rates either."""
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
    def heading(self) -> tuple[str, ...]:
        """What is to be said of the whole, a line each."""
        counted = ", ".join(f"{count} {state}" for state, count in self.counts.items() if count) or "nothing to paint"
        lines = [f"{self.folder}: {counted}", f"{_bar(self.fraction)} {self.fraction:.0%}{self._pace}"]
        if self.run == "not running":
            lines.append("not running: the same command goes on where it was")
        elif self.run == "interrupted":
            lines.append("interrupted: the same command goes on where it was")
        elif self.run == STOPPED:
            lines.append("stopped at the first failure: without --fail-fast the same command paints the rest")
        elif self.run in ("failed", "not begun"):
            lines.append(self.run)
        if self.counts[State.FAILED.value] and not self.going:
            lines.append(RESUME_HINT)
        if self.finish_by is not None and self.ends is not None:
            spare = self.finish_by - self.ends
            told = f"{duration_text(abs(spare))} {'to spare' if spare >= 0 else 'too late, by this estimate'}"
            lines.append(f"to be finished by {self._clock(self.finish_by)}: {told}")
        return tuple(lines)

    @property
    def _pace(self) -> str:
        """How long it has taken, and how long it still takes; of several runs each has its share in the time."""
        took = duration_text(self.elapsed) + (f" in {self.runs} runs" if self.runs > 1 else "")
        parts = []
        if self.elapsed and self.run != "finished":
            parts.append(f"{took} so far")
        elif self.run == "finished" and self.fraction == 1.0:
            parts.append(f"done in {took}" if self.runs < 2 else f"done, {took}")
        parts += [f"{self.rate:.3g} frames a minute"] if self.rate and self.going else []
        if self.left:
            until = f", until {self._clock(self.ends)}" if self.ends is not None else ""
            parts.append(f"about {duration_text(max(1.0, self.left))} left{until}")
        elif self.left is None and self.going:
            parts.append("how long it will take is not known yet")
        return "".join(f", {part}" for part in parts)

    def _clock(self, seconds: float) -> str:
        """'07:00'; with the day, where that is more than half a day away."""
        at = datetime.fromtimestamp(seconds)
        return at.strftime("%H:%M" if abs(seconds - self.now) < 43_200 else "%a %d %b, %H:%M")

    @property
    def causes(self) -> list[Cause]:
        """Why what failed has failed, each cause once."""
        return causes(
            Failure(item.name, item.source, item.error or "") for item in self.items if item.state == State.FAILED.value
        )

    def table(
        self, width: int | None = None, most: int | None = None, painting_first: bool = False
    ) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        """Heads and a row for every item; a column of which nothing is known is left out.

        :param width: columns of the terminal; a narrow one shows less.
        :param most: rows; of more items the last row says how many are left out.
        """
        items = list(self.items)
        if painting_first:
            items.sort(key=lambda item: _WATCHED.index(State(item.state)))
        some = items if most is None or len(items) <= most else items[: most - 1]
        rows = [_row(item, bars=width is None or width >= _WIDE) for item in some]
        heads = ("name", "state", "progress", "frames", "a minute", "time")
        seen = (0, 1, 2, 5) if width is not None and width < _NARROW else range(len(heads))
        kept = [column for column in seen if column == 0 or any(row[column] for row in rows)]
        missing = len(items) - len(some)
        rows += [(f"and {missing} more", "", "", "", "", "")] if missing else []
        return tuple(heads[column] for column in kept), [tuple(row[column] for column in kept) for row in rows]


def status(ledger: Ledger, now: float) -> BatchStatus:
    """How far the batch is whose ledger this is.

    :param now: seconds since 1970.
    :raises StoreError, OutputError: the ledger is damaged, or cannot be read.
    """
    rows, runs = ledger.items(), ledger.runs()
    last = runs[-1] if runs else None
    run = STOPPED if stopped_early(last, rows) else _state(last, now)
    workers = max(1, last.workers) if last else 1
    painted = ledger.frame_seconds()
    # The driver adds up when it lets go of a painting: while it is under way, and after a kill, the frames know better.
    spent = {
        row.name: row.seconds if row.state is State.DONE else max(row.seconds, painted.get(row.name, 0.0))
        for row in rows
    }
    pace = _pace(rows, spent)
    items = [_item(row, spent[row.name], pace, run, workers) for row in rows]
    items.sort(key=lambda item: _ORDER.index(State(item.state)))
    left = _left(items, workers)
    fraction = _fraction(items)
    return BatchStatus(
        folder=str(ledger.path.parent),
        run=run,
        items=tuple(items),
        counts={state.value: sum(item.state == state.value for item in items) for state in (State.DONE, *_ORDER[:-1])},
        fraction=fraction,
        rate=_rate(items, workers),
        elapsed=sum(_end(one, now if run == "running" and one is last else one.seen) - one.began for one in runs),
        runs=len(runs),
        left=left,
        ends=now + left if left is not None and run == "running" else None,
        finish_by=last.finish_by if last else None,
        now=now,
    )


def stopped_early(run: RunRow | None, rows: Sequence[ItemRow]) -> bool:
    """Whether a run has come to its end in order, and has left things undone because something had failed."""
    states = {row.state for row in rows}
    undone = State.WAITING in states or State.INTERRUPTED in states
    return run is not None and run.outcome == "finished" and State.FAILED in states and undone


def _end(run: RunRow, otherwise: float) -> float:
    return otherwise if run.ended is None else run.ended


def watch_batch(ledger: Ledger) -> Iterator[BatchStatus]:
    """Look again and again, until the run ends; at least once.

    :raises StoreError, OutputError: as `status`.
    """
    while True:
        found = status(ledger, time.time())
        yield found
        if not found.going:
            return
        time.sleep(LOOK_EVERY)


def changed_only(statuses: Iterable[BatchStatus]) -> Iterator[BatchStatus]:
    """Those statuses in which something has changed."""
    last: BatchStatus | None = None
    for found in statuses:
        if found.differs(last):
            yield found
            last = found


def _state(run: RunRow | None, now: float) -> str:
    """What has become of the last run. One that was killed has written nothing of it."""
    if run is None:
        return "not begun"
    if run.ended is not None:
        return run.outcome or "finished"
    here = run.host == socket.gethostname()
    alive = now - run.seen < (STALE_HERE if here else STALE) and (not here or _alive(run.pid))
    return "running" if alive else "not running"


def _alive(pid: int) -> bool:
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


def _pace(rows: Sequence[ItemRow], spent: dict[str, float]) -> float:
    """How many times longer than estimated everything has taken so far; 1 before anything is known."""
    known = [
        (spent[row.name], row.estimate * _done(row))
        for row in rows
        if row.estimate and spent[row.name] and _done(row) and row.state is not State.FAILED
    ]
    expected = sum(estimate for _, estimate in known)
    return sum(seconds for seconds, _ in known) / expected if expected else 1.0


def _done(row: ItemRow) -> float:
    """Share of a painting that is finished, 0 to 1."""
    if row.state is State.DONE:
        return 1.0
    whole = row.frames * row.passes
    return min(1.0, row.done / whole) if whole else 0.0


def _item(row: ItemRow, seconds: float, pace: float, run: str, workers: int) -> ItemStatus:
    done = _done(row)
    state = row.state
    if state is State.PAINTING and run != "running":
        state = State.INTERRUPTED
    left: float | None = None
    if state in (State.DONE, State.FAILED):
        left = 0.0
    elif row.estimate is not None:
        left = row.estimate * pace * (1 - done)
    elif done and seconds:
        left = seconds * (1 - done) / done
    return ItemStatus(
        row.name, str(row.item.source), state.value, row.done, row.frames * row.passes, done, seconds,
        60 * row.done / seconds if seconds and row.done else None, left, min(workers, 1 + len(row.cuts)), row.error,
        row.notes,
    )  # fmt: skip


def _left(items: Sequence[ItemStatus], workers: int) -> float | None:
    """Seconds to the end: the work is shared, but one shot is no faster for idle workers beside it."""
    known = [(item.left, item.left / item.workers) for item in items if item.left is not None]
    if len(known) < len(items):
        return None
    return max([sum(left for left, _ in known) / workers, *(alone for _, alone in known)], default=0.0)


def _fraction(items: Sequence[ItemStatus]) -> float:
    """Of what can be painted: by time where that is known, else by items. 0 where nothing can."""
    sound = [item for item in items if item.state != State.FAILED.value]
    if not sound:
        return 0.0 if items else 1.0
    if any(item.left is None for item in sound):
        return sum(1.0 if item.left == 0 else item.fraction for item in sound) / len(sound)
    spent, left = sum(item.seconds for item in sound), sum(item.left or 0.0 for item in sound)
    return spent / (spent + left) if spent + left else 1.0


def _rate(items: Sequence[ItemStatus], workers: int) -> float | None:
    """As fast as one worker is at what is being painted, for all that are at it; None where nothing is known."""
    painting = [item for item in items if item.state == State.PAINTING.value]
    rates = [item.rate for item in painting if item.rate]
    busy = min(workers, sum(item.workers for item in painting))
    return busy * sum(rates) / len(rates) if rates else None


def _row(item: ItemStatus, bars: bool) -> tuple[str, ...]:
    begun = item.fraction > 0 and item.state not in (State.DONE.value, State.FAILED.value)
    bar = f"{_bar(item.fraction)} " if bars else ""
    return (
        item.name,
        item.state,
        f"{bar}{item.fraction:.0%}" if begun else "",
        f"{item.done}/{item.of}" if item.of else "",
        f"{item.rate:.3g}" if item.rate and item.state == State.PAINTING.value else "",
        _told(item),
    )


def _told(item: ItemStatus) -> str:
    """The last column: how long it took, or how long it will take."""
    if item.state == State.DONE.value:
        return f"took {duration_text(max(1.0, item.seconds))}" if item.seconds else ""
    return f"about {duration_text(max(1.0, item.left))}" if item.left else ""


def _bar(fraction: float) -> str:
    full = round(_BAR * fraction)
    return "█" * full + "░" * (_BAR - full)
