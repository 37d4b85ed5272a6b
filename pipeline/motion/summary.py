"""A clip's measures in a few numbers: means of the flicker, and drifts as straight lines fitted within the shots."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from pipeline.motion.measure import FrameMeasure


@dataclass(frozen=True)
class Summary:
    """The measures of a whole clip. None where there was nothing to measure it from, such as a pair of frames."""

    frames: int
    shots: int
    e_warp: float | None
    """E_warp of Lai et al. (2018): mean over all pairs of neighbours within shots; colours in 0..1."""
    e_warp_input: float | None
    """The input's own, the floor."""
    e_warp_long: float | None
    """The same over pairs `LONG` frames apart."""
    e_warp_long_input: float | None
    compared: float | None
    """Mean share of the picture that counts in `e_warp`, 0 to 1."""
    lightness_drift: float | None
    """Slope of the painting's mean lightness relative to the input's, L* a second: negative where it darkens."""
    colour_drift: float | None
    """Length of the slope of its mean colour, in CIELAB units a second."""
    colour_range: float | None
    """Farthest that the mean colour, relative to the input's, gets from where its shot began, in CIELAB units."""
    sharpness: float
    """Mean of the painting's sharpness, L* a pixel."""
    sharpness_input: float
    sharpness_drift: float | None
    """Slope of the painting's sharpness as a share of its mean, a second: negative where it smears."""
    sharpness_drift_input: float | None
    """The same of the input: what the scene does by itself."""


def summarise(measures: Sequence[FrameMeasure]) -> Summary:
    """The summary of a clip's frames, in order.

    :raises ValueError: there is none.
    """
    if not measures:
        raise ValueError("no frames were measured")
    shots = [list(group) for _, group in groupby(measures, key=lambda frame: frame.shot)]
    slopes = [_slope(shots, lambda frame, axis=axis: frame.colour[axis]) for axis in range(3)]  # type: ignore[misc]
    known = [slope for slope in slopes if slope is not None]
    colours = [np.array([frame.colour for frame in shot]) for shot in shots]
    sharp = float(np.mean([frame.sharpness for frame in measures]))
    sharp_input = float(np.mean([frame.sharpness_input for frame in measures]))
    return Summary(
        frames=len(measures),
        shots=len(shots),
        e_warp=_mean([frame.e_warp for frame in measures]),
        e_warp_input=_mean([frame.e_warp_input for frame in measures]),
        e_warp_long=_mean([frame.e_warp_long for frame in measures]),
        e_warp_long_input=_mean([frame.e_warp_long_input for frame in measures]),
        compared=_mean([frame.compared for frame in measures]),
        lightness_drift=slopes[0],
        colour_drift=float(np.hypot.reduce(known)) if known else None,
        colour_range=float(max(np.linalg.norm(colour - colour[0], axis=1).max() for colour in colours))
        if known
        else None,
        sharpness=sharp,
        sharpness_input=sharp_input,
        sharpness_drift=_share(_slope(shots, lambda frame: frame.sharpness), sharp),
        sharpness_drift_input=_share(_slope(shots, lambda frame: frame.sharpness_input), sharp_input),
    )


def _slope(shots: Sequence[Sequence[FrameMeasure]], value: Callable[[FrameMeasure], float]) -> float | None:
    """Least squares with one slope for all shots and a level of its own for each: sum dt dv / sum dt^2."""
    rise = run = 0.0
    for shot in shots:
        times, values = np.array([frame.time for frame in shot]), np.array([value(frame) for frame in shot])
        away = times - times.mean()
        rise += float(away @ values)
        run += float(away @ away)
    return rise / run if run else None


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None


def _share(slope: float | None, mean: float) -> float | None:
    return slope / mean if slope is not None and mean else None
