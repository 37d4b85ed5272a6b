"""Few colours for many pictures: how a GIF, or a PNG that should be small, gets along with them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pipeline.errors import UsageError

Dither = Literal["diffused", "ordered", "none"]
"""Error diffusion shows gradients best; a regular pattern compresses better and never crawls; none compresses best and
shows bands."""


@dataclass(frozen=True)
class Palette:
    """One palette for all frames of an animation, made of the colours in them."""

    colours: int = 256
    """From 4 to 256."""
    dither: Dither = "diffused"
    fixed: tuple[tuple[int, int, int], ...] = ()
    """Colours that are in it exactly, whatever the frames show: those of words and lines. No more than half of it."""

    def __post_init__(self) -> None:
        if not 4 <= self.colours <= 256:
            raise UsageError(f"A palette has 4 to 256 colours, not {self.colours}.")
        if 2 * len(self.fixed) > self.colours:
            raise UsageError(f"A palette of {self.colours} colours cannot hold {len(self.fixed)} that are given.")
