"""`reelbrush figure features`: what each layer of a network sees of a picture, and how its maps go together."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline.clip.engine import open_engine
from pipeline.errors import MediaError
from pipeline.media import Image, refuse_existing, resize
from pipeline.network.weights import describe
from pipeline.pictures.canvas import Canvas, Picture, Text, beside, stacked
from pipeline.pictures.caption import legible_labels
from pipeline.pictures.figures.colours import MAPS, MATRICES, Array, coloured, scale
from pipeline.pictures.figures.page import check_figure, letter_size, read_resized, write_figure
from pipeline.pictures.figures.reconstruct import block_layers
from pipeline.pictures.jobs import FeaturesJob
from pipeline.pictures.labelled_grid import GAP, labelled_grid
from pipeline.pictures.lettering import shortened_to, text_size
from pipeline.style.maps import LayerMaps, layer_maps, similarity_order
from pipeline.types import OnCount

CELL = 240
"""Longest side of a map in the figure, in pixels, at least."""
MATRIX = 480
"""Side of a Gram matrix in the figure, in pixels."""
MOST = 48
"""Channels of a Gram matrix that are shown, the strongest: of more, no entry could be seen."""
SCALE = 14
"""Length of a scale, in heights of the letters, at least where the figure is so wide."""
DECADES = 3
"""Entries of a Gram matrix are told apart down to so many powers of ten below its largest."""


@dataclass(frozen=True)
class Features:
    """What came of it."""

    output: Path
    network: str
    channels: dict[str, tuple[int, ...]]
    """Layer -> its channels, from 0, as they stand in the figure."""
    notes: tuple[str, ...]
    """What a person should know of it."""

    def as_json(self) -> str:
        """One line."""
        return json.dumps(
            {
                "event": "figure",
                "output": str(self.output),
                "network": self.network,
                "channels": self.channels,
                "notes": self.notes,
            }
        )


def run_features(job: FeaturesJob, on_count: OnCount) -> Features:
    """Draw the figure.

    :raises ReelbrushError: whatever a user can mend; nothing is written then.
    """
    check_figure(job.output, job.pictures)
    engine = open_engine("gatys2016", job.weights, job.device)
    layers = job.layers or block_layers(engine.network, 1)
    inputs = [read_resized(path, job.size, engine.network.smallest_side(layers)) for path in job.pictures]
    refuse_existing(job.output, job.overwrite)
    pictures, notes = [picture for picture, _ in inputs], [note for _, more in inputs for note in more]
    maps = []
    for number, picture in enumerate(pictures):
        on_count("Looking through the network", number, len(pictures))
        maps.append(layer_maps(engine.network, engine.device, picture, layers))
    on_count("Drawing the figure", 0, None)
    alone = ["the picture"] if len(job.pictures) == 1 else []
    names, odd = legible_labels([path.name for path in job.pictures], alone)
    notes += odd
    if job.gram:
        orders = {layer: channel_order([of[place] for of in maps], MOST) for place, layer in enumerate(layers)}
        page = gram_page(names, maps, orders)
    else:
        layers, maps = _with_extent(job.pictures, layers, maps, notes)
        count = job.maps or (8 if len(pictures) == 1 else 5)
        orders = {layer: strongest_channels([of[place] for of in maps], count) for place, layer in enumerate(layers)}
        page = maps_page(names, pictures, maps, orders)
    write_figure(job.output, page, job.overwrite)
    channels = {layer: tuple(order) for layer, order in orders.items()}
    return Features(job.output, describe(engine.network), channels, tuple(notes))


def _with_extent(
    paths: Sequence[Path], layers: Sequence[str], maps: Sequence[Sequence[LayerMaps]], notes: list[str]
) -> tuple[tuple[str, ...], list[list[LayerMaps]]]:
    """Layers whose maps are more than one value, and what they see of every picture; of the others there is a note.

    :raises MediaError: no layer is left.
    """
    wide = [place for place in range(len(layers)) if any(of[place].maps[0].size > 1 for of in maps)]
    points = ", ".join(layer for place, layer in enumerate(layers) if place not in wide)
    names = " and ".join(path.name for path in paths)
    if not wide:
        raise MediaError(
            f"{names}: so small that {points} would see a single point. Give a larger picture or --size, or lower "
            "layers."
        )
    if points:
        notes.append(f"left out, as it sees a single point of {names} at this size: {points}.")
    return tuple(layers[place] for place in wide), [[of[place] for place in wide] for of in maps]


def strongest_channels(maps: Sequence[LayerMaps], count: int) -> list[int]:
    """The channels of a layer that vary most, in one picture or in all of them together.

    :param maps: the same layer in every picture.
    """
    shares = [one.strength / max(float(one.strength.max()), 1e-12) for one in maps]
    # Stable, so that equal ones stay in order.
    return [int(channel) for channel in np.argsort(-np.sum(shares, 0), kind="stable")[:count]]


def channel_order(maps: Sequence[LayerMaps], count: int) -> list[int]:
    """The strongest channels of a layer in all pictures together, in an order in which those that fire together stand
    together; and the same in every picture, so that their matrices can be compared.

    :param maps: the same layer in every picture.
    """
    together: Array = np.sum([one.gram / max(float(np.trace(one.gram)), 1e-12) for one in maps], 0, dtype=np.float32)
    some = np.argsort(-np.diagonal(together), kind="stable")[:count]
    return [int(channel) for channel in some[similarity_order(together[np.ix_(some, some)])]]


def maps_page(
    names: Sequence[str],
    pictures: Sequence[Image],
    maps: Sequence[Sequence[LayerMaps]],
    channels: dict[str, list[int]],
) -> Canvas:
    """The figure of maps: a row for each layer, the pictures side by side with the same channels."""
    aspects = [picture.shape[1] / picture.shape[0] for picture in pictures]
    # No map is shrunk: then some of its values would not be seen.
    height = max(round(CELL / max(1.0, min(aspects))), *(picture.shape[0] for picture in pictures))
    widths = [max(1, round(height * aspect)) for aspect in aspects]
    orders = [channels[one.layer] for one in maps[0]]
    count = max(map(len, orders))
    letters = letter_size(count * sum(widths), max(widths))
    word = "channel" if all(_fits(f"channel {max(map(max, orders))}", width, letters) for width in widths) else "ch"
    limits = [
        [_limits([of[place].maps[channel] for of in maps]) for channel in order] for place, order in enumerate(orders)
    ]
    parts: list[Canvas] = []
    for name, picture, layers, width in zip(names, pictures, maps, widths, strict=True):
        grid = labelled_grid(
            _coloured_maps(layers, orders, limits, height, width),
            labels=[[f"{word} {channel}" for channel in order] for order in orders],
            sides=[] if parts else [one.layer for one in layers],
            letters=letters,
        )
        # As wide as two maps, where there are two.
        enlarged = resize(picture, min(2, count) * width, min(2, count) * height)
        left, _, right, _ = grid.reach
        parts.append(stacked([_picture_above(enlarged, name, left, right, letters), grid]))
    page = beside([part.padded(letters * (number > 0)) for number, part in enumerate(parts)])
    left, _, right, _ = page.reach
    title = f"Activation, of each channel{' (ch)' if word == 'ch' else ''} from its least to its most"
    if len(pictures) > 1:
        title += " in both pictures together"
    bar = _under_some(parts[0].pictures[1 : 1 + count], letters)
    return _with_scale(page, scale(MAPS, {0: "least", 1: "most"}, bar, right - left, letters, title), letters)


def _coloured_maps(
    layers: Sequence[LayerMaps],
    orders: Sequence[Sequence[int]],
    limits: Sequence[Sequence[tuple[float, float]]],
    height: int,
    width: int,
) -> list[list[Image]]:
    """A row for each layer: its channels in their order, each between its limits."""
    return [
        [
            coloured(_enlarged((one.maps[channel] - low) / (high - low), height, width), MAPS)
            for channel, (low, high) in zip(order, around, strict=True)
        ]
        for one, order, around in zip(layers, orders, limits, strict=True)
    ]


def _fits(text: str, width: int, letters: int) -> bool:
    return text_size(text, letters)[1] <= width


def _picture_above(picture: Image, name: str, left: int, right: int, letters: int) -> Canvas:
    """What the maps under it are of: its left edge and its name are flush with them."""
    gap = round(GAP * letters)
    right = max(right, left + picture.shape[1])
    label = Text(shortened_to(name, right - left, letters), left, gap + picture.shape[0] + gap // 4, letters)
    return Canvas(label.y + label.size[0] + gap // 2, right + gap, (Picture(picture, left, gap), label))


def _under_some(pictures: Sequence[Picture], letters: int) -> int:
    """Width of a scale in pixels that ends where one of these does, and is long enough to be read."""
    widths = [one.x + one.size[1] - pictures[0].x for one in pictures]
    return next((width for width in widths if width >= SCALE * letters), widths[-1])


def _with_scale(page: Canvas, bar: Canvas, letters: int) -> Canvas:
    """A page with its scale at the bottom, flush with the first picture."""
    return stacked([page, bar.padded(page.reach[0], letters // 2, 0, letters // 2)])


def gram_page(names: Sequence[str], maps: Sequence[Sequence[LayerMaps]], orders: dict[str, list[int]]) -> Canvas:
    """The figure of Gram matrices: a row for each picture, a column for each layer."""
    letters = letter_size(MATRIX * len(orders), MATRIX)
    rows = []
    for layers in maps:
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
        for one in maps[0]
    ]
    page = labelled_grid(
        rows, heads=heads, sides=[shortened_to(name, MATRIX, letters) for name in names], letters=letters
    )
    left, _, right, _ = page.reach
    ticks = {1 - power / DECADES: f"10⁻{'⁰¹²³⁴⁵⁶⁷⁸⁹'[power]}" if power else "1" for power in range(DECADES + 1)}
    title = (
        "Gram matrix, as a share of its largest entry; its strongest channels, those that fire together side by side"
    )
    bar = _under_some(page.pictures[: len(orders)], letters)
    return _with_scale(page, scale(MATRICES, ticks, bar, right - left, letters, title), letters)


def _limits(maps: Sequence[Array]) -> tuple[float, float]:
    """What is darkest and what is brightest of a channel; one value in a thousand may be brighter."""
    low = min(float(one.min()) for one in maps)
    high = max(float(np.quantile(one, 0.999)) for one in maps)
    return low, max(high, low + 1e-6)


def _logarithmic(matrix: Array) -> Array:
    """0 at and below 10^-DECADES of the largest entry, 1 at it."""
    top = max(float(matrix.max()), 1e-30)
    scaled: Array = (1 + np.log10(np.maximum(matrix / top, 10.0**-DECADES)) / DECADES).astype(np.float32)
    return scaled


def _enlarged(values: Array, height: int, width: int) -> Array:
    """Every value as a block: what a deep layer does not see should not look as if it did."""
    down = np.arange(height) * values.shape[0] // height
    across = np.arange(width) * values.shape[1] // width
    blocks: Array = values[np.ix_(down, across)]
    return blocks
