"""What Reelbrush writes into a folder of its own. Nothing else is removed there: the file of somebody who did not know
whose folder it is stays."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

LOCK = "lock"
PARTS = r"\..+\.part\.\w+"
"""Names under which a file lies while it is unfinished, as `atomic` gives them; a killed run leaves them."""


@dataclass(frozen=True)
class OwnFiles:
    """The names that there are in a folder of Reelbrush's, as regular expressions."""

    files: str
    folders: Mapping[str, OwnFiles] = field(default_factory=dict)
    """Of the folders in it: what is in them."""

    def holds(self, name: str) -> bool:
        """Whether a file of that name is Reelbrush's."""
        return re.fullmatch(f"{self.files}|{PARTS}", name) is not None

    def foreign(self, folder: Path, but: Collection[str] = ()) -> tuple[Path, ...]:
        """What somebody else has put there, at any depth; a link to a folder is nobody else's business either.

        :param but: names right in the folder that count as Reelbrush's as well.
        """
        return self._look(folder, but, remove=False)

    def remove(self, folder: Path, but: Collection[str] = ()) -> tuple[Path, ...]:
        """Remove all that is Reelbrush's there, and the folder, if nothing else is in it.

        :param but: names right in the folder that stay.
        :return: what is not Reelbrush's, and stays, with the folders that it lies in.
        """
        left = self._look(folder, but, remove=True)
        with suppress(OSError):
            folder.rmdir()
        return left

    def _look(self, folder: Path, but: Collection[str], remove: bool) -> tuple[Path, ...]:
        foreign: list[Path] = []
        # Folders first: what says whose frames they are goes after them.
        for entry in sorted(_entries(folder), key=lambda entry: (not entry.is_dir(), entry.name)):
            inner = self._inner(entry.name) if entry.is_dir() else None
            if entry.name in but:
                continue
            if inner is not None:
                foreign += inner.remove(entry) if remove else inner.foreign(entry)
                # What is in a linked folder is, the link is not.
                foreign += [entry] if entry.is_symlink() else []
            elif entry.is_dir() or not self.holds(entry.name):
                foreign.append(entry)
            elif remove:
                with suppress(OSError):
                    entry.unlink(missing_ok=True)
        return tuple(foreign)

    def _inner(self, name: str) -> OwnFiles | None:
        return next((inner for own, inner in self.folders.items() if re.fullmatch(own, name)), None)


def _entries(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []


def stays(folder: Path, foreign: Sequence[Path]) -> str:
    """What is said of a folder that is not removed for what somebody else has put there; '' where nothing is."""
    if not foreign:
        return ""
    names = ", ".join(str(path.relative_to(folder)) for path in foreign[:2])
    more = f" and {len(foreign) - 2} more" if len(foreign) > 2 else ""
    return f"{folder} stays: what Reelbrush has not written there ({names}{more}) is not removed."
