"""What a job shows in the terminal and as JSON lines, and the paragraphs of its errors."""

from __future__ import annotations

import errno
import itertools
import json
from collections.abc import Callable
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
from pipeline.frame_numbers import FrameNumbers
from pipeline.report.console import ConsoleReporter, show_count
from pipeline.report.failures import error_text
from pipeline.report.jsonlines import as_json, json_reporter
from pipeline.report.lines import Bars
from pipeline.style.oom_fallback import MemoryFallback

STARTED = Started(
    source="walk.mp4", outputs=(Path("out.mp4"),), width=64, height=36, frames=5, done=0, first_work=100.0,
    next_work=20.0, network="tiny", device="cpu, float32",
)  # fmt: skip

# ---- JSON lines

EVENTS: dict[str, Event] = {
    "started": replace(STARTED, source="späte\nFahrt.mp4", notes=("one", 'two "2"'), cuts=(2, 4)),
    "stepped": Stepped(3, 4, 20, 0.2, size=2, sizes=3),
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
        assert found[key] == (list(map(_plain, value)) if isinstance(value, tuple) else _plain(value))


def _plain(value: object) -> object:
    if isinstance(value, FrameNumbers):
        return {"first": value.first, "each": list(value.each)}
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
    """In the numbers of the input, from 0, with which --cuts names them."""
    assert "2 shots: painting begins anew at frame 3\n" in console_said(cuts=(3,))
    assert "4 shots: painting begins anew at frames 1, 2, 3\n" in console_said(cuts=(1, 2, 3))
    assert "2 shots: painting begins anew at frame 24\n" in console_said(cuts=(8,), in_file=FrameNumbers(16))
    assert console_said(cuts=tuple(range(1, 30))).count("...") == 1
    assert "shots" not in console_said()


def test_the_console_says_what_was_painted_twice_and_nothing_of_still_frames() -> None:
    plain = console_said()
    assert console_said(FrameDone(1, {}, 0, 0.0, "still")) == plain
    printed = console_said(Repainted(1, 9.0, 2.0, "fresh"), Repainted(2, 2.0, 9.0, "carried"))
    assert "note: Frame 1 came out wrong and was painted anew; that is what was kept.\n" in printed
    assert "note: Frame 2 came out wrong and was painted anew; the first painting was better and was kept.\n" in printed


def test_the_console_says_once_how_memory_is_saved() -> None:
    done = [
        FrameDone(index, {}, 5, 0.1, "steps", memory_fallback="checkpointed" if index else "") for index in range(4)
    ]
    printed = console_said(*done, FrameDone(4, {}, 5, 0.1, "steps", memory_fallback="half size"))
    assert printed.count("note: Memory ran out") == 2
    assert "ran out at frame 1: from here on the maps of the network are computed twice" in printed
    assert "ran out at frame 4: from here on frames are painted at half the size" in printed
    assert set(MEMORY_FALLBACKS) == {memory_fallback.value for memory_fallback in MemoryFallback} - {""}


def test_a_step_is_counted_within_its_size(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = itertools.count(step=100.0)
    monkeypatch.setattr("pipeline.report.console.time.monotonic", lambda: next(clock))
    printed = console_said(Stepped(0, 12, 60, 0.2, size=1, sizes=3), Stepped(1, 4, 16, 0.25))
    assert "frame 1 of 5, size 1 of 3, step 12 of 60, " in printed
    assert "frame 2 of 5, step 4 of 16, " in printed


@pytest.mark.parametrize("width", [40, 60, 80, 200])
def test_a_narrow_terminal_keeps_a_bar_and_the_percentage(width: int) -> None:
    console = Console(file=StringIO(), width=width, force_terminal=True, color_system=None)
    bars = Bars.of_shares(console)
    text = "pass 1 of 2, frame 36 of 36, size 2 of 3, step 12 of 60"
    bars.add_task(text, total=1.0, completed=0.42, left="about 12 min 20 s left")
    with console.capture() as shown:
        console.print(bars.get_renderable())
    (line,) = shown.get().rstrip("\n").split("\n")
    assert "━" in line and " 42 % " in line and line.startswith("pass 1")
    assert (text in line) == (width == 200)


def test_a_text_with_nothing_behind_the_bar_is_shown_in_full() -> None:
    console = Console(file=StringIO(), width=80, force_terminal=True, color_system=None)
    bars = Bars.of_shares(console)
    bars.add_task("Encoding", total=1.0, completed=1.0, left="")
    with console.capture() as shown:
        console.print(bars.get_renderable())
    assert shown.get().startswith("Encoding ━")


def test_the_console_says_that_a_frame_was_damaged() -> None:
    printed = console_said(Damaged(2, 1), in_file=FrameNumbers(0, (0, 2, 4, 6, 8)))
    assert "note: Frame 4 was damaged on the disk; from there on all is painted again.\n" in printed


def test_the_console_tells_passes_apart() -> None:
    assert "pass" not in console_said()
    printed = console_said(Reverted(2, 2), passes=2, again_work=1.0, done=7)
    assert "in 2 passes, every second one backward\n" in printed
    assert "1 of 2 passes and 2 of 5 frames of the next are finished already; going on.\n" in printed
    assert "note: Pass 2 would have made frame 2 worse; it stays as it was before.\n" in printed
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
    assert "disk is full" in paragraph and "Make room" in paragraph
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
