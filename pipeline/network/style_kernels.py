"""Triton kernels for the style loss, by mean and covariance (`style.losses.moment_loss`) or Gram matrices, both ways.

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

from pipeline.network.device import product
from pipeline.network.kernels import GramTarget, MomentTarget
from pipeline.network.launching import OPTIONS, interpreted, on_device_of, power_of_two

# Positions and channels that are summed at once; parts of the positions that are summed side by side.
SUMMED, CHANNELS, PARTS = 128, 64, 128
# Rows of the covariance that one program works on.
ROWS = 8
# Sizes of a product's blocks: positions, channels, and channels that are summed over at once.
POSITIONS, WIDTH, DEPTH = 128, 64, 64
# The interpreter takes numbers in bfloat16 for whole ones when it multiplies matrices.
FACTORS = tl.float32 if interpreted() else tl.bfloat16


@triton.jit
def _add(one, other):
    return one + other


@triton.jit(do_not_specialize=["positions", "share"])
def _channel_sums(rows, partial, positions, channels, share, SUMMED: tl.constexpr, CHANNELS: tl.constexpr):
    """Sums over `share` positions: `partial` (parts, channels) of `rows` (positions, channels)."""
    part = tl.program_id(0)
    channel = tl.program_id(1) * CHANNELS + tl.arange(0, CHANNELS)
    real = (channel < channels)[None, :]
    total = tl.full((SUMMED, CHANNELS), 0.0, tl.float32)
    for begin in range(0, share, SUMMED):
        position = part * share + begin + tl.arange(0, SUMMED)
        at = position.to(tl.int64)[:, None] * channels + channel[None, :]
        total += tl.load(rows + at, mask=(position < positions)[:, None] & real, other=0.0).to(tl.float32)
    tl.store(partial + part * channels + channel, tl.reduce(total, 0, _add), mask=channel < channels)


@triton.jit(do_not_specialize=["parts", "positions"])
def _moment_loss(
    partial, products, mean, unit, second, covariance_unit, loss, of_total, high, low, parts, positions, channels,
    weight, PARTS: tl.constexpr, ROWS: tl.constexpr, CHANNELS: tl.constexpr,
):  # fmt: skip
    """What some rows of the covariance add to the loss, and the gradient in the sums (see `hand_gradients`): of the
    products, with that of their transpose, in two parts of eight digits each."""
    row, column, part = (
        tl.program_id(0) * ROWS + tl.arange(0, ROWS), tl.arange(0, CHANNELS), tl.arange(0, PARTS)
    )  # fmt: skip
    there, real = row < channels, column < channels
    sums = tl.full((CHANNELS,), 0.0, tl.float32)
    own_sums = tl.full((ROWS,), 0.0, tl.float32)
    for begin in range(0, parts, PARTS):
        place = (begin + part)[:, None] * channels
        known = (begin + part < parts)[:, None]
        sums += tl.reduce(tl.load(partial + place + column[None, :], mask=known & real[None, :], other=0.0), 0, _add)
        own_sums += tl.reduce(tl.load(partial + place + row[None, :], mask=known & there[None, :], other=0.0), 0, _add)
    means, own = sums / positions, own_sums / positions
    at = row[:, None] * channels + column[None, :]
    inside = there[:, None] & real[None, :]
    scale = tl.load(covariance_unit + at, mask=inside, other=0.0)
    away = tl.load(products + at, mask=inside, other=0.0) / positions - own[:, None] * means[None, :]
    away = (away - tl.load(second + at, mask=inside, other=0.0)) * scale
    own_unit = tl.load(unit + row, mask=there, other=0.0)
    off = (own - tl.load(mean + row, mask=there, other=0.0)) * own_unit
    squares = tl.reduce(away * away, 1, _add) + off * off / channels
    tl.store(loss + tl.program_id(0), tl.reduce(squares, 0, _add) * weight)
    of_second = away * scale * (4 * weight / positions)
    rounded = of_second.to(tl.bfloat16)
    tl.store(high + at, rounded, mask=inside)
    tl.store(low + at, of_second - rounded.to(tl.float32), mask=inside)
    of_means = tl.reduce(of_second * means[None, :], 1, _add)
    tl.store(of_total + row, off * own_unit * (2 * weight / channels / positions) - of_means, mask=there)


@triton.jit
def _gram_loss(
    products, second, energy, loss, high, low, channels, share, weight,
    RELATIVE: tl.constexpr, ROWS: tl.constexpr, CHANNELS: tl.constexpr,
):  # fmt: skip
    """What some rows of the Gram matrix add to the loss, and the gradient in it, with that of its transpose."""
    row, column = tl.program_id(0) * ROWS + tl.arange(0, ROWS), tl.arange(0, CHANNELS)
    inside = (row < channels)[:, None] & (column < channels)[None, :]
    at = row[:, None] * channels + column[None, :]
    away = tl.load(products + at, mask=inside, other=0.0) - tl.load(second + at, mask=inside, other=0.0) * share
    if RELATIVE:
        weight = weight / (tl.load(energy) * share * share + 1e-6)
    tl.store(loss + tl.program_id(0), tl.reduce(tl.reduce(away * away, 1, _add), 0, _add) * weight)
    of_second = away * (4 * weight)
    rounded = of_second.to(tl.bfloat16)
    tl.store(high + at, rounded, mask=inside)
    tl.store(low + at, of_second - rounded.to(tl.float32), mask=inside)


@triton.jit(do_not_specialize=["positions"])
def _gradient(
    rows, high, low, of_total, of_loss, gradient, positions, channels,
    SUMS: tl.constexpr, POSITIONS: tl.constexpr, WIDTH: tl.constexpr, DEPTH: tl.constexpr, FACTORS: tl.constexpr,
):  # fmt: skip
    """`gradient` (positions, channels): the rows times both parts of that in the products, and that in the SUMS."""
    position = tl.program_id(0) * POSITIONS + tl.arange(0, POSITIONS)
    channel = tl.program_id(1) * WIDTH + tl.arange(0, WIDTH)
    there, real = (position < positions)[:, None], (channel < channels)[None, :]
    first = position.to(tl.int64)[:, None] * channels
    total = tl.full((POSITIONS, WIDTH), 0.0, tl.float32)
    for begin in range(0, channels, DEPTH):
        other = begin + tl.arange(0, DEPTH)
        mine = tl.load(rows + first + other[None, :], mask=there & (other < channels)[None, :], other=0.0).to(FACTORS)
        at, inside = other[:, None] * channels + channel[None, :], (other < channels)[:, None] & real
        total = tl.dot(mine, tl.load(high + at, mask=inside, other=0.0).to(FACTORS), total)
        total = tl.dot(mine, tl.load(low + at, mask=inside, other=0.0).to(FACTORS), total)
    if SUMS:
        total += tl.load(of_total + channel, mask=channel < channels, other=0.0)[None, :]
    tl.store(gradient + first + channel[None, :], total * tl.load(of_loss), mask=there & real)


class _StyleLosses(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        targets: Sequence[MomentTarget | GramTarget],
        weights: Sequence[float],
        relative: bool,
        *layers: Tensor,
    ) -> Tensor:
        """:param relative: of Gram matrices only."""
        rows = [maps.permute(0, 2, 3, 1).flatten(0, 2) for maps in layers]
        programs = [triton.cdiv(one.shape[1], ROWS) for one in rows]
        loss = torch.empty(sum(programs), device=rows[0].device)
        saved: list[Tensor] = []
        with on_device_of(loss):
            for one, target, weight, own in zip(rows, targets, weights, torch.split(loss, programs), strict=True):
                if isinstance(target, GramTarget):
                    parts = _gram_forward(one, target, weight, relative, own)
                else:
                    parts = _moment_forward(one, target, weight, own)
                saved += [one, *parts]
        ctx.save_for_backward(*saved)
        ctx.shapes = [maps.shape for maps in layers]
        ctx.sums = isinstance(targets[0], MomentTarget)
        return loss.sum()

    @staticmethod
    def backward(ctx: Any, of_loss: Tensor) -> tuple[Tensor | None, ...]:
        saved, gradients = ctx.saved_tensors, []
        with on_device_of(of_loss):
            for place, (_, count, height, width) in enumerate(ctx.shapes):
                rows, high, low, of_total = saved[4 * place : 4 * place + 4]
                gradient = torch.empty_like(rows)
                across, deep = (min(size, power_of_two(count, 16)) for size in (WIDTH, DEPTH))
                _gradient[triton.cdiv(rows.shape[0], POSITIONS), triton.cdiv(count, across)](
                    rows, high, low, of_total, of_loss, gradient, rows.shape[0], count, SUMS=ctx.sums,
                    POSITIONS=POSITIONS, WIDTH=across, DEPTH=deep, FACTORS=FACTORS,
                    num_warps=8 if across == WIDTH else 4, **OPTIONS,
                )  # fmt: skip
                gradients.append(gradient.view(1, height, width, count).permute(0, 3, 1, 2))
        return None, None, None, *gradients


def _moment_forward(rows: Tensor, target: MomentTarget, weight: float, loss: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Fills in the parts of the loss. Returns the gradient in the products, in two parts, and in the sums."""
    positions, count = rows.shape
    columns = triton.cdiv(count, CHANNELS)
    # No part is so small that it would cost more to add it up later than to sum it.
    share = SUMMED * triton.cdiv(positions, SUMMED * max(1, PARTS // columns))
    parts = triton.cdiv(positions, share)
    partial = torch.empty((parts, count), device=rows.device)
    _channel_sums[parts, columns](
        rows, partial, positions, count, share, SUMMED=SUMMED, CHANNELS=CHANNELS, num_warps=8, **OPTIONS
    )
    high, low = _empty_parts(rows)
    of_total = torch.empty(count, device=rows.device)
    wide = power_of_two(count, 16)
    _moment_loss[triton.cdiv(count, ROWS),](
        partial, product(rows.T, rows), *target, loss, of_total, high, low, parts, positions, count, weight,
        PARTS=min(power_of_two(parts), max(1, 8192 // wide)), ROWS=ROWS, CHANNELS=wide, num_warps=8, **OPTIONS,
    )  # fmt: skip
    return high, low, of_total


def _gram_forward(
    rows: Tensor, target: GramTarget, weight: float, relative: bool, loss: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """As `_moment_forward`, with nothing that counts in the place of the sums."""
    positions, count = rows.shape
    high, low = _empty_parts(rows)
    _gram_loss[triton.cdiv(count, ROWS),](
        product(rows.T, rows), target.second, target.energy, loss, high, low, count, positions / target.positions,
        weight, RELATIVE=relative, ROWS=ROWS, CHANNELS=power_of_two(count, 16), num_warps=8, **OPTIONS,
    )  # fmt: skip
    return high, low, target.energy


def _empty_parts(rows: Tensor) -> tuple[Tensor, Tensor]:
    count = rows.shape[1]
    high, low = (torch.empty((count, count), dtype=torch.bfloat16, device=rows.device) for _ in range(2))
    return high, low


def moment_losses(layers: Sequence[Tensor], targets: Sequence[MomentTarget], weights: Sequence[float]) -> Tensor:
    """See `kernels.Kernels`."""
    loss: Tensor = _StyleLosses.apply(targets, weights, False, *layers)
    return loss


def gram_losses(
    layers: Sequence[Tensor], targets: Sequence[GramTarget], weights: Sequence[float], relative: bool
) -> Tensor:
    """See `kernels.Kernels`."""
    loss: Tensor = _StyleLosses.apply(targets, weights, relative, *layers)
    return loss
