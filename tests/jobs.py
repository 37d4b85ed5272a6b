"""Small jobs for the tests that run the whole program."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image as Pillow

ROOT = Path(__file__).resolve().parent.parent
QUICK = ("--network", "builtin", "--device", "cpu", "--set", "levels=1", "--steps", "6")
"""Options that make a frame cost a fraction of a second."""


def paint_picture(path: Path, seed: int = 0, width: int = 48, height: int = 32) -> Path:
    """A colourful picture with soft shapes, different for every seed."""
    y, x = np.mgrid[0:height, 0:width] / max(width, height)
    waves = [np.sin((seed + 3 + channel) * (x + 0.3 * y * channel) * 5 + seed) for channel in range(3)]
    Pillow.fromarray((np.stack(waves, 2) * 100 + 128).astype(np.uint8)).save(path)
    return path


def paint_folder(path: Path, frames: int = 5) -> Path:
    """A numbered folder of pictures."""
    path.mkdir()
    for number in range(frames):
        paint_picture(path / f"frame_{number + 1:03d}.png", seed=number)
    return path


def environment(**extra: str) -> dict[str, str]:
    """One thread: the same sums in the same order."""
    return {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "COLUMNS": "200", **extra}


def reelbrush(*arguments: str | Path, **extra: str) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    return subprocess.run(
        [sys.executable, str(ROOT / "cli.py"), *map(str, arguments)],
        capture_output=True, text=True, env=environment(**extra), timeout=240, check=False,
    )  # fmt: skip


def start(*arguments: str | Path, **extra: str) -> subprocess.Popen[str]:
    """Start the command; the caller ends it."""
    return subprocess.Popen(
        [sys.executable, str(ROOT / "cli.py"), *map(str, arguments)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(**extra),
    )  # fmt: skip


def events(text: str) -> list[dict[str, Any]]:
    """The lines of --json."""
    return [json.loads(line) for line in text.splitlines()]


def pictures(folder: Path) -> list[np.ndarray]:
    """Every picture of a folder, in order."""
    return [np.array(Pillow.open(path)) for path in sorted(folder.glob("*.png"))]
