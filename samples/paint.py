"""`paint.jpg`: thick oil paint, a swirling night sky over wheat, some ten thousand brush strokes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from samples.noise import Array, fbm, mix, noise, ramp, rgb, sample, shrink, smoothstep, to_bytes
from samples.strokes import Impasto

WIDTH, HEIGHT = 512, 400
FINE = 2
"""Painted this much finer than the finished picture."""

LIGHTS = [
    (1.0, 0.17, 0.1, 1),
    (0.17, 0.13, 0.045, 0),
    (0.42, 0.27, 0.04, 0),
    (0.64, 0.09, 0.036, 0),
    (0.8, 0.36, 0.034, 0),
    (0.08, 0.38, 0.034, 0),
    (1.2, 0.4, 0.032, 0),
]
"""Moon and stars: x, y, radius in picture heights, and 1 for the moon."""
DETAIL = 0.012
"""Fine strokes go where colours change by about this much from a pixel to the next."""
SWIRLS = [(0.5, 0.22, 0.17, 1.0), (0.27, 0.34, 0.12, -0.9), (0.76, 0.24, 0.12, -0.8), (0.1, 0.08, 0.13, 0.7)]


def stream(x: Array, y: Array) -> Array:
    """The stream function of the wind: strokes run along its level lines."""
    flow = y * 1.15 + 0.05 * np.sin(4.5 * x + 0.5) + 0.09 * (fbm(x * 2.2, y * 2.6, 3, 4) - 0.5)
    for sx, sy, radius, sense in SWIRLS:
        flow = flow + sense * radius * 1.25 * np.exp(-((x - sx) ** 2 + (y - sy) ** 2) / radius**2)
    for sx, sy, radius, _ in LIGHTS:
        flow = flow + 1.5 * radius * np.exp(-((x - sx) ** 2 + (y - sy) ** 2) / (1.5 * radius) ** 2)
    return flow


def hills(x: Array) -> Array:
    """The far skyline."""
    return 0.56 - 0.05 * np.sin(2.6 * x + 0.3) - 0.035 * np.sin(6.1 * x + 2)


def field(x: Array) -> Array:
    """Where the wheat begins."""
    return 0.665 + 0.02 * np.sin(3.4 * x + 1.0)


def poplar(x: Array, y: Array, at: float, foot: float, tall: float, wide: float) -> Array:
    """Signed distance, roughly, of a flame-shaped tree."""
    s = np.clip((foot - y) / tall, 0, 1)
    half = wide * np.clip(np.sin(np.pi * s**0.62) + 0.12, 0, None) * (1 - 0.35 * s)
    lean = 0.02 * np.sin(6 * s + at * 9)
    outside = np.maximum(y - foot, foot - tall - y)
    return np.maximum(np.abs(x - at - lean) - half - 0.02 * (noise(x * 30, y * 14, 3) - 0.5), outside)


def subject(x: Array, y: Array) -> tuple[Array, Array]:
    """What is painted: colours (h, w, 3) and the direction of the brush (h, w), in radians."""
    flow = stream(x, y)
    bands = 0.5 + 0.5 * np.sin(flow * 46 + 2.5 * (fbm(x * 5, y * 5, 3, 8) - 0.5))
    sky = ramp(
        np.clip(0.62 * bands + 0.5 * (y - 0.1) + 0.35 * (fbm(x * 4, y * 4, 3, 1) - 0.5), 0, 1),
        [(0.0, "#0a1440"), (0.25, "#16307e"), (0.5, "#2660b0"), (0.7, "#3f93b8"), (0.88, "#9cc9b0"), (1.0, "#e6dfa0")],
    )
    for sx, sy, radius, moon in LIGHTS:
        far = np.hypot(x - sx, y - sy) / radius + 0.5 * (fbm(x * 14, y * 14, 3, 40) - 0.5)
        ring = ramp(
            far / 3.2,
            [
                (0.0, "#fff6c8"),
                (0.2, "#ffdf60"),
                (0.34, "#f59a22"),
                (0.5, "#e8c85a"),
                (0.66, "#7fb79a"),
                (1.0, "#2c62a8"),
            ],
        )
        if moon:
            ring = ramp(
                far / 3.2,
                [
                    (0.0, "#ffd23e"),
                    (0.25, "#ff9d1c"),
                    (0.33, "#e2571a"),
                    (0.38, "#fbe58a"),
                    (0.6, "#e3b44c"),
                    (0.8, "#5fa09c"),
                    (1.0, "#2c62a8"),
                ],
            )
        sky = mix(sky, ring, smoothstep(3.2, 1.9, far + 0.9 * (fbm(x * 9, y * 9, 3, 41) - 0.5)))
    gy, gx = np.gradient(flow)
    angle = np.arctan2(-gx, gy)
    for sx, sy, radius, _ in LIGHTS:
        angle = np.where(np.hypot(x - sx, y - sy) < 2.4 * radius, np.arctan2(x - sx, sy - y) + 0.16, angle)

    land = y - hills(x)
    roll = 0.5 + 0.5 * np.sin(land * 70 + 5 * fbm(x * 3, y * 5, 3, 5))
    hill = ramp(roll, [(0.0, "#152a52"), (0.4, "#2b5a72"), (0.75, "#4e8a68"), (1.0, "#a3b35a")])
    colour = mix(sky, hill, smoothstep(-0.004, 0.004, land))
    angle = np.where(
        land > 0, np.arctan2(np.gradient(hills(x[0]) * x.shape[0])[None] * 1.0, 1.0) + 0.5 * (roll - 0.5), angle
    )

    crop = y - field(x)
    gust = fbm(x * 3 + y * 2, y * 7, 4, 15)
    wheat = ramp(
        np.clip(1.5 * gust - 0.3 + 0.25 * (fbm(x * 30, y * 9, 3, 6) - 0.5) + 0.2 * (crop * 2), 0, 1),
        [(0.0, "#6a3414"), (0.22, "#b0621a"), (0.45, "#e0962a"), (0.68, "#f4c63c"), (0.9, "#fbe88c"), (1.0, "#fff4c0")],
    )
    colour = mix(colour, wheat, smoothstep(-0.004, 0.004, crop))
    sway = -np.pi / 2 + 0.9 * (gust - 0.5) * 2 + 0.35 * np.sin(7 * x + 9 * y)
    angle = np.where(crop > 0, sway, angle)

    bend = 0.56 + 0.16 * np.sin(5.2 * (y - 0.62)) - 0.5 * (y - 0.66) ** 2
    path = np.abs(x - bend) - 0.014 - 0.34 * np.clip(y - 0.66, 0, 1) ** 1.15
    dirt = ramp(fbm(x * 9, y * 22, 3, 19), [(0.25, "#7c3d2a"), (0.45, "#c9764a"), (0.6, "#e9b184"), (0.8, "#8f9a62")])
    on = smoothstep(0.008, -0.004, path) * (crop > 0)
    colour = mix(colour, dirt, on)
    angle = np.where(on > 0.5, np.arctan2(1.0, np.gradient(bend, axis=0) * x.shape[0]), angle)
    verge = np.exp(-((path / 0.014) ** 2)) * (crop > 0)
    colour = mix(colour, rgb("#3f5a24"), 0.75 * verge)

    colour, angle = cottage(x, y, colour, angle)
    for at, foot, tall, wide in ((0.155, 0.8, 0.62, 0.05), (0.235, 0.77, 0.4, 0.036), (1.17, 0.7, 0.22, 0.022)):
        tree = poplar(x, y, at, foot, tall, wide)
        flame = fbm(x * 24 + 2 * np.sin(y * 18), y * 7, 4, 27)
        green = ramp(
            flame + 0.6 * np.clip((x - at) / wide, -1, 1) * 0.25,
            [(0.2, "#071a1c"), (0.42, "#123a2a"), (0.58, "#2f6434"), (0.75, "#9a8c30")],
        )
        colour = mix(colour, green, smoothstep(0.006, -0.004, tree))
        angle = np.where(tree < 0, -np.pi / 2 + 0.55 * np.sin(y * 26 + at * 40) - 1.5 * (x - at) / wide * 0.25, angle)
    return colour, angle


def cottage(x: Array, y: Array, colour: Array, angle: Array) -> tuple[Array, Array]:
    """A small house with a red roof and one lit window, among the hills."""
    left, right, eaves, foot = 0.83, 0.97, 0.585, 0.66
    wall = (x > left) & (x < right) & (y > eaves) & (y < foot)
    shade = np.where(x > 0.925, 1.0, 0.62)[..., None]
    colour = np.where(wall[..., None], rgb("#f3e2b4") * shade, colour)
    rise = np.clip((eaves + 0.006 - y) / 0.06, 0, 1)
    roof = (
        (y < eaves + 0.008)
        & (y > eaves - 0.055)
        & (x > left - 0.012 + 0.045 * rise)
        & (x < right + 0.012 - 0.045 * rise)
    )
    tiles = ramp(noise(x * 60, y * 40, 4), [(0.0, "#8c1f18"), (0.5, "#cf3f22"), (1.0, "#f07a34")])
    colour = np.where(roof[..., None], tiles, colour)
    pane = (np.abs(x - 0.875) < 0.014) & (np.abs(y - 0.62) < 0.016)
    colour = np.where(pane[..., None], rgb("#ffd23e"), colour)
    angle = np.where(wall, np.pi / 2, np.where(roof, 0.9, angle))
    return colour, angle


PASSES = (
    (62, 15, 1500, 0.0, 0.8),
    (44, 9.5, 3000, 0.0, 1.0),
    (30, 6.5, 4200, 0.0, 1.1),
    (20, 4.4, 5200, 0.6, 1.2),
    (12, 2.8, 3800, 0.95, 1.2),
    (7, 2.0, 9000, 1.0, 1.1),
)
"""Length and width of the brush in pixels, strokes, how strictly they keep to details, load of paint."""


def paint() -> npt.NDArray[np.uint8]:
    """The finished picture, (400, 512, 3)."""
    w, h = WIDTH * FINE, HEIGHT * FINE
    y, x = (axis.astype(np.float32) / h for axis in np.mgrid[0:h, 0:w])
    colour, angle = subject(x, y)
    detail = np.abs(np.gradient(colour.mean(-1), axis=0)) + np.abs(np.gradient(colour.mean(-1), axis=1))
    board = np.concatenate([colour, np.cos(angle)[..., None], np.sin(angle)[..., None], detail[..., None]], -1)
    rng = np.random.default_rng(1889)
    picture = Impasto(w, h, rgb("#7a4a24"))
    for length, width, count, picky, load in PASSES:
        px, py = rng.uniform(0, w, count), rng.uniform(0, h, count)
        here = sample(board, px, py)
        wanted = (rng.random(count) >= picky) | (here[:, 5] >= DETAIL * rng.random(count))
        tone = here[:, :3] * rng.uniform(0.86, 1.16, (count, 1)) + rng.normal(0, 0.035, (count, 3))
        accent = rng.random(count) < 0.07
        tone[accent] = here[accent][:, [2, 1, 0]] * 0.35 + here[accent, :3] * 0.65
        tone = np.clip(tone, 0, 1).astype(np.float32)
        turn = np.arctan2(here[:, 4], here[:, 3])
        step = FINE * length / 3
        ahead = sample(board, px + step * np.cos(turn), py + step * np.sin(turn))
        change = (np.arctan2(ahead[:, 4], ahead[:, 3]) - turn + np.pi / 2) % np.pi - np.pi / 2
        bend = np.clip(change / step, -1.6 / (FINE * length), 1.6 / (FINE * length))
        turn = turn + rng.normal(0, 0.07, count)
        long, wide = FINE * length * rng.uniform(0.65, 1.25, count), FINE * width * rng.uniform(0.7, 1.25, count)
        seeds = rng.integers(1 << 40, size=count)
        for k in np.flatnonzero(wanted):
            hairs = np.random.default_rng(seeds[k])
            picture.stroke(px[k], py[k], turn[k], bend[k], long[k], wide[k], tone[k], load, hairs)
    return to_bytes(shrink(picture.lit(), FINE))
