"""A batch that has to be done by a given time."""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path

import pytest
from batch_trials import batch_trial, moving_clip
from media_clips import images_of

from pipeline.batch.events import ItemEvent
from pipeline.batch.ledger import Ledger
from pipeline.batch.ledger_rows import FrameRow, State
from pipeline.clip.events import Started
from pipeline.errors import UsageError

pytestmark = pytest.mark.heavy


def frames_of(out: Path) -> list[FrameRow]:
    """What the ledger says of every frame in every pass."""
    with closing(Ledger(out)) as ledger:
        return [frame for row in ledger.items() for frame in ledger.frames(row.name)]


def steps_of(out: Path) -> list[int]:
    return [frame.steps for frame in frames_of(out)]


def test_too_little_time_is_said_before_anything_is_painted(tmp_path: Path) -> None:
    one = batch_trial(tmp_path)
    moving_clip(one.inputs / "a.mp4")
    with pytest.raises(UsageError, match=r"The time does not suffice: 1 painting takes about"):
        one.here(run_options={"finish_by": time.time() + 1})
    assert not (one.out / "a-ink.mp4").exists()
    assert one.rows()["a-ink.mp4"].state is State.WAITING
    assert one.here().outcome.exit_code == 0, "without a limit the same batch is painted"


def test_with_time_enough_the_frames_are_those_of_a_run_without(tmp_path: Path) -> None:
    free, hurried = batch_trial(tmp_path / "free"), batch_trial(tmp_path / "hurried")
    for one in (free, hurried):
        for stem in "ab":
            moving_clip(one.inputs / f"{stem}.mp4")
    free.here()
    reported = hurried.here(run_options={"finish_by": time.time() + 3600})
    assert (reported.outcome.exit_code, reported.planned.finish_by is None) == (0, False)
    for stem in "ab":
        for image, wanted in zip(*(images_of(one.out / f"{stem}-ink.mp4") for one in (hurried, free)), strict=True):
            assert (image == wanted).all()


def test_where_time_is_short_every_painting_is_finished_with_fewer_steps(tmp_path: Path) -> None:
    one = batch_trial(tmp_path, steps=600, carried_steps=600, tolerance=0.0)
    for stem in "ab":
        moving_clip(one.inputs / f"{stem}.mp4")
    full = one.here(dry_run=True).planned.seconds
    # To begin with, workers have to come up.
    seconds = 0.4 * full + 6
    if seconds > 0.8 * full:
        pytest.skip("this machine is too quick for the time to be short")
    reported = one.here(run_options={"finish_by": time.time() + seconds})
    assert reported.outcome.exit_code == 0
    steps = steps_of(one.out)
    assert len(steps) == 8
    assert min(steps) >= 120 and sum(steps) < 8 * 600


def test_two_workers_share_a_clip_that_has_to_be_done_in_time(tmp_path: Path) -> None:
    free, hurried = (batch_trial(tmp_path / name, passes=2) for name in ("free", "hurried"))
    for one in (free, hurried):
        moving_clip(one.inputs / "a.mp4", frames=8, cuts=(3,))
    free.here()
    reported = hurried.here(workers=2, run_options={"finish_by": time.time() + 3600})
    assert reported.outcome.exit_code == 0
    started = [
        event.event for event in reported.events if isinstance(event, ItemEvent) and isinstance(event.event, Started)
    ]
    assert [event.frames for event in started] == [5, 3, 8], "two parts, the longer one first, and the whole of it"
    for image, wanted in zip(*(images_of(one.out / "a-ink.mp4") for one in (hurried, free)), strict=True):
        assert (image == wanted).all()

    short = batch_trial(tmp_path / "short", steps=600, carried_steps=600, tolerance=0.0, passes=2)
    moving_clip(short.inputs / "a.mp4", frames=8, cuts=(3,))
    full = short.here(dry_run=True, workers=2).planned.seconds
    seconds = 0.3 * full + 8
    if seconds > 0.8 * full:
        pytest.skip("this machine is too quick for the time to be short")
    assert short.here(workers=2, run_options={"finish_by": time.time() + seconds}).outcome.exit_code == 0
    # The frame with which a second pass enters a shot takes none.
    steps = [steps for steps in steps_of(short.out) if steps]
    assert min(steps) >= 60 and sum(steps) < (16 - 1) / 16 * 2 * 8 * 600
    assert len(images_of(short.out / "a-ink.mp4")) == 8
    row = short.rows()["a-ink.mp4"]
    assert row.done == row.frames * row.passes and len(steps) <= row.done
    passes = {frame.in_pass for frame in frames_of(short.out)}
    assert row.passes == max(passes)
    assert ("There was time for 1 of 2 passes." in row.notes) == (row.passes == 1)
    assert not any("will be done" in note for note in row.notes), "what was only foreseen"
