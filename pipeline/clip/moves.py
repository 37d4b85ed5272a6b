"""The paintings of the frames before, moved to where their things are in the frame that is painted next.

Before means painted before, in the same pass: on the way back through a clip that is the frame after it.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from itertools import pairwise
from types import TracebackType

import numpy as np

from pipeline.clip.frame_store import FrameStore
from pipeline.clip.helper_threads import HelperThreads
from pipeline.clip.tracking import AHEAD, TrackedFrame
from pipeline.motion.carry import Opening, moved, opening
from pipeline.network.memory import is_out_of_memory
from pipeline.types import Image

BANDS = 8
"""Pieces in which a painting is moved that everything waits for, at most."""
LEAST_ROWS = 16
"""Rows of such a piece, at least."""


class PreviousPaintings:
    """The paintings that cross from the frames before to the one that is painted, in the order of their pass.

    Nothing else knows where they are. They are read back from the store rather than remembered: a resumed job starts
    from the same pixels.
    """

    def __init__(self, store: FrameStore, behind: FrameStore | None = None) -> None:
        """
        :param store: of the pass that is painted.
        :param behind: of a pass that closes a circle, the whole pass before: its paintings of the last frames of the
            order lie before the first one.
        """
        self._store = store
        self._behind = behind

    def find(self, index: int, back: int = 1) -> tuple[FrameStore, int] | None:
        """Where the painting lies that is `back` frames before frame `index`: the frames it is among, and its number.
        None before the first."""
        order = self._store.order
        place = order.index(index) - back
        if place >= 0:
            return self._store, order[place]
        return None if self._behind is None else (self._behind, order[place])

    def image(self, index: int, back: int = 1) -> Image | None:
        """The painting so many frames before frame `index`, uint8 (H, W, 3); None where there is none, or where it came
        out unstable: nothing may start from it then.

        :raises DamagedFrameError: its file is no longer what was written.
        """
        found = self.find(index, back)
        if found is None:
            return None
        store, number = found
        return store.image(number) if store.stable(number) else None


@dataclass(frozen=True)
class Moves:
    """What there is of the frames before in a frame that is to be painted."""

    paintings: Mapping[int, Image]
    """Moved to where their things are now, by how many frames they lie back; uint8 (H, W, 3)."""
    opening: Opening | None = None
    """What the nearest of them does not show, where that is filled."""


def moves_now(tracked: TrackedFrame, previous: PreviousPaintings, fills: bool = True) -> Moves:
    """The paintings that a frame is found again in, moved one after the other.

    :param fills: whether what the nearest one does not show is filled.
    """
    index, ways = tracked.frame.index, tracked.ways
    found = {back: previous.image(index, back) for back in ways}
    paintings = {back: moved(one, ways[back]) for back, one in found.items() if one is not None}
    return Moves(paintings, opening(tracked.frame.image, ways[1].weights) if fills and 1 in ways else None)


@dataclass
class _Begun:
    """What is under way for a frame."""

    tracked: TrackedFrame
    opening: Future[Opening] | None = None
    paintings: dict[int, tuple[Image, list[Future[None]]]] = field(default_factory=dict)
    """Where each is put together, and what has to end before it is whole."""


class MovesAhead:
    """Moves every painting as soon as it is there to the frames that are known by then, in threads.

    Of what a frame starts from, the painting right before it comes last, and everything waits for that: it is moved in
    bands, by several threads at once. Frames that are too large for that, or for which there are no threads, are moved
    when they are asked for. The bits are the same.
    """

    def __init__(
        self, previous: PreviousPaintings, threads: int, fills: bool = True, earlier: FrameStore | None = None
    ) -> None:
        """
        :param threads: in which paintings are moved; with 1 nothing is done ahead.
        :param fills: as `moves_now`.
        :param earlier: the pass before, whose painting of each frame will be wanted as well: it is read ahead.
        """
        self._earlier = earlier
        self._previous = previous
        self._fills = fills
        self._threads = threads
        self._pool = HelperThreads(threads, thread_name_prefix="move")
        self._lock = threading.Lock()
        self._begun: dict[int, _Begun] = {}
        self._waiting: dict[int, list[tuple[int, _Begun]]] = {}
        """By the number of a painting that is not there yet: how far it lies back, and the frame that it is for."""

    def expect(self, tracked: TrackedFrame) -> None:
        """Begin with a frame that will be painted; in any thread."""
        index, now, ways = tracked.frame.index, tracked.frame.image, tracked.ways
        if self._threads == 1 or now[..., 0].size > AHEAD:
            return
        if self._earlier is not None:
            # It stays in memory for a while, or its error will come when it is asked for.
            self._pool.submit(self._earlier.image, index)
        if not ways:
            return
        begun = _Begun(tracked)
        if self._fills and 1 in ways:
            begun.opening = self._pool.submit(opening, now, ways[1].weights)
        with self._lock:
            self._begun[index] = begun
            for back in sorted(ways):
                found = self._previous.find(index, back)
                if found is None or found[0].has(found[1]):
                    self._move(begun, back)
                else:
                    self._waiting.setdefault(found[1], []).append((back, begun))

    def painted(self, index: int) -> None:
        """Take note that a painting is there: that of a frame of this pass."""
        with self._lock:
            self._begun.pop(index, None)
            for back, begun in sorted(self._waiting.pop(index, []), key=lambda one: one[0]):
                self._move(begun, back)

    def take(self, tracked: TrackedFrame) -> Moves:
        """What there is for a frame, all of whose paintings before are there; waits until it is whole."""
        with self._lock:
            begun = self._begun.pop(tracked.frame.index, None)
        if begun is not None:
            try:
                return self._whole(begun)
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
        return moves_now(tracked, self._previous, self._fills)

    def _whole(self, begun: _Begun) -> Moves:
        paintings = {}
        for back in begun.tracked.ways:
            if back in begun.paintings:
                paintings[back], parts = begun.paintings[back]
                for part in parts:
                    part.result()
        return Moves(paintings, None if begun.opening is None else begun.opening.result())

    def _move(self, begun: _Begun, back: int) -> None:
        """Begin to move a painting that is there."""
        tracked = begun.tracked
        painting = self._previous.image(tracked.frame.index, back)
        if painting is None:
            return
        height = len(painting)
        whole: Image = np.empty_like(painting)

        def move(rows: slice) -> None:
            whole[rows] = moved(painting, tracked.ways[back], rows)

        bands = max(1, min(BANDS, self._threads, height // LEAST_ROWS)) if back == 1 else 1
        edges = [height * band // bands for band in range(bands + 1)]
        begun.paintings[back] = whole, [self._pool.submit(move, slice(*ends)) for ends in pairwise(edges)]

    def __enter__(self) -> MovesAhead:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.__exit__(kind, error, trace)
