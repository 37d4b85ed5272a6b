"""A small ray marcher: solids given by their distance, soft shadows, and the light of a window."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from samples.noise import Array

Distance = Callable[[Array], Array]
"""Points (n, 3) relative to the solid's place -> signed distance (n,), never more than the true one."""
Surface = Callable[[Array, Array], tuple[Array, Array]]
"""Points (n, 3) relative to the place and normals (n, 3) -> colour (n, 3) and gloss (n,), 0..1."""


@dataclass(frozen=True)
class Solid:
    """One thing on the table."""

    place: tuple[float, float, float]
    reach: float
    """Radius of a ball round `place` that holds all of it."""
    distance: Distance
    surface: Surface


def ball(radius: float) -> Distance:
    """A sphere."""
    return lambda p: np.linalg.norm(p, axis=1) - radius


def ellipsoid(a: float, b: float, c: float, turn: float = 0.0, tip: float = 0.0) -> Distance:
    """An ellipsoid with half axes a, b, c, turned about the vertical and then tipped sideways, in radians."""

    def distance(p: Array) -> Array:
        q = turned(p, turn, tip)
        size = np.array([a, b, c], np.float32)
        k0, k1 = np.linalg.norm(q / size, axis=1), np.linalg.norm(q / size**2, axis=1)
        return k0 * (k0 - 1) / np.maximum(k1, 1e-6)

    return distance


def turned(p: Array, turn: float, tip: float) -> Array:
    """Points turned about the vertical axis and then tipped about the axis of view."""
    c, s = np.cos(turn), np.sin(turn)
    x, y, z = c * p[:, 0] - s * p[:, 2], p[:, 1], s * p[:, 0] + c * p[:, 2]
    c, s = np.cos(tip), np.sin(tip)
    return np.stack([c * x - s * y, s * x + c * y, z], 1)


def turned_pot(heights: Sequence[float], radii: Sequence[float], thick: float = 0.0) -> Distance:
    """A solid of revolution through (height, radius); `thick` > 0 hollows it out from above."""
    fine = np.linspace(heights[0], heights[-1], 96)
    smooth = np.interp(fine, heights, radii)
    for _ in range(40):
        smooth[1:-1] = 0.25 * smooth[:-2] + 0.5 * smooth[1:-1] + 0.25 * smooth[2:]

    def distance(p: Array) -> Array:
        across, up = np.hypot(p[:, 0], p[:, 2]), p[:, 1]
        radius = np.interp(up, fine, smooth)
        wall = across - radius
        body = np.abs(wall + thick / 2) - thick / 2 if thick else wall
        if thick:
            body = np.minimum(body, np.maximum(up - heights[0] - thick, wall))
        return np.asarray(0.72 * np.maximum(body, np.maximum(heights[0] - up, up - heights[-1])), np.float32)

    return distance


def nearest(solids: Sequence[Solid], points: Array) -> tuple[Array, Array]:
    """Distance from each point (n, 3) to the nearest solid, and its number (int32)."""
    best, number = np.full(len(points), 1e3, np.float32), np.full(len(points), -1, np.int32)
    for k, solid in enumerate(solids):
        p = points - np.array(solid.place, np.float32)
        bound = np.sqrt(np.einsum("ij,ij->i", p, p)) - solid.reach
        far = (bound > 0.06) & (bound + 0.05 < best)
        best[far], number[far] = bound[far] + 0.05, k
        close = np.flatnonzero((bound <= 0.06) & (bound < best))
        if close.size:
            d = solid.distance(p[close])
            better = d < best[close]
            best[close[better]], number[close[better]] = d[better], k
    return best, number


def march(solids: Sequence[Solid], origin: Array, way: Array, until: Array, steps: int = 70) -> tuple[Array, Array]:
    """Where rays (origin and way (n, 3)) meet a solid: the distance (n,), `until` where they don't, and its number."""
    gone, number = until.copy(), np.full(len(way), -1, np.int32)
    enter, leave = np.full(len(way), np.inf, np.float32), np.full(len(way), -np.inf, np.float32)
    for solid in solids:
        to = np.array(solid.place, np.float32) - origin
        middle = np.einsum("ij,ij->i", to, way)
        gap = solid.reach**2 - (np.einsum("ij,ij->i", to, to) - middle**2)
        hit = gap > 0
        half = np.sqrt(np.maximum(gap, 0))
        enter[hit] = np.minimum(enter, middle - half)[hit]
        leave[hit] = np.maximum(leave, middle + half)[hit]
    leave = np.minimum(leave, until)
    live = np.flatnonzero(leave > np.maximum(enter, 0))
    t = np.maximum(enter[live], 0).astype(np.float32)
    for _ in range(steps):
        if not live.size:
            break
        d, which = nearest(solids, origin[live] + way[live] * t[:, None])
        done = d < 0.0012
        gone[live[done]], number[live[done]] = t[done], which[done]
        t = t + d
        stay = ~done & (t < leave[live])
        live, t = live[stay], t[stay]
    return gone, number


def normals(solids: Sequence[Solid], points: Array, number: Array) -> Array:
    """Outward normals (n, 3) of the solids at points on their surfaces."""
    out = np.zeros_like(points)
    corners = np.array([[1, -1, -1], [-1, -1, 1], [-1, 1, -1], [1, 1, 1]], np.float32)
    for k in np.unique(number[number >= 0]):
        at = number == k
        p = points[at] - np.array(solids[k].place, np.float32)
        n = sum(c * solids[k].distance(p + 0.002 * c)[:, None] for c in corners)
        out[at] = n / np.maximum(np.linalg.norm(n, axis=1, keepdims=True), 1e-6)
    return out


def shade(solids: Sequence[Solid], points: Array, light: Array, soft: float, steps: int = 22) -> Array:
    """How much of the lamp is seen from each point (n,), 0..1; the greater `soft`, the sharper the shadow."""
    seen = np.ones(len(points), np.float32)
    live, t = np.arange(len(points)), np.full(len(points), 0.02, np.float32)
    for _ in range(steps):
        d, _ = nearest(solids, points[live] + light * t[:, None])
        seen[live] = np.minimum(seen[live], np.clip(0.5 + 0.5 * soft * d / t, 0, 1))
        t = t + np.clip(d, 0.014, 0.25)
        stay = (seen[live] > 0.01) & (t < 1.9)
        live, t = live[stay], t[stay]
        if not live.size:
            break
    return seen * seen * (3 - 2 * seen)


def closeness(solids: Sequence[Solid], points: Array, normal: Array) -> Array:
    """Ambient light left over near other surfaces (n,), 0..1."""
    dark = np.zeros(len(points), np.float32)
    for k, reach in enumerate((0.03, 0.09, 0.2)):
        d, _ = nearest(solids, points + normal * reach)
        dark += np.clip(reach - d, 0, None) / reach * (0.5, 0.35, 0.25)[k]
    return np.clip(1 - dark, 0, 1)
