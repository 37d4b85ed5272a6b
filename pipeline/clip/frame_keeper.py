"""Finished frames are kept in a thread while the next one is painted."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from types import TracebackType

from pipeline.clip.frame_store import FrameStore
from pipeline.network.memory import is_out_of_memory
from pipeline.style.frame import PaintedFrame

OnKept = Callable[[int, PaintedFrame], None]


class FrameKeeper:
    """Writes the frames of a pass to its store behind the painting, one at a time and in order.

    A frame is finished once it is on the disk: until then `store.done` does not count it, and nobody is told of it. So
    a kill at any instant costs one frame that was painted, and what was begun of the one after it. Painting waits only
    where writing a frame takes longer than painting the next one.
    """

    def __init__(self, store: FrameStore, on_kept: OnKept) -> None:
        """
        :param on_kept: called with each frame once it is on the disk, in the thread that paints.
        """
        self._store = store
        self._on_kept = on_kept
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="keep")
        self._writing: tuple[int, PaintedFrame, Future[None] | None] | None = None

    def put(self, index: int, painted: PaintedFrame) -> None:
        """Keep the next frame of the order, once the one before it is kept.

        :raises OutputError: the one before could not be written: the disk is full, or the folder has gone.
        """
        self.settle()
        self._writing = (index, painted, self._begin(index, painted))

    def _begin(self, index: int, painted: PaintedFrame) -> Future[None] | None:
        """What is under way; None where it is done, as there was no room for a thread."""
        self._store.hold(index, painted)
        try:
            return self._writer.submit(self._store.write, index, painted)
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
        self._store.write(index, painted)
        return None

    def tell(self) -> None:
        """Tell of a frame that has come to the disk meanwhile; never waits.

        :raises OutputError: it could not be written.
        """
        if self._writing is not None and (self._writing[2] is None or self._writing[2].done()):
            self.settle()

    def settle(self) -> None:
        """Wait until all frames are kept, and tell of them.

        :raises OutputError: one could not be written.
        """
        writing, self._writing = self._writing, None
        if writing is None:
            return
        index, painted, future = writing
        if future is not None:
            future.result()
        self._store.done += 1
        self._on_kept(index, painted)

    def __enter__(self) -> FrameKeeper:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self.settle()
            elif issubclass(kind, Exception):
                # What ended the painting counts more.
                with suppress(Exception):
                    self.settle()
        finally:
            # However it ends: what has been painted is written.
            self._writer.shutdown(wait=True)
