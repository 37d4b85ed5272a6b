"""The second scene: a lighthouse on a cliff over a moonlit sea, the camera moving slowly in."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from scene.canvas import Canvas
from scene.layers import Layer, Rigid
from scene.noise import Array, fbm, mix, noise, ramp, rgb, ridged, smoothstep
from scene.scenery import clouds, grass, house

MOON = (0.46, 0.25)
HORIZON = 0.6
CENTRE = (0.95, 0.5)
"""The point the camera moves towards: every layer grows about it, the nearer the faster."""


def sky(density: float) -> Layer:
    """Indigo night, stars, a moon behind torn clouds."""
    canvas = Canvas(-0.2, -0.1, 2.0, 0.72, density)
    x, y = canvas.x, canvas.y
    stops = [(-0.1, "#070b22"), (0.2, "#10204a"), (0.42, "#1f4a72"), (0.58, "#4f8492"), (0.66, "#7fa59a")]
    canvas.over(ramp(y + 0.04 * (fbm(x * 2, y * 4, 3, 4) - 0.5), stops))
    rng = np.random.default_rng(2)
    for _ in range(170):
        sx, sy, size = rng.uniform(-0.2, 2.0), rng.uniform(-0.1, 0.5) ** 1.0, rng.uniform(0.0016, 0.0042)
        canvas.glow(sx, sy, size, rgb("#fff4d6"), rng.uniform(0.4, 1.0))
    canvas.glow(*MOON, 0.38, rgb("#8fc0d0"), 0.6)
    clouds(canvas, MOON, rgb("#1b2748"), rgb("#d5e0cf"), 0.56, 45)
    canvas.glow(*MOON, 0.13, rgb("#ffedb8"), 0.75)
    gap = np.hypot(x - MOON[0], y - MOON[1]) - 0.062
    seas = smoothstep(0.5, 0.62, fbm(x * 22, y * 22, 4, 12))
    canvas.over(mix(rgb("#fffbe6"), rgb("#d8cba0"), 0.8 * seas), canvas.edge(gap))
    return canvas.layer(Rigid(vx=0.001))


def wave(density: float, row: int, rows: int) -> Layer:
    """One row of swell: `row` 0 lies at the horizon, the last one breaks before the camera."""
    near = row / (rows - 1)
    top = HORIZON + 0.34 * near**1.35
    canvas = Canvas(-0.45, top - 0.1, 2.3, 1.1, density)
    x, y = canvas.x, canvas.y
    size = 0.012 + 0.05 * near

    def crest(at: Array) -> Array:
        swell = ridged(at * (7 - 4.5 * near) + 3.7 * row, at * 0 + row, 3, 80 + row)
        return top + size * (0.5 - swell) + 0.25 * size * (fbm(at * 26, at * 0 + row, 3, row) - 0.5)

    below = (y - crest(x)) / size
    deep, lit = mix(rgb("#3f7a86"), rgb("#0b2238"), near**0.6), mix(rgb("#a9cdbd"), rgb("#2f8a8c"), near)
    colour = mix(lit, deep, smoothstep(0.0, 1.7, below + 0.8 * (fbm(x * 12 / size * 0.02, y / size, 4, 7 + row) - 0.5)))
    streak = fbm(x * 0.55 / size + 0.6 * below, below * 2.2 + 9, 4, 30 + row)
    colour = mix(colour, lit * 1.12, 0.5 * smoothstep(0.55, 0.7, streak))
    colour = mix(colour, rgb("#061423"), 0.6 * smoothstep(0.47, 0.33, streak))
    lace = ridged(x * 0.5 / size, below * 1.1, 4, 200 + row)
    foam = smoothstep(0.62, 0.8, lace + 0.42 * np.exp(-1.6 * np.clip(below, 0, 9)) - 0.1)
    foam *= np.exp(-0.42 * np.clip(below, 0, 9)) * smoothstep(0.3, 0.6, noise(x * 4 + row, x * 0, 90 + row) + 0.2)
    colour = mix(colour, mix(rgb("#cfe6da"), rgb("#f4fbf2"), near), 0.92 * foam)
    moonlit = np.exp(-(((x - MOON[0] - 0.1 * near) / (0.07 + 0.12 * near)) ** 2))
    spark = smoothstep(0.45, 0.62, fbm(x * 0.9 / size, below * 3.0, 3, 300 + row) + 0.06)
    colour = mix(colour, rgb("#fff3c8"), np.clip(moonlit * (0.15 + 0.85 * spark), 0, 1) * (0.95 - 0.35 * near))
    canvas.over(colour, canvas.edge((-below) * size))
    motion = Rigid(
        vx=(0.002 + 0.011 * near) * (-1) ** row,
        pivot=CENTRE,
        zoom=0.0005 + 0.004 * near,
        bob=0.003 + 0.012 * near,
        period=14,
        phase=1.9 * row,
    )
    return canvas.layer(motion)


def cliff(density: float) -> Layer:
    """A headland of layered rock with a lighthouse and the keeper's house."""
    canvas = Canvas(0.75, -0.1, 2.3, 1.0, density)
    x, y = canvas.x, canvas.y

    def top(at: Array) -> Array:
        rise = smoothstep(0.98, 1.22, at) ** 0.8
        return 0.9 - 0.42 * rise - 0.05 * np.sin(2.4 * (at - 1.1)) * rise - 0.012 * (fbm(at * 18, at * 0, 3, 5) - 0.5)

    tower(canvas, 1.4, float(top(np.array([1.4], np.float32))[0]) + 0.012)
    foot = float(top(np.array([1.55], np.float32))[0])
    house(canvas, 1.53, foot + 0.02, 0.115, "#c9c4cc", "#6b3038", 8)
    below = y - top(x)
    strata = ridged(x * 5 + 1.4 * y, y * 11 - 2.0 * x, 5, 61)
    cracks = ridged(x * 16 + 3 * y, y * 4, 5, 66)
    relief = 0.6 * strata + 0.4 * cracks
    light = smoothstep(-2.4, 2.4, -np.gradient(relief, axis=1) * density - 0.6 * np.gradient(relief, axis=0) * density)
    rock = mix(mix(rgb("#101426"), rgb("#3a3c50"), light), rgb("#9fb2b0"), 0.75 * smoothstep(0.62, 0.95, light))
    rock = mix(rock, rgb("#0a1420"), smoothstep(0.1, 0.42, below))
    warm = np.exp(-(((x - 1.5) / 0.25) ** 2) - (below / 0.1) ** 2)
    turf = smoothstep(0.05, 0.012, below + 0.05 * (fbm(x * 22, y * 22, 4, 3) - 0.5))
    green = mix(rgb("#182c26"), rgb("#5f7a4a"), smoothstep(0.3, 0.7, fbm(x * 40, y * 30, 3, 77)))
    colour = mix(rock, green, turf)
    canvas.over(colour + 0.22 * warm[..., None] * rgb("#ffb050"), canvas.edge(-below - 0.012 * (cracks - 0.5)))
    grass(
        canvas.part(1.12, 0.0, 2.3, 0.6),
        lambda at: top(at) - 0.012,
        420,
        (0.012, 0.03),
        ["#35543c", "#6d8450", "#24402f", "#a08a4a"],
        4,
    )
    surf = 0.74 + 0.02 * (noise(x * 14, x * 0, 8) - 0.5) - 0.03 * fbm(x * 20, y * 20, 4, 9)
    spray = smoothstep(-0.03, 0.05, y - surf) * smoothstep(0.4, 0.6, fbm(x * 28, y * 34, 4, 15) + 0.1)
    canvas.tint(rgb("#dbeee6"), 0.85 * spray)
    return canvas.layer(Rigid(pivot=CENTRE, zoom=0.0028, vx=-0.001))


