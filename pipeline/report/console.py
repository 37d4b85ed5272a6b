"""What a person sees in the terminal while a job runs. The only place beside the command line that knows rich."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, TextColumn
from rich.status import Status
from rich.text import Text

from pipeline.clip.events import (
    MEMORY_FALLBACKS,
    Damaged,
    Event,
    Finished,
    FrameDone,
    Repainted,
    Reverted,
    Scanned,
    Stage,
    Started,
    Stepped,
)
from pipeline.report.lines import LINE_EVERY, Bars, can_redraw, print_text
from pipeline.report.place import JobPlace
from pipeline.report.progress import CountProgress, JobProgress
from pipeline.text import count_text, duration_text, first_few, remaining_text, sanitize_line, size_text
from pipeline.types import OnCount


class ConsoleReporter:
    """An `OnEvent` that shows a job: bars on a terminal, plain lines elsewhere, nothing when quiet."""

    def __init__(self, console: Console, quiet: bool = False) -> None:
        self._console = console
        self._quiet = quiet
        self._live = can_redraw(console)
        self._progress = JobProgress()
        self._place = JobPlace()
        self._started: Started | None = None
        self._bars: Bars | None = None
        self._status: Status | None = None
        self._last_line = 0.0
        self._memory_fallbacks: set[str] = set()

    def __enter__(self) -> ConsoleReporter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def __call__(self, event: Event) -> None:
        if self._quiet:
            return
        now = time.monotonic()
        self._progress.update(event, now)
        self._place.update(event)
        if isinstance(event, Started):
            self._start(event, now)
        elif isinstance(event, Stepped):
            self._show(now)
        elif isinstance(event, FrameDone):
            self._frame_done(event, now)
        elif isinstance(event, Repainted):
            kept = "that is what was kept" if event.kept == "fresh" else "the first painting was better and was kept"
            self._line(f"note: Frame {self._number(event.frame)} came out wrong and was painted anew; {kept}.")
        elif isinstance(event, Reverted):
            self._line(
                f"note: Pass {event.in_pass} would have made frame {self._number(event.frame)} worse; it stays as it "
                "was before."
            )
        elif isinstance(event, Damaged):
            number = self._number(event.frame)
            self._line(f"note: Frame {number} was damaged on the disk; from there on all is painted again.")
        elif isinstance(event, Stage):
            self._stage(event)
        elif isinstance(event, Scanned):
            self._scanned(event, now)
        elif isinstance(event, Finished):
            self._stop()
            self._finished(event)

    def _start(self, event: Started, now: float) -> None:
        self._stop()
        self._started = event
        frames = "1 picture" if event.frames == 1 else count_text(event.frames, "frame")
        self._line(f"{sanitize_line(event.source or 'from memory')}: {frames} of {event.width}x{event.height}")
        self._line(f"painted by {event.network}, on {event.device}")
        if event.cuts:
            begins = _frames_at([event.in_file.of(cut) for cut in event.cuts])
            self._line(f"{len(event.cuts) + 1} shots: painting begins anew at {begins}")
        for note in (*event.notes, *event.deadline_notes):
            self._line(f"note: {note}")
        if event.passes > 1:
            self._line(f"in {event.passes} passes, every second one backward")
        if event.done:
            full, begun = divmod(event.done, event.frames)
            finished = f"{event.done} of {event.frames} frames are"
            if event.passes > 1:
                finished = f"{full} of {event.passes} passes and {begun} of {event.frames} frames of the next are"
                finished = finished if full < event.passes else f"All {event.passes} passes are"
            self._line(f"{finished} finished already; going on.")
        self._last_line = now
        if self._live and event.done < event.frames * event.passes:
            self._bars = Bars.of_shares(self._console)
            self._bars.add_task("painting", total=1.0, left="")
            self._bars.start()

    def _show(self, now: float) -> None:
        """Bar on a terminal; elsewhere a line now and then."""
        left = remaining_text(self._progress.left(now))
        if self._bars is not None:
            task = self._bars.task_ids[0]
            self._bars.update(task, completed=self._progress.fraction, description=self._place.text, left=left)
        elif not self._live and now - self._last_line >= LINE_EVERY:
            self._last_line = now
            self._line(f"{self._place.text}, {self._progress.fraction:.0%}{left and f', {left}'}")

    def _frame_done(self, event: FrameDone, now: float) -> None:
        if event.stopped == "unstable" and event.in_pass == 1:
            self._line(
                f"note: Frame {self._number(event.frame)} did not settle; its last sound state was kept, and the next "
                "frame starts anew."
            )
        less = event.memory_fallback
        if less and less not in self._memory_fallbacks:
            self._memory_fallbacks.add(less)
            number = self._number(event.frame)
            self._line(f"note: Memory ran out at frame {number}: from here on {MEMORY_FALLBACKS[less]}")
        self._show(now)

    def _number(self, frame: int) -> int:
        """The number of a frame that is painted, by which a person names it."""
        return frame if self._started is None else self._started.in_file.of(frame)

    def _stage(self, event: Stage) -> None:
        if self._bars is not None:
            task = self._bars.task_ids[0]
            self._bars.update(task, description=sanitize_line(event.text), completed=self._progress.fraction, left="")
        elif not self._live:
            self._line(sanitize_line(event.text))
        elif self._status is None:
            self._status = self._console.status(escape(sanitize_line(event.text)))
            self._status.start()
        else:
            self._status.update(escape(sanitize_line(event.text)))

    def _scanned(self, event: Scanned, now: float) -> None:
        text = f"{event.why}: {event.frames}{f' of about {event.of}' if event.of else ''} frames"
        if self._status is not None:
            self._status.update(text)
        elif not self._live and now - self._last_line >= LINE_EVERY:
            self._last_line = now
            self._line(text)

    def _finished(self, event: Finished) -> None:
        shown = self._started.notes if self._started else ()
        for note in event.notes:
            if note not in shown:
                self._line(f"note: {note}")
        several = event.frames > 1 and event.painted
        kind = "frame and pass" if self._started is not None and self._started.passes > 1 else "frame"
        each = f", {event.seconds / event.painted:.1f} s a {kind}" if several else ""
        for path in event.outputs:
            size = size_text(path.stat().st_size) if path.is_file() else "folder"
            self._line(Text.assemble((sanitize_line(path), "bold"), f" ({size})"))
        self._line(f"done in {duration_text(max(1.0, event.seconds))}{each}")

    def _line(self, text: str | Text) -> None:
        if not self._quiet:
            print_text(self._console, text, indent=2)

    def _stop(self) -> None:
        if self._bars is not None:
            self._bars.stop()
            self._bars = None
        if self._status is not None:
            self._status.stop()
            self._status = None


def _frames_at(cuts: Sequence[int]) -> str:
    """'frames 24, 57'; of many the first few."""
    return f"frame{'s' if len(cuts) > 1 else ''} {first_few(cuts)}"


@contextmanager
def show_count(console: Console, quiet: bool = False) -> Iterator[OnCount]:
    """Progress of something that is counted: a bar on a terminal, a line now and then elsewhere, nothing when quiet.

    Yields a function of what is being done, how much of it is done, and how much there is (None: unknown).
    """
    live = can_redraw(console) and not quiet
    last_line = time.monotonic()
    counted = CountProgress()
    columns = (
        TextColumn("{task.description}", markup=False), BarColumn(bar_width=None), TextColumn("{task.fields[count]}"),
        TextColumn("{task.fields[left]}"),
    )  # fmt: skip
    with Bars(*columns, console=console, transient=True, disable=not live) as bars:
        task = bars.add_task("", total=None, count="", left="")

        def count(text: str, done: int, of: int | None) -> None:
            nonlocal last_line
            now = time.monotonic()
            if counted.update(text, done, of, now):
                bars.reset(task)
            left = remaining_text(counted.left or None)
            of_all = "" if not done else f"{done}/{of}" if of else str(done)
            bars.update(task, description=sanitize_line(text), completed=done, total=of, count=of_all, left=left)
            if not live and not quiet and now - last_line >= LINE_EVERY:
                last_line = now
                line = " ".join(part for part in (sanitize_line(text), of_all) if part)
                print_text(console, f"{line}{left and f', {left}'}")

        yield count
