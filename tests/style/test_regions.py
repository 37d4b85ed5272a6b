"""Parts of a picture in styles of their own: what their statistics are, and what a painter makes of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from tape import Tape
from tiny import CPU, CountingNetwork, flat, picture, tiny_painter, tiny_settings, tiny_weights
from torch import Tensor

from pipeline.network.base import Network
from pipeline.network.vgg import BLOCKS
from pipeline.style import losses, objective, optimizers, step_runner
from pipeline.style.adain import pooled_statistics
from pipeline.style.frame import PaintedFrame, Progress, Style, TemporalTarget, WarmStart
from pipeline.style.guided import GuidedStyleTerm, field_deviation, guided_sums, guides_of, shares_of_layer
from pipeline.style.losses import Moments, sums_of
from pipeline.style.objective import Objective
from pipeline.style.painter import Painter
from pipeline.style.picture import to_tensor
from pipeline.style.regions import Masks, resized_shares, shares_of


@pytest.fixture
def double(monkeypatch: pytest.MonkeyPatch) -> None:
    """Losses in float64, where rounding is nothing."""
    monkeypatch.setattr(Tensor, "float", Tensor.double)
    monkeypatch.setattr(torch, "float32", torch.float64)


def halves(height: int, width: int, at: float = 0.5) -> Masks:
    """One region: the left part of the picture, up to that share of its width."""
    mask = np.zeros((1, height, width), np.uint8)
    mask[..., : round(at * width)] = 255
    return Masks(mask)


def two_styles(regions: int = 1, **values: Any) -> Painter:
    """A painter with as many regions, each in a style of its own."""
    styles = [[Style(picture(30, 36, seed=20 + number))] for number in range(regions)]
    return Painter(
        CountingNetwork(), [Style(picture(40, 48, seed=1))], tiny_settings(recolour=0.7, **values), CPU, styles
    )


def aim(painter: Painter, content: Tensor, masks: Masks, **more: Any) -> Objective:
    return painter._targets.objective(content, shares=shares_of(masks), **more)


def gradient(of: Objective, image: Tensor) -> tuple[float, Tensor]:
    image = image.clone().requires_grad_(True)
    total = of(image).total
    return total.item(), torch.autograd.grad(total, image)[0]


def test_guided_sums_count_every_position_as_often_as_its_guide_says() -> None:
    maps = torch.tensor([[[[1.0, 2.0, 3.0]], [[0.0, 1.0, -1.0]]]])
    total, products = guided_sums(maps, torch.tensor([[2.0, 0.0, 0.5]]))
    assert total.tolist() == [3.5, -0.5]
    assert products.tolist() == [[6.5, -1.5], [-1.5, 0.5]]
    torch.manual_seed(0)
    maps = torch.randn(1, 5, 6, 7)
    guides = torch.rand(6, 7)
    parts = [guided_sums(maps, one) for one in (guides, 1 - guides)]
    for whole, one, other in zip(sums_of(maps), *parts, strict=True):
        torch.testing.assert_close(one + other, whole)


@pytest.mark.usefixtures("double")
def test_the_gradient_of_guided_sums_is_that_of_their_values() -> None:
    torch.manual_seed(0)
    maps = torch.randn(1, 3, 2, 4, dtype=torch.float64, requires_grad=True)
    guide = torch.rand(2, 4, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda one: guided_sums(one, guide), maps)


def test_in_half_the_digits_the_gradient_keeps_most_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a GPU: maps that lie far from zero, whose covariance is what is left of large numbers."""
    torch.manual_seed(0)
    guide = torch.rand(8, 9)
    maps = (3 + 0.3 * torch.randn(1, 4, 8, 9)).bfloat16()

    def slope() -> Tensor:
        shown = maps.clone().requires_grad_(True)
        total, products = guided_sums(shown, guide / guide.mean())
        mean = total / 72
        covariance = products / 72 - mean.unsqueeze(0) * mean.unsqueeze(1)
        return torch.autograd.grad(covariance.square().sum(), shown)[0].float()

    exact = slope()
    monkeypatch.setattr("pipeline.style.guided.multiplies_bfloat16", lambda device: True)
    assert (slope() - exact).norm() < 0.05 * exact.norm()


