"""How an animation becomes small enough: what is given up first, and how to find out with few trials."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from pipeline.media.animation_sink import SUFFIXES as PICTURES
from pipeline.media.palette import Palette

CLOSE = 0.9
"""A file that takes so much of what it may is good enough."""
TRIALS = 6
"""How often a better one is looked for, once there is one that fits."""
_MARGIN = 0.98
"""An estimate is no promise: what is tried is meant to be a little smaller than allowed."""
_STEP = 0.97
"""From one size to the next."""


@dataclass(frozen=True)
class Encoding:
    """One way to encode an animation."""

    scale: float
    """Of its size."""
    share: Fraction
    """Of its frames."""
    quality: str | int | None
    palette: Palette | None
    weight: float
    """How many bytes it takes, roughly, as a share of the first encoding's."""


_Stage = tuple["Palette | int | None", float, float, float, float]
"""A palette or a quality, bytes with it as a share, a share of the frames, the largest and the smallest scale."""

# Measured on a painting of 400x267 in 56 frames. Of a GIF the dots of the diffused dither are hardest to compress, and
# least missed; then size and frames. Fewer colours are seen at once, and come last: a red apple turns orange.
_ORDERED = {colours: Palette(colours, "ordered") for colours in (256, 128, 64)}
_GIF: tuple[_Stage, ...] = (
    (Palette(), 1.0, 1.0, 1.0, 0.83),
    (_ORDERED[256], 0.64, 1.0, 1.0, 0.86),
    (_ORDERED[256], 0.64, 0.75, 1.0, 0.72),
    (_ORDERED[256], 0.64, 0.6, 0.82, 0.5),
    (_ORDERED[128], 0.47, 0.6, 0.6, 0.45),
    (_ORDERED[128], 0.47, 0.4, 0.55, 0.2),
    (_ORDERED[64], 0.37, 0.4, 0.25, 0.17),
)
_PNG: tuple[_Stage, ...] = (
    (None, 1.0, 1.0, 1.0, 0.8),
    (None, 1.0, 0.75, 0.9, 0.68),
    (Palette(), 0.37, 1.0, 1.0, 0.85),
    (Palette(), 0.37, 0.75, 0.97, 0.7),
    (Palette(), 0.37, 0.6, 0.8, 0.5),
    (Palette(128), 0.3, 0.5, 0.6, 0.4),
    (Palette(128), 0.3, 0.4, 0.5, 0.2),
)
# Of a WebP every few steps of quality, with the bytes it takes.
_QUALITIES = (
    (90, 1.0),
    (88, 0.93),
    (86, 0.85),
    (84, 0.77),
    (82, 0.69),
    (80, 0.61),
    (78, 0.54),
    (76, 0.475),
    (74, 0.42),
)
_WEBP: tuple[_Stage, ...] = (
    *((quality, weight, 1.0, 1.0, 1.0) for quality, weight in _QUALITIES),
    (72, 0.38, 1.0, 1.0, 0.85),
    (65, 0.28, 1.0, 1.0, 0.85),
    (60, 0.23, 0.75, 1.0, 0.7),
    (50, 0.17, 0.5, 0.8, 0.5),
    (35, 0.12, 0.4, 0.55, 0.2),
)
_VIDEO: tuple[_Stage, ...] = (
    *((crf, 0.885 ** (crf - 15), 1.0, 1.0, 1.0) for crf in range(15, 27)),
    (27, 0.885**12, 1.0, 1.0, 0.6),
    (32, 0.885**17, 0.75, 0.6, 0.35),
    (38, 0.885**23, 0.5, 0.35, 0.2),
)
_VP9 = tuple((18 + round((stage[0] - 15) * 1.3), *stage[1:]) for stage in _VIDEO if isinstance(stage[0], int))


def encoding_ladder(suffix: str) -> list[Encoding]:
    """Ways to encode an animation for a kind of file, best first, each smaller than the one before it."""
    stages: Sequence[_Stage] = _VIDEO
    if suffix == ".gif":
        stages = _GIF
    elif suffix == ".webm":
        stages = _VP9
    elif suffix in PICTURES:
        stages = _WEBP if suffix == ".webp" else _PNG
    ladder: list[Encoding] = []
    for encoding in (encoding for stage in stages for encoding in _encodings(stage)):
        if not ladder or encoding.weight < ladder[-1].weight:
            ladder.append(encoding)
    return ladder


def _encodings(stage: _Stage) -> Iterator[Encoding]:
    parameter, weight, share, scale, least = stage
    while scale >= least:
        palette = parameter if isinstance(parameter, Palette) else None
        quality = parameter if isinstance(parameter, int) else None
        # Fewer frames lie farther apart, so each of them takes a little more; and so does every pixel of a smaller one.
        yield Encoding(
            scale, Fraction(share).limit_denominator(100), quality, palette, weight * share**0.85 * scale**1.95
        )
        scale *= _STEP


def best_within(limit: int, weights: Sequence[float], measure: Callable[[int], int]) -> int | None:
    """Number of the first encoding, or nearly, of no more than `limit` bytes; None where even the last one has more.

    :param weights: how many bytes each encoding takes, up to a factor and roughly, decreasing.
    :param measure: encodes with that number and returns its bytes.
    """
    measured: dict[int, int] = {}
    too_large, fits = -1, len(weights)
    number = 0
    while too_large < fits - 1:
        measured[number] = measure(number)
        if measured[number] > limit:
            too_large = number
        else:
            fits = number
        if fits < len(weights) and (fits == 0 or measured[fits] >= CLOSE * limit or len(measured) >= TRIALS):
            break
        between = range(too_large + 1, fits)
        if not between:
            break
        number = next((one for one in between if _estimate(one, weights, measured) <= _MARGIN * limit), between[-1])
    return fits if fits < len(weights) else None


def _estimate(number: int, weights: Sequence[float], measured: dict[int, int]) -> float:
    """Bytes of an encoding, from the ones beside it that are known: between two of them on a line of logarithms."""
    below = max((one for one in measured if one <= number), default=None)
    above = min((one for one in measured if one >= number), default=None)
    if below is None or above is None or below == above:
        near = below if below is not None else above
        assert near is not None
        return measured[near] * weights[number] / weights[near]
    share = math.log(weights[number] / weights[below]) / math.log(weights[above] / weights[below])
    return float(measured[below] * (measured[above] / measured[below]) ** share)
