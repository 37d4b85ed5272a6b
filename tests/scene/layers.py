"""Moving layers: pictures composed of flat textures with known motion, and the truth about that motion.

Places are measured in picture heights, x to the right and y down, the origin in the upper left corner of the
picture; time `t` in frames. A texture is premultiplied RGBA (light without alpha is a glow).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import cos, sin
from typing import Protocol

import numpy as np
import numpy.typing as npt

from scene.noise import Array, sample, shrink, to_bytes

OVERSAMPLING = 2
"""Samples a pixel along each side when a picture is rendered."""


class Motion(Protocol):
    """A continuous, invertible map between a layer's own coordinates and the picture."""

    def to_layer(self, t: float, x: Array, y: Array) -> tuple[Array, Array]:
        """Which point of the layer lies at (x, y) of the picture at time `t`."""
        ...

    def to_picture(self, t: float, x: Array, y: Array) -> tuple[Array, Array]:
        """Where the point (x, y) of the layer lies in the picture at time `t`: the inverse of `to_layer`."""
        ...


@dataclass(frozen=True)
class Rigid:
    """Translation with a little sway, bob and zoom about a pivot; enough for a boat, a hill or a bird."""

    vx: float = 0.0
    """Picture heights a frame, to the right."""
    vy: float = 0.0
    pivot: tuple[float, float] = (0.0, 0.0)
    zoom: float = 0.0
    """Growth a frame: size is exp(zoom * t)."""
    turn: float = 0.0
    """Greatest angle of the sway, in radians."""
    bob: float = 0.0
    """Greatest height of the bob, in picture heights."""
    period: float = 16.0
    """Frames for one sway and one bob."""
    phase: float = 0.0

    def _pose(self, t: float) -> tuple[float, float, float, float]:
        wave = 2 * np.pi * t / self.period + self.phase
        scale, angle = float(np.exp(self.zoom * t)), self.turn * sin(wave)
        dx, dy = self.vx * t, self.vy * t + self.bob * sin(wave + 1.0)
        return scale * cos(angle), scale * sin(angle), dx, dy

    def to_layer(self, t: float, x: Array, y: Array) -> tuple[Array, Array]:
        c, s, dx, dy = self._pose(t)
        px, py = self.pivot
        x, y = x - dx - px, y - dy - py
        size = c * c + s * s
        return (c * x + s * y) / size + px, (c * y - s * x) / size + py

    def to_picture(self, t: float, x: Array, y: Array) -> tuple[Array, Array]:
        c, s, dx, dy = self._pose(t)
        px, py = self.pivot
        x, y = x - px, y - py
        return c * x - s * y + px + dx, s * x + c * y + py + dy


@dataclass(frozen=True)
class Plane:
    """Level ground or water under a panning camera: the nearer (lower), the faster; rows keep their height."""

    horizon: float
    """Height of the far edge in the picture."""
    far: float
    """Speed at the horizon, picture heights a frame to the right."""
    near: float
    """Speed one picture height below the horizon."""

    def _shift(self, t: float, y: Array) -> Array:
        return np.asarray(t * (self.far + (self.near - self.far) * (y - self.horizon)))

    def to_layer(self, t: float, x: Array, y: Array) -> tuple[Array, Array]:
        return x - self._shift(t, y), y

    def to_picture(self, t: float, x: Array, y: Array) -> tuple[Array, Array]:
        return x + self._shift(t, y), y


