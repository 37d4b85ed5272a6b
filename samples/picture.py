"""`picture.jpg`: a still life by window light, for the `image` command; fruit, a bowl, a jug of flowers."""

from __future__ import annotations

from math import cos, pi, sin

import numpy as np
import numpy.typing as npt

from samples.noise import Array, fbm, mix, noise, ramp, rgb, ridged, shrink, smoothstep, to_bytes
from samples.solids import (
    Distance,
    Solid,
    Surface,
    ball,
    closeness,
    ellipsoid,
    march,
    normals,
    shade,
    turned,
    turned_pot,
)

WIDTH, HEIGHT = 480, 320
FINE = 2
EYE = np.array([0.0, 0.92, -3.1], np.float32)
LAMP = np.array([-0.8, 0.6, -0.2], np.float32) / np.float32(np.linalg.norm([-0.8, 0.6, -0.2]))
WALL = 1.05
"""Depth of the wall behind the table, whose top is at height 0."""


def skin(low: str, high: str, blush: str, freckles: float, gloss: float, seed: int) -> Surface:
    """The skin of a fruit: streaked from `low` to `high` round the stem, blushing on one side."""

    def surface(p: Array, normal: Array) -> tuple[Array, Array]:
        turn = np.arctan2(p[:, 2], p[:, 0])
        streak = fbm(turn * 6, p[:, 1] * 5, 4, seed)
        colour = mix(rgb(low), rgb(high), smoothstep(0.25, 0.75, 0.6 * streak + 0.2 + 1.2 * p[:, 1]))
        side = smoothstep(-0.25, 0.8, normal @ np.array([-0.5, 0.5, -0.6], np.float32) + 0.8 * (streak - 0.5))
        colour = mix(colour, rgb(blush), 0.85 * side)
        dots = smoothstep(0.8, 0.9, noise(turn * 34, p[:, 1] * 130, seed + 3))
        return mix(colour, rgb("#fff0b0"), freckles * dots), np.full(len(p), gloss, np.float32)

    return surface


def peel(colour: str, seed: int) -> Surface:
    """Orange or lemon peel, pitted all over."""

    def surface(p: Array, normal: Array) -> tuple[Array, Array]:
        pits = fbm(np.arctan2(p[:, 2], p[:, 0]) * 20, p[:, 1] * 110, 2, seed)
        tone = rgb(colour) * (0.78 + 0.44 * pits)[:, None]
        return mix(tone, rgb("#fff2c0"), 0.12 * smoothstep(0.6, 0.8, pits)), 0.3 + 0.4 * (1 - pits)

    return surface


def grape(p: Array, normal: Array) -> tuple[Array, Array]:
    """Dark grapes with a bloom on them."""
    bloom = smoothstep(0.35, 0.7, fbm(p[:, 0] * 16 + 3, p[:, 1] * 16 + p[:, 2] * 13, 3, 8))
    return mix(
        rgb("#2a1030"), mix(rgb("#5a2a5c"), rgb("#8a86b0"), bloom), 0.35 + 0.4 * normal[:, 1]
    ), 0.75 - 0.5 * bloom


def glaze(p: Array, normal: Array) -> tuple[Array, Array]:
    """White earthenware with a blue painted pattern."""
    turn, up = np.arctan2(p[:, 2], p[:, 0]) / (2 * pi), p[:, 1]
    vine = np.abs(up - 0.33 - 0.05 * np.sin(turn * 2 * pi * 6)) < 0.011
    leaf = (
        np.hypot(((turn * 12 + 0.25) % 1 - 0.5) / 1.6, (up - 0.33) / 0.11 + 0.35 * np.sign(np.sin(turn * 2 * pi * 6)))
        < 0.22
    )
    bands = (
        (np.abs(up - 0.14) < 0.012)
        | (np.abs(up - 0.5) < 0.014)
        | (np.abs(up - 0.535) < 0.004)
        | (np.abs(up - 0.67) < 0.01)
    )
    brush = 0.6 + 0.8 * noise(turn * 90, up * 60, 4)
    colour = mix(rgb("#f0ead8"), rgb("#2148a0"), (vine | leaf | bands) * np.clip(brush, 0, 1))
    return colour, np.full(len(p), 0.8, np.float32)


def copper(p: Array, normal: Array) -> tuple[Array, Array]:
    """A beaten copper bowl."""
    dents = fbm(np.arctan2(p[:, 2], p[:, 0]) * 9, p[:, 1] * 22, 2, 6)
    return mix(rgb("#7a3416"), rgb("#e08a4a"), 0.25 + 0.9 * dents), 0.55 + 0.45 * dents


