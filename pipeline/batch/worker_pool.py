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
from pipeline.signals import exit_text

STOP = "stop"
"""What a worker is sent instead of a task: give up after this step."""
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
        """What the workers have sent since the last time, in order; waits so many seconds for the first of it."""
        ...

    def stop(self) -> None:
        """Ask all workers to give up after the step they are at. `receive` returns their last messages."""
        ...

    def close(self) -> None:
        """End every worker at once. What is finished is kept."""
        ...


@dataclass
class _WorkerProcess:
    """A worker process."""

    process: SpawnProcess
    channel: Connection
    task: Task | None = None


class LocalWorkerPool:
    """One process a device. A process that dies takes only its own task with it, and another one takes its place."""

    def __init__(self, devices: Sequence[WorkerDevice]) -> None:
        """
        :param devices: device and number of threads of every worker.
        """
        self._devices = list(devices)
        # Forked processes cannot use CUDA, and threads of torch's do not survive a fork.
        self._context = multiprocessing.get_context("spawn")
        self._workers: list[_WorkerProcess | None] = [None] * len(self._devices)
        self._stopping = False

    @property
    def size(self) -> int:
        return len(self._devices)

    @property
    def free(self) -> int:
        return sum(worker is None or worker.task is None for worker in self._workers)

    def assign(self, task: Task) -> None:
        # One that is up already has its network loaded.
        order = sorted(range(self.size), key=lambda number: self._workers[number] is None)
        number = next(n for n in order if (worker := self._workers[n]) is None or worker.task is None)
        worker = self._workers[number] or self._start(number)
        worker.task = task
        # Should it be dead, `receive` finds out.
        with suppress(OSError):
            worker.channel.send(task)

    def _start(self, number: int) -> _WorkerProcess:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=serve, args=(theirs, self._devices[number]), daemon=True)
        with _unreceived():
            process.start()
        theirs.close()
        worker = _WorkerProcess(process, ours)
        self._workers[number] = worker
        return worker

    def receive(self, seconds: float) -> list[Message]:
        channels = {worker.channel: number for number, worker in enumerate(self._workers) if worker is not None}
        received: list[Message] = []
        for channel in wait(list(channels), seconds) if channels else ():
            assert isinstance(channel, Connection)
            number = channels[channel]
            try:
                received.append(channel.recv())
            except (EOFError, OSError):
                received += self._lost(number)
                continue
            worker = self._workers[number]
            if worker is not None and not isinstance(received[-1], TaskEvent):
                worker.task = None
        return received

    def _lost(self, number: int) -> list[Message]:
        worker = self._workers[number]
        assert worker is not None
        self._workers[number] = None
        worker.channel.close()
        worker.process.join()
        if worker.task is None:
            return []
        if self._stopping:
            return [Stopped(worker.task.key)]
        return [Lost(worker.task.key, exit_text(worker.process.exitcode))]

    def stop(self) -> None:
        self._stopping = True
        for worker in self._workers:
            if worker is not None:
                with suppress(OSError):
                    worker.channel.send(STOP)

    def close(self) -> None:
        workers = [worker for worker in self._workers if worker is not None]
        self._workers = [None] * self.size
        for worker in workers:
            worker.process.terminate()
        for worker in workers:
            worker.process.join(GRACE)
            if worker.process.is_alive():
                worker.process.kill()
                worker.process.join()
            worker.channel.close()


@contextmanager
def _unreceived() -> Iterator[None]:
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
