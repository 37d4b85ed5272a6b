"""How much style: one dial, from the input to the style. And borders without a seam."""

from __future__ import annotations

from dataclasses import asdict
from itertools import pairwise

import numpy as np
import pytest
from tiny import CPU, CountingNetwork, picture, tiny_painter, tiny_settings

from pipeline.pictures.figures.loss_sources import weights_of
from pipeline.settings import STRENGTHS, resolve
from pipeline.style.frame import Style
from pipeline.style.objective import StyleTerm
from pipeline.style.painter import Painter
from pipeline.style.picture import to_tensor
from pipeline.style.regions import Masks, shares_of

# ---- strength


@pytest.mark.parametrize("statistic", ["moments", "gram"])
def test_more_strength_is_more_style_and_less_content(statistic: str) -> None:
    def losses(strength: float) -> tuple[float, float]:
        painter = tiny_painter(
            strength=strength, statistic=statistic, start="recoloured", optimizer="lbfgs", learning_rate=0.1, steps=60
        )
        found = painter.paint(picture(40, 40, seed=4)).losses
        return found["style"], found["content"]

    found = [losses(strength) for strength in (0.0, 0.25, 0.5, 0.75, 1.0)]
    for (style, content), (more_style, less_content) in pairwise(found):
        assert more_style < style and less_content > content


def test_half_the_strength_is_the_preset_and_none_starts_from_the_input() -> None:
    content = picture(32, 40, seed=3)
    np.testing.assert_array_equal(
        tiny_painter(strength=0.5, style_weight=3.0).paint(content).image,
        tiny_painter(strength=1.0, style_weight=3.0 / STRENGTHS).paint(content).image,
    )
    seen: list[np.ndarray] = []
    painter = tiny_painter(strength=0.0, start="recoloured", steps=1)
    painter.paint(content, on_progress=lambda step: seen.append(step.start().numpy()))
    np.testing.assert_allclose(seen[0], to_tensor(content).numpy(), atol=1e-6)


def test_the_weights_of_a_figure_are_those_that_were_painted_with() -> None:
    settings = asdict(resolve(overrides={"strength": 0.75, "style_weight": 2.0}))
    assert weights_of(settings)["style"] == pytest.approx(2 * STRENGTHS**0.5)


# ---- layers with few positions


def test_a_layer_counts_as_far_as_it_has_positions_for_its_filters() -> None:
    def weights(height: int, width: int, needed: float) -> dict[str, float]:
        settings = {"positions_per_filter": needed, "style_layers": (("relu1_1", 0.6), ("relu3_1", 0.4))}
        _, style, _ = tiny_painter(**settings)._targets.objective(to_tensor(picture(height, width))).terms
        assert isinstance(style, StyleTerm)
        return dict(style.layer_weights)

    # relu1_1 has 8 filters and as many positions as pixels, relu3_1 has 16 and a sixteenth.
    assert weights(16, 24, 0.0) == {"relu1_1": 0.6, "relu3_1": 0.4}
    assert weights(32, 48, 6.0) == pytest.approx({"relu1_1": 0.6, "relu3_1": 0.4})
    assert weights(16, 24, 4.0) == pytest.approx({"relu1_1": 0.6, "relu3_1": 0.4 * 24 / 64})
    assert weights(16, 16, 64.0) == pytest.approx({"relu1_1": 0.6 * 256 / 512, "relu3_1": 0.4 * 16 / 1024})


def test_a_region_counts_as_far_as_it_has_positions_itself() -> None:
    """One that is a quarter of the picture has a quarter of the positions."""
    height, width = 32, 64
    masks = np.zeros((1, height, width), np.uint8)
    masks[:, :, :16] = 255
    shares = shares_of(Masks(masks))
    image = to_tensor(picture(height, width, seed=7))

    def loss(needed: float) -> float:
        settings = tiny_settings(positions_per_filter=needed, style_layers=(("relu3_1", 1.0),), style_weight=1.0)
        styles = [Style(picture(40, 48, seed=1))]
        targets = Painter(CountingNetwork(), styles, settings, CPU, [styles])._targets
        return targets.objective(to_tensor(picture(height, width)), shares=shares)(image).floats()["style"]

    # 128 positions, and 16 filters: all of the rest, three quarters, is enough up to 6 a filter; a quarter up to 2.
    assert loss(2.0) == pytest.approx(loss(0.0)) and loss(4.0) < 0.99 * loss(0.0)
    assert loss(24.0) == pytest.approx(loss(12.0) / 2)
    rest = 2 * loss(4.0) - loss(0.0)
    region = loss(0.0) - rest
    assert loss(12.0) == pytest.approx(rest / 2 + region / 6)


def test_the_paper_and_the_notebook_count_every_layer_in_full() -> None:
    assert [resolve(name).positions_per_filter for name in ("gatys2016", "classic")] == [0.0, 0.0]
    assert resolve("standard").positions_per_filter > 0


# ---- borders


def test_the_border_of_a_flat_picture_has_no_seam_with_the_border_repeated() -> None:
    """Beyond the border zeros are a dark frame, which is painted against. After few steps: in many, rounding grows into
    texture."""
    flat = np.full((48, 48, 3), 170, np.uint8)

    def seam(padding: str) -> float:
        painter = tiny_painter(padding=padding, optimizer="lbfgs", learning_rate=0.1, steps=4, tv_weight=0.0)
        painted = painter.paint(flat).image.astype(float)
        inside = painted[12:-12, 12:-12].mean((0, 1))
        edges = [painted[:3], painted[-3:], painted[:, :3], painted[:, -3:]]
        return float(max(np.abs(edge.mean((0, 1)) - inside).max() for edge in edges))

    assert seam("replicate") < 0.1
    assert seam("zeros") > 1
