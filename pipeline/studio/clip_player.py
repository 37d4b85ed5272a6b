"""Paints a few seconds of a clip to be played: small and with few frames first, so that something moves soon."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pipeline.errors import ReelbrushError
from pipeline.studio.job_runner import JobRunner


@dataclass(frozen=True)
class Stage:
    """One time that the seconds are painted."""

    size: int
    """Longest side in pixels."""
    rate: int
    """Frames a second."""
    steps: int
    """At most."""
    carried_steps: int
    passes: int

    @property
    def words(self) -> list[str]:
        """As options, without those of the wish."""
        return [
            "--size", str(self.size), "--fps", str(self.rate), "--carried-steps", str(self.carried_steps),
            "--audio", "none", "--set", f"passes={self.passes}", "--overwrite", "--restart",
        ]  # fmt: skip


STAGES = (Stage(128, 6, 15, 5, 1), Stage(256, 12, 25, 5, 2))


@dataclass(frozen=True)
class Played:
    """What there is to play at the moment, and what is coming."""

    clip: Path | None = None
    """The best so far."""
    runs: bool = False
    text: str = ""
    """What is being done or why there is nothing, for people."""
    fraction: float = 0.0
    """How much of what is being painted is done, 0 to 1."""
    failed: bool = False


class ClipPlayer:
    """Plays the latest that was asked for; what was asked for before is dropped."""

    def __init__(self, runner: JobRunner | None = None) -> None:
        self.runner = runner or JobRunner()
        self._lock = threading.Lock()
        self._turn = threading.Lock()
        self._asked = 0
        self._played = Played()

    def state(self) -> Played:
        """Where it stands."""
        with self._lock:
            played = self._played
        job = self.runner.state()
        if not (played.runs and job.runs):
            return played
        return replace(played, text=f"{played.text}: {job.text}", fraction=job.fraction)

    def start(self, jobs: Sequence[tuple[str, list[str], Path]]) -> None:
        """Run jobs one after the other, each of which paints the same seconds better.

        :param jobs: what people are told of it, the words of its command, and where it writes.
        """
        asked = self._drop(Played(runs=True, text="Starting"))
        threading.Thread(target=self._run, args=(tuple(jobs), asked), name="play", daemon=True).start()

    def drop(self) -> None:
        """End what is at work; nothing is to be played any more."""
        self._drop(Played())

    def stop(self) -> None:
        """End what is at work; what there is to play stays."""
        self._drop(None)

    def close(self) -> None:
        """End everything, and wait for that."""
        self.stop()
        self.runner.close()

    def _drop(self, news: Played | None) -> int:
        with self._lock:
            self._asked += 1
            self._played = replace(self._played, runs=False) if news is None else news
            asked = self._asked
        self.runner.stop()
        return asked

    def _run(self, jobs: Sequence[tuple[str, list[str], Path]], asked: int) -> None:
        # What was dropped may still be ending.
        with self._turn:
            self.runner.wait()
            for place, (text, words, output) in enumerate(jobs):
                with self._lock:
                    if asked != self._asked:
                        return
                    self._played = replace(self._played, text=text)
                    try:
                        self.runner.start(words, output)
                    except (ReelbrushError, OSError) as error:
                        self._played = replace(self._played, runs=False, failed=True, text=str(error))
                        return
                self.runner.wait()
                job = self.runner.state()
                with self._lock:
                    if asked != self._asked:
                        return
                    if job.state != "done":
                        self._played = replace(self._played, runs=False, failed=True, text=job.text)
                        return
                    self._played = replace(self._played, clip=output, runs=place + 1 < len(jobs), text="")
