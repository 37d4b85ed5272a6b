"""The story of a painting: which snapshots are kept and shown, what stands around them, how many bytes they take."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from fractions import Fraction
from inspect import signature
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from PIL import Image as Pillow
from tiny import picture, tiny_painter
from typer.testing import CliRunner

import cli
from pipeline.clip.parse import parse_bytes
from pipeline.clip.recorded import read_record
from pipeline.errors import StoreError, UsageError
from pipeline.media import Image, open_source, read_metadata, read_picture
from pipeline.media.gif_blocks import walk_gif
from pipeline.media.palette import Palette
from pipeline.pictures.encoding_ladder import TRIALS, best_within, encoding_ladder
from pipeline.pictures.jobs import StoryOptions
from pipeline.pictures.size_limit import LEAST_SIDE
from pipeline.pictures.snapshot_store import read_snapshots
from pipeline.pictures.snapshots import MOST, Loss, Snapshot, SnapshotRecorder, Snapshots, visible_change
from pipeline.pictures.story import Story, blend, changes, even_positions
from pipeline.pictures.story_curve import ACCENT
from pipeline.pictures.story_file import write_story, write_story_frames
from pipeline.style.frame import Progress
from pipeline.style.objective import Losses
from pipeline.style.optimise import Step
from pipeline.style.painter import CANVAS
from tests.jobs import QUICK, environment, events, paint_picture

SUFFIXES = (".gif", ".webp", ".png", ".mp4", ".webm")
STEPS = 12


def grey(lightness: float, height: int = 40, width: int = 64) -> Image:
    """A grey of that L*, so that levels are distances that the eye sees."""
    lab = np.zeros((1, 1, 3), np.float32)
    lab[..., 0] = lightness
    level = round(float(cv2.cvtColor(lab, cv2.COLOR_LAB2RGB)[0, 0, 0]) * 255)
    return np.full((height, width, 3), level, np.uint8)


def lightness(images: list[Image]) -> list[float]:
    return [float(cv2.cvtColor(image[:1, :1].astype(np.float32) / 255, cv2.COLOR_RGB2LAB)[0, 0, 0]) for image in images]


def evenly(pictures: list[Image], count: int) -> list[Image]:
    """`count` pictures on the way from the first to the last."""
    return [blend(pictures, place) for place in even_positions(changes(pictures), count)]


# ---- visible change


def test_visible_change_by_hand() -> None:
    black, white = np.zeros((40, 64, 3), np.uint8), np.full((40, 64, 3), 255, np.uint8)
    assert visible_change(black, white) == pytest.approx(100, abs=0.01)
    assert visible_change(grey(60), grey(63)) == pytest.approx(3, abs=0.4)
    half = np.array(black)
    half[:, :32] = 255
    assert visible_change(black, half) == pytest.approx(50, abs=1)
    assert visible_change(grey(0, 400, 640), grey(50, 400, 640)) == pytest.approx(50, abs=0.3)


def test_grain_is_not_visible_change() -> None:
    """At a glance a fine checkerboard is grey."""
    plain = np.full((256, 256, 3), 128, np.uint8)
    board = np.array(plain)
    board[::2, ::2] += 30
    board[1::2, 1::2] += 30
    board[::2, 1::2] -= 30
    board[1::2, ::2] -= 30
    assert visible_change(plain, board) < 1.5


# ---- frames at even distances


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


# ---- the recorder


def told(step: int, of: int, lightness: float, total: float = 1.0, start: float = 0.0) -> Progress:
    image, first = (torch.from_numpy(grey(light)).permute(2, 0, 1)[None].float() / 255 for light in (lightness, start))
    detail = Step(step, of, Losses(torch.tensor(total), {}), lambda: image)
    return Progress(step, of, step / of, 0, detail, lambda: image, lambda: first)


class Result:
    """As much of a `StillResult` as the recorder looks at."""

    def __init__(self, content: Image, image: Image, steps: int = 9) -> None:
        self.content, self.image = content, image
        self.painted = type("Painted", (), {"steps": steps, "losses": {"total": 0.5}})


def recorded(recorder: SnapshotRecorder, first: Image, final: Image) -> Snapshots:
    return recorder.snapshots(Result(first, final))  # type: ignore[arg-type]


def test_the_recorder_keeps_a_bounded_number_of_small_pictures() -> None:
    recorder = SnapshotRecorder(size=32)
    most = 0
    random = np.random.default_rng(1)
    for step in range(1, 1001):
        recorder(told(step, 1000, float(random.uniform(0, 100))))
        most = max(most, len(recorder._taken))
    assert MOST / 2 <= most <= MOST + 1
    found = recorded(recorder, grey(0), grey(100))
    assert {shot.image.shape for shot in found.taken} == {(20, 32, 3)}
    assert found.content.shape == found.painting.shape == (20, 32, 3)
    images = Story(found, StoryOptions(frames=5)).render().images
    assert len(images) == 5 and lightness(images)[-1] == pytest.approx(100, abs=0.1)


def test_the_recorder_spaces_its_frames_by_change() -> None:
    recorder = SnapshotRecorder(size=64)
    for step in range(1, 401):
        recorder(told(step, 400, 90 * (1 - 0.98**step)))
    images = Story(recorded(recorder, grey(0), grey(90)), StoryOptions(frames=9, size=64)).render().images
    gaps = np.diff(lightness(images))
    assert len(images) == 9
    assert gaps.min() > 0.8 * 90 / 8 and gaps.max() < 1.2 * 90 / 8


def test_pictures_of_a_painting_that_stands_still_are_not_kept() -> None:
    recorder = SnapshotRecorder()
    for step in range(1, 100):
        recorder(told(step, 100, 50))
    assert [shot.step for shot in recorder._taken] == [0, 1]


def test_late_steps_are_not_all_fetched() -> None:
    """A picture costs a transfer from the device and a resize."""
    fetched = 0

    def fetch() -> torch.Tensor:
        nonlocal fetched
        fetched += 1
        return torch.zeros(1, 3, 8, 8)

    recorder = SnapshotRecorder()
    detail = Step(1, 20_000, Losses(torch.tensor(1.0), {}), fetch)
    for step in range(1, 20_001):
        recorder(Progress(step, 20_000, step / 20_000, 0, detail, fetch, fetch))
    assert 2 * MOST <= fetched <= 4 * MOST


def test_losses_belong_to_the_picture_before_their_step() -> None:
    recorder = SnapshotRecorder()
    for step, total in ((1, 8.0), (2, 4.0), (3, 2.0)):
        recorder(told(step, 3, 20 * step, total))
    found = recorder.snapshots(Result(grey(0), grey(60), steps=3))  # type: ignore[arg-type]
    assert found.losses == (Loss(0, 0, 8.0), Loss(1, 0, 4.0), Loss(2, 0, 2.0), Loss(3, 0, 0.5))


def test_a_painting_that_begins_again_is_recorded_from_its_new_beginning() -> None:
    """Memory ran out after two steps."""
    recorder = SnapshotRecorder()
    for step, light in ((1, 10.0), (2, 20.0), (1, 30.0), (2, 40.0), (3, 50.0)):
        recorder(told(step, 3, light, total=light))
    found = recorder.snapshots(Result(grey(0), grey(50), steps=3))  # type: ignore[arg-type]
    assert [shot.step for shot in found.taken] == [0, 1, 2, 3]
    assert lightness([shot.image for shot in found.taken]) == pytest.approx([0, 30, 40, 50], abs=0.5)
    assert [loss.total for loss in found.losses] == [30, 40, 50, 0.5]


def test_a_loss_that_is_no_number_is_not_drawn() -> None:
    recorder = SnapshotRecorder()
    for step, total in ((1, 8.0), (2, float("nan")), (3, float("inf")), (4, 2.0)):
        recorder(told(step, 4, 20 * step, total))
    found = recorder.snapshots(Result(grey(0), grey(80), steps=4))  # type: ignore[arg-type]
    assert [loss.step for loss in found.losses] == [0, 3, 4]
    Story(found, StoryOptions(curve=True)).render(6)


# ---- a real small painting


@pytest.fixture(scope="module")
def painting() -> Snapshots:
    """Of a real painting in two sizes."""
    recorder = SnapshotRecorder()
    content = picture(48, 64)
    painter = tiny_painter(levels=2, smallest=16, steps=30, optimizer="lbfgs", learning_rate=0.1)
    found = painter.paint(content, on_progress=recorder)
    result = Result(content, found.image, found.steps)
    result.painted.losses = found.losses
    return recorder.snapshots(result, [picture(40, 48, seed=1)])  # type: ignore[arg-type]


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


# ---- panels and curve


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


# ---- bytes


def search(limit: int, sizes: list[int], weights: list[float]) -> tuple[int | None, list[int]]:
    asked: list[int] = []

    def measure(number: int) -> int:
        asked.append(number)
        return sizes[number]

    return best_within(limit, weights, measure), asked


def test_the_best_rung_that_fits_is_found_with_few_trials() -> None:
    weights = [0.95**number for number in range(80)]
    exact = [round(1_000_000 * weight) for weight in weights]
    assert search(1_000_000, exact, weights) == (0, [0])
    for limit in (900_000, 400_000, 60_000):
        best, asked = search(limit, exact, weights)
        assert best is not None and 0.9 * limit <= exact[best] <= limit
        assert len(asked) <= 3
    # Estimates that are badly wrong cost trials, never the limit.
    random = np.random.default_rng(3)
    for _ in range(200):
        steps = random.uniform(0.8, 1.0, 80)
        sizes = [round(1_000_000 * float(size)) for size in np.cumprod(steps)]
        limit = int(random.uniform(sizes[-1], sizes[0]))
        best, asked = search(limit, sizes, weights)
        assert best is not None and sizes[best] <= limit
        assert len(asked) <= TRIALS + 6


def test_a_limit_that_nothing_meets() -> None:
    best, asked = search(10, [1000, 500, 100, 50], [1, 0.5, 0.1, 0.05])
    assert best is None and asked[-1] == 3, "the smallest one was tried"


@pytest.mark.parametrize("suffix", (*SUFFIXES, ".mov", ".mkv", ".apng"))
def test_rungs_become_smaller(suffix: str) -> None:
    ways = encoding_ladder(suffix)
    weights = [way.weight for way in ways]
    assert weights == sorted(set(weights), reverse=True)
    assert weights[-1] < 0.02 and (ways[0].scale, ways[0].share, weights[0]) == (1, 1, pytest.approx(1))
    gentle = next(way for way in ways[1:])
    assert gentle.weight > 0.7, "the first step down is a small one"


@pytest.mark.parametrize(
    ("text", "count"),
    [("5MB", 5_000_000), ("800kB", 800_000), ("1.5 MB", 1_500_000), ("300000", 300_000), ("2m", 2_000_000),
     ("512KiB", 524_288), ("1GB", 10**9), ("7b", 7)],
)  # fmt: skip
def test_sizes_of_files(text: str, count: int) -> None:
    assert parse_bytes(text) == count


@pytest.mark.parametrize("text", ["", "big", "-5MB", "0", "0.0001B", "5 TB", "5MB/s", "nan", "i", "5i"])
def test_what_is_no_size_of_a_file(text: str) -> None:
    with pytest.raises(UsageError, match="no size of a file"):
        parse_bytes(text)


def measured(path: Path) -> tuple[int, int, float]:
    """Width, frames and seconds."""
    info = open_source(path).info
    return info.width, info.frames, float(info.duration)


@pytest.mark.parametrize("suffix", [".gif", ".png"])
def test_colours_are_not_given_up_before_size_and_frames(suffix: str) -> None:
    for way in encoding_ladder(suffix):
        if way.palette is not None and way.palette.colours < 256:
            assert float(way.share) <= 0.6 and way.scale <= 0.6
        if way.palette is not None and way.palette.colours < 128:
            assert float(way.share) <= 0.4 and way.scale <= 0.25


@pytest.mark.parametrize("suffix", (*SUFFIXES, ".apng", ".mov"))
def test_no_step_down_gives_up_a_tenth_of_the_bytes(suffix: str) -> None:
    """Else the file could only be so much smaller than it may be."""
    weights = [way.weight for way in encoding_ladder(suffix)]
    large = [weight for weight in weights if weight > 0.25]
    assert min(after / before for before, after in pairwise(large)) > 0.87


def test_paper_has_no_dots(tmp_path: Path, painting: Snapshots) -> None:
    """The pattern of the ordered dither is too faint to reach from white to the palest other colour."""
    told = Story(painting, StoryOptions(frames=6, panels=True, curve=True)).render()
    write_story_frames(
        tmp_path / "o.gif",
        told,
        next(way for way in encoding_ladder(".gif") if way.palette == Palette(256, "ordered")),
        {},
    )
    for frame, image in zip(open_source(tmp_path / "o.gif").frames(), told.images, strict=True):
        assert (frame.image[(image == 255).all(2)] == 255).all()


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_max_bytes_is_met(tmp_path: Path, painting: Snapshots, suffix: str) -> None:
    options = StoryOptions(frames=16)
    full = tmp_path / f"full{suffix}"
    assert write_story(full, Story(painting, options), options) == ()
    size = full.stat().st_size
    for share in (1.0, 0.7, 0.4):
        fitted = StoryOptions(frames=16, max_bytes=round(share * size))
        path = tmp_path / f"{share}{suffix}"
        notes = write_story(path, Story(painting, fitted), fitted)
        assert path.stat().st_size <= share * size
        assert len(notes) == (share < 1)
        assert measured(path)[2] == pytest.approx(measured(full)[2], abs=0.5)
    assert (tmp_path / f"1.0{suffix}").read_bytes() == full.read_bytes()
    assert {path.name for path in tmp_path.iterdir()} == {f"{name}{suffix}" for name in ("full", "1.0", "0.7", "0.4")}


def test_what_cannot_fit_says_what_would(tmp_path: Path, painting: Snapshots) -> None:
    options = StoryOptions(frames=16, max_bytes=900)
    with pytest.raises(UsageError, match=r"o\.gif: this story does not fit into 1 kB.*--max-bytes (\d+)kB") as caught:
        write_story(tmp_path / "o.gif", Story(painting, options), options)
    assert not list(tmp_path.iterdir())
    allowed = StoryOptions(frames=16, max_bytes=parse_bytes(str(caught.value).split("--max-bytes ")[1].split(",")[0]))
    write_story(tmp_path / "o.gif", Story(painting, allowed), allowed)
    assert measured(tmp_path / "o.gif")[0] >= LEAST_SIDE


# ---- files


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a painted picture, its story `o.gif`, and its snapshots."""
    here = tmp_path_factory.mktemp("kept")
    paint_picture(here / "c.png", width=64, height=48)
    paint_picture(here / "s.png", seed=9)
    paint_picture(here / "t.png", seed=5)
    styles = ("-s", here / "s.png:0.7", "-s", here / "t.png:0.3")
    told = ("--story", here / "o.gif", "--story-frames", "9", "--story-size", "48", *OPTIONS, "--keep")
    result = run(
        "image",
        here / "c.png",
        *styles,
        "-o",
        here / "o.png",
        *QUICK,
        "--start",
        "content",
        "--steps",
        str(STEPS),
        *told,
    )
    assert result.exit_code == 0, result.stderr
    assert "The snapshots are kept in" in result.stderr
    return here