def tower(canvas: Canvas, x: float, foot: float) -> None:
    """A round tower in red and white with a gallery and a burning lamp."""
    head = foot - 0.3
    box = canvas.part(x - 0.1, head, x + 0.1, foot)
    half = 0.03 + 0.022 * (box.y - head) / (foot - head)
    side = (box.x - x) / half
    band = np.floor((box.y - head) / (foot - head) * 5 - 0.04 * (1 - side**2)).astype(int) % 2 == 0
    paint = np.where(band[..., None], rgb("#f3ead8"), rgb("#c5382f"))
    shade = np.clip(0.52 - 0.5 * side - 0.1 * side**2 + 0.1 * (fbm(box.x * 60, box.y * 25, 3, 6) - 0.5), 0.1, 1)
    box.over(mix(paint * rgb("#39406a"), paint, shade), box.edge((np.abs(side) - 1) * half))
    for k in (0.3, 0.62):
        y = head + k * (foot - head)
        canvas.polygon(
            [(x - 0.006, y - 0.014), (x + 0.006, y - 0.014), (x + 0.006, y + 0.012), (x - 0.006, y + 0.012)],
            rgb("#ffd277"),
            rgb("#d9812f"),
        )
    canvas.polygon(
        [(x - 0.045, head - 0.008), (x + 0.045, head - 0.008), (x + 0.04, head + 0.008), (x - 0.04, head + 0.008)],
        rgb("#4a4658"),
        rgb("#1c1c2c"),
    )
    for k in np.linspace(-0.042, 0.042, 8):
        canvas.line([(x + k, head - 0.008), (x + k, head - 0.026)], 0.003, rgb("#23243a"))
    canvas.line([(x - 0.044, head - 0.026), (x + 0.044, head - 0.026)], 0.004, rgb("#3a3a52"))
    lamp = head - 0.035
    canvas.polygon(
        [(x - 0.022, lamp - 0.03), (x + 0.022, lamp - 0.03), (x + 0.022, head - 0.006), (x - 0.022, head - 0.006)],
        rgb("#fff0b0"),
        rgb("#ffb347"),
    )
    for k in (-0.022, -0.008, 0.008, 0.022):
        canvas.line([(x + k, lamp - 0.03), (x + k, head - 0.006)], 0.003, rgb("#3a2c34"))
    canvas.polygon(
        [(x - 0.032, lamp - 0.028), (x, lamp - 0.075), (x + 0.032, lamp - 0.028)], rgb("#d8463a"), rgb("#7a1f24")
    )
    canvas.line([(x, lamp - 0.07), (x, lamp - 0.095)], 0.004, rgb("#2a2230"))
    canvas.glow(x, lamp - 0.004, 0.025, rgb("#fffbe0"), 1.0)
    canvas.glow(x, lamp - 0.004, 0.08, rgb("#ffd070"), 0.7)
    canvas.glow(x, lamp - 0.004, 0.22, rgb("#ff9c48"), 0.3)


