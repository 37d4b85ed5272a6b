"""How far a batch is, in words: its heading and its table, for whatever draws them."""

from __future__ import annotations

from datetime import datetime

from pipeline.batch.ledger_rows import State
from pipeline.report.failures import RESUME_HINT
from pipeline.report.status import STOPPED, BatchStatus, ItemStatus
from pipeline.text import duration_text, remaining_text, sanitize_line

_WATCHED = (State.PAINTING, State.FAILED, State.INTERRUPTED, State.WAITING, State.DONE)
"""What a person who watches looks for first."""
_BAR = 12
"""Characters of a bar."""
_WIDE, _NARROW = 100, 70
"""Columns of a terminal below which a table has no bars, and below which it has no frames and rates either where it
would be wider with them."""


def status_heading(status: BatchStatus) -> tuple[str, ...]:
    """The whole batch, a line for each thing to be known of it."""
    counted = ", ".join(f"{count} {state}" for state, count in status.counts.items() if count) or "nothing to paint"
    lines = [f"{status.folder}: {counted}", f"{_bar(status.fraction)} {status.fraction:.0%}{_durations(status)}"]
    if status.run == "not running":
        lines.append("not running: the same command goes on where it was")
    elif status.run == "interrupted":
        lines.append("interrupted: the same command goes on where it was")
    elif status.run == STOPPED:
        lines.append("stopped at the first failure: without --fail-fast the same command paints the rest")
    elif status.run in ("failed", "not begun"):
        lines.append(status.run)
    if status.earlier:
        count = len(status.earlier)
        what = "painting of an earlier command is" if count == 1 else "paintings of earlier commands are"
        lines.append(f"{count} {what} there as well, which the last one leaves out")
    if status.counts[State.FAILED.value] and not status.going:
        lines.append(RESUME_HINT)
    if status.finish_by is not None and status.ends is not None:
        spare = status.finish_by - status.ends
        spare_text = f"{duration_text(abs(spare))} {'to spare' if spare >= 0 else 'too late, by this estimate'}"
        lines.append(f"to be finished by {_clock(status.finish_by, status.now)}: {spare_text}")
    return tuple(lines)


def _durations(status: BatchStatus) -> str:
    """How long it has taken, and how long it still takes; of several runs each has its share in the time."""
    took = duration_text(status.elapsed) + (f" in {status.runs} runs" if status.runs > 1 else "")
    parts = []
    if status.elapsed and status.run != "finished":
        parts.append(f"{took} so far")
    elif status.run == "finished" and status.fraction == 1.0:
        parts.append(f"done in {took}" if status.runs < 2 else f"done, {took}")
    parts += [f"{status.rate:.3g} frames a minute"] if status.rate and status.going else []
    if status.left:
        until = f", until {_clock(status.ends, status.now)}" if status.ends is not None else ""
        parts.append(f"{remaining_text(status.left)}{until}")
    elif status.left is None and status.going:
        parts.append("how long it will take is not known yet")
    return "".join(f", {part}" for part in parts)


def _clock(seconds: float, now: float) -> str:
    """'07:00'; with the day, where that is more than half a day away."""
    at = datetime.fromtimestamp(seconds)
    return at.strftime("%H:%M" if abs(seconds - now) < 43_200 else "%a %d %b, %H:%M")


def status_table(
    status: BatchStatus, width: int | None = None, most: int | None = None, painting_first: bool = False
) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Heads and a row for every item; a column of which nothing is known is left out.

    :param width: columns of the terminal; a narrow one shows less.
    :param most: rows; of more items the last row says how many are left out.
    """
    items = list(status.items)
    if painting_first:
        items.sort(key=lambda item: _WATCHED.index(State(item.state)))
    items += status.earlier
    some = items if most is None or len(items) <= most else items[: most - 1]
    rows = [_row(item, bars=width is None or width >= _WIDE) for item in some]
    heads = ("name", "state", "progress", "frames", "a minute", "time")
    filled = [column for column in range(len(heads)) if column == 0 or any(row[column] for row in rows)]
    widest = [max(len(sanitize_line(row[column])) for row in (heads, *rows)) for column in filled]
    if width is not None and width < _NARROW and sum(widest) + 2 * (len(filled) - 1) > width:
        filled = [column for column in filled if column not in (3, 4)]
    left_out = len(items) - len(some)
    rows += [(f"and {left_out} more", "", "", "", "", "")] if left_out else []
    return tuple(heads[column] for column in filled), [tuple(row[column] for column in filled) for row in rows]


def _row(item: ItemStatus, bars: bool) -> tuple[str, ...]:
    begun = item.fraction > 0 and item.state not in (State.DONE.value, State.FAILED.value)
    bar = f"{_bar(item.fraction)} " if bars else ""
    return (
        item.name,
        f"{item.state} earlier" if item.earlier else item.state,
        f"{bar}{item.fraction:.0%}" if begun else "",
        _frames(item),
        f"{item.rate:.3g}" if item.rate and item.state == State.PAINTING.value else "",
        _time(item),
    )


def _frames(item: ItemStatus) -> str:
    """'17/36', or of several passes '17/36 x 2', as in the plan: what is finished in any of them counts."""
    if not item.of:
        return ""
    return f"{item.done}/{item.of // item.passes}" + (f" x {item.passes}" if item.passes > 1 else "")


def _time(item: ItemStatus) -> str:
    """The last column: how long it took, or how long it will take."""
    if item.state == State.DONE.value:
        return f"took {duration_text(max(1.0, item.seconds))}" if item.seconds else ""
    return f"about {duration_text(max(1.0, item.left))}" if item.left else ""


def _bar(fraction: float) -> str:
    full = round(_BAR * fraction)
    return "█" * full + "░" * (_BAR - full)
