"""The monitor: which losses of a carried frame are a reason to paint it anew."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from tiny import picture, tiny_settings

from pipeline.clip.frame_store import FrameStore
from pipeline.clip.loss_monitor import FEWEST, RECENT, LossMonitor, monitor_at
from pipeline.style.frame import PaintedFrame
from pipeline.style.optimise import Stop

FRAME = picture(48, 64, seed=2)
OTHER = picture(48, 64, seed=9)


def painted(loss: float, stopped: Stop = Stop.STEPS, temporal: float = 0.0) -> PaintedFrame:
    return PaintedFrame(np.zeros((4, 4, 3), np.uint8), {"total": loss, "temporal": temporal}, 5, 0.1, stopped)


def monitor(*losses: float, temporal_weight: float = 0.0) -> LossMonitor:
    found = LossMonitor(tiny_settings(temporal_weight=temporal_weight))
    for loss in losses:
        found.add({"total": loss})
    return found


@pytest.mark.parametrize(("loss", "wrong"), [(0.1, False), (1.0, False), (1.49, False), (1.51, True), (9.0, True)])
def test_a_loss_far_above_the_usual_is_wrong(loss: float, wrong: bool) -> None:
    assert monitor(1.0, 1.2, 0.8, 1.0).suspects(painted(loss), FRAME, FRAME) is wrong


def test_not_where_the_input_has_changed() -> None:
    assert not monitor(1.0, 1.0, 1.0).suspects(painted(9.0), FRAME, OTHER)
    assert monitor(1.0, 1.0, 1.0).suspects(painted(9.0), FRAME, np.roll(FRAME, 2, axis=1)), "motion is no change"


def test_not_where_it_has_risen_bit_by_bit() -> None:
    found = monitor(*[1.4**step for step in range(10)])
    assert not found.suspects(painted(1.4**10), FRAME, FRAME)
    assert found.suspects(painted(1.4**11), FRAME, FRAME)


def test_not_where_nothing_is_usual_yet() -> None:
    assert not monitor(*[1.0] * (FEWEST - 1)).suspects(painted(9.0), FRAME, FRAME)
    known = monitor(1.0, 1.0, 1.0)
    known.add({"total": 9.0}, begins_shot=True)
    assert not known.suspects(painted(9.0), FRAME, FRAME)


@pytest.mark.parametrize(("loss", "wrong"), [(1.9, False), (3.1, True)])
@pytest.mark.parametrize("count", range(FEWEST))
def test_the_first_frame_of_a_shot_says_what_is_usual_while_nothing_else_does(
    count: int, loss: float, wrong: bool
) -> None:
    found = monitor()
    found.add({"total": 2.0}, begins_shot=True)
    for _ in range(count):
        found.add({"total": 2.0})
    assert found.suspects(painted(loss), FRAME, FRAME) is wrong
    found.add({"total": 9.0}, begins_shot=True)
    assert not found.suspects(painted(loss), FRAME, FRAME)


def test_the_first_frame_counts_no_longer_once_others_do() -> None:
    found = monitor()
    found.add({"total": 9.0}, begins_shot=True)
    for _ in range(FEWEST):
        found.add({"total": 1.0})
    assert found.suspects(painted(1.6), FRAME, FRAME)


@pytest.mark.parametrize("done", range(1, RECENT + 3))
def test_a_monitor_that_goes_on_knows_what_it_knew(tmp_path: Path, done: int) -> None:
    """Of a shot that begins at frame 1."""
    store = FrameStore(tmp_path, range(20))
    whole = monitor()
    for index in range(done):
        result = painted(1.0 + index)
        store.put(index, result)
        whole.add(result.losses, begins_shot=index in (0, 1))
    again = monitor_at(tiny_settings(temporal_weight=0.0), {0, 1}, store)
    for loss in np.arange(0.5, 30.0, 0.5):
        assert again.suspects(painted(loss), FRAME, FRAME) == whole.suspects(painted(loss), FRAME, FRAME)


@pytest.mark.parametrize("loss", [math.nan, math.inf])
def test_always_where_it_did_not_settle(loss: float) -> None:
    assert monitor().suspects(painted(loss), FRAME, OTHER)
    assert monitor(1.0).suspects(painted(1.0, Stop.UNSTABLE), FRAME, OTHER)


def test_only_the_last_frames_count() -> None:
    assert not monitor(*[1.0] * 50, *[9.0] * RECENT).suspects(painted(9.0), FRAME, FRAME)


def test_the_temporal_loss_does_not_count() -> None:
    found = monitor(1.0, 1.0, 1.0, temporal_weight=10.0)
    assert found.loss({"total": 3.0, "temporal": 0.2}) == pytest.approx(1.0)
    assert not found.suspects(painted(3.0, temporal=0.2), FRAME, FRAME)
