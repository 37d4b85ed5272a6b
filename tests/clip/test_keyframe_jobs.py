"""Clips with keyframes from the command line to the result: what is painted, gone on with, and painted again."""

from __future__ import annotations

import json
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from jobs import (
    QUICK,
    SMALL,
    assert_same,
    gone_on,
    invoke,
    killed,
    moving_folder,
    paint_picture,
    pictures,
)
from jobs import (
    reelbrush as reelbrush_command,
)
from PIL import Image as Pillow

import reelbrush
from pipeline.clip.clip import run_clip
from pipeline.clip.deadline import Deadline
from pipeline.clip.engine import Engine, open_engine
from pipeline.clip.jobs import ClipJob, ReplayJob, StylePicture
from pipeline.clip.keyframe_texts import parse_keyframe
from pipeline.clip.record_reading import read_record
from pipeline.clip.replay import run_replay
from pipeline.clip.shards import outline_clip, paint_shard, split_shots
from pipeline.errors import ReplayError, UsageError
from pipeline.media import write_picture

FADE = ("--keyframe", "1: style=a.png", "--keyframe", "4 smooth: style=b.png, strength=0.9")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in: a clip of six frames and two styles."""
    monkeypatch.chdir(tmp_path)
    moving_folder(tmp_path / "in", 6)
    for name, seed in (("a.png", 9), ("b.png", 17)):
        paint_picture(tmp_path / name, seed)
    return tmp_path


def engine(**more: Any) -> Engine:
    values = {key: value for key, value in SMALL.items() if key != "device"}
    return open_engine("standard", None, "cpu", {**values, "cuts": "none", **more})


def job(folder: Path, output: str, *keyframes: str, **more: Any) -> ClipJob:
    style = (StylePicture(folder / "a.png"),)
    found = tuple(parse_keyframe(one, folder) for one in keyframes)
    return ClipJob(folder / "in", style, folder / output, keyframes=found, **more)


def refused(*arguments: str | Path) -> str:
    """What is said of a mistake: one paragraph, before anything is painted."""
    result = invoke("video", "in", "-s", "a.png", "-o", "out", *QUICK, *arguments)
    assert result.exit_code == 2, result.output
    text = result.output.strip()
    assert "\n\n" not in text and "Traceback" not in text and not Path("out").exists()
    return " ".join(text.split())


# ---- what is painted


def test_a_fade_begins_as_one_style_and_ends_as_the_other(here: Path) -> None:
    """Nearer to the second style from frame to frame, and as near as a clip that has it throughout."""
    run_clip(job(here, "fade", "1: style=a.png", "4: style=b.png"), engine(temporal_weight=200.0))
    for name in ("a", "b"):
        run_clip(
            ClipJob(here / "in", (StylePicture(here / f"{name}.png"),), here / name), engine(temporal_weight=200.0)
        )
    fade, first, second = (np.array(pictures(here / name), float) for name in ("fade", "a", "b"))
    np.testing.assert_allclose(fade[:2], first[:2], atol=3)
    means = [[one.mean((0, 1)) for one in clip] for clip in (fade, first, second)]
    way = [float((own - a) @ (b - a) / ((b - a) @ (b - a))) for own, a, b in zip(*means, strict=True)]
    assert way[0] < 0.1 and all(later > before for before, later in pairwise(way[1:5]))
    assert way[4] > 0.8 and way[5] > 0.9


def test_a_shot_has_a_style_of_its_own(here: Path) -> None:
    """As if it were a clip for itself: nothing of the style before is left."""
    values = {"clip_palette": 0.0, "start": "content", "cuts": "3"}
    run_clip(job(here, "out", "shot 2: style=b.png"), engine(**values))
    run_clip(ClipJob(here / "in", (StylePicture(here / "b.png"),), here / "b"), engine(**values))
    np.testing.assert_allclose(pictures(here / "out")[3:], pictures(here / "b")[3:], atol=3)


def test_what_changes_at_once_is_painted_anew(here: Path) -> None:
    values = {"clip_palette": 0.0, "start": "content"}
    run_clip(job(here, "out", "3 hold: style=b.png"), engine(**values))
    run_clip(ClipJob(here / "in", (StylePicture(here / "b.png"),), here / "b"), engine(**values, cuts="3"))
    np.testing.assert_allclose(pictures(here / "out")[3:], pictures(here / "b")[3:], atol=3)


def test_frames_that_show_the_same_are_painted_while_their_look_changes(tmp_path: Path) -> None:
    moving_folder(tmp_path / "in", 5, hold=(1, 2, 3, 4))
    for name, seed in (("a.png", 9), ("b.png", 17)):
        paint_picture(tmp_path / name, seed)
    run_clip(job(tmp_path, "out", "1: style=a.png", "3: style=b.png"), engine())
    painted = pictures(tmp_path / "out")
    same = [np.array_equal(one, other) for one, other in pairwise(painted)]
    assert same == [True, False, False, True]


def test_a_slice_is_painted_as_the_time_of_the_input_says(here: Path) -> None:
    run_clip(job(here, "part", "0: style=b.png", "3: style=a.png", frames=(3, 6)), engine(clip_palette=0.0))
    plain = ClipJob(here / "in", (StylePicture(here / "a.png"),), here / "plain", frames=(3, 6))
    run_clip(plain, engine(clip_palette=0.0))
    np.testing.assert_allclose(pictures(here / "part"), pictures(here / "plain"), atol=3)


def test_in_python_keyframes_are_texts_or_tables_with_pictures_in_memory(here: Path) -> None:
    told = {"cuts": "none", "frames": (2, 4), "overwrite": True, **SMALL}
    mask = np.zeros((32, 48), bool)
    mask[:, :24] = True
    b = np.array(Pillow.open("b.png"))
    text = "3: style=b.png:0.7+a.png:0.3, strength=0.9, region.1=b.png"
    reelbrush.stylize_video("in", "a.png", "one", keyframes=[text], region=[(mask, "a.png")], **told)
    table = {"at": 3, "style": [(b, 0.7), ("a.png", 0.3)], "strength": 0.9, "region": {1: b}}
    reelbrush.stylize_video("in", "a.png", "two", keyframes=[table], region=[(mask, "a.png")], **told)
    assert_same(here / "one", here / "two", 2)
    reelbrush.stylize_video("in", "a.png", "three", region=[(mask, "a.png")], **told)
    assert not np.array_equal(pictures(here / "one")[1], pictures(here / "three")[1])


# ---- gone on with, by several, and again


@pytest.mark.heavy
@pytest.mark.parametrize("passes", [1, 2])
def test_killed_in_a_fade_it_goes_on_to_the_same_frames(passes: int, here: Path) -> None:
    told = ("in", "-s", "a.png", *QUICK, *FADE, "--temporal-weight", "200", "--set", f"passes={passes}")
    assert reelbrush_command("video", *told, "-o", here / "whole").returncode == 0
    work = killed(told, here / "out", "frames/000003.png")
    assert work.exists()
    gone_on(told, here / "out")
    assert_same(here / "whole", here / "out", 6)


def test_with_time_enough_a_fade_is_that_of_a_run_without_a_deadline(here: Path) -> None:
    told = ("1: style=b.png", "2: colours=keep")
    run_clip(job(here, "free", *told, frames=(0, 3)), engine())
    run_clip(job(here, "timed", *told, frames=(0, 3)), engine(), deadline=Deadline(time.time() + 10**6))
    assert_same(here / "free", here / "timed", 3)


def test_shots_side_by_side_are_those_of_one_worker(here: Path) -> None:
    told = ("1: style=a.png", "4: style=b.png", "5 hold: strength=0.9")
    way = engine(cuts="2", passes=2)
    run_clip(job(here, "whole", *told), way)
    shared = job(here, "parts", *told)
    shards = split_shots(outline_clip(shared, way).shots)
    assert shards == [(0, 2), (2, 5), (5, 6)]
    for shard in shards:
        paint_shard(shared, shard, way)
    assert run_clip(shared, way).painted == 0
    assert_same(here / "whole", here / "parts", 6)


def test_a_result_says_what_its_keyframes_were_and_is_painted_again(here: Path) -> None:
    mask = np.zeros((32, 48), np.uint8)
    mask[:, :24] = 255
    write_picture(here / "left.png", np.repeat(mask[..., None], 3, 2))
    told = (
        *("video", "in", "-s", "a.png", "-o", "out", *QUICK, *FADE, "--region", "left.png=b.png"),
        *("--keyframe", "2s: region.left.png=a.png:0.5+b.png:0.5, colours=keep, style-scale=0.5,1", "--fps", "1"),
        *("--frames", "2:4"),
    )
    assert invoke(*told).exit_code == 0
    record = read_record(here / "out")
    assert [one.ease for one in record.keyframes] == ["linear", "smooth", "linear"]
    assert record.keyframes[2].regions[0][0] == 1 and record.keyframes[2].style_scale == (0.5, 1.0)
    (here / "b.png").rename(here / "moved.png")
    found = run_replay(ReplayJob(here / "out", here / "again", search=here, device="cpu"))
    assert found.differing == 0
    shown = invoke("replay", "out", "--show").output
    assert "keyframe 4" in shown and "smooth, strength 0.9" in " ".join(shown.split())
    said = json.loads(invoke("replay", "out", "--show", "--json").output)["keyframes"]
    assert [one["at"] for one in said] == [1, 4, "2"]
    assert "already painted" in invoke(*told).output if (here / "moved.png").rename(here / "b.png") else True
    other = invoke(*[one.replace("4 smooth", "5 smooth") for one in told])
    assert other.exit_code == 1 and "--overwrite" in other.output


@pytest.mark.parametrize(
    "change",
    [
        {"at": None},
        {"at": "soon"},
        {"ease": "slow"},
        {"strength": 7},
        {"regions": [[2, []]]},
        {"regions": [1]},
        {"styles": [{"path": "/etc/passwd", "sha256": "0" * 64}]},
    ],
)
def test_keyframes_of_a_stranger_that_cannot_be_are_refused(
    change: dict[str, Any], here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipeline.clip import record_reading
    from pipeline.clip.provenance import JOB

    run_clip(job(here, "out", "2: strength=1", frames=(0, 1)), engine())
    texts = record_reading.read_metadata(here / "out")
    said = json.loads(texts[JOB])
    said["keyframes"][0].update(change)
    monkeypatch.setattr(record_reading, "read_metadata", lambda path: {**texts, JOB: json.dumps(said)})
    with pytest.raises(ReplayError, match="cannot be read"):
        read_record(here / "out")


# ---- what cannot be


@pytest.mark.parametrize(
    ("keyframes", "said"),
    [
        (["6: strength=1"], "number 5, counted from 0"),
        (["9s: strength=1"], "there is no such time"),
        (["1: strenght=1"], "did you mean 'strength'"),
        (["1: style=gone.png"], "gone.png: there is no such style picture"),
        (["1: strength=1", "1: style=b.png"], "at the same time"),
        (["shot 2: strength=1"], "there is one shot"),
        (["2: region.left.png=none"], "no region has this mask"),
    ],
)
def test_a_mistake_is_told_before_anything_is_painted(keyframes: list[str], said: str, here: Path) -> None:
    found = refused(*[word for one in keyframes for word in ("--keyframe", one)], "--cuts", "none")
    assert said in found
    assert not (here / "out.reelbrush").exists()


def test_in_a_picture_nothing_changes_over_time(here: Path) -> None:
    with pytest.raises(UsageError, match="single picture"):
        run_clip(ClipJob(here / "a.png", (StylePicture(here / "b.png"),), here / "out",
                         keyframes=(parse_keyframe("0: strength=1"),)), engine())  # fmt: skip
