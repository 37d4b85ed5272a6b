"""What somebody says about the cuts of a clip: find them, there are none, or here they are."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.errors import UsageError
from pipeline.frame_numbers import ALL_FRAMES, FrameNumbers
from pipeline.text import first_few

# Who only reads what a result says of itself need not wait for what finds cuts.
if TYPE_CHECKING:
    from pipeline.motion.shots import Shot

_LIST = re.compile(r"\s*\d+\s*(,\s*\d+\s*)*,?\s*")


@dataclass(frozen=True)
class Cuts:
    """Where the shots of a clip begin."""

    automatic: bool
    """To be found with `find_shots`."""
    given: tuple[int, ...] = ()
    """Where not automatic: first frame of each shot but the first, as it is called in the input; increasing, none of
    them 0."""

    def shots(self, frames: int, in_file: FrameNumbers = ALL_FRAMES, to_its_end: bool = True) -> list[Shot]:
        """The shots of a clip, where they are not automatic; a cut where nothing is painted is none.

        :param frames: that are painted.
        :param in_file: which of the input they are.
        :param to_its_end: whether the input is painted to its end.
        :raises UsageError: a cut lies behind the last frame of the input.
        :raises ValueError: they are to be found, which needs the frames.
        """
        if self.automatic:
            raise ValueError("automatic cuts have to be found in the frames")
        last = in_file.of(frames - 1)
        late = [first for first in self.given if first > last]
        # Where frames are left out, the last one of the input may be one of these.
        if late and to_its_end and not in_file.each:
            raise UsageError(
                f"--cuts names frame {late[0]}, but there are only {last + 1} frames, which count from 0 to {last}."
            )
        begins = {in_file.index_from(first, frames) for first in self.given} - {0, frames}
        return list(zip((0, *sorted(begins)), (*sorted(begins), frames), strict=True))

    def notes(self, frames: int, in_file: FrameNumbers) -> tuple[str, ...]:
        """What a person should know of cuts that were given, a sentence each: that some lie where nothing is painted.

        :param frames, in_file: as for `shots`.
        """
        first, last = in_file.of(0), in_file.of(frames - 1)
        outside = [cut for cut in self.given if not first <= cut <= last]
        if not outside:
            return ()
        several = len(outside) > 1
        return (
            f"--cuts names frame{'s' * several} {first_few(outside)}, which {'are' if several else 'is'} "
            f"not among those that are painted, {first} to {last}: numbers count from 0 in the whole input.",
        )


def parse_cuts(text: str) -> Cuts:
    """'auto', 'none', or the first frame of each new shot: '24' or '24,57', from 0 in the input, in any order.

    :raises UsageError: anything else.
    """
    word = text.strip().lower()
    if word == "auto":
        return Cuts(True)
    if word == "none":
        return Cuts(False)
    if not _LIST.fullmatch(word):
        raise UsageError(
            f"--cuts {text!r} is neither auto nor none nor a list of frames. Write the first frame of each new shot, "
            "counted from 0 in the input, for instance 24,57."
        )
    numbers = {int(number) for number in re.findall(r"\d+", text)}
    # The clip begins with a shot whether it is said or not.
    return Cuts(False, tuple(sorted(numbers - {0})))


def cuts_of_painted(text: str, in_file: FrameNumbers) -> str:
    """A list of cuts that counts the frames that are painted, as every list once did, as one of the input's frames.

    :param in_file: which of the input are painted.
    :raises UsageError: as `parse_cuts`.
    """
    given = parse_cuts(text).given
    return ",".join(str(in_file.of(cut)) for cut in given) if given else text
