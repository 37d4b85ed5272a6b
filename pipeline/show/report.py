"""One page about a whole batch: what failed and why, and every painting beside its input.

The page is a single file that works from the disk: pictures, styles and script are in it, and it asks for nothing else.
It says nothing that the ledger does not know, so the same ledger gives the same bytes.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from pipeline.job.batch.ledger import Ledger
from pipeline.job.batch.looks import share_of
from pipeline.job.batch.rows import ItemRow, State
from pipeline.media.outputs import written_atomically
from pipeline.media.thumbnail import smaller_thumbnail, thumbnail_size
from pipeline.show.onward import ONWARD
from pipeline.show.report_facts import facts, headline, made_rows, relative_link, settings_text, shown
from pipeline.show.report_plots import Plot, flicker_plot, loss_plot

OPEN_UP_TO = 12
"""In a batch of more items, those that are painted are folded up, each to a line."""


POINTS, FEWEST_POINTS, MOST_POINTS = 16_000, 80, 480
"""Points of all plots of a kind, and of one of them: the frames of a longer clip share them."""


def write_report(ledger: Ledger, path: Path) -> None:
    """Write the page, or replace it; it is complete at every moment.

    :raises OutputError: it cannot be written.
    :raises StoreError: the ledger is damaged.
    """
    page = render(ledger, path.parent)
    with written_atomically(path) as part:
        part.write_text(page, encoding="utf-8", newline="\n")


def render(ledger: Ledger, folder: Path) -> str:
    """The page as a text.

    :param folder: where it will lie: links are relative to it.
    """
    environment = Environment(
        loader=PackageLoader("pipeline.show", "page"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    environment.filters["shown"] = shown
    items = ledger.items()
    groups = {state: [row for row in items if row.state is state] for state in State}
    parts = _Parts(ledger, folder, len(items))
    script = _page_file("report.js")
    return environment.get_template("report.html").render(
        head=headline(items, ledger.runs()),
        failed=[parts.plain(row) for row in groups[State.FAILED]],
        begun=[parts.plain(row) for row in (*groups[State.PAINTING], *groups[State.INTERRUPTED])],
        done=[parts.painting(number, row) for number, row in enumerate(groups[State.DONE])],
        onward=ONWARD,
        waiting=[parts.plain(row) for row in groups[State.WAITING]],
        folded=len(items) > OPEN_UP_TO,
        style=Markup(_page_file("report.css")),
        script=Markup(script),
        # Nothing that a name or a message might smuggle in is ever run: only this very script is.
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    )


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
class Plain:
    """An item without pictures: one that failed, or is not finished."""

    row: ItemRow
    source: Link
    percent: int
    facts: tuple[str, ...]


@dataclass(frozen=True)
class Picture:
    """A look: a frame before and after."""

    number: int
    """As people count, from 1."""
    place: float
    """Where in the clip, 0 to 1."""
    before: str
    after: str
    """`data:` URLs."""


@dataclass(frozen=True)
class Painting:
    """A finished item, with all that the page says of it."""

    number: int
    row: ItemRow
    links: tuple[Link, ...]
    facts: tuple[str, ...]
    pictures: tuple[Picture, ...]
    width: int
    height: int
    """Of the pictures, or of the painting where there are none; for its proportions."""
    plots: tuple[Plot, ...]
    made: tuple[tuple[str, str], ...]
    settings: str


class _Parts:
    """Makes what the page shows of each item."""

    def __init__(self, ledger: Ledger, folder: Path, items: int) -> None:
        self._ledger = ledger
        self._folder = folder
        self._share = share_of(items)
        self._points = max(FEWEST_POINTS, min(MOST_POINTS, POINTS // max(1, items)))

    def plain(self, row: ItemRow) -> Plain:
        whole = row.frames * row.passes
        percent = int(100 * row.done / whole) if whole else 0
        return Plain(row, self._link("input", row.item.source), percent, facts(row, ()))

    def painting(self, number: int, row: ItemRow) -> Painting:
        flicker = self._ledger.flicker(row.name)
        frames = self._ledger.frames(row.name)
        found = (loss_plot(row, frames, self._points), flicker_plot(row, frames, flicker, self._points))
        looks = self._ledger.looks(row.name, spread(self._ledger.look_numbers(row.name), self._share.most_looks))
        small = [tuple(self._small(jpeg) for jpeg in (look.before, look.after)) for look in looks]
        pictures = tuple(
            Picture(look.frame + 1, (look.frame + 0.5) / max(1, row.frames), *map(_data_url, pair))
            for look, pair in zip(looks, small, strict=True)
        )
        width, height = thumbnail_size(small[0][1]) if small else (row.width or 16, row.height or 9)
        outputs = tuple(self._link("painting", output.path) for output in row.outputs)
        return Painting(
            number, row, (*outputs, self._link("input", row.item.source)), facts(row, flicker), pictures, width, height,
            tuple(plot for plot in found if plot is not None), made_rows(row), settings_text(row),
        )  # fmt: skip

    def _small(self, jpeg: bytes) -> bytes:
        # Made for a batch of this size they fit; in one that has grown since they are made smaller.
        return smaller_thumbnail(jpeg, self._share.longest, self._share.most)

    def _link(self, what: str, path: Path) -> Link:
        return Link(what, path.name, relative_link(path, self._folder))


def spread(numbers: Sequence[int], count: int) -> list[int]:
    """So many of `numbers`, evenly from the first to the last; of all but one, the one in the middle."""
    if len(numbers) <= count:
        return list(numbers)
    if count == 1:
        return [numbers[len(numbers) // 2]]
    return [numbers[round(k * (len(numbers) - 1) / (count - 1))] for k in range(count)]


def _data_url(jpeg: bytes) -> str:
    return f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}"
