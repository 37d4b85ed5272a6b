"""Flicker: how much of the change between two frames the motion of the input does not explain."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pipeline.motion.flow import Flow, Image
from pipeline.motion.masks import Weights
from pipeline.motion.warp import warped


def unexplained(first: Image, second: Image, flow: Flow) -> npt.NDArray[np.float32]:
    """(warp(second) - first)^2, mean over the three channels, colours in 0..1; float32 (H, W).

    :param flow: from the input's frame of `first` to that of `second`, so that `second` is laid onto `first`.
    """
    scale = np.float32(1 / 255)
    laid = warped(second.astype(np.float32), flow)
    return np.asarray(np.square((laid - first) * scale).mean(-1), np.float32)


def warping_error(error: npt.NDArray[np.float32], c: Weights) -> float | None:
    """E_warp of one pair of frames: sum c e / sum c, with e as in `unexplained`; None where c is 0 everywhere.

    Lai et al., "Learning Blind Video Temporal Consistency" (ECCV 2018): of a clip, the mean over its pairs. As in their
    evaluation code (evaluate_WarpError.py), flow and mask (that of Ruder et al. 2016) are those of the input, and the
    channels are averaged rather than added up. The square root times 255 is a distance in levels.
    """
    total = float(c.sum(dtype=np.float64))
    return float((c * error).sum(dtype=np.float64)) / total if total else None
