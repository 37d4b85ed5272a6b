"""Frames with looks of their own: shares of styles, strength and colours that change from frame to frame."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from tape import Tape
from test_step_runner import VALUES
from tiny import CPU, CountingNetwork, flat, picture, tiny_settings

from pipeline.style.adain import pooled_statistics, statistics_as_json, statistics_from_json
from pipeline.style.frame import Style, WarmStart
from pipeline.style.look import Look, numbers_of
from pipeline.style.own_colours import luminance
from pipeline.style.painter import Painter
from pipeline.style.picture import to_tensor
from pipeline.style.regions import Masks

STYLES = [picture(40, 48, seed=1), picture(36, 40, seed=5)]
CONTENT = picture(32, 40, seed=3)
CLIP = [picture(32, 40, seed=seed) for seed in (3, 4)]
WORDS = ("style", "keep", "match")


def plain(styles: list[Style], **values: Any) -> Painter:
    """As without keyframes."""
    painter = Painter(CountingNetwork(), styles, tiny_settings(**values), CPU)
    return painter.with_statistics(pooled_statistics([painter.statistics_of(one) for one in CLIP]))


def over_time(parts: list[list[Style]], words: tuple[str, ...] = ("style",), **values: Any) -> Painter:
    regions = [[Style(STYLES[0])]] * (len(parts) - 1)
    painter = Painter(CountingNetwork(), [Style(STYLES[0])], tiny_settings(**values), CPU, regions).over_time(words)
    statistics = pooled_statistics([painter.statistics_of(one) for one in CLIP])
    return painter.over_time(words, parts).with_statistics(statistics)


def assert_alike(one: Painter, other: Painter) -> None:
    """Two painters paint the same, to rounding."""
    found, wanted = one.paint(CONTENT), other.paint(CONTENT)
    assert found.losses == pytest.approx(wanted.losses, rel=2e-3)
    assert np.abs(found.image.astype(int) - wanted.image).mean() < 0.1


BOTH = [[Style(STYLES[0]), Style(STYLES[1])]]


@pytest.mark.parametrize("statistic", ["moments", "gram"])
@pytest.mark.parametrize("shares", [(1.0, 0.0), (0.5, 0.5), (0.25, 0.75)])
def test_a_frame_is_painted_as_a_clip_with_such_a_blend(shares: tuple[float, float], statistic: str) -> None:
    values = {"statistic": statistic, "clip_palette": 1.0, "recolour": 0.5, "start": "recoloured"}
    styles = [Style(image, share) for image, share in zip(STYLES, shares, strict=True) if share]
    assert_alike(over_time(BOTH, **values).with_look(Look(0.5, (shares,))), plain(styles, **values))


def test_a_frame_has_the_strength_of_its_look() -> None:
    painter = over_time([[Style(STYLES[0])]], strength=0.2, start="recoloured")
    one = plain([Style(STYLES[0])], strength=0.8, start="recoloured")
    assert_alike(painter.with_look(Look(0.8, ((1.0,),))), one)
    assert painter.with_look(Look(0.8, ((1.0,),))).paint(CONTENT).losses != painter.paint(CONTENT).losses


def test_a_style_has_the_scale_that_its_variant_has() -> None:
    parts = [[Style(STYLES[0], scale=0.5), Style(STYLES[0], scale=(0.5, 1.0))]]
    painter = over_time(parts)
    assert_alike(painter.with_look(Look(0.5, ((1.0, 0.0),))), plain([Style(STYLES[0])], style_scale=0.5))
    assert_alike(painter.with_look(Look(0.5, ((0.0, 1.0),))), plain([Style(STYLES[0])], style_scale=(0.5, 1.0)))


@pytest.mark.parametrize("word", WORDS)
def test_at_the_ends_of_a_fade_colours_are_those_of_a_clip_that_has_them_throughout(word: str) -> None:
    values = {"clip_palette": 1.0, "recolour": 1.0, "start": "recoloured"}
    painter = over_time([[Style(STYLES[0], colours=one) for one in WORDS]], WORDS, **values)
    look = Look(0.5, (tuple(float(one == word) for one in WORDS),), float(word == "keep"))
    assert_alike(painter.with_look(look), plain([Style(STYLES[0])], colours=word, **values))


def test_on_the_way_the_chroma_of_the_input_comes_in_bit_by_bit() -> None:
    painter = over_time(
        [[Style(STYLES[0]), Style(STYLES[0], colours="keep")]], ("style", "keep"), start="recoloured", steps=40
    )
    seen = to_tensor(CONTENT)
    wanted = seen - luminance(seen)

    def distance(kept: float) -> float:
        found = to_tensor(painter.with_look(Look(0.5, ((1 - kept, kept),), kept)).paint(CONTENT).image)
        return float((found - luminance(found) - wanted).square().mean().sqrt())

    found = [distance(kept) for kept in (0.0, 0.3, 0.6, 0.9, 1.0)]
    assert all(later < earlier for earlier, later in pairwise(found))
    # The last step is no jump.
    assert found[-2] - found[-1] < 0.25 * (found[0] - found[-1])


def test_what_is_carried_through_a_fade_of_colours_stays_what_it_is() -> None:
    painter = over_time([[Style(STYLES[0]), Style(STYLES[0], colours="keep")]], ("style", "keep"))
    look = Look(0.5, ((0.5, 0.5),), 0.5)
    first = painter.with_look(look).paint(CONTENT)
    again = painter.with_look(look).between(None, 0).paint(CONTENT, WarmStart(first.image))
    assert np.abs(again.image.astype(int) - first.image).mean() < 1


def test_each_region_has_shares_of_its_own_styles() -> None:
    parts = [[Style(STYLES[0])], [Style(STYLES[0]), Style(STYLES[1])]]
    mask = np.zeros((1, 32, 40), np.uint8)
    mask[:, :, :20] = 255
    painter = over_time(parts).with_masks(Masks(mask))
    regions = [[Style(STYLES[1])]]
    settings = tiny_settings()
    wanted = Painter(CountingNetwork(), [Style(STYLES[0])], settings, CPU, regions)
    assert_alike(painter.with_look(Look(0.5, ((1.0,), (0.0, 1.0)))), wanted.with_masks(Masks(mask)))


def test_a_fade_is_recorded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a device that replays its work, no frame of a fade records anything anew, and each has its own targets."""
    tape = Tape()
    monkeypatch.setattr("pipeline.style.step_runner.recorder_of", lambda device: tape)
    parts = [[Style(image, colours=word) for image in STYLES for word in ("style", "keep")]]
    values = {**VALUES, "recolour": 1.0, "optimizer": "lbfgs"}
    recording = over_time(parts, ("style", "keep"), **values)
    shares = [(0.1 * step, 0.3, 0.2, 0.5 - 0.1 * step) for step in range(5)]
    looks = [Look(0.3 + 0.1 * step, (own,), 0.3 + own[3]) for step, own in enumerate(shares)]
    found = []
    for number, look in enumerate(looks):
        recording.with_look(look).paint(CLIP[0], WarmStart(CLIP[1]))
        # What it is painted towards, seen from one picture.
        found.append(recording.with_look(look).between(None, 0).paint(CLIP[0], WarmStart(CLIP[1])))
        if number == 2:
            recorded = tape.recorded
    assert tape.recorded == recorded
    monkeypatch.undo()
    painter = over_time(parts, ("style", "keep"), **values)
    for look, one in zip(looks, found, strict=True):
        wanted = painter.with_look(look).between(None, 0).paint(CLIP[0], WarmStart(CLIP[1]))
        assert one.losses == pytest.approx(wanted.losses, rel=1e-5)


