"""`reelbrush preview`: settings side by side before a long batch."""

from __future__ import annotations

import shlex
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.batch.events import Planned
from pipeline.batch.jobs import BatchRun
from pipeline.clip.input_times import InputTimes
from pipeline.clip.record_reading import read_record, recorded_settings
from pipeline.frame_numbers import FrameNumbers
from pipeline.media import Frame, Image, read_picture
from pipeline.pictures.jobs import PreviewJob
from pipeline.pictures.lettering import text_size
from pipeline.pictures.preview import command_line, preview_items
from pipeline.pictures.preview_paintings import Cell, Cost, Preview, draft_settings, paint_preview, representative
from pipeline.pictures.preview_sheet import RULE, preview_sheet
from pipeline.report.batch_run import paint_batch
from pipeline.settings import resolve
from tests.jobs import QUICK, SETS, SHALLOW, TABLE, invoke, moving_folder, paint_picture

FAST = (*SETS, *(text for name in ("levels=1", "steps=6", "carried_steps=5", "passes=1") for text in ("--set", name)),
        "--device", "cpu")  # fmt: skip


def nothing(*arguments: Any) -> None:
    pass


def run(*arguments: str | Path, name: str = "preview") -> Any:
    return invoke(name, *arguments, columns=100)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a clip of two shots, a picture and two styles."""
    monkeypatch.chdir(tmp_path)
    moving_folder(tmp_path / "clip", 8, cut=5)
    paint_picture(tmp_path / "cat.png")
    paint_picture(tmp_path / "one.png", seed=5)
    paint_picture(tmp_path / "the other.png", seed=6)
    return tmp_path


def test_frames_come_from_every_shot_and_from_the_longest_first() -> None:
    assert representative([(0, 100)], 3) == [12, 37, 75]
    assert representative([(0, 10), (10, 100), (100, 120)], 3) == [5, 55, 110]
    assert representative([(0, 10), (10, 100), (100, 120)], 2) == [55, 110]
    assert representative([(0, 10), (10, 12)], 3) == [2, 7, 11]
    assert representative([(0, 2)], 5) == [0, 1]
    assert representative([(0, 1)], 3) == [0]


def test_a_draft_is_the_same_but_smaller_and_shorter() -> None:
    full = resolve("fine")
    draft = draft_settings(full)
    assert (draft.size, draft.steps) == (256, 30)
    assert draft_settings(resolve("standard", {"size": 100, "steps": 12})).steps == 12
    assert draft_settings(resolve("standard", {"size": 100})).size == 100
    assert draft_settings(resolve("standard", {"size": 0})).size == 256
    assert (draft.style_weight, draft.style_layers) == (full.style_weight, full.style_layers)


def test_every_style_and_strength_is_a_cell_in_order(here: Path) -> None:
    job = PreviewJob(here / "clip", ["one.png", "the other.png", "one.png:1+the other.png:3"], None, (0.2, 1.0))
    cells = preview_items(job)
    assert [(item.output.name, item.settings["strength"]) for item in cells] == [
        ("clip-one-20", 0.2), ("clip-one-100", 1.0), ("clip-the other-20", 0.2), ("clip-the other-100", 1.0),
        ("clip-one+the other-20", 0.2), ("clip-one+the other-100", 1.0),
    ]  # fmt: skip
    usual = preview_items(PreviewJob(here / "clip", ["one.png"], None))
    assert [item.settings["strength"] for item in usual] == [0.25, 0.5, 0.75]


def test_a_command_is_quoted_for_a_shell_and_only_that_is_printed(here: Path) -> None:
    found = run("clip", "-s", "the other.png", "--strength", "0.3", "--strength", "0.7", "--cell", "2",
                "--preset", "draft", "--frames", "1:4", "--set", "tv_weight=1.5")  # fmt: skip
    assert found.exit_code == 0 and found.stderr == ""
    assert shlex.split(found.stdout) == [
        "reelbrush", "video", "clip", "--style", "the other.png", "--strength", "0.7",
        "--preset", "draft", "--frames", "1:4", "--set", "tv_weight=1.5", "-o", "clip-the other-70",
    ]  # fmt: skip


def test_the_printed_command_paints_with_the_settings_of_its_cell(here: Path) -> None:
    """Given again, it is understood, and means the same."""
    (here / "mine.toml").write_text(f'style_weight = 9.0\ncontent_weight = 0.7\npreset = "draft"\n{TABLE}')
    given = ("cat.png", "-s", "one.png:0.5+the other.png", "--config", "mine.toml", "--set", "levels=1",
             "--set", "steps=6", "--size", "40", "--device", "cpu")  # fmt: skip
    found = run(*given, "--cell", "1")
    assert found.exit_code == 0
    words = shlex.split(found.stdout)
    assert words[:2] == ["reelbrush", "image"]
    assert run(*words[2:], name="image").exit_code == 0
    record = read_record(Path(words[-1]))
    job = PreviewJob(Path("cat.png"), ["one.png:0.5+the other.png"], None, options={
        "style_weight": 9.0, "content_weight": 0.7, "preset": "draft", "levels": 1, "steps": 6, "size": 40,
        **SHALLOW,
    })  # fmt: skip
    cell = preview_items(job)[0]
    assert (cell.settings["style_weight"], cell.settings["strength"]) == (9.0, 0.25)
    assert recorded_settings(record)[0] == resolve(cell.preset, cell.settings)
    assert [style.weight for style in record.styles] == [0.5, 1.0]


def test_a_sheet_has_every_frame_before_and_after_and_a_command_for_each(here: Path) -> None:
    found = run("clip", "-s", "one.png", "-o", "sheet.png", "--strength", "0.5", "--strength", "0.8",
                "--count", "2", *FAST)  # fmt: skip
    assert found.exit_code == 0, found.stderr
    lines = found.stdout.splitlines()
    assert [line[:4] for line in lines] == ["# 1:", "reel", "# 2:", "reel"]
    assert "strength 0.8" in lines[2] and "of disk" in lines[2] and "about" in lines[2]
    assert "note: Each frame is painted by itself" in found.stderr and "The sheet is painted at" not in found.stderr
    sheet = read_picture(Path("sheet.png"))
    # The frames as they are stand in it, whole, one from each shot.
    for number in (2, 6):
        frame = read_picture(here / "clip" / f"{number}.png")
        places = np.argwhere((sheet[: -frame.shape[0], : -frame.shape[1]] == frame[0, 0]).all(axis=2))
        assert any((sheet[y : y + 32, x : x + 48] == frame).all() for y, x in places)


def test_the_shape_of_the_result_is_that_of_the_sheet_and_of_the_commands(here: Path) -> None:
    given = ("clip", "-s", "one.png", "--strength", "0.5", "--count", "1", "--aspect", "1:1")
    found = run(*given, "-o", "sheet.png", *FAST)
    assert found.exit_code == 0, found.stderr
    words = shlex.split(found.stdout.splitlines()[1])
    assert words[words.index("--aspect") :][:2] == ["--aspect", "1:1"]
    sheet, middle = read_picture(Path("sheet.png")), read_picture(here / "clip" / "2.png")[:, 8:40]
    places = np.argwhere((sheet[:-32, :-32] == middle[0, 0]).all(axis=2))
    assert any((sheet[y : y + 32, x : x + 32] == middle).all() for y, x in places)
    assert run(*given, "--pad", "black", "--output-size", "64", "--cell", "1").exit_code == 0
    assert run("clip", "-s", "one.png", "--pad", "black", "--cell", "1").exit_code == 2


def painted(here: Path, *styles: str, strengths: tuple[float, ...] = (0.5, 0.8)) -> Preview:
    """A preview of two frames whose paintings are one colour each, with a cost that is the same for all."""
    job = PreviewJob(here / "clip", styles, None, strengths)
    frames = tuple(Frame(index, Fraction(index), flat((0, 0, 200))) for index in (0, 4))
    cost = Cost(287.0, 1_000_000, 400_000, 770_600_000)
    cells = tuple(
        Cell(number, item, resolve("standard", item.settings), 8, cost, (flat((number, 250, 0)),) * 2)
        for number, item in enumerate(preview_items(job), 1)
    )
    seconds = tuple(map(Fraction, range(24)))
    times = InputTimes(seconds, Fraction(24), seconds[16:], FrameNumbers(16))
    return Preview(frames, cells, 96, 64, times, resolve())


def flat(colour: tuple[int, int, int], height: int = 32, width: int = 48) -> Image:
    return np.full((height, width, 3), colour, np.uint8)


def rows_of(sheet: Image, colour: tuple[int, int, int]) -> tuple[int, int]:
    """First and last row of a colour."""
    found = np.flatnonzero((sheet == colour).all(axis=2).any(axis=1))
    return int(found[0]), int(found[-1])


def ink(sheet: Image) -> int:
    """Pixels that are as dark as letters."""
    return int((sheet.max(axis=2) < 90).sum())


def rules(sheet: Image) -> list[int]:
    """Rows with a line across."""
    return [int(row) for row in np.flatnonzero((sheet == RULE).all(axis=2).mean(axis=1) > 0.8)]


def test_frames_are_named_as_in_the_input(here: Path) -> None:
    assert painted(here, "one.png").frame_texts() == ["frame 16, 16.0 s", "frame 20, 20.0 s"]


def test_a_rule_stands_above_every_style_and_words_within_their_row(here: Path) -> None:
    sheet = preview_sheet(painted(here, "one.png", "the other.png"))
    places = [rows_of(sheet, (number, 250, 0)) for number in (1, 2, 3, 4)]
    lines = rules(sheet)
    assert len(lines) == 2
    assert rows_of(sheet, (0, 0, 200))[1] < lines[0] < places[0][0] and places[1][1] < lines[1] < places[2][0]
    for (_, above), (below, _) in pairwise(places):
        assert above < below
    # Nothing is written right above a rule, nor right below it.
    for line in lines:
        assert ink(sheet[line - 10 : line]) == ink(sheet[line + 1 : line + 10]) == 0


def test_rows_are_as_high_as_their_words_where_costs_differ(here: Path) -> None:
    found = painted(here, "one.png")
    first, second = found.cells
    other = replace(found, cells=(first, replace(second, cost=replace(second.cost, seconds=9000.0))))
    one, two = (rows_of(preview_sheet(other), (number, 250, 0)) for number in (1, 2))
    plain = rows_of(preview_sheet(found), (2, 250, 0))[0] - rows_of(preview_sheet(found), (1, 250, 0))[0]
    line = text_size("", 13)[0]
    assert two[0] - one[0] >= 4 * line, "a weight and three lines of what it costs"
    assert plain < two[0] - one[0]


def test_what_is_the_same_for_all_is_said_once(here: Path) -> None:
    two, four = (preview_sheet(painted(here, "one.png", strengths=some)) for some in ((0.5, 0.5), (0.2, 0.4, 0.6, 0.8)))
    head = rules(two)[0]
    assert rules(four)[0] == head
    # Above the first rule stands what is said of all; below it no more than a number and a weight for each.
    assert ink(two[:head]) > 3 * ink(two[head:, 150:])


def test_a_name_that_cannot_be_written_is_said_and_replaced(here: Path) -> None:
    (here / "one.png").rename(here / "猫.png")
    found = painted(here, "猫.png", "the other.png")
    (here / "猫.png").rename(here / "style 1.png")
    again = painted(here, "style 1.png", "the other.png")
    np.testing.assert_array_equal(drawn_from(found, here, "猫.png"), preview_sheet(again))


def drawn_from(found: Preview, here: Path, name: str) -> Image:
    """The sheet, with a style that stands there under that name for as long."""
    (here / "style 1.png").rename(here / name)
    try:
        return preview_sheet(found)
    finally:
        (here / name).rename(here / "style 1.png")


def test_a_picture_is_painted_as_by_reelbrush_image(here: Path) -> None:
    """At its size and with its steps, where those are no more than a draft's."""
    job = PreviewJob(Path("cat.png"), ["one.png"], None, (0.6,), device="cpu",
                     options={**SHALLOW, "levels": 1, "steps": 6})  # fmt: skip
    cell = paint_preview(preview_items(job), 3, "cpu", nothing).cells[0]
    arguments = shlex.split(
        command_line(preview_items(job)[0], [*SETS, "--set", "levels=1", "--steps", "6", "--device", "cpu"])
    )
    assert run(*arguments[2:], name="image").exit_code == 0
    assert len(cell.paintings) == 1
    np.testing.assert_array_equal(cell.paintings[0], read_picture(Path("cat-one-60.png")))


