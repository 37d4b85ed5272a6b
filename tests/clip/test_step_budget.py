"""A clip that has to be finished in time: how many steps each frame gets, and that it ends when it should."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from jobs import SMALL, assert_same, moving_folder, paint_picture, pictures, reelbrush
from tape import Tape
from tiny import CPU, CountingNetwork, picture, tiny_painter, tiny_settings

from pipeline.clip.clip import run_clip
from pipeline.clip.deadline import Deadline, reserve
from pipeline.clip.engine import open_engine
from pipeline.clip.events import Event, Finished, FrameDone, Started, Stepped
from pipeline.clip.jobs import ClipJob, StylePicture
from pipeline.clip.kept_json import keep_json
from pipeline.clip.passes import Pass, passes_of
from pipeline.clip.results import ClipResult
from pipeline.clip.speed import first_frames, measure_speed
from pipeline.clip.step_budget import (
    FULL,
    Speed,
    StepBudget,
    StepPlan,
    Steps,
    Worth,
    affordable_passes,
    allocate,
    plan_steps,
)
from pipeline.clip.tracking import TrackedFrame, track_frames
from pipeline.clip.work_folder import WorkFolder
from pipeline.errors import UsageError
from pipeline.media import open_source
from pipeline.motion.device_flow import DeviceDis
from pipeline.motion.flow import DIS
from pipeline.settings import Settings
from pipeline.style.frame import PaintedFrame, WarmStart
from pipeline.style.optimise import Stop
from reelbrush import stylize_video

STANDARD = tiny_settings(steps=60, carried_steps=40, passes=2)
SECOND = Speed(step=1.0, beside=2.0)
"""A machine that takes a second for a step, and two for what a frame needs beside them."""
IMAGE = np.zeros((4, 6, 3), np.uint8)


class Clock:
    """Stands still until somebody works."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def kept_for(folder: Path) -> float:
    info = open_source(folder).info
    return reserve(info.frames, info.width, info.height)


def painted(steps: int) -> PaintedFrame:
    return PaintedFrame(IMAGE, {"total": 1.0}, steps, 0.0, Stop.STEPS if steps else Stop.STILL)


def went(
    share: float,
    settings: Settings = STANDARD,
    frames: int = 40,
    motion: list[float] | None = None,
    slower: Callable[[int], float] = lambda done: 1.0,
    used: Callable[[int], int] = lambda steps: steps,
) -> tuple[dict[tuple[int, int], int], float, float]:
    """Paint by the clock alone, in a share of the time that all takes.

    :param slower: how many times longer than foretold a frame takes, by how many are finished.
    :param used: how many of its steps a frame takes.
    :return: steps granted by pass and frame, the seconds it took, and those it had.
    """
    plan = plan_steps(settings, frames, Worth(1.0), motion=motion)
    clock = Clock()
    has = share * plan.seconds(SECOND)
    pace = StepBudget(plan, settings, Worth(1.0), SECOND, clock.now + has, clock)
    found: dict[tuple[int, int], int] = {}
    for one in passes_of(settings, frames):
        for index in one.order:
            steps = pace.steps(one, index)
            place = (one.number - 1) * frames + one.order.index(index)
            if not plan.full[place]:
                count = 0
            elif plan.fresh[place]:
                count = steps.fresh or settings.steps
            else:
                count = steps.carried or int(plan.full[place])
            found[one.number, index] = count
            count = used(count)
            clock.now += (count * SECOND.step + SECOND.beside) * slower(len(found) - 1)
            pace.record(one, index, painted(count))
    return found, clock.now - 1000.0, has


# ---- dividing


