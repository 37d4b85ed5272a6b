"""What a driver does when a worker is lost, and a worker when a work folder is still in use."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from filelock import FileLock
from jobs import SMALL, moving_folder, paint_picture, pictures

from pipeline.batch.devices import WorkerDevice
from pipeline.batch.driver import TRIES, run_batch
from pipeline.batch.events import BatchEvent, ItemEvent
from pipeline.batch.jobs import RunOptions
from pipeline.batch.plan.item import Item
from pipeline.batch.task import Done, Failed, Lost, Message, Painted, Task
from pipeline.batch.worker import work_on
from pipeline.batch.worker_pool import LocalWorkerPool
from pipeline.clip.events import Finished
from pipeline.clip.jobs import StylePicture

PLACE = WorkerDevice("cpu", 1)


@pytest.fixture
def item(tmp_path: Path) -> Item:
    style = StylePicture(paint_picture(tmp_path / "style.png", 3, 64, 48), 1.0)
    settings = {key: value for key, value in SMALL.items() if key != "device"}
    source = moving_folder(tmp_path / "clip", 3)
    return Item("clip", source, (style,), tmp_path / "out" / "clip", settings=settings)


class Careless(LocalWorkerPool):
    """Workers that are lost before they have begun anything."""

    def __init__(self, times: int, blame: bool) -> None:
        super().__init__([PLACE])
        self.times = times
        self.blame = blame
        self.lost: list[Message] = []

    def assign(self, task: Task) -> None:
        if task.kind == "paint" and self.times:
            self.times -= 1
            self.lost = [Lost(task.key, "it was unplugged", self.blame)]
        else:
            super().assign(task)

    def receive(self, seconds: float) -> list[Message]:
        lost, self.lost = self.lost, []
        return lost or super().receive(seconds)


class Silent(LocalWorkerPool):
    """A worker that is lost when it has just finished."""

    def receive(self, seconds: float) -> list[Message]:
        received = super().receive(seconds)
        return [
            Lost(one.key, "it was unplugged") if isinstance(one, Done) and isinstance(one.result, Painted) else one
            for one in received
        ]


def test_what_takes_the_whole_cluster_along_does_not_count(item: Item) -> None:
    pool = Careless(TRIES + 1, blame=False)
    assert run_batch(item.output.parent, [item], pool, RunOptions(device="cpu"), lambda event: None).exit_code == 0
    assert len(pictures(item.output)) == 3


def test_a_clip_that_ends_every_worker_fails(item: Item) -> None:
    events: list[BatchEvent] = []
    pool = Careless(TRIES, blame=True)
    assert run_batch(item.output.parent, [item], pool, RunOptions(device="cpu"), events.append).exit_code == 1
    assert "it was unplugged" in str(events)


def test_a_worker_that_is_lost_when_it_has_just_finished(item: Item) -> None:
    events: list[BatchEvent] = []
    assert (
        run_batch(item.output.parent, [item], Silent([PLACE]), RunOptions(device="cpu"), events.append).exit_code == 0
    )
    assert sum(isinstance(one, ItemEvent) and isinstance(one.event, Finished) for one in events) == 1


@pytest.mark.parametrize("patience", [0.0, 30.0])
def test_a_work_folder_that_is_still_in_use(item: Item, patience: float) -> None:
    """By a worker that does not know yet that it is over."""
    item.clip_job().work.mkdir(parents=True)
    lock = FileLock(item.clip_job().work / "lock", thread_local=False)
    lock.acquire()
    timer = threading.Timer(1.0, lock.release)
    timer.start()
    printed: list[Message] = []
    try:
        work_on(Task(item, "paint"), WorkerDevice("cpu", 1, patience), printed.append, lambda: False)
    finally:
        timer.join()
    assert isinstance(printed[-1], Done if patience else Failed)
