"""The objective of one frame: named terms, their weighted sum, and nothing computed that is not needed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pytest
import torch
from tiny import CountingNetwork
from torch import Tensor

from pipeline.style.losses import content_target, moments
from pipeline.style.objective import ContentTerm, Objective, SmoothnessTerm, StyleTerm, TemporalTerm, Term


@dataclass(frozen=True)
class MeanOf:
    """A term with a value known by hand."""

    name: str
    weight: float
    value: float
    layers: Sequence[str] = ()

    def __call__(self, image: Tensor, maps: Mapping[str, Tensor]) -> Tensor:
        assert set(self.layers) <= set(maps)
        return image.mean() * 0 + self.value


@pytest.fixture
def network() -> CountingNetwork:
    return CountingNetwork()


@pytest.fixture
def image() -> Tensor:
    return torch.rand(1, 3, 16, 20, generator=torch.Generator().manual_seed(1))


def terms_of(network: CountingNetwork, content: float = 1.0, style: float = 2.0, tv: float = 3.0) -> list[Term]:
    other = torch.rand(1, 3, 24, 24, generator=torch.Generator().manual_seed(2))
    maps = network.features(other, network.layers)
    small = network.features(other[..., :16, :20], network.layers)
    network.asked.clear()
    return [
        ContentTerm({"relu2_1": content_target(small["relu2_1"])}, {"relu2_1": 1.0}, content),
        StyleTerm({"relu1_1": moments(maps["relu1_1"], "gram")}, {"relu1_1": 1.0}, style),
        SmoothnessTerm(tv),
    ]


def test_total_is_the_weighted_sum_of_named_terms(network: CountingNetwork, image: Tensor) -> None:
    """Eq. 7 by hand: 2 * 5 + 0.5 * 3 = 11.5; the terms themselves are reported without their weights."""
    found = Objective(network, [MeanOf("content", 2, 5), MeanOf("style", 0.5, 3)])(image).floats()
    assert found == {"total": 11.5, "content": 5, "style": 3}
    assert list(found) == ["total", "content", "style"]


def test_total_of_the_real_terms(network: CountingNetwork, image: Tensor) -> None:
    found = Objective(network, terms_of(network))(image).floats()
    assert set(found) == {"total", "content", "style", "tv"}
    assert found["total"] == pytest.approx(found["content"] + 2 * found["style"] + 3 * found["tv"], rel=1e-5)
    assert min(found.values()) > 0


def test_the_network_is_asked_once_for_the_layers_that_count(network: CountingNetwork, image: Tensor) -> None:
    Objective(network, terms_of(network))(image)
    assert network.asked == [((16, 20), frozenset({"relu1_1", "relu2_1"}))]


def test_terms_of_weight_zero_are_not_computed(network: CountingNetwork, image: Tensor) -> None:
    objective = Objective(network, terms_of(network, content=0.0))
    found = objective(image).floats()
    assert set(found) == {"total", "style", "tv"}
    assert network.asked == [((16, 20), frozenset({"relu1_1"}))]


def test_no_layers_no_network(network: CountingNetwork, image: Tensor) -> None:
    found = Objective(network, terms_of(network, content=0.0, style=0.0))(image).floats()
    assert set(found) == {"total", "tv"}
    assert network.asked == []


@pytest.mark.parametrize("only", ["content", "style", "tv"])
def test_every_term_pulls_at_the_picture(network: CountingNetwork, image: Tensor, only: str) -> None:
    weights = {"content": 0.0, "style": 0.0, "tv": 0.0, only: 1.0}
    pixels = image.clone().requires_grad_(True)
    losses = Objective(network, terms_of(network, **weights))(pixels)
    (gradient,) = torch.autograd.grad(losses.total, pixels)
    assert bool(torch.isfinite(gradient).all())
    assert (gradient != 0).float().mean() > 0.5


def test_gradient_of_the_whole_objective_equals_a_finite_difference(network: CountingNetwork, image: Tensor) -> None:
    objective = Objective(network, terms_of(network))
    pixels = image.clone().requires_grad_(True)
    (gradient,) = torch.autograd.grad(objective(pixels).total, pixels)
    direction = gradient / gradient.norm()
    step = 1e-2
    with torch.no_grad():
        ahead, behind = (objective(image + sign * step * direction).total for sign in (1, -1))
    assert float((ahead - behind) / (2 * step)) == pytest.approx(float(gradient.norm()), rel=0.02)


def test_the_weights_of_the_network_get_no_gradient(network: CountingNetwork, image: Tensor) -> None:
    losses = Objective(network, terms_of(network))(image.clone().requires_grad_(True))
    losses.total.backward()  # type: ignore[no-untyped-call]
    assert all(parameter.grad is None for parameter in network.parameters())


def test_terms_and_detached_losses_hold_no_graph(network: CountingNetwork, image: Tensor) -> None:
    """Else every step that somebody remembers would keep its feature maps in memory."""
    losses = Objective(network, terms_of(network))(image.clone().requires_grad_(True))
    assert losses.total.requires_grad
    assert not any(value.requires_grad for value in losses.terms.values())
    assert not losses.detached().total.requires_grad


# ---- the temporal loss (Ruder et al. 2016)


def test_temporal_loss_by_hand() -> None:
    """Two pixels of three colours, one as expected, one a half off and trusted by a quarter: 3 * 0.25 * 0.25 / 6."""
    image = torch.zeros(1, 3, 1, 2)
    expected = torch.tensor([0.0, 0.5]).expand(1, 3, 1, 2)
    term = TemporalTerm([(expected, torch.tensor([1.0, 0.25]).view(1, 1, 1, 2))], 7.0)
    assert float(term(image, {})) == pytest.approx(3 * 0.25 * 0.25 / 6)
    assert (term.name, term.weight, term.layers) == ("temporal", 7.0, ())


def expectations(image: Tensor, count: int) -> list[tuple[Tensor, Tensor]]:
    random = torch.Generator().manual_seed(5)
    pictures = [torch.rand(image.shape, generator=random) for _ in range(count)]
    left = torch.arange(image.shape[3]).expand(1, 1, *image.shape[2:]) < image.shape[3] // 2
    return [(picture, left.float() / (index + 1)) for index, picture in enumerate(pictures)]


@pytest.mark.parametrize("count", [1, 3])
def test_temporal_gradient_is_that_of_a_square_and_zero_where_nothing_is_expected(image: Tensor, count: int) -> None:
    """2 c (x - w) / D, summed over the expected pictures; known to fail silently elsewhere, with no gradient at all."""
    term = TemporalTerm(expectations(image, count), 1.0)
    pixels = image.double().requires_grad_(True)
    (gradient,) = torch.autograd.grad(term(pixels, {}), pixels)
    half = image.shape[3] // 2
    assert float(gradient[..., :half].abs().min()) > 0
    assert torch.equal(gradient[..., half:], torch.zeros_like(gradient[..., half:]))
    right = sum(2 * c * (image - w) for w, c in term.targets) / image.numel()
    torch.testing.assert_close(gradient, right.double(), rtol=1e-5, atol=1e-9)
    for y, x in ((0, 0), (7, 3), (15, half)):
        step = torch.zeros_like(pixels)
        step[0, 1, y, x] = 1e-4
        with torch.no_grad():
            slope = (term(pixels + step, {}) - term(pixels - step, {})) / 2e-4
        assert float(slope) == pytest.approx(float(gradient[0, 1, y, x]), rel=1e-5, abs=1e-12)


def test_temporal_loss_counts_in_the_total(network: CountingNetwork, image: Tensor) -> None:
    temporal = TemporalTerm(expectations(image, 1), 10.0)
    found = Objective(network, [*terms_of(network), temporal])(image).floats()
    without = Objective(network, terms_of(network))(image).floats()
    assert found["total"] == pytest.approx(without["total"] + 10 * found["temporal"], rel=1e-5)
    off = Objective(network, [*terms_of(network), TemporalTerm(temporal.targets, 0.0)])(image).floats()
    assert off == without
