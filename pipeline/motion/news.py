"""How much of a frame the frame before it does not show: a cheap measure of the painting that it needs."""

from __future__ import annotations

from pipeline.motion.frame_difference import Small
from pipeline.motion.track import track


def news(before: Small, now: Small) -> float:
    """The share of a frame that is not found again in the one before it, 0 to 1, at the size of a glance.

    :param before: as `likeness.glance` gives it, as is `now`.
    """
    return 1 - float(track(before, now).weights.mean())
