"""Workers on other machines: those of a Dask cluster, each with one task at a time.

    task -> a Dask worker that is free -> a process of its own there -> messages -> events of Dask -> `receive`

A task is given to one certain worker, so that it is known what is lost with it: Dask gives nothing a second time.
"""

from __future__ import annotations

import pickle
import queue
import time
import uuid
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from pipeline.batch import remote
from pipeline.batch.dask_worker import DaskWorker
from pipeline.batch.devices import WorkerDevice
from pipeline.batch.events import Notice
from pipeline.batch.plan.item import with_paths
from pipeline.batch.scheduler import ANSWER_SECONDS, GPU, RETURN_SECONDS, Scheduler
from pipeline.batch.task import Lost, Message, Stopped, Task
from pipeline.errors import ClusterError, OutputError

CHECK_EVERY = 1.0
"""Seconds between two checks which workers there are."""
NO_WORKER_NOTICE = 3.0
"""Seconds without a worker after which there is a notice of it."""
WORKERS_PATIENCE = 1800.0
"""Seconds to wait for a worker while there is none."""
SETTLE_PATIENCE = 15.0
"""Seconds to wait at first for more workers to answer once one has."""
LOCK_PATIENCE = 120.0
"""Seconds to wait for the lock of a work folder: a file server may keep that of a dead machine for a while."""


