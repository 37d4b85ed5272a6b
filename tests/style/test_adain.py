"""The content in the palette of the style, and the statistics of a clip that keep it from wandering."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from test_losses import maps_of, random_maps
from tiny import CPU, CountingNetwork, picture, tiny_painter, tiny_settings

from pipeline.motion.image_statistics import mean_colour
from pipeline.style.adain import (
    ChannelStatistics,
    ClipStatistics,
    adain,
    channel_statistics,
    pooled_channel_statistics,
    pooled_statistics,
    statistics_as_json,
    statistics_from_json,
    style_channel_statistics,
    style_of_frame,
)
from pipeline.style.frame import Style, WarmStart
from pipeline.style.losses import Moments, moments
from pipeline.style.painter import Painter
from pipeline.types import Image


def numbers(mean: float, variance: float) -> ChannelStatistics:
    return ChannelStatistics(torch.tensor([mean]), torch.tensor([variance]))


def same(a: ClipStatistics, b: ClipStatistics) -> bool:
    return statistics_as_json(a) == statistics_as_json(b)


# ---- channel statistics


@pytest.mark.parametrize("form", [torch.contiguous_format, torch.channels_last])
def test_statistics_of_maps_far_from_zero(form: torch.memory_format) -> None:
    """In which order they are stored is no matter, and the mean of the squares would lose a small variance."""
    maps = torch.rand(1, 5, 33, 41, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    maps += 300 * torch.arange(5).view(1, 5, 1, 1)
    stored = maps.float().contiguous(memory_format=form)
    found = channel_statistics(stored)
    torch.testing.assert_close(found.mean, maps.mean((0, 2, 3)).float())
    torch.testing.assert_close(found.variance, maps.var((0, 2, 3), correction=0).float(), rtol=2e-3, atol=0)
    assert torch.equal(stored, maps.float()), "what they are of stays as it is"


def test_a_palette_by_hand() -> None:
    found = channel_statistics(maps_of([[1, 3], [1, 3]], [[5, 5], [5, 5]]))
    assert found.mean.tolist() == [2, 5]
    assert found.variance.tolist() == [1, 0]


def test_several_pictures_are_pooled_as_if_they_were_one() -> None:
    left, right = random_maps(1) * 2 + 1, random_maps(2) - 3
    found, whole = (
        pooled_channel_statistics([channel_statistics(left), channel_statistics(right)]),
        channel_statistics(torch.cat([left, right], 3)),
    )
    torch.testing.assert_close(found.mean, whole.mean)
    torch.testing.assert_close(found.variance, whole.variance)
    alone = pooled_channel_statistics([channel_statistics(left)])
    assert torch.equal(alone.mean, channel_statistics(left).mean) and torch.equal(
        alone.variance, channel_statistics(left).variance
    )


# ---- recoloured content


def test_recoloured_maps_have_the_styles_mean_and_deviation_and_keep_their_places() -> None:
    content, style = random_maps(5), random_maps(6) * 3 + 2
    found = adain(content, channel_statistics(content), channel_statistics(style), 1.0)
    torch.testing.assert_close(found.mean((2, 3)), style.mean((2, 3)), rtol=1e-4, atol=1e-4)
    deviation = style.std((2, 3), unbiased=False)
    torch.testing.assert_close(found.std((2, 3), unbiased=False), deviation, rtol=1e-4, atol=1e-4)
    for own, new in zip(content.flatten(2)[0], found.flatten(2)[0], strict=True):
        assert float(torch.corrcoef(torch.stack([own, new]))[0, 1]) == pytest.approx(1, abs=1e-5)
    torch.testing.assert_close(adain(content, channel_statistics(content), channel_statistics(style), 0.0), content)
    half = adain(content, channel_statistics(content), channel_statistics(style), 0.5)
    torch.testing.assert_close(half, (content + found) / 2, rtol=1e-4, atol=1e-4)


def test_recolouring_flat_maps_gives_the_styles_mean() -> None:
    flat = torch.full((1, 2, 5, 5), 4.0)
    found = adain(flat, channel_statistics(flat), channel_statistics(random_maps(7, 2)), 1.0)
    torch.testing.assert_close(found.mean((2, 3)), random_maps(7, 2).mean((2, 3)), rtol=1e-3, atol=1e-3)


def test_a_thing_keeps_its_colour_whatever_else_is_in_view() -> None:
    """With the palette of the scene; with that of each view it would change."""
    thing, other = random_maps(1), random_maps(2) + 5
    wide = torch.cat([thing, other], 3)
    style = channel_statistics(random_maps(3) * 2)
    scene = pooled_channel_statistics([channel_statistics(thing), channel_statistics(wide)])
    torch.testing.assert_close(adain(wide, scene, style, 1.0)[..., : thing.shape[3]], adain(thing, scene, style, 1.0))
    apart = adain(wide, channel_statistics(wide), style, 1.0)[..., : thing.shape[3]] - adain(
        thing, channel_statistics(thing), style, 1.0
    )
    assert float(apart.abs().mean()) > 1


def test_the_palette_of_a_style_is_the_diagonal_of_what_is_known_of_it() -> None:
    maps = random_maps(4)
    found, own = style_channel_statistics(moments(maps, "moments")), channel_statistics(maps)
    torch.testing.assert_close(found.mean, own.mean, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(found.variance, own.variance, rtol=1e-4, atol=1e-5)
    flat = torch.full((1, 3, 37, 53), 7.3)
    assert bool((style_channel_statistics(moments(flat, "moments")).variance >= 0).all())


# ---- style of a view


def test_a_view_is_as_far_from_the_style_as_it_is_from_its_scene() -> None:
    style = Moments(torch.tensor([10.0]), torch.tensor([[16.0]]), 100)
    scene = numbers(3.0, 4.0)
    # Deviations are 4 in the style and 2 in the scene: what is 1 below the scene is 2 below the style.
    assert float(style_of_frame(style, numbers(2.0, 1.0), scene, 1.0, False).mean) == pytest.approx(8, abs=1e-4)
    assert float(style_of_frame(style, numbers(2.0, 1.0), scene, 0.5, False).mean) == pytest.approx(9, abs=1e-4)
    assert float(style_of_frame(style, numbers(-9.0, 1.0), scene, 1.0, False).mean) == pytest.approx(-14, abs=1e-3)
    assert float(style_of_frame(style, numbers(-9.0, 1.0), scene, 1.0, True).mean) == 0
    for own, share in ((scene, 1.0), (numbers(2.0, 1.0), 0.0)):
        found = style_of_frame(style, own, scene, share, True)
        assert float(found.mean) == 10 and float(found.second) == 16 and found.positions == 100


def test_the_views_of_a_scene_have_the_mean_of_the_style_together() -> None:
    views = [channel_statistics(random_maps(seed) + seed) for seed in range(4)]
    style = moments(random_maps(9) * 2 + 30, "moments")
    means = [style_of_frame(style, view, pooled_channel_statistics(views), 1.0, True).mean for view in views]
    torch.testing.assert_close(torch.stack(means).mean(0), style.mean, rtol=1e-4, atol=1e-4)
    assert float((means[0] - means[3]).abs().min()) > 0.5


# ---- clip statistics


ANCHORED = {"recolour": 1.0, "clip_palette": 1.0, "start": "recoloured", "levels": 2, "smallest": 16, "tv_weight": 0.0}


def test_clip_statistics_have_every_size_and_layer_that_is_painted() -> None:
    painter = tiny_painter(**ANCHORED)
    found = painter.statistics_of(picture(32, 40))
    assert {size: set(layers) for size, layers in found.layers.items()} == {
        (16, 20): {"relu1_1", "relu2_1", "relu3_1"}, (32, 40): {"relu1_1", "relu2_1", "relu3_1"}
    }  # fmt: skip
    gram = tiny_painter(**ANCHORED, statistic="gram").statistics_of(picture(32, 40))
    assert set(gram.layers[32, 40]) == {"relu2_1"}, "Gram matrices are not shifted"
    without = tiny_painter(**{**ANCHORED, "recolour": 0.0}).statistics_of(picture(32, 40))
    assert set(without.layers[32, 40]) == {"relu1_1", "relu3_1"}
    assert found.colours is not None
    plain = tiny_painter(**{**ANCHORED, "recolour": 0.0, "clip_palette": 0.0, "start": "content"})
    assert not plain.needs_statistics and plain.statistics_of(picture(32, 40)) == ClipStatistics()


def test_clip_statistics_survive_their_file() -> None:
    painter = tiny_painter(**ANCHORED)
    statistics = pooled_statistics([painter.statistics_of(picture(32, 40, seed)) for seed in range(3)])
    assert same(statistics_from_json(json.loads(json.dumps(statistics_as_json(statistics)))), statistics)
    assert pooled_statistics([]) == ClipStatistics() == statistics_from_json(statistics_as_json(ClipStatistics()))
    for layers in (None, 3, [[1, 2]], [[1, 2, {"a": [[1.0]]}]], [["x", 2, {}]], [[1, 2, {"a": 5}]]):
        with pytest.raises((ValueError, TypeError, AttributeError)):
            statistics_from_json({"layers": layers, "colours": None})
    for damaged in (None, [], {}, {"layers": []}, {"layers": [], "colours": 3}):
        with pytest.raises((ValueError, TypeError, KeyError)):
            statistics_from_json(damaged)


@pytest.mark.parametrize("statistic", ["moments", "gram"])
def test_a_picture_with_its_own_statistics_is_painted_as_without_them(statistic: str) -> None:
    painter = tiny_painter(**ANCHORED, statistic=statistic)
    content = picture(32, 40)
    of_clip = painter.with_statistics(pooled_statistics([painter.statistics_of(content)]))
    np.testing.assert_array_equal(of_clip.paint(content).image, painter.paint(content).image)
    warm = WarmStart(picture(32, 40, seed=5))
    np.testing.assert_array_equal(of_clip.paint(content, warm).image, painter.paint(content, warm).image)


def test_a_painter_with_statistics_leaves_the_one_it_came_from_alone() -> None:
    painter = tiny_painter(**ANCHORED)
    before = painter.paint(picture(32, 40)).image
    of_clip = painter.with_statistics(painter.statistics_of(picture(32, 40, seed=3) // 3))
    assert np.abs(of_clip.paint(picture(32, 40)).image.astype(int) - before).mean() > 2
    np.testing.assert_array_equal(painter.paint(picture(32, 40)).image, before)


def test_the_content_is_looked_at_once_a_frame_all_the_same() -> None:
    network = CountingNetwork()
    painter = tiny_painter(network, **{**ANCHORED, "levels": 1})
    painter.paint(picture(32, 40, seed=3))
    counts = []
    for one in (painter, painter.with_statistics(painter.statistics_of(picture(32, 40)))):
        before = len(network.asked)
        one.paint(picture(32, 40))
        counts.append(len(network.asked) - before)
    assert counts[0] == counts[1]


def shade(image: Image, factor: float) -> Image:
    return (image * factor).astype(np.uint8)


def lightness(painter: Painter, image: Image) -> float:
    return mean_colour(painter.paint(image).image)[0]


def test_a_dark_view_of_a_scene_is_painted_dark() -> None:
    """Alone it would be painted in all colours of the style."""
    settings = tiny_settings(
        **{**ANCHORED, "levels": 1}, steps=60, content_layers=(("conv1_1", 1.0),), style_weight=1.0
    )
    painter = Painter(CountingNetwork(), [Style(picture(40, 48, seed=1))], settings, CPU)
    bright, dark = picture(32, 40), shade(picture(32, 40), 0.15)
    of_clip = painter.with_statistics(pooled_statistics([painter.statistics_of(bright), painter.statistics_of(dark)]))
    apart, together = (lightness(one, bright) - lightness(one, dark) for one in (painter, of_clip))
    assert together > 2 * abs(apart)
