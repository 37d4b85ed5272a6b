"""Lines and tables in a terminal, and the same where they are read by a file or a program."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from rich.cells import cell_len
from rich.console import Console
from rich.progress import BarColumn, Progress, Task, TextColumn
from rich.table import Column, Table
from rich.text import Text

from pipeline.text import sanitize, sanitize_line

WIDEST = 32
"""Characters to which the columns of a table are filled up off a terminal, where ..."""
LATEST = 80
"""... the last one would begin behind this one: after a longer text the row goes on below it, in its columns."""

ECHO = 3
"""Columns that stay free beside a bar, for the '^C' of a terminal and its cursor."""


_SHORTEST_BAR = 8
"""Columns that a bar has at least."""
LINE_EVERY = 10.0
"""Off a terminal a line of progress appears at most this often, in seconds: a log of many hours stays readable."""


def can_redraw(console: Console) -> bool:
    """Whether what was drawn can be drawn over. A dumb terminal cannot do that: it gets lines, as a log does."""
    return console.is_terminal and not console.is_dumb_terminal


class _Shortened(TextColumn):
    """A text of which the end goes where there is no room, before the bar and what it stands for do."""

    def __init__(self, text: str) -> None:
        super().__init__(text, markup=False, table_column=Column(no_wrap=False))

    def render(self, task: Task) -> Text:
        found = super().render(task)
        found.no_wrap, found.overflow = True, "ellipsis"
        return found


class Bars(Progress):
    """Bars that Ctrl-C does not disturb: where its echo begins a new line, what was drawn is not cleared away."""

    @classmethod
    def of_shares(cls, console: Console) -> Bars:
        """Bars of what has a total of 1, each with a description, percent, and the field `left`."""
        # What a column shows may hold a file's name, which is no markup.
        return cls(
            _Shortened("{task.description}"), BarColumn(bar_width=None),
            TextColumn("{task.percentage:>3.0f} %", table_column=Column(no_wrap=True, min_width=5)),
            _Shortened("{task.fields[left]}"),
            console=console, transient=True, refresh_per_second=5,
        )  # fmt: skip

    def make_tasks_table(self, tasks: Iterable[Task]) -> Table:
        """What is drawn."""
        made = super().make_tasks_table(tasks)
        if self.tasks:
            made.width = max(1, self.console.width - ECHO)
            shown = [task for task in self.tasks if task.visible]
            for number, column in enumerate(self.columns):
                if isinstance(column, BarColumn):
                    # The texts first, then the bar; but of a bar a little always stays.
                    texts = [one for one in self.columns if isinstance(one, TextColumn)]
                    # An empty one takes a column as well.
                    taken = sum(1 + max(1, *(one.render(task).cell_len for task in shown)) for one in texts if shown)
                    made.columns[number].width = max(_SHORTEST_BAR, made.width - taken)
        return made


def print_text(console: Console, text: str | Text, indent: int = 0) -> None:
    """Print a paragraph: on a terminal wrapped at words, elsewhere in one piece.

    :param indent: columns by which all lines but the first are moved to the right.
    """
    whole = text if isinstance(text, Text) else Text(sanitize(text))
    if console.is_terminal:
        width = console.width - indent
        lines = [line for part in whole.split("\n") for line in part.divide(_breaks(part.plain, width))]
        for number, line in enumerate(lines):
            line.rstrip()
            line.pad_left(indent if number else 0)
        whole = Text("\n").join(lines)
    console.print(whole, highlight=False, soft_wrap=True)


def _breaks(text: str, width: int) -> list[int]:
    """Where lines of so many columns begin, but for the first one. A word that fits on none, such as a path, is left
    to the terminal: it can be copied from there in one piece."""
    found, used = [], 0
    for word in re.finditer(r"\S+\s*|\s+", text):
        if used and used + cell_len(word.group().rstrip()) > width:
            found.append(word.start())
            used = 0
        used += cell_len(word.group())
    return found


def print_table(console: Console, title: str, heads: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    """A table of texts; values are shown as they are, never read as markup, nor obeyed by a terminal."""
    if console.is_terminal:
        console.print(table(title, heads, rows))
        return
    if title:
        print_text(console, title)
    cells = [heads, *(tuple(map(sanitize_line, row)) for row in rows)]
    widths = [max(cell_len(row[column]) for row in cells) for column in range(len(heads))]
    if sum(2 + width for width in widths[:-1]) > LATEST:
        widths = [min(WIDEST, width) for width in widths]
    for row in cells:
        for line in _lines(row, widths):
            print_text(console, line)


def _lines(row: Sequence[str], widths: Sequence[int]) -> list[str]:
    """A row of a table in so many lines that each cell begins in its column."""
    lines, start = [""], 0
    for cell, width in zip(row, widths, strict=True):
        if cell and lines[-1] and cell_len(lines[-1]) + 2 > start:
            lines.append("")
        if cell:
            lines[-1] += " " * (start - cell_len(lines[-1])) + cell
        start += width + 2
    return lines


def table(
    title: str,
    heads: tuple[str, ...],
    rows: Sequence[tuple[str, ...]],
    whole: Sequence[int] = (),
    cut: int | None = None,
) -> Table:
    """A table for a terminal.

    :param whole: columns that are never broken into lines.
    :param cut: columns of the terminal in which every row has to be one line; the first cell is cut off for that.
    """
    made = Table(title=title and sanitize_line(title), title_justify="left", box=None, pad_edge=False)
    widths = [max(cell_len(sanitize_line(row[column])) for row in (heads, *rows)) for column in range(len(heads))]
    first = None if cut is None else max(1, cut - sum(2 + width for width in widths[1:]))
    for column, head in enumerate(heads):
        made.add_column(
            head, overflow="fold" if cut is None else "ellipsis", no_wrap=cut is not None or column in whole,
            max_width=None if column else first,
        )  # fmt: skip
    for row in rows:
        made.add_row(*(Text(sanitize_line(value)) for value in row))
    return made
