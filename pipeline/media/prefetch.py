"""Items in another order than they are asked for: computed ahead in a thread, or frames from the last to the first."""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Generic, TypeVar

from pipeline.media.frame import Frame, FrameSource
from pipeline.media.frame_spool import FrameSpool

T = TypeVar("T")

HELD = 128 * 2**20
"""Bytes of frames that are held at once on the way back. Of a clip of 512x288 these are 300; each one before them
waits on the disk, with 160 to 280 KB, and takes 6 ms to be put there and read again."""
_DECODED = ("video", "animation")
"""Kinds of clips that are decoded from their beginning, wherever in them one begins."""
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

    :param items: run in the thread, and closed there if it is a generator.
    :param depth: how many finished items may wait; at most `depth + 1` exist beside the one in use.
    :param cancel: makes a blocked `items` return soon, for instance by ending the process it reads from.
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


def backward(
    source: FrameSource, end: int, held: int = HELD, folder: Path | None = None
) -> Generator[Frame, None, None]:
    """Yield frames `end` - 1 down to 0; the same, bit for bit, as those that come forward. A clip that is decoded from
    its beginning, wherever in it one begins, is decoded once.

    :param held: bytes of frames that may be in memory at once; at least `FEWEST` frames are.
    :param folder: on whose disk others wait; None: where the system keeps such files.
    :raises OutputError: while iterating: there is no room for them.
    """
    several = max(FEWEST, held // (source.info.height * source.info.width * 3))
    if end > several and source.info.kind in _DECODED:
        yield from _decoded_once(source, end, several, folder)
        return
    while end > 0:
        begin = max(0, end - several)
        with closing(source.frames(begin)) as frames:
            held_frames = list(islice(frames, end - begin))
        while held_frames:
            yield held_frames.pop()
        end = begin


def _decoded_once(source: FrameSource, end: int, several: int, folder: Path | None) -> Generator[Frame, None, None]:
    with FrameSpool(folder) as spool:
        last: deque[Frame] = deque()
        with closing(source.frames()) as frames:
            for frame in islice(frames, end):
                last.append(frame)
                if len(last) > several:
                    spool.put(last.popleft())
        while last:
            yield last.pop()
        while len(spool):
            yield spool.pop()
