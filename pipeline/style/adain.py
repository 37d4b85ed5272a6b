"""The content in the colours of the style: the statistics of feature maps, and maps that take on those of others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from pipeline.style.colour import ColourStatistics, pooled_colour_statistics
from pipeline.style.losses import TINY, Moments


@dataclass(frozen=True)
class ChannelStatistics:
    """Mean and variance of each of a layer's maps: what gives a painting its palette."""

    mean: Tensor
    """float32 (N,)."""
    variance: Tensor
    """float32 (N,), not below 0."""


@dataclass(frozen=True)
class ClipStatistics:
    """What a clip looks like as a whole."""

    layers: Mapping[tuple[int, int], Mapping[str, ChannelStatistics]] = field(default_factory=dict)
    """To a network: (height, width) of a painting -> layer -> statistics. Deep maps say other things of a picture at
    another size, so every size that is painted has statistics of its own."""
    colours: ColourStatistics | None = None
    """Of its pixels; None where no painting starts from them."""
    grey: Mapping[tuple[int, int], Mapping[str, ChannelStatistics]] = field(default_factory=dict)
    """As `layers`, of its luminance alone; of a clip some of whose frames have their own colours, and some not."""

    def on(self, device: torch.device) -> ClipStatistics:
        """These statistics with those of the layers on a device."""
        kinds = (self.layers, self.grey)
        every = [
            part for kind in kinds for layers in kind.values() for one in layers.values()
            for part in (one.mean, one.variance)
        ]  # fmt: skip
        if not every:
            return self
        # All in one copy: each waits for the device.
        parts = iter(torch.split(torch.cat(every).to(device), [len(part) for part in every]))
        moved = [
            {
                size: {layer: ChannelStatistics(next(parts), next(parts)) for layer in layers}
                for size, layers in kind.items()
            }
            for kind in kinds
        ]
        return ClipStatistics(moved[0], self.colours, moved[1])


def channel_statistics(maps: Tensor) -> ChannelStatistics:
    """The statistics of maps (1, N, h, w), any float; on their device."""
    # One row a position: for maps that are stored channels last this is no copy. `torch.var_mean` takes eight times as
    # long over them (64 maps of 512x218, one core: 43 ms and 5).
    rows = maps.permute(0, 2, 3, 1).flatten(0, 2).float()
    mean = rows.mean(0)
    return ChannelStatistics(mean, (rows - mean).square_().mean(0))


def style_channel_statistics(moments: Moments) -> ChannelStatistics:
    """Those that are in what is known of a style; statistic 'moments'."""
    # E[F F'] - m m' of flat maps can come out just below zero.
    return ChannelStatistics(moments.mean, moments.second.diagonal().clamp(min=0))


def pooled_channel_statistics(pictures: Sequence[ChannelStatistics]) -> ChannelStatistics:
    """Those of several pictures of one size, taken as one: m = mean m_i, v = mean v_i + mean (m_i - m)^2.

    :param pictures: at least one, of one layer.
    """
    means = torch.stack([one.mean for one in pictures])
    within = torch.stack([one.variance for one in pictures]).mean(0)
    return ChannelStatistics(means.mean(0), within + means.var(0, correction=0))


def adain(maps: Tensor, own: ChannelStatistics, style: ChannelStatistics, share: float) -> Tensor:
    """Maps (1, N, h, w) of the content with the channel statistics of the style: where things are, in its colours.

    AdaIN (Huang and Belongie 2017, eq. 8), which they take as the target of their content loss too: a content loss that
    holds on to the content's own colours leaves the style nothing but relief to carve into them.

    :param own: what becomes `style`: the statistics of these maps, or of the whole clip that they are a frame of. With
        the first, a thing changes its colour when something else comes into view.
    :param share: 0 gives the maps as they are, 1 those with the style's statistics, and between: the setting
        `recolour`, which keeps that name because job files and provenance hold it.
    """
    gain = ((style.variance + TINY) / (own.variance + TINY)).sqrt()
    factor = (1 - share + share * gain).view(1, -1, 1, 1)
    offset = (share * (style.mean - gain * own.mean)).view(1, -1, 1, 1)
    return maps.float() * factor + offset


def style_of_frame(
    style: Moments, own: ChannelStatistics, clip: ChannelStatistics, share: float, rectified: bool
) -> Moments:
    """What a style layer of one frame should be, so that its clip as a whole is what the style is.

    Gatys et al. give every picture the style's own statistics. A clip painted so makes up for a golden tree that leaves
    the view by gold somewhere else, and paints the end of a fade to black in all colours. Here a frame that is darker
    than its clip is painted as much darker than the style: m' = m_style + s_style / s_clip (m_own - m_clip), with
    means m and deviations s. Only the means: with covariances scaled by the share of the variance that lies within the
    frames, dark shots lost their strokes and the style loss rose eightfold.

    :param style: statistic 'moments'.
    :param share: 0 gives `style` as it is.
    :param rectified: whether the maps cannot be negative.
    """
    gain = ((style.second.diagonal().clamp(min=0) + TINY) / (clip.variance + TINY)).sqrt()
    mean = style.mean + share * gain * (own.mean - clip.mean)
    return style.with_mean(mean.clamp(min=0) if rectified else mean)


def pooled_statistics(frames: Sequence[ClipStatistics]) -> ClipStatistics:
    """Those of a clip from those of some frames of it, all of one size and kind; empty for none."""
    if not frames:
        return ClipStatistics()
    layers, grey = (_pooled([getattr(frame, kind) for frame in frames]) for kind in ("layers", "grey"))
    colours = [frame.colours for frame in frames if frame.colours is not None]
    return ClipStatistics(layers, pooled_colour_statistics(colours) if colours else None, grey)


def _pooled(
    frames: Sequence[Mapping[tuple[int, int], Mapping[str, ChannelStatistics]]],
) -> dict[tuple[int, int], dict[str, ChannelStatistics]]:
    return {
        size: {layer: pooled_channel_statistics([frame[size][layer] for frame in frames]) for layer in layers}
        for size, layers in frames[0].items()
    }


def statistics_as_json(statistics: ClipStatistics) -> dict[str, Any]:
    """In JSON's own types, without loss."""
    colours = statistics.colours
    layers, grey = (
        [
            [*size, {layer: [one.mean.tolist(), one.variance.tolist()] for layer, one in layers.items()}]
            for size, layers in kind.items()
        ]
        for kind in (statistics.layers, statistics.grey)
    )
    return {
        "layers": layers,
        "colours": None if colours is None else [colours.mean.tolist(), colours.covariance.tolist()],
        "grey": grey,
    }


def statistics_from_json(stored: Any) -> ClipStatistics:
    """What `statistics_as_json` gave.

    :raises ValueError, TypeError, KeyError: something else.
    """
    layers, grey = (
        {
            (int(height), int(width)): {
                str(layer): ChannelStatistics(*(torch.tensor(values, dtype=torch.float32) for values in pair))
                for layer, pair in layers.items()
            }
            for height, width, layers in stored[kind]
        }
        for kind in ("layers", "grey")
    )
    if stored["colours"] is None:
        return ClipStatistics(layers, None, grey)
    mean, covariance = (torch.tensor(values, dtype=torch.float64) for values in stored["colours"])
    return ClipStatistics(layers, ColourStatistics(mean, covariance), grey)
