"""Ctrl-C and SIGTERM end a painting between two of its steps, so that it can be kept as it is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pipeline.signals import note_first_signal

if TYPE_CHECKING:
    from pipeline.clip.events import OnEvent


@contextmanager
def between_steps(on_event: OnEvent) -> Iterator[OnEvent]:
    """Within the block the first signal waits until something is told of the job, such as a step; the second one does
    not wait.

    Yields what is to be told instead of `on_event`, to which all is passed on.
    """
    with note_first_signal() as noted:

        def told(event: Any) -> None:
            on_event(event)
            if noted.came is not None:
                raise KeyboardInterrupt  # what that was of a signal is seen when the block is left

        yield told
