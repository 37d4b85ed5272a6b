"""One frame painted: sizes, starts, levels, progress, and the style's targets computed once."""

from __future__ import annotations

import warnings
from collections import Counter
from typing import Any

import numpy as np
import pytest
import torch
from tiny import CPU, PLAN, CountingNetwork, picture, tiny_painter, tiny_settings, tiny_weights
from torch import Tensor

from pipeline.errors import SettingsError, UsageError
from pipeline.network import device
from pipeline.network.base import Network
from pipeline.style import optimise as loop
from pipeline.style.beginnings import CANVAS
from pipeline.style.frame import Progress, Style, TemporalTarget, WarmStart
from pipeline.style.losses import Moments
from pipeline.style.objective import StyleTerm
from pipeline.style.optimise import Stop
from pipeline.style.painter import Painter
from pipeline.style.picture import resized, scaled_size, to_image, to_tensor


class Record:
    """An `OnProgress` that keeps what it was told, and the pictures where asked."""

    def __init__(self, pictures: bool = False) -> None:
        self.told: list[Progress] = []
        self.pictures: list[Tensor] = []
        self._keep = pictures

    def __call__(self, progress: Progress) -> None:
        self.told.append(progress)
        if self._keep:
            self.pictures.append(progress.picture())


# ---- sizes


@pytest.mark.parametrize("size", [(1, 1), (3, 500), (17, 31), (40, 2), (33, 48)])
@pytest.mark.parametrize("levels", [1, 3])
def test_the_painting_has_the_size_of_the_content(size: tuple[int, int], levels: int) -> None:
    painter = tiny_painter(levels=levels, smallest=16, steps=2)
    found = painter.paint(picture(*size))
    assert found.image.shape == (*size, 3)
    assert found.image.dtype == np.uint8
    assert found.image.flags["C_CONTIGUOUS"]
    again = painter.paint(picture(*size, seed=3), carried=WarmStart(found.image), index=1)
    assert again.image.shape == (*size, 3)


@pytest.mark.parametrize("size", [(1, 1), (1, 300)])
def test_a_tiny_style_picture_is_enough(size: tuple[int, int]) -> None:
    painter = Painter(CountingNetwork(), [Style(picture(*size))], tiny_settings(steps=2), CPU)
    assert painter.paint(picture(20, 24)).stopped is Stop.STEPS


def test_every_side_is_painted_no_smaller_than_the_deepest_layer_needs() -> None:
    network = CountingNetwork()
    tiny_painter(network, steps=1).paint(picture(3, 50))
    painted = {size for size, asked in network.asked if asked == frozenset({"relu1_1", "relu2_1", "relu3_1"})}
    assert painted == {(16, 267)}  # 50 * 16 / 3


# ---- the result


def test_painting_lowers_the_loss_and_changes_the_picture() -> None:
    content = picture(32, 40)
    record = Record()
    found = tiny_painter(steps=40).paint(content, on_progress=record)
    assert found.losses["total"] < 0.5 * record.told[0].detail.losses.total.item()
    assert np.abs(found.image.astype(int) - content).mean() > 5
    assert set(found.losses) == {"total", "content", "style", "tv"}
    assert (found.steps, found.stopped) == (40, Stop.STEPS)
    assert found.seconds > 0


@pytest.mark.parametrize("start", ["content", "noise", "blank"])
@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
def test_twice_the_same(start: str, optimizer: str) -> None:
    values: dict[str, Any] = {"start": start, "optimizer": optimizer, "levels": 2, "smallest": 16, "averaging": 0.9}
    first, second = (tiny_painter(**values).paint(picture(33, 36), index=4) for _ in range(2))
    assert np.array_equal(first.image, second.image)
    assert first.losses == second.losses


def test_what_was_painted_before_leaves_no_trace() -> None:
    """A resumed job builds a new painter in the middle of a clip."""
    used = tiny_painter(levels=2, smallest=16)
    used.paint(picture(33, 36, seed=5))
    used.paint(picture(50, 20, seed=6))
    assert np.array_equal(
        used.paint(picture(33, 36), index=2).image,
        tiny_painter(levels=2, smallest=16).paint(picture(33, 36), index=2).image,
    )


# ---- starts


def first_picture(painter: Painter, content_seed: int = 0, **arguments: Any) -> Tensor:
    """The painting of a 32x40 picture after a first step too short to be seen."""
    record = Record(pictures=True)
    painter.paint(picture(32, 40, content_seed), on_progress=record, **arguments)
    return record.pictures[0]


