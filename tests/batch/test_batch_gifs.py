"""What is asked of the GIFs of a batch: on the command line and in job files, and what the report shows of them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from batch_trials import batch_trial, moving_clip
from jobs import invoke, moving_folder, paint_picture
from PIL import Image as Pillow
from test_batch_names import make
from test_thumbnails import far, frame, item

from pipeline.batch.checked_item import changes
from pipeline.batch.plan.batch import plan_batch, plan_job_file
from pipeline.batch.plan.item import Item
from pipeline.batch.thumbnails import inspect_result
from pipeline.errors import UsageError

ASKED: dict[str, Any] = {"gif_size": 24, "gif_fps": "25/2", "max_bytes": 5_000_000}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    make(tmp_path, "in/a.mp4", "in/b.gif", "in/c.png", "ink.jpg")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def asked(items: tuple[Item, ...]) -> dict[str, dict[str, Any]]:
    return {one.name: dict(one.gif_options) for one in items}


def test_what_is_asked_of_gifs_reaches_those_of_clips_and_nothing_else(home: Path) -> None:
    typed = {"gif_size": 24, "gif_fps": "12.5", "max_bytes": "5MB", "output_size": "source"}
    items = plan_batch(["in"], ["ink.jpg"], "out", options={**typed, "gif": True}).items
    assert asked(items) == {"a-ink.mp4": ASKED, "b-ink.gif": ASKED, "c-ink.png": {}}
    assert [one.output_size for one in items] == ["source", None, "source"], "a GIF has one size"
    job = items[0].clip_job()
    assert (job.gif_size, job.gif_fps, job.max_bytes, job.the_gif) == (24, "25/2", 5_000_000, home / "out/a-ink.gif")
    assert [Item.from_json(one.as_json()) for one in items] == list(items)
    # Without GIFs beside them, videos have nothing to do with it.
    assert asked(plan_batch(["in"], ["ink.jpg"], "out", options=typed).items)["a-ink.mp4"] == {}


def test_where_there_is_no_gif_what_is_asked_of_it_is_refused(home: Path) -> None:
    with pytest.raises(UsageError, match=r"--gif-fps, --gif-size: this is for GIFs, and none is made"):
        plan_batch(["in/a.mp4", "in/c.png"], ["ink.jpg"], "out", options={"gif_size": 24, "gif_fps": 10})


def test_bits_go_to_what_can_have_them(home: Path) -> None:
    for depth, wanted in (("10", [10, None, None]), ("16", [16, None, 16]), ("8", [8, None, None])):
        items = plan_batch(["in"], ["ink.jpg"], "out", options={"depth": depth}).items
        assert [one.depth for one in items] == wanted
    assert [one.still_job().depth for one in items if one.still] == [None]


def test_job_files_ask_it_of_all_and_of_one(home: Path) -> None:
    text = 'inputs = "in"\nstyles = "ink.jpg"\noutput = "out"\n[defaults]\ngif = true\ngif_fps = 12.5\n'
    item = '[[item]]\ninput = "in/b.gif"\nmax_bytes = "800kB"\ngif_size = 32\n'
    (home / "job.toml").write_text(text + item)
    assert asked(plan_job_file(home / "job.toml").items) == {
        "a-ink.mp4": {"gif_fps": "25/2"},
        "b-ink.gif": {"gif_fps": "25/2", "max_bytes": 800_000, "gif_size": 32},
        "c-ink.png": {},
    }
    (home / "job.toml").write_text(text + '[[item]]\ninput = "in/c.png"\nmax_bytes = 99\n')
    with pytest.raises(UsageError, match="--max-bytes: this is for GIFs"):
        plan_job_file(home / "job.toml")
    wrong = 'gif_fps = "fast"\ngif_size = true\nmax_bytes = "much"\n'
    (home / "job.toml").write_text(text.replace("gif_fps = 12.5\n", "") + wrong)
    with pytest.raises(UsageError) as caught:
        plan_job_file(home / "job.toml")
    assert all(word in str(caught.value) for word in ("not a frame rate", "gif_size has to be", "no size of a file"))


def test_another_wish_for_the_gif_is_a_change_that_is_named() -> None:
    before, now = json.dumps({"gif": True}), json.dumps({"gif": True, "gif_size": 24, "max_bytes": 9})
    assert changes(before, now) == "--gif-size, --max-bytes"


def test_the_report_shows_a_gif_of_fewer_frames_beside_what_these_were_painted_from(tmp_path: Path) -> None:
    source = moving_folder(tmp_path / "in", 8, cut=5)
    # At half the rate of 24 frames a second, in hundredths of a second.
    frames = [Pillow.fromarray(255 - frame(source, number)) for number in (0, 2, 4, 6)]
    delays = [80, 90, 80, 80]
    frames[0].save(tmp_path / "o.gif", save_all=True, append_images=frames[1:], duration=delays, loop=0)
    made = replace(item(source, tmp_path / "o.gif"), gif_fps="12")
    found = inspect_result(made, cuts=(5,))
    assert not any("cannot show" in note for note in found.notes)
    assert [one.frame for one in found.thumbnails] == [0, 2, 4, 6]
    assert all(far(one.before, frame(source, one.frame)) < 12 for one in found.thumbnails)
    assert [(row.frame, row.painting is None) for row in found.flicker] == [(2, False), (4, False), (6, True)]
    assert "has 8 frames now" in inspect_result(replace(made, gif_fps=None)).notes[0]


@pytest.mark.heavy
def test_a_batch_writes_the_gifs_that_are_asked_for_and_knows_them_again(tmp_path: Path) -> None:
    one = batch_trial(tmp_path, gif=True, gif_size=24, gif_fps=12)
    moving_clip(one.inputs / "a.mp4", frames=8)
    paint_picture(one.inputs / "b.png")
    assert one.here().outcome.exit_code == 0
    with Pillow.open(one.out / "a-ink.gif") as gif:
        assert gif.size == (24, 16) and gif.n_frames == 4
    again = one.here()
    assert again.planned.paint == 0
    assert one.here(gif_size=20, dry_run=True).planned.rows[0].changed == "--gif-size"


def test_the_command_line_has_them(home: Path) -> None:
    found = invoke("batch", "in/c.png", "-s", "ink.jpg", "-o", "out", "--gif-size", "24", "--dry-run")
    assert found.exit_code == 2 and "--gif-size: this is for GIFs" in found.stderr
    told = invoke("batch", "--help").stdout
    assert all(f"--{name}" in told for name in ("gif-size", "gif-fps", "max-bytes"))