@dataclass(frozen=True)
class Layer:
    """A texture that moves."""

    texture: Array
    """Premultiplied RGBA, shape (h, w, 4); beyond its edges the edge is repeated."""
    left: float
    top: float
    density: float
    """Texels in one picture height."""
    motion: Motion

    def colour(self, t: float, x: Array, y: Array) -> Array:
        """Premultiplied RGBA at points of the picture, shape (*x.shape, 4)."""
        u, v = self.motion.to_layer(t, x, y)
        return sample(self.texture, (u - self.left) * self.density - 0.5, (v - self.top) * self.density - 0.5)

    @cached_property
    def _box(self) -> tuple[float, float, float, float]:
        seen = self.texture.max(-1) > 0
        columns, rows = np.flatnonzero(seen.any(0)), np.flatnonzero(seen.any(1))
        far, d = 9.0, self.density
        x0 = -far if columns[0] == 0 else self.left + columns[0] / d
        x1 = far if columns[-1] == seen.shape[1] - 1 else self.left + (columns[-1] + 1) / d
        y0 = -far if rows[0] == 0 else self.top + rows[0] / d
        y1 = far if rows[-1] == seen.shape[0] - 1 else self.top + (rows[-1] + 1) / d
        return x0, y0, x1, y1

    def extent(self, t: float) -> tuple[float, float, float, float]:
        """Left, top, right, bottom of the part that is not transparent, in the picture at time `t`."""
        x0, y0, x1, y1 = self._box
        x, y = self.motion.to_picture(t, np.array([x0, x1, x0, x1]), np.array([y0, y0, y1, y1]))
        margin = 2 / self.density
        return x.min() - margin, y.min() - margin, x.max() + margin, y.max() + margin


def compose(layers: Sequence[Layer], t: float, x: Array, y: Array) -> tuple[Array, Array]:
    """The picture at points (x, y) of a grid.

    Returns colour, shape (h, w, 3), and the share of each layer in it, shape (len(layers), h, w).
    """
    picture = np.zeros((*x.shape, 3), np.float32)
    shares = np.zeros((len(layers), *x.shape), np.float32)
    for number, layer in enumerate(layers):
        x0, y0, x1, y1 = layer.extent(t)
        rows = np.flatnonzero((y[:, 0] > y0) & (y[:, 0] < y1))
        columns = np.flatnonzero((x[0] > x0) & (x[0] < x1))
        if not rows.size or not columns.size:
            continue
        part = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        rgba = layer.colour(t, x[part], y[part])
        rest = 1 - rgba[..., 3]
        picture[part] = picture[part] * rest[..., None] + rgba[..., :3]
        shares[:, part[0], part[1]] *= rest
        shares[number, part[0], part[1]] = rgba[..., 3]
    return picture, shares


def grid(width: int, height: int, factor: int = 1) -> tuple[Array, Array]:
    """Centres of the pixels of a picture, `factor` times as fine, in picture heights: x and y, (h, w) each."""
    x = (np.arange(width * factor) + 0.5) / (height * factor)
    y = (np.arange(height * factor) + 0.5) / (height * factor)
    return tuple(np.meshgrid(x, y))  # type: ignore[return-value]


def render(
    layers: Sequence[Layer], t: float, width: int, height: int
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.bool_]]:
    """The picture at time `t`, (height, width, 3), and where several layers mix in one pixel, (height, width)."""
    x, y = grid(width, height, OVERSAMPLING)
    picture, shares = compose(layers, t, x, y)
    purest = np.max([shrink(share, OVERSAMPLING) for share in shares], axis=0)
    return to_bytes(shrink(picture, OVERSAMPLING)), purest < 0.9


def true_flow(
    layers: Sequence[Layer], t: float, other: float, width: int, height: int
) -> tuple[Array, npt.NDArray[np.bool_]]:
    """How the pixels of the picture at time `t` move until time `other`: exact, from the layers' own motions.

    Returns the flow, float32, shape (height, width, 2), u to the right and v down in pixels, and the mask of
    what is not to be seen at `other`: it has left the picture or gone behind a nearer layer. A pixel belongs
    to the nearest layer that covers at least half of it at its centre.
    """
    x, y = grid(width, height)
    owner = np.zeros(x.shape, np.int32)
    for number, layer in enumerate(layers):
        owner[layer.colour(t, x, y)[..., 3] >= 0.5] = number
    new_x, new_y = x.copy(), y.copy()
    for number, layer in enumerate(layers):
        own = owner == number
        new_x[own], new_y[own] = layer.motion.to_picture(other, *layer.motion.to_layer(t, x[own], y[own]))
    half = 0.5 / height - 1e-6
    gone = (new_x < half) | (new_y < half) | (new_x > width / height - half) | (new_y > 1 - half)
    for number, layer in enumerate(layers):
        behind = owner < number
        gone[behind] |= layer.colour(other, new_x[behind], new_y[behind])[..., 3] >= 0.5
    flow = np.stack([new_x - x, new_y - y], -1) * height
    return flow.astype(np.float32), gone
