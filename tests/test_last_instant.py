"""Jobs killed at random instants, again and again, with bits flipped in what they have kept: the same command comes to
the same results, and at no moment does anything else stand under a final name.

`REELBRUSH_KILLS=40` kills each kind of job so often, and `REELBRUSH_SEED` begins elsewhere; what is printed repeats it.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import forked
import pytest
from batches import MARK, processes
from jobs import SETS, begin, environment, moving_folder, paint_picture, start
from media_clips import write_clip
from tiny import picture

from pipeline.clip import unfinished_picture

KILLS = int(os.environ.get("REELBRUSH_KILLS", "13"))
"""Of each kind of job; together about forty."""
SEED = os.environ.get("REELBRUSH_SEED", "2026")
QUICK = ("--device", "cpu", *SETS, "--set", "levels=1", "--steps", "2")
PATIENCE = 60.0
"""Seconds within which whatever a killed job has started has to end."""

pytestmark = [pytest.mark.heavy, pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")]


@dataclass(frozen=True)
class Job:
    """A command, and what it leaves in its output folder."""

    command: Callable[[Path], tuple[str | Path, ...]]
    """Of the folder that everything goes to."""
    workers: bool = False
    """Whether other processes paint."""
    kept: bool = False
    """Whether a picture that is half-painted is kept after every step, and not once a minute."""

    def results(self, folder: Path) -> dict[str, bytes]:
        """Everything that stands under a final name, but the report and the account of a batch, which change."""
        return {
            str(path.relative_to(folder)): path.read_bytes()
            for path in sorted(folder.rglob("*"))
            if path.is_file()
            and not any(part.startswith(".") for part in path.relative_to(folder).parts)
            and not _is_kept_for_later(path.relative_to(folder))
        }

    def begin(self, folder: Path) -> subprocess.Popen[str]:
        given = self.command(folder)
        if self.workers:
            return start(*given, **{MARK: str(folder)})
        if self.kept:
            arguments = [str(one) for one in given]
            return forked.Forked(command_that_keeps, *arguments, environment=environment())  # type: ignore[return-value]
        return begin(*given)  # type: ignore[return-value]


def _is_kept_for_later(path: Path) -> bool:
    work = any(part.endswith(".reelbrush") and part != "p.png.reelbrush" for part in path.parts)
    return work or path.name.startswith(("ledger.", "report.html"))


def command_that_keeps(*arguments: str) -> None:
    """The command line, which keeps a picture after every step."""
    unfinished_picture.EVERY = unfinished_picture.SHARE = -1.0
    forked.command(*arguments)


def _half_picture(inputs: Path) -> Job:
    job = _picture(inputs)
    return Job(job.command, kept=forked.AVAILABLE)


def _clip(inputs: Path) -> Job:
    source = moving_folder(inputs / "in", 4)
    style = paint_picture(inputs / "style.png", seed=9)
    how = ("--passes", "2", "--carried-steps", "2", "--fps", "25")
    return Job(
        lambda out: ("video", source, "-s", style, *QUICK, *how, "-o", out / "o.mp4", "--gif", out / "o.gif"),
    )


def _picture(inputs: Path) -> Job:
    content, style = paint_picture(inputs / "c.png", seed=2), paint_picture(inputs / "style.png", seed=9)
    how = ("--steps", "30", "--keep", "--story-frames", "8", "--story-size", "32")
    return Job(
        lambda out: ("image", content, "-s", style, *QUICK, *how, "-o", out / "p.png", "--story", out / "p.gif"),
    )


def _batch(inputs: Path) -> Job:
    (inputs / "in").mkdir()
    style = paint_picture(inputs / "style.png", seed=9)
    wide = picture(32, 54, seed=3)
    write_clip(inputs / "in" / "a.mp4", [wide[:, k : k + 48].copy() for k in range(4)], count=4, width=48, height=32)
    paint_picture(inputs / "in" / "b.png", seed=4)
    how = ("--passes", "2", "--carried-steps", "2", "--gif")
    return Job(lambda out: ("batch", inputs / "in", "-s", style, *QUICK, *how, "-o", out), workers=True)


def _kill(job: Job, process: subprocess.Popen[str], folder: Path, everything: bool) -> None:
    """End a job as a crash of it does, or as one of the machine."""
    process.send_signal(signal.SIGKILL)
    if job.workers:
        for pid in processes(folder) if everything else ():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        until = time.monotonic() + PATIENCE
        while processes(folder):
            assert time.monotonic() < until, f"these go on: {processes(folder)}"
            time.sleep(0.05)
    with suppress(FileNotFoundError):  # killed before it could open its streams
        process.communicate()


def _flip_a_bit(chance: random.Random, folder: Path) -> str:
    """Change a bit of a file in a work folder; says which, or '' where there is none."""
    kept = [path for path in sorted(folder.rglob("*.reelbrush/**/*")) if path.is_file() and path.stat().st_size]
    kept = [path for path in kept if _is_kept_for_later(path.relative_to(folder))]
    if not kept:
        return ""
    path = chance.choice(kept)
    data = bytearray(path.read_bytes())
    at = chance.randrange(8 * len(data))
    data[at // 8] ^= 1 << at % 8
    path.write_bytes(data)
    return f"bit {at} of {path.relative_to(folder)}"


def _stamps(folder: Path) -> set[tuple[str, int]]:
    found = set()
    for path in folder.rglob("*"):
        with suppress(OSError):
            found.add((str(path), path.stat().st_mtime_ns))
    return found


def _seconds_until_it_writes(process: subprocess.Popen[str], folder: Path) -> float:
    """Wait for the first change of a folder, or the end."""
    began, before = time.monotonic(), _stamps(folder)
    while process.returncode is None and _stamps(folder) == before:
        if isinstance(process, subprocess.Popen):
            process.poll()
        time.sleep(0.002)
    return time.monotonic() - began


@pytest.mark.parametrize("kind", [_clip, _picture, _half_picture, _batch])
def test_killed_at_any_instant_the_same_command_comes_to_the_same_results(
    tmp_path: Path, kind: Callable[[Path], Job]
) -> None:
    chance = random.Random(f"{SEED} {kind.__name__}")
    (tmp_path / "inputs").mkdir()
    job = kind(tmp_path / "inputs")
    wanted, life, idle = {}, 0.0, 0.0
    for name in ("first", "whole"):  # the first one pays for what is started once
        (tmp_path / name).mkdir()
        began = time.monotonic()
        process = job.begin(tmp_path / name)
        idle = _seconds_until_it_writes(process, tmp_path / name)
        process.communicate()
        assert process.returncode == 0
        life, before, wanted = time.monotonic() - began, wanted, job.results(tmp_path / name)
    assert len(wanted) >= 2 and wanted == before
    due = False  # a flip, after every third kill: or the next one that leaves something to flip
    folder = tmp_path / "cut"
    folder.mkdir()
    kills, history = 0, [f"{kind.__name__}, seed {SEED}, a life of {life:.2f} s, the first {idle:.2f} s idle"]
    while kills < KILLS or history[-1] != "finished":
        process = job.begin(folder)
        at = None
        if kills < KILLS:
            # Half of the time while it writes, which is a small part of the life of a small job.
            writes = chance.random() < 0.5
            at = chance.uniform(0, life - idle if writes else life)
            if writes:
                _seconds_until_it_writes(process, folder)
        try:
            error = process.communicate(timeout=at)[1]
        except subprocess.TimeoutExpired:
            kills += 1
            _kill(job, process, folder, everything=chance.random() < 0.5)
            history.append(f"killed after {at:.3f} s")
            found = job.results(folder)
            wrong = [name for name, data in found.items() if wanted.get(name) != data]
            assert not wrong, (wrong, history)
            due = due or kills % 3 == 0
            if due and (flipped := _flip_a_bit(chance, folder)):
                history.append(f"flipped {flipped}")
                due = False
            continue
        assert process.returncode == 0 and "Traceback" not in error, "\n".join((*history, error))
        found = job.results(folder)
        assert found.keys() == wanted.keys(), (found.keys() ^ wanted.keys(), history)
        wrong = [name for name, data in found.items() if wanted[name] != data]
        assert not wrong, (wrong, history)
        left = [str(path) for path in folder.rglob(".*")]
        assert not left, (left, history)
        history.append("finished")
        shutil.rmtree(folder)
        folder.mkdir()
    print("\n".join(history))
