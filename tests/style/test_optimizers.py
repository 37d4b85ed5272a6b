"""Adam and L-BFGS against problems with known answers, and the promise that no step waits for the device."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from tiny import CPU, CountingNetwork, picture
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from pipeline.style.curvature import PIECE, PairRing
from pipeline.style.losses import content_target, moments
from pipeline.style.objective import ContentTerm, Losses, Objective, SmoothnessTerm, StyleTerm
from pipeline.style.optimizers import LBFGS, Adam, Evaluate, Optimizer, OptimizerName, make_optimizer
from pipeline.style.picture import to_tensor

SHAPE = (1, 3, 8, 8)
MAKERS: dict[str, Callable[[Tensor], Optimizer]] = {
    "adam": lambda image: Adam(image, 0.02),
    "averaged adam": lambda image: Adam(image, 0.02, averaging=0.9),
    "lbfgs": lambda image: LBFGS(image, 0.1),
    "stacked lbfgs": lambda image: LBFGS(image, 0.1, stacked=True),
}


def seeded(seed: int, shape: tuple[int, ...] = SHAPE) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def quadratic(aim: Tensor, condition: float, scale: float = 1.0) -> Evaluate:
    """1/2 sum d_i (x_i - aim_i)^2 with curvatures d from 1 to `condition`."""
    curvature = torch.logspace(0, torch.log10(torch.tensor(condition)).item(), aim.numel()).view_as(aim)

    def evaluate(image: Tensor) -> Losses:
        return Losses(scale * 0.5 * (curvature * (image - aim).square()).sum(), {})

    return evaluate


def run(optimizer: Optimizer, evaluate: Evaluate, steps: int) -> list[float]:
    return [optimizer.step(evaluate).total.item() for _ in range(steps)]


def distance(optimizer: Optimizer, aim: Tensor) -> float:
    return float((optimizer.image - aim).square().mean().sqrt())


@pytest.mark.parametrize("name", MAKERS)
def test_reaches_the_minimum_of_an_ill_conditioned_quadratic(name: str) -> None:
    aim = 0.2 + 0.6 * seeded(1)
    optimizer = MAKERS[name](seeded(2))
    assert distance(optimizer, aim) > 0.2
    run(optimizer, quadratic(aim, 1000.0), 100 if "lbfgs" in name else 400)
    assert distance(optimizer, aim) < (1e-3 if "lbfgs" in name else 0.01)


def test_lbfgs_needs_far_fewer_steps_than_adam_where_curvatures_differ() -> None:
    aim = 0.2 + 0.6 * seeded(1)
    ends = {name: run(MAKERS[name](seeded(2)), quadratic(aim, 1000.0), 60)[-1] for name in MAKERS}
    assert ends["lbfgs"] < 0.1 * ends["adam"]


def test_averaging_calms_the_result() -> None:
    """With a noisy gradient Adam's iterates rattle about the minimum; their average lies nearer to it."""
    aim = 0.2 + 0.6 * seeded(1)
    noise = torch.Generator().manual_seed(3)

    def noisy(image: Tensor) -> Losses:
        push = torch.randn(SHAPE, generator=noise)
        return Losses((0.5 * (image - aim).square() + 0.5 * push * image).sum(), {})

    optimizer = Adam(seeded(2), 0.05, averaging=0.95)
    run(optimizer, noisy, 200)
    iterate = float((optimizer.pixels - aim).square().mean().sqrt())
    assert distance(optimizer, aim) < 0.75 * iterate


def test_the_average_by_hand() -> None:
    """After n steps: sum of (1 - a) a^(n - i) x_i over 1 - a^n, the start itself not among them."""
    optimizer = Adam(seeded(2), 0.05, averaging=0.5)
    evaluate = quadratic(seeded(1), 10.0)
    seen = []
    for _ in range(3):
        optimizer.step(evaluate)
        seen.append(optimizer.pixels.clone())
    expected = (0.125 * seen[0] + 0.25 * seen[1] + 0.5 * seen[2]) / 0.875
    torch.testing.assert_close(optimizer.image, expected)


def test_before_the_first_step_the_image_is_the_start() -> None:
    for make in MAKERS.values():
        torch.testing.assert_close(make(seeded(2)).image, seeded(2))


