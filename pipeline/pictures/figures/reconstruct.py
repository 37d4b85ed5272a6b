"""`reelbrush figure reconstruct`: what the layers of a network know of a content and of a style (Gatys et al. 2016,
Figure 1)."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from pipeline.clip.engine import open_engine
from pipeline.media import Image, refuse_existing
from pipeline.network.base import Network
from pipeline.network.weights import describe
from pipeline.pictures.canvas import Canvas, beside
from pipeline.pictures.figures.page import (
    beside_content,
    check_figure,
    for_print,
    letter_size,
    read_resized,
    with_footer,
    write_figure,
)
from pipeline.pictures.jobs import ReconstructJob
from pipeline.pictures.labelled_grid import labelled_grid
from pipeline.style.reconstruct import Plan, Reconstruction, Reconstructor, psnr
from pipeline.types import OnCount

CELL = 192
"""Longest side of a reconstruction in the figure, in pixels, at least: six side by side are as wide as a page of the
web."""


@dataclass(frozen=True)
class Row:
    """One reconstruction in numbers."""

    what: str
    """'content' or 'style'."""
    layers: tuple[str, ...]
    psnr: float | None
    """Of a content, in dB; None where every pixel is right. A style has none."""
    left: float
    """The loss that is left; a picture that keeps nothing of the content has about 1, one that has nothing of the style
    too."""
    steps: int
    seconds: float

    def texts(self) -> tuple[str, ...]:
        """For a table."""
        return (
            self.what, _layer_range(self.layers), _psnr_text(self.psnr) if self.what == "content" else "",
            f"{self.left:.1e}", str(self.steps), f"{self.seconds:.1f} s",
        )  # fmt: skip


HEADS = ("", "layers", "PSNR", "loss left", "steps", "time")


@dataclass(frozen=True)
class Figure:
    """What came of it."""

    output: Path
    network: str
    tv_weight: float
    rows: tuple[Row, ...]
    notes: tuple[str, ...]
    """What a person should know of it."""

    @property
    def title(self) -> str:
        """Of a table: which network, and what else than its maps had a say."""
        return f"Reconstructed from {self.network}; weight of the total variation {self.tv_weight:g}"

    def as_json(self) -> str:
        """One line."""
        return json.dumps(
            {
                "event": "figure",
                "output": str(self.output),
                "network": self.network,
                "tv_weight": self.tv_weight,
                "reconstructions": [asdict(row) for row in self.rows],
                "notes": self.notes,
            }
        )


def run_reconstruct(job: ReconstructJob, on_count: OnCount) -> Figure:
    """Draw the figure.

    :raises ReelbrushError: whatever a user can mend; nothing is written then.
    """
    check_figure(job.output, (job.content, job.style))
    engine = open_engine("gatys2016", job.weights, job.device)
    network = engine.network
    singles: list[tuple[str, ...]] = [(layer,) for layer in job.content_layers or block_layers(network, 2)]
    cumulative = job.style_layers or block_layers(network, 1)
    sets = [cumulative[: count + 1] for count in range(len(cumulative))]
    least = network.smallest_side([*cumulative, *(layer for layers in singles for layer in layers)])
    content, notes = read_resized(job.content, job.size, least)
    style, more = read_resized(job.style, job.size, least)
    refuse_existing(job.output, job.overwrite)
    watch = _Stopwatch([work(network, layers) for layers in (*singles, *sets)], job.steps, on_count)
    maker = Reconstructor(network, engine.device, Plan(job.steps, job.tv_weight, job.seed))
    rows, pictures = [], []
    for layers in singles:
        result = maker.content(content, layers[0], watch.step)
        rows.append(_row("content", layers, result, watch.lap(), psnr(result.image, content)))
        pictures.append(result.image)
    for layers in sets:
        # The statistics say nothing of places: they fit a picture of any size.
        result = maker.style(style, layers, "gram", content.shape[0], content.shape[1], watch.step)
        rows.append(_row("style", layers, result, watch.lap(), None))
        pictures.append(result.image)
    write_figure(job.output, page(content, style, rows, pictures), job.overwrite)
    return Figure(job.output, describe(network), job.tv_weight, tuple(rows), notes + more)


def block_layers(network: Network, number: int) -> tuple[str, ...]:
    """The rectified layer of that number in every block, or the last one of the block: relu1_2, relu2_2 and so on."""
    return tuple(f"relu{block}_{min(number, len(widths))}" for block, widths in enumerate(network.plan.blocks, 1))


def work(network: Network, layers: Sequence[str]) -> float:
    """What a step down from `layers` costs: products for each pixel of the picture.

    :raises SettingsError: a layer that the network does not have.
    """
    network.smallest_side(layers)
    suffixes = [suffix for suffix, _, _ in network.plan.convolutions]
    deepest = max(suffixes.index(layer[4:]) for layer in layers)
    return sum(
        9 * before * after / 4.0 ** (int(suffix[0]) - 1)
        for suffix, before, after in network.plan.convolutions[: deepest + 1]
    )


def page(content: Image, style: Image, rows: Sequence[Row], pictures: Sequence[Image]) -> Canvas:
    """The figure: above the style and what the layers know of it, below the content.

    :param pictures: of the rows, in their order.
    """
    size = f"{content.shape[1]}×{content.shape[0]}"
    content, *pictures = [for_print(picture, CELL) for picture in (content, *pictures)]
    by_row = dict(zip(rows, pictures, strict=True))
    of_content = [row for row in rows if row.what == "content"]
    of_style = [row for row in rows if row.what == "style"]
    columns = max(len(of_content), len(of_style))
    letters = letter_size((columns + 1) * content.shape[1], content.shape[1])
    originals = labelled_grid(
        [[beside_content(style, content)], [content]],
        heads=["original"],
        labels=[["style"], [f"content\n{size}"]],
        letters=letters,
    )
    reconstructed = labelled_grid(
        [[by_row[row] for row in of_style], [by_row[row] for row in of_content]],
        heads=[f"({letter})" for letter in "abcdefghijklmnopqrstuvwxyz"[:columns]],
        labels=[
            [_cumulative_label(row.layers) for row in of_style],
            [f"{row.layers[0]}\n{_psnr_label(row.psnr)}" for row in of_content],
        ],
        letters=letters,
    )
    foot = f"PSNR: of the reconstruction against the original content, both at {size} pixels."
    return with_footer(beside([originals, reconstructed]), foot, letters)


def _row(what: str, layers: Sequence[str], result: Reconstruction, seconds: float, decibels: float | None) -> Row:
    return Row(
        what, tuple(layers), None if decibels == math.inf else decibels, result.losses[what], result.steps, seconds
    )


def _psnr_text(decibels: float | None) -> str:
    """'32.9 dB', or 'exact' where no pixel is wrong."""
    return "exact" if decibels is None else f"{decibels:.1f} dB"


def _psnr_label(decibels: float | None) -> str:
    """'PSNR 32.9 dB', or 'exact'."""
    return _psnr_text(decibels) if decibels is None else f"PSNR {_psnr_text(decibels)}"


def _cumulative_label(layers: Sequence[str]) -> str:
    """'relu1_1', '… + relu2_1': what the last layer is added to stands to the left of it."""
    return layers[0] if len(layers) == 1 else f"… + {layers[-1]}"


def _layer_range(layers: Sequence[str]) -> str:
    """'relu1_1' or 'relu1_1 … relu3_1'."""
    return layers[0] if len(layers) == 1 else f"{layers[0]} … {layers[-1]}"


class _Stopwatch:
    """Progress of reconstructions that take so many steps at most, each of other cost; and the time of each."""

    def __init__(self, costs: Sequence[float], steps: int, on_count: OnCount) -> None:
        self._costs = [steps * cost for cost in costs]
        self._steps = steps
        self._on_count = on_count
        self._done = 0
        self._began = time.monotonic()
        on_count(_DOING, 0, 100)

    def step(self, number: int) -> None:
        """A step of the one under way is done."""
        share = sum(self._costs[: self._done]) + self._costs[self._done] * number / self._steps
        self._on_count(_DOING, int(100 * share / sum(self._costs)), 100)

    def lap(self) -> float:
        """One is finished, maybe early. Returns how many seconds it took."""
        self._done += 1
        now = time.monotonic()
        seconds, self._began = now - self._began, now
        return seconds


_DOING = "Reconstructing (percent)"
