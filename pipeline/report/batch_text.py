"""A batch in words: what is planned, and what came of it."""

from __future__ import annotations

import time
from collections.abc import Sequence

from pipeline.batch.events import BatchEnded, Planned, PlanRow
from pipeline.text import duration_text, sanitize_line, size_text

PLAN_HEADS = ("painting", "of", "size", "frames", "about", "")


def plan_rows(rows: Sequence[PlanRow]) -> list[tuple[str, ...]]:
    """What is going to be done, for a table with `PLAN_HEADS`."""
    return [
        (
            row.name,
            row.source,
            f"{row.width}x{row.height}" if row.width else "",
            "" if not row.frames else f"{row.frames}" + (f" x {row.passes}" if row.passes > 1 else ""),
            duration_text(row.seconds) if row.seconds else "",
            f"{row.what}: {row.changed}" if row.changed else row.what,
        )
        for row in rows
    ]


def plan_line(event: Planned) -> str:
    """One sentence: what is going to happen, how long it takes, what it needs."""
    nothing = event.finished + len(event.failed) == event.items
    parts = ["nothing to paint" if nothing else f"{event.paint} of {event.items} to paint"]
    if event.finished:
        parts.append(f"{event.finished} finished already")
    if event.failed:
        parts.append(f"{len(event.failed)} failed")
    text = f"{sanitize_line(event.folder)}: {', '.join(parts)}"
    if anew := [row.changed for row in event.rows if row.what == "paint anew"]:
        reasons = "; ".join(dict.fromkeys(anew))
        text += f"; {len(anew)} of them anew, in place of what was finished ({reasons})"
    if event.paint:
        text += f"; about {duration_text(max(1.0, event.seconds))}"
        text += f" with {event.workers} workers" if event.workers > 1 else ""
        if event.finish_by is not None:
            left = event.finish_by - time.time()
            clock = time.strftime("%H:%M" if left > 3600 else "%H:%M:%S", time.localtime(event.finish_by))
            text += f", to be done by {clock}{' with fewer steps' if left < event.seconds else ''}"
        text += f", {size_text(event.room)} of disk of {size_text(event.free)} that are free"
    return text


def end_line(event: BatchEnded, painted: int) -> str:
    """One sentence: what came of it.

    :param painted: how many paintings this run has finished.
    """
    before = event.done - painted
    parts = [f"{painted} painted" if painted else "nothing painted"]
    if before:
        parts.append(f"{before} {'was' if before == 1 else 'were'} finished before")
    if event.failed:
        parts.append(f"{len(event.failed)} failed")
    if event.left:
        parts.append(f"{event.left} not finished")
    return f"{sanitize_line(event.folder)}: {', '.join(parts)}, in {duration_text(max(1.0, event.seconds))}"
