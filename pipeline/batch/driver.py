"""Paints a batch: checks everything first, hands out the work, keeps the ledger, and stops nowhere for one bad file.

    items -> preflight -> estimate -> tasks of each item -> worker pool -> ledger

The driver paints nothing itself and is the only one that writes the ledger.
"""

from __future__ import annotations

import os
import shutil
import socket
import time
from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

from pipeline import __version__
from pipeline.batch.budget import allot
from pipeline.batch.events import BatchEnded, ItemBegan, ItemEnded, ItemEvent, Notice, OnBatchEvent
from pipeline.batch.folder import check_folder_possible, lock_folder, make_folder
from pipeline.batch.item_tasks import ItemTasks
from pipeline.batch.jobs import RunOptions
from pipeline.batch.ledger import LEDGER, Ledger
from pipeline.batch.ledger_rows import FrameRow, State
from pipeline.batch.plan.item import Item
from pipeline.batch.prepare import prepare
from pipeline.batch.recover import recovered
from pipeline.batch.run_context import Outcome, RunContext
from pipeline.batch.task import Done, Failed, Lost, Message, Painted, Stopped, Surveyed, TaskEvent
from pipeline.batch.worker_pool import WorkerPool
from pipeline.clip.events import Damaged, FrameDone, Started
from pipeline.errors import DiskFullError
from pipeline.media import read_metadata
from pipeline.signals import note_first_signal
from pipeline.text import duration_text

TRIES = 3
"""How often a task is given to a worker, if the worker is lost with it each time."""


def run_batch(
    folder: Path, items: Sequence[Item], pool: WorkerPool, options: RunOptions, on_event: OnBatchEvent
) -> Outcome:
    """Paint what is not painted yet. Killed at any instant and called again, it goes on.

    :raises StoreError: another process is at work in the folder, or its ledger is damaged.
    :raises OutputError: nothing can be written there, or the disk is full.
    :raises KeyboardInterrupt: Ctrl-C; everything finished is kept.
    """
    with ExitStack() as stack:
        stack.callback(pool.close)
        make_folder(folder)
        stack.callback(lock_folder(folder, options.wait).release)
        ledger = stack.enter_context(closing(Ledger(folder, write=True)))
        interrupts = stack.enter_context(note_first_signal())
        return _Driver(RunContext(folder, items, pool, options, on_event, ledger, interrupts)).run()


def plan_only(
    folder: Path, items: Sequence[Item], pool: WorkerPool, options: RunOptions, on_event: OnBatchEvent
) -> Outcome:
    """Check everything that `run_batch` would, and send `Planned`; nothing is left in `folder`.

    :return: what would be left.
    :raises ReelbrushError: as `run_batch`.
    """
    with ExitStack() as stack:
        stack.callback(pool.close)
        check_folder_possible(folder)
        copy = Path(stack.enter_context(TemporaryDirectory(prefix="reelbrush-")))
        for part in folder.glob(f"{LEDGER}*"):
            shutil.copy(part, copy)
        ledger = stack.enter_context(closing(Ledger(copy, write=True)))
        interrupts = stack.enter_context(note_first_signal())
        ledger.plan(items)
        context = RunContext(folder, items, pool, options, on_event, ledger, interrupts)
        prepare(context, only_plan=True)
        return context.outcome()


