"""A video of where a painting flickers: the painting on the left, its unexplained change on the right."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from pipeline.media import Frame, Image, VideoInfo, open_sink, resize
from pipeline.media.plan import SinkPlan
from pipeline.motion.measure import MeasuredFrame
from pipeline.pictures.canvas import beside, of_picture, stacked
from pipeline.pictures.frame_alignment import Alignment
from pipeline.pictures.matplotlib_figure import figure_pixels

BRIGHTEST = 64.0
"""Change in levels of 255 (root mean square of the channels) that is shown brightest."""
NARROWEST = 400
"""A panel of fewer pixels than this is enlarged by a whole number, or nothing could be read below it..."""
TALLEST = 1080
"""... as long as it does not become taller than this."""
STRIP = 64
"""Height of the scale, in pixels."""
GREY = 96
"""Where nothing can be compared: hidden in one of the frames, or at the edge of what moves."""


class Heatmap:
    """Takes measured frames and writes the video through a sink. Made before anything is measured."""

    def __init__(self, path: Path, info: VideoInfo, alignment: Alignment, overwrite: bool) -> None:
        """
        :param info: of the painting.
        :raises ReelbrushError: nothing can be written there.
        """
        self._times = alignment.times
        self._enlarged = max(1, min(-(-NARROWEST // info.width), TALLEST // info.height))
        width, height = info.width * self._enlarged, info.height * self._enlarged
        self._strip = _strip(2 * width, STRIP + height % 2)
        self._sink = open_sink(SinkPlan(
            path, width=2 * width, height=height + len(self._strip), times=alignment.times, duration=alignment.duration,
            rate=alignment.rate, variable=alignment.variable, overwrite=overwrite,
        ))  # fmt: skip

    def put(self, measured: MeasuredFrame) -> None:
        """Show the next frame."""
        height, width = (self._enlarged * side for side in measured.painting.shape[:2])
        panels = beside(of_picture(resize(image, width, height)) for image in (measured.painting, heat(measured)))
        index = measured.measure.frame
        frame = stacked([panels, of_picture(self._strip)])
        self._sink.put(Frame(index, self._times[index], frame.pixels()))

    def finish(self) -> None:
        """Complete the file and give it its name."""
        self._sink.finish()

    def abort(self) -> None:
        """Remove what is unfinished; after `finish` this does nothing."""
        self._sink.abort()


def heat(measured: MeasuredFrame) -> Image:
    """The unexplained change in colours from black to yellow, grey where it cannot be told, black in the first frame of
    a shot; uint8 (H, W, 3)."""
    if measured.error is None or measured.c is None:
        return np.zeros_like(measured.painting)
    levels = np.sqrt(measured.error) * 255
    colours = colormaps["inferno"](np.clip(levels / BRIGHTEST, 0, 1), bytes=True)[..., :3]
    return np.where(measured.c[..., None] > 0, colours, np.uint8(GREY))


def _strip(width: int, height: int) -> Image:
    """The scale under the panels."""
    figure = Figure(figsize=(width / 100, height / 100), dpi=100, facecolor="black")
    small: dict[str, Any] = {"color": "white", "fontsize": 8, "ha": "center", "va": "center"}
    figure.text(0.25, 0.5, "painting", **small)
    figure.text(0.75, 0.22, "unexplained change, in levels of 255; grey: not compared", **small)
    scale = figure.add_axes((0.6, 0.7, 0.3, 0.18))
    bar = figure.colorbar(
        ScalarMappable(Normalize(0, BRIGHTEST), colormaps["inferno"]), cax=scale, orientation="horizontal",
        ticks=np.linspace(0, BRIGHTEST, 5).tolist(),
    )  # fmt: skip
    scale.tick_params(colors="white", labelsize=8, pad=1, length=2)
    bar.outline.set(edgecolor="white")
    return figure_pixels(figure)
