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
from pipeline.studio.subject import Subject, largest_draft
from pipeline.studio.wish import Wish
from pipeline.style.frame import OnProgress, Progress
from pipeline.style.picture import to_image

LEFT_ALONE = 1.0
"""Seconds after which a draft that nobody changes is painted on, larger."""
EVERY = 0.4
"""Seconds between two pictures of a painting, at least: to hand one out takes time that steps could use."""


class PaintsDrafts(Protocol):
    """What `Drafts` does; nothing of it is called from two threads at once."""

    def subject(self, source: Path, told: Callable[[str], None]) -> Subject:
        """The input of a wish, read."""
        ...

    def paint(
        self, wish: Wish, told: Callable[[str], None], on_progress: OnProgress, coarse: Image | None = None
    ) -> Image:
        """The painting of a complete wish; from a coarse one, another at up to twice its size."""
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
    """The same, as far as it is painted, and perhaps smaller; None before the first step."""
    doing: str = ""
    """What is being done, for people."""
    share: float = 0.0
    """How much of the painting is done, 0 to 1."""
    finished: bool = False
    """Whether nothing of it is being painted."""
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
        self._may_grow = False
        self._grows = False
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
            self._may_grow = False
            if not self._view.finished:
                self._leave("Stopped")

    def rest(self) -> None:
        """Paint no draft larger until something else is asked for: a job needs the machine for itself."""
        with self._changed:
            self._may_grow = False
            if self._grows and not self._view.finished:
                self._leave("")

    def _leave(self, doing: str) -> None:
        self._asked += 1
        self._view = replace(self._view, number=self._view.number + 1, finished=True, doing=doing)

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
        self._may_grow, self._grows = True, False
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
                wait = LEFT_ALONE if self._coarse() is not None else None
                self._changed.wait_for(lambda: self._closed or not self._view.finished, wait)
                if self._closed:
                    return
                done, wish = self._asked, self._wish
                coarse = self._coarse() if self._view.finished else None
                if self._view.finished and coarse is None:
                    continue
                self._grows = coarse is not None
            try:
                if wish.source is None:
                    self._show(done, finished=True)
                    continue
                drafts = drafts or self._open()
                if coarse is None:
                    self._paint(drafts, wish, done)
                else:
                    self._paint_on(drafts, wish, done, coarse)
            except _Superseded:
                continue
            except Exception as error:
                self._fail(done, error)

    def _coarse(self) -> Image | None:
        """The draft that is to be painted on, larger; None: it is not to be."""
        view = self._view
        if not (self._may_grow and view.finished and view.subject is not None and view.painting is not None):
            return None
        return view.painting if max(view.painting.shape[:2]) < largest_draft(view.wish, view.subject) else None

    def _paint(self, drafts: PaintsDrafts, wish: Wish, number: int) -> None:
        def told(text: str) -> None:
            self._show(number, doing=text)

        assert wish.source is not None
        subject = drafts.subject(wish.source, told)
        before = subject.frame(wish.frame)
        moved = self._view.before is not before
        self._show(number, subject=subject, before=before, **({"painting": None} if moved else {}))
        if not wish.complete:
            self._show(number, finished=True, painting=None, doing="")
            return
        painting = drafts.paint(wish, told, self._showing(number))
        self._show(number, painting=painting, share=1.0, finished=True, doing="")

    def _paint_on(self, drafts: PaintsDrafts, wish: Wish, number: int, coarse: Image) -> None:
        self._show(number, finished=False, share=0.0, doing="Painting it larger")
        painting = drafts.paint(wish, lambda text: self._check(number), self._showing(number), coarse)
        self._show(number, painting=painting, share=1.0, finished=True, doing="")

    def _showing(self, number: int) -> OnProgress:
        """Hands out a picture now and then."""
        shown_at = -EVERY

        def on_progress(progress: Progress) -> None:
            nonlocal shown_at
            now = time.monotonic()
            if now - shown_at < EVERY:
                self._check(number)
                return
            shown_at = now
            picture = to_image(progress.picture())
            size = f"size {progress.sizes - progress.level} of {progress.sizes}, " if progress.sizes > 1 else ""
            what = f"Painting it larger, {picture.shape[1]} x {picture.shape[0]}" if self._grows else "Painting"
            text = f"{what}: {size}step {progress.detail.number} of {progress.detail.of}"
            self._show(number, doing=text, share=progress.share, painting=picture)

        return on_progress

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
            self._may_grow = False
            if number == self._asked and self._grows:
                self._leave(f"It cannot be painted larger here: {text}")
            elif number == self._asked:
                self._view = replace(
                    self._view, number=self._view.number + 1, error=text, finished=True, painting=None, doing=""
                )
