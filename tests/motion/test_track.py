"""Where an earlier frame shows what a later one shows."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.motion.track import ALIKE, _alike, _medians


@pytest.mark.parametrize("seed", range(12))
def test_counted_medians_are_medians(seed: int) -> None:
    random = np.random.default_rng(seed)
    height, width = random.integers(1, 9, 2)
    levels = random.integers(-255, 256, (height, width, 3)).astype(np.int16)
    where = random.random((height, width)) < 0.6
    where[0, 0] = True  # odd and even numbers of pixels, down to one
    np.testing.assert_array_equal(_medians(levels, where), np.median(levels[where].astype(np.float32), axis=0))


def test_a_change_of_light_is_no_disagreement_and_what_differs_from_it_is() -> None:
    earlier = np.full((8, 8, 3), 100, np.uint8)
    later = earlier + np.uint8(60)
    # The mean over the channels counts: 3 x 20 levels off in one of them are just alike.
    later[2, 3, 1] += np.uint8(3 * ALIKE)
    later[5, 6, 1] += np.uint8(3 * ALIKE + 1)
    expected = np.ones((8, 8), bool)
    expected[5, 6] = False
    np.testing.assert_array_equal(_alike(earlier, later, np.ones((8, 8), bool)), expected)


def test_where_nothing_is_trusted_nothing_is_alike() -> None:
    frame = np.zeros((4, 5, 3), np.uint8)
    assert not _alike(frame, frame, np.zeros((4, 5), bool)).any()
