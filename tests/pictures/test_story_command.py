"""`reelbrush image --story` and `reelbrush story`: files, snapshots on the disk, and what is refused."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow
from stories import SUFFIXES

from pipeline.clip.record_reading import read_record
from pipeline.errors import StoreError
from pipeline.media import open_source, read_metadata, read_picture
from pipeline.media.gif_blocks import walk_gif
from pipeline.pictures.jobs import StoryOptions
from pipeline.pictures.snapshot_store import read_snapshots
from pipeline.pictures.story import Story
from tests.jobs import QUICK, environment, events, invoke, paint_picture

STEPS = 12
OPTIONS = ("--panels", "--curve")


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a painted picture, its story `o.gif`, and its snapshots."""
    here = tmp_path_factory.mktemp("stored")
    paint_picture(here / "c.png", width=64, height=48)
    paint_picture(here / "s.png", seed=9)
    paint_picture(here / "t.png", seed=5)
    styles = ("-s", here / "s.png:0.7", "-s", here / "t.png:0.3")
    told = ("--story", here / "o.gif", "--story-frames", "9", "--story-size", "48", *OPTIONS, "--keep")
    result = invoke(
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


def story(workdir: Path, output: Path, *arguments: str) -> Any:
    return invoke("story", workdir, "-o", output, "--frames", "9", "--size", "48", *arguments)


def test_a_story_of_kept_snapshots_is_the_one_made_at_once(stored: Path) -> None:
    result = story(stored / "o.png.reelbrush", stored / "again.gif", *OPTIONS)
    assert result.exit_code == 0, result.stderr
    assert (stored / "again.gif").read_bytes() == (stored / "o.gif").read_bytes()
    assert story(stored / "o.png", stored / "named.gif", *OPTIONS).exit_code == 0, "the painting beside it will do"
    assert (stored / "named.gif").read_bytes() == (stored / "o.gif").read_bytes()
    assert not [path for path in stored.iterdir() if path.name.startswith(".")]


def test_kept_snapshots_are_without_loss(stored: Path) -> None:
    found = read_snapshots(stored / "o.png.reelbrush")
    np.testing.assert_array_equal(found.snapshots.painting, read_picture(stored / "o.png"))
    np.testing.assert_array_equal(found.snapshots.content, read_picture(stored / "c.png"))
    assert len(found.snapshots.styles) == 2 and found.snapshots.steps == STEPS
    assert [shot.step for shot in found.snapshots.taken[:2]] == [0, 1]
    np.testing.assert_array_equal(found.snapshots.taken[0].image, found.snapshots.content)
    assert [loss.step for loss in found.snapshots.losses] == list(range(STEPS + 1))


def test_a_story_told_elsewhere_knows_where_its_picture_came_from(stored: Path, tmp_path: Path) -> None:
    (stored / "sub").mkdir()
    assert story(stored / "o.png.reelbrush", stored / "sub" / "o.webp").exit_code == 0
    record = read_record(stored / "sub" / "o.webp")
    assert (record.source.path.as_posix(), record.styles[1].path.as_posix()) == ("../c.png", "../t.png")
    assert read_metadata(stored / "sub" / "o.webp")["network"] == read_metadata(stored / "o.gif")["network"]


@pytest.mark.parametrize("suffix", (*SUFFIXES, ".apng", ".mov", ".mkv"))
def test_every_format_has_its_frames_and_times(stored: Path, tmp_path: Path, suffix: str) -> None:
    for name in ("a", "b"):
        assert story(stored / "o.png.reelbrush", tmp_path / f"{name}{suffix}", *OPTIONS).exit_code == 0
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
    expected = Story(read_snapshots(stored / "o.png").snapshots, StoryOptions(9, 48, True, True)).render().images
    for one, other in ((0, 0), (-1, -1)):
        fitting = shown[one][: expected[other].shape[0], : expected[other].shape[1]]
        apart = np.abs(fitting.astype(int) - expected[other])
        assert apart.mean() < {".png": 1e-9, ".apng": 1e-9}.get(suffix, 6)


def test_delays_of_a_gif_are_whole_hundredths(stored: Path) -> None:
    assert walk_gif(stored / "o.gif").delays == [60, *[8] * 7, 200]


def test_nothing_is_replaced_unasked(stored: Path, tmp_path: Path) -> None:
    (tmp_path / "o.gif").write_bytes(b"old")
    result = story(stored / "o.png", tmp_path / "o.gif")
    assert result.exit_code == 1 and "--overwrite" in result.stderr
    assert (tmp_path / "o.gif").read_bytes() == b"old"
    assert story(stored / "o.png", tmp_path / "o.gif", "--overwrite").exit_code == 0
    again = invoke("image", stored / "c.png", "-s", stored / "s.png", "-o", stored / "o.png", *QUICK, "--keep")
    assert again.exit_code == 1 and "exists already" in again.stderr


# ---- what is no work folder of a picture


def copied(stored: Path, to: Path) -> Path:
    return Path(shutil.copytree(stored / "o.png.reelbrush", to / "w"))


def refused(folder: Path, *words: str) -> None:
    with pytest.raises(StoreError) as caught:
        read_snapshots(folder)
    said = str(caught.value)
    assert "\n" not in said and all(word in said for word in words), said


def spoil_index(folder: Path, **values: Any) -> None:
    index = json.loads((folder / "snapshots.json").read_text())
    (folder / "snapshots.json").write_text(json.dumps({**index, **values}))


def test_damaged_folders_say_so(stored: Path, tmp_path: Path) -> None:
    folder = copied(stored, tmp_path)
    read_snapshots(folder)
    (folder / "step_000001.png").write_bytes(b"\x89PNG\r\n")
    refused(folder, "damaged", "step_000001.png", "--keep")
    (folder / "step_000001.png").unlink()
    refused(folder, "damaged", "step_000001.png")
    paint_picture(folder / "step_000001.png", width=20, height=20)
    refused(folder, "another size")
    result = invoke("story", folder, "-o", tmp_path / "o.gif")
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
def test_an_index_that_says_what_cannot_be(stored: Path, tmp_path: Path, values: dict[str, Any]) -> None:
    folder = copied(stored, tmp_path)
    spoil_index(folder, **values)
    refused(folder, "damaged")


def test_folders_of_other_kinds(stored: Path, tmp_path: Path) -> None:
    refused(tmp_path / "none", "no such folder", "--keep")
    refused(stored, "no snapshots", "OUT.reelbrush")
    (tmp_path / "v.mp4.reelbrush" / "frames").mkdir(parents=True)
    refused(tmp_path / "v.mp4.reelbrush", "frames of a video", "compare")
    folder = copied(stored, tmp_path)
    spoil_index(folder, kind="reelbrush snapshots 9")
    refused(folder, "this version")
    (folder / "snapshots.json").write_text("{")
    refused(folder, "snapshots.json is damaged")


def test_a_story_among_its_own_snapshots_is_refused(stored: Path) -> None:
    result = story(stored / "o.png.reelbrush", stored / "o.png.reelbrush" / "o.gif")
    assert result.exit_code == 2


# ---- the command


def test_what_is_tried_is_told(stored: Path, tmp_path: Path) -> None:
    limit = str((stored / "o.gif").stat().st_size // 2)
    lines = events(story(stored / "o.png", tmp_path / "o.gif", *OPTIONS, "--max-bytes", limit, "--json").stdout)
    stages = [line["text"] for line in lines if line["event"] == "stage"]
    assert "Writing the story o.gif: 9 frames in 256 colours" in stages and len(stages) >= 4
    assert len(lines[-1]["notes"]) == 1 and (tmp_path / "o.gif").stat().st_size <= int(limit)


@pytest.mark.skipif(sys.platform == "win32", reason="limits as POSIX has them")
def test_a_full_disk_names_the_story(stored: Path, tmp_path: Path) -> None:
    """Not the trial that did not fit."""
    arguments = ["story", str(stored / "o.png"), "-o", "o.webp"]
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


def test_a_story_that_does_not_fit_says_that_the_painting_is_there(stored: Path, tmp_path: Path) -> None:
    told = ("--story", tmp_path / "o.gif", "--max-bytes", "2kB")
    result = invoke("image", stored / "c.png", "-s", stored / "s.png", "-o", tmp_path / "o.png", *QUICK, *told)
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
def test_options_of_a_story_without_one(stored: Path, arguments: tuple[str, ...], word: str) -> None:
    result = invoke("image", stored / "c.png", "-s", stored / "s.png", "-o", stored / "new.png", *arguments)
    assert result.exit_code == 2 and word in result.stderr
    assert not (stored / "new.png").exists()


def test_overwriting_keeps_hands_off_the_frames_of_a_video(stored: Path, tmp_path: Path) -> None:
    (tmp_path / "o.png.reelbrush").mkdir()
    (tmp_path / "o.png.reelbrush" / "mine.txt").write_text("mine")
    result = invoke(
        "image", stored / "c.png", "-s", stored / "s.png", "-o", tmp_path / "o.png", *QUICK, "--keep", "--overwrite"
    )
    assert result.exit_code == 1 and "something else" in result.stderr
    assert (tmp_path / "o.png.reelbrush" / "mine.txt").read_text() == "mine"
