"""What a person sees in the terminal while a job runs. The only place beside the command line that knows rich."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn
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
from pipeline.report.estimate import Estimate
from pipeline.report.lines import Bars, print_text
from pipeline.text import duration_text, sanitize_line, size_text
from pipeline.types import OnCount

# Off a terminal a line appears at most this often, in seconds: a night's log stays readable.
LINE_EVERY = 10.0
# Cuts that are named at the start.
SOME_CUTS = 8


class ConsoleReporter:
    """An `OnEvent` that shows a job: bars on a terminal, plain lines elsewhere, nothing when quiet."""

    def __init__(self, console: Console, quiet: bool = False) -> None:
        self._console = console
        self._quiet = quiet
        # A dumb terminal cannot draw over what it has drawn: it gets lines, as a log does.
        self._live = console.is_terminal and not console.is_dumb_terminal
        self._estimate = Estimate()
        self._started: Started | None = None
        self._progress: Progress | None = None
        self._status: Status | None = None
        self._last_line = 0.0
        self._step = ""
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
        self._estimate.see(event, now)
        if isinstance(event, Started):
            self._start(event, now)
        elif isinstance(event, Stepped):
            self._step = f"step {event.step}/{event.of}"
            self._show(event.frame, event.in_pass, now)
        elif isinstance(event, FrameDone):
            self._frame_done(event, now)
        elif isinstance(event, Repainted):
            kept = "that is what was kept" if event.kept == "fresh" else "the first painting was better and was kept"
            self._line(f"note: frame {event.frame + 1} came out wrong and was painted anew; {kept}")
        elif isinstance(event, Reverted):
            self._line(
                f"note: pass {event.in_pass} would have made frame {event.frame + 1} worse; it stays as it was before"
            )
        elif isinstance(event, Damaged):
            self._line(f"note: frame {event.frame + 1} was damaged on the disk; from there on all is painted again")
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
        frames = "1 picture" if event.frames == 1 else f"{event.frames} frames"
        self._line(f"{sanitize_line(event.source)}: {frames} of {event.width}x{event.height}")
        self._line(f"painted by {event.network}, on {event.device}")
        if event.cuts:
            self._line(f"{len(event.cuts) + 1} shots: painting begins anew at {_places(event.cuts)}")
        for note in (*event.notes, *event.hurry):
            self._line(f"note: {note}")
        if event.passes > 1:
            self._line(f"in {event.passes} passes, every second one backward")
        if event.done:
            full, begun = divmod(event.done, event.frames)
            told = f"{event.done} of {event.frames} frames are"
            if event.passes > 1:
                told = f"{full} of {event.passes} passes and {begun} of {event.frames} frames of the next are"
                told = told if full < event.passes else f"All {event.passes} passes are"
            self._line(f"{told} finished already; going on.")
        self._last_line = now
        if self._live and event.done < event.frames * event.passes:
            # What a column shows may hold a file's name, which is no markup.
            self._progress = Bars(
                TextColumn("{task.description}", markup=False), BarColumn(bar_width=None),
                TextColumn("{task.percentage:>3.0f} %"), TextColumn("{task.fields[left]}"),
                console=self._console, transient=True, refresh_per_second=5,
            )  # fmt: skip
            self._progress.add_task("painting", total=1.0, left="")
            self._progress.start()

    def _show(self, frame: int, in_pass: int, now: float) -> None:
        """Bar on a terminal; elsewhere a line now and then."""
        assert self._started is not None
        left = self._estimate.left(now)
        place = f"frame {frame + 1}/{self._started.frames}, " if self._started.frames > 1 else ""
        if self._started.passes > 1:
            place = f"pass {in_pass}/{self._started.passes}, {place}"
        text = "" if left is None else f"about {duration_text(max(1.0, left))} left"
        if self._progress is not None:
            task = self._progress.task_ids[0]
            self._progress.update(
                task, completed=self._estimate.fraction, description=f"{place}{self._step}", left=text
            )
        elif not self._live and now - self._last_line >= LINE_EVERY:
            self._last_line = now
            self._line(f"{place}{self._step}, {self._estimate.fraction:.0%}{', ' + text if text else ''}")

    def _frame_done(self, event: FrameDone, now: float) -> None:
        if event.stopped == "unstable" and event.in_pass == 1:
            self._line(
                f"note: frame {event.frame + 1} did not settle; its last sound state was kept, and the next frame "
                "starts anew"
            )
        less = event.memory_fallback
        if less and less not in self._memory_fallbacks:
            self._memory_fallbacks.add(less)
            self._line(f"note: memory ran out at frame {event.frame + 1}: from here on {MEMORY_FALLBACKS[less]}")
        if event.stopped == "still":
            self._step = "as before"
        if event.stopped == "kept":
            self._step = "stays"
        self._show(event.frame, event.in_pass, now)

    def _stage(self, event: Stage) -> None:
        if self._progress is not None:
            task = self._progress.task_ids[0]
            self._progress.update(
                task, description=sanitize_line(event.text), completed=self._estimate.fraction, left=""
            )
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
        told = self._started.notes if self._started else ()
        for note in event.notes:
            if note not in told:
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
        if self._progress is not None:
            self._progress.stop()
            self._progress = None
        if self._status is not None:
            self._status.stop()
            self._status = None


def _places(cuts: Sequence[int]) -> str:
    """'frames 25, 58' as they are counted in progress, from 1; of many the first few."""
    shown = ", ".join(str(first + 1) for first in cuts[:SOME_CUTS])
    return f"frame{'s' if len(cuts) > 1 else ''} {shown}{', ...' if len(cuts) > SOME_CUTS else ''}"


@contextmanager
def show_count(console: Console, quiet: bool = False) -> Iterator[OnCount]:
    """Progress of something that is counted: a bar on a terminal, a line now and then elsewhere, nothing when quiet.

    Yields a function of what is being done, how much of it is done, and how much there is (None: unknown).
    """
    live = console.is_terminal and not console.is_dumb_terminal and not quiet
    last_line = began = time.monotonic()
    doing, first = "", 0
    columns = (
        TextColumn("{task.description}", markup=False), BarColumn(bar_width=None), TextColumn("{task.fields[count]}"),
        TextColumn("{task.fields[left]}"),
    )  # fmt: skip
    with Bars(*columns, console=console, transient=True, disable=not live) as progress:
        task = progress.add_task("", total=None, count="", left="")

        def count(text: str, done: int, of: int | None) -> None:
            nonlocal last_line, began, doing, first
            now = time.monotonic()
            if text != doing:
                doing, began, first = text, now, done
                progress.reset(task)
            # Half a second's rate says nothing yet. How long the first one took is not known.
            known = of is not None and done > first and now - began > 0.5
            left = (now - began) / (done - first) * (of - done) if known and of is not None else None
            said = "" if not left else f"about {duration_text(max(1.0, left))} left"
            of_all = "" if not done else f"{done}/{of}" if of else str(done)
            progress.update(task, description=sanitize_line(text), completed=done, total=of, count=of_all, left=said)
            if not live and not quiet and now - last_line >= LINE_EVERY:
                last_line = now
                line = " ".join(part for part in (sanitize_line(text), of_all) if part)
                print_text(console, f"{line}{', ' + said if said else ''}")

        yield count
