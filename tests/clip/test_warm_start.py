"""What frames have in common with those before them in their shot, and what is handed on of their paintings."""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterator
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from moving import led, panned
from tiny import tiny_settings

from pipeline.clip.frame_store import FrameStore
from pipeline.clip.moves import PreviousPaintings
from pipeline.clip.tracking import TrackedFrame, distances, lookback, track_frames
from pipeline.clip.warm_start import warm_start
from pipeline.media.frame import Frame
from pipeline.motion.carry import found_again
from pipeline.motion.flow import Dis, Flow
from pipeline.settings import Settings
from pipeline.style.frame import PaintedFrame
from pipeline.style.optimise import Stop
from pipeline.types import Image

HEIGHT, WIDTH = 48, 64


def clip(count: int, first: int = 0) -> Iterator[Frame]:
    """A picture that moves to the right by a pixel a frame; frame 5 repeats frame 4."""
    for index in range(first, count):
        _, image = panned(index - (index >= 5), 0, HEIGHT, WIDTH)
        yield Frame(index, Fraction(index, 24), image)


def painting(index: int) -> Image:
    return np.full((HEIGHT, WIDTH, 3), 10 * index, np.uint8)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[FrameStore]:
    store = FrameStore(tmp_path, range(9))
    for index in range(8):
        stopped = Stop.UNSTABLE if index == 6 else Stop.STEPS
        store.put(index, PaintedFrame(painting(index), {"total": 1.0}, 5, 0.1, stopped))
    yield store


def settings(**values: Any) -> Settings:
    return tiny_settings(**{"temporal_weight": 100.0, "long_term": (1, 2, 4), **values})


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, (1, 2, 4)), ({"temporal_weight": 0.0}, (1,)), ({"long_term": (3,)}, (1, 3)),
        ({"carry": "adjusted"}, (1, 2, 4)), ({"carry": "adjusted", "temporal_weight": 0.0}, ()),
        ({"carry": "none"}, ()),
    ],
)  # fmt: skip
def test_only_frames_that_are_needed_are_found_again(values: dict[str, Any], expected: tuple[int, ...]) -> None:
    assert distances(settings(**values)) == expected
    assert lookback(settings(**values)) == max((1, *expected))


def test_nothing_crosses_a_cut_and_still_frames_are_known() -> None:
    found = list(track_frames(clip(8), 0, {0, 3}, settings()))
    assert [seen.frame.index for seen in found] == list(range(8))
    assert [sorted(seen.ways) for seen in found] == [[], [1], [1, 2], [], [1], [], [1, 2], [1, 2, 4]]
    assert [seen.before is None for seen in found] == [True, False, False, True, *[False] * 4]
    assert [seen.still for seen in found] == [False] * 5 + [True] + [False] * 2


def test_side_by_side_the_same_is_found_a_few_frames_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []

    def frames() -> Iterator[Frame]:
        for frame in clip(8):
            read.append(frame.index)
            yield frame

    one, several = ([*track_frames(clip(8), 0, {0, 3}, settings(), threads=threads)] for threads in (1, 3))
    for a, b in zip(one, several, strict=True):
        assert (a.frame.index, a.still, sorted(a.ways)) == (b.frame.index, b.still, sorted(b.ways))
        for back, way in a.ways.items():
            for name in ("places", "parts", "weights", "light"):
                np.testing.assert_array_equal(getattr(way, name), getattr(b.ways[back], name))
    monkeypatch.setattr("pipeline.clip.tracking.AHEAD", 2 * HEIGHT * WIDTH)
    tracking = track_frames(frames(), 0, {0}, settings(), threads=3)
    assert next(tracking).frame.index == 0 and read == [0, 1, 2]
    assert next(tracking).frame.index == 1 and read == [0, 1, 2, 3]
    cast(Generator[TrackedFrame, None, None], tracking).close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("track")]


def test_what_goes_wrong_in_a_thread_is_raised_and_ends_all_of_them() -> None:
    class Broken(Dis):
        def __call__(self, before: Image, after: Image) -> Flow:
            raise MemoryError("no room")

    with pytest.raises(MemoryError, match="no room"):
        list(track_frames(clip(8), 0, {0}, settings(), partial(found_again, method=Broken()), threads=3))
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("track")]


