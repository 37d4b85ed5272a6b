"""What a batch does when all is well: everything painted once, the same by however many workers, told as it goes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from batch_trials import QUICK, BatchTrial, batch_trial, bytes_of, frames_in, moving_clip
from jobs import TABLE, events, paint_picture
from media_clips import clip, images_of

from pipeline.batch.events import BatchEvent, ItemEvent
from pipeline.batch.ledger_rows import State
from pipeline.clip.events import FrameDone, Started
from pipeline.media import read_metadata

PAINTED = ["clip-ink.gif", "clip-ink.mp4", "dance-ink.gif", "deep/down-ink.jpg", "picture-ink.png"]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[BatchTrial, list[dict[str, Any]], str]:
    """A clip, a GIF and pictures, painted by the command; what it said on stdout and on stderr."""
    one = batch_trial(tmp_path_factory.mktemp("batch"))
    clip(one.inputs / "clip.mp4", frames=5, size="64x48", sound=True)
    moving_clip(one.inputs / "dance.gif", rate=20)
    paint_picture(one.inputs / "picture.png", seed=1)
    (one.inputs / "deep").mkdir()
    paint_picture(one.inputs / "deep" / "down.jpg", seed=2)
    (one.inputs / "letter.txt").write_text("no picture")
    done = one.command("--json", "--gif")
    assert done.returncode == 0, done.stderr
    return one, events(done.stdout), done.stderr


def test_clips_gifs_and_pictures_are_painted_into_the_folder(finished: tuple[BatchTrial, object, str]) -> None:
    one, _, _ = finished
    assert one.left() == PAINTED
    assert [frames_in(one.out / name) for name in PAINTED[:3]] == [5, 5, 4]
    for name in PAINTED:
        assert "steps = 3" in read_metadata(one.out / name)["settings"]


def test_the_ledger_knows_every_painting(finished: tuple[BatchTrial, object, str]) -> None:
    one, _, _ = finished
    rows = one.rows()
    assert list(rows) == ["clip-ink.mp4", "dance-ink.gif", "deep/down-ink.jpg", "picture-ink.png"]
    for row in rows.values():
        assert (row.state, row.error, row.done) == (State.DONE, None, row.frames * row.passes)
        assert row.seconds > 0
        assert row.estimate
        assert row.made["network"].startswith("the original VGG-19")
    clip_row = rows["clip-ink.mp4"]
    assert (clip_row.width, clip_row.height, clip_row.frames) == (64, 48, 5)
    assert [output.path.name for output in clip_row.outputs] == ["clip-ink.mp4", "clip-ink.gif"]


def test_with_json_every_line_is_an_event(finished: tuple[BatchTrial, list[dict[str, Any]], str]) -> None:
    _, reported, _ = finished
    names = [event["event"] for event in reported]
    assert (names[0], names[-1]) == ("planned", "batch_ended")
    assert set(names) == {
        "planned", "item_began", "item_ended", "batch_ended", "stage", "started", "frame_done", "finished",
    }  # fmt: skip
    rows = reported[0]["rows"]
    assert {event["item"] for event in reported if event["event"] == "frame_done"} == {row["name"] for row in rows}
    assert all(
        "item" in event for event in reported if event["event"] in ("stage", "started", "frame_done", "finished")
    )
    assert (reported[0]["items"], reported[0]["paint"], reported[0]["failed"]) == (4, 4, [])
    assert all(row["seconds"] > 0 and row["what"] == "paint" for row in rows)
    began = [(event["name"], event["number"], event["of"]) for event in reported if event["event"] == "item_began"]
    assert began == [(row["name"], number, 4) for number, row in enumerate(rows, 1)]
    assert (reported[-1]["done"], reported[-1]["failed"], reported[-1]["left"]) == (4, [], 0)
    assert [event["state"] for event in reported if event["event"] == "item_ended"] == ["done"] * 4


def test_off_a_terminal_there_is_a_line_for_every_painting(finished: tuple[BatchTrial, object, str]) -> None:
    one, _, printed = finished
    assert f"{one.out}: 4 of 4 to paint" in printed
    for name in one.rows():
        assert f"{name}: done in" in printed
    assert f"{one.out}: 4 painted" in printed


@pytest.mark.heavy
def test_given_again_it_paints_only_what_is_gone(finished: tuple[BatchTrial, object, str]) -> None:
    one, _, _ = finished
    painted = bytes_of(one.out, *PAINTED)
    times = {name: (one.out / name).stat().st_mtime_ns for name in PAINTED}
    again = one.command("--json", "--gif")
    assert again.returncode == 0
    assert "nothing to paint, 4 finished already" in again.stderr
    assert "nothing painted, 4 were finished before" in again.stderr
    assert [event["event"] for event in events(again.stdout)] == ["planned", "batch_ended"]
    assert {name: (one.out / name).stat().st_mtime_ns for name in PAINTED} == times

    # Only what is gone, to the same bytes.
    (one.out / "picture-ink.png").unlink()
    (one.out / "clip-ink.gif").unlink()
    assert one.here(gif=True).begun == ["clip-ink.mp4", "picture-ink.png"]
    assert bytes_of(one.out, *one.left()) == painted


# ---- plans


@pytest.mark.heavy
def test_a_dry_run_shows_the_plan_and_writes_nothing(tmp_path: Path) -> None:
    one = batch_trial(tmp_path)
    moving_clip(one.inputs / "a.mp4", frames=3)
    paint_picture(one.inputs / "b.png")
    (one.inputs / "c.mp4").write_bytes(b"")
    before = sorted(tmp_path.rglob("*"))
    done = one.command("--dry-run", "--json")
    assert done.returncode == 3, "not all of it can be painted"
    assert sorted(tmp_path.rglob("*")) == before
    (planned,) = events(done.stdout)
    assert planned["event"] == "planned"
    assert [(row["what"], row["frames"], row["seconds"] > 0) for row in planned["rows"]] == [
        ("paint", 3, True), ("paint", 1, True), ("failed", 0, False),
    ]  # fmt: skip
    assert planned["seconds"] > 0
    assert "2 of 3 to paint, 1 failed; about" in done.stderr
    assert "c.mp4: the file is empty" in done.stderr

    # Of what there is already, nothing changes either.
    (one.inputs / "c.mp4").unlink()
    one.here()
    kept = bytes_of(one.out, *(path.name for path in one.out.iterdir()))
    paint_picture(one.inputs / "b.png", seed=9)
    reported = one.here(dry_run=True)
    assert [(row.name, row.what) for row in reported.planned.rows] == [
        ("a-ink.mp4", "finished"),
        ("b-ink.png", "paint anew"),
    ]
    assert bytes_of(one.out, *(path.name for path in one.out.iterdir())) == kept


def test_a_dry_run_refuses_what_the_run_would(tmp_path: Path) -> None:
    one = batch_trial(tmp_path)
    (one.inputs / "empty.mp4").write_bytes(b"")
    assert one.command("--dry-run").returncode == 1, "there is nothing that can be painted"
    paint_picture(one.inputs / "a.png")
    for place in (one.style, one.style / "out"):
        done = one.say(one.inputs, "--style", one.style, "-o", place, *QUICK, "--dry-run")
        assert done.returncode == 2
        assert f"The folder {place} cannot be made: {one.style} is a file." in " ".join(done.stderr.split())
    done = one.say(one.inputs, "--style", one.style, "-o", "", *QUICK)
    assert done.returncode == 2
    assert "Say where the paintings go" in done.stderr


@pytest.mark.heavy
def test_a_job_file_says_it_all(tmp_path: Path) -> None:
    one = batch_trial(tmp_path)
    moving_clip(one.inputs / "a.mp4")
    paint_picture(one.inputs / "b.png")
    (tmp_path / "job.toml").write_text(
        'inputs = ["in"]\nstyles = ["ink.png"]\noutput = "out"\n'
        f"[defaults]\n{TABLE}levels = 1\npasses = 1\nsteps = 3\ncarried_steps = 2\n"
        '[[item]]\ninput = "in/b.png"\noutput = "presents/b.png"\nsteps = 5\n'
    )
    done = one.say(tmp_path / "job.toml", "--device", "cpu", "--quiet")
    assert (done.returncode, done.stderr, done.stdout) == (0, "", "")
    assert one.left() == ["a-ink.mp4", "presents/b.png"]
    assert "steps = 3" in read_metadata(one.out / "a-ink.mp4")["settings"]
    assert "steps = 5" in read_metadata(one.out / "presents/b.png")["settings"]


def test_a_mistake_on_the_command_line_begins_nothing(tmp_path: Path) -> None:
    one = batch_trial(tmp_path)
    paint_picture(one.inputs / "a.png")
    done = one.say(one.inputs, "--style", "nowhere.png", "-o", one.out)
    assert done.returncode == 2
    assert done.stderr.startswith("Error: nowhere.png: there is no such style picture")
    assert not one.out.exists()


# ---- failures, as far as they are a matter of run_options


@pytest.mark.heavy
def test_at_the_first_failure_it_stops_where_that_was_asked_for(tmp_path: Path) -> None:
    one = batch_trial(tmp_path)
    moving_clip(one.inputs / "m.mp4")
    job = tmp_path / "job.toml"
    job.write_text(
        'styles = ["ink.png"]\noutput = "out"\n'
        f"[defaults]\n{TABLE}levels = 1\npasses = 1\nsteps = 3\ncarried_steps = 2\n"
        '[[item]]\ninput = "in/m.mp4"\noutput = "a.mp4"\n'
        '[[item]]\ninput = "in/m.mp4"\noutput = "b.mp4"\nstyle_weight = 1e38\n'
        '[[item]]\ninput = "in/m.mp4"\noutput = "c.mp4"\n'
    )
    first = one.here(job, run_options={"fail_fast": True})
    assert first.begun == ["a.mp4", "b.mp4"]
    assert (first.outcome.done, first.outcome.failed, first.outcome.left, first.outcome.exit_code) == (1, 1, 1, 3)
    # What is known to fail is no reason to begin; without --fail-fast the rest is painted.
    assert one.here(job, run_options={"fail_fast": True}).begun == []
    last = one.here(job)
    assert last.begun == ["c.mp4"]
    assert (last.outcome.done, last.outcome.failed) == (2, 1)


# ---- several workers


def scenes(one: BatchTrial) -> Path:
    """A clip of four shots that is long beside what else there is, so that several workers share it."""
    paint_picture(one.inputs / "small.png")
    return moving_clip(one.inputs / "long.mp4", frames=16, cuts=(4, 8, 12))


@pytest.mark.heavy
def test_two_workers_share_a_clip_and_paint_what_one_paints(tmp_path: Path) -> None:
    alone, shared, broken = (batch_trial(tmp_path / name) for name in ("alone", "shared", "broken"))
    for one in (alone, shared, broken):
        scenes(one)
    how = {"steps": 12, "carried_steps": 10, "passes": 2}
    assert alone.here(**how).outcome.exit_code == 0
    together = shared.here(workers=2, **how)
    assert together.outcome.exit_code == 0
    # Parts side by side: frames of different shots come in turns.
    started = [event for event in together.events if isinstance(event, ItemEvent) and isinstance(event.event, Started)]
    assert [event.event.frames for event in started if event.name == "long-ink.mp4"] == [4, 4, 4, 4, 16]

    # Interrupted by two, gone on with by one.
    seen: list[int] = []

    def stop(event: BatchEvent) -> None:
        if isinstance(event, ItemEvent) and isinstance(event.event, FrameDone) and event.name == "long-ink.mp4":
            seen.append(event.event.frame)
            if len(seen) == 7:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        broken.here(workers=2, on_event=stop, **how)
    assert not (broken.out / "long-ink.mp4").exists()
    rest = broken.here(**how)
    assert rest.outcome.exit_code == 0
    again = [event for event in rest.events if isinstance(event, ItemEvent) and isinstance(event.event, FrameDone)]
    assert len([event for event in again if event.name == "long-ink.mp4"]) < 32

    wanted = images_of(alone.out / "long-ink.mp4")
    for one in (shared, broken):
        assert one.left() == ["long-ink.mp4", "small-ink.png"]
        for image, other in zip(images_of(one.out / "long-ink.mp4"), wanted, strict=True):
            np.testing.assert_array_equal(image, other)
        assert bytes_of(one.out, "small-ink.png") == bytes_of(alone.out, "small-ink.png")
        row = one.rows()["long-ink.mp4"]
        assert (row.state, row.done) == (State.DONE, 32)