STILL: dict[str, Any] = {"learning_rate": 1e-6, "steps": 1, "carried_steps": 1}


def test_starts_from_the_content() -> None:
    found = first_picture(tiny_painter(start="content", **STILL))
    torch.testing.assert_close(found, to_tensor(picture(32, 40)), rtol=0, atol=1e-4)


def test_starts_from_a_blank_canvas() -> None:
    found = first_picture(tiny_painter(start="blank", **STILL))
    torch.testing.assert_close(found, torch.full_like(found, CANVAS), rtol=0, atol=1e-4)


def test_starts_from_a_picture() -> None:
    other = picture(32, 40, seed=9)
    for kind in ("content", "noise"):
        found = first_picture(tiny_painter(start=kind, **STILL), start=other)
        torch.testing.assert_close(found, to_tensor(other), rtol=0, atol=1e-4)


def test_a_start_of_its_own_takes_no_detail_from_the_content() -> None:
    painter = tiny_painter(start="content", levels=2, smallest=16, **STILL)
    other = picture(32, 40, seed=9)
    found = to_tensor(painter.paint(picture(32, 40), start=other).image)
    blurred = resized(resized(to_tensor(other), 16, 20), 32, 40)
    assert min(float((found - kind).abs().mean()) for kind in (blurred, to_tensor(other))) < 0.005


def test_noise_differs_by_frame_and_by_seed_and_not_by_content() -> None:
    def noise(seed: int, index: int, content_seed: int = 0) -> Tensor:
        painter = tiny_painter(start="noise", **{**STILL, "seed": seed})
        return first_picture(painter, content_seed, index=index)

    base = noise(0, 0)
    assert 0.25 < float(base.std()) < 0.33  # uniform: 1 / sqrt(12) = 0.29
    torch.testing.assert_close(noise(0, 0, content_seed=4), base, rtol=0, atol=1e-4)
    for other in (noise(0, 1), noise(1, 0)):
        assert float((other - base).abs().mean()) > 0.2  # independent: 1/3


def test_a_warm_start_goes_on_from_the_painting_before_with_its_own_budget() -> None:
    before = picture(32, 40, seed=8)
    record = Record(pictures=True)
    painter = tiny_painter(levels=3, smallest=16, learning_rate=1e-6, steps=12, carried_steps=5, start="noise")
    found = painter.paint(picture(32, 40), carried=WarmStart(before), index=1, on_progress=record)
    torch.testing.assert_close(record.pictures[0], to_tensor(before), rtol=0, atol=1e-4)
    assert found.steps == len(record.told) == 5
    assert {progress.level for progress in record.told} == {0}


