"""Triton kernels for dense inverse search (`inverse_search`): what patches find, and what that makes of pixels.

As with `stage_kernels`, none of the functions that Triton itself has compiled is called.
"""

# mypy: disable-error-code="no-untyped-def, untyped-decorator"

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from pipeline.network.inverse_search import DAMPING, DESCENTS, PATCH, ROUNDS, STRIDE
from pipeline.network.launching import OPTIONS, on_device_of

PATCHES = 8
"""That one program works on."""
PIXELS = 256
"""Pixels of one."""


@triton.jit
def _add(one, other):
    return one + other


@triton.jit
def _sampled(image, first, x, y, height, width, mask):
    """A picture that begins at `first`, between its pixels: bilinear, its border repeated."""
    x = tl.minimum(tl.maximum(x, 0.0), width - 1.0)
    y = tl.minimum(tl.maximum(y, 0.0), height - 1.0)
    left, top = x.to(tl.int32), y.to(tl.int32)
    right, below = tl.minimum(left + 1, width - 1), tl.minimum(top + 1, height - 1)
    across, down = x - left, y - top
    upper, lower = image + first + top * width, image + first + below * width
    one = tl.load(upper + left, mask=mask, other=0.0)
    two = tl.load(upper + right, mask=mask, other=0.0)
    three = tl.load(lower + left, mask=mask, other=0.0)
    four = tl.load(lower + right, mask=mask, other=0.0)
    above = one + across * (two - one)
    return above + down * (three + across * (four - three) - above)


@triton.jit
def _misfit(after, patch, first, x, y, u, v, height, width, mask, AREA: tl.constexpr):
    """The sum of squares of what patches there differ by, but for its mean."""
    away = _sampled(after, first, x + u[:, None], y + v[:, None], height, width, mask) - patch
    whole = tl.reduce(away, 1, _add)
    return tl.reduce(away * away, 1, _add) - whole * whole / AREA


@triton.jit
def _patches(image, y, x, height, width, mask):
    """Patches and their slopes, as `inverse_search._sobel` has them; beyond the border stands what is at the border."""
    own_y, own_x = tl.minimum(tl.maximum(y, 0), height - 1), tl.minimum(tl.maximum(x, 0), width - 1)
    up, down = tl.maximum(own_y - 1, 0), tl.minimum(own_y + 1, height - 1)
    left, right = tl.maximum(own_x - 1, 0), tl.minimum(own_x + 1, width - 1)
    patch = tl.load(image + own_y * width + own_x, mask=mask, other=0.0)
    up_left = tl.load(image + up * width + left, mask=mask, other=0.0)
    up_right = tl.load(image + up * width + right, mask=mask, other=0.0)
    down_left = tl.load(image + down * width + left, mask=mask, other=0.0)
    down_right = tl.load(image + down * width + right, mask=mask, other=0.0)
    beside = tl.load(image + own_y * width + right, mask=mask, other=0.0) - tl.load(
        image + own_y * width + left, mask=mask, other=0.0
    )
    along = tl.load(image + down * width + own_x, mask=mask, other=0.0) - tl.load(
        image + up * width + own_x, mask=mask, other=0.0
    )
    across_slope = (up_right - up_left + 2 * beside + down_right - down_left) / 8
    down_slope = (down_left - up_left + 2 * along + down_right - up_right) / 8
    return patch, across_slope, down_slope


