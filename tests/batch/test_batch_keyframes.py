"""Keyframes in batches, job files, files of settings and previews."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from jobs import QUICK, TABLE, invoke, moving_folder, paint_picture, pictures
from PIL import Image as Pillow

from pipeline.batch.checked_item import changes
from pipeline.batch.plan.batch import plan_batch, plan_job_file
from pipeline.batch.plan.item import Item
from pipeline.clip.keyframe_texts import parse_keyframe
from pipeline.errors import UsageError

OF_JOB = 'inputs = ["clips"]\nstyles = ["a.png"]\noutput = "painted"\n'


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in: a clip and a picture, two styles and a mask."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "clips").mkdir()
    moving_folder(tmp_path / "in", 3)
    frames = [Pillow.open(path) for path in sorted((tmp_path / "in").iterdir())]
    frames[0].save(tmp_path / "clips" / "c.gif", save_all=True, append_images=frames[1:], duration=500)
    paint_picture(tmp_path / "clips" / "p.png", 3)
    for name, seed in (("a.png", 9), ("b.png", 17)):
        paint_picture(tmp_path / name, seed)
    Pillow.new("L", (48, 32), 255).save(tmp_path / "sky.png")
    return tmp_path


def planned(here: Path, text: str) -> dict[str, Item]:
    (here / "job.toml").write_text(OF_JOB + text)
    return {item.source.name: item for item in plan_job_file(here / "job.toml").items}


@pytest.mark.parametrize(
    "text",
    [
        '[defaults]\nkeyframes = ["1s smooth: style=b.png:2, strength=0.9"]\n',
        '[defaults]\n[[defaults.keyframes]]\nat = "1s"\nease = "smooth"\nstyle = "b.png:2"\nstrength = 0.9\n',
        '[[keyframes]]\nat = "1s"\nease = "smooth"\nstyle = ["b.png:2"]\nstrength = 0.9\n',
        '[[item]]\ninput = "clips/c.gif"\nkeyframes = ["1s smooth: style=b.png:2, strength=0.9"]\n',
    ],
)
def test_a_job_file_has_keyframes_for_all_clips_or_for_one(text: str, here: Path) -> None:
    found = planned(here, text)
    assert found["c.gif"].keyframes == (parse_keyframe("1s smooth: style=b.png:2, strength=0.9", here),)
    assert found["c.gif"].clip_job().keyframes == found["c.gif"].keyframes
    assert found["p.png"].keyframes == (), "in a picture nothing changes"


def test_what_an_item_says_takes_the_place_of_what_is_said_of_all(here: Path) -> None:
    one = '[defaults]\nkeyframes = ["1s: strength=1"]\n[[item]]\ninput = "clips/c.gif"\nkeyframes = []\n'
    (here / "clips" / "p.png").unlink()
    assert planned(here, one)["c.gif"].keyframes == ()


def test_an_item_with_keyframes_travels_as_json(here: Path) -> None:
    keyframe = "shot 2: style=b.png@1,2,30,20, region.sky.png=none, style-scale=0.5,2"
    (item,) = plan_batch(
        ["clips/c.gif"], ["a.png"], "painted", options={"region": ["sky.png=a.png"], "keyframes": [keyframe]}
    ).items
    again = Item.from_json(item.as_json())
    assert again.as_json() == item.as_json() and json.loads(item.as_json())["keyframes"][0]["at"] == "shot 2"
    assert again.keyframes[0].styles == item.keyframes[0].styles
    assert here / "b.png" in [here / path for path in item.region_files]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[defaults]\nkeyframes = ["1s: strenght=1"]\n', "did you mean 'strength'"),
        ('[defaults]\nkeyframes = ["1s: style=gone.png"]\n', "gone.png: there is no such style picture"),
        ('[defaults]\nkeyframes = ["1s: region.sky.png=none"]\n', "no region has this mask"),
        ("[defaults]\nkeyframes = 4\n", "keyframes is a list"),
        ("[defaults]\n[[defaults.keyframes]]\nstrength = 1\n", "keyframe 1: it does not say when"),
        ('[[keyframes]]\nat = 1\nstrength = 1\n[defaults]\nkeyframes = ["1s: strength=1"]\n', "Write them once"),
        ('[[item]]\ninput = "clips/p.png"\nkeyframes = ["1s: strength=1"]\n', "all inputs with keyframes are pictures"),
    ],
)
def test_all_that_is_wrong_in_a_job_file_is_told_at_once(text: str, said: str, here: Path) -> None:
    with pytest.raises(UsageError) as found:
        planned(here, text)
    assert said in str(found.value)


@pytest.mark.heavy
def test_a_batch_paints_them_and_knows_when_they_have_changed(here: Path) -> None:
    told = ("batch", "clips/c.gif", "-s", "a.png", "-o", "painted", *QUICK, "--cuts", "none", "--workers", "1")
    first = invoke(*told, "--keyframe", "1s hold: style=b.png", "--json")
    assert first.exit_code == 0, first.output
    assert invoke(*told, "--keyframe", "1s hold: style=b.png").exit_code == 0
    other = invoke(*told, "--keyframe", "1s: style=b.png")
    assert other.exit_code in (1, 2) and "--keyframe" in other.output and "--overwrite" in other.output, other.output
    assert "1s hold: style=" in (here / "painted" / "report.html").read_text()
    beyond = invoke(*told, "--keyframe", "9s: style=b.png", "--overwrite")
    assert beyond.exit_code == 1 and "there is no such time" in " ".join(beyond.output.split())


def test_changed_keyframes_are_called_by_their_option() -> None:
    one, other = (json.dumps({"keyframes": [{"at": at}]}) for at in (1, 2))
    assert changes(one, other) == "--keyframe"


def test_a_file_of_settings_has_keyframes_that_count_from_its_folder(here: Path) -> None:
    (here / "deep").mkdir()
    paint_picture(here / "deep" / "b.png", 17)
    (here / "deep" / "my.toml").write_text(
        f'{TABLE}\npasses = 1\n[[keyframes]]\nat = 1\nstyle = "b.png"\nease = "hold"\n'
    )
    told = ("video", "in", "-s", "a.png", *QUICK, "--cuts", "none")
    assert invoke(*told, "-o", "one", "--config", "deep/my.toml").exit_code == 0
    assert invoke(*told, "-o", "two", "--keyframe", "1 hold: style=b.png").exit_code == 0
    np.testing.assert_array_equal(pictures(here / "one"), pictures(here / "two"))
    assert invoke(*told, "-o", "three", "--config", "deep/my.toml", "--keyframe", "2: strength=1").exit_code == 0
    assert not np.array_equal(pictures(here / "three"), pictures(here / "one")), "those that are typed win"


@pytest.mark.parametrize("command", [("image", "a.png", "-s", "b.png", "-o", "out.png"), ("studio", "--no-browser")])
def test_where_nothing_changes_over_time_a_file_with_keyframes_is_refused(command: tuple[str, ...], here: Path) -> None:
    (here / "my.toml").write_text('keyframes = ["1s: strength=1"]\n')
    found = invoke(*command, "--config", "my.toml")
    assert found.exit_code == 2 and "my.toml has keyframes" in " ".join(found.output.split())
    (here / "my.toml").write_text('keyframes = ["1s: strenght=1"]\n')
    found = invoke("video", "in", "-s", "b.png", "-o", "out", "--config", "my.toml")
    assert found.exit_code == 2 and "my.toml: --keyframe" in " ".join(found.output.split())


def test_a_preview_paints_each_frame_as_at_its_time(here: Path) -> None:
    from pipeline.pictures.jobs import PreviewJob
    from pipeline.pictures.preview import preview_items
    from pipeline.pictures.preview_paintings import paint_preview

    def painted(style: str, *keyframes: str) -> list[Any]:
        from jobs import SHALLOW

        options = {**SHALLOW, "levels": 1, "steps": 6, "passes": 1, "cuts": "none", "clip_palette": 0.0}
        job = PreviewJob(here / "in", [style], options={**options, "keyframes": keyframes}, strengths=(0.5,))
        return list(paint_preview(preview_items(job), 3, "cpu", lambda *_: None).cells[0].paintings)

    found, first, last = painted("a.png", "2: style=b.png"), painted("a.png"), painted("b.png")
    np.testing.assert_allclose(found[0], first[0], atol=3)
    np.testing.assert_allclose(found[2], last[2], atol=3)
    assert np.abs(found[1].astype(int) - first[1]).mean() > 2 < np.abs(found[1].astype(int) - last[1]).mean()


def test_a_preview_prints_the_keyframes_in_its_commands(here: Path) -> None:
    found = invoke("preview", "in", "-s", "a.png", "--keyframe", "2: style=b.png", "--keyframe", "0: strength=1",
                   "--cell", "1")  # fmt: skip
    assert "--keyframe '2: style=b.png' --keyframe '0: strength=1'" in found.output
    refused = invoke("preview", "a.png", "-s", "b.png", "--keyframe", "0: strength=1", "--cell", "1")
    assert refused.exit_code == 2 and "--keyframe" in refused.output
