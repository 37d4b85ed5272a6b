"""Small batches for the tests that run `reelbrush batch` for real, and what must be true after whatever befell them."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from jobs import SHALLOW, paint_folder, paint_picture, pictures, reelbrush, start
from media_clips import images_of, write_clip

from pipeline.batch.events import BatchEvent
from pipeline.batch.jobs import BatchRun, RunOptions
from pipeline.batch.ledger import LEDGER, Ledger
from pipeline.batch.ledger_rows import ItemRow, RunRow, State
from pipeline.batch.run_context import Outcome
from pipeline.report.batch_run import paint_batch

MARK = "REELBRUSH_TESTED_IN"
"""Every process of a trial has it in its environment, its workers and their ffmpeg as well."""
FRAMES = 4
SETTINGS = {**SHALLOW, "levels": 1, "passes": 1, "steps": 20, "carried_steps": 20, "tolerance": 0}
"""A frame costs some tenths of a second: enough to be caught in the middle of it."""
PATIENCE = 120.0
"""Seconds to wait for something on a machine that is busy with other things."""


@dataclass(frozen=True)
class Trial:
    """A batch in a folder of its own, given as a command again and again."""

    root: Path
    clips: Sequence[str] = ("a",)
    """Names of the numbered folders that are painted, and of videos."""
    name: str = "{stem}{ext}"
    """Of the paintings: a folder with that of its clip, unless it ends otherwise."""
    place: Path | None = None
    """Where the paintings go; None: 'out'."""
    settings: tuple[tuple[str, Any], ...] = ()
    """Beside `SETTINGS`."""

    @property
    def out(self) -> Path:
        return self.place or self.root / "out"

    @property
    def style(self) -> Path:
        return self.root / "style.png"

    def source(self, clip: str = "a") -> Path:
        return self.root / "in" / clip

    def painting(self, clip: str = "a") -> Path:
        """Where a painting stands once it is finished."""
        return self.out / self.name.format(stem=Path(clip).stem, ext=Path(clip).suffix)

    def work(self, clip: str = "a") -> Path:
        """Its work folder."""
        painting = self.painting(clip)
        return painting.parent / f"{painting.name}.reelbrush"

    def kept(self, clip: str = "a") -> list[Path]:
        """Its finished frames, so far."""
        return sorted(self.work(clip).glob("frames/0*.png"))

    @property
    def all_settings(self) -> dict[str, Any]:
        return {**SETTINGS, **dict(self.settings)}

    @property
    def command(self) -> tuple[str, ...]:
        """What is given, each time the same."""
        sets = [text for key, value in self.all_settings.items() for text in ("--set", f"{key}={value}")]
        return (
            *("batch", str(self.root / "in"), "--sequences", "--style", str(self.style), "-o", str(self.out)),
            *("--name", self.name, "--device", "cpu", *sets),
        )

    def start(self, *more: str) -> subprocess.Popen[str]:
        """Give the command in a process of its own; the caller ends it."""
        return start(*self.command, *more, **{MARK: str(self.root)})

    def run(self, *more: str) -> subprocess.CompletedProcess[str]:
        """Give the command, and wait for its end."""
        return reelbrush(*self.command, *more, **{MARK: str(self.root)})

    def here(
        self, on_event: Callable[[BatchEvent], None] = lambda event: None, workers: int = 1, **run_options: Any
    ) -> Outcome:
        """What the command does, with its driver in this process, where every event can be acted upon; the workers are
        processes as ever."""
        batch_run = BatchRun(
            [str(self.root / "in")], [str(self.style)], self.out, self.name, sequences=True,
            options={**self.all_settings}, workers=workers,
            run_options=RunOptions(device="cpu", **run_options),
        )  # fmt: skip
        with pytest.MonkeyPatch.context() as patch:
            # One thread: the same sums in the same order.
            patch.setenv("OMP_NUM_THREADS", "1")
            patch.setenv(MARK, str(self.root))
            return paint_batch(batch_run, on_event)

    def row(self, clip: str = "a") -> ItemRow:
        """What the ledger says of a painting."""
        ledger = Ledger(self.out)
        try:
            return next(row for row in ledger.items() if row.item.source.name == clip)
        finally:
            ledger.close()

    def runs(self) -> list[RunRow]:
        """What the ledger says of every time the command was given."""
        ledger = Ledger(self.out)
        try:
            return ledger.runs()
        finally:
            ledger.close()


def trial(root: Path, frames: int = FRAMES, **how: Any) -> Trial:
    """A new trial with the same inputs as every other one of so many frames."""
    made = Trial(root, **how)
    (root / "in").mkdir(parents=True)
    for clip in made.clips:
        if made.source(clip).suffix:
            write_clip(made.source(clip), count=frames, width=48, height=32)
        else:
            paint_folder(made.source(clip), frames)
    paint_picture(made.style, seed=9)
    return made


# ---- processes


def processes(root: Path) -> dict[int, str]:
    """Those of a trial, with their command lines: drivers, workers, ffmpeg."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            marked = f"{MARK}={root}".encode() in (folder / "environ").read_bytes().split(b"\0")
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        # It belongs to the process that has started workers, and ends with it.
        if marked and "resource_tracker" not in command:
            found[int(folder.name)] = command
    return found


