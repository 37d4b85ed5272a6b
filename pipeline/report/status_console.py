"""Draws how far a batch is: once, or again and again."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from rich.console import Console, Group
from rich.constrain import Constrain
from rich.live import Live
from rich.text import Text

from pipeline.report.console import LINE_EVERY
from pipeline.report.lines import ECHO, print_table, print_text, table
from pipeline.text import sanitize_line

if TYPE_CHECKING:
    from pipeline.report.status import BatchStatus

_PLAIN = str.maketrans("█░", "#.")
"""A bar where there are no blocks to draw it with."""
_WHOLE = range(1, 6)
"""All columns but the name."""
_FEW = 4
"""Lines that a table has at least, however many there are to share."""


def print_status(console: Console, found: BatchStatus) -> None:
    """How far a batch is, once."""
    for text in found.heading:
        print_text(console, _drawn(console, text))
    if found.items and console.is_terminal:
        heads, rows = found.table(console.width)
        console.print(table("", heads, [_row(console, row) for row in rows], _WHOLE))
    elif found.items:
        heads, rows = found.table()
        print_table(console, "", heads, [_row(console, row) for row in rows])
    for cause in found.causes:
        print_text(console, f"failed: {cause.text}", indent=2)


def watch_status(console: Console, statuses: Iterable[BatchStatus]) -> None:
    """How far a batch is, again and again. Off a terminal a line now and then, where something has changed."""
    if console.is_terminal and not console.is_dumb_terminal:
        with Live(console=console, auto_refresh=False) as screen:
            for found in statuses:
                screen.update(_fitted(console, found), refresh=True)
        return
    last: BatchStatus | None = None
    for found in statuses:
        turned = last is None or (found.run, found.counts) != (last.run, last.counts)
        if turned or (found.differs(last) and found.now - (last.now if last else 0.0) >= LINE_EVERY):
            print_text(console, _drawn(console, "; ".join(found.heading)))
            last = found


def _fitted(console: Console, found: BatchStatus) -> Constrain:
    """What fits on the screen: what is being painted on top, and below the table why what failed has failed."""
    width = max(1, console.width - ECHO)
    texts = [Text(_drawn(console, text)) for text in found.heading]
    # The heads of the columns take a line, and so does the cursor.
    room = console.height - sum(len(text.wrap(console, width)) for text in texts) - 2
    why = [Text(f"failed: {cause.text}", no_wrap=True, overflow="ellipsis") for cause in found.causes]
    heads, rows = found.table(width, max(_FEW, room - len(why)), painting_first=True)
    rows = [_row(console, row) for row in rows]
    drawn = Group(*texts, table("", heads, rows, cut=width), *why[: max(0, room - len(rows))])
    return Constrain(drawn, width)


def _row(console: Console, row: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(_drawn(console, text) for text in row)


def _drawn(console: Console, text: str) -> str:
    return sanitize_line(text.translate(_PLAIN) if console.options.ascii_only else text)
