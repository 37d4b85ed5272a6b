"""Where a flow can be trusted: the consistency masks of Ruder, Dosovitskiy and Brox, "Artistic Style Transfer for
Videos" (GCPR 2016).

Throughout, `flow` begins in the frame that the mask belongs to and leads to another one, and `reverse` begins there and
leads back. With frame i, the one before it i-1, and `flow` from i to i-1, these are the paper's backward and forward
flow.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.motion.flow import Flow
from pipeline.motion.image_statistics import gradient
from pipeline.motion.warp import in_bounds, warped

Mask = npt.NDArray[np.bool_]
"""bool (H, W)."""
Weights = npt.NDArray[np.float32]
"""float32 (H, W), 0 to 1."""


def reliability(flow: Flow, reverse: Flow) -> Weights:
    """c of the temporal loss: 1 where the other frame shows the same thing at x + flow(x), 0 where it is hidden
    there, out of the picture, or on a motion boundary, where the flow is a guess. Values are 0 or 1.
    """
    return (in_bounds(flow) & ~disoccluded(flow, reverse) & ~motion_boundary(flow)).astype(np.float32)


def disoccluded(flow: Flow, reverse: Flow) -> Mask:
    """Where going there and back does not end at the start: |w~ + w^|^2 > 0.01 (|w~|^2 + |w^|^2) + 0.5.

    w^ is `flow`, and w~(x) = w(x + w^(x)) is `reverse` where w^ arrives. Out of bounds is not looked at here: there
    the border of `reverse` stands in.
    """
    back = warped(reverse, flow)
    return np.asarray(_square(flow + back) > 0.01 * (_square(flow) + _square(back)) + 0.5)


def motion_boundary(flow: Flow) -> Mask:
    """Where the flow itself changes at once: |grad u|^2 + |grad v|^2 > 0.01 |w^|^2 + 0.002, by central differences."""
    across, down = gradient(flow)
    return np.asarray(_square(across) + _square(down) > 0.01 * _square(flow) + 0.002)


def long_term(reliabilities: Sequence[Weights]) -> list[Weights]:
    """Weights for several earlier frames at once: each pixel takes the nearest frame in which it can be seen.

    c_long(i-j, i) = max(c(i-j, i) - sum over k in J, k < j of c(i-k, i), 0)

    :param reliabilities: c(i-j, i) for each j of J, the nearest frame first; (H, W) each.
    :return: c_long in the same order. Together they are at most 1 in a pixel.
    """
    taken: npt.NDArray[np.float32] | None = None
    weights: list[Weights] = []
    for c in reliabilities:
        weights.append(c if taken is None else np.maximum(c - taken, 0))
        taken = c if taken is None else taken + c
    return weights


def _square(flow: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """|w|^2, float32 (H, W)."""
    # Not `sum(-1)`, which takes 25 times as long over so short an axis.
    squares = np.square(flow)
    return np.asarray(squares[..., 0] + squares[..., 1], np.float32)