def test_with_less_memory_a_look_is_the_same() -> None:
    """By tiles, and without the maps that go forward: the losses of a picture are those of all of it at once."""
    painter = over_time([[Style(picture(64, 80, seed)) for seed in (1, 5)]], recolour=0.5, clip_palette=1.0)
    content, image = (to_tensor(picture(96, 96, seed=seed)) for seed in (3, 4))
    look = Look(0.8, ((0.3, 0.7),))
    own, _ = painter.with_look(look)._targets_at((96, 96), numbers_of(look, painter.settings, CPU))
    clip = own.statistics_of(content)
    whole = own.objective(content, (), clip)(image).floats()
    for how in ({"checkpoint": True}, {"tile_side": 64}):
        assert own.objective(content, (), clip, **how)(image).floats() == pytest.approx(whole, rel=1e-4)


def test_the_statistics_of_a_style_are_found_once_a_size() -> None:
    network = CountingNetwork()
    painter = Painter(network, [Style(STYLES[0])], tiny_settings(), CPU).over_time(("style",), BOTH)
    for step in range(4):
        painter.with_look(Look(0.5, ((step / 3, 1 - step / 3),))).paint(CONTENT, WarmStart(CONTENT))
    of_styles = [size for size, layers in network.asked if size != (32, 40) and len(layers) > 1]
    assert sorted(set(of_styles)) == sorted(of_styles) and len(of_styles) == 2


