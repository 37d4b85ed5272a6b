"""The first scene: a village on a lake before snow mountains in the evening sun, from a camera that pans right."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from scene.canvas import Canvas, reflect
from scene.layers import Layer, Plane, Rigid, compose
from scene.noise import Array, fbm, mix, noise, ramp, rgb, ridged, smoothstep
from scene.scenery import birch, bush, clouds, grass, house, mountains, spruces, window

SUN = (1.3, 0.3)
SHORE = 0.6
"""Height in the picture where the lake begins."""
SPEEDS = {"sky": -0.0012, "mountains": -0.0035, "woods": -0.0065, "village": -0.0095, "tree": -0.031}
"""Picture heights a frame: the nearer, the faster the pan carries it to the left."""
REACH = 3.1
"""How far to the right the textures go: the picture's width and what the pan uncovers."""


def sky(density: float) -> Layer:
    """Blue over gold, lit clouds, a low sun."""
    canvas = Canvas(-0.1, -0.05, 2.3, 0.75, density)
    stops = [
        (-0.05, "#1e3f86"),
        (0.1, "#3a6fb4"),
        (0.24, "#7fa9c8"),
        (0.34, "#d8cdb4"),
        (0.44, "#f8c888"),
        (0.56, "#f59a5c"),
        (0.7, "#e0714a"),
    ]
    canvas.over(ramp(canvas.y + 0.03 * (fbm(canvas.x * 2, canvas.y * 5, 3, 4) - 0.5), stops))
    warm = np.exp(-2.4 * np.hypot(canvas.x - SUN[0], 1.5 * (canvas.y - SUN[1])))
    canvas.over(mix(rgb("#f79a4c"), rgb("#ffdf9c"), warm), 0.95 * warm)
    clouds(canvas, SUN, rgb("#7a6a92"), rgb("#fff0cc"), 0.53, 21)
    canvas.glow(*SUN, 0.16, rgb("#ffd98c"), 0.8)
    canvas.over(rgb("#fff6d8"), canvas.edge(np.hypot(canvas.x - SUN[0], canvas.y - SUN[1]) - 0.045))
    return canvas.layer(Rigid(vx=SPEEDS["sky"]))


def range_of_mountains(density: float) -> Layer:
    """Two chains of snow mountains, the farther one paler."""
    canvas = Canvas(-0.1, 0.05, 2.5, 0.75, density)

    def far(x: Array) -> Array:
        return 0.5 - 0.2 * ridged(x * 1.6 + 4.1, x * 0 + 0.5, 5, 14) ** 1.5

    def near(x: Array) -> Array:
        peaks = (
            0.36 * np.exp(-np.abs(x - 0.62) / 0.24)
            + 0.16 * np.exp(-np.abs(x - 0.16) / 0.14)
            + 0.15 * np.exp(-np.abs(x - 1.8) / 0.2)
        )
        return 0.53 - peaks - 0.11 * (ridged(x * 3.3, x * 0 + 3.5, 6, 31) - 0.5)

    mountains(canvas, far, ("#6f78a6", "#c9a7a0"), ("#aab0d4", "#ffe4c8"), "#f2b98c", 0.22, 5)
    mountains(canvas, near, ("#34406f", "#94767c"), ("#7f90c6", "#fff0d6"), "#dba58c", 0.36, 8)
    return canvas.layer(Rigid(vx=SPEEDS["mountains"]))


def woods(density: float) -> Layer:
    """Wooded foothills in the haze."""
    canvas = Canvas(-0.1, 0.3, 2.6, 0.75, density)

    def ridge(x: Array) -> Array:
        return 0.515 - 0.085 * np.sin(2.3 * x + 0.4) * np.sin(1.1 * x + 2.2) - 0.05 * (fbm(x * 3, x * 0, 3, 2) - 0.5)

    spruces(canvas, ridge, 0.042, ("#5f7a7c", "#2a4a48", "#d9a860"), 17)
    return canvas.layer(Rigid(vx=SPEEDS["woods"]))


