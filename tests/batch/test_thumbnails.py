"""What is collected from a finished painting for the report: a few frames beside the input's, and the flicker."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from jobs import SMALL, moving_folder, paint_picture
from PIL import Image as Pillow

from pipeline.batch.plan.item import Item
from pipeline.batch.thumbnails import LIMITS, Inspection, inspect_result, thumbnail_frames, thumbnail_limits
from pipeline.batch.worst_frame import excess
from pipeline.clip.events import Event, Started
from pipeline.clip.jobs import StylePicture
from pipeline.media import Image, open_source
from pipeline.media.thumbnail import QUALITIES, smaller_thumbnail, thumbnail, thumbnail_size
from pipeline.motion.measure import flicker_between, measure
from reelbrush import stylize_video


def item(source: Path, output: Path) -> Item:
    return Item(output.name, source, (StylePicture(Path("style.png")),), output)


def decoded(jpeg: bytes) -> Image:
    return np.array(Pillow.open(io.BytesIO(jpeg)).convert("RGB"))


def far(jpeg: bytes, image: Image) -> float:
    """Mean difference in levels."""
    return float(np.abs(decoded(jpeg).astype(float) - image).mean())


def frame(folder: Path, number: int) -> Image:
    return np.array(Pillow.open(folder / f"{number}.png"))


def painted(source: Path, output: Path, change: Callable[[int, Image], Image] = lambda _, image: 255 - image) -> Path:
    """A 'painting' of a folder of pictures, made in no time."""
    output.mkdir()
    for path in source.iterdir():
        image = np.array(Pillow.open(path))
        Pillow.fromarray(change(int(path.stem), image)).save(output / path.name)
    return output


LONGEST, MOST = LIMITS[0].longest, LIMITS[0].most_bytes


@pytest.fixture
def noise() -> Image:
    return np.random.default_rng(3).integers(0, 256, (480, 800, 3), np.uint8)


# ---- which frames


@pytest.mark.parametrize(
    ("frames", "cuts", "count", "wanted"),
    [
        (1, (), 8, [0]),
        (3, (), 8, [0, 1, 2]),
        (8, (), 8, list(range(8))),
        (71, (), 8, [0, 10, 20, 30, 40, 50, 60, 70]),
        (71, (33,), 8, [0, 10, 20, 30, 33, 40, 50, 60, 70]),
        (71, (3, 5, 7, 9), 8, [0, 10, 20, 30, 40, 50, 60, 70]),
        (71, (33,), 2, [0, 70]),
        (71, (33,), 1, [35]),
        (1, (), 1, [0]),
    ],
)
def test_frames_are_spread_and_show_each_of_a_few_shots(
    frames: int, cuts: tuple[int, ...], count: int, wanted: list[int]
) -> None:
    assert thumbnail_frames(frames, cuts, count) == wanted


def test_a_few_more_than_asked_for_are_all_there_ever_are() -> None:
    for limits in LIMITS:
        many = [thumbnail_frames(500, range(1, cuts + 1), limits.frames) for cuts in range(9)]
        assert max(map(len, many)) == limits.most_frames


def test_the_more_paintings_the_less_of_each() -> None:
    assert [thumbnail_limits(items).frames for items in (0, 1, 8, 9, 100, 1000, 9999)] == [8, 8, 8, 5, 2, 1, 1]


# ---- a clip


def test_a_painted_clip_is_shown_beside_what_it_was_painted_from(tmp_path: Path) -> None:
    source, style = moving_folder(tmp_path / "in", 12, cut=6), paint_picture(tmp_path / "style.png", 5)
    events: list[Event] = []
    stylize_video(source, style, tmp_path / "out.mp4", on_event=events.append, quality="lossless", **SMALL)
    (started,) = [event for event in events if isinstance(event, Started)]
    frames = list(open_source(tmp_path / "out.mp4").frames())
    found = inspect_result(item(source, tmp_path / "out.mp4"), started.cuts)
    # Six steps of a shallow network flicker: the frame where that is worst is shown as well, and said.
    worst = max((row for row in found.flicker if row.painting), key=excess)
    assert found.notes == (f"It flickers most at frame {worst.frame}.",)
    assert [one.frame for one in found.thumbnails] == sorted({*thumbnail_frames(12, (6,), 8), worst.frame})
    for one in found.thumbnails:
        assert thumbnail_size(one.before) == thumbnail_size(one.after) == (48, 32)
        before, after = frame(source, one.frame), frames[one.frame].image
        assert far(one.before, before) < far(one.before, after)
        assert far(one.after, after) < far(one.after, before)
    assert [row.frame for row in found.flicker] == list(range(1, 12))
    assert [row.frame for row in found.flicker if row.painting is None or row.input is None] == [6]


def test_flicker_is_what_measure_says_at_that_size(tmp_path: Path) -> None:
    source = moving_folder(tmp_path / "in", 5)
    output = painted(source, tmp_path / "out", lambda number, image: np.roll(image, 5 * number, axis=0))
    images = [(frame(source, number), frame(output, number)) for number in range(5)]
    wanted = [found.measure for found in measure(images, range(5), [(0, 5)])][1:]
    found = inspect_result(item(source, output))
    assert [(row.painting, row.input) for row in found.flicker] == [(one.e_warp, one.e_warp_input) for one in wanted]
    assert all(row.painting > 5 * row.input for row in found.flicker)  # type: ignore[operator]


def test_of_a_loop_the_first_frame_follows_the_last(tmp_path: Path) -> None:
    source = moving_folder(tmp_path / "in", 5)
    output = painted(source, tmp_path / "out", lambda number, image: np.roll(image, 5 * number, axis=0))
    seam, *others = inspect_result(item(source, output), loop=True).flicker
    ends = [(frame(source, number), frame(output, number)) for number in (4, 0)]
    wanted = flicker_between(*ends)
    assert (seam.frame, seam.painting, seam.input) == (0, wanted.painting, wanted.input)
    assert tuple(others) == inspect_result(item(source, output)).flicker


def test_only_the_frames_that_were_painted_at_the_rate_they_were(tmp_path: Path) -> None:
    source = moving_folder(tmp_path / "in", 9)
    (tmp_path / "part").mkdir()
    for number in range(3, 7):
        (tmp_path / "part" / f"{number}.png").write_bytes((source / f"{number}.png").read_bytes())
    output = painted(tmp_path / "part", tmp_path / "out")
    found = inspect_result(replace(item(source, output), frames=(3, 7), fps="12"))
    assert found.notes == ()
    assert [far(one.before, frame(source, 3 + one.frame)) < 12 for one in found.thumbnails] == [True] * 4


def test_a_painting_that_is_larger_than_its_input_is_shown_at_its_own_size(tmp_path: Path) -> None:
    source = moving_folder(tmp_path / "in", 2)
    output = painted(
        source, tmp_path / "out", lambda _, image: np.array(Pillow.fromarray(image).resize((1200, 800)), np.uint8)
    )
    found = inspect_result(item(source, output))
    width, height = LONGEST, round(LONGEST * 2 / 3)
    sizes = {thumbnail_size(jpeg) for one in found.thumbnails for jpeg in (one.before, one.after)}
    assert len(sizes) == 1
    assert np.abs(np.array(sizes.pop()) - (width, height)).max() <= 1
    assert len(found.flicker) == 1
    small = inspect_result(item(source, output), limits=thumbnail_limits(100))
    assert [thumbnail_size(one.after)[0] for one in small.thumbnails] == [280, 280]


# ---- a picture


def test_a_still_has_one_thumbnail(tmp_path: Path) -> None:
    source, output = paint_picture(tmp_path / "in.png"), paint_picture(tmp_path / "out.png", 9, 96, 64)
    found = inspect_result(item(source, output))
    assert [one.frame for one in found.thumbnails] == [0]
    assert thumbnail_size(found.thumbnails[0].before) == thumbnail_size(found.thumbnails[0].after) == (96, 64)
    assert (found.flicker, found.notes) == ((), ())


# ---- a bonus that never costs the painting


def test_what_cannot_be_shown_is_a_note(tmp_path: Path) -> None:
    source = moving_folder(tmp_path / "in", 5)
    output = painted(source, tmp_path / "out")

    def is_only_note(found: Inspection, words: str) -> bool:
        return not found.thumbnails and not found.flicker and len(found.notes) == 1 and words in found.notes[0]

    assert is_only_note(inspect_result(item(tmp_path / "gone", output)), "gone")
    assert is_only_note(inspect_result(item(source, tmp_path / "gone.mp4")), "gone.mp4")
    assert is_only_note(inspect_result(item(source, tmp_path / "gone.png")), "gone.png")
    (tmp_path / "broken.mp4").write_bytes(b"not a video")
    assert is_only_note(inspect_result(item(source, tmp_path / "broken.mp4")), "broken.mp4")
    assert is_only_note(inspect_result(replace(item(source, output), fps="often")), "often")
    (output / "4.png").unlink()
    assert is_only_note(inspect_result(item(source, output)), "has 5 frames now")


# ---- small pictures


def test_a_thumbnail_is_bounded_in_pixels_and_bytes(noise: Image) -> None:
    free, tight = thumbnail(noise, LONGEST, 10**9), thumbnail(noise, LONGEST, MOST)
    assert thumbnail_size(free) == thumbnail_size(tight) == (640, 384)
    assert len(tight) <= MOST < len(free)
    assert thumbnail(noise, LONGEST, 1) == thumbnail(noise, LONGEST, len(thumbnail(noise, LONGEST, 1)))
    assert list(QUALITIES) == sorted(QUALITIES, reverse=True)


def test_a_smaller_thumbnail_is_the_same_where_it_is_small_enough(noise: Image) -> None:
    first = thumbnail(noise, LONGEST, MOST)
    assert smaller_thumbnail(first, LONGEST, MOST) is first
    second = smaller_thumbnail(first, 320, 30_000)
    assert thumbnail_size(second) == (320, 192)
    assert len(second) <= 30_000
