"""Shows a job on a page, from the process of the job. The page is served by a process of its own: it takes no part of
Python's lock from the painting, and what goes wrong with it is nothing to the job."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from pipeline.clip.events import Event, OnEvent
from pipeline.errors import ReelbrushError, UsageError
from pipeline.report.failures import error_text
from pipeline.signals import Terminated
from pipeline.studio.live_option import Shown
from pipeline.studio.live_reporter import LiveReporter
from pipeline.studio.live_state import title_of

START = "from pipeline.studio.live_serve import main; main()"
STARTED_WITHIN = 120.0
"""Seconds in which the page has to be there; on a machine that is just waking up it takes a while to import."""
OPENED_WITHIN = 15.0
"""Seconds that a browser has to come up with the page, before a job that is done waits no longer for it."""
TOLD_WITHIN = 3.0
"""Seconds in which an open page has taken in how the job ended, at most."""


class LivePage:
    """The process that serves the page."""

    def __init__(self, folder: Path, program: str) -> None:
        """
        :param folder: of the session, which it reads what it shows from.
        :param program: that serves it, in Python.
        """
        self._said = folder / "said.txt"
        with self._said.open("wb") as said:
            self._process = subprocess.Popen(
                [sys.executable, "-c", program, str(folder)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=said,
                # It looks for this package there first, whatever lies where the job was started.
                cwd=Path(__file__).resolve().parents[2],
                text=True,
                encoding="utf-8",
            )
        self._answered = threading.Event()
        self._changed = threading.Condition()
        self._address = self._refusal = ""
        self._open = self._told = 0
        self._looked_at = False
        self._comes_until = 0.0
        assert self._process.stdout is not None
        self._listener = threading.Thread(target=self._listen, args=(self._process.stdout,), name="page", daemon=True)
        self._listener.start()

    def address(self) -> str:
        """Where it is, once it is there.

        :raises UsageError: it cannot be.
        """
        if not self._answered.wait(STARTED_WITHIN) or not self._address:
            last = self._said.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-1:]
            why = self._refusal or f"Its process did not start ({''.join(last) or 'it says nothing'})."
            raise UsageError(f"There can be no page for --live; without it, the job needs none. {why}")
        return self._address

    def looked_at(self) -> bool:
        """Whether the page is in sight in a browser."""
        return self._looked_at

    def wait_until_told(self) -> None:
        """Wait until all open pages have taken in how the job ended."""
        with self._changed:
            self._changed.wait_for(lambda: not self._open or self._told, TOLD_WITHIN)

    def wait_until_opened(self) -> None:
        """Wait for the browser that is being opened, if one is: the job may have been done before that."""
        with self._changed:
            while not self._open and (left := self._comes_until - time.monotonic()) > 0:
                self._changed.wait(min(left, 0.5))

    def wait_until_closed(self) -> None:
        """Wait until no page is open."""
        with self._changed:
            # With a limit, or Ctrl-C would not be heard on Windows.
            while not self._changed.wait_for(lambda: not self._open, 0.5):
                pass

    @property
    def open(self) -> bool:
        """Whether it is open in a browser."""
        return self._open > 0

    def close(self) -> None:
        """End it."""
        if self._process.stdin is not None:
            with suppress(OSError):
                self._process.stdin.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._listener.join()
        if self._process.stdout is not None:
            self._process.stdout.close()

    def _listen(self, said: IO[str]) -> None:
        for line in said:
            with suppress(ValueError):
                self._take(json.loads(line))
        with self._changed:
            self._open, self._looked_at, self._comes_until = 0, False, 0.0
            self._changed.notify_all()
        self._answered.set()

    def _take(self, message: dict[str, object]) -> None:
        if "stop" in message:
            interrupt()
            return
        with self._changed:
            self._address = str(message.get("address", self._address))
            self._refusal = str(message.get("refused", self._refusal))
            self._open = int(str(message.get("open", self._open)))
            if message.get("opens"):
                self._comes_until = time.monotonic() + OPENED_WITHIN
            self._told = int(str(message.get("told", self._told)))
            self._looked_at = bool(message.get("looked_at", self._looked_at))
            self._changed.notify_all()
        if self._address or self._refusal:
            self._answered.set()


def interrupt() -> None:
    """Do what Ctrl-C in the terminal does, from any thread."""
    if hasattr(signal, "pthread_kill"):
        # To that thread: it may be waiting for something.
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
    else:
        signal.raise_signal(signal.SIGINT)


@contextmanager
def shown_live(source: Path, on_event: OnEvent, say: Callable[[str], None]) -> Iterator[Shown]:
    """Show a job for as long as the block lasts, and its result for as long as a page is open.

    :param source: what is painted.
    :param on_event: what is told of the job besides.
    :param say: tells a person a line.
    """
    with tempfile.TemporaryDirectory(prefix="reelbrush-live-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        page = LivePage(folder, START)
        reporter = LiveReporter(folder, title_of(source), page.looked_at)

        def told(event: Event) -> None:
            on_event(event)
            reporter.on_event(event)

        def ready() -> OnEvent:
            say(f"The painting is to be seen at {page.address()} (in your browser only).")
            return told

        try:
            try:
                yield Shown(ready, reporter.on_look)
            except (KeyboardInterrupt, Terminated):
                reporter.end("stopped", "Stopped. The same command in the terminal goes on where it was.")
                page.wait_until_told()
                raise
            except (ReelbrushError, OSError, RuntimeError, MemoryError) as error:
                reporter.end("failed", _why(error))
                page.wait_until_told()
                raise
            reporter.end("done", "Done")
            with suppress(KeyboardInterrupt, Terminated):
                page.wait_until_opened()
                if page.open:
                    say("The page shows the result. Close it there, or press Ctrl-C here, and this ends.")
                    page.wait_until_closed()
        finally:
            page.close()


def _why(error: Exception) -> str:
    try:
        return error_text(error)[0]
    except Exception:
        return f"A bug of Reelbrush: {type(error).__name__}: {error}"
