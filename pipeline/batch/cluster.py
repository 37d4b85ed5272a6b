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
from pipeline.batch.dask_worker import Hand
from pipeline.batch.devices import WorkerDevice
from pipeline.batch.events import Notice
from pipeline.batch.plan.item import Item
from pipeline.batch.scheduler import ANSWER, GPU, PATIENCE, Scheduler
from pipeline.batch.task import (
    Lost,
    Message,
    Stopped,
    Task,
)
from pipeline.errors import ClusterError, OutputError

LOOK = 1.0
"""Seconds between two looks at which workers there are."""
ALONE = 3.0
"""Seconds without a worker after which that is said."""
WORKERS_PATIENCE = 1800.0
"""Seconds to wait for a worker while there is none."""
SETTLE = 15.0
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
        """Of this run alone; topic of what the workers tell."""
        self._folder = folder.absolute()
        self._token = self._folder / f".{self._driver}"
        """Only who sees the same folder sees this file in it."""
        self._hands: dict[str, Hand] = {}
        """By the address of the worker."""
        self._waiting: deque[Task] = deque()
        """Given, and not yet to a worker."""
        self._box: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()
        """What Dask has said: the key of a future, and a pickled message or, if it is done, the future."""
        self._heard: list[Message] = []
        self._looked = 0.0
        self._stopping = False
        self._alone_since: float | None = None
        """Since when there is no worker that can be used."""
        self._alone_told = False
        self._scheduler = Scheduler(address, self._driver, self._box.put)
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
        return max(1, len(self._fit()))

    @property
    def free(self) -> int:
        busy = sum(hand.task is not None for hand in self._fit())
        return max(0, self.size - busy - len(self._waiting))

    def _fit(self) -> list[Hand]:
        return [hand for hand in self._hands.values() if hand.worker is not None]

    def wait_for_workers(self, on_notice: Callable[[Notice], None]) -> None:
        """Wait until all workers that are there have been looked at.

        :param on_notice: is told what is being waited for.
        :raises ClusterError: none of them can be used, or there are none for a long time.
        """
        first: float | None = None
        while True:
            heard = self.receive(LOOK / 4)
            unfit = [hand.unfit for hand in self._hands.values() if hand.unfit is not None]
            if unfit and len(unfit) == len(self._hands):
                raise ClusterError(unfit[0])
            for message in heard:
                if isinstance(message, Notice):
                    on_notice(message)
            if not self._fit():
                continue
            first = first or time.monotonic()
            if time.monotonic() - first > SETTLE or not any(hand.asked for hand in self._hands.values()):
                break
        if self._threads is None:
            self._threads = min(hand.threads for hand in self._fit())

    # Giving.

    def assign(self, task: Task) -> None:
        self._waiting.append(replace(task, item=_for_all(task.item)))
        self._give_waiting()

    def _give_waiting(self) -> None:
        for hand in self._fit():
            if self._waiting and hand.task is None and hand.running and self._scheduler.there:
                self._begin(hand, self._waiting.popleft())

    def _begin(self, hand: Hand, task: Task) -> None:
        hand.task, hand.begun = task, False
        place = WorkerDevice(self._device, self._threads or 1, LOCK_PATIENCE)
        needs = [task.item.source, *(style.path for style in task.item.styles), task.item.weights]
        hand.future = self._scheduler.submit(
            hand.address,
            hand.gpu,
            remote.run,
            self._driver,
            hand.worker,
            pickle.dumps(place),
            pickle.dumps(task),
            [str(path) for path in needs if path is not None],
        )
        hand.future.add_done_callback(lambda future: self._box.put((future.key, future)))

    # Hearing.

    def receive(self, seconds: float) -> list[Message]:
        self._look_around()
        heard, self._heard = self._heard, []
        wait = 0.0 if heard else seconds
        with suppress(queue.Empty):
            while True:
                key, said = self._box.get(timeout=wait)
                wait = 0.0
                for hand in self._hands.values():
                    # What belongs to none is of a task that was given up.
                    if hand.future is not None and hand.future.key == key:
                        heard += self._taken(hand, said)
                        break
        self._give_waiting()
        if self._stopping:
            return [Stopped(one.key) if isinstance(one, Lost) else one for one in heard]
        return heard

    def _taken(self, hand: Hand, said: Any) -> list[Message]:
        if isinstance(said, bytes):
            hand.begun = True
            return [pickle.loads(said)] if said else []
        if hand.task is None:
            return self._seen(hand)
        ended = hand.ended(ANSWER)
        if hand.other:
            # It has to be looked at.
            del self._hands[hand.address]
        return [ended]

    def _seen(self, hand: Hand) -> list[Message]:
        """A worker has been looked at."""
        future, hand.future = hand.future, None
        try:
            hand.learn(future.result(timeout=ANSWER), self._folder)
        except Exception as error:
            # Whatever Dask hands on, it cannot be used.
            hand.learn(error, self._folder)
        return [] if hand.unfit is None else [Notice(hand.unfit)]

    # Who is there.

    def _look_around(self) -> None:
        if time.monotonic() - self._looked < LOOK:
            return
        self._looked = time.monotonic()
        if self._scheduler.lost:
            if self._scheduler.come_back():
                self._heard.append(Notice(f"The Dask scheduler at {self._scheduler.address} is there again."))
        elif not self._scheduler.there:
            self._scheduler_gone()
        else:
            try:
                workers = self._scheduler.workers()
            except OSError:
                self._scheduler_gone()
            else:
                if workers is not None:
                    self._see_workers(workers)
        self._look_for_none()

    def _see_workers(self, workers: Mapping[str, Mapping[str, Any]]) -> None:
        for address in self._hands.keys() - workers.keys():
            hand = self._hands.pop(address)
            if hand.task is not None:
                hand.future.cancel()
                self._heard.append(Lost(hand.task.key, f"{hand.where} ended"))
        for address, said in workers.items():
            if address not in self._hands:
                hand = self._hands[address] = Hand(address)
                hand.future = self._scheduler.submit(address, False, remote.look, str(self._token), self._driver)
                hand.future.add_done_callback(lambda future: self._box.put((future.key, future)))
            hand = self._hands[address]
            hand.running = said["status"] == "running"
            hand.gpu = GPU in said["resources"]
            hand.threads = said["nthreads"]

    def _scheduler_gone(self) -> None:
        """Everything under way is lost with it: its workers end themselves."""
        tasks = [hand.task for hand in self._hands.values() if hand.task is not None]
        self._hands.clear()
        self._scheduler.lose()
        for task in tasks:
            self._heard.append(Lost(task.key, "the Dask scheduler went away", blame=False))
        self._heard.append(
            Notice(
                f"The Dask scheduler at {self._scheduler.address} does not answer any more; waiting for it, up to "
                f"{PATIENCE / 60:.0f} minutes. What is finished is kept."
            )
        )

    def _look_for_none(self) -> None:
        if self._scheduler.lost or self._fit():
            self._alone_since, self._alone_told = None, False
            return
        address, minutes = self._scheduler.address, f"{WORKERS_PATIENCE / 60:.0f} minutes"
        self._alone_since = self._alone_since or time.monotonic()
        if time.monotonic() - self._alone_since > WORKERS_PATIENCE:
            raise ClusterError(
                f"For {minutes} there was no Dask worker at {address} that could be used. Start some with 'dask worker "
                f"{address} --nthreads 1', and give the same command again."
            )
        if not self._alone_told and time.monotonic() - self._alone_since > ALONE:
            self._alone_told = True
            why = (
                f"No Dask worker at {address} has answered yet; they may be at work for somebody else."
                if any(hand.asked for hand in self._hands.values())
                else f"There is no Dask worker at {address} that can be used; 'dask worker {address} --nthreads 1' "
                "starts one."
            )
            self._heard.append(Notice(f"{why} Waiting, up to {minutes}."))

    # The end.

    def stop(self) -> None:
        self._stopping = True
        while self._waiting:
            self._heard.append(Stopped(self._waiting.popleft().key))
        for hand in self._fit():
            if hand.task is not None and not hand.begun:
                self._heard.append(Stopped(hand.task.key))
                hand.future.cancel()
                hand.future, hand.task = None, None
        self._scheduler.have_run([hand.address for hand in self._fit()], remote.stop)

    def close(self) -> None:
        self._token.unlink(missing_ok=True)
        futures = [hand.future for hand in self._hands.values() if hand.future is not None]
        self._scheduler.have_run([hand.address for hand in self._fit()], remote.end)
        until = time.monotonic() + 2 * remote.GRACE
        while self._scheduler.there and time.monotonic() < until and not all(future.done() for future in futures):
            time.sleep(remote.TICK / 5)
        self._hands.clear()
        self._scheduler.close()


def _for_all(item: Item) -> Item:
    """An item that is the same on all machines: every path is whole."""
    return replace(
        item,
        source=item.source.absolute(),
        styles=tuple(replace(style, path=style.path.absolute()) for style in item.styles),
        output=item.output.absolute(),
        gif=None if item.gif is None else item.gif.absolute(),
        weights=None if item.weights is None else item.weights.absolute(),
    )


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
