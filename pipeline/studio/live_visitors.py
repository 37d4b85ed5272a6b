"""Who has the page of a job open, and what they want."""

from __future__ import annotations

import threading
from collections.abc import Callable

IN_SIGHT = 8.0
"""Seconds after which a page that has asked for nothing is out of sight."""
FORGOTTEN = 150.0
"""Seconds after which it is taken for closed: browsers let what is in the background ask once a minute."""


class LiveVisitors:
    """Knows the pages by their sessions. Any thread may call it."""

    def __init__(self, stop: Callable[[], None]) -> None:
        """
        :param stop: called when somebody wants the job to stop.
        """
        self._stop = stop
        self._lock = threading.Lock()
        self._asked: dict[str, float] = {}
        self._seen: dict[str, float] = {}
        self._told: set[str] = set()
        self.stopping = False
        """Whether somebody wants that."""

    def asks(self, session: str, hidden: bool, ended: bool, now: float) -> None:
        """A page asks for what is new.

        :param hidden: it is not in sight.
        :param ended: it is told now how the job ended.
        """
        with self._lock:
            self._asked[session] = now
            if not hidden:
                self._seen[session] = now
            if ended:
                self._told.add(session)

    def leaves(self, session: str) -> None:
        """A page has been closed."""
        with self._lock:
            self._asked.pop(session, None)
            self._seen.pop(session, None)
            self._told.discard(session)

    def stop(self) -> None:
        """Somebody wants the job to stop."""
        self.stopping = True
        self._stop()

    def state(self, now: float) -> dict[str, object]:
        """How many pages are open, whether one is in sight, and whether all of them know how the job ended."""
        with self._lock:
            for session in [one for one, asked in self._asked.items() if now - asked > FORGOTTEN]:
                self._asked.pop(session)
                self._told.discard(session)
            seen = any(now - asked <= IN_SIGHT for asked in self._seen.values())
            return {"open": len(self._asked), "looked_at": seen, "told": int(self._told.issuperset(self._asked))}
