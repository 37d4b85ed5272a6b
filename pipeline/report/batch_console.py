"""Draws a batch in the terminal: a bar for all and one for each painting under way; plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Sequence
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from pipeline.batch.events import BatchEnded, BatchEvent, Checking, ItemBegan, ItemEnded, ItemEvent, Planned
from pipeline.batch.rows import State
from pipeline.batch.task import Notice
from pipeline.clip.events import FrameDone, Repainted, Stage, Started, Stepped
from pipeline.report.batch_progress import Headway, end_line, plan_line
from pipeline.report.batch_run import REPORT
from pipeline.report.console import LINE_EVERY
from pipeline.report.failures import RESUME_HINT, Failure, causes
from pipeline.report.lines import Bars, print_text
from pipeline.text import duration_text, sanitize_line

LEAST_NAME = 16
"""Characters of a name that are seen beside its bar, however narrow the terminal is."""


class BatchReporter:
    """An `OnBatchEvent` that shows a batch. A quiet one says why paintings fail, and nothing else."""

    def __init__(self, console: Console, quiet: bool = False, fail_fast: bool = False) -> None:
        """
        :param fail_fast: whether the batch stops at the first failure, and so has to say that this is why it did.
        """
        self._console = console
        self._quiet = quiet
        self._fail_fast = fail_fast
        self._live = console.is_terminal and not console.is_dumb_terminal and not quiet
        self._headway = Headway()
        self._progress: Progress | None = None
        self._whole: TaskID | None = None
        self._bars: dict[str, TaskID] = {}
        self._sources: dict[str, str] = {}
        self._said: set[str] = set()
        """Paintings of which was said why they fail."""
        self._painted = 0
        self._last_line = 0.0

    def __enter__(self) -> BatchReporter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._progress is not None:
            self._progress.stop()
            self._progress = None

    def __call__(self, event: BatchEvent) -> None:
        now = time.monotonic()
        self._headway.see(event, now)
        if isinstance(event, Checking):
            self._checking(event, now)
        elif isinstance(event, Planned):
            self._planned(event)
        elif isinstance(event, ItemBegan):
            self._line(f"[{event.number}/{event.of}] {sanitize_line(event.name)}")
            if self._live:
                self._show_whole("all", self._headway.fraction)
                self._bars[event.name] = self._bar().add_task(self._beside(event.name), total=1.0, left="")
        elif isinstance(event, ItemEvent):
            self._told(event, now)
        elif isinstance(event, ItemEnded):
            self._ended(event)
        elif isinstance(event, Notice):
            self._line(event.text)
        elif isinstance(event, BatchEnded):
            self.__exit__(None, None, None)
            self._batch_ended(event)

    def _checking(self, event: Checking, now: float) -> None:
        if self._live:
            self._show_whole(self._beside(event.what, 2), event.done / event.of)
        elif now - self._last_line >= LINE_EVERY:
            self._last_line = now
            self._line(f"{sanitize_line(event.what)} ({event.done + 1} of {event.of})")

    def _beside(self, text: str, parts: int = 3) -> str:
        """A text that takes a third of the line at most, or so: its middle may be left out."""
        text, most = sanitize_line(text), max(LEAST_NAME, self._console.width // parts)
        return text if len(text) <= most else f"{text[: most // 2 - 1]}…{text[-(most - most // 2) :]}"

    def _bar(self) -> Progress:
        if self._progress is None:
            # What a column shows may hold a file's name, which is no markup.
            self._progress = Bars(
                TextColumn("{task.description}", markup=False), BarColumn(bar_width=None),
                TextColumn("{task.percentage:>3.0f} %"), TextColumn("{task.fields[left]}"),
                console=self._console, transient=True, refresh_per_second=4,
            )  # fmt: skip
            self._whole = self._progress.add_task("", total=1.0, left="")
            self._progress.start()
        return self._progress

    def _planned(self, event: Planned) -> None:
        self.__exit__(None, None, None)
        self._sources = {row.name: row.source for row in event.rows}
        self._line(plan_line(event))
        self._failed("cannot be painted", event.failed)
        if event.room > event.free:
            self._line("note: this may be more than there is room for on the disk")
        if event.failed and self._fail_fast and not event.paint:
            self._line("Nothing is begun, because of --fail-fast.")

    def _told(self, told: ItemEvent, now: float) -> None:
        event = told.event
        if isinstance(event, Repainted):
            self._line(f"{sanitize_line(told.name)}: frame {event.frame + 1} came out wrong and was painted anew")
        if isinstance(event, FrameDone) and event.stopped == "unstable" and event.in_pass == 1:
            self._line(
                f"{sanitize_line(told.name)}: frame {event.frame + 1} did not settle; its last sound state was kept"
            )
        if isinstance(event, (Stage, Started, Stepped, FrameDone)):
            self._show(told.name, event.text if isinstance(event, Stage) else None, now)

    def _show(self, name: str, stage: str | None, now: float) -> None:
        left = self._headway.left(now)
        text = "" if left is None else f"about {duration_text(max(1.0, left))} left"
        if self._progress is not None:
            if name in self._bars:
                self._progress.update(
                    self._bars[name], completed=self._headway.fraction_of(name), left=sanitize_line(stage or "")
                )
            self._show_whole("all", self._headway.fraction, text)
        elif now - self._last_line >= LINE_EVERY and not self._live:
            self._last_line = now
            done = f"{self._headway.fraction_of(name):.0%}"
            self._line(f"{sanitize_line(name)}: {done}; all: {self._headway.fraction:.0%}{', ' + text if text else ''}")

    def _show_whole(self, what: str, done: float, left: str = "") -> None:
        bar = self._bar()
        assert self._whole is not None
        bar.update(self._whole, description=what, completed=done, left=left)

    def _ended(self, event: ItemEnded) -> None:
        if self._progress is not None and event.name in self._bars:
            self._progress.remove_task(self._bars.pop(event.name))
        if event.state is State.DONE:
            self._painted += 1
            self._line(f"{sanitize_line(event.name)}: done in {duration_text(max(1.0, event.seconds))}")
        else:
            self._failed("failed", [(event.name, event.error or "")])
        for note in event.notes:
            self._line(f"  note: {note}")

    def _failed(self, word: str, failures: Sequence[tuple[str, str]]) -> None:
        """Why paintings fail: that is said to everyone."""
        self._said.update(name for name, _ in failures)
        for cause in causes(Failure(name, self._sources.get(name, name), error) for name, error in failures):
            print_text(self._console, f"{word}: {cause.text}", indent=2)

    def _batch_ended(self, event: BatchEnded) -> None:
        known = [name for name, _ in event.failed if name in self._said]
        if known:
            self._line(f"failed, for the reasons above: {', '.join(map(sanitize_line, known))}")
        # Where the plan was interrupted, nothing was said yet.
        self._failed("cannot be painted", [failure for failure in event.failed if failure[0] not in known])
        self._line(end_line(event, self._painted))
        if event.failed and event.left and self._fail_fast:
            self._line("Stopped at the first failure: without --fail-fast the same command paints the rest.")
        if event.failed:
            self._line(RESUME_HINT)
        self._line(f"report: {sanitize_line(event.folder / REPORT)}")

    def _line(self, text: str) -> None:
        if not self._quiet:
            print_text(self._console, text, indent=2)
