"""Items in another order than they are asked for: computed ahead in a thread, or frames from the last to the first."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from itertools import islice
from typing import Generic, TypeVar

from pipeline.media.frame import Frame, FrameSource

T = TypeVar("T")

HELD = 128 * 2**20
"""Bytes of frames that are held at once, so that a source is not decoded from its beginning for every frame. Of five
minutes in 720p, painted at 512 pixels, that costs 0.14 s a frame; to keep each one as a PNG and read it again 0.17 s,
and the disk."""
FEWEST = 8
"""Frames that are held however large they are."""


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


def backward(source: FrameSource, end: int, held: int = HELD) -> Generator[Frame, None, None]:
    """Yield frames `end` - 1 down to 0; the same, bit for bit, as those that come forward.

    :param held: bytes of frames that may be in memory at once; at least `FEWEST` frames are.
    """
    several = max(FEWEST, held // (source.info.height * source.info.width * 3))
    while end > 0:
        begin = max(0, end - several)
        with closing(source.frames(begin)) as frames:
            held_frames = list(islice(frames, end - begin))
        while held_frames:
            yield held_frames.pop()
        end = begin
