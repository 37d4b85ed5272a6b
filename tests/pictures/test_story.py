"""The frames of a story: how far apart they are, and what stands around the painting."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import cv2
import numpy as np
import pytest
from stories import Result, grey, lightness, visible_change
from tiny import picture, tiny_painter

from pipeline.media import Image
from pipeline.pictures.jobs import StoryOptions
from pipeline.pictures.snapshots import Loss, Snapshot, SnapshotRecorder, Snapshots
from pipeline.pictures.story import Story, blend, changes, even_positions
from pipeline.pictures.story_curve import ACCENT
from pipeline.style.beginnings import CANVAS


def evenly(pictures: list[Image], count: int) -> list[Image]:
    """`count` pictures on the way from the first to the last."""
    return [blend(pictures, place) for place in even_positions(changes(pictures), count)]


def test_frames_stand_at_even_distances_of_visible_change() -> None:
    # Fast at first, then slow: by step the story would be all slow end.
    shades = [0, 30, 45, 60, 67, 71, 73, 75, 76, 77, 82, 90]
    pictures = [grey(level) for level in shades]
    assert lightness(evenly(pictures, 4)) == pytest.approx([0, 30, 60, 90], abs=1)
    # Nothing stands at 15: halfway between 0 and 30 the two are blended.
    assert lightness(evenly(pictures, 7)) == pytest.approx([0, 15, 30, 45, 60, 75, 90], abs=3)
    # Distance is the way gone, not the difference to the start: there and back again counts twice.
    there_and_back = [grey(level) for level in (0, 30, 60, 90, 60, 30, 0)]
    assert lightness(evenly(there_and_back, 3)) == pytest.approx([0, 90, 0], abs=1)


def test_places_by_hand() -> None:
    assert even_positions([3, 1], 5) == pytest.approx([0, 1 / 3, 2 / 3, 1, 2])
    assert even_positions([1, 0, 0, 1], 3) == [0, 3, 4], "what stands still is passed over"


def test_first_and_last_are_always_there_and_none_twice() -> None:
    pictures = [grey(level) for level in (5, 6, 80, 81)]
    for count in (2, 3, 4, 10):
        found = lightness(evenly(pictures, count))
        assert (found[0], found[-1]) == pytest.approx((5, 81), abs=0.5)
        assert found == sorted(set(found))
        assert len(found) == count
    assert even_positions([0.0] * 8, 5) == [0, 8]


def steadiness(images: list[Image]) -> float:
    """The largest step of visible change in medians of it: CIELAB after a slight blur, at full size."""
    labs = [
        cv2.cvtColor(cv2.GaussianBlur(image.astype(np.float32) / 255, (0, 0), 1.5), cv2.COLOR_RGB2LAB)
        for image in images
    ]
    steps = [float(np.sqrt(((a - b) ** 2).sum(2)).mean()) for a, b in pairwise(labs)]
    return max(steps) / float(np.median(steps))


def test_a_last_picture_that_came_twice_is_shown_once() -> None:
    """The final painting looks like the last snapshot of it."""
    found = evenly([grey(level) for level in (0, 40, 80, 80)], 3)
    assert lightness(found) == pytest.approx([0, 40, 80], abs=0.5)


def test_a_real_painting_changes_steadily(painting: Snapshots) -> None:
    images = Story(painting, StoryOptions(frames=12)).render().images
    assert len(images) == 12 and {image.shape for image in images} == {(48, 64, 3)}
    assert steadiness(images) < 1.6
    taken = [*(shot.image for shot in painting.taken), painting.painting]
    by_step = [taken[round(place)] for place in np.linspace(0, len(taken) - 1, 12)]
    assert steadiness(by_step) > 2, "spaced by step, the beginning leaps"


def test_first_and_last_frame_are_held_and_fewer_frames_take_as_long(painting: Snapshots) -> None:
    story = Story(painting, StoryOptions())
    full, fewer = story.render(), story.render(28)
    assert full.delays == [60, *[8] * 54, 200]
    assert 6 <= full.duration <= 8
    assert len(set(fewer.delays[1:-1])) == 1 and abs(full.duration - fewer.duration) < Fraction(1, 4)
    assert full.times[:3] == (0, Fraction(60, 100), Fraction(68, 100))


@pytest.mark.parametrize("start", ["noise", "blank", "a picture"])
def test_a_story_begins_with_what_the_painting_started_from(start: str) -> None:
    """And not with the content, from which there would be a leap to it."""
    recorder, content, init = SnapshotRecorder(), picture(48, 64), picture(48, 64, seed=5)
    how = {} if start == "a picture" else {"start": start}
    painter = tiny_painter(levels=2, smallest=16, steps=30, optimizer="lbfgs", learning_rate=0.1, **how)
    found = painter.paint(content, on_progress=recorder, start=init if start == "a picture" else None)
    result = Result(content, found.image, found.steps)
    result.painted.losses = found.losses
    images = Story(recorder.snapshots(result), StoryOptions(frames=16)).render().images  # type: ignore[arg-type]
    if start == "blank":
        assert (images[0] == round(255 * CANVAS)).all()
    elif start == "a picture":
        assert np.abs(images[0].astype(int) - init).max() <= 1
    else:
        assert visible_change(images[0], content) > 20
    assert steadiness(images) < 2, "also from the first frame on"


def test_snapshots_without_a_beginning_begin_with_the_content() -> None:
    """As older versions kept them."""
    shots = (Snapshot(1, grey(20)), Snapshot(2, grey(40)))
    found = Snapshots(grey(0), (), shots, grey(60), 3, (Loss(0, 0, 1.0), Loss(3, 0, 0.1)))
    images = Story(found, StoryOptions(frames=4)).render().images
    assert lightness(images) == pytest.approx([0, 20, 40, 60], abs=0.5)


def test_pictures_that_are_all_alike_are_two_frames() -> None:
    found = Snapshots(grey(50), (), (), grey(50), 0, (Loss(0, 0, 1.0),))
    assert len(Story(found, StoryOptions(curve=True, panels=True)).render().images) == 2


def find(paper: Image, wanted: Image) -> tuple[int, int] | None:
    """Where a picture stands in a larger one."""
    windows = np.lib.stride_tricks.sliding_window_view(paper, wanted.shape)[:, :, 0]
    places = np.argwhere((windows == wanted).all((2, 3, 4)))
    return (int(places[0][0]), int(places[0][1])) if len(places) else None


def inked(image: Image) -> Image:
    """Where there is something else than paper, (H, W)."""
    return np.asarray((image != 255).any(2))


@pytest.mark.parametrize(("height", "width"), [(160, 240), (64, 96), (240, 32), (32, 240), (100, 240), (20, 20)])
def test_panels_and_words_have_room_around_a_painting_of_any_shape(height: int, width: int) -> None:
    shots = tuple(Snapshot(step, picture(height, width, seed=step)) for step in range(4))
    losses = tuple(Loss(step, 0, 2.0**-step) for step in range(5))
    content = picture(height, width, seed=7)
    found = Snapshots(content, (picture(60, 80),), shots, picture(height, width, seed=4), 4, losses)
    plain = Story(found, StoryOptions(frames=4)).render().images
    times = 4 if width == 20 else 1
    for curve in (False, True):
        framed = Story(found, StoryOptions(frames=4, panels=True, curve=curve)).render().images
        assert len({image.shape for image in framed}) == 1
        shown = [image.repeat(times, 0).repeat(times, 1) for image in plain]
        y, x = find(framed[0], shown[0]) or (0, 0)
        assert x > 0, "the painting is there, nothing drawn on it"
        high, wide = shown[0].shape[:2]
        around = [np.array(image) for image in framed]
        for one, other in zip(shown, around, strict=True):
            np.testing.assert_array_equal(other[y : y + high, x : x + wide], one)
            other[y : y + high, x : x + wide] = 255
        below = y + high + 20 if curve else None
        np.testing.assert_array_equal(around[0][:below], around[-1][:below])
        # Nothing touches the edge of the paper: no word is cut off.
        drawn = inked(framed[-1])
        assert not drawn[:5].any() and not drawn[-3:].any() and not drawn[:, :5].any() and not drawn[:, -5:].any()
        # Rows that hold content and style are at least three letters high.
        left = inked(around[0][: y if width > 2 * height else None, : None if width > 2 * height else x])
        assert left.any(1).sum() >= 30
        if width > 2 * height:
            assert y > 30 and left.shape[1] >= width, "content and style stand above"


def test_words_stand_under_the_middle(painting: Snapshots) -> None:
    small = Story(painting, StoryOptions(frames=2, panels=True)).render().images[0]
    y, x = find(small, painting.taken[0].image) or (0, 0)
    under = inked(small)[y + 48 + 10 :, x:]
    across = np.flatnonzero(under.any(0))
    assert (across[0] + across[-1]) / 2 == pytest.approx(31.5, abs=2)


def tip(image: Image) -> tuple[float, float]:
    """Where the dot at the end of the curve is, (x, y)."""
    dots = np.argwhere(np.abs(image.astype(int) - ACCENT).max(2) < 40)
    y, x = dots.mean(0)
    return float(x), float(y)


def test_the_curve_grows_with_the_steps() -> None:
    shots = tuple(Snapshot(step, grey(10 * step, 200, 320)) for step in range(10))
    losses = tuple(Loss(step, 0, 100.0 * (step + 1) ** -2.0) for step in range(10))
    found = Snapshots(grey(0, 200, 320), (), shots, grey(90, 200, 320), 9, losses)
    images = Story(found, StoryOptions(frames=10, curve=True)).render().images
    assert images[0].shape[1] == 320 and images[0].shape[0] > 200
    across, down = (np.array(one) for one in zip(*(tip(image[200:]) for image in images), strict=True))
    # The frames are a step apart. What falls by a power of the steps is a straight line where both are logarithms.
    steps = np.log1p(np.arange(10)) / np.log(10)
    assert across == pytest.approx(across[0] + (across[-1] - across[0]) * steps, abs=2)
    assert down == pytest.approx(down[0] + (down[-1] - down[0]) * steps, abs=2) and down[-1] > down[0] + 20


def test_the_dot_stays_within_the_margins() -> None:
    losses = tuple(Loss(step, 0, 2.0**-step) for step in range(5))
    shots = tuple(Snapshot(step, grey(20 * step, 200, 320)) for step in range(5))
    found = Snapshots(grey(0, 200, 320), (), shots, grey(90, 200, 320), 4, losses)
    images = Story(found, StoryOptions(frames=5, curve=True)).render().images
    words = np.flatnonzero(inked(images[0][200:215]).any(0))
    for image in (images[0], images[-1]):
        dots = np.argwhere(np.abs(image[200:].astype(int) - ACCENT).max(2) < 90)
        assert words[0] - 2 <= dots[:, 1].min() and dots[:, 1].max() <= words[-1] + 2


def test_losses_of_two_sizes_are_two_pieces_of_the_curve(painting: Snapshots) -> None:
    assert {loss.level for loss in painting.losses} == {0, 1}
    images = Story(painting, StoryOptions(frames=20, curve=True)).render().images
    across = [tip(image[48:])[0] for image in images]
    assert across == sorted(across)


def test_a_video_has_even_sides(painting: Snapshots) -> None:
    story = Story(painting, StoryOptions(frames=4, size=33, panels=True, curve=True))
    assert all(side % 2 == 0 for image in story.render(even=True).images for side in image.shape[:2])
