"""Activation checkpointing: a segment of a computation is done twice instead of kept, less memory for more time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

import torch
from torch import Tensor

Segment = Callable[[Tensor], Sequence[Tensor]]


class _Checkpointed(torch.autograd.Function):
    """Keeps only what goes in.

    torch.utils.checkpoint does the same, and so does torch.autograd.grad with gradients to begin from; but their first
    call imports torch's compiler and sympy: 900 modules, 150 MiB and 3 s, at the very moment when there is no memory.
    """

    @staticmethod
    def forward(ctx: Any, segment: Segment, into: Tensor) -> tuple[Tensor, ...]:
        ctx.segment = segment
        ctx.save_for_backward(into)
        ctx.set_materialize_grads(False)
        return tuple(segment(into))

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[None, Tensor]:
        into = ctx.saved_tensors[0].detach().requires_grad_(True)
        with torch.enable_grad():
            end = End.apply(gradients, *ctx.segment(into))
        (gradient,) = torch.autograd.grad(end, into)
        return None, gradient


class End(torch.autograd.Function):
    """A number of no meaning, whose gradient in the tensors it is made of is given."""

    @staticmethod
    def forward(ctx: Any, gradients: tuple[Tensor | None, ...], *results: Tensor) -> Tensor:
        ctx.gradients = gradients
        return results[0].new_zeros(())

    @staticmethod
    def backward(ctx: Any, of_end: Tensor) -> tuple[Tensor | None, ...]:
        return None, *ctx.gradients


def checkpointed(segment: Segment, into: Tensor) -> tuple[Tensor, ...]:
    """`segment(into)`, with the same gradient to the last bit. Of what lies between, nothing is kept.

    :param segment: gives the same for the same, however often it is called; what goes in is not written to.
    """
    return cast(tuple[Tensor, ...], _Checkpointed.apply(segment, into))
