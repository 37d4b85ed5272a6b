"""Things done in other threads, where there is room for them."""

from __future__ import annotations

import threading

import pytest

from pipeline.clip.helper_threads import HelperThreads


def test_work_is_done_side_by_side_and_its_errors_come_with_its_result() -> None:
    meeting = threading.Barrier(3)

    def work(number: int) -> int:
        meeting.wait(10)
        return 10 // number

    with HelperThreads(3) as threads:
        begun = [threads.submit(work, number) for number in (0, 1, 2)]
        assert [one.result() for one in begun[1:]] == [10, 5]
        with pytest.raises(ZeroDivisionError):
            begun[0].result()


def test_without_room_for_a_thread_it_is_done_at_once_and_only_once() -> None:
    done: list[tuple[int, str]] = []

    def work(number: int) -> int:
        done.append((number, threading.current_thread().name))
        return 10 // number

    with HelperThreads(1, thread_name_prefix="helper") as threads:
        before = threading.stack_size(2**50)
        try:
            begun = [threads.submit(work, number) for number in (5, 0)]
        finally:
            threading.stack_size(before)
        assert begun[0].result() == 2
        with pytest.raises(ZeroDivisionError):
            begun[1].result()
        # What is left in the queue of those is nothing.
        assert threads.submit(work, 1).result() == 10
    assert done == [(5, "MainThread"), (0, "MainThread"), (1, "helper_0")]


def test_what_has_not_begun_is_dropped_at_the_end() -> None:
    gate, begun = threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        gate.wait(10)

    with HelperThreads(1) as threads:
        first, second = threads.submit(work), threads.submit(work)
        assert begun.wait(10)
        threading.Timer(0.05, gate.set).start()
    assert first.done() and not first.cancelled()
    assert second.cancelled()
