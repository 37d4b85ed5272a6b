"""Triton kernels for the refinement of a flow (`variational`): its equations, and a sweep over them.

As with `stage_kernels`, none of the functions that Triton itself has compiled is called.
"""

# mypy: disable-error-code="no-untyped-def, untyped-decorator"

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from pipeline.network.launching import OPTIONS, on_device_of
from pipeline.network.variational import FLAT, ROUGH, Slopes, VariationalRefinement

PIXELS = 256
"""Pixels that one program works on."""
SIZES = ["height", "width", "size"]


@triton.jit
def _bond(flow, change, at, area, width, below, right, mask, smoothness, rough):
    """How firmly pixels are held to those on the right and below, where there are such."""
    squares = tl.full(mask.shape, 0.0, tl.float32)
    for channel in tl.static_range(2):
        here = at + channel * area
        own = tl.load(flow + here, mask=mask, other=0.0) + tl.load(change + here, mask=mask, other=0.0)
        across, down = mask & right, mask & below
        beside = tl.load(flow + here + 1, mask=across, other=0.0) + tl.load(change + here + 1, mask=across, other=0.0)
        under = tl.load(flow + here + width, mask=down, other=0.0) + tl.load(
            change + here + width, mask=down, other=0.0
        )
        beside, under = tl.where(across, beside - own, 0.0), tl.where(down, under - own, 0.0)
        squares += beside * beside + under * under
    return smoothness / 2 / tl.sqrt(squares + rough)


@triton.jit(do_not_specialize=SIZES)
def _equations(
    t, x, y, xt, yt, xx, xy, yy, flow, change, sides, own, mixed, bonds, height, width, size,
    smoothness, brightness, slopes, rough, flat, PIXELS: tl.constexpr,
):  # fmt: skip
    """`variational.VariationalRefinement.equations`; of the bonds (N, 1, H, W) those to the right, which are those
    below as well but at the border."""
    at = tl.program_id(0) * PIXELS + tl.arange(0, PIXELS)
    inside = at < size
    area = height * width
    pair, row, column = at // area, at // width % height, at % width
    # Of what has two channels, the place of the first one.
    first = at + pair * area
    right, left, below, above = column + 1 < width, column > 0, row + 1 < height, row > 0
    dt, dx, dy = (tl.load(t + at, mask=inside, other=0.0), tl.load(x + at, mask=inside, other=0.0),
                  tl.load(y + at, mask=inside, other=0.0))  # fmt: skip
    dxt, dyt = tl.load(xt + at, mask=inside, other=0.0), tl.load(yt + at, mask=inside, other=0.0)
    dxx, dxy, dyy = (tl.load(xx + at, mask=inside, other=0.0), tl.load(xy + at, mask=inside, other=0.0),
                     tl.load(yy + at, mask=inside, other=0.0))  # fmt: skip
    u, v = tl.load(change + first, mask=inside, other=0.0), tl.load(change + first + area, mask=inside, other=0.0)
    scale = 1 / (dx * dx + dy * dy + flat)
    scale_x, scale_y = 1 / (dxx * dxx + dxy * dxy + flat), 1 / (dxy * dxy + dyy * dyy + flat)
    off, off_x, off_y = dt + dx * u + dy * v, dxt + dxx * u + dxy * v, dyt + dxy * u + dyy * v
    weight = brightness / 2 * scale / tl.sqrt(off * off * scale + rough)
    both = slopes / 2 / tl.sqrt(off_x * off_x * scale_x + off_y * off_y * scale_y + rough)
    weight_x, weight_y = both * scale_x, both * scale_y

    bond = _bond(flow, change, first, area, width, below, right, inside, smoothness, rough)
    # Of a pixel on the left, the one on its right is there; whether there is one below is the same as here.
    left_bond = _bond(flow, change, first - 1, area, width, below, inside, inside & left, smoothness, rough)
    upper_bond = _bond(flow, change, first - width, area, width, inside, right, inside & above, smoothness, rough)
    to_right, to_left = tl.where(right, bond, 0.0), tl.where(left, left_bond, 0.0)
    to_below, to_above = tl.where(below, bond, 0.0), tl.where(above, upper_bond, 0.0)
    firm = to_right + to_left + to_below + to_above
    across = weight * dx * dx + weight_x * dxx * dxx + weight_y * dxy * dxy + firm
    down = weight * dy * dy + weight_x * dxy * dxy + weight_y * dyy * dyy + firm
    beside = weight * dx * dy + weight_x * dxx * dxy + weight_y * dxy * dyy
    share = 1 / (across * down - beside * beside)
    tl.store(own + first, down * share, mask=inside)
    tl.store(own + first + area, across * share, mask=inside)
    tl.store(mixed + at, -beside * share, mask=inside)
    tl.store(bonds + at, bond, mask=inside)
    for channel in tl.static_range(2):
        here = first + channel * area
        mine = tl.load(flow + here, mask=inside, other=0.0)
        total = to_right * tl.load(flow + here + 1, mask=inside & right, other=0.0)
        total += to_left * tl.load(flow + here - 1, mask=inside & left, other=0.0)
        total += to_below * tl.load(flow + here + width, mask=inside & below, other=0.0)
        total += to_above * tl.load(flow + here - width, mask=inside & above, other=0.0)
        if channel == 0:
            total -= weight * dx * dt + weight_x * dxx * dxt + weight_y * dxy * dyt
        else:
            total -= weight * dy * dt + weight_x * dxy * dxt + weight_y * dyy * dyt
        tl.store(sides + here, total - firm * mine, mask=inside)


