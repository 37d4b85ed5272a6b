"""Hard cuts are seen, motion within a shot is not taken for one."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.motion.shots import change, is_cut
from samples.scene import cut_frame, scene


def test_change_of_flat_pictures_is_their_distance() -> None:
    a, b = np.full((9, 200, 3), 10, np.uint8), np.full((9, 200, 3), 60, np.uint8)
    assert change(a, b) == change(b, a) == 50
    assert change(a, a) == 0


@pytest.mark.parametrize("size", [(1, 1), (3, 500), (101, 57)])
def test_any_size(size: tuple[int, int]) -> None:
    assert is_cut(np.zeros((*size, 3), np.uint8), np.full((*size, 3), 255, np.uint8))


def test_the_sample_clip_has_its_one_cut() -> None:
    count = 12
    frames = [frame.image for frame in scene(count, 96, 54, truth=False)]
    found = [i for i in range(1, count) if is_cut(frames[i - 1], frames[i])]
    assert found == [cut_frame(count)]


def test_a_fast_pan_is_no_cut() -> None:
    texture = np.random.default_rng(0).integers(0, 256, (90, 200, 3), np.uint8)
    assert not is_cut(texture[:, :160], texture[:, 20:180])
