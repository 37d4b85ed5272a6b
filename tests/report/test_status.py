"""How far a batch is: what the ledger says, what is estimated from it, and the command that shows it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest
from jobs import ROOT, environment, reelbrush, start
from ledgers import BEGAN, finish, frame_row, planned, set_columns
from rich.console import Console

from pipeline.batch.ledger import Ledger
from pipeline.report.status import STALE, STALE_HERE, BatchStatus, changed_only, status
from pipeline.report.status_console import print_status, watch_status
from pipeline.report.status_text import status_heading, status_table

HERE = socket.gethostname()


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """Four paintings, none of them begun."""
    found = planned(tmp_path / "out", ["a.mp4", "b.mp4", "c.mp4", "d.mp4"])
    yield found
    found.close()


def begin(ledger: Ledger, pid: int = os.getpid(), host: str = HERE, workers: int = 1, **values: object) -> int:
    """A run that began at `BEGAN` and was last heard of ten minutes later."""
    run = ledger.begin_run(host, pid, "0.1.0", workers)
    set_columns(ledger, "run", run, began=BEGAN, seen=BEGAN + 600, **values)
    return run


def dead_pid() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def at(ledger: Ledger, after: float = 601.0) -> BatchStatus:
    """So many seconds after the run began."""
    return status(ledger, BEGAN + after)


# ---- whether anything is running


def test_before_the_first_run(ledger: Ledger) -> None:
    found = at(ledger)
    assert (found.run, found.going, found.fraction, found.left, found.ends) == ("not begun", False, 0.0, None, None)


def test_a_run_is_alive_while_its_process_is_and_says_so(ledger: Ledger) -> None:
    begin(ledger)
    assert at(ledger).run == "running"
    assert at(ledger, 600 + STALE_HERE - 1).run == "running"
    assert at(ledger, 600 + STALE_HERE + 1).run == "not running"


def test_a_run_whose_process_is_gone_is_not_running_however_lately_it_wrote(ledger: Ledger) -> None:
    begin(ledger, pid=dead_pid())
    found = at(ledger)
    assert (found.run, found.going) == ("not running", False)
    assert "the same command goes on" in " ".join(status_heading(found))


def test_of_another_machine_only_the_signs_of_life_count(ledger: Ledger) -> None:
    begin(ledger, pid=dead_pid(), host="elsewhere.example")
    assert at(ledger, 600 + STALE - 1).run == "running"
    assert at(ledger, 600 + STALE + 1).run == "not running"


@pytest.mark.parametrize("outcome", ["finished", "interrupted", "failed"])
def test_a_run_that_has_ended_says_how(ledger: Ledger, outcome: str) -> None:
    run = begin(ledger)
    ledger.end_run(run, outcome)
    set_columns(ledger, "run", run, ended=BEGAN + 700)
    found = at(ledger, 9000)
    assert (found.run, found.going, found.elapsed) == (outcome, False, 700.0)


def test_what_a_dead_run_was_painting_is_interrupted(ledger: Ledger) -> None:
    begin(ledger)
    ledger.change("b.mp4", state="painting", frames=10, done=3)
    assert at(ledger).counts["painting"] == 1
    found = at(ledger, 600 + STALE_HERE + 1)
    assert (found.counts["painting"], found.counts["interrupted"]) == (0, 1)


# ---- how long it will take


def test_estimates_are_corrected_by_how_long_things_have_taken(ledger: Ledger) -> None:
    begin(ledger)
    finish(ledger, "a.mp4", seconds=90.0)  # estimated at 60
    for name in ("b.mp4", "c.mp4", "d.mp4"):
        ledger.change(name, estimate=100.0)
    ledger.change("b.mp4", state="painting", frames=10, passes=2, done=5)
    ledger.spend("b.mp4", 37.5)  # a quarter of it, estimated at 25
    found = at(ledger)
    left = {item.name: item.left for item in found.items}
    assert left == pytest.approx({"a.mp4": 0, "b.mp4": 112.5, "c.mp4": 150, "d.mp4": 150})
    assert found.left == pytest.approx(412.5)
    assert found.ends == pytest.approx(BEGAN + 601 + 412.5)
    assert found.fraction == pytest.approx(127.5 / 540)


def test_workers_share_the_work_but_not_one_shot(ledger: Ledger) -> None:
    begin(ledger, workers=2)
    for name, estimate in zip("abcd", (30.0, 30.0, 30.0, 50.0), strict=True):
        ledger.change(f"{name}.mp4", estimate=estimate)
    assert at(ledger).left == pytest.approx(80.0), "50 and 30 one after the other, beside 30 and 30"
    ledger.change("d.mp4", estimate=500.0)
    assert at(ledger).left == pytest.approx(500.0)
    ledger.change("d.mp4", cuts=[10])
    assert at(ledger).left == pytest.approx(310.0)
    ledger.change("d.mp4", cuts=[10, 20, 30])
    assert at(ledger).left == pytest.approx(310.0)


def test_what_failed_takes_no_more_time_and_says_nothing_of_the_others(ledger: Ledger) -> None:
    begin(ledger)
    ledger.change("a.mp4", state="failed", error="It is broken.", estimate=10.0, frames=10, done=5)
    ledger.spend("a.mp4", 9999.0)
    for name in ("b.mp4", "c.mp4", "d.mp4"):
        ledger.change(name, estimate=100.0)
    assert at(ledger).left == pytest.approx(300.0)


def test_nothing_is_made_up_where_nothing_is_known(ledger: Ledger) -> None:
    begin(ledger)
    finish(ledger, "a.mp4")
    ledger.change("b.mp4", estimate=100.0)
    found = at(ledger)
    assert (found.left, found.ends, found.fraction) == (None, None, 0.25)
    assert "not known yet" in " ".join(status_heading(found))


def test_frames_a_minute_count_every_pass_and_all_that_is_painted_at_once(ledger: Ledger) -> None:
    begin(ledger, workers=2)
    for name, done, seconds in (("a.mp4", 10, 60.0), ("b.mp4", 30, 60.0)):
        ledger.change(name, state="painting", frames=20, passes=2, done=done)
        ledger.spend(name, seconds)
    found = at(ledger)
    assert [item.rate for item in found.items[:2]] == [10.0, 30.0]
    assert found.rate == pytest.approx(40.0)
    ledger.change("a.mp4", state="done")
    assert at(ledger).rate == pytest.approx(30.0)
    ledger.change("b.mp4", cuts=[5])
    assert at(ledger).rate == pytest.approx(60.0)


@pytest.mark.parametrize("added", [0.0, 4.0])
def test_time_that_was_not_added_up_yet_is_that_of_the_frames(ledger: Ledger, added: float) -> None:
    """It is added up when a painting is let go of; what a killed run has spent never is."""
    begin(ledger)
    ledger.change("a.mp4", state="painting", frames=10)
    ledger.spend("a.mp4", added)
    for frame in range(5):
        ledger.add_frame("a.mp4", frame_row(frame), frame + 1)
    (found,) = [item for item in at(ledger).items if item.name == "a.mp4"]
    assert (found.seconds, found.left, found.rate) == (10.0, 10.0, 30.0)


@pytest.mark.parametrize(("by", "reported"), [(1000.0, "1 min 39 s to spare"), (800.0, "1 min 41 s too late")])
def test_the_hour_by_which_it_should_be_done(ledger: Ledger, by: float, reported: str) -> None:
    begin(ledger, finish_by=BEGAN + by)
    for name in "abcd":
        ledger.change(f"{name}.mp4", estimate=75.0)
    assert reported in status_heading(at(ledger))[-1]


def test_what_cannot_be_painted_is_no_share_of_the_work(ledger: Ledger) -> None:
    """Neither before anything is painted, nor where nothing ever is."""
    begin(ledger)
    ledger.change("a.mp4", state="failed", error="It is broken.")
    assert at(ledger).fraction == 0.0
    for name in ("b.mp4", "c.mp4", "d.mp4"):
        ledger.change(name, state="failed", error="It is broken.")
    ledger.end_run(1, "finished")
    found = at(ledger)
    assert (found.fraction, found.run) == (0.0, "finished")
    assert "done" not in " ".join(status_heading(found))


def test_a_run_that_stopped_at_a_failure_says_so(ledger: Ledger) -> None:
    run = begin(ledger)
    ledger.change("a.mp4", state="failed", error="It is broken.")
    ledger.end_run(run, "finished")
    found = at(ledger)
    assert found.run == "stopped"
    assert "without --fail-fast the same command paints the rest" in status_heading(found)[-2]
    assert "not known" not in " ".join(status_heading(found))
    for name in ("b.mp4", "c.mp4", "d.mp4"):
        finish(ledger, name)
    assert at(ledger).run == "finished"


def test_the_time_of_several_runs_is_said_to_be_that(ledger: Ledger) -> None:
    for count, words in ((1, "100%, done in 10 min 00 s"), (2, "100%, done, 20 min 00 s in 2 runs")):
        run = begin(ledger)
        for name in ("a.mp4", "b.mp4", "c.mp4", "d.mp4"):
            finish(ledger, name)
        ledger.end_run(run, "finished")
        set_columns(ledger, "run", run, ended=BEGAN + 600)
        found = at(ledger)
        assert found.runs == count
        assert status_heading(found)[1].endswith(words)


def test_an_empty_batch_is_done(tmp_path: Path) -> None:
    ledger = planned(tmp_path / "out", [])
    found = status(ledger, BEGAN)
    ledger.close()
    assert (found.fraction, found.left, status_table(found)[1]) == (1.0, 0.0, [])
    assert "nothing to paint" in status_heading(found)[0]


# ---- what a person sees


def shown(found: BatchStatus, **of_console: object) -> str:
    console = Console(file=StringIO(), **{"width": 200, **of_console})  # type: ignore[arg-type]
    print_status(console, found)
    return console.file.getvalue()  # type: ignore[attr-defined,no-any-return]


def test_failures_come_first_with_their_paragraph_and_nothing_is_markup(tmp_path: Path) -> None:
    ledger = planned(tmp_path / "out", ["a.mp4", "[red]b[/red].mp4"])
    begin(ledger)
    finish(ledger, "a.mp4")
    ledger.change("[red]b[/red].mp4", state="failed", error="It is [bold]broken[/bold] :x:.")
    text = shown(at(ledger))
    ledger.close()
    assert "1 done, 1 failed" in text
    assert text.index("[red]b[/red].mp4") < text.index("a.mp4  ")
    assert "It is [bold]broken[/bold]" in text


def test_one_bad_file_is_one_paragraph_below_the_table(ledger: Ledger) -> None:
    begin(ledger)
    error = f"{ledger.path.parent / 'in' / 'b.mp4'}: this is not a video that can be read. Convert it first."
    for name in ("a.mp4", "b.mp4"):
        ledger.change(name, state="failed", error=error)
    set_columns(ledger, "item", "a.mp4", request=ledger.items()[1].item.as_json().replace('"b.mp4"', '"a.mp4"'))
    for width in (60, 80, 120):
        text = shown(at(ledger), width=width, force_terminal=True, color_system=None)
        assert " ".join(text.split()).count("b.mp4 (2 paintings): this is not a video that can be read.") == 1
        assert str(ledger.path.parent / "in") not in text
        table = text[text.index("name ") : text.index("failed: ")].splitlines()
        assert [line.split()[0] for line in table] == ["name", "a.mp4", "b.mp4", "c.mp4", "d.mp4"]
        assert all(len(line) <= width for line in table)


def test_what_the_last_command_leaves_out_is_told_and_not_counted(ledger: Ledger) -> None:
    begin(ledger)
    for name in ("a.mp4", "b.mp4"):
        finish(ledger, name)
    (ledger.path.parent / "b.mp4").touch()
    # a.mp4 was removed, and d.mp4 was never painted.
    ledger.plan([row.item for row in ledger.items() if row.name == "c.mp4"])
    found = at(ledger)
    assert found.counts == {"done": 0, "failed": 0, "painting": 0, "interrupted": 0, "waiting": 1}
    assert (found.fraction, [one.name for one in found.items]) == (0.0, ["c.mp4"])
    assert [one["name"] for one in json.loads(found.as_json())["earlier"]] == ["b.mp4"]
    text = shown(found)
    assert "1 painting of an earlier command is there as well" in text
    assert [row[:2] for row in status_table(found)[1]] == [("c.mp4", "waiting"), ("b.mp4", "done earlier")]
    ledger.plan([row.item for row in ledger.items(left_out=True)])
    assert at(ledger).earlier == () and at(ledger).counts["done"] == 2


def test_a_narrow_terminal_shows_less_and_nothing_is_shown_of_what_is_not_known(ledger: Ledger) -> None:
    begin(ledger)
    assert status_table(at(ledger))[0] == ("name", "state")
    ledger.change("a.mp4", state="painting", frames=10, done=5, estimate=100.0)
    ledger.spend("a.mp4", 50.0)
    assert status_table(at(ledger))[0] == ("name", "state", "progress", "frames", "a minute", "time")
    assert status_table(at(ledger), 80)[1][0] == ("a.mp4", "painting", "50%", "5/10", "6", "about 50 s")
    assert status_table(at(ledger), 60)[1][0] == ("a.mp4", "painting", "50%", "5/10", "6", "about 50 s"), "it fits"
    assert status_table(at(ledger), 48)[1][0] == ("a.mp4", "painting", "50%", "about 50 s")
    assert "█" in status_table(at(ledger), 120)[1][0][2]


def test_frames_of_several_passes_are_counted_as_in_the_plan(ledger: Ledger) -> None:
    ledger.change("a.mp4", frames=250, passes=2, done=17)
    (row,) = [row for row in status_table(at(ledger))[1] if row[0] == "a.mp4"]
    assert "17/250 x 2" in row


def test_a_bar_is_drawn_with_what_there_is(ledger: Ledger) -> None:
    class Ascii(StringIO):
        encoding = "ascii"

    console = Console(file=Ascii())
    print_status(console, at(ledger))
    assert "............ 0%" in console.file.getvalue()  # type: ignore[attr-defined]


def test_on_a_small_screen_the_painting_under_way_is_on_top(ledger: Ledger) -> None:
    begin(ledger)
    for name in ("a.mp4", "b.mp4"):
        ledger.change(name, state="failed", error=f"{name}: " + f"{name} is broken " * 20)
    ledger.change("d.mp4", state="painting", frames=10, done=5)
    console = Console(file=StringIO(), width=60, height=12, force_terminal=True, color_system=None)
    watch_status(console, [at(ledger)])
    lines = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
    names = [line.split()[0] for line in lines if ".mp4" in line or "more" in line]
    assert names[:3] == ["d.mp4", "a.mp4", "b.mp4"]
    assert next(line.rstrip() for line in lines if line.startswith("d.mp4")) == "d.mp4  painting  50%       5/10"
    assert names[-2:] == ["failed:", "failed:"]
    assert len(lines) < 2 * 12, "it is drawn twice: at first, and when it ends"


def test_a_long_list_is_cut_where_it_has_to_fit(ledger: Ledger) -> None:
    assert [row[0] for row in status_table(at(ledger), most=3)[1]] == ["a.mp4", "b.mp4", "and 2 more"]
    assert [row[0] for row in status_table(at(ledger), most=4)[1]] == ["a.mp4", "b.mp4", "c.mp4", "d.mp4"]


def statuses(ledger: Ledger) -> Iterator[BatchStatus]:
    """A minute in which one frame a second is finished, and then the end."""
    run = begin(ledger)
    ledger.change("a.mp4", state="painting", frames=60)
    for second in range(61):
        ledger.change("a.mp4", done=second)
        yield at(ledger, 600 + second * 0.9)
    yield at(ledger, 655)
    ledger.end_run(run, "finished")
    yield at(ledger, 656)


def test_off_a_terminal_a_line_now_and_then(ledger: Ledger) -> None:
    console = Console(file=StringIO(), width=200)
    watch_status(console, statuses(ledger))
    lines = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
    assert len(lines) == 1 + 5 + 1
    assert "1 painting" in lines[0]


def test_on_a_terminal_the_same_lines_are_drawn_again(ledger: Ledger) -> None:
    console = Console(file=StringIO(), width=100, height=20, force_terminal=True)
    watch_status(console, statuses(ledger))
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert "\x1b[1A" in text  # the cursor goes up
    assert "59/60" in text


def test_changes_are_only_those(ledger: Ledger) -> None:
    assert len(list(changed_only([at(ledger, second) for second in range(5)]))) == 1
    assert len(list(changed_only(statuses(ledger)))) == 62


# ---- the command


def test_the_command_shows_and_tells(tmp_path: Path, ledger: Ledger) -> None:
    begin(ledger, pid=dead_pid())
    finish(ledger, "a.mp4")
    shown = reelbrush("status", tmp_path / "out")
    assert shown.returncode == 0, shown.stderr
    assert "1 done, 3 waiting" in shown.stdout
    assert "not running: the same command goes on" in shown.stdout
    ledger.change("a.mp4", notes=["Frame 3 stands out."])
    reported = reelbrush("status", tmp_path / "out", "--json")
    (found,) = [json.loads(line) for line in reported.stdout.splitlines()]
    assert (found["event"], found["run"], found["counts"]["done"]) == ("status", "not running", 1)
    assert [item["name"] for item in found["items"]] == ["b.mp4", "c.mp4", "d.mp4", "a.mp4"]
    assert [item["notes"] for item in found["items"]] == [[], [], [], ["Frame 3 stands out."]]


def test_where_there_is_no_batch(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "gone"):
        refused = reelbrush("status", folder)
        assert refused.returncode == 2
        assert "there is no batch here" in refused.stderr
        assert "Traceback" not in refused.stderr
        assert not list(tmp_path.iterdir())


def watching(folder: Path, *options: str) -> subprocess.Popen[str]:
    """Start to watch, and wait for the first line."""
    process = start("status", folder, "--watch", *options)
    assert process.stdout is not None
    assert process.stdout.readline()
    return process


def test_watching_ends_with_the_run(tmp_path: Path, ledger: Ledger) -> None:
    run = ledger.begin_run(HERE, os.getpid(), "0.1.0", 1)
    process = watching(tmp_path / "out")
    finish(ledger, "a.mp4")
    ledger.end_run(run, "finished")
    rest, error = process.communicate(timeout=60)
    assert (process.returncode, error) == (0, "")
    assert "1 done, 3 waiting" in rest.splitlines()[-1]


def test_watching_ends_with_control_c_and_that_is_no_failure(tmp_path: Path, ledger: Ledger) -> None:
    ledger.begin_run(HERE, os.getpid(), "0.1.0", 1)
    process = watching(tmp_path / "out", "--json")
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=60)
    assert (process.returncode, error) == (0, "")


def test_status_starts_without_torch(tmp_path: Path, ledger: Ledger) -> None:
    """It is asked often, and answers at once."""
    code = (
        "import sys; from pathlib import Path; from pipeline.batch.ledger import Ledger; "
        "import pipeline.report.status, pipeline.report.console; "
        f"Ledger(Path({str(tmp_path / 'out')!r})).items(); print('torch' in sys.modules)"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment(), capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == "False"
