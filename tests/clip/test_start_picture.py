"""`--start` takes a picture as well, in every command that paints."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from jobs import QUICK, invoke, moving_folder, paint_picture, pictures, reelbrush

from pipeline.batch.checked_item import CheckedItem, changes
from pipeline.batch.plan.batch import plan_batch, plan_job_file
from pipeline.batch.plan.item import Item
from pipeline.batch.preflight import Preflight
from pipeline.clip.record_reading import read_record
from pipeline.errors import SettingsError, UsageError
from pipeline.media import read_picture
from pipeline.pictures.jobs import PreviewJob
from pipeline.pictures.preview import preview_items
from pipeline.pictures.preview_paintings import paint_preview
from pipeline.settings import resolve, split_start
from reelbrush import stylize_image
from tests.jobs import SHALLOW

BARELY = (*QUICK, "--steps", "1", "--set", "learning_rate=1e-6")
"""One step that hardly moves anything."""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """`in/` has two shots of two frames; `other.png` is to be started from."""
    moving_folder(tmp_path / "in", 4, cut=2)
    paint_picture(tmp_path / "c.png")
    paint_picture(tmp_path / "s.png", seed=9)
    paint_picture(tmp_path / "other.png", seed=5)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def off(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.abs(one.astype(float) - other).mean())


def test_every_shot_of_a_clip_starts_from_it(here: Path) -> None:
    job = ("video", "in", "-s", "s.png", *BARELY, "--cuts", "2", "--start")
    assert invoke(*job, "other.png", "-o", "out").exit_code == 0
    assert invoke(*job, "content", "-o", "as-ever").exit_code == 0
    other = read_picture(here / "other.png")
    found, usual = pictures(here / "out"), pictures(here / "as-ever")
    for index in (0, 2):
        assert off(found[index], other) < 2 and off(usual[index], other) > 8, index
    # Within a shot, paintings are carried on.
    assert off(found[1][4:-4, 4:40], found[0][4:-4, 5:41]) < 2
    record = read_record(here / "out")
    assert record.init is not None and record.init.path.name == "other.png"
    assert "already painted" in invoke(*job, "other.png", "-o", "out").stderr
    again = invoke("replay", "out", "-o", "again", "--device", "cpu")
    assert again.exit_code == 0 and "All 4 frames equal those of out in every pixel" in again.stderr


def test_its_name_counts_from_the_file_that_says_it(here: Path) -> None:
    (here / "sub").mkdir()
    paint_picture(here / "sub" / "near.png", seed=4)
    (here / "sub" / "how.toml").write_text('start = "near.png"\n')
    job = ("image", "c.png", "-s", "s.png", *BARELY)
    assert invoke(*job, "--config", "sub/how.toml", "-o", "a.png").exit_code == 0
    near = read_picture(here / "sub" / "near.png")
    assert off(read_picture(here / "a.png"), near) < 2
    # The command line wins, a word over a picture as well.
    assert invoke(*job, "--config", "sub/how.toml", "--start", "content", "-o", "b.png").exit_code == 0
    assert off(read_picture(here / "b.png"), near) > 8
    found = stylize_image("c.png", "s.png", start="sub/near.png", device="cpu", **SHALLOW, levels=1, steps=1,
                          learning_rate=1e-6)  # fmt: skip
    assert off(found.image, near) < 2


def test_what_is_neither_a_word_nor_a_picture_is_said(here: Path) -> None:
    refused = invoke("image", "c.png", "-s", "s.png", *QUICK, "--start", "contnt", "-o", "a.png")
    assert refused.exit_code == 2 and "did you mean 'content'?" in refused.stderr
    assert "or the name of a picture" in refused.stderr
    missing = invoke("video", "in", "-s", "s.png", *QUICK, "--start", "none.png", "-o", "a")
    assert missing.exit_code == 2 and "none.png" in missing.stderr
    with pytest.raises(SettingsError):
        resolve("draft", {"start": "other.png"})
    assert split_start({"start": "noise", "size": 9}) == ({"start": "noise", "size": 9}, None)
    assert split_start({"start": "other.png", "size": 9}) == ({"size": 9}, Path("other.png"))


def starts(items: Any) -> dict[str, Path | None]:
    return {item.source.name: item.init for item in items}


def test_a_job_file_and_a_batch_know_it(here: Path) -> None:
    (here / "job.toml").write_text(
        'inputs = ["c.png", "in"]\nstyles = ["s.png"]\noutput = "out"\nsequences = true\n'
        '[defaults]\nstart = "other.png"\n'
        '[[item]]\ninput = "in"\nstart = "noise"\n'
    )
    batch = plan_job_file(here / "job.toml")
    assert starts(batch.items) == {"c.png": here / "other.png", "in": None}
    assert {item.source.name: item.settings.get("start") for item in batch.items} == {"c.png": None, "in": "noise"}
    assert [Item.from_json(item.as_json()) for item in batch.items] == list(batch.items)
    with pytest.raises(UsageError, match=r"none\.png: there is no such picture"):
        plan_batch(["c.png"], ["s.png"], "out", options={"start": "none.png"})
    batch = plan_batch(["c.png", "in"], ["s.png"], "out", sequences=True, options={"start": "other.png"})
    assert starts(batch.items) == {"c.png": here / "other.png", "in": here / "other.png"}
    still, clip = batch.items
    assert (still.still_job().init, clip.clip_job().init) == (here / "other.png", here / "other.png")


@pytest.mark.heavy
def test_a_batch_paints_from_it(here: Path) -> None:
    job = ("batch", "c.png", "-s", "s.png", *BARELY[2:], "-o", "out", "--start", "other.png")
    assert reelbrush(*job, "--device", "cpu").returncode == 0
    other = read_picture(here / "other.png")
    assert off(read_picture(here / "out" / "c-s.png"), other) < 2


def test_a_batch_sees_when_it_changes(here: Path) -> None:
    def identity(start: str) -> str:
        batch = plan_batch(["c.png"], ["s.png"], "out", options={**SHALLOW, "start": start})
        checked = Preflight(None, "cpu", overwrite=True).check(batch.items[0])
        assert isinstance(checked, CheckedItem)
        return checked.identity

    before = identity("other.png")
    assert changes(before, identity("other.png")) == ""
    assert changes(before, identity("s.png")) == "--start"
    assert changes(before, identity("recoloured")) == "--start"


def test_a_preview_starts_from_it(here: Path) -> None:
    barely = {"steps": 1, "learning_rate": 1e-6, "levels": 1, **SHALLOW}
    job = PreviewJob(here / "in", ("s.png",), strengths=(0.5,), options={**barely, "start": "other.png"})
    items = preview_items(job)
    assert starts(items) == {"in": here / "other.png"}
    other = read_picture(here / "other.png")
    found = paint_preview(items, 2, "cpu", lambda *progress: None)
    assert all(off(painting, other) < 2 for painting in found.cells[0].paintings)
    assert "--start other.png" in invoke(
        "preview", "in", "-s", "s.png", "--cell", "1", "--start", "other.png", *QUICK[:2]
    ).stdout  # fmt: skip
