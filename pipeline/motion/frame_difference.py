"""How much two frames have in common, once what merely moved is laid back: what tells a cut from fast motion."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from pipeline.motion.flow import Dis
from pipeline.motion.warp import warped
from pipeline.types import Image

SIDE = 64
"""Longest side in pixels at which frames are compared: a fast pan is a short way here, and grain is gone."""
DARK = 24
"""Level below which a row or column at the edge is taken for a bar."""
_FLOW = Dis()

Small = npt.NDArray[np.uint8]
"""A frame as `downscaled` gives it."""


@dataclass(frozen=True)
class Difference:
    """What is left between two frames when the motion from one to the other has been undone."""

    levels: float
    """Mean absolute difference, 0 to 255."""
    structure: float
    """1 minus the correlation of the two pictures: 0 for the same one at any brightness and contrast, about 1 for
    pictures that have nothing to do with each other."""


def downscaled(image: Image) -> Small:
    """The frame with its longer side at most `SIDE`, by area means; uint8 (h, w, 3)."""
    height, width = image.shape[:2]
    if max(height, width) <= SIDE:
        return image
    scale = SIDE / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(np.ascontiguousarray(image), size, interpolation=cv2.INTER_AREA), np.uint8)


def difference(a: Small, b: Small) -> Difference:
    """Compare two frames of one size. Bars at the edges that are dark in both do not count."""
    rows, columns = _inside_bars(np.maximum(a, b))
    a, b = a[rows, columns], b[rows, columns]
    moved = warped(b.astype(np.float32), _FLOW(a, b))
    return _left(soft(a), soft(moved))


def soft(image: npt.NDArray[np.uint8] | npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """A little blur, so that a fraction of a pixel more or less changes nothing."""
    return np.asarray(cv2.GaussianBlur(image.astype(np.float32), (0, 0), 1.0), np.float32)


def _left(a: npt.NDArray[np.float32], b: npt.NDArray[np.float32]) -> Difference:
    from_mean = [image - image.mean((0, 1)) for image in (a, b)]
    spread = float(np.sqrt(np.square(from_mean[0]).sum() * np.square(from_mean[1]).sum()))
    together = float((from_mean[0] * from_mean[1]).sum())
    # A flat picture has no structure to share.
    return Difference(float(np.abs(a - b).mean()), 1 - together / spread if spread > 1 else 1.0)


def _inside_bars(brightest: Small) -> tuple[slice, slice]:
    """Rows and columns between dark bars at the edges; all of them where the whole picture is dark."""
    bright = brightest.max(2) > DARK
    rows, columns = np.flatnonzero(bright.any(1)), np.flatnonzero(bright.any(0))
    if not rows.size:
        return slice(None), slice(None)
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
