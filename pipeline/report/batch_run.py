"""`reelbrush batch`: what the command line asks for, planned, painted and shown."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from pipeline.batch.events import BatchEnded, BatchEvent, ItemBegan, ItemEnded, LeftOut, OnBatchEvent, Planned
from pipeline.batch.jobs import BatchRun
from pipeline.batch.ledger import Ledger
from pipeline.batch.plan.batch import Batch, plan_batch, plan_job_file
from pipeline.batch.plan.inputs import left_out_text
from pipeline.errors import ReelbrushError, UsageError
from pipeline.report.html_report import PageCache, write_report
from pipeline.report.status import STALE_HERE
from pipeline.signals import defer_signals

if TYPE_CHECKING:
    from pipeline.batch.run_context import Outcome
    from pipeline.batch.worker_pool import WorkerPool

REPORT = "report.html"
EVERY = 30.0
"""Seconds after which the report is written again although no painting has begun or ended."""
SPARE = 100
"""How many times as long as writing it took nothing is written, so that it costs a hundredth of the time at most."""


def plan(run: BatchRun) -> Batch:
    """Every painting with its name.

    :raises UsageError, SettingsError: with all that is wrong, a line each.
    """
    if run.run_options.overwrite and run.run_options.keep_old:
        raise UsageError(
            "--overwrite paints anew what has changed since it was finished, and --keep-old leaves it as it is. Give "
            "one of them."
        )
    job_files = [Path(text) for text in run.inputs if text.lower().endswith(".toml")]
    if job_files:
        return _of_job_file(run, job_files)
    if run.folder is None:
        raise UsageError("Say where the paintings go: -o FOLDER.")
    more = {} if run.name is None else {"name": run.name}
    return plan_batch(
        run.inputs,
        run.styles,
        run.folder,
        pair=run.pair,
        sequences=run.sequences,
        options=run.options,
        **more,
    )


def _of_job_file(run: BatchRun, files: Sequence[Path]) -> Batch:
    if len(run.inputs) > 1:
        raise UsageError("A job file stands for a whole batch. Name it alone, or list its inputs in one file.")
    beside = ["--style"] if run.styles else []
    beside += [word for word, said in (("--name", run.name), ("--pair", run.pair)) if said]
    beside += ["--sequences"] if run.sequences else []
    given = {name: value for name, value in (run.options or {}).items() if value not in (None, ())}
    beside += [f"--{name.replace('_', '-')}" for name in given]
    if beside:
        raise UsageError(f"With a job file, {', '.join(beside)} has to stand in the file: {files[0]}.")
    return plan_job_file(files[0], run.folder)


def paint_batch(batch_run: BatchRun, on_event: OnBatchEvent) -> Outcome:
    """Paint the batch, or only plan it.

    :raises ReelbrushError: nothing can be painted at all. What single paintings fail with is told, and in the ledger.
    """
    # A name that was mistyped is told before torch is imported.
    batch = plan(batch_run)
    left_out = LeftOut(batch.left_out, left_out_text(batch.left_out)) if batch.left_out else None
    with defer_signals():
        from pipeline.batch.driver import plan_only, run_batch
    if batch_run.dry_run:
        if left_out is not None:
            on_event(left_out)
        # A cluster would have to see the folder, and none is made.
        return plan_only(batch.folder, batch.items, _here(batch_run), batch_run.run_options, on_event)
    with ReportWriter(batch.folder, on_event) as reported:
        if left_out is not None:
            reported(left_out)
        if batch_run.cluster is None:
            return run_batch(batch.folder, batch.items, _here(batch_run), batch_run.run_options, reported)
        with closing(_there(batch_run, batch_run.cluster, batch.folder, on_event)) as pool:
            # The device is that of the workers; this machine only looks at what there is.
            return run_batch(batch.folder, batch.items, pool, replace(batch_run.run_options, device="auto"), reported)


def _here(batch_run: BatchRun) -> WorkerPool:
    from pipeline.batch.devices import local_devices
    from pipeline.batch.worker_pool import LocalWorkerPool

    return LocalWorkerPool(local_devices(batch_run.workers, batch_run.run_options.device, batch_run.threads))


def _there(batch_run: BatchRun, address: str, folder: Path, on_event: OnBatchEvent) -> WorkerPool:
    if batch_run.workers > 1:
        raise UsageError("A cluster has the workers that it has; leave out --workers.")
    from pipeline.batch.cluster import open_cluster

    return open_cluster(address, folder, batch_run.run_options.device, batch_run.threads, on_event)


class ReportWriter:
    """An `OnBatchEvent` that keeps the report of a batch up to date, and tells the events on.

    The page is written once everything is planned, after every painting, now and then while one is under way, and at
    the end, however that comes. What comes too soon after a writing is written with the first event that does not.
    """

    def __init__(self, folder: Path, on_event: OnBatchEvent) -> None:
        self._folder = folder
        self._on_event = on_event
        self._cache = PageCache()
        self._written: float | None = None
        """When, on a steady clock; None: there is nothing of this run yet."""
        self._took = 0.0
        """Seconds to write it again. Unlike the first time, what is finished by then is ready."""
        self._due = False
        """Whether something has happened that is not in it."""
        self._left_out = ""
        """Which files are not painted."""
        self._going = False
        """Whether it says that the run is at work."""

    def __enter__(self) -> ReportWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # A run that is broken off has told no end; a page that counts as running would wait for it for ever.
        if kind is not None and self._going:
            self._write(ended=True)

    def __call__(self, event: BatchEvent) -> None:
        if isinstance(event, LeftOut):
            self._left_out = event.text
        ended = isinstance(event, BatchEnded)
        if ended or isinstance(event, Planned):
            self._write(ended)
        elif self._written is not None:
            self._due = self._due or isinstance(event, (ItemBegan, ItemEnded))
            idle = time.monotonic() - self._written
            if idle >= SPARE * self._took and (self._due or idle >= EVERY):
                self._write(ended)
        self._on_event(event)

    def _write(self, ended: bool) -> None:
        began, first = time.monotonic(), self._written is None
        # A page that cannot be written is no reason to paint no more; the ledger has it all.
        with suppress(ReelbrushError), closing(Ledger(self._folder)) as ledger:
            now, patience = None if ended else time.time(), max(STALE_HERE, 2 * (EVERY + SPARE * self._took))
            write_report(ledger, self._folder / REPORT, now, self._cache, self._left_out, patience)
        self._written, self._due, self._going = time.monotonic(), False, not ended
        self._took = 0.0 if first else self._written - began
