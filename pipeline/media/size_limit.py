"""Animations in files, no larger than they may be: encoded in several ways, of which the best that fits is kept."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Protocol

from pipeline.atomic import hidden, remove
from pipeline.errors import OutputError, UsageError
from pipeline.media.encoding_ladder import Encoding, best_within, encoding_ladder
from pipeline.media.outputs import cannot_write, publish
from pipeline.text import count_text, sizes_text

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
    advice: str
    """What else could be done where it does not fit: the end of a sentence that begins with 'choose'."""

    def size(self, encoding: Encoding) -> tuple[int, int]:
        """(the side in pixels that should not become too small, frames) of it, encoded that way."""

    def encode(self, path: Path, encoding: Encoding) -> Encoded:
        """Write it to `path`, which may be replaced. Raises an OutputError where that fails."""


def write_within_limit(
    path: Path,
    animation: Animation,
    limit: int | None,
    on_trial: Callable[[str], None] = lambda what: None,
    part: Path | None = None,
) -> Encoded:
    """Write an animation in the best way that takes no more than `limit` bytes; what was there is replaced.

    :param limit: None: there is none, and the best way of all is taken.
    :param on_trial: is told what is tried, where `limit` makes it necessary to try.
    :param part: where it is put under a name for the time being; None: at `path`.
    :return: what was written; its notes end with what was given up, if anything was.
    :raises UsageError: it does not fit whatever is done; nothing is written then.
    :raises OutputError: it cannot be written.
    """
    encodings = encoding_ladder(path.suffix.lower())
    folder = trials_folder(path)
    remove(folder)  # left by a run that was killed
    trials = _Trials(folder, path, animation)
    try:
        folder.mkdir()
        if limit is None:
            trials.encode(0, encodings[0])
            best: int | None = 0
        else:
            # The weights hold for the frames and sizes of this animation, where what would be too small is left out.
            encodings = [encoding for encoding in encodings if is_possible(animation, encoding)]

            def measure(number: int) -> int:
                on_trial(_description(animation, encodings[number]))
                return trials.encode(number, encodings[number])

            best = best_within(limit, [encoding.weight for encoding in encodings], measure)
        if best is None:
            raise UsageError(trials.refusal(limit or 0))
        publish(trials.file(best), part or path)
        return trials.result(best, limit or 0)
    except OutputError as error:
        # Who asked for an animation knows nothing of trials.
        raise type(error)(re.sub(rf"{re.escape(str(folder))}[/\\][\w.]+", lambda _: str(path), str(error))) from error
    except OSError as error:
        raise cannot_write(path, error) from error
    finally:
        remove(folder)


def trials_folder(path: Path) -> Path:
    """Where the ways that are tried lie until the best one is known."""
    return hidden(path, ".trials")


class _Trials:
    """Encodes an animation in several ways; each is a file of its own until the best one is known."""

    def __init__(self, folder: Path, path: Path, animation: Animation) -> None:
        self._folder = folder
        self._path = path
        self._animation = animation
        self._encoded: dict[int, Encoded] = {}
        self._descriptions: dict[int, str] = {}
        self._bytes: dict[int, int] = {}

    def file(self, number: int) -> Path:
        """Where a trial lies."""
        return self._folder / f"{number}{self._path.suffix.lower()}"

    def encode(self, number: int, encoding: Encoding) -> int:
        """Encode it that way; returns how many bytes it takes."""
        encoded = self._animation.encode(self.file(number), encoding)
        self._encoded[number] = encoded
        self._descriptions[number] = f"{encoded.width}x{encoded.height} with {_description(self._animation, encoding)}"
        self._bytes[number] = self.file(number).stat().st_size
        return self._bytes[number]

    def result(self, best: int, limit: int) -> Encoded:
        """The best one, and in its notes what was given up for it."""
        one = self._encoded[best]
        if best == 0:
            return one
        would_take, allowed = sizes_text(self._bytes[0], limit)
        remark = (
            f"{self._descriptions[0]} would take {would_take}; to stay below {allowed}, the {self._animation.kind} is "
            f"{self._descriptions[best]}."
        )
        return Encoded(one.width, one.height, one.frames, (*one.notes, remark))

    def refusal(self, limit: int) -> str:
        """What would fit."""
        least = min(self._bytes, key=self._bytes.__getitem__)
        takes = self._bytes[least]
        allowed, needed = sizes_text(limit, takes)
        return (
            f"{self._path}: this {self._animation.kind} does not fit into {allowed}. The smallest one, "
            f"{self._descriptions[least]}, takes {needed}: allow that with --max-bytes {-(-takes // 1000)}kB, or "
            f"choose {self._animation.advice}"
        )


def is_possible(animation: Animation, encoding: Encoding) -> bool:
    """Whether so small an animation would still be one; what has fewer frames or pixels anyway keeps those."""
    full_side, full_frames = animation.size(replace(encoding, scale=1.0, share=Fraction(1)))
    side, frames = animation.size(encoding)
    return side >= min(LEAST_SIDE, full_side) and frames >= min(LEAST_FRAMES, full_frames)


def _description(animation: Animation, encoding: Encoding) -> str:
    """Frames, colours and quality of an encoding, in words."""
    colours = f" in {encoding.palette.colours} colours" if encoding.palette is not None else ""
    quality = f" at quality {encoding.quality}" if encoding.quality is not None else ""
    return f"{count_text(animation.size(encoding)[1], 'frame')}{colours}{quality}"