def workers_of(root: Path) -> list[int]:
    """The worker processes of a trial."""
    found = [pid for pid, command in processes(root).items() if "spawn_main" in command]
    # What a worker starts has the worker's command line until it has become another program.
    return [pid for pid in found if parent_of(pid) not in found]


def parent_of(pid: int) -> int | None:
    """The process that has started it; None if it has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) for line in lines if line.startswith("PPid:")), None)


def encoder_of(root: Path) -> int | None:
    """The ffmpeg process of a trial that encodes; None where there is none."""
    return next((pid for pid, command in processes(root).items() if ".part" in command and "ffmpeg" in command), None)


def wait_until(true: Callable[[], Any], what: str, seconds: float = PATIENCE) -> Any:
    """Look until there is something to see, and return that."""
    until = time.monotonic() + seconds
    while not (found := true()):
        assert time.monotonic() < until, f"this never came: {what}"
        time.sleep(0.03)
    return found


def wait_for_event(process: subprocess.Popen[str], event: str, **values: Any) -> dict[str, Any]:
    """Read the lines of --json up to that event."""
    assert process.stdout is not None
    for line in process.stdout:
        found = json.loads(line)
        if found["event"] == event and all(found.get(key) == value for key, value in values.items()):
            return dict(found)
    raise AssertionError(f"it ended without {event}: {process.communicate()[1]}")


def kill(process: subprocess.Popen[str]) -> None:
    """As `kill -9`."""
    process.send_signal(signal.SIGKILL)
    process.communicate()


# ---- what must be true


def assert_nothing_runs(one: Trial, seconds: float = 5.0) -> None:
    """Neither driver nor worker nor ffmpeg is left, or only for a moment."""
    until = time.monotonic() + seconds
    while left := processes(one.root):
        assert time.monotonic() < until, f"left over: {left}"
        time.sleep(0.02)


def assert_nothing_wrong(one: Trial, frames: int = FRAMES) -> None:
    """After a fault: what stands under a final name is whole, no process is left, and the ledger can be read."""
    assert_nothing_runs(one)
    for clip in one.clips:
        painting = one.painting(clip)
        if painting.exists():
            assert len(frames_of(painting)) == frames, f"{painting} is not whole"
    if (one.out / LEDGER).exists():
        with sqlite3.connect(one.out / LEDGER) as db:
            assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        db.close()


def assert_finished(one: Trial, like: Trial, frames: int = FRAMES) -> None:
    """All is painted, to the same pictures as the first clip of an undisturbed batch, and nothing else is left."""
    assert_nothing_wrong(one, frames)
    for clip in one.clips:
        assert one.row(clip).state is State.DONE
        found, wanted = frames_of(one.painting(clip)), frames_of(like.painting(like.clips[0]))
        assert len(found) == len(wanted) == frames
        for a, b in zip(found, wanted, strict=True):
            np.testing.assert_array_equal(a, b)
    assert strays(one) == []
    assert one.runs()[-1].outcome == "finished"


def strays(one: Trial) -> list[str]:
    """What is in the output folder and is neither a painting nor of the ledger nor the report."""
    paintings = {one.painting(clip) for clip in one.clips} | {one.out / "report.html"}
    return sorted(
        str(path)
        for path in one.out.iterdir()
        if path not in paintings and not path.name.startswith("ledger.") and path.name != "lost+found"
    )


def frames_of(painting: Path) -> list[np.ndarray]:
    """Every frame of a finished painting, decoded to its end."""
    return pictures(painting) if painting.is_dir() else images_of(painting)


# ---- small places


def mounted(place: Path, kilobytes: int) -> None:
    """Mount a file system that is soon full; skips the test where that is not allowed."""
    if os.name != "posix" or os.geteuid() != 0:
        pytest.skip("only root may mount the small file system that is to run full")
    place.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "reelbrush-test", str(place)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        pytest.skip(f"no file system can be mounted here: {done.stderr.strip()}")


def remounted_for_reading(place: Path) -> None:
    """Nothing can be written there any more."""
    subprocess.run(["mount", "-o", "remount,ro", str(place)], capture_output=True, check=True)


def unmounted(place: Path) -> None:
    """Take it away again."""
    subprocess.run(["umount", "--lazy", str(place)], capture_output=True, check=False)


def fill(place: Path) -> Path:
    """Write a file that takes all the room there is in a file system."""
    ballast = place / ".ballast"
    with ballast.open("wb", buffering=0) as stream:
        for size in (4096, 1):
            try:
                while True:
                    stream.write(bytes(size))
            except OSError:
                continue
    return ballast
