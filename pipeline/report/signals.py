"""Errors as a person should read them, and the signals that end a job."""

from __future__ import annotations

import errno
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from pipeline.errors import ReelbrushError
from pipeline.network.memory import OUT_OF_MEMORY, is_out_of_memory


class Terminated(BaseException):
    """SIGTERM arrived. Like KeyboardInterrupt, it passes every `except Exception` and runs every `finally`."""


def on_sigterm() -> None:
    """Make SIGTERM raise `Terminated` in the main thread; without a handler it would skip every `finally`."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise Terminated

    signal.signal(signal.SIGTERM, stop)


@contextmanager
def held_back() -> Iterator[None]:
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


def explain(error: Exception) -> tuple[str, int]:
    """One paragraph and the exit code.

    :raises Exception: the error itself, where it is none that a user can have caused: that is a bug, and a
        traceback is what mends it.
    """
    if isinstance(error, ReelbrushError):
        return str(error), error.exit_code
    if is_out_of_memory(error):
        return OUT_OF_MEMORY, 1
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return "The disk is full. Make room, and give the same command again: what is finished is kept.", 1
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}.", 1
    raise error
