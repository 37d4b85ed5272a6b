"""Triton kernels: what follows a convolution, both ways (bias, rectifier, average pooling, border); products of rows.

Only `pipeline.network.after_convolution` imports this file, where a device has Triton. The kernels call none of the
functions that Triton itself has compiled (`tl.zeros`, `tl.max`): its interpreter knows these only where it was switched
on before Triton was imported, by whomever.
"""

# mypy: disable-error-code="no-untyped-def, untyped-decorator"

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

# Positions and channels that one program works on.
POSITIONS, CHANNELS = 32, 64
# Shares of a long row that are summed side by side, each in blocks of so many numbers; blocks fill `rows.PIECE`.
SHARES, BLOCK = 32, 1024
# As Triton does it unless told otherwise, of which it warns from 3.9 on.
OPTIONS = {"enable_fp_fusion": True}

# A kernel is compiled once for all sizes of maps, not for every kind of number there may be among them.
SIZES = ["height", "width", "out_height", "out_width"]


@triton.jit(do_not_specialize=SIZES)
def _forward(
    raw, bias, handed_on, rectified, height, width, channels, out_height, out_width,
    POOL: tl.constexpr, PAD: tl.constexpr, KEEP: tl.constexpr, POSITIONS: tl.constexpr, CHANNELS: tl.constexpr,
):  # fmt: skip
    """`handed_on` (out_height + 2 PAD, out_width + 2 PAD, channels), and where KEEP is set `rectified` as well."""
    padded_width = out_width + 2 * PAD
    positions = (out_height + 2 * PAD) * padded_width
    position = tl.program_id(0) * POSITIONS + tl.arange(0, POSITIONS)
    channel = tl.program_id(1) * CHANNELS + tl.arange(0, CHANNELS)
    picture = tl.program_id(2).to(tl.int64) * channels
    row, column = position // padded_width - PAD, position % padded_width - PAD
    # Beyond the border stands what is at the border.
    own_row = tl.minimum(tl.maximum(row, 0), out_height - 1)
    own_column = tl.minimum(tl.maximum(column, 0), out_width - 1)
    inside = (position < positions)[:, None] & (channel < channels)[None, :]
    shift = tl.load(bias + channel, mask=channel < channels, other=0.0).to(tl.float32)[None, :]
    total = tl.full((POSITIONS, CHANNELS), 0.0, tl.float32)
    for down in tl.static_range(1 + POOL):
        for across in tl.static_range(1 + POOL):
            source = (own_row * (1 + POOL) + down) * width + own_column * (1 + POOL) + across
            at = picture * height * width + source.to(tl.int64)[:, None] * channels + channel[None, :]
            total += tl.maximum(tl.load(raw + at, mask=inside, other=0.0).to(tl.float32) + shift, 0.0)
    if POOL:
        total = total * 0.25
    to = picture * positions + position.to(tl.int64)[:, None] * channels + channel[None, :]
    tl.store(handed_on + to, total, mask=inside)
    if KEEP:
        own = inside & ((row == own_row) & (column == own_column))[:, None]
        place = (own_row * out_width + own_column).to(tl.int64)[:, None] * channels + channel[None, :]
        tl.store(rectified + picture * out_height * out_width + place, total, mask=own)


