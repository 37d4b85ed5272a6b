"""Sees that a carried frame came out wrong, from the losses of the frames before it."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Container
from statistics import median

from pipeline.clip.frame_store import FrameStore
from pipeline.frame_numbers import FrameNumbers
from pipeline.motion.frame_difference import difference, downscaled
from pipeline.settings import Settings
from pipeline.style.frame import PaintedFrame
from pipeline.style.optimise import Stop
from pipeline.types import Image

HIGH = 1.5
"""A loss so many times the usual one is suspicious."""
RECENT = 8
"""Frames that say what is usual, ..."""
FEWEST = 3
"""... and the fewest that can."""
SAME = 8.0
"""Levels, as `frame_difference.difference` counts, within which two frames show the same scene, so that a jump of the
loss is no doing of the input's. Neighbours in clips of 25 frames a second are no farther apart."""


class LossMonitor:
    """Remembers the losses of a shot's last frames. The store has them as well: `monitor_at` goes on from them."""

    def __init__(self, settings: Settings) -> None:
        self._weight = settings.temporal_weight
        self._recent: deque[float] = deque(maxlen=RECENT)
        self._first: float | None = None

    def add(self, losses: dict[str, float], begins_shot: bool = False) -> None:
        """Learn the losses of a finished frame.

        That of a frame which begins a shot says what is usual while few have come after it. It counts no longer then,
        for it was painted from nothing and they were not. What was usual in the shot before is forgotten.
        """
        if begins_shot:
            self._recent.clear()
            self._first = self.loss(losses)
        else:
            self._recent.append(self.loss(losses))

    def loss(self, losses: dict[str, float]) -> float:
        """As `lasting_loss`."""
        return lasting_loss(losses, self._weight)

    def suspects(self, painted: PaintedFrame, before: Image, now: Image, rise: float = 1.0) -> bool:
        """Whether a carried frame should be painted again from nothing.

        It did not settle, or its loss is not finite, or it is far above what is usual in its shot and above that of the
        frame before, though both show the same scene. A loss that rises bit by bit, as in a fade, is no accident.

        :param rise: how many times what it is painted towards weighs as much as in the frame before.
        """
        loss = self.loss(painted.losses)
        if painted.stopped is Stop.UNSTABLE or not math.isfinite(loss):
            return True
        few = len(self._recent) < FEWEST
        known = [*([self._first] if few and self._first is not None else []), *self._recent]
        if (few and self._first is None) or loss <= HIGH * rise * max(median(known), known[-1]):
            return False
        return difference(downscaled(before), downscaled(now)).levels <= SAME


def monitor_at(settings: Settings, entered: Container[int], store: FrameStore) -> LossMonitor:
    """A monitor that knows what is usual in the shot that painting goes on in: that of the last finished frame.

    :param entered: the frames with which a shot is entered.
    """
    monitor = LossMonitor(settings)
    for index in store.order[max(0, store.done - RECENT) : store.done]:
        monitor.add(store.record(index)["losses"], index in entered)
    return monitor


def lasting_loss(losses: dict[str, float], temporal_weight: float) -> float:
    """What a frame is painted towards, without the temporal loss: comparable between a carried frame and one that was
    painted from nothing."""
    return losses["total"] - temporal_weight * losses.get("temporal", 0.0)


FEWEST_FRAMES = 3
"""Frames of a clip that can have a median."""


def worst_notes(store: FrameStore, settings: Settings, in_file: FrameNumbers) -> tuple[str, ...]:
    """What is said of the frame with the highest loss, the temporal one left out; nothing where it is not far above the
    median of the clip.

    A frame that was painted by hand is none that could come out badly.

    :param store: of the last pass, whole.
    :param in_file: which frames of the input are painted.
    :raises DamagedFrameError: the file of a frame is no longer what was written.
    """
    losses = {
        index: lasting_loss(record["losses"], settings.temporal_weight)
        for index, record in ((index, store.record(index)) for index in sorted(store.order))
        if record["stopped"] != Stop.GIVEN.value
    }
    usual = median(losses.values()) if len(losses) >= FEWEST_FRAMES else math.nan
    worst = max(losses, key=lambda index: losses[index], default=0)
    # No comparison with what is not a number is true.
    if not losses.get(worst, 0.0) > HIGH * usual > 0:
        return ()
    return (
        f"Frame {in_file.of(worst)} stands out: its loss is {losses[worst] / usual:.1f} times that of the median one. "
        "Look whether it came out well; it may only be another scene, or have had too few steps.",
    )
