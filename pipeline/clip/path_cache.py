"""Where the files lie that were painted from on this machine, by their content.

A result is given away, and tells as little as `provenance.near` allows of where its input and styles lie. Who painted
it finds them all the same: this is noted here, in the user's cache, in a file for each of them, which holds nothing but
paths. It is a help and no more: where it cannot be written or read, everything goes on without it.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path

from pipeline.clip.provenance import Record, real
from pipeline.errors import OutputError
from pipeline.media.outputs import written_atomically

MOST = 4096
"""Files that are remembered; those that were painted from longest ago are forgotten first."""
EACH = 4
"""Places of one file; the latest come first."""
_LARGEST = 1 << 16  # bytes of a note that is worth reading


def cache_folder() -> Path | None:
    """`$REELBRUSH_CACHE/places`, by default under `~/.cache/reelbrush`; None where there is no home."""
    own, shared = os.environ.get("REELBRUSH_CACHE"), os.environ.get("XDG_CACHE_HOME")
    try:
        cache = Path(own) if own else (Path(shared) if shared else Path.home() / ".cache") / "reelbrush"
    except RuntimeError:  # nobody's
        return None
    return cache / "places"


def record_paths(record: Record) -> None:
    """Note where everything lies that a result was painted from. Never raises: the result is there already."""
    folder = cache_folder()
    if folder is None:
        return
    with suppress(OSError, OutputError):
        # What somebody paints is nobody else's business.
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for one in record.ingredients:
            _note(folder, one.sha256, str(real(one.path)))
        _forget(folder)


def cached_paths(sha256: str) -> tuple[Path, ...]:
    """Where a file of that hash lay when something was painted from it, the latest first. Whether it still does is not
    known.

    :param sha256: 64 hexadecimal digits.
    """
    folder = cache_folder()
    return () if folder is None else tuple(Path(place) for place in _read(folder / f"{sha256}.json"))


def _note(folder: Path, sha256: str, place: str) -> None:
    path = folder / f"{sha256}.json"
    before = _read(path)
    if before[:1] == [place]:
        path.touch()
        return
    places = [place, *(other for other in before if other != place)][:EACH]
    with written_atomically(path) as part:
        part.write_text(json.dumps(places) + "\n", encoding="utf-8")


def _read(path: Path) -> list[str]:
    """The places in a note; none where there is none, or where another program has written it."""
    try:
        if path.stat().st_size > _LARGEST:
            return []
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return []
    places = found if isinstance(found, list) else []
    return [place for place in places[:EACH] if isinstance(place, str) and Path(place).is_absolute()]


def _forget(folder: Path) -> None:
    """Remove the oldest notes, where there are too many."""
    notes = list(folder.glob("*.json"))
    if len(notes) > MOST:
        age = {note: note.stat().st_mtime_ns for note in notes}
        for note in sorted(notes, key=lambda note: (age[note], note.name))[: len(notes) - MOST]:
            note.unlink(missing_ok=True)
