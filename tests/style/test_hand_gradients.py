"""The losses of devices that wait for launches against those of all others."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from tape import Operations
from tiny import CountingNetwork, picture
from torch import Tensor

from pipeline.style import losses, objective
from pipeline.style.hand_gradients import expected_loss, moment_loss_of_sums
from pipeline.style.losses import Moments, moment_loss, moment_loss_of, moments, moments_of
from pipeline.style.objective import TemporalTerm
from pipeline.style.picture import to_tensor


def seeded(seed: int, *shape: int) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def value_and_gradients(loss: Callable[..., Tensor], *inputs: Tensor) -> tuple[Tensor, ...]:
    """The gradients of three times the loss: something comes back from what is made of it."""
    given = [one.detach().clone().requires_grad_() for one in inputs]
    found = loss(*given)
    return (found.detach(), *torch.autograd.grad(3 * found, given))


@pytest.mark.parametrize("count", [1, 7])
def test_the_moment_loss_of_sums_is_that_of_moments(count: int) -> None:
    rows, others = seeded(1, 30, count), 2 * seeded(2, 40, count)
    target = moments_of(others.sum(0), others.T @ others, 40, "moments")
    units = (target.mean, target.unit, target.second, target.covariance_unit)
    sums = rows.sum(0), rows.T @ rows
    found = value_and_gradients(lambda total, products: moment_loss_of_sums(total, products, 30, *units), *sums)
    expected = value_and_gradients(
        lambda total, products: moment_loss_of(moments_of(total, products, 30, "moments"), target), *sums
    )
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other)
    assert float(expected[0]) > 0.1


@pytest.mark.parametrize("count", [1, 3])
def test_the_expected_loss_is_that_of_the_term(count: int) -> None:
    image = seeded(1, 1, 3, 6, 5)
    targets = [(seeded(2 + one, 1, 3, 6, 5), seeded(9 + one, 1, 1, 6, 5)) for one in range(count)]
    found = value_and_gradients(lambda given: expected_loss(given, targets), image)
    expected = value_and_gradients(lambda given: TemporalTerm(targets, 1.0)(given, {}), image)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other)


def launches(work: Callable[[], object]) -> int:
    with Operations() as operations:
        work()
    # What only looks at memory in another way starts nothing.
    return sum(all(one.alias_info is None or one.alias_info.is_write for one in func._schema.returns)
               for func, *_ in operations.ran)  # fmt: skip


def test_a_device_that_waits_for_launches_gets_these_and_half_as_many(monkeypatch: pytest.MonkeyPatch) -> None:
    network = CountingNetwork()
    maps = network.features(to_tensor(picture(20, 24)), ["relu2_1"])["relu2_1"].detach().requires_grad_()
    with torch.no_grad():
        target: Moments = moments(network.features(to_tensor(picture(30, 20, 1)), ["relu2_1"])["relu2_1"], "moments")
        assert target.covariance_unit is not None
    image = to_tensor(picture(20, 24)).requires_grad_()
    expected = to_tensor(picture(20, 24, 2)), torch.full((1, 1, 20, 24), 0.3)
    term = TemporalTerm([expected] * 3, 1.0)

    def style() -> Tensor:
        loss = moment_loss(maps, target)
        return torch.cat([loss.detach().view(1), torch.autograd.grad(loss, maps)[0].flatten()])

    def temporal() -> Tensor:
        loss = term(image, {})
        return torch.cat([loss.detach().view(1), torch.autograd.grad(loss, image)[0].flatten()])

    for work in (style, temporal):
        plain, many = work(), launches(work)
        with monkeypatch.context() as patch:
            for module in (losses, objective):
                patch.setattr(module, "waits_for_launches", lambda device: True)
            few, count = work(), launches(work)
        torch.testing.assert_close(few, plain, rtol=1e-4, atol=1e-7)
        assert count < 0.7 * many, (count, many)
