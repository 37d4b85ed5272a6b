"""`reelbrush figure weights`: paintings over the ratio of content to style, and over the layers of the style (Gatys et
al. 2015, Figure 3)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

from pipeline.clip.engine import open_engine
from pipeline.media import Image, refuse_existing
from pipeline.network.weights import describe
from pipeline.pictures.canvas import Canvas, beside, stacked
from pipeline.pictures.figures.page import (
    axis,
    beside_content,
    check_figure,
    for_print,
    letter_size,
    read_resized,
    with_footer,
    write_figure,
)
from pipeline.pictures.jobs import WeightsJob
from pipeline.pictures.labelled_grid import labelled_grid
from pipeline.settings import Settings
from pipeline.style.frame import OnProgress, Progress, Style
from pipeline.style.painter import Painter
from pipeline.types import OnCount

AROUND = (0.01, 0.1, 1.0, 10.0)
"""Columns where no ratios are given: these multiples of what the preset has. The paper has the same around its 10⁻³."""

CELL = 240
"""Longest side of a painting in the figure, in pixels, at least."""
RISING, FALLING = "more content, less style", "more style, less content"
"""What changes from column to column where the ratios rise or fall."""
DOWN = "more and deeper layers of the style"
"""What changes from row to row."""
FOOT = "α is the weight of the content, β that of the style."


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
        result = {"event": "figure", "output": str(self.output), "network": self.network, "paintings": cells}
        return json.dumps(result)


def run_weights(job: WeightsJob, on_count: OnCount) -> Weights:
    """Paint the grid.

    :raises ReelbrushError: whatever a user can mend; nothing is written then.
    """
    check_figure(job.output, (job.content, job.style))
    given = {"size": job.size, "seed": job.seed, **({} if job.steps is None else {"steps": job.steps})}
    engine = open_engine(job.preset, job.weights, job.device, given)
    settings = engine.settings
    ratios = job.ratios or tuple(factor * settings.content_weight / settings.style_weight for factor in AROUND)
    names = [layer for layer, _ in settings.style_layers]
    sets = [tuple(names[: count + 1]) for count in range(len(names))]
    (content, _), (style, _) = read_resized(job.content, job.size), read_resized(job.style, 4 * job.size)
    refuse_existing(job.output, job.overwrite)
    paintings: list[list[Image]] = []
    losses = []
    for row, layers in enumerate(sets):
        shares = tuple((layer, 1 / len(layers)) for layer in layers)
        painter = Painter(engine.network, [Style(style)], replace(settings, style_layers=shares), engine.device)
        painted = [
            painter.with_settings(with_ratio(painter.settings, ratio)).paint(
                content, on_progress=_counted(on_count, row * len(ratios) + column, len(sets) * len(ratios))
            )
            for column, ratio in enumerate(ratios)
        ]
        paintings.append([one.image for one in painted])
        losses.append(tuple(one.losses for one in painted))
    write_figure(job.output, page(content, style, paintings, ratios, sets), job.overwrite)
    return Weights(job.output, describe(engine.network), ratios, tuple(sets), tuple(losses))


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
) -> Canvas:
    """The figure: content and style above, a row of paintings for each set of layers under them."""
    enlarged = for_print(content, CELL)
    letters = letter_size(len(ratios) * enlarged.shape[1], enlarged.shape[1])
    grid = labelled_grid(
        [[for_print(painting, CELL) for painting in row] for row in paintings],
        heads=[f"α/β = {text}" for text in ratio_texts(ratios)],
        sides=[layers[0] if len(layers) == 1 else f"… + {layers[-1]}" for layers in sets],
        letters=letters,
    )
    if len(sets) > 1:
        _, top, _, bottom = grid.reach
        grid = beside([axis(DOWN, bottom - top, letters, down=True).padded(letters // 2, top), grid])
    left, _, right, _ = grid.reach
    direction = _direction(ratios)
    across = [axis(direction, right - left, letters).padded(left, letters // 2)] if direction else []
    given = beside(
        labelled_grid([[one]], labels=[[name]], letters=letters)
        for one, name in ((enlarged, "content"), (beside_content(style, enlarged), "style"))
    )
    # Above the columns, not above the names of the rows.
    given = given.padded(left - given.reach[0])
    return with_footer(stacked([given, *across, grid]), FOOT, letters)


def _direction(ratios: Sequence[float]) -> str:
    """What changes to the right; nothing where it is now this and now that."""
    steps = list(pairwise(ratios))
    if not steps:
        return ""
    if all(one < other for one, other in steps):
        return RISING
    return FALLING if all(one > other for one, other in steps) else ""


def ratio_texts(ratios: Sequence[float]) -> list[str]:
    """Numbers in as few digits as tell them apart, two at least: '0.005', '1.2·10⁶'."""
    for digits in range(2, 17):
        texts = [_ratio_text(ratio, digits) for ratio in ratios]
        if len(set(texts)) == len(set(ratios)):
            break
    return texts


def _ratio_text(ratio: float, digits: int) -> str:
    number, power = f"{ratio:.{digits - 1}e}".split("e")
    exponent = int(power)
    if -4 < exponent < 4:
        return f"{float(f'{number}e{power}'):.15g}"
    short = f"{float(number):.15g}"
    raised = "10" + str(exponent).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return raised if short == "1" else f"{short}·{raised}"


def _counted(on_count: OnCount, done: int, of: int) -> OnProgress:
    def counted(progress: Progress) -> None:
        on_count(f"Painting {of} pictures (percent)", int(100 * (done + progress.share) / of), 100)

    return counted
