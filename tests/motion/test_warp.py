"""Warping: whole pixels exactly, halves between two, borders repeated."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.motion.warp import in_bounds, warped
from tests.moving import flow_of, pairs
from tests.tiny import picture


@pytest.mark.parametrize("kind", [np.uint8, np.float32])
@pytest.mark.parametrize(("u", "v"), [(3, 0), (-2, 1), (0, -4), (0, 0)])
@pytest.mark.parametrize("sharp", [False, True])
def test_a_whole_pixel_shift_is_exact(kind: type, u: int, v: int, sharp: bool) -> None:
    image = picture(12, 16).astype(kind)
    rows, columns = np.arange(12)[:, None] + v, np.arange(16) + u
    want = image[rows.clip(0, 11), columns.clip(0, 15)]
    found = warped(image, flow_of(u, v), sharp)
    assert found.dtype == kind
    np.testing.assert_array_equal(found, want)


def test_warped_again_and_again_only_the_sharp_way_does_not_smear() -> None:
    """There and back by half a pixel, five times."""
    image = soft = sharp = picture(40, 50, seed=3)
    for _ in range(5):
        for u in (0.5, -0.5):
            soft, sharp = warped(soft, flow_of(u, 0, 40, 50)), warped(sharp, flow_of(u, 0, 40, 50), sharp=True)
    inside = (slice(8, -8), slice(8, -8))
    lost = [np.abs(found[inside].astype(int) - image[inside]).mean() for found in (soft, sharp)]
    assert lost[1] < 0.5 * lost[0]
    assert sharp[inside].std() > 0.97 * image[inside].std()


def test_between_pixels_it_is_the_weighted_mean() -> None:
    image = np.array([[0, 10], [20, 40]], np.float32)[..., None]
    flow = np.zeros((2, 2, 2), np.float32)
    flow[0, 0] = (0.25, 0.5)
    # 3/4 of the left column's mean and 1/4 of the right one's.
    assert warped(image, flow)[0, 0, 0] == pytest.approx(0.75 * 10 + 0.25 * 25)


def test_fractions_are_not_rounded_to_a_grid() -> None:
    ramp = np.tile(np.arange(16, dtype=np.float32), (12, 1))
    found = warped(ramp, flow_of(0.013, 0))
    np.testing.assert_allclose(found[:, :-1], ramp[:, :-1] + 0.013, atol=1e-4)


@pytest.mark.parametrize("shape", [(12, 16), (12, 16, 1), (12, 16, 2), (12, 16, 4)])
def test_channels_are_kept(shape: tuple[int, ...]) -> None:
    image = np.random.default_rng(0).random(shape, np.float32)
    np.testing.assert_array_equal(warped(image, flow_of(0, 0)), image)


def test_targets_however_far_away_are_the_border() -> None:
    image = picture(12, 16)
    assert (warped(image, flow_of(1e9, -1e9)) == image[0, -1]).all()


def test_a_painting_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot be warped"):
        warped(picture(10, 10), flow_of(0, 0))


def test_in_bounds_by_hand() -> None:
    flow = flow_of(-1, 0, 2, 3)
    assert in_bounds(flow).tolist() == [[False, True, True]] * 2
    assert in_bounds(flow_of(0, 0.5, 2, 3)).tolist() == [[True] * 3, [False] * 3]
    assert in_bounds(flow_of(0, 0, 2, 3)).all()


def test_the_next_frame_warped_is_this_frame() -> None:
    """The true flow of the sample explains more than half of the change; the wrong way round it adds to it."""
    change, left, wrong = [], [], []
    for a, b in pairs():
        pure = ~a.hidden_next & ~a.mixed
        change.append(np.abs(b.image.astype(int) - a.image)[pure].mean())
        left.append(np.abs(warped(b.image, a.to_next).astype(int) - a.image)[pure].mean())
        wrong.append(np.abs(warped(b.image, -a.to_next).astype(int) - a.image)[pure].mean())
    assert np.mean(left) < 0.5 * np.mean(change)
    assert np.mean(wrong) > 1.1 * np.mean(change)
