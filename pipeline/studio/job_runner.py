"""Runs a job as the command line would: the program itself as a child, a list of words, never a shell."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import IO, Any

from pipeline.clip.events import FrameDone, Started
from pipeline.errors import UsageError
from pipeline.report.progress import JobProgress
from pipeline.text import remaining_text

# By its own path: with -m, a cli.py in the folder that the studio was started in would be run.
PROGRAM = Path(__file__).parents[2] / "cli.py"
RUNNING = ("starting", "running", "stopping")
PATIENCE = 20.0
"""Seconds that a job has to end after it was asked to, before it is killed; it goes on where it was all the same."""


@dataclass(frozen=True)
class JobState:
    """Where a job stands."""

    state: str = ""
    """'' before there is one, then 'starting', 'running', 'stopping', and at last 'done', 'failed' or 'stopped'."""
    output: Path | None = None
    fraction: float = 0.0
    """How much of it is done, 0 to 1, as far as finished frames tell."""
    text: str = ""
    """What it is doing or why it ended, for people."""

    @property
    def runs(self) -> bool:
        return self.state in RUNNING


class JobRunner:
    """One job at a time. It belongs to the process, not to a page: a closed tab changes nothing."""

    def __init__(self, program: Path = PROGRAM) -> None:
        self._program = program
        self._lock = threading.Lock()
        self._state = JobState()
        self._process: subprocess.Popen[str] | None = None
        self._thread: threading.Thread | None = None
        self._progress = JobProgress()
        self._frames = self._done = 0

    def state(self) -> JobState:
        """Where it stands."""
        with self._lock:
            return self._state

    def start(self, words: Sequence[str], output: Path, folder: Path | None = None) -> None:
        """Start it.

        :param words: of the command, from 'reelbrush' on, without --json.
        :param folder: to start it in; None: that of this process.
        :raises UsageError: another one is at work.
        """
        with self._lock:
            if self._state.runs:
                raise UsageError("A job is at work already. Stop it first, or wait until it is done.")
            process = subprocess.Popen(
                [sys.executable, str(self._program), *words[1:], "--json"],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=folder, text=True,
                encoding="utf-8", errors="replace", bufsize=1,
                # Ctrl-C in the terminal is for the studio, which ends the job itself.
                start_new_session=True,
            )  # fmt: skip
            self._process, self._progress, self._frames = process, JobProgress(), 0
            self._state = JobState("starting", output, text="Starting")
            self._thread = threading.Thread(target=self._follow, args=(process,), name="job", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Ask it to end. What is finished is kept, and the same job goes on from there."""
        with self._lock:
            if self._process is not None and self._state.runs:
                self._state = replace(self._state, state="stopping", text="Stopping after the step under way")
                self._process.terminate()

    def wait(self) -> None:
        """Until it has ended, or at once if there is none."""
        if self._thread is not None:
            self._thread.join()

    def close(self) -> None:
        """End it, and wait until it has ended."""
        self.stop()
        process, thread = self._process, self._thread
        if process is not None:
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
        if thread is not None:
            thread.join(PATIENCE)

    def _follow(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None and process.stderr is not None
        said: list[str] = []
        talk = threading.Thread(target=self._listen, args=(process.stderr, said), daemon=True)
        talk.start()
        last: dict[str, Any] = {}
        for line in process.stdout:
            last = json.loads(line)
            self._take(last)
        talk.join()
        code = process.wait()
        process.stdout.close()
        process.stderr.close()
        with self._lock:
            stopping = self._state.state == "stopping"
            why = str(last.get("message") or (said[-1] if said else f"It ended with exit code {code}."))
            if code == 0:
                self._state = replace(self._state, state="done", fraction=1.0, text="Done")
            elif stopping or last.get("event") == "interrupted":
                self._state = replace(self._state, state="stopped", text="Stopped. 'Paint it all' goes on from there.")
            else:
                self._state = replace(self._state, state="failed", text=why)

    def _listen(self, pipe: IO[str], said: list[str]) -> None:
        """What it says in words: the last of it is how far it is, or why it ended."""
        for line in pipe:
            if text := line.strip():
                said[:] = [text]
                if "%" in text:
                    self._say(text, None)

    def _take(self, event: dict[str, Any]) -> None:
        name, now = event.get("event"), time.monotonic()
        if name == "stage":
            self._say(str(event["text"]), None)
        if name not in ("started", "frame_done"):
            return
        kind = Started if name == "started" else FrameDone
        known = {one.name for one in fields(kind)}
        made = kind(**{key: value for key, value in event.items() if key in known})
        self._progress.update(made, now)
        if isinstance(made, Started):
            self._frames, self._done = made.frames * made.passes, made.done
            self._say("Painting", self._progress.fraction)
        else:
            self._done += 1
            left = remaining_text(self._progress.left(now))
            count = f"{self._done} of {self._frames} frames" if self._frames > 1 else "Painted"
            self._say(f"{count}{left and f', {left}'}", self._progress.fraction)

    def _say(self, text: str, fraction: float | None) -> None:
        with self._lock:
            if self._state.state in ("starting", "running"):
                share = self._state.fraction if fraction is None else fraction
                self._state = replace(self._state, state="running", text=text, fraction=share)
