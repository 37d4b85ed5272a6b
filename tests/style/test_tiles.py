"""Pictures in overlapping tiles: the same losses, gradients and targets as in one piece, with less in memory."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from tiny import CPU, CountingNetwork, picture, tiny_painter, tiny_settings
from torch import Tensor

from pipeline.network.base import Network
from pipeline.network.vgg import BLOCKS
from pipeline.style.frame import Style, TemporalTarget
from pipeline.style.objective import Objective
from pipeline.style.oom_fallback import MemoryFallback, MemoryPlan
from pipeline.style.painter import Painter
from pipeline.style.picture import to_tensor
from pipeline.style.tiles import stitched_maps, tile_sides, tiled_sums, tiles_of

LAYERS = ("relu1_1", "conv1_2", "relu2_1", "relu3_1")
SIZES = [(64, 80), (67, 93), (40, 131), (17, 19)]


@pytest.fixture
def double(monkeypatch: pytest.MonkeyPatch) -> None:
    """Losses in float64, where rounding is nothing."""
    monkeypatch.setattr(Tensor, "float", Tensor.double)


def double_painter(network: Network, **values: Any) -> Painter:
    painter = tiny_painter(network, **values)
    own = painter.network
    own.double()
    own.mean, own.std = own.mean.double(), own.std.double()
    return painter


def gradient(objective: Objective, image: Tensor) -> tuple[float, Tensor]:
    image = image.clone().requires_grad_(True)
    total = objective(image).total
    return total.item(), torch.autograd.grad(total, image)[0]


@pytest.mark.usefixtures("double")
@pytest.mark.parametrize("padding", ["zeros", "replicate"])
@pytest.mark.parametrize("pooling", ["average", "max"])
@pytest.mark.parametrize(
    "values",
    [{"statistic": "gram"}, {"normalisation": "gatys2016", "statistic": "gram"}, {"recolour": 0.5}],
    ids=["gram", "gatys2016", "moments"],
)
def test_losses_and_gradient_are_those_of_one_piece(padding: str, pooling: Any, values: dict[str, Any]) -> None:
    layers = tuple((layer, 0.7) for layer in LAYERS)
    painter = double_painter(
        CountingNetwork(pooling), padding=padding, style_layers=layers, content_layers=layers[1:], **values
    )
    for height, width in SIZES:
        expected = [TemporalTarget(picture(height, width, seed=5), np.full((height, width), 0.5, np.float32))]
        whole = painter._targets.objective(to_tensor(picture(height, width, seed=2)), expected)
        image = torch.rand(1, 3, height, width, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
        loss, wanted = gradient(whole, image)
        for side in (16, 40):
            found, slope = gradient(Objective(whole.network, whole.terms, tile_side=side), image)
            assert found == pytest.approx(loss, rel=1e-12)
            assert (slope - wanted).abs().max() <= 1e-12 * wanted.abs().max()


@pytest.mark.usefixtures("double")
def test_no_pixel_of_the_overlap_is_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = double_painter(CountingNetwork())._targets.objective(to_tensor(picture(64, 80)))
    image = torch.rand(1, 3, 64, 80, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    right = gradient(whole, image)[0]
    usual = Network.overlap
    monkeypatch.setattr(Network, "overlap", lambda self, layers: usual(self, layers) - self.smallest_side(layers))
    assert gradient(Objective(whole.network, whole.terms, tile_side=24), image)[0] != pytest.approx(right, rel=1e-6)


def test_how_far_a_layer_of_vgg19_looks() -> None:
    """Counted by hand: two convolutions are 2 pixels, 1 after pooling; with two more 3, 2 after pooling; and so on."""

    class Named(Network):
        def __init__(self) -> None:
            torch.nn.Module.__init__(self)
            names = [f"{block}_{number + 1}" for block, widths in enumerate(BLOCKS, 1) for number in range(len(widths))]
            self.convolutions = torch.nn.ModuleDict({f"conv{name}": torch.nn.Identity() for name in names})
            self.layers = tuple(f"{kind}{name}" for name in names for kind in ("conv", "relu"))

    network = Named()
    for layer, pixels in {
        "relu1_1": 1,
        "relu1_2": 2,
        "conv2_1": 4,
        "relu3_1": 12,
        "relu4_2": 40,
        "relu5_1": 80,
    }.items():
        assert network.overlap(["relu1_1", layer]) == pixels


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("side", [1, 16, 24, 1000])
def test_the_tiles_cover_every_layer_once(size: tuple[int, int], side: int) -> None:
    network = CountingNetwork()
    tiles = tiles_of(network, LAYERS, size, side)
    for stride in (1, 2, 4):
        seen = torch.zeros(size[0] // stride, size[1] // stride, dtype=torch.int)
        for tile in tiles:
            seen[tile.of_picture(stride)] += 1
        assert bool((seen == 1).all())
    assert (len(tiles) == 1) == (side >= max(size))


def test_maps_and_sums_of_a_whole_picture() -> None:
    network, image = CountingNetwork(), to_tensor(picture(67, 93))
    tiles = tiles_of(network, LAYERS, (67, 93), 24)
    with torch.no_grad():
        whole = network.features(image, LAYERS)
        found, sums = stitched_maps(network, LAYERS, tiles, image), tiled_sums(network, LAYERS, tiles, image)
    for layer in LAYERS:
        torch.testing.assert_close(found[layer], whole[layer])
        rows = whole[layer][0].flatten(1)
        assert sums[layer][2] == rows.shape[1]
        torch.testing.assert_close(sums[layer][0], rows.sum(1))
        torch.testing.assert_close(sums[layer][1], rows @ rows.T)


class Full(CountingNetwork):
    """Runs out of memory where it is asked for more than a third of what is painted."""

    def parts(self, layers: Any) -> Any:
        parts = super().parts(layers)

        def first(image: Tensor) -> Any:
            if image.shape[2] * image.shape[3] > 3000:
                raise MemoryError
            return parts[0](image)

        return [first, *parts[1:]]


@pytest.fixture
def small_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.style.tiles.SIDES", (48, 24))


@pytest.mark.usefixtures("small_tiles")
def test_what_is_painted_towards_is_found_without_the_maps_of_all_of_it() -> None:
    """Of the content, of its place in its clip, and of the style."""
    network = CountingNetwork()
    settings = tiny_settings(recolour=0.5, clip_palette=1.0, style_scale=4.0)
    painter = Painter(network, [Style(picture(150, 160, seed=1))], settings, CPU)
    clip = painter._targets.statistics_of(to_tensor(picture(150, 160, seed=7)))
    content, image = to_tensor(picture(150, 160, seed=2)), to_tensor(picture(150, 160, seed=3))
    whole = gradient(painter._targets.objective(content, (), clip), image)
    painter._targets._bank._blended.clear()
    network.asked.clear()
    found = gradient(painter._targets.objective(content, (), clip, tile_side=24), image)
    assert found[0] == pytest.approx(whole[0], rel=1e-5)
    assert (found[1] - whole[1]).abs().max() <= 1e-4 * whole[1].abs().max()
    assert max(height * width for (height, width), _ in network.asked) <= 40 * 40


@pytest.mark.usefixtures("small_tiles")
def test_what_counts_of_a_style_is_the_same_by_tiles() -> None:
    counts = np.zeros((150, 160), np.float32)
    counts[:90, 40:] = 1.0
    style = Style(picture(150, 160, seed=1), counts=counts)
    painter = Painter(CountingNetwork(), [style], tiny_settings(style_scale=4.0), CPU)
    whole = painter._targets._bank.of(0, 160, None)
    painter._targets._bank._blended.clear()
    tiled = painter._targets._bank.of(0, 160, 24)
    for layer, found in whole.style.items():
        torch.testing.assert_close(tiled.style[layer].second, found.second, rtol=1e-4, atol=1e-5)


@pytest.mark.usefixtures("small_tiles")
def test_what_a_clip_looks_like_is_found_in_tiles_where_memory_does_not_suffice() -> None:
    image, values = picture(90, 100, seed=4), {"recolour": 0.5, "clip_palette": 1.0, "smallest": 16}
    usual, found = (tiny_painter(network, **values).statistics_of(image) for network in (CountingNetwork(), Full()))
    assert found.layers.keys() == usual.layers.keys() and len(usual.layers) == 3
    for size, layers in usual.layers.items():
        for layer, wanted in layers.items():
            torch.testing.assert_close(found.layers[size][layer].mean, wanted.mean, rtol=1e-4, atol=1e-5)
            torch.testing.assert_close(found.layers[size][layer].variance, wanted.variance, rtol=1e-4, atol=1e-5)


@pytest.mark.usefixtures("small_tiles")
def test_only_tiles_that_take_less_memory_are_tried() -> None:
    network = CountingNetwork()
    assert tile_sides(network, LAYERS, (40, 40)) == []
    assert tile_sides(network, LAYERS, (90, 90)) == [24]
    assert tile_sides(network, LAYERS, (200, 300)) == [48, 24]
    painter = tiny_painter(network)
    objective = painter._targets.objective(to_tensor(picture(40, 40)), tile_side=48)
    network.asked.clear()
    objective(to_tensor(picture(40, 40, seed=1)))
    assert [size for size, _ in network.asked] == [(40, 40)]


@pytest.mark.usefixtures("small_tiles")
def test_what_does_not_fit_is_painted_in_tiles_before_anything_is_shrunk() -> None:
    content = picture(90, 100, seed=2)
    values = {"levels": 2, "smallest": 16, "steps": 3, "may_shrink": True}
    found = tiny_painter(Full(), **values).paint(content)
    assert found.memory_fallback is MemoryFallback.TILES
    usual = tiny_painter(**values)._paint(content, None, 0, None, None, None, MemoryPlan())
    assert found.image.shape == content.shape
    assert np.abs(found.image.astype(int) - usual.image).max() <= 1
    assert found.losses == pytest.approx(usual.losses, rel=1e-4)
