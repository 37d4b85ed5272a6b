"""How far the kernels of a GPU are from plain torch in float64; in Triton's interpreter, or on a GPU."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from types import ModuleType
from unittest.mock import patch

import torch
import torch.nn.functional as F
from interpreted import interpreted_motion_kernels, load_kernels
from torch import Tensor

from pipeline.network.inverse_search import InverseSearch
from pipeline.network.kernels import (
    FirstStage,
    GramTarget,
    MomentTarget,
    MotionKernels,
    Pool,
    Stage,
    first_weight,
    motion_kernels_on,
    plain_stage,
)
from pipeline.style import optimizers
from pipeline.style.hand_gradients import expected_loss
from pipeline.style.losses import (
    Normalisation,
    Statistic,
    gram_factor,
    gram_loss_of,
    moment_loss_of,
    moments,
    moments_of,
    total_variation,
)
from pipeline.style.objective import Losses
from pipeline.style.optimizers import LBFGS

CPU = torch.device("cpu")
POOLS: tuple[Pool, ...] = ("none", "average", "max")
NORMALISATIONS: tuple[Normalisation, ...] = ("gatys2016", "released", "notebook", "relative")
LIMITS = {
    # A rounding of values and one of their squares' gradient, where these are in bfloat16.
    "stages, float32": 1e-5, "stages, bfloat16": 2e-2, "first stage": 1e-2, "moments": 1e-2,
    "Gram matrices": 1e-2, "differences": 1e-2,
    # Rounding in another order, and the twelve steps that come of it.
    "L-BFGS": 1e-3,
    # On a GPU a patch that fits equally well in two places may be found in the other one.
    "motion": 1e-3,
}  # fmt: skip


def errors_of_kernels(device: torch.device) -> dict[str, float]:
    """All of them, as `LIMITS`."""
    if device.type == "cpu":
        stage, style, difference, descent = map(load_kernels, ("stage", "style", "difference", "descent"))
        motion = interpreted_motion_kernels()
    else:
        from pipeline.network import descent_kernels as descent
        from pipeline.network import difference_kernels as difference
        from pipeline.network import stage_kernels as stage
        from pipeline.network import style_kernels as style

        known = motion_kernels_on(device)
        assert known is not None
        motion = known
    formats = {"float32": torch.float32, "bfloat16": torch.bfloat16}
    stages = {f"stages, {name}": stage_error(stage.fused_stage, device, one) for name, one in formats.items()}
    return {
        **stages,
        "first stage": first_error(stage.first_stage, device),
        "moments": style_error(style, device, "moments"),
        "Gram matrices": style_error(style, device, "gram"),
        "differences": difference_error(difference, device),
        "L-BFGS": descent_error(descent, device),
        "motion": motion_error(motion, device),
    }


def largest(one: Tensor, other: Tensor) -> float:
    """The largest difference, as a share of the largest number."""
    return float((one.double().cpu() - other.double().cpu()).abs().max() / other.abs().max().clamp(min=1e-30).cpu())


def stage_error(stage: Stage, device: torch.device, dtype: torch.dtype) -> float:
    """Of values and gradients, against plain torch in float64, over odd sizes and numbers of channels."""
    errors = []
    shapes = ((1, 5, 7, 6), (2, 70, 3, 9), (1, 2, 11, 75))
    # Each way is compiled for itself on a GPU, in half a second.
    ways: list[tuple[Pool, bool, bool]] = [(pool, True, keep) for pool in POOLS for keep in (False, True)]
    ways += [("none", False, True), ("average", False, False), ("max", False, False)]
    for shape, (pool, pad, keep) in product(shapes, ways):
        generator = torch.Generator().manual_seed(1)
        numbers = [torch.randn(one, generator=generator).to(device, dtype) for one in (shape, shape[1:2])]
        if pool == "max":
            # Of numbers that bfloat16 holds the largest is the same one before a rounding and after it.
            numbers = [(8 * one).round().clamp(-16, 16) / 8 for one in numbers]
        raw = numbers[0].contiguous(memory_format=torch.channels_last).requires_grad_()
        exact = raw.detach().double().requires_grad_()
        outputs = [stage(raw, numbers[1], pool, pad, keep), plain_stage(exact, numbers[1].double(), pool, pad, keep)]
        gradients = []
        for given, of in zip(outputs, (raw, exact), strict=True):
            squares = torch.stack([one.double().square().sum() for one in given if one is not None])
            gradients.append(torch.autograd.grad(squares.sum(), of)[0])
        pairs = [*zip(*outputs, strict=True), gradients]
        errors += [largest(a.detach(), b.detach()) for a, b in pairs if a is not None and b is not None]
    return max(errors)


def _whole_numbers(seed: int, *shape: int) -> Tensor:
    return (8 * torch.rand(shape, generator=torch.Generator().manual_seed(seed))).round()


def first_error(stage: FirstStage, device: torch.device) -> float:
    """Of values and gradients of numbers that bfloat16 holds, which no rounding takes across the rectifier."""
    errors = []
    for (height, width), replicate, keep in product(((7, 6), (1, 3), (37, 40)), (False, True), (False, True)):
        weight, bias = _whole_numbers(1, 64, 3, 3, 3) - 3, _whole_numbers(2, 64) - 3.5
        image = _whole_numbers(3, 1, 3, height, width)
        scale, shift = torch.tensor([1.0, 2.0, 0.5]), torch.tensor([0.0, -4.0, 1.0])
        given = image.to(device).requires_grad_()
        packed = first_weight(weight).bfloat16().to(device)
        found = stage(given, packed, bias.bfloat16().to(device), scale.to(device), shift.to(device), replicate, keep)
        exact = image.double().requires_grad_()
        seen = exact * scale.view(1, 3, 1, 1) + shift.view(1, 3, 1, 1)
        seen = F.pad(seen, (1, 1, 1, 1), mode="replicate" if replicate else "constant")
        wanted = plain_stage(F.conv2d(seen, weight.double()), bias.double(), "none", replicate, keep)
        pairs = [
            (one, other) for one, other in zip(found, wanted, strict=True) if one is not None and other is not None
        ]
        weights = [_whole_numbers(4, *other.shape) - 4 for _, other in pairs]
        of_found = [one * weight.to(one) for (one, _), weight in zip(pairs, weights, strict=True)]
        of_wanted = [other * weight for (_, other), weight in zip(pairs, weights, strict=True)]
        gradients = [
            torch.autograd.grad(torch.stack([one.double().sum() for one in several]).sum(), of)[0]
            for several, of in ((of_found, given), (of_wanted, exact))
        ]
        errors += [largest(one.detach(), other.detach()) for one, other in [*pairs, (gradients[0], gradients[1])]]
    return max(errors)


def style_error(kernels: ModuleType, device: torch.device, statistic: Statistic) -> float:
    """Of the loss of a few layers and its gradients."""
    generator = torch.Generator().manual_seed(1)
    # The interpreter takes a hundred thousand times as long.
    sizes = ((3, 9, 7), (20, 4, 3)) if device.type == "cpu" else ((24, 9, 7), (64, 40, 30), (512, 16, 5))
    layers = [torch.rand((1, *size), generator=generator).bfloat16() for size in sizes]
    styles = [moments(1.5 * torch.rand((1, *size[:2], size[2] + 1), generator=generator), statistic) for size in sizes]
    weights = [0.3, 0.5, 0.2][: len(sizes)]
    given = [one.to(device).contiguous(memory_format=torch.channels_last).requires_grad_() for one in layers]
    exact = [one.double().requires_grad_() for one in layers]
    errors = []
    for normalisation in ("relative",) if statistic == "moments" else NORMALISATIONS:
        expected, factors = [], []
        for maps, style, weight in zip(exact, styles, weights, strict=True):
            rows = maps[0].flatten(1)
            own = moments_of(rows.sum(1), rows @ rows.T, rows.shape[1], statistic)
            factors.append(weight * gram_factor(normalisation, *rows.shape))
            one = (
                moment_loss_of(own, style)
                if statistic == "moments"
                else gram_loss_of(own.second, rows.shape[1], style, normalisation)
            )
            expected.append(weight * one)
        if statistic == "moments":
            units = [(one.mean, one.unit, one.second, one.covariance_unit) for one in styles]
            targets = [MomentTarget(*(part.to(device) for part in several)) for several in units]
            loss = kernels.moment_losses(given, targets, weights)
        else:
            grams = [GramTarget(one.second.to(device), one.energy.to(device), one.positions) for one in styles]
            loss = kernels.gram_losses(given, grams, factors, normalisation == "relative")
        found, wanted = 3 * loss, 3 * torch.stack(expected).sum()
        gradients = torch.autograd.grad(found, given), torch.autograd.grad(wanted, exact)
        pairs = [*zip(*gradients, strict=True), (found, wanted)]
        errors += [largest(one.detach(), other.detach()) for one, other in pairs]
    return max(errors)


def difference_error(kernels: ModuleType, device: torch.device) -> float:
    """Of the other losses and their gradients."""
    generator = torch.Generator().manual_seed(1)
    image = torch.rand((1, 3, 71, 45), generator=generator)
    expected = [
        (torch.rand(image.shape, generator=generator), torch.rand((1, 1, 71, 45), generator=generator))
        for _ in range(3)
    ]
    maps, target = (torch.rand((1, 24, 71, 45), generator=generator) for _ in range(2))
    maps, energy = maps.bfloat16(), torch.tensor(0.7)
    on = [(picture.to(device), weights.to(device)) for picture, weights in expected]
    exact = [(picture.double(), weights.double()) for picture, weights in expected]
    cases: list[tuple[Tensor, Callable[[Tensor], Tensor], Callable[[Tensor], Tensor]]] = [
        (image, kernels.roughness, total_variation),
        (image, lambda one: kernels.expected(one, on), lambda one: expected_loss(one, exact)),
        (
            maps, lambda one: kernels.squares(one, target.to(device), energy.to(device), 0.2),
            lambda one: 0.2 / 0.7 * (one - target.double()).square().sum(),
        ),
    ]  # fmt: skip
    errors = []
    for start, work, plain in cases:
        given, known = start.to(device).requires_grad_(), start.double().requires_grad_()
        found, wanted = 2 * work(given), 2 * plain(known)
        gradients = torch.autograd.grad(found, given)[0], torch.autograd.grad(wanted, known)[0]
        errors += [largest(found.detach(), wanted.detach()), largest(*gradients)]
    return max(errors)


def descent_error(kernels: ModuleType, device: torch.device) -> float:
    """Of the losses of steps down a valley, against two loops on the CPU; some steps lead uphill."""
    shape = (1, 3, 4, 5) if device.type == "cpu" else (1, 3, 123, 131)
    generator = torch.Generator().manual_seed(1)
    aim, start = (torch.rand(shape, generator=generator) for _ in range(2))
    curvature = torch.logspace(0, 3, aim.numel()).view(shape)

    ends = []
    for where, found in ((CPU, None), (device, kernels)):
        goal, bent = aim.to(where), curvature.to(where)

        def evaluate(image: Tensor, goal: Tensor = goal, bent: Tensor = bent) -> Losses:
            away = image - goal
            return Losses((bent * away.square()).sum() + 30 * away.pow(4).sum(), {})

        with patch.object(optimizers, "kernels_on", lambda device, found=found: found):
            optimizer = LBFGS(start.to(where), 0.1, 5, stacked=False)
        ends.append([float(optimizer.step(evaluate).total) for _ in range(12)])
    return max(abs(one / other - 1) for one, other in zip(*ends, strict=True))


def motion_error(kernels: MotionKernels, device: torch.device) -> float:
    """Of the flow of two pairs, on average, against plain torch on the CPU; as a share of its mean length."""
    height, width = (11, 13) if device.type == "cpu" else (143, 257)
    noise = torch.rand((2, 1, height // 2 + 6, width // 2 + 6), generator=torch.Generator().manual_seed(1))
    wide = 255 * F.interpolate(noise, scale_factor=2, mode="bicubic", align_corners=False).clamp(0, 1)
    before, after = wide[..., 3 : 3 + height, 3 : 3 + width], wide[..., 1 : 1 + height, 4 : 4 + width]
    ends = []
    with torch.inference_mode():
        for where, found in ((CPU, None), (device, kernels)):
            search = InverseSearch(height, width, where, found)
            ends.append(search(before.contiguous().to(where), after.contiguous().to(where)).cpu())
    return float((ends[0] - ends[1]).abs().mean() / ends[0].abs().mean())