def test_the_fields_of_vgg19_are_what_its_flat_filters_would_see() -> None:
    """By hand: 2/3 a convolution, 1/4 a pooling, times the square of the stride."""
    blocks = tuple(tuple(4 for _ in widths) for widths in BLOCKS)
    plan = type(CountingNetwork().plan)("thin", blocks, mean=(0.5, 0.5, 0.5), std=(0.25, 0.25, 0.25))
    network = Network(plan, tiny_weights(plan))
    two = 2 * 2 / 3
    for layer, variance in {
        "relu1_1": 2 / 3,
        "conv1_2": two,
        "relu2_1": two + 1 / 4 + 4 * 2 / 3,
        "relu3_1": two + 1 / 4 + 4 * two + 4 / 4 + 16 * 2 / 3,
    }.items():
        assert field_deviation(network, layer) == pytest.approx(variance**0.5)
    assert 18 < field_deviation(network, "relu5_1") < 22


def test_shares_add_up_and_the_protected_takes_from_all() -> None:
    regions = np.zeros((2, 4, 40), np.uint8)
    regions[0, :, :20], regions[1, :, 10:30] = 255, 255
    rest, one, other, protected = shares_of(Masks(regions))[:, 1].unbind()
    assert rest.tolist() == [0.0] * 30 + [1.0] * 10 and not protected.any()
    assert one.tolist() == [1.0] * 10 + [0.5] * 10 + [0.0] * 20, "where two masks lie they share"
    assert other.tolist() == [0.0] * 10 + [0.5] * 10 + [1.0] * 10 + [0.0] * 10
    keep = np.zeros((4, 40), np.uint8)
    keep[:, 15:] = 255
    found = shares_of(Masks(regions, keep))
    torch.testing.assert_close(found.sum(0), torch.ones(4, 40))
    assert found[3, 1, 25] == 1 and not found[:3, 1, 25].any() and found[1, 1, 5] == 1
    assert 0 < found[3, 1, 15] < 1, "a soft edge"
    smaller = resized_shares(found, 3, 17)
    torch.testing.assert_close(smaller.sum(0), torch.ones(3, 17))


def test_positions_whose_field_lies_in_another_region_count_for_little() -> None:
    shares = shares_of(halves(64, 64))
    network = CountingNetwork()
    for layer in ("relu1_1", "relu2_1", "relu3_1"):
        found = shares_of_layer(network, layer, shares)
        torch.testing.assert_close(found.sum(0), torch.ones_like(found[0]))
        rest, left, _ = guides_of(found)
        assert left.mean().item() == pytest.approx(1) and rest.mean().item() == pytest.approx(1)
        edge = left.shape[1] // 2
        assert left[5, edge - 1] < 0.6 * left[5, 0] and left[5, edge] < 0.15 * left[5, 0]
        assert left[5, -1] < 1e-6 and left[5, 2] == pytest.approx(left[5, 0].item(), rel=1e-3)
    assert not guides_of(shares_of_layer(network, "relu2_1", shares))[2].any(), "nothing is protected"


@pytest.mark.parametrize("statistic", ["moments", "gram"])
@pytest.mark.parametrize("normalisation", ["relative", "gatys2016"])
def test_regions_of_one_style_all_over_are_that_style(statistic: str, normalisation: str) -> None:
    """Two regions that share every pixel, and have the style of the rest: nothing is different."""
    style = [Style(picture(40, 48, seed=1))]
    settings = tiny_settings(statistic=statistic, normalisation=normalisation, recolour=0.7)
    painter = Painter(CountingNetwork(), style, settings, CPU, [style, style])
    content, image = (to_tensor(picture(24, 40, seed)) for seed in (2, 3))
    masks = Masks(np.stack([np.full((24, 40), 100, np.uint8), np.full((24, 40), 60, np.uint8)]))
    expected, slope = gradient(painter._targets.objective(content), image)
    found, other = gradient(aim(painter, content, masks), image)
    assert found == pytest.approx(expected, rel=1e-4)
    assert (other - slope).abs().max() < 1e-3 * slope.abs().max()


