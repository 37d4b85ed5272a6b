"""A batch on a Dask cluster of real processes: same frames, whoever is killed."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import distributed
import pytest
from dask_processes import DaskProcesses, alive, drive, free_port, kill, painters, reported, until
from jobs import ROOT, assert_same, moving_folder, paint_picture

from pipeline.batch.cluster import ClusterWorkerPool, open_cluster
from pipeline.batch.events import Notice
from pipeline.batch.plan.item import Item
from pipeline.batch.task import Failed, Message, Stopped, Task
from pipeline.clip.jobs import StylePicture
from pipeline.errors import ClusterError, UsageError

pytestmark = pytest.mark.heavy

FRAMES = 10


@dataclass(frozen=True)
class Work:
    """Two clips, a style, and what a worker on this machine makes of them."""

    style: Path
    clips: tuple[Path, Path]
    whole: Path


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Work:
    folder = tmp_path_factory.mktemp("work")
    clips = (moving_folder(folder / "one", FRAMES), moving_folder(folder / "two", 3))
    style = paint_picture(folder / "style.png", 3, 64, 48)
    finish(drive("local", folder / "whole", style, *clips))
    return Work(style, clips, folder / "whole")


@pytest.fixture(scope="module")
def dask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaskProcesses]:
    """A scheduler and two workers that no test harms."""
    with DaskProcesses(tmp_path_factory.mktemp("dask")) as processes:
        processes.scheduler()
        processes.worker()
        processes.worker()
        yield processes


def finish(driver: subprocess.Popen[str], code: int = 0) -> str:
    """What a driver says, to its end."""
    try:
        out, err = driver.communicate(timeout=200)
    finally:
        driver.kill()
    assert driver.returncode == code, err
    return out


def frames(folder: Path) -> int:
    """How many frames of the first clip are finished."""
    return len(list(folder.glob("one.reelbrush/frames/0*.png")))


def under_way(driver: subprocess.Popen[str], folder: Path) -> None:
    """Wait until it has some frames and not all."""
    until(lambda: driver.poll() is not None or frames(folder) >= 3)
    assert 3 <= frames(folder) < FRAMES, "not in the middle"


def test_a_cluster_paints_the_same_frames(tmp_path: Path, work: Work, dask: DaskProcesses) -> None:
    printed = finish(drive(dask.address, tmp_path, work.style, *work.clips))
    assert_same(work.whole / "one", tmp_path / "one", FRAMES)
    assert_same(work.whole / "two", tmp_path / "two", 3)
    assert reported(printed, "Planned")[0]["workers"] == 2
    assert len(reported(printed, "FrameDone")) == FRAMES + 3
    assert len(reported(printed, "ItemEnded")) == 2
    assert {path.name for path in tmp_path.iterdir()} == {"one", "two", "ledger.sqlite", "ledger.lock"}
    # What paints has told its end before it has ended.
    until = time.monotonic() + 20
    while painters(*dask.started):
        assert time.monotonic() < until, "a process paints on"
        time.sleep(0.1)


def test_what_paints_is_killed(tmp_path: Path, work: Work, dask: DaskProcesses) -> None:
    """As by a machine that runs out of memory: the Dask worker lives on."""
    driver = drive(dask.address, tmp_path, work.style, work.clips[0])
    under_way(driver, tmp_path)
    for pid in painters(*dask.started):
        os.kill(pid, signal.SIGKILL)
    begun = reported(finish(driver), "Started")
    assert [len(begun), begun[1]["done"] >= 3] == [2, True]
    assert_same(work.whole / "one", tmp_path / "one", FRAMES)


def test_a_worker_that_is_busy_with_something_else(tmp_path: Path, work: Work, dask: DaskProcesses) -> None:
    """A task that it has not begun can be given up at once; a clip that it cannot see is a failure of that clip."""
    style = (StylePicture(work.style, 1.0),)
    item = Item("one", tmp_path / "absent.mp4", style, tmp_path / "one.mp4")
    with closing(open_cluster(dask.address, tmp_path, "cpu", 1)) as pool:
        pool.assign(Task(item, "paint"))
        printed = heard(pool)
        assert isinstance(printed, Failed)
        assert printed.again
        assert "absent.mp4: this is not found by the Dask worker" in printed.error
        with distributed.Client(dask.address, set_as_default=False) as other:
            addresses = other.scheduler_info()["workers"]
            sleeping = [other.submit(time.sleep, 3, workers=[one], pure=False) for one in addresses]
            until(lambda: sum(map(len, other.processing().values())) == 2)
            pool.assign(Task(item, "paint"))
            began = time.monotonic()
            pool.stop()
            assert isinstance(heard(pool), Stopped)
            assert time.monotonic() - began < 2.5
            other.gather(sleeping)


def heard(pool: ClusterWorkerPool) -> Message:
    """What a pool has to say next of a task."""
    while True:
        for message in pool.receive(0.1):
            if not isinstance(message, Notice):
                return message


def test_a_worker_that_is_killed(tmp_path: Path, work: Work) -> None:
    with DaskProcesses(tmp_path) as dask:
        dask.scheduler()
        workers = [dask.worker(), dask.worker("--no-nanny")]
        driver = drive(dask.address, tmp_path / "out", work.style, work.clips[0])
        under_way(driver, tmp_path / "out")
        at_it = next(one for one in workers if painters(one))
        painting = painters(at_it)
        kill(at_it)
        until(lambda: not any(map(alive, painting)), 5, "it paints on")
        printed = finish(driver)
        begun = reported(printed, "Started")
    assert [begun[0]["done"], len(begun)] == [0, 2]
    assert begun[1]["done"] >= 3
    assert_same(work.whole / "one", tmp_path / "out" / "one", FRAMES)


def test_a_scheduler_that_is_started_again(tmp_path: Path, work: Work) -> None:
    with DaskProcesses(tmp_path) as dask:
        scheduler, worker = dask.scheduler(), dask.worker()
        driver = drive(dask.address, tmp_path / "out", work.style, work.clips[0])
        under_way(driver, tmp_path / "out")
        painting = painters(worker)
        kill(scheduler)
        until(lambda: not any(map(alive, painting)), 30, "it paints on")
        time.sleep(1)
        dask.scheduler()
        dask.worker()
        printed = finish(driver)
    assert reported(printed, "Started")[-1]["done"] >= 3
    assert "does not answer any more" in reported(printed, "Notice")[0]["text"]
    assert_same(work.whole / "one", tmp_path / "out" / "one", FRAMES)


def test_ctrl_c_ends_what_paints(tmp_path: Path, work: Work, dask: DaskProcesses) -> None:
    driver = drive(dask.address, tmp_path, work.style, work.clips[0])
    under_way(driver, tmp_path)
    painting = painters(*dask.started)
    assert painting
    driver.send_signal(signal.SIGINT)
    finish(driver, 130)
    assert not any(map(alive, painting))
    done = frames(tmp_path)
    assert done < FRAMES
    printed = finish(drive(dask.address, tmp_path, work.style, work.clips[0]))
    assert [started["done"] for started in reported(printed, "Started")] == [done]
    assert_same(work.whole / "one", tmp_path / "one", FRAMES)


def test_nothing_paints_on_for_a_driver_that_was_killed(tmp_path: Path, work: Work, dask: DaskProcesses) -> None:
    driver = drive(dask.address, tmp_path, work.style, work.clips[0])
    under_way(driver, tmp_path)
    painting = painters(*dask.started)
    assert painting
    driver.kill()
    finish(driver, -signal.SIGKILL)
    until(lambda: not any(map(alive, painting)), 10, "it paints on")
    assert frames(tmp_path) < FRAMES


def test_a_worker_that_is_closed_in_order(tmp_path: Path, work: Work) -> None:
    """As SLURM does it when the time is over: that is not the fault of the clip."""
    with DaskProcesses(tmp_path) as dask:
        dask.scheduler()
        worker = dask.worker()
        driver = drive(dask.address, tmp_path / "out", work.style, work.clips[0])
        under_way(driver, tmp_path / "out")
        painting = painters(worker)
        worker.terminate()
        until(lambda: not any(map(alive, painting)), 10, "it paints on")
        dask.worker("--resources", "GPU=1")
        printed = finish(driver)
    assert reported(printed, "Started")[-1]["done"] >= 3
    assert_same(work.whole / "one", tmp_path / "out" / "one", FRAMES)


def test_no_scheduler(tmp_path: Path) -> None:
    began = time.monotonic()
    with pytest.raises(ClusterError, match="No Dask scheduler answers at tcp:"):
        open_cluster(f"tcp://127.0.0.1:{free_port()}", tmp_path)
    assert time.monotonic() - began < 10
    with pytest.raises(UsageError, match="one looks like tcp://HOST:8786"):
        open_cluster("tcp://", tmp_path)


def test_something_else_than_a_scheduler(tmp_path: Path, work: Work) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        driver = drive(f"tcp://127.0.0.1:{other.getsockname()[1]}", tmp_path, work.style, work.clips[0])
        err = driver.communicate(timeout=60)[1]
    assert driver.returncode == 1
    assert "is no Dask scheduler that can be talked to" in err
    assert err.count("\n") == 1


def test_without_dask() -> None:
    code = (
        "import sys; sys.modules['distributed'] = None\n"
        "from pathlib import Path; from pipeline.errors import ClusterError\n"
        "from pipeline.batch.cluster import open_cluster\n"
        "try: open_cluster('tcp://127.0.0.1:8786', Path())\n"
        "except ClusterError as error: print(error)"
    )
    found = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "pip install 'reelbrush[cluster]'" in found.stdout


def test_a_worker_that_sees_another_folder(tmp_path: Path) -> None:
    with DaskProcesses(tmp_path) as dask:
        dask.scheduler()
        with closing(ClusterWorkerPool(dask.address, tmp_path / "out")) as pool:
            for token in (tmp_path / "out").glob(".reelbrush*"):
                token.write_text("of somebody else")
            dask.worker()
            with pytest.raises(ClusterError, match="or sees another one there"):
                pool.wait_for_workers(lambda notice: None)


def test_a_worker_with_another_version(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "pipeline", tmp_path / "old" / "pipeline", ignore=shutil.ignore_patterns("__pycache__"))
    init = tmp_path / "old" / "pipeline" / "__init__.py"
    init.write_text(init.read_text().replace('__version__ = "', '__version__ = "0.0.'))
    with DaskProcesses(tmp_path) as dask:
        dask.scheduler()
        dask.worker(PYTHONPATH=str(tmp_path / "old"))
        with (
            closing(ClusterWorkerPool(dask.address, tmp_path / "out")) as pool,
            pytest.raises(ClusterError, match=r"there is 0\.0\..*Install the same one there"),
        ):
            pool.wait_for_workers(lambda notice: None)
