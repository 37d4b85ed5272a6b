"""Curves of losses on a log scale, named at their ends."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import MaxNLocator

from pipeline.pictures.figures.loss_sources import LossCurve

# Okabe and Ito (2008): told apart by whoever does not see all colours, and in grey by their lightness.
COLOURS = {"total": "#1f2937", "content": "#0072b2", "style": "#d55e00", "tv": "#009e73", "temporal": "#b5649b"}
NAMES = {"tv": "total variation"}
WIDTH, HEIGHT = 7.2, 3.4
"""Of a plot, in inches: as wide as the text of a page."""
DOTS = 300
"""An inch."""
MARGIN = 0.11
"""Round each plot, in inches."""
DECADES = 6
"""What is further below the largest loss is of no account."""
ACROSS = 3
"""Passes of a clip beside each other, at most."""
APART = 0.062
"""Between two names at the ends of curves, in heights of the plot."""


@dataclass(frozen=True)
class _End:
    """Where a curve ends, and its name."""

    value: float
    name: str
    colour: str
    bold: bool


def plot_losses(curves: Sequence[LossCurve]) -> Figure:
    """A plot for each curve, one above the other; the passes of a clip beside each other, on one scale."""
    groups = [list(group) for _, group in groupby(curves, key=lambda curve: curve.name)]
    across = [min(ACROSS, len(group)) for group in groups]
    rows = [math.ceil(len(group) / wide) for group, wide in zip(groups, across, strict=True)]
    layout = ConstrainedLayoutEngine(w_pad=MARGIN, h_pad=MARGIN)
    figure = Figure(figsize=(WIDTH, HEIGHT * sum(rows)), dpi=DOTS, layout=layout, facecolor="white")
    grid = figure.add_gridspec(sum(rows), math.lcm(*across))
    top = 0
    for group, wide, high in zip(groups, across, rows, strict=True):
        cells = grid.ncols // wide
        panels = [
            figure.add_subplot(grid[top + number // wide, number % wide * cells : (number % wide + 1) * cells])
            for number in range(len(group))
        ]
        _draw_group(panels, group, wide)
        top += high
    return figure


def _draw_group(panels: Sequence[Axes], group: Sequence[LossCurve], across: int) -> None:
    """What was painted in several passes, in one panel for each."""
    ends: dict[str, _End] = {}
    first, last = min(curve.places[0] for curve in group), max(curve.places[-1] for curve in group)
    for number, (axes, curve) in enumerate(zip(panels, group, strict=True)):
        ends.update(_curves(axes, curve))
        # A clip that is being painted has cuts that no frame has come to yet.
        _mark_breaks(axes, [(place, text) for place, text in curve.breaks if first <= place <= last])
        axes.set_title(curve.pass_name or curve.name, fontsize=10, loc="left", parse_math=False,
                       fontweight="normal" if curve.pass_name else "bold")  # fmt: skip
        if number % across == 0:
            axes.set_ylabel("weighted loss" if curve.weights else "loss, terms unweighted", fontsize=9)
        else:
            axes.tick_params(labelleft=False)
    if group[0].pass_name:
        panels[0].annotate(
            group[0].name, (0, 1), xycoords="axes fraction", xytext=(0, 22), textcoords="offset points", fontsize=10,
            fontweight="bold", parse_math=False, annotation_clip=False,
        )  # fmt: skip
    limits = [axes.get_ylim() for axes in panels]
    highest = max(
        value for curve in group for term in curve.terms for value in curve.weighted(term) if value is not None
    )
    low = max(min(low for low, _ in limits), highest / 10**DECADES)
    for number, axes in enumerate(panels):
        axes.set_ylim(low, max(high for _, high in limits))
        axes.set_xlim(first, max(last, first + 1))
        if (number + 1) % across == 0 or number == len(panels) - 1:
            _name(axes, list(ends.values()))


def _curves(axes: Axes, curve: LossCurve) -> dict[str, _End]:
    """Draw every term; tells where each ends."""
    ends: dict[str, _End] = {}
    for term in curve.terms:
        values = curve.weighted(term)
        positive = [math.nan if value is None or value <= 0 else value for value in values]
        drawn = [value for value in positive if not math.isnan(value)]
        if not drawn:
            continue
        colour = COLOURS.get(term, "#6b7280")
        wide = 1.8 if term == "total" else 1.2
        marker = "." if len(drawn) <= 40 else None
        for first, end in curve.stretches():
            axes.plot(
                curve.places[first:end],
                positive[first:end],
                color=colour,
                linewidth=wide,
                marker=marker,
                markersize=4,
            )
        ends[term] = _End(drawn[-1], _named(term, curve), colour, term == "total")
    axes.set_yscale("log")
    axes.set_xlabel(curve.along, fontsize=9)
    axes.tick_params(labelsize=8)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="#e5e7eb", linewidth=0.6)
    axes.set_axisbelow(True)
    return ends


def _mark_breaks(axes: Axes, breaks: Sequence[tuple[int, str]]) -> None:
    for place, text in breaks:
        axes.axvline(place, color="#9ca3af", linestyle=":", linewidth=0.9, zorder=0)
        axes.annotate(
            text, (place, 1), xycoords=("data", "axes fraction"), xytext=(2, -2), textcoords="offset points",
            fontsize=7, color="#6b7280", va="top",
        )  # fmt: skip


def _named(term: str, curve: LossCurve) -> str:
    name = NAMES.get(term, term)
    weight = curve.weights.get(term)
    return name if term == "total" or weight in (None, 1.0) else f"{name} × {weight:g}"


def _name(axes: Axes, ends: Sequence[_End]) -> None:
    """Put the names beside the ends of the curves, moved apart where they would overlap."""
    low, high = (math.log10(limit) for limit in axes.get_ylim())
    ends = sorted(ends, key=lambda end: end.value)
    heights = spread([(math.log10(end.value) - low) / (high - low) for end in ends], APART)
    for height, end in zip(heights, ends, strict=True):
        axes.annotate(
            end.name, (1.0, height), xycoords="axes fraction", xytext=(5, 0), textcoords="offset points", fontsize=8.5,
            color=end.colour, va="center", fontweight="bold" if end.bold else "normal", annotation_clip=False,
        )  # fmt: skip


def spread(places: Sequence[float], apart: float) -> list[float]:
    """Places in 0..1, rising, moved as little as it takes until each is `apart` from the next, or more.

    Those that are too near each other become one group around their middle, and groups that touch one larger group.
    """
    groups: list[list[float]] = []
    for place in places:
        groups.append([min(1.0, max(0.0, place))])
        while len(groups) > 1 and _reach(groups[-2], apart)[1] + apart > _reach(groups[-1], apart)[0]:
            last = groups.pop()
            groups[-1] += last
    return [_reach(group, apart)[0] + number * apart for group in groups for number in range(len(group))]


def _reach(group: Sequence[float], apart: float) -> tuple[float, float]:
    """First and last place of a group that stands evenly around its middle, within 0..1."""
    half = apart * (len(group) - 1) / 2
    middle = max(half, min(1 - half, sum(group) / len(group)))
    return middle - half, middle + half
