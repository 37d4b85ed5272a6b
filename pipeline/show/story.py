"""Progress GIFs: a picture being painted, in steps that the eye sees as even."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np

from pipeline.errors import UsageError
from pipeline.media import fit_size, open_sink, resize
from pipeline.media.frame import Frame, Image
from pipeline.media.sink import SUFFIXES
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
        before, after = self._small(first), [*self._kept, self._small(final)]
        steps = [visible_change(a, b) for a, b in pairwise(after)]
        if self.frames > 2 and steps and visible_change(before, after[0]) > 3 * max(steps):
            # It began as noise, or as another picture: that jump is no part of the way, and would eat up the frames.
            return [before, *evenly(after, self.frames - 1)]
        return evenly([before, *after], self.frames)

    def _small(self, image: Image) -> Image:
        return resize(image, *fit_size(image.shape[1], image.shape[0], self._size))


def evenly(pictures: Sequence[Image], count: int) -> list[Image]:
    """`count` pictures from the first to the last of `pictures`, each as far from the next as the eye sees it.

    A place between two snapshots is a blend of them: the first steps of a painting change more than a whole
    frame of the story may. Pictures that are all alike give the first and the last.
    """
    way = np.concatenate([[0.0], np.cumsum([visible_change(a, b) for a, b in pairwise(pictures)])])
    if way[-1] == 0:
        return [pictures[0], pictures[-1]]
    found = [pictures[0]]
    for place in np.linspace(0, way[-1], count)[1:-1]:
        after = int(np.searchsorted(way, place, side="right"))
        share = (place - way[after - 1]) / (way[after] - way[after - 1])
        found.append(_blend(pictures[after - 1], pictures[after], share))
    return [*found, pictures[-1]]


def _blend(a: Image, b: Image, share: float) -> Image:
    """(1 - share) of `a` and `share` of `b`."""
    return np.rint(a + share * (b.astype(np.float32) - a)).astype(np.uint8)


def check_story(path: Path) -> None:
    """Find out before anything is painted whether a story can have that name.

    :raises UsageError: it ends neither like a GIF nor like a video.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise UsageError(f"{path}: a story is a GIF or a video. Choose a name that ends in {', '.join(SUFFIXES)}.")


def write_story(
    path: Path, pictures: Sequence[Image], seconds_a_frame: Fraction = Fraction(8, 100), hold: Fraction = Fraction(2),
    overwrite: bool = False, metadata: Mapping[str, str] | None = None,
) -> None:  # fmt: skip
    """Write the story as a looping GIF (or a video, by the suffix), the last picture held.

    :raises UsageError: neither a GIF nor a video by its suffix.
    :raises OutputError: it exists already, or cannot be written.
    """
    check_story(path)
    if path.suffix.lower() != ".gif":
        # Players differ in how long they show the last frame of a video; frames of one length they all show alike.
        pictures = [*pictures, *[pictures[-1]] * (round(hold / seconds_a_frame) - 1)]
        hold = seconds_a_frame
    times = tuple(seconds_a_frame * i for i in range(len(pictures)))
    duration = times[-1] + hold
    sink = open_sink(
        path, width=pictures[0].shape[1], height=pictures[0].shape[0], times=times, duration=duration,
        rate=1 / seconds_a_frame, variable=hold != seconds_a_frame, overwrite=overwrite, metadata=metadata,
    )  # fmt: skip
    try:
        for index, (at, picture) in enumerate(zip(times, pictures, strict=True)):
            sink.put(Frame(index, at, picture))
        sink.finish()
    finally:
        sink.abort()