@pytest.mark.parametrize("name", MAKERS)
def test_losses_are_those_before_the_step_and_hold_no_graph(name: str) -> None:
    aim, start = seeded(1), seeded(2)
    evaluate = quadratic(aim, 10.0)
    losses = MAKERS[name](start).step(evaluate)
    assert losses.total == evaluate(start).total
    assert not losses.total.requires_grad


@pytest.mark.parametrize("name", MAKERS)
def test_the_start_is_left_alone(name: str) -> None:
    start = seeded(2)
    run(MAKERS[name](start), quadratic(seeded(1), 10.0), 3)
    assert torch.equal(start, seeded(2))


@pytest.mark.parametrize("name", MAKERS)
def test_the_result_stays_within_black_and_white(name: str) -> None:
    optimizer = MAKERS[name](seeded(2))
    run(optimizer, quadratic(seeded(1) * 6 - 3, 10.0), 60)
    assert float(optimizer.image.min()) >= 0
    assert float(optimizer.image.max()) <= 1 + 1e-6
    assert optimizer.image.dtype == torch.float32


@pytest.mark.parametrize("name", MAKERS)
def test_two_runs_are_equal_to_the_bit(name: str) -> None:
    ends = []
    for _ in range(2):
        optimizer = MAKERS[name](seeded(2))
        run(optimizer, quadratic(seeded(1), 100.0), 30)
        ends.append(optimizer.image)
    assert torch.equal(*ends)


@pytest.mark.parametrize("name", MAKERS)
def test_restart_forgets_everything(name: str) -> None:
    """An optimizer that has been elsewhere goes on from a picture exactly as a new one does."""
    evaluate = quadratic(seeded(1), 100.0)
    used, fresh = MAKERS[name](seeded(4)), MAKERS[name](seeded(2))
    run(used, evaluate, 12)
    used.restart(seeded(2), 1.0)
    run(used, evaluate, 7)
    run(fresh, evaluate, 7)
    assert torch.equal(used.image, fresh.image)


@pytest.mark.parametrize("name", MAKERS)
def test_restart_with_care_takes_smaller_steps(name: str) -> None:
    def moved(care: float) -> float:
        optimizer = MAKERS[name](seeded(2))
        optimizer.restart(seeded(2), care)
        run(optimizer, quadratic(seeded(1), 1000.0), 2)
        return distance(optimizer, seeded(2))

    assert moved(0.25) == pytest.approx(0.25 * moved(1.0), rel=0.2)


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e9])
def test_lbfgs_does_not_care_about_the_scale_of_the_objective(scale: float) -> None:
    """The equations of the paper give losses of 1e6 and more; pairs must not be thrown away for that."""
    aim = 0.2 + 0.6 * seeded(1)
    optimizer = LBFGS(seeded(2), 0.1)
    run(optimizer, quadratic(aim, 1000.0, scale), 100)
    assert distance(optimizer, aim) < 1e-3


@pytest.mark.parametrize("limit", [0.003, 0.1])
def test_no_step_of_lbfgs_is_longer_than_the_limit(limit: float) -> None:
    """On a bowl that is almost flat a Newton step would be far too long."""
    optimizer = LBFGS(seeded(2), limit)

    def cliff(image: Tensor) -> Losses:
        return Losses((1e-3 * image + 1e-4 * image**4).sum(), {})

    lengths = []
    for _ in range(15):
        before = optimizer.pixels.clone()
        optimizer.step(cliff)
        lengths.append(float((optimizer.pixels - before).square().mean().sqrt()))
    assert max(lengths) <= limit * (1 + 1e-5)
    assert max(lengths) > 0.9 * limit  # it did want to go further


@pytest.mark.parametrize(("floor", "share"), [(0.0, 1.0), (1e3, 0.5), (1e5, 0.005)])
def test_the_first_step_of_lbfgs_is_as_long_as_its_gradient_promises(floor: float, share: float) -> None:
    """A tenth of the limit where that would take a third of the loss along the tangent, else as much less."""
    start = seeded(2)
    slope = torch.ones(SHAPE)
    slope[..., 4:] = -1.0
    size = 0.1 * 0.1
    promise = slope.numel() * size

    def plane(image: Tensor) -> Losses:
        return Losses((slope * (image - start)).sum() + wanted, {})

    wanted = 1.0 if not floor else promise / (share / 3)
    optimizer = LBFGS(start, 0.1)
    inside = (start > 0.02) & (start < 0.98)
    optimizer.step(plane)
    moved = (optimizer.pixels - start)[inside]
    torch.testing.assert_close(moved, (-share * size * slope)[inside], rtol=1e-3, atol=1e-7)