@triton.jit(do_not_specialize=["height", "width", "rows", "columns", "count"])
def _search(
    before, after, given, found, height, width, rows, columns, count, damping,
    PATCH: tl.constexpr, STRIDE: tl.constexpr, DESCENTS: tl.constexpr, PATCHES: tl.constexpr,
):  # fmt: skip
    """A round of all patches: each looks at what its neighbours were given, and descends; `given` and `found` are
    (count, 2)."""
    AREA: tl.constexpr = PATCH * PATCH
    at = tl.program_id(0) * PATCHES + tl.arange(0, PATCHES)
    pixel = tl.arange(0, AREA)[None, :]
    real = at < count
    mask = real[:, None] & (pixel < AREA)
    pair, row, column = at // (rows * columns), at // columns % rows, at % columns
    first = (pair * height * width)[:, None]
    y, x = row[:, None] * STRIDE - STRIDE + pixel // PATCH, column[:, None] * STRIDE - STRIDE + pixel % PATCH
    patch, across_slope, down_slope = _patches(before + first, y, x, height, width, mask)
    across_slope -= (tl.reduce(across_slope, 1, _add) / AREA)[:, None]
    down_slope -= (tl.reduce(down_slope, 1, _add) / AREA)[:, None]
    across_own, down_own = tl.reduce(across_slope * patch, 1, _add), tl.reduce(down_slope * patch, 1, _add)
    across = tl.reduce(across_slope * across_slope, 1, _add)
    straight = tl.reduce(down_slope * down_slope, 1, _add)
    mixed = tl.reduce(across_slope * down_slope, 1, _add)
    more = damping / 2 * (across + straight) + 1
    across, straight = across + more, straight + more
    share = 1 / (across * straight - mixed * mixed)

    places_y, places_x = y.to(tl.float32), x.to(tl.float32)
    u = tl.load(given + 2 * at, mask=real, other=0.0)
    v = tl.load(given + 2 * at + 1, mask=real, other=0.0)
    least = _misfit(after, patch, first, places_x, places_y, u, v, height, width, mask, AREA)
    # Loops, not copies of what is in them: compiled in a fraction of the time.
    for number in range(4):
        # Above, below, before and behind; beyond the border stands what is at the border.
        downward, sign = 1 - number // 2, 2 * (number % 2) - 1
        there_row = tl.minimum(tl.maximum(row + downward * sign, 0), rows - 1)
        there_column = tl.minimum(tl.maximum(column + (1 - downward) * sign, 0), columns - 1)
        there = (pair * rows + there_row) * columns + there_column
        their_u = tl.load(given + 2 * there, mask=real, other=0.0)
        their_v = tl.load(given + 2 * there + 1, mask=real, other=0.0)
        of_theirs = _misfit(after, patch, first, places_x, places_y, their_u, their_v, height, width, mask, AREA)
        better = of_theirs < least
        u, v = tl.where(better, their_u, u), tl.where(better, their_v, v)
        least = tl.where(better, of_theirs, least)
    low_u, low_v = u, v
    for _ in range(DESCENTS):
        shown = _sampled(after, first, places_x + low_u[:, None], places_y + low_v[:, None], height, width, mask)
        slope_u = tl.reduce(across_slope * shown, 1, _add) - across_own
        slope_v = tl.reduce(down_slope * shown, 1, _add) - down_own
        low_u -= share * (straight * slope_u - mixed * slope_v)
        low_v -= share * (across * slope_v - mixed * slope_u)
    of_lower = _misfit(after, patch, first, places_x, places_y, low_u, low_v, height, width, mask, AREA)
    near = (low_u - u) * (low_u - u) + (low_v - v) * (low_v - v) < AREA
    taken = (of_lower < least) & near
    tl.store(found + 2 * at, tl.where(taken, low_u, u), mask=real)
    tl.store(found + 2 * at + 1, tl.where(taken, low_v, v), mask=real)


@triton.jit
def _in_order(values, above, own, below, mask):
    """Three numbers, one upon the other, from the smallest to the largest."""
    one = tl.load(values + above, mask=mask, other=0.0)
    two = tl.load(values + own, mask=mask, other=0.0)
    three = tl.load(values + below, mask=mask, other=0.0)
    low, high = tl.minimum(one, two), tl.maximum(one, two)
    return tl.minimum(low, three), tl.maximum(low, tl.minimum(high, three)), tl.maximum(high, three)


