"""What lies under a name that should be that of a file."""

from __future__ import annotations

import re
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
    address = _ADDRESS.search(path.as_posix())
    if address is not None:
        whole = f"{address.group(1)}://{address.group(2)}"
        return f"this is an address ({whole}), and only files are read. Download it first, and name the file."
    return f"there is no such {what}. Look at how it is spelt.{_after_the_name(path)}"


_ADDRESS = re.compile(r"(?:^|/)(https?|ftp|file|s3|gs|rtsp):/+(.+)", re.IGNORECASE)
"""An address of the web, once a path has made one slash of two."""


def _after_the_name(path: Path) -> str:
    """Where the name of a file is there, what may have been meant by what follows it."""
    for mark in "@:":
        head, found, _ = str(path).rpartition(mark)
        if found and _is_there(Path(head)):
            return f" {head} is there; {_MEANT[mark].format(head)}"
    return ""


_MEANT = {
    "@": "a part of a style picture is written {0}@X,Y,W,H in pixels, the frame of a mask {0}@12 or {0}@1.5s.",
    ":": "the weight of a style is written {0}:0.7, a number above zero.",
}


def _is_there(path: Path) -> bool:
    try:
        return bool(path.name) and path.exists()
    except (OSError, ValueError):
        return False
