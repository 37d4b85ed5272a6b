"""The command as a process of its own: signals, streams, terminals."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import imageio_ffmpeg
import pytest
from calling import names, posix, size_of

from pipeline.signals import defer_signals
from tests.jobs import QUICK, ROOT, environment, events, start
from tests.media_clips import ffmpeg_children

# ---- signals and streams, in a process of their own


ENDLESS = (*QUICK, "--steps", "100000", "--set", "tolerance=0", "--json")


@contextlib.contextmanager
def ended(process: subprocess.Popen[str]) -> Iterator[subprocess.Popen[str]]:
    """A process that is gone when the test is, however that ends."""
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def after(process: subprocess.Popen[str], event: str) -> None:
    """Wait for a line of --json whose event, or whose text, is that."""
    assert process.stdout is not None
    for line in process.stdout:
        found = json.loads(line)
        if event in (found["event"], found.get("text")):
            return
    assert process.stderr is not None
    raise AssertionError(process.stderr.read())


def ends_well(process: subprocess.Popen[str], code: int) -> str:
    rest, said = process.communicate(timeout=60)
    assert process.returncode == code, said
    assert "Traceback" not in said
    assert "Interrupted." in said
    last = events(rest)[-1]
    assert (last["event"], last["exit_code"]) == ("interrupted", code)
    assert not ffmpeg_children()
    return said


@posix
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_picture_interrupted(here: Path, number: int, code: int) -> None:
    with ended(start("image", "c.png", "-s", "s.png", "-o", "o.png", "--story", "o.gif", *ENDLESS)) as process:
        after(process, "started")
        time.sleep(0.3)
        process.send_signal(number)
        ends_well(process, code)
    # The half-finished painting is kept, and gone on with by the same command.
    assert names(here) - {"o.png.half.reelbrush"} == {"c.png", "s.png"}


@posix
@pytest.mark.parametrize("stage", ["Reading v.mp4", "Encoding"])
def test_a_clip_interrupted_while_ffmpeg_works(here: Path, film: Path, stage: str) -> None:
    """An ffmpeg that hangs where it reads, or where it encodes. Ctrl-C reaches it and the command alike."""
    (here / "v.mp4").write_bytes(film.read_bytes())
    when = "*-encoders*|*pipe:0*) ;; *" if stage.startswith("Reading") else "*pipe:0*"
    slow = here / "slow-ffmpeg"
    slow.write_text(
        f'#!/bin/sh\ncase "$*" in {when}) exec sleep 60;; esac\nexec {imageio_ffmpeg.get_ffmpeg_exe()} "$@"\n'
    )
    slow.chmod(slow.stat().st_mode | stat.S_IXUSR)
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "cli.py"), "video", "v.mp4", "-s", "s.png", "-o", "o.mp4", *QUICK, "--json",
         "--carried-steps", "3", "--frames", "0:2"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        env=environment(IMAGEIO_FFMPEG_EXE=str(slow)),
    )  # fmt: skip
    with ended(process):
        after(process, stage)
        time.sleep(0.3)
        os.killpg(process.pid, signal.SIGINT)
        told = (
            "Nothing was painted." if stage.startswith("Reading") else "The same command goes on where it was (o.mp4."
        )
        assert told in ends_well(process, 130)
    assert names(here) - {"o.mp4.reelbrush"} == {"c.png", "s.png", "v.mp4", "slow-ffmpeg"}


def test_an_interrupt_waits_until_torch_is_imported() -> None:
    went_on = False
    with pytest.raises(KeyboardInterrupt), defer_signals():
        signal.raise_signal(signal.SIGINT)
        went_on = True
    assert went_on
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@posix
@pytest.mark.parametrize("ignored", [False, True])
def test_an_interrupt_while_the_command_is_imported_is_no_traceback(tmp_path: Path, ignored: bool) -> None:
    """Of the first thing that it imports. Where Ctrl-C is ignored, under `nohup` for one, it stays so."""
    (tmp_path / "typer.py").write_text("import signal\nsignal.raise_signal(signal.SIGINT)\nprint('goes on')\n")
    shell = "trap '' INT; " if ignored else ""
    done = subprocess.run(
        ["sh", "-c", f'{shell}exec "{sys.executable}" -m reelbrush --version'], check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])},
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    if ignored:
        assert done.stdout.startswith("goes on")
    else:
        assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, "", "")


@posix
def test_whoever_listens_may_go_away(here: Path) -> None:
    process = start("image", "c.png", "-s", "s.png", "-o", "o.png", *QUICK, "--json")
    assert process.stdout is not None and process.stderr is not None
    assert json.loads(process.stdout.readline())["event"] == "started"
    process.stdout.close()
    said = process.stderr.read()
    process.stderr.close()
    assert process.wait(timeout=60) == 1
    assert "Traceback" not in said and "Exception ignored" not in said
    assert names(here) == {"c.png", "s.png"}


@posix
def test_no_space_left(here: Path) -> None:
    """A limit on the size of files is what a full disk is to a process, and needs no disk of its own."""
    import resource

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (2048, 2048))

    for command, job in (("image", ()), ("video", ("--carried-steps", "3"))):
        result = subprocess.run(
            [sys.executable, str(ROOT / "cli.py"), command, "c.png", "-s", "s.png", *QUICK, *job,
             "-o", "o.png" if command == "image" else "o.mp4"],
            capture_output=True, text=True, env=environment(), preexec_fn=limited, timeout=60, check=False,
        )  # fmt: skip
        assert result.returncode == 1
        assert "the disk is full" in result.stderr and "Traceback" not in result.stderr
    assert names(here) - {"o.mp4.reelbrush"} == {"c.png", "s.png"}


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a stream that is always full")
def test_a_full_stdout_is_no_traceback(here: Path) -> None:
    with Path("/dev/full").open("w") as full:
        result = subprocess.run(
            [sys.executable, str(ROOT / "cli.py"), "image", "c.png", "-s", "s.png", "-o", "o.png", *QUICK, "--json"],
            stdout=full, stderr=subprocess.PIPE, text=True, env=environment(), timeout=60, check=False,
        )  # fmt: skip
    assert result.returncode == 1
    assert "Error: " in result.stderr and "Traceback" not in result.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a stream that is always full")
@pytest.mark.parametrize("command", ["presets", "image --help", "--version"])
def test_of_what_only_says_something_nothing_is_kept(command: str) -> None:
    with Path("/dev/full").open("w") as full:
        told = subprocess.run(
            [sys.executable, str(ROOT / "cli.py"), *command.split()],
            stdout=full, stderr=subprocess.PIPE, text=True, env=environment(), timeout=60, check=False,
        )  # fmt: skip
    assert told.returncode == 1
    assert told.stderr.startswith("Error: The disk is full: no room is left for what this command writes.")
    assert "kept" not in told.stderr and "Traceback" not in told.stderr


@posix
def test_a_locale_that_knows_no_umlauts(here: Path) -> None:
    (here / "c.png").rename(here / "ü 漢.png")
    result = subprocess.run(
        [sys.executable, str(ROOT / "cli.py"), "image", "ü 漢.png", "-s", "s.png", "-o", "ö.png", *QUICK, "--json"],
        capture_output=True, timeout=60, check=False,
        env=environment(LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0"),
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert size_of(here / "ö.png") == (48, 32)
    assert events(result.stdout.decode("ascii"))[-1]["event"] == "finished"


@pytest.mark.heavy
@posix
@pytest.mark.parametrize("extra", [{}, {"NO_COLOR": "1"}, {"TERM": "dumb"}], ids=["colour", "NO_COLOR", "dumb"])
def test_on_a_terminal(here: Path, extra: dict[str, str]) -> None:
    import pty

    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "cli.py"), "video", "[red].png", "-s", "s.png", "-o", "[blue].mp4", *QUICK,
         "--steps", "6" if extra else "400"] if (here / "c.png").rename(here / "[red].png") else [],
        stdout=subprocess.PIPE, stderr=theirs, env={"TERM": "xterm", **environment(COLUMNS="80", **extra)},
    )  # fmt: skip
    os.close(theirs)
    seen = b""
    with contextlib.suppress(OSError):  # the end of a terminal is an error on Linux
        while part := os.read(ours, 65536):
            seen += part
    os.close(ours)
    assert process.communicate(timeout=60)[0] == b""
    assert process.returncode == 0, seen
    text = seen.decode()
    assert "Reading [red].png" in text and "[blue].mp4" in text and "done in" in text
    colours = re.findall(r"\x1b\[(?:\d+;)*(?:3\d|9\d)(?:;\d+)*m", text)
    if not extra:
        assert "step " in text and "Encoding" in text and "%" in text
        assert colours and text.count("\x1b[?25h") >= text.count("\x1b[?25l"), "the cursor comes back"
    else:
        assert not colours
    if "TERM" in extra:
        assert "\x1b" not in text and "\nEncoding" in text
