"""Small jobs for the tests that run the whole program."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import forked
import numpy as np
from PIL import Image as Pillow
from tiny import picture
from typer.testing import CliRunner

import cli

ROOT = Path(__file__).resolve().parent.parent
SHALLOW: dict[str, Any] = {
    "content_layers": "relu2_1",
    "style_layers": "relu1_1,relu2_1",
    "statistic": "moments",
    "tv_weight": 3.0,
    "recolour": 1.0,
    "coarse_steps": 1.0,
    "precision": "float32",
}
"""Settings under which little of VGG-19 is used, so that a step costs milliseconds, in the same numbers on every CPU;
with the palette of the clip."""
SETS = tuple(text for name, value in SHALLOW.items() for text in ("--set", f"{name}={value}"))
"""The same on the command line."""
READ_AT_START = ("PYTHON", "GLIBC_", "LC_", "LANG", "OMP_")
"""How the variables begin that Python and its libraries read when they start."""
TABLE = "".join(f"{name} = {json.dumps(value)}\n" for name, value in SHALLOW.items())
"""The same in TOML."""
QUICK = ("--device", "cpu", *SETS, "--set", "levels=1", "--set", "passes=1", "--steps", "6")
"""Options that make a frame cost a fraction of a second."""
SMALL = {"device": "cpu", **SHALLOW, "levels": 1, "steps": 6, "carried_steps": 5, "passes": 1}
"""The same for the calls from Python."""


def paint_picture(path: Path, seed: int = 0, width: int = 48, height: int = 32) -> Path:
    """A colourful picture with soft shapes, different for every seed."""
    y, x = np.mgrid[0:height, 0:width] / max(width, height)
    waves = [np.sin((seed + 3 + channel) * (x + 0.3 * y * channel) * 5 + seed) for channel in range(3)]
    Pillow.fromarray((np.stack(waves, 2) * 100 + 128).astype(np.uint8)).save(path)
    return path


def paint_folder(path: Path, frames: int = 5) -> Path:
    """A numbered folder of pictures."""
    path.mkdir()
    for number in range(frames):
        paint_picture(path / f"frame_{number + 1:03d}.png", seed=number)
    return path


def environment(**extra: str) -> dict[str, str]:
    """One thread: the same sums in the same order."""
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")]),
        "OMP_NUM_THREADS": "1",
        "COLUMNS": "200",
        **extra,
    }


def reelbrush(*arguments: str | Path, **extra: str) -> subprocess.CompletedProcess[str]:
    """Run the command to its end, in a process of its own.

    :param extra: variables of its environment.
    """
    given = [str(argument) for argument in arguments]
    process = (start if any(name.startswith(READ_AT_START) for name in extra) else begin)(*given, **extra)
    out, err = process.communicate(timeout=240)
    assert process.returncode is not None
    return subprocess.CompletedProcess(given, process.returncode, out, err)


def invoke(*arguments: str | Path, columns: int = 200) -> Any:
    """Run the command in this process; a bug is raised here."""
    result = CliRunner().invoke(cli.app, list(map(str, arguments)), env={"COLUMNS": str(columns)})
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def start(*arguments: str | Path, **extra: str) -> subprocess.Popen[str]:
    """Start the command; the caller ends it."""
    return subprocess.Popen(
        [sys.executable, str(ROOT / "cli.py"), *map(str, arguments)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(**extra),
    )  # fmt: skip


def begin(*arguments: str | Path, **extra: str) -> forked.Forked | subprocess.Popen[str]:
    """Start the command, faster where that can be; only signals and its end are for the caller."""
    if not forked.AVAILABLE:
        return start(*arguments, **extra)
    return forked.Forked(forked.command, *map(str, arguments), environment=environment(), extra=extra)


def events(text: str) -> list[dict[str, Any]]:
    """The lines of --json."""
    return [json.loads(line) for line in text.splitlines()]


def pictures(folder: Path) -> list[np.ndarray]:
    """Every picture of a folder, in order."""
    return [np.array(Pillow.open(path)) for path in sorted(folder.glob("*.png"))]


def moving_folder(path: Path, frames: int, cut: int | None = None, hold: tuple[int, ...] = ()) -> Path:
    """A picture that pans by a pixel a frame; from frame `cut` on another one. Frames in `hold` repeat."""
    path.mkdir()
    x = 0
    for number in range(frames):
        x += number not in hold
        wide = picture(32, 96, seed=3)
        if cut is not None and number >= cut:
            wide = 255 - picture(32, 96, seed=11) // 3
        Pillow.fromarray(wide[:, x : x + 48]).save(path / f"{number}.png")
    return path


def wait_for(path: Path, seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not path.exists():
        assert time.monotonic() < until, f"{path} never came"
        time.sleep(0.005)


def killed(job: tuple[str | Path, ...], output: Path, seen: str) -> Path:
    """Start a job and kill it as soon as a file stands in its work folder. Returns that folder."""
    work = output.parent / f"{output.name}.reelbrush"
    process = begin("video", *job, "-o", output)
    wait_for(work / seen)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not output.exists()
    return work


def gone_on(job: tuple[str | Path, ...], output: Path) -> int:
    """Give the same command again, to its end. Returns how many frames it painted."""
    again = reelbrush("video", *job, "-o", output, "--json")
    assert again.returncode == 0, again.stderr
    return int(events(again.stdout)[-1]["painted"])


def assert_same(one: Path, other: Path, count: int) -> None:
    """Two folders hold so many pictures, equal to the last bit."""
    found = [pictures(one), pictures(other)]
    assert [len(images) for images in found] == [count, count]
    for a, b in zip(*found, strict=True):
        np.testing.assert_array_equal(a, b)


def assert_killed_is_whole(tmp_path: Path, job: tuple[str | Path, ...], until: str, least: int, frames: int) -> None:
    """A job killed once `until` is there, with `least` frames of its last pass finished, and given again goes on where
    it was, to the same pictures as one that was left alone.

    :param frames: of the clip.
    """
    assert reelbrush("video", *job, "-o", tmp_path / "whole").returncode == 0
    work = killed(job, tmp_path / "out", until)
    finished = len(list(work.glob("frames/0*.png")))
    assert least <= finished < frames, "the kill came in the middle"
    assert gone_on(job, tmp_path / "out") == frames - finished
    assert_same(tmp_path / "whole", tmp_path / "out", frames)
