"""Draws how far a batch is: once, or again and again."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from rich.console import Console, Group
from rich.constrain import Constrain
from rich.live import Live
from rich.text import Text

from pipeline.report.lines import ECHO, LINE_EVERY, can_redraw, print_table, print_text, table
from pipeline.report.status_text import status_heading, status_table
from pipeline.text import sanitize_line

if TYPE_CHECKING:
    from pipeline.report.status import BatchStatus

_PLAIN = str.maketrans("█░", "#.")
"""A bar where there are no blocks to draw it with."""
_WHOLE = range(1, 6)
"""All columns but the name."""
_FEW = 4
"""Lines that a table has at least, however many there are to share."""


def print_status(console: Console, status: BatchStatus) -> None:
    """How far a batch is, once."""
    for text in status_heading(status):
        print_text(console, _drawable(console, text))
    if status.items and console.is_terminal:
        heads, rows = status_table(status, console.width)
        console.print(table("", heads, [_row(console, row) for row in rows], _WHOLE))
    elif status.items:
        heads, rows = status_table(status)
        print_table(console, "", heads, [_row(console, row) for row in rows])
    for cause in status.causes:
        print_text(console, f"failed: {cause.text}", indent=2)


def watch_status(console: Console, statuses: Iterable[BatchStatus]) -> None:
    """How far a batch is, again and again. Off a terminal a line now and then, where something has changed."""
    if can_redraw(console):
        with Live(console=console, auto_refresh=False) as screen:
            for status in statuses:
                screen.update(_fit_to_screen(console, status), refresh=True)
        return
    last: BatchStatus | None = None
    for status in statuses:
        turned = last is None or (status.run, status.counts) != (last.run, last.counts)
        if turned or (status.differs(last) and status.now - (last.now if last else 0.0) >= LINE_EVERY):
            print_text(console, _drawable(console, "; ".join(status_heading(status))))
            last = status


def _fit_to_screen(console: Console, status: BatchStatus) -> Constrain:
    """What fits on the screen: what is being painted on top, and below the table why what failed has failed."""
    width = max(1, console.width - ECHO)
    texts = [Text(_drawable(console, text)) for text in status_heading(status)]
    # The heads of the columns take a line, and so does the cursor.
    room = console.height - sum(len(text.wrap(console, width)) for text in texts) - 2
    why = [Text(f"failed: {cause.text}", no_wrap=True, overflow="ellipsis") for cause in status.causes]
    heads, rows = status_table(status, width, max(_FEW, room - len(why)), painting_first=True)
    rows = [_row(console, row) for row in rows]
    drawn = Group(*texts, table("", heads, rows, cut=width), *why[: max(0, room - len(rows))])
    return Constrain(drawn, width)


def _row(console: Console, row: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(_drawable(console, text) for text in row)


def _drawable(console: Console, text: str) -> str:
    return sanitize_line(text.translate(_PLAIN) if console.options.ascii_only else text)
