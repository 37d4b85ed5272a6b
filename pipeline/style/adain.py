"""The content in the palette of the style: what its maps become before a painting is compared with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from pipeline.style.colour import Colours, pooled_colours
from pipeline.style.losses import TINY, Moments


@dataclass(frozen=True)
class Palette:
    """Mean and variance of each of a layer's maps."""

    mean: Tensor
    """float32 (N,)."""
    variance: Tensor
    """float32 (N,), not below 0."""


@dataclass(frozen=True)
class ClipStatistics:
    """What a scene looks like as a whole."""

    palettes: Mapping[tuple[int, int], Mapping[str, Palette]] = field(default_factory=dict)
    """To a network: (height, width) of a painting -> layer -> palette. Deep maps say other things of a picture at
    another size, so every size that is painted has statistics of its own."""
    colours: Colours | None = None
    """Of its pixels; None where no painting starts from them."""

    def on(self, device: torch.device) -> ClipStatistics:
        """These statistics with the palettes on a device."""
        palettes = {
            size: {layer: Palette(one.mean.to(device), one.variance.to(device)) for layer, one in layers.items()}
            for size, layers in self.palettes.items()
        }
        return ClipStatistics(palettes, self.colours)


def palette(maps: Tensor) -> Palette:
    """The palette of maps (1, N, h, w), any float; on their device."""
    variance, mean = torch.var_mean(maps.float(), (0, 2, 3), correction=0)
    return Palette(mean, variance)


def style_palette(moments: Moments) -> Palette:
    """The palette in what is known of a style; statistic 'moments'."""
    # E[F F'] - m m' of flat maps can come out just below zero.
    return Palette(moments.mean, moments.second.diagonal().clamp(min=0))


def pooled(palettes: Sequence[Palette]) -> Palette:
    """The palette of several pictures of one size, taken as one: m = mean m_i, v = mean v_i + mean (m_i - m)^2.

    :param palettes: at least one, of one layer.
    """
    means = torch.stack([one.mean for one in palettes])
    within = torch.stack([one.variance for one in palettes]).mean(0)
    return Palette(means.mean(0), within + means.var(0, correction=0))


def recoloured(maps: Tensor, own: Palette, style: Palette, share: float) -> Tensor:
    """Maps (1, N, h, w) of the content in the palette of the style: where things are, in its colours.

    AdaIN (Huang and Belongie 2017, eq. 8), which they take as the target of their content loss too: a content loss that
    holds on to the content's own colours leaves the style nothing but relief to carve into them.

    :param own: what becomes `style`: the palette of these maps, or of the whole scene that they are a view of. With the
        first, a thing changes its colour when something else comes into view.
    :param share: 0 gives the maps as they are, 1 those in the style's palette, and between.
    """
    gain = ((style.variance + TINY) / (own.variance + TINY)).sqrt()
    factor = (1 - share + share * gain).view(1, -1, 1, 1)
    offset = (share * (style.mean - gain * own.mean)).view(1, -1, 1, 1)
    return maps.float() * factor + offset


def of_view(style: Moments, own: Palette, scene: Palette, share: float, rectified: bool) -> Moments:
    """What a style layer of one view should be, so that its scene as a whole is what the style is.

    Gatys et al. give every picture the style's own statistics. A clip painted so makes up for a golden tree that leaves
    the view by gold somewhere else, and paints the end of a fade to black in all colours. Here a view that is darker
    than its scene is painted as much darker than the style: m' = m_style + s_style / s_scene (m_own - m_scene), with
    means m and deviations s. Only the means: with covariances scaled by the share of the variance that lies within the
    views, dark shots lost their strokes and the style loss rose eightfold.

    :param style: statistic 'moments'.
    :param share: 0 gives `style` as it is.
    :param rectified: whether the maps cannot be negative.
    """
    gain = ((style.second.diagonal().clamp(min=0) + TINY) / (scene.variance + TINY)).sqrt()
    mean = style.mean + share * gain * (own.mean - scene.mean)
    return Moments(mean.clamp(min=0) if rectified else mean, style.second, style.positions)


def pooled_statistics(views: Sequence[ClipStatistics]) -> ClipStatistics:
    """The statistics of a scene from those of some pictures of it, all of one size and kind; empty for none."""
    if not views:
        return ClipStatistics()
    palettes = {
        size: {layer: pooled([view.palettes[size][layer] for view in views]) for layer in layers}
        for size, layers in views[0].palettes.items()
    }
    seen = [view.colours for view in views if view.colours is not None]
    return ClipStatistics(palettes, pooled_colours(seen) if seen else None)


def statistics_as_json(statistics: ClipStatistics) -> dict[str, Any]:
    """Clip statistics in JSON's own types, without loss."""
    colours = statistics.colours
    return {
        "palettes": [
            [*size, {layer: [one.mean.tolist(), one.variance.tolist()] for layer, one in layers.items()}]
            for size, layers in statistics.palettes.items()
        ],
        "colours": None if colours is None else [colours.mean.tolist(), colours.covariance.tolist()],
    }


def statistics_from_json(found: Any) -> ClipStatistics:
    """What `statistics_as_json` gave.

    :raises ValueError, TypeError, KeyError: something else.
    """
    palettes = {
        (int(height), int(width)): {
            str(layer): Palette(torch.tensor(mean, dtype=torch.float32), torch.tensor(variance, dtype=torch.float32))
            for layer, (mean, variance) in layers.items()
        }
        for height, width, layers in found["palettes"]
    }
    if found["colours"] is None:
        return ClipStatistics(palettes)
    mean, covariance = (torch.tensor(values, dtype=torch.float64) for values in found["colours"])
    return ClipStatistics(palettes, Colours(mean, covariance))
