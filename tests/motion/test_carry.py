"""The warm start: what a painting becomes on its way to the next frame."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from moving import flow_of, panned
from tiny import picture

from pipeline.motion.carry import (
    FEWEST,
    Palette,
    adjusted,
    blended,
    feathered,
    filled,
    found_again,
    laid,
    light_change,
    moved,
    opening,
    way_of,
)
from pipeline.motion.flow import DIS
from pipeline.motion.track import Levels, Track, track
from pipeline.motion.warp import warped
from pipeline.types import Image


def flat(level: int, height: int = 2, width: int = 3) -> Image:
    return np.full((height, width, 3), level, np.uint8)


def painted(image: Image) -> Image:
    """A painting whose colours are an affine map of those of the input: half the contrast, red and blue exchanged."""
    return (40 + image[..., ::-1].astype(int) // 2).astype(np.uint8)


def carried(painting: Image, now: Image, found: Track) -> tuple[Image, Image]:
    """What is expected of the earlier painting, and what the frame starts from."""
    expected = moved(painting, way_of(found, now))
    return expected, filled(expected, opening(now, found.weights))


def in_colours(content: Image, painting: Image, where: npt.NDArray[np.bool_]) -> Levels:
    """All of a content in the colours that a painting gave to some of its pixels."""
    return Palette(content, where).colours(content, painting)


# ---- adjusted


def test_a_still_input_leaves_the_painting_alone() -> None:
    random = np.random.default_rng(0)
    painting, frame = (random.integers(0, 256, (8, 9, 3), np.uint8) for _ in range(2))
    np.testing.assert_array_equal(adjusted(painting, frame, frame), painting)


def test_what_changed_is_added_and_kept_in_range() -> None:
    assert adjusted(flat(100), flat(20), flat(50))[0, 0, 0] == 130
    assert adjusted(flat(100), flat(50), flat(20))[0, 0, 0] == 70
    assert adjusted(flat(250), flat(0), flat(255))[0, 0, 0] == 255
    assert adjusted(flat(5), flat(255), flat(0))[0, 0, 0] == 0
    assert adjusted(flat(5), flat(255), flat(0)).dtype == np.uint8


# ---- warped


def test_a_still_input_keeps_the_painting_to_the_last_bit() -> None:
    frame, painting = picture(60, 80, seed=1), picture(60, 80, seed=2)
    still = Track(flow_of(0, 0, 60, 80), frame, np.ones((60, 80), np.float32))
    expected, start = carried(painting, frame, still)
    np.testing.assert_array_equal(start, painting)
    np.testing.assert_array_equal(expected, painting)


def test_the_painting_moves_with_what_it_shows() -> None:
    before, after = panned(3, 2)
    painting, goal = painted(before), painted(after)
    found = track(before, after)
    expected, start = carried(painting, after, found)
    assert start.dtype == np.uint8 and expected.dtype == np.uint8
    assert found.weights.dtype == np.float32
    inside = (slice(8, -8), slice(8, -8))
    assert np.abs(start[inside].astype(int) - goal[inside]).mean() < 3
    assert np.abs(painting[inside].astype(int) - goal[inside]).mean() > 10, "as it lay it would be far off"
    assert found.weights[inside].mean() > 0.9


def test_the_painting_follows_a_light_that_goes_out() -> None:
    frame, painting = picture(60, 80, seed=1) // 2 + 60, picture(60, 80, seed=2) // 2 + 60
    expected, start = carried(painting, frame - 30, track(frame, frame - 30))
    assert abs(float(expected.mean()) - (float(painting.mean()) - 30)) < 2
    assert abs(float(start.mean()) - (float(painting.mean()) - 30)) < 3


def test_what_comes_into_view_is_new_content_in_the_colours_of_the_painting_and_no_ghost() -> None:
    before, after = panned(12, 0)
    found = track(before, after)
    expected, start = carried(painted(before), after, found)
    strip = (slice(8, -8), slice(0, 10))
    assert not found.weights[strip].any(), "the left edge shows what the frame before did not"
    assert np.abs(start[strip].astype(int) - painted(after)[strip]).max() <= 3
    assert np.abs(expected[strip].astype(int) - painted(after)[strip]).mean() > 10, "repeated border"


def test_there_is_no_ghost_of_what_has_gone() -> None:
    """A red square leaves; where it was, the ground comes into view."""
    ground = picture(72, 96, seed=4) // 2
    before, after = ground.copy(), ground.copy()
    before[20:44, 20:44] = after[20:44, 52:76] = (255, 20, 20)
    painting = painted(before)
    _, start = carried(painting, after, track(before, after))
    gone = (slice(22, 42), slice(22, 42))
    goal = painted(after)[gone].astype(int)
    assert np.abs(start[gone].astype(int) - goal).mean() < 0.25 * np.abs(painting[gone].astype(int) - goal).mean()


def test_the_start_depends_on_nothing_but_its_inputs() -> None:
    before, after = panned(3, 2)
    found = []
    for threads in (1, 2):
        cv2.setNumThreads(threads)
        found.append((carried(painted(before), after, track(before, after))[1], track(before, after).weights))
    cv2.setNumThreads(-1)
    np.testing.assert_array_equal(found[0][0], found[1][0])
    np.testing.assert_array_equal(found[0][1], found[1][1])


def test_a_frame_painted_before_is_mixed_with_its_neighbour_only_where_that_shows_the_same() -> None:
    own, neighbour = flat(100, 20, 30), flat(200, 20, 30)
    weights = np.ones((20, 30), np.float32)
    weights[:, :10] = 0
    found = blended(own, neighbour, weights, 0.5)
    assert (found[:, :10] == 100).all()
    assert (found[:, 12:] == 150).all()
    np.testing.assert_array_equal(blended(own, neighbour, weights, 0), own)


# ---- its parts


def test_feathered_edges_lie_inside() -> None:
    weights = np.ones((20, 30), np.float32)
    weights[:, :10] = 0
    soft = feathered(weights)
    assert not soft[:, :10].any()
    assert 0 < soft[5, 10] < soft[5, 11] < 1
    np.testing.assert_allclose(soft[:, 12:], 1, atol=1e-6)


def test_light_is_the_change_that_neighbours_share() -> None:
    frame = picture(64, 80, seed=3) // 2 + 40
    ones = np.ones(frame.shape[:2], np.float32)
    np.testing.assert_allclose(light_change(frame, frame + 20, ones), 20, atol=0.5)
    noise = np.random.default_rng(1).integers(-20, 21, frame.shape)
    assert np.abs(light_change(frame, (frame + noise).astype(np.uint8), ones)).mean() < 1.5
    assert np.abs(light_change(frame, frame + 20, np.zeros_like(ones))).max() == 0, (
        "nothing is known where nothing is trusted"
    )


@pytest.mark.parametrize("size", [(288, 512), (131, 255), (70, 401)])
def test_a_wide_average_is_that_of_a_smaller_picture(size: tuple[int, int]) -> None:
    """Light that wanders over the picture, and a strip that came into view."""
    before = picture(*size, seed=3) // 2 + 40
    slope = np.linspace(0, 60, size[1])[None, :, None]
    now = (before + slope).astype(np.uint8)
    weights = np.ones(size, np.float32)
    weights[:, : size[1] // 5] = 0
    sigma = max(size) / 16
    change = cv2.GaussianBlur((now.astype(np.float32) - before) * weights[..., None], (0, 0), sigma)
    there = cv2.GaussianBlur(weights, (0, 0), sigma)[..., None]
    found = light_change(before, now, weights)
    trusted = there[..., 0] > 0.5
    assert trusted.mean() > 0.7 and found[trusted].max() > 50
    np.testing.assert_allclose(found[trusted], (change / (there + 0.01))[trusted], atol=0.6)


def test_what_is_found_ahead_moves_a_painting_along_the_flow_and_lights_it() -> None:
    before, after = panned(3, 2)
    found, way = track(before, after), found_again(before, after, DIS)
    painting = painted(before)
    lit = warped(painting, found.flow, sharp=True) + light_change(found.aligned, after, found.weights)
    np.testing.assert_array_equal(moved(painting, way), np.rint(lit).clip(0, 255))
    np.testing.assert_array_equal(moved(painting, way, slice(7, 31)), moved(painting, way)[7:31])
    for light in (300, -300):
        extreme = moved(painting, replace(way, light=np.full_like(way.light, light)))
        assert (extreme == (255 if light > 0 else 0)).all()


def test_a_mask_is_laid_where_its_things_are() -> None:
    before, after = panned(3, 2)
    found, way = track(before, after), found_again(before, after, DIS)
    mask = np.ascontiguousarray(before[..., 0])
    # One of them takes 32nds of a pixel, the other one what there is.
    off = np.abs(laid(mask, way).astype(int) - warped(mask, found.flow))
    assert off.max() <= 4 and off.mean() < 1


def test_the_palette_is_that_of_the_pixels_it_is_asked_of() -> None:
    content, painting = picture(30, 40, seed=1), picture(30, 40, seed=2)
    where = picture(30, 40, seed=3)[..., 0] > 100
    assert FEWEST < where.sum() < 1000
    x = np.concatenate([content[where], np.full((where.sum(), 1), 255)], 1).astype(float)
    little = 4.0 * where.sum()
    wanted = np.linalg.solve(x.T @ x + little * np.eye(4), x.T @ painting[where] + little * np.eye(4, 3))
    found = in_colours(content, painting, where)
    np.testing.assert_allclose(found, (content @ wanted[:3] + 255 * wanted[3]).clip(0, 255), rtol=1e-5)
    np.testing.assert_array_equal(found, in_colours(content, np.where(where[..., None], painting, 7), where))


def test_what_is_trusted_is_the_painting_and_the_rest_a_mixture_of_it_and_new_content() -> None:
    content, painting = picture(40, 50, seed=1), picture(40, 50, seed=2)
    weights = np.zeros((40, 50), np.float32)
    weights[5:30, 8:40] = 1
    kept = feathered(weights)[..., None]
    mixed = kept * painting + (1 - kept) * in_colours(content, painting, weights > 0)
    found = filled(painting, opening(content, weights))
    np.testing.assert_array_equal(found, np.rint(mixed).clip(0, 255))
    assert len(np.unique(kept)) > 4, "a seam"
    every = filled(painting, opening(content, np.ones_like(weights)))
    np.testing.assert_array_equal(every, painting)
    assert every is not painting


@pytest.mark.parametrize("size", [(16, 16), (15, 17), (16, 18), (31, 33)])
def test_the_sums_of_a_palette_are_exact(size: tuple[int, int]) -> None:
    """Also where whole frames are as bright as they can be, and for sizes that are no multiple of the pieces."""
    for content, painting in ((flat(255, *size), flat(255, *size)), (picture(*size, seed=1), picture(*size, seed=2))):
        palette = Palette(content, np.ones(size, bool))
        if palette._count < FEWEST:
            continue
        x = np.concatenate([content.reshape(-1, 3), np.full((size[0] * size[1], 1), 255)], 1).astype(np.int64)
        np.testing.assert_array_equal(palette._squares, x.T @ x)
        padded = np.zeros((palette._x.shape[0] * 256, 3), np.float32)
        padded[: len(x)] = painting.reshape(-1, 3)
        np.testing.assert_array_equal(palette._products(padded), x.T @ painting.reshape(-1, 3))


def test_palette_finds_an_affine_map() -> None:
    content = picture(40, 50, seed=5)
    where = np.zeros((40, 50), bool)
    where[:20] = True
    unknown = painted(content)
    unknown[20:] = 0
    assert np.abs(in_colours(content, unknown, where) - painted(content)).max() < 2


def test_palette_of_too_few_pixels_or_of_one_grey_changes_nothing_wildly() -> None:
    content = picture(40, 50, seed=5)
    where = np.zeros((40, 50), bool)
    where.flat[: FEWEST - 1] = True
    np.testing.assert_array_equal(in_colours(content, painted(content), where), content)
    where[:20] = True
    content[:20] = 128
    found = in_colours(content, flat(90, 40, 50), where)
    np.testing.assert_allclose(found[:20], 90, atol=1)
    assert found.std() <= 1.5 * content.std()


# ---- track


def test_a_frame_is_found_in_an_earlier_one() -> None:
    before, after = panned(3, 2)
    found = track(before, after)
    inside = (slice(8, -8), slice(8, -8))
    np.testing.assert_allclose(np.median(found.flow[inside], axis=(0, 1)), (-3, -2), atol=0.2)
    assert np.abs(found.aligned[inside].astype(int) - after[inside]).mean() < 3
    assert set(np.unique(found.weights)) <= {0.0, 1.0}


def test_what_fits_but_looks_different_is_not_trusted() -> None:
    """A patch changes colour in place: no flow can tell."""
    before = picture(72, 96, seed=4)
    after = before.copy()
    after[30:46, 40:60] = 255 - after[30:46, 40:60]
    weights = track(before, after).weights
    different = np.abs(before[30:46, 40:60].astype(int) - after[30:46, 40:60]).mean(-1) > 60
    assert weights[30:46, 40:60][different].mean() < 0.1
    assert weights[:20].mean() > 0.9


@pytest.mark.parametrize("levels", [-30, 40])
def test_a_change_of_light_is_trusted(levels: int) -> None:
    before = (picture(72, 96, seed=4) // 2 + 50).astype(np.uint8)
    found = track(before, (before.astype(int) + levels).astype(np.uint8))
    assert found.weights.mean() > 0.9


@pytest.mark.parametrize("size", [(1, 1), (3, 40), (17, 16)])
def test_small_pictures_are_carried_too(size: tuple[int, int]) -> None:
    _, start = carried(picture(*size), picture(*size, seed=1), track(picture(*size, seed=2), picture(*size, seed=1)))
    assert start.shape == (*size, 3)
