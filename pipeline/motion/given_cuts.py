"""What somebody says about the cuts of a clip: find them, there are none, or here they are."""

from __future__ import annotations

import re
from dataclasses import dataclass

from pipeline.errors import UsageError
from pipeline.motion.shots import Shot

_LIST = re.compile(r"\s*\d+\s*(,\s*\d+\s*)*,?\s*")


@dataclass(frozen=True)
class Cuts:
    """Where the shots of a clip begin."""

    automatic: bool
    """To be found with `find_shots`."""
    given: tuple[int, ...] = ()
    """Where not automatic: first frame of each shot but the first, increasing, none of them 0."""

    def shots(self, frames: int) -> list[Shot]:
        """The shots of a clip of that many frames, where they are not automatic.

        :raises UsageError: a cut lies behind the last frame.
        :raises ValueError: they are to be found, which needs the frames.
        """
        if self.automatic:
            raise ValueError("automatic cuts have to be found in the frames")
        late = [first for first in self.given if first >= frames]
        if late:
            raise UsageError(
                f"--cuts names frame {late[0]}, but there are only {frames} frames, which count from 0 to {frames - 1}."
            )
        return list(zip((0, *self.given), (*self.given, frames), strict=True))


def parse_cuts(text: str) -> Cuts:
    """'auto', 'none', or the first frame of each new shot: '24' or '24,57', from 0, in any order.

    :raises UsageError: anything else.
    """
    word = text.strip().lower()
    if word == "auto":
        return Cuts(True)
    if word == "none":
        return Cuts(False)
    if not _LIST.fullmatch(text):
        raise UsageError(
            f"--cuts {text!r} is neither auto nor none nor a list of frames. Write the first frame of each new shot, "
            "counted from 0, for instance 24,57."
        )
    numbers = {int(number) for number in re.findall(r"\d+", text)}
    # The clip begins with a shot whether it is said or not.
    return Cuts(False, tuple(sorted(numbers - {0})))