def test_what_there_is_is_divided_by_effort_between_least_and_full() -> None:
    full, least = [10.0, 10.0, 10.0], [2.0, 2.0, 2.0]
    np.testing.assert_array_equal(allocate(full, least, 30), full)
    np.testing.assert_array_equal(allocate(full, least, 5), least)
    np.testing.assert_allclose(allocate(full, least, 15), [5, 5, 5])
    np.testing.assert_allclose(allocate(full, least, 14, [0.5, 1.0, 2.0]), [2, 4, 8])
    np.testing.assert_allclose(allocate(full, least, 21, [0.5, 1.0, 2.0]), [11 / 3, 22 / 3, 10])
    np.testing.assert_allclose(allocate(full, least, 29.9, [0.5, 1.0, 2.0]), [9.9, 10, 10])
    assert not allocate([], [], 1).size


# ---- by the clock alone


def test_with_time_for_everything_nobody_is_told_anything() -> None:
    found, took, has = went(1.0)
    assert took == pytest.approx(has)
    assert found == went(3.0)[0]
    assert (found[1, 0], found[1, 1], found[2, 1], found[2, 39]) == (60, 40, 20, 0)
    clock = Clock()
    plan = plan_steps(STANDARD, 40, Worth(1.0))
    pace = StepBudget(plan, STANDARD, Worth(1.0), SECOND, clock.now + plan.seconds(SECOND), clock)
    assert pace.steps(Pass(1, 2, 40), 0) == FULL == Steps(None, None)


@pytest.mark.parametrize("share", [0.8, 0.5, 0.35])
def test_with_less_time_all_frames_get_less_and_the_clip_ends_in_time(share: float) -> None:
    found, took, has = went(share)
    everything = sum(went(1.0)[0].values())
    assert took <= has + 1
    assert took > 0.98 * has, "and no time is left unused"
    # What a frame takes beside its steps stays.
    assert sum(found.values()) == pytest.approx(everything * share - 80 * SECOND.beside * (1 - share), rel=0.02)
    carried = [found[1, index] for index in range(1, 40)]
    assert max(carried) - min(carried) <= 1, "nobody is perfect at the cost of others"


def test_where_time_is_short_beyond_reason_every_frame_still_gets_the_least() -> None:
    found, took, has = went(0.01)
    assert took > has
    assert (found[1, 0], found[1, 1], found[2, 1]) == (20, 8, 4)


def test_a_machine_that_becomes_slower_midway_ends_in_time_nevertheless() -> None:
    found, took, has = went(0.8, slower=lambda done: 2.0 if done >= 30 else 1.0)
    assert took == pytest.approx(has, rel=0.02)
    assert found[1, 35] < 0.7 * found[1, 10]


@pytest.mark.parametrize("factor", [0.5, 3.0])
def test_a_calibration_that_was_wrong_is_soon_corrected(factor: float) -> None:
    found, took, has = went(0.5 * factor, slower=lambda done: factor)
    assert took == pytest.approx(has, rel=0.02)
    second_half = [found[1, index] for index in range(20, 40)]
    assert max(second_half) - min(second_half) <= 1


def test_what_frames_leave_over_that_stop_early_goes_to_later_ones() -> None:
    found, took, has = went(0.6, used=lambda steps: min(steps, 15))
    assert took < has
    assert went(0.6)[0][2, 0] < 15
    assert found[2, 0] == 20, "there is time for everything now"


def test_busy_frames_get_more_than_calm_ones() -> None:
    motion = [1.0] + [0.02] * 19 + [0.3] * 20
    found, took, has = went(0.5, motion=motion)
    assert took == pytest.approx(has, rel=0.02)
    calm, busy = found[1, 10], found[1, 30]
    assert busy == pytest.approx(calm * (1 + 5 * 0.3) / (1 + 5 * 0.02), rel=0.1)
    assert busy <= 40
    # On the way back frame 19 is led by frame 20, which is as far from it as 20 from 19.
    assert found[2, 19] > 1.5 * found[2, 18]
    alike = went(0.5)[0]
    assert sum(found.values()) == pytest.approx(sum(alike.values()), rel=0.01)


def test_no_frame_gets_more_than_the_settings_say() -> None:
    found, _, _ = went(0.9, motion=[1.0] + [0.02] * 19 + [0.9] * 20)
    assert found[1, 30] == 40
    assert 30 < found[1, 10] < 40


