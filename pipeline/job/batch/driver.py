"""Paints a batch: looks at everything first, hands out the work, keeps the account, and stops nowhere for one bad file.

    names and settings -> examine -> estimate -> courses -> crew -> ledger

The driver paints nothing itself and is the only one that writes the ledger.
"""

from __future__ import annotations

import os
import shutil
import socket
import time
from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from filelock import FileLock, Timeout

from pipeline import __version__
from pipeline.errors import DiskFullError, OutputError, StoreError, UsageError
from pipeline.job.batch.adopt import adopted
from pipeline.job.batch.budget import Need, allotted, shortfall
from pipeline.job.batch.course import Course
from pipeline.job.batch.crew import Crew
from pipeline.job.batch.estimate import Room, need_of, room_of
from pipeline.job.batch.events import (
    BatchEnded,
    Checking,
    ItemBegan,
    ItemEnded,
    ItemTold,
    OnBatchEvent,
    Planned,
    PlanRow,
)
from pipeline.job.batch.examine import Examiner, Problem, Ready
from pipeline.job.batch.interrupts import Interrupts, counted
from pipeline.job.batch.item import Item
from pipeline.job.batch.ledger import LEDGER, Ledger
from pipeline.job.batch.looks import seen, share_of
from pipeline.job.batch.rows import FrameRow, ItemRow, State
from pipeline.job.batch.task import (
    Done,
    Failed,
    LookedThrough,
    Lost,
    Message,
    Notice,
    Painted,
    Stopped,
    Task,
    Timed,
    Told,
)
from pipeline.job.events import Damaged, FrameDone, Started
from pipeline.job.work import PART
from pipeline.media import read_metadata
from pipeline.media.outputs import check_folder

LOCK = "ledger.lock"
TRIES = 3
"""How often a task is given to a worker, if the worker is lost with it each time."""
NOTHING = Need(0.0, 0.0)
"""Of what could not be measured."""
BEAT = 20.0
"""Seconds between two signs of life in the ledger."""
TIMINGS = 6
"""Sizes and settings at which a step is measured, at most; others are judged by their area."""


@dataclass(frozen=True)
class Orders:
    """How a batch is to be gone about; what is to be painted is in its items."""

    overwrite: bool = False
    retry_failed: bool = False
    fail_fast: bool = False
    wait: bool = False
    """Whether to wait while another process is at work in the same folder, instead of refusing."""
    device: str = "auto"
    finish_by: float | None = None
    """When everything has to be finished, as `time.time()` counts."""


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


def run_batch(folder: Path, items: Sequence[Item], crew: Crew, orders: Orders, on_event: OnBatchEvent) -> Outcome:
    """Paint what is not painted yet. Killed at any instant and called again, it goes on.

    :raises StoreError: another process is at work in the folder, or its ledger is damaged.
    :raises OutputError: nothing can be written there, or the disk is full.
    :raises KeyboardInterrupt: Ctrl-C; everything finished is kept.
    """
    with ExitStack() as stack:
        stack.callback(crew.close)
        _make(folder)
        stack.callback(_locked(folder, orders.wait).release)
        ledger = stack.enter_context(closing(Ledger(folder, write=True)))
        interrupts = stack.enter_context(counted())
        return _Driver(folder, items, crew, orders, on_event, ledger, interrupts).run()


def plan_only(folder: Path, items: Sequence[Item], crew: Crew, orders: Orders, on_event: OnBatchEvent) -> Outcome:
    """Look at everything that `run_batch` would, and tell `Planned`; nothing is written in `folder`.

    :return: what would be left.
    :raises ReelbrushError: as `run_batch`.
    """
    with ExitStack() as stack:
        stack.callback(crew.close)
        copy = Path(stack.enter_context(TemporaryDirectory(prefix="reelbrush-")))
        for part in folder.glob(f"{LEDGER}*"):
            shutil.copy(part, copy)
        ledger = stack.enter_context(closing(Ledger(copy, write=True)))
        interrupts = stack.enter_context(counted())
        return _Driver(folder, items, crew, orders, on_event, ledger, interrupts).plan()


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"The folder {folder} cannot be made: {error.strerror}. Choose another one with -o."
        ) from None
    check_folder(folder)