class _Driver:
    """One run over a batch."""

    def __init__(self, context: RunContext) -> None:
        self._context = context
        self._all_tasks: list[ItemTasks] = []
        """Paintings of this run, in the order in which they are begun."""
        self._by_task: dict[str, ItemTasks] = {}
        self._full: str | None = None
        """Why nothing more can be painted: the disk is full."""

    def run(self) -> Outcome:
        began = time.monotonic()
        run = self._context.run = self._context.ledger.begin_run(
            socket.gethostname(), os.getpid(), __version__, self._context.pool.size, self._context.options.finish_by
        )
        ended_as = "interrupted"
        try:
            self._context.ledger.plan(self._context.items)
            self._all_tasks = prepare(self._context)
            while self._wait_for_messages():
                pass
            if self._context.interrupts.came is None:
                ended_as = "finished" if self._full is None else "failed"
        finally:
            self._context.ledger.end_run(run, ended_as)
        outcome = self._context.outcome()
        seconds = time.monotonic() - began
        failed = self._context.failures()
        self._context.on_event(BatchEnded(self._context.folder, outcome.done, failed, outcome.left, seconds))
        if self._full is not None:
            raise DiskFullError(self._full)
        return outcome

    def _wait_for_messages(self) -> bool:
        """Hand out tasks, and take in what the workers send; False once nothing is left to wait for."""
        if self._context.interrupts.came is not None and not self._context.stopping:
            self._context.stop()
        if not self._context.stopping:
            self._hand_out()
        if not self._by_task:
            return False
        for message in self._context.pool.receive(0.5):
            self._take_message(message)
        self._context.heartbeat()
        return True

    def _hand_out(self) -> None:
        while self._context.pool.free:
            # What is under way is brought to its end before something else is begun.
            open_ones = sorted(self._all_tasks, key=lambda tasks: tasks.began is None)
            tasks = next((one for one in open_ones if one.waiting and one.failed is None), None)
            if tasks is None:
                return
            if tasks.began is None:
                self._begin(tasks)
            task = tasks.begin_task(self._until(tasks))
            self._by_task[task.key] = tasks
            self._context.pool.assign(task)

    def _begin(self, tasks: ItemTasks) -> None:
        tasks.began = time.monotonic()
        row = self._context.ledger.item(tasks.name)
        assert row is not None
        self._context.ledger.change(
            tasks.name, state=State.PAINTING, began=row.began or time.time(), ended=None, error=None
        )
        begun = sum(one.began is not None for one in self._all_tasks)
        self._context.on_event(ItemBegan(tasks.name, begun, len(self._all_tasks)))

    def _until(self, tasks: ItemTasks) -> float | None:
        """When the next task of a painting has to be finished so that everything else can be, too; None where there is
        time for ever, and where nothing is left to paint."""
        workers, now = self._context.pool.size, time.time()
        own = tasks.needs(tasks.waiting[0], workers)
        if self._context.options.finish_by is None or not own:
            return None
        # What is painted in parts is put together after that.
        joining = sum(one.joining for one in self._all_tasks)
        rest = tasks.to_come(workers)[len(own) :]
        others = [need for one in self._all_tasks if one is not tasks for need in one.to_come(workers)]
        under_way = [task for one in self._all_tasks for task in one.running.values() if task.kind != "survey"]
        running = [max(0.0, task.until - now) for task in under_way if task.until is not None]
        busy = running + [0.0] * (workers - len(running))
        seconds = self._context.options.finish_by - joining - now
        return now + sum(allot([*own, *rest, *others], seconds, busy)[: len(own)])

    def _take_message(self, message: Message) -> None:
        if isinstance(message, Notice):
            self._context.on_event(message)
            return
        tasks = self._by_task.get(message.key)
        if tasks is None:
            return
        if isinstance(message, TaskEvent):
            self._take_event(tasks, message)
            return
        del self._by_task[message.key]
        if isinstance(message, Done):
            tasks.complete(message.key, message.result)
            if isinstance(message.result, Surveyed):
                self._context.ledger.change(tasks.name, cuts=[begin for begin, _ in message.result.shots[1:]])
            if isinstance(message.result, Painted) and message.result.outputs:
                self._finish(tasks, message.result)
        elif isinstance(message, Failed):
            tasks.running.pop(message.key)
            self._fail(tasks, message.error, message.again, message.full)
        elif isinstance(message, Stopped):
            tasks.give_back(message.key)
            if not tasks.running:
                self._add_seconds(tasks)
        elif isinstance(message, Lost):
            self._lost(tasks, message)

    def _take_event(self, tasks: ItemTasks, message: TaskEvent) -> None:
        event = message.event
        tasks.update(message.key, event)
        if isinstance(event, FrameDone):
            row = FrameRow(event.in_pass, event.frame, event.losses, event.steps, event.seconds, event.stopped)
            self._context.ledger.add_frame(tasks.name, row, sum(tasks.done.values()))
            if (note := tasks.note_of(event)) is not None:
                self._context.ledger.note(tasks.name, note)
        elif isinstance(event, Started):
            self._context.ledger.change(tasks.name, done=sum(tasks.done.values()), in_file=asdict(event.in_file))
            if tasks.running[message.key].kind == "paint":
                self._context.ledger.change(tasks.name, cuts=event.cuts)
            for note in event.notes:
                self._context.ledger.note(tasks.name, note)
        elif isinstance(event, Damaged):
            self._context.ledger.note(
                tasks.name,
                f"Frame {tasks.in_file.of(event.frame)} was damaged on the disk. It was painted again, and all that "
                "came after it.",
            )
        self._context.on_event(ItemEvent(tasks.name, event))

    def _finish(self, tasks: ItemTasks, result: Painted) -> None:
        seconds = self._add_seconds(tasks)
        self._context.check_there()
        row = self._context.ledger.item(tasks.name)
        assert row is not None
        passes = tasks.passes or result.passes or row.passes
        notes = tuple(dict.fromkeys((*row.notes, *result.notes, *self._deadline_notes(passes, row.passes))))
        self._context.ledger.change(tasks.name, passes=passes)
        self._context.ledger.finish(
            tasks.name,
            result.outputs,
            flicker=result.flicker,
            thumbnails=result.thumbnails,
            notes=notes,
            made=result.made,
        )
        self._context.on_event(ItemEnded(tasks.name, State.DONE, seconds, notes=notes))

    def _deadline_notes(self, passes: int, wanted: int) -> list[str]:
        """What became of a painting that had to be finished by some time."""
        if self._context.options.finish_by is None:
            return []
        late = time.time() - self._context.options.finish_by
        notes = [f"There was time for {passes} of {wanted} passes."] if passes < wanted else []
        return [*notes, *([f"It was finished {duration_text(late)} later than it should be."] if late >= 1 else [])]

    def _add_seconds(self, tasks: ItemTasks) -> float:
        seconds = time.monotonic() - (tasks.began or time.monotonic())
        self._context.ledger.spend(tasks.name, seconds)
        return seconds

    def _lost(self, tasks: ItemTasks, message: Lost) -> None:
        row = self._context.ledger.item(tasks.name)
        # Where nothing stood before, a result is its own: the worker went between finishing it and reporting it.
        if not tasks.overwrite and row is not None and (outputs := recovered(tasks.checked, row)):
            result = Painted(outputs, made=read_metadata(tasks.checked.item.output))
            tasks.complete(message.key, result)
            self._finish(tasks, result)
            return
        tasks.lost += message.blame
        if tasks.lost < TRIES:
            self._context.ledger.note(tasks.name, f"A worker was lost with it ({message.why}); another one went on.")
            tasks.give_back(message.key)
            return
        tasks.running.pop(message.key)
        self._fail(
            tasks,
            f"{tasks.name}: the worker that painted it ended {TRIES} times ({message.why}); perhaps there was not "
            "enough memory. What it had finished is kept: give the same command again, with fewer workers, or paint "
            "it smaller.",
            again=True,
        )

    def _fail(self, tasks: ItemTasks, error: str, again: bool, full: bool = False) -> None:
        """No more of a painting is begun. Of several reasons the first one counts."""
        # Where everything is gone, that is the reason, whatever a worker has run into.
        self._context.check_there()
        if full:
            self._full = error
            self._context.stop()
        if tasks.failed is not None:
            return
        tasks.failed = error
        seconds = self._add_seconds(tasks)
        self._context.ledger.change(tasks.name, state=State.FAILED, error=error, again=again, ended=time.time())
        self._context.on_event(ItemEnded(tasks.name, State.FAILED, seconds, error))
        if self._context.options.fail_fast:
            self._context.stop()
