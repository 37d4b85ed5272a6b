"""`reelbrush gallery`: many results on a sheet, or one after the other."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import closing
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny import flat

from pipeline.batch.ledger import Ledger
from pipeline.media import Image, open_source, read_picture, resize, write_picture
from pipeline.pictures.fitting import GROUND, cropped, cropped_share
from pipeline.pictures.gallery_items import find_gallery_items
from pipeline.pictures.insets import with_insets
from pipeline.pictures.justified_grid import place_rows, sheet_width, shown_aspect, split_into_rows
from pipeline.pictures.slideshow import HOLD
from reelbrush import stylize_image, stylize_video
from tests.jobs import QUICK, SMALL, invoke, moving_folder, paint_picture
from tests.ledgers import finish, planned

GREY, RED, BLUE = (128, 128, 128), (255, 0, 0), (0, 0, 255)


def where(image: Image, colour: tuple[int, int, int]) -> np.ndarray:
    return (image == colour).all(axis=2)


def run(*arguments: str | Path, command: str = "gallery") -> Any:
    return invoke(command, *arguments, columns=100)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`in/` with two pictures, `styles/` with two, and `painted/`, the batch of all four paintings."""
    here = tmp_path_factory.mktemp("gallery")
    for folder, names in (("in", ("b1.png", "b10.png")), ("styles", ("s1.png", "s2.png"))):
        (here / folder).mkdir()
        for number, name in enumerate(names):
            paint_picture(here / folder / name, seed=number + 10 * (folder == "styles"))
    assert run(here / "in", "-s", here / "styles", "-o", here / "painted", *QUICK[:4], "--steps", "6",
               "--set", "levels=1", command="batch").exit_code == 0  # fmt: skip
    return here


@pytest.fixture
def here(made: Path, tmp_path: Path) -> Path:
    """A copy that may be changed."""
    return Path(shutil.copytree(made, tmp_path / "here"))


def test_rows_are_as_wide_as_the_sheet_and_keep_proportions() -> None:
    shapes = [1.5, 1.5, 0.75, 1.0, 2.0]
    places, height = place_rows(shapes, [3, 2], 800)
    for (_, _, wide, high), shape in zip(places, shapes, strict=True):
        assert wide / high == pytest.approx(shape, rel=0.03)
    for row in (places[:3], places[3:]):
        assert len({(y, high) for _, y, _, high in row}) == 1
        assert row[0][0] == 5 and row[-1][0] + row[-1][2] == 795, "from margin to margin"
    first, last = places[0], places[-1]
    assert first[1] == 5 and last[1] == 5 + first[3] + 5 and last[1] + last[3] + 5 == height


def test_a_row_that_would_be_much_higher_stands_in_the_middle() -> None:
    places, _ = place_rows([1.0] * 5, [4, 1], 800)
    high, (x, _, wide, last) = places[0][3], places[4]
    assert last == pytest.approx(2.5 * high, abs=1) and abs(2 * x + wide - 800) <= 1


@pytest.mark.parametrize("count", [1, 2, 3, 5, 7, 11, 24, 100])
@pytest.mark.parametrize("kind", ["alike", "mixed"])
def test_a_sheet_is_about_half_as_wide_again_as_high_and_full(count: int, kind: str) -> None:
    shapes = [1.5 if kind == "alike" else (0.5, 1.5, 3.0, 1.0)[number % 4] for number in range(count)]
    rows = split_into_rows(shapes)
    assert sum(rows) == count
    places, height = place_rows(shapes, rows, 1000)
    assert count < 4 or 0.8 < 1000 / height < 2.5
    filled = sum(wide * high for _, _, wide, high in places) / (1000 * height)
    assert filled > 0.8, "little of it is white"
    highs = {high for _, _, _, high in places}
    assert max(highs) <= 2.6 * min(highs)


def test_rows_are_even_before_proportions_are_perfect() -> None:
    assert [split_into_rows([1.5] * count) for count in (2, 3, 24)] == [[2], [3], [4, 5, 5, 5, 5]]


