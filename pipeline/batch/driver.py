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
from pathlib import Path
from tempfile import TemporaryDirectory

from filelock import FileLock, Timeout

from pipeline import __version__
from pipeline.batch.budget import allotted
from pipeline.batch.events import (
    BatchEnded,
    ItemBegan,
    ItemEnded,
    ItemTold,
    OnBatchEvent,
)
from pipeline.batch.interrupts import counted
from pipeline.batch.item_tasks import Course
from pipeline.batch.ledger import LEDGER, Ledger
from pipeline.batch.plan.inputs import is_there
from pipeline.batch.plan.item import Item
from pipeline.batch.prepare import prepare
from pipeline.batch.recover import adopted
from pipeline.batch.rows import FrameRow, State
from pipeline.batch.run_context import Desk, Orders, Outcome
from pipeline.batch.task import (
    Done,
    Failed,
    LookedThrough,
    Lost,
    Message,
    Notice,
    Painted,
    Stopped,
    Told,
)
from pipeline.batch.worker_pool import Crew
from pipeline.clip.events import Damaged, FrameDone, Started
from pipeline.errors import DiskFullError, OutputError, StoreError
from pipeline.media import read_metadata
from pipeline.media.outputs import check_folder
from pipeline.text import spoken

LOCK = "ledger.lock"
TRIES = 3
"""How often a task is given to a worker, if the worker is lost with it each time."""


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
        return _Driver(Desk(folder, items, crew, orders, on_event, ledger, interrupts)).run()


def plan_only(folder: Path, items: Sequence[Item], crew: Crew, orders: Orders, on_event: OnBatchEvent) -> Outcome:
    """Look at everything that `run_batch` would, and tell `Planned`; nothing is left in `folder`.

    :return: what would be left.
    :raises ReelbrushError: as `run_batch`.
    """
    with ExitStack() as stack:
        stack.callback(crew.close)
        _check_possible(folder)
        copy = Path(stack.enter_context(TemporaryDirectory(prefix="reelbrush-")))
        for part in folder.glob(f"{LEDGER}*"):
            shutil.copy(part, copy)
        ledger = stack.enter_context(closing(Ledger(copy, write=True)))
        interrupts = stack.enter_context(counted())
        ledger.plan(items)
        desk = Desk(folder, items, crew, orders, on_event, ledger, interrupts)
        prepare(desk)
        return desk.outcome()


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"The folder {folder} cannot be made: {error.strerror}. Choose another one with -o."
        ) from None
    check_folder(folder)


