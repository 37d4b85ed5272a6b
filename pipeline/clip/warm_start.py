"""Everything that crosses from the frames before to the one that is painted: their input and their paintings.

Before means painted before, in the same pass: on the way back through a clip that is the frame after it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Container, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace

import numpy as np
import torch

from pipeline.clip.frame_store import FrameStore
from pipeline.clip.passes import Pass
from pipeline.clip.side_by_side import side_by_side
from pipeline.media.frame import Frame
from pipeline.motion.carry import adjusted, blended, filled, found_again, moved
from pipeline.motion.flow import DIS, FlowMethod
from pipeline.motion.masks import long_term
from pipeline.motion.track import Track
from pipeline.network.raft import open_raft
from pipeline.settings import Settings
from pipeline.style.frame import TemporalTarget, WarmStart
from pipeline.style.optimise import Stop
from pipeline.types import Image

SHARE = 1.0
"""Of the neighbour's painting in what a frame of a further pass starts from: delta of Ruder et al., who take 1/2. After
the 20 steps of a usual pass it makes no difference (mean loss of 36 frames 1.2341 at 1/2, 1.2340 at 1), because the
temporal loss leads to the same painting. With one to three, what was mixed of two paintings that differ is neither, and
stays so: the last frame of such a pass ended at 1.61 from half of each, and at 1.32 from the neighbour's."""

AHEAD = 2**20
"""Pixels of frames that are looked for beside one another. Each takes some 110 bytes a pixel until it is painted."""

CLOSING = 1 / 3
"""Part of a circle in which it is closed. E_warp (1e-5) of a picture that sways, last frame to first and median of all
others: one pass 490 and 37; a circle without this 131 and 22; over all of it 22 and 33; over this part 21 and 30."""


