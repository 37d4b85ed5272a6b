"""Numbers as colours: perceptually even colour maps, and the scale that says what they mean."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from matplotlib import colormaps

from pipeline.media import Image
from pipeline.pictures.canvas import Canvas, Picture, Text, paragraph
from pipeline.pictures.lettering import text_size

Array = npt.NDArray[np.float32]
MAPS, MATRICES = "magma", "viridis"
"""For what a layer sees, and for how its channels go together."""


def coloured(values: Array, name: str) -> Image:
    """Values in 0..1, float (H, W), in a colour map; uint8 (H, W, 3)."""
    colours = colormaps[name](np.clip(values, 0, 1), bytes=True)[..., :3]
    return np.ascontiguousarray(colours, np.uint8)


def scale(name: str, ticks: dict[float, str], bar: int, width: int, letters: int, title: str) -> Canvas:
    """A colour map as a bar, with a paragraph above it and texts below that do not reach over its ends.

    :param ticks: place in 0..1 -> what stands there.
    :param bar: its width in pixels, at least; it is wider where the texts need it.
    :param width: of the paragraph, in pixels, at most.
    :param letters: height of the letters in pixels.
    """
    wide = {place: text_size(text, letters)[1] for place, text in ticks.items()}
    bar = max(bar, sum(wide.values()) + letters * (len(ticks) - 1))
    heading = paragraph(title, max(width, bar), letters)
    colours = coloured(np.linspace(0, 1, bar, dtype=np.float32)[None], name)
    top = heading.height + letters // 3
    below = top + letters + letters // 4
    words = [
        Text(text, min(max(0, round(place * bar) - wide[place] // 2), bar - wide[place]), below, letters)
        for place, text in ticks.items()
    ]
    strip = Picture(np.repeat(colours, letters, axis=0), 0, top)
    height = below + text_size("", letters)[0]
    return Canvas(height, max(heading.width, bar), (*heading.marks, strip, *words))