def _locked(folder: Path, wait: bool) -> FileLock:
    lock = FileLock(folder / LOCK)
    try:
        # The system gives the lock of a dead process back.
        lock.acquire(timeout=-1 if wait else 0)
    except Timeout:
        raise StoreError(
            f"Another reelbrush is at work in {folder} ('reelbrush status {folder}' shows how far it is). Wait until "
            "it is done, choose another folder with -o, or say --wait to begin as soon as it has ended."
        ) from None
    except OSError as error:
        raise OutputError(f"{folder}: nothing can be locked there ({error.strerror}). Choose another folder.") from None
    return lock


class _Driver:
    """One run over a batch."""

    def __init__(
        self,
        folder: Path,
        items: Sequence[Item],
        crew: Crew,
        orders: Orders,
        on_event: OnBatchEvent,
        ledger: Ledger,
        interrupts: Interrupts,
    ) -> None:
        self._folder = folder
        self._items = items
        self._crew = crew
        self._orders = orders
        self._tell = on_event
        self._ledger = ledger
        self._interrupts = interrupts
        self._courses: dict[str, Course] = {}
        """Paintings of this run by name, in the order in which they are begun."""
        self._by_task: dict[str, Course] = {}
        self._full: str | None = None
        """Why nothing more can be painted: the disk is full."""
        self._stopping = False
        self._run: int | None = None
        """Its number in the ledger."""
        self._beaten = time.monotonic()

    def run(self) -> Outcome:
        began = time.monotonic()
        run = self._run = self._ledger.begin_run(
            socket.gethostname(), os.getpid(), __version__, self._crew.size, self._orders.finish_by
        )
        outcome = "interrupted"
        try:
            self._ledger.plan(self._items)
            self._prepare()
            while self._work():
                pass
            if self._interrupts.came is None:
                outcome = "finished" if self._full is None else "failed"
        finally:
            self._ledger.end_run(run, outcome)
        found = self._outcome()
        seconds = time.monotonic() - began
        self._tell(BatchEnded(self._folder, found.done, self._failures(), found.left, seconds))
        if self._full is not None:
            raise DiskFullError(self._full)
        return found

    def plan(self) -> Outcome:
        self._ledger.plan(self._items)
        self._prepare()
        return self._outcome()

    def _outcome(self) -> Outcome:
        states = [row.state for row in self._ledger.items()]
        done, failed = states.count(State.DONE), states.count(State.FAILED)
        return Outcome(done, failed, len(states) - done - failed)

    def _failures(self) -> tuple[tuple[str, str], ...]:
        rows = [row for row in self._ledger.items() if row.state is State.FAILED]
        again = " The same command leaves it alone; --retry-failed tries it again."
        return tuple((row.name, f"{row.error}{'' if row.again else again}") for row in rows)

    # Before the first frame.

    def _prepare(self) -> None:
        """Look at everything, and decide what is done with each item."""
        examiner = Examiner(self._ledger, self._orders.device, self._orders.overwrite)
        ready: list[Ready] = []
        for number, item in enumerate(self._items):
            self._tell(Checking(f"Looking at {item.source.name}", number, len(self._items)))
            self._beat()
            if self._interrupts.came is not None:
                return
            found = examiner.examine(item)
            if isinstance(found, Problem):
                self._ledger.change(item.name, state=State.FAILED, error=found.text, again=True)
            elif not self._settled(found, examiner):
                ready.append(found)
        rows = self._ledger.items()
        failed = self._failures()
        if failed and self._orders.fail_fast:
            ready = []
        needs = self._estimates(ready)
        self._plan(ready, needs)
        room, free = self._room(ready)
        self._tell(
            Planned(
                folder=self._folder,
                items=len(self._items),
                paint=len(ready),
                finished=sum(row.state is State.DONE for row in rows),
                failed=failed,
                seconds=sum(need.full for need in needs.values()) / self._crew.size,
                room=room,
                free=free,
                workers=self._crew.size,
                rows=tuple(_plan_row(row, needs.get(row.name, NOTHING).full) for row in rows),
                finish_by=self._orders.finish_by,
            )
        )
        if room > 2 * free:
            raise DiskFullError(
                f"{self._folder}: this batch needs about {room / 1e9:.1f} GB, and {free / 1e9:.1f} GB are free there. "
                "Make room, choose another folder with -o, or paint less at once or smaller (--size)."
            )
        if self._orders.finish_by is not None:
            seconds, busy = self._orders.finish_by - time.time(), [0.0] * self._crew.size
            if why := shortfall([course.need for course in self._courses.values()], seconds, busy):
                raise UsageError(why)

    def _settled(self, ready: Ready, examiner: Examiner) -> bool:
        """Whether nothing is to be done for an item: it is finished, or has failed in the same way before."""
        row = self._ledger.item(ready.item.name)
        assert row is not None
        if examiner.finished(ready):
            if row.state is not State.DONE:
                self._ledger.change(row.name, state=State.DONE, error=None, again=False)
            return True
        same = row.identity == ready.identity
        if row.state is State.FAILED and same and not row.again and not self._orders.retry_failed:
            return True
        if same and row.state is State.INTERRUPTED and (found := adopted(ready, row)):
            look = seen(ready.item, share=share_of(len(self._items)))
            made = read_metadata(ready.item.output)
            self._ledger.finish(row.name, found, made=made, flicker=look.flicker, looks=look.looks, notes=look.notes)
            return True
        if not same or row.made:
            self._ledger.forget(row.name)
        self._ledger.change(
            row.name,
            state=State.WAITING if row.began is None or not same else State.INTERRUPTED,
            identity=ready.identity,
            error=None,
            width=ready.subject.width,
            height=ready.subject.height,
            frames=ready.subject.frames,
            passes=ready.passes,
        )
        return False

    def _estimates(self, ready: Sequence[Ready]) -> dict[str, Need]:
        """Seconds for every painting, by its name, from steps that are really taken."""
        groups: dict[tuple[str, int, int], Ready] = {}
        for one in ready:
            groups.setdefault((one.item.as_settings(), one.subject.height, one.subject.width), one)
        chosen = list(groups.items())[:: max(1, -(-len(groups) // TIMINGS))]
        timings: dict[tuple[str, int, int], Timed] = {}
        for number, (group, one) in enumerate(chosen):
            self._tell(Checking(f"Measuring a step at {group[2]}x{group[1]}", number, len(chosen)))
            found = self._measured(Task(one.item, "time", size=(group[1], group[2])))
            if found is not None:
                timings[group] = found
        needs = {}
        for one in ready:
            timed = _nearest(timings, one.item.as_settings(), one.subject.height, one.subject.width)
            needs[one.item.name] = need = NOTHING if timed is None else need_of(one, timed)
            self._ledger.change(one.item.name, estimate=need.full or None)
        return needs

    def _measured(self, task: Task) -> Timed | None:
        """What a step costs; None where it cannot be found out: painting will say why."""
        if self._interrupts.came is not None:
            return None
        self._crew.give(task)
        while True:
            for message in self._crew.hear(0.5):
                if isinstance(message, Done) and isinstance(message.result, Timed):
                    return message.result
                if isinstance(message, Notice):
                    self._tell(message)
                elif not isinstance(message, Told):
                    return None
            if self._interrupts.came is not None and not self._stopping:
                self._stop()

    def _plan(self, ready: Sequence[Ready], needs: dict[str, Need]) -> None:
        """Decide the order, and which clips are painted in parts."""
        workers, total = self._crew.size, sum(need.full for need in needs.values())
        # Several workers end at about the same time if the longest come first; of one, the order is the user's.
        order = sorted(ready, key=lambda one: -needs[one.item.name].full) if workers > 1 else ready
        for one in order:
            name = one.item.name
            large = workers > 1 and needs[name].full > total / (2 * workers)
            parted = not one.item.still and any(one.item.clip_job().work.glob(f"{PART}*"))
            # The pace that ends in time is that of a clip as a whole.
            whole = one.item.still or one.settings.loop or self._orders.finish_by is not None
            several = not whole and (large or parted)
            overwrite = self._orders.overwrite or any(path.exists() for path in one.item.outputs)
            self._courses[name] = Course(one, needs[name], len(self._items), overwrite, several)

    def _room(self, ready: Sequence[Ready]) -> tuple[int, int]:
        """Bytes that are needed, roughly, and that are free."""
        rooms: list[Room] = [room_of(one) for one in ready]
        # Work folders go when their painting is done: as many of the largest as there are workers stand side by side.
        work = sorted((room.work for room in rooms), reverse=True)[: self._crew.size]
        there = next(one for one in (self._folder.absolute(), *self._folder.absolute().parents) if one.is_dir())
        return sum(room.result for room in rooms) + sum(work), shutil.disk_usage(there).free

    # Painting.

    def _work(self) -> bool:
        """Hand out tasks, and take in what the workers say; False once nothing is left to wait for."""
        if self._interrupts.came is not None and not self._stopping:
            self._stop()
        if not self._stopping:
            self._hand_out()
        if not self._by_task:
            return False
        for message in self._crew.hear(0.5):
            self._hear(message)
        self._beat()
        return True

    def _beat(self) -> None:
        """Let those who read the ledger know that this run is alive."""
        if self._run is not None and time.monotonic() - self._beaten > BEAT:
            self._beaten = time.monotonic()
            self._ledger.beat(self._run)

    def _stop(self) -> None:
        self._stopping = True
        self._crew.stop()

    def _hand_out(self) -> None:
        while self._crew.free:
            # What is under way is brought to its end before something else is begun.
            open_ones = sorted(self._courses.values(), key=lambda course: course.began is None)
            course = next((one for one in open_ones if one.waiting and one.failed is None), None)
            if course is None:
                return
            if course.began is None:
                self._begin(course)
            task = course.next_task()
            self._by_task[task.key] = course
            self._crew.give(task)

    def _begin(self, course: Course) -> None:
        course.until = self._until(course)
        course.began = time.monotonic()
        row = self._ledger.item(course.name)
        assert row is not None
        self._ledger.change(course.name, state=State.PAINTING, began=row.began or time.time(), ended=None, error=None)
        begun = sum(one.began is not None for one in self._courses.values())
        self._tell(ItemBegan(course.name, begun, len(self._courses)))

    def _until(self, course: Course) -> float | None:
        """When a painting has to be finished so that all others can be, too; None where there is time for ever."""
        if self._orders.finish_by is None:
            return None
        now = time.time()
        others = [one for one in self._courses.values() if one.began is None and one is not course]
        running = [one.until - now for one in self._courses.values() if one.until is not None and one.running]
        busy = [max(0.0, left) for left in running] + [0.0] * (self._crew.size - len(running))
        needs = [course.need, *(one.need for one in others)]
        return now + allotted(needs, self._orders.finish_by - now, busy)[0]

    def _hear(self, message: Message) -> None:
        if isinstance(message, Notice):
            self._tell(message)
            return
        course = self._by_task.get(message.key)
        if course is None:
            return
        if isinstance(message, Told):
            self._told(course, message)
            return
        del self._by_task[message.key]
        if isinstance(message, Done):
            course.finished(message.key, message.result)
            if isinstance(message.result, LookedThrough):
                self._ledger.change(course.name, cuts=[begin for begin, _ in message.result.shots[1:]])
            if isinstance(message.result, Painted) and message.result.outputs:
                self._finish(course, message.result)
        elif isinstance(message, Failed):
            course.running.pop(message.key)
            self._fail(course, message.error, message.again, message.full)
        elif isinstance(message, Stopped):
            course.give_back(message.key)
            if not course.running:
                self._spent(course)
        elif isinstance(message, Lost):
            self._lost(course, message)

    def _told(self, course: Course, message: Told) -> None:
        event = message.event
        course.see(message.key, event)
        if isinstance(event, FrameDone):
            row = FrameRow(event.in_pass, event.frame, event.losses, event.steps, event.seconds, event.stopped)
            self._ledger.add_frame(course.name, row, sum(course.done.values()))
            if (note := course.note_of(event)) is not None:
                self._ledger.note(course.name, note)
        elif isinstance(event, Started):
            self._ledger.change(course.name, done=sum(course.done.values()))
            if course.running[message.key].kind == "paint":
                self._ledger.change(course.name, cuts=event.cuts)
        elif isinstance(event, Damaged):
            self._ledger.note(
                course.name,
                f"Frame {event.frame + 1} was damaged on the disk. It was painted again, and all that came after it.",
            )
        self._tell(ItemTold(course.name, event))

    def _finish(self, course: Course, result: Painted) -> None:
        seconds = self._spent(course)
        row = self._ledger.item(course.name)
        assert row is not None
        notes = tuple(dict.fromkeys((*row.notes, *result.notes)))
        self._ledger.finish(
            course.name,
            result.outputs,
            flicker=result.flicker,
            looks=result.looks,
            notes=notes,
            made=result.made,
        )
        self._tell(ItemEnded(course.name, State.DONE, seconds, notes=notes))

    def _spent(self, course: Course) -> float:
        seconds = time.monotonic() - (course.began or time.monotonic())
        self._ledger.spend(course.name, seconds)
        return seconds

    def _lost(self, course: Course, message: Lost) -> None:
        row = self._ledger.item(course.name)
        # Where nothing stood before, a result is its own: the worker went between finishing it and telling so.
        if not course.overwrite and row is not None and (found := adopted(course.ready, row)):
            result = Painted(found, made=read_metadata(course.ready.item.output))
            course.finished(message.key, result)
            self._finish(course, result)
            return
        course.lost += message.blame
        if course.lost < TRIES:
            self._ledger.note(course.name, f"A worker was lost with it ({message.why}); another one went on.")
            course.give_back(message.key)
            return
        course.running.pop(message.key)
        self._fail(
            course,
            f"{course.name}: the worker that painted it ended {TRIES} times ({message.why}); perhaps there was not "
            "enough memory. What it had finished is kept: give the same command again, with fewer workers, or paint "
            "it smaller.",
            again=True,
        )

    def _fail(self, course: Course, error: str, again: bool, full: bool = False) -> None:
        """No more of a painting is begun. Of several reasons the first one counts."""
        if full:
            self._full = error
            self._stop()
        if course.failed is not None:
            return
        course.failed = error
        seconds = self._spent(course)
        self._ledger.change(course.name, state=State.FAILED, error=error, again=again, ended=time.time())
        self._tell(ItemEnded(course.name, State.FAILED, seconds, error))
        if self._orders.fail_fast:
            self._stop()


def _plan_row(row: ItemRow, seconds: float) -> PlanRow:
    what = {State.DONE: "finished", State.FAILED: "failed", State.INTERRUPTED: "go on"}.get(row.state, "paint")
    return PlanRow(row.name, str(row.item.source), what, row.width, row.height, row.frames, row.passes, seconds)


def _nearest(timings: dict[tuple[str, int, int], Timed], settings: str, height: int, width: int) -> Timed | None:
    """What a step was measured to cost with these settings, at the nearest size, by the area."""
    same = {key: timed for key, timed in timings.items() if key[0] == settings} or timings
    if not same:
        return None
    key = min(same, key=lambda one: abs(one[1] * one[2] - height * width))
    share, timed = height * width / (key[1] * key[2]), same[key]
    return Timed(timed.step * share, timed.frame * share, timed.first)