OPTIONS = ("--panels", "--curve")


def run(*arguments: str | Path) -> Any:
    result = CliRunner().invoke(cli.app, list(map(str, arguments)), env={"COLUMNS": "200"})
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def story(workdir: Path, output: Path, *arguments: str) -> Any:
    return run("story", workdir, "-o", output, "--frames", "9", "--size", "48", *arguments)


def test_a_story_of_kept_snapshots_is_the_one_made_at_once(kept: Path) -> None:
    result = story(kept / "o.png.reelbrush", kept / "again.gif", *OPTIONS)
    assert result.exit_code == 0, result.stderr
    assert (kept / "again.gif").read_bytes() == (kept / "o.gif").read_bytes()
    assert story(kept / "o.png", kept / "named.gif", *OPTIONS).exit_code == 0, "the painting beside it will do"
    assert (kept / "named.gif").read_bytes() == (kept / "o.gif").read_bytes()
    assert not [path for path in kept.iterdir() if path.name.startswith(".")]


def test_kept_snapshots_are_without_loss(kept: Path) -> None:
    found = read_snapshots(kept / "o.png.reelbrush")
    np.testing.assert_array_equal(found.snapshots.painting, read_picture(kept / "o.png"))
    np.testing.assert_array_equal(found.snapshots.content, read_picture(kept / "c.png"))
    assert len(found.snapshots.styles) == 2 and found.snapshots.steps == STEPS
    assert [shot.step for shot in found.snapshots.taken[:2]] == [0, 1]
    np.testing.assert_array_equal(found.snapshots.taken[0].image, found.snapshots.content)
    assert [loss.step for loss in found.snapshots.losses] == list(range(STEPS + 1))