def petals(colour: str, deep: str, seed: int) -> Surface:
    """Ruffled petals: light at their edges, deep between them."""

    def surface(p: Array, normal: Array) -> tuple[Array, Array]:
        r = np.linalg.norm(p, axis=1)
        fold = ridged(p[:, 0] * 16 + seed, p[:, 1] * 16 + p[:, 2] * 12, 3, seed)
        light = smoothstep(0.3, 0.9, fold * 0.7 + 2.6 * (r - 0.06))
        return mix(rgb(deep), rgb(colour), light), np.full(len(p), 0.08, np.float32)

    return surface


def blossom(radius: float, seed: int) -> Distance:
    """A ball of petals."""

    def distance(p: Array) -> Array:
        r = np.linalg.norm(p, axis=1)
        q = p / np.maximum(r, 1e-4)[:, None]
        turn, up = np.arctan2(q[:, 2], q[:, 0]), np.arccos(np.clip(q[:, 1], -1, 1))
        whorl = np.abs(np.sin(turn * 2.5 + 7 * up + seed)) * np.abs(np.sin(up * 5 + 0.9 * np.sin(turn * 3 + seed)))
        return 0.55 * (r - radius * (0.78 + 0.26 * whorl))

    return distance


def leaf(length: float, turn: float, tip: float) -> Distance:
    """A pointed leaf with a keel, turned and tipped as `solids.turned` does."""

    def distance(p: Array) -> Array:
        q = turned(p, turn, tip)
        s = np.clip(q[:, 0] / length, -1, 1)
        half = 0.36 * length * (1 - s * s) * (1 + 0.06 * np.sin(30 * s))
        lift = 0.35 * np.abs(q[:, 1]) + 0.12 * length * s * s
        box = np.maximum(np.abs(q[:, 1]) - half, np.abs(q[:, 2] + lift) - 0.006)
        return 0.6 * np.maximum(box, np.abs(q[:, 0]) - length)

    return distance


def foliage(p: Array, normal: Array) -> tuple[Array, Array]:
    """Leaves."""
    vein = fbm(p[:, 0] * 30, p[:, 1] * 30 + p[:, 2] * 25, 3, 2)
    return mix(rgb("#16301c"), rgb("#6f9440"), 0.9 * vein + 0.25 * normal[:, 1]), np.full(len(p), 0.3, np.float32)


def wooden(p: Array, normal: Array) -> tuple[Array, Array]:
    """Stems."""
    return np.broadcast_to(rgb("#4a3018"), p.shape), np.full(len(p), 0.1, np.float32)


def apple(radius: float) -> Distance:
    """An apple with a dimple at either end."""

    def distance(p: Array) -> Array:
        across = np.hypot(p[:, 0], p[:, 2])
        dent = 0.16 * np.exp(-((across / (0.3 * radius)) ** 2)) * radius * (1 + 0.6 * (p[:, 1] > 0))
        shape = np.linalg.norm(
            p * np.array([1, 1.06 + 0, 1], np.float32) + np.stack([0 * across, 0.1 * across, 0 * across], 1), axis=1
        )
        return 0.8 * (shape - radius + dent)

    return distance


