"""The frames of a pass, each found again in those before it: ahead of the painting, in threads.

Before means painted before, in the same pass: on the way back through a clip that is the frame after it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np

from pipeline.media.frame import Frame
from pipeline.motion.carry import Way, found_again
from pipeline.motion.device_flow import DeviceDis
from pipeline.motion.flow import DIS, FlowMethod
from pipeline.settings import Settings
from pipeline.types import Image

Find = Callable[[Image, Image], Way]
"""Finds the second frame, the later one, in the first one; uint8 (H, W, 3)."""


@dataclass(frozen=True)
class FindTogether:
    """Finds a frame in all earlier ones at once."""

    ways: Callable[[Mapping[int, Image], Image], Mapping[int, Way]]
    """Finds the second argument in each of the first ones, by whatever name these have."""


FIND: Find = partial(found_again, method=DIS)


def find_by(flow: FlowMethod) -> Find | FindTogether:
    """How frames are found in earlier ones by a method."""
    return FindTogether(flow.ways) if isinstance(flow, DeviceDis) else partial(found_again, method=flow)


AHEAD = 2**20
"""Pixels of frames that are looked for beside one another. Each takes some 110 bytes a pixel until it is painted."""


@dataclass(frozen=True)
class TrackedFrame:
    """A frame of the input, and what it has in common with the frames before it in its shot."""

    frame: Frame
    before: Image | None
    """The frame before it; None where a shot is entered."""
    ways: Mapping[int, Way] = field(default_factory=dict)
    """How paintings get to it, of the frames before that it was found in; by how many frames they lie back."""

    @property
    def still(self) -> bool:
        """Whether nothing at all has changed since the frame before."""
        return self.before is not None and np.array_equal(self.before, self.frame.image)


def distances(settings: Settings) -> tuple[int, ...]:
    """How many frames back the frames lie that have to be found again, nearest first."""
    if settings.carry == "none":
        return ()
    wanted = set(settings.long_term) if settings.temporal_weight else set()
    return tuple(sorted(wanted | ({1} if settings.carry == "warped" else set())))


def lookback(settings: Settings) -> int:
    """Frames before a frame that have to be read to paint it, at least one."""
    return max((1, *distances(settings)))


def track_frames(
    frames: Iterable[Frame],
    first: int,
    entered: Container[int],
    settings: Settings,
    find: Find | FindTogether = FIND,
    threads: int = 1,
) -> Iterator[TrackedFrame]:
    """The frames from number `first` on. No more than `lookback` of the frames before are kept.

    :param frames: in the order of their pass, from `lookback` frames before `first` on, or from its start.
    :param entered: the frames with which a shot is entered.
    :param find: finds a frame in earlier ones; in several threads.
    :param threads: in which frames are found again, those of a few frames at once. What is found is the same.
    """
    searches = _searches(frames, first, entered, settings)
    if threads == 1:
        for tracked, pairs in searches:
            yield replace(tracked, ways=_found(find, tracked.frame.image, pairs))
        return
    pool = ThreadPoolExecutor(threads, thread_name_prefix="track")
    begun: deque[tuple[TrackedFrame, _Begun]] = deque()
    try:
        for tracked, pairs in searches:
            begun.append((tracked, _begin(pool, find, tracked.frame.image, pairs)))
            while len(begun) > max(1, AHEAD // tracked.frame.image[..., 0].size):
                yield _ended(*begun.popleft())
        while begun:
            yield _ended(*begun.popleft())
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


_Begun = Mapping[int, Future[Way]] | Future[Mapping[int, Way]]


def _found(find: Find | FindTogether, later: Image, earliers: Mapping[int, Image]) -> Mapping[int, Way]:
    if isinstance(find, FindTogether):
        return find.ways(earliers, later) if earliers else {}
    return {back: find(earlier, later) for back, earlier in earliers.items()}


def _begin(pool: ThreadPoolExecutor, find: Find | FindTogether, later: Image, earliers: Mapping[int, Image]) -> _Begun:
    if isinstance(find, FindTogether):
        return pool.submit(_found, find, later, earliers)
    return {back: pool.submit(find, earlier, later) for back, earlier in earliers.items()}


def _ended(tracked: TrackedFrame, begun: _Begun) -> TrackedFrame:
    if isinstance(begun, Future):
        return replace(tracked, ways=begun.result())
    return replace(tracked, ways={back: one.result() for back, one in begun.items()})


def _searches(
    frames: Iterable[Frame], first: int, entered: Container[int], settings: Settings
) -> Iterator[tuple[TrackedFrame, dict[int, Image]]]:
    """The frames from number `first` on, each with the earlier ones that it has to be found in, by how many frames they
    lie back."""
    wanted = distances(settings)
    kept: deque[Image] = deque(maxlen=lookback(settings))
    begun = False
    for frame in frames:
        if frame.index in entered:
            kept.clear()
        begun = begun or frame.index == first
        if begun:
            tracked = TrackedFrame(frame, kept[-1] if kept else None)
            there = [] if tracked.still else [back for back in wanted if back <= len(kept)]
            yield tracked, {back: kept[-back] for back in there}
        kept.append(frame.image)