def test_lbfgs_goes_back_from_a_step_that_led_uphill() -> None:
    """Onto a ledge that falls off the other way, and has no curvature to learn from: back, and each time half as far,
    until it stays below."""
    places: list[float] = []
    values: list[float] = []

    def ledge(image: Tensor) -> Losses:
        out = (0.5 - image).mean()
        value = 1 - 50 * out + 10 * (out.detach() > 0.002)
        places.append(float(out.detach()))
        values.append(float(value.detach()))
        return Losses(value, {})

    run(LBFGS(torch.full(SHAPE, 0.5), 0.1), ledge, 5)
    assert places == pytest.approx([0.0, 0.01, 0.005, 0.0025, 0.00125], rel=1e-3)
    assert max(values[1:4]) > 10 and values[4] < values[0]


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_lbfgs_gets_over_what_is_not_a_number(bad: float) -> None:
    """One call of eight: it goes back, and what it has learnt is as good as before."""
    calls = 0
    good = quadratic(0.2 + 0.6 * seeded(1), 1000.0)

    def now_and_then(image: Tensor) -> Losses:
        nonlocal calls
        calls += 1
        losses = good(image)
        return Losses(losses.total * bad, {}) if calls % 8 == 0 else losses

    optimizer = LBFGS(seeded(2), 0.1)
    run(optimizer, now_and_then, 119)
    assert distance(optimizer, 0.2 + 0.6 * seeded(1)) < 1e-3


@pytest.mark.parametrize("stacked", [False, True])
def test_pairs_of_negative_curvature_get_no_weight(stacked: bool) -> None:
    """On a saddle a pair with s y < 0 would turn the step uphill."""
    optimizer = LBFGS(0.4 + 0.01 * seeded(2), 0.05, stacked=stacked)

    def hill(image: Tensor) -> Losses:
        return Losses(-0.5 * (image - 0.39).square().sum(), {})

    values = run(optimizer, hill, 6)
    assert optimizer.curvature.weights.tolist() == [0.0] * 20
    assert all(after < before for before, after in pairwise(values))


def test_lbfgs_stands_still_at_the_minimum() -> None:
    """Gradient zero, s y zero: nothing may be divided by it."""
    optimizer = LBFGS(seeded(1), 0.1)
    run(optimizer, quadratic(seeded(1), 10.0), 5)
    assert torch.equal(optimizer.image, seeded(1))


def random_pairs(count: int, size: int) -> list[tuple[Tensor, Tensor]]:
    """Moves, and the changes of the gradient along them on a bowl with curvatures from 1 to 1000."""
    generator = torch.Generator().manual_seed(5)
    curvature = torch.logspace(0, 3, size)
    moves = [torch.randn(size, generator=generator) for _ in range(count)]
    return [(move, curvature * move) for move in moves]


def by_the_formula(pairs: list[tuple[Tensor, Tensor]]) -> Tensor:
    """The inverse Hessian as a matrix, in float64: H' = (1 - r s y') H (1 - r y s') + r s s' from the oldest pair on,
    out of h 1 with h = s y / y y of the newest (Nocedal and Wright 2006, eqs. 7.16 and 7.20); pairs of negative
    curvature left out."""
    useful = [(move.double(), change.double()) for move, change in pairs if float(move @ change) > 0]
    one = torch.eye(len(pairs[0][0]), dtype=torch.float64)
    newest = useful[-1]
    inverse = one * (newest[0] @ newest[1]) / (newest[1] @ newest[1])
    for move, change in useful:
        weight = 1 / (move @ change)
        left = one - weight * torch.outer(move, change)
        inverse = left @ inverse @ left.T + weight * torch.outer(move, move)
    return inverse


def learnt(ring: PairRing, pairs: list[tuple[Tensor, Tensor]], vector: Tensor) -> Tensor:
    """The inverse Hessian of these pairs times a vector."""
    for move, change in pairs:
        found = ring.learn(move, change, vector)
    return found


