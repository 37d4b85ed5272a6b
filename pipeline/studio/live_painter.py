"""Paints the latest wish in a thread of its own: a new one drops the work on the one before it at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from pipeline.errors import ReelbrushError
from pipeline.media import Image
from pipeline.network.memory import OUT_OF_MEMORY, is_out_of_memory
from pipeline.studio.subject import Subject
from pipeline.studio.wish import Wish
from pipeline.style.frame import OnProgress, Progress
from pipeline.style.picture import to_image

EVERY = 0.4
"""Seconds between two pictures of a painting, at least: to hand one out takes time that steps could use."""


class PaintsDrafts(Protocol):
    """What `Drafts` does; nothing of it is called from two threads at once."""

    def subject(self, source: Path, told: Callable[[str], None]) -> Subject:
        """The input of a wish, read."""
        ...

    def paint(self, wish: Wish, told: Callable[[str], None], on_progress: OnProgress) -> Image:
        """The painting of a complete wish."""
        ...


@dataclass(frozen=True)
class View:
    """What there is to see at the moment."""

    number: int = 0
    """A later view has a higher one."""
    wish: Wish = field(default_factory=Wish)
    subject: Subject | None = None
    """The input; None before it is read."""
    before: Image | None = None
    """The frame that is looked at, uint8 (H, W, 3)."""
    painting: Image | None = None
    """Likewise, as far as it is painted; None before the first step."""
    doing: str = ""
    """What is being done, for people."""
    share: float = 0.0
    """How much of the painting is done, 0 to 1."""
    finished: bool = False
    error: str = ""
    """Why there is no painting."""
    first_after: float | None = None
    """Seconds from the wish to the first picture of its painting."""


class _Superseded(BaseException):
    """Another wish has come; like KeyboardInterrupt it passes every `except Exception`."""


class LivePainter:
    """Hands out pictures of a painting while it comes about."""

    def __init__(self, drafts: Callable[[], PaintsDrafts]) -> None:
        """
        :param drafts: opens what paints; called in the thread, since it takes a while.
        """
        self._open = drafts
        self._changed = threading.Condition()
        self._wish = Wish()
        self._asked = 0
        self._asked_at = 0.0
        self._closed = False
        self._view = View()
        self._thread = threading.Thread(target=self._work, name="drafts", daemon=True)
        self._thread.start()

    def ask(self, wish: Wish) -> None:
        """Paint that from now on, unless it is what is painted already."""
        with self._changed:
            if wish != self._wish:
                self._begin(wish)

    def again(self) -> None:
        """Paint the same once more, from its beginning."""
        with self._changed:
            self._begin(self._wish)

    def stop(self) -> None:
        """Leave the painting as it is, until something else is asked for."""
        with self._changed:
            if not self._view.finished:
                self._asked += 1
                self._view = replace(self._view, number=self._view.number + 1, finished=True, doing="Stopped")

    def view(self) -> View:
        """What there is to see."""
        with self._changed:
            return self._view

    def close(self) -> None:
        """End the thread, after the step under way."""
        with self._changed:
            self._closed = True
            self._asked += 1
            self._changed.notify_all()
        self._thread.join(timeout=30)

    def _begin(self, wish: Wish) -> None:
        self._wish, self._asked_at = wish, time.monotonic()
        self._asked += 1
        old = self._view
        same = wish.source == old.wish.source and old.before is not None
        # What was there stays in sight until something newer is.
        kept = old if same else View(old.number)
        self._view = replace(
            kept, number=old.number + 1, wish=wish, doing="", share=0.0, finished=False, error="", first_after=None
        )
        self._changed.notify_all()

    def _work(self) -> None:
        drafts: PaintsDrafts | None = None
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closed or not self._view.finished)
                if self._closed:
                    return
                done, wish = self._asked, self._wish
            try:
                if wish.source is not None:
                    drafts = drafts or self._open()
                    self._paint(drafts, wish, done)
                else:
                    self._show(done, finished=True)
            except _Superseded:
                continue
            except Exception as error:
                self._fail(done, error)

    def _paint(self, drafts: PaintsDrafts, wish: Wish, number: int) -> None:
        def told(text: str) -> None:
            self._show(number, doing=text)

        assert wish.source is not None
        subject = drafts.subject(wish.source, told)
        before = subject.frames[min(wish.frame, len(subject.frames) - 1)]
        moved = self._view.before is not before
        self._show(number, subject=subject, before=before, **({"painting": None} if moved else {}))
        if not wish.complete:
            self._show(number, finished=True, painting=None, doing="")
            return
        shown_at = -EVERY

        def on_progress(progress: Progress) -> None:
            nonlocal shown_at
            now = time.monotonic()
            size = f"size {progress.sizes - progress.level} of {progress.sizes}, " if progress.sizes > 1 else ""
            text = f"Painting: {size}step {progress.detail.number} of {progress.detail.of}"
            if now - shown_at < EVERY:
                self._check(number)
                return
            shown_at = now
            self._show(number, doing=text, share=progress.share, painting=to_image(progress.picture()))

        painting = drafts.paint(wish, told, on_progress)
        self._show(number, painting=painting, share=1.0, finished=True, doing="")

    def _check(self, number: int) -> None:
        with self._changed:
            if number != self._asked:
                raise _Superseded

    def _show(self, number: int, **news: object) -> None:
        """:raises _Superseded: another wish has come."""
        with self._changed:
            if number != self._asked:
                raise _Superseded
            if news.get("painting") is not None and self._view.first_after is None:
                news["first_after"] = time.monotonic() - self._asked_at
            self._view = replace(self._view, number=self._view.number + 1, **news)  # type: ignore[arg-type]

    def _fail(self, number: int, error: Exception) -> None:
        text = OUT_OF_MEMORY if is_out_of_memory(error) else str(error) or type(error).__name__
        if not isinstance(error, (ReelbrushError, OSError)) and not is_out_of_memory(error):
            text = f"A bug of Reelbrush: {type(error).__name__}: {text}"
        with self._changed:
            if number == self._asked:
                self._view = replace(
                    self._view, number=self._view.number + 1, error=text, finished=True, painting=None, doing=""
                )