def still_life() -> list[Solid]:
    """Everything on the table."""
    rng = np.random.default_rng(12)
    pear = turned_pot((-0.2, -0.19, -0.1, 0.0, 0.1, 0.17, 0.22, 0.23), (0.02, 0.1, 0.175, 0.17, 0.1, 0.07, 0.045, 0.01))
    jug = turned_pot(
        (0, 0.02, 0.1, 0.25, 0.4, 0.5, 0.6, 0.68, 0.7), (0.16, 0.18, 0.23, 0.285, 0.26, 0.18, 0.14, 0.165, 0.175)
    )
    bowl = turned_pot((0, 0.03, 0.06, 0.1, 0.16, 0.22, 0.25), (0.15, 0.15, 0.16, 0.27, 0.37, 0.43, 0.45), 0.025)
    red, gold = skin("#8c1420", "#d8402a", "#c01c20", 0.5, 0.6, 3), skin("#b8b23a", "#e0c848", "#d8542c", 0.35, 0.55, 9)
    things = [
        Solid((-0.72, 0, 0.25), 0.82, jug, glaze),
        Solid((0.42, 0.0, 0.1), 0.56, bowl, copper),
        Solid((0.28, 0.32, 0.02), 0.24, apple(0.17), red),
        Solid((0.62, 0.31, 0.0), 0.2, ball(0.165), peel("#f08a1c", 5)),
        Solid((0.46, 0.33, 0.28), 0.22, apple(0.17), gold),
        Solid((0.47, 0.46, 0.08), 0.22, ball(0.16), peel("#f4961e", 8)),
        Solid((-0.16, 0.165, -0.35), 0.24, apple(0.165), gold),
        Solid((-0.5, 0.105, -0.62), 0.2, ellipsoid(0.16, 0.108, 0.108, 0.5), peel("#f6d02c", 6)),
        Solid((1.02, 0.2, -0.2), 0.26, pear, skin("#a8a83a", "#d8cc58", "#c8742c", 0.4, 0.4, 15)),
        Solid((1.02, 0.45, -0.2), 0.06, ellipsoid(0.008, 0.05, 0.008, 0, 0.3), wooden),
        Solid((-0.16, 0.335, -0.35), 0.06, ellipsoid(0.009, 0.05, 0.009, 0, -0.3), wooden),
        Solid((0.28, 0.49, 0.02), 0.06, ellipsoid(0.009, 0.05, 0.009, 0, 0.4), wooden),
    ]
    for _ in range(34):
        k = rng.random()
        x, z = 0.2 + 0.42 * k + rng.normal(0, 0.03), -0.52 + rng.uniform(-0.11, 0.11) * (1.1 - k)
        r = rng.uniform(0.046, 0.056)
        things.append(Solid((x, r + rng.choice([0.0, 0.07, 0.11]) * (1 - 0.6 * k), z), 0.07, ball(r), grape))
    flowers = [
        (-0.72, 1.08, 0.2, 0.17, "#f4e8dc", "#c88a7a"),
        (-0.95, 0.97, 0.12, 0.15, "#e8506a", "#7a1430"),
        (-0.48, 0.98, 0.12, 0.15, "#f0a03c", "#a03c14"),
        (-0.84, 0.84, -0.02, 0.12, "#f8d86a", "#c07a1c"),
        (-0.6, 0.82, -0.04, 0.13, "#d03a3c", "#5c0c1c"),
        (-0.58, 1.24, 0.25, 0.11, "#8a7ad0", "#3a2a78"),
        (-0.98, 1.2, 0.26, 0.1, "#6a86d8", "#28347c"),
        (-0.33, 1.16, 0.25, 0.09, "#f4e8dc", "#c8907a"),
    ]
    for k, (x, y, z, r, edge, deep) in enumerate(flowers):
        things.append(Solid((x, y, z), r * 1.1, blossom(r, k), petals(edge, deep, k)))
    for k in range(17):
        a = 2 * pi * k / 17 + 0.2
        x, y, z = -0.72 + 0.33 * cos(a), 0.98 + 0.25 * sin(a) + 0.05 * sin(3 * a), 0.22 + 0.08 * cos(5 * a)
        things.append(Solid((x, y, z), 0.17, leaf(0.16, 0.3 * cos(7 * a), -a), foliage))
    for x, y, z, turn, tip in ((0.16, 0.16, -0.42, 0.5, 0.6), (0.4, 0.3, -0.22, 0.0, 2.6)):
        things.append(Solid((x, y, z), 0.14, leaf(0.13, turn, tip), foliage))
    return things


def room(points: Array, wall: Array) -> tuple[Array, Array, Array]:
    """Table and wall: colour, gloss and normal at points (n, 3); `wall` says which of the two."""
    x, z, y = points[:, 0], points[:, 2], points[:, 1]
    plaster = fbm(x * 2.4, y * 2.4, 6, 20)
    back = ramp(
        np.clip(0.55 + 0.22 * x - 0.1 * y + 0.35 * (plaster - 0.5), 0, 1),
        [(0.0, "#a8a88c"), (0.35, "#7c8a78"), (0.7, "#4c5c58"), (1.0, "#2e3a3c")],
    )
    board = np.floor(z * 2.2 + 0.3)
    rings = fbm(x * 0.7 + board * 7, z * 26 + 3.0 * fbm(x * 0.9, z * 3 + board, 3, 9), 5, 30)
    grain = fbm(x * 5, z * 210, 3, 31)
    wood = ramp(
        0.65 * rings + 0.35 * grain, [(0.2, "#3a2014"), (0.42, "#6b4128"), (0.58, "#8d5c36"), (0.75, "#b58450")]
    )
    gap = np.abs((z * 2.2 + 0.3) % 1 - 0.5) > 0.485
    wood = np.where(gap[:, None], wood * 0.25, wood)
    cloth, weave, fold = linen(x, z)
    table = np.where(cloth[:, None], weave, wood)
    normal = np.where(wall[:, None], np.array([0, 0, -1], np.float32), np.array([0, 1, 0], np.float32)).astype(
        np.float32
    )
    normal[:, 0] -= np.where(cloth & ~wall, fold, 0)
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    gloss = np.where(wall, 0.0, np.where(cloth, 0.02, 0.28 * (1 - 0.6 * grain)))
    return np.where(wall[:, None], back, table), gloss.astype(np.float32), normal


