"""An animation no larger than it may be: encoded in several ways, of which the best that fits gets the name."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Protocol

from pipeline.atomic import remove
from pipeline.errors import OutputError, UsageError
from pipeline.media.outputs import cannot_write, publish
from pipeline.pictures.encoding_ladder import Encoding, best_within, encoding_ladder
from pipeline.text import size_text_rounded_up

LEAST_SIDE, LEAST_FRAMES = 32, 6
"""Below this, an animation is none any more: it is not made smaller to fit."""


@dataclass(frozen=True)
class Encoded:
    """An animation in a file."""

    width: int
    height: int
    frames: int
    notes: tuple[str, ...] = ()
    """What a person should know, a sentence each."""


class Animation(Protocol):
    """What can be encoded in more than one way."""

    kind: str
    """'story', 'gallery': what it is called in messages."""
    smaller: str
    """What else could be done where it does not fit: the end of a sentence that begins with 'choose'."""

    def size(self, way: Encoding) -> tuple[int, int]:
        """(the side in pixels that should not become too small, frames) of it, encoded that way."""

    def encode(self, path: Path, way: Encoding) -> Encoded:
        """Write it to `path`, which may be replaced. Raises an OutputError where that fails."""


def write_within_limit(
    path: Path, animation: Animation, limit: int | None, on_trial: Callable[[str], None] = lambda what: None
) -> Encoded:
    """Write an animation in the best way that takes no more than `limit` bytes; what was there is replaced.

    :param limit: None: there is none, and the best way of all is taken.
    :param on_trial: told what is tried, where `limit` makes it necessary to try.
    :return: what was written; its notes end with what was given up, if anything was.
    :raises UsageError: it does not fit whatever is done; nothing is written then.
    :raises OutputError: it cannot be written.
    """
    ways = encoding_ladder(path.suffix.lower())
    folder = path.with_name(f".{path.name}.trials")
    remove(folder)  # left by a run that was killed
    trials = _Trials(folder, path, animation)
    try:
        folder.mkdir()
        if limit is None:
            trials.encode(0, ways[0])
            best: int | None = 0
        else:
            # The weights hold for the frames and sizes of this animation, where what would be too small is left out.
            ways = [way for way in ways if _possible(animation, way)]

            def measured(number: int) -> int:
                on_trial(_said(animation, ways[number]))
                return trials.encode(number, ways[number])

            best = best_within(limit, [way.weight for way in ways], measured)
        if best is None:
            raise UsageError(trials.refusal(limit or 0))
        publish(trials.file(best), path)
        return trials.found(best, limit or 0)
    except OutputError as error:
        # Who asked for an animation knows nothing of trials.
        raise type(error)(re.sub(rf"{re.escape(str(folder))}[/\\][\w.]+", lambda _: str(path), str(error))) from error
    except OSError as error:
        raise cannot_write(path, error) from error
    finally:
        remove(folder)


class _Trials:
    """Encodes an animation in several ways; each is a file of its own until the best one is known."""

    def __init__(self, folder: Path, path: Path, animation: Animation) -> None:
        self._folder = folder
        self._path = path
        self._animation = animation
        self._encoded: dict[int, Encoded] = {}
        self._said: dict[int, str] = {}
        self._bytes: dict[int, int] = {}

    def file(self, number: int) -> Path:
        """Where a trial lies."""
        return self._folder / f"{number}{self._path.suffix.lower()}"

    def encode(self, number: int, way: Encoding) -> int:
        """Encode it that way; tells how many bytes it takes."""
        found = self._animation.encode(self.file(number), way)
        self._encoded[number] = found
        self._said[number] = f"{found.width}x{found.height} with {_said(self._animation, way)}"
        self._bytes[number] = self.file(number).stat().st_size
        return self._bytes[number]

    def found(self, best: int, limit: int) -> Encoded:
        """The best one, and in its notes what was given up for it."""
        one = self._encoded[best]
        if best == 0:
            return one
        remark = (
            f"{self._said[0]} would take {size_text_rounded_up(self._bytes[0])}; to stay below "
            f"{size_text_rounded_up(limit)}, the {self._animation.kind} is {self._said[best]}."
        )
        return Encoded(one.width, one.height, one.frames, (*one.notes, remark))

    def refusal(self, limit: int) -> str:
        """What would fit."""
        least = min(self._bytes, key=self._bytes.__getitem__)
        takes = self._bytes[least]
        return (
            f"{self._path}: this {self._animation.kind} does not fit into {size_text_rounded_up(limit)}. The smallest "
            f"one, {self._said[least]}, takes {size_text_rounded_up(takes)}: allow that with --max-bytes "
            f"{-(-takes // 1000)}kB, or choose {self._animation.smaller}"
        )


def _possible(animation: Animation, way: Encoding) -> bool:
    """Whether so small an animation would still be one; what has fewer frames or pixels anyway keeps those."""
    full_side, full_frames = animation.size(replace(way, scale=1.0, share=Fraction(1)))
    side, frames = animation.size(way)
    return side >= min(LEAST_SIDE, full_side) and frames >= min(LEAST_FRAMES, full_frames)


def _said(animation: Animation, way: Encoding) -> str:
    """Frames, colours and quality of a way to encode it."""
    colours = f" in {way.palette.colours} colours" if way.palette is not None else ""
    quality = f" at quality {way.quality}" if way.quality is not None else ""
    return f"{animation.size(way)[1]} frames{colours}{quality}"