@triton.jit(do_not_specialize=SIZES)
def _backward(  # noqa: PLR0912
    of_handed_on, of_rectified, known, bias, gradient, height, width, channels, out_height, out_width,
    POOL: tl.constexpr, PAD: tl.constexpr, HANDED_ON: tl.constexpr, KEPT: tl.constexpr, RAW: tl.constexpr,
    POSITIONS: tl.constexpr, CHANNELS: tl.constexpr,
):  # fmt: skip
    """`gradient` (height, width, channels) of what the convolution gave.

    HANDED_ON, KEPT: whether there is a gradient of these. RAW: whether `known` is what the convolution gave, or that
    after bias and rectifier.
    """
    padded_width = out_width + 2 * PAD
    position = tl.program_id(0) * POSITIONS + tl.arange(0, POSITIONS)
    channel = tl.program_id(1) * CHANNELS + tl.arange(0, CHANNELS)
    picture = tl.program_id(2).to(tl.int64) * channels
    real = (channel < channels)[None, :]
    inside = (position < height * width)[:, None] & real
    place = picture * height * width + position.to(tl.int64)[:, None] * channels + channel[None, :]
    total = tl.full((POSITIONS, CHANNELS), 0.0, tl.float32)
    if HANDED_ON:
        first = picture * (out_height + 2 * PAD) * padded_width + channel[None, :]
        row, column = position // width // (1 + POOL), position % width // (1 + POOL)
        # Pooling leaves out the last row or column of an odd number.
        counted = (position < height * width) & (row < out_height) & (column < out_width)
        own = ((row + PAD) * padded_width + column + PAD).to(tl.int64)[:, None] * channels
        total += tl.load(of_handed_on + first + own, mask=counted[:, None] & real, other=0.0).to(tl.float32)
        if PAD:
            # What stands at the border stands beyond it as well; of a large map, few programs have any of that.
            begin = tl.program_id(0) * POSITIONS
            upper = begin < width * (1 + POOL)
            lower = begin + POSITIONS > width * (out_height - 1) * (1 + POOL)
            sides = (begin % width < 1 + POOL) | (begin % width + POSITIONS > (out_width - 1) * (1 + POOL))
            top, bottom = counted & (row == 0), counted & (row == out_height - 1)
            left, right = counted & (column == 0), counted & (column == out_width - 1)
            if upper | lower | sides:
                for down in tl.static_range(-1, 2):
                    for across in tl.static_range(-1, 2):
                        if down != 0 or across != 0:
                            takes = counted
                            there_row, there_column = row + 1, column + 1
                            if down == -1:
                                takes, there_row = takes & top, row
                            if down == 1:
                                takes, there_row = takes & bottom, row + 2
                            if across == -1:
                                takes, there_column = takes & left, column
                            if across == 1:
                                takes, there_column = takes & right, column + 2
                            there = (there_row * padded_width + there_column).to(tl.int64)[:, None] * channels
                            mask = takes[:, None] & real
                            total += tl.load(of_handed_on + first + there, mask=mask, other=0.0).to(tl.float32)
        if POOL:
            total = total * 0.25
    if KEPT:
        total += tl.load(of_rectified + place, mask=inside, other=0.0).to(tl.float32)
    value = tl.load(known + place, mask=inside, other=0.0).to(tl.float32)
    if RAW:
        value += tl.load(bias + channel, mask=channel < channels, other=0.0).to(tl.float32)[None, :]
    tl.store(gradient + place, tl.where(value > 0, total, 0.0), mask=inside)


@triton.jit(do_not_specialize=["pieces"])
def _row_products(
    rows, vectors, partial, size, pieces, COUNT: tl.constexpr, SHARES: tl.constexpr, BLOCK: tl.constexpr
):  # fmt: skip
    """Products of one row with one vector or two over one of `SHARES` shares of it: a sum for each of `BLOCK` lanes."""
    row, share, lane = tl.program_id(0), tl.program_id(1), tl.arange(0, BLOCK)
    first = tl.full((BLOCK,), 0.0, tl.float32)
    second = tl.full((BLOCK,), 0.0, tl.float32)
    for begin in range(0, pieces, SHARES):
        at = (begin + share) * BLOCK + lane
        inside = at < size
        mine = tl.load(rows + row.to(tl.int64) * size + at, mask=inside, other=0.0)
        first += mine * tl.load(vectors + at, mask=inside, other=0.0)
        if COUNT == 2:
            second += mine * tl.load(vectors + size + at, mask=inside, other=0.0)
    to = partial + (row * COUNT * SHARES + share) * BLOCK + lane
    tl.store(to, first)
    if COUNT == 2:
        tl.store(to + SHARES * BLOCK, second)


