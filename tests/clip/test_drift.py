"""Over hundreds of frames nothing creeps: neither what is carried along nor what is painted darkens, smears or turns.

Still scenes have the noise of a sensor, as real ones have: without it they would be repeated, not painted.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from jobs import SHALLOW, paint_picture, pictures
from PIL import Image as Pillow

from pipeline.motion.carry import filled, moved, opening, way_of
from pipeline.motion.image_statistics import mean_colour, sharpness
from pipeline.motion.track import track
from pipeline.types import Image
from reelbrush import stylize_video

HEIGHT, WIDTH = 32, 48
# Many steps for the first frame, so that all later ones have to keep and not to finish; few for these, so that what the
# carry spoils is not mended at once.
SETTINGS = {
    "device": "cpu",
    **SHALLOW,
    "levels": 1,
    "steps": 200,
    "carried_steps": 6,
    "tolerance": 0,
    "passes": 1,
}


def scene(x: float, y: float, height: int = HEIGHT, width: int = WIDTH, noise: int = 0) -> Image:
    """Waves that go on beyond every edge, seen from (x, y), so that every view has the same mean and sharpness.

    :param noise: seed of a noise of two levels; 0 for none.
    """
    random = np.random.default_rng(7)
    down, across = np.mgrid[0:height, 0:width] + np.array([y, x])[:, None, None]
    image = np.zeros((height, width, 3))
    for size in range(24):
        # Whole periods in the picture, some of them long, some a few pixels.
        a, b = random.integers(-2 - size // 4, 3 + size // 4, 2)
        wave = np.sin(2 * np.pi * (a * down / height + b * across / width) + random.uniform(0, 6))
        image += wave[..., None] * random.uniform(-1, 1, 3)
    levels = 127.5 + 22 * image
    if noise:
        levels += np.random.default_rng(noise).normal(0, 2, levels.shape)
    return np.rint(levels).clip(0, 255).astype(np.uint8)


def still(frame: int) -> Image:
    return scene(0, 0, noise=frame + 1)


def slow_pan(frame: int) -> Image:
    """Between pixels in every frame."""
    return scene(0.31 * frame, 0.13 * frame, noise=frame + 1)


def apart(a: Image, b: Image) -> float:
    return float(np.linalg.norm(np.subtract(mean_colour(a), mean_colour(b))))


def test_the_noise_of_a_still_is_no_motion_that_hides_anything() -> None:
    """A fifth of it began anew with every frame."""
    first, second = (scene(0, 0, 128, 192, noise) for noise in (1, 2))
    assert track(first, second).weights[2:-2, 2:-2].mean() > 0.95


def test_a_boundary_of_real_motion_still_counts() -> None:
    ground = scene(0, 0, 96, 128)
    before, after = ground.copy(), ground.copy()
    patch = 255 - scene(30, 11, 32, 40)
    before[30:62, 40:80] = after[30:62, 44:84] = patch
    weights = track(before, after).weights
    assert weights[34:58, 40:46].mean() < 0.5, "ground that comes into view behind it"
    assert weights[:20].mean() > 0.95 and weights[38:54, 54:76].mean() > 0.9


def test_a_painting_that_is_only_carried_on_keeps_its_colour_and_most_of_its_sharpness() -> None:
    """Sixty frames without a stroke."""
    frames = [scene(0, 0, 64, 96, noise + 1) for noise in range(61)]
    painting = now = scene(20, 9, 64, 96) // 2 + 60
    for before, after in pairwise(frames):
        found = track(before, after)
        now = filled(moved(now, way_of(found, after)), opening(after, found.weights))
    inside = (slice(6, -6), slice(6, -6))
    assert apart(now[inside], painting[inside]) < 1
    assert sharpness(now[inside]) > 0.85 * sharpness(painting[inside])


@pytest.mark.heavy
@pytest.mark.parametrize(("view", "frames"), [(still, 300), (slow_pan, 80)])
def test_a_painted_scene_keeps_its_colour_and_its_sharpness(
    tmp_path: Path, view: Callable[[int], Image], frames: int
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for frame in range(frames):
        Pillow.fromarray(view(frame)).save(folder / f"{frame:03d}.png")
    style = paint_picture(tmp_path / "style.png", seed=9)
    stylize_video(folder, style, tmp_path / "out", cuts="none", **SETTINGS)
    painted = pictures(tmp_path / "out")[20:]
    assert len(painted) == frames - 20
    assert max(apart(image, painted[0]) for image in painted[20::20]) < 2.3
    sharp = [sharpness(image) for image in painted]
    assert np.mean(sharp[-20:]) == pytest.approx(np.mean(sharp[:20]), rel=0.1)
