"""Who works on the tasks of a batch: what all pools of workers can do, and the one of this machine, a process for each
worker, so that whatever ends one of them ends nothing else."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Protocol

from pipeline.batch.devices import WorkerDevice
from pipeline.batch.task import Lost, Message, Stopped, Task, TaskEvent
from pipeline.batch.worker import serve

STOP = "stop"
"""What a worker is told instead of a task: give up after this step."""
GRACE = 2.0
"""Seconds that a worker has to clear up when it is ended."""


class WorkerPool(Protocol):
    """Workers, each with one task at a time."""

    @property
    def size(self) -> int:
        """How many tasks are worked on at the same time, at most."""
        ...

    @property
    def free(self) -> int:
        """How many more can be given now."""
        ...

    def assign(self, task: Task) -> None:
        """Have a free worker begin a task. Its last message is `Done`, `Failed`, `Stopped` or `Lost`."""
        ...

    def receive(self, seconds: float) -> list[Message]:
        """What the workers have said since the last time, in order; waits so long for the first of it."""
        ...

    def stop(self) -> None:
        """Ask all workers to give up after the step they are at. `receive` tells when they have."""
        ...

    def close(self) -> None:
        """End every worker at once. What is finished is kept."""
        ...


@dataclass
class _Hand:
    """A worker process."""

    process: SpawnProcess
    line: Connection
    task: Task | None = None


class LocalWorkerPool:
    """One process a place. A process that dies takes only its own task with it, and another one takes its place."""

    def __init__(self, places: Sequence[WorkerDevice]) -> None:
        """
        :param places: device and number of threads of every worker.
        """
        self._places = list(places)
        # Forked processes cannot use CUDA, and threads of torch's do not survive a fork.
        self._context = multiprocessing.get_context("spawn")
        self._hands: list[_Hand | None] = [None] * len(self._places)
        self._stopping = False

    @property
    def size(self) -> int:
        return len(self._places)

    @property
    def free(self) -> int:
        return sum(hand is None or hand.task is None for hand in self._hands)

    def assign(self, task: Task) -> None:
        # One that is up already has its network loaded.
        order = sorted(range(self.size), key=lambda number: self._hands[number] is None)
        number = next(n for n in order if (hand := self._hands[n]) is None or hand.task is None)
        hand = self._hands[number] or self._started(number)
        hand.task = task
        # Should it be dead, `receive` says so.
        with suppress(OSError):
            hand.line.send(task)

    def _started(self, number: int) -> _Hand:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=serve, args=(theirs, self._places[number]), daemon=True)
        with _unheard():
            process.start()
        theirs.close()
        hand = _Hand(process, ours)
        self._hands[number] = hand
        return hand

    def receive(self, seconds: float) -> list[Message]:
        lines = {hand.line: number for number, hand in enumerate(self._hands) if hand is not None}
        heard: list[Message] = []
        for line in wait(list(lines), seconds) if lines else ():
            assert isinstance(line, Connection)
            number = lines[line]
            try:
                heard.append(line.recv())
            except (EOFError, OSError):
                heard += self._lost(number)
                continue
            hand = self._hands[number]
            if hand is not None and not isinstance(heard[-1], TaskEvent):
                hand.task = None
        return heard

    def _lost(self, number: int) -> list[Message]:
        hand = self._hands[number]
        assert hand is not None
        self._hands[number] = None
        hand.line.close()
        hand.process.join()
        if hand.task is None:
            return []
        if self._stopping:
            return [Stopped(hand.task.key)]
        return [Lost(hand.task.key, _why(hand.process.exitcode))]

    def stop(self) -> None:
        self._stopping = True
        for hand in self._hands:
            if hand is not None:
                with suppress(OSError):
                    hand.line.send(STOP)

    def close(self) -> None:
        hands = [hand for hand in self._hands if hand is not None]
        self._hands = [None] * self.size
        for hand in hands:
            hand.process.terminate()
        for hand in hands:
            hand.process.join(GRACE)
            if hand.process.is_alive():
                hand.process.kill()
                hand.process.join()
            hand.line.close()


@contextmanager
def _unheard() -> Iterator[None]:
    """Ctrl-C waits for the end of the block, and a process that is started in it hears none: at the terminal it would
    reach that while Python itself is coming up."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    # It comes up with the first process, and before Python 3.13 lets all signals through again.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _why(code: int | None) -> str:
    if code is not None and code < 0:
        with suppress(ValueError):
            return f"it was ended by {signal.Signals(-code).name}"
    return f"it left with code {code}"
