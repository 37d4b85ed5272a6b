"""The plots of the report: loss and flicker of a clip, frame by frame, as SVG paths with a label for each point.

They are written by hand: the page is one file that works from the disk, and plotly, which draws the same with hovering,
would put 3 MB of script into every one; matplotlib's SVG has neither hovering nor the page's dark colours.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, pairwise

from pipeline.batch.ledger_rows import FlickerRow, FrameRow, ItemRow
from pipeline.batch.worst_frame import worst_frame

WIDE, HIGH = 1000, 200
"""Units of a plot; the page stretches it to where it stands."""
HEADROOM = 1.08
"""The top of a plot, as a multiple of its largest value."""
MARKS = {
    "still": "repeats the frame before",
    "given": "painted by hand",
    "unstable": "did not settle",
    "seam": "seam of the loop",
    "worst": "flickers most",
}
"""Kinds of frames that stand out, and their labels."""

Value = float | None


@dataclass(frozen=True)
class PlotLine:
    """A line of a plot."""

    name: str
    kind: str
    """Its class: 'painting', 'input' or 'earlier'."""
    path: str
    """SVG path data in units of `WIDE` x `HIGH`."""
    area: str
    """The same, closed along the bottom; empty where it is not filled."""


@dataclass(frozen=True)
class Mark:
    """A run of frames that stand out."""

    kind: str
    x: float
    width: float


@dataclass(frozen=True)
class _Axes:
    """What all lines of a plot have in common."""

    title: str
    unit: str
    frames: int
    bins: Sequence[range]
    """All frames in order; each of these is a point."""
    top: float
    """The value at the upper edge."""
    cuts: Sequence[int]
    """First frame of each shot but the first."""
    ends: tuple[int, int]
    """The numbers of the first and of the last frame, by which a person names them."""
    scale: float = 1
    """A value times this is in `unit`."""


@dataclass(frozen=True)
class Plot:
    """A value of every frame of a clip."""

    title: str
    unit: str
    top: str
    """The value at the upper edge; the lower one is 0."""
    frames: int
    ends: tuple[int, int]
    """As for `_Axes`."""
    lines: tuple[PlotLine, ...]
    cuts: tuple[float, ...]
    """Where shots begin, in units of `WIDE`."""
    marks: tuple[Mark, ...]
    labels: tuple[tuple[float, float, str], ...]
    """Of every point: where along the clip, 0 to 1; height, 0 to 1; its label."""

    @property
    def legend(self) -> tuple[tuple[str, str], ...]:
        """(class, text) of all that is to be seen."""
        found = [(line.kind, line.name) for line in reversed(self.lines)]
        found += [("cut", "cut")] if self.cuts else []
        return tuple(found) + tuple((kind, MARKS[kind]) for kind in MARKS if kind in {mark.kind for mark in self.marks})


def loss_plot(row: ItemRow, frames: Sequence[FrameRow], points: int) -> Plot | None:
    """The weighted loss of every frame, of each pass; None for a single picture, or where nothing is known."""
    passes = {number: {one.frame: one for one in group} for number, group in groupby(frames, lambda one: one.in_pass)}
    if row.frames < 2 or not passes:
        return None
    last = max(passes)
    bins = _bins(row.frames, points)
    series = {
        number: [_most(rows[frame].losses.get("total") if frame in rows else None for frame in some) for some in bins]
        for number, rows in passes.items()
    }
    axes = _Axes("Loss", "weighted", row.frames, bins, _top(series.values()), row.cuts, _ends(row))
    lines = [
        _line(
            axes,
            f"pass {number}" if len(passes) > 1 else "loss",
            "painting" if number == last else "earlier",
            series[number],
        )
        for number in sorted(passes)
    ]

    def label(some: range) -> str:
        one = max(
            (passes[last][frame] for frame in some if frame in passes[last]),
            key=lambda one: one.losses.get("total", 0.0), default=None,
        )  # fmt: skip
        if one is None:
            return ""
        terms = ", ".join(f"{name} {_number(value)}" for name, value in one.losses.items() if name != "total")
        how = MARKS.get(one.stopped, f"{one.steps} steps, {one.seconds:.1f} s")
        total = f"loss {_number(one.losses.get('total'))}"
        return "\n".join(part for part in (_name(row, some, one.frame), total, terms, how) if part)

    return _plot(axes, series[last], lines, passes[last], label)


def flicker_plot(row: ItemRow, frames: Sequence[FrameRow], flicker: Sequence[FlickerRow], points: int) -> Plot | None:
    """E_warp of every frame, of the painting and of the input; None where it was not measured."""
    known = {one.frame: one for one in flicker}
    if not any(one.painting is not None for one in flicker):
        return None
    bins = _bins(row.frames, points)

    def series(value: Callable[[FlickerRow], Value]) -> list[Value]:
        return [_most(value(known[frame]) if frame in known else None for frame in some) for some in bins]

    painting, source = series(lambda one: one.painting), series(lambda one: one.input)
    axes = _Axes("Flicker", "1000 × E_warp", row.frames, bins, _top([painting, source]), row.cuts, _ends(row), 1000)
    lines = [
        _line(axes, "input", "input", source, row.cuts, fill=True),
        _line(axes, "painting", "painting", painting, row.cuts),
    ]

    def label(some: range) -> str:
        one = max((known[frame] for frame in some if frame in known), key=lambda one: one.painting or 0.0, default=None)
        if one is None or one.painting is None:
            return f"{_name(row, some, some[0])}\nbegins a shot" if some[0] == 0 or some[0] in row.cuts else ""
        ratio = f" ({one.painting / one.input:.1f} ×)" if one.input else ""
        seam = f"frame {row.in_file.of(0)}, after the last one: seam of the loop"
        name = _name(row, some, one.frame) if one.frame else seam
        return (
            f"{name}\npainting {_number(1000 * one.painting)}{ratio}\n"
            f"input {_number(None if one.input is None else 1000 * one.input)}"
        )

    last = max((one.in_pass for one in frames), default=1)
    stopped = {one.frame: one for one in frames if one.in_pass == last}
    plot = _plot(axes, painting, lines, stopped, label)
    # Wide enough to be seen where there are many frames.
    wide = round(max(WIDE / row.frames, WIDE / 100), 2)
    seam = (Mark("seam", 0, wide),) if 0 in known else ()
    worst = worst_frame(flicker)
    if worst is None:
        return replace(plot, marks=(*plot.marks, *seam))
    left = WIDE * (worst.frame + 0.5) / row.frames - wide / 2
    return replace(plot, marks=(*plot.marks, *seam, Mark("worst", round(min(max(0.0, left), WIDE - wide), 2), wide)))


def _plot(
    axes: _Axes,
    values: Sequence[Value],
    lines: Sequence[PlotLine],
    frames: dict[int, FrameRow],
    label: Callable[[range], str],
) -> Plot:
    """:param values: of the line whose points have labels."""
    labels = tuple(
        (round(_middle(some) / axes.frames, 5), round((value or 0) / axes.top, 4), text)
        for some, value in zip(axes.bins, values, strict=True)
        if (text := label(some))
    )
    cuts = tuple(round(WIDE * cut / axes.frames, 2) for cut in axes.cuts)
    marks = tuple(_marks(frames, axes.frames))
    top = _number(axes.scale * axes.top)
    return Plot(axes.title, axes.unit, top, axes.frames, axes.ends, tuple(lines), cuts, marks, labels)


def _bins(frames: int, points: int) -> list[range]:
    """All frames in order, in at most so many ranges of about one length."""
    count = min(frames, points)
    edges = [frames * k // count for k in range(count + 1)]
    return [range(first, end) for first, end in pairwise(edges)]


def _line(
    axes: _Axes, name: str, kind: str, values: Sequence[Value], breaks: Sequence[int] = (), fill: bool = False
) -> PlotLine:
    """A line that is broken where nothing is known, and at the frames `breaks`."""
    runs: list[list[tuple[float, float]]] = [[]]
    for some, value in zip(axes.bins, values, strict=True):
        if value is None or any(cut in some for cut in breaks):
            runs.append([])
        if value is not None:
            runs[-1].append((WIDE * _middle(some) / axes.frames, HIGH * (1 - value / axes.top)))
    path, area = "", ""
    for run in runs:
        if not run:
            continue
        # A point alone would not be seen.
        points = run if len(run) > 1 else [run[0], (run[0][0] + 1, run[0][1])]
        drawn = "L".join(f"{round(x, 1):g} {round(y, 1):g}" for x, y in points)
        path += f"M{drawn}"
        area += f"M{round(points[0][0], 1):g} {HIGH}L{drawn}L{round(points[-1][0], 1):g} {HIGH}Z" if fill else ""
    return PlotLine(name, kind, path, area)


def _marks(frames: dict[int, FrameRow], count: int) -> list[Mark]:
    """Neighbours of a kind become one mark."""
    found = []
    kinds = [(frame, one.stopped) for frame, one in sorted(frames.items()) if one.stopped in MARKS]
    for (kind, _), run in groupby(enumerate(kinds), lambda pair: (pair[1][1], pair[1][0] - pair[0])):
        numbers = [frame for _, (frame, _) in run]
        found.append(Mark(kind, round(WIDE * numbers[0] / count, 2), round(WIDE * len(numbers) / count, 2)))
    return found


def _middle(some: range) -> float:
    return (some[0] + some[-1] + 1) / 2


def _most(values: Iterable[Value]) -> Value:
    """The largest that is known: what is looked for is what stands out."""
    return max((value for value in values if value is not None and math.isfinite(value)), default=None)


def _top(series: Iterable[Sequence[Value]]) -> float:
    most = _most(value for values in series for value in values)
    return HEADROOM * most if most and most > 0 else 1.0


def _ends(row: ItemRow) -> tuple[int, int]:
    return row.in_file.of(0), row.in_file.of(row.frames - 1)


def _name(row: ItemRow, some: range, frame: int) -> str:
    number, first, last = map(row.in_file.of, (frame, some[0], some[-1]))
    return f"frame {number}" if len(some) == 1 else f"frame {number}, the highest of {first}–{last}"


def _number(value: Value) -> str:
    return "–" if value is None else f"{value:.3g}"
