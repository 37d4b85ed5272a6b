"""What a person sees: the estimate, the spoken times, the JSON lines, the story's frames, the paragraphs of errors."""

from __future__ import annotations

import errno
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any, get_args

import pytest
import torch
from rich.console import Console

from pipeline.clip.events import (
    MEMORY_FALLBACKS,
    Damaged,
    Event,
    Finished,
    FrameDone,
    Repainted,
    Reverted,
    Scanned,
    Stage,
    Started,
    Stepped,
)
from pipeline.errors import DeviceError, ReelbrushError, SettingsError
from pipeline.report.console import ConsoleReporter, show_count
from pipeline.report.estimate import Estimate
from pipeline.report.failures import error_text
from pipeline.report.jsonlines import as_json, json_reporter
from pipeline.style.oom_fallback import MemoryFallback
from pipeline.text import duration_text

STARTED = Started(
    source="walk.mp4", outputs=(Path("out.mp4"),), width=64, height=36, frames=5, done=0, first_work=100.0,
    next_work=20.0, network="tiny", device="cpu, float32",
)  # fmt: skip

# ---- the estimate, on a clock that is wound by hand


def frame_of(index: int, steps: int, early: int | None = None) -> Iterator[Event]:
    """One frame's events; with `early`, it stops after that many steps."""
    for step in range(1, (early or steps) + 1):
        yield Stepped(index, step, steps, step / steps)
    yield FrameDone(index, {}, early or steps, 0.0, "steps")


class Watched:
    """A job played against a clock: when what was said."""

    def __init__(self, started: Started) -> None:
        self.now = 1000.0
        self.estimate = Estimate()
        self.fractions: list[float] = []
        self.said: list[tuple[float, float | None]] = []
        self.see(started, 0)

    def see(self, event: Event, seconds: float) -> None:
        self.now += seconds
        self.estimate.see(event, self.now)
        self.fractions.append(self.estimate.fraction)
        self.said.append((self.now, self.estimate.left(self.now)))

    def paint(self, index: int, steps: int, seconds_a_step: float, early: int | None = None) -> None:
        for event in frame_of(index, steps, early):
            self.see(event, seconds_a_step if isinstance(event, Stepped) else 0)

    def errors(self) -> list[float]:
        """What was said against what it was, as a share of what it was; where something was left."""
        return [
            (left - (self.now - at)) / (self.now - at) for at, left in self.said if left is not None and at < self.now
        ]


def test_nothing_is_said_before_the_first_steps() -> None:
    estimate = Estimate()
    assert (estimate.fraction, estimate.left(3.0)) == (0.0, None)
    estimate.see(STARTED, 10.0)
    assert (estimate.fraction, estimate.left(12.0)) == (0.0, None)


def test_a_steady_job_is_told_to_the_second_although_its_first_frame_costs_five_times_the_rest() -> None:
    job = Watched(STARTED)
    job.paint(0, 100, 0.5)
    assert job.fractions[-1] == pytest.approx(100 / 180)
    assert job.said[50][1] == pytest.approx(25 + 4 * 10)
    for index in range(1, 5):
        job.paint(index, 20, 0.5)
    assert max(map(abs, job.errors()), default=1) < 0.01
    assert job.said[-1][1] == 0
    assert job.fractions[-1] == 1


@pytest.mark.parametrize("early", [None, 7])
def test_the_fraction_never_falls_and_ends_at_one(early: int | None) -> None:
    job = Watched(STARTED)
    job.paint(0, 100, 0.3, early and 40)
    for index in range(1, 5):
        job.paint(index, 20, 0.4, early)
    assert job.fractions == sorted(job.fractions)
    assert (job.fractions[0], job.fractions[-1]) == (0, 1)
    assert max(job.fractions[:-2]) < 1  # the last step and the end of its frame are both the end


def test_frames_that_stop_early_are_an_upper_bound_at_first_and_learnt_then() -> None:
    job = Watched(replace(STARTED, frames=30))
    job.paint(0, 100, 0.5)
    assert job.said[-1][1] == pytest.approx(29 * 10)
    for index in range(1, 30):
        job.paint(index, 20, 0.5, early=8)
    errors = job.errors()
    assert min(errors) > -0.05  # never too hopeful
    after_two = [e for (at, _), e in zip(job.said, errors, strict=False) if at > 1000 + 50 + 3 * 4]
    assert max(map(abs, after_two)) < 0.05