class ClusterWorkerPool:
    """The workers of a Dask cluster. They may come and go; a task that is given while there is none waits for one."""

    def __init__(self, address: str, folder: Path, device: str = "auto", threads: int | None = None) -> None:
        """
        :param address: of the scheduler.
        :param folder: of the batch, made if it is not there; all workers have to see it under the same path.
        :param device: as for `choose_device`, on every worker.
        :param threads: of each worker on the CPU; None: as many as the Dask worker with the fewest has.
        :raises UsageError, ClusterError: as `Scheduler`.
        :raises OutputError: nothing can be written in the folder.
        """
        self._device = device
        self._threads = threads
        self._driver = f"reelbrush-{uuid.uuid4().hex}"
        """Of this run alone; topic of what the workers send."""
        self._folder = folder.absolute()
        self._token = self._folder / f".{self._driver}"
        """Only who sees the same folder sees this file in it."""
        self._workers: dict[str, DaskWorker] = {}
        """By the address of the worker."""
        self._waiting: deque[Task] = deque()
        """Given, and not yet to a worker."""
        self._inbox: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()
        """What Dask has sent: the key of a future, and a pickled message or, if it is done, the future."""
        self._received: list[Message] = []
        self._checked_at = 0.0
        self._stopping = False
        self._no_worker_since: float | None = None
        """Since when there is no worker that can be used."""
        self._notice_given = False
        self._scheduler = Scheduler(address, self._driver, self._inbox.put)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._token.write_text(self._driver, encoding="utf-8")
        except OSError as error:
            self._scheduler.close()
            raise OutputError(
                f"{folder}: nothing can be written there ({error.strerror}). Choose another folder with -o."
            ) from None

    @property
    def size(self) -> int:
        return max(1, len(self._usable()))

    @property
    def free(self) -> int:
        busy = sum(worker.task is not None for worker in self._usable())
        return max(0, self.size - busy - len(self._waiting))

    def _usable(self) -> list[DaskWorker]:
        return [worker for worker in self._workers.values() if worker.identity is not None]

    def wait_for_workers(self, on_notice: Callable[[Notice], None]) -> None:
        """Wait until all workers that are there have answered.

        :param on_notice: is told what is being waited for.
        :raises ClusterError: none of them can be used, or there are none for a long time.
        """
        first: float | None = None
        while True:
            received = self.receive(CHECK_EVERY / 4)
            unusable = [worker.unusable for worker in self._workers.values() if worker.unusable is not None]
            if unusable and len(unusable) == len(self._workers):
                raise ClusterError(unusable[0])
            for message in received:
                if isinstance(message, Notice):
                    on_notice(message)
            if not self._usable():
                continue
            first = first or time.monotonic()
            if time.monotonic() - first > SETTLE_PATIENCE or not any(
                worker.unidentified for worker in self._workers.values()
            ):
                break
        if self._threads is None:
            self._threads = min(worker.threads for worker in self._usable())

    # Assigning.

    def assign(self, task: Task) -> None:
        self._waiting.append(replace(task, item=with_paths(task.item, Path.absolute)))
        self._assign_waiting()

    def _assign_waiting(self) -> None:
        for worker in self._usable():
            if self._waiting and worker.task is None and worker.running and self._scheduler.connected:
                self._begin(worker, self._waiting.popleft())

    def _begin(self, worker: DaskWorker, task: Task) -> None:
        worker.task, worker.started = task, False
        device = WorkerDevice(self._device, self._threads or 1, LOCK_PATIENCE)
        needs = (*task.item.files_read, *([] if task.item.weights is None else [task.item.weights]))
        worker.future = self._scheduler.submit(
            worker.address,
            worker.gpu,
            remote.run,
            self._driver,
            worker.identity,
            pickle.dumps(device),
            pickle.dumps(task),
            list(map(str, needs)),
        )
        worker.future.add_done_callback(lambda future: self._inbox.put((future.key, future)))

    # Receiving.

    def receive(self, seconds: float) -> list[Message]:
        self._check_workers()
        received, self._received = self._received, []
        wait = 0.0 if received else seconds
        with suppress(queue.Empty):
            while True:
                key, message = self._inbox.get(timeout=wait)
                wait = 0.0
                for worker in self._workers.values():
                    # What belongs to none is of a task that was given up.
                    if worker.future is not None and worker.future.key == key:
                        received += self._take(worker, message)
                        break
        self._assign_waiting()
        if self._stopping:
            return [Stopped(one.key) if isinstance(one, Lost) else one for one in received]
        return received

    def _take(self, worker: DaskWorker, message: Any) -> list[Message]:
        if isinstance(message, bytes):
            worker.started = True
            return [pickle.loads(message)] if message else []
        if worker.task is None:
            return self._identified(worker)
        ended = worker.result(ANSWER_SECONDS)
        if worker.replaced:
            # It has to be asked what it is.
            del self._workers[worker.address]
        return [ended]

    def _identified(self, worker: DaskWorker) -> list[Message]:
        """A worker has answered what it is."""
        future, worker.future = worker.future, None
        try:
            worker.identify(future.result(timeout=ANSWER_SECONDS), self._folder)
        except Exception as error:
            # Whatever Dask hands on, it cannot be used.
            worker.identify(error, self._folder)
        return [] if worker.unusable is None else [Notice(worker.unusable)]

    # Which workers there are.

    def _check_workers(self) -> None:
        if time.monotonic() - self._checked_at < CHECK_EVERY:
            return
        self._checked_at = time.monotonic()
        if self._scheduler.lost:
            if self._scheduler.reconnect():
                self._received.append(Notice(f"The Dask scheduler at {self._scheduler.address} is there again."))
        elif not self._scheduler.connected:
            self._scheduler_gone()
        else:
            try:
                workers = self._scheduler.workers()
            except OSError:
                self._scheduler_gone()
            else:
                if workers is not None:
                    self._update_workers(workers)
        self._check_for_none()

    def _update_workers(self, workers: Mapping[str, Mapping[str, Any]]) -> None:
        for address in self._workers.keys() - workers.keys():
            worker = self._workers.pop(address)
            if worker.task is not None:
                worker.future.cancel()
                self._received.append(Lost(worker.task.key, f"{worker.where} ended"))
        for address, state in workers.items():
            if address not in self._workers:
                worker = self._workers[address] = DaskWorker(address)
                worker.future = self._scheduler.submit(address, False, remote.identify, str(self._token), self._driver)
                worker.future.add_done_callback(lambda future: self._inbox.put((future.key, future)))
            worker = self._workers[address]
            worker.running = state["status"] == "running"
            worker.gpu = GPU in state["resources"]
            worker.threads = state["nthreads"]

    def _scheduler_gone(self) -> None:
        """Everything under way is lost with it: its workers end themselves."""
        tasks = [worker.task for worker in self._workers.values() if worker.task is not None]
        self._workers.clear()
        self._scheduler.disconnect()
        for task in tasks:
            self._received.append(Lost(task.key, "the Dask scheduler went away", blame=False))
        self._received.append(
            Notice(
                f"The Dask scheduler at {self._scheduler.address} does not answer any more; waiting for it, up to "
                f"{RETURN_SECONDS / 60:.0f} minutes. What is finished is kept."
            )
        )

    def _check_for_none(self) -> None:
        if self._scheduler.lost or self._usable():
            self._no_worker_since, self._notice_given = None, False
            return
        address, minutes = self._scheduler.address, f"{WORKERS_PATIENCE / 60:.0f} minutes"
        self._no_worker_since = self._no_worker_since or time.monotonic()
        if time.monotonic() - self._no_worker_since > WORKERS_PATIENCE:
            raise ClusterError(
                f"For {minutes} there was no Dask worker at {address} that could be used. Start some with 'dask worker "
                f"{address} --nthreads 1', and give the same command again."
            )
        if not self._notice_given and time.monotonic() - self._no_worker_since > NO_WORKER_NOTICE:
            self._notice_given = True
            why = (
                f"No Dask worker at {address} has answered yet; they may be at work for somebody else."
                if any(worker.unidentified for worker in self._workers.values())
                else f"There is no Dask worker at {address} that can be used; 'dask worker {address} --nthreads 1' "
                "starts one."
            )
            self._received.append(Notice(f"{why} Waiting, up to {minutes}."))

    # The end.

    def stop(self) -> None:
        self._stopping = True
        while self._waiting:
            self._received.append(Stopped(self._waiting.popleft().key))
        for worker in self._usable():
            if worker.task is not None and not worker.started:
                self._received.append(Stopped(worker.task.key))
                worker.future.cancel()
                worker.future, worker.task = None, None
        self._scheduler.run_everywhere([worker.address for worker in self._usable()], remote.stop)

    def close(self) -> None:
        self._token.unlink(missing_ok=True)
        futures = [worker.future for worker in self._workers.values() if worker.future is not None]
        self._scheduler.run_everywhere([worker.address for worker in self._usable()], remote.end)
        until = time.monotonic() + 2 * remote.GRACE
        while self._scheduler.connected and time.monotonic() < until and not all(future.done() for future in futures):
            time.sleep(remote.TICK / 5)
        self._workers.clear()
        self._scheduler.close()


def open_cluster(
    address: str,
    folder: Path,
    device: str = "auto",
    threads: int | None = None,
    on_notice: Callable[[Notice], None] = lambda notice: None,
) -> ClusterWorkerPool:
    """The workers of a Dask cluster, once there are any.

    :param address: of the scheduler, such as tcp://HOST:8786.
    :param folder: of the batch; made if it is not there.
    :param on_notice: is told what is being waited for.
    :raises UsageError: that is no address.
    :raises ClusterError: no scheduler, or none of its workers can be used; the paragraph says why.
    :raises OutputError: nothing can be written in the folder.
    """
    pool = ClusterWorkerPool(address, folder, device, threads)
    try:
        pool.wait_for_workers(on_notice)
    except BaseException:
        pool.close()
        raise
    return pool