def test_a_painting_is_led_on_in_the_colours_of_the_next_look() -> None:
    parts = [[Style(flat((200, 60, 40), 16, 16)), Style(flat((40, 90, 200), 16, 16))]]
    painter = over_time(parts)
    looks = [Look(0.5, ((1 - share, share),)) for share in (0.0, 0.5, 1.0)]
    painting, content = flat((200, 60, 40), 8, 8), flat((9, 9, 9), 8, 8)
    halfway, all_the_way = (painter.with_look(look).led_on(painting, looks[0], content) for look in looks[1:])
    np.testing.assert_allclose(halfway[0, 0], (120, 75, 120), atol=1)
    np.testing.assert_allclose(all_the_way[0, 0], (40, 90, 200), atol=1)
    assert painter.with_look(looks[0]).led_on(painting, looks[0], content) is painting
    stronger = replace(looks[0], strength=0.9)
    np.testing.assert_array_equal(painter.with_look(stronger).led_on(painting, looks[0], content), painting)


def test_a_painting_is_led_on_into_the_colours_of_a_region_that_comes() -> None:
    grey, blue = (Style(flat(colour, 16, 16)) for colour in ((120, 120, 120), (40, 90, 200)))
    mask = np.zeros((1, 32, 40), np.uint8)
    mask[:, :, :20] = 255
    painter = over_time([[grey], [blue]]).with_masks(Masks(mask))
    gone, half = (Look(0.5, ((1.0,), (1.0,)), presence=(there,)) for there in (0.0, 0.5))
    found = painter.with_look(half).led_on(flat((120, 120, 120), 32, 40), gone, CONTENT)
    np.testing.assert_allclose(found[5, 5], (80, 105, 160), atol=1)
    np.testing.assert_array_equal(found[5, 35], (120, 120, 120))
    assert half.step(gone) == 0.5


def test_statistics_of_a_clip_that_gives_up_its_colours_are_kept_whole() -> None:
    painter = Painter(CountingNetwork(), [Style(STYLES[0])], tiny_settings(recolour=1.0), CPU)
    found = pooled_statistics([painter.over_time(("style", "keep")).statistics_of(one) for one in CLIP])
    again = statistics_from_json(statistics_as_json(found))
    for kind in ("layers", "grey"):
        (size,) = getattr(found, kind)
        for layer, one in getattr(found, kind)[size].items():
            torch.testing.assert_close(getattr(again, kind)[size][layer].mean, one.mean)
    assert found.layers.keys() == painter.statistics_of(CONTENT).layers.keys()


def test_looks_are_as_far_apart_as_what_changes_most() -> None:
    look = Look(0.5, ((0.5, 0.5), (1.0,)), 0.2)
    assert look.step(look) == 0
    assert look.step(replace(look, strength=0.8)) == pytest.approx(0.3)
    assert look.step(replace(look, shares=((0.1, 0.9), (1.0,)), kept=0.0)) == pytest.approx(0.4)
