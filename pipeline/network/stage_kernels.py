"""Triton kernels: what follows a convolution, both ways: bias, rectifier, average pooling, border.

Only `pipeline.network.kernels` imports files of kernels, where a device has Triton. The kernels call none of the
functions that Triton itself has compiled (`tl.zeros`, `tl.max`): its interpreter knows these only where it was switched
on before Triton was imported, by whomever.
"""

# mypy: disable-error-code="no-untyped-def, untyped-decorator"

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from pipeline.network.kernels import Pool
from pipeline.network.launching import OPTIONS, interpreted, on_device_of

# Positions and channels that one program works on; positions of the first convolution, and pixels of its gradient.
POSITIONS, CHANNELS = 32, 64
FIRST_POSITIONS, GATHERED = 64, 512
# The interpreter takes numbers in bfloat16 for whole ones when it multiplies matrices.
FACTORS = tl.float32 if interpreted() else tl.bfloat16

# A kernel is compiled once for all sizes of maps, not for every kind of number there may be among them.
SIZES = ["height", "width", "out_height", "out_width"]


@triton.jit(do_not_specialize=SIZES)
def _forward(
    raw, bias, handed_on, rectified, height, width, channels, out_height, out_width,
    POOL: tl.constexpr, MAXIMUM: tl.constexpr, PAD: tl.constexpr, KEEP: tl.constexpr, POSITIONS: tl.constexpr,
    CHANNELS: tl.constexpr,
):  # fmt: skip
    """`handed_on` (out_height + 2 PAD, out_width + 2 PAD, channels), and where KEEP is set `rectified` as well.

    POOL: whether four positions become one, by their mean or by their MAXIMUM.
    """
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
            value = tl.maximum(tl.load(raw + at, mask=inside, other=0.0).to(tl.float32) + shift, 0.0)
            total = tl.maximum(total, value) if MAXIMUM else total + value
    if POOL and not MAXIMUM:
        total = total * 0.25
    to = picture * positions + position.to(tl.int64)[:, None] * channels + channel[None, :]
    tl.store(handed_on + to, total, mask=inside)
    if KEEP:
        own = inside & ((row == own_row) & (column == own_column))[:, None]
        place = (own_row * out_width + own_column).to(tl.int64)[:, None] * channels + channel[None, :]
        tl.store(rectified + picture * out_height * out_width + place, total, mask=own)


@triton.jit
def _incoming(
    of_handed_on, of_rectified, picture, position, channel, share, height, width, channels, out_height, out_width,
    POOL: tl.constexpr, PAD: tl.constexpr, HANDED_ON: tl.constexpr, KEPT: tl.constexpr, POSITIONS: tl.constexpr,
    CHANNELS: tl.constexpr,
):  # fmt: skip
    """The gradient of rectified maps at some positions and channels, (POSITIONS, CHANNELS).

    `share` is what each gets of what was pooled. HANDED_ON, KEPT: whether there is a gradient of what was handed on,
    and of the maps themselves.
    """
    padded_width = out_width + 2 * PAD
    real = (channel < channels)[None, :]
    inside = (position < height * width)[:, None] & real
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
            total = total * share
    if KEPT:
        place = picture * height * width + position.to(tl.int64)[:, None] * channels + channel[None, :]
        total += tl.load(of_rectified + place, mask=inside, other=0.0).to(tl.float32)
    return total