def test_still_frames_cost_nothing_and_leave_their_time_to_others() -> None:
    motion = [1.0] + [0.1, 0.0] * 20
    still = plan_steps(STANDARD, 41, Worth(1.0), motion=motion)
    assert still.full[1:5].tolist() == [40, 0, 40, 0]
    # The last frame is where the second pass begins, and frame 39 equals it.
    assert still.full[41:45].tolist() == [0, 0, 20, 0]
    seconds = plan_steps(STANDARD, 41, Worth(1.0)).seconds(SECOND)
    assert affordable_passes(0.2 * seconds, STANDARD, 41, Worth(1.0), SECOND) == 1
    assert affordable_passes(0.2 * seconds, STANDARD, 41, Worth(1.0), SECOND, motion=motion) == 2


def test_first_frames_of_shots_are_planned_with_all_their_sizes() -> None:
    plan = plan_steps(STANDARD, 5, Worth(1.25), [(0, 2), (2, 5)])
    assert plan.full.tolist() == [75, 40, 75, 40, 40, 0, 20, 20, 0, 20]
    assert plan.least.tolist() == [25, 8, 25, 8, 8, 0, 4, 4, 0, 4]
    assert plan.seconds(SECOND) == 75 + 40 + 75 + 40 + 40 + 60 + 20
    nothing = plan_steps(tiny_settings(steps=60, carry="none"), 3, Worth(1.25))
    assert nothing.full.tolist() == [75, 75, 75]


def test_carried_frames_are_planned_with_all_their_sizes_too() -> None:
    plan, clock = plan_steps(STANDARD, 5, Worth(1.5, 1.25)), Clock()
    assert plan.full.tolist() == [90, 50, 50, 50, 50, 0, 25, 25, 25, 25]
    # Seven steps at full size, with the coarse ones, are as much as eight of those alone.
    assert plan.least.tolist() == [30, 8.75, 8.75, 8.75, 8.75, 0, 5, 5, 5, 5]
    pace = StepBudget(plan, STANDARD, Worth(1.5, 1.25), SECOND, clock.now + 0.5 * plan.seconds(SECOND), clock)
    forward = Pass(1, 2, 5)
    first = pace.steps(forward, 0)
    assert first.fresh is not None
    clock.now += 1.5 * first.fresh + 2
    # It counts all of its steps, at whatever size.
    pace.record(forward, 0, painted(180))
    granted = pace.steps(forward, 1)
    assert granted.carried is not None and 7 <= granted.carried < 40
    clock.now += 1.25 * granted.carried + 2
    pace.record(forward, 1, painted(3 * granted.carried))
    assert pace._now.step == pytest.approx(SECOND.step, rel=0.05), "as fast as it was foretold"


def test_two_passes_become_one_where_both_would_be_hasty() -> None:
    seconds = plan_steps(STANDARD, 40, Worth(1.0)).seconds(SECOND)
    assert affordable_passes(seconds, STANDARD, 40, Worth(1.0), SECOND) == 2
    assert affordable_passes(0.5 * seconds, STANDARD, 40, Worth(1.0), SECOND) == 2
    assert affordable_passes(0.2 * seconds, STANDARD, 40, Worth(1.0), SECOND) == 1
    assert affordable_passes(0.0, STANDARD, 40, Worth(1.0), SECOND) == 1
    loop = tiny_settings(steps=60, carried_steps=40, passes=3, loop=True)
    assert affordable_passes(0.0, loop, 40, Worth(1.0), SECOND) == 2, "a loop has to be closed"


def test_a_pass_that_could_only_come_too_late_is_not_begun() -> None:
    plan, clock = plan_steps(STANDARD, 40, Worth(1.0)), Clock()
    pace = StepBudget(plan, STANDARD, Worth(1.0), SECOND, clock.now + 500, clock)
    assert pace.allows(Pass(2, 2, 40))
    # 39 frames with 4 steps, and what 40 frames take beside them.
    clock.now += 500 - (39 * 4 + 40 * 2) + 1
    assert not pace.allows(Pass(2, 2, 40))
    assert pace.allows(Pass(2, 2, 40, circle=True))


