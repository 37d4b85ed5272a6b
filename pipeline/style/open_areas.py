"""Where a content is open: nothing stands there, as in a sky, on water or on a wall.

Layers deep enough to know large shapes of a style picture, such as swirls and moons, also know its hats and faces, and
put them over whatever the content shows. Where it shows nothing they may: no paper does this that we know of.
"""

from __future__ import annotations

from torch import Tensor

from pipeline.style.picture import blurred, resized, scaled_size, to_tensor
from pipeline.types import DeepImage, Image

FLAT = 6.0
"""Levels of 255: deviation of colours around a pixel at which it is open to 1/e. At 10, fur is open as well."""
AROUND = 0.023
"""Of the longer side: deviation of the Gaussian that says what is around a pixel."""
LOOKED_AT = 512
"""Pixels of the longer side at which a larger picture is looked at."""
LEAST = 0.01
"""Of a picture: less than this is not worth the deeper network, whose steps take a third longer."""


def open_share_of(content: Image | DeepImage) -> Tensor | None:
    """How open each pixel is: exp(-v / FLAT^2), for v the variance of its neighbourhood, mean of the three channels.

    :param content: uint8 or uint16 (H, W, 3).
    :return: float32 (1, h, w) in 0..1, at most `LOOKED_AT` pixels a side; None where too little is open.
    """
    height, width = content.shape[:2]
    levels = 255 * resized(to_tensor(content), *scaled_size(height, width, min(LOOKED_AT, max(height, width))))
    deviation = max(1.0, AROUND * max(levels.shape[2:]))
    variance = blurred((levels - blurred(levels, deviation)).square(), deviation).mean(1)
    share = (-variance / FLAT**2).exp()
    return share if share.mean() >= LEAST else None
