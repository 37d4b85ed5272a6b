"""What is tried where memory runs out, in which order."""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TypeVar

import torch

from pipeline.errors import NotEnoughMemoryError
from pipeline.network.memory import LESS_MEMORY, give_back_freed_memory, is_out_of_memory
from pipeline.settings import Settings

# L-BFGS: pairs kept where memory is short. Each is two pictures in float32.
SHORT_HISTORY = 4
# How often a frame may be halved.
MOST_HALVINGS = 2

Result = TypeVar("Result")


class MemoryFallback(str, Enum):
    """What was done for a frame whose memory did not suffice, each one in addition to those before it."""

    NONE = ""
    FREED = "freed"
    """What was not in use was given back before; the same picture."""
    CHECKPOINTED = "checkpointed"
    """The network's maps were computed a second time on the way back, instead of kept; the same picture, more time."""
    SHORT_HISTORY = "short history"
    """L-BFGS has learnt from fewer past steps: another picture, hardly to be told apart."""
    TILES = "tiles"
    """What the network says was found in overlapping tiles, one after the other: the same losses to rounding."""
    HALF = "half size"
    QUARTER = "quarter size"
    """Painted smaller and enlarged, with the fine detail of what the frame began as."""


@dataclass(frozen=True)
class MemoryPlan:
    """How to paint a frame with less memory."""

    memory_fallback: MemoryFallback = MemoryFallback.NONE
    checkpoint: bool = False
    """Whether maps are computed anew on the way back."""
    history: int | None = None
    """L-BFGS: pairs kept; None as the settings say."""
    tile_side: int | None = None
    """Pixels of a tile without its overlap, at most; None: the picture in one piece."""
    halvings: int = 0
    """How often the size is halved."""


def memory_plans(settings: Settings, halvings: int, tile_sides: Sequence[int] = ()) -> list[MemoryPlan]:
    """What there is to try, from the usual way to the one with the least memory.

    :param halvings: how often a frame can be halved, if the settings allow it.
    :param tile_sides: pixels of the tiles with which a frame takes less memory, from the largest on.
    """
    plans = [MemoryPlan(), MemoryPlan(MemoryFallback.FREED), MemoryPlan(MemoryFallback.CHECKPOINTED, checkpoint=True)]
    history = None
    if settings.optimizer == "lbfgs" and settings.history > SHORT_HISTORY:
        history = SHORT_HISTORY
        plans.append(MemoryPlan(MemoryFallback.SHORT_HISTORY, True, history))
    plans += [MemoryPlan(MemoryFallback.TILES, True, history, side) for side in tile_sides]
    if settings.may_shrink:
        sizes = (MemoryFallback.HALF, MemoryFallback.QUARTER)[: min(halvings, MOST_HALVINGS)]
        least = tile_sides[-1] if tile_sides else None
        plans += [MemoryPlan(fallback, True, history, least, number) for number, fallback in enumerate(sizes, start=1)]
    return plans


class OutOfMemoryRetry:
    """Tries again with less where memory runs out, and remembers for each size with how little it went well."""

    def __init__(self, device: torch.device, give_up: Callable[[], None] = lambda: None) -> None:
        """
        :param give_up: lets go of what is kept for later only.
        """
        self._device = device
        self._give_up = give_up
        self._reached: dict[tuple[int, int], int] = {}
        self._leaf = torch.zeros((), device=device, requires_grad=True)
        self._oldest = self._leaf * 1

    def begin_with(self, size: tuple[int, int], number: int) -> None:
        """Try the first so many ways no more for frames of that size: an earlier run has."""
        self._reached[size] = max(number, self._reached.get(size, 0))

    def paint(self, size: tuple[int, int], ways: list[MemoryPlan], attempt: Callable[[MemoryPlan], Result]) -> Result:
        """The first result of `attempt` for which memory suffices.

        :param size: (height, width) of the frame.
        :param ways: those of `memory_plans`.
        :raises NotEnoughMemoryError: it suffices for none of them.
        """
        for number in range(self._reached.get(size, 0), len(ways)):
            self._reached[size] = number
            if number:
                self._give_back()
            try:
                return attempt(ways[number])
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
            # Only here, where the error is gone and with it its traceback, which holds every map of the attempt.
        height, width = size
        smaller = "" if any(way.halvings for way in ways) else "allow smaller frames (--set may_shrink=true), "
        raise NotEnoughMemoryError(
            f"The memory of the device ({self._device}) does not suffice to paint a frame of {width}x{height} pixels, "
            f"not even with as little as possible. Close other programs that need it, {smaller}and give the same "
            f"command again: what is finished is kept. Or begin anew: {LESS_MEMORY}"
        )

    def _give_back(self) -> None:
        """Give what is not in use back to the device, or to the system."""
        # Where a backward pass fails, autograd's queue keeps the nodes that it has not come to, and with them most of
        # the maps, until an older node is due. This one is older than any frame.
        torch.autograd.grad(self._oldest, self._leaf, retain_graph=True)
        self._give_up()
        gc.collect()
        if self._device.type == "cuda":
            torch.cuda.empty_cache()
        elif self._device.type == "mps":
            torch.mps.empty_cache()
        elif self._device.type == "cpu":
            give_back_freed_memory()