@dataclass(frozen=True)
class TrackedFrame:
    """A frame of the input, and what it has in common with the frames before it in its shot."""

    frame: Frame
    before: Image | None
    """The frame before it; None where a shot is entered."""
    tracks: Mapping[int, Track] = field(default_factory=dict)
    """Frames before it found again in this one, by how many frames they lie back."""

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
    flow: FlowMethod = DIS,
    threads: int = 1,
) -> Iterator[TrackedFrame]:
    """The frames from number `first` on. No more than `lookback` of the frames before are kept.

    :param frames: in the order of their pass, from `lookback` frames before `first` on, or from its start.
    :param entered: the frames with which a shot is entered.
    :param threads: in which frames are found again, those of a few frames at once. What is found is the same.
    """
    searches = _searches(frames, first, entered, settings)
    if threads == 1:
        for tracked, pairs in searches:
            yield replace(tracked, tracks={back: found_again(*pair, flow) for back, pair in pairs.items()})
        return
    pool = ThreadPoolExecutor(threads, thread_name_prefix="track")
    begun: deque[tuple[TrackedFrame, dict[int, Future[Track]]]] = deque()
    try:
        for tracked, pairs in searches:
            begun.append((tracked, {back: pool.submit(found_again, *pair, flow) for back, pair in pairs.items()}))
            while len(begun) > max(1, AHEAD // tracked.frame.image[..., 0].size):
                yield _ended(*begun.popleft())
        while begun:
            yield _ended(*begun.popleft())
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _ended(tracked: TrackedFrame, found: Mapping[int, Future[Track]]) -> TrackedFrame:
    return replace(tracked, tracks={back: one.result() for back, one in found.items()})


def _searches(
    frames: Iterable[Frame], first: int, entered: Container[int], settings: Settings
) -> Iterator[tuple[TrackedFrame, dict[int, tuple[Image, Image]]]]:
    """The frames from number `first` on, each with the pairs of pictures that have to be found in one another: by how
    many frames they lie back, the earlier one and the frame itself."""
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
            yield tracked, {back: (kept[-back], frame.image) for back in there}
        kept.append(frame.image)


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


def warm_start(tracked: TrackedFrame, previous: PreviousPaintings, settings: Settings) -> WarmStart | None:
    """What a frame of the first pass is painted from; None where a shot begins, or where nothing is to be carried."""
    if tracked.before is None or settings.carry == "none":
        return None
    now = tracked.frame.image
    painting = previous.image(tracked.frame.index)
    if painting is None:
        return None
    if tracked.still:
        return WarmStart(painting)
    moves = _moves(tracked, previous, painting)
    if settings.carry == "warped":
        start = filled(moves[1], now, tracked.tracks[1].weights)
    else:
        start = painting if settings.carry == "previous" else adjusted(painting, tracked.before, now)
    return WarmStart(start, _expected(tracked, moves, settings))


def further_start(
    tracked: TrackedFrame,
    previous: PreviousPaintings,
    own: Image,
    settings: Settings,
    closing: float | None = None,
) -> WarmStart:
    """What a frame is painted from in a further pass.

    :param own: its painting of the pass before, which stays where the frames before do not show what it shows; all of
        it is what is started from where that is better.
    :param closing: as `closing_share` says; None where no circle is closed.
    """
    painting = previous.image(tracked.frame.index) if tracked.tracks else None
    if painting is None:
        return WarmStart(own)
    moves = _moves(tracked, previous, painting)
    expected = _expected(tracked, moves, settings)
    if closing and expected:
        held = [TemporalTarget(one.picture, np.asarray((1 - closing) * one.weights, np.float32)) for one in expected]
        expected = (*held, TemporalTarget(own, np.full(own.shape[:2], closing, np.float32)))
    share = SHARE if closing is None else 1 - closing
    return WarmStart(
        blended(own, moves[1], tracked.tracks[1].weights, share), expected, own if closing is None else None
    )


def closing_share(earlier: FrameStore, one: Pass, index: int) -> float:
    """How far a frame on a circle is held to its painting of the pass before, 0 to 1; the rest is for what the frames
    before it lead to.

    The first frame of the order is led from the painting of the last one, which therefore has to stay: 1. Were all
    others led on from frame to frame, what remains of the difference would lie before that one. Here it is spread over
    the last part of the way. Frames that follow without any change are one with a frame: they will get its painting.

    :param earlier: the pass before, which went the other way.
    """
    place = one.order.index(index)
    while place + 1 < one.frames and earlier.record(one.order[place])["stopped"] == Stop.STILL.value:
        place += 1
    return max(0.0, 1 - (one.frames - 1 - place) / (CLOSING * one.frames))


def _moves(tracked: TrackedFrame, previous: PreviousPaintings, nearest: Image) -> dict[int, Image]:
    """The paintings of the frames before that are found again in this one, moved there.

    :param nearest: the painting of the one right before it.
    """
    index, now = tracked.frame.index, tracked.frame.image
    found = {back: nearest if back == 1 else previous.image(index, back) for back in tracked.tracks}
    there = {back: one for back, one in found.items() if one is not None}
    # While they are moved nothing is painted.
    threads = torch.get_num_threads() if now[..., 0].size <= AHEAD else 1
    images = side_by_side(lambda back: moved(there[back], now, tracked.tracks[back]), [*there], threads)
    return dict(zip(there, images, strict=True))


def _expected(tracked: TrackedFrame, moves: Mapping[int, Image], settings: Settings) -> tuple[TemporalTarget, ...]:
    """Paintings moved to this frame, each with what the nearer ones have not shown already."""
    backs = [back for back in settings.long_term if back in moves] if settings.temporal_weight else []
    weights = long_term([tracked.tracks[back].weights for back in backs])
    return tuple(TemporalTarget(moves[back], c) for back, c in zip(backs, weights, strict=True))


def open_flow(settings: Settings, device: torch.device) -> FlowMethod:
    """The method behind the setting `flow`: 'dis', 'raft' or 'raft-small'. Where nothing is to be found, DIS.

    :raises WeightsError: RAFT's weights are not on this machine, or damaged. Another method never takes its place.
    """
    name = settings.flow
    if name == "dis" or not distances(settings):
        return DIS
    from pipeline.motion.raft import Raft

    opened = open_raft(name)
    return Raft(opened.network, f"{name} ({opened.digest[:8]})", device)
