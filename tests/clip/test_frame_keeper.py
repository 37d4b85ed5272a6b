"""Frames that are kept while the next one is painted: what is told, what a kill costs, and what goes wrong."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import numpy as np
import pytest
from jobs import assert_same, moving_folder, paint_picture
from test_flow_memory import FRAMES, HOW, short_of_memory
from tiny import picture

from pipeline.clip.events import Event, FrameDone
from pipeline.clip.frame_keeper import FrameKeeper
from pipeline.clip.frame_store import MOST_HELD, FrameStore
from pipeline.errors import DamagedFrameError, DiskFullError, OutputError
from pipeline.style.frame import PaintedFrame
from pipeline.style.optimise import Stop
from reelbrush import stylize_video


def painted(index: int) -> PaintedFrame:
    return PaintedFrame(picture(20, 30, seed=index), {"total": 0.1 + index}, index, 0.1234, Stop.STEPS)


class Gated(FrameStore):
    """A store whose disk does nothing before it is told to."""

    def __init__(self, folder: Path, fails: bool = False) -> None:
        super().__init__(folder, range(9))
        self.gate = threading.Event()
        self.seen: list[str] = []
        self.fails = fails

    def write(self, index: int, painted: PaintedFrame) -> None:
        self.seen.append(f"begin {index}")
        assert self.gate.wait(10)
        if self.fails:
            raise DiskFullError("the disk is full")
        super().write(index, painted)
        self.seen.append(f"end {index}")


def test_painting_goes_on_from_a_frame_that_is_being_written_and_nobody_is_told_of_it(tmp_path: Path) -> None:
    store, told = Gated(tmp_path), list[int]()
    with FrameKeeper(store, lambda index, _: told.append(index)) as keeper:
        keeper.put(0, painted(0))
        keeper.tell()
        assert (told, store.done, store.path(0).exists()) == ([], 0, False)
        np.testing.assert_array_equal(store.image(0), painted(0).image)
        assert store.stable(0)
        store.gate.set()
        keeper.put(1, painted(1))
        assert (told, store.done, store.path(0).exists()) == ([0], 1, True)
        keeper.settle()
        assert (told, store.done) == ([0, 1], 2)
        keeper.put(2, painted(2))
    assert (told, store.done) == ([0, 1, 2], 3)
    assert store.seen == [f"{what} {index}" for index in range(3) for what in ("begin", "end")], "one at a time"
    again = FrameStore(tmp_path, range(9))
    assert again.done == 3
    for index in range(3):
        np.testing.assert_array_equal(again.image(index), store.image(index))
        assert again.record(index) == store.record(index)


def test_what_is_held_is_bounded_and_cannot_be_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.clip.frame_store.HELD", 2 * painted(0).image.nbytes)
    store = FrameStore(tmp_path, range(9))
    with FrameKeeper(store, lambda index, _: None) as keeper:
        for index in range(5):
            keeper.put(index, painted(index))
        with pytest.raises(ValueError, match="read-only"):
            store.image(4)[:] = 0
    assert sorted(store._held) == [3, 4]
    np.testing.assert_array_equal(store.image(1), painted(1).image)


def test_a_frame_that_is_read_is_held_and_takes_no_place_of_one_that_is_being_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.clip.frame_store.HELD", painted(0).image.nbytes)
    store = Gated(tmp_path)
    store.gate.set()
    for index in range(3):
        store.put(index, painted(index))
    store.gate.clear()
    with FrameKeeper(store, lambda index, _: None) as keeper:
        keeper.put(3, painted(3))
        for index in (0, 1):
            read = store.image(index)
            np.testing.assert_array_equal(read, painted(index).image)
            store.path(index).unlink()
            assert store.image(index) is read and store.record(index)["losses"] == painted(index).losses
            with pytest.raises(ValueError, match="read-only"):
                read[:] = 0
        with pytest.raises(DamagedFrameError):
            store.image(0)
        np.testing.assert_array_equal(store.image(3), painted(3).image)
        assert not store.path(3).exists()
        store.gate.set()


def test_of_small_frames_no_more_are_held(tmp_path: Path) -> None:
    store = FrameStore(tmp_path / "frames", range(100))
    for index in range(100):
        store.hold(index, painted(index))
    assert list(store._held) == list(range(100 - MOST_HELD, 100))


def test_a_frame_that_cannot_be_written_ends_the_painting_at_the_next_one_or_at_the_end(tmp_path: Path) -> None:
    store, told = Gated(tmp_path, fails=True), list[int]()
    store.gate.set()
    with pytest.raises(OutputError, match="disk is full"), FrameKeeper(store, lambda i, _: told.append(i)) as keeper:
        keeper.put(0, painted(0))
        keeper.put(1, painted(1))
        pytest.fail("the second one was taken")
    with pytest.raises(OutputError, match="disk is full"), FrameKeeper(store, lambda i, _: told.append(i)) as keeper:
        keeper.put(0, painted(0))
    with pytest.raises(ZeroDivisionError), FrameKeeper(store, lambda i, _: told.append(i)) as keeper:
        keeper.put(0, painted(0))
        raise ZeroDivisionError
    assert (told, store.done) == ([], 0)


@pytest.mark.parametrize("error", [KeyboardInterrupt, ZeroDivisionError])
def test_what_is_painted_is_written_however_it_ends(tmp_path: Path, error: type[BaseException]) -> None:
    store = Gated(tmp_path)
    threading.Timer(0.1, store.gate.set).start()
    with pytest.raises(error), FrameKeeper(store, lambda index, _: None) as keeper:
        keeper.put(0, painted(0))
        raise error
    assert FrameStore(tmp_path, range(9)).done == 1


def test_without_room_for_a_thread_it_is_written_all_the_same(tmp_path: Path) -> None:
    store, told = FrameStore(tmp_path, range(9)), list[int]()
    before = threading.stack_size(2**50)
    try:
        with FrameKeeper(store, lambda index, _: told.append(index)) as keeper:
            for index in range(3):
                keeper.put(index, painted(index))
                keeper.tell()
                assert told[-1] == index
    finally:
        threading.stack_size(before)
    assert FrameStore(tmp_path, range(9)).done == 3


def test_a_slow_disk_changes_no_frame_and_every_frame_told_of_is_on_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even where motion cannot be found beside the painting, and is looked for again from the right frame on."""
    inputs = moving_folder(tmp_path / "clip", FRAMES), paint_picture(tmp_path / "style.png", 3, 64, 48)
    stylize_video(*inputs, tmp_path / "whole", **HOW)
    usual = FrameStore.write

    def slow(self: FrameStore, index: int, painted: PaintedFrame) -> None:
        time.sleep(0.15)
        usual(self, index, painted)

    kept: list[tuple[int, bool]] = []

    def on_event(event: Event) -> None:
        if isinstance(event, FrameDone):
            kept.append((event.frame, (tmp_path / f"slow.reelbrush/frames/{event.frame:06d}.png").exists()))

    monkeypatch.setattr(FrameStore, "write", slow)
    short_of_memory(monkeypatch, range(4, 5))
    result = stylize_video(*inputs, tmp_path / "slow", on_event=on_event, **HOW)
    assert result.painted == FRAMES and kept == [(index, True) for index in range(FRAMES)]
    assert_same(tmp_path / "whole", tmp_path / "slow", FRAMES)
