"""How far a job or a batch is and how long it still takes, on clocks that are wound by hand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.batch.events import ItemBegan, ItemEnded, ItemEvent, Planned, PlanRow
from pipeline.batch.ledger_rows import State
from pipeline.clip.events import Event, FrameDone, Repainted, Started, Stepped
from pipeline.report.progress import BatchProgress, CountProgress, ItemProgress, JobProgress, RunProgress

STARTED = Started(
    source="walk.mp4", outputs=(Path("out.mp4"),), width=64, height=36, frames=5, done=0, first_work=100.0,
    next_work=20.0, network="tiny", device="cpu, float32",
)  # fmt: skip

# ---- a job, on a clock that is wound by hand


def frame_of(index: int, steps: int, early: int | None = None) -> Iterator[Event]:
    """One frame's events; with `early`, it stops after that many steps."""
    for step in range(1, (early or steps) + 1):
        yield Stepped(index, step, steps, step / steps)
    yield FrameDone(index, {}, early or steps, 0.0, "steps")


class FollowedJob:
    """A job played against a clock: when what was shown."""

    def __init__(self, started: Started) -> None:
        self.now = 1000.0
        self.progress = JobProgress()
        self.fractions: list[float] = []
        self.shown: list[tuple[float, float | None]] = []
        self.update(started, 0)

    def update(self, event: Event, seconds: float) -> None:
        self.now += seconds
        self.progress.update(event, self.now)
        self.fractions.append(self.progress.fraction)
        self.shown.append((self.now, self.progress.left(self.now)))

    def paint(self, index: int, steps: int, seconds_a_step: float, early: int | None = None) -> None:
        for event in frame_of(index, steps, early):
            self.update(event, seconds_a_step if isinstance(event, Stepped) else 0)

    def errors(self) -> list[float]:
        """What was shown against what it was, as a share of what it was; where something was left."""
        return [
            (left - (self.now - at)) / (self.now - at) for at, left in self.shown if left is not None and at < self.now
        ]


def test_nothing_is_known_before_the_first_steps() -> None:
    progress = JobProgress()
    assert (progress.fraction, progress.left(3.0)) == (0.0, None)
    progress.update(STARTED, 10.0)
    assert (progress.fraction, progress.left(12.0)) == (0.0, None)


def test_a_steady_job_is_foreseen_to_the_second_although_its_first_frame_costs_five_times_the_rest() -> None:
    job = FollowedJob(STARTED)
    job.paint(0, 100, 0.5)
    assert job.fractions[-1] == pytest.approx(100 / 180)
    assert job.shown[50][1] == pytest.approx(25 + 4 * 10)
    for index in range(1, 5):
        job.paint(index, 20, 0.5)
    assert max(map(abs, job.errors()), default=1) < 0.01
    assert job.shown[-1][1] == 0
    assert job.fractions[-1] == 1


@pytest.mark.parametrize("early", [None, 7])
def test_the_fraction_never_falls_and_ends_at_one(early: int | None) -> None:
    job = FollowedJob(STARTED)
    job.paint(0, 100, 0.3, early and 40)
    for index in range(1, 5):
        job.paint(index, 20, 0.4, early)
    assert job.fractions == sorted(job.fractions)
    assert (job.fractions[0], job.fractions[-1]) == (0, 1)
    assert max(job.fractions[:-2]) < 1  # the last step and the end of its frame are both the end


def test_frames_that_stop_early_are_an_upper_bound_at_first_and_learnt_then() -> None:
    job = FollowedJob(replace(STARTED, frames=30))
    job.paint(0, 100, 0.5)
    assert job.shown[-1][1] == pytest.approx(29 * 10)
    for index in range(1, 30):
        job.paint(index, 20, 0.5, early=8)
    errors = job.errors()
    assert min(errors) > -0.05  # never too hopeful
    after_two = [e for (at, _), e in zip(job.shown, errors, strict=False) if at > 1000 + 50 + 3 * 4]
    assert max(map(abs, after_two)) < 0.05


def test_a_clip_that_becomes_harder_is_noticed() -> None:
    job = FollowedJob(replace(STARTED, frames=60))
    job.paint(0, 100, 0.1)
    for index in range(1, 30):
        job.paint(index, 20, 0.1)
    for index in range(30, 60):
        job.paint(index, 20, 0.4)
    converged = [e for (at, _), e in zip(job.shown, job.errors(), strict=False) if at > 1000 + 10 + 29 * 2 + 8 * 8]
    assert max(map(abs, converged)) < 0.05


def test_one_slow_frame_does_not_frighten() -> None:
    """The usual frame is the middle one, not the mean."""
    job = FollowedJob(replace(STARTED, frames=20))
    for index, pace in enumerate([0.1] * 6 + [10.0] + [0.1] * 2):
        job.paint(index, 100 if index == 0 else 20, pace)
    assert job.shown[-1][1] == pytest.approx(11 * 2)