@triton.jit(do_not_specialize=[*SIZES, "weight"])
def _sweep(
    sides, own, mixed, bonds, change, earlier, swept, height, width, size, weight, PIXELS: tl.constexpr
):  # fmt: skip
    """`variational.sweep`."""
    at = tl.program_id(0) * PIXELS + tl.arange(0, PIXELS)
    inside = at < size
    area = height * width
    pair, row, column = at // area, at // width % height, at % width
    first = at + pair * area
    right, left = inside & (column + 1 < width), inside & (column > 0)
    below, above = inside & (row + 1 < height), inside & (row > 0)
    bond = tl.load(bonds + at, mask=inside, other=0.0)
    to_left, to_above = (
        tl.load(bonds + at - 1, mask=left, other=0.0),
        tl.load(bonds + at - width, mask=above, other=0.0),
    )
    u = tl.load(sides + first, mask=inside, other=0.0)
    v = tl.load(sides + first + area, mask=inside, other=0.0)
    # Beyond the border a load gives 0, which no bond makes more.
    u += bond * tl.load(change + first + 1, mask=right, other=0.0)
    v += bond * tl.load(change + first + area + 1, mask=right, other=0.0)
    u += to_left * tl.load(change + first - 1, mask=left, other=0.0)
    v += to_left * tl.load(change + first + area - 1, mask=left, other=0.0)
    u += bond * tl.load(change + first + width, mask=below, other=0.0)
    v += bond * tl.load(change + first + area + width, mask=below, other=0.0)
    u += to_above * tl.load(change + first - width, mask=above, other=0.0)
    v += to_above * tl.load(change + first + area - width, mask=above, other=0.0)
    beside = tl.load(mixed + at, mask=inside, other=0.0)
    solved_u = tl.load(own + first, mask=inside, other=0.0) * u + beside * v
    solved_v = tl.load(own + first + area, mask=inside, other=0.0) * v + beside * u
    from_u = tl.load(earlier + first, mask=inside, other=0.0)
    from_v = tl.load(earlier + first + area, mask=inside, other=0.0)
    tl.store(swept + first, from_u + weight * (solved_u - from_u), mask=inside)
    tl.store(swept + first + area, from_v + weight * (solved_v - from_v), mask=inside)


def refined(known: Slopes, flow: Tensor, rules: VariationalRefinement) -> Tensor:
    """See `kernels.MotionKernels`."""
    height, width = flow.shape[-2:]
    size = flow.numel() // 2
    change, *others = torch.zeros_like(flow), torch.empty_like(flow), torch.empty_like(flow)
    places = (change, *others)
    sides, own = torch.empty_like(flow), torch.empty_like(flow)
    mixed, bonds = torch.empty_like(known.t), torch.empty_like(known.t)
    grid = (triton.cdiv(size, PIXELS),)
    with on_device_of(flow):
        for _ in range(rules.rounds):
            _equations[grid](
                *known, flow, change, sides, own, mixed, bonds, height, width, size, rules.smoothness,
                rules.brightness, rules.slopes, ROUGH, FLAT, PIXELS=PIXELS, **OPTIONS,
            )  # fmt: skip
            earlier = change
            for weight in rules.weights():
                # What was before the last sweep is needed once more; of three, one is left to write to.
                swept = next(free for free in places if free is not change and free is not earlier)
                _sweep[grid](
                    sides, own, mixed, bonds, change, earlier, swept, height, width, size, weight, PIXELS=PIXELS,
                    **OPTIONS,
                )  # fmt: skip
                earlier, change = change, swept
    return change
