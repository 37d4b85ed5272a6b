"""What a command is told of showing its job on a page. Nothing here imports what reads pictures, torch, or the page."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.options import REPORT, option

if TYPE_CHECKING:
    from pipeline.clip.events import OnEvent
    from pipeline.clip.looking import OnLook


@dataclass(frozen=True)
class Shown:
    """What a job is to tell of itself."""

    ready: Callable[[], OnEvent]
    """To be called before it paints: says where the page is, once it is there, and what is to be told of the job. It
    raises a UsageError where there can be none."""
    on_look: OnLook | None
    """None: nobody looks."""


@dataclass(frozen=True)
class Live:
    """Whether a job is to be seen in the browser."""

    live: bool = field(
        default=False,
        metadata=option("Show the painting as it comes about, on a page in the browser of this machine.", REPORT),
    )

    @contextmanager
    def shown(self, source: Path, on_event: OnEvent, say: Callable[[str], None]) -> Iterator[Shown]:
        """Show a job for as long as the block lasts, and its result for as long as a page is open; nothing where nobody
        has asked for it.

        :param source: what is painted.
        :param on_event: what is told of the job besides.
        :param say: tells a person a line.
        """
        if not self.live:
            yield Shown(lambda: on_event, None)
            return
        from pipeline.studio.live_job import shown_live

        with shown_live(source, on_event, say) as found:
            yield found
