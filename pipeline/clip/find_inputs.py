"""Find again what a result was painted from: by its content, wherever it lies and whatever it is called now."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.clip.events import OnEvent, Stage, ignore
from pipeline.clip.path_cache import cached_paths
from pipeline.clip.provenance import Ingredient, Record, near, real
from pipeline.clip.record_reading import read_record
from pipeline.errors import MediaError, ReplayError, UsageError, WrongFileError
from pipeline.file_kind import IS_ADDRESS, address_text, as_typed
from pipeline.media import fingerprint
from pipeline.text import LONGEST, sanitize_line


def check_search(search: Path | None) -> None:
    """See that the folder to look in is there.

    :raises UsageError: it is not.
    """
    if search is not None and not search.is_dir():
        why = IS_ADDRESS if address_text(search) else "there is no such folder."
        raise UsageError(f"--search {as_typed(search)}: {why}")


class Finder:
    """Looks for the ingredients of one result. Nothing is ever written; no file is read twice."""

    def __init__(self, result: Path, search: Path | None, on_event: OnEvent) -> None:
        """
        :param result: what was painted; recorded paths begin in its folder.
        :param search: a folder to look in, with all folders below, for what is not where it was.
        :raises UsageError: `search` is no folder.
        """
        check_search(search)
        self._result = result
        self._search = search
        self._on_event = on_event
        self._seen: dict[Path, str | None] = {}

    def find(self, what: str, wanted: Ingredient, option: str, given: Sequence[Path] = ()) -> Path:
        """Where an ingredient lies: among the files given, at its recorded place, where something was painted
        from it on this machine, or in the folder to search.

        :param what: it is, for messages: 'the input'.
        :param option: that names it on the command line; '' where none does.
        :raises ReplayError: nowhere; the message says what differs.
        """
        for path in given:
            if self._is(path, wanted):
                return path
        place = self._place(wanted)
        if place is not None and self._is(place, wanted):
            return place
        for path in cached_paths(wanted.sha256):
            if self._is(path, wanted):
                return path
        if self._search is not None:
            self._on_event(Stage(f"Looking for {sanitize_line(wanted.path.name, LONGEST)} in {self._search}"))
            for path in _candidates(self._search, wanted.path.name):
                if self._is(path, wanted):
                    return path
        raise self._not_found(what, wanted, option, place)

    def check_given(self, path: Path, wanted: Sequence[Ingredient], what: str) -> None:
        """Make sure that a file given is one of the ingredients.

        :raises WrongFileError: it is not there.
        :raises ReplayError: it is none of them.
        """
        if any(self._is(path, one) for one in wanted):
            return
        found = self._seen[path]
        if found is None:
            why = IS_ADDRESS if address_text(path) else "there is no such file or folder, or it cannot be read."
            raise WrongFileError(f"{as_typed(path)}: {why}")
        should = " or ".join(dict.fromkeys(one.sha256[:12] for one in wanted))
        raise ReplayError(
            f"{path} is not {what} that {self._result} was painted from: its SHA-256 begins with {found[:12]}, not "
            f"with {should}. Name the file as it was then."
        )

    def _place(self, wanted: Ingredient) -> Path | None:
        """Where it should lie; None where a record has no business to point to."""
        folder = real(self._result).parent
        # Without links on the way: '..' is the folder above the one that is named.
        place = Path(os.path.normpath(folder / wanted.path))
        return place if near(folder, place) else None

    def _is(self, path: Path, wanted: Ingredient) -> bool:
        if path not in self._seen:
            try:
                # Neither a device nor a pipe, which have no end.
                self._seen[path] = fingerprint(path) if path.is_file() or path.is_dir() else None
            except (MediaError, OSError, ValueError):
                self._seen[path] = None
        return self._seen[path] == wanted.sha256

    def _not_found(self, what: str, wanted: Ingredient, option: str, place: Path | None) -> ReplayError:
        name = sanitize_line(wanted.path, LONGEST)
        found = self._seen.get(place) if place is not None else None
        if found is not None:
            why = f"which has changed since: its SHA-256 begins with {found[:12]}, not with {wanted.sha256[:12]}"
        elif place is None or wanted.path.name == str(wanted.path):
            # The name alone: it lay beside the result, or where a result does not tell.
            why = f"and it is not known where that is (SHA-256 {wanted.sha256[:12]}…)"
        else:
            why = f"which is not there any more (seen from the folder of the result; SHA-256 {wanted.sha256[:12]}…)"
        nor = f" It is not in {self._search} either." if self._search is not None else ""
        named = f"Name it as it was then with {option} FILE, or its folder: " if option else ""
        return ReplayError(
            f"{self._result} was painted from {name} ({what}), {why}.{nor} {named}--search FOLDER looks for it there "
            "and below, under whatever name."
        )


def _candidates(folder: Path, name: str) -> Iterator[Path]:
    """Files (of a folder of pictures: folders) below `folder` that may be it: those of that name, then of its kind."""
    suffix = Path(name).suffix.lower()
    others: list[Path] = []
    for root, folders, files in os.walk(folder):
        folders.sort()
        for entry in (*folders, *sorted(files)):
            path = Path(root, entry)
            if entry == name:
                yield path
            elif path.suffix.lower() == suffix:
                others.append(path)
    yield from others
    yield folder


@dataclass(frozen=True)
class FoundIngredients:
    """A result with what went into it."""

    result: Path
    record: Record
    source: Path | None
    """What was painted; None where it is gone or has changed."""
    styles: tuple[Path, ...]
    """Those that are still there, in order."""
    notes: tuple[str, ...]
    """What is not there, a sentence each."""


def find_ingredients(result: Path, search: Path | None = None) -> FoundIngredients:
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
    of_regions = (style for region in record.region for style in region.styles)
    styles = [find("a style", style) for style in (*record.styles, *of_regions)]
    return FoundIngredients(result, record, source, tuple(style for style in styles if style is not None), tuple(notes))