def test_a_clip_that_becomes_harder_is_noticed() -> None:
    job = Watched(replace(STARTED, frames=60))
    job.paint(0, 100, 0.1)
    for index in range(1, 30):
        job.paint(index, 20, 0.1)
    for index in range(30, 60):
        job.paint(index, 20, 0.4)
    converged = [e for (at, _), e in zip(job.said, job.errors(), strict=False) if at > 1000 + 10 + 29 * 2 + 8 * 8]
    assert max(map(abs, converged)) < 0.05


def test_one_slow_frame_does_not_frighten() -> None:
    """The usual frame is the middle one, not the mean."""
    job = Watched(replace(STARTED, frames=20))
    for index, pace in enumerate([0.1] * 6 + [10.0] + [0.1] * 2):
        job.paint(index, 100 if index == 0 else 20, pace)
    assert job.said[-1][1] == pytest.approx(11 * 2)


def test_still_frames_are_expected_as_often_as_they_came() -> None:
    """A drawing that changes with every other frame takes half the time."""
    job = Watched(replace(STARTED, frames=41))
    job.paint(0, 100, 0.1)
    for index in range(1, 41):
        if index % 2:
            job.paint(index, 20, 0.5)
        else:
            job.see(FrameDone(index, {}, 0, 0.0, "still"), 0)
    middle = [error for (at, _), error in zip(job.said, job.errors(), strict=False) if at > 1060]
    assert max(map(abs, middle[:200])) < 0.3, "and not twice as long"


def test_a_frame_that_is_painted_twice_does_not_turn_the_bar_back() -> None:
    job = Watched(STARTED)
    job.paint(0, 100, 0.1)
    for steps in (20, 100):
        for step in range(1, steps + 1):
            job.see(Stepped(1, step, steps, step / steps), 0.1)
    job.see(Repainted(1, 9.0, 2.0, "fresh"), 0)
    job.see(FrameDone(1, {}, 100, 0.0, "steps"), 0)
    assert job.fractions == sorted(job.fractions)


def test_a_resumed_job_starts_where_it_was() -> None:
    job = Watched(replace(STARTED, frames=10, done=6))
    assert job.fractions[0] == pytest.approx((100 + 5 * 20) / (100 + 9 * 20))
    job.see(Stepped(6, 1, 20, 0.05), 0.5)
    assert job.said[-1][1] == pytest.approx(4 * 10 - 0.5)
    for step in range(2, 21):
        job.see(Stepped(6, step, 20, step / 20), 0.5)
    job.see(FrameDone(6, {}, 20, 10.0, "steps"), 0)
    for index in range(7, 10):
        job.paint(index, 20, 0.5)
    assert max(map(abs, job.errors())) < 0.01
    assert (job.fractions[-1], job.said[-1][1]) == (1, 0)


def test_a_job_with_nothing_left_to_paint() -> None:
    job = Watched(replace(STARTED, done=5))
    assert (job.fractions, job.said[0][1]) == ([1.0], 0.0)


def test_further_passes_count() -> None:
    """Frame 0 stands at the end of the second pass, and costs nothing special there."""
    started = replace(STARTED, passes=3, again_work=10.0)
    job = Watched(started)
    job.paint(0, 100, 0.5)
    assert job.fractions[-1] == pytest.approx(100 / 280)
    assert job.said[-1][1] == pytest.approx((4 * 20 + 10 * 10) * 0.5)
    for index in range(1, 5):
        job.paint(index, 20, 0.5)
    for index in (*range(4, -1, -1), *range(5)):
        job.paint(index, 10, 0.5)
    assert max(map(abs, job.errors())) < 0.01
    assert job.fractions == sorted(job.fractions)
    assert (job.fractions[-1], job.said[-1][1]) == (1, 0)
    going_on = Watched(replace(started, done=8))
    assert going_on.fractions[0] == pytest.approx((180 + 3 * 10) / 280)


