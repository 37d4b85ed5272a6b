"""A batch as the command line names it, and how a run goes about it.

Each field says in its metadata what the command line tells of it, see `pipeline.options`. Nothing here imports what
reads pictures, or torch: `reelbrush --help` needs these classes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.clip.jobs import DEVICE, OVERWRITE
from pipeline.errors import UsageError
from pipeline.options import INPUT, MAIN, OUTPUT, RUN, argument, option


@dataclass(frozen=True)
class RunOptions:
    """How a batch is to be gone about; what is to be painted is in its items."""

    overwrite: bool = field(default=False, metadata=OVERWRITE)
    keep_old: bool = field(
        default=False,
        metadata=option("Leave what is finished as it is, though inputs or settings have changed since.", OUTPUT),
    )
    retry_failed: bool = field(default=False, metadata=option("Try again what has failed before.", RUN))
    fail_fast: bool = field(default=False, metadata=option("Stop at the first failure.", RUN))
    wait: bool = field(
        default=False, metadata=option("Wait while another process is at work in the folder, and go on then.", RUN)
    )
    device: str = field(default="auto", metadata=DEVICE)
    finish_by: float | None = None
    """When everything has to be finished, as `time.time()` counts."""


def _folder(text: str) -> Path:
    # As from a shell variable that is not set. It would be the folder one is in.
    if not text.strip():
        raise UsageError("--output is empty. Say where the paintings go.")
    return Path(text)


@dataclass(frozen=True)
class BatchRun:
    """A batch as the command line names it."""

    inputs: Sequence[str] = field(
        metadata=argument(
            "Videos, GIFs, pictures, folders of them (searched to the bottom), patterns; or a job file, JOB.toml.",
            "INPUT",
        )
    )
    styles: Sequence[str] = field(
        default=(),
        metadata=option(
            "Style picture or a folder of them; every input is painted in each. A blend: a.jpg:0.7+b.jpg:0.3",
            MAIN,
            flags=("--style", "-s"),
            metavar="FILE",
        ),
    )
    folder: Path | None = field(
        default=None,
        metadata=option(
            "Where the paintings, the ledger and the report go.",
            MAIN,
            flags=("--output", "-o"),
            metavar="FOLDER",
            read=_folder,
        ),
    )
    name: str | None = field(
        default=None,
        metadata=option(
            "Names of the paintings, made of {stem}, {style}, {ext}, {preset}, {number} and {parent}.",
            OUTPUT,
            metavar="TEMPLATE",
            default="{stem}-{style}{ext}",
        ),
    )
    pair: bool = field(default=False, metadata=option("The first input in the first style, and so on.", INPUT))
    sequences: bool = field(
        default=False, metadata=option("A folder of nothing but numbered pictures is one clip.", INPUT)
    )
    options: Mapping[str, Any] | None = None
    """What is the same for all paintings: fields of `Options`, and settings."""
    workers: int = field(
        default=1,
        metadata=option("Worker processes: one for each GPU; on a CPU they share the cores.", RUN, low=1),
    )
    threads: int | None = field(
        default=None,
        metadata=option(
            "CPU threads of a worker. With as many, any number of workers paints the same frames.",
            RUN,
            low=1,
            default="the cores, shared out",
        ),
    )
    cluster: str | None = field(
        default=None,
        metadata=option(
            "Paint on the workers of this Dask scheduler, instead of on this machine (reelbrush[cluster]).",
            RUN,
            metavar="tcp://HOST:PORT",
        ),
    )
    run_options: RunOptions = field(default_factory=RunOptions)
    dry_run: bool = field(default=False, metadata=option("Look at everything, and only show the plan.", RUN))
