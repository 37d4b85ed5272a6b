"""`reelbrush figure weights`: paintings over the ratio of content to style, and over the layers of the style (Gatys et
al. 2015, Figure 3)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from pipeline.job.api import open_studio
from pipeline.media import Image
from pipeline.media.lettering import text_size, write
from pipeline.network.choose import describe
from pipeline.settings import Settings
from pipeline.show.figures.page import OnCount, check_figure, fitted, for_print, read_at, stacked, write_figure
from pipeline.show.sheet import sheet
from pipeline.style.painter import OnProgress, Painter, Progress, Style

SIZE = 192
AROUND = (0.01, 0.1, 1.0, 10.0)
"""Columns where no ratios are given: these multiples of what the preset has. The paper has the same around its 10⁻³."""

EXPLAINED = (
    "to the right: more content, less style",
    "downward: more and deeper layers of the style",
)


@dataclass(frozen=True)
class WeightsJob:
    """What to paint, and where to put the figure."""

    content: Path
    style: Path
    output: Path
    ratios: tuple[float, ...] = ()
    """Content weight / style weight, a column each."""
    preset: str = "draft"
    size: int = SIZE
    steps: int | None = None
    seed: int = 0
    network: str = "auto"
    weights: Path | None = None
    device: str = "auto"
    overwrite: bool = False


@dataclass(frozen=True)
class Weights:
    """What came of it."""

    output: Path
    network: str
    ratios: tuple[float, ...]
    layers: tuple[tuple[str, ...], ...]
    """A row each."""
    losses: tuple[tuple[dict[str, float], ...], ...]
    """Of every painting, row by row."""

    def as_json(self) -> str:
        """One line."""
        cells = [
            {"layers": layers, "ratio": ratio, "losses": losses}
            for layers, row in zip(self.layers, self.losses, strict=True)
            for ratio, losses in zip(self.ratios, row, strict=True)
        ]
        found = {"event": "figure", "output": str(self.output), "network": self.network, "paintings": cells}
        return json.dumps(found)


def run_weights(job: WeightsJob, on_count: OnCount) -> Weights:
    """Paint the grid.

    :raises ReelbrushError: whatever a user can mend; nothing is written then.
    """
    check_figure(job.output, (job.content, job.style), job.overwrite)
    given = {"size": job.size, "seed": job.seed, **({} if job.steps is None else {"steps": job.steps})}
    studio = open_studio(job.preset, job.network, job.weights, job.device, given)
    settings = studio.settings
    ratios = job.ratios or tuple(factor * settings.content_weight / settings.style_weight for factor in AROUND)
    names = [layer for layer, _ in settings.style_layers]
    sets = [tuple(names[: count + 1]) for count in range(len(names))]
    content, style = read_at(job.content, job.size), read_at(job.style, 4 * job.size)
    paintings: list[list[Image]] = []
    losses = []
    for row, layers in enumerate(sets):
        shares = tuple((layer, 1 / len(layers)) for layer in layers)
        painter = Painter(studio.network, [Style(style)], replace(settings, style_layers=shares), studio.device)
        painted = [
            painter.with_settings(with_ratio(painter.settings, ratio)).paint(
                content, on_progress=_counted(on_count, row * len(ratios) + column, len(sets) * len(ratios))
            )
            for column, ratio in enumerate(ratios)
        ]
        paintings.append([one.image for one in painted])
        losses.append(tuple(one.losses for one in painted))
    write_figure(job.output, page(content, style, paintings, ratios, sets), job.overwrite)
    return Weights(job.output, describe(studio.network), ratios, tuple(sets), tuple(losses))


def with_ratio(settings: Settings, ratio: float) -> Settings:
    """One of the two weights raised. Were the other one lowered, the total variation would gain on both, and blur."""
    raised = ratio * settings.style_weight
    if raised > settings.content_weight:
        return replace(settings, content_weight=raised)
    return replace(settings, style_weight=settings.content_weight / ratio)


def page(
    content: Image,
    style: Image,
    paintings: Sequence[Sequence[Image]],
    ratios: Sequence[float],
    sets: Sequence[Sequence[str]],
) -> Image:
    """The figure, uint8 (H, W, 3)."""
    shown = for_print(content)
    grid = sheet(
        [[for_print(painting) for painting in row] for row in paintings],
        heads=[f"α/β = {ratio:.3g}" for ratio in ratios],
        sides=[layers[0] if len(layers) == 1 else f"… + {layers[-1]}" for layers in sets],
    )
    given = [shown, fitted(style, *shown.shape[:2])]
    top = sheet([[*given, *[None] * (len(ratios) - 2)]], labels=[["content", "style"]])
    size = top.shape[0] // 18
    left = 2 * top.shape[1] // max(2, len(ratios)) + size
    for number, text in enumerate(EXPLAINED):
        # In the empty part of the row, where there is one.
        if left + text_size(text, size)[1] < top.shape[1]:
            top = write(top, text, left, size + number * 2 * size, size)
    # Above the columns, not above the names of the rows.
    indent = max(0, grid.shape[1] - top.shape[1])
    return stacked([np.pad(top, ((0, 0), (indent, 0), (0, 0)), constant_values=255), grid])


def _counted(on_count: OnCount, done: int, of: int) -> OnProgress:
    def counted(progress: Progress) -> None:
        on_count(f"Painting {of} pictures (percent)", int(100 * (done + progress.share) / of), 100)

    return counted
