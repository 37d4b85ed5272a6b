"""Pictures and paintings of which stories are made."""

from __future__ import annotations

import cv2
import numpy as np

from pipeline.media import Image
from pipeline.pictures.story import changes

SUFFIXES = (".gif", ".webp", ".png", ".mp4", ".webm")


def grey(lightness: float, height: int = 40, width: int = 64) -> Image:
    """A grey of that L*, so that levels are distances that the eye sees."""
    lab = np.zeros((1, 1, 3), np.float32)
    lab[..., 0] = lightness
    level = round(float(cv2.cvtColor(lab, cv2.COLOR_LAB2RGB)[0, 0, 0]) * 255)
    return np.full((height, width, 3), level, np.uint8)


def lightness(images: list[Image]) -> list[float]:
    return [float(cv2.cvtColor(image[:1, :1].astype(np.float32) / 255, cv2.COLOR_RGB2LAB)[0, 0, 0]) for image in images]


def visible_change(before: Image, after: Image) -> float:
    """How much two pictures differ at a glance."""
    return changes([before, after])[0]


class Result:
    """As much of a `StillResult` as the recorder looks at."""

    def __init__(self, content: Image, image: Image, steps: int = 9) -> None:
        self.content, self.image = content, image
        self.painted = type("Painted", (), {"image": image, "steps": steps, "losses": {"total": 0.5}})
