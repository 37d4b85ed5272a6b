"""How the painting of a frame begins: the picture that it starts from, and the steps that it may take."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor

from pipeline.errors import UsageError
from pipeline.settings import Settings
from pipeline.style.colour import ColourStatistics, with_colours
from pipeline.style.look import Look, Variant, style_colours
from pipeline.style.optimise import LoopSettings
from pipeline.style.optimizers import OptimizerName
from pipeline.style.regions import mixed

# Brightness of a blank canvas, in 0..1: primed, not quite white.
CANVAS = 0.95


def recoloured(
    seen: Tensor,
    own: ColourStatistics,
    parts: Sequence[Sequence[Variant]],
    look: Look | None,
    strength: float,
    shares: Tensor | None,
) -> Tensor:
    """The content (1, 3, H, W) in the colours of its styles: what `start = "recoloured"` means. A style in the
    content's own colours leaves nothing to recolour.

    :param own: colours of the content, or of its clip.
    :param parts: the styles of the rest of the picture and of each region.
    :param look: None: as the weights of the styles say.
    :param shares: of what belongs to which part, as `regions.shares_of`.
    """
    styled, colours = style_colours(parts, look)
    if not styled:
        return seen
    # With less style than the preset has, the input keeps some of its own colours.
    share = styled * min(1.0, 2 * strength)
    pictures = [with_colours(seen, own, one) for one in colours]
    wanted = pictures[0] if shares is None else mixed([*pictures, seen], shares)
    return seen + share * (wanted - seen)


def empty_canvas(settings: Settings, size: tuple[int, int], index: int) -> Tensor:
    """What shows nothing, float32 (1, 3, *size): of `start = "blank"` or "noise"."""
    if settings.start == "blank":
        return torch.full((1, 3, *size), CANVAS)
    # Seeded on the CPU, so that every device starts from the same noise.
    generator = torch.Generator().manual_seed(settings.seed * 1_000_003 + index)
    return torch.rand((1, 3, *size), generator=generator)


def steps_of_sizes(settings: Settings, sizes: int, steps: int) -> list[int]:
    """Steps at each of so many sizes, coarse to fine, where a frame gets `steps` at the final one."""
    coarse = max(1, round(settings.coarse_steps * steps))
    return [*[coarse] * (sizes - 1), steps]


def loop_of(settings: Settings, carried: bool) -> LoopSettings:
    """How a frame is minimised, that starts from the one before it or from nothing."""
    return LoopSettings(
        optimizer=cast(OptimizerName, settings.optimizer),
        rate=settings.learning_rate,
        steps=settings.carried_steps if carried else settings.steps,
        averaging=settings.averaging,
        history=settings.history,
        tolerance=settings.tolerance,
        patience=settings.patience,
        seconds=settings.seconds or math.inf,
    )


def check_weights(weights: Sequence[float]) -> None:
    """See that styles can be blended so.

    :raises UsageError: no style, weights that are all zero, or one that is negative or not finite.
    """
    if not all(0 <= weight < math.inf for weight in weights) or not any(weights):
        raise UsageError(
            "Painting needs at least one style picture with a weight above zero, and no weight below it: "
            f"the weights are {weights}."
        )
