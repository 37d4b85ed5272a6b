"""What lies under a name that a person wrote, and should be that of a file."""

from __future__ import annotations

import re
import stat
from contextlib import suppress
from pathlib import Path

_STREAMS = (
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


IS_ADDRESS = "this is an address, and only files are read. Download it first, and name the file."
"""Of what was named as a file, or a folder."""


def is_there(path: Path) -> bool:
    """Whether a file or a folder has exactly this name; what can be no name at all is not there."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def located(text: str, home: Path) -> Path:
    """A path as it was written, seen from the folder `home`; '~' is somebody's home, where nothing is called so."""
    path = home / text
    if text.startswith("~") and not is_there(path):
        # In a file, and behind the '=' of an option, there is no shell that would have done it.
        with suppress(RuntimeError):  # a user that there is not
            path = Path(text).expanduser()
    return path


def stream_kind(path: Path) -> str:
    """What `path` is, where it gives its bytes once or without end: 'a pipe', 'a socket' or 'a device'. '' for a file,
    a folder, and where nothing is. To open a pipe that nobody writes to would wait for ever."""
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return ""
    return next((kind for is_kind, kind in _STREAMS if is_kind(mode)), "")


def no_file(path: Path, what: str = "file", typed: str = "") -> str:
    """Of a path that is no file, a paragraph that begins with its name: why it is none, and what to do about it.

    :param what: it should be.
    :param typed: what stands for it in a command, where that is not its name.
    """
    if address_text(path):
        return f"{as_typed(path)}: {IS_ADDRESS}"
    return f"{typed or path}: {_why_no_file(path, what)}"


def as_typed(path: Path) -> str:
    """What a path is called: an address of the web has the slashes again that are none in a path."""
    return address_text(path) or str(path)


def address_text(path: Path) -> str:
    """The address of the web that was given as a path, as it was typed; '' for any other path, and where there is a
    folder of that name."""
    text = path.as_posix()
    found = _ADDRESS.search(text)
    if found is None or Path(text[: found.end(1)] + ":").exists():
        return ""
    return f"{found.group(1)}://{found.group(2)}"


def _why_no_file(path: Path, what: str) -> str:
    kind = stream_kind(path)
    if kind:
        return f"this is {kind}, and a file is needed here, as it is read more than once. Write it to a file first."
    if path.is_dir():
        return "this is a folder; a file is needed here."
    return f"there is no such {what}. Look at how it is spelt.{_after_the_name(path)}"


_ADDRESS = re.compile(r"(?:^|/)(https?|ftps?|sftp|file|s3|gs|rtsp|rtmp|smb|ssh):/+(.+)", re.IGNORECASE)
"""An address of the web, once a path has made one slash of two."""


def _after_the_name(path: Path) -> str:
    """Where the name of a file is there, what may have been meant by what follows it."""
    for mark in "@:":
        head, found, _ = str(path).rpartition(mark)
        if found and Path(head).name and is_there(Path(head)):
            return f" {head} is there; {_MEANT[mark].format(head)}"
    return ""


_MEANT = {
    "@": "a part of a style picture is written {0}@X,Y,W,H in pixels, the frame of a mask {0}@12 or {0}@1.5s.",
    ":": "the weight of a style is written {0}:0.7, a number above zero.",
}
