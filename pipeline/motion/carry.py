"""What a painting becomes when it is carried from one frame to the next: the warm start."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np
import numpy.typing as npt

from pipeline.motion.flow import FlowMethod
from pipeline.motion.masks import Weights
from pipeline.motion.track import Levels, Track, track
from pipeline.motion.warp import targets
from pipeline.types import Image

FEWEST = 256
"""Trusted pixels below which they say too little of how colours were painted."""
FINEST = 4.0
"""Pixels of a Gaussian's deviation that are enough to compute it: a wider one is that of a smaller picture."""
EVERY = slice(None)
"""All rows of a picture."""
EXACT = 256
"""Products of two bytes whose sum float32 holds exactly: less than 2^24."""

Bytes = npt.NDArray[np.uint8]
"""Bytes one after the other, (N,)."""


@dataclass(frozen=True)
class Way:
    """How a painting gets from an earlier frame to a later one: all that it is moved by. Nothing of it waits for the
    painting."""

    weights: Weights
    """c, as `Track`."""
    light: Levels
    """How the light has changed, as `light_change`."""
    places: npt.NDArray[np.int16]
    """Where each pixel comes from, whole pixels to the right and down; (H, W, 2)."""
    parts: npt.NDArray[np.uint16]
    """... and 32nds of a pixel, as `cv2.remap` wants them; (H, W)."""

    @staticmethod
    def size(pixels: int) -> int:
        """Bytes that it takes, of frames of so many pixels: four for each level of light, two for each place, two for
        its parts, one for the weight."""
        return 19 * pixels

    @staticmethod
    def from_bytes(found: Bytes, height: int, width: int) -> Way:
        """The way that stands in these bytes, light first; what follows it is not looked at.

        :param found: uint8; a number of several bytes has to begin where its size divides.
        """
        light, places, parts, weights, _ = np.split(found, _ends(height * width))
        return Way(
            weights.astype(np.float32).reshape(height, width),
            light.view(np.float32).reshape(height, width, 3),
            places.view(np.int16).reshape(height, width, 2),
            parts.view(np.uint16).reshape(height, width),
        )

    def write(self, to: Bytes) -> None:
        """Write it down as `from_bytes` reads it. Its weights are 0 or 1."""
        *pieces, _ = np.split(to, _ends(self.weights.size))
        for piece, values in zip(pieces, (self.light, self.places, self.parts, self.weights == 1), strict=True):
            piece.view(values.dtype)[:] = values.reshape(-1)


def _ends(pixels: int) -> list[int]:
    """Where light, places, parts and weights end, in bytes."""
    return [12 * pixels, 16 * pixels, 18 * pixels, Way.size(pixels)]


def found_again(earlier: Image, later: Image, method: FlowMethod) -> Way:
    """`later` found in `earlier`, frames of one size, uint8 (H, W, 3)."""
    return way_of(track(earlier, later, method), later)


def way_of(found: Track, later: Image) -> Way:
    """How a painting gets from an earlier frame to a later one that was found in it."""
    places, parts = cv2.convertMaps(*targets(found.flow), cv2.CV_16SC2)
    light = light_change(found.aligned, later, found.weights)
    return Way(found.weights, light, np.asarray(places, np.int16), np.asarray(parts, np.uint16))


