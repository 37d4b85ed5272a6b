"""Triton kernels for losses that are sums of squared differences, each with its gradient: of a layer's maps from those
of the content, of a picture from the one that is expected, of a pixel from its neighbours.

As with `stage_kernels`, none of the functions that Triton itself has compiled is called.
"""

# mypy: disable-error-code="no-untyped-def, untyped-decorator"

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from pipeline.network.launching import OPTIONS, on_device_of

BLOCK = 2048


@triton.jit
def _add(one, other):
    return one + other


@triton.jit
def _squares(maps, target, energy, partial, size, share, BLOCK: tl.constexpr):
    """Parts of share / energy sum (F - P)^2."""
    at = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    away = tl.load(maps + at, mask=at < size, other=0.0).to(tl.float32) - tl.load(
        target + at, mask=at < size, other=0.0
    )
    tl.store(partial + tl.program_id(0), tl.reduce(away * away, 0, _add) * share / tl.load(energy))


@triton.jit
def _squares_gradient(maps, target, energy, of_squares, gradient, size, share, BLOCK: tl.constexpr):
    at = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    away = tl.load(maps + at, mask=at < size, other=0.0).to(tl.float32) - tl.load(
        target + at, mask=at < size, other=0.0
    )
    tl.store(gradient + at, away * (2 * share * tl.load(of_squares) / tl.load(energy)), mask=at < size)


@triton.jit(do_not_specialize=["height", "width"])
def _roughness(image, gradient, partial, size, height, width, down_share, across_share, BLOCK: tl.constexpr):
    """Parts of the total variation of a picture (channels, height, width), and its gradient."""
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = at < size
    row, column = at // width % height, at % width
    above, below, before, after = row > 0, row + 1 < height, column > 0, column + 1 < width
    here = tl.load(image + at, mask=inside, other=0.0)
    up = tl.where(above, here - tl.load(image + at - width, mask=inside & above, other=0.0), 0.0)
    down = tl.where(below, tl.load(image + at + width, mask=inside & below, other=0.0) - here, 0.0)
    left = tl.where(before, here - tl.load(image + at - 1, mask=inside & before, other=0.0), 0.0)
    right = tl.where(after, tl.load(image + at + 1, mask=inside & after, other=0.0) - here, 0.0)
    tl.store(gradient + at, 2 * (down_share * (up - down) + across_share * (left - right)), mask=inside)
    squares = tl.where(inside, down_share * down * down + across_share * right * right, 0.0)
    tl.store(partial + tl.program_id(0), tl.reduce(squares, 0, _add))


@triton.jit(do_not_specialize=["area"])
def _expected(image, picture, weights, gradient, partial, size, area, share, FIRST: tl.constexpr, BLOCK: tl.constexpr):
    """Parts of share sum c (x - w)^2 of a picture (channels, area), and its gradient, to which that of others before it
    is added."""
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = at < size
    away = tl.load(image + at, mask=inside, other=0.0) - tl.load(picture + at, mask=inside, other=0.0)
    pull = tl.load(weights + at % area, mask=inside, other=0.0) * away
    pulls = 2 * share * pull
    squares = share * tl.reduce(pull * away, 0, _add)
    if not FIRST:
        pulls += tl.load(gradient + at, mask=inside, other=0.0)
        squares += tl.load(partial + tl.program_id(0))
    tl.store(gradient + at, pulls, mask=inside)
    tl.store(partial + tl.program_id(0), squares)


class _Squares(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, maps: Tensor, target: Tensor, energy: Tensor, share: float) -> Tensor:
        size = maps.numel()
        partial = torch.empty(triton.cdiv(size, BLOCK), device=maps.device)
        with on_device_of(maps):
            _squares[partial.shape](maps, target, energy, partial, size, share, BLOCK=BLOCK, **OPTIONS)
        ctx.save_for_backward(maps, target, energy)
        ctx.share = share
        return partial.sum()

    @staticmethod
    def backward(ctx: Any, of_squares: Tensor) -> tuple[Tensor | None, ...]:
        maps, target, energy = ctx.saved_tensors
        gradient, size = torch.empty_like(maps), maps.numel()
        with on_device_of(maps):
            _squares_gradient[triton.cdiv(size, BLOCK),](
                maps, target, energy, of_squares, gradient, size, ctx.share, BLOCK=BLOCK, **OPTIONS
            )
        return gradient, None, None, None


class _WithGradient(torch.autograd.Function):
    """A value whose gradient is known."""

    @staticmethod
    def forward(ctx: Any, image: Tensor, value: Tensor, gradient: Tensor) -> Tensor:
        ctx.save_for_backward(gradient)
        return value

    @staticmethod
    def backward(ctx: Any, of_value: Tensor) -> tuple[Tensor, None, None]:
        (gradient,) = ctx.saved_tensors
        return gradient * of_value, None, None


def squares(maps: Tensor, target: Tensor, energy: Tensor, share: float) -> Tensor:
    """See `kernels.Kernels`."""
    found: Tensor = _Squares.apply(maps, target, energy, share)
    return found


def roughness(image: Tensor) -> Tensor:
    """See `kernels.Kernels`."""
    flat = image.detach().contiguous()
    channels, height, width = image.numel() // (image.shape[-2] * image.shape[-1]), *image.shape[-2:]
    gradient, partial = torch.empty_like(flat), torch.empty(triton.cdiv(flat.numel(), BLOCK), device=image.device)
    shares = (1 / max(1, channels * (height - 1) * width), 1 / max(1, channels * height * (width - 1)))
    with on_device_of(image):
        _roughness[partial.shape](flat, gradient, partial, flat.numel(), height, width, *shares, BLOCK=BLOCK, **OPTIONS)
    found: Tensor = _WithGradient.apply(image, partial.sum(), gradient)
    return found


def expected(image: Tensor, targets: Sequence[tuple[Tensor, Tensor]]) -> Tensor:
    """See `kernels.Kernels`."""
    flat = image.detach().contiguous()
    gradient, partial = torch.empty_like(flat), torch.empty(triton.cdiv(flat.numel(), BLOCK), device=image.device)
    with on_device_of(image):
        for number, (picture, weights) in enumerate((one.contiguous(), other.contiguous()) for one, other in targets):
            _expected[partial.shape](
                flat, picture, weights, gradient, partial, flat.numel(), weights.numel(), 1 / flat.numel(),
                FIRST=number == 0, BLOCK=BLOCK, **OPTIONS,
            )  # fmt: skip
    found: Tensor = _WithGradient.apply(image, partial.sum(), gradient)
    return found
