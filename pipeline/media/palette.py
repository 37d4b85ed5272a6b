"""Few colours for many pictures: how a GIF, or a PNG that should be small, gets along with them, and which they are.

The colours are found here, by k-means in CIELAB, because what libraries find looks worse. With 255 colours and the same
dithering, mean distance in CIELAB of the animation, blurred as the eye blurs the dots (sigma 2 pixels), and the 99th
percentile of it:

| frames | here | ffmpeg palettegen (full) | Pillow quantize(kmeans=5) |
|---|---|---|---|
| the sample clip painted, 18 of 240x136 | 0.83, 3.9 | 1.49, 8.7 | 0.82, 4.7 |
| a painting in the making, 28 of 480x320 | 1.02, 4.9 | 1.89, 11.0 | 1.16, 7.4 |
| bigbuckbunny, 24 of 320x180 | 0.68, 3.4 | 1.35, 8.7 | 0.88, 4.9 |
| bikes, 24 of 320x136 | 0.37, 1.0 | 0.36, 1.6 | 0.27, 1.6 |
| `samples/picture.jpg` | 0.47, 2.3 | 0.95, 8.0 | 0.50, 3.7 |

Files are as large or smaller here (the still life 34 kB, 41 and 41 kB; bikes 394 kB, 477 and 525 kB; the others within
2 %). It can be seen: by palettegen the lemon of the still life has a grey edge, and purple grapes in the painting turn
blue with orange dots. Pillow's k-means takes 45 to 120 s where this takes 1 to 3 s; `stats_mode=diff` is no better
than `full`.

CIELAB and back is computed here because OpenCV 5 interpolates in a table: off by up to 0.5, and once back, half of all
colours differ by one or two levels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from pipeline.errors import UsageError
from pipeline.media.srgb import from_light, to_light
from pipeline.types import Image

Colours = npt.NDArray[np.uint8]
"""(n, 3) RGB."""
_BITS = 5
"""Of each channel that tell colours apart while they are counted; of what falls together the mean is known."""
_RARE = 0.7
"""A colour counts by this power of its area: an apple is looked at more than as much of the wall behind it."""
_ROUNDS = 12
"""Of k-means."""
_TO_XYZ = np.array([[0.412453, 0.357580, 0.180423], [0.212671, 0.715160, 0.072169], [0.019334, 0.119193, 0.950227]])
"""From linear sRGB."""
_WHITE = _TO_XYZ.sum(1)

Dither = Literal["diffused", "ordered", "none"]
"""Error diffusion shows gradients best; a regular pattern compresses better and never crawls; none compresses best and
shows bands."""


@dataclass(frozen=True)
class Palette:
    """One palette for all frames of an animation, made of the colours in them."""

    colours: int = 256
    """From 4 to 256."""
    dither: Dither = "diffused"
    fixed: tuple[tuple[int, int, int], ...] = ()
    """Colours that are in it exactly, whatever the frames show: those of words and lines. No more than half of it."""

    def __post_init__(self) -> None:
        if not 4 <= self.colours <= 256:
            raise UsageError(f"A palette has 4 to 256 colours, not {self.colours}.")
        if 2 * len(self.fixed) > self.colours:
            raise UsageError(f"A palette of {self.colours} colours cannot hold {len(self.fixed)} that are given.")


class ColourHistogram:
    """How much of an animation has which colour. Memory does not grow with its length."""

    def __init__(self) -> None:
        self._areas = np.zeros(1 << 3 * _BITS)
        self._sums = np.zeros((3, 1 << 3 * _BITS))

    def add(self, image: Image, seconds: float) -> None:
        """:param image: uint8 (H, W, 3).
        :param seconds: it is shown; the longer, the more it counts.
        """
        pixels = image.reshape(-1, 3)
        red, green, blue = (pixels >> (8 - _BITS)).astype(np.int32).T
        bins = (red << 2 * _BITS) | (green << _BITS) | blue
        self._areas += seconds * np.bincount(bins, minlength=len(self._areas))
        for channel in range(3):
            sums = np.bincount(bins, weights=pixels[:, channel], minlength=len(self._areas))
            self._sums[channel] += seconds * sums

    def palette(self, count: int, fixed: Sequence[tuple[int, int, int]] = ()) -> Colours:
        """At most `count` colours that stand for all: centres of k-means in CIELAB.

        :param fixed: colours that have to be among them; no more than `count`.
        """
        used = self._areas > 0
        areas = self._areas[used]
        colours = _lab((self._sums[:, used] / areas).T)
        weights = areas**_RARE
        start = _lab(np.array(fixed, np.float64)) if fixed else colours[[int(weights.argmax())]]
        centres = _seeds(colours, weights, start, count)
        for _ in range(_ROUNDS):
            # The square of the colour's own length is the same for every centre.
            nearest = ((centres**2).sum(1) - 2 * colours @ centres.T).argmin(1)
            shares = np.bincount(nearest, weights, len(centres))
            moving = shares > 0
            moving[: len(fixed)] = False
            for channel in range(3):
                sums = np.bincount(nearest, weights * colours[:, channel], len(centres))
                centres[moving, channel] = sums[moving] / shares[moving]
        palette = _rgb(centres)
        palette[: len(fixed)] = np.array(fixed, np.uint8).reshape(-1, 3)
        return palette


def _seeds(
    colours: npt.NDArray[np.float64], weights: npt.NDArray[np.float64], start: npt.NDArray[np.float64], count: int
) -> npt.NDArray[np.float64]:
    """Centres to begin with: each one after `start` is the colour that those before it serve worst."""
    centres = list(start)
    apart = np.min([((colours - centre) ** 2).sum(1) for centre in centres], 0)
    while len(centres) < count and apart.max() > 0:
        centres.append(colours[int((weights * apart).argmax())])
        apart = np.minimum(apart, ((colours - centres[-1]) ** 2).sum(1))
    return np.array(centres)


def _lab(colours: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """(n, 3) RGB in 0..255 -> CIELAB."""
    shares = to_light(colours / 255) @ _TO_XYZ.T / _WHITE
    x, y, z = np.where(shares > 0.008856, np.cbrt(shares), 7.787 * shares + 16 / 116).T
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], 1)


def _rgb(colours: npt.NDArray[np.float64]) -> Colours:
    """(n, 3) CIELAB -> RGB."""
    y = (colours[:, 0] + 16) / 116
    roots = np.stack([y + colours[:, 1] / 500, y, y - colours[:, 2] / 200], 1)
    shares = np.where(roots**3 > 0.008856, roots**3, (roots - 16 / 116) / 7.787)
    linear = (shares * _WHITE @ np.linalg.inv(_TO_XYZ).T).clip(0, 1)
    return np.asarray(np.rint(from_light(linear) * 255), np.uint8)
