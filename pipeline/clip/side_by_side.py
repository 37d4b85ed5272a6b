"""A few things done in threads of their own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def side_by_side(work: Callable[[Item], Result], items: Sequence[Item], threads: int) -> list[Result]:
    """What `work` makes of each item, in their order; where there is no room for a thread, one after another.

    :param work: gives the same for the same, however often it is called.
    :param threads: at most.
    """
    several = min(threads, len(items))
    if several > 1:
        try:
            with ThreadPoolExecutor(several) as pool:
                begun = [pool.submit(work, item) for item in items]
        except RuntimeError:
            # Python's word for a thread that could not be started; what `work` raises comes with its result.
            pass
        else:
            return [one.result() for one in begun]
    return [work(item) for item in items]
