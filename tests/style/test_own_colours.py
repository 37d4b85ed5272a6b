"""Paintings in the colours of their input: known colours, and what a painter makes of a frame and of a clip."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tiny import CPU, CountingNetwork, flat, picture, tiny_painter, tiny_settings
from torch import Tensor

from pipeline.style.adain import pooled_statistics
from pipeline.style.colour import colour_statistics
from pipeline.style.frame import Progress, Style, TemporalTarget, WarmStart
from pipeline.style.own_colours import in_grey, luminance, style_matched, with_luminance
from pipeline.style.painter import Painter
from pipeline.style.picture import to_tensor
from pipeline.types import Image


def chroma(image: Image | Tensor) -> Tensor:
    """(1, 3, H, W): what is left of a picture without its luminance."""
    colours = image if isinstance(image, Tensor) else to_tensor(image)
    return colours - luminance(colours)


def test_luminance_of_known_colours() -> None:
    for colour, expected in (
        ((255, 0, 0), 0.299),
        ((0, 255, 0), 0.587),
        ((0, 0, 255), 0.114),
        ((90, 90, 90), 90 / 255),
    ):
        assert luminance(to_tensor(flat(colour, 2, 3))).flatten().tolist() == pytest.approx([expected] * 6)
    assert in_grey(flat((255, 0, 0), 2, 3)).tolist() == flat((76, 76, 76), 2, 3).tolist()


def test_another_luminance_leaves_the_chroma_where_there_is_room() -> None:
    colours = to_tensor(flat((150, 100, 120), 4, 4))
    wanted = torch.linspace(0.3, 0.6, 16).view(1, 1, 4, 4)
    found = with_luminance(colours, wanted)
    torch.testing.assert_close(chroma(found), chroma(colours), atol=1e-6, rtol=0)
    torch.testing.assert_close(luminance(found), wanted)


def test_where_there_is_none_the_luminance_is_right_and_the_hue_stays() -> None:
    torch.manual_seed(0)
    colours, wanted = torch.rand(1, 3, 30, 40), torch.rand(1, 1, 30, 40)
    wanted[..., :3, :] = torch.tensor([0.0, 1.0, 0.5]).view(1, 1, 3, 1)
    found = with_luminance(colours, wanted)
    assert found.min() >= 0 and found.max() <= 1
    torch.testing.assert_close(luminance(found), wanted, atol=1e-5, rtol=0)
    before, after = chroma(colours), chroma(found)
    assert (after.abs() <= before.abs() + 1e-5).all()
    # Parallel, and never turned round.
    torch.testing.assert_close(before * after.norm(dim=1), after * before.norm(dim=1), atol=1e-5, rtol=0)


@pytest.mark.parametrize("grey", [True, False])
def test_a_style_takes_on_the_statistics_of_the_content(grey: bool) -> None:
    content, style = (to_tensor(picture(40, 60, seed)) for seed in (1, 2))
    # Narrow, so that nothing is cut off at 0 and 1.
    content, style = 0.4 + 0.2 * content, 0.3 + 0.4 * style
    found = style_matched(style, colour_statistics(content), grey)
    if grey:
        assert found[:, 0].equal(found[:, 1]) and found[:, 0].equal(found[:, 2])
        own, aim = luminance(found), luminance(content)
        torch.testing.assert_close(own.mean(), aim.mean())
        torch.testing.assert_close(own.std(), aim.std())
        return
    own, aim = colour_statistics(found), colour_statistics(content)
    torch.testing.assert_close(own.mean, aim.mean, atol=1e-3, rtol=0)
    torch.testing.assert_close(own.covariance, aim.covariance, atol=2e-3, rtol=0)


def test_a_flat_style_or_content_is_no_fault() -> None:
    for style, content in ((flat((90, 20, 60), 20, 20), picture(20, 20)), (picture(20, 20), flat((9, 9, 200), 20, 20))):
        for colours in ("keep", "match"):
            painter = Painter(CountingNetwork(), [Style(style)], tiny_settings(colours=colours, steps=2), CPU)
            assert np.isfinite(painter.paint(content).losses["total"])


def test_kept_colours_are_those_of_the_content_and_the_luminance_is_painted() -> None:
    content = picture(40, 48, seed=4)
    told: list[Progress] = []
    painter = tiny_painter(colours="keep", steps=8, start="noise", levels=2, smallest=16)
    found = painter.paint(content, on_progress=told.append)
    own, kept = chroma(content), chroma(found.image)
    across = (own * kept).sum(1) / (own.norm(dim=1) * kept.norm(dim=1)).clamp(min=1e-3)
    seen = own.norm(dim=1) * kept.norm(dim=1) > 4e-3
    assert seen.float().mean() > 0.3 and (across[seen] > 0.97).all(), "the hue of every pixel that has one"
    assert np.abs(in_grey(found.image).astype(int) - in_grey(content)).mean() > 8
    # What is shown on the way has the same colours.
    shown = to_tensor(found.image)
    torch.testing.assert_close(told[-1].picture(), shown, atol=0.02, rtol=0)
    assert chroma(told[0].start()).abs().max() > 0.05


def test_with_kept_colours_all_that_the_network_sees_is_grey() -> None:
    class Watching(CountingNetwork):
        def features(self, image: Tensor, layers: object) -> dict[str, Tensor]:
            seen.append(float((image - image.mean(1, keepdim=True)).detach().abs().max()))
            return super().features(image, layers)  # type: ignore[arg-type]

    seen: list[float] = []
    painter = tiny_painter(Watching(), colours="keep", steps=1)
    before = picture(24, 32, seed=8)
    target = TemporalTarget(before, np.ones((24, 32), np.float32))
    painter.paint(picture(24, 32, seed=4), WarmStart(before, (target,), picture(24, 32, seed=9)))
    painter.paint(picture(24, 32, seed=4), start=before)
    assert seen and max(seen) < 1e-6


@pytest.mark.parametrize("colours", ["keep", "match"])
def test_the_frames_of_a_clip_are_painted_in_one_style(colours: str) -> None:
    """A frame for itself has a style of its own; in a clip the style is matched to all of it."""
    dark, bright = picture(32, 32, seed=1) // 3, 155 + picture(32, 32, seed=2) // 3
    painter = tiny_painter(colours=colours, steps=6, start="noise", content_weight=0.0)
    assert painter.needs_statistics
    of_clip = painter.with_statistics(pooled_statistics([painter.statistics_of(one) for one in (dark, bright)]))
    alone = [painter.paint(one).image.mean() for one in (dark, bright)]
    together = [of_clip.paint(one).image.mean() for one in (dark, bright)]
    assert abs(together[0] - together[1]) < 0.2 * abs(alone[0] - alone[1])


def test_a_painting_with_a_matched_style_keeps_the_palette_of_the_content() -> None:
    content = np.stack([picture(40, 48, seed=1)[..., 0], np.full((40, 48), 40), np.full((40, 48), 30)], 2)
    off = {}
    for colours in ("style", "match"):
        found = tiny_painter(colours=colours, steps=12, content_weight=0.0).paint(content.astype(np.uint8)).image
        off[colours] = np.abs(found.mean((0, 1)) - content.mean((0, 1))).max()
    assert off["match"] < 0.5 * off["style"]