@triton.jit(do_not_specialize=SIZES)
def _backward(
    of_handed_on, of_rectified, known, bias, gradient, height, width, channels, out_height, out_width,
    POOL: tl.constexpr, MAXIMUM: tl.constexpr, PAD: tl.constexpr, HANDED_ON: tl.constexpr, KEPT: tl.constexpr,
    RAW: tl.constexpr, POSITIONS: tl.constexpr, CHANNELS: tl.constexpr,
):  # fmt: skip
    """`gradient` (height, width, channels) of what the convolution gave.

    HANDED_ON, KEPT: as for `_incoming`. RAW: whether `known` is what the convolution gave, or that after bias and
    rectifier.
    """
    position = tl.program_id(0) * POSITIONS + tl.arange(0, POSITIONS)
    channel = tl.program_id(1) * CHANNELS + tl.arange(0, CHANNELS)
    picture = tl.program_id(2).to(tl.int64) * channels
    inside = (position < height * width)[:, None] & (channel < channels)[None, :]
    place = picture * height * width + position.to(tl.int64)[:, None] * channels + channel[None, :]
    value = tl.load(known + place, mask=inside, other=0.0).to(tl.float32)
    share = tl.full((POSITIONS, CHANNELS), 0.25, tl.float32)
    if MAXIMUM:
        # All goes to the largest of four, the first of several: none before it is as large, and none after it larger.
        row, column = position // width, position % width
        whole = ((row // 2 < out_height) & (column // 2 < out_width))[:, None] & inside
        largest = whole
        for down in tl.static_range(2):
            for across in tl.static_range(2):
                other = (row // 2 * 2 + down) * width + column // 2 * 2 + across
                there = picture * height * width + other.to(tl.int64)[:, None] * channels + channel[None, :]
                rival = tl.load(known + there, mask=whole, other=0.0).to(tl.float32)
                before = (other < position)[:, None]
                largest = largest & tl.where(before, value > rival, value >= rival)
        share = tl.where(largest, 1.0, 0.0)
    total = _incoming(
        of_handed_on, of_rectified, picture, position, channel, share, height, width, channels, out_height, out_width,
        POOL, PAD, HANDED_ON, KEPT, POSITIONS, CHANNELS,
    )  # fmt: skip
    if RAW:
        value += tl.load(bias + channel, mask=channel < channels, other=0.0).to(tl.float32)[None, :]
    tl.store(gradient + place, tl.where(value > 0, total, 0.0), mask=inside)


@triton.jit(do_not_specialize=SIZES)
def _first_forward(
    image, weight, bias, scale, shift, handed_on, rectified, height, width, channels,
    REPLICATE: tl.constexpr, KEEP: tl.constexpr, POSITIONS: tl.constexpr, CHANNELS: tl.constexpr,
    FACTORS: tl.constexpr,
):  # fmt: skip
    """As `_forward`, of the first convolution of a picture (3, height, width): `weight` (32, channels), a row for each
    tap and colour. The border of what is handed on is that of REPLICATE."""
    padded_width = width + 2 * REPLICATE
    positions = (height + 2 * REPLICATE) * padded_width
    position = tl.program_id(0) * POSITIONS + tl.arange(0, POSITIONS)
    channel = tl.program_id(1) * CHANNELS + tl.arange(0, CHANNELS)
    row, column = position // padded_width - REPLICATE, position % padded_width - REPLICATE
    own_row = tl.minimum(tl.maximum(row, 0), height - 1)
    own_column = tl.minimum(tl.maximum(column, 0), width - 1)
    factor = tl.arange(0, 32)
    colour, tap = factor % 3, factor // 3
    seen_row, seen_column = own_row[None, :] + (tap // 3 - 1)[:, None], own_column[None, :] + (tap % 3 - 1)[:, None]
    near_row = tl.minimum(tl.maximum(seen_row, 0), height - 1)
    near_column = tl.minimum(tl.maximum(seen_column, 0), width - 1)
    seen = (tap < 9)[:, None] & (position < positions)[None, :]
    if not REPLICATE:
        seen = seen & (seen_row == near_row) & (seen_column == near_column)
    value = tl.load(image + (colour[:, None] * height + near_row) * width + near_column, mask=seen, other=0.0)
    value = value * tl.load(scale + colour)[:, None] + tl.load(shift + colour)[:, None]
    value = tl.where(seen, value, 0.0).to(tl.bfloat16).to(FACTORS)
    real = (channel < channels)[None, :]
    weights = tl.load(weight + factor[:, None] * channels + channel[None, :], mask=real & (tap < 9)[:, None], other=0.0)
    # The positions are the columns: neighbours in a picture lie side by side.
    total = tl.trans(tl.dot(tl.trans(weights.to(FACTORS)), value))
    shifts = tl.load(bias + channel, mask=channel < channels, other=0.0).to(tl.float32)
    total = tl.maximum(total + shifts[None, :], 0.0)
    inside = (position < positions)[:, None] & real
    tl.store(handed_on + position.to(tl.int64)[:, None] * channels + channel[None, :], total, mask=inside)
    if KEEP:
        own = inside & ((row == own_row) & (column == own_column))[:, None]
        place = (own_row * width + own_column).to(tl.int64)[:, None] * channels + channel[None, :]
        tl.store(rectified + place, total, mask=own)


@triton.jit(do_not_specialize=SIZES)
def _first_backward(
    of_handed_on, of_rectified, known, weight, taps, height, width, channels, known_width,
    REPLICATE: tl.constexpr, HANDED_ON: tl.constexpr, KEPT: tl.constexpr, POSITIONS: tl.constexpr,
    CHANNELS: tl.constexpr, FACTORS: tl.constexpr,
):  # fmt: skip
    """`taps` (32, positions): what every position has to say of the colours at its taps.

    `known` are rectified maps whose rows are `known_width` positions apart.
    """
    position = tl.program_id(0) * POSITIONS + tl.arange(0, POSITIONS)
    factor = tl.arange(0, 32)
    positions = height * width
    there = position < positions
    row, column = position // width, position % width
    place = (row * known_width + column).to(tl.int64)[:, None] * channels
    picture = (tl.program_id(0) - tl.program_id(0)).to(tl.int64)
    total = tl.full((32, POSITIONS), 0.0, tl.float32)
    for begin in range(0, channels, CHANNELS):
        channel = begin + tl.arange(0, CHANNELS)
        real = channel < channels
        gradient = _incoming(
            of_handed_on, of_rectified, picture, position, channel, 1.0, height, width, channels, height, width,
            0, REPLICATE, HANDED_ON, KEPT, POSITIONS, CHANNELS,
        )  # fmt: skip
        value = tl.load(known + place + channel[None, :], mask=there[:, None] & real[None, :], other=0.0)
        gradient = tl.where(value.to(tl.float32) > 0, gradient, 0.0).to(tl.bfloat16).to(FACTORS)
        weights = tl.load(weight + factor[:, None] * channels + channel[None, :], mask=real[None, :], other=0.0)
        total = tl.dot(weights.to(FACTORS), tl.trans(gradient), total)
    to = taps + factor[:, None] * positions + position[None, :]
    tl.store(to, total, mask=there[None, :] & (factor < 27)[:, None])


@triton.jit(do_not_specialize=SIZES)
def _gather(taps, scale, gradient, height, width, REPLICATE: tl.constexpr, POSITIONS: tl.constexpr):
    """`gradient` (3, height, width) of the picture: what all positions that see a pixel have to say of it."""
    at = tl.program_id(0) * POSITIONS + tl.arange(0, POSITIONS)
    positions = height * width
    inside = at < 3 * positions
    colour, row, column = at // positions, at // width % height, at % width
    total = tl.full((POSITIONS,), 0.0, tl.float32)
    # A pixel at the border is seen beyond it too: by the positions there, above it or left of it, below or right of it.
    for vertical in tl.static_range(3 + 2 * REPLICATE):
        for horizontal in tl.static_range(3 + 2 * REPLICATE):
            down = vertical - 1 if vertical < 3 else 2 * vertical - 7
            across = horizontal - 1 if horizontal < 3 else 2 * horizontal - 7
            there_row, there_column = row - down, column - across
            takes = inside
            if vertical == 3:
                there_row, takes = row, takes & (row == 0)
            if vertical == 4:
                there_row, takes = row, takes & (row == height - 1)
            if horizontal == 3:
                there_column, takes = column, takes & (column == 0)
            if horizontal == 4:
                there_column, takes = column, takes & (column == width - 1)
            takes = takes & (there_row >= 0) & (there_row < height) & (there_column >= 0) & (there_column < width)
            tap = ((down + 1) * 3 + across + 1) * 3 + colour
            place = tap * positions + there_row * width + there_column
            total += tl.load(taps + place, mask=takes, other=0.0).to(tl.float32)
    tl.store(gradient + at, total * tl.load(scale + colour, mask=inside, other=0.0), mask=inside)


class _Stage(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, raw: Tensor, bias: Tensor, pool: Pool, pad: bool, keep: bool
    ) -> Tensor | tuple[Tensor, Tensor]:
        raw = raw.contiguous(memory_format=torch.channels_last)
        shrink = 1 if pool == "none" else 2
        height, width = raw.shape[2] // shrink, raw.shape[3] // shrink
        handed_on = _empty(raw, height + 2 * pad, width + 2 * pad)
        rectified = _empty(raw, raw.shape[2], raw.shape[3]) if keep else raw
        ctx.sizes = (height, width, pool, pad)
        ctx.raw = not keep
        ctx.set_materialize_grads(False)
        if keep and pool != "none":
            _run_forward(raw, bias, rectified, rectified, (raw.shape[2], raw.shape[3]), "none", False, False)
        _run_forward(raw, bias, handed_on, rectified, (height, width), pool, pad, keep and pool == "none")
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
                POOL=int(pool != "none"), MAXIMUM=pool == "max", PAD=int(pad),
                HANDED_ON=of_handed_on is not None, KEPT=of_rectified is not None,
                RAW=ctx.raw, POSITIONS=POSITIONS, CHANNELS=CHANNELS, **OPTIONS,
            )  # fmt: skip
        return gradient, None, None, None, None


def fused_stage(raw: Tensor, bias: Tensor, pool: Pool, pad: bool, keep: bool) -> tuple[Tensor, Tensor | None]:
    """As `pipeline.network.kernels.plain_stage`, in one pass each way."""
    result = _Stage.apply(raw, bias, pool, pad, keep)
    return result if keep else (result, None)


class _First(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, image: Tensor, weight: Tensor, bias: Tensor, scale: Tensor, shift: Tensor, replicate: bool, keep: bool
    ) -> Tensor | tuple[Tensor, Tensor]:
        image = image.contiguous()
        (height, width), count = image.shape[2:], bias.shape[0]
        like = weight.new_empty((1, count, 0, 0))
        handed_on = _empty(like, height + 2 * replicate, width + 2 * replicate)
        rectified = _empty(like, height, width) if keep else handed_on
        grid = triton.cdiv(handed_on.shape[2] * handed_on.shape[3], FIRST_POSITIONS), triton.cdiv(count, CHANNELS)
        with on_device_of(image):
            _first_forward[grid](
                image, weight, bias, scale, shift, handed_on, rectified, height, width, count, REPLICATE=int(replicate),
                KEEP=keep, POSITIONS=FIRST_POSITIONS, CHANNELS=CHANNELS, FACTORS=FACTORS, **OPTIONS,
            )  # fmt: skip
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(rectified, weight, scale)
        ctx.how = (height, width, replicate, keep)
        return (handed_on, rectified) if keep else handed_on

    @staticmethod
    def backward(
        ctx: Any, of_handed_on: Tensor | None, of_rectified: Tensor | None = None
    ) -> tuple[Tensor | None, ...]:
        if of_handed_on is None and of_rectified is None:
            return (None,) * 7
        known, weight, scale = ctx.saved_tensors
        height, width, replicate, keep = ctx.how
        positions = height * width
        taps = weight.new_empty((27, positions))
        gradient = torch.empty((1, 3, height, width), device=known.device)
        given = [known if one is None else _last(one) for one in (of_handed_on, of_rectified)]
        # Of what is handed on, the maps are the part within the border.
        within = known if keep or not replicate else known[:, :, 1:-1, 1:-1]
        with on_device_of(known):
            _first_backward[triton.cdiv(positions, FIRST_POSITIONS),](
                *given, within, weight, taps, height, width, known.shape[1], known.shape[3], REPLICATE=int(replicate),
                HANDED_ON=of_handed_on is not None, KEPT=of_rectified is not None, POSITIONS=FIRST_POSITIONS,
                CHANNELS=CHANNELS, FACTORS=FACTORS, num_stages=1, **OPTIONS,
            )  # fmt: skip
            _gather[triton.cdiv(3 * positions, GATHERED),](
                taps, scale, gradient, height, width, REPLICATE=int(replicate), POSITIONS=GATHERED, **OPTIONS
            )
        return gradient, None, None, None, None, None, None


def first_stage(
    image: Tensor, weight: Tensor, bias: Tensor, scale: Tensor, shift: Tensor, replicate: bool, keep: bool
) -> tuple[Tensor, Tensor | None]:
    """See `kernels.Kernels`."""
    result = _First.apply(image, weight, bias, scale, shift, replicate, keep)
    return result if keep else (result, None)


def _run_forward(
    raw: Tensor, bias: Tensor, handed_on: Tensor, rectified: Tensor, size: tuple[int, int], pool: Pool, pad: bool,
    keep: bool,
) -> None:  # fmt: skip
    with on_device_of(raw):
        _forward[_grid(raw, handed_on.shape[2] * handed_on.shape[3])](
            raw, bias, handed_on, rectified, raw.shape[2], raw.shape[3], raw.shape[1], *size,
            POOL=int(pool != "none"), MAXIMUM=pool == "max", PAD=int(pad), KEEP=keep, POSITIONS=POSITIONS,
            CHANNELS=CHANNELS, **OPTIONS,
        )  # fmt: skip


def _grid(maps: Tensor, positions: int) -> tuple[int, int, int]:
    return triton.cdiv(positions, POSITIONS), triton.cdiv(maps.shape[1], CHANNELS), maps.shape[0]


def _empty(like: Tensor, height: int, width: int) -> Tensor:
    shape = (like.shape[0], like.shape[1], height, width)
    return torch.empty(shape, dtype=like.dtype, device=like.device, memory_format=torch.channels_last)


def _last(maps: Tensor) -> Tensor:
    return maps.contiguous(memory_format=torch.channels_last)