@pytest.mark.parametrize("stacked", [False, True])
@pytest.mark.parametrize(("history", "count"), [(1, 1), (1, 3), (6, 2), (6, 6), (6, 15)])
@pytest.mark.parametrize("size", [48, PIECE, PIECE + 905])
def test_the_inverse_hessian_is_that_of_the_last_pairs(stacked: bool, history: int, count: int, size: int) -> None:
    """Whether the ring is full or not, and has gone round; a bad pair takes a place and no part."""
    known = min(size, 200)
    pairs = random_pairs(count, known)
    if count > 2:
        pairs[-2] = (pairs[-2][0], -pairs[-2][1])
    vector = torch.randn(size, generator=torch.Generator().manual_seed(6))
    wide = [(F.pad(move, (0, size - known)), F.pad(change, (0, size - known))) for move, change in pairs]
    found = learnt(PairRing(history, size, CPU, stacked), wide, vector)
    expected = by_the_formula(pairs[-history:]) @ vector[:known].double()
    assert float((found[:known] - expected).norm() / expected.norm()) < 1e-5


def test_stacked_pairs_lose_no_digits_where_they_are_almost_parallel() -> None:
    """As those of small steps are. Sums made of inner products alone would cancel."""
    generator = torch.Generator().manual_seed(8)
    size, curvature = 300, torch.logspace(0, 4, 300)
    one = torch.randn(size, generator=generator)
    moves = [one + 0.03 * torch.randn(size, generator=generator) for _ in range(12)]
    pairs = [(move, curvature * move) for move in moves]
    gradient = curvature * (one + 0.01 * torch.randn(size, generator=generator))
    expected = by_the_formula(pairs) @ gradient.double()
    errors = {
        stacked: float((learnt(PairRing(12, size, CPU, stacked), pairs, gradient) - expected).norm() / expected.norm())
        for stacked in (False, True)
    }
    assert errors[True] < 2 * errors[False] + 1e-6, errors


@pytest.mark.parametrize("stacked", [False, True])
def test_lbfgs_keeps_no_more_than_its_history(stacked: bool) -> None:
    """Whatever was learnt before that makes no difference."""
    ring, fresh = (PairRing(4, 50, CPU, stacked) for _ in range(2))
    pairs = random_pairs(9, 50)
    vector = pairs[0][1]
    torch.testing.assert_close(learnt(ring, pairs, vector), learnt(fresh, pairs[-4:], vector))
    assert ring.weights.tolist().count(0) == 0


@pytest.mark.parametrize("stacked", [False, True])
def test_nothing_is_known_of_what_was_forgotten(stacked: bool) -> None:
    ring, fresh = (PairRing(4, 50, CPU, stacked) for _ in range(2))
    pairs = random_pairs(9, 50)
    vector = pairs[0][1]
    learnt(ring, pairs, vector)
    for one in (ring, fresh):
        one.forget(torch.tensor(7.0))
    assert ring.weights.tolist() == [0] * 4
    assert torch.equal(learnt(ring, pairs[:2], vector), learnt(fresh, pairs[:2], vector))
    for one in (ring, fresh):
        one.forget(torch.tensor(7.0))
    nothing = torch.zeros(50)
    torch.testing.assert_close(ring.learn(nothing, nothing, vector), 7 * vector)


def style_objective() -> tuple[Objective, Tensor]:
    """A real little objective, equations as printed, and the noise it starts from."""
    network = CountingNetwork()
    content, style = to_tensor(picture(32, 32, 1)), to_tensor(picture(40, 40, 2))
    layers = ("relu1_1", "relu2_1", "relu3_1")
    with torch.no_grad():
        wanted = {layer: moments(maps, "gram") for layer, maps in network.features(style, layers).items()}
        kept = content_target(network.features(content, ["relu2_1"])["relu2_1"])
    terms = [
        ContentTerm({"relu2_1": kept}, {"relu2_1": 1.0}, 1.0, "gatys2016"),
        StyleTerm(wanted, dict.fromkeys(layers, 1 / 3), 1000.0, "gram", "gatys2016"),
        SmoothnessTerm(0.0),
    ]
    return Objective(network, terms), seeded(3, (1, 3, 32, 32))