def row_products(rows: Tensor, vectors: Tensor) -> Tensor:
    """As `pipeline.network.row_products.plain_row_products`, of one vector or two."""
    (count, size), many = rows.shape, vectors.shape[0]
    partial = torch.empty((count, many, SHARES, BLOCK), device=rows.device)
    with on_device_of(rows):
        _row_products[(count, SHARES)](
            rows, vectors, partial, size, size // BLOCK, COUNT=many, SHARES=SHARES, BLOCK=BLOCK, **OPTIONS
        )
    return partial.sum((2, 3)).T


class _Stage(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, raw: Tensor, bias: Tensor, pool: bool, pad: bool, keep: bool
    ) -> Tensor | tuple[Tensor, Tensor]:
        raw = raw.contiguous(memory_format=torch.channels_last)
        height, width = raw.shape[2] // (1 + pool), raw.shape[3] // (1 + pool)
        handed_on = _empty(raw, height + 2 * pad, width + 2 * pad)
        rectified = _empty(raw, raw.shape[2], raw.shape[3]) if keep else raw
        ctx.sizes = (height, width, pool, pad)
        ctx.raw = not keep
        ctx.set_materialize_grads(False)
        if keep and pool:
            _run_forward(raw, bias, rectified, rectified, (raw.shape[2], raw.shape[3]), False, False, False)
        _run_forward(raw, bias, handed_on, rectified, (height, width), pool, pad, keep and not pool)
        ctx.save_for_backward(rectified, bias)
        return (handed_on, rectified) if keep else handed_on

    @staticmethod
    def backward(
        ctx: Any, of_handed_on: Tensor | None, of_rectified: Tensor | None = None
    ) -> tuple[Tensor | None, None, None, None, None]:
        known, bias = ctx.saved_tensors
        if of_handed_on is None and of_rectified is None:
            return None, None, None, None, None
        height, width, pool, pad = ctx.sizes
        gradient = _empty(known, known.shape[2], known.shape[3])
        given = [known if one is None else _last(one) for one in (of_handed_on, of_rectified)]
        with on_device_of(known):
            _backward[_grid(known, known.shape[2] * known.shape[3])](
                *given, known, bias, gradient, known.shape[2], known.shape[3], known.shape[1], height, width,
                POOL=int(pool), PAD=int(pad), HANDED_ON=of_handed_on is not None, KEPT=of_rectified is not None,
                RAW=ctx.raw, POSITIONS=POSITIONS, CHANNELS=CHANNELS, **OPTIONS,
            )  # fmt: skip
        return gradient, None, None, None, None


def fused_stage(raw: Tensor, bias: Tensor, pool: bool, pad: bool, keep: bool) -> tuple[Tensor, Tensor | None]:
    """As `pipeline.network.after_convolution.plain_stage`, in one pass each way."""
    result = _Stage.apply(raw, bias, pool, pad, keep)
    return result if keep else (result, None)


def _run_forward(
    raw: Tensor, bias: Tensor, handed_on: Tensor, rectified: Tensor, size: tuple[int, int], pool: bool, pad: bool,
    keep: bool,
) -> None:  # fmt: skip
    with on_device_of(raw):
        _forward[_grid(raw, handed_on.shape[2] * handed_on.shape[3])](
            raw, bias, handed_on, rectified, raw.shape[2], raw.shape[3], raw.shape[1], *size,
            POOL=int(pool), PAD=int(pad), KEEP=keep, POSITIONS=POSITIONS, CHANNELS=CHANNELS, **OPTIONS,
        )  # fmt: skip


def on_device_of(tensor: Tensor) -> AbstractContextManager[object]:
    """Triton starts kernels on the device that is current; a tensor may be on another GPU."""
    return torch.cuda.device(tensor.device) if tensor.device.type == "cuda" else nullcontext()


def _grid(maps: Tensor, positions: int) -> tuple[int, int, int]:
    return triton.cdiv(positions, POSITIONS), triton.cdiv(maps.shape[1], CHANNELS), maps.shape[0]


def _empty(like: Tensor, height: int, width: int) -> Tensor:
    shape = (like.shape[0], like.shape[1], height, width)
    return torch.empty(shape, dtype=like.dtype, device=like.device, memory_format=torch.channels_last)


def _last(maps: Tensor) -> Tensor:
    return maps.contiguous(memory_format=torch.channels_last)