def test_the_first_frame_of_a_clip_is_painted_as_by_reelbrush_video(here: Path) -> None:
    """With the palette of the clip as a whole."""
    assert run("clip", "-s", "one.png", "-o", "painted", *QUICK, name="video").exit_code == 0
    options = {**SHALLOW, "levels": 1, "steps": 6, "passes": 1}
    job = PreviewJob(Path("clip"), ["one.png"], None, (0.5,), options=options)
    found = paint_preview(preview_items(job), 8, "cpu", nothing)
    assert [frame.index for frame in found.frames] == list(range(8))
    np.testing.assert_array_equal(found.cells[0].paintings[0], read_picture(here / "painted" / "frame_000000.png"))
    np.testing.assert_array_equal(found.cells[0].paintings[5], read_picture(here / "painted" / "frame_000005.png"))


def test_estimates_are_those_of_a_dry_run(here: Path) -> None:
    options = {**SHALLOW, "levels": 1, "steps": 6, "carried_steps": 5}
    job = PreviewJob(Path("cat.png"), ["one.png"], None, (0.5,), options=options)
    cost = paint_preview(preview_items(job), 1, "cpu", nothing).cells[0].cost
    told: list[Any] = []
    paint_batch(BatchRun(["cat.png"], ["one.png"], here / "batch", options={**options, "strength": 0.5}, threads=1,
                dry_run=True), told.append)  # fmt: skip
    plan = next(event for event in told if isinstance(event, Planned))
    assert cost.result + cost.work == plan.room
    assert 0.1 < cost.seconds / plan.seconds < 10, "both are measured"
    assert cost.memory is None or 1e7 < cost.memory < 1e11


