"""Work ahead of who consumes: an iterator run in a thread, behind a queue of a few items."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator, Iterator
from typing import Generic, TypeVar

T = TypeVar("T")


class _End:
    pass


class _Failure(Generic[T]):
    def __init__(self, error: BaseException) -> None:
        self.error = error


def prefetch(items: Iterator[T], depth: int = 4, cancel: Callable[[], None] | None = None) -> Generator[T, None, None]:
    """Yield what `items` yields, computed up to `depth` items ahead in a thread.

    An error inside `items` is raised where its item would have come. Closing the result early (or dropping it)
    calls `cancel`, closes `items` and joins the thread before it returns. Nothing runs before the first `next`.

    Args:
        items: run in the thread, and closed there if it is a generator.
        depth: how many finished items may wait; at most `depth + 1` exist beside the one in use.
        cancel: makes a blocked `items` return soon, for instance by ending the process it reads from.
    """
    waiting: queue.Queue[T | _End | _Failure[T]] = queue.Queue(maxsize=max(1, depth))
    stopping = threading.Event()

    def work() -> None:
        try:
            for item in items:
                waiting.put(item)
                if stopping.is_set():
                    return
            waiting.put(_End())
        except BaseException as error:  # handed over, raised by the consumer
            if not stopping.is_set():
                waiting.put(_Failure(error))
        finally:
            close = getattr(items, "close", None)
            if close is not None:
                close()

    worker = threading.Thread(target=work, name="prefetch", daemon=True)
    worker.start()
    try:
        while True:
            item = waiting.get()
            if isinstance(item, _End):
                return
            if isinstance(item, _Failure):
                raise item.error
            yield item
    finally:
        stopping.set()
        if cancel is not None:
            cancel()
        while worker.is_alive():
            # Room for what the worker may be waiting to hand over.
            try:
                waiting.get(timeout=0.05)
            except queue.Empty:
                worker.join(timeout=0.05)
