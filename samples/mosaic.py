"""`mosaic.jpg`: glass and gold tesserae laid along the contours of a peacock under a sun."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from samples.noise import Array, blur, fbm, mix, noise, ramp, rgb, sample, shrink, smoothstep, to_bytes

WIDTH, HEIGHT = 512, 400
FINE = 2
"""Laid this much finer than the finished picture."""
FAN = (0.52, 0.66)
"""Where the feathers of the tail meet, in picture heights."""


class Design:
    """The cartoon under the mosaic: for every point a colour, the direction of the rows, and how much gold."""

    def __init__(self, x: Array, y: Array) -> None:
        self.x, self.y = x, y
        self.colour = np.zeros((*x.shape, 3), np.float32)
        self.along = np.zeros(x.shape, np.float32)
        self.gold = np.zeros(x.shape, np.float32)
        self.fine = np.ones(x.shape, np.float32)

    def area(self, where: Array, colour: Array, rows: Array, gold: float = 0.0, fine: float = 1.0) -> None:
        """Fill where the mask is set; tiles lie along the level lines of `rows`; `fine` under 1 asks for small ones."""
        dy, dx = np.gradient(rows)
        self.colour[where] = np.broadcast_to(colour, self.colour.shape)[where]
        self.along[where] = np.arctan2(-dx, dy)[where]
        self.gold[where], self.fine[where] = gold, fine


def stripes(level: Array, width: float, colours: list[str]) -> Array:
    """Bands of colour along a distance, repeated."""
    number = np.floor(level / width).astype(int) % len(colours)
    return np.stack([rgb(code) for code in colours])[number]


def segment(x: Array, y: Array, a: tuple[float, float], b: tuple[float, float], ra: float, rb: float) -> Array:
    """Signed distance to a limb that tapers from radius `ra` at `a` to `rb` at `b`."""
    dx, dy = b[0] - a[0], b[1] - a[1]
    t = np.clip(((x - a[0]) * dx + (y - a[1]) * dy) / (dx * dx + dy * dy), 0, 1)
    return np.hypot(x - a[0] - t * dx, y - a[1] - t * dy) - (ra + (rb - ra) * t)


def outline(x: Array, y: Array) -> Array:
    """Distance from the fan and its crown: the gold behind them is laid in rows along it."""
    cx, cy = FAN
    far, turn = np.hypot(x - cx, y - cy), np.arctan2(y - cy, x - cx)
    return far - 0.53 + 0.016 * np.cos(turn * 22)


def design(x: Array, y: Array) -> Design:
    """The peacock, its fan of eyes, the sun, the hills, a border."""
    plan = Design(x, y)
    everywhere = np.ones(x.shape, bool)
    sx, sy = 1.0, 0.25
    sun = np.hypot(x - sx, y - sy)
    heaven = ramp(
        np.clip(sun * 0.9 + 0.12 * (fbm(x * 5, y * 5, 3, 2) - 0.5), 0, 1),
        [(0.0, "#fbe6a0"), (0.3, "#f0c25a"), (0.6, "#dba640"), (1.0, "#b98232")],
    )
    halo = np.minimum(outline(x, y), sun - 0.36)
    plan.area(everywhere, heaven, np.where(halo < 0.16, halo, sun), 1.0)
    plan.area((halo > 0) & (halo < 0.028), rgb("#f8e6a8"), halo, 0.5)
    rays = (np.abs(((np.arctan2(y - sy, x - sx) / (2 * np.pi) * 18) % 1) - 0.5) < 0.2) & (sun > 0.17) & (sun < 0.36)
    plan.area(rays, rgb("#c8402a"), sun, 0.0)
    plan.area(
        sun < 0.155, stripes(sun, 0.031, ["#fff0b8", "#f8c840", "#f29a2a", "#d8452a", "#f8d060"]), sun, 0.35, 0.85
    )
    cloud = np.minimum.reduce(
        [
            np.hypot(x - cx, (y - cy) * 1.25) - r
            for cx, cy, r in ((1.02, 0.47, 0.06), (1.1, 0.45, 0.075), (1.19, 0.48, 0.06))
        ]
    )
    plan.area((cloud < 0) & (y < 0.5), stripes(-cloud, 0.018, ["#2f6fa8", "#8cc0d8", "#f2f0e4"]), cloud, 0.0, 0.8)
    hill = y - 0.8 + 0.09 * np.sin(3.1 * x + 0.4)
    plan.area(hill > 0, stripes(hill, 0.034, ["#2c6a3a", "#6fa23c", "#c9c24a", "#3f8a5a", "#1f4f44"]), hill)
    wave = y - 0.9 - 0.02 * np.sin(17 * x)
    plan.area(wave > 0, stripes(wave, 0.021, ["#eef4ec", "#6fc0c8", "#2a86b0", "#1b4f94", "#15306c"]), wave)
    fan(plan)
    peacock(plan)
    vine(plan)
    frame = np.minimum.reduce([x, y, x.max() - x, y.max() - y])
    plan.area(frame < 0.055, rgb("#16264e"), frame, 0.0)
    beads = (np.abs(((x + y) * 9) % 1 - 0.5) < 0.2) & (frame > 0.018) & (frame < 0.04)
    plan.area(beads, rgb("#e0a83c"), frame, 1.0)
    plan.area((frame < 0.018) | ((frame > 0.04) & (frame < 0.055)), rgb("#b8342a"), frame, 0.0)
    return plan


def fan(plan: Design) -> None:
    """The open tail: feathers round the breast, three rings of eyes."""
    x, y = plan.x, plan.y
    cx, cy = FAN
    far, turn = np.hypot(x - cx, y - cy), np.arctan2(y - cy, x - cx)
    edge = outline(x, y)
    tail = (edge < 0) & (y < 0.79 + 0.1 * np.abs(x - cx))
    colour = stripes(far + 0.012 * np.cos(turn * 22), 0.03, ["#0f5a4a", "#1f8a58", "#59b04c", "#187a74", "#0d4658"])
    plan.area(tail, colour, turn * 0.3)
    plan.area(tail & (edge > -0.025), rgb("#d8a03a"), edge, 1.0)
    for ring, (radius, count, size) in enumerate(((0.46, 15, 0.047), (0.345, 12, 0.041), (0.24, 9, 0.034))):
        for k in range(count):
            angle = np.pi * (1.0 + (k + 0.5 * (ring % 2) - 0.02) / (count - 1 + (ring % 2)) * 1.0)
            ex, ey = cx + radius * np.cos(angle), cy + radius * np.sin(angle) + 0.03
            u = (x - ex) * np.cos(angle) + (y - ey) * np.sin(angle)
            v = -(x - ex) * np.sin(angle) + (y - ey) * np.cos(angle)
            eye = np.hypot(u / 1.15, v) / size
            for limit, code, gold in (
                (1.0, "#b9c23c", 0.0),
                (0.84, "#c98632", 0.8),
                (0.64, "#28b0b0", 0.0),
                (0.42, "#1c2f9a", 0.0),
                (0.18, "#0c1440", 0.0),
            ):
                plan.area(eye < limit, rgb(code), eye, gold, 0.62)


def peacock(plan: Design) -> None:
    """Breast, neck and head, in blues."""
    x, y = plan.x, plan.y
    breast = np.hypot((x - 0.53) / 0.82, (y - 0.69) / 1.2) - 0.13
    neck = np.minimum(
        segment(x, y, (0.54, 0.6), (0.5, 0.44), 0.075, 0.045), segment(x, y, (0.5, 0.44), (0.535, 0.33), 0.045, 0.038)
    )
    head = np.hypot((x - 0.55) / 1.15, y - 0.315) - 0.05
    bird = np.minimum.reduce([breast, neck, head])
    scale = stripes(
        -bird + 0.012 * np.sin(60 * y) * 0.4, 0.021, ["#0f1f7c", "#1c4ac4", "#2f86e8", "#52c4e8", "#2a6cd4", "#9ce4e4"]
    )
    plan.area(bird < 0.017, rgb("#f6dc8a"), bird, 1.0, 0.7)
    plan.area(bird < 0, scale, bird, 0.0, 0.75)
    beak = np.maximum.reduce([0.585 - x, x - 0.66, np.abs(y - 0.32 - 0.12 * (x - 0.59)) - 0.022 * (0.665 - x) / 0.075])
    plan.area(beak < 0, rgb("#e8b03a"), y, 0.5, 0.6)
    face = np.hypot((x - 0.575) / 1.2, y - 0.305)
    plan.area(face < 0.026, rgb("#f6f2e4"), face, 0.0, 0.5)
    plan.area(face < 0.013, rgb("#0c0c18"), face, 0.0, 0.5)
    for k in range(5):
        tip = (0.49 + 0.032 * k, 0.185 + 0.008 * (k - 2) ** 2)
        stalk = segment(x, y, (0.54, 0.275), tip, 0.004, 0.004)
        plan.area(stalk < 0, rgb("#102a6c"), stalk, 0.0, 0.6)
        crown = np.hypot(x - tip[0], y - tip[1])
        plan.area(crown < 0.017, rgb("#d8a03a") if k % 2 else rgb("#2aa0c8"), crown, 0.8 * (k % 2), 0.6)
    for lx in (0.49, 0.57):
        leg = segment(x, y, (lx, 0.81), (lx - 0.01, 0.885), 0.012, 0.011)
        plan.area(leg < 0, rgb("#c8742a"), leg, 0.0, 0.7)


def vine(plan: Design) -> None:
    """A branch with leaves and pomegranates down the right side."""
    x, y = plan.x, plan.y
    middle = 1.13 + 0.035 * np.sin(9 * y + 0.5)
    stem = np.abs(x - middle) - 0.009
    plan.area((stem < 0) & (y > 0.5), rgb("#5a3420"), x - middle, 0.0, 0.7)
    for k, (ly, side) in enumerate(((0.56, 1), (0.6, -1), (0.7, 1), (0.74, -1), (0.84, 1), (0.87, -1))):
        ax = float(1.13 + 0.035 * np.sin(9 * ly + 0.5))
        bx, by = ax + side * 0.05, ly - 0.025
        if k in {0, 3, 4}:
            fruit = np.hypot(x - bx, y - by)
            plan.area(fruit < 0.036, stripes(fruit, 0.012, ["#f8a070", "#d83a2c", "#9c1c28"]), fruit, 0.0, 0.65)
        else:
            u = (x - bx) * 0.9 * side - (y - by) * 0.45
            v = (y - by) * 0.9 + (x - bx) * 0.45 * side
            leaf = np.hypot(u / 2.2, v) - 0.021
            plan.area(leaf < 0, np.where((v > 0)[..., None], rgb("#2f7a3c"), rgb("#9cbc4a")), v, 0.0, 0.65)


def lay(plan: Design, rng: np.random.Generator, rounds: int = 12) -> tuple[npt.NDArray[np.int32], Array, Array, Array]:
    """Lay the tiles: squares that turn with the design and push one another into rows (Hausner, 2001).

    Returns the tile of every pixel, the distance to the tile's border in pixels, and centre and angle of the tiles.
    """
    h, w = plan.x.shape
    guide = np.concatenate(
        [plan.colour, np.cos(2 * plan.along)[..., None], np.sin(2 * plan.along)[..., None], plan.fine[..., None]], -1
    )
    step = 12.6
    y, x = (axis.ravel() for axis in np.mgrid[step / 2 : h : step, step / 2 : w - step / 2 : step])
    x = x + step / 2 * ((y / step).astype(int) % 2)
    spots = np.stack([x, y], 1)[:, None] + rng.uniform(-5, 5, (len(x), 2, 2))
    second = rng.random(len(x)) < 1 / plan.fine[y.astype(int), x.astype(int)] ** 2 - 1
    centre = np.concatenate([spots[:, 0], spots[second, 1]]).astype(np.float32)
    for last in [False] * (rounds - 1) + [True]:
        at = sample(guide, centre[:, 0], centre[:, 1])
        angle = 0.5 * np.arctan2(at[:, 4], at[:, 3])
        tile = np.full((h, w), -1, np.int32)
        best, other = np.full((h, w), 1e9, np.float32), np.full((h, w), 1e9, np.float32)
        reach = 18
        for k, (x, y) in enumerate(centre):
            x0, y0 = max(int(x) - reach, 0), max(int(y) - reach, 0)
            part = np.s_[y0 : int(y) + reach + 1, x0 : int(x) + reach + 1]
            dx = np.arange(x0, min(int(x) + reach + 1, w), dtype=np.float32)[None] - x
            dy = np.arange(y0, min(int(y) + reach + 1, h), dtype=np.float32)[:, None] - y
            c, s = np.cos(angle[k]), np.sin(angle[k])
            gap = np.maximum(np.abs(c * dx + s * dy), np.abs(-s * dx + c * dy)) / at[k, 5]
            gap += 0.05 * (np.abs(dx) + np.abs(dy))
            b = best[part]
            closer = gap < b
            if last:
                other[part] = np.minimum(other[part], np.maximum(gap, b))
            b[closer] = gap[closer]
            tile[part][closer] = k
        flat = np.maximum(tile, 0).ravel()
        count = np.maximum(np.bincount(flat, minlength=len(centre)), 1)
        ys, xs = np.divmod(np.arange(h * w), w)
        if not last:
            mean = np.stack([np.bincount(flat, v, len(centre)) / count for v in (xs, ys)], 1)
            centre = np.where((np.bincount(flat, minlength=len(centre)) > 0)[:, None], mean, centre).astype(np.float32)
    return tile, (other - best) / 2, centre, angle


def mosaic() -> npt.NDArray[np.uint8]:
    """The finished picture, (400, 512, 3)."""
    w, h = WIDTH * FINE, HEIGHT * FINE
    y, x = (axis.astype(np.float32) / h for axis in np.mgrid[0:h, 0:w])
    plan, rng = design(x, y), np.random.default_rng(547)
    tile, border, centre, _ = lay(plan, rng)
    column, row = np.clip(centre[:, 0].astype(int), 0, w - 1), np.clip(centre[:, 1].astype(int), 0, h - 1)
    n = len(centre)
    base, gold = plan.colour[row, column], plan.gold[row, column]
    tone = base * rng.uniform(0.78, 1.3, (n, 1)) + rng.normal(0, 0.045, (n, 3))
    stray = rng.random(n) < 0.06
    tone[stray] = tone[stray][:, [1, 2, 0]] * 0.5 + tone[stray] * 0.5
    leaf = rng.random(n) < gold
    shine = rng.uniform(0, 1, n) ** 1.5
    golden = ramp(shine, [(0.0, "#8a5c1a"), (0.3, "#bd8a2c"), (0.6, "#e2b548"), (0.85, "#fbe294"), (1.0, "#fffae0")])
    tone[leaf] = 0.25 * base[leaf] + 0.75 * golden[leaf]
    tilt = rng.normal(0, 0.5, (n, 2)).astype(np.float32)
    tone = tone.astype(np.float32)

    ragged = border + 0.9 * (noise(x * 130, y * 130, 5) - 0.5)
    cover = smoothstep(0.75, 1.9, ragged)
    dome = smoothstep(0.6, 4.2, border)
    chips = fbm(x * 150, y * 150, 3, 9)
    relief = blur(dome * 2.4 + 0.5 * chips, 0.7)
    gy, gx = np.gradient(relief)
    light = np.clip(1 + 0.5 * (gx + 1.3 * gy), 0.45, 1.7)
    dx, dy = x * h - centre[tile, 0], y * h - centre[tile, 1]
    slope = (tilt[tile, 0] * dx + tilt[tile, 1] * dy) / 8
    streak = fbm(x * 40 + tile % 17, y * 40 + tile % 13, 3, 12) - 0.5
    glass = tone[tile] * np.clip(1 + 0.34 * slope + 0.3 * streak + 0.14 * (chips - 0.5), 0.4, 1.6)[..., None]
    glint = smoothstep(0.55, 0.95, 1 - np.hypot(dx + 2.5 + 2 * tilt[tile, 0], dy + 3 + 2 * tilt[tile, 1]) / 5)
    glass = mix(glass * light[..., None], rgb("#fffdf2"), glint * (0.2 + 0.5 * leaf[tile]) * 0.8)
    grit = fbm(x * 220, y * 220, 3, 31)
    grout = mix(rgb("#3a322c"), rgb("#a09282"), 0.7 * grit)
    return to_bytes(shrink(np.clip(mix(grout, glass, cover), 0, 1), FINE))