def test_lbfgs_keeps_up_with_torchs_own_on_a_style_objective() -> None:
    """Same objective, same start, same number of evaluations; torch's searches along every line."""
    objective, start = style_objective()
    evaluations = 150
    theirs = start.clone().requires_grad_(True)
    reference = torch.optim.LBFGS(
        [theirs], max_iter=evaluations, max_eval=evaluations, history_size=20, line_search_fn="strong_wolfe",
        tolerance_grad=0, tolerance_change=0,
    )  # fmt: skip

    def closure() -> Tensor:
        reference.zero_grad()
        total = objective(theirs).total
        total.backward()  # type: ignore[no-untyped-call]
        return total

    reference.step(closure)
    ours = LBFGS(start, 0.1, history=20)
    run(ours, objective, evaluations)
    with torch.no_grad():
        begin, mine, torchs = (objective(image).total.item() for image in (start, ours.pixels, theirs))
    assert mine < 0.05 * begin
    assert mine < 1.5 * torchs


class NoReadBack(TorchDispatchMode):
    """Fails where a value would be fetched from the device: item(), float(), bool(), copying to the CPU."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func in {torch.ops.aten._local_scalar_dense.default, torch.ops.aten.is_nonzero.default}:
            raise AssertionError(f"{func} waits for the device")
        return func(*args, **(kwargs or {}))


def test_the_guard_against_reading_back_works() -> None:
    with NoReadBack(), pytest.raises(AssertionError):
        float(torch.ones(()))


@pytest.mark.parametrize("stacked", [False, True])
def test_no_step_of_lbfgs_reads_a_value_back(stacked: bool) -> None:
    objective, start = style_objective()
    optimizer = LBFGS(start, 0.1, history=3, stacked=stacked)
    with NoReadBack():
        for _ in range(6):
            optimizer.step(objective)
        assert optimizer.image.shape == start.shape


@pytest.mark.parametrize("name", MAKERS)
def test_steps_run_on_tensors_without_values(name: str) -> None:
    """On the meta device there is nothing to read back: whoever tries, fails."""
    optimizer = MAKERS[name](torch.empty(SHAPE, device="meta"))

    def evaluate(image: Tensor) -> Losses:
        return Losses(image.square().sum(), {})

    for _ in range(4):
        optimizer.step(evaluate)
    assert optimizer.image.shape == SHAPE


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("name", MAKERS)
def test_no_step_synchronises_a_cuda_device(name: str) -> None:
    start = seeded(2).cuda()
    optimizer = MAKERS[name](start)

    def evaluate(image: Tensor) -> Losses:
        return Losses((image - 0.5).square().sum(), {})

    optimizer.step(evaluate)
    torch.cuda.set_sync_debug_mode("error")
    try:
        for _ in range(5):
            optimizer.step(evaluate)
        assert optimizer.image.shape == start.shape
    finally:
        torch.cuda.set_sync_debug_mode("default")


def test_make_optimizer_hands_on_its_arguments() -> None:
    start = seeded(2)
    assert isinstance(make_optimizer("adam", start, 0.1), Adam)
    lbfgs = make_optimizer("lbfgs", start, 0.1, history=2)
    assert isinstance(lbfgs, LBFGS)
    run(lbfgs, quadratic(seeded(1), 10.0), 5)
    assert len(lbfgs.curvature.weights) == 2
    averaged, plain = make_optimizer("adam", start, 0.1, averaging=0.9), make_optimizer("adam", start, 0.1)
    for optimizer in (averaged, plain):
        run(optimizer, quadratic(seeded(1), 10.0), 3)
    assert not torch.equal(averaged.image, plain.image)
    torch.testing.assert_close(averaged.pixels, plain.pixels)


@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
def test_pixels_stay_within_their_range(optimizer: OptimizerName) -> None:
    optimizer = make_optimizer(optimizer, seeded(3), 0.3)

    def outward(image: Tensor) -> Losses:
        return Losses(((image - 0.5).square() * -1 + 0.1 * image**4).sum(), {})

    for _ in range(12):
        optimizer.step(outward)
        assert float(optimizer.pixels.min()) >= 0
        assert float(optimizer.pixels.max()) <= 1
    assert float(optimizer.pixels.max()) == 1 and float(optimizer.pixels.min()) == 0, "they did want to leave it"
