"""Looking at a painting while it comes about. Who does not look costs nothing: no device is waited for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pipeline.types import Image


@dataclass(frozen=True)
class Look:
    """What there is to see of a frame between two steps, or when it is finished; the next step paints on."""

    frame: int
    """From 0."""
    content: Image
    """The input at the size at which it is painted, uint8 (H, W, 3)."""
    painting: Callable[[], Image]
    """The painting as it stands, likewise. Waits for the device."""
    finished: bool = False


OnLook = Callable[[Look], None]
"""Called in the thread that paints, after every step; what it takes holds up the painting."""