def test_columns_are_spread_over_rows_and_what_belongs_together_is_not_parted() -> None:
    assert split_into_rows([1.0] * 7, columns=3) == [2, 2, 3] and split_into_rows([1.0] * 6, columns=3) == [3, 3]
    assert split_into_rows([1.0] * 3, columns=8) == [3]
    for shapes in ([0.5, 3.0] * 12, [1.5] * 24):
        rows = split_into_rows(shapes, group=2)
        assert sum(rows) == 24 and all(count % 2 == 0 for count in rows) and len(rows) > 2


def test_of_very_wide_and_very_high_results_the_middle_is_shown() -> None:
    assert [shown_aspect(*size) for size in ((1000, 100), (100, 1000), (300, 200))] == [3, 0.5, 1.5]
    wide = np.hstack([flat(RED, 20, 70), flat(BLUE, 20, 60), flat(RED, 20, 70)])
    np.testing.assert_array_equal(cropped(wide, 60, 20), flat(BLUE, 20, 60))
    assert cropped(wide, 30, 60).shape == (60, 30, 3)
    assert cropped_share(wide, 60, 20) == pytest.approx(0.7) and cropped_share(wide, 20, 2) == 0


def test_small_results_are_enlarged_to_a_sheet_one_can_see_and_large_ones_shrunk() -> None:
    assert sheet_width([1.0] * 4, [100] * 4, [2, 2]) == 400, "no more than twice"
    assert sheet_width([1.0] * 4, [300] * 4, [2, 2]) == 1000
    assert sheet_width([1.0] * 4, [600] * 4, [2, 2]) == 1200, "as they are"
    assert sheet_width([1.0] * 4, [2000] * 4, [2, 2]) == 1600


def test_insets_stand_in_the_lower_left_corner_in_order_with_a_white_border() -> None:
    painting = flat(GREY, 200, 300)
    shown = with_insets(painting, [flat(RED, 40, 40), flat(BLUE, 90, 90)])
    red, blue = np.argwhere(where(shown, RED)), np.argwhere(where(shown, BLUE))
    assert red.min(axis=0)[0] > 100 and red.max(axis=0)[1] < blue.min(axis=0)[1] < 150
    high = np.ptp(red[:, 0]) + 1
    assert high == np.ptp(blue[:, 0]) + 1 == np.ptp(blue[:, 1]) + 1
    top, left = red.min(axis=0)
    assert (shown[top - 1, left : left + high] == 255).all() and (shown[top : top + high, left - 1] == 255).all()
    assert where(shown, GREY).mean() > 0.8 and (painting == GREY).all()
    assert with_insets(painting, []) is painting


@pytest.mark.parametrize("size", [(200, 300), (300, 200), (300, 300), (400, 100), (100, 400), (96, 32)])
@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_insets_leave_two_thirds_of_the_width(size: tuple[int, int], count: int) -> None:
    painting = flat(GREY, *size)
    insets = [flat(RED, 30, 40), *[flat(BLUE, 30, 30)] * (count - 1)]
    shown = with_insets(painting, insets)
    changed = np.argwhere((shown != painting).any(axis=2))
    (top, left), (bottom, right) = changed.min(axis=0), changed.max(axis=0)
    # What would be smaller than eight pixels cannot be seen at all.
    least = 10 * count if min(size) < 50 else 0
    assert right + 1 <= max(size[1] / 3 + 2, 16, least) and size[0] - top <= max(size[0] / 3 + 2, least)
    assert left > 0 and bottom < size[0] - 1
    assert all(where(shown, colour).sum() >= 40 for colour in (RED, BLUE)[:count])


def test_in_a_narrow_painting_insets_stand_one_above_the_other() -> None:
    shown = with_insets(flat(GREY, 400, 100), [flat(RED, 30, 30), flat(BLUE, 30, 30)])
    red, blue = np.argwhere(where(shown, RED)), np.argwhere(where(shown, BLUE))
    assert red.max(axis=0)[0] < blue.min(axis=0)[0] and red.min(axis=0)[1] == blue.min(axis=0)[1]