def village(density: float) -> Layer:
    """The far shore: meadow, trees, houses with lit windows, a church."""
    canvas = Canvas(-0.1, 0.3, REACH, 0.75, density)

    def meadow(x: Array) -> Array:
        return 0.565 - 0.02 * np.sin(3 * x + 1) - 0.012 * (fbm(x * 8, x * 0, 3, 6) - 0.5)

    field = fbm(canvas.x * 10, canvas.y * 45, 4, 40)
    green = mix(
        mix(rgb("#48642f"), rgb("#b7a548"), smoothstep(0.3, 0.7, field)),
        rgb("#4a4028"),
        smoothstep(0.585, 0.605, canvas.y),
    )
    canvas.over(green, canvas.edge(meadow(canvas.x) - canvas.y))
    rng = np.random.default_rng(11)
    shades = [("#1d3a2c", "#4d7434", "#d8b84e"), ("#33301f", "#8f6a2c", "#f0b44a"), ("#17332f", "#3c6a44", "#b9bb58")]
    walls = ["#f2dfbe", "#e9b98a", "#d9c7b0", "#e8d27a", "#c96f4a", "#cfd6d4"]
    roofs = ["#b4482e", "#8c3b2e", "#c4632f", "#59505f"]
    church(canvas, 0.93, 0.578)
    for place in np.arange(0.0, REACH, 0.075):
        bush(
            canvas,
            place + rng.uniform(-0.03, 0.03),
            rng.uniform(0.545, 0.56),
            rng.uniform(0.022, 0.042),
            shades[int(rng.integers(3))],
            int(rng.integers(1 << 20)),
        )
    for row, foot in enumerate((0.572, 0.592)):
        for place in np.arange(0.14 + 0.07 * row, REACH - 0.2, 0.165):
            if rng.random() < 0.28:
                continue
            house(
                canvas,
                place + rng.uniform(-0.025, 0.025),
                foot,
                rng.uniform(0.062, 0.082),
                walls[int(rng.integers(6))],
                roofs[int(rng.integers(4))],
                int(rng.integers(1 << 20)),
            )
        for place in np.arange(0.05, REACH, 0.19):
            bush(
                canvas,
                place + rng.uniform(-0.06, 0.06),
                foot - 0.008,
                rng.uniform(0.012, 0.026),
                shades[int(rng.integers(3))],
                int(rng.integers(1 << 20)),
            )
    canvas.over(rgb("#3a3330"), 0.8 * smoothstep(0.598, 0.606, canvas.y))
    return canvas.layer(Rigid(vx=SPEEDS["village"]))


def church(canvas: Canvas, x: float, foot: float) -> None:
    """A white church with a pointed tower."""
    house(canvas, x - 0.02, foot, 0.1, "#f6ead2", "#7a4436", 3)
    canvas.polygon(
        [(x - 0.035, 0.43), (x - 0.008, 0.43), (x - 0.008, foot), (x - 0.035, foot)], rgb("#b7a8b4"), rgb("#8d8294")
    )
    canvas.polygon(
        [(x - 0.008, 0.43), (x + 0.02, 0.43), (x + 0.02, foot), (x - 0.008, foot)], rgb("#fff1d2"), rgb("#d9c3a0")
    )
    canvas.polygon([(x - 0.04, 0.432), (x - 0.008, 0.335), (x - 0.005, 0.435)], rgb("#3f4a66"))
    canvas.polygon([(x - 0.008, 0.335), (x - 0.006, 0.435), (x + 0.026, 0.432)], rgb("#86808c"))
    canvas.line([(x - 0.008, 0.34), (x - 0.008, 0.318)], 0.003, rgb("#ffe08a"))
    window(canvas, x + 0.006, 0.465, 0.016, True)
    window(canvas, x - 0.021, 0.465, 0.014, False)


def lake(behind: list[Layer], density: float) -> Layer:
    """The water: what stands behind it upside down, darker and broken by ripples; the sun glitters."""
    span = Canvas(-0.3, 0.0, REACH, SHORE, density)
    span.rgba[..., :3] = compose(behind, 0.0, span.x.astype(np.float64), span.y.astype(np.float64))[0]
    canvas = Canvas(-0.05, SHORE - 0.004, REACH, 1.03, density)
    x, y = canvas.x, canvas.y
    near = np.clip((y - SHORE) / (1 - SHORE), 0, 1)
    row = np.log(0.05 + near) * 11
    wave = noise(x * 9 / (0.25 + near), row * 2.0, 60) + 0.6 * noise(x * 22 / (0.25 + near), row * 4.3, 61) - 0.8
    canvas.over(reflect(span, canvas, SHORE, wave * (0.012 + 0.06 * near)))
    canvas.over(mix(rgb("#2b5870"), rgb("#123048"), near), 0.18 + 0.5 * near)
    crest = smoothstep(0.25, 0.6, wave) * (0.25 + 0.5 * near)
    canvas.over(mix(rgb("#f2c48e"), rgb("#6f9db8"), near), 0.55 * crest)
    canvas.over(rgb("#0c2438"), 0.55 * smoothstep(-0.2, -0.55, wave) * (0.3 + 0.7 * near))
    path = np.exp(-(((x - SUN[0] - 0.25 * near) / (0.05 + 0.16 * near)) ** 2))
    sparkle = smoothstep(0.5, 0.66, fbm(x * 26 / (0.4 + near), row * 4.0, 3, 64) + 0.12 * path)
    canvas.over(rgb("#ffe9b0"), np.clip(path * (0.25 + sparkle), 0, 1) * 0.9)
    canvas.over(rgb("#e8d6b0"), 0.55 * np.exp(-(((y - SHORE - 0.004) / 0.004) ** 2)))
    canvas.rgba *= canvas.edge(SHORE - y)[..., None]
    return canvas.layer(Plane(SHORE, SPEEDS["village"], SPEEDS["village"] - 0.026))


