"""Triton kernels for a step of L-BFGS (`style.optimizers.LBFGS`): ten launches, where single operations take a hundred.

Where the next pair goes is known to the device alone. As with `stage_kernels`, none of the functions that Triton itself
has compiled is called.
"""

# mypy: disable-error-code="no-untyped-def, untyped-decorator"

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from pipeline.network.kernels import Descent, DescentRules
from pipeline.network.launching import OPTIONS, on_device_of, power_of_two

# Numbers that one program works on at a time, and parts of a row that are multiplied side by side.
BLOCK, PARTS = 1024, 64


@triton.jit
def _add(one, other):
    return one + other


@triton.jit
def _differences(pixels, before, gradient, known, partial, size, programs, BLOCK: tl.constexpr):
    """Parts of s y, s s, y y and of the sum of the gradient: `partial` (4, programs)."""
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = at < size
    now = tl.load(gradient + at, mask=inside, other=0.0)
    move = tl.load(pixels + at, mask=inside, other=0.0) - tl.load(before + at, mask=inside, other=0.0)
    change = now - tl.load(known + at, mask=inside, other=0.0)
    to = partial + tl.program_id(0)
    tl.store(to, tl.reduce(move * change, 0, _add))
    tl.store(to + programs, tl.reduce(move * move, 0, _add))
    tl.store(to + 2 * programs, tl.reduce(change * change, 0, _add))
    tl.store(to + 3 * programs, tl.reduce(now, 0, _add))


@triton.jit
def _decide(
    partial, loss, lowest, longest, scale, weights, ring, verdict, size, programs, history, uphill, back, least_cosine,
    PROGRAMS: tl.constexpr,
):  # fmt: skip
    """`verdict`: whether the step was good, whether all is finite, and how long the next one may be."""
    program = tl.arange(0, PROGRAMS)
    there = program < programs
    curvature = tl.reduce(tl.load(partial + program, mask=there, other=0.0), 0, _add)
    length = tl.reduce(tl.load(partial + programs + program, mask=there, other=0.0), 0, _add)
    strength = tl.reduce(tl.load(partial + 2 * programs + program, mask=there, other=0.0), 0, _add)
    now, low = tl.load(loss), tl.load(lowest)
    # A number less itself is zero, if it is one; and no sum has one that holds any that is not.
    total = now + tl.reduce(tl.load(partial + 3 * programs + program, mask=there, other=0.0), 0, _add)
    finite = total - total == 0
    good = finite & (now <= low + uphill * tl.abs(low))
    curvature, strength = tl.where(finite, curvature, 0.0), tl.where(finite, strength, 0.0)
    sound = curvature > least_cosine * tl.sqrt(length) * tl.sqrt(strength)
    place, filled = tl.load(ring), tl.load(ring + 1)
    tl.store(weights + place, tl.where(sound, 1 / tl.where(sound, curvature, 1.0), 0.0))
    tl.store(scale, tl.where(sound, curvature / tl.where(sound, strength, 1.0), tl.load(scale)))
    tl.store(ring + 1, tl.minimum(filled + 1, history))
    tl.store(lowest, tl.where(good & (now < low), now, low))
    tl.store(verdict, good.to(tl.float32))
    tl.store(verdict + 1, finite.to(tl.float32))
    tl.store(verdict + 2, tl.where(good, tl.load(longest), back * tl.sqrt(length / size)))


@triton.jit
def _learn(pixels, before, gradient, known, moves, changes, ring, verdict, size, length, BLOCK: tl.constexpr):
    """Take the pair in, and go on from where the step led, or where it began."""
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = at < size
    good, finite = tl.load(verdict) != 0, tl.load(verdict + 1) != 0
    there, now = tl.load(pixels + at, mask=inside, other=0.0), tl.load(gradient + at, mask=inside, other=0.0)
    here, then = tl.load(before + at, mask=inside, other=0.0), tl.load(known + at, mask=inside, other=0.0)
    to = tl.load(ring).to(tl.int64) * length + at
    tl.store(moves + to, tl.where(finite, there - here, 0.0), mask=inside)
    tl.store(changes + to, tl.where(finite, now - then, 0.0), mask=inside)
    if good:
        tl.store(before + at, there, mask=inside)
        tl.store(known + at, now, mask=inside)