def linen(x: Array, z: Array) -> tuple[Array, Array, Array]:
    """A striped cloth under the fruit: where it lies, its colour, the slope of its folds."""
    edge = 0.02 * np.sin(7 * z + 1) + 0.006 * np.sin(23 * z)
    on = (x + 0.35 * z > -0.4 + edge) & (x + 0.35 * z < 0.84 + edge) & (z < 0.33 + 0.05 * np.sin(6 * x))
    along = x + 0.35 * z - edge
    stripe = (
        (np.abs(along + 0.3) < 0.035)
        | (np.abs(along - 0.74) < 0.035)
        | (np.abs(along + 0.22) < 0.012)
        | (np.abs(along - 0.66) < 0.012)
    )
    threads = 0.9 + 0.2 * noise(x * 160, z * 160, 3)
    colour = np.where(stripe[:, None], rgb("#b03a34"), rgb("#ece2cc")) * threads[:, None]
    heights = fbm((x + 0.35 * z) * 3.4, z * 1.1, 3, 44), fbm((x + 0.35 * z + 0.01) * 3.4, z * 1.1, 3, 44)
    return on, colour, 26 * (heights[1] - heights[0])


def picture() -> npt.NDArray[np.uint8]:
    """The finished picture, (320, 480, 3)."""
    w, h = WIDTH * FINE, HEIGHT * FINE
    v, u = ((axis.astype(np.float32) + 0.5) / h for axis in np.mgrid[0:h, 0:w])
    aim = np.stack([(u - 0.75).ravel() * 0.68 + 0.02, (0.5 - v).ravel() * 0.68 - 0.115, np.ones(u.size, np.float32)], 1)
    way = (aim / np.linalg.norm(aim, axis=1, keepdims=True)).astype(np.float32)
    to_wall = (WALL - EYE[2]) / way[:, 2]
    to_table = np.where(way[:, 1] < 0, -EYE[1] / np.minimum(way[:, 1], -1e-6), 1e9).astype(np.float32)
    until = np.minimum(to_wall, to_table)
    things = still_life()
    far, number = march(things, np.broadcast_to(EYE, way.shape), way, until)
    points = EYE + way * far[:, None]
    colour, gloss, normal = room(points, to_wall <= to_table)
    solid = number >= 0
    normal[solid] = normals(things, points[solid], number[solid])
    for k in np.unique(number[solid]):
        at = number == k
        colour[at], gloss[at] = things[k].surface(points[at] - np.array(things[k].place, np.float32), normal[at])
    return to_bytes(shrink(light(things, points, way, normal, colour, gloss).reshape(h, w, 3), FINE))


def light(things: list[Solid], points: Array, way: Array, normal: Array, colour: Array, gloss: Array) -> Array:
    """Window light from the left, a cool fill from the front, a warm bounce from the table; (n, 3), 0..1."""
    off = points + normal * 0.012
    facing = normal @ LAMP
    direct = np.clip(0.85 * facing + 0.15, 0, 1)
    lit = direct > 0
    direct[lit] *= shade(things, off[lit], LAMP, 5.0)
    open_air = closeness(things, off, normal)
    fill = np.array([0.2, 0.25, 0.34], np.float32) * (0.55 + 0.45 * normal[:, 1:2]) * open_air[:, None]
    bounce = np.array([0.17, 0.1, 0.05], np.float32) * np.clip(0.4 - 0.6 * normal[:, 1:2], 0, 1) * open_air[:, None]
    linear = colour.astype(np.float32) ** 2.2
    out = linear * (direct[:, None] * np.array([1.75, 1.5, 1.1], np.float32) + 0.8 * fill + 1.5 * bounce)
    mirror = way - 2 * np.einsum("ij,ij->i", way, normal)[:, None] * normal
    right = np.cross(LAMP, np.array([0, 1, 0], np.float32))
    right /= np.linalg.norm(right)
    a, b, front = mirror @ right, mirror @ np.cross(right, LAMP), mirror @ LAMP
    pane = smoothstep(0.3, 0.22, np.abs(a)) * smoothstep(0.36, 0.28, np.abs(b)) * (front > 0)
    pane *= 1 - 0.85 * (smoothstep(0.05, 0.02, np.abs(a)) + smoothstep(0.05, 0.02, np.abs(b))).clip(0, 1)
    rim = 0.06 + 0.6 * (1 - np.clip(-np.einsum("ij,ij->i", way, normal), 0, 1)) ** 4
    out += (gloss * pane * (direct > 0.05) * 0.75)[:, None] * np.array([1.0, 0.97, 0.9], np.float32)
    out += (
        (gloss * rim * open_air)[:, None]
        * np.array([0.3, 0.36, 0.42], np.float32)
        * (0.4 + 0.6 * mirror[:, 1:2].clip(0, 1))
    )
    out *= 0.92
    return np.clip((out * (2.51 * out + 0.03) / (out * (2.43 * out + 0.59) + 0.14)), 0, 1) ** (1 / 2.2)
