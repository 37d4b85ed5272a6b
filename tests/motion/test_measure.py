"""Flicker, colour and sharpness of clips whose answers are known."""

from __future__ import annotations

import weakref
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import pytest

from pipeline.motion.image_statistics import mean_colour, sharpness
from pipeline.motion.measure import LONG, FrameMeasure, measure, warping_error, warping_residual
from pipeline.motion.shots import Shot
from pipeline.motion.summary import Summary, summarise
from pipeline.types import Image
from tests.moving import flow_of
from tests.tiny import picture


def flat(level: float, height: int = 24, width: int = 32) -> Image:
    return np.full((height, width, 3), round(level), np.uint8)


def pan(count: int, seed: int = 3) -> list[Image]:
    """A picture that moves two pixels to the right a frame."""
    wide = picture(60, 80 + 2 * count, seed=seed)
    return [wide[:, 2 * (count - k) : 2 * (count - k) + 80].copy() for k in range(count)]


def measured(contents: Sequence[Image], paintings: Sequence[Image], shots: Sequence[Shot] = ()) -> list[FrameMeasure]:
    """Measured at ten frames a second."""
    times = [k / 10 for k in range(len(contents))]
    pairs = zip(contents, paintings, strict=True)
    return [found.measure for found in measure(pairs, times, shots or [(0, len(contents))])]


def of(contents: Sequence[Image], paintings: Sequence[Image], shots: Sequence[Shot] = ()) -> Summary:
    return summarise(measured(contents, paintings, shots))


# ---- E_warp


def test_e_warp_by_hand() -> None:
    first, second = flat(100), flat(151)
    error = warping_residual(first, second, flow_of(0, 0, 24, 32))
    assert error.shape == (24, 32)
    np.testing.assert_allclose(error, 0.2**2, rtol=1e-5)
    assert warping_error(error, np.ones((24, 32), np.float32)) == pytest.approx(0.04, rel=1e-5)


def test_channels_are_averaged() -> None:
    second = flat(100)
    second[..., 1] = 151
    assert warping_residual(flat(100), second, flow_of(0, 0, 24, 32))[0, 0] == pytest.approx(0.04 / 3, rel=1e-5)


def test_only_what_can_be_trusted_counts() -> None:
    c = np.zeros((2, 2), np.float32)
    error = np.array([[1, 2], [3, 4]], np.float32)
    assert warping_error(error, c) is None
    c[0, 1] = c[1, 1] = 1
    assert warping_error(error, c) == 3


def test_the_second_frame_is_laid_onto_the_first() -> None:
    first = picture(20, 30)
    second = np.roll(first, (0, 3), (0, 1))
    error = warping_residual(first, second, flow_of(3, 0, 20, 30))
    assert error[:, :-3].max() == 0
    assert warping_residual(first, second, flow_of(-3, 0, 20, 30))[:, 3:-3].mean() > 0.01


def test_a_painting_that_moves_as_its_input_does_not_flicker() -> None:
    contents = pan(4)
    found = of(contents, [255 - image for image in contents])
    assert found.e_warp == pytest.approx(found.e_warp_input, rel=0.01)
    assert found.e_warp < 1e-3
    stuck = of(contents, [255 - contents[0]] * 4)
    assert stuck.e_warp > 10 * found.e_warp, "paint that sticks to the screen while the input moves is flicker too"


def test_a_still_input_shows_every_change_of_the_painting() -> None:
    content = picture(24, 32)
    found = of([content] * 4, [flat(100), flat(151), flat(100), flat(151)])
    assert found.e_warp == pytest.approx(0.04, rel=1e-5)
    assert found.e_warp_input == 0


def test_of_a_clip_the_mean_over_its_pairs_and_none_across_a_cut() -> None:
    content = picture(24, 32)
    frames = measured([content] * 5, [flat(0), flat(51), flat(255), flat(255), flat(153)], [(0, 2), (2, 5)])
    assert [frame.shot for frame in frames] == [0, 0, 1, 1, 1]
    assert [frame.e_warp for frame in frames] == [None, pytest.approx(0.04), None, 0, pytest.approx(0.16)]
    assert frames[0].compared is None and frames[1].compared == pytest.approx(1, abs=0.2)
    found = summarise(frames)
    assert found.e_warp == pytest.approx(0.2 / 3)
    assert (found.frames, found.shots, found.e_warp_long) == (5, 2, None)


def test_what_creeps_shows_over_ten_frames() -> None:
    """Two levels a frame: (2/255)^2 from frame to frame, (20/255)^2 over ten."""
    content = picture(24, 32)
    count = LONG + 3
    frames = measured([content] * count, [flat(100 + 2 * k) for k in range(count)])
    assert [frame.e_warp_long is None for frame in frames] == [True] * LONG + [False] * 3
    found = summarise(frames)
    assert found.e_warp == pytest.approx((2 / 255) ** 2, rel=1e-4)
    assert found.e_warp_long == pytest.approx((2 * LONG / 255) ** 2, rel=1e-4)
    assert found.e_warp_long_input == 0


