"""Processes that find frames in earlier ones: the same bits, whatever becomes of them."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from jobs import SMALL, assert_same, moving_folder, paint_picture
from moving import panned
from test_out_of_memory import GLIBC

from pipeline.clip import finders as module
from pipeline.clip.finders import Finders, can_share
from pipeline.clip.tracking import FIND
from pipeline.motion.carry import Way
from reelbrush import stylize_video

pytestmark = pytest.mark.skipif(not can_share(), reason="this system shares no memory in that way")
SIZE = (48, 64)


def ready(finders: Finders, count: int) -> None:
    until = time.monotonic() + 60
    while finders._ready < count:
        assert time.monotonic() < until, "they never came"
        time.sleep(0.01)


def assert_alike(one: Way, other: Way) -> None:
    for name in ("weights", "light", "places", "parts"):
        a, b = getattr(one, name), getattr(other, name)
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)


def ended(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    return False


def test_processes_find_the_same_also_before_they_are_ready_and_once_they_are_dead() -> None:
    pairs = [panned(dx, dy, *SIZE) for dx, dy in ((3, 2), (-4, 0), (0, 5))]
    wanted = [FIND(*pair) for pair in pairs]
    with Finders(SIZE, 2) as finders:
        assert_alike(finders(*pairs[0]), wanted[0])
        ready(finders, 2)
        processes = [one._process.pid for one in finders._all]
        with ThreadPoolExecutor(4) as pool:
            for found, right in zip(pool.map(finders, *zip(*pairs * 4, strict=True)), wanted * 4, strict=True):
                assert_alike(found, right)
        os.kill(processes[0], signal.SIGKILL)
        with ThreadPoolExecutor(4) as pool:
            for found, right in zip(pool.map(finders, *zip(*pairs, strict=True)), wanted, strict=True):
                assert_alike(found, right)
        os.kill(processes[1], signal.SIGKILL)
        assert_alike(finders(*pairs[1]), wanted[1])
        assert finders._ready == 0
    assert all(map(ended, processes))


def test_what_goes_wrong_there_is_raised_here(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def broken(*pair: Any) -> Way:
        asked.append(1)
        raise MemoryError("no room")

    monkeypatch.setattr(module, "FIND", broken)
    with Finders(SIZE, 2) as finders:
        ready(finders, 2)
        with pytest.raises(ValueError, match="broadcast"):
            finders(*panned(1, 1, 20, 24))
        os.kill(finders._all[0]._process.pid, signal.SIGKILL)
        os.kill(finders._all[1]._process.pid, signal.SIGKILL)
        with pytest.raises(MemoryError, match="no room"):
            finders(*panned(1, 1, *SIZE))
    assert asked


def test_they_are_less_urgent_and_opencv_takes_one_thread_a_call_meanwhile() -> None:
    usual = cv2.getNumThreads()
    try:
        cv2.setNumThreads(2)
        with Finders(SIZE, 1) as finders:
            ready(finders, 1)
            least = min(19, os.nice(0) + module.BEHIND)
            assert os.getpriority(os.PRIO_PROCESS, finders._all[0]._process.pid) == least
            assert cv2.getNumThreads() == 1
        assert cv2.getNumThreads() == 2
    finally:
        cv2.setNumThreads(usual)


@pytest.mark.skipif(not GLIBC, reason="needs glibc")
def test_they_keep_the_memory_that_they_have_once_had() -> None:
    pair, size = panned(3, 2, 144, 256), (144, 256)
    with Finders(size, 1) as finders:
        ready(finders, 1)
        faults = Path(f"/proc/{finders._all[0]._process.pid}/stat")

        def so_far() -> int:
            return int(faults.read_text().rsplit(")", 1)[1].split()[7])

        for _ in range(3):
            finders(*pair)
        before = so_far()
        finders(*pair)
        assert so_far() - before < 100, "left alone, thousands of pages are taken anew for every pair"


def test_another_package_of_that_name_is_not_taken_for_this_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pipeline").mkdir()
    (tmp_path / "pipeline" / "__init__.py").write_text("raise SystemExit(3)")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with Finders(SIZE, 1) as finders:
        ready(finders, 1)


def test_where_none_can_be_started_it_is_done_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    pair = panned(3, 2, *SIZE)
    with Finders(SIZE, 2) as finders:
        finders._starter.join()
        assert_alike(finders(*pair), FIND(*pair))


def test_they_end_at_once_though_they_are_just_starting_and_with_whoever_started_them() -> None:
    began = time.monotonic()
    with Finders(SIZE, 2) as finders:
        pass
    assert time.monotonic() - began < 10
    assert not [thread for thread in threading.enumerate() if thread.name == "finders"]
    with Finders(SIZE, 1) as finders:
        ready(finders, 1)
        process = finders._all[0]._process
        # As when whoever started them is killed.
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(10) == 0


def test_a_clip_whose_motion_processes_find_is_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inputs = moving_folder(tmp_path / "clip", 8), paint_picture(tmp_path / "style.png", 3, 64, 48)
    how = {**SMALL, "cuts": "none", "passes": 2}
    stylize_video(*inputs, tmp_path / "threads", **how)
    used: list[int] = []

    class Watched(Finders):
        def __call__(self, *pair: Any) -> Way:
            ready(self, 1)
            used.append(1)
            return super().__call__(*pair)

    monkeypatch.setattr(module, "waits_for_launches", lambda device: True)
    monkeypatch.setattr(module, "FEWEST", 1)
    monkeypatch.setattr(module, "Finders", Watched)
    stylize_video(*inputs, tmp_path / "processes", **how)
    assert used
    assert_same(tmp_path / "threads", tmp_path / "processes", 8)
