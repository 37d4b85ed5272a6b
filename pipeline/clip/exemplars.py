"""Frames that were painted or corrected by hand, as a person writes them; and how they lead the others.

    --exemplar painted.png         the first frame that is painted
    --exemplar later.png@60        frame 60 of the input, counted from 0; @1.5s: the one at that time

Nothing here imports what reads pictures, or torch: `reelbrush --help` needs this option.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.clip.parse import bound_text
from pipeline.clip.regions import at_as_json, at_from_json, located_at
from pipeline.clip.styles import StylePicture
from pipeline.errors import UsageError
from pipeline.file_kind import is_there
from pipeline.options import INPUT, option

if TYPE_CHECKING:
    from pipeline.clip.passes import Pass
    from pipeline.motion.shots import Shot


@dataclass(frozen=True)
class Exemplar:
    """A frame as it should be painted."""

    path: Path
    at: int | Fraction | None = None
    """Its number in the input, from 0, or its time in seconds; None: the first one that is painted."""

    @property
    def text(self) -> str:
        """As it is written on the command line."""
        return str(self.path) + ("" if self.at is None else f"@{bound_text(self.at)}")


def parse_exemplar(text: str, home: Path = Path()) -> Exemplar:
    """'FILE', or 'FILE@FRAME', where a frame is a number from 0 or a time such as '1.5s'. A '@' is part of a name where
    a file has that name.

    :param home: the folder that a relative path counts from.
    :raises UsageError: there is no name.
    """
    path, at = located_at(text, home)
    if not text.strip() or (text.lstrip().startswith("@") and not is_there(path)):
        raise UsageError("The name of a frame that was painted by hand is empty. Write --exemplar FILE or FILE@FRAME.")
    return Exemplar(path, at)


@dataclass(frozen=True, kw_only=True)
class Exemplars:
    """The frames of a clip that were painted by hand."""

    exemplar: tuple[Exemplar, ...] = field(
        default=(),
        metadata=option(
            "A frame as it should be painted, by hand or corrected: the first one, or painted.png@60 for frame 60 (or "
            "a time, @1.5s). It stays as it is and leads the frames before and after it in its shot; all of them "
            "together count as a style as much as the others. Can be given several times.",
            INPUT,
            flags=("--exemplar", "--first"),
            metavar="FILE",
            read=parse_exemplar,
            each=True,
        ),
    )

    def styles_with_exemplars(self, styles: Sequence[StylePicture]) -> tuple[StylePicture, ...]:
        """The styles, and the frames that were painted by hand, which share among them the weight of the others."""
        share = sum(style.weight for style in styles) / max(1, len(self.exemplar))
        return (*styles, *(StylePicture(one.path, share) for one in self.exemplar))


def exemplars_as_json(of: Sequence[Exemplar], name_of: Callable[[Path], Any] = str) -> list[Any]:
    """In JSON's own types.

    :param name_of: what stands for a file.
    """
    return [[name_of(one.path), at_as_json(one.at)] for one in of]


def exemplars_from_json(stored: Sequence[Any]) -> tuple[Exemplar, ...]:
    """From what `exemplars_as_json` gave."""
    return tuple(Exemplar(Path(path), at_from_json(at)) for path, at in stored)


def shares_kept(one: Pass, exemplars: Collection[int], shots: Sequence[Shot]) -> Mapping[int, float]:
    """How far frames of a further pass, 0 to 1, are held to their painting of the pass before; the rest is for what the
    frames before them in this one lead to.

    A pass that goes backward leads from an exemplar, number b, to the frames before it. Between two, a and b, the
    paintings of the pass before come from a, and their pull should fade evenly from one to the other. Of b there is
    s(i) = (i - a) / (b - a) in frame i, and it has that from the frame i + 1: 1 - kept(i) = s(i) / s(i + 1), so that
    kept(i) = 1 / (i + 1 - a). The other way round where a third pass goes forward again.

    :param exemplars: the numbers of the frames that were painted by hand.
    :return: only those that are led by exemplars in this pass.
    """
    found: dict[int, float] = {}
    for begin, end in shots if one.number > 1 and not one.circle else ():
        inside = sorted(index for index in exemplars if begin <= index < end)
        for a, b in pairwise(inside):
            for index in range(a + 1, b):
                found[index] = 1 / (b + 1 - index if one.forward else index + 1 - a)
        if inside and not one.forward:
            found.update(dict.fromkeys(range(begin, inside[0]), 0.0))
    return found


def shots_led(exemplars: Collection[int], shots: Sequence[Shot]) -> list[Shot]:
    """The shots with frames that were painted by hand, whose numbers `exemplars` are."""
    return [(begin, end) for begin, end in shots if any(begin <= index < end for index in exemplars)]


def exemplar_notes(exemplars: Mapping[int, str], shots: Sequence[Shot], passes: int) -> tuple[str, ...]:
    """What a person should know of how exemplars lead, a sentence each.

    :param exemplars: what the user calls them, by the numbers of their frames.
    """
    begins = {begin for begin, _ in shots}
    if passes > 1 or begins.issuperset(exemplars):
        return ()
    names = ", ".join(name for index, name in sorted(exemplars.items()) if index not in begins)
    return (
        f"In a single pass, {names} leads only the frames that come after it; with --passes 2 those before it, too.",
    )
