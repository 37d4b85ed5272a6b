"""A texture in the making: a sheet of premultiplied RGBA with coordinates, and simple things to put on it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from scene.layers import Layer, Motion
from scene.noise import Array, mix, sample

Points = Sequence[tuple[float, float]]
"""Corners of a polygon or points of a line, in picture heights."""

FINE = 4
"""How much finer than a texel polygons and lines are drawn before they are averaged."""


class Canvas:
    """A sheet that covers left..right and top..bottom (in picture heights) with `density` texels a height.

    `x` and `y` are the coordinates of its texels, `rgba` what has been painted, both shared with its parts.
    """

    def __init__(self, left: float, top: float, right: float, bottom: float, density: float) -> None:
        self.left, self.top, self.right, self.density = left, top, right, density
        h, w = max(2, round((bottom - top) * density)), max(2, round((right - left) * density))
        x, y = left + (np.arange(w) + 0.5) / density, top + (np.arange(h) + 0.5) / density
        self.x, self.y = (a.astype(np.float32) for a in np.meshgrid(x, y))
        self.rgba: Array = np.zeros((h, w, 4), np.float32)

    def part(self, left: float, top: float, right: float, bottom: float) -> Canvas:
        """The piece of this sheet inside a box (at least one texel), to paint small things quickly."""
        h, w = self.rgba.shape[:2]
        d = self.density
        c0, c1 = int((left - self.left) * d) - 1, int((right - self.left) * d) + 2
        r0, r1 = int((top - self.top) * d) - 1, int((bottom - self.top) * d) + 2
        c0, r0 = min(max(c0, 0), w - 1), min(max(r0, 0), h - 1)
        c1, r1 = min(max(c1, c0 + 1), w), min(max(r1, r0 + 1), h)
        piece = Canvas.__new__(Canvas)
        piece.left, piece.top, piece.right, piece.density = self.left + c0 / d, self.top + r0 / d, self.left + c1 / d, d
        piece.x, piece.y, piece.rgba = self.x[r0:r1, c0:c1], self.y[r0:r1, c0:c1], self.rgba[r0:r1, c0:c1]
        return piece

    def over(self, colour: npt.ArrayLike, alpha: npt.ArrayLike = 1.0) -> None:
        """Cover with a colour (3,) or colours (h, w, 3), as far as `alpha` (h, w) or a number says."""
        a = np.clip(np.broadcast_to(np.asarray(alpha, np.float32), self.x.shape), 0, 1)[..., None]
        colour = np.clip(np.asarray(colour, np.float32), 0, 1)
        self.rgba *= 1 - a
        self.rgba[..., :3] += colour * a
        self.rgba[..., 3:] += a

    def tint(self, colour: npt.ArrayLike, alpha: npt.ArrayLike) -> None:
        """As `over`, but only on what is there already: transparency stays as it is."""
        seen = self.rgba[..., 3:]
        a = np.clip(np.broadcast_to(np.asarray(alpha, np.float32), self.x.shape), 0, 1)[..., None]
        self.rgba[..., :3] += (np.asarray(colour, np.float32) * seen - self.rgba[..., :3]) * a

    def glow(self, x: float, y: float, radius: float, colour: npt.ArrayLike, strength: float = 1.0) -> None:
        """Add light round a point, falling off like a Gaussian; it covers nothing."""
        box = self.part(x - 3 * radius, y - 3 * radius, x + 3 * radius, y + 3 * radius)
        light = strength * np.exp(-((box.x - x) ** 2 + (box.y - y) ** 2) / radius**2)
        light = np.clip(light - strength * np.exp(-9.0), 0, None)
        colours = box.rgba[..., :3]
        colours += (1 - colours) * light[..., None] * np.asarray(colour, np.float32)

    def mask(self, draw: Sequence[tuple[Points, float]]) -> Array:
        """Coverage 0..1, (h, w), of polygons (width 0) and of lines with a width in picture heights."""
        h, w = self.x.shape
        sheet = Image.new("L", (w * FINE, h * FINE), 0)
        pen = ImageDraw.Draw(sheet)
        k = self.density * FINE
        for points, width in draw:
            dots = [((x - self.left) * k, (y - self.top) * k) for x, y in points]
            if width > 0:
                pen.line(dots, fill=255, width=max(1, round(width * k)), joint="curve")
            else:
                pen.polygon(dots, fill=255)
        return np.asarray(sheet.reduce(FINE), np.float32) / 255

    def polygon(self, points: Points, colour: npt.ArrayLike, to: npt.ArrayLike | None = None) -> None:
        """A polygon in one colour, or shaded from `colour` at its top to `to` at its foot."""
        xs, ys = [p[0] for p in points], [p[1] for p in points]
        box = self.part(min(xs), min(ys), max(xs), max(ys))
        shade = np.asarray(colour, np.float32)
        if to is not None:
            shade = mix(shade, to, np.clip((box.y - min(ys)) / (max(ys) - min(ys)), 0, 1))
        box.over(shade, box.mask([(points, 0)]))

    def line(self, points: Points, width: float, colour: npt.ArrayLike, alpha: float = 1.0) -> None:
        """A line of even width."""
        xs, ys = [p[0] for p in points], [p[1] for p in points]
        box = self.part(min(xs) - width, min(ys) - width, max(xs) + width, max(ys) + width)
        box.over(colour, alpha * box.mask([(points, width)]))

    def edge(self, distance: Array) -> Array:
        """Coverage of where a signed distance (picture heights, negative inside) is below zero, one texel soft."""
        return np.clip(0.5 - distance * self.density, 0, 1)

    def layer(self, motion: Motion) -> Layer:
        """The finished sheet as a moving layer."""
        return Layer(self.rgba, self.left, self.top, self.density, motion)


def reflect(picture: Canvas, canvas: Canvas, shore: float, ripple: Array) -> Array:
    """Colours (h, w, 3) of `picture` as a lake beginning at height `shore` mirrors them, shifted by `ripple`."""
    x = (canvas.x + ripple - picture.left) * picture.density - 0.5
    y = (2 * shore - canvas.y - 0.4 * ripple - picture.top) * picture.density - 0.5
    return sample(picture.rgba, x, y)[..., :3]
