"""What went wrong, in words: an error as a paragraph, and why paintings failed, each cause once."""

from __future__ import annotations

import errno
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.errors import ReelbrushError
from pipeline.network.memory import OUT_OF_MEMORY, is_out_of_memory
from pipeline.text import listed, sanitize, sanitize_line

RESUME_HINT = "Each failure says what to do about it. Then give the same command again: what is finished stays."
"""How to go on after failures. No more than that, because what helps differs: trying again, another file, or other
settings."""


def error_text(error: Exception) -> tuple[str, int]:
    """One paragraph and the exit code.

    :raises Exception: the error itself, where it is none that a user can have caused: that is a bug, and a
        traceback is what mends it.
    """
    if isinstance(error, ReelbrushError):
        return str(error), error.exit_code
    if is_out_of_memory(error):
        return OUT_OF_MEMORY, 1
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        # What a job keeps has a name, and so has its error.
        return "The disk is full: no room is left for what this command writes. Make room, and give it again.", 1
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}.", 1
    raise error


@dataclass(frozen=True)
class Failure:
    """A painting that failed."""

    name: str
    source: str
    """Path of its input."""
    error: str
    """A paragraph, as the ledger has it."""


@dataclass(frozen=True)
class Cause:
    """Why something failed."""

    who: str
    """'clip.mp4 (2 paintings)', 'clip-ink.mp4'."""
    why: str
    """The paragraph, without the file that `who` names."""
    names: tuple[str, ...] = field(default=(), compare=False)
    """The paintings that have failed for it."""

    @property
    def text(self) -> str:
        """All of it, on one line."""
        return f"{self.who}: {self.why}"


def causes(failures: Iterable[Failure]) -> list[Cause]:
    """Every cause once, in the order in which they come first. Nothing in it is a control character."""
    found: dict[str, dict[str, list[str]]] = {}
    for failure in failures:
        who, why = _of_whom(failure)
        found.setdefault(why, {}).setdefault(who, []).append(failure.name)
    return [
        Cause(
            listed([who if len(names) == 1 else f"{who} ({len(names)} paintings)" for who, names in by_who.items()]),
            why,
            tuple(name for names in by_who.values() for name in names),
        )
        for why, by_who in found.items()
    ]


def _of_whom(failure: Failure) -> tuple[str, str]:
    """Whom a paragraph is about, which is its input where it begins with that, and what it says of it."""
    error = failure.error or "Nothing is known of why."
    source = Path(failure.source).name
    # The ledger has written out what is no text in a file's name.
    written = failure.source.encode("utf-8", "backslashreplace").decode()
    for begin, who in ((failure.source, source), (written, source), (failure.name, failure.name)):
        if error.startswith(f"{begin}: "):
            return who, _one_line(error[len(begin) + 2 :])
    # A result is called by all of its path there.
    head, found, why = error.partition(f"{failure.name}: ")
    if found and ": " not in head and head.endswith(("/", "\\")):
        return failure.name, _one_line(why)
    return failure.name, _one_line(error.replace(failure.source, sanitize_line(failure.source)))


def _one_line(text: str) -> str:
    return " ".join(sanitize(text).split("\n"))