@triton.jit(do_not_specialize=["rows", "columns", "size"])
def _medians(given, found, rows, columns, size, PIXELS: tl.constexpr):
    """`inverse_search._smoothed`; `given` and `found` are (pairs, rows, columns, 2)."""
    at = tl.program_id(0) * PIXELS + tl.arange(0, PIXELS)
    inside = at < size
    part, column, row, pair = at % 2, at // 2 % columns, at // 2 // columns % rows, at // 2 // columns // rows
    above = (pair * rows + tl.maximum(row - 1, 0)) * columns
    own = (pair * rows + row) * columns
    below = (pair * rows + tl.minimum(row + 1, rows - 1)) * columns
    before, behind = 2 * tl.maximum(column - 1, 0) + part, 2 * tl.minimum(column + 1, columns - 1) + part
    here = 2 * column + part
    low, middle, high = _in_order(given, 2 * above + before, 2 * own + before, 2 * below + before, inside)
    low_1, middle_1, high_1 = _in_order(given, 2 * above + here, 2 * own + here, 2 * below + here, inside)
    low_2, middle_2, high_2 = _in_order(given, 2 * above + behind, 2 * own + behind, 2 * below + behind, inside)
    # The largest of the smallest, the middle one of the middle ones, the smallest of the largest: the median is among
    # them, and their own.
    one = tl.maximum(tl.maximum(low, low_1), low_2)
    three = tl.minimum(tl.minimum(high, high_1), high_2)
    two = tl.maximum(tl.minimum(middle, middle_1), tl.minimum(tl.maximum(middle, middle_1), middle_2))
    tl.store(found + at, tl.maximum(tl.minimum(one, two), tl.minimum(tl.maximum(one, two), three)), mask=inside)


@triton.jit(do_not_specialize=["height", "width", "rows", "columns", "size"])
def _densify(
    before, after, patches, flow, height, width, rows, columns, size, STRIDE: tl.constexpr, PIXELS: tl.constexpr
):  # fmt: skip
    """The flow (size, 2) of pixels from that of the patches they are in, (pairs, rows, columns, 2)."""
    at = tl.program_id(0) * PIXELS + tl.arange(0, PIXELS)
    inside = at < size
    pair, y, x = at // (height * width), at // width % height, at % width
    first, own = pair * height * width, tl.load(before + at, mask=inside, other=0.0)
    total_u, total_v = tl.full((PIXELS,), 0.0, tl.float32), tl.full((PIXELS,), 0.0, tl.float32)
    weights = tl.full((PIXELS,), 0.0, tl.float32)
    for number in tl.static_range(4):
        patch = (pair * rows + y // STRIDE + number // 2) * columns + x // STRIDE + number % 2
        u = tl.load(patches + 2 * patch, mask=inside, other=0.0)
        v = tl.load(patches + 2 * patch + 1, mask=inside, other=0.0)
        shown = _sampled(after, first, x.to(tl.float32) + u, y.to(tl.float32) + v, height, width, inside)
        weight = 1 / tl.maximum(tl.abs(shown - own), 1.0)
        total_u, total_v, weights = total_u + weight * u, total_v + weight * v, weights + weight
    tl.store(flow + 2 * at, total_u / weights, mask=inside)
    tl.store(flow + 2 * at + 1, total_v / weights, mask=inside)


def searched(before: Tensor, after: Tensor, given: Tensor) -> Tensor:
    """See `kernels.MotionKernels`."""
    (height, width), (pairs, rows, columns, _) = before.shape[-2:], given.shape
    count, found = pairs * rows * columns, given.contiguous()
    with on_device_of(before):
        for _ in range(ROUNDS):
            given, found = found, torch.empty_like(found)
            _search[triton.cdiv(count, PATCHES),](
                before, after, given, found, height, width, rows, columns, count, DAMPING,
                PATCH=PATCH, STRIDE=STRIDE, DESCENTS=DESCENTS, PATCHES=PATCHES, **OPTIONS,
            )  # fmt: skip
    return smoothed(found)


def smoothed(patches: Tensor) -> Tensor:
    """`inverse_search._smoothed`."""
    pairs, rows, columns, _ = patches.shape
    found, size = torch.empty_like(patches), 2 * pairs * rows * columns
    with on_device_of(patches):
        _medians[triton.cdiv(size, PIXELS),](patches, found, rows, columns, size, PIXELS=PIXELS, **OPTIONS)
    return found


def densified(before: Tensor, after: Tensor, patches: Tensor) -> Tensor:
    """See `kernels.MotionKernels`."""
    (height, width), (pairs, rows, columns, _) = before.shape[-2:], patches.shape
    flow = before.new_empty((pairs, height, width, 2))
    size = pairs * height * width
    with on_device_of(before):
        _densify[triton.cdiv(size, PIXELS),](
            before, after, patches, flow, height, width, rows, columns, size, STRIDE=STRIDE, PIXELS=PIXELS, **OPTIONS
        )
    return flow
