"""What a batch says in a terminal, in a file, and to whoever wants to hear nothing but errors."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Sequence
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from batch_trials import batch_trial
from jobs import paint_picture, reelbrush
from ledgers import finish, planned
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from pipeline.batch.events import (
    BatchEnded,
    BatchEvent,
    Checking,
    ItemBegan,
    ItemEnded,
    ItemEvent,
    LeftOut,
    Planned,
    PlanRow,
)
from pipeline.batch.ledger import Ledger
from pipeline.batch.ledger_rows import State
from pipeline.clip.events import Started
from pipeline.report.batch_console import BatchReporter
from pipeline.report.failures import Cause, Failure, causes
from pipeline.report.jsonlines import as_json
from pipeline.report.lines import ECHO, WIDEST, print_table, print_text
from pipeline.text import MOST_NAMES

HOSTILE = "two\nlines \x1b[31m\x9b5n.mp4"
WRITTEN = r"two\nlines \x1b[31m\x9b5n.mp4"
FAR = "漢字 ł.png"
"""A name that neither ASCII nor cp1252 has letters for, nor the half of them."""
BROKEN = "/in/b.mp4: this cannot be read. Convert it to something that can, and give the same command again."


def console(width: int = 80, terminal: bool = False, height: int = 20) -> Console:
    return Console(file=StringIO(), width=width, height=height, force_terminal=terminal, color_system=None)


def printed(one: Console) -> str:
    text: str = one.file.getvalue()  # type: ignore[attr-defined]
    return text


# ---- texts


@pytest.mark.parametrize("width", [30, 60, 80])
def test_on_a_terminal_lines_break_between_words_and_paths_stay_whole(width: int) -> None:
    path = "/a/very/long/path/that/fits/on/no/line/of/such/a/terminal/at/all/clip-in-the-style-of-ink.mp4"
    text = f"{path}: 漢字 this is said of it, and it goes on for a while, so that it takes several lines."
    one, file = console(width, terminal=True), console(width)
    print_text(one, text, indent=2)
    print_text(file, text, indent=2)
    lines = printed(one).splitlines()
    assert len(lines) > 2
    assert " ".join(line.strip() for line in lines) == text
    assert [cell_len(line) > width for line in lines] == [True, *[False] * (len(lines) - 1)]
    assert all(line.startswith("  ") for line in lines[1:])
    assert printed(file) == f"{text}\n"


def test_what_is_bold_stays_bold_where_a_line_breaks() -> None:
    one = Console(file=StringIO(), width=30, force_terminal=True, color_system="standard")
    print_text(one, Text.assemble(("Error:", "bold"), " a paragraph that takes more than one line"))
    assert printed(one).startswith("\x1b[1mError:\x1b[0m a paragraph that takes")


def test_off_a_terminal_a_row_goes_on_below_a_long_cell_in_its_columns() -> None:
    one = console(1000)
    long = "x" * 300
    rows = [("a", "one", ""), (long, "two", "2"), ("漢字", long, "3"), ("b", "[b]four\x1b", "4")]
    print_table(one, "Title", ("name", "what", "how"), rows)
    second, third = " " * (WIDEST + 2), " " * 2 * (WIDEST + 2)
    assert printed(one).splitlines() == [
        "Title",
        f"{'name':{WIDEST}}  {'what':{WIDEST}}  how",
        f"{'a':{WIDEST}}  one",
        long,
        f"{second}{'two':{WIDEST}}  2",
        f"漢字{' ' * (WIDEST - 4)}  {long}",
        f"{third}3",
        "b".ljust(WIDEST) + "  " + "[b]four\\x1b".ljust(WIDEST) + "  4",
    ]


@pytest.mark.parametrize(("cell", "wide"), [("x" * WIDEST, WIDEST), ("x" * 60, 60), ("x" * 78, 78), ("x" * 79, WIDEST)])
def test_off_a_terminal_columns_are_as_wide_as_they_have_to_be_while_that_can_be_read(cell: str, wide: int) -> None:
    one = console(1000)
    print_table(one, "", ("name", "what"), [("a", "one"), (cell, "two " * 90)])
    lines = printed(one).splitlines()
    assert [line.index("one") for line in lines if "one" in line] == [wide + 2]
    assert [line.index("two") for line in lines if "two" in line] == [wide + 2]


@pytest.mark.parametrize("width", [60, 80])
def test_on_a_terminal_a_long_path_stays_in_its_column(width: int) -> None:
    one = Console(file=StringIO(), width=width, force_terminal=True, color_system=None)
    path = "/home/somebody/" + "a folder of clips/" * 5 + "a-name-that-does-not-end-soon" * 3 + ".mp4"
    rows = [(path, path, "1920x1080", "250 x 2", "1 h 20 min", "paint"), ("b.mp4", "b", "96x40", "6", "1 s", "paint")]
    print_table(one, f"How {path} was made", ("painting", "of", "size", "frames", "about", ""), rows)
    lines = printed(one).splitlines()
    assert max(map(len, lines)) <= width
    columns = [[line.index(word) for line in lines if word in line] for word in ("1920x1080", "96x40", "size")]
    assert len({at for found in columns for at in found}) == 1


# ---- why something failed


def test_a_bad_file_is_one_cause_however_many_paintings_it_spoils() -> None:
    found = causes([Failure(f"b-{style}.mp4", "/in/b.mp4", BROKEN) for style in ("ink", "oil")])
    assert found == [Cause("b.mp4 (2 paintings)", BROKEN.removeprefix("/in/b.mp4: "))]


def test_what_is_wrong_with_something_else_names_the_paintings() -> None:
    style = "/styles/ink.png: this is no picture."
    many = [Failure(f"{number}-ink.mp4", f"/in/{number}.mp4", style) for number in range(9)]
    assert causes(many[:2]) == [Cause("0-ink.mp4, 1-ink.mp4", style)]
    assert causes(many)[0].who.endswith(f"{MOST_NAMES - 1}-ink.mp4 and {9 - MOST_NAMES} more")
    (there,) = causes([Failure("sub/a-ink.jpg", "/in/a.jpg", "/tmp/out/sub/a-ink.jpg: this exists already.")])
    assert there.text == "sub/a-ink.jpg: this exists already.", "named once"
    (lost,) = causes([Failure("a.mp4", "/in/a.mp4", "a.mp4: the worker\nended.")])
    assert lost.text == "a.mp4: the worker ended."


def test_a_cause_is_written_out() -> None:
    (found,) = causes([Failure(HOSTILE, f"/in/{HOSTILE}", f"It is not /in/{HOSTILE}.\x07")])
    assert found.text == rf"{WRITTEN}: It is not /in/{WRITTEN}.\x07"


# ---- a batch


ROW = PlanRow("a-ink.mp4", "/in/a.mp4", "paint", 48, 32, 4, 1, 9.0)
BAD = [replace(ROW, name=f"b-{style}.mp4", source="/in/b.mp4", what="failed") for style in ("ink", "oil")]
FAILED = tuple((row.name, BROKEN) for row in BAD)
PLAN = Planned(Path("out"), 4, 1, 1, FAILED, 9.0, 1, 2, 1, (ROW, *BAD, replace(ROW, name="c", what="finished")))
DONE = ItemEnded("a-ink.mp4", State.DONE, 3.0)
END = BatchEnded(Path("out"), 2, FAILED, 0, 9.0)


def reported(
    *events: BatchEvent, quiet: bool = False, fail_fast: bool = False, width: int = 200, terminal: bool = False
) -> str:
    one = console(width, terminal)
    with BatchReporter(one, quiet, fail_fast) as report:
        for event in events:
            report(event)
    return printed(one)


def test_why_something_cannot_be_painted_is_said_once() -> None:
    text = reported(PLAN, ItemBegan("a-ink.mp4", 1, 1), DONE, END)
    assert text.count("this cannot be read") == 1
    assert "\ncannot be painted: b.mp4 (2 paintings): this cannot be read." in text
    assert "\nfailed, for the reasons above: b-ink.mp4, b-oil.mp4\n" in text


def test_what_was_left_out_is_said_before_the_plan() -> None:
    left_out = LeftOut((Path("in/x.jxl"),), "1 file was left out: x.jxl.")
    text = reported(left_out, PLAN)
    assert text.index("1 file was left out: x.jxl.") < text.index("1 of 4 to paint")
    assert json.loads(as_json(left_out))["files"] == ["in/x.jxl"]


def test_quiet_says_why_something_fails_and_nothing_else() -> None:
    late = ItemEnded("a-ink.mp4", State.FAILED, 3.0, "/in/a.mp4: there is no such file.")
    text = reported(
        PLAN, ItemBegan("a-ink.mp4", 1, 1), late, replace(END, failed=(*FAILED, ("a-ink.mp4", "x"))), quiet=True
    )
    assert re.sub("this cannot.*", "...", text).splitlines() == [
        "cannot be painted: b.mp4 (2 paintings): ...",
        "failed: a.mp4: there is no such file.",
    ]
    assert reported(replace(PLAN, failed=()), DONE, replace(END, failed=()), quiet=True) == ""


def test_where_the_plan_was_interrupted_it_is_said_at_the_end() -> None:
    assert "this cannot be read" in reported(replace(END, left=2))
    assert "for the reasons above" not in reported(END)


@pytest.mark.parametrize(
    ("plan", "events", "end", "first", "last"),
    [
        ((3, 3, 0), 3, (3, 0), "3 of 3 to paint;", "3 painted, in 9 s"),
        ((3, 0, 3), 0, (3, 0), "nothing to paint, 3 finished already\n", "nothing painted, 3 were finished before, in"),
        ((3, 2, 1), 2, (3, 0), "2 of 3 to paint, 1 finished already;", "2 painted, 1 was finished before, in 9 s"),
        ((3, 2, 1), 1, (2, 1), "2 of 3", "1 painted, 1 was finished before, 1 not finished, in 9 s"),
        ((3, 0, 1), 0, (1, 2), "0 of 3 to paint, 1 finished", "nothing painted, 1 was finished before, 2 not finished"),
    ],
)
def test_what_this_run_has_painted_is_told_from_what_there_was(
    plan: Sequence[int], events: int, end: Sequence[int], first: str, last: str
) -> None:
    items, paint, finished = plan
    begins = replace(PLAN, items=items, paint=paint, finished=finished, failed=())
    text = reported(begins, *[DONE] * events, BatchEnded(Path("out"), end[0], (), end[1], 9.0))
    assert f"out: {first}" in text
    assert f"out: {last}" in text


def test_that_fail_fast_has_stopped_it_is_said() -> None:
    stopped = replace(END, left=1)
    assert "Stopped at the first failure: without --fail-fast" in reported(PLAN, stopped, fail_fast=True)
    assert "Nothing is begun" in reported(replace(PLAN, paint=0), fail_fast=True)
    assert "fail-fast" not in reported(PLAN, stopped) + reported(PLAN, END, fail_fast=True)


def test_names_are_written_out_in_every_line() -> None:
    row = replace(ROW, name=HOSTILE)
    began, ended = ItemBegan(HOSTILE, 1, 1), replace(DONE, name=HOSTILE)
    for terminal in (False, True):
        text = reported(
            Checking(f"Looking at {HOSTILE}", 0, 1), replace(PLAN, rows=(row,), failed=((HOSTILE, "x"),)), began,
            ItemEvent(HOSTILE, Started("a", (), 1, 1, 4, 2, 1.0, 1.0, "n", "cpu")), ended,
            replace(END, folder=Path(HOSTILE)), terminal=terminal,
        )  # fmt: skip
        assert "[31m\x9b" not in text
        assert "two\nlines" not in text
        assert f"{WRITTEN}: done in" in text


def test_beside_a_bar_there_is_room_for_the_echo_of_control_c() -> None:
    """Else the line that it begins would not be cleared away with the bar."""
    name = "a-very-long-name-of-a-painting-that-takes-its-room.mp4"
    half = ItemEvent(name, Started("a", (), 1, 1, 4, 2, 1.0, 1.0, "n", "cpu"))
    plan = replace(PLAN, rows=(replace(ROW, name=name),))
    for width in (40, 60, 80, 120):
        text = reported(plan, ItemBegan(name, 1, 1), half, width=width, terminal=True)
        bars = [line for line in re.split("[\r\n]", re.sub(r"\x1b\[[\d?]*[a-zA-Z]", "", text)) if " %" in line]
        assert any("…" in line for line in bars)
        assert all(cell_len(line) <= width - ECHO for line in bars)


def test_the_plan_ends_the_bar_of_the_looking() -> None:
    """What is printed after it, on stdout, would stand behind the bar."""
    text = reported(Checking("Looking at a.mp4", 0, 1), PLAN, terminal=True)
    assert text.index("\x1b[?25h") < text.index("to paint")
    assert "\x1b[?25l" not in text[text.index("to paint") :]


# ---- the commands


@pytest.fixture(scope="module")
def far(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a painting, and the batch it is of; one input is broken."""
    one = batch_trial(tmp_path_factory.mktemp("far"))
    paint_picture(one.inputs / FAR)
    (one.inputs / "漢字.mp4").write_bytes(b"")
    (one.inputs / HOSTILE).write_bytes(b"")
    assert one.command().returncode == 3
    return one.root


