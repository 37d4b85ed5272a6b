"""Paintings that are moved to the frames that come, ahead of them in threads."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_warm_start import HEIGHT, WIDTH, clip, settings
from tiny import picture

from pipeline.clip import moves as module
from pipeline.clip.frame_store import FrameStore
from pipeline.clip.moves import Moves, MovesAhead, PreviousPaintings, moves_now
from pipeline.clip.tracking import TrackedFrame, track_frames
from pipeline.errors import DamagedFrameError
from pipeline.motion.carry import Way, moved
from pipeline.style.frame import PaintedFrame
from pipeline.style.optimise import Stop
from pipeline.types import Image


def painted(index: int, stopped: Stop = Stop.STEPS) -> PaintedFrame:
    return PaintedFrame(picture(HEIGHT, WIDTH, seed=index), {"total": 1.0}, 5, 0.1, stopped)


@pytest.fixture(scope="module")
def tracked() -> list[TrackedFrame]:
    return list(track_frames(clip(5), 0, {0}, settings()))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[FrameStore]:
    yield FrameStore(tmp_path, range(5))


def assert_alike(one: Moves, other: Moves) -> None:
    assert list(one.paintings) == list(other.paintings)
    for back, image in one.paintings.items():
        np.testing.assert_array_equal(image, other.paintings[back])
    assert (one.opening is None) == (other.opening is None)
    if one.opening is not None and other.opening is not None:
        for name in ("new", "kept", "shown"):
            np.testing.assert_array_equal(getattr(one.opening, name), getattr(other.opening, name))


@pytest.mark.parametrize("known", ["before", "between", "after"])
@pytest.mark.parametrize("threads", [1, 3])
def test_whenever_a_frame_becomes_known_the_same_bits_are_moved_to_it(
    store: FrameStore, tracked: list[TrackedFrame], known: str, threads: int
) -> None:
    previous = PreviousPaintings(store)
    with MovesAhead(previous, threads) as ahead:
        if known == "before":
            ahead.expect(tracked[4])
        for index in range(4):
            if known == "between" and index == 2:
                ahead.expect(tracked[4])
            store.put(index, painted(index))
            ahead.painted(index)
        if known == "after":
            ahead.expect(tracked[4])
        found = ahead.take(tracked[4])
    assert sorted(found.paintings) == [1, 2, 4] and found.opening is not None
    assert_alike(found, moves_now(tracked[4], previous))


def test_the_farther_ones_are_moved_while_the_nearest_is_being_painted(
    store: FrameStore, tracked: list[TrackedFrame], monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = {back: threading.Event() for back in (1, 2, 4)}

    def watched(painting: Image, way: Way, rows: slice) -> Image:
        next(event for back, event in begun.items() if tracked[4].ways[back] is way).set()
        return moved(painting, way, rows)

    monkeypatch.setattr(module, "moved", watched)
    with MovesAhead(PreviousPaintings(store), 2) as ahead:
        ahead.expect(tracked[4])
        for index in range(3):
            store.put(index, painted(index))
            ahead.painted(index)
        assert begun[2].wait(10) and begun[4].wait(10)
        assert not begun[1].is_set()
        store.put(3, painted(3))
        ahead.painted(3)
        assert sorted(ahead.take(tracked[4]).paintings) == [1, 2, 4]


def test_nothing_is_moved_of_a_painting_that_did_not_settle(store: FrameStore, tracked: list[TrackedFrame]) -> None:
    previous = PreviousPaintings(store)
    with MovesAhead(previous, 2, fills=False) as ahead:
        ahead.expect(tracked[4])
        for index in range(4):
            store.put(index, painted(index, Stop.UNSTABLE if index == 2 else Stop.STEPS))
            ahead.painted(index)
        found = ahead.take(tracked[4])
    assert sorted(found.paintings) == [1, 4] and found.opening is None
    assert_alike(found, moves_now(tracked[4], previous, fills=False))


def test_where_there_is_no_room_beside_the_painting_they_are_moved_when_they_are_wanted(
    store: FrameStore, tracked: list[TrackedFrame], monkeypatch: pytest.MonkeyPatch
) -> None:
    previous = PreviousPaintings(store)
    for index in range(4):
        store.put(index, painted(index))
    wanted = moves_now(tracked[4], previous)

    before = threading.stack_size(2**50)
    try:
        with MovesAhead(previous, 2) as ahead:
            ahead.expect(tracked[4])
            assert_alike(ahead.take(tracked[4]), wanted)
    finally:
        threading.stack_size(before)

    def no_memory(*arguments: Any) -> Image:
        if threading.current_thread() is not threading.main_thread():
            raise MemoryError
        return moved(*arguments)

    monkeypatch.setattr(module, "moved", no_memory)
    with MovesAhead(previous, 2) as ahead:
        ahead.expect(tracked[4])
        assert_alike(ahead.take(tracked[4]), wanted)


def test_what_the_pass_before_made_of_a_frame_is_read_ahead(
    tmp_path: Path, store: FrameStore, tracked: list[TrackedFrame]
) -> None:
    earlier = FrameStore(tmp_path / "earlier", range(5))
    for index in range(5):
        earlier.put(index, painted(index))
    with MovesAhead(PreviousPaintings(store), 2, fills=False, earlier=earlier) as ahead:
        for index in (0, 4):
            ahead.expect(tracked[index])
        ahead._pool.shutdown()
        for index in (0, 4):
            earlier.path(index).unlink()
            np.testing.assert_array_equal(earlier.image(index), painted(index).image)
    earlier.path(1).unlink()
    with MovesAhead(PreviousPaintings(store), 2, fills=False, earlier=earlier) as ahead:
        ahead.expect(tracked[1])
        ahead._pool.shutdown()
        with pytest.raises(DamagedFrameError):
            earlier.image(1)


def test_what_is_too_large_is_not_moved_ahead_and_what_is_not_wanted_is_let_go(
    store: FrameStore, tracked: list[TrackedFrame], monkeypatch: pytest.MonkeyPatch
) -> None:
    with MovesAhead(PreviousPaintings(store), 2) as ahead:
        for index in range(5):
            ahead.expect(tracked[index])
            store.put(index, painted(index))
            ahead.painted(index)
        assert not ahead._begun and not ahead._waiting
        monkeypatch.setattr(module, "AHEAD", HEIGHT * WIDTH - 1)
        ahead.expect(tracked[4])
        assert not ahead._begun
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("move")]
