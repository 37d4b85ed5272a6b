"""What a painting becomes when it is carried to the next frame."""

from __future__ import annotations

import numpy as np

from pipeline.motion.carry import adjusted


def test_a_still_input_leaves_the_painting_alone() -> None:
    generator = np.random.default_rng(0)
    painting, frame = (generator.integers(0, 256, (5, 7, 3), np.uint8) for _ in range(2))
    np.testing.assert_array_equal(adjusted(painting, frame, frame), painting)


def test_what_changed_is_added_and_kept_in_range() -> None:
    def flat(level: int) -> np.ndarray:
        return np.full((2, 2, 3), level, np.uint8)

    assert adjusted(flat(100), flat(20), flat(50))[0, 0, 0] == 130
    assert adjusted(flat(100), flat(50), flat(20))[0, 0, 0] == 70
    assert adjusted(flat(250), flat(0), flat(255))[0, 0, 0] == 255
    assert adjusted(flat(5), flat(255), flat(0))[0, 0, 0] == 0
    assert adjusted(flat(5), flat(255), flat(0)).dtype == np.uint8
