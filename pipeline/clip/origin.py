"""What a result was painted from, as far as it is still at hand: what galleries and panels show beside it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pipeline.clip.events import ignore
from pipeline.clip.find_inputs import Finder
from pipeline.clip.provenance import Ingredient, Record
from pipeline.clip.recorded import read_record
from pipeline.errors import ReplayError


@dataclass(frozen=True)
class Origin:
    """A result with what went into it."""

    result: Path
    record: Record
    source: Path | None
    """What was painted; None where it is gone or has changed."""
    styles: tuple[Path, ...]
    """Those that are still there, in order."""
    notes: tuple[str, ...]
    """What is not there, a sentence each."""


def origin_of(result: Path, search: Path | None = None) -> Origin:
    """What a result says that it was painted from, found again by its content.

    :param search: a folder to look in, with all folders below, for what is not where it was.
    :raises MediaError: the result cannot be read.
    :raises ReplayError: it does not say how it was made; or there is no folder `search`.
    """
    record, finder = read_record(result), Finder(result, search, ignore)
    notes: list[str] = []

    def find(what: str, wanted: Ingredient) -> Path | None:
        try:
            return finder.find(what, wanted, "")
        except ReplayError as error:
            notes.append(str(error))
            return None

    source = find("the input", record.source)
    styles = [find("a style", style) for style in record.styles]
    return Origin(result, record, source, tuple(style for style in styles if style is not None), tuple(notes))
