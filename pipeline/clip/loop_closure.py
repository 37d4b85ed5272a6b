"""Whether a clip can be closed to a loop: its last frame followed by its first."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path

from pipeline.errors import UsageError
from pipeline.media.frame import FrameSource
from pipeline.motion.frame_difference import difference, downscaled
from pipeline.motion.shots import Shot
from pipeline.types import Image

FARTHER = 3.0
"""How many times farther apart than neighbours the last and the first frame may be in a clip that loops, ..."""
LEAST = 2.0
"""... and levels, as `frame_difference.difference` counts, that are never too far. A GIF that loops had 0.7 levels, 0.6
times what neighbours had; parts of films without a cut 9 to 17 levels, 6 to 46 times."""
SOME = 8
"""Cuts that are named."""


def check_loop(path: Path, frames: int, shots: Sequence[Shot]) -> None:
    """
    :param shots: as far as they are known.
    :raises UsageError: a single frame, or a clip of several shots.
    """
    if frames < 2:
        raise UsageError(f"{path}: a loop needs two frames at least, and this is a single one. Leave out --loop.")
    cuts = [str(begin) for begin, _ in shots[1:]]
    if not cuts:
        return
    where = ", ".join(cuts[:SOME]) + (", ..." if len(cuts) > SOME else "")
    raise UsageError(
        f"{path}: only a single shot can be a loop, and there {'is a cut' if len(cuts) == 1 else 'are cuts'} at frame "
        f"{where} (counted from 0). Choose the frames of one shot with --frames, say --cuts none if that is no cut, or "
        "leave out --loop."
    )


def loop_notes(source: FrameSource, passes: int) -> tuple[str, ...]:
    """What a person should know of a loop: that it takes more than one pass, and where the input is none by itself.

    :param source: two frames at least.
    :param passes: as the settings say.
    """
    short = () if passes > 1 else (
        "A loop takes two passes at least, of which the last one closes it: passes = 1 counts as 2 here, and takes "
        "about half as long again.",
    )  # fmt: skip
    return (*short, *_jump_notes(source))


def _jump_notes(source: FrameSource) -> tuple[str, ...]:
    count = source.info.frames
    first, last = _pair(source, 0), _pair(source, count - 2)
    seam = difference(downscaled(last[1]), downscaled(first[0])).levels
    usual = max(difference(downscaled(before), downscaled(after)).levels for before, after in (first, last))
    if seam <= max(LEAST, FARTHER * usual):
        return ()
    return (
        f"The input does not loop by itself: its last frame differs from the first by {seam:.1f} levels, neighbours "
        f"there by {usual:.1f}. The paint is led round, but what it shows jumps.",
    )


def _pair(source: FrameSource, index: int) -> tuple[Image, Image]:
    with closing(source.frames(index)) as frames:
        before, after = (frame.image for frame in islice(frames, 2))
    return before, after