def test_a_story_told_elsewhere_knows_where_its_picture_came_from(kept: Path, tmp_path: Path) -> None:
    (kept / "sub").mkdir()
    assert story(kept / "o.png.reelbrush", kept / "sub" / "o.webp").exit_code == 0
    record = read_record(kept / "sub" / "o.webp")
    assert (record.source.path.as_posix(), record.styles[1].path.as_posix()) == ("../c.png", "../t.png")
    assert read_metadata(kept / "sub" / "o.webp")["network"] == read_metadata(kept / "o.gif")["network"]


@pytest.mark.parametrize("suffix", (*SUFFIXES, ".apng", ".mov", ".mkv"))
def test_every_format_has_its_frames_and_times(kept: Path, tmp_path: Path, suffix: str) -> None:
    for name in ("a", "b"):
        assert story(kept / "o.png.reelbrush", tmp_path / f"{name}{suffix}", *OPTIONS).exit_code == 0
    path = tmp_path / f"a{suffix}"
    assert path.read_bytes() == (tmp_path / f"b{suffix}").read_bytes()
    source = open_source(path)
    seconds = (60 + 7 * 8 + 200) / 100
    shown = [frame.image for frame in source.frames()]
    if suffix in (".mp4", ".mov", ".mkv", ".webm"):
        assert source.info.rate == Fraction(25, 2) and not source.info.variable
        assert float(source.info.duration) == pytest.approx(seconds, abs=0.1)
        assert source.info.frames == 8 + 7 + 25
    else:
        assert source.info.times == tuple(Fraction(at, 100) for at in (0, *range(60, 117, 8)))
        assert float(source.info.duration) == seconds
        with Pillow.open(path) as animation:
            assert animation.info["loop"] == 0, "for ever"
    expected = Story(read_snapshots(kept / "o.png").snapshots, StoryOptions(9, 48, True, True)).render().images
    for one, other in ((0, 0), (-1, -1)):
        fitting = shown[one][: expected[other].shape[0], : expected[other].shape[1]]
        apart = np.abs(fitting.astype(int) - expected[other])
        assert apart.mean() < {".png": 1e-9, ".apng": 1e-9}.get(suffix, 6)


