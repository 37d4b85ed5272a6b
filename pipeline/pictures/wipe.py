"""A wipe: one picture pushes another out from the left, with a fine bright line between them."""

from __future__ import annotations

import math
from fractions import Fraction

from pipeline.media import Image
from pipeline.pictures.canvas import Box, Canvas, Picture
from pipeline.pictures.lettering import Colour

SECONDS = Fraction(3, 5)
"""From one picture to the next."""
THERE_AND_BACK = Fraction(4)
"""Seconds that a wipe takes to and fro, about: a clip is a whole number of them, so that it can be a loop."""
LINE = 1 / 320
"""Width of the line between two pictures, in widths of a picture; at least a pixel."""
WHITE: Colour = (255, 255, 255)


def wiped(left: Image, right: Image, share: float) -> Image:
    """The left `share` of one picture and the rest of the other; uint8 (H, W, 3), both of one size.

    :param share: 0 shows `right` alone, 1 `left` alone; in between there is a line where they meet.
    """
    height, width = left.shape[:2]
    edge = round(share * width)
    if edge in (0, width):
        return right if edge == 0 else left
    line = max(1, round(LINE * width))
    marks = (Picture(right, 0, 0), Picture(left[:, :edge], 0, 0), Box(edge - line // 2, 0, line, height, WHITE))
    return Canvas(height, width, marks).pixels()


def one_way(time: float) -> float:
    """Which share of the width shows the new picture after so much of a wipe's time (0 to 1): slow at both ends."""
    return (1 - math.cos(math.pi * time)) / 2


def to_and_fro(turns: Fraction | float) -> float:
    """Which share of the width shows the first clip after so many turns: all of it, none after half a one, and back."""
    return (1 + math.cos(2 * math.pi * float(turns))) / 2
