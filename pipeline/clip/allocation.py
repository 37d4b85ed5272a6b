"""Divides what there is among those that could do with more: time among clips, work among frames."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.float64]
HALVINGS = 60
"""Halvings of the scale: as near as numbers can tell."""


def allocate(
    full: Sequence[float] | Numbers, least: Sequence[float] | Numbers, available: float,
    effort: Sequence[float] | Numbers | None = None,
) -> Numbers:  # fmt: skip
    """What each one gets: scale x effort x full, but at least `least` and at most `full`, with the one scale that uses
    up what is available.

    All of `full` where that is there for everyone, and `least` where not even that is.

    :param full: what each one could use.
    :param least: what it cannot do without; no more than `full`.
    :param effort: how much more than others each one profits, above 0; None: all alike.
    """
    full, least = np.asarray(full, float), np.asarray(least, float)
    if full.sum() <= available:
        return full
    wanted = full if effort is None else full * np.asarray(effort, float)
    low, high = 0.0, 1.0 if effort is None else 1 / float(np.min(effort))
    for _ in range(HALVINGS):
        scale = (low + high) / 2
        fits = np.clip(scale * wanted, least, full).sum() <= available
        low, high = (scale, high) if fits else (low, scale)
    return np.asarray(np.clip(low * wanted, least, full), np.float64)
