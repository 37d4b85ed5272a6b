"""`ink.jpg`: a pine, misty mountains and a junk in indigo ink on warm paper, under one red sun."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from samples.noise import blur, fbm, noise, ridged, shrink, smoothstep, to_bytes
from samples.sheet import FINE, INDIGO, RED, Sheet, hatch, smooth


def mountains(sheet: Sheet, rng: np.random.Generator) -> None:
    """Misty ranges: washes that are darkest along the crest and fade into the mist below."""
    x, y = sheet.x, sheet.y
    for k, (base, high, dark) in enumerate(((0.4, 0.2, 0.3), (0.5, 0.27, 0.5), (0.6, 0.15, 0.8))):
        shape = ridged(x * (1.3 + 0.5 * k) + 3.1 * k + 0.4, x * 0 + k, 5, 40 + k)
        crest = base - high * (shape**2.2 - 0.2) * 1.25
        below = y - crest
        fade = np.exp(-np.clip(below, 0, 1) / (0.075 + 0.02 * k)) + 0.1 * smoothstep(0.22, 0.1, below)
        folds = 0.6 + 0.9 * smoothstep(0.45, 0.75, ridged(x * 9 - below * 6, below * 5 + k, 4, 60 + k))
        sheet.wash(-below, dark * fade * folds, 70 + k, bleed=0.008)
        slope = smoothstep(0.52, 0.74, ridged(x * 13 - below * 9, below * 4 + k, 4, 60 + k))
        if k:
            hatch(
                sheet,
                0.75 * slope * np.exp(-np.clip(below, 0, 1) / 0.1) * smoothstep(0.15, 0.1, below) * (below > 0),
                80 + k,
            )
        columns = np.linspace(0, x.shape[1] - 1, 90).astype(int)
        outline = [(float(x[0, c]), float(crest[0, c])) for c in columns]
        for start in range(0, 86, 9):
            piece = outline[start : start + int(rng.integers(7, 13))]
            sheet.line(piece, [0.001, rng.uniform(0.003, 0.008), 0.002], 0.5 + 0.5 * k, 0.55, 90 + start + k)


def pine(sheet: Sheet, rng: np.random.Generator) -> None:
    """A gnarled old pine that leans over the water: a dry brush for the bark, bundles of needles."""
    stem = [(0.2, 1.04), (0.17, 0.86), (0.26, 0.7), (0.21, 0.56), (0.3, 0.43), (0.27, 0.31), (0.37, 0.2), (0.47, 0.15)]
    sheet.line(stem, [0.085, 0.062, 0.05, 0.042, 0.034, 0.024, 0.014, 0.006], 0.7, 0.3, 5)
    sheet.line(stem, [0.07, 0.05, 0.042, 0.036, 0.03, 0.022, 0.014, 0.006], 1.1, 0.75, 4)
    sheet.line([(a - 0.016, b) for a, b in stem], [0.018, 0.014, 0.009, 0.003], 1.3, 0.4, 6)
    for i in range(130):
        k = rng.uniform(0, 5.9)
        a, b = stem[int(k)], stem[int(k) + 1]
        px, py = a[0] + (b[0] - a[0]) * (k % 1) + rng.normal(0, 0.012), a[1] + (b[1] - a[1]) * (k % 1)
        bark = [(px, py), (px + rng.uniform(-0.015, 0.015), py + 0.012), (px + rng.uniform(-0.012, 0.012), py + 0.03)]
        sheet.line(bark, [0.001, 0.004, 0.001], 0.9, 0.3, 100 + i)
    boughs = [
        [(0.2, 0.6), (0.1, 0.52), (0.04, 0.55), (-0.04, 0.5)],
        [(0.24, 0.5), (0.38, 0.47), (0.46, 0.5), (0.6, 0.46), (0.7, 0.5)],
        [(0.29, 0.4), (0.18, 0.33), (0.11, 0.35), (0.03, 0.3)],
        [(0.28, 0.33), (0.42, 0.31), (0.52, 0.34), (0.64, 0.3)],
        [(0.36, 0.21), (0.27, 0.15), (0.18, 0.17)],
        [(0.42, 0.17), (0.55, 0.17), (0.62, 0.21)],
    ]
    for n, bough in enumerate(boughs):
        sheet.line(bough, [0.022, 0.013, 0.008, 0.003], 1.2, 0.5, 300 + n)
        fine = smooth(np.array(bough, np.float32), 2)
        for m, (px, py) in enumerate(fine[len(fine) // 4 :: 2]):
            tuft(sheet, float(px), float(py) - 0.012, rng, 400 + 40 * n + m)


def tuft(sheet: Sheet, x: float, y: float, rng: np.random.Generator, seed: int) -> None:
    """A cloud of needles: a pale wash and a fan of quick strokes over it."""
    spread = rng.uniform(0.035, 0.055)
    h = sheet.x.shape[0]
    part = np.s_[
        max(int((y - 0.09) * h), 0) : int((y + 0.06) * h), max(int((x - 0.1) * h), 0) : max(int((x + 0.1) * h), 0)
    ]
    dx, dy = sheet.x[part] - x, sheet.y[part] - y
    if dx.size:
        gap = (
            np.hypot(dx / 1.35, dy * 1.5)
            - spread * 0.8
            + 0.03 * (fbm(sheet.x[part] * 40, sheet.y[part] * 40, 4, seed) - 0.5)
        )
        sheet.soak(0.42 * smoothstep(0.006, -0.006, gap) * (0.5 + sheet.tooth[part]), INDIGO, part)
    for i in range(34):
        px, py = x + rng.normal(0, spread * 0.75), y + rng.normal(0, spread * 0.3)
        turn = -np.pi / 2 + (px - x) / spread * 0.55 + rng.normal(0, 0.35)
        long = rng.uniform(0.018, 0.036)
        tip = (px + long * np.cos(turn), py + long * np.sin(turn))
        sheet.line([(px, py), tip], [0.0032, 0.0007], rng.uniform(0.8, 1.7), 0.12, seed + i)


def rocks(sheet: Sheet, rng: np.random.Generator) -> None:
    """The shore: broken boulders, contoured with a brush and hatched with a pen."""
    x, y = sheet.x, sheet.y
    for k, (cx, cy, rx, ry) in enumerate(
        (
            (0.05, 0.93, 0.17, 0.12),
            (0.33, 0.98, 0.16, 0.1),
            (0.56, 1.02, 0.15, 0.075),
            (1.22, 0.97, 0.16, 0.14),
            (1.02, 1.02, 0.13, 0.07),
        )
    ):
        u, v = (x - cx) / rx, (y - cy) / ry
        u, v = (
            u + 0.5 * (fbm(x * 4, y * 4, 2, 550 + k) - 0.5),
            v + 0.7 * (ridged(x * 3.5 + k, y * 3.5, 3, 555 + k) - 0.6),
        )
        crack = ridged(x * 8 + k, y * 8, 4, 500 + k)
        shape = (np.hypot(u, v) - 1 - 0.4 * (fbm(x * 6, y * 6, 4, 510 + k) - 0.5)) * min(rx, ry)
        tone = np.clip(0.5 - 0.35 * u + 0.5 * v + 0.7 * (crack - 0.55), 0, 1)
        sheet.absorbed *= 0.12 + 0.88 * smoothstep(-0.003, 0.003, shape)[..., None]
        sheet.wash(shape, 0.12 + 0.7 * tone, 520 + k, bleed=0.01)
        hatch(sheet, np.where(shape < 0, tone, 0), 530 + k, 0.008)
        stroke = np.exp(-((shape / (0.0016 + 0.004 * noise(x * 9, y * 9, 560 + k))) ** 2))
        seams = smoothstep(0.86, 0.93, crack) * (shape < 0)
        dry = smoothstep(0.3, 0.5, 0.6 * noise(x * 30, y * 30, 565 + k) + 0.4 * sheet.tooth)
        sheet.soak((1.3 * stroke + 1.1 * seams) * dry, INDIGO)


def water(sheet: Sheet, rng: np.random.Generator) -> None:
    """The lake: long dry strokes, and the broken red of the sun."""
    for i in range(150):
        k = rng.random()
        px, py = rng.uniform(0, 1.28), 0.69 + 0.27 * k**1.1
        long = rng.uniform(0.03, 0.09 + 0.2 * k)
        wave = [(px + long * s, py + 0.004 * np.sin(6 * s + i)) for s in np.linspace(-1, 1, 6)]
        sheet.line(
            wave,
            [0.001, rng.uniform(0.002, 0.004 + 0.006 * k), 0.001],
            rng.uniform(0.25, 0.9),
            rng.uniform(0.35, 0.75),
            600 + i,
        )


def junk(sheet: Sheet) -> None:
    """A small boat with a ribbed sail and a man in it."""
    sheet.line([(0.77, 0.765), (0.83, 0.79), (0.92, 0.79), (0.985, 0.758)], [0.004, 0.02, 0.018, 0.004], 1.7, 0.15, 701)
    x, y = sheet.x, sheet.y
    sail = np.maximum.reduce([0.6 - y + 0.08 * (x - 0.87), y - 0.752, 0.868 - x, x - 0.95 - 0.12 * (y - 0.68)])
    sheet.absorbed *= smoothstep(-0.004, 0.004, sail)[..., None] * 0.9 + 0.1
    sheet.wash(sail, 0.3, 703, bleed=0.006)
    edge = [(0.95, 0.752), (0.962, 0.7), (0.95, 0.612), (0.87, 0.602), (0.869, 0.752), (0.95, 0.752)]
    for k in range(5):
        sheet.line(edge[k : k + 2], [0.0035, 0.0055, 0.002], 1.5, 0.2, 704)
    sheet.line([(0.876, 0.785), (0.872, 0.575)], [0.007, 0.003], 1.6, 0.2, 702)
    for i in range(6):
        level = 0.61 + 0.026 * i
        sheet.line(
            [(0.866, level + 0.004), (0.945 + 0.012 * i * 0.4, level - 0.002)], [0.004, 0.002], 1.2, 0.25, 710 + i
        )
    sheet.line([(0.82, 0.78), (0.822, 0.742)], [0.016, 0.011], 1.8, 0.1, 720)
    sheet.line([(0.808, 0.735), (0.822, 0.724), (0.837, 0.735)], [0.004, 0.01, 0.004], 1.6, 0.1, 721)
    sheet.line([(0.83, 0.75), (0.77, 0.82)], [0.003, 0.002], 1.2, 0.2, 722)


def ink() -> npt.NDArray[np.uint8]:
    """The finished picture, (400, 512, 3)."""
    sheet, rng = Sheet(), np.random.default_rng(1701)
    x, y = sheet.x, sheet.y
    sun = np.hypot(x - 0.93, y - 0.2) - 0.095
    sheet.wash(sun, 0.8, 31, RED, 0.008)
    sheet.wash(
        y - 0.16 - 0.1 * fbm(x * 2.2, x * 0, 3, 8) + 0.5 * np.clip(0.3 - np.abs(x - 0.93), 0, 1), 0.22, 33, bleed=0.03
    )
    mountains(sheet, rng)
    water(sheet, rng)
    junk(sheet)
    rocks(sheet, rng)
    pine(sheet, rng)
    for i in range(7):
        bx, by, b = (
            0.98 + 0.045 * i + rng.normal(0, 0.015),
            0.33 - 0.03 * i + rng.normal(0, 0.02),
            rng.uniform(0.012, 0.02),
        )
        sheet.line(
            [
                (bx - b, by - 0.3 * b),
                (bx - 0.4 * b, by - 0.6 * b),
                (bx, by),
                (bx + 0.4 * b, by - 0.7 * b),
                (bx + b, by - 0.2 * b),
            ],
            [0.001, 0.004, 0.001],
            1.5,
            0.1,
            800 + i,
        )
    for _ in range(170):
        sheet.drop(
            rng.uniform(0, 1.28), rng.uniform(0, 1), 0.0012 + 0.01 * rng.random() ** 4, rng.uniform(0.4, 1.3), rng
        )
    for _ in range(45):
        sheet.drop(
            0.93 + rng.normal(0, 0.12), 0.2 + rng.normal(0, 0.12), 0.0012 + 0.004 * rng.random() ** 3, 0.8, rng, RED
        )
    seal = np.maximum(np.abs(x - 1.2), np.abs(y - 0.1)) - 0.028
    u, v = (x - 1.2) / 0.028, (y - 0.1) / 0.028
    bars = np.minimum.reduce(
        [np.abs(v - 0.5), np.abs(v), np.abs(v + 0.5) + (u < -0.1), np.abs(u - 0.45) + (v < -0.3), np.abs(u + 0.5)]
    )
    glyph = smoothstep(0.08, 0.14, np.where(np.maximum(np.abs(u), np.abs(v)) > 0.72, 1, bars))
    sheet.soak(np.clip(0.5 - seal / sheet.texel / 2, 0, 1) * (0.2 + 0.8 * glyph) * (0.5 + 0.6 * sheet.tooth), RED)
    return to_bytes(blur(shrink(sheet.finished(), FINE), 0.35))
