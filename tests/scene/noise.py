"""Procedural noise and the small image arithmetic that every sample is made of.

All functions work on float32 arrays of any shape. Noise is a pure function of coordinates and seed (an
integer hash of the lattice), so that a picture is the same at every size and on every machine.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
"""Numbers, usually float32 and 0..1; the last axis of colours is 3, of premultiplied colours 4."""


def rgb(code: str) -> Array:
    """A colour from its web notation: `rgb("#f0a050")` -> float32, shape (3,), 0..1."""
    return np.array([int(code[i : i + 2], 16) / 255 for i in (1, 3, 5)], np.float32)


def smoothstep(low: float, high: float, x: npt.ArrayLike) -> Array:
    """0 below `low`, 1 above `high`, a cubic in between; `low` may be greater than `high`."""
    t = np.clip((np.asarray(x, np.float32) - low) / (high - low), 0, 1)
    return np.asarray(t * t * (3 - 2 * t), np.float32)


def mix(a: npt.ArrayLike, b: npt.ArrayLike, t: npt.ArrayLike) -> Array:
    """Colours (..., 3) between `a` and `b`: `a` where `t`, shape (...), is 0, and `b` where it is 1."""
    a, b, t = np.asarray(a, np.float32), np.asarray(b, np.float32), np.asarray(t, np.float32)
    return np.asarray(a + (b - a) * t[..., None], np.float32)


def ramp(t: npt.ArrayLike, stops: list[tuple[float, str]]) -> Array:
    """Colours along a gradient: `t` of any shape -> shape (*t.shape, 3), by linear interpolation of `stops`."""
    places = np.array([place for place, _ in stops], np.float32)
    colours = np.stack([rgb(code) for _, code in stops])
    t = np.asarray(t, np.float32)
    return np.stack([np.interp(t, places, colours[:, c]) for c in range(3)], -1).astype(np.float32)


def hash01(ix: npt.ArrayLike, iy: npt.ArrayLike = 0, seed: int = 0) -> Array:
    """A number 0..1 for every integer lattice point, without any visible pattern."""
    h = np.atleast_1d(ix).astype(np.int64).astype(np.uint32) * np.uint32(0x8DA6B343)
    h = h ^ (np.atleast_1d(iy).astype(np.int64).astype(np.uint32) * np.uint32(0xD8163841))
    h = h ^ np.uint32((seed * 0xCB1AB31F + 0x9E3779B9) & 0xFFFFFFFF)
    for shift, factor in ((16, 0x7FEB352D), (15, 0x846CA68B)):
        h = (h ^ (h >> np.uint32(shift))) * np.uint32(factor)
    h = h ^ (h >> np.uint32(16))
    return (h >> np.uint32(8)).astype(np.float32) / np.float32(1 << 24)


def noise(x: npt.ArrayLike, y: npt.ArrayLike, seed: int = 0) -> Array:
    """Smooth value noise with features one unit wide, 0..1, mean one half."""
    x, y = np.broadcast_arrays(np.asarray(x, np.float32), np.asarray(y, np.float32))
    x0, y0 = np.floor(x), np.floor(y)
    fx, fy = x - x0, y - y0
    fx, fy = fx * fx * fx * (fx * (fx * 6 - 15) + 10), fy * fy * fy * (fy * (fy * 6 - 15) + 10)
    ix, iy = x0.astype(np.int64), y0.astype(np.int64)
    top = hash01(ix, iy, seed) * (1 - fx) + hash01(ix + 1, iy, seed) * fx
    low = hash01(ix, iy + 1, seed) * (1 - fx) + hash01(ix + 1, iy + 1, seed) * fx
    return np.asarray(top * (1 - fy) + low * fy, np.float32)


def fbm(x: npt.ArrayLike, y: npt.ArrayLike, octaves: int = 5, seed: int = 0, gain: float = 0.5) -> Array:
    """Fractal noise, 0..1: each octave twice as fine, `gain` times as strong and turned against the last."""
    x, y = np.asarray(x, np.float32), np.asarray(y, np.float32)
    total, weight, strength = np.zeros(np.broadcast(x, y).shape, np.float32), 0.0, 1.0
    for octave in range(octaves):
        total = total + strength * noise(x, y, seed + 101 * octave)
        weight, strength = weight + strength, strength * gain
        x, y = 1.62 * x + 1.18 * y + 5.3, -1.18 * x + 1.62 * y + 1.7
    return np.asarray(total / weight, np.float32)


def ridged(x: npt.ArrayLike, y: npt.ArrayLike, octaves: int = 5, seed: int = 0) -> Array:
    """Fractal noise with sharp crests, 0..1: rock, mountain, foam."""
    x, y = np.asarray(x, np.float32), np.asarray(y, np.float32)
    total, weight, strength = np.zeros(np.broadcast(x, y).shape, np.float32), 0.0, 1.0
    for octave in range(octaves):
        total = total + strength * (1 - np.abs(2 * noise(x, y, seed + 77 * octave) - 1))
        weight, strength = weight + strength, strength * 0.5
        x, y = 1.62 * x + 1.18 * y + 9.1, -1.18 * x + 1.62 * y + 3.3
    return np.asarray(total / weight, np.float32)


def blur(image: Array, sigma: float) -> Array:
    """Gaussian blur of the first two axes, edges repeated; `sigma` in pixels."""
    radius = max(1, int(np.ceil(2.5 * sigma)))
    kernel = np.exp(-0.5 * (np.arange(-radius, radius + 1) / max(sigma, 1e-3)) ** 2).astype(np.float32)
    kernel /= kernel.sum()
    for axis in (0, 1):
        pad = [(0, 0)] * image.ndim
        pad[axis] = (radius, radius)
        wide = np.pad(image, pad, mode="edge")
        size = image.shape[axis]
        image = np.zeros_like(image)
        for i, weight in enumerate(kernel):
            image += weight * (wide[i : i + size] if axis == 0 else wide[:, i : i + size])
    return image


def sample(image: Array, x: Array, y: Array) -> Array:
    """Bilinear samples of `image` (h, w, c) at pixel coordinates (0, 0 is the first centre), edges repeated."""
    height, width = image.shape[:2]
    x, y = np.clip(x, 0, width - 1), np.clip(y, 0, height - 1)
    x0, y0 = np.minimum(x.astype(np.int32), width - 2), np.minimum(y.astype(np.int32), height - 2)
    fx, fy = (x - x0).astype(np.float32)[..., None], (y - y0).astype(np.float32)[..., None]
    flat = image.reshape(height * width, -1)
    at = y0 * width + x0
    top = flat[at] * (1 - fx) + flat[at + 1] * fx
    low = flat[at + width] * (1 - fx) + flat[at + width + 1] * fx
    return np.asarray(top * (1 - fy) + low * fy, np.float32)


def shrink(image: Array, factor: int) -> Array:
    """Mean of every `factor` x `factor` block; both sides must divide."""
    h, w = image.shape[0] // factor, image.shape[1] // factor
    return image.reshape(h, factor, w, factor, *image.shape[2:]).mean((1, 3), dtype=np.float32)


def to_bytes(image: Array) -> npt.NDArray[np.uint8]:
    """0..1 floats -> 0..255, rounded and clipped."""
    return np.clip(np.rint(image * 255), 0, 255).astype(np.uint8)
