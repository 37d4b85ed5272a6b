"""A picture in the colours of a painting: the start that lets few steps reach the palette of a style."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

# Added to the variance of the content, (8 of 255 levels)^2: what hardly varies, such as the chroma of a grey picture,
# is noise, and should not be blown up to the colours of a style.
FLOOR = (8 / 255) ** 2


@dataclass(frozen=True)
class ColourStatistics:
    """Mean and covariance of the pixels of a picture, RGB in 0..1."""

    mean: Tensor
    """float64 (3,)."""
    covariance: Tensor
    """float64 (3, 3)."""


def colour_statistics(image: Tensor) -> ColourStatistics:
    """Of a picture (1, 3, H, W) in 0..1, on the CPU."""
    pixels = image.flatten(2)[0].double()
    mean = pixels.mean(1)
    centred = pixels - mean[:, None]
    return ColourStatistics(mean, centred @ centred.T / pixels.shape[1])


def blended_colour_statistics(parts: Sequence[tuple[float, ColourStatistics]]) -> ColourStatistics:
    """Weighted mean of several; weights need not sum to one."""
    total = sum(weight for weight, _ in parts)
    mean = torch.stack([weight / total * one.mean for weight, one in parts]).sum(0)
    return ColourStatistics(mean, torch.stack([weight / total * one.covariance for weight, one in parts]).sum(0))


def pooled_colour_statistics(views: Sequence[ColourStatistics]) -> ColourStatistics:
    """Of several pictures of one size, taken as one: the covariance within them and that of their means."""
    means = torch.stack([one.mean for one in views])
    centred = means - means.mean(0)
    within = torch.stack([one.covariance for one in views]).mean(0)
    return ColourStatistics(means.mean(0), within + centred.T @ centred / len(views))


def with_colours(image: Tensor, own: ColourStatistics, wanted: ColourStatistics) -> Tensor:
    """A picture (1, 3, H, W) in 0..1, on a device that has float64, whose colours `own` have become `wanted`, within
    0..1.

    x' = T (x - m_own) + m_wanted with T = A^-1/2 (A^1/2 B A^1/2)^1/2 A^-1/2, where A and B are the covariances: of all
    linear maps that give the wanted covariance the one that moves colours least (Pitie and Kokaram 2007, "The linear
    Monge-Kantorovitch linear colour mapping for example-based colour transfer").
    """
    a = own.covariance + FLOOR * torch.eye(3, dtype=torch.float64)
    root, inverse = _power(a, 0.5), _power(a, -0.5)
    # Small systems are solved on the CPU, wherever the picture is.
    mapping = inverse @ _power(root @ wanted.covariance @ root, 0.5) @ inverse
    mapping, before, after = (one.to(image.device) for one in (mapping, own.mean[:, None], wanted.mean[:, None]))
    pixels = image.flatten(2)[0].double()
    mapped = mapping @ (pixels - before) + after
    return mapped.view_as(image).to(image.dtype).clamp(0, 1)


def _power(matrix: Tensor, exponent: float) -> Tensor:
    """A power of a symmetric positive semidefinite matrix (3, 3)."""
    values, vectors = torch.linalg.eigh(matrix)
    power: Tensor = (vectors * values.clamp(min=1e-12) ** exponent) @ vectors.T
    return power