def test_a_single_picture() -> None:
    job = Watched(replace(STARTED, frames=1, next_work=100.0))
    job.paint(0, 100, 0.2)
    assert max(map(abs, job.errors())) < 0.01
    assert (job.fractions[-1], job.said[-1][1]) == (1, 0)


def test_the_time_between_two_steps_counts() -> None:
    """Asked again before the next event, the same frame has less left, and never less than nothing."""
    job = Watched(STARTED)
    job.paint(0, 100, 0.5)
    job.paint(1, 20, 0.5)
    assert job.estimate.left(job.now) == pytest.approx(30)
    assert job.estimate.left(job.now + 4) == pytest.approx(26)
    assert job.estimate.left(job.now + 99) == pytest.approx(20)


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0, "0 s"),
        (0.4, "0 s"),
        (45, "45 s"),
        (59.4, "59 s"),
        (59.6, "1 min 00 s"),
        (200, "3 min 20 s"),
        (3599.7, "1 h 00 min"),
        (7500, "2 h 05 min"),
        (100 * 3600, "100 h 00 min"),
    ],
)
def test_spoken(seconds: float, expected: str) -> None:
    assert duration_text(seconds) == expected


# ---- JSON lines

EVENTS: dict[str, Event] = {
    "started": replace(STARTED, source="späte\nFahrt.mp4", notes=("one", 'two "2"'), cuts=(2, 4)),
    "stepped": Stepped(3, 4, 20, 0.2),
    "frame_done": FrameDone(3, {"total": 1.5, "content": 0.25}, 20, 1.25, "plateau"),
    "repainted": Repainted(3, None, 1.5, "fresh"),
    "reverted": Reverted(3, 2),
    "damaged": Damaged(3, 1),
    "stage": Stage("Encoding"),
    "scanned": Scanned(120, None),
    "finished": Finished((Path("a.mp4"), Path("b.gif")), 5, 2, 60.0, ("note",)),
}


def test_every_kind_of_event_is_tried_here() -> None:
    assert {type(event) for event in EVENTS.values()} == set(get_args(Event))


@pytest.mark.parametrize("name", EVENTS)
def test_every_event_is_one_line_of_json(name: str) -> None:
    event = EVENTS[name]
    line = as_json(event)
    assert "\n" not in line
    found = json.loads(line)
    assert found.pop("event") == name
    expected = vars(event)
    assert set(found) == set(expected)
    for key, value in expected.items():
        assert found[key] == (list(map(_plain, value)) if isinstance(value, tuple) else value)


def _plain(value: object) -> object:
    return str(value) if isinstance(value, Path) else value


def test_the_reporter_writes_all_but_single_steps() -> None:
    lines: list[str] = []
    report = json_reporter(lines.append)
    for event in EVENTS.values():
        report(event)
    assert [json.loads(line)["event"] for line in lines] == [
        "started", "frame_done", "repainted", "reverted", "damaged", "stage", "finished",
    ]  # fmt: skip


def test_what_has_no_json_form_is_an_error() -> None:
    with pytest.raises(TypeError, match="set has no JSON form"):
        as_json(Stage({"text"}))  # type: ignore[arg-type]


# ---- the console


def console_said(*events: Event, **values: Any) -> str:
    written = StringIO()
    with ConsoleReporter(Console(file=written, width=200)) as report:
        report(replace(STARTED, **values))
        for event in events:
            report(event)
    return written.getvalue()


def test_the_console_says_where_painting_begins_anew() -> None:
    """Counted from 1, as frames are in the progress."""
    assert "2 shots: painting begins anew at frame 4\n" in console_said(cuts=(3,))
    assert "4 shots: painting begins anew at frames 2, 3, 4\n" in console_said(cuts=(1, 2, 3))
    assert console_said(cuts=tuple(range(1, 30))).count("...") == 1
    assert "shots" not in console_said()


def test_the_console_says_what_was_painted_twice_and_nothing_of_still_frames() -> None:
    plain = console_said()
    assert console_said(FrameDone(1, {}, 0, 0.0, "still")) == plain
    said = console_said(Repainted(1, 9.0, 2.0, "fresh"), Repainted(2, 2.0, 9.0, "carried"))
    assert "note: frame 2 came out wrong and was painted anew; that is what was kept\n" in said
    assert "note: frame 3 came out wrong and was painted anew; the first painting was better and was kept\n" in said


