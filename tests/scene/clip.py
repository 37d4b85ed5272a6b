"""The sample clip: two shots made of moving layers, with the truth about every pixel's motion."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from scene import coast, lake
from scene.layers import OVERSAMPLING, Layer, render, true_flow
from scene.noise import Array

RATE = Fraction(12)
"""Frames a second."""
FRAMES = 36
SIZE = (320, 180)
"""Width and height of the committed clip."""


@dataclass(frozen=True)
class RenderedFrame:
    """One frame of the clip and what is true of it. Masks are True where the word is true."""

    index: int
    shot: int
    """0 before the cut, 1 after it."""
    image: npt.NDArray[np.uint8]
    """Shape (height, width, 3), RGB."""
    mixed: npt.NDArray[np.bool_]
    """Shape (height, width): layers mix in this pixel (an edge, thin cloud), so no single motion is its truth."""
    to_next: Array | None
    """Motion until the next frame in pixels, u right and v down, shape (height, width, 2); None before a cut."""
    hidden_next: npt.NDArray[np.bool_] | None
    """What is not to be seen in the next frame: covered, or out of the picture."""
    to_previous: Array | None
    """Motion back to the frame before; None after a cut."""
    hidden_previous: npt.NDArray[np.bool_] | None


def cut_frame(frames: int = FRAMES) -> int:
    """Number of the first frame of the second shot: two thirds of the way."""
    return round(2 * frames / 3)


def shot_layers(shot: int, height: int) -> Sequence[Layer]:
    """The layers of a shot, back to front, textured for pictures of this height."""
    return (lake, coast)[shot].layers(1.5 * OVERSAMPLING * height)


def scene(
    frames: int = FRAMES, width: int = SIZE[0], height: int = SIZE[1], *, truth: bool = True
) -> Iterator[RenderedFrame]:
    """Render the clip frame by frame, at any size of about 16:9 and any number of frames.

    The speed of things does not depend on the number of frames: a longer clip simply goes on, and after
    forty or so frames a shot runs out of scenery. Without `truth` the flows and their masks are left None.
    """
    cut = cut_frame(frames)
    for index in range(frames):
        shot = int(index >= cut)
        first, last = (0, cut - 1) if shot == 0 else (cut, frames - 1)
        layers, t = shot_layers(shot, height), index - first
        image, mixed = render(layers, t, width, height)
        after = true_flow(layers, t, t + 1, width, height) if truth and index < last else (None, None)
        before = true_flow(layers, t, t - 1, width, height) if truth and index > first else (None, None)
        yield RenderedFrame(index, shot, image, mixed, *after, *before)