def gull(density: float) -> Layer:
    """A gull that crosses before the moon and the lighthouse."""
    canvas = Canvas(0.2, 0.17, 0.8, 0.77, density)
    cx, cy = 0.5, 0.47
    for side, shade in ((1, "#8f9fb4"), (-1, "#e9eef0")):
        tip = (cx + side * 0.17 - 0.02, cy - 0.085 + 0.02 * side)
        elbow = (cx + side * 0.085, cy - 0.075)
        wing = [(cx - 0.012, cy - 0.012), elbow, tip, (elbow[0] + 0.012, cy - 0.045), (cx + 0.035, cy + 0.01)]
        canvas.polygon(wing, rgb(shade), rgb(shade) * 0.62)
        canvas.polygon(
            [tip, (tip[0] - side * 0.035, tip[1] + 0.004), (tip[0] - side * 0.03, tip[1] + 0.018)], rgb("#20263a")
        )
    u, v = (canvas.x - cx) / 0.06, (canvas.y - cy + 0.12 * (canvas.x - cx)) / 0.017
    canvas.over(
        mix(rgb("#f8fbf8"), rgb("#7c8ba4"), np.clip(0.5 + 0.5 * v, 0, 1)), canvas.edge((np.hypot(u, v) - 1) * 0.017)
    )
    canvas.polygon(
        [(cx - 0.05, cy - 0.004), (cx - 0.09, cy + 0.0), (cx - 0.085, cy + 0.022), (cx - 0.045, cy + 0.012)],
        rgb("#dfe6ea"),
        rgb("#8b97ac"),
    )
    canvas.polygon([(cx + 0.055, cy - 0.014), (cx + 0.08, cy - 0.008), (cx + 0.055, cy - 0.002)], rgb("#f0a62e"))
    canvas.polygon(
        [(cx + 0.045, cy - 0.014), (cx + 0.05, cy - 0.014), (cx + 0.05, cy - 0.009), (cx + 0.045, cy - 0.009)],
        rgb("#1c1c2c"),
    )
    return canvas.layer(Rigid(vx=0.029, vy=-0.0055, pivot=(cx, cy), turn=0.16, period=9, bob=0.006))


@lru_cache(maxsize=2)
def layers(density: float) -> tuple[Layer, ...]:
    """The scene from back to front; textures with `density` texels in a picture height."""
    rows = 7
    waves = [wave(density, row, rows) for row in range(rows)]
    return (sky(density), *waves[:3], cliff(density), *waves[3:], gull(density))
