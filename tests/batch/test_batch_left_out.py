"""What a batch keeps of paintings that it was not asked for this time, and which results it takes for its own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from batch_trials import SETTINGS, BatchTrial, batch_trial, bytes_of, moving_clip
from jobs import paint_picture, reelbrush
from ledgers import finish, item_of, planned

from pipeline.batch.events import BatchEvent, ItemEvent
from pipeline.batch.rows import State
from pipeline.clip.events import FrameDone, Started
from pipeline.pictures.figures.loss_sources import batch_loss_curves

pytestmark = pytest.mark.heavy


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
    assert [tasks.name for tasks in batch_loss_curves(tmp_path)] == ["a.mp4"]
    assert [tasks.name for tasks in batch_loss_curves(tmp_path, tmp_path / "b.mp4")] == ["b.mp4"]