@pytest.mark.parametrize(
    ("encoding", "commands"), [("ascii", ("status", "replay", "image")), ("cp1252", ("status", "batch"))]
)
def test_no_command_dies_of_what_it_prints(far: Path, encoding: str, commands: Sequence[str]) -> None:
    (painting,) = far.glob("out/漢字*.png")
    rest: dict[str, tuple[str | Path, ...]] = {
        "status": (far / "out",),
        "replay": (painting, "--show"),
        "batch": (far / "in", "-s", far / "ink.png", "-o", far / "漢", "--dry-run"),
        "image": (far / "in" / "漢字.mp4", "-s", far / "ink.png", "-o", far / "o.png"),
    }
    for command in commands:
        done = reelbrush(command, *rest[command], PYTHONIOENCODING=encoding)
        assert "Traceback" not in done.stderr, done.stderr
        assert "\\u6f22" in done.stdout + done.stderr
        if command == "status":
            assert "###" in done.stdout
            assert "\\u2588" not in done.stdout


def test_no_command_says_what_a_terminal_obeys(far: Path) -> None:
    for arguments in (
        ("status", far / "out"),
        ("batch", far / "in", "-s", far / "ink.png", "-o", far / "out", "--dry-run"),
        ("image", far / "in" / HOSTILE, "-s", far / "ink.png", "-o", far / "o.png"),
    ):
        done = reelbrush(*arguments)
        text = done.stdout + done.stderr
        assert "\x1b" not in text
        assert "\x9b" not in text
        assert r"\x1b[31m\x9b5n" in text