def test_a_very_wide_inset_shows_its_middle() -> None:
    wide = np.hstack([flat(RED, 20, 100), flat(BLUE, 20, 20), flat(RED, 20, 100)])
    shown = with_insets(flat(GREY, 200, 300), [wide])
    red, blue = where(shown, RED).sum(), where(shown, BLUE).sum()
    assert blue > 2 * red > 0


def test_a_batch_becomes_a_sheet_with_the_styles_of_each_input_in_a_row(here: Path) -> None:
    found = run(here / "painted", "-o", here / "sheet.png", "--size", "400")
    assert found.exit_code == 0 and "4 results" in found.stderr
    sheet = read_picture(here / "sheet.png")
    places, height = place_rows([1.5] * 4, [2, 2], 400)
    assert sheet.shape == (height, 400, 3)
    order = [("b1", "s1"), ("b1", "s2"), ("b10", "s1"), ("b10", "s2")]
    for (content, style), (x, y, wide, high) in zip(order, places, strict=True):
        painting = cropped(read_picture(here / "painted" / f"{content}-{style}.png"), wide, high)
        insets = [read_picture(here / "in" / f"{content}.png"), read_picture(here / "styles" / f"{style}.png")]
        np.testing.assert_array_equal(sheet[y : y + high, x : x + wide], with_insets(painting, insets))
        assert (with_insets(painting, insets) != painting).any()