def test_ways_lead_that_many_frames_back() -> None:
    found = list(track_frames(clip(5), 0, {0}, settings()))[-1]
    inside = (slice(8, -8), slice(8, -8))
    for back, way in found.ways.items():
        np.testing.assert_allclose(np.median(led(way)[inside], axis=(0, 1)), (-back, 0), atol=0.3)


@pytest.mark.parametrize("first", [1, 4, 5, 7])
def test_going_on_in_the_middle_sees_the_same(first: int) -> None:
    whole = list(track_frames(clip(8), 0, {0}, settings()))[first:]
    again = list(track_frames(clip(8, max(0, first - lookback(settings()))), first, {0}, settings()))
    assert len(whole) == len(again) == 8 - first
    for a, b in zip(whole, again, strict=True):
        assert a.frame.index == b.frame.index
        assert sorted(a.ways) == sorted(b.ways)
        for back, way in a.ways.items():
            np.testing.assert_array_equal(led(way), led(b.ways[back]))
            np.testing.assert_array_equal(way.weights, b.ways[back].weights)


def test_expected_are_the_paintings_before_each_pixel_from_the_nearest_that_shows_it(store: FrameStore) -> None:
    found = warm_start(list(track_frames(clip(5), 0, {0}, settings()))[-1], PreviousPaintings(store), settings())
    assert found is not None
    assert [int(expected.picture[9, 9, 0]) for expected in found.temporal_targets] == [30, 20, 0]
    together = sum(expected.weights for expected in found.temporal_targets)
    assert float(np.max(together)) <= 1
    assert found.temporal_targets[0].weights.mean() > 0.8
    assert found.temporal_targets[1].weights.mean() < 0.2, "most of it the frame before has shown"


def test_a_frame_after_one_that_did_not_settle_starts_anew_and_it_is_never_expected(store: FrameStore) -> None:
    seen = list(track_frames(clip(9), 0, {0}, settings()))
    assert warm_start(seen[7], PreviousPaintings(store), settings()) is None
    after = warm_start(seen[8], PreviousPaintings(store), settings())
    assert after is not None
    assert [int(expected.picture[9, 9, 0]) for expected in after.temporal_targets] == [70, 40], "not 60"


def test_nothing_is_handed_on_at_the_start_of_a_shot_or_where_nothing_shall_be(store: FrameStore) -> None:
    seen = list(track_frames(clip(5), 0, {0, 3}, settings()))
    assert warm_start(seen[0], PreviousPaintings(store), settings()) is None
    assert warm_start(seen[3], PreviousPaintings(store), settings()) is None
    assert warm_start(seen[4], PreviousPaintings(store), settings(carry="none")) is None


def test_an_early_pass_holds_to_the_same_paintings_less_firmly(store: FrameStore) -> None:
    last, previous = list(track_frames(clip(5), 0, {0}, settings()))[-1], PreviousPaintings(store)
    full, less = (warm_start(last, previous, settings(), hold=hold) for hold in (1.0, 0.25))
    assert full is not None and less is not None
    np.testing.assert_array_equal(full.start, less.start)
    for one, other in zip(full.temporal_targets, less.temporal_targets, strict=True):
        np.testing.assert_array_equal(one.picture, other.picture)
        np.testing.assert_array_equal(0.25 * one.weights, other.weights)
    free = warm_start(last, previous, settings(), hold=0.0)
    assert free is not None and free.temporal_targets == ()


@pytest.mark.parametrize("carry", ["previous", "adjusted", "warped"])
def test_the_loss_can_be_switched_off_for_every_start(store: FrameStore, carry: str) -> None:
    for weight, count in ((0.0, 0), (5.0, 2)):
        values = settings(carry=carry, temporal_weight=weight, long_term=(1, 2))
        found = warm_start(list(track_frames(clip(5), 0, {0}, values))[-1], PreviousPaintings(store), values)
        assert found is not None
        assert len(found.temporal_targets) == count
