"""The same output folder a second time: what stays, what is painted anew, and what is left out or would be replaced."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from batch_trials import SETTINGS, BatchTrial, batch_trial, bytes_of, moving_clip
from jobs import paint_picture, reelbrush
from ledgers import finish, item_of, planned

from pipeline.batch.checked_item import changes, same_input
from pipeline.batch.events import BatchEvent, ItemEvent
from pipeline.batch.ledger import LEDGER
from pipeline.batch.ledger_rows import State
from pipeline.clip.events import FrameDone, Started
from pipeline.errors import OutputError, StoreError
from pipeline.pictures.figures.loss_sources import batch_loss_curves

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
    reported = one.here(seed=5, run_options={"overwrite": True})
    assert [(row.what, row.changed) for row in reported.planned.rows] == [
        ("paint anew", "the input, seed 0 -> 5"), ("paint anew", "seed 0 -> 5"),
    ]  # fmt: skip
    done = one.command("--set", "seed=6", "--dry-run")
    assert "2 of them anew, in place of what was finished (seed 5 -> 6)" in " ".join(done.stderr.split())


def test_what_is_finished_is_replaced_only_where_that_is_said(tmp_path: Path) -> None:
    one = batch_trial(tmp_path)
    for name in ("a.png", "b.png"):
        paint_picture(one.inputs / name)
    assert one.here().outcome.exit_code == 0
    made = bytes_of(one.out, "a-ink.png", "b-ink.png")
    paint_picture(one.inputs / "c.png", seed=3)
    with pytest.raises(
        OutputError, match=r"2 finished .* \(seed 0 -> 5\): a-ink.png, b-ink.png. .*--overwrite.*--keep-old"
    ):
        one.here(seed=5)
    assert bytes_of(one.out, *made) == made and not (one.out / "c-ink.png").exists()
    assert [row.state for row in one.rows().values()] == [State.DONE, State.DONE, State.WAITING]
    kept = one.here(seed=5, run_options={"keep_old": True})
    assert (kept.begun, kept.outcome.exit_code, bytes_of(one.out, *made)) == (["c-ink.png"], 0, made)
    plan = one.here(dry_run=True).planned
    assert [row.what for row in plan.rows] == ["finished", "finished", "paint anew"], "they are what they were"
    # Where nothing stands any more, nothing is lost.
    (one.out / "a-ink.png").unlink()
    assert one.here(one.inputs / "a.png", seed=5).begun == ["a-ink.png"]


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


# ---- what was not asked for this time


@pytest.fixture
def two(tmp_path: Path) -> tuple[BatchTrial, Path, Path]:
    """A batch of two clips, not painted yet."""
    one = batch_trial(tmp_path)
    return one, moving_clip(one.inputs / "a.mp4", seed=3), moving_clip(one.inputs / "b.mp4", seed=5)


def test_what_a_run_leaves_out_is_still_finished_when_it_is_asked_for_again(two: tuple[BatchTrial, Path, Path]) -> None:
    one, a, b = two
    one.here(a, b)
    painted = bytes_of(one.out, *one.left())
    before = one.rows()["b-ink.mp4"]
    alone = one.here(a)
    assert (alone.begun, alone.outcome.done, alone.outcome.exit_code) == ([], 1, 0)
    again = one.here(a, b)
    assert [(row.name, row.what) for row in again.planned.rows] == [
        ("a-ink.mp4", "finished"), ("b-ink.mp4", "finished"),
    ]  # fmt: skip
    assert (again.begun, again.outcome.exit_code) == ([], 0)
    assert bytes_of(one.out, *one.left()) == painted
    assert one.rows()["b-ink.mp4"] == before


def test_what_is_said_of_a_run_is_said_of_what_it_was_asked_for(two: tuple[BatchTrial, Path, Path]) -> None:
    one, a, b = two
    whole = b.read_bytes()
    b.write_bytes(b"")
    assert one.here(a, b).outcome.exit_code == 3
    assert one.here(a).outcome.exit_code == 0
    printed = json.loads(reelbrush("status", one.out, "--json").stdout)
    assert ([item["name"] for item in printed["items"]], printed["counts"]["failed"]) == (["a-ink.mp4"], 0)
    page = (one.out / "report.html").read_text()
    assert "One painting, finished" in page
    assert "b-ink.mp4" not in page
    # What has failed is tried again, as it would have been had it not been left out.
    b.write_bytes(whole)
    assert one.here(a, b).begun == ["b-ink.mp4"]


def test_a_clip_that_was_begun_and_left_out_is_gone_on_with(two: tuple[BatchTrial, Path, Path]) -> None:
    one, a, b = two

    def stop(event: BatchEvent) -> None:
        if isinstance(event, ItemEvent) and isinstance(event.event, FrameDone) and event.event.frame == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        one.here(b, on_event=stop)
    one.here(a)
    assert (one.out / "b-ink.mp4.reelbrush").is_dir()
    again = one.here(a, b)
    assert [row.what for row in again.planned.rows] == ["finished", "go on"]
    started = [event.event.done for event in again.events if isinstance(event, ItemEvent)
               and isinstance(event.event, Started)]  # fmt: skip
    assert started[0] >= 2
    assert (one.rows()["b-ink.mp4"].state, one.rows()["b-ink.mp4"].done) == (State.DONE, 4)


def test_a_result_that_was_edited_while_it_was_left_out_is_not_replaced(two: tuple[BatchTrial, Path, Path]) -> None:
    one, a, b = two
    one.here(a, b)
    one.here(a)
    edited = moving_clip(one.out / "b-ink.mp4", seed=9, overwrite=True).read_bytes()
    again = one.here(a, b)
    assert [name for name, _ in again.planned.failed] == ["b-ink.mp4"]
    assert (one.out / "b-ink.mp4").read_bytes() == edited


def test_a_painting_of_something_else_is_not_taken_for_one_that_was_under_way(tmp_path: Path) -> None:
    one = batch_trial(tmp_path)
    paint_picture(one.inputs / "a.png", seed=1)
    other = paint_picture(tmp_path / "other.png", seed=2)

    def stop(event: BatchEvent) -> None:
        if isinstance(event, ItemEvent) and isinstance(event.event, Started):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        one.here(on_event=stop)
    # The same settings and the same style, but another picture.
    own = one.out / "a-ink.png"
    config = tmp_path / "settings.toml"
    config.write_text("".join(f"{name} = {json.dumps(value)}\n" for name, value in SETTINGS.items()))
    how = ("--device", "cpu", "--config", config)
    done = reelbrush("image", other, "--style", one.style, "-o", own, *how)
    assert done.returncode == 0, done.stderr
    made = own.read_bytes()
    again = one.here()
    assert (again.begun, again.outcome.exit_code) == ([], 1)
    assert "--overwrite" in again.planned.failed[0][1]
    assert own.read_bytes() == made


def test_the_losses_of_a_painting_that_was_left_out_can_still_be_drawn(tmp_path: Path) -> None:
    ledger = planned(tmp_path, ["a.mp4", "b.mp4"])
    for name in ("a.mp4", "b.mp4"):
        finish(ledger, name)
    ledger.plan([item_of(tmp_path, "a.mp4")])
    ledger.close()
    assert [curve.name for curve in batch_loss_curves(tmp_path)] == ["a.mp4"]
    assert [curve.name for curve in batch_loss_curves(tmp_path, tmp_path / "b.mp4")] == ["b.mp4"]


def test_the_advice_for_a_cut_ledger_paints_nothing_again(tmp_path: Path) -> None:
    one = batch_trial(tmp_path)
    paint_picture(one.inputs / "a.png")
    moving_clip(one.inputs / "b.mp4", seed=3)
    assert one.here().outcome.exit_code == 0
    names = ("a-ink.png", "b-ink.mp4")
    made, ledger = bytes_of(one.out, *names), one.out / LEDGER
    ledger.write_bytes(ledger.read_bytes()[: ledger.stat().st_size // 2])
    with pytest.raises(StoreError, match=r"ledger is damaged.*Move the file away.*without --overwrite"):
        one.here()
    ledger.rename(tmp_path / "cut.sqlite")
    again = one.here()
    assert (again.begun, again.outcome.exit_code) == ([], 0)
    assert [row.what for row in again.planned.rows] == ["finished", "finished"]
    assert bytes_of(one.out, *names) == made