def test_no_long_pair_reaches_across_a_cut() -> None:
    content = picture(24, 32)
    frames = measured([content] * 16, [flat(k) for k in range(16)], [(0, 8), (8, 16)])
    assert all(frame.e_warp_long is None for frame in frames)


def test_memory_does_not_grow_with_the_clip() -> None:
    made: list[weakref.ref[Image]] = []
    most = 0

    def pairs() -> Iterator[tuple[Image, Image]]:
        nonlocal most
        for k in range(40):
            painting = flat(k)
            made.append(weakref.ref(painting))
            most = max(most, sum(image() is not None for image in made))
            yield flat(90), painting

    assert sum(1 for _ in measure(pairs(), list(range(40)), [(0, 40)])) == 40
    assert LONG < most <= LONG + 3


# ---- colour and sharpness


def test_lab_of_known_colours() -> None:
    assert mean_colour(flat(255)) == pytest.approx((100, 0, 0), abs=0.01)
    assert mean_colour(flat(0)) == pytest.approx((0, 0, 0), abs=0.01)
    red = flat(0)
    red[..., 0] = 255
    # CIE 1976 under D65, as any table of sRGB primaries has it.
    assert mean_colour(red) == pytest.approx((53.24, 80.09, 67.20), abs=0.1)


def test_sharpness_of_a_ramp_is_its_slope() -> None:
    assert sharpness(flat(90)) == 0
    dark, bright = (mean_colour(flat(level))[0] for level in (100, 110))
    steps = np.repeat(np.where(np.arange(40) % 2, 110, 100).astype(np.uint8)[None, :, None], 20, 0).repeat(3, 2)
    edge = flat(100)
    edge[:, 16:] = 110
    # A single edge: half its height in the two columns beside it.
    assert sharpness(edge) == pytest.approx((bright - dark) / 32, rel=1e-4)
    assert sharpness(steps) < sharpness(edge), "central differences do not see every second pixel"


def test_a_painting_that_darkens_is_told_by_how_much() -> None:
    content = flat(120)
    paintings = [flat(150 - 3 * k) for k in range(11)]
    found = of([content] * 11, paintings)
    fall = mean_colour(paintings[-1])[0] - mean_colour(paintings[0])[0]
    assert found.lightness_drift == pytest.approx(fall, rel=0.02), "over one second"
    assert found.colour_drift == pytest.approx(-fall, rel=0.02)
    assert found.colour_range == pytest.approx(-fall, rel=1e-4)


def test_a_scene_that_darkens_is_no_drift() -> None:
    contents = [flat(150 - 3 * k) for k in range(6)]
    found = of(contents, contents)
    assert (found.lightness_drift, found.colour_drift, found.colour_range) == (0, 0, 0)


def test_a_new_shot_may_begin_with_another_colour() -> None:
    paintings = [flat(60)] * 5 + [flat(200)] * 5
    cut, whole = (of([flat(120)] * 10, paintings, shots) for shots in ([(0, 5), (5, 10)], [(0, 10)]))
    assert cut.lightness_drift == pytest.approx(0) and cut.colour_range == 0
    assert whole.lightness_drift > 20


def test_a_painting_that_smears_is_told_apart_from_a_scene_that_does() -> None:
    content = picture(40, 50)
    mean = content.mean((0, 1), keepdims=True)
    fading = [(mean + (content - mean) * (1 - 0.05 * k)).astype(np.uint8) for k in range(6)]
    found = of([content] * 6, fading)
    # A twentieth of the start a tenth of a second: about 0.57 of the mean, which is 0.875 of the start, a second.
    assert found.sharpness_drift == pytest.approx(-0.57, abs=0.05)
    assert found.sharpness_drift_input == pytest.approx(0, abs=1e-9)
    assert 0.8 < found.sharpness / found.sharpness_input < 0.95


def test_shots_of_one_frame_have_no_slopes() -> None:
    found = of([flat(9)] * 2, [flat(9), flat(50)], [(0, 1), (1, 2)])
    assert (found.e_warp, found.compared, found.lightness_drift, found.sharpness_drift) == (None,) * 4


def test_slopes_do_not_depend_on_the_clock() -> None:
    frames = measured([flat(120)] * 5, [flat(150 - 3 * k) for k in range(5)])
    late = [replace(frame, time=frame.time + 3600) for frame in frames]
    assert summarise(late).lightness_drift == pytest.approx(summarise(frames).lightness_drift)


def test_nothing_measured_is_no_clip() -> None:
    with pytest.raises(ValueError, match="no frames"):
        summarise([])