def balloon(density: float) -> Layer:
    """A striped balloon that rises before the mountains, swaying."""
    canvas = Canvas(1.0, 0.0, 1.5, 0.5, density)
    bx, by, r = 1.2, 0.22, 0.075
    u, v = (canvas.x - bx) / r, (canvas.y - by) / r
    belly = np.where(v < 0, np.hypot(u, v), np.hypot(u * (1 + 0.32 * np.clip(v, 0, 2) ** 2), v * 0.8))
    bulge = np.clip(u * (1 + 0.32 * np.clip(v, 0, 2) ** 2), -1, 1) / np.sqrt(
        np.clip(1.02 - np.minimum(v, 0) ** 2, 0.05, 1)
    )
    stripe = np.floor((np.arcsin(np.clip(bulge, -1, 1)) / np.pi + 0.5) * 8).astype(int) % 4
    colour = np.stack([rgb("#d8342c"), rgb("#f7e7c0"), rgb("#2c4f9e"), rgb("#f4b233")])[stripe]
    band = (np.abs(v + 0.05) < 0.13)[..., None]
    colour = np.where(band, rgb("#f7e7c0"), colour)
    shade = np.clip(0.5 + 0.42 * u - 0.32 * v + 0.06 * (noise(u * 9, v * 2, 3) - 0.5), 0.22, 1.05)
    for side in (-1, 1):
        canvas.line(
            [(bx + side * 0.26 * r, by + 1.15 * r), (bx + side * 0.12 * r, by + 1.72 * r)], 0.004, rgb("#4a3428")
        )
    canvas.over(mix(colour * rgb("#564878"), colour, shade), canvas.edge((belly - 1) * r))
    box = [
        (bx - 0.15 * r, by + 1.62 * r),
        (bx + 0.15 * r, by + 1.62 * r),
        (bx + 0.12 * r, by + 1.92 * r),
        (bx - 0.12 * r, by + 1.92 * r),
    ]
    canvas.polygon(box, rgb("#b07a3c"), rgb("#5c3820"))
    return canvas.layer(Rigid(vx=-0.009, vy=-0.0022, pivot=(bx, by), zoom=0.006, turn=0.06, period=30))


