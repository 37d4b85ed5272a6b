"""Ink on paper: washes that dry with dark edges, a brush that runs dry, splashes, pen hatching."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from samples.noise import Array, fbm, mix, noise, rgb, ridged, smoothstep

WIDTH, HEIGHT = 512, 400
FINE = 2
"""Drawn this much finer than the finished picture."""

INDIGO = np.array([1.25, 1.0, 0.72], np.float32)
"""How strongly the ink absorbs red, green and blue: thin washes are blue, thick ones black."""
RED = np.array([0.12, 1.35, 1.55], np.float32)


class Sheet:
    """Paper with a tooth, and the ink in it; places in picture heights."""

    def __init__(self) -> None:
        w, h = WIDTH * FINE, HEIGHT * FINE
        y, x = (axis.astype(np.float32) / h for axis in np.mgrid[0:h, 0:w])
        self.x, self.y, self.texel = x, y, 1 / h
        fibre = ridged(x * 40 + 5 * fbm(x * 9, y * 9, 3, 5), y * 150, 3, 6) * 0.4 + ridged(x * 150, y * 40, 3, 7) * 0.3
        self.tooth: Array = np.clip(0.5 + 1.5 * (0.6 * fbm(x * 200, y * 200, 3, 1) + 0.4 * fibre - 0.46), 0, 1)
        self.absorbed = np.zeros((h, w, 3), np.float32)

    def soak(self, density: Array, ink: Array, part: tuple[slice, slice] = np.s_[:, :]) -> None:
        """Add ink: `density` 0 is none, 1 dark, 2 black."""
        self.absorbed[part] += density[..., None] * ink

    def wash(self, shape: Array, density: Array | float, seed: int, ink: Array = INDIGO, bleed: float = 0.012) -> None:
        """A wet area where the signed distance `shape` is negative: ragged, granulated, darkest along its edge."""
        part = rows(shape < 1.5 * bleed + 0.003)
        x, y, tooth, shape = self.x[part], self.y[part], self.tooth[part], shape[part]
        ragged = shape + bleed * 2.2 * (fbm(x * 26, y * 26, 5, seed) - 0.5) + 0.002 * (tooth - 0.5)
        cover = smoothstep(0.0022, -0.0022, ragged)
        edge = np.exp(-np.clip(-ragged, 0, 1) / 0.0035) * 0.75 + np.exp(-np.clip(-ragged, 0, 1) / 0.016) * 0.3
        bloom = fbm(x * 5, y * 5, 5, seed + 11)
        rings = 0.35 * np.exp(-(((bloom - 0.52) / 0.012) ** 2))
        grain = 0.55 + 0.9 * tooth**1.5
        tone = (0.55 + 0.9 * (bloom - 0.3) + edge + rings) * grain
        depth = density[part] if isinstance(density, np.ndarray) else density
        self.soak(np.clip(cover * tone * depth, 0, 2.5), ink, part)

    def line(
        self, points: Sequence[tuple[float, float]], width: Sequence[float], density: float, dry: float, seed: int
    ) -> None:
        """A brush line through `points`, its width running through `width`; `dry` 0 is wet, 1 shows the paper."""
        path = np.array(points, np.float32)
        if len(path) > 2:
            path = smooth(path)
        ends = np.linspace(0, 1, len(path))
        widths = np.interp(ends, np.linspace(0, 1, len(width)), width).astype(np.float32)
        margin = float(widths.max()) + 0.006
        h, w = self.x.shape
        c0, c1 = ((np.array([path[:, 0].min() - margin, path[:, 0].max() + margin])) * h).astype(int)
        r0, r1 = ((np.array([path[:, 1].min() - margin, path[:, 1].max() + margin])) * h).astype(int)
        part = np.s_[max(r0, 0) : max(min(r1, h), 0), max(c0, 0) : max(min(c1, w), 0)]
        x, y = self.x[part], self.y[part]
        if not x.size:
            return
        best, along = np.full(x.shape, 9.0, np.float32), np.zeros(x.shape, np.float32)
        side = np.zeros(x.shape, np.float32)
        for i in range(len(path) - 1):
            (ax, ay), (bx, by) = path[i], path[i + 1]
            dx, dy = bx - ax, by - ay
            t = np.clip(((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy + 1e-12), 0, 1)
            half = (widths[i] + (widths[i + 1] - widths[i]) * t) / 2
            ox, oy = x - ax - t * dx, y - ay - t * dy
            gap = np.hypot(ox, oy) - half
            near = gap < best
            best = np.where(near, gap, best)
            along = np.where(near, (i + t) / (len(path) - 1), along)
            side = np.where(near, (ox * dy - oy * dx) / (np.hypot(dx, dy) + 1e-9) / (half + 1e-5), side)
        gap = best + 0.0022 * (noise(x * 160, y * 160, seed) - 0.5)
        cover = np.clip(0.5 - gap / self.texel / 1.5, 0, 1)
        hairs = 0.6 * noise(side * 7 + seed % 31, along * 6, seed) + 0.4 * self.tooth[part]
        spent = dry * (0.25 + 0.75 * along)
        cover *= smoothstep(spent - 0.16, spent + 0.1, hairs + 0.1)
        rim = 0.35 * np.exp(-np.clip(-gap, 0, 1) / 0.002)
        self.soak(cover * density * (0.8 + rim + 0.3 * self.tooth[part]), INDIGO, part)

    def drop(
        self, x: float, y: float, radius: float, density: float, rng: np.random.Generator, ink: Array = INDIGO
    ) -> None:
        """A splash: a blot with a few spikes."""
        reach = 2.2 * radius + 0.004
        h = self.x.shape[0]
        part = np.s_[
            max(int((y - reach) * h), 0) : int((y + reach) * h) + 1,
            max(int((x - reach) * h), 0) : int((x + reach) * h) + 1,
        ]
        dx, dy = self.x[part] - x, self.y[part] - y
        if not dx.size:
            return
        turn = np.arctan2(dy, dx)
        wave = sum(rng.uniform(0, 0.3 / k) * np.sin(k * turn + rng.uniform(0, 6.3)) for k in (1, 2, 3, 4, 7))
        gap = np.hypot(dx, dy) - radius * (0.85 + wave)
        cover = np.clip(0.5 - gap / self.texel, 0, 1)
        rim = 0.6 * np.exp(-np.clip(-gap, 0, 1) / (0.15 * radius + 0.001))
        self.soak(cover * density * (0.7 + rim), ink, part)

    def finished(self) -> Array:
        """The dry picture, (h, w, 3): paper seen through the ink."""
        x, y = self.x, self.y
        stain = fbm(x * 3, y * 3, 5, 90)
        paper = mix(rgb("#f4e8cd"), rgb("#e2cba0"), smoothstep(0.4, 0.75, stain) * 0.8)
        rim = np.minimum.reduce([x, y, x.max() - x, y.max() - y])
        paper = mix(paper, rgb("#c79f68"), 0.55 * np.exp(-np.clip(rim + 0.03 * (stain - 0.5), 0, 1) / 0.035))
        light = np.gradient(self.tooth, axis=1) - np.gradient(self.tooth, axis=0)
        paper = paper * (1 + 0.16 * light + 0.07 * (self.tooth - 0.5))[..., None]
        flecks = smoothstep(0.76, 0.8, fbm(x * 70, y * 70, 2, 44))
        return np.clip(mix(paper, rgb("#a98a5c"), 0.35 * flecks) * np.exp(-self.absorbed), 0, 1)


def smooth(path: Array, rounds: int = 3) -> Array:
    """Cut the corners of a line (Chaikin), its ends kept."""
    for _ in range(rounds):
        a, b = path[:-1], path[1:]
        path = np.concatenate(
            [path[:1], np.stack([0.75 * a + 0.25 * b, 0.25 * a + 0.75 * b], 1).reshape(-1, 2), path[-1:]]
        )
    return path


def rows(where: npt.NDArray[np.bool_]) -> tuple[slice, slice]:
    """The rows of a sheet from the first to the last that has a point in the mask: all that need be worked on."""
    found = np.flatnonzero(where.any(1))
    return np.s_[found[0] : found[-1] + 1, :] if found.size else np.s_[0:0, :]


def hatch(sheet: Sheet, darkness: Array, seed: int, spacing: float = 0.0085) -> None:
    """Pen hatching in up to four directions, the more the darker `darkness` (h, w), 0..1, each line drawn by hand."""
    part = rows(darkness > 0.02)
    x, y, darkness, tooth = sheet.x[part], sheet.y[part], darkness[part], sheet.tooth[part]
    wobble = 0.005 * (fbm(x * 7, y * 7, 3, seed) - 0.5)
    for layer, (turn, level) in enumerate(((0.75, 0.18), (-0.7, 0.4), (0.15, 0.6), (1.45, 0.78))):
        c, s = np.cos(turn), np.sin(turn)
        along, across = c * x + s * y, -s * x + c * y + wobble
        number = np.floor(across / spacing)
        offset = np.abs(across / spacing - number - 0.5) * spacing
        breaks = noise(along * 16 + number * 7.3, number, seed + layer)
        pressure = smoothstep(level - 0.1, level + 0.12, darkness + 0.3 * (breaks - 0.5))
        pressure *= smoothstep(0.02, 0.1, darkness)
        width = 0.0009 + 0.0013 * pressure * (0.5 + breaks)
        cover = np.clip(0.5 - (offset - width) / sheet.texel / 1.4, 0, 1) * (pressure > 0.15)
        sheet.soak(cover * (0.55 + 0.75 * pressure) * (0.7 + 0.5 * tooth), INDIGO, part)
