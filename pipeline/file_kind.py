"""What lies under a name that should be that of a file."""

from __future__ import annotations

import stat
from pathlib import Path

_STREAMS = (
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def stream_kind(path: Path) -> str:
    """What `path` is, where it gives its bytes once or without end: 'a pipe', 'a socket' or 'a device'. '' for a file,
    a folder, and where nothing is. To open a pipe that nobody writes to would wait for ever."""
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return ""
    return next((kind for is_kind, kind in _STREAMS if is_kind(mode)), "")


def why_no_file(path: Path, what: str = "file") -> str:
    """Of a path that is no file, why it is none, and what to do about it.

    :param what: it should be.
    """
    kind = stream_kind(path)
    if kind:
        return f"this is {kind}, and a file is needed here, as it is read more than once. Write it to a file first."
    if path.is_dir():
        return "this is a folder; a file is needed here."
    return f"there is no such {what}. Look at how it is spelt."