def test_delays_of_a_gif_are_whole_hundredths(kept: Path) -> None:
    assert walk_gif(kept / "o.gif").delays == [60, *[8] * 7, 200]


def test_nothing_is_replaced_unasked(kept: Path, tmp_path: Path) -> None:
    (tmp_path / "o.gif").write_bytes(b"old")
    result = story(kept / "o.png", tmp_path / "o.gif")
    assert result.exit_code == 1 and "--overwrite" in result.stderr
    assert (tmp_path / "o.gif").read_bytes() == b"old"
    assert story(kept / "o.png", tmp_path / "o.gif", "--overwrite").exit_code == 0
    again = run("image", kept / "c.png", "-s", kept / "s.png", "-o", kept / "o.png", *QUICK, "--keep")
    assert again.exit_code == 1 and "exists already" in again.stderr


# ---- what is no work folder of a picture


def copied(kept: Path, to: Path) -> Path:
    return Path(shutil.copytree(kept / "o.png.reelbrush", to / "w"))


def refused(folder: Path, *words: str) -> None:
    with pytest.raises(StoreError) as caught:
        read_snapshots(folder)
    said = str(caught.value)
    assert "\n" not in said and all(word in said for word in words), said


def spoil_index(folder: Path, **values: Any) -> None:
    index = json.loads((folder / "snapshots.json").read_text())
    (folder / "snapshots.json").write_text(json.dumps({**index, **values}))