class Palette:
    """How a painting renders colours: the affine map A (r, g, b, 1) that takes its content to it with the least squares
    over some pixels. What of it does not depend on the painting is found at once."""

    def __init__(self, content: Image, where: npt.NDArray[np.bool_]) -> None:
        """
        :param content: uint8 (H, W, 3).
        :param where: the pixels that count, bool (H, W).
        """
        self._count = int(where.sum())
        if self._count < FEWEST:
            return
        # Whole numbers, whose sums are exact, in whatever order they are made. Others than `where` add nothing.
        x = np.zeros((-(-where.size // EXACT) * EXACT, 4), np.float32)
        x[: where.size, :3] = (content * where[..., None]).reshape(-1, 3)
        x[: where.size, 3] = 255 * where.reshape(-1)
        self._x = x.reshape(-1, EXACT, 4).transpose(0, 2, 1)
        self._squares = self._products(x)

    def _products(self, values: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        """x' values, of (N, C) whole numbers from 0 to 255: (4, C).

        In small pieces, which no library spreads over threads: these are busy with the frames to come.
        """
        return np.asarray((self._x @ values.reshape(-1, EXACT, values.shape[1])).sum(0, dtype=np.float64))

    def colours(self, shown: Image, painting: Image) -> Levels:
        """Pixels in the colours of a painting; as they are where there were too few to learn from.

        :param shown: uint8 (..., 3).
        :param painting: of the content, uint8 (H, W, 3).
        :return: float32 (..., 3), within 0..255.
        """
        if self._count < FEWEST:
            return shown.astype(np.float32)
        wanted = np.zeros((self._x.shape[0] * EXACT, 3), np.float32)
        wanted[: painting[..., 0].size] = painting.reshape(-1, 3)
        # A grey clip has one colour only: a little of the identity keeps the map from being anything.
        little = 4.0 * self._count
        coefficients = np.linalg.solve(
            self._squares + little * np.eye(4), self._products(wanted) + little * np.eye(4, 3)
        )
        return np.asarray((shown @ coefficients[:3] + 255 * coefficients[3]).clip(0, 255), np.float32)


class Colours(Protocol):
    """Gives pixels the colours of a painting."""

    def colours(self, shown: Image, painting: Image) -> Levels:
        """As `Palette.colours`."""
        ...


@dataclass(frozen=True)
class Opening:
    """What of a frame the frame before it does not show, ready to be filled once its painting is there."""

    new: npt.NDArray[np.bool_]
    """The pixels that are filled, in part or wholly; (H, W)."""
    kept: Levels
    """The share of the painting in these, float32 (N, 1)."""
    shown: Image
    """The frame itself in these, (N, 3)."""
    palette: Colours


def opening(now: Image, weights: Weights) -> Opening:
    """What there is to fill of a frame: wherever an earlier one cannot be trusted, and in a seam of two pixels, inside
    of what is trusted.

    :param now: uint8 (H, W, 3).
    :param weights: c of the earlier frame in this one, float32 (H, W).
    """
    kept = feathered(weights)
    new = kept < 1
    return Opening(new, kept[new][:, None], now[new], Palette(now, weights > 0))


def adjusted(painting: Image, before: Image, after: Image) -> Image:
    """The painting of `before`, changed as the input has changed: painting + (after - before), within 0..255.

    Where the input stands still, the painting stays as it is. Where something has moved on, the start is no
    longer its ghost but a mixture of paint and the new content, which the optimisation repaints. All arrays are
    uint8 (H, W, 3).
    """
    return _image(painting.astype(np.int16) + after - before)


def filled(painting: Image, there: Opening) -> Image:
    """What a frame starts from: an earlier painting, as `moved`, where it can be trusted.

    What the earlier frame does not show is no ghost of the painting but the new content itself, in the colours that
    this painting gives to such content (`Palette`). Both meet in a seam.

    :param painting: moved to where its things are now; uint8 (H, W, 3).
    """
    start: Image = painting.copy()
    if there.shown.size:
        new = there.palette.colours(there.shown, painting)
        start[there.new] = _image(there.kept * painting[there.new] + (1 - there.kept) * new)
    return start


def blended(own: Image, painting: Image, weights: Weights, share: float) -> Image:
    """What a frame starts from that has been painted before: that painting, mixed with its neighbour's where that can
    be trusted (Ruder et al. 2016, section 4.3).

    :param own: the frame's painting, uint8 (H, W, 3).
    :param painting: the neighbour's, as `moved`.
    :param weights: c of the neighbour in this frame, float32 (H, W).
    :param share: of the neighbour's painting in the mixture, 0 to 1.
    """
    kept = share * feathered(weights)[..., None]
    return _image(kept * painting + (1 - kept) * own)


def moved(painting: Image, way: Way, rows: slice = EVERY) -> Image:
    """The painting of an earlier frame, warped along the motion and lit as the later frame is; uint8 (H, W, 3).

    Ruder et al. expect the warped painting and nothing else. In a clip that fades to black, painted so, the painting
    became lighter (mean 84 to 92, where frames painted anew went from 84 to 58); lit, it went from 84 to 60.

    :param rows: those that are wanted.
    """
    # Sharp: over a shot this is done once a frame, to what the frame before has left.
    sampled = cv2.remap(
        painting, way.places[rows], way.parts[rows], cv2.INTER_LANCZOS4, borderMode=cv2.BORDER_REPLICATE
    )
    # Rounded, and held within 0..255.
    return np.asarray(cv2.add(sampled, way.light[rows], dtype=cv2.CV_8U), np.uint8)


def laid(mask: Image, way: Way) -> Image:
    """Something of the earlier frame, uint8 (H, W), where its things are in the later one: bilinear."""
    return np.asarray(
        cv2.remap(mask, way.places, way.parts, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.uint8
    )


def feathered(weights: Weights) -> Weights:
    """`weights`, 0 or 1, with soft edges that lie inside of what is 1: there is 0 wherever there was."""
    inside = cv2.erode(weights, np.ones((3, 3), np.uint8), borderType=cv2.BORDER_REPLICATE)
    return np.asarray(cv2.blur(inside, (3, 3), borderType=cv2.BORDER_REPLICATE), np.float32)


def light_change(aligned: Image, now: Image, weights: Weights) -> Levels:
    """How the light has changed between two frames that are aligned: the mean of what differs, trusted pixels
    around each one, in levels.

    Averages over a sixteenth of the picture, because noise and what the flow missed by a fraction of a pixel should
    not be painted into the start.
    """
    change = (now.astype(np.float32) - aligned) * weights[..., None]
    sigma = max(1.0, max(weights.shape) / 16)
    # A little weight everywhere: far from everything trusted, the change is none.
    there = blurred(weights, sigma)[..., None] + np.float32(0.01)
    return np.asarray(blurred(change, sigma) / there, np.float32)


def blurred(image: npt.NDArray[np.float32], sigma: float) -> npt.NDArray[np.float32]:
    """A Gaussian of that deviation, in pixels; a wide one at half the size, a quarter and so on.

    At 512x288, on one core, 2 ms instead of 25. The light of a clip that had become darker by a fifth was the same to
    0.1 levels on average, and to 3.4 at most, far from all that is trusted.
    """
    height, width = image.shape[:2]
    shrunk = 2 ** max(0, math.floor(math.log2(sigma / FINEST)))
    if shrunk > 1:
        small = (max(1, round(width / shrunk)), max(1, round(height / shrunk)))
        image = np.asarray(cv2.resize(image, small, interpolation=cv2.INTER_AREA), np.float32)
    blurred = cv2.GaussianBlur(image, (0, 0), sigma / shrunk, borderType=cv2.BORDER_REFLECT_101)
    if shrunk > 1:
        blurred = cv2.resize(blurred, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(blurred, np.float32)


def _image(levels: npt.NDArray[np.int16] | npt.NDArray[np.float32]) -> Image:
    return np.asarray(np.rint(levels).clip(0, 255), np.uint8)