def _check_possible(folder: Path) -> None:
    there = next(one for one in (folder, *folder.parents) if is_there(one))
    if not there.is_dir():
        raise OutputError(f"The folder {folder} cannot be made: {there} is a file. Choose another one with -o.")
    check_folder(there)


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

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._courses: list[Course] = []
        """Paintings of this run, in the order in which they are begun."""
        self._by_task: dict[str, Course] = {}
        self._full: str | None = None
        """Why nothing more can be painted: the disk is full."""

    def run(self) -> Outcome:
        began = time.monotonic()
        run = self._desk.run = self._desk.ledger.begin_run(
            socket.gethostname(), os.getpid(), __version__, self._desk.crew.size, self._desk.orders.finish_by
        )
        outcome = "interrupted"
        try:
            self._desk.ledger.plan(self._desk.items)
            self._courses = prepare(self._desk)
            while self._work():
                pass
            if self._desk.interrupts.came is None:
                outcome = "finished" if self._full is None else "failed"
        finally:
            self._desk.ledger.end_run(run, outcome)
        found = self._desk.outcome()
        seconds = time.monotonic() - began
        self._desk.tell(BatchEnded(self._desk.folder, found.done, self._desk.failures(), found.left, seconds))
        if self._full is not None:
            raise DiskFullError(self._full)
        return found

    def _work(self) -> bool:
        """Hand out tasks, and take in what the workers say; False once nothing is left to wait for."""
        if self._desk.interrupts.came is not None and not self._desk.stopping:
            self._desk.stop()
        if not self._desk.stopping:
            self._hand_out()
        if not self._by_task:
            return False
        for message in self._desk.crew.hear(0.5):
            self._hear(message)
        self._desk.beat()
        return True

    def _hand_out(self) -> None:
        while self._desk.crew.free:
            # What is under way is brought to its end before something else is begun.
            open_ones = sorted(self._courses, key=lambda course: course.began is None)
            course = next((one for one in open_ones if one.waiting and one.failed is None), None)
            if course is None:
                return
            if course.began is None:
                self._begin(course)
            task = course.begin_task(self._until(course))
            self._by_task[task.key] = course
            self._desk.crew.give(task)

    def _begin(self, course: Course) -> None:
        course.began = time.monotonic()
        row = self._desk.ledger.item(course.name)
        assert row is not None
        self._desk.ledger.change(
            course.name, state=State.PAINTING, began=row.began or time.time(), ended=None, error=None
        )
        begun = sum(one.began is not None for one in self._courses)
        self._desk.tell(ItemBegan(course.name, begun, len(self._courses)))

    def _until(self, course: Course) -> float | None:
        """When the next task of a painting has to be finished so that everything else can be, too; None where there is
        time for ever, and where nothing is left to paint."""
        workers, now = self._desk.crew.size, time.time()
        own = course.needs(course.waiting[0], workers)
        if self._desk.orders.finish_by is None or not own:
            return None
        # What is painted in parts is put together after that.
        joining = sum(one.joining for one in self._courses)
        rest = course.to_come(workers)[len(own) :]
        others = [need for one in self._courses if one is not course for need in one.to_come(workers)]
        tasks = [task for one in self._courses for task in one.running.values() if task.kind != "look through"]
        running = [max(0.0, task.until - now) for task in tasks if task.until is not None]
        busy = running + [0.0] * (workers - len(running))
        seconds = self._desk.orders.finish_by - joining - now
        return now + sum(allotted([*own, *rest, *others], seconds, busy)[: len(own)])

    def _hear(self, message: Message) -> None:
        if isinstance(message, Notice):
            self._desk.tell(message)
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
                self._desk.ledger.change(course.name, cuts=[begin for begin, _ in message.result.shots[1:]])
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
            self._desk.ledger.add_frame(course.name, row, sum(course.done.values()))
            if (note := course.note_of(event)) is not None:
                self._desk.ledger.note(course.name, note)
        elif isinstance(event, Started):
            self._desk.ledger.change(course.name, done=sum(course.done.values()))
            if course.running[message.key].kind == "paint":
                self._desk.ledger.change(course.name, cuts=event.cuts)
            for note in event.notes:
                self._desk.ledger.note(course.name, note)
        elif isinstance(event, Damaged):
            self._desk.ledger.note(
                course.name,
                f"Frame {event.frame + 1} was damaged on the disk. It was painted again, and all that came after it.",
            )
        self._desk.tell(ItemTold(course.name, event))

    def _finish(self, course: Course, result: Painted) -> None:
        seconds = self._spent(course)
        self._desk.check_there()
        row = self._desk.ledger.item(course.name)
        assert row is not None
        passes = course.passes or result.passes or row.passes
        notes = tuple(dict.fromkeys((*row.notes, *result.notes, *self._hurried(passes, row.passes))))
        self._desk.ledger.change(course.name, passes=passes)
        self._desk.ledger.finish(
            course.name,
            result.outputs,
            flicker=result.flicker,
            looks=result.looks,
            notes=notes,
            made=result.made,
        )
        self._desk.tell(ItemEnded(course.name, State.DONE, seconds, notes=notes))

    def _hurried(self, passes: int, wanted: int) -> list[str]:
        """What became of a painting that had to be finished by some time."""
        if self._desk.orders.finish_by is None:
            return []
        late = time.time() - self._desk.orders.finish_by
        found = [f"There was time for {passes} of {wanted} passes."] if passes < wanted else []
        return [*found, *([f"It was finished {spoken(late)} later than it should be."] if late >= 1 else [])]

    def _spent(self, course: Course) -> float:
        seconds = time.monotonic() - (course.began or time.monotonic())
        self._desk.ledger.spend(course.name, seconds)
        return seconds

    def _lost(self, course: Course, message: Lost) -> None:
        row = self._desk.ledger.item(course.name)
        # Where nothing stood before, a result is its own: the worker went between finishing it and telling so.
        if not course.overwrite and row is not None and (found := adopted(course.ready, row)):
            result = Painted(found, made=read_metadata(course.ready.item.output))
            course.finished(message.key, result)
            self._finish(course, result)
            return
        course.lost += message.blame
        if course.lost < TRIES:
            self._desk.ledger.note(course.name, f"A worker was lost with it ({message.why}); another one went on.")
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
        # Where everything is gone, that is the reason, whatever a worker has run into.
        self._desk.check_there()
        if full:
            self._full = error
            self._desk.stop()
        if course.failed is not None:
            return
        course.failed = error
        seconds = self._spent(course)
        self._desk.ledger.change(course.name, state=State.FAILED, error=error, again=again, ended=time.time())
        self._desk.tell(ItemEnded(course.name, State.FAILED, seconds, error))
        if self._desk.orders.fail_fast:
            self._desk.stop()
