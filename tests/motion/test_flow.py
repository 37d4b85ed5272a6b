"""Optical flow: known shifts are found, the sample's true motion nearly, and nothing moves in a still."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from pipeline.motion.flow import DIS, Dis, both_ways
from tests.moving import pairs, panned
from tests.tiny import picture


@pytest.mark.parametrize(("dx", "dy"), [(3, 0), (0, -2), (-5, 4)])
def test_a_pan_is_found_and_signs_are_right(dx: int, dy: int) -> None:
    forward, backward = both_ways(*panned(dx, dy))
    assert forward.dtype == np.float32 and forward.shape == (72, 96, 2)
    inner = np.s_[12:-12, 12:-12]
    assert np.abs(forward[inner] - (dx, dy)).max() < 0.25
    assert np.abs(backward[inner] + (dx, dy)).max() < 0.25


def test_the_motion_of_the_sample_clip_is_found() -> None:
    """Where a pixel can be seen in both frames. Measured: 0.23 px; the preset alone 0.33 px."""
    errors, coarse = [], []
    for a, b in pairs():
        seen = ~a.hidden_next
        errors.append(np.hypot(*np.moveaxis(DIS(a.image, b.image) - a.to_next, 2, 0))[seen].mean())
        coarse.append(np.hypot(*np.moveaxis(Dis(1, 3)(a.image, b.image) - a.to_next, 2, 0))[seen].mean())
    assert np.mean(errors) < 0.3
    assert np.mean(errors) < 0.85 * np.mean(coarse), "full resolution should be worth its time"


SIZES = [(1, 1), (1, 40), (2, 3), (5, 300), (9, 300), (11, 11), (16, 16), (17, 16), (33, 200), (101, 57)]


@pytest.mark.parametrize("size", SIZES)
def test_any_size_and_a_still_does_not_move(size: tuple[int, int]) -> None:
    image = picture(*size)
    still = DIS(image, image.copy())
    assert still.shape == (*size, 2)
    assert np.abs(still).max() < 1e-3
    assert np.isfinite(DIS(image, picture(*size, seed=5))).all()


def test_a_flat_picture_and_a_change_of_light_are_no_motion() -> None:
    flat = np.full((40, 60, 3), 90, np.uint8)
    assert np.abs(DIS(flat, flat + np.uint8(50))).max() < 1e-3
    dim = picture(60, 80) // 2
    assert np.abs(DIS(dim, dim + np.uint8(60))).mean() < 0.02


def test_the_number_of_threads_changes_nothing() -> None:
    before, after = panned(7, 3, 144, 256)
    threads = cv2.getNumThreads()
    try:
        cv2.setNumThreads(1)
        alone = DIS(before, after)
        for count in (2, 3, 8):
            cv2.setNumThreads(count)
            np.testing.assert_array_equal(DIS(before, after), alone)
    finally:
        cv2.setNumThreads(threads)


def test_frames_that_are_no_arrays_of_their_own() -> None:
    """A crop of a larger frame, and one that is turned upside down, are views into other memory."""
    before, after = panned(3, 1)
    want = DIS(before, after)
    wide = np.pad(before, ((4, 4), (4, 4), (0, 0)))
    np.testing.assert_array_equal(DIS(wide[4:-4, 4:-4], after[::-1].copy()[::-1]), want)


def test_frames_of_different_size_are_refused() -> None:
    with pytest.raises(ValueError, match="different size"):
        DIS(picture(20, 30), picture(20, 31))
