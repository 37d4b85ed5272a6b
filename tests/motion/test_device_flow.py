"""Motion found on the device that paints: the ways are those of the CPU, and what is recorded finds them again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from jobs import SMALL, assert_same, moving_folder, paint_picture
from moving import led, panned, sample_frames
from simulated_gpu import simulated_gpu
from tape import Tape
from tiny import CPU, picture

from pipeline.clip import warm_start
from pipeline.clip.warm_start import open_flow
from pipeline.motion import device_flow
from pipeline.motion.carry import Way, found_again
from pipeline.motion.device_flow import DeviceDis, _luma
from pipeline.motion.flow import DIS, _grey
from pipeline.settings import resolve
from pipeline.types import Image
from reelbrush import stylize_video


def assert_alike(one: Way, other: Way) -> None:
    """To rounding."""
    assert (one.weights != other.weights).mean() < 0.005
    np.testing.assert_array_equal(led(one), led(other))
    # Far from all that is trusted, a pixel that just is or is not makes levels of a difference.
    there = one.weights > 0
    assert not there.any() or np.abs(one.light - other.light)[there].mean() < 0.3
    for name in ("weights", "light", "places", "parts"):
        assert getattr(one, name).dtype == getattr(other, name).dtype


def frames() -> list[Image]:
    """Three of the sample clip, the last one darker."""
    *some, last = [one.image for one in sample_frames()[:3]]
    return [*some, np.asarray(0.8 * last, np.uint8)]


def test_ways_are_those_that_the_cpu_makes_of_the_same_flow() -> None:
    flow, (far, near, now) = DeviceDis(CPU, 2), frames()
    found = flow.ways({1: near, 2: far}, now)
    assert found.keys() == {1, 2}
    for earlier, way in ((near, found[1]), (far, found[2])):
        right = found_again(earlier, now, flow)
        assert_alike(way, right)
        assert right.light.mean() < -10 and 0.5 < right.weights.mean() < 0.95


def test_ways_through_odd_sizes_hidden_things_and_nothing_in_common() -> None:
    flow = DeviceDis(CPU, 1)
    for earlier, later in (panned(9, -7, 61, 83), (picture(33, 21), picture(33, 21, seed=8)), panned(0, 0, 7, 5)):
        assert_alike(flow.ways({1: earlier}, later)[1], found_again(earlier, later, flow))


def test_grey_is_that_of_opencv() -> None:
    image = np.random.default_rng(1).integers(0, 256, (64, 64, 3), np.uint8)
    np.testing.assert_array_equal(_luma(torch.from_numpy(image)[None])[0, 0].numpy(), _grey(image))


def same(one: Way, other: Way) -> None:
    for name in ("weights", "light", "places", "parts"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


def test_on_a_gpu_that_is_simulated_motion_is_that_of_the_same_work_on_a_cpu() -> None:
    """Nothing that it needs is left in the other memory."""
    known, (a, b) = DeviceDis(CPU, 2), panned(3, 1, 40, 56)
    with simulated_gpu():
        there = DeviceDis(torch.device("cuda"), 2)
        # As it is, recorded, and replayed.
        for earlier, later in ((a, b), (b, a), (a, b)):
            np.testing.assert_array_equal(there(earlier, later), known(earlier, later))
            found, right = there.ways({1: earlier, 2: later}, later), known.ways({1: earlier, 2: later}, later)
            assert found.keys() == right.keys()
            for back, way in found.items():
                same(way, right[back])


def test_what_is_recorded_finds_the_motion_of_other_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing comes from the host or goes there in between: the tape would fail."""
    tape = Tape()
    monkeypatch.setattr(device_flow, "recorder_of", lambda device: tape)
    flow = DeviceDis(CPU, 2)
    monkeypatch.setattr(device_flow, "recorder_of", lambda device: None)
    plain = DeviceDis(CPU, 2)
    flow.prepare(20, 28)
    assert tape.recorded == 1
    (a, b), (c, d) = panned(3, 1, 20, 28), panned(-2, 4, 20, 28)
    for earliers, later in (({1: a, 2: c}, b), ({1: d}, c), ({1: b, 2: a, 4: d}, c)):
        found, right = flow.ways(earliers, later), plain.ways(earliers, later)
        assert [*found] == [*earliers]
        for back in earliers:
            same(found[back], right[back])
    assert tape.recorded == 1 and tape.replayed == 4 + 1
    for _ in range(3):
        one, other = flow.both_ways(a, b), plain.both_ways(a, b)
        np.testing.assert_array_equal(one, other)
    assert tape.recorded == 2


def test_large_frames_are_looked_for_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    (a, b), (c, _) = panned(3, 1, 48, 64), panned(-2, 4, 48, 64)
    together = DeviceDis(CPU, 3).ways({1: a, 2: c, 4: a}, b)
    monkeypatch.setattr(device_flow, "MOST_PIXELS", 48 * 64)
    one_by_one = DeviceDis(CPU, 3)
    found = one_by_one.ways({1: a, 2: c, 4: a}, b)
    assert [pairs for *_, pairs in one_by_one._known] == [1]
    for back in found:
        assert_alike(found[back], together[back])


def test_no_more_sizes_are_remembered_than_a_few() -> None:
    flow = DeviceDis(CPU)
    for side in (16, 20, 24, 28, 20):
        flow(picture(side, side), picture(side, side))
    assert [height for _, height, *_ in flow._known] == [24, 28, 20]


def test_frames_of_different_size_are_refused() -> None:
    with pytest.raises(ValueError, match="different size"):
        DeviceDis(CPU).both_ways(picture(20, 30), picture(20, 31))


def test_a_device_that_waits_for_launches_finds_motion_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    assert open_flow(resolve("standard"), CPU) is DIS
    monkeypatch.setattr(warm_start, "waits_for_launches", lambda device: True)
    found = open_flow(resolve("standard"), CPU)
    assert isinstance(found, DeviceDis) and found.name != DIS.name
    assert found._pairs == len(resolve("standard").long_term)
    assert open_flow(resolve("standard", {"flow": "dis-cpu"}), CPU) is DIS
    assert open_flow(resolve("standard", {"carry": "none"}), CPU) is DIS


def test_a_clip_painted_along_it_is_the_same_once_more_and_steady(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inputs = moving_folder(tmp_path / "clip", 5), paint_picture(tmp_path / "style.png", 3, 64, 48)
    how = {**SMALL, "cuts": "none", "passes": 2}
    monkeypatch.setattr(warm_start, "waits_for_launches", lambda device: True)
    asked: list[int] = []
    usual = DeviceDis.ways

    def watched(self: DeviceDis, earliers: dict[int, Image], later: Image) -> dict[int, Way]:
        asked.append(len(earliers))
        return usual(self, earliers, later)

    monkeypatch.setattr(DeviceDis, "ways", watched)
    for name in ("one", "other"):
        stylize_video(*inputs, tmp_path / name, **how)
    assert_same(tmp_path / "one", tmp_path / "other", 5)
    assert len(asked) == 2 * (4 + 4)