def test_damaged_folders_say_so(kept: Path, tmp_path: Path) -> None:
    folder = copied(kept, tmp_path)
    read_snapshots(folder)
    (folder / "step_000001.png").write_bytes(b"\x89PNG\r\n")
    refused(folder, "damaged", "step_000001.png", "--keep")
    (folder / "step_000001.png").unlink()
    refused(folder, "damaged", "step_000001.png")
    paint_picture(folder / "step_000001.png", width=20, height=20)
    refused(folder, "another size")
    result = run("story", folder, "-o", tmp_path / "o.gif")
    assert result.exit_code == 1 and "Traceback" not in result.stderr and result.stderr.count("Error: ") == 1
    assert {path.name for path in tmp_path.iterdir()} == {"w"}


@pytest.mark.parametrize(
    "values",
    [
        {"taken": [[1, "../c.png"]]},
        {"taken": [[1, 5]]},
        {"taken": 3},
        {"taken": [[2, "step_000002.png"], [1, "step_000001.png"]]},
        {"losses": []},
        {"losses": [["x", 0, 1]]},
        {"styles": None},
        {"steps": "many"},
    ],
    ids=str,
)
def test_an_index_that_says_what_cannot_be(kept: Path, tmp_path: Path, values: dict[str, Any]) -> None:
    folder = copied(kept, tmp_path)
    spoil_index(folder, **values)
    refused(folder, "damaged")


