"""A batch that has to be done by a given time."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from media_clips import images_of
from nights import evening, moving_clip

from pipeline.errors import UsageError
from pipeline.job.batch.ledger import Ledger
from pipeline.job.batch.rows import State


def steps_of(out: Path) -> list[int]:
    ledger = Ledger(out)
    try:
        return [frame.steps for row in ledger.items() for frame in ledger.frames(row.name)]
    finally:
        ledger.close()


def test_too_little_time_is_said_before_anything_is_painted(tmp_path: Path) -> None:
    one = evening(tmp_path)
    moving_clip(one.inputs / "a.mp4")
    with pytest.raises(UsageError, match=r"The time does not suffice: 1 painting takes? about"):
        one.here(orders={"finish_by": time.time() + 1})
    assert not (one.out / "a-ink.mp4").exists()
    assert one.rows()["a-ink.mp4"].state is State.WAITING
    assert one.here().outcome.exit_code == 0, "without a limit the same batch is painted"


def test_with_time_enough_the_frames_are_those_of_a_run_without(tmp_path: Path) -> None:
    free, hurried = evening(tmp_path / "free"), evening(tmp_path / "hurried")
    for one in (free, hurried):
        for stem in "ab":
            moving_clip(one.inputs / f"{stem}.mp4")
    free.here()
    told = hurried.here(orders={"finish_by": time.time() + 3600})
    assert (told.outcome.exit_code, told.planned.finish_by is None) == (0, False)
    for stem in "ab":
        for image, wanted in zip(*(images_of(one.out / f"{stem}-ink.mp4") for one in (hurried, free)), strict=True):
            assert (image == wanted).all()


@pytest.mark.heavy
def test_where_time_is_short_every_painting_is_finished_with_fewer_steps(tmp_path: Path) -> None:
    one = evening(tmp_path, steps=600, carried_steps=600, tolerance=0.0)
    for stem in "ab":
        moving_clip(one.inputs / f"{stem}.mp4")
    full = one.here(dry_run=True).planned.seconds
    # To begin with, workers have to come up.
    seconds = 0.4 * full + 6
    if seconds > 0.8 * full:
        pytest.skip("this machine is too quick for the time to be short")
    told = one.here(orders={"finish_by": time.time() + seconds})
    assert told.outcome.exit_code == 0
    steps = steps_of(one.out)
    assert len(steps) == 8
    assert min(steps) >= 120 and sum(steps) < 8 * 600
