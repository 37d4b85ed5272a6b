"""The losses against answers worked out by hand, and the properties that their docstrings promise."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from pipeline.network.device import product
from pipeline.style import losses
from pipeline.style.losses import (
    Moments,
    Normalisation,
    Statistic,
    blend,
    content_loss,
    content_target,
    gram,
    gram_loss,
    moment_loss,
    moments,
    total_variation,
)
from pipeline.style.objective import ContentTerm, SmoothnessTerm, StyleTerm

NORMALISATIONS: tuple[Normalisation, ...] = ("gatys2016", "released", "notebook", "relative")


def maps_of(*channels: list[list[float]]) -> Tensor:
    """(1, N, h, w) of channels written out."""
    return torch.tensor([channels], dtype=torch.float32)


# Two filters on 2x2 positions: F_1 = (1, 2, 3, 4), F_2 = (0, 1, 0, 1).
F = maps_of([[1, 2], [3, 4]], [[0, 1], [0, 1]])
# And the style's: A_1 = (1, 0, 1, 0), A_2 = (2, 0, 0, 0).
A = maps_of([[1, 0], [1, 0]], [[2, 0], [0, 0]])


def random_maps(seed: int, channels: int = 5, height: int = 7, width: int = 6) -> Tensor:
    return torch.randn(1, channels, height, width, generator=torch.Generator().manual_seed(seed))


def test_gram_matrix_by_hand() -> None:
    # 1 + 4 + 9 + 16 = 30; 2 + 4 = 6; 1 + 1 = 2.
    assert gram(F).tolist() == [[30, 6], [6, 2]]
    # 1 + 1 = 2; 1 * 2 = 2; 4.
    assert gram(A).tolist() == [[2, 2], [2, 4]]


def test_content_loss_by_hand() -> None:
    # Differences: (0, 2, 2, 4) and (-2, 1, 0, 1); squares sum to 24 + 6 = 30.
    target = content_target(A)
    assert float(content_loss(F, target, "gatys2016")) == 15  # eq. 1: half the sum
    assert float(content_loss(F, target, "released")) == 2 * 15 / F.numel()
    assert float(content_loss(F, target, "notebook")) == pytest.approx(30 / 8)
    # About their means A_1 and A_2 have 1/4 and 3/4 mean square, 1/2 together; of the 3/4 about zero a hundredth.
    assert float(content_loss(F, target, "relative")) == pytest.approx(30 / 8 / (0.5 + 0.0075), rel=1e-4)


def test_relative_content_loss_is_one_where_only_the_means_are_kept() -> None:
    maps = random_maps(1)
    flat = maps.mean((2, 3), keepdim=True).expand_as(maps)
    assert float(content_loss(flat, content_target(maps), "relative")) == pytest.approx(1, abs=0.02)
    assert float(content_loss(maps, content_target(maps), "relative")) == 0


def test_gram_loss_by_hand() -> None:
    target = moments(A, "gram")
    # G - A = [[28, 4], [4, -2]]: squares sum to 784 + 16 + 16 + 4 = 820.
    # eq. 4 with N = 2, M = 4: 820 / (4 * 4 * 16).
    assert float(gram_loss(F, target, "gatys2016")) == pytest.approx(820 / 256)
    assert float(gram_loss(F, target, "released")) == pytest.approx(1000 / 2**2 * 820 / 2**2 / 4**2)
    # Mean over N^2 = 4 entries, divided by N M = 8.
    assert float(gram_loss(F, target, "notebook")) == pytest.approx(820 / 4 / 8)
    # Sum A^2 = 4 + 4 + 4 + 16 = 28.
    assert float(gram_loss(F, target, "relative")) == pytest.approx(820 / 28)


def test_moments_are_mean_and_covariance() -> None:
    maps = random_maps(2)
    found = moments(maps, "moments")
    flat = maps.flatten(2).squeeze(0)
    torch.testing.assert_close(found.mean, flat.mean(1))
    torch.testing.assert_close(found.second, torch.cov(flat, correction=0))
    assert found.positions == 42


def test_moments_and_their_gradient_do_not_depend_on_how_maps_are_stored() -> None:
    plain = random_maps(3).requires_grad_(True)
    last = plain.detach().contiguous(memory_format=torch.channels_last).requires_grad_(True)
    target = moments(random_maps(4), "moments")
    gradients = [torch.autograd.grad(moment_loss(maps, target), maps)[0] for maps in (plain, last)]
    torch.testing.assert_close(gradients[0], gradients[1])


def test_a_flat_style_has_no_negative_deviation() -> None:
    flat = torch.full((1, 8, 37, 53), 7.3) * torch.linspace(0.1, 3, 8).view(1, 8, 1, 1)
    assert bool(torch.isfinite(moment_loss(flat + 0.1, moments(flat, "moments"))))


def test_moment_loss_by_hand() -> None:
    """Two channels without covariance: deviations 2 and 1 in the style, so the units are known."""
    # F_1 has mean 3 and variance 1; F_2 mean 0 and variance 4; they do not vary together.
    maps = maps_of([[2, 4], [2, 4]], [[-2, -2], [2, 2]])
    target = Moments(torch.tensor([1.0, 1.0]), torch.tensor([[4.0, 0.0], [0.0, 1.0]]), 4)
    # The floor under a channel's variance is a hundredth of the mean variance, here 2.5.
    first, second = 4 + 0.025, 1 + 0.025
    mean_part = ((3 - 1) ** 2 / first + (0 - 1) ** 2 / second) / 2
    covariance_part = ((1 - 4) / first) ** 2 + ((4 - 1) / second) ** 2
    energy = (4 / first) ** 2 + (1 / second) ** 2
    assert float(moment_loss(maps, target)) == pytest.approx(mean_part + covariance_part / energy, rel=1e-4)


def test_style_layers_are_summed_with_their_weights() -> None:
    """Eq. 5: sum of w_l E_l."""
    maps = {"a": F, "b": A}
    targets = {"a": moments(A, "gram"), "b": moments(F, "gram")}
    term = StyleTerm(targets, {"a": 0.75, "b": 0.25}, 1.0, "gram", "gatys2016")
    # Both layers have the same 820 / 256 by symmetry; another weight on one of them has to show.
    assert float(term(torch.zeros(1), maps)) == pytest.approx(820 / 256)
    heavier = StyleTerm(targets, {"a": 2.0, "b": 0.25}, 1.0, "gram", "gatys2016")
    assert float(heavier(torch.zeros(1), maps)) == pytest.approx(2.25 * 820 / 256)


def test_content_layers_are_summed_with_their_weights() -> None:
    term = ContentTerm({"a": content_target(A), "b": content_target(F)}, {"a": 3.0, "b": 0.5}, 1.0, "gatys2016")
    assert float(term(torch.zeros(1), {"a": F, "b": F})) == 45  # 3 * 15 + 0.5 * 0


@pytest.mark.parametrize("statistic", ["gram", "moments"])
@pytest.mark.parametrize("k", [0.1, 10.0])
def test_relative_losses_do_not_know_the_scale_of_a_network(k: float, statistic: str) -> None:
    maps, other = random_maps(3) + 0.5, random_maps(4)

    def style(scale: float) -> float:
        target = moments(scale * other, statistic)  # type: ignore[arg-type]
        if statistic == "gram":
            return float(gram_loss(scale * maps, target, "relative"))
        return float(moment_loss(scale * maps, target))

    assert style(k) == pytest.approx(style(1.0), rel=1e-3)
    content = [float(content_loss(s * maps, content_target(s * other), "relative")) for s in (1.0, k)]
    assert content[1] == pytest.approx(content[0], rel=1e-3)
    assert style(1.0) > 0.1  # or the comparison says nothing
    assert content[0] > 0.1


@pytest.mark.parametrize("normalisation", NORMALISATIONS)
def test_size_of_the_style_picture_does_not_matter(normalisation: Normalisation) -> None:
    """A picture laid side by side with itself has the same style, however often."""
    maps, other = random_maps(5), random_maps(6)
    once = gram_loss(maps, moments(other, "gram"), normalisation)
    tiled = gram_loss(maps, moments(other.repeat(1, 1, 3, 2), "gram"), normalisation)
    torch.testing.assert_close(tiled, once)
    torch.testing.assert_close(
        moment_loss(maps, moments(other.repeat(1, 1, 3, 2), "moments")), moment_loss(maps, moments(other, "moments"))
    )


def test_a_tiled_picture_fulfils_its_own_style() -> None:
    maps = random_maps(7)
    for normalisation in NORMALISATIONS:
        assert float(gram_loss(maps.repeat(1, 1, 2, 2), moments(maps, "gram"), normalisation)) < 1e-6
    assert float(moment_loss(maps.repeat(1, 1, 2, 2), moments(maps, "moments"))) < 1e-6


def test_moments_forget_where_things_are() -> None:
    maps = random_maps(8)
    turned = maps.flip(3).roll(2, 2)
    assert float(moment_loss(turned, moments(maps, "moments"))) < 1e-6
    assert float(content_loss(turned, content_target(maps), "relative")) > 0.5


def test_total_variation_by_hand() -> None:
    board = torch.tensor([[[[0.0, 1.0, 0.0], [1.0, 0.0, 1.0], [0.0, 1.0, 0.0]]]])
    assert float(total_variation(board)) == 2
    assert float(total_variation(torch.full((1, 3, 5, 4), 0.3))) == 0
    # One step of 0.5 in four rows of three neighbours, nothing downwards: 0.25 / 3.
    edge = torch.tensor([0.0, 0.0, 0.5, 0.5]).expand(1, 1, 4, 4)
    assert float(total_variation(edge)) == pytest.approx(0.25 / 3)


@pytest.mark.parametrize("shape", [(1, 1), (1, 6), (6, 1)])
def test_total_variation_of_a_single_row_or_pixel_is_finite(shape: tuple[int, int]) -> None:
    found = total_variation(torch.rand(1, 3, *shape))
    assert bool(torch.isfinite(found))
    assert (float(found) > 0) == (shape != (1, 1))


def test_blend_of_two_styles_by_hand() -> None:
    first, second = moments(A, "gram"), moments(F, "gram")
    # Weights 3 and 1 (they need not sum to one): (3 A + G) / 4.
    found = blend([(3.0, first), (1.0, second)], "gram")
    assert found.second.tolist() == [[9.0, 3.0], [3.0, 3.5]]
    assert found.positions == 4
    # Twice as many positions, twice the Gram matrix, the same style.
    tiled = blend([(3.0, first), (1.0, moments(F.repeat(1, 1, 2, 1), "gram"))], "gram")
    assert tiled.second.tolist() == [[9.0, 3.0], [3.0, 3.5]]


def test_blend_of_moments_by_hand() -> None:
    first = Moments(torch.tensor([0.0, 2.0]), torch.tensor([[1.0, 0.0], [0.0, 1.0]]), 10)
    second = Moments(torch.tensor([4.0, 2.0]), torch.tensor([[5.0, 2.0], [2.0, 3.0]]), 999)
    found = blend([(1.0, first), (1.0, second)], "moments")
    assert found.mean.tolist() == [2, 2]
    assert found.second.tolist() == [[3, 1], [1, 2]]


def test_blend_of_one_style_is_that_style() -> None:
    only = moments(random_maps(9), "moments")
    found = blend([(0.3, only)], "moments")
    torch.testing.assert_close(found.mean, only.mean)
    torch.testing.assert_close(found.second, only.second)


def losses_of_maps() -> dict[str, Callable[[Tensor], Tensor]]:
    """Every loss as a function of maps (1, 3, 3, 2)."""
    other = random_maps(11, 3, 3, 2)
    found: dict[str, Callable[[Tensor], Tensor]] = {
        "moments": lambda maps: moment_loss(maps, moments(other, "moments")),
        "total variation": total_variation,
    }
    for name in NORMALISATIONS:
        found[f"content {name}"] = lambda maps, name=name: content_loss(maps, content_target(other), name)  # type: ignore[misc]
        found[f"gram {name}"] = lambda maps, name=name: gram_loss(maps, moments(other, "gram"), name)  # type: ignore[misc]
    return found


@pytest.mark.parametrize("name", losses_of_maps())
def test_gradient_equals_finite_differences(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Losses compute in float32 by design; here `float()` gives float64 instead, so that gradcheck is sharp."""
    monkeypatch.setattr(Tensor, "float", Tensor.double)
    maps = random_maps(10, 3, 3, 2).double().requires_grad_(True)
    assert torch.autograd.gradcheck(losses_of_maps()[name], (maps,), eps=1e-5, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("name", losses_of_maps())
def test_losses_of_bfloat16_maps_are_float32(name: str) -> None:
    maps = random_maps(10, 3, 3, 2)
    if name == "total variation":  # of the picture, which is float32 always
        assert losses_of_maps()[name](maps).dtype == torch.float32
        return
    rough = losses_of_maps()[name](maps.bfloat16())
    assert rough.dtype == torch.float32
    # The sums themselves have to be float32: against the same rounded maps nothing more is lost.
    torch.testing.assert_close(rough, losses_of_maps()[name](maps.bfloat16().float()), rtol=1e-6, atol=0)


def test_gram_matrices_of_large_half_precision_maps_do_not_overflow() -> None:
    maps = torch.full((1, 2, 64, 64), 100.0, dtype=torch.float16)
    assert gram(maps)[0, 0] == 100 * 100 * 64 * 64


@pytest.mark.parametrize("normalisation", NORMALISATIONS)
def test_flat_targets_give_finite_losses(normalisation: Normalisation) -> None:
    """A black style or content: the relative losses divide by nothing."""
    zero = torch.zeros(1, 3, 4, 4)
    maps = random_maps(12, 3, 4, 4).requires_grad_(True)
    total = (
        content_loss(maps, content_target(zero), normalisation)
        + gram_loss(maps, moments(zero, "gram"), normalisation)
        + moment_loss(maps, moments(zero, "moments"))
    )
    (gradient,) = torch.autograd.grad(total, maps)
    assert bool(torch.isfinite(total)) and bool(torch.isfinite(gradient).all())


def test_smoothness_term_is_the_total_variation() -> None:
    image = torch.rand(1, 3, 5, 5)
    assert SmoothnessTerm(2.0)(image, {}) == total_variation(image)


def relu_maps(seed: int, channels: int, height: int, width: int) -> Tensor:
    """Smooth maps as a rectifier leaves them in bfloat16: their means are larger than what they vary by."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.randn(1, channels, height // 4, width // 4, generator=generator)
    loud = 0.1 + 3 * torch.rand(1, channels, 1, 1, generator=generator)
    maps = loud * (3 + nn.functional.interpolate(coarse, (height, width), mode="bilinear"))
    return maps.clamp(min=0).to(torch.bfloat16).contiguous(memory_format=torch.channels_last)


def exact_loss(maps: Tensor, target: Moments) -> Tensor:
    """`moment_loss`, or where there is no mean `gram_loss` of kind "relative", in float64 by autograd."""
    rows = maps.permute(0, 2, 3, 1).flatten(0, 2)
    wanted = target.second.double()
    if not target.mean.any():
        wanted = wanted * (len(rows) / target.positions)
        return (rows.T @ rows - wanted).square().sum() / wanted.square().sum()
    mean = rows.mean(0)
    second = (rows - mean).T @ (rows - mean) / len(rows)
    of_mean = ((mean - target.mean) * target.unit).square().mean()
    return of_mean + ((second - wanted) * target.covariance_unit).square().sum()


@pytest.mark.parametrize("statistic", ["gram", "moments"])
def test_sums_of_maps_in_bfloat16_are_right_to_a_thousandth(
    statistic: Statistic, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Multiplied as they are, as on a GPU, where their products are summed in float32. The gradient is given in
    bfloat16, which rounds it by that much already: nothing may come on top of it that counts."""
    target = moments(relu_maps(2, 24, 40, 48).float(), statistic)
    maps = relu_maps(1, 24, 48, 40)
    exact = maps.double().requires_grad_()
    wanted = exact_loss(exact, target)
    (aim,) = torch.autograd.grad(wanted, exact)
    monkeypatch.setattr(losses, "multiplies_bfloat16", lambda device: True)
    given = maps.clone().requires_grad_()
    loss = gram_loss(given, target, "relative") if statistic == "gram" else moment_loss(given, target)
    (gradient,) = torch.autograd.grad(loss, given)
    assert loss.item() == pytest.approx(wanted.item(), rel=1e-3)
    assert gradient.dtype == torch.bfloat16 and gradient.is_contiguous(memory_format=torch.channels_last)
    error, rounding = (float((one - aim).norm() / aim.norm()) for one in (gradient, aim.to(torch.bfloat16)))
    assert error < 1.3 * rounding, (error, rounding)
    products = gram(maps).double()
    assert float((products - exact[0].flatten(1).detach() @ exact[0].flatten(1).detach().T).norm()) < 1e-3 * float(
        products.norm()
    )


def test_a_product_of_bfloat16_is_that_of_the_same_numbers() -> None:
    one, other = (torch.randn(40, 40, generator=torch.Generator().manual_seed(seed)).bfloat16() for seed in (1, 2))
    assert product(one, other).dtype == torch.float32
    torch.testing.assert_close(product(one, other).double(), one.double() @ other.double(), rtol=1e-5, atol=1e-5)


def test_with_another_mean_a_style_is_measured_in_the_same_units_which_are_not_found_again() -> None:
    style = moments(torch.rand(1, 3, 6, 7), "moments")
    mean = torch.rand(3)
    other = style.with_mean(mean)
    assert torch.equal(other.mean, mean)
    assert other.unit is style.unit and other.covariance_unit is style.covariance_unit
    maps = torch.rand(1, 3, 5, 5)
    anew = Moments(mean, style.second, style.positions)
    assert torch.equal(moment_loss(maps, other), moment_loss(maps, anew))
