"""The numbers by which a person names the frames of a clip: from 0 in its file, whichever of them are painted."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class FrameNumbers:
    """Which frame of the file each frame of a clip is: the numbers by which a person names frames, from 0."""

    first: int = 0
    """That of the first one; the others follow it one by one."""
    each: tuple[int, ...] = ()
    """Those of all where they do not follow one by one, as frames are repeated or left out; else ()."""

    @staticmethod
    def of_picks(picks: Sequence[int]) -> FrameNumbers:
        """:param picks: the number of each frame, never falling."""
        first = picks[0] if picks else 0
        plain = all(pick == first + index for index, pick in enumerate(picks))
        return FrameNumbers(first, () if plain else tuple(picks))

    def of(self, index: int) -> int:
        """The number in the file of a frame, by its position in the clip."""
        return self.each[index] if self.each else self.first + index

    def index_from(self, number: int, frames: int) -> int:
        """The position of the first frame that has this number or a higher one; `frames` for none.

        :param frames: of the clip.
        """
        return bisect_left(self.each, number) if self.each else min(max(0, number - self.first), frames)


ALL_FRAMES = FrameNumbers()
"""Of a clip that is all of its file."""
