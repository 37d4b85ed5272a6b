"""Pictures that move in known ways, for the tests of pipeline/motion."""

from __future__ import annotations

from functools import cache
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from scene.clip import RenderedFrame, scene

from pipeline.motion.carry import Way
from tests.tiny import picture

SMALL = (160, 90)
"""Width and height at which the sample clip is rendered for tests."""


@cache
def sample_frames() -> tuple[RenderedFrame, ...]:
    """Eight frames of the sample clip with their truth: five before the cut, three after it."""
    return tuple(scene(8, *SMALL))


def pairs() -> list[tuple[RenderedFrame, RenderedFrame]]:
    """Neighbours of one shot."""
    frames = sample_frames()
    return [(a, b) for a, b in pairwise(frames) if a.shot == b.shot]


def panned(dx: int, dy: int, height: int = 72, width: int = 96) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """Two frames of a picture that moves by (dx, dy) pixels, right and down."""
    margin = 24
    wide = picture(height + 2 * margin, width + 2 * margin, seed=3)

    def view(x: int, y: int) -> npt.NDArray[np.uint8]:
        return wide[margin - y : margin - y + height, margin - x : margin - x + width].copy()

    return view(0, 0), view(dx, dy)


def led(way: Way) -> npt.NDArray[np.float64]:
    """The flow that a way was made of, held inside the picture, to a 32nd of a pixel: (H, W, 2)."""
    down, across = np.mgrid[: way.parts.shape[0], : way.parts.shape[1]]
    part = np.stack([way.parts % 32, way.parts // 32], -1) / 32
    return np.asarray(way.places + part - np.stack([across, down], -1), np.float64)


def flow_of(u: float, v: float, height: int = 12, width: int = 16) -> npt.NDArray[np.float32]:
    """The same motion everywhere."""
    return np.broadcast_to(np.array([u, v], np.float32), (height, width, 2)).copy()