def test_what_a_later_command_leaves_out_comes_last_and_is_marked(here: Path) -> None:
    with closing(Ledger(here / "painted", write=True)) as ledger:
        ledger.plan([row.item for row in ledger.items() if row.name.endswith("-s2.png")])
    found = run(here / "painted", "-o", here / "sheet.png", "--size", "800", "--no-insets", "--columns", "1")
    assert found.exit_code == 0 and "4 results" in found.stderr
    assert "left out of the last one: b1-s1.png and 1 more" in " ".join(found.stderr.split())
    sheet = read_picture(here / "sheet.png")
    places, _ = place_rows([1.5] * 4, [1] * 4, 800)
    order = [("b1-s2", False), ("b10-s2", False), ("b1-s1", True), ("b10-s1", True)]
    for (name, earlier), (x, y, wide, high) in zip(order, places, strict=True):
        painting = cropped(read_picture(here / "painted" / f"{name}.png"), wide, high)
        differs = (sheet[y : y + high, x : x + wide] != painting).any(2)
        assert differs.any() == earlier
        assert not differs[: high // 2].any() and not differs[:, : wide // 2].any(), "the lower right corner"


def test_without_insets_there_are_none_and_columns_are_as_wished(here: Path) -> None:
    assert (
        run(here / "painted", "-o", here / "sheet.png", "--size", "400", "--no-insets", "--columns", "4").exit_code == 0
    )
    sheet = read_picture(here / "sheet.png")
    (x, y, wide, high), *_ = place_rows([1.5] * 4, [4], 400)[0]
    painting = cropped(read_picture(here / "painted" / "b1-s1.png"), wide, high)
    np.testing.assert_array_equal(sheet[y : y + high, x : x + wide], painting)


def test_in_a_gif_each_is_held_and_wiped_to_the_next_and_the_last_to_the_first(here: Path) -> None:
    assert run(here / "painted", "-o", here / "all.gif", "--size", "96", "--no-insets").exit_code == 0
    source = open_source(here / "all.gif")
    info, frames = source.info, [frame.image for frame in source.frames()]
    # Twelve steps of 0.05 s from one to the next, of which the last is the next one itself.
    assert len(frames) == 4 * 12 and (info.width, info.height) == (96, 64)
    assert info.duration == 4 * (HOLD + 11 * Fraction(1, 20))
    paintings = [resize(read_picture(path), 96, 64) for path in sorted((here / "painted").glob("*.png"))]
    for number in range(4):
        held = frames[12 * number].astype(int)
        distances = [abs(held - painting).mean() for painting in paintings]
        assert int(np.argmin(distances)) == number
        halfway, after = frames[12 * number + 6].astype(int), paintings[(number + 1) % 4]
        left, right = (abs(halfway - one).mean(axis=(0, 2)) for one in (after, paintings[number]))
        assert left[:44].mean() < right[:44].mean() and right[52:].mean() < left[52:].mean()


def test_a_result_of_other_proportions_stands_on_a_dark_ground(tmp_path: Path) -> None:
    for name, size in (("a.png", (60, 90)), ("b.png", (60, 90)), ("c.png", (90, 30))):
        write_picture(tmp_path / name, flat(RED, *size))
    assert run(tmp_path / "a.png", tmp_path / "b.png", tmp_path / "c.png", "-o", tmp_path / "all.gif").exit_code == 0
    frames = [frame.image.astype(int) for frame in open_source(tmp_path / "all.gif").frames()]
    last = frames[24]
    assert max(GROUND) < 64
    assert last.shape == (60, 90, 3)
    assert (abs(last[:, :30] - GROUND) < 8).all() and (abs(last[:, 60:] - GROUND) < 8).all()
    assert (abs(last[:, 37:53] - RED) < 8).all()


def test_a_video_has_frames_of_one_length(here: Path) -> None:
    assert run(here / "painted", "-o", here / "all.mp4", "--size", "96").exit_code == 0
    info = open_source(here / "all.mp4").info
    assert not info.variable and info.rate == 30 and info.frames == 4 * (48 + 17)


@pytest.mark.heavy
@pytest.mark.parametrize("suffix", [".gif", ".mp4"])
def test_max_bytes_is_met_and_it_is_said_what_was_given_up(here: Path, suffix: str) -> None:
    size = ("--size", "144")
    assert run(here / "painted", "-o", here / f"all{suffix}", *size).exit_code == 0
    full = (here / f"all{suffix}").stat().st_size
    shown = open_source(here / f"all{suffix}").info
    for name, share in (("same", 1.0), ("less", 0.8), ("least", 0.3)):
        path = here / f"{name}{suffix}"
        found = run(here / "painted", "-o", path, *size, "--max-bytes", str(round(share * full)))
        assert found.exit_code == 0 and path.stat().st_size <= share * full
        assert ("to stay below" in found.stderr) == (share < 1)
        info = open_source(path).info
        assert float(info.duration) == pytest.approx(float(shown.duration), abs=0.4), "in fewer frames, as long"
    assert (here / f"same{suffix}").read_bytes() == (here / f"all{suffix}").read_bytes()
    assert 144 >= open_source(here / f"less{suffix}").info.width > open_source(here / f"least{suffix}").info.width
    assert not list(here.glob(".*")), "no trial is left"


def test_a_gallery_that_cannot_fit_says_what_would(here: Path) -> None:
    found = run(here / "painted", "-o", here / "all.gif", "--size", "96", "--max-bytes", "1kB")
    assert found.exit_code == 2 and "this gallery does not fit into 1 kB" in found.stderr
    assert not (here / "all.gif").exists()


def test_the_same_results_give_the_same_bytes(here: Path) -> None:
    for name in ("sheet.png", "sheet.jpg", "all.gif"):
        before = here / f"before-{name}"
        assert run(here / "painted", "-o", here / name, "--size", "96").exit_code == 0
        (here / name).rename(before)
        assert run(here / "painted", "-o", here / name, "--size", "96").exit_code == 0
        assert (here / name).read_bytes() == before.read_bytes()


def test_a_batch_that_was_moved_is_still_found(here: Path) -> None:
    (here / "painted").rename(here / "elsewhere")
    assert [one.path.name for one in find_gallery_items([here / "elsewhere"], here / "out.png")[0]] == [
        "b1-s1.png", "b1-s2.png", "b10-s1.png", "b10-s2.png"
    ]  # fmt: skip


def test_of_a_folder_only_results_are_shown_each_once(here: Path) -> None:
    folder = here / "painted"
    (folder / "ledger.sqlite").unlink()
    shutil.copy(here / "in" / "b1.png", folder / "a-photo.png")
    shutil.copy(folder / "b1-s1.png", folder / "z-again.png")
    assert run(folder, "-o", folder / "sheet.png", "--size", "96").exit_code == 0
    found, notes = find_gallery_items([folder], folder / "sheet.png")
    assert [one.path.name for one in found] == ["b1-s1.png", "b1-s2.png", "b10-s1.png", "b10-s2.png"]
    assert notes == []


def test_a_story_is_its_painting_once_more(here: Path) -> None:
    folder = here / "mine"
    folder.mkdir()
    arguments = (here / "in" / "b1.png", "-s", here / "styles" / "s1.png", *QUICK)
    assert run(*arguments, "-o", folder / "b.png", "--story", folder / "a.gif", command="image").exit_code == 0
    assert [one.path.name for one in find_gallery_items([folder], folder / "o.png")[0]] == ["b.png"]


def test_pictures_that_say_nothing_are_shown_and_it_is_said(here: Path) -> None:
    found = run(here / "in", here / "painted" / "b1-s1.png", "-o", here / "sheet.png", "--size", "200")
    assert found.exit_code == 0 and "3 results" in found.stderr
    assert "without insets" in found.stderr and "b1.png and 1 more" in found.stderr


def test_what_is_gone_is_left_out_and_found_with_search(here: Path) -> None:
    (here / "styles").rename(here / "hidden")
    found = run(here / "painted", "-o", here / "less.png", "--size", "200")
    assert found.exit_code == 0 and "--search" in found.stderr
    found = run(here / "painted", "-o", here / "more.png", "--size", "200", "--search", here / "hidden")
    assert found.exit_code == 0 and "--search" not in found.stderr
    assert (read_picture(here / "less.png") != read_picture(here / "more.png")).any()


def cut_off(path: Path) -> None:
    """What is left of a file that was copied by halves."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@pytest.mark.parametrize("of_a_batch", [True, False])
def test_what_cannot_be_read_in_a_folder_is_left_out_and_said(here: Path, of_a_batch: bool) -> None:
    folder = here / "painted"
    cut_off(folder / "b1-s2.png")
    if not of_a_batch:
        (folder / "ledger.sqlite").unlink()
        (folder / "a.mp4").write_bytes(b"no film")
    for name in ("sheet.png", "all.gif"):
        found = run(folder, "-o", here / name, "--size", "96", "--no-insets")
        assert found.exit_code == 0 and "3 results" in found.stderr
        notes = [line for line in found.stderr.splitlines() if line.startswith("note:")]
        assert len(notes) == 1 and "Left out" in notes[0]
        assert ("b1-s2.png" if of_a_batch else "a.mp4 and 1 more") in notes[0]
    found = run(folder, folder / "b1-s2.png", "-o", here / "named.png")
    assert found.exit_code == 1 and "b1-s2.png" in found.stderr, "what is named is meant"
    assert not (here / "named.png").exists()


def test_a_batch_shows_no_folder_with_a_damaged_frame(tmp_path: Path) -> None:
    ledger = planned(tmp_path, ["one", "other"])
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        for number in range(3):
            paint_picture(tmp_path / name / f"frame_{number + 1:06d}.png", seed=number)
        finish(ledger, name, frames=3, cut=None, thumbnails=())
    ledger.close()
    assert len(find_gallery_items([tmp_path], tmp_path / "o.gif")[0]) == 2
    cut_off(tmp_path / "other" / "frame_000003.png")
    found, notes = find_gallery_items([tmp_path], tmp_path / "o.gif", insets=False)
    assert [one.path.name for one in found] == ["one"]
    assert notes == ["Left out, because it cannot be read: other."]


def test_where_nothing_can_be_read_there_is_no_gallery(here: Path) -> None:
    for path in (here / "in").iterdir():
        cut_off(path)
    found = run(here / "in", "-o", here / "sheet.png")
    assert found.exit_code == 2 and "none of it can be read" in found.stderr and not (here / "sheet.png").exists()


def test_a_story_stands_for_its_damaged_painting(here: Path) -> None:
    folder = here / "mine"
    folder.mkdir()
    arguments = (here / "in" / "b1.png", "-s", here / "styles" / "s1.png", *QUICK)
    assert run(*arguments, "-o", folder / "b.png", "--story", folder / "a.gif", command="image").exit_code == 0
    whole = read_picture(folder / "b.png")
    assert whole.shape == (32, 48, 3)
    # Its pixels are gone; how it was made stands before them.
    (folder / "b.png").write_bytes((folder / "b.png").read_bytes()[:-200])
    assert [one.path.name for one in find_gallery_items([folder], folder / "o.png")[0]] == ["a.gif"]


def test_clips_play_in_an_animation_and_stand_still_on_a_sheet(tmp_path: Path) -> None:
    source = moving_folder(tmp_path / "in", 8)
    style = paint_picture(tmp_path / "style.png", seed=5)
    painted = stylize_video(source, style, tmp_path / "painted.gif", fps=10, **SMALL)
    assert painted.frames == 8
    still = stylize_image(style, source / "0.png", tmp_path / "still.png", **SMALL)
    assert (
        run(tmp_path / "painted.gif", tmp_path / "still.png", "-o", tmp_path / "all.gif", "--no-insets").exit_code == 0
    )
    frames = [frame.image for frame in open_source(tmp_path / "all.gif").frames()]
    # Its eight frames, of which the last stays until all is held as long as a picture; a wipe, a picture, a wipe.
    assert len(frames) == 8 + 11 + 1 + 11 and frames[0].shape == (32, 48, 3)
    times = open_source(tmp_path / "all.gif").info.times
    assert times[7] == Fraction(7, 10) and times[8] == HOLD
    for number, clip in enumerate(open_source(tmp_path / "painted.gif").frames()):
        distances = [abs(frame.astype(int) - clip.image).mean() for frame in frames[:8]]
        assert int(np.argmin(distances)) == number
    both = (tmp_path / "painted.gif", tmp_path / "still.png", "-o", tmp_path / "with.mp4", "--size", "240")
    assert run(*both).exit_code == 0
    corner = [frame.image[115:150, 8:50].astype(int) for frame in open_source(tmp_path / "with.mp4").frames()]
    moved = abs(corner[0] - corner[23]).mean()
    assert moved > 10, "its content moves along in its inset"
    assert abs(corner[0] - corner[-1]).mean() < moved / 2, "and begins again with it"
    assert run(tmp_path / "painted.gif", "-o", tmp_path / "one.png", "--size", "96", "--no-insets").exit_code == 0
    middle = next(open_source(tmp_path / "painted.gif").frames(4)).image
    (x, y, wide, high), *_ = place_rows([1.5], [1], 96)[0]
    sheet = read_picture(tmp_path / "one.png")
    np.testing.assert_array_equal(sheet[y : y + high, x : x + wide], cropped(middle, wide, high))
    assert still.image.shape == (32, 48, 3)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (lambda here: (here / "nothing", "-o", here / "sheet.png"), 2, "no such file"),
        (lambda here: (here / "painted", "-o", here / "sheet.txt"), 2, "a gallery is a picture"),
        (lambda here: (here / "painted", "-o", here / "all.gif", "--columns", "2"), 2, "--columns"),
        (lambda here: (here / "painted", "-o", here / "sheet.jpg", "--max-bytes", "1MB"), 2, "--size"),
        (lambda here: (here / "painted", "-o", here / "in" / "b1.png", "--overwrite"), 2, "made from"),
        (lambda here: (here / "painted", "-o", here / "painted" / "b1-s1.png", "--overwrite"), 2, "made from"),
        (lambda here: (here / "painted", "-o", here / "there.png"), 1, "exists already"),
    ],
)
def test_mistakes_are_said_and_replace_nothing(
    here: Path, arguments: Callable[[Path], tuple[Any, ...]], code: int, said: str
) -> None:
    (here / "there.png").write_text("mine")
    before = {path: path.read_bytes() for path in here.rglob("*.png")}
    found = run(*arguments(here))
    assert found.exit_code == code and said in found.stderr
    assert {path: path.read_bytes() for path in here.rglob("*.png")} == before