@pytest.mark.parametrize("size", [(32, 40), (5, 40)])
def test_an_expected_picture_holds_the_painting_where_it_is_trusted(size: tuple[int, int]) -> None:
    """Also where a tiny picture is painted larger than it is."""
    width = size[1]
    before = picture(*size, seed=8)
    trusted = np.zeros(size, np.float32)
    trusted[:, : width // 2] = 1
    painter = tiny_painter(temporal_weight=1e4, carried_steps=30)
    free = painter.paint(picture(*size), WarmStart(before))
    held = painter.paint(picture(*size), WarmStart(before, (TemporalTarget(before, trusted),)))
    moved = np.abs(held.image.astype(int) - before).mean(2)
    assert moved[:, : width // 2 - 4].mean() < 0.2 * moved[:, width // 2 + 4 :].mean()
    assert np.abs(free.image.astype(int) - before)[:, : width // 2 - 4].mean() > 10
    assert "temporal" in held.losses and "temporal" not in free.losses
    off = tiny_painter(temporal_weight=0, carried_steps=30).paint(
        picture(*size), WarmStart(before, (TemporalTarget(before, trusted),))
    )
    assert np.array_equal(off.image, free.image)


@pytest.mark.parametrize("steps", [1, 3])
@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
def test_a_frame_is_never_painted_worse_than_it_was(optimizer: str, steps: int) -> None:
    """As in a further pass of few steps, which starts it from something else."""
    painter = tiny_painter(optimizer=optimizer, temporal_weight=50.0)
    content, other = picture(32, 40), picture(32, 40, seed=7)
    own = painter.paint(content, steps=200).image
    expected = (TemporalTarget(own, np.ones((32, 40), np.float32)),)
    # A step of no length tells the loss of where it starts.
    still = tiny_painter(optimizer="adam", temporal_weight=50.0, learning_rate=1e-6)
    before = still.paint(content, WarmStart(own, expected), steps=1).losses["total"]
    assert painter.paint(content, WarmStart(other, expected), steps=steps).losses["total"] > 1.5 * before
    found = painter.paint(content, WarmStart(other, expected, own), steps=steps)
    assert found.losses["total"] <= before * (1 + 1e-5)
    better = painter.paint(content, WarmStart(own, expected, other), steps=steps)
    np.testing.assert_array_equal(found.image, better.image, "whichever of the two is the better one")


def test_pictures_that_may_not_be_written_to_are_taken_without_a_warning() -> None:
    image = picture(20, 24)
    image.flags.writeable = False
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Painter(CountingNetwork(), [Style(image)], tiny_settings(steps=1), CPU).paint(image, carried=WarmStart(image))


# ---- coarse to fine


def test_sizes_from_coarse_to_fine() -> None:
    network = CountingNetwork()
    record = Record()
    found = tiny_painter(network, levels=3, smallest=16, steps=4).paint(picture(64, 84), on_progress=record)
    assert [progress.level for progress in record.told] == [2] * 4 + [1] * 4 + [0] * 4
    assert found.steps == 12
    everything = {"relu1_1", "relu2_1", "relu3_1"}
    assert list(dict.fromkeys(size for size, asked in network.asked if asked == everything)) == [
        (16, 21), (32, 42), (64, 84)
    ]  # fmt: skip


@pytest.mark.parametrize(("smallest", "levels"), [(16, 3), (17, 2), (32, 2), (33, 1)])
def test_no_size_is_below_the_smallest(smallest: int, levels: int) -> None:
    record = Record()
    tiny_painter(levels=5, smallest=smallest, steps=1).paint(picture(64, 80), on_progress=record)
    assert len({progress.level for progress in record.told}) == levels


def test_what_is_carried_is_painted_at_the_last_sizes() -> None:
    network, content = CountingNetwork(), picture(96, 128)
    values: dict[str, Any] = {"levels": 3, "coarse_steps": 1.5, "carried_steps": 4, "smallest": 16}
    for levels, steps in ((1, {(96, 128): 4}), (2, {(48, 64): 6, (96, 128): 4})):
        painter = tiny_painter(network, **values, carried_levels=levels)
        painter.paint(content, WarmStart(content))
        network.asked.clear()
        painted = painter.paint(content, WarmStart(content))
        assert {size for size, _ in network.asked} == set(steps) and painted.steps == sum(steps.values())
        assert painter.work(96, 128, carried=True) == pytest.approx(4 + 6 / 4 * (levels - 1))
    assert tiny_painter(**{**values, "levels": 1}, carried_levels=2).work(96, 128, carried=True) == 4


def test_the_fine_detail_of_what_is_carried_stays_through_a_coarse_size() -> None:
    """Where it is held, a painting is what it was moved to."""
    before, content = picture(64, 64, seed=8), picture(64, 64)
    held = WarmStart(before, (TemporalTarget(before, np.ones((64, 64), np.float32)),))
    painter = tiny_painter(levels=2, carried_levels=2, carried_steps=6, smallest=16, temporal_weight=1e4)
    assert np.abs(painter.paint(content, held).image.astype(int) - before).mean() < 4


def test_the_start_of_a_coarse_size_looks_like_the_content() -> None:
    """Seen at full size a coarse start would be blurred; the story would begin with a jump."""
    painter = tiny_painter(levels=3, smallest=16, start="content", **STILL)
    record = Record(pictures=True)
    content = to_tensor(picture(64, 80))
    found = painter.paint(picture(64, 80), on_progress=record)
    assert [progress.level for progress in record.told] == [2, 1, 0]
    for shown in record.pictures:
        torch.testing.assert_close(shown, content, rtol=0, atol=1e-3)
    # And the fine detail that coarse sizes cannot hold is back in the end.
    torch.testing.assert_close(to_tensor(found.image), content, rtol=0, atol=1.1 / 255)
    blurred = resized(resized(content, 16, 20), 64, 80)
    assert float((blurred - content).abs().max()) > 0.05


def test_a_fine_size_begins_as_the_coarse_one_ended() -> None:
    record = Record(pictures=True)
    painter = tiny_painter(levels=2, smallest=16, start="noise", steps=30, learning_rate=0.05)
    painter.paint(picture(32, 40), on_progress=record)
    coarse_end, fine_start = record.pictures[29], record.pictures[30]
    noise_start = record.pictures[0]
    assert float((fine_start - coarse_end).abs().mean()) < 0.06
    assert float((fine_start - noise_start).abs().mean()) > 0.1


# ---- progress


@pytest.mark.parametrize("levels", [1, 3])
def test_the_share_of_the_work_rises_to_one(levels: int) -> None:
    record = Record()
    tiny_painter(levels=levels, smallest=16, steps=6).paint(picture(64, 64), on_progress=record)
    shares = [progress.share for progress in record.told]
    assert shares == sorted(set(shares))
    assert shares[-1] == pytest.approx(1)
    assert shares[0] > 0
    assert [progress.step for progress in record.told] == list(range(1, 6 * levels + 1))
    assert {progress.of for progress in record.told} == {6 * levels}


def test_a_step_at_half_the_size_is_a_quarter_of_the_work() -> None:
    record = Record()
    painter = tiny_painter(levels=2, smallest=16, steps=5)
    painter.paint(picture(64, 64), on_progress=record)
    assert record.told[4].share == pytest.approx(0.2)
    assert painter.work(64, 64, carried=False) == pytest.approx(5 * 1.25)
    assert painter.work(64, 64, carried=True) == 5


def test_a_picture_too_small_for_the_network_takes_no_more_steps_than_others() -> None:
    """It is painted enlarged, and a step is one at that size."""
    painter = tiny_painter(levels=2, smallest=16, steps=5)
    for height, width in ((1, 1), (1, 64), (300, 2)):
        assert painter.work(height, width, carried=True) == 5
        assert 5 <= painter.work(height, width, carried=False) <= 10


def test_sizes_that_stop_early_leave_a_rising_share_and_a_shrinking_budget() -> None:
    record = Record()
    painter = tiny_painter(levels=2, smallest=16, steps=200, tolerance=0.9, patience=5)
    found = painter.paint(picture(64, 64), on_progress=record)
    assert found.stopped is Stop.PLATEAU
    assert found.steps == len(record.told) < 60
    shares = [progress.share for progress in record.told]
    assert shares == sorted(set(shares)) and shares[-1] < 1
    assert record.told[0].of == 400
    assert record.told[-1].of == 200 + record.told[-1].step - record.told[-1].detail.number


def test_watching_changes_nothing() -> None:
    values: dict[str, Any] = {"levels": 2, "smallest": 16, "averaging": 0.9}
    watched = tiny_painter(**values).paint(picture(33, 36), on_progress=Record(pictures=True))
    assert np.array_equal(watched.image, tiny_painter(**values).paint(picture(33, 36)).image)


# ---- style


def test_the_styles_targets_are_computed_once_for_each_size() -> None:
    """By what the network is asked: style layers without content layers, and no gradient steps among them."""
    network = CountingNetwork()
    painter = tiny_painter(network, levels=2, smallest=16, steps=2, carried_steps=2)
    before = None
    for index in range(6):
        before = painter.paint(
            picture(32, 40, seed=index), carried=None if before is None else WarmStart(before), index=index
        ).image
    counts = Counter(asked for _, asked in network.asked)
    assert counts[frozenset({"relu1_1", "relu3_1"})] == 2  # one for each of two sizes
    assert counts[frozenset({"relu2_1"})] == 7  # the content: two sizes, then one for each frame


def test_style_scale_sizes_the_style_picture() -> None:
    def shown(scale: float) -> tuple[int, int]:
        network = CountingNetwork()
        painter = Painter(network, [Style(picture(60, 120))], tiny_settings(steps=1, style_scale=scale), CPU)
        painter.paint(picture(48, 64))
        return next(size for size, asked in network.asked if asked == frozenset({"relu1_1", "relu3_1"}))

    assert shown(1.0) == (32, 64)
    assert shown(1.5) == (48, 96)
    assert shown(8.0) == (60, 120)  # never upscaled


def test_with_several_scales_the_statistics_are_the_mean_of_theirs() -> None:
    def target(scale: Any, statistic: str) -> Moments:
        settings = tiny_settings(style_scale=scale, statistic=statistic)
        painter = Painter(CountingNetwork(), [Style(picture(60, 120))], settings, CPU)
        (_, style, _) = painter._targets.objective(to_tensor(picture(48, 64))).terms
        assert isinstance(style, StyleTerm)
        return style.targets["relu1_1"]

    fine, coarse, both = (target(scale, "moments") for scale in (0.5, 1.5, (0.5, 1.5)))
    torch.testing.assert_close(both.mean, (fine.mean + coarse.mean) / 2)
    torch.testing.assert_close(both.second, (fine.second + coarse.second) / 2)
    fine, coarse, both = (target(scale, "gram") for scale in (0.5, 1.5, (0.5, 1.5)))
    each = [one.second / one.positions for one in (fine, coarse, both)]
    torch.testing.assert_close(each[2], (each[0] + each[1]) / 2)


def test_a_recoloured_content_takes_on_the_palette_without_any_style_loss() -> None:
    """Grey waves after an orange picture: its colour comes in by the content term alone, and only if asked for."""
    grey = np.repeat(picture(40, 48).mean(2, keepdims=True).astype(np.uint8), 3, axis=2)
    orange = np.clip(picture(40, 48, seed=1) * np.array([0.4, 0.3, 0.1]) + [140, 60, 0], 0, 255).astype(np.uint8)

    def orangeness(**values: float) -> float:
        settings = tiny_settings(
            style_weight=0.0, tv_weight=0.0, steps=60, content_layers=(("conv1_1", 1.0),), **values
        )
        found = Painter(CountingNetwork(), [Style(orange)], settings, CPU).paint(grey).image.astype(float)
        return float((found[..., 0] - found[..., 2]).mean())

    assert abs(orangeness(recolour=0.0)) < 3
    assert orangeness(recolour=1.0) > 40
    assert 10 < orangeness(recolour=0.5) < orangeness(recolour=1.0)


def test_two_styles_blend() -> None:
    def painted(*weights: float) -> np.ndarray[Any, Any]:
        styles = [Style(picture(40, 40, seed), weight) for seed, weight in zip((1, 2), weights, strict=False)]
        return Painter(CountingNetwork(), styles, tiny_settings(), CPU).paint(picture(32, 32)).image.astype(int)

    assert np.array_equal(painted(1.0, 0.0), painted(1.0))
    assert np.array_equal(painted(1.0, 3.0), painted(0.25, 0.75))
    assert np.abs(painted(1.0, 1.0) - painted(1.0)).mean() > 1


@pytest.mark.parametrize("weights", [(), (0.0,), (-1.0, 2.0), (float("nan"),), (float("inf"), 1.0)])
def test_impossible_style_weights(weights: tuple[float, ...]) -> None:
    with pytest.raises(UsageError, match="weight"):
        Painter(CountingNetwork(), [Style(picture(20, 20), weight) for weight in weights], tiny_settings(), CPU)


@pytest.mark.parametrize("field", ["content_layers", "style_layers"])
def test_an_unknown_layer_is_refused_before_painting(field: str) -> None:
    with pytest.raises(SettingsError, match=r"'relu3_2'.*nearest.*'relu3_1'"):
        tiny_painter(**{field: (("relu3_2", 1.0),)})


# ---- weights and settings reach the loop


def test_a_heavier_style_is_kept_better() -> None:
    light, heavy = (tiny_painter(style_weight=w, steps=40).paint(picture(32, 32)).losses for w in (0.1, 100.0))
    assert heavy["style"] < 0.7 * light["style"]
    assert heavy["content"] > light["content"]


def test_terms_without_weight_are_left_out() -> None:
    assert set(tiny_painter(tv_weight=0.0).paint(picture(20, 20)).losses) == {"total", "content", "style"}


@pytest.mark.parametrize("normalisation", ["gatys2016", "notebook", "relative"])
@pytest.mark.parametrize("statistic", ["gram", "moments"])
def test_every_normalisation_and_statistic_paints(normalisation: str, statistic: str) -> None:
    painter = tiny_painter(
        normalisation=normalisation, statistic=statistic, optimizer="lbfgs", learning_rate=0.1, style_weight=1e3
    )
    record = Record()
    found = painter.paint(picture(24, 24), on_progress=record)
    assert found.losses["total"] < 0.9 * record.told[0].detail.losses.total.item()


def test_settings_reach_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[loop.LoopSettings] = []

    def spy(objective: Any, start: Tensor, settings: loop.LoopSettings, *rest: Any) -> loop.Painting:
        seen.append(settings)
        return loop.optimise(objective, start, settings, *rest)

    monkeypatch.setattr("pipeline.style.painter.optimise", spy)
    values: dict[str, Any] = {
        "optimizer": "lbfgs", "learning_rate": 0.07, "steps": 9, "averaging": 0.3, "history": 3, "tolerance": 0.25,
        "patience": 6, "seconds": 99.0,
    }  # fmt: skip
    tiny_painter(**values).paint(picture(20, 20))
    expected = {"rate" if name == "learning_rate" else name: value for name, value in values.items()}
    assert seen == [loop.LoopSettings(**expected)]
    tiny_painter(seconds=0.0).paint(picture(20, 20))
    assert seen[-1].seconds == float("inf")


# ---- precision


def test_bfloat16_runs_on_a_cpu_and_stays_near_float32() -> None:
    exact, rough = (
        tiny_painter(precision=precision, steps=15).paint(picture(24, 24)) for precision in ("float32", "bfloat16")
    )
    painter = tiny_painter(precision="bfloat16")
    assert painter.network.dtype == torch.bfloat16
    assert rough.losses["total"] == pytest.approx(exact.losses["total"], rel=0.1)
    assert np.abs(rough.image.astype(int) - exact.image).mean() < 12
    assert not np.array_equal(rough.image, exact.image)


@pytest.mark.parametrize(
    ("can", "wanted"),
    [({"avx512_bf16": True}, torch.bfloat16), ({"amx_bf16": True}, torch.bfloat16), ({"avx2": True}, torch.float32),
     ({}, torch.float32)],
)  # fmt: skip
def test_auto_precision_on_a_cpu_is_bfloat16_where_it_has_instructions_for_it(
    can: dict[str, bool], wanted: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: can, raising=False)
    device._cpu_has_bfloat16.cache_clear()
    network: Network = tiny_painter(precision="auto").network
    device._cpu_has_bfloat16.cache_clear()
    assert network.dtype == wanted
    assert tiny_painter(precision="float32").network.dtype == torch.float32


# ---- pictures and tensors


def test_pictures_survive_the_way_to_tensors_and_back() -> None:
    image = np.arange(256 * 3, dtype=np.uint16).reshape(16, 16, 3).astype(np.uint8)
    tensor = to_tensor(image)
    assert tensor.shape == (1, 3, 16, 16)
    assert float(tensor.min()) == 0 and float(tensor.max()) == 1
    assert np.array_equal(to_image(tensor), image)
    assert float(tensor[0, 2, 1, 4]) == pytest.approx(image[1, 4, 2] / 255)
    assert to_image(torch.tensor([-1.0, 0.5 / 255 + 1e-4, 2.0]).view(1, 3, 1, 1)).tolist() == [[[0, 1, 255]]]


@pytest.mark.parametrize(
    ("size", "longest", "expected"),
    [((100, 200), 50, (25, 50)), ((200, 100), 50, (50, 25)), ((1, 1000), 10, (1, 10)), ((3, 2), 6, (6, 4))],
)
def test_fitted(size: tuple[int, int], longest: int, expected: tuple[int, int]) -> None:
    assert scaled_size(*size, longest) == expected


def test_resizing_keeps_flat_pictures_and_the_range() -> None:
    flat = torch.full((1, 3, 7, 9), 0.25)
    torch.testing.assert_close(resized(flat, 20, 4), torch.full((1, 3, 20, 4), 0.25))
    edge = torch.zeros(1, 3, 8, 8)
    edge[..., 4:] = 1
    grown = resized(edge, 32, 32)  # bicubic overshoots at an edge
    assert float(grown.min()) == 0 and float(grown.max()) == 1
    assert resized(edge, 8, 8) is edge


def test_the_callers_network_is_left_as_it_was() -> None:
    network = Network(PLAN, tiny_weights())
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    rounded = Painter(network, [Style(picture(32, 32))], tiny_settings(precision="bfloat16"), CPU)
    assert rounded.network.dtype is torch.bfloat16
    assert network.dtype is torch.float32
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, before[name])


def test_a_given_start_keeps_its_fine_detail_through_the_sizes() -> None:
    start = np.random.default_rng(5).integers(0, 256, (64, 64, 3), np.uint8)
    painter = tiny_painter(levels=3, smallest=16, steps=1, learning_rate=1e-6)
    found = painter.paint(picture(64, 64), start=start).image
    assert np.abs(found.astype(int) - start).max() <= 2


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("times", [2, 31, 40, 100])
def test_a_device_makes_pictures_smaller_as_a_cpu_does(times: int) -> None:
    tall = to_tensor(picture(16 * times, 17 * times))
    torch.testing.assert_close(resized(tall.cuda(), 16, 17).cpu(), resized(tall, 16, 17), atol=1e-4, rtol=0)