def test_a_quiet_batch_says_what_fails(far: Path) -> None:
    done = reelbrush("batch", far / "in", "-s", far / "ink.png", "-o", far / "out", "-q", "--dry-run")
    assert [line.split(":")[0] for line in done.stderr.splitlines()] == ["cannot be painted"]
    assert "the file is empty" in done.stderr


@pytest.mark.parametrize("command", ["batch", "video", "image"])
def test_a_file_that_looks_like_an_option(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    monkeypatch.chdir(tmp_path)
    paint_picture(tmp_path / "-x.png")
    rest = ("-s", "-x.png", "-o", "out")
    refused = reelbrush(command, "-x.png", *rest)
    assert refused.returncode == 2
    assert "write ./-x.png" in refused.stderr
    other = reelbrush(command, "-y.png", *rest)
    assert other.returncode == 2
    assert "No such option: -y" in other.stderr


def test_interrupted_while_a_step_is_measured_no_plan_is_told(tmp_path: Path) -> None:
    one = batch_trial(tmp_path)
    paint_picture(one.inputs / "a.png")
    reported: list[BatchEvent] = []

    def see(event: BatchEvent) -> None:
        reported.append(event)
        if isinstance(event, Checking) and event.what.startswith("Measuring"):
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        one.here(on_event=see)
    assert [type(event).__name__ for event in reported] == ["Checking", "Checking", "BatchEnded"]
    ledger = Ledger(one.out)
    assert [run.outcome for run in ledger.runs()] == ["interrupted"]
    ledger.close()


def test_a_report_is_there_from_the_plan_on(tmp_path: Path) -> None:
    one = batch_trial(tmp_path)
    paint_picture(one.inputs / "a.png")
    pages: dict[str, str] = {}

    def see(event: BatchEvent) -> None:
        path = one.out / "report.html"
        pages[type(event).__name__] = path.read_text(encoding="utf-8") if path.exists() else ""

    one.here(on_event=see)
    assert pages["Checking"] == ""
    assert "0 of 1 painted" in pages["Planned"]
    assert "look again" in pages["ItemBegan"]
    assert "One painting, finished" in pages["BatchEnded"]
    assert "look again" not in pages["BatchEnded"]


def test_the_status_of_a_batch_on_a_disk_that_cannot_be_written(tmp_path: Path) -> None:
    from batches import mounted, remounted_for_reading, unmounted

    place = tmp_path / "disk"
    mounted(place, 2000)
    try:
        ledger = planned(place, ["a.mp4"])
        finish(ledger, "a.mp4", thumbnails=())
        ledger.close()
        remounted_for_reading(place)
        done = reelbrush("status", place)
        assert (done.returncode, done.stderr) == (0, "")
        assert "1 done" in done.stdout
    finally:
        unmounted(place)
