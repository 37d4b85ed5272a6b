"""The feature maps of a picture as arrays, and an order that puts similar maps side by side."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from pipeline.network.base import Network
from pipeline.network.device import memory_format
from pipeline.style.losses import gram
from pipeline.style.picture import to_tensor
from pipeline.types import Image

Array = npt.NDArray[np.float32]


@dataclass(frozen=True)
class LayerMaps:
    """The feature maps of one layer for one picture."""

    layer: str
    maps: Array
    """float32 (N, h, w)."""
    gram: Array
    """Mean products of the maps, float32 (N, N): the Gram matrix (eq. 3) divided by the number of positions."""

    @property
    def strength(self) -> Array:
        """How much each map varies over the picture: its deviation, float32 (N,). One that is the same everywhere says
        nothing of the picture, however large."""
        deviations: Array = self.maps.std((1, 2))
        return deviations


def layer_maps(network: Network, device: torch.device, image: Image, layers: Sequence[str]) -> list[LayerMaps]:
    """The maps of `layers` for a picture, uint8 (H, W, 3), in float32.

    :raises SettingsError: a layer that the network does not have.
    """
    placed = copy.deepcopy(network).placed(device, torch.float32, memory_format(device))
    with torch.no_grad():
        maps = placed.features(to_tensor(image).to(device), layers)
        return [
            LayerMaps(
                layer,
                np.ascontiguousarray(maps[layer][0].cpu().numpy()),
                (gram(maps[layer]) / maps[layer][0, 0].numel()).cpu().numpy(),
            )
            for layer in layers
        ]


def similarity_order(matrix: Array) -> list[int]:
    """An order of channels in which those that go together stand together.

    The order of the Fiedler vector of the channels' similarity G_ij / sqrt(G_ii G_jj) (Barnard, Pothen and Simon 1995):
    of all smooth orders the one that keeps similar ones together.

    :param matrix: Gram matrix, float32 (N, N).
    """
    size = np.sqrt(np.clip(np.diagonal(matrix).astype(np.float64), 0, None))
    alive = np.flatnonzero(size > 1e-6 * size.max(initial=0))
    dead = sorted(set(range(len(size))) - set(alive.tolist()))
    if len(alive) < 3:
        return [*alive.tolist(), *dead]
    similarity = np.clip(matrix[np.ix_(alive, alive)] / np.outer(size[alive], size[alive]), 0, None)
    root = 1 / np.sqrt(similarity.sum(1))
    _, vectors = np.linalg.eigh(np.eye(len(alive)) - root[:, None] * similarity * root)
    place = vectors[:, 1] * root
    # A vector and its negative are the same one: the order begins at the end where the stronger channels are.
    order = np.argsort(place, kind="stable")
    half = len(order) // 2
    if size[alive][order[:half]].sum() < size[alive][order[-half:]].sum():
        order = order[::-1]
    return [*alive[order].tolist(), *dead]
