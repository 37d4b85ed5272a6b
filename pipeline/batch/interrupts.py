"""Ctrl-C and SIGTERM in a batch: the first one ends it in order, the second one at once."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK") if hasattr(signal, name))


class Interrupts:
    """Which signal has asked to end, if any."""

    def __init__(self) -> None:
        self.came: int | None = None


@contextmanager
def counted() -> Iterator[Interrupts]:
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
