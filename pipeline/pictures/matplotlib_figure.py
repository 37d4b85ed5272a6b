"""What Matplotlib draws: its figures as pixels and as SVG, and a canvas as SVG. Importing it takes half a second: only
what draws should."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import FancyBboxPatch
from matplotlib.transforms import Affine2D

from pipeline.media import Image
from pipeline.media.outputs import written_atomically
from pipeline.pictures.canvas import Box, Canvas, Line, Picture, Text
from pipeline.pictures.lettering import Colour, ascent

DOTS = 96
"""Pixels of a canvas for an inch of the SVG: those of CSS, so that a browser shows it as large as the PNG."""
POINTS = 72 / DOTS
"""Of a pixel."""


def figure_pixels(figure: Figure) -> Image:
    """What a figure looks like, uint8 (H, W, 3), RGB; its size in pixels is its own size times its dots an inch.

    No pyplot, which would look for a screen and keep every figure.
    """
    agg: Any = FigureCanvasAgg(figure)
    agg.draw()
    pixels = np.asarray(agg.buffer_rgba(), np.uint8)
    return np.ascontiguousarray(pixels[..., :3], np.uint8)


def write_figure_svg(path: Path, figure: Figure) -> None:
    """Write a figure as SVG, its letters as outlines; the same figure gives the same bytes.

    :raises OutputError: it cannot be written.
    """
    with rc_context({"svg.hashsalt": "reelbrush", "svg.fonttype": "path"}), written_atomically(path) as part:
        figure.savefig(part, format="svg", metadata={"Date": None, "Creator": None})


def write_canvas_svg(path: Path, canvas: Canvas) -> None:
    """Write a canvas as SVG, texts as outlines and pictures as they are; the same canvas gives the same bytes.

    :raises OutputError: it cannot be written.
    """
    figure = Figure(figsize=(canvas.width / DOTS, canvas.height / DOTS), dpi=DOTS, facecolor=_hexadecimal(canvas.paper))
    # From pixels, counted from the top left corner.
    places = Affine2D().scale(1 / canvas.width, -1 / canvas.height).translate(0, 1) + figure.transFigure
    for order, mark in enumerate(canvas.marks):
        if isinstance(mark, Picture):
            height, width = mark.size
            axes = figure.add_axes(
                (mark.x / canvas.width, 1 - (mark.y + height) / canvas.height, width / canvas.width,
                 height / canvas.height), zorder=order,
            )  # fmt: skip
            axes.set_axis_off()
            # Not resampled: the file holds the very pixels of the picture.
            axes.imshow(mark.image, interpolation="none", aspect="auto")
        elif isinstance(mark, Text):
            above = ascent(mark.letters, mark.bold)
            x, y = (mark.x + mark.size[1] - above, mark.y) if mark.down else (mark.x, mark.y + above)
            figure.text(
                x, y, mark.text, transform=places, fontsize=mark.letters * POINTS, family="DejaVu Sans",
                weight="bold" if mark.bold else "normal", color=_hexadecimal(mark.colour), ha="left", va="baseline",
                rotation=-90 if mark.down else 0, rotation_mode="anchor", parse_math=False, zorder=order,
            )  # fmt: skip
        elif isinstance(mark, Line):
            across, down = zip(*mark.points, strict=True)
            figure.add_artist(
                Line2D(across, down, transform=places, linewidth=mark.width * POINTS, color=_hexadecimal(mark.colour),
                       solid_capstyle="round", solid_joinstyle="round", zorder=order)
            )  # fmt: skip
        else:
            figure.add_artist(_patch(mark, places, order))
    write_figure_svg(path, figure)


def _patch(box: Box, places: Any, order: int) -> FancyBboxPatch:
    style = f"round,pad=0,rounding_size={box.radius}" if box.radius else "square,pad=0"
    return FancyBboxPatch(
        (box.x, box.y), box.width, box.height, boxstyle=style, transform=places, facecolor=_hexadecimal(box.colour),
        alpha=box.opacity, linewidth=0, zorder=order,
    )  # fmt: skip


def _hexadecimal(colour: Colour) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)
