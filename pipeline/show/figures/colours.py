"""Numbers as colours: perceptually even colour maps, and the scale that says what they mean."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from matplotlib import colormaps

from pipeline.media import Image
from pipeline.media.lettering import PAPER, text_size, write

Array = npt.NDArray[np.float32]
MAPS, MATRICES = "magma", "viridis"
"""For what a layer sees, and for how its channels go together."""


def coloured(values: Array, name: str) -> Image:
    """Values in 0..1, float (H, W), in a colour map; uint8 (H, W, 3)."""
    found = colormaps[name](np.clip(values, 0, 1), bytes=True)[..., :3]
    return np.ascontiguousarray(found, np.uint8)


def scale(name: str, ticks: dict[float, str], width: int, letters: int, title: str) -> Image:
    """A colour map as a bar with a line above it and texts below, on white paper; uint8 (H, W, 3).

    :param ticks: place in 0..1 -> what stands there.
    :param letters: height of the letters in pixels.
    """
    line, margin = text_size("", letters)[0], 2 * letters
    bar = np.broadcast_to(coloured(np.linspace(0, 1, width, dtype=np.float32)[None], name), (letters, width, 3))
    paper = np.empty((2 * line + 3 * letters, max(width, text_size(title, letters)[1]) + 2 * margin, 3), np.uint8)
    paper[:] = PAPER
    top = line + letters
    paper[top : top + letters, margin : margin + width] = bar
    paper = write(paper, title, margin, letters // 2, letters)
    for place, text in ticks.items():
        x = margin + round(place * (width - 1)) - text_size(text, letters)[1] // 2
        paper = write(paper, text, x, top + letters + letters // 4, letters)
    return paper
