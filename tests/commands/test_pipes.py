"""A pipe where a file is needed: one sentence at once, and nobody waits for ever."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from calling import FILES_READ, posix, refused, run

from tests.jobs import QUICK, ROOT, environment, paint_folder

pytestmark = posix
WAIT = 30


@pytest.fixture(autouse=True)
def at_once() -> Iterator[None]:
    def late(number: int, frame: object) -> None:
        raise AssertionError("it waits for somebody to write into the pipe")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(WAIT)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


PAINT = ("--device", "cpu", *QUICK[2:])


@pytest.mark.parametrize("command", FILES_READ)
def test_a_pipe_is_named_at_once(here: Path, command: str) -> None:
    os.mkfifo("pipe")
    paint_folder(here / "folder", 2)
    before = sorted(path.name for path in here.iterdir())
    words = command.replace("NAME", "pipe").split()
    result = run(*words, *(PAINT if words[0] in ("image", "video") else ()))
    assert result.exit_code in (1, 2)
    refused(result, result.exit_code, "pipe", "is a pipe", "Write")
    assert sorted(path.name for path in here.iterdir()) == before


def test_a_batch_goes_on_without_it(here: Path) -> None:
    """That a pipe among the inputs of a batch is no hang."""
    os.mkfifo("pipe.png")
    result = run("batch", "pipe.png", "-s", "s.png", "-o", "out")
    assert result.exit_code in (1, 2) and "pipe.png" in result.stderr


@pytest.mark.parametrize("name", ["/dev/zero", "/dev/null"])
def test_a_device_is_no_file(here: Path, name: str) -> None:
    refused(run("image", name, "-s", "s.png", "-o", "o.png", *PAINT), 2, f"{name}: this is a device")


def test_what_a_shell_makes_of_a_command_is_a_pipe(here: Path) -> None:
    given = (sys.executable, str(ROOT / "cli.py"), "image", "/dev/fd/0", "-s", "s.png", "-o", "o.png")
    picture = (here / "c.png").read_bytes()
    found = subprocess.run(given, input=picture, capture_output=True, env=environment(), timeout=WAIT, check=False)
    assert found.returncode != 0 and b"/dev/fd/0: this is a pipe" in found.stderr
    assert b"reelbrush image -" in found.stderr
