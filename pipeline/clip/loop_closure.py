"""Whether a clip can be closed to a loop: its last frame followed by its first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import UsageError
from pipeline.frame_numbers import ALL_FRAMES, FrameNumbers
from pipeline.motion.frame_difference import Small, difference
from pipeline.motion.shots import Shot
from pipeline.text import first_few

FARTHER = 3.0
"""How many times farther apart than neighbours the last and the first frame may be in a clip that loops, ..."""
LEAST = 2.0
"""... and levels, as `frame_difference.difference` counts, that are never too far. A GIF that loops had 0.7 levels, 0.6
times what neighbours had; parts of films without a cut 9 to 17 levels, 6 to 46 times."""


def check_loop(path: Path, frames: int, shots: Sequence[Shot], in_file: FrameNumbers = ALL_FRAMES) -> None:
    """
    :param frames: that are painted.
    :param shots: as far as they are known.
    :param in_file: which frames of the input are painted.
    :raises UsageError: a single frame, or a clip of several shots.
    """
    if frames < 2:
        raise UsageError(f"{path}: a loop needs two frames at least, and this is a single one. Leave out --loop.")
    cuts = [in_file.of(begin) for begin, _ in shots[1:]]
    if not cuts:
        return
    raise UsageError(
        f"{path}: only a single shot can be a loop, and there {'is a cut' if len(cuts) == 1 else 'are cuts'} at frame "
        f"{first_few(cuts)} (counted from 0). Choose the frames of one shot with --frames, say --cuts none if that is "
        "no cut, or leave out --loop."
    )


@dataclass(frozen=True)
class Seam:
    """How far apart the last frame of a clip and its first are, in levels as `frame_difference.difference` counts."""

    levels: float
    usual: float
    """The farther of the pairs of neighbours at both ends."""


def measure_seam(first: tuple[Small, Small], last: tuple[Small, Small]) -> Seam:
    """
    :param first, last: downscaled, the two frames with which a clip begins, and of those with which it ends.
    """
    usual = max(difference(before, after).levels for before, after in (first, last))
    return Seam(difference(last[1], first[0]).levels, usual)


def loop_notes(seam: Seam, passes: int) -> tuple[str, ...]:
    """What a person should know of a loop: that it takes more than one pass, and where the input is none by itself.

    :param passes: as the settings say.
    """
    notes = []
    if passes == 1:
        notes.append(
            "A loop takes two passes at least, of which the last one closes it: passes = 1 counts as 2 here, and takes "
            "about half as long again."
        )
    if seam.levels > max(LEAST, FARTHER * seam.usual):
        notes.append(
            f"The input does not loop by itself: its last frame differs from the first by {seam.levels:.1f} levels, "
            f"neighbours there by {seam.usual:.1f}. The paint is led round, but what it shows jumps."
        )
    return tuple(notes)
