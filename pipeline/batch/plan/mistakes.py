"""Everything that is wrong with a request, collected, so that a person mends it in one go."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pipeline.errors import SettingsError, UsageError


class Mistakes:
    """The mistakes found so far. `check` raises them, all together."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._settings = False

    def __len__(self) -> int:
        return len(self._lines)

    @contextmanager
    def collected(self, place: str = "") -> Iterator[None]:
        """Keep a mistake that is raised inside, and go on behind the block.

        :param place: where it stands, such as 'job.toml, item 2'.
        """
        try:
            yield
        except UsageError as error:
            self._settings |= isinstance(error, SettingsError)
            # A name may have a line break in it.
            line = (f"{place}: {error}" if place else str(error)).replace("\n", "\\n")
            if line not in self._lines:
                self._lines.append(line)

    def check(self) -> None:
        """Do nothing if there are none.

        :raises SettingsError: there are, and a setting or a job file is among what is wrong.
        :raises UsageError: there are others.
        """
        if not self._lines:
            return
        kind = SettingsError if self._settings else UsageError
        if len(self._lines) == 1:
            raise kind(self._lines[0])
        listed = "".join(f"\n- {line}" for line in self._lines)
        raise kind(f"{len(self._lines)} things have to be mended before the batch can begin:{listed}")
