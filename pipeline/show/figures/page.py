"""What all figures share: pictures read at a size, cells large enough for print, and the file at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from pipeline.media import (
    Image,
    check_picture_output,
    fit_size,
    read_picture,
    refuse_same_file,
    resize,
    write_picture,
)

CELL = 360
"""Longest side of a picture in a figure, in pixels, at least: six side by side are 18 cm at 300 dots an inch."""
OnCount = Callable[[str, int, "int | None"], None]
"""What is being done, how much of it is done, and how much there is, if that is known."""


def read_at(path: Path, size: int) -> Image:
    """The picture, uint8 (H, W, 3), its longer side `size` pixels at most.

    :raises MediaError: it cannot be read.
    """
    found = read_picture(path)
    return resize(found, *fit_size(found.shape[1], found.shape[0], size))


def for_print(image: Image, longest: int = CELL) -> Image:
    """A picture whose longer side is `longest` pixels or more: enlarged smoothly where it is smaller."""
    side = max(image.shape[:2])
    return image if side >= longest else resize(image, *fit_size(image.shape[1], image.shape[0], longest, upscale=True))


def fitted(image: Image, height: int, width: int) -> Image:
    """A picture as large as it can be within so many pixels."""
    scale = min(height / image.shape[0], width / image.shape[1])
    return resize(image, max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))


def stacked(parts: Iterable[Image]) -> Image:
    """Pictures one above the other, to the left, on white paper; uint8 (H, W, 3)."""
    parts = list(parts)
    width = max(part.shape[1] for part in parts)
    return np.concatenate(
        [np.pad(part, ((0, 0), (0, width - part.shape[1]), (0, 0)), constant_values=255) for part in parts]
    )


def beside(parts: Iterable[Image]) -> Image:
    """Pictures one beside the other, at the top, on white paper; uint8 (H, W, 3)."""
    return np.swapaxes(stacked(np.swapaxes(part, 0, 1) for part in parts), 0, 1)


def check_figure(output: Path, sources: Iterable[Path], overwrite: bool) -> None:
    """Find out before anything is computed whether a grid of pictures can be written.

    :raises ReelbrushError: it cannot, or would replace what it is made from.
    """
    for source in sources:
        refuse_same_file(source, (output,))
    check_picture_output(output, overwrite)


def write_figure(output: Path, page: Image, overwrite: bool) -> None:
    """Write a grid of pictures; the same page gives the same bytes.

    :raises OutputError: it cannot be written.
    """
    write_picture(output, page, overwrite=overwrite)
