"""Things done in several threads at once."""

from __future__ import annotations

import threading

import pytest

from pipeline.clip.side_by_side import side_by_side


def test_results_come_in_the_order_of_the_items_and_really_side_by_side() -> None:
    meeting = threading.Barrier(3)

    def work(item: int) -> int:
        meeting.wait(10)
        return 10 * item

    assert side_by_side(work, [3, 1, 2], 3) == [30, 10, 20]
    assert side_by_side(lambda item: item + threading.active_count(), [0], 3) == [threading.active_count()]
    assert side_by_side(str, [], 3) == []


def test_an_error_is_raised_once_all_have_ended() -> None:
    ended: list[int] = []

    def work(item: int) -> None:
        if item == 0:
            raise RuntimeError("of the first")
        ended.append(item)

    with pytest.raises(RuntimeError, match="of the first"):
        side_by_side(work, [0, 1, 2], 2)
    assert sorted(ended) == [1, 2], "and nothing was done twice"


def test_without_room_for_threads_it_is_done_one_after_another() -> None:
    before = threading.stack_size(2**50)
    try:
        assert side_by_side(lambda item: threading.current_thread().name, [1, 2], 2) == ["MainThread"] * 2
    finally:
        threading.stack_size(before)
