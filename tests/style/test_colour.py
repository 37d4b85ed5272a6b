"""A picture in the colours of another one."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tiny import picture, tiny_painter

from pipeline.style.colour import (
    FLOOR,
    ColourStatistics,
    blended_colour_statistics,
    colour_statistics,
    pooled_colour_statistics,
    with_colours,
)
from pipeline.style.picture import to_tensor


def test_colours_by_hand() -> None:
    image = torch.tensor([[[[0.0, 1.0]], [[0.5, 0.5]], [[1.0, 0.0]]]])
    found = colour_statistics(image)
    assert found.mean.tolist() == [0.5, 0.5, 0.5]
    assert found.covariance.tolist() == [[0.25, 0.0, -0.25], [0.0, 0.0, 0.0], [-0.25, 0.0, 0.25]]


def test_a_picture_takes_on_mean_and_covariance_of_another() -> None:
    content, style = to_tensor(picture(64, 64)) / 2 + 0.25, to_tensor(picture(64, 64, seed=7)) / 4 + 0.4
    found = colour_statistics(with_colours(content, colour_statistics(content), colour_statistics(style)))
    wanted = colour_statistics(style)
    torch.testing.assert_close(found.mean, wanted.mean, atol=1e-4, rtol=0)
    # The floor under the variance of the content takes a little.
    torch.testing.assert_close(found.covariance, wanted.covariance, atol=1.5e-3, rtol=0.05)
    assert wanted.covariance.diagonal().min() > 2e-3


def test_a_picture_in_its_own_colours_stays_as_it_is() -> None:
    content = to_tensor(picture(40, 40))
    found = with_colours(content, colour_statistics(content), colour_statistics(content))
    assert (found - content).abs().max() < 0.02


def test_noise_in_a_grey_picture_is_not_blown_up_to_the_colours_of_a_style() -> None:
    generator = torch.Generator().manual_seed(0)
    grey = torch.rand((1, 1, 64, 64), generator=generator).expand(1, 3, -1, -1) * 0.6 + 0.2
    noisy = grey + torch.randn((1, 3, 64, 64), generator=generator) / 255
    found = with_colours(noisy, colour_statistics(noisy), colour_statistics(to_tensor(picture(64, 64, seed=7))))
    clean = with_colours(
        grey.contiguous(), colour_statistics(noisy), colour_statistics(to_tensor(picture(64, 64, seed=7)))
    )
    gain = ((found - clean).std() / (noisy - grey).std()).item()
    assert gain < 0.3 / FLOOR**0.5


def test_a_flat_picture_gets_the_mean_colour() -> None:
    flat = torch.full((1, 3, 8, 8), 0.3)
    style = colour_statistics(to_tensor(picture(32, 32)))
    found = with_colours(flat, colour_statistics(flat), style)
    torch.testing.assert_close(found[0, :, 0, 0].double(), style.mean, atol=1e-5, rtol=0)


def test_several_views_are_pooled_as_if_they_were_one_picture() -> None:
    left, right = to_tensor(picture(32, 32)), to_tensor(picture(32, 32, seed=4)) / 3
    found, whole = (
        pooled_colour_statistics([colour_statistics(left), colour_statistics(right)]),
        colour_statistics(torch.cat([left, right], 3)),
    )
    torch.testing.assert_close(found.mean, whole.mean)
    torch.testing.assert_close(found.covariance, whole.covariance)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_a_blend_at_its_ends_is_one_of_its_styles(share: float) -> None:
    one, other = (colour_statistics(to_tensor(picture(32, 32, seed))) for seed in (1, 2))
    found = blended_colour_statistics([(1 - share, one), (share, other)])
    wanted: ColourStatistics = other if share else one
    torch.testing.assert_close(found.mean, wanted.mean)
    torch.testing.assert_close(found.covariance, wanted.covariance)


def test_a_painting_starts_from_the_content_in_the_colours_of_the_style() -> None:
    seen: list[np.ndarray] = []
    painter = tiny_painter(start="recoloured", steps=1)
    content = picture(32, 40, seed=3)
    painter.paint(content, on_progress=lambda step: seen.append(step.start().numpy()))
    style = to_tensor(picture(40, 48, seed=1))
    wanted = with_colours(to_tensor(content), colour_statistics(to_tensor(content)), colour_statistics(style))
    np.testing.assert_allclose(seen[0], wanted.numpy(), atol=1e-6)
