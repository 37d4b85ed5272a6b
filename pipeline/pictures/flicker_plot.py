"""A plot of what was measured over time: flicker on the left, drift on the right."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pipeline.media import Image
from pipeline.motion.measure import LONG, FrameMeasure
from pipeline.motion.shots import Shot
from pipeline.motion.summary import Summary
from pipeline.pictures.matplotlib_figure import figure_pixels

PAINTING, INPUT = "#c2410c", "#64748b"
LIGHTNESS, GREEN_RED, BLUE_YELLOW = "#111827", "#be123c", "#b45309"
Value = Callable[[FrameMeasure], "float | None"]


def flicker_plot(measures: Sequence[FrameMeasure], summary: Summary, shots: Sequence[Shot], title: str) -> Image:
    """The plot, uint8 (900, 1500, 3), RGB; see `_flicker_figure`."""
    return figure_pixels(_flicker_figure(measures, summary, shots, title))


def _flicker_figure(measures: Sequence[FrameMeasure], summary: Summary, shots: Sequence[Shot], title: str) -> Figure:
    """Flicker, colour and sharpness over time, of the painting and of the input.

    :param measures: of every frame, in order.
    :param shots: as they were used for `measures`.
    :param title: what was compared with what.
    """
    figure = Figure(figsize=(10, 6), dpi=150, layout="constrained", facecolor="white")
    figure.suptitle(title, fontsize=12, fontweight="bold", parse_math=False)
    (short, colour), (long, sharp) = figure.subplots(2, 2, sharex=True)
    plots = _Plots(measures, shots)

    short.set_title("Flicker from frame to frame")
    plots.flicker(short, lambda frame: frame.e_warp, summary.e_warp, "painting", PAINTING)
    plots.flicker(short, lambda frame: frame.e_warp_input, summary.e_warp_input, "input, the floor", INPUT)
    long.set_title(f"Flicker over {LONG} frames")
    plots.flicker(long, lambda frame: frame.e_warp_long, summary.e_warp_long, "painting", PAINTING)
    plots.flicker(long, lambda frame: frame.e_warp_long_input, summary.e_warp_long_input, "input, the floor", INPUT)

    colour.set_title("Colour shift since the start of the shot")
    colour.set_ylabel("painting − input (CIELAB)")
    names = (("lightness L*", LIGHTNESS), ("green to red a*", GREEN_RED), ("blue to yellow b*", BLUE_YELLOW))
    for axis, (name, shade) in enumerate(names):
        plots.line(colour, plots.since_start(axis), name, shade)
    _at_least(colour, 3.0)
    colour.axhline(0, color="#d1d5db", linewidth=0.8, zorder=0)

    sharp.set_title("Sharpness")
    sharp.set_ylabel("mean gradient (L* a pixel)")
    plots.line(sharp, lambda frame: frame.sharpness, "painting", PAINTING)
    plots.line(sharp, lambda frame: frame.sharpness_input, "input", INPUT)
    # Once all lines are there: from then on the axis does not grow any more.
    for axes in (short, long, sharp):
        axes.set_ylim(bottom=0)

    for axes in (long, sharp):
        axes.set_xlabel("time (s)")
    for axes in (short, colour, long, sharp):
        plots.mark_cuts(axes)
        axes.spines[["top", "right"]].set_visible(False)
        if axes.get_legend_handles_labels()[0]:
            axes.legend(fontsize=8, frameon=False, loc="best")
        axes.set_xlim(measures[0].time, measures[-1].time)
    return figure


class _Plots:
    """Lines over the time of one clip, broken at its cuts."""

    def __init__(self, measures: Sequence[FrameMeasure], shots: Sequence[Shot]) -> None:
        self._measures = measures
        self._shots = shots

    def flicker(self, axes: Axes, value: Value, mean: float | None, name: str, colour: str) -> None:
        """One line in thousandths, filled where it is the floor, and its mean."""
        axes.set_ylabel("1000 x E_warp", parse_math=False)
        if mean is None:
            if colour == PAINTING:
                axes.text(0.5, 0.5, "no shot is long enough", transform=axes.transAxes, ha="center", color=INPUT)
            return

        def thousandths(frame: FrameMeasure) -> float | None:
            flicker = value(frame)
            return None if flicker is None else 1000 * flicker

        self.line(axes, thousandths, f"{name}: mean {1000 * mean:.3g}", colour, fill=colour == INPUT)
        axes.axhline(1000 * mean, color=colour, linestyle="--", linewidth=0.9)

    def line(self, axes: Axes, value: Value, name: str, colour: str, fill: bool = False) -> None:
        """A line for each shot, all under one name."""
        marker = "." if len(self._measures) <= 60 else None
        label: str | None = name
        for first, end in self._shots:
            frames = [(frame.time, value(frame)) for frame in self._measures[first:end]]
            known = [(time, amount) for time, amount in frames if amount is not None]
            if not known:
                continue
            times, values = zip(*known, strict=True)
            axes.plot(times, values, color=colour, linewidth=1.4, marker=marker, markersize=4, label=label)
            label = None
            if fill:
                axes.fill_between(times, values, color=colour, alpha=0.2, linewidth=0)

    def since_start(self, axis: int) -> Value:
        starts = {number: self._measures[first].colour[axis] for number, (first, _) in enumerate(self._shots)}
        return lambda frame: frame.colour[axis] - starts[frame.shot]

    def mark_cuts(self, axes: Axes) -> None:
        for number, (first, _) in enumerate(self._shots[1:]):
            axes.axvline(
                self._measures[first].time, color="#9ca3af", linestyle=":", linewidth=1.2, zorder=0,
                label="cut" if number == 0 else None,
            )  # fmt: skip


def _at_least(axes: Axes, reach: float) -> None:
    """Show so much of the axis on both sides of 0 that a shift nobody can see looks small."""
    low, high = axes.get_ylim()
    axes.set_ylim(min(low, -reach), max(high, reach))