def test_still_frames_are_expected_as_often_as_they_came() -> None:
    """A drawing that changes with every other frame takes half the time."""
    job = FollowedJob(replace(STARTED, frames=41))
    job.paint(0, 100, 0.1)
    for index in range(1, 41):
        if index % 2:
            job.paint(index, 20, 0.5)
        else:
            job.update(FrameDone(index, {}, 0, 0.0, "still"), 0)
    middle = [error for (at, _), error in zip(job.shown, job.errors(), strict=False) if at > 1060]
    assert max(map(abs, middle[:200])) < 0.3, "and not twice as long"


def test_a_frame_that_is_painted_twice_does_not_turn_the_bar_back() -> None:
    job = FollowedJob(STARTED)
    job.paint(0, 100, 0.1)
    for steps in (20, 100):
        for step in range(1, steps + 1):
            job.update(Stepped(1, step, steps, step / steps), 0.1)
    job.update(Repainted(1, 9.0, 2.0, "fresh"), 0)
    job.update(FrameDone(1, {}, 100, 0.0, "steps"), 0)
    assert job.fractions == sorted(job.fractions)


def test_a_resumed_job_starts_where_it_was() -> None:
    job = FollowedJob(replace(STARTED, frames=10, done=6))
    assert job.fractions[0] == pytest.approx((100 + 5 * 20) / (100 + 9 * 20))
    job.update(Stepped(6, 1, 20, 0.05), 0.5)
    assert job.shown[-1][1] == pytest.approx(4 * 10 - 0.5)
    for step in range(2, 21):
        job.update(Stepped(6, step, 20, step / 20), 0.5)
    job.update(FrameDone(6, {}, 20, 10.0, "steps"), 0)
    for index in range(7, 10):
        job.paint(index, 20, 0.5)
    assert max(map(abs, job.errors())) < 0.01
    assert (job.fractions[-1], job.shown[-1][1]) == (1, 0)


def test_a_job_with_nothing_left_to_paint() -> None:
    job = FollowedJob(replace(STARTED, done=5))
    assert (job.fractions, job.shown[0][1]) == ([1.0], 0.0)


def test_further_passes_count() -> None:
    """Frame 0 stands at the end of the second pass, and costs nothing special there."""
    started = replace(STARTED, passes=3, again_work=10.0)
    job = FollowedJob(started)
    job.paint(0, 100, 0.5)
    assert job.fractions[-1] == pytest.approx(100 / 280)
    assert job.shown[-1][1] == pytest.approx((4 * 20 + 10 * 10) * 0.5)
    for index in range(1, 5):
        job.paint(index, 20, 0.5)
    for index in (*range(4, -1, -1), *range(5)):
        job.paint(index, 10, 0.5)
    assert max(map(abs, job.errors())) < 0.01
    assert job.fractions == sorted(job.fractions)
    assert (job.fractions[-1], job.shown[-1][1]) == (1, 0)
    going_on = FollowedJob(replace(started, done=8))
    assert going_on.fractions[0] == pytest.approx((180 + 3 * 10) / 280)


def test_a_single_picture() -> None:
    job = FollowedJob(replace(STARTED, frames=1, next_work=100.0))
    job.paint(0, 100, 0.2)
    assert max(map(abs, job.errors())) < 0.01
    assert (job.fractions[-1], job.shown[-1][1]) == (1, 0)


def test_the_time_between_two_steps_counts() -> None:
    """Asked again before the next event, the same frame has less left, and never less than nothing."""
    job = FollowedJob(STARTED)
    job.paint(0, 100, 0.5)
    job.paint(1, 20, 0.5)
    assert job.progress.left(job.now) == pytest.approx(30)
    assert job.progress.left(job.now + 4) == pytest.approx(26)
    assert job.progress.left(job.now + 99) == pytest.approx(20)


# ---- a batch


def test_a_batch_takes_as_long_as_the_worker_that_is_free_last() -> None:
    items = [ItemProgress(0.0, 0.0, seconds) for seconds in (30.0, 30.0, 30.0, 50.0)]
    assert BatchProgress(items).left == 140.0
    assert BatchProgress(items, 2).left == 80.0
    long = ItemProgress(0.0, 0.0, 500.0)
    assert BatchProgress([*items[:3], long], 2).left == 500.0, "a single shot is no faster for idle workers"
    assert BatchProgress([*items[:3], replace(long, pieces=2)], 2).left == 310.0


def test_estimates_are_corrected_once_enough_is_known() -> None:
    """A worker that has just begun has loaded its network, and nothing else."""
    waiting = ItemProgress(0.0, 0.0, 100.0)
    begun = ItemProgress(0.02, 30.0, 100.0)
    assert BatchProgress([begun, waiting]).pace == 1.0
    assert BatchProgress([replace(begun, fraction=0.3), waiting]).pace == 1.0
    assert BatchProgress([replace(begun, fraction=0.3, seconds=60.0), waiting]).left == pytest.approx(140 + 200)
    finished = ItemProgress(1.0, 4.0, 2.0, over=True)
    assert BatchProgress([finished, *[waiting] * 9]).pace == 2.0, "a finished painting tells, however small it was"
    assert BatchProgress([replace(finished, failed=True), waiting]).pace == 1.0


