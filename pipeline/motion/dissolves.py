"""Gradual transitions: a frame in the middle that is a mixture of the one before and the one after."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipeline.motion.frame_difference import Small, difference, soft

SPANS = (2, 4, 8, 16, 32)
"""Frames from one end to the other at which a transition is looked for."""
LEVELS, STRUCTURE = 10.0, 0.3
"""The two ends have to differ by more than this, as `frame_difference.difference` counts."""
MIXED = 0.5
"""What the mixture leaves unexplained of the middle is less than this share of what motion from either end does, ..."""
REST = 15.0
"""... and less than so many levels. A long pan over blurred ground comes out at 0.43, but at 21 levels."""


@dataclass(frozen=True)
class _Mixture:
    span: int
    middle: int
    off: float
    """How far the middle is from half and half."""


class DissolveFinder:
    """Takes every frame, once it is known whether a hard cut is before it; tells where dissolves and fades are."""

    def __init__(self) -> None:
        self._mixtures: list[_Mixture] = []
        """Detections of the transition that is being looked at."""
        self._chosen: list[int] = []
        self._shot = 0

    def cut(self, index: int) -> None:
        """A hard cut lies before frame `index`: no transition reaches across it."""
        self._close()
        self._shot = index

    def add(self, index: int, frames: Mapping[int, Small]) -> None:
        """Frame `index` is the last one so far; `frames` holds at least the `SPANS[-1]` before it."""
        for span in SPANS:
            first = index - span
            if first < self._shot:
                break
            share = mixture(frames[first], frames[first + span // 2], frames[index])
            if share is not None:
                self._mixtures.append(_Mixture(span, first + span // 2, abs(share - 0.5)))
        if self._mixtures and index - max(one.middle for one in self._mixtures) > SPANS[-1]:
            self._close()

    def finish(self) -> list[int]:
        """The frames with which new shots begin, each in the middle of its transition."""
        self._close()
        return self._chosen

    def _close(self) -> None:
        """All detections so far are one transition: the shortest spans know best where it is."""
        if self._mixtures:
            shortest = min(one.span for one in self._mixtures)
            best = [one for one in self._mixtures if one.span == shortest]
            self._chosen.append(min(best, key=lambda one: one.off).middle)
        self._mixtures = []


def mixture(first: Small, middle: Small, last: Small) -> float | None:
    """The share of `first` in `middle`, if that is a mixture of `first` and `last`, which differ; else None."""
    ends = difference(first, last)
    if ends.levels <= LEVELS or ends.structure <= STRUCTURE:
        return None
    a, m, b = soft(first), soft(middle), soft(last)
    share = _share(a, m, b)
    if not 0.2 < share < 0.8:
        return None
    left = float(np.abs(m - (share * a + (1 - share) * b)).mean())
    moved = min(difference(first, middle).levels, difference(last, middle).levels)
    return share if left < min(REST, MIXED * moved) else None


def _share(a: npt.NDArray[np.float32], m: npt.NDArray[np.float32], b: npt.NDArray[np.float32]) -> float:
    """The s for which s a + (1 - s) b comes nearest to m: (m - b) . (a - b) / |a - b|^2."""
    way = a - b
    return float(((m - b) * way).sum() / max(1.0, float(np.square(way).sum())))
