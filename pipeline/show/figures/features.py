"""`reelbrush figure features`: what each layer of a network sees of a picture, and how its maps go together."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline.job.api import open_studio
from pipeline.media import Image
from pipeline.network.choose import describe
from pipeline.show.figures.colours import MAPS, MATRICES, Array, coloured, scale
from pipeline.show.figures.page import (
    OnCount,
    beside,
    check_figure,
    fitted,
    for_print,
    read_at,
    stacked,
    write_figure,
)
from pipeline.show.figures.reconstruct import of_blocks
from pipeline.show.sheet import sheet
from pipeline.style.maps import Seen, by_likeness, seen

SIZE = 256
CELL = 240
"""Longest side of a map in the figure, in pixels, at least."""
MATRIX = 480
"""Side of a Gram matrix in the figure, in pixels."""
MOST = 48
"""Channels of a Gram matrix that are shown, the strongest: of more, no entry could be seen."""
DECADES = 3
"""Entries of a Gram matrix are told apart down to so many powers of ten below its largest."""


@dataclass(frozen=True)
class FeaturesJob:
    """Which pictures to show to which layers, and where to put the figure."""

    pictures: tuple[Path, ...]
    """One or two."""
    output: Path
    layers: tuple[str, ...] = ()
    """None: the first rectified one of every block."""
    maps: int | None = None
    """Shown of every layer: those that vary most. None: 8, of two pictures 5 of each."""
    gram: bool = False
    """Show the Gram matrices instead of maps."""
    size: int = SIZE
    network: str = "auto"
    weights: Path | None = None
    device: str = "auto"
    overwrite: bool = False


@dataclass(frozen=True)
class Features:
    """What came of it."""

    output: Path
    network: str
    shown: dict[str, tuple[int, ...]]
    """Layer -> its channels, from 0, as they stand in the figure."""

    def as_json(self) -> str:
        """One line."""
        found = {"event": "figure", "output": str(self.output), "network": self.network, "channels": self.shown}
        return json.dumps(found)


def run_features(job: FeaturesJob, on_count: OnCount) -> Features:
    """Draw the figure.

    :raises ReelbrushError: whatever a user can mend; nothing is written then.
    """
    check_figure(job.output, job.pictures, job.overwrite)
    pictures = [read_at(path, job.size) for path in job.pictures]
    studio = open_studio("gatys2016", job.network, job.weights, job.device)
    layers = job.layers or of_blocks(studio.network, 1)
    found = []
    for number, picture in enumerate(pictures):
        on_count("Looking through the network", number, len(pictures))
        found.append(seen(studio.network, studio.device, picture, layers))
    on_count("Drawing the figure", 0, None)
    names = [path.name for path in job.pictures]
    if job.gram:
        orders = {layer: arranged([of[place] for of in found], MOST) for place, layer in enumerate(layers)}
        page = gram_page(names, found, orders)
    else:
        count = job.maps or (8 if len(pictures) == 1 else 5)
        orders = {layer: strongest([of[place] for of in found], count) for place, layer in enumerate(layers)}
        page = maps_page(names, pictures, found, orders)
    write_figure(job.output, page, job.overwrite)
    return Features(job.output, describe(studio.network), {layer: tuple(order) for layer, order in orders.items()})


def strongest(found: Sequence[Seen], count: int) -> list[int]:
    """The channels of a layer that vary most, in one picture or in all of them together.

    :param found: the same layer in every picture.
    """
    shares = [one.strength / max(float(one.strength.max()), 1e-12) for one in found]
    # Stable, so that equal ones stay in order.
    return [int(channel) for channel in np.argsort(-np.sum(shares, 0), kind="stable")[:count]]


def arranged(found: Sequence[Seen], count: int) -> list[int]:
    """The strongest channels of a layer in all pictures together, in an order in which those that fire together stand
    together; and the same in every picture, so that their matrices can be compared.

    :param found: the same layer in every picture.
    """
    together: Array = np.sum([one.gram / max(float(np.trace(one.gram)), 1e-12) for one in found], 0, dtype=np.float32)
    some = np.argsort(-np.diagonal(together), kind="stable")[:count]
    return [int(channel) for channel in some[by_likeness(together[np.ix_(some, some)])]]


def maps_page(
    names: Sequence[str],
    pictures: Sequence[Image],
    found: Sequence[Sequence[Seen]],
    channels: dict[str, list[int]],
) -> Image:
    """The figure of maps, uint8 (H, W, 3): a row for each layer, the pictures side by side with the same channels."""
    height = for_print(pictures[0], CELL).shape[0]
    letters = max(18, height // 9)
    parts: list[Image] = []
    for name, picture, layers in zip(names, pictures, found, strict=True):
        width = round(height * picture.shape[1] / picture.shape[0])
        rows, labels = [], []
        for place, one in enumerate(layers):
            order = channels[one.layer]
            limits = [_limits([of[place].maps[channel] for of in found]) for channel in order]
            rows.append(
                [
                    coloured(_enlarged((one.maps[channel] - low) / (high - low), height, width), MAPS)
                    for channel, (low, high) in zip(order, limits, strict=True)
                ]
            )
            labels.append([f"channel {channel}" for channel in order])
        plain = sheet(rows, labels=labels, letters=letters)
        grid = sheet(rows, labels=labels, sides=[one.layer for one in layers], letters=letters) if not parts else plain
        top = sheet([[fitted(picture, 2 * height, 2 * width)]], labels=[[name]], letters=letters)
        if not parts:
            # Beside the picture, or below all where that would be wider than the maps.
            bar = scale(MAPS, {0: "least", 1: "most"}, width, letters, "activation, each channel")
            top = beside([top, bar]) if top.shape[1] + bar.shape[1] <= plain.shape[1] else stacked([top, bar])
        parts.append(stacked([_indented(top, grid.shape[1] - plain.shape[1]), grid]))
        parts.append(np.full((1, letters, 3), 255, np.uint8))
    return beside(parts[:-1])


def gram_page(names: Sequence[str], found: Sequence[Sequence[Seen]], orders: dict[str, list[int]]) -> Image:
    """The figure of Gram matrices, uint8 (H, W, 3): a row for each picture, a column for each layer."""
    rows, letters = [], MATRIX // 18
    for layers in found:
        row = []
        for one in layers:
            order = orders[one.layer]
            matrix = _logarithmic(np.abs(one.gram[np.ix_(order, order)]))
            row.append(coloured(_enlarged(matrix, MATRIX, MATRIX), MATRICES))
        rows.append(row)
    heads = [
        f"{one.layer}: {len(orders[one.layer])} of {len(one.gram)}"
        if len(orders[one.layer]) < len(one.gram)
        else f"{one.layer}: all {len(one.gram)}"
        for one in found[0]
    ]
    grid = sheet(rows, heads=heads, sides=names, letters=letters)
    ticks = {1 - power / DECADES: f"10⁻{'⁰¹²³⁴⁵⁶⁷⁸⁹'[power]}" if power else "1" for power in range(DECADES + 1)}
    title = (
        "Gram matrix, as a share of its largest entry; its strongest channels, those that fire together side by side"
    )
    bar = scale(MATRICES, ticks, MATRIX, letters, title)
    return stacked([grid, _indented(bar, grid.shape[1] - sheet(rows, heads=heads, letters=letters).shape[1])])


def _indented(part: Image, by: int) -> Image:
    return np.pad(part, ((0, 0), (max(0, by), 0), (0, 0)), constant_values=255)


def _limits(maps: Sequence[Array]) -> tuple[float, float]:
    """What is darkest and what is brightest of a channel; one value in a thousand may be brighter."""
    low = min(float(one.min()) for one in maps)
    high = max(float(np.quantile(one, 0.999)) for one in maps)
    return low, max(high, low + 1e-6)


def _logarithmic(matrix: Array) -> Array:
    """0 at and below 10^-DECADES of the largest entry, 1 at it."""
    top = max(float(matrix.max()), 1e-30)
    found: Array = (1 + np.log10(np.maximum(matrix / top, 10.0**-DECADES)) / DECADES).astype(np.float32)
    return found


def _enlarged(values: Array, height: int, width: int) -> Array:
    """Every value as a block: what a deep layer does not see should not look as if it did."""
    down = np.arange(height) * values.shape[0] // height
    across = np.arange(width) * values.shape[1] // width
    found: Array = values[np.ix_(down, across)]
    return found
