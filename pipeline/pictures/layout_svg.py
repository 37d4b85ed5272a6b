"""A page as vectors: words and strokes as outlines, pictures as they are. Importing this takes half a second."""

from __future__ import annotations

from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from pipeline.media.lettering import INK, ascent
from pipeline.pictures.canvas import Canvas, Picture, Text
from pipeline.pictures.figure import write_svg

DOTS = 96
"""Pixels of a page for an inch of the SVG: those of CSS, so that a browser shows it as large as the PNG."""
POINTS = 72 / DOTS
"""Of a pixel."""


def write_layout(path: Path, page: Canvas) -> None:
    """Write a page as SVG; the same page gives the same bytes.

    :raises OutputError: it cannot be written.
    """
    figure = Figure(figsize=(page.width / DOTS, page.height / DOTS), dpi=DOTS, facecolor="white")
    ink = "#{:02x}{:02x}{:02x}".format(*INK)
    for mark in page.marks:
        if isinstance(mark, Picture):
            height, width = mark.size
            place = (mark.x, page.height - mark.y - height, width, height)
            axes = figure.add_axes(_shares(place, page))
            axes.set_axis_off()
            # Not resampled: the file holds the very pixels of the picture.
            axes.imshow(mark.image, interpolation="none", aspect="auto")
        elif isinstance(mark, Text):
            _write(figure, mark, page, ink)
        else:
            across = [x / page.width for x, _ in mark.points]
            up = [1 - y / page.height for _, y in mark.points]
            figure.add_artist(
                Line2D(across, up, linewidth=mark.width * POINTS, color=ink, solid_capstyle="round",
                       solid_joinstyle="round")
            )  # fmt: skip
    write_svg(path, figure)


def _write(figure: Figure, words: Text, page: Canvas, ink: str) -> None:
    above = ascent(words.height, words.bold)
    x, y = (words.x + words.size[1] - above, words.y) if words.down else (words.x, words.y + above)
    figure.text(
        x / page.width, 1 - y / page.height, words.text, fontsize=words.height * POINTS, family="DejaVu Sans",
        weight="bold" if words.bold else "normal", color=ink, ha="left", va="baseline",
        rotation=-90 if words.down else 0, rotation_mode="anchor", parse_math=False,
    )  # fmt: skip


def _shares(place: tuple[int, int, int, int], page: Canvas) -> tuple[float, float, float, float]:
    left, low, width, height = place
    return left / page.width, low / page.height, width / page.width, height / page.height
