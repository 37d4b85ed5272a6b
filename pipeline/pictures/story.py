"""Progress GIFs: a picture being painted, in steps that the eye sees as even."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from pipeline.media import fit_size, resize
from pipeline.motion.image_statistics import colour_distance
from pipeline.pictures.jobs import StoryOptions
from pipeline.pictures.lettering import Colour
from pipeline.pictures.snapshots import Snapshot, Snapshots, thumbnail
from pipeline.pictures.story_layout import Page
from pipeline.types import Image

LEAST_FRAMED = 64
"""Longest side of a painting with panels or a curve, in pixels; a smaller one is shown enlarged."""
PACE = 8
"""From one frame to the next, in hundredths of a second, with as many frames as were asked for."""
FIRST_HOLD, LAST_HOLD = 60, 200
"""How long the first and the last frame are shown, in hundredths of a second."""


@dataclass(frozen=True)
class StoryFrames:
    """The frames of a story, ready to be written."""

    images: list[Image]
    """All of one size."""
    delays: list[int]
    """How long each is shown, in hundredths of a second."""
    fixed_colours: tuple[Colour, ...] = ()
    """Colours of words and lines, which even few colours have to hold."""

    @property
    def times(self) -> tuple[Fraction, ...]:
        """When each frame is first shown, in seconds."""
        return tuple(Fraction(sum(self.delays[:number]), 100) for number in range(len(self.delays)))

    @property
    def duration(self) -> Fraction:
        """In seconds."""
        return Fraction(sum(self.delays), 100)


class Story:
    """The story of a painting, which can be rendered in any number of frames and at any size."""

    def __init__(self, snapshots: Snapshots, options: StoryOptions) -> None:
        self._snapshots = snapshots
        self._options = options
        taken = snapshots.taken
        if not taken or taken[0].step:
            taken = (Snapshot(0, snapshots.content), *taken)
        self._pictures = [*(shot.image for shot in taken), snapshots.painting]
        self._steps = [*(shot.step for shot in taken), snapshots.steps]
        self._changes = changes(self._pictures)

    @property
    def size(self) -> int:
        """Longest side of the painting where nothing is given up."""
        return int(min(self._options.size, max(self._snapshots.painting.shape[:2])))

    @property
    def _magnification(self) -> int:
        """How many times larger a tiny painting is shown where words stand beside it."""
        framed = self._options.panels or self._options.curve
        return -(-LEAST_FRAMED // self.size) if framed else 1

    def render(self, frames: int | None = None, size: int | None = None, even: bool = False) -> StoryFrames:
        """The story in so many frames.

        :param frames, size: as in `StoryOptions`, whose they are by default. It takes as long with fewer frames.
        :param even: for codecs that want even sides.
        """
        frames, asked = frames or self._options.frames, self._options.frames
        positions = even_positions(self._changes, frames)
        height, width = self._snapshots.painting.shape[:2]
        width, height = fit_size(width, height, size or self.size, even=even)
        if even:
            width, height = max(2, width // 2 * 2), max(2, height // 2 * 2)
        steps = [float(np.interp(position, range(len(self._steps)), self._steps)) for position in positions]
        times = self._magnification
        page = Page(
            self._snapshots, steps, (times * height, times * width), self._options.panels, self._options.curve, even
        )
        images = [
            page.frame(number, _enlarged(resize(blend(self._pictures, position), width, height), times))
            for number, position in enumerate(positions)
        ]
        pace = max(2, round(PACE * (asked - 1) / (len(positions) - 1))) if frames != asked else PACE
        return StoryFrames(images, [FIRST_HOLD, *[pace] * (len(positions) - 2), LAST_HOLD], page.colours)


def _enlarged(image: Image, times: int) -> Image:
    """Every pixel so many times as wide and high."""
    return image if times == 1 else image.repeat(times, 0).repeat(times, 1)


def changes(pictures: Sequence[Image]) -> list[float]:
    """The visible change from each picture to the next: mean distance of their thumbnails in CIELAB, where about 2 can
    just be seen."""
    return [colour_distance(before, after) for before, after in pairwise(map(thumbnail, pictures))]


def even_positions(steps: Sequence[float], count: int) -> list[float]:
    """`count` positions on the way from the first to the last of some pictures, each as far from the next.

    :param steps: how far each picture is from the one before it.
    :return: numbers of pictures, from 0; 2.5 lies halfway between two of them. The first and the last are always
        there; pictures that are all alike give these two.
    """
    distances = np.concatenate([[0.0], np.cumsum(steps)])
    if distances[-1] == 0:
        return [0.0, float(len(steps))]
    # Of pictures that stand at one place of the way the last one is meant; it is what goes on from there.
    between = np.linspace(0, distances[-1], count)[1:-1]
    return [0.0, *(_position(distances, distance) for distance in between), float(len(steps))]


def _position(distances: npt.NDArray[np.float64], distance: float) -> float:
    after = int(np.searchsorted(distances, distance, side="right"))
    before = distances[after - 1]
    return after - 1 + float((distance - before) / (distances[after] - before))


def blend(pictures: Sequence[Image], position: float) -> Image:
    """The picture at one of `even_positions`. Between two snapshots it is a blend of them: the first steps of a
    painting change more than a whole frame of the story may."""
    before = int(position)
    share = np.float32(position - before)
    if share == 0:
        return pictures[before]
    one, other = (pictures[number].astype(np.float32) for number in (before, before + 1))
    return np.asarray(np.rint(one + share * (other - one)), np.uint8)