def boat(density: float) -> Layer:
    """A sailing boat that crosses before the village, with its reflection."""
    canvas = Canvas(-0.5, 0.3, 0.5, 1.0, density)
    line = 0.735
    deck, keel = line - 0.035, line + 0.004

    def sails(mirror: bool) -> None:
        def put(px: float, py: float) -> tuple[float, float]:
            return (px, 2 * line - py if mirror else py)

        main = [put(0.0, 0.385), put(-0.03, 0.55), put(-0.135, 0.668), put(0.0, 0.672)]
        jib = [put(0.012, 0.42), put(0.07, 0.58), put(0.13, 0.672), put(0.02, 0.668)]
        hull = [put(-0.165, deck - 0.008), put(0.165, deck - 0.016), put(0.115, keel), put(-0.135, keel)]
        stripe = [put(-0.163, deck), put(0.158, deck - 0.006), put(0.152, deck + 0.005), put(-0.159, deck + 0.009)]
        canvas.polygon(hull, rgb("#8a3b26"), rgb("#3a1a18"))
        canvas.polygon(stripe, rgb("#fbe9c3"))
        canvas.polygon(
            [put(-0.07, 0.672), put(0.0, 0.665), put(0.0, deck), put(-0.07, deck)], rgb("#d9a25c"), rgb("#8a5a30")
        )
        canvas.polygon(main, rgb("#fff3d2"), rgb("#eeb777"))
        canvas.polygon(jib, rgb("#e04a2e"), rgb("#a32a24"))
        for k in (0.3, 0.5, 0.68, 0.85):
            seam = 0.385 + k * 0.285
            canvas.line([put(-0.14 * k**1.6, seam - 0.004), put(0.0, seam)], 0.0025, rgb("#b98650"), 0.7)
        canvas.line([put(0.005, 0.365), put(0.005, deck)], 0.007, rgb("#4a2c1c"))
        canvas.line([put(-0.14, 0.672), put(0.0, 0.676)], 0.006, rgb("#4a2c1c"))
        canvas.polygon([put(0.005, 0.366), put(0.045, 0.376), put(0.005, 0.386)], rgb("#f2c23a"))

    sails(mirror=True)
    depth = canvas.y - line
    wave = noise(canvas.x * 16, canvas.y * 70, 71) + noise(canvas.x * 40, canvas.y * 120, 72) - 1
    shift = np.rint(0.016 * wave * np.clip(depth * 6, 0.2, 1) * density).astype(int)
    columns = np.clip(np.arange(canvas.x.shape[1])[None] + shift, 0, canvas.x.shape[1] - 1)
    mirrored = np.take_along_axis(canvas.rgba, columns[..., None], axis=1)
    veil = np.clip(0.8 - 1.5 * depth, 0, 1) * smoothstep(-0.9, 0.1, wave + 0.3)
    canvas.rgba[:] = mirrored * np.array([0.6, 0.66, 0.72, 1], np.float32) * (veil * (depth > 0))[..., None]
    sails(mirror=False)
    cloth = smoothstep(0.35, 0.66, canvas.y) * (depth < 0)
    canvas.tint(
        rgb("#6a3a3c"),
        0.28 * cloth * smoothstep(0.02, -0.14, canvas.x)
        + 0.12 * (fbm(canvas.x * 30, canvas.y * 12, 3, 9) > 0.52) * cloth,
    )
    wake = (
        np.exp(-((depth / 0.005) ** 2))
        * smoothstep(0.22, 0.1, np.abs(canvas.x))
        * smoothstep(0.35, 0.6, noise(canvas.x * 60, canvas.y * 60, 5))
    )
    canvas.over(rgb("#fff2d8"), 0.9 * wake)
    return canvas.layer(Rigid(vx=0.0175, pivot=(0.0, line), turn=0.02, bob=0.002, period=22, phase=0.6))


def bank(density: float) -> Layer:
    """The near bank: a tree with autumn leaves, reeds and grass, close to the camera."""
    canvas = Canvas(-0.05, -0.1, 2.8, 1.08, density)
    rng = np.random.default_rng(5)

    def ground(x: Array) -> Array:
        return 0.93 + 0.05 * np.cos(2.6 * (x - 0.4)) + 0.02 * (fbm(x * 6, x * 0, 3, 8) - 0.5)

    soil = mix(rgb("#1a2a18"), rgb("#4c5a24"), fbm(canvas.x * 20, canvas.y * 20, 4, 12))
    birch(canvas, 0.3, rng)
    canvas.over(soil, canvas.edge(ground(canvas.x) - canvas.y))
    grass(canvas, ground, 1100, (0.05, 0.13), ["#3d5a24", "#6f7a2c", "#a8933a", "#d8b452", "#2c4424"], 3)
    for _ in range(240):
        x = rng.uniform(-0.05, 2.8)
        y = float(ground(np.array([x], np.float32))[0]) + rng.uniform(-0.05, 0.07)
        r = rng.uniform(0.004, 0.008)
        box = canvas.part(x - r, y - r, x + r, y + r)
        petal = rgb(["#e0453a", "#f4e3c0", "#f0a32e", "#9a5cae"][int(rng.integers(4))])
        box.over(petal * rng.uniform(0.7, 1.1), box.edge(np.hypot(box.x - x, box.y - y) - r))
    return canvas.layer(Rigid(vx=SPEEDS["tree"]))


@lru_cache(maxsize=2)
def layers(density: float) -> tuple[Layer, ...]:
    """The scene from back to front; textures with `density` texels in a picture height."""
    back = [sky(density), range_of_mountains(density), woods(density), village(density)]
    water = lake(back, density)
    return (back[0], back[1], balloon(density), back[2], back[3], water, boat(density), bank(density))
