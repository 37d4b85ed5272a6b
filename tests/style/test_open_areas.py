"""Large shapes of a style only where the content is open."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
import torch
from tape import Tape
from test_step_runner import VALUES, expected
from tiny import CPU, CountingNetwork, flat, picture, tiny_painter, tiny_settings
from torch import Tensor

from pipeline.errors import SettingsError
from pipeline.settings import open_layers, resolve
from pipeline.style import losses, objective, optimizers
from pipeline.style.frame import PaintedFrame, Style
from pipeline.style.objective import Objective
from pipeline.style.open_areas import FLAT, open_share_of
from pipeline.style.painter import Painter
from pipeline.style.picture import to_tensor
from pipeline.style.regions import Masks, shares_of
from pipeline.types import Image

SIZE = (48, 64)


def half_open(height: int = 48, width: int = 64) -> Image:
    """A chessboard on the left, nothing on the right."""
    image = flat((90, 120, 200), height, width)
    cells = np.add.outer(np.arange(height) * 12 // height, np.arange(width) * 16 // width) % 2
    image[:, : width // 2] = np.where(cells[:, : width // 2, None] == 1, 240, 20)
    return image


def grain(height: int, width: int, deviation: float) -> Image:
    """Nothing but noise, its deviation in levels."""
    noise = np.random.default_rng(0).normal(128, deviation, (height, width, 3))
    return noise.round().clip(0, 255).astype(np.uint8)


@pytest.fixture
def shape_layer(monkeypatch: pytest.MonkeyPatch) -> str:
    """The deepest layer that the tiny network has."""
    monkeypatch.setattr("pipeline.settings.SHAPE_LAYER", "relu3_1")
    return "relu3_1"


def painted_towards(content: Image, masks: Masks | None = None, **values: Any) -> Objective:
    """The objective of a content, the style alone.

    :param masks: of two regions that have the style of the rest.
    """
    layers = (("relu1_1", 0.5), ("relu2_1", 0.25))
    settings = tiny_settings(**{"style_layers": layers, "content_weight": 0.0, "tv_weight": 0.0, **values})
    style = [Style(picture(40, 48, seed=1))]
    targets = Painter(CountingNetwork(), style, settings, CPU, [style, style])._targets
    shares = None if masks is None else shares_of(masks)
    return targets.objective(to_tensor(content), shares=shares, open_share=open_share_of(content))


# ---- what is open


def test_a_flat_picture_is_open_and_grain_is_not() -> None:
    found = open_share_of(flat((10, 200, 90), 40, 60))
    assert found is not None and found.shape == (1, 40, 60)
    torch.testing.assert_close(found, torch.ones(1, 40, 60))
    assert open_share_of(grain(40, 60, 40.0)) is None


def test_a_pixel_is_open_by_the_variance_around_it() -> None:
    """Grain of a deviation of FLAT is open to 1/e, wherever it is."""
    found = open_share_of(grain(512, 512, FLAT))
    assert found is not None and float(found.mean()) == pytest.approx(np.exp(-1), abs=0.02)
    # A slope is as open as a plain: it has no detail.
    slope = np.repeat(np.linspace(60, 190, 512)[None, :, None], 300, 0).repeat(3, 2).astype(np.uint8)
    found = open_share_of(slope)
    assert found is not None and float(found[:, :, 40:-40].min()) > 0.6


@pytest.mark.parametrize("deep", [False, True])
def test_it_is_the_same_places_at_any_size(deep: bool) -> None:
    small = open_share_of(half_open())
    image = cv2.resize(half_open(), (1280, 960), interpolation=cv2.INTER_NEAREST)
    large = open_share_of(image.astype(np.uint16) * 257 if deep else image)
    assert small is not None and large is not None
    assert large.shape == (1, 384, 512), "a large picture is looked at smaller"
    for found in (small, large):
        edge = found.shape[2] // 2
        assert float(found[:, :, : edge - 2].max()) < 0.05 and float(found[:, :, edge + edge // 3 :].min()) > 0.95


# ---- what is painted towards


def test_where_all_is_open_it_is_a_style_layer_like_others(shape_layer: str) -> None:
    content, image = flat((90, 120, 200), *SIZE), to_tensor(picture(*SIZE, seed=3)).requires_grad_()
    found = painted_towards(content, large_shapes=0.6)(image).total
    layers = (("relu1_1", 0.5), ("relu2_1", 0.25), (shape_layer, 0.6 * 0.5))
    wanted = painted_towards(content, style_layers=layers)(image).total
    torch.testing.assert_close(found, wanted)
    one, other = (torch.autograd.grad(total, image)[0] for total in (found, wanted))
    torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-6)


def test_what_is_not_open_is_left_alone(shape_layer: str) -> None:
    """The layer pulls at pixels of the open half, and at none whose fields lie in the other one."""
    content, image = half_open(), to_tensor(picture(*SIZE, seed=3)).requires_grad_()

    def pulled(**values: Any) -> Tensor:
        return torch.autograd.grad(painted_towards(content, **values)(image).total, image)[0].abs().sum(1)[0]

    more = (pulled(large_shapes=1.0) - pulled()).abs().sum(0)
    assert float(more[40:].min()) > 0 and float(more[:20].max()) < 1e-3 * float(more[40:].max())


def test_where_nothing_is_open_the_layer_is_not_computed(shape_layer: str) -> None:
    network, busy = CountingNetwork(), grain(*SIZE, 40.0)
    values: dict[str, Any] = {"style_layers": (("relu1_1", 0.5),), "steps": 2}
    painted = tiny_painter(network, large_shapes=1.0, **values).paint(busy)
    # Once: of the style picture.
    assert sum(shape_layer in layers for _, layers in network.asked) == 1
    np.testing.assert_array_equal(painted.image, tiny_painter(**values).paint(busy).image)
    network.asked.clear()
    open_too = tiny_painter(network, large_shapes=1.0, **values).paint(half_open())
    assert sum(shape_layer in layers for _, layers in network.asked) > 2
    assert (open_too.image != tiny_painter(**values).paint(half_open()).image).any()


def test_in_regions_it_counts_where_both_are(shape_layer: str) -> None:
    """Regions of one style that share every pixel are that style; what is protected has none."""
    image = to_tensor(picture(*SIZE, seed=3))
    whole = painted_towards(half_open(), large_shapes=1.0)(image).total
    regions = np.stack([np.full(SIZE, 100, np.uint8), np.full(SIZE, 60, np.uint8)])
    torch.testing.assert_close(painted_towards(half_open(), Masks(regions), large_shapes=1.0)(image).total, whole)
    right = np.zeros(SIZE, np.uint8)
    right[:, SIZE[1] // 2 :] = 255
    found, plain = (
        painted_towards(half_open(), Masks(regions, right), large_shapes=one)(image).total for one in (1, 0)
    )
    torch.testing.assert_close(found, plain, rtol=1e-3, atol=0)


@pytest.mark.parametrize("statistic", ["moments", "gram"])
def test_by_tiles_and_by_blocks_it_is_the_same(statistic: str, shape_layer: str) -> None:
    whole = painted_towards(half_open(), large_shapes=1.0, statistic=statistic)
    image = to_tensor(picture(*SIZE, seed=5)).requires_grad_()
    total = whole(image).total
    gradient = torch.autograd.grad(total, image)[0]
    for other in (
        Objective(whole.network, whole.terms, tile_side=16),
        Objective(whole.network, whole.terms, checkpoint=True),
    ):
        found = other(image).total
        torch.testing.assert_close(found, total, rtol=1e-5, atol=1e-6)
        torch.testing.assert_close(torch.autograd.grad(found, image)[0], gradient, rtol=1e-3, atol=1e-6)


def test_frames_are_replayed_as_they_are_painted(monkeypatch: pytest.MonkeyPatch, shape_layer: str) -> None:
    """Also where some of them have nothing open."""
    tape = Tape()
    for module in (optimizers, losses, objective):
        monkeypatch.setattr(module, "waits_for_launches", lambda device: True)

    def painted(recorded: bool) -> list[PaintedFrame]:
        monkeypatch.setattr("pipeline.style.step_runner.recorder_of", lambda device: tape if recorded else None)
        painter = tiny_painter(
            **{**VALUES, "style_layers": (("relu1_1", 0.5),), "large_shapes": 1.0, "optimizer": "lbfgs"}
        )
        frames = [half_open(), half_open()[::-1].copy(), grain(*SIZE, 40.0), half_open()[:, ::-1].copy()]
        return [painter.paint(frame, expected(place, SIZE)) for place, frame in enumerate(frames)]

    for one, other in zip(painted(True), painted(False), strict=True):
        np.testing.assert_allclose(one.image.astype(int), other.image, atol=1)
    assert tape.replayed


# ---- settings


def test_the_weight_is_a_share_of_the_heaviest_layer() -> None:
    assert open_layers(resolve()) == {}
    assert open_layers(resolve(overrides={"large_shapes": 0.5})) == {"relu5_1": pytest.approx(0.15)}


@pytest.mark.parametrize("preset", ["gatys2016", "classic"])
def test_where_the_layer_counts_everywhere_it_is_refused(preset: str) -> None:
    with pytest.raises(SettingsError, match="relu5_1 out of style_layers"):
        resolve(preset, {"large_shapes": 0.5})
    assert resolve(preset, {"large_shapes": 0.5, "style_layers": {"relu1_1": 1}}).large_shapes == 0.5