@pytest.mark.usefixtures("double")
@pytest.mark.parametrize("statistic", ["moments", "gram"])
def test_by_tiles_and_by_blocks_losses_and_gradient_are_the_same(statistic: str) -> None:
    painter = two_styles(2, statistic=statistic)
    own = painter.network
    own.double()
    own.mean, own.std = own.mean.double(), own.std.double()
    for height, width in ((64, 80), (40, 131)):
        masks = np.zeros((2, height, width), np.uint8)
        masks[0, : height // 3], masks[1, :, width // 2 :] = 255, 120
        keep = np.zeros((height, width), np.uint8)
        keep[10:20, 5:30] = 255
        whole = aim(painter, to_tensor(picture(height, width, 2)), Masks(masks, keep))
        image = torch.rand(1, 3, height, width, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
        loss, wanted = gradient(whole, image)
        for other in (
            Objective(whole.network, whole.terms, tile_side=16),
            Objective(whole.network, whole.terms, tile_side=40),
            Objective(whole.network, whole.terms, checkpoint=True),
        ):
            found, slope = gradient(other, image)
            assert found == pytest.approx(loss, rel=1e-12)
            assert (slope - wanted).abs().max() <= 1e-12 * wanted.abs().max()


def test_a_region_that_is_not_to_be_seen_adds_nothing() -> None:
    painter = two_styles(2)
    content, image = (to_tensor(picture(24, 40, seed)) for seed in (2, 3))
    masks = np.zeros((2, 24, 40), np.uint8)
    masks[0, :, :20] = 255
    found, slope = gradient(aim(painter, content, Masks(masks)), image)
    wanted, expected = gradient(aim(two_styles(1), content, Masks(masks[:1])), image)
    assert found == pytest.approx(wanted, rel=1e-5) and torch.isfinite(slope).all()
    torch.testing.assert_close(slope, expected)


def test_frames_with_moving_masks_are_replayed_as_they_are_painted(monkeypatch: pytest.MonkeyPatch) -> None:
    tape = Tape()
    monkeypatch.setattr(step_runner, "recorder_of", lambda device: tape)
    for module in (optimizers, losses, objective):
        monkeypatch.setattr(module, "waits_for_launches", lambda device: True)
    painter = two_styles(optimizer="lbfgs", temporal_weight=5.0, clip_palette=1.0)
    plain = two_styles(optimizer="lbfgs", temporal_weight=5.0, clip_palette=1.0)
    plain._runners._recorder = None
    size = (20, 24)
    clip = pooled_statistics([painter.statistics_of(picture(*size, seed)) for seed in range(3)])

    def frames(of: Painter) -> list[PaintedFrame]:
        of = of.with_statistics(clip)
        found = [of.with_masks(halves(*size, 0.4)).paint(picture(*size, 1))]
        for number in range(3):
            expected = TemporalTarget(found[-1].image, np.ones(size, np.float32))
            start = WarmStart(found[-1].image, (expected,))
            # The last one has left the picture.
            masks = halves(*size, (0.5, 0.6, 0.0)[number])
            found.append(of.with_masks(masks).paint(picture(*size, 2 + number), start))
        return found

    recorded = frames(painter)
    # What frames look like, and what they are painted towards; first and later steps, without an expected picture and
    # with one.
    assert tape.recorded == 2 + 4 and tape.replayed > 10
    for one, other in zip(recorded, frames(plain), strict=True):
        assert one.losses == pytest.approx(other.losses, rel=1e-3)
        assert np.abs(one.image.astype(int) - other.image).max() <= 2


def test_each_region_takes_on_its_own_style() -> None:
    red, blue = (Style(picture(40, 40, 4) // 3 + np.array(colour, np.uint8)) for colour in ((150, 0, 0), (0, 0, 150)))
    settings = tiny_settings(steps=60, style_weight=300.0, content_weight=0.1, start="recoloured")
    painter = Painter(CountingNetwork(), [blue], settings, CPU, [[red]])
    found = painter.with_masks(halves(48, 64)).paint(picture(48, 64, 5)).image.astype(float)
    redness = (found[..., 0] - found[..., 2]).mean(0)
    assert redness[:28].mean() > 80 and redness[36:].mean() < -80
    # Two pixels from the edge it is decided.
    assert redness[29] > 30 and redness[34] < -30


@pytest.mark.parametrize("colours", ["style", "keep", "match"])
def test_what_is_protected_stays_and_its_surroundings_are_painted(colours: str) -> None:
    content = picture(64, 96, seed=5)
    keep = np.zeros((64, 96), np.uint8)
    keep[10:50, 20:70] = 255
    painter = tiny_painter(steps=20, style_weight=50.0, colours=colours, start="recoloured", recolour=1.0)
    told: list[Progress] = []
    masks = Masks(np.zeros((0, 64, 96), np.uint8), keep)
    found = painter.with_masks(masks).paint(content, on_progress=told.append).image
    for shown in (told[0].start(), told[3].picture(), told[-1].picture()):
        torch.testing.assert_close(shown[..., 13:47, 23:67], to_tensor(content)[..., 13:47, 23:67])
    np.testing.assert_array_equal(found[13:47, 23:67], content[13:47, 23:67])
    away = np.abs(found.astype(int) - content).mean(-1)
    assert away[:, 80:].mean() > 8


def test_all_protected_is_the_content_itself() -> None:
    content = picture(32, 40, seed=5)
    masks = Masks(np.zeros((0, 32, 40), np.uint8), np.full((32, 40), 255, np.uint8))
    np.testing.assert_array_equal(tiny_painter(steps=3).with_masks(masks).paint(content).image, content)


def test_a_style_of_a_region_is_computed_once_for_a_size() -> None:
    network = CountingNetwork()
    painter = Painter(network, [Style(flat((9, 90, 20), 30, 40))], tiny_settings(steps=2), CPU,
                      [[Style(picture(26, 30, 3))]])  # fmt: skip
    for number in range(3):
        painter.with_masks(halves(20, 24)).paint(picture(20, 24, number))
    assert [size for size, _ in network.asked].count((21, 24)) == 1
    assert isinstance(aim(painter, to_tensor(picture(20, 24)), halves(20, 24)).terms[1], GuidedStyleTerm)


@pytest.mark.parametrize("statistic", ["gram", "moments"])
def test_of_a_style_only_what_counts_says_how_to_paint(statistic: str) -> None:
    """Half of it is another picture; away from the border it is as if that were not there."""
    half, other = flat((200, 60, 20), 64, 64), flat((10, 40, 230), 64, 64)
    counts = np.concatenate([np.ones((64, 64)), np.zeros((64, 64))], 1).astype(np.float32)
    values: dict[str, Any] = {"statistic": statistic, "style_scale": 2.0}

    def of(style: Style) -> Any:
        painter = Painter(CountingNetwork(), [style], tiny_settings(**values), CPU)
        return painter._targets._bank.of(0, max(style.image.shape), None).style, painter._parts[0][0].statistics

    alone, part, both = of(Style(half)), of(Style(np.concatenate([half, other], 1), counts=counts)), of(
        Style(np.concatenate([half, other], 1)))  # fmt: skip
    torch.testing.assert_close(part[1].mean, alone[1].mean)

    def each(found: Moments) -> Tensor:
        """Products for each position: Gram matrices are sums over all of them."""
        return found.second / (found.positions if statistic == "gram" else 1)

    for layer, wanted in alone[0].items():
        off, plain = ((each(one[0][layer]) - each(wanted)).abs().max() for one in (part, both))
        assert off < 0.2 * plain, layer