# ---- really painted, by a clock that ticks with every step


class Ticking(Clock):
    """A second goes by with every step; on a machine that becomes slower, more."""

    def __init__(self, slower_from: int | None = None, by: float = 2.0) -> None:
        super().__init__()
        self.slower_from = slower_from
        self.by = by
        self.told: list[Event] = []

    def see(self, event: Event) -> None:
        self.told.append(event)
        if isinstance(event, Stepped):
            slow = self.slower_from is not None and event.frame >= self.slower_from
            self.now += self.by if slow else 1.0

    @property
    def steps(self) -> list[int]:
        return [event.steps for event in self.told if isinstance(event, FrameDone)]


TICK = Speed(1.0, 0.0)
LONG: dict[str, Any] = {**SMALL, "steps": 40, "carried_steps": 30, "tolerance": 0}


@pytest.fixture
def style(tmp_path: Path) -> Path:
    return paint_picture(tmp_path / "style.png", seed=9)


def run(
    folder: Path, style: Path, output: Path, settings: dict[str, Any], seconds: float | None, clock: Ticking
) -> ClipResult:
    """Paint a folder in so many seconds of that clock beside those that are kept for encoding; None: without."""
    values = dict(settings)
    engine = open_engine(device=values.pop("device"), overrides=values)
    job = ClipJob(folder, (StylePicture(style),), output)
    deadline = None
    if seconds is not None:
        deadline = Deadline(clock.now + kept_for(folder) + seconds, TICK, clock)
    return run_clip(job, engine, clock.see, deadline)


def test_with_enough_time_the_frames_are_those_of_a_run_without(tmp_path: Path, style: Path) -> None:
    folder = moving_folder(tmp_path / "in", 5, hold=(3,))
    settings = {**SMALL, "passes": 2}
    run(folder, style, tmp_path / "without", settings, None, Ticking())
    run(folder, style, tmp_path / "with", settings, 1000.0, Ticking())
    assert_same(tmp_path / "without", tmp_path / "with", 5)


def test_half_the_time_is_half_the_steps_and_no_second_more(tmp_path: Path, style: Path) -> None:
    folder = moving_folder(tmp_path / "in", 8, hold=(3,))
    clock = Ticking()
    # One first frame, six carried ones, and one that is still.
    run(folder, style, tmp_path / "out", LONG, (40 + 6 * 30) / 2, clock)
    assert len(pictures(tmp_path / "out")) == 8
    assert sum(clock.steps) == pytest.approx(110, abs=1)
    assert clock.steps[3] == 0
    assert clock.steps[0] == 40, "what all others start from is not what is saved on"
    assert all(8 <= steps <= 20 for index, steps in enumerate(clock.steps) if index not in (0, 3))
    assert clock.now - 1000 <= 111


def test_a_machine_that_becomes_slower_finishes_the_clip_in_time(tmp_path: Path, style: Path) -> None:
    folder = moving_folder(tmp_path / "in", 10)
    clock = Ticking(slower_from=3)
    run(folder, style, tmp_path / "out", LONG, 40 + 9 * 30, clock)
    assert clock.steps[:3] == [40, 30, 30]
    assert all(6 <= steps < 30 for steps in clock.steps[4:])
    assert clock.now - 1000 == pytest.approx(310, rel=0.05)


def test_a_clip_that_cannot_be_done_in_time_says_so_and_is_done_nevertheless(tmp_path: Path, style: Path) -> None:
    clock = Ticking()
    run(moving_folder(tmp_path / "in", 3), style, tmp_path / "out", LONG, 10.0, clock)
    started = next(event for event in clock.told if isinstance(event, Started))
    # 14 steps for the first frame and 6 for each other one.
    assert any("done about 16 s too late" in note for note in started.deadline_notes)
    assert clock.steps == [14, 6, 6]


