"""A picture in overlapping tiles: what a network says of all of it, with the maps of one tile in memory at a time."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import EllipsisType
from typing import Any, cast

import torch
from torch import Tensor

from pipeline.network.base import Network
from pipeline.style.activation_checkpointing import End
from pipeline.style.losses import sums_of

SIDES = (1024, 512, 256)
"""Pixels of a tile without its overlap, at most: what is tried, one after the other."""
WORTH = 0.3
"""Of a picture, at most, that a tile with its overlap may be: a larger one takes more than to compute maps twice."""

Place = tuple[EllipsisType, slice, slice]
"""Rows and columns of maps, or of a picture; what is before these stays whole."""


@dataclass(frozen=True)
class _Stretch:
    """One direction of a tile, in pixels: what belongs to it lies within what is computed for it."""

    begin: int
    end: int
    crop_begin: int
    crop_end: int

    def of_crop(self, stride: int) -> slice:
        first = (self.begin - self.crop_begin) // stride
        return slice(first, first + self.end // stride - self.begin // stride)

    def of_picture(self, stride: int) -> slice:
        return slice(self.begin // stride, self.end // stride)


@dataclass(frozen=True)
class Tile:
    """A part of a picture. The parts of all tiles cover the picture once, and so they do in every layer."""

    down: _Stretch
    across: _Stretch

    @property
    def crop(self) -> Place:
        """What is computed for it, in pixels: with as much around it as its maps depend on."""
        down, across = self.down, self.across
        return ..., slice(down.crop_begin, down.crop_end), slice(across.crop_begin, across.crop_end)

    def of_crop(self, stride: int) -> Place:
        """Where it lies in the maps of its crop, of a layer with so many pixels to a position."""
        return ..., self.down.of_crop(stride), self.across.of_crop(stride)

    def of_picture(self, stride: int) -> Place:
        """Where it lies in the maps of the whole picture."""
        return ..., self.down.of_picture(stride), self.across.of_picture(stride)


def tiles_of(network: Network, layers: Sequence[str], size: tuple[int, int], side: int) -> list[Tile]:
    """The tiles of a picture, row by row.

    Within a tile the maps of `layers` are those of the whole picture: around it lies what they depend on, and the
    picture's own border is the only one that they see.

    :param size: (height, width).
    :param side: pixels of a tile without its overlap, at most.
    """
    stride = network.smallest_side(layers)
    overlap = network.overlap(layers)
    down, across = (_stretches(length, side, stride, overlap) for length in size)
    return [Tile(rows, columns) for rows in down for columns in across]


def _stretches(length: int, side: int, stride: int, overlap: int) -> list[_Stretch]:
    """Inner ends are multiples of `stride`: there the maps of a crop lie on those of the picture."""
    count = math.ceil(length / max(stride, side))
    each = math.ceil(length / count / stride) * stride
    return [
        _Stretch(begin, min(begin + each, length), max(0, begin - overlap), min(begin + each + overlap, length))
        for begin in range(0, length, each)
    ]


def tile_sides(network: Network, layers: Sequence[str], size: tuple[int, int]) -> list[int]:
    """Those of `SIDES` with which a picture takes less memory, from the largest on."""
    return [
        side
        for side in SIDES
        if max(_area(tile.crop) for tile in tiles_of(network, layers, size, side)) <= WORTH * size[0] * size[1]
    ]


def _area(place: Place) -> int:
    _, rows, columns = place
    return int((rows.stop - rows.start) * (columns.stop - columns.start))


Segment = Callable[[Tile, Tensor], Sequence[Tensor]]
"""What a tile adds, tensors of the same shapes for each of them, found from its crop of the picture (1, 3, h, w)."""


class _Tiled(torch.autograd.Function):
    """Keeps only the picture; each tile is computed anew on the way back."""

    @staticmethod
    def forward(ctx: Any, segment: Segment, tiles: Sequence[Tile], image: Tensor) -> tuple[Tensor, ...]:
        ctx.segment, ctx.tiles = segment, tiles
        ctx.save_for_backward(image)
        ctx.set_materialize_grads(False)
        total: list[Tensor] = []
        for tile in tiles:
            added = segment(tile, image[tile.crop])
            total = [one + more for one, more in zip(total, added, strict=True)] if total else list(added)
        return tuple(total)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[None, None, Tensor]:
        (image,) = ctx.saved_tensors
        total = torch.zeros_like(image)
        for tile in ctx.tiles:
            crop = image[tile.crop].detach().requires_grad_(True)
            with torch.enable_grad():
                end = End.apply(gradients, *ctx.segment(tile, crop))
            (gradient,) = torch.autograd.grad(end, crop)
            total[tile.crop] += gradient
        return None, None, total


def tiled(segment: Segment, tiles: Sequence[Tile], image: Tensor) -> tuple[Tensor, ...]:
    """The sums over all tiles of what `segment` finds, with their gradient in the picture (1, 3, H, W)."""
    return cast(tuple[Tensor, ...], _Tiled.apply(segment, tiles, image))


def stitched_maps(network: Network, layers: Sequence[str], tiles: Sequence[Tile], image: Tensor) -> dict[str, Tensor]:
    """The maps of a whole picture, computed tile by tile. For layers whose maps can be kept; without a gradient.

    :param image: float (1, 3, H, W), on the device.
    """
    height, width = image.shape[2:]
    whole: dict[str, Tensor] = {}
    with torch.no_grad():
        for tile in tiles:
            for layer, maps in network.features(image[tile.crop], layers).items():
                stride = network.smallest_side([layer])
                if layer not in whole:
                    whole[layer] = maps.new_empty((1, maps.shape[1], height // stride, width // stride))
                whole[layer][tile.of_picture(stride)] = maps[tile.of_crop(stride)]
    return whole


Summed = Callable[[str, Tensor, Place], tuple[Tensor, Tensor]]
"""Sums over maps of a layer, (1, N, h, w), as `losses.sums_of`; the last is where they lie in those of the picture."""


def _all_alike(layer: str, maps: Tensor, place: Place) -> tuple[Tensor, Tensor]:
    return sums_of(maps)


def tiled_sums(
    network: Network, layers: Sequence[str], tiles: Sequence[Tile], image: Tensor, summed: Summed = _all_alike
) -> dict[str, tuple[Tensor, Tensor, int]]:
    """Of each layer for a whole picture: `losses.sums_of`, and over how many positions; without a gradient.

    :param image: float (1, 3, H, W), on the device.
    :param summed: takes the sums of a part of a layer.
    """
    height, width = image.shape[2:]
    strides = {layer: network.smallest_side([layer]) for layer in layers}

    def of_tile(tile: Tile, crop: Tensor) -> list[Tensor]:
        maps = network.features(crop, layers)
        return [
            one
            for layer in layers
            for one in summed(layer, maps[layer][tile.of_crop(strides[layer])], tile.of_picture(strides[layer]))
        ]

    with torch.no_grad():
        sums = tiled(of_tile, tiles, image)
    pairs = zip(layers, sums[::2], sums[1::2], strict=True)
    return {
        layer: (total, products, (height // strides[layer]) * (width // strides[layer]))
        for layer, total, products in pairs
    }
