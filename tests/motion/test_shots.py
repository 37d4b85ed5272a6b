"""Cuts, dissolves and fades are seen; motion, flashes and changes of light within a shot are not taken for one."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from scene.clip import RenderedFrame, cut_frame, scene

from pipeline.errors import UsageError
from pipeline.frame_numbers import FrameNumbers
from pipeline.media import open_source, read_picture, resize
from pipeline.motion.frame_difference import difference, downscaled
from pipeline.motion.given_cuts import Cuts, cuts_of_painted, parse_cuts
from pipeline.motion.shots import find_shots
from pipeline.types import Image
from tests.tiny import picture

SAMPLE = Path(__file__).parents[2] / "samples" / "clip.mp4"


@cache
def shot(number: int) -> tuple[Image, ...]:
    """Twenty-four frames that move, of the sample clip's first (0) or second (1) shot."""
    return tuple(frame.image for frame in rendered() if frame.shot == number)[:24]


@cache
def rendered() -> tuple[RenderedFrame, ...]:
    """The sample clip's scene at another size and length."""
    return tuple(scene(72, 96, 54, truth=False))


@cache
def wide() -> Image:
    """A picture to pan over, (54, 400, 3)."""
    image = read_picture(SAMPLE.with_name("picture.jpg"))
    whole = resize(image, 400, round(400 * image.shape[0] / image.shape[1]))
    return whole[whole.shape[0] // 2 - 27 :][:54]


def mixed(a: Image, b: Image, share: float) -> Image:
    return (share * a + (1 - share) * b).astype(np.uint8)


def joined(length: int) -> list[Image]:
    """The first shot dissolves into the second over `length` frames; 0 is a hard cut at frame 12."""
    first, second = shot(0), shot(1)
    between = [mixed(first[12 + k], second[k], 1 - (k + 1) / (length + 1)) for k in range(length)]
    return [*first[:12], *between, *second[length:]]


def cuts(frames: list[Image]) -> list[int]:
    """First frames of all shots but the first; the shots leave no gap."""
    found = find_shots(frames)
    assert [found[0][0], *(end for _, end in found)] == [*(first for first, _ in found), len(frames)]
    return [first for first, _ in found[1:]]


# ---- two frames


def test_the_same_at_another_brightness_has_the_same_structure() -> None:
    image = picture(40, 60)
    found = difference(image, mixed(image, np.zeros_like(image), 0.5))
    assert found.structure < 0.01 and found.levels > 30
    assert difference(image, image).levels < 0.01


def test_nothing_in_common() -> None:
    found = difference(downscaled(shot(0)[0]), downscaled(shot(1)[0]))
    assert found.structure > 0.5 and found.levels > 30


def test_what_only_moved_is_laid_back() -> None:
    before, after = wide()[:, :96], wide()[:, 10:106]
    found = difference(downscaled(before), downscaled(after))
    assert found.structure < 0.1
    assert found.levels < 0.3 * np.abs(before.astype(int) - after).mean()


def test_bars_do_not_count_as_something_in_common() -> None:
    bare = difference(downscaled(shot(0)[0]), downscaled(shot(1)[0]))
    barred = [downscaled(np.pad(shot(number)[0], ((20, 20), (6, 6), (0, 0)))) for number in (0, 1)]
    assert difference(*barred).structure == pytest.approx(bare.structure, abs=0.2)
    dim = [downscaled(np.pad(shot(number)[0], ((20, 20), (6, 6), (0, 0)), constant_values=30)) for number in (0, 1)]
    assert difference(*dim).structure < 0.7 * bare.structure, "which they would, if they were not so dark"


@pytest.mark.parametrize("size", [(1, 1), (3, 500), (101, 57)])
def test_any_size(size: tuple[int, int]) -> None:
    black, white = np.zeros((*size, 3), np.uint8), np.full((*size, 3), 255, np.uint8)
    assert max(downscaled(white).shape) <= 64
    assert find_shots([black, black, white, white, white, white]) == [(0, 2), (2, 6)]


# ---- clips


def test_the_sample_clip_has_its_one_cut() -> None:
    frames = [frame.image for frame in open_source(SAMPLE).frames()]
    assert find_shots(frames) == [(0, 24), (24, 36)]
    assert cut_frame() == 24


@pytest.mark.parametrize("every", [2, 3, 4])
def test_a_clip_with_fewer_frames_keeps_its_cut(every: int) -> None:
    frames = [frame.image for frame in open_source(SAMPLE, size=96).frames()]
    assert cuts(frames[::every]) == [24 // every]


@pytest.mark.parametrize("length", [0, 1, 4, 8, 12])
def test_a_dissolve_is_one_cut_near_its_middle(length: int) -> None:
    (found,) = cuts(joined(length))
    assert abs(found - (12 + length / 2)) <= max(1, length / 4)


def test_a_dim_cut() -> None:
    frames = [(image * 0.2).astype(np.uint8) for image in joined(0)]
    assert cuts(frames) == [12]


def test_a_fade_through_black() -> None:
    black = np.zeros_like(shot(0)[0])
    out = [mixed(shot(0)[12 + k], black, 1 - (k + 1) / 9) for k in range(8)]
    back = [mixed(shot(1)[k], black, (k + 1) / 9) for k in range(8)]
    found = cuts([*shot(0)[:12], *out, black, black, *back, *shot(1)[8:]])
    assert 1 <= len(found) <= 2
    assert all(15 <= first <= 27 for first in found)


def test_every_picture_of_a_slide_show_is_a_shot() -> None:
    """Different photos, in effect: as many shots as frames."""
    pictures = [shot(0)[0], shot(1)[0], 255 - shot(0)[0], picture(54, 96, seed=4)]
    assert cuts(pictures) == [1, 2, 3]


@pytest.mark.parametrize("at", [0, 1, 22, 23])
def test_a_cut_beside_an_end(at: int) -> None:
    frames = [*shot(0)[: at + 1], *shot(1)[: 24 - at]]
    assert cuts(frames) == [at + 1]


def flash(frames: list[Image], length: int) -> list[Image]:
    return [np.minimum(frame, 75) + np.uint8(180) if 9 <= k < 9 + length else frame for k, frame in enumerate(frames)]


def pan(step: int) -> list[Image]:
    return [wide()[:, k * step : k * step + 96].copy() for k in range(20)]


QUIET: dict[str, Callable[[], list[Image]]] = {
    "motion": lambda: list(shot(0)),
    "one frame of flash": lambda: flash(list(shot(0)), 1),
    "three frames of flash": lambda: flash(list(shot(1)), 3),
    "flash at the start": lambda: flash(list(shot(0))[8:], 2),
    "light switched off": lambda: [(f * (0.3 if k > 9 else 1)).astype(np.uint8) for k, f in enumerate(shot(1))],
    "light flickers": lambda: [(f * (0.6 + 0.3 * (k % 2))).astype(np.uint8) for k, f in enumerate(shot(0))],
    "slow pan": lambda: pan(4),
    "fast pan": lambda: pan(12),
    "there and back": lambda: [*shot(0), *shot(0)[::-1]],
    "noise": lambda: list(np.random.default_rng(0).integers(0, 256, (12, 54, 96, 3), np.uint8)),
    "flat": lambda: [np.full((54, 96, 3), 100 + k, np.uint8) for k in range(12)],
    "a few frames": lambda: list(shot(0)[:3]),
}


@pytest.mark.parametrize("name", QUIET)
def test_no_cut_within_a_shot(name: str) -> None:
    assert cuts(QUIET[name]()) == []


def test_no_frames_and_one() -> None:
    assert find_shots([]) == []
    assert find_shots([shot(0)[0]]) == [(0, 1)]


def test_memory_does_not_grow_with_the_clip_and_progress_is_told() -> None:
    made: list[weakref.ref[Image]] = []
    told: list[int] = []
    most = 0

    def frames() -> Iterator[Image]:
        nonlocal most
        for k in range(120):
            # So small that the frame itself is what is kept.
            image = np.full((8, 8, 3), 90 + k % 3, np.uint8)
            made.append(weakref.ref(image))
            most = max(most, sum(ref() is not None for ref in made))
            yield image

    assert find_shots(frames(), told.append) == [(0, 120)]
    assert told == list(range(1, 121))
    assert 30 < most <= 42


# ---- what a person says


def test_cuts_as_told() -> None:
    assert parse_cuts("auto") == parse_cuts(" AUTO ") == Cuts(True)
    assert parse_cuts("none").shots(10) == [(0, 10)]
    assert parse_cuts("24").shots(36) == [(0, 24), (24, 36)]
    assert parse_cuts(" 57, 24,24,").given == (24, 57)
    assert parse_cuts("0,5").shots(6) == [(0, 5), (5, 6)], "the clip begins with a shot anyway"


def test_cuts_count_the_frames_of_the_input_whatever_is_painted_of_it() -> None:
    part = FrameNumbers.of_picks(range(16, 30))
    assert parse_cuts("24").shots(14, part) == [(0, 8), (8, 14)]
    assert parse_cuts("8,16,24,30,31").shots(14, part, to_its_end=False) == [(0, 8), (8, 14)]
    with pytest.raises(UsageError, match="frame 30, but there are only 30 frames"):
        parse_cuts("24,30").shots(14, part)
    thinned, doubled = FrameNumbers.of_picks(range(0, 12, 3)), FrameNumbers.of_picks([4, 4, 5, 5, 6, 6])
    assert parse_cuts("4").shots(4, thinned) == [(0, 2), (2, 4)], "the first frame that is painted of the shot"
    assert parse_cuts("11").shots(4, thinned) == [(0, 4)]
    assert parse_cuts("5").shots(6, doubled) == [(0, 2), (2, 6)]
    assert cuts_of_painted("8", part) == "24" and cuts_of_painted("1,2", thinned) == "3,6"
    assert cuts_of_painted("none", part) == "none"


def test_a_cut_where_nothing_is_painted_is_said() -> None:
    part = FrameNumbers(16)
    assert parse_cuts("16,20,29").notes(14, part) == parse_cuts("auto").notes(14, part) == ()
    (note,) = parse_cuts("8,20,40").notes(14, part)
    assert "frames 8, 40, which are not among those that are painted, 16 to 29" in note


@pytest.mark.parametrize("text", ["", ",", "a", "1.5", "-3", "3;4", "auto,3", "3 4", "24:57"])
def test_cuts_that_are_none(text: str) -> None:
    with pytest.raises(UsageError, match=r"--cuts .*for instance 24,57"):
        parse_cuts(text)


def test_a_cut_behind_the_end() -> None:
    with pytest.raises(UsageError, match="frame 36, but there are only 36 frames"):
        parse_cuts("24,36").shots(36)


def test_automatic_cuts_need_frames() -> None:
    with pytest.raises(ValueError, match="found in the frames"):
        parse_cuts("auto").shots(36)
