"""A brush with bristles: thick paint that covers, leaves ridges, and catches the light."""

from __future__ import annotations

import numpy as np

from samples.noise import Array, blur, fbm, smoothstep


class Impasto:
    """A canvas under oil paint: `colour` (h, w, 3), 0..1, and `relief` (h, w), the height of the paint."""

    def __init__(self, width: int, height: int, ground: Array) -> None:
        self.colour = np.broadcast_to(ground, (height, width, 3)).astype(np.float32).copy()
        y, x = np.mgrid[0:height, 0:width].astype(np.float32)
        weave = 0.5 + 0.25 * (
            np.sin(x * 1.25) * np.sign(np.sin(y * 0.62)) + np.sin(y * 1.25) * np.sign(np.sin(x * 0.62))
        )
        self.relief: Array = (0.35 * weave).astype(np.float32)

    def stroke(
        self,
        x: float,
        y: float,
        angle: float,
        bend: float,
        length: float,
        width: float,
        colour: Array,
        load: float,
        rng: np.random.Generator,
    ) -> None:
        """One stroke, centred on (x, y) in pixels, curved by `bend` (1/pixels), with `load` of paint (about 1)."""
        reach = length / 2 + width
        height, wide = self.relief.shape
        x0, x1 = max(0, int(x - reach)), min(wide, int(x + reach) + 1)
        y0, y1 = max(0, int(y - reach)), min(height, int(y + reach) + 1)
        if x0 >= x1 or y0 >= y1:
            return
        dx = np.arange(x0, x1, dtype=np.float32)[None] - np.float32(x)
        dy = np.arange(y0, y1, dtype=np.float32)[:, None] - np.float32(y)
        c, s = np.float32(np.cos(angle)), np.float32(np.sin(angle))
        along = c * dx + s * dy
        across = -s * dx + c * dy - np.float32(0.5 * bend) * along**2
        a, d = along / np.float32(length / 2), across / np.float32(width / 2)
        inside = np.abs(d) < 1.15
        inside &= np.abs(a) < 1.15
        if not inside.any():
            return
        a, d = a[inside], d[inside]
        hairs = max(5, int(width * 0.9))
        place = (d + 1.15) / 2.3 * (hairs - 1)
        at = np.minimum(place.astype(np.int32), hairs - 2)
        part = place - at
        table = rng.random((4, hairs)).astype(np.float32)
        values = table[:, at] * (1 - part) + table[:, at + 1] * part
        hair, begin, finish, hue = values
        wobble = np.float32(0.25) * np.sin(a * np.float32(rng.uniform(2, 6)) + 6 * hair)
        start, end = -1 + 0.25 * begin, 1.02 - 0.55 * finish**2
        soft = np.float32(4.0 / length)
        alpha = np.clip((a - start) / soft, 0, 1) * np.clip((end - a) / soft, 0, 1)
        alpha *= np.clip((1.02 - np.abs(d) - 0.14 * begin) * width * 0.5, 0, 1)
        dry = np.clip((hair + wobble - 1.15 * np.clip(a - load * 0.6, 0, 1)) * 6 + 1.0, 0, 1)
        alpha *= 0.12 + 0.88 * dry
        body = 0.25 + 0.75 * (hair + 0.4 * wobble)
        rim = 0.7 * np.exp(-(((np.abs(d) - 0.86) / 0.16) ** 2)) + 0.5 * np.exp(-(((a - end + 0.12) / 0.12) ** 2))
        thick = np.float32(load) * (body * (1 - 0.25 * d * d) + rim)
        tone = (0.86 + 0.28 * hair)[:, None] * colour + (hue - 0.5)[:, None] * np.array([0.07, 0.02, -0.06], np.float32)
        view, ground = self.colour[y0:y1, x0:x1], self.relief[y0:y1, x0:x1]
        view[inside] += (tone - view[inside]) * alpha[:, None]
        ground[inside] += (0.3 * ground[inside] + thick - ground[inside]) * alpha

    def lit(self, strength: float = 0.6) -> Array:
        """The painting under a lamp from the upper left: ridges shine, furrows are dark; (h, w, 3), 0..1."""
        relief = blur(self.relief, 0.8)
        gy, gx = np.gradient(relief)
        slope = 0.6 * gx + 0.8 * gy
        shade = np.clip(1 + 1.6 * strength * slope, 0.45, 1.7)
        shine = 0.28 * smoothstep(0.22, 0.75, slope)
        grain = 0.02 * (fbm(*np.mgrid[0 : relief.shape[0], 0 : relief.shape[1]].astype(np.float32) * 0.7, 2, 3) - 0.5)
        return np.clip(self.colour * shade[..., None] + shine[..., None] + grain[..., None], 0, 1)
