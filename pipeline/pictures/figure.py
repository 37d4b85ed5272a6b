"""Matplotlib figures as pictures. Importing this takes half a second: only what draws should."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from pipeline.media import Image
from pipeline.media.outputs import written_atomically


def rendered(figure: Figure) -> Image:
    """What the figure looks like, uint8 (H, W, 3), RGB; its size in pixels is its own size times its dots an inch.

    No pyplot, which would look for a screen and keep every figure.
    """
    canvas: Any = FigureCanvasAgg(figure)
    canvas.draw()
    shown = np.asarray(canvas.buffer_rgba(), np.uint8)
    return np.ascontiguousarray(shown[..., :3], np.uint8)


def write_svg(path: Path, figure: Figure) -> None:
    """Write the figure as SVG, its letters as outlines; the same figure gives the same bytes.

    :raises OutputError: it cannot be written.
    """
    with rc_context({"svg.hashsalt": "reelbrush", "svg.fonttype": "path"}), written_atomically(path) as part:
        figure.savefig(part, format="svg", metadata={"Date": None, "Creator": None})
