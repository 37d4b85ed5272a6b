"""Which frame of a finished clip came out worst, where that is worth a look."""

from __future__ import annotations

import math
from statistics import median

from pipeline.clip.loss_monitor import HIGH, lasting_loss
from pipeline.clip.store import FrameStore
from pipeline.settings import Settings

FEWEST_FRAMES = 3
"""Frames of a clip that can have a median."""


def worst_notes(store: FrameStore, settings: Settings) -> tuple[str, ...]:
    """What is said of the frame with the highest loss, the temporal one left out; nothing where it is not far above the
    median of the clip.

    :param store: of the last pass, whole.
    :raises DamagedFrameError: the file of a frame is no longer what was written.
    """
    losses = {
        index: lasting_loss(store.record(index)["losses"], settings.temporal_weight) for index in sorted(store.order)
    }
    usual = median(losses.values()) if len(losses) >= FEWEST_FRAMES else math.nan
    worst = max(losses, key=lambda index: losses[index])
    # No comparison with what is not a number is true.
    if not losses[worst] > HIGH * usual > 0:
        return ()
    return (
        f"Frame {worst + 1} stands out: its loss is {losses[worst] / usual:.1f} times that of the median frame. Look "
        "whether it came out well; it may only be another scene, or have had too few steps.",
    )
