"""What the report says in words: of the batch, and of each item."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from urllib.parse import quote

from pipeline.batch.ledger_rows import FlickerRow, ItemRow, RunRow, State
from pipeline.batch.plan.item import with_paths
from pipeline.batch.worst_frame import worst_frame, worst_frame_text
from pipeline.clip.parse import frames_text
from pipeline.clip.provenance import JOB, near
from pipeline.report.status import STOPPED, stopped_early
from pipeline.text import count_text, duration_text, size_text

_OUTCOMES = {"finished": "", "": " so far", STOPPED: ", stopped at the first failure"}


@dataclass(frozen=True)
class Moment:
    """A point in time."""

    iso: str
    """In UTC, for machines; the page shows it in the time of who reads."""
    text: str
    """In UTC, for people."""
    exact: str
    """The same, to the second."""


@dataclass(frozen=True)
class Headline:
    """The batch in a few numbers."""

    items: int
    done: int
    failed: int
    begun: int
    """Being painted, or interrupted."""
    waiting: int
    title: str
    runs: int
    took: str
    """How long the command has been at work, over all runs."""
    began: Moment | None
    ended: Moment | None
    """Of the last run; while it is at work, when the page was written."""
    running: bool
    """Whether the page will be written again."""
    stopped: bool
    """Whether it was left undone because something failed."""
    silent: Moment | None
    """From when on a run that is at work counts as interrupted, if the page has not been written again."""
    outcome: str
    """Of the last run, to be put behind the time: '', ' so far', ', interrupted'."""
    software: str


def headline(items: Sequence[ItemRow], runs: Sequence[RunRow], now: float | None, patience: float) -> Headline:
    """The batch in a few numbers.

    :param now: when that is, of a run that is at work; None of one that is not: without an end it was killed.
    :param patience: seconds for which a run that is at work may write nothing.
    """
    count = {state: sum(row.state is state for row in items) for state in State}
    done, failed, waiting = count[State.DONE], count[State.FAILED], count[State.WAITING]
    last = runs[-1] if runs else None
    running = last is not None and last.ended is None and now is not None
    ends = [run.seen if run.ended is None else run.ended for run in runs]
    if running and now is not None:
        ends[-1] = now
    killed = last is not None and last.ended is None and not running
    outcome = "" if last is None else STOPPED if stopped_early(last, items) else last.outcome or ""
    return Headline(
        items=len(items),
        done=done,
        failed=failed,
        begun=len(items) - done - failed - waiting,
        waiting=waiting,
        title=_title(len(items), done),
        runs=len(runs),
        took=duration_text(sum(end - run.began for end, run in zip(ends, runs, strict=True))) if runs else "",
        began=moment(runs[0].began) if runs else None,
        ended=moment(ends[-1]) if runs else None,
        running=running,
        stopped=outcome == STOPPED,
        silent=moment(now + patience) if running and now is not None else None,
        outcome=", interrupted" if killed else _OUTCOMES.get(outcome, f", {outcome}") if last else "",
        software="Reelbrush" if last is None else f"Reelbrush {last.version}",
    )


def _title(items: int, done: int) -> str:
    if not items:
        return "Nothing to paint"
    if done == items:
        return "One painting, finished" if items == 1 else f"All {items} painted"
    return f"{done} of {items} painted"


def moment(seconds: float) -> Moment:
    """:param seconds: since 1970."""
    at = datetime.fromtimestamp(int(seconds), timezone.utc)
    minute, second = at.strftime("%Y-%m-%d %H:%M UTC"), at.strftime("%Y-%m-%d %H:%M:%S UTC")
    return Moment(at.strftime("%Y-%m-%dT%H:%M:%SZ"), minute, second)


def facts(row: ItemRow, flicker: Sequence[FlickerRow]) -> tuple[str, ...]:
    """'480x270', '40 frames', '2 passes', 'painted in 3 min 20 s', '1.2 MB', ...; what is not known is left out."""
    styles = " + ".join(style.path.stem for style in row.item.styles)
    found = [row.state.value] if row.state in (State.PAINTING, State.INTERRUPTED) else []
    found.append(f"in the style of {styles}")
    if row.width and row.height:
        found.append(f"{row.width} × {row.height}")
    if row.frames:
        found.append("one picture" if row.item.still else count_text(row.frames, "frame"))
    if row.passes > 1 and not row.item.still:
        found.append(count_text(row.passes, "pass", "passes"))
    if row.seconds:
        found.append(f"{'painted in ' if row.state is State.DONE else ''}{duration_text(max(1.0, row.seconds))}")
    if row.outputs:
        found.append(" + ".join(size_text(output.size) for output in row.outputs))
    times = _times_that_of_the_input(flicker)
    if times is not None:
        found.append(f"flicker {times:.1f} × that of the input")
    seam = _times_that_of_the_input([one for one in flicker if one.frame == 0])
    if seam is not None:
        found.append(f"{seam:.1f} × at the seam of the loop")
    worst = worst_frame(flicker)
    if worst is not None:
        found.append(f"most at {worst_frame_text(worst, row.in_file)}")
    return tuple(found)


def _times_that_of_the_input(flicker: Sequence[FlickerRow]) -> float | None:
    """E_warp of the painting in that of the input; None where there is none to compare with."""
    both = [(one.painting, one.input) for one in flicker if one.painting is not None and one.input is not None]
    floor = sum(source for _, source in both)
    return sum(painting for painting, _ in both) / floor if floor > 0 else None


_FOR_PROGRAMS = ("settings", JOB, "losses")
"""What a result says of itself that is not listed: settings stand apart, the rest is JSON."""


def made_rows(row: ItemRow, folder: Path) -> tuple[tuple[str, str], ...]:
    """How a painting was made, name and value; its settings stand apart, and what only programs read is left out.

    :param folder: that of the page, from which ways lead to files: it may be shown to others, whom it does not concern
        what the folders of this machine are called.
    """
    item = with_paths(row.item, lambda path: Path(_way(path, folder)))
    several = len(item.styles) > 1
    rows = [("painted from", str(item.source))]
    rows += [
        (f"in the style of, weight {style.weight:g}" if several else "in the style of", str(style.path))
        for style in item.styles
    ]
    rows += [("began as", str(item.init))] if item.init is not None else []
    rows += [("painted by hand", one.text) for one in item.exemplar]
    rows += [("a region of its own", region.text) for region in item.region]
    rows += [("not painted", mask.text) for mask in item.protect]
    rows += [("keyframe", one.text) for one in item.keyframes]
    if item.frames is not None:
        rows.append(("frames", frames_text(item.frames)))
    if item.fps is not None:
        rows.append(("frames a second", item.fps))
    rows += [(name.replace("_", " "), value) for name, value in row.made.items() if name not in _FOR_PROGRAMS]
    rows += [(f"SHA-256 of {output.path.name}", output.digest) for output in row.outputs]
    return tuple(rows)


def _way(path: Path, folder: Path) -> str:
    """The way to a file from the folder of the page; its name alone where there is none, or it would lead through what
    lies around the home."""
    target, here = Path(os.path.abspath(path)), Path(os.path.abspath(folder))  # noqa: PTH100
    return os.path.relpath(target, here) if near(here, target) else target.name


def without_places(text: str, row: ItemRow, folder: Path) -> str:
    """What is said of an item, its files called as in `made_rows`."""
    item = row.item
    for path in sorted({*item.files_read, *item.outputs}, key=lambda path: len(str(path)), reverse=True):
        text = text.replace(str(path), _way(path, folder))
    return text.replace(f"{os.path.abspath(folder)}{os.sep}", "")  # noqa: PTH100


def settings_text(row: ItemRow) -> str:
    """Every setting, as TOML that --config reads."""
    return row.made.get("settings", "").strip()


def relative_link(path: Path, folder: Path) -> str:
    """A URL of `path` for a page in `folder`: relative, or absolute where there is no way from one to the other."""
    # Neither is resolved: where a link leads to is no business of the page's.
    target, here = Path(os.path.abspath(path)), Path(os.path.abspath(folder))  # noqa: PTH100
    try:
        way = os.path.relpath(target, here)
    except ValueError:  # another drive
        return target.as_uri()
    # './' keeps 'a:b.mp4' from being read as a protocol. Bytes, because a name need not be UTF-8.
    return "./" + quote(os.fsencode(way.replace(os.sep, "/")))
