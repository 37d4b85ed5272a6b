"""Everything that crosses from the frames before to the one that is painted: their input and their paintings.

Before means painted before, in the same pass: on the way back through a clip that is the frame after it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import torch

from pipeline.clip.frame_store import FrameStore
from pipeline.clip.moves import Moves, PreviousPaintings, moves_now
from pipeline.clip.passes import Pass
from pipeline.clip.tracking import TrackedFrame, distances
from pipeline.motion.carry import adjusted, blended, filled
from pipeline.motion.device_flow import DeviceDis
from pipeline.motion.flow import DIS, FlowMethod
from pipeline.motion.masks import long_term
from pipeline.network.device import waits_for_launches
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

CLOSING = 1 / 3
"""Part of a circle in which it is closed. E_warp (1e-5) of a picture that sways, last frame to first and median of all
others: one pass 490 and 37; a circle without this 131 and 22; over all of it 22 and 33; over this part 21 and 30."""


MovesOf = Callable[[TrackedFrame], Moves]
"""Moves the paintings before a frame there."""


def warm_start(
    tracked: TrackedFrame,
    previous: PreviousPaintings,
    settings: Settings,
    moves_of: MovesOf | None = None,
    hold: float = 1.0,
) -> WarmStart | None:
    """What a frame of the first pass is painted from; None where a shot begins, or where nothing is to be carried.

    :param moves_of: None moves them one after the other.
    :param hold: share of the temporal loss that it has.
    """
    if tracked.before is None or settings.carry == "none":
        return None
    painting = previous.image(tracked.frame.index)
    if painting is None:
        return None
    if tracked.still:
        return WarmStart(painting)
    moves = moves_of(tracked) if moves_of is not None else moves_now(tracked, previous)
    if settings.carry == "warped":
        assert moves.opening is not None
        start = filled(moves.paintings[1], moves.opening)
    else:
        start = painting if settings.carry == "previous" else adjusted(painting, tracked.before, tracked.frame.image)
    return WarmStart(start, _expected(tracked, moves.paintings, settings, hold))


def further_start(
    tracked: TrackedFrame,
    previous: PreviousPaintings,
    own: Image,
    settings: Settings,
    closing: float | None = None,
    moves_of: MovesOf | None = None,
    hold: float = 1.0,
) -> WarmStart:
    """What a frame is painted from in a further pass.

    :param own: its painting of the pass before, which stays where the frames before do not show what it shows; all of
        it is what is started from where that is better.
    :param closing: as `closing_share` or `exemplars.shares_kept` says; None where neither says anything.
    :param moves_of: as for `warm_start`; where it fills what the frames before do not show, `own` counts for nothing.
    :param hold: as for `warm_start`.
    """
    painting = previous.image(tracked.frame.index) if tracked.ways or (tracked.still and closing is not None) else None
    if painting is None:
        return WarmStart(own)
    if tracked.still:
        everywhere = np.ones(own.shape[:2], np.float32)
        return WarmStart(blended(own, painting, everywhere, 1 - (closing or 0.0)))
    found = moves_of(tracked) if moves_of is not None else moves_now(tracked, previous, fills=False)
    moves = found.paintings
    expected = _expected(tracked, moves, settings, hold)
    if found.opening is not None:
        return WarmStart(filled(moves[1], found.opening), expected)
    if closing and expected:
        held = [TemporalTarget(one.picture, np.asarray((1 - closing) * one.weights, np.float32)) for one in expected]
        expected = (*held, TemporalTarget(own, np.full(own.shape[:2], closing, np.float32)))
    share = SHARE if closing is None else 1 - closing
    return WarmStart(blended(own, moves[1], tracked.ways[1].weights, share), expected, own if closing is None else None)


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


def _expected(
    tracked: TrackedFrame, moves: Mapping[int, Image], settings: Settings, hold: float
) -> tuple[TemporalTarget, ...]:
    """Paintings moved to this frame, each with what the nearer ones have not shown already."""
    backs = [back for back in settings.long_term if back in moves] if settings.temporal_weight and hold else []
    weights = long_term([tracked.ways[back].weights for back in backs])
    if hold != 1:
        weights = [np.asarray(hold * c, np.float32) for c in weights]
    return tuple(TemporalTarget(moves[back], c) for back, c in zip(backs, weights, strict=True))


def open_flow(settings: Settings, device: torch.device) -> FlowMethod:
    """The method behind the setting `flow`: 'dis', 'dis-cpu', 'raft' or 'raft-small'. Where nothing is to be found,
    OpenCV's DIS, as for 'dis-cpu'; 'dis' is found by a device itself that would wait for that.

    :raises WeightsError: RAFT's weights are not on this machine, or damaged. Another method never takes its place.
    """
    name = settings.flow
    wanted = distances(settings)
    if name == "dis" and wanted and waits_for_launches(device):
        return DeviceDis(device, len(wanted))
    if name in {"dis", "dis-cpu"} or not wanted:
        return DIS
    from pipeline.motion.raft import Raft

    opened = open_raft(name)
    return Raft(opened.network, f"{name} ({opened.digest[:8]})", device)
