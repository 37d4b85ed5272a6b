"""Where a flow can be trusted: by hand, against the sample's truth, and with the flow that is really used."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.motion.flow import both_ways
from pipeline.motion.masks import disoccluded, long_term, motion_boundary, reliability
from pipeline.motion.warp import in_bounds
from tests.moving import flow_of, pairs


def test_there_and_back_is_consistent() -> None:
    assert not disoccluded(flow_of(3, -1), flow_of(-3, 1)).any()
    assert not disoccluded(flow_of(0, 0), flow_of(0, 0)).any()


@pytest.mark.parametrize(("off", "hidden"), [(0.5, False), (0.7, False), (0.72, True), (3.0, True)])
def test_the_threshold_of_a_still_is_a_half_squared(off: float, hidden: bool) -> None:
    """|w~ + w^|^2 = off^2 against 0.01 off^2 + 0.5: the change comes at 0.711."""
    assert (disoccluded(flow_of(0, 0), flow_of(off, 0)) == hidden).all()


def test_fast_motion_may_be_off_by_more() -> None:
    """1.4 off is 1.96, above 0.5; at 10 px there and 8.6 px back the limit is 0.01 (100 + 73.96) + 0.5 = 2.24."""
    assert not disoccluded(flow_of(10, 0, 12, 40), flow_of(-8.6, 0, 12, 40)).any()
    assert disoccluded(flow_of(10, 0, 12, 40), flow_of(-8.5, 0, 12, 40)).all()


def test_the_reverse_flow_is_looked_up_where_the_flow_arrives() -> None:
    flow, reverse = flow_of(4, 0), flow_of(-4, 0)
    reverse[:, 10:] = 0
    # From column 6 on the flow arrives at column 10 or later.
    assert disoccluded(flow, reverse)[0].tolist() == [False] * 6 + [True] * 10


def test_boundaries_by_hand() -> None:
    flow = flow_of(0, 0, 5, 8)
    flow[:, 4:, 0] = 0.08
    # Central differences see the step in the columns beside it: (0.08 / 2)^2 = 0.0016 is below 0.002.
    assert not motion_boundary(flow).any()
    flow[:, 4:, 0] = 0.1
    assert motion_boundary(flow)[0].tolist() == [False] * 3 + [True] * 2 + [False] * 3
    # On fast ground the same step is none: 0.01 * 1^2 is above it.
    assert not motion_boundary(flow + np.float32(1)).any()


def test_boundaries_look_down_as_well_as_across() -> None:
    flow = flow_of(0, 0, 8, 5)
    flow[4:, :, 1] = 1
    assert motion_boundary(flow)[:, 0].tolist() == [False] * 3 + [True] * 2 + [False] * 3


def test_reliability_needs_all_three() -> None:
    c = reliability(flow_of(2, 0), flow_of(-2, 0))
    assert c.dtype == np.float32
    assert c[0].tolist() == [1] * 14 + [0] * 2


def test_long_term_takes_the_nearest_frame_that_shows_a_pixel() -> None:
    near, far, farthest = (np.array([row], np.float32) for row in ([1, 0, 0, 1], [1, 1, 0, 0], [1, 1, 1, 1]))
    assert [c.tolist() for c in long_term([near, far, farthest])] == [[[1, 0, 0, 1]], [[0, 1, 0, 0]], [[0, 0, 1, 0]]]
    assert long_term([]) == []


def test_the_true_flow_of_the_sample_shows_what_is_hidden() -> None:
    """The formulas alone: measured, 0.97 of what is hidden is found and 0.998 of what is called reliable is seen."""
    found, kept = [], []
    for a, b in pairs():
        c = reliability(a.to_next, b.to_previous) == 1
        found.append((~c & a.hidden_next).sum() / a.hidden_next.sum())
        kept.append((c & ~a.hidden_next).sum() / c.sum())
    assert np.mean(found) > 0.93
    assert np.mean(kept) > 0.99


def test_the_flow_that_is_used_is_right_where_it_is_called_reliable() -> None:
    """With DIS, measured: 0.81 of the picture is called reliable; of that, 0.93 is seen in the other frame and off by
    less than a pixel (0.89 of the whole picture is). Of what is hidden, 0.53 is found: DIS carries the motion of a
    surface some pixels too far, so the far side of an edge looks consistent."""
    reliable, right, everywhere, found = [], [], [], []
    for a, b in pairs():
        flow, reverse = both_ways(a.image, b.image)
        c = reliability(flow, reverse) == 1
        good = ~a.hidden_next & (np.hypot(*np.moveaxis(flow - a.to_next, 2, 0)) < 1)
        reliable.append(c.mean())
        right.append(good[c].mean())
        everywhere.append(good.mean())
        found.append((~c & a.hidden_next).sum() / a.hidden_next.sum())
    assert np.mean(reliable) > 0.75
    assert np.mean(right) > 0.91
    assert np.mean(right) > np.mean(everywhere) + 0.02
    assert np.mean(found) > 0.45


def test_what_leaves_the_picture_is_unreliable() -> None:
    for a, b in pairs():
        gone = ~in_bounds(a.to_next)
        assert not reliability(a.to_next, b.to_previous)[gone].any()
