"""Progress GIFs: a picture being painted, in steps that the eye sees as even."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np

from pipeline.media import fit_size, open_sink, resize
from pipeline.media.frame import Frame, Image
from pipeline.style.painter import Progress
from pipeline.style.picture import to_image

# Side to which pictures are shrunk before they are compared: what the eye sees at a glance, not the grain.
GLANCE = 64
# Snapshots kept for every frame of the story; more only cost memory.
SPARE = 6


def visible_change(before: Image, after: Image) -> float:
    """How much two pictures (H, W, 3) of one size differ at a glance: mean absolute difference in levels, 0 to 255."""
    width, height = fit_size(before.shape[1], before.shape[0], GLANCE)
    small = [resize(image, width, height).astype(np.int16) for image in (before, after)]
    return float(np.abs(small[1] - small[0]).mean())


class StoryRecorder:
    """An `OnProgress` that keeps snapshots of the painting, spaced by visible change rather than by step.

    A snapshot is kept when the picture has visibly moved on since the last one. When there are too many, every second
    one goes and the distance doubles, so memory stays bounded however many steps there are.
    """

    def __init__(self, frames: int = 40, size: int = 320) -> None:
        """
        :param frames: number of frames of the story, the held last one included.
        :param size: longest side in pixels.
        """
        self.frames = frames
        self._size = size
        self._kept: list[Image] = []
        self._least = 0.25

    def __call__(self, progress: Progress) -> None:
        # Early steps change most; later ones need not all be looked at. Looking costs a transfer from the device.
        if progress.step > 4 * self.frames and progress.step % max(1, progress.of // (8 * self.frames)):
            return
        self._see(to_image(progress.picture()))

    def _see(self, image: Image) -> None:
        shown = self._small(image)
        if self._kept and visible_change(self._kept[-1], shown) < self._least:
            return
        self._kept.append(shown)
        if len(self._kept) > SPARE * self.frames:
            self._kept = self._kept[::2]
            self._least *= 2

    def pictures(self, first: Image, final: Image) -> list[Image]:
        """The story: `first` (the content), the snapshots at even distances of visible change, `final`."""
        return evenly([self._small(first), *self._kept, self._small(final)], self.frames)

    def _small(self, image: Image) -> Image:
        return resize(image, *fit_size(image.shape[1], image.shape[0], self._size))


def evenly(pictures: Sequence[Image], count: int) -> list[Image]:
    """At most `count` of the pictures, first and last among them, at even distances of visible change."""
    steps = [visible_change(a, b) for a, b in pairwise(pictures)]
    way = np.concatenate([[0.0], np.cumsum(steps)])
    if way[-1] == 0:
        return [pictures[0], pictures[-1]]
    wanted = np.linspace(0, way[-1], count)[1:-1]
    chosen = sorted({0, len(pictures) - 1, *(int(np.abs(way - place).argmin()) for place in wanted)})
    return [pictures[i] for i in chosen]


def write_story(
    path: Path, pictures: Sequence[Image], seconds_a_frame: Fraction = Fraction(8, 100), hold: Fraction = Fraction(2),
    overwrite: bool = False,
) -> None:  # fmt: skip
    """Write the story as a looping GIF (or a video, by the suffix), the last picture held.

    :raises OutputError: it exists already, or cannot be written.
    """
    times = tuple(seconds_a_frame * i for i in range(len(pictures)))
    duration = times[-1] + hold
    sink = open_sink(
        path, width=pictures[0].shape[1], height=pictures[0].shape[0], times=times, duration=duration,
        rate=1 / seconds_a_frame, variable=True, overwrite=overwrite,
    )  # fmt: skip
    try:
        for index, (at, picture) in enumerate(zip(times, pictures, strict=True)):
            sink.put(Frame(index, at, picture))
        sink.finish()
    finally:
        sink.abort()
