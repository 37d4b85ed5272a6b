"""A wipe: one picture pushes another out from the left, with a fine bright line between them."""

from __future__ import annotations

import math

import numpy as np

from pipeline.media import Image

LINE = 1 / 320
"""Width of the line between two pictures, in widths of a picture; at least a pixel."""
WHITE = 255


def wiped(left: Image, right: Image, share: float) -> Image:
    """The left `share` of one picture and the rest of the other; uint8 (H, W, 3), both of one size.

    :param share: 0 shows `right` alone, 1 `left` alone; in between there is a line where they meet.
    """
    width = left.shape[1]
    edge = round(share * width)
    if edge in (0, width):
        return right if edge == 0 else left
    shown = np.array(right)
    shown[:, :edge] = left[:, :edge]
    line = max(1, round(LINE * width))
    first = edge - line // 2
    shown[:, max(0, first) : first + line] = WHITE
    return shown


def eased(place: float) -> float:
    """0 to 1, slow at both ends: where a wipe stands after so much of its time."""
    return (1 - math.cos(math.pi * place)) / 2
