"""Batches of whatever files a test makes, for the tests of what comes in and of what comes out.

Those of what may befall a batch on its way are in `batches`.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from batches import MARK, processes
from jobs import SHALLOW, paint_picture, reelbrush
from media_clips import images_of, write_clip
from tiny import picture

from pipeline.batch.events import BatchEvent, ItemBegan, ItemEnded, Planned
from pipeline.batch.jobs import BatchRun, RunOptions
from pipeline.batch.ledger import Ledger
from pipeline.batch.ledger_rows import ItemRow
from pipeline.batch.run_context import Outcome
from pipeline.report.batch_run import paint_batch

SETTINGS = {**SHALLOW, "levels": 1, "passes": 1, "steps": 3, "carried_steps": 2}
QUICK = (
    *("--device", "cpu"),
    *(text for name, value in SETTINGS.items() for text in ("--set", f"{name}={value}")),
)
"""The same on the command line."""


def moving_clip(path: Path, frames: int = 4, seed: int = 3, cuts: Sequence[int] = (), **how: Any) -> Path:
    """A video that pans by a pixel a frame, 48x32; other scenes begin at `cuts`."""
    images = []
    for number in range(frames):
        scene = sum(cut <= number for cut in cuts)
        wide = picture(32, 48 + frames, seed=seed + scene)
        images.append((wide // 3 if scene % 2 else wide)[:, number : number + 48].copy())
    write_clip(path, images, count=frames, width=48, height=32, **how)
    return path


@dataclass(frozen=True)
class BatchResult:
    """What came of a batch whose driver ran in the process of the test."""

    outcome: Outcome
    events: Sequence[BatchEvent]

    @property
    def planned(self) -> Planned:
        return next(event for event in self.events if isinstance(event, Planned))

    @property
    def begun(self) -> list[str]:
        """Names of the paintings that were begun, in order."""
        return [event.name for event in self.events if isinstance(event, ItemBegan)]

    @property
    def errors(self) -> dict[str, str]:
        """Why paintings failed that had been begun."""
        ended = [event for event in self.events if isinstance(event, ItemEnded)]
        return {event.name: event.error for event in ended if event.error is not None}


@dataclass(frozen=True)
class BatchTrial:
    """A folder with inputs and a style, and the batch that paints them."""

    root: Path
    options: Mapping[str, Any] = field(default_factory=dict)
    """Beside `SETTINGS`."""
    style_name: str = "ink.png"

    @property
    def inputs(self) -> Path:
        return self.root / "in"

    @property
    def style(self) -> Path:
        return self.root / self.style_name

    @property
    def out(self) -> Path:
        return self.root / "out"

    def command(self, *more: str | Path) -> subprocess.CompletedProcess[str]:
        """Give the command for the folder of inputs, and wait for its end."""
        return self.say(self.inputs, "--style", self.style, "-o", self.out, *QUICK, *more)

    def say(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        """Give any `reelbrush batch`, and wait for its end. No traceback may ever be seen, and no process be left."""
        done = reelbrush("batch", *arguments, **{MARK: str(self.root)})
        assert "Traceback" not in done.stderr, done.stderr
        assert processes(self.root) == {}
        return done

    def here(
        self,
        *inputs: Path,
        on_event: Callable[[BatchEvent], None] = lambda event: None,
        workers: int = 1,
        dry_run: bool = False,
        run_options: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> BatchResult:
        """The same with its driver in this process; the workers are processes as ever."""
        events: list[BatchEvent] = []

        def see(event: BatchEvent) -> None:
            events.append(event)
            on_event(event)

        batch_run = BatchRun(
            [str(path) for path in inputs or (self.inputs,)],
            [] if inputs and inputs[0].suffix == ".toml" else [str(self.style)],
            self.out,
            options=None if inputs and inputs[0].suffix == ".toml" else {**SETTINGS, **self.options, **options},
            workers=workers,
            threads=1,
            run_options=RunOptions(device="cpu", **(run_options or {})),
            dry_run=dry_run,
        )
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("OMP_NUM_THREADS", "1")
            patch.setenv(MARK, str(self.root))
            return BatchResult(paint_batch(batch_run, see), events)

    def rows(self) -> dict[str, ItemRow]:
        """What the ledger says, by name."""
        ledger = Ledger(self.out)
        try:
            return {row.name: row for row in ledger.items()}
        finally:
            ledger.close()

    def left(self) -> list[str]:
        """What files are in the output folder, beside the ledger and the report."""
        return sorted(
            path.relative_to(self.out).as_posix()
            for path in self.out.rglob("*")
            if not path.name.startswith("ledger.") and path.name != "report.html" and not path.is_dir()
        )


def batch_trial(root: Path, style_name: str = "ink.png", **options: Any) -> BatchTrial:
    """A new one, without inputs."""
    made = BatchTrial(root, options, style_name)
    made.inputs.mkdir(parents=True)
    paint_picture(made.style, seed=7)
    return made


def bytes_of(folder: Path, *names: str) -> dict[str, bytes]:
    """The bytes of results by name."""
    return {name: (folder / name).read_bytes() for name in names}


def frames_in(path: Path) -> int:
    """Frames of a result that can really be decoded."""
    return len(images_of(path))
