"""Things that both scenes are made of: clouds, mountains, woods, houses, grass."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from scene.canvas import Canvas
from scene.noise import Array, fbm, mix, noise, rgb, ridged, smoothstep

Ridge = Callable[[Array], Array]
"""Height of a skyline for every x, both in picture heights."""


def clouds(
    canvas: Canvas, sun: tuple[float, float], dark: npt.ArrayLike, bright: npt.ArrayLike, cover: float, seed: int
) -> None:
    """Drifts of cloud over the whole sheet: lit on the side of the sun, translucent at their edges."""
    x, y = canvas.x, canvas.y

    def density(dx: float, dy: float) -> Array:
        u, v = (x + dx) * 2.2, (y + dy) * 6.5
        warp = fbm(u * 0.8 + 3, v * 0.8, 3, seed + 7)
        return fbm(u + 1.1 * warp, v + 0.9 * warp, 6, seed, gain=0.54)

    thick = density(0, 0)
    way = np.array([sun[0] - 0.9, sun[1] - 0.2], np.float32)
    way *= 0.035 / float(np.hypot(*way))
    lit = np.clip(0.5 + 5.5 * (thick - density(float(way[0]), float(way[1]))), 0, 1)
    near = np.exp(-2.2 * np.hypot(x - sun[0], y - sun[1]))
    body = smoothstep(1 - cover, 1.16 - cover, thick)
    thin = smoothstep(1.22 - cover, 1.0 - cover, thick)
    colour = mix(dark, bright, np.clip(lit * 0.75 + 0.55 * near * thin + 0.12, 0, 1))
    canvas.over(colour, body * 0.93)


def mountains(
    canvas: Canvas,
    ridge: Ridge,
    rock: tuple[str, str],
    snow: tuple[str, str],
    haze: str,
    depth: float,
    seed: int,
) -> None:
    """A mountain range under a skyline: rock and snow as (shade, light) and `haze` that thickens downwards.

    `depth` is how far below the skyline the haze has nearly swallowed everything.
    """
    x, y = canvas.x, canvas.y
    below = y - ridge(x)
    u, v = x * 4.2 + 0.25 * fbm(x * 6, y * 6, 3, seed + 5), below * 3.4
    relief = ridged(u + 0.7 * v, v, 6, seed) * 0.5 + ridged(u - 0.9 * v + 4, v + 2, 5, seed + 50) * 0.5
    across = np.gradient(relief, axis=1) * canvas.density
    light = smoothstep(-1.5, 1.5, across + 0.25 * np.gradient(relief, axis=0) * canvas.density)
    patch = relief + 0.35 * fbm(x * 16, y * 16, 4, seed + 9)
    white = smoothstep(0.0, 0.09, patch - 0.55 - 3.1 * np.clip(below, 0, 1) + 0.12)
    colour = mix(mix(rgb(rock[0]), rgb(rock[1]), light), mix(rgb(snow[0]), rgb(snow[1]), light), white)
    mist = smoothstep(-0.1 * depth, depth, below + 0.05 * (fbm(x * 3, y * 9, 4, seed + 3) - 0.5))
    canvas.over(mix(colour, rgb(haze), 0.9 * mist), canvas.edge(-below))


def spruces(canvas: Canvas, ridge: Ridge, size: float, shades: tuple[str, str, str], seed: int) -> None:
    """A wooded slope under a skyline, row before row of spruces `size` high.

    `shades` are (far rows, near rows, sunlit tips).
    """
    rng = np.random.default_rng(seed)
    rows, step = 9, 0.42 * size
    start, end = canvas.left, canvas.right
    for row in range(rows):
        near = row / (rows - 1)
        base = mix(rgb(shades[0]), rgb(shades[1]), near)
        ground = ridge(canvas.x) + row * step
        canvas.over(base, canvas.edge(ground - canvas.y))
        place = start - size + rng.random() * step
        while place < end + size:
            height = size * rng.uniform(0.65, 1.25)
            foot = float(ridge(np.array([place], np.float32))[0]) + row * step + 0.25 * height
            spruce(
                canvas, place, foot, height, base * rng.uniform(0.8, 1.2), rgb(shades[2]), int(rng.integers(1 << 30))
            )
            place += size * rng.uniform(0.2, 0.5)
    canvas.tint(rgb(shades[1]) * 0.55, 0.35 * smoothstep(0.45, 0.75, fbm(canvas.x * 9, canvas.y * 16, 4, seed)))


def spruce(canvas: Canvas, x: float, foot: float, height: float, colour: Array, light: Array, seed: int) -> None:
    """One spruce with ragged tiers, lit from the right."""
    box = canvas.part(x - 0.3 * height, foot - height, x + 0.3 * height, foot)
    down = (box.y - foot + height) / height
    side = (box.x - x) / height
    tiers = 0.05 * ((down * 7) % 1.0) * np.clip(down * 2, 0, 1)
    ragged = 0.06 * (noise(side * 30 + seed % 97, down * 26, seed) - 0.5)
    width = 0.02 + 0.19 * down + tiers - 0.03 + ragged
    sun = smoothstep(-0.3, 1.0, side / np.maximum(width, 0.02) + 1.2 * (noise(side * 40, down * 30, seed + 1) - 0.5))
    box.over(mix(colour, light, 0.6 * sun), box.edge((np.abs(side) - width) * height))


def bush(canvas: Canvas, x: float, y: float, size: float, shades: tuple[str, str, str], seed: int) -> None:
    """A round tree or bush: a ball with leaves, `shades` from its dark side to its light, lit from the upper right."""
    box = canvas.part(x - 1.3 * size, y - 1.3 * size, x + 1.3 * size, y + 1.3 * size)
    u, v = (box.x - x) / size, (box.y - y) / size
    lumps = fbm(u * 2.2 + seed, v * 2.2, 3, seed) - 0.5
    leaves = fbm(u * 7 + seed, v * 7, 3, seed + 1) - 0.5
    radius = np.hypot(u, v) - 0.55 * lumps - 0.35 * leaves
    light = np.clip(0.5 + 0.34 * u - 0.42 * v + 1.1 * lumps + 1.3 * leaves, 0, 1)
    low, mid, high = (rgb(shade) for shade in shades)
    colour = mix(mix(low, mid, np.clip(2 * light, 0, 1)), high, np.clip(2 * light - 1, 0, 1))
    box.over(colour, box.edge((radius - 0.8) * size))


def house(canvas: Canvas, x: float, foot: float, size: float, wall: str, roof: str, seed: int) -> None:
    """A house seen at an angle: a gable in the sun on the right, a long side in shade on the left, lit windows."""
    rng = np.random.default_rng(seed)
    wide, deep, tall, up = size * rng.uniform(0.85, 1.15), size * 0.55, size * rng.uniform(0.55, 0.7), size * 0.42
    wall_light, wall_dark, tiles = rgb(wall), rgb(wall) * np.array([0.55, 0.52, 0.66], np.float32), rgb(roof)
    eaves, corner, end = foot - tall, x + wide, x + wide + deep
    canvas.polygon([(x, eaves), (corner, eaves), (corner, foot), (x, foot)], wall_dark, wall_dark * 0.75)
    gable = [(corner, foot), (corner, eaves), ((corner + end) / 2, eaves - up), (end, eaves), (end, foot)]
    canvas.polygon(gable, np.clip(wall_light * 1.06, 0, 1), wall_light * 0.86)
    top = eaves - up
    slope = [
        (x - 0.06 * size, eaves + 0.05 * size),
        (x + deep / 2 - 0.06 * size, top - 0.02 * size),
        ((corner + end) / 2 + 0.02 * size, top - 0.02 * size),
        (corner + 0.01 * size, eaves + 0.05 * size),
    ]
    canvas.polygon(slope, np.clip(tiles * 1.15, 0, 1), tiles * 0.7)
    for i in range(1, 6):
        level = eaves + 0.04 * size - (up + 0.06 * size) * i / 6
        shift = deep / 2 * i / 6
        canvas.line([(x + shift - 0.04 * size, level), (corner + shift, level)], 0.012 * size, tiles * 0.45, 0.6)
    far = [((corner + end) / 2, top - 0.03 * size), (end + 0.07 * size, eaves + 0.07 * size)]
    canvas.line(far, 0.06 * size, np.clip(tiles * 0.9, 0, 1))
    stack = x + wide * rng.uniform(0.4, 0.8)
    canvas.polygon(
        [(stack, top - 0.2 * size), (stack + 0.1 * size, top - 0.2 * size), (stack + 0.1 * size, top + 0.12 * size),
         (stack, top + 0.12 * size)], tiles * 0.8, tiles * 0.5,
    )  # fmt: skip
    count = 2 if wide < size else 3
    for i in range(count):
        window(canvas, x + wide * (i + 0.5) / count, foot - 0.6 * tall, 0.13 * size, rng.random() < 0.7)
    window(canvas, (corner + end) / 2, foot - 0.62 * tall, 0.12 * size, rng.random() < 0.6)
    window(canvas, (corner + end) / 2, eaves - 0.12 * up, 0.09 * size, True)


def window(canvas: Canvas, x: float, y: float, size: float, lit: bool) -> None:
    """A window with a frame and a cross, warm with lamplight or dark with a little sky in it."""
    w, h = size * 0.5, size * 0.7
    frame = rgb("#f3e3c4") if lit else rgb("#c9c0b4")
    corners = [(x - w, y - h), (x + w, y - h), (x + w, y + h), (x - w, y + h)]
    canvas.polygon([(x + (a - x) * 1.25, y + (b - y) * 1.2) for a, b in corners], frame * 0.8)
    top, low = (rgb("#ffe9a0"), rgb("#ff9f38")) if lit else (rgb("#4a5a78"), rgb("#20283c"))
    canvas.polygon(corners, top, low)
    canvas.line([(x, y - h), (x, y + h)], size * 0.1, frame * 0.55)
    canvas.line([(x - w, y), (x + w, y)], size * 0.1, frame * 0.55)
    if lit:
        canvas.glow(x, y, size * 2.2, rgb("#ffb050"), 0.22)


def grass(canvas: Canvas, ground: Ridge, count: int, tall: tuple[float, float], shades: list[str], seed: int) -> None:
    """Blades that grow from the line `ground` and below it, the far ones first, each a bent, tapering stroke."""
    rng = np.random.default_rng(seed)
    left, right = canvas.left, canvas.right
    depth = np.sort(rng.random(count) ** 1.5)
    for k in depth:
        x = rng.uniform(left, right)
        foot = float(ground(np.array([x], np.float32))[0]) + 0.01 + 0.22 * k
        height = rng.uniform(*tall) * (0.6 + 0.7 * k)
        lean = rng.normal(0.12, 0.28) * height
        width = height * rng.uniform(0.025, 0.05)
        spine = [(x + lean * s * s, foot - height * s) for s in (0, 0.35, 0.7, 1.0)]
        outline = [(px - width * (1 - s), py) for (px, py), s in zip(spine, (0, 0.35, 0.7, 1), strict=True)]
        outline += [(px + width * (1 - s), py) for (px, py), s in zip(spine, (0, 0.35, 0.7, 1), strict=True)][::-1]
        shade = rgb(shades[int(rng.integers(len(shades)))]) * rng.uniform(0.75, 1.15)
        canvas.polygon(outline, np.clip(shade * 1.2, 0, 1), shade * 0.45)


def birch(canvas: Canvas, x: float, rng: np.random.Generator) -> None:
    """A birch: a pale trunk with dark scars, boughs, some thousands of leaves against the light."""

    def middle(y: Array) -> Array:
        return x + 0.035 * np.sin(3.2 * y + 0.5) - 0.02 * y

    box = canvas.part(x - 0.2, -0.1, x + 0.2, 1.02)
    width = 0.022 + 0.016 * np.clip(box.y, 0, 1) ** 2 + 0.004 * (noise(box.y * 14, box.y * 0, 4) - 0.5)
    side = (box.x - middle(box.y)) / width
    bark = mix(
        rgb("#5d5364"), rgb("#fff0d0"), smoothstep(-1.1, 0.9, side + 0.5 * (fbm(box.x * 60, box.y * 25, 3, 7) - 0.5))
    )
    scars = smoothstep(0.6, 0.72, fbm(box.x * 26, box.y * 75, 4, 33) + 0.12 * smoothstep(0.7, 1.0, box.y))
    box.over(mix(bark, rgb("#2a2024"), scars), box.edge((np.abs(side) - 1) * width))
    ends = []
    for y, dx, dy in (
        (0.5, 0.26, -0.3),
        (0.36, -0.3, -0.22),
        (0.24, 0.36, -0.2),
        (0.12, -0.28, -0.1),
        (0.06, 0.22, -0.12),
    ):
        start = float(middle(np.array(y)))
        bough = [(start + dx * s, y + dy * s + 0.08 * s * s) for s in np.linspace(0, 1, 7)]
        for a, b, s in zip(bough, bough[1:], np.linspace(1, 0.3, 6), strict=False):
            canvas.line([a, b], 0.014 * s, rgb("#4a3a3c"))
        ends += bough[2:]
    for i in range(2600):
        cx, cy = ends[int(rng.integers(len(ends)))]
        px, py = cx + rng.normal(0, 0.055), cy + rng.normal(0.0, 0.045)
        length, angle = rng.uniform(0.008, 0.016), rng.uniform(0, np.pi)
        c, s = np.cos(angle) * length, np.sin(angle) * length
        leaf = rgb(["#f2b233", "#e0812a", "#c4501f", "#f7d565", "#8d8a2c", "#5c6424"][int(rng.integers(6))])
        shade = rng.uniform(0.4, 0.75) if i < 1300 else rng.uniform(0.75, 1.12)
        canvas.polygon(
            [(px - c, py - s), (px - s * 0.45, py + c * 0.45), (px + c, py + s), (px + s * 0.45, py - c * 0.45)],
            leaf * shade,
        )