def test_the_console_says_once_how_memory_is_saved() -> None:
    done = [
        FrameDone(index, {}, 5, 0.1, "steps", memory_fallback="checkpointed" if index else "") for index in range(4)
    ]
    said = console_said(*done, FrameDone(4, {}, 5, 0.1, "steps", memory_fallback="half size"))
    assert said.count("note: memory ran out") == 2
    assert "ran out at frame 2: from here on the maps of the network are computed twice" in said
    assert "ran out at frame 5: from here on frames are painted at half the size" in said
    assert set(MEMORY_FALLBACKS) == {memory_fallback.value for memory_fallback in MemoryFallback} - {""}


def test_the_console_says_that_a_frame_was_damaged() -> None:
    said = console_said(Damaged(2, 1))
    assert "note: frame 3 was damaged on the disk; from there on all is painted again\n" in said


def test_the_console_tells_passes_apart() -> None:
    assert "pass" not in console_said()
    said = console_said(Reverted(2, 2), passes=2, again_work=1.0, done=7)
    assert "in 2 passes, every second one backward\n" in said
    assert "1 of 2 passes and 2 of 5 frames of the next are finished already; going on.\n" in said
    assert "note: pass 2 would have made frame 3 worse; it stays as it was before\n" in said
    assert "All 2 passes are finished already" in console_said(passes=2, again_work=1.0, done=10)


# ---- what is counted


def test_off_a_terminal_a_line_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr("pipeline.report.console.time.monotonic", lambda: now)
    console = Console(file=StringIO(), width=80)
    with show_count(console) as count:
        for done in range(1, 51):
            now += 0.5
            count("Measuring [x]", done, 100)
        count("Drawing", 0, None)
    lines = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
    assert lines == ["Measuring [x] 20/100, about 40 s left", "Measuring [x] 40/100, about 30 s left"]


def test_quiet_counts_in_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr("pipeline.report.console.time.monotonic", lambda: now)
    console = Console(file=StringIO(), force_terminal=True)
    with show_count(console, quiet=True) as count:
        now = 60.0
        count("Measuring", 1, 2)
    assert not console.file.getvalue()  # type: ignore[attr-defined]


# ---- errors as paragraphs


def test_our_own_errors_speak_for_themselves() -> None:
    assert error_text(SettingsError("so")) == ("so", 2)
    assert error_text(DeviceError("thus")) == ("thus", 1)
    assert error_text(ReelbrushError("and so")) == ("and so", 1)


def real_cpu_shortage() -> Exception:
    try:
        torch.empty(10**15)
    except (RuntimeError, MemoryError) as error:
        return error
    raise AssertionError("a petabyte was there")


@pytest.mark.parametrize(
    "make",
    [
        MemoryError,
        lambda: torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
        lambda: RuntimeError("MPS backend out of memory (MPS allocated: 9 GB)"),
        real_cpu_shortage,
    ],
    ids=["python", "cuda", "mps", "cpu"],
)
def test_a_shortage_of_memory_says_what_to_do(make: Callable[[], Exception]) -> None:
    paragraph, code = error_text(make())
    assert "--size" in paragraph and "--device" in paragraph
    assert code == 1


def test_a_full_disk_says_what_to_do() -> None:
    paragraph, code = error_text(OSError(errno.ENOSPC, "No space left on device", "/somewhere"))
    assert "disk is full" in paragraph
    assert code == 1


def test_other_errors_of_the_system_name_the_file() -> None:
    paragraph, code = error_text(PermissionError(errno.EACCES, "Permission denied", "/locked/out.mp4"))
    assert paragraph == "/locked/out.mp4: Permission denied."
    assert code == 1


@pytest.mark.parametrize(
    "error", [RuntimeError("shapes do not match"), OSError("no file at all"), KeyError("x"), AssertionError()]
)
def test_a_bug_stays_a_bug(error: Any) -> None:
    with pytest.raises(type(error)) as caught:
        error_text(error)
    assert caught.value is error