def test_a_second_pass_for_which_there_is_no_time_is_left_out(tmp_path: Path, style: Path) -> None:
    folder = moving_folder(tmp_path / "in", 6)
    one, two = Ticking(), Ticking()
    run(folder, style, tmp_path / "one", LONG, 130.0, one)
    run(folder, style, tmp_path / "two", {**LONG, "passes": 2}, 60.0, two)
    started = next(event for event in two.told if isinstance(event, Started))
    assert started.passes == 1
    assert started.deadline_notes[-1:] == ("There is time for 1 of 2 passes.",)
    assert len(two.steps) == 6
    assert not list(tmp_path.glob("*.reelbrush"))


@pytest.mark.parametrize("passes", [2, 3])
def test_a_second_pass_that_has_become_impossible_leaves_the_first_as_the_result(
    tmp_path: Path, style: Path, passes: int
) -> None:
    folder = moving_folder(tmp_path / "in", 6)
    clock = Ticking(slower_from=5, by=20.0)
    run(folder, style, tmp_path / "out", {**LONG, "passes": passes}, 190.0, clock)
    started = next(event for event in clock.told if isinstance(event, Started))
    assert started.passes == passes
    (finished,) = [event for event in clock.told if isinstance(event, Finished)]
    assert f"Time was short: this is pass 1 of {passes}. Frames hold less" in " ".join(finished.notes)
    assert len(clock.steps) == 6
    assert len(pictures(tmp_path / "out")) == 6
    assert not list(tmp_path.glob("*.reelbrush"))


def test_a_job_with_another_deadline_goes_on_with_the_frames_it_has(tmp_path: Path, style: Path) -> None:
    folder = moving_folder(tmp_path / "in", 6)
    settings = {**LONG, "passes": 2, "early_hold": 1}

    class Stopping(Ticking):
        def see(self, event: Event) -> None:
            super().see(event)
            if isinstance(event, FrameDone) and event.frame == 3:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(folder, style, tmp_path / "out", settings, None, Stopping())
    work = tmp_path / "out.reelbrush"
    assert len(list(work.glob("pass1/*.png"))) == 4
    # There is time for a single pass now: what was finished of it stays.
    clock = Ticking()
    run(folder, style, tmp_path / "out", settings, 25.0, clock)
    assert len(clock.steps) == 2
    assert sum(clock.steps) <= 26
    one = Ticking()
    run(folder, style, tmp_path / "one", LONG, None, one)
    for a, b in list(zip(pictures(tmp_path / "one"), pictures(tmp_path / "out"), strict=True))[:4]:
        np.testing.assert_array_equal(a, b)


# ---- what is kept, and what is measured


def test_the_work_folder_remembers_how_many_passes_there_are(tmp_path: Path) -> None:
    passes = [Pass(number, 3, 4, circle=number == 3) for number in (1, 2, 3)]
    work = WorkFolder(tmp_path / "work", {}, passes)
    work.settle_passes(3)
    assert work.passes == tuple(passes)
    work.begin(passes[0])[0].put(0, painted(5))
    work.settle_passes(2)
    assert work.passes == (Pass(1, 2, 4), Pass(2, 2, 4, circle=True))
    work.close()
    again = WorkFolder(tmp_path / "work", {}, passes)
    assert [one.of for one in again.passes] == [2, 2]
    assert again.frames(again.passes[0]).done == 1
    again.close()
    other = WorkFolder(tmp_path / "work", {"other": 1}, passes, restart=True)
    assert other.passes == tuple(passes)
    other.close()


def test_a_kill_between_settling_and_renaming_loses_nothing(tmp_path: Path) -> None:
    passes = [Pass(1, 2, 4), Pass(2, 2, 4)]
    work = WorkFolder(tmp_path / "work", {}, passes)
    work.begin(passes[0])[0].put(0, painted(5))
    keep_json(tmp_path / "work" / "passes.json", 1)
    work.close()
    again = WorkFolder(tmp_path / "work", {}, passes)
    assert again.passes == (Pass(1, 1, 4),)
    assert again.frames(again.passes[0]).done == 1
    assert again.reached() == again.passes[0]
    again.close()