@triton.jit
def _products(
    rows, vector, newest, ring, partial, size, length, history,
    BOTH: tl.constexpr, PARTS: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Parts of the products of rows with a vector, and where BOTH is set with the newest of other rows: `partial`
    (1 + BOTH, parts, history). Rows of pairs that are not there yet are not read."""
    row, part = tl.program_id(0), tl.program_id(1)
    if row < tl.load(ring + 1):
        other = newest + tl.load(ring).to(tl.int64) * length
        first = tl.full((BLOCK,), 0.0, tl.float32)
        second = tl.full((BLOCK,), 0.0, tl.float32)
        for begin in range(part * BLOCK, size, PARTS * BLOCK):
            at = begin + tl.arange(0, BLOCK)
            mine = tl.load(rows + row.to(tl.int64) * length + at, mask=at < size, other=0.0)
            first += mine * tl.load(vector + at, mask=at < size, other=0.0)
            if BOTH:
                second += mine * tl.load(other + at, mask=at < size, other=0.0)
        to = partial + part * history + row
        tl.store(to, tl.reduce(first, 0, _add))
        if BOTH:
            tl.store(to + PARTS * history, tl.reduce(second, 0, _add))


@triton.jit
def _share(wanted, line, weights, place, pair):
    """What a pair takes of `wanted`, by its own product in its `line` of them; a pair without weight takes no part."""
    own = tl.reduce(tl.where(place == pair, line, 0.0), 0, _add)
    aim = tl.reduce(tl.where(place == pair, wanted, 0.0), 0, _add)
    sound = tl.load(weights + pair) != 0
    return tl.where(sound, aim / tl.where(sound, own, 1.0), 0.0)


@triton.jit
def _solve_back(partial, products, weights, ring, shares, history, HISTORY: tl.constexpr, PARTS: tl.constexpr):
    """`shares` a = R^-1 S g, from the newest pair to the oldest. The products S y with the newest change are kept."""
    place, part = tl.arange(0, HISTORY), tl.arange(0, PARTS)
    newest, filled = tl.load(ring), tl.load(ring + 1)
    there = place < filled
    at, known = part[:, None] * history + place[None, :], (part >= 0)[:, None] & there[None, :]
    wanted = tl.reduce(tl.load(partial + at, mask=known, other=0.0).to(tl.float64), 0, _add)
    latest = tl.reduce(tl.load(partial + PARTS * history + at, mask=known, other=0.0).to(tl.float64), 0, _add)
    tl.store(products + place * history + newest, latest, mask=there)
    result = wanted - wanted
    for age in range(0, filled):
        pair = (newest - age + history) % history
        column = tl.load(products + place * history + pair, mask=there, other=0.0)
        column = tl.where(pair == newest, latest, column)
        share = _share(wanted, column, weights, place, pair)
        result = tl.where(place == pair, share, result)
        wanted -= share * column
    tl.store(shares + place, result.to(tl.float32), mask=there)


@triton.jit
def _solve_forward(
    partial, products, weights, ring, shares, back, history, HISTORY: tl.constexpr, PARTS: tl.constexpr
):  # fmt: skip
    """`back` c = R^-T (E a - Y q), from the oldest pair to the newest; and the place of the next pair."""
    place, part = tl.arange(0, HISTORY), tl.arange(0, PARTS)
    newest, filled = tl.load(ring), tl.load(ring + 1)
    there = place < filled
    at, known = part[:, None] * history + place[None, :], (part >= 0)[:, None] & there[None, :]
    of_rest = tl.reduce(tl.load(partial + at, mask=known, other=0.0).to(tl.float64), 0, _add)
    diagonal = tl.load(products + place * history + place, mask=there, other=0.0)
    wanted = diagonal * tl.load(shares + place, mask=there, other=0.0).to(tl.float64) - of_rest
    result = wanted - wanted
    for step in range(0, filled):
        pair = (newest - filled + 1 + step + history) % history
        row = tl.load(products + pair * history + place, mask=there, other=0.0)
        share = _share(wanted, row, weights, place, pair)
        result = tl.where(place == pair, share, result)
        wanted -= share * row
    tl.store(back + place, result.to(tl.float32), mask=there)
    tl.store(ring, (newest + 1) % history)


@triton.jit
def _combine(
    start, rows, shares, ring, scale, result, partial, size, length, sign,
    SCALED: tl.constexpr, SQUARES: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """`result`: a vector and shares of the rows of all pairs, times a scale; parts of the sum of its squares."""
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = at < size
    total = tl.load(start + at, mask=inside, other=0.0)
    line = rows + at
    for row in range(0, tl.load(ring + 1)):
        total += sign * tl.load(shares + row) * tl.load(line, mask=inside, other=0.0)
        line += length
    if SCALED:
        total *= tl.load(scale)
    tl.store(result + at, total, mask=inside)
    if SQUARES:
        tl.store(partial + tl.program_id(0), tl.reduce(total * total, 0, _add))


@triton.jit
def _move(pixels, before, direction, partial, verdict, size, programs, PROGRAMS: tl.constexpr, BLOCK: tl.constexpr):
    """Against the direction, no farther than the verdict allows, and within 0..1."""
    program = tl.arange(0, PROGRAMS)
    squares = tl.reduce(tl.load(partial + program, mask=program < programs, other=0.0), 0, _add)
    share = tl.load(verdict + 2) / tl.sqrt(squares / size)
    # Of what is not a number neither is true.
    share = tl.where(share < 1, share, tl.where(share >= 1, 1.0, 0.0))
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = at < size
    moved = tl.load(before + at, mask=inside, other=0.0) - share * tl.load(direction + at, mask=inside, other=0.0)
    tl.store(pixels + at, tl.minimum(tl.maximum(moved, 0.0), 1.0), mask=inside)


def descend(pixels: Tensor, loss: Tensor, gradient: Tensor, state: Descent, rules: DescentRules) -> None:
    """See `kernels.Kernels`."""
    size, (history, length) = pixels.numel(), state.moves.shape
    programs = triton.cdiv(size, BLOCK)
    partial = torch.empty((4, programs), device=pixels.device)
    verdict = torch.empty(3, device=pixels.device)
    sums = torch.empty((2, PARTS, history), device=pixels.device)
    shares, back = (torch.empty(history, device=pixels.device) for _ in range(2))
    rest, direction = (torch.empty(size, device=pixels.device) for _ in range(2))
    given = (pixels, state.before, gradient, state.known)
    pairs = {"HISTORY": power_of_two(history), "PARTS": PARTS, "num_warps": 1, **OPTIONS}
    blocks = {"BLOCK": BLOCK, **OPTIONS}
    many = {"PROGRAMS": power_of_two(programs), **OPTIONS}
    with on_device_of(pixels):
        _differences[programs,](*given, partial, size, programs, **blocks)
        _decide[1,](
            partial, loss, state.lowest, state.longest, state.scale, state.weights, state.ring, verdict, size, programs,
            history, rules.uphill, rules.back, rules.least_cosine, **many,
        )  # fmt: skip
        _learn[programs,](*given, state.moves, state.changes, state.ring, verdict, size, length, **blocks)
        _products[history, PARTS](
            state.moves, state.known, state.changes, state.ring, sums, size, length, history, BOTH=True, PARTS=PARTS,
            **blocks,
        )  # fmt: skip
        _solve_back[1,](sums, state.products, state.weights, state.ring, shares, history, **pairs)
        _combine[programs,](
            state.known, state.changes, shares, state.ring, state.scale, rest, partial, size, length, -1.0, SCALED=True,
            SQUARES=False, **blocks,
        )  # fmt: skip
        _products[history, PARTS](
            state.changes, rest, state.changes, state.ring, sums, size, length, history, BOTH=False, PARTS=PARTS,
            **blocks,
        )  # fmt: skip
        _solve_forward[1,](sums, state.products, state.weights, state.ring, shares, back, history, **pairs)
        _combine[programs,](
            rest, state.moves, back, state.ring, state.scale, direction, partial, size, length, 1.0, SCALED=False,
            SQUARES=True, **blocks,
        )  # fmt: skip
        _move[programs,](pixels, state.before, direction, partial, verdict, size, programs, **many, BLOCK=BLOCK)
