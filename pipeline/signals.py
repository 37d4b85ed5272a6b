"""What Ctrl-C and SIGTERM do: to a job, to a block that must not be interrupted, and to a batch."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

_SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK") if hasattr(signal, name))


class Terminated(BaseException):
    """SIGTERM arrived. Like KeyboardInterrupt, it passes every `except Exception` and runs every `finally`."""


def on_sigterm() -> None:
    """Make SIGTERM raise `Terminated` in the main thread; without a handler it would skip every `finally`."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise Terminated

    signal.signal(signal.SIGTERM, stop)


@contextmanager
def defer_signals() -> Iterator[None]:
    """Ctrl-C and SIGTERM wait for the end of the block: torch, interrupted while it is imported, aborts."""
    came: list[int] = []
    before = {
        number: signal.signal(number, lambda number, frame: came.append(number))
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)
    if came:
        signal.raise_signal(came[0])


class Interrupts:
    """Which signal has asked to end, if any."""

    def __init__(self) -> None:
        self.came: int | None = None


@contextmanager
def note_first_signal() -> Iterator[Interrupts]:
    """Within the block the first signal is only noted; a second one raises KeyboardInterrupt. When the block is left,
    what had been noted does what it always does.

    A signal that is ignored stays so: under `nohup` the terminal may go, and Ctrl-C is not meant for what a script has
    put into the background. Outside the main thread, where Python hears no signals, nothing is ever noted.
    """
    noted = Interrupts()
    if threading.current_thread() is not threading.main_thread():
        yield noted
        return

    def note(number: int, frame: FrameType | None) -> None:
        if noted.came is not None:
            raise KeyboardInterrupt
        noted.came = number

    heard = [number for number in _SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, note) for number in heard}
    try:
        yield noted
    finally:
        for number, handler in before.items():
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)
        if noted.came is not None:
            # As Ctrl-C or as SIGTERM: the exit code tells which.
            signal.raise_signal(noted.came)


@contextmanager
def between_events(on_event: Callable[[Any], None]) -> Iterator[Callable[[Any], None]]:
    """Within the block the first signal waits until something is told of a job, such as a step; the second one does not
    wait. So a picture can be kept as it is between two steps.

    Yields what is to be told instead of `on_event`, to which all is passed on.
    """
    with note_first_signal() as noted:

        def told(event: Any) -> None:
            on_event(event)
            if noted.came is not None:
                raise KeyboardInterrupt  # what that was of a signal is seen when the block is left

        yield told


def exit_text(code: int | None) -> str:
    """'it left with code 1', or 'it was ended by SIGKILL': of a process that has ended."""
    if code is not None and code < 0:
        with suppress(ValueError):
            return f"it was ended by {signal.Signals(-code).name}"
    return f"it left with code {code}"