def test_what_differs_from_the_job_is_said(here: Path) -> None:
    paint_picture(here / "large.png", width=272, height=16)
    found = run("large.png", "-s", "one.png", "-o", "sheet.png", "--strength", "0.5", "--set", "levels=1",
                "--set", "steps=31", *SETS, "--device", "cpu")  # fmt: skip
    assert found.exit_code == 0, found.stderr
    assert "The sheet is painted at 256x15 in 30 steps, the job at 272x16 in 31" in found.stderr.replace("\n", " ")
    assert "by itself" not in found.stderr


def test_the_strength_changes_the_painting_and_not_the_cost(here: Path) -> None:
    job = PreviewJob(Path("cat.png"), ["one.png"], None, (0.0, 1.0), options={**SHALLOW, "levels": 1, "steps": 6})
    one, other = paint_preview(preview_items(job), 1, "cpu", nothing).cells
    assert one.cost == other.cost
    assert (one.paintings[0] != other.paintings[0]).any()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("clip", "-s", "one.png"), "-o OUT.png"),
        (("clip", "-s", "one.png", "--cell", "9"), "no cell 9"),
        (("none.mp4", "-s", "gone.png", "--cell", "1"), "none.mp4"),
        (("none.mp4", "-s", "gone.png", "--cell", "1"), "gone.png"),
        (("clip", "-s", "one.png", "-o", "one.png", "--overwrite"), "made from"),
        (("cat.png", "-s", "one.png", "--cell", "1", "--frames", "1:2"), "is a picture"),
        (("clip", "-s", "one.png", "--cell", "1", "--set", "stile_weight=2"), "style_weight"),
    ],
)
def test_mistakes_are_said(here: Path, arguments: tuple[str, ...], said: str) -> None:
    before = sorted(here.iterdir())
    found = run(*arguments)
    assert found.exit_code == 2 and said in found.stderr
    assert sorted(here.iterdir()) == before
