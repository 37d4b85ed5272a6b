"""Hands on what the page of a job shows, in the process of the job, and takes hardly any of its time for that."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from pipeline.clip.events import Event, Finished, FrameDone, Stage, Started, Stepped
from pipeline.clip.looking import Look
from pipeline.media.thumbnail import thumbnail
from pipeline.network.memory import is_out_of_memory
from pipeline.report.place import JobPlace
from pipeline.report.progress import JobProgress
from pipeline.studio.live_state import KEPT, LiveState, curve, picture_files, shown_result, write_state
from pipeline.text import remaining_text, sanitize_line
from pipeline.types import Image

EVERY = 1.0
"""Seconds between two states, at least."""
PICTURES_EVERY = 1.0
"""Seconds between two pictures, at least."""
SHARE = 0.01
"""Of the time of a job that pictures may take: where one takes longer, the next one comes later."""
LONGEST = 1024
"""Pixels of the longer side of a picture, at most."""
PATIENCE = 60.0
"""Seconds to the next picture after one for which there was no memory."""
BYTES = 400_000
"""That a picture should not exceed."""
CURVES = {"total": "loss", "temporal": "temporal loss (flicker)"}
"""Losses of frames that are shown as curves, and what they are called."""


class LiveReporter:
    """An `OnEvent` and an `OnLook` that hand on what they are told; only in the thread that paints."""

    def __init__(
        self, folder: Path, title: str, looked_at: Callable[[], bool], clock: Callable[[], float] = time.monotonic
    ) -> None:
        """
        :param folder: that the page reads from.
        :param title: what is painted.
        :param looked_at: whether somebody looks at the moment. If nobody does, no picture is asked for.
        :param clock: seconds that go by.
        """
        self._folder = folder
        self._looked_at = looked_at
        self._clock = clock
        self._state = LiveState(title)
        self._written = self._next_picture = -math.inf
        self._progress, self._place = JobProgress(), JobPlace()
        self._started: Started | None = None
        self._losses: dict[str, dict[int, float]] = {name: {} for name in CURVES}
        self._held: Look | None = None
        """A finished frame that has not been shown."""
        self._content: Image | None = None
        """The input of the last picture."""
        self._write()

    def on_event(self, event: Event) -> None:
        """Take in the next event."""
        now = self._clock()
        self._progress.update(event, now)
        self._place.update(event)
        if isinstance(event, Started):
            self._started = event
            self._change(notes=(*self._state.notes, *event.notes, *event.deadline_notes))
        elif isinstance(event, Stage):
            self._change(text=sanitize_line(event.text))
        elif isinstance(event, Finished):
            notes = tuple(dict.fromkeys((*self._state.notes, *event.notes)))
            self._change(notes=notes, result=shown_result(event.outputs), share=1.0)
        elif isinstance(event, FrameDone):
            for name, values in self._losses.items():
                if math.isfinite(event.losses.get(name, math.nan)):
                    values[event.frame] = event.losses[name]
        if isinstance(event, (Stepped, FrameDone)) and now - self._written >= EVERY:
            left = remaining_text(self._progress.left(now))
            text = ", ".join(filter(None, (self._place.text, left)))
            self._change(text=text, share=self._progress.fraction, curves=self._curves())

    def on_look(self, look: Look) -> None:
        """Take the picture, if it is time for one and somebody looks."""
        if look.finished:
            self._held = look
        if self._clock() >= self._next_picture and self._looked_at():
            self._take(look)

    def end(self, state: str, text: str) -> None:
        """Say how it ended.

        :param state: one of `ENDED`.
        """
        if self._held is not None and self._looked_at():
            self._take(self._held)
        self._change(state=state, text=text, curves=self._curves())

    def _take(self, look: Look) -> None:
        began = self._clock()
        try:
            painting = look.painting()
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            # The painting itself has room: it should not be painted otherwise because somebody looks.
            self._next_picture = began + PATIENCE
            return
        number = self._state.pictures + 1
        before, after = picture_files(self._folder, number)
        # A full disk, or a folder that somebody has removed, is no reason to end a job.
        with suppress(OSError):
            last = picture_files(self._folder, number - 1)[0]
            if look.content is self._content and last.is_file():
                before.write_bytes(last.read_bytes())
            else:
                before.write_bytes(thumbnail(look.content, LONGEST, BYTES))
            after.write_bytes(thumbnail(painting, LONGEST, BYTES))
            self._content = look.content
            self._change(pictures=number)
            for old in picture_files(self._folder, number - KEPT):
                old.unlink(missing_ok=True)
        if look is self._held or not look.finished:
            self._held = None
        now = self._clock()
        self._next_picture = max(began + PICTURES_EVERY, now + (now - began) / SHARE)

    def _curves(self) -> dict[str, list[tuple[float, float]]] | None:
        if self._started is None or self._started.frames < 2:
            return None
        frames = self._started.frames
        return {CURVES[name]: curve(values, frames) for name, values in self._losses.items() if len(values) > 1}

    def _change(self, **news: object) -> None:
        self._state = replace(self._state, **news)  # type: ignore[arg-type]
        self._write()

    def _write(self) -> None:
        self._written = self._clock()
        with suppress(OSError):
            write_state(self._folder, self._state)
