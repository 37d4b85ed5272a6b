"""One page about a whole batch: what failed and why, and every painting beside its input.

The page is a single file that works from the disk: pictures, styles and script are in it, and it asks for nothing else.
It shows nothing that the ledger does not know but what time it is, so the same ledger gives the same bytes.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from pipeline.batch.ledger import Ledger
from pipeline.batch.ledger_rows import ItemRow, State
from pipeline.batch.thumbnails import thumbnail_limits
from pipeline.batch.worst_frame import worst_frame
from pipeline.media.outputs import written_atomically
from pipeline.media.thumbnail import smaller_thumbnail, thumbnail_size
from pipeline.report.failures import RESUME_HINT, Cause, Failure, causes
from pipeline.report.html_facts import facts, headline, made_rows, relative_link, settings_text, without_places
from pipeline.report.html_plots import Plot, flicker_plot, loss_plot
from pipeline.report.progress import row_progress
from pipeline.report.status import STALE_HERE
from pipeline.text import MOST_NAMES, listed, sanitize, sanitize_line

OPEN_UP_TO = 12
"""In a batch of more items, those that are painted are folded up, each to a line."""
POINTS, FEWEST_POINTS, MOST_POINTS = 16_000, 80, 480
"""Points of all plots of a kind, and of one of them: the frames of a longer clip share them."""
_OPTION = re.compile(r"(?<!\S)(--[a-z][a-z-]+)")
"""An option as it is typed; in brackets, so that what is split by it keeps it."""


class PageCache:
    """What was made of the paintings for an earlier page, for the next one: those that are done do not change."""

    def __init__(self) -> None:
        self._done: dict[str, tuple[tuple[ItemRow, int], Markup]] = {}

    def painting(self, row: ItemRow, items: int, made: Callable[[], Markup]) -> Markup:
        """What the page shows of a finished painting; it is made where the last page had nothing, or something else.

        :param items: paintings of the batch, of which it depends how much is shown of each.
        """
        known, text = self._done.get(row.name, (None, Markup()))
        if known != (row, items):
            text = made()
            self._done[row.name] = (row, items), text
        return text


def write_report(
    ledger: Ledger,
    path: Path,
    now: float | None = None,
    cache: PageCache | None = None,
    left_out: str = "",
    patience: float = STALE_HERE,
) -> None:
    """Write the page, or replace it; it is complete at every moment.

    :param now: as for `render`.
    :param cache: as for `render`.
    :param left_out: as for `render`.
    :param patience: as for `render`.
    :raises OutputError: it cannot be written.
    :raises StoreError: the ledger is damaged.
    """
    page = render(ledger, path.parent, now, cache, left_out, patience)
    with written_atomically(path) as part:
        part.write_text(page, encoding="utf-8", newline="\n")


def render(
    ledger: Ledger,
    folder: Path,
    now: float | None = None,
    cache: PageCache | None = None,
    left_out: str = "",
    patience: float = STALE_HERE,
) -> str:
    """The page as a text.

    :param folder: where it will lie: links are relative to it.
    :param now: seconds since 1970, while a run is at work that will write it again; None of one that has ended.
    :param cache: of earlier pages of the same ledger in the same folder.
    :param left_out: which files of the input folders are not painted, in sentences.
    :param patience: seconds after which the page says that the run was interrupted, if it is not written again.
    """
    cache = cache or PageCache()
    items, earlier = ledger.items(), ledger.earlier()
    if now is None:  # whoever was painting has ended, if only by a kill
        items = [replace(row, state=State.INTERRUPTED) if row.state is State.PAINTING else row for row in items]
    shown = len(items) + len(earlier)
    groups = {state: [row for row in items if row.state is state] for state in State}
    parts = _Parts(ledger, folder, shown)
    script = _page_file("report.js")
    return (
        _templates()
        .get_template("report.html")
        .render(
            head=headline(items, ledger.runs(), now, patience),
            failed=parts.failed(groups[State.FAILED]),
            begun=[parts.plain(row) for row in (*groups[State.PAINTING], *groups[State.INTERRUPTED])],
            done=[cache.painting(row, shown, partial(parts.painting, row)) for row in groups[State.DONE]],
            earlier=[cache.painting(row, shown, partial(parts.painting, row)) for row in earlier],
            waiting=[parts.plain(row) for row in groups[State.WAITING]],
            resume_hint=RESUME_HINT,
            folded=parts.folded,
            left_out=left_out,
            style=Markup(_page_file("report.css")),
            script=Markup(script),
            # Nothing that a name or a message might smuggle in is ever run: only this very script is.
            script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        )
    )


@cache
def _templates() -> Environment:
    found = Environment(
        loader=PackageLoader("pipeline.report", "page"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    found.filters.update(sanitize=sanitize, sanitize_line=sanitize_line, prose=prose)
    return found


def _page_file(name: str) -> str:
    return (Path(__file__).parent / "page" / name).read_text(encoding="utf-8")


@dataclass(frozen=True)
class Link:
    """A file to open."""

    what: str
    text: str
    target: str
    """A URL, quoted; relative where it can be."""


@dataclass(frozen=True)
class UnfinishedItem:
    """An item without pictures: one that failed, or is not finished."""

    row: ItemRow
    source: Link
    percent: int
    facts: tuple[str, ...]


@dataclass(frozen=True)
class FailedItems:
    """Items that have failed for one reason."""

    who: str
    why: str
    sources: tuple[Link, ...]
    facts: tuple[str, ...]


@dataclass(frozen=True)
class ComparedFrame:
    """A frame before and after."""

    number: int
    """As people count, from 1."""
    place: float
    """Where in the clip, 0 to 1."""
    before: str
    after: str
    """`data:` URLs."""
    worst: bool
    """Whether it is the one at which the painting flickers most, and that stands out."""


@dataclass(frozen=True)
class FinishedItem:
    """A finished item, with all that the page shows of it."""

    row: ItemRow
    links: tuple[Link, ...]
    facts: tuple[str, ...]
    pictures: tuple[ComparedFrame, ...]
    width: int
    height: int
    """Of the pictures, or of the painting where there are none; for its proportions."""
    plots: tuple[Plot, ...]
    made: tuple[tuple[str, str], ...]
    settings: str
    notes: tuple[str, ...]


class _Parts:
    """Makes what the page shows of each item."""

    def __init__(self, ledger: Ledger, folder: Path, items: int) -> None:
        self._ledger = ledger
        self._folder = folder
        self.folded = items > OPEN_UP_TO
        self._limits = thumbnail_limits(items)
        self._points = max(FEWEST_POINTS, min(MOST_POINTS, POINTS // max(1, items)))

    def plain(self, row: ItemRow) -> UnfinishedItem:
        percent = int(100 * row_progress(row).fraction)
        return UnfinishedItem(row, self._link("input", row.item.source), percent, facts(row, ()))

    def failed(self, rows: Sequence[ItemRow]) -> list[FailedItems]:
        """Why they have failed, each cause once: a broken input is one, in however many styles it was to be painted."""
        by_name = {row.name: row for row in rows}
        found = causes(Failure(row.name, str(row.item.source), row.error or "") for row in rows)
        return [self._failed([by_name[name] for name in cause.names], cause) for cause in found]

    def _failed(self, rows: Sequence[ItemRow], cause: Cause) -> FailedItems:
        said = without_places(cause.why, rows[0], self._folder)
        if len(rows) == 1:
            one = self.plain(rows[0])
            # Of several lines each stays one.
            why = without_places(rows[0].error or "", rows[0], self._folder)
            return FailedItems(cause.who, why if "\n" in why else said, (one.source,), one.facts)
        sources = list(dict.fromkeys(row.item.source for row in rows))[:MOST_NAMES]
        return FailedItems(
            cause.who, said, tuple(self._link("input", source) for source in sources),
            (listed([row.name for row in rows]),),
        )  # fmt: skip

    def painting(self, row: ItemRow) -> Markup:
        """A finished painting as it stands in the page."""
        parts: Any = _templates().get_template("parts.html").module
        return Markup(parts.painting(self._painting(row), self.folded))

    def _painting(self, row: ItemRow) -> FinishedItem:
        flicker = self._ledger.flicker(row.name)
        frames = self._ledger.frames(row.name)
        found = (loss_plot(row, frames, self._points), flicker_plot(row, frames, flicker, self._points))
        worst = worst_frame(flicker)
        marked = None if worst is None else worst.frame
        numbers = self._ledger.thumbnail_frames(row.name)
        chosen = set(evenly_spaced(numbers, self._limits.most_frames)) | ({marked} & set(numbers))
        thumbnails = self._ledger.thumbnails(row.name, sorted(number for number in chosen if number is not None))
        small = [(self._small(one.before), self._small(one.after)) for one in thumbnails]
        pictures = tuple(
            _compared(row, one.frame, before, after, one.frame == marked)
            for one, (before, after) in zip(thumbnails, small, strict=True)
        )
        width, height = thumbnail_size(small[0][1]) if small else (row.width or 16, row.height or 9)
        outputs = tuple(self._link("painting", output.path) for output in row.outputs)
        return FinishedItem(
            row, (*outputs, self._link("input", row.item.source)), facts(row, flicker), pictures, width, height,
            tuple(plot for plot in found if plot is not None), made_rows(row, self._folder), settings_text(row),
            tuple(without_places(note, row, self._folder) for note in row.notes),
        )  # fmt: skip

    def _small(self, jpeg: bytes) -> bytes:
        # Made for a batch of this size they fit; in one that has grown since they are made smaller.
        return smaller_thumbnail(jpeg, self._limits.longest, self._limits.most_bytes)

    def _link(self, what: str, path: Path) -> Link:
        return Link(what, path.name, relative_link(path, self._folder))


def evenly_spaced(numbers: Sequence[int], count: int) -> list[int]:
    """So many of `numbers`, evenly from the first to the last; of all but one, the one in the middle."""
    if len(numbers) <= count:
        return list(numbers)
    if count == 1:
        return [numbers[len(numbers) // 2]]
    return [numbers[round(k * (len(numbers) - 1) / (count - 1))] for k in range(count)]


def prose(text: object) -> Markup:
    """A paragraph in which the options of the command line are never broken in two."""
    parts = _OPTION.split(sanitize(text))
    return Markup("").join(
        Markup('<span class="option">{}</span>').format(part) if number % 2 else part
        for number, part in enumerate(parts)
    )


def _compared(row: ItemRow, frame: int, before: bytes, after: bytes, worst: bool) -> ComparedFrame:
    """:param before, after: JPEG files."""
    along = (frame + 0.5) / max(1, row.frames)
    return ComparedFrame(row.in_file.of(frame), along, _data_url(before), _data_url(after), worst)


def _data_url(jpeg: bytes) -> str:
    return f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}"