def test_folders_of_other_kinds(kept: Path, tmp_path: Path) -> None:
    refused(tmp_path / "none", "no such folder", "--keep")
    refused(kept, "no snapshots", "OUT.reelbrush")
    (tmp_path / "v.mp4.reelbrush" / "frames").mkdir(parents=True)
    refused(tmp_path / "v.mp4.reelbrush", "frames of a video", "compare")
    folder = copied(kept, tmp_path)
    spoil_index(folder, kind="reelbrush snapshots 9")
    refused(folder, "this version")
    (folder / "snapshots.json").write_text("{")
    refused(folder, "snapshots.json is damaged")


def test_a_story_among_its_own_snapshots_is_refused(kept: Path) -> None:
    result = story(kept / "o.png.reelbrush", kept / "o.png.reelbrush" / "o.gif")
    assert result.exit_code == 2


# ---- the command


def test_the_command_and_the_library_mean_the_same_story() -> None:
    image, told = signature(cli.image).parameters, signature(cli.story).parameters
    options = StoryOptions()
    assert image["story_frames"].default == told["frames"].default == options.frames
    assert image["story_size"].default == told["size"].default == options.size


def test_what_is_tried_is_told(kept: Path, tmp_path: Path) -> None:
    limit = str((kept / "o.gif").stat().st_size // 2)
    lines = events(story(kept / "o.png", tmp_path / "o.gif", *OPTIONS, "--max-bytes", limit, "--json").stdout)
    stages = [line["text"] for line in lines if line["event"] == "stage"]
    assert "Writing the story o.gif: 9 frames in 256 colours" in stages and len(stages) >= 4
    assert len(lines[-1]["notes"]) == 1 and (tmp_path / "o.gif").stat().st_size <= int(limit)


@pytest.mark.skipif(sys.platform == "win32", reason="limits as POSIX has them")
def test_a_full_disk_names_the_story(kept: Path, tmp_path: Path) -> None:
    """Not the trial that did not fit."""
    arguments = ["story", str(kept / "o.png"), "-o", "o.webp"]
    code = (
        "import resource, signal, cli; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
        f"resource.setrlimit(resource.RLIMIT_FSIZE, (4000, 4000)); cli.app({arguments})"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment(), capture_output=True, text=True, check=False
    )
    assert found.returncode == 1, found.stderr
    assert found.stderr.splitlines()[-1].startswith("Error: o.webp: the disk is full"), found.stderr
    assert not list(tmp_path.iterdir())


def test_a_story_that_does_not_fit_says_that_the_painting_is_there(kept: Path, tmp_path: Path) -> None:
    told = ("--story", tmp_path / "o.gif", "--max-bytes", "2kB")
    result = run("image", kept / "c.png", "-s", kept / "s.png", "-o", tmp_path / "o.png", *QUICK, *told)
    assert result.exit_code == 2 and "The painting itself is done" in result.stderr
    assert {path.name for path in tmp_path.iterdir()} == {"o.png"}


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("--panels",), "--story"),
        (("--max-bytes", "5MB"), "--story"),
        (("--story", "x.gif", "--max-bytes", "much"), "no size"),
    ],
)
def test_options_of_a_story_without_one(kept: Path, arguments: tuple[str, ...], word: str) -> None:
    result = run("image", kept / "c.png", "-s", kept / "s.png", "-o", kept / "new.png", *arguments)
    assert result.exit_code == 2 and word in result.stderr
    assert not (kept / "new.png").exists()


def test_overwriting_keeps_hands_off_the_frames_of_a_video(kept: Path, tmp_path: Path) -> None:
    (tmp_path / "o.png.reelbrush").mkdir()
    (tmp_path / "o.png.reelbrush" / "mine.txt").write_text("mine")
    result = run(
        "image", kept / "c.png", "-s", kept / "s.png", "-o", tmp_path / "o.png", *QUICK, "--keep", "--overwrite"
    )
    assert result.exit_code == 1 and "something else" in result.stderr
    assert (tmp_path / "o.png.reelbrush" / "mine.txt").read_text() == "mine"