def test_a_step_count_of_its_own_is_for_one_frame_at_every_size() -> None:
    painter = tiny_painter(levels=2, smallest=16)
    image = picture(48, 64)
    assert painter.paint(image).steps == 24
    assert painter.paint(image, steps=3).steps == 6
    assert painter.paint(image, WarmStart(image), steps=2).steps == 2
    usual = painter.paint(image, WarmStart(image))
    np.testing.assert_array_equal(usual.image, painter.paint(image, WarmStart(image), steps=5).image)


@pytest.mark.parametrize("frames", [1, 3])
def test_the_speed_that_is_measured_is_that_of_painting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, frames: int
) -> None:
    source = open_source(moving_folder(tmp_path / "in", frames))
    network = CountingNetwork()
    # A clock that goes on by a second whenever the network looks at a picture.
    monkeypatch.setattr("pipeline.clip.speed.time.monotonic", lambda: float(len(network.asked)))
    painter = tiny_painter(network, tolerance=0.0)
    first = first_frames(source, painter.settings)
    assert len(first) == min(frames, 2)
    image = first[0].image
    painter.paint(image, WarmStart(image))
    twenty = painter.paint(image, WarmStart(image), steps=20).seconds
    speed = measure_speed(painter, DIS, first)
    assert speed.step == 1
    # What is done once for a frame: its targets.
    assert speed.beside == twenty - 20 > 0


def test_a_device_records_how_it_finds_motion_before_its_speed_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tape = Tape()
    monkeypatch.setattr("pipeline.motion.device_flow.recorder_of", lambda device: tape)
    recorded: list[int] = []

    def watched(*given: Any) -> Iterator[TrackedFrame]:
        recorded.append(tape.recorded)
        return track_frames(*given)

    monkeypatch.setattr("pipeline.clip.speed.track_frames", watched)
    painter, source = tiny_painter(CountingNetwork(), size=28), open_source(moving_folder(tmp_path / "in", 2), size=28)
    measure_speed(painter, DeviceDis(CPU), first_frames(source, painter.settings))
    assert recorded == [1], "what is timed is what each frame takes"


@pytest.mark.heavy
def test_a_short_budget_on_a_real_clock(tmp_path: Path, style: Path) -> None:
    folder = moving_folder(tmp_path / "in", 5)
    settings = {**SMALL, "steps": 80, "carried_steps": 80}
    began = time.monotonic()
    stylize_video(folder, style, tmp_path / "full", **settings)
    full = time.monotonic() - began
    told: list[Event] = []
    budget = full / 4 + kept_for(folder)
    stylize_video(folder, style, tmp_path / "short", budget=f"{budget:.2f}s", on_event=told.append, **settings)
    # How long that took depends on what else the machine does; that frames gave up steps does not.
    steps = [event.steps for event in told if isinstance(event, FrameDone)]
    assert len(steps) == 5
    assert min(steps) >= 16 and sum(steps) < 5 * 80


def test_a_budget_that_cannot_be_read_is_refused_before_anything_else(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="budget '8 days'"):
        stylize_video("no such clip", "no such style", tmp_path / "out", budget="8 days")


def test_the_command_takes_one_end_at_most(tmp_path: Path) -> None:
    found = reelbrush(
        "video", "clip.mp4", "-s", "style.png", "-o", tmp_path / "out", "--budget", "1h", "--finish-by", "07:00"
    )
    assert found.returncode == 2
    assert "Give one of them" in found.stderr and "Traceback" not in found.stderr


def test_the_plan_without_motion_has_the_same_effort_for_all() -> None:
    plan: StepPlan = plan_steps(STANDARD, 4, Worth(1.0))
    assert plan.effort.tolist() == [3.0] + [1.0] * 7