def test_what_an_earlier_run_has_done_is_not_counted_as_this_ones_speed() -> None:
    half = ItemProgress(0.75, 25.0, 100.0, before=0.5)
    assert BatchProgress([half]).left == pytest.approx(25.0)
    assert BatchProgress([replace(half, estimate=None)]).left == pytest.approx(25.0)


def test_where_something_is_not_known_neither_is_the_end() -> None:
    done, waiting = ItemProgress(1.0, 90.0, 60.0, over=True), ItemProgress(0.0, 0.0, None)
    assert BatchProgress([done, waiting]).left is None
    assert BatchProgress([done, waiting]).fraction == 0.5
    assert (BatchProgress([]).left, BatchProgress([]).fraction) == (0.0, 1.0)


ROWS = tuple(PlanRow(name, f"/in/{name}", "paint", 64, 36, 5, 1, 90.0) for name in ("a.mp4", "b.mp4"))
PLAN = Planned(Path("out"), 3, 2, 1, (), 180.0, 1, 2, 1, (*ROWS, replace(ROWS[0], name="c.mp4", what="finished")))


class FollowedRun:
    """A batch of two clips of 180 steps each, played against a clock."""

    def __init__(self, workers: int = 1) -> None:
        self.now, self.run = 1000.0, RunProgress()
        self.run.update(replace(PLAN, workers=workers), self.now)
        self.fractions: list[float] = []

    @property
    def left(self) -> float | None:
        return self.run.progress(self.now).left

    def update(self, name: str, event: Event, seconds: float = 0.0) -> None:
        self.now += seconds
        self.run.update(ItemEvent(name, event), self.now)
        self.fractions.append(self.run.progress(self.now).fraction)

    def paint(self, name: str, seconds_a_step: float, first: int = 0, stop: int = 5) -> None:
        for index in range(first, stop):
            for event in frame_of(index, 20 if index else 100):
                self.update(name, event, seconds_a_step if isinstance(event, Stepped) else 0)


def test_a_run_is_foreseen_by_its_plan_and_then_by_its_frames() -> None:
    run = FollowedRun()
    assert run.left == 180.0
    run.run.update(ItemBegan("a.mp4", 1, 2), run.now)
    run.update("a.mp4", STARTED)
    run.paint("a.mp4", 1.0, stop=2)
    assert run.run.fraction_of("a.mp4") == pytest.approx(120 / 180)
    assert run.left == pytest.approx(60 + 180), "twice as slow as planned, by what is painted and what is to come"
    run.paint("a.mp4", 1.0, first=2)
    run.run.update(ItemEnded("a.mp4", State.DONE, 180.0), run.now)
    assert run.left == pytest.approx(180.0)
    assert run.fractions == sorted(run.fractions)
    assert run.fractions[-1] == pytest.approx(0.5)


def test_of_a_clip_that_is_gone_on_with_only_the_rest_takes_time() -> None:
    run = FollowedRun()
    run.run.update(ItemBegan("a.mp4", 1, 2), run.now)
    run.update("a.mp4", replace(STARTED, done=3))
    assert run.run.fraction_of("a.mp4") == pytest.approx(140 / 180)
    run.paint("a.mp4", 0.5, first=3, stop=4)
    assert run.left == pytest.approx(10 + 90)


def test_parts_side_by_side_count_their_frames() -> None:
    run = FollowedRun(workers=2)
    run.run.update(ItemBegan("a.mp4", 1, 2), run.now)
    for frames in (3, 2):
        run.update("a.mp4", replace(STARTED, frames=frames))
    run.update("a.mp4", Stepped(0, 50, 100, 0.5))
    assert run.run.fraction_of("a.mp4") == pytest.approx(0.1)
    run.update("a.mp4", FrameDone(0, {}, 100, 50.0, "steps"), 50.0)
    run.update("a.mp4", FrameDone(3, {}, 100, 50.0, "steps"))
    assert run.run.fraction_of("a.mp4") == pytest.approx(0.4)
    run.update("a.mp4", replace(STARTED, done=5))
    assert run.run.fraction_of("a.mp4") == 1.0, "all that is left is to put them together"


def test_a_painting_that_failed_is_no_share_of_the_work() -> None:
    run = FollowedRun()
    run.run.update(ItemBegan("a.mp4", 1, 2), run.now)
    run.run.update(ItemEnded("a.mp4", State.FAILED, 500.0, "It is broken."), run.now)
    assert (run.left, run.run.progress(run.now).fraction) == (90.0, 0.0)


# ---- what is counted


def test_a_count_is_foreseen_once_its_rate_is_known() -> None:
    count = CountProgress()
    assert count.update("Reading", 0, 100, 10.0)
    assert count.left is None
    assert not count.update("Reading", 40, 100, 10.4)
    assert count.left is None, "the rate of a moment says nothing yet"
    assert not count.update("Reading", 40, 100, 14.0)
    assert count.left == pytest.approx(6.0)
    assert not count.update("Reading", 50, None, 15.0)
    assert count.left is None
    assert count.update("Drawing", 0, 10, 16.0)
    assert count.left is None
