"""Draws a batch in the terminal: a bar for all and one for each painting under way; plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Sequence
from types import TracebackType

from rich.console import Console
from rich.progress import TaskID

from pipeline.batch.events import (
    BatchEnded,
    BatchEvent,
    Checking,
    ItemBegan,
    ItemEnded,
    ItemEvent,
    LeftOut,
    Notice,
    Planned,
)
from pipeline.batch.ledger_rows import State
from pipeline.clip.events import Event, FrameDone, Repainted, Stage, Started, Stepped
from pipeline.frame_numbers import ALL_FRAMES, FrameNumbers
from pipeline.report.batch_run import REPORT
from pipeline.report.batch_text import end_line, plan_line
from pipeline.report.failures import RESUME_HINT, Failure, causes
from pipeline.report.lines import LINE_EVERY, Bars, can_redraw, print_text
from pipeline.report.progress import RunProgress
from pipeline.text import duration_text, remaining_text, sanitize_line

LEAST_NAME = 16
"""Characters of a name that are seen beside its bar, however narrow the terminal is."""


class BatchReporter:
    """An `OnBatchEvent` that shows a batch. A quiet one prints why paintings fail, and nothing else."""

    def __init__(self, console: Console, quiet: bool = False, fail_fast: bool = False) -> None:
        """
        :param fail_fast: whether the batch stops at the first failure, and so has to say that this is why it did.
        """
        self._console = console
        self._quiet = quiet
        self._fail_fast = fail_fast
        self._live = can_redraw(console) and not quiet
        self._progress = RunProgress()
        self._bars: Bars | None = None
        self._whole: TaskID | None = None
        self._tasks: dict[str, TaskID] = {}
        """Of the bars of the paintings that are under way, by name."""
        self._in_file: dict[str, FrameNumbers] = {}
        """Which frames of their inputs are painted, by name."""
        self._sources: dict[str, str] = {}
        self._explained: set[str] = set()
        """Paintings of which it was printed why they fail."""
        self._painted = 0
        self._last_line = 0.0

    def __enter__(self) -> BatchReporter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bars is not None:
            self._bars.stop()
            self._bars = None

    def __call__(self, event: BatchEvent) -> None:
        now = time.monotonic()
        self._progress.update(event, now)
        if isinstance(event, Checking):
            self._checking(event, now)
        elif isinstance(event, Planned):
            self._planned(event)
        elif isinstance(event, ItemBegan):
            self._line(f"[{event.number}/{event.of}] {sanitize_line(event.name)}")
            if self._live:
                self._show_whole("all", self._progress.progress(now).fraction)
                self._tasks[event.name] = self._open_bars().add_task(self._shortened(event.name), total=1.0, left="")
        elif isinstance(event, ItemEvent):
            self._item_event(event.name, event.event, now)
        elif isinstance(event, ItemEnded):
            self._ended(event)
        elif isinstance(event, (Notice, LeftOut)):
            self._line(event.text)
        elif isinstance(event, BatchEnded):
            self.__exit__(None, None, None)
            self._batch_ended(event)

    def _checking(self, event: Checking, now: float) -> None:
        if self._live:
            self._show_whole(self._shortened(event.what, 2), event.done / event.of)
        elif now - self._last_line >= LINE_EVERY:
            self._last_line = now
            self._line(f"{sanitize_line(event.what)} ({event.done + 1} of {event.of})")

    def _shortened(self, text: str, parts: int = 3) -> str:
        """A text that takes a third of the line at most, or so: its middle may be left out."""
        text, most = sanitize_line(text), max(LEAST_NAME, self._console.width // parts)
        return text if len(text) <= most else f"{text[: most // 2 - 1]}…{text[-(most - most // 2) :]}"

    def _open_bars(self) -> Bars:
        if self._bars is None:
            self._bars = Bars.of_shares(self._console)
            self._whole = self._bars.add_task("", total=1.0, left="")
            self._bars.start()
        return self._bars

    def _planned(self, event: Planned) -> None:
        self.__exit__(None, None, None)
        self._sources = {row.name: row.source for row in event.rows}
        self._line(plan_line(event))
        self._failed("cannot be painted", event.failed)
        if event.room > event.free:
            self._line("note: This may be more than there is room for on the disk.")
        if event.failed and self._fail_fast and not event.paint:
            self._line("Nothing is begun, because of --fail-fast.")

    def _item_event(self, name: str, event: Event, now: float) -> None:
        if isinstance(event, Started):
            self._in_file[name] = event.in_file
        if isinstance(event, Repainted):
            number = self._in_file.get(name, ALL_FRAMES).of(event.frame)
            self._line(f"{sanitize_line(name)}: frame {number} came out wrong and was painted anew")
        if isinstance(event, FrameDone) and event.stopped == "unstable" and event.in_pass == 1:
            number = self._in_file.get(name, ALL_FRAMES).of(event.frame)
            self._line(f"{sanitize_line(name)}: frame {number} did not settle; its last sound state was kept")
        if isinstance(event, (Stage, Started, Stepped, FrameDone)):
            self._show(name, event.text if isinstance(event, Stage) else None, now)

    def _show(self, name: str, stage: str | None, now: float) -> None:
        due = now - self._last_line >= LINE_EVERY and not self._live and not self._quiet
        if self._bars is None and not due:
            return
        batch, done = self._progress.progress(now), self._progress.fraction_of(name)
        left = remaining_text(batch.left)
        if self._bars is not None:
            if name in self._tasks:
                self._bars.update(self._tasks[name], completed=done, left=sanitize_line(stage or ""))
            self._show_whole("all", batch.fraction, left)
        else:
            self._last_line = now
            self._line(f"{sanitize_line(name)}: {done:.0%}; all: {batch.fraction:.0%}{left and f', {left}'}")

    def _show_whole(self, what: str, done: float, left: str = "") -> None:
        bars = self._open_bars()
        assert self._whole is not None
        bars.update(self._whole, description=what, completed=done, left=left)

    def _ended(self, event: ItemEnded) -> None:
        if self._bars is not None and event.name in self._tasks:
            self._bars.remove_task(self._tasks.pop(event.name))
        if event.state is State.DONE:
            self._painted += 1
            self._line(f"{sanitize_line(event.name)}: done in {duration_text(max(1.0, event.seconds))}")
        else:
            self._failed("failed", [(event.name, event.error or "")])
        for note in event.notes:
            self._line(f"  note: {note}")

    def _failed(self, word: str, failures: Sequence[tuple[str, str]]) -> None:
        """Why paintings fail: that is printed even where the batch is to be quiet."""
        self._explained.update(name for name, _ in failures)
        for cause in causes(Failure(name, self._sources.get(name, name), error) for name, error in failures):
            print_text(self._console, f"{word}: {cause.text}", indent=2)

    def _batch_ended(self, event: BatchEnded) -> None:
        known = [name for name, _ in event.failed if name in self._explained]
        if known:
            self._line(f"failed, for the reasons above: {', '.join(map(sanitize_line, known))}")
        # Where the plan was interrupted, nothing was printed yet.
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
