"""How far a job or a batch is, and how long it still takes: the one model of it, for every view that shows it.

    events of a job      -> JobProgress                     -> console
    events of a batch    -> RunProgress     -> BatchProgress -> batch console
    rows of the ledger   -> row_progress    -> BatchProgress -> status, JSON, report
    anything counted     -> CountProgress                   -> console

Nothing here knows a clock: the caller says what time it is, in seconds on any steady clock. What a job takes before it
has begun is estimated by `batch.estimate` and `batch.budget`; here that is corrected by what has happened since.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

from pipeline.batch.budget import makespan
from pipeline.batch.events import BatchEvent, ItemBegan, ItemEnded, ItemEvent, Planned
from pipeline.batch.ledger_rows import ItemRow, State
from pipeline.clip.events import Event, FrameDone, Started, Stepped

RECENT = 12
"""Frames remembered: enough to smooth, few enough to notice that a clip has become harder."""
ENOUGH = 0.03
"""Share of a batch that has to be done before its estimates are corrected, unless a painting is finished."""
SETTLED = 0.5
"""Seconds of counting before its rate is believed."""


class JobProgress:
    """Follows the events of one job.

    Until a frame of the usual kind (not the first one, which costs more) is done, a frame's time is its budgeted work
    at the speed so far: an upper bound, because a frame may stop early. Still frames, which cost nothing, are expected
    among those to come as often as they have come so far. All passes count.
    """

    def __init__(self) -> None:
        self._started: Started | None = None
        self._frame_began = 0.0
        self._share = 0.0
        self._finished = 0
        self._pace: deque[float] = deque(maxlen=RECENT)
        """Seconds for a step's worth of the budgeted work, of the last frames that were painted."""
        self._frames = self._still = 0
        """Frames after the first that this run has finished, and those among them that needed no painting."""
        self._seconds_of_work: float | None = None

    def update(self, event: Event, now: float) -> None:
        """Take in the next event."""
        if isinstance(event, Started):
            self._started, self._frame_began, self._finished = event, now, event.done
        elif isinstance(event, Stepped):
            # A frame that is painted a second time begins with no work done.
            self._share = max(self._share, event.share)
        elif isinstance(event, FrameDone) and self._started is not None:
            after_first = self._finished > 0
            self._frames += after_first
            if event.stopped == "still":
                self._still += 1
            elif event.stopped not in ("kept", "given") and (after_first or self._started.frames == 1):
                self._pace.append((now - self._frame_began) / self._work)
            if self._share > 0:
                self._seconds_of_work = (now - self._frame_began) / (self._share * self._work)
            self._frame_began, self._share = now, 0.0
            self._finished += 1

    @property
    def fraction(self) -> float:
        """Share of the whole job that is done, 0 to 1, by work."""
        if self._started is None or self._started.frames == 0:
            return 0.0
        count = self._started.frames * self._started.passes
        if self._finished >= count:
            return 1.0
        return min(1.0, (self._work_of(self._finished) + self._share * self._work) / self._work_of(count))

    def left(self, now: float) -> float | None:
        """Seconds to the end of painting, or None before the first steps."""
        if self._started is None:
            return None
        here = now - self._frame_began
        count = self._started.frames * self._started.passes
        if self._finished >= count:
            return 0.0
        after = self._work_of(count) - self._work_of(self._finished + 1)
        if self._pace:
            usual = sorted(self._pace)[len(self._pace) // 2]
            painted = 1 - self._still / max(1, self._frames)
            return max(0.0, usual * self._work - here) + usual * painted * after
        speed = self._seconds_of_work
        if self._share > 0.02:
            speed = here / (self._share * self._work)
        if speed is None:
            return None
        return max(0.0, speed * self._work - here) + speed * after

    def _work_of(self, frames: int) -> float:
        """Budgeted work of the first so many frames, over all passes."""
        assert self._started is not None
        if not frames:
            return 0.0
        in_first = min(frames, self._started.frames)
        again = (frames - in_first) * self._started.again_work
        return self._started.first_work + self._started.next_work * (in_first - 1) + again

    @property
    def _work(self) -> float:
        """Budgeted work of the frame that is painted now."""
        return self._work_of(self._finished + 1) - self._work_of(self._finished)


@dataclass(frozen=True)
class ItemProgress:
    """How far one painting of a batch is, as far as that is known."""

    fraction: float
    """0 to 1."""
    seconds: float
    """That workers have spent on it so far."""
    estimate: float | None
    """Seconds for all of it, as they were estimated before it began."""
    over: bool = False
    """Whether nothing of it is to come: it is finished, or has failed."""
    failed: bool = False
    before: float = 0.0
    """What was done of it before `seconds` were counted, 0 to 1."""
    measured: float | None = None
    """Seconds that it still needs, where its own frames tell."""
    pieces: int = 1
    """How many workers can be at it at once."""


@dataclass(frozen=True)
class BatchProgress:
    """How far a batch is."""

    items: Sequence[ItemProgress]
    workers: int = 1

    @cached_property
    def pace(self) -> float:
        """How many times longer than estimated everything has taken so far; 1 before enough is known."""
        known = [
            (item, item.estimate * (item.fraction - item.before))
            for item in self.items
            if item.estimate and item.seconds and item.fraction > item.before and not item.failed
        ]
        expected = sum((seconds for _, seconds in known), 0.0)
        whole = sum((item.estimate or 0.0 for item in self.items if not item.failed), 0.0)
        if not expected or (expected < ENOUGH * whole and not any(item.over for item, _ in known)):
            return 1.0
        return sum(item.seconds for item, _ in known) / expected

    def left_of(self, item: ItemProgress) -> float | None:
        """Seconds that a painting still needs of one worker; None where nothing is known of that."""
        if item.over:
            return 0.0
        if item.measured is not None:
            return item.measured
        if item.estimate is not None:
            return item.estimate * self.pace * (1 - item.fraction)
        if item.fraction > item.before and item.seconds:
            return item.seconds * (1 - item.fraction) / (item.fraction - item.before)
        return None

    @property
    def left(self) -> float | None:
        """Seconds to the end of the batch, whose workers share the work as the driver hands it out: whoever is free
        takes the longest piece that is left. None where that of a painting is not known."""
        pieces: list[float] = []
        for item in self.items:
            seconds = self.left_of(item)
            if seconds is None:
                return None
            pieces += [seconds / item.pieces] * item.pieces if seconds else []
        return makespan(sorted(pieces, reverse=True), [0.0] * self.workers)

    @property
    def fraction(self) -> float:
        """Share of what can be painted that is done, 0 to 1: by time where that is known, else by paintings. 0 where
        nothing can be painted, 1 where there is nothing to paint."""
        sound = [item for item in self.items if not item.failed]
        if not sound:
            return 0.0 if self.items else 1.0
        times = [self._time_of(item) for item in sound]
        known = [time for time in times if time is not None]
        weights = known if len(known) == len(times) and any(known) else [1.0] * len(sound)
        return sum(weight * item.fraction for weight, item in zip(weights, sound, strict=True)) / sum(weights)

    def _time_of(self, item: ItemProgress) -> float | None:
        """Seconds for all of a painting."""
        if item.estimate is not None:
            return item.estimate * self.pace
        left = self.left_of(item)
        return None if left is None else item.seconds + left


@dataclass
class _RunItem:
    """What the events have said of a painting of this run."""

    estimate: float | None
    frames: int
    """Every pass counted."""
    done: float = 0.0
    before: float | None = None
    """What was done of it when this run began, 0 to 1."""
    share: float = 0.0
    """Of the frame under way."""
    began: float | None = None
    painting: float = 0.0
    """Seconds of the frames that were finished, which side by side may be more than have gone by."""
    ended: ItemEnded | None = None
    job: JobProgress | None = None
    """None before it has begun, and where its shots are painted side by side."""

    @property
    def fraction(self) -> float:
        if self.ended is not None:
            return 1.0
        counted = min(1.0, (self.done + self.share) / self.frames)
        return counted if self.job is None else self.job.fraction

    def progress(self, now: float) -> ItemProgress:
        wall = self.ended.seconds if self.ended is not None else 0.0 if self.began is None else now - self.began
        failed = self.ended is not None and self.ended.state is not State.DONE
        measured = None if self.job is None else self.job.left(now)
        return ItemProgress(
            self.fraction, max(wall, self.painting), self.estimate, self.ended is not None, failed, self.before or 0.0,
            measured,
        )  # fmt: skip


@dataclass
class RunProgress:
    """Follows the events of one run of a batch."""

    _items: dict[str, _RunItem] = field(default_factory=dict)
    _workers: int = 1

    def update(self, event: BatchEvent, now: float) -> None:
        """Take in the next event."""
        if isinstance(event, Planned):
            self._workers = event.workers
            self._items = {
                row.name: _RunItem(row.seconds or None, max(1, row.frames * row.passes))
                for row in event.rows
                if row.what in ("paint", "paint anew", "go on")
            }
        elif isinstance(event, (ItemBegan, ItemEnded, ItemEvent)) and event.name in self._items:
            item = self._items[event.name]
            if isinstance(event, ItemBegan):
                item.began = now
            elif isinstance(event, ItemEnded):
                item.ended = event
            else:
                self._of_job(item, event.event, now)

    def _of_job(self, item: _RunItem, event: Event, now: float) -> None:
        if isinstance(event, Started):
            item.done = max(item.done, event.done)
            # Of a part, `frames` are those of the part: what one of several says is no measure of the whole.
            item.job = JobProgress() if event.frames * event.passes == item.frames else None
        elif isinstance(event, Stepped):
            item.share = event.share
        elif isinstance(event, FrameDone):
            item.done, item.share = item.done + 1, 0.0
            item.painting += event.seconds
        if item.job is not None:
            item.job.update(event, now)
        if isinstance(event, Started) and item.before is None:
            item.before = item.fraction

    def fraction_of(self, name: str) -> float:
        """Share of a painting that is done, 0 to 1."""
        return self._items[name].fraction if name in self._items else 0.0

    def progress(self, now: float) -> BatchProgress:
        """How far the batch is now."""
        return BatchProgress([item.progress(now) for item in self._items.values()], self._workers)


def row_progress(row: ItemRow, frame_seconds: float = 0.0, workers: int = 1) -> ItemProgress:
    """How far a painting is by what the ledger has of it.

    :param frame_seconds: what its finished frames have taken. The driver adds up when it lets go of a painting: while
        that is under way, and after a kill, the frames know better.
    :param workers: of the batch; its shots can be painted side by side.
    """
    done, failed = row.state is State.DONE, row.state is State.FAILED
    whole = row.frames * row.passes
    fraction = 1.0 if done else min(1.0, row.done / whole) if whole else 0.0
    seconds = row.seconds if done else max(row.seconds, frame_seconds)
    pieces = min(workers, 1 + len(row.cuts))
    return ItemProgress(fraction, seconds, row.estimate, done or failed, failed, pieces=pieces)


class CountProgress:
    """Follows something that is counted, such as the frames of a file that is read."""

    def __init__(self) -> None:
        self._doing: str | None = None
        self._began = 0.0
        self._first = 0
        self._left: float | None = None

    def update(self, doing: str, done: int, of: int | None, now: float) -> bool:
        """Take in a count: of what is being done, what is done, and how much there is, None where that is not known.

        :return: whether something else is being done than the last time.
        """
        new = doing != self._doing
        if new:
            self._doing, self._began, self._first = doing, now, done
        # A rate of a moment says nothing yet. How long the first one took is not known.
        known = of is not None and done > self._first and now - self._began > SETTLED
        per_one = (now - self._began) / (done - self._first) if known else 0.0
        self._left = per_one * (of - done) if known and of is not None else None
        return new

    @property
    def left(self) -> float | None:
        """Seconds to the end of it, None where that is not known."""
        return self._left
