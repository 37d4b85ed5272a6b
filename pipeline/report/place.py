"""Where a job is, in the words that the terminal and the page of a job have for it."""

from __future__ import annotations

from pipeline.clip.events import Event, FrameDone, Started, Stepped


class JobPlace:
    """Follows the events of one job."""

    def __init__(self) -> None:
        self._started: Started | None = None
        self._where = self._step = ""

    def update(self, event: Event) -> None:
        """Take in the next event."""
        if isinstance(event, Started):
            self._started, self._where, self._step = event, "", ""
        elif isinstance(event, Stepped):
            size = f"size {event.size} of {event.sizes}, " if event.sizes > 1 else ""
            self._move(event, f"{size}step {event.step} of {event.of}")
        elif isinstance(event, FrameDone):
            same = {"still": "as before", "kept": "stays", "given": "stays"}
            self._move(event, same.get(event.stopped, self._step))

    def _move(self, event: Stepped | FrameDone, step: str) -> None:
        assert self._started is not None
        where = f"frame {event.frame + 1} of {self._started.frames}, " if self._started.frames > 1 else ""
        if self._started.passes > 1:
            where = f"pass {event.in_pass} of {self._started.passes}, {where}"
        self._where, self._step = where, step

    @property
    def text(self) -> str:
        """Such as 'pass 1 of 2, frame 3 of 8, size 1 of 3, step 12 of 60'; '' before painting begins."""
        return f"{self._where}{self._step}"
