"""The same output folder a second time: what stays, what is painted anew, and what would take another's place."""

from __future__ import annotations

from pathlib import Path

import pytest
from batch_trials import BatchTrial, batch_trial, bytes_of, moving_clip
from jobs import paint_picture

from pipeline.batch.checked_item import changes, same_input
from pipeline.batch.ledger import LEDGER
from pipeline.batch.rows import State

pytestmark = pytest.mark.heavy


def test_what_has_changed_is_said_in_words() -> None:
    old = '{"input": "a", "styles": [["s", 1.0]], "gif": false, "settings": {"size": 64, "seed": 0}}'
    new = '{"input": "a", "styles": [["t", 1.0]], "gif": true, "settings": {"size": 48, "seed": 0}}'
    assert changes(old, new) == "the style, --gif, size 64 -> 48"
    assert changes(old, old) == ""
    assert same_input(old, new) and not same_input(None, new)


def test_another_file_of_the_same_name_takes_nobodys_place(tmp_path: Path) -> None:
    """As from two days of one camera."""
    one = batch_trial(tmp_path)
    friday, saturday = tmp_path / "friday", tmp_path / "saturday"
    for number, folder in enumerate((friday, saturday)):
        folder.mkdir()
        paint_picture(folder / "IMG_1.png", seed=number)
        moving_clip(folder / "MOV_1.mp4", seed=number + 3)
    names = ("IMG_1-ink.png", "MOV_1-ink.mp4")
    assert one.here(friday).outcome.exit_code == 0
    made = bytes_of(one.out, *names)
    for _ in range(2):
        refused = one.here(saturday)
        assert (refused.begun, refused.outcome.exit_code) == ([], 1)
        for name, error in refused.planned.failed:
            assert f"this is a painting of {friday / name.replace('-ink', '')}, and {saturday}" in error
            assert "--overwrite" in error
        assert bytes_of(one.out, *names) == made
    assert one.here(friday).begun == [], "nothing was forgotten of the first"
    assert one.here(saturday, run_options={"overwrite": True}).outcome.exit_code == 0
    assert bytes_of(one.out, *names) != made


def test_allowing_smaller_frames_paints_nothing_again_that_is_finished(tmp_path: Path) -> None:
    """As is advised where memory does not suffice for one painting of many."""
    one = batch_trial(tmp_path)
    paint_picture(one.inputs / "a.png")
    moving_clip(one.inputs / "b.mp4", seed=3)
    assert one.here().outcome.exit_code == 0
    assert one.here(may_shrink=True).begun == []
    lose_the_ledger(one)
    assert one.here(may_shrink=False).begun == [], "what the results say of themselves is read alike"


def test_what_was_only_moved_is_finished(tmp_path: Path) -> None:
    one = batch_trial(tmp_path)
    paint_picture(one.inputs / "a.png")
    assert one.here().outcome.exit_code == 0
    one.inputs.rename(tmp_path / "moved")
    assert one.here(tmp_path / "moved").begun == []


def test_what_is_painted_anew_says_why(tmp_path: Path) -> None:
    one = batch_trial(tmp_path)
    for name in ("a.png", "b.png"):
        paint_picture(one.inputs / name)
    assert one.here().outcome.exit_code == 0
    paint_picture(one.inputs / "a.png", seed=8)
    plan = one.here(dry_run=True).planned
    assert [(row.what, row.changed) for row in plan.rows] == [("paint anew", "the input"), ("finished", "")]
    reported = one.here(seed=5)
    assert [(row.what, row.changed) for row in reported.planned.rows] == [
        ("paint anew", "the input, seed 0 -> 5"), ("paint anew", "seed 0 -> 5"),
    ]  # fmt: skip
    done = one.command("--set", "seed=6", "--dry-run")
    assert "2 of them anew, in place of what was finished (seed 5 -> 6)" in " ".join(done.stderr.split())


def lose_the_ledger(one: BatchTrial) -> None:
    for path in one.out.glob(f"{LEDGER}*"):
        path.unlink()


def test_a_batch_without_its_ledger_knows_its_paintings_by_what_they_say(tmp_path: Path) -> None:
    one = batch_trial(tmp_path, gif=True)
    paint_picture(one.inputs / "a.png")
    moving_clip(one.inputs / "b.mp4")
    assert one.here().outcome.exit_code == 0
    made = bytes_of(one.out, "a-ink.png", "b-ink.mp4", "b-ink.gif")
    lose_the_ledger(one)
    assert (one.here().begun, bytes_of(one.out, *made)) == ([], made)
    assert {row.state for row in one.rows().values()} == {State.DONE}
    # One that is not what is wanted now is not its own.
    lose_the_ledger(one)
    other = one.here(seed=5)
    assert (other.begun, other.outcome.exit_code, bytes_of(one.out, *made)) == ([], 1, made)
