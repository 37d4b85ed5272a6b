"""Files and folders that appear under their names when they are complete, in one step, and survive a power cut.

Nothing here knows what is written, or says in words of its own what went wrong: every error is an `OSError`.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

LONGEST_NAME = 255
"""Bytes of a name that file systems hold."""


def hidden(path: Path, ending: str) -> Path:
    """`.NAME` and `ending`, beside `path`. Where that is too long for a name, NAME is shortened and a few characters
    that are computed from it tell it from others."""
    room = LONGEST_NAME - len(os.fsencode(f".{ending}"))
    name = path.name
    if len(os.fsencode(name)) > room:
        told_apart = "-" + hashlib.sha256(os.fsencode(name)).hexdigest()[:8]
        name = _cut(name, room - len(told_apart)) + told_apart
    return path.with_name(f".{name}{ending}")


def _cut(name: str, most: int) -> str:
    """The beginning of `name`, `most` bytes or a few less: no character is cut in two."""
    whole = os.fsencode(name)
    if len(whole) <= most:
        return name
    # Bytes of 10xxxxxx go on with a character in UTF-8. The names of a locale without it come back as they were.
    while most and whole[most] & 0xC0 == 0x80:
        most -= 1
    return os.fsdecode(whole[:most])


@contextmanager
def new_file(path: Path) -> Iterator[Path]:
    """Yield a hidden name in the same folder; what was written there takes the name `path` when all went well.

    :raises OSError: it cannot be written; nothing is left then, and what was there before stays.
    """
    handle, name = tempfile.mkstemp(prefix=f".{_cut(path.name, 80)}.", suffix=f".part{path.suffix}", dir=path.parent)
    os.close(handle)
    part = Path(name)
    try:
        # mkstemp lets nobody else read; a result should have the permissions of any new file.
        part.chmod(0o666 & ~_umask())
        yield part
        replace_file(part, path)
    finally:
        part.unlink(missing_ok=True)


def replace_file(part: Path, path: Path) -> None:
    """Give the finished file `part` the name `path`, in one step, once its bytes are on the disk.

    :raises OSError: the disk is full, or the folder has gone.
    """
    sync_file(part)
    part.replace(path)
    _sync_folder(path.parent)


def replace_folder(part: Path, folder: Path) -> None:
    """Give the finished folder `part`, whose files are on the disk, the name `folder`; one of that name is removed.

    No system swaps two folders in one step everywhere: for an instant the old one has the hidden name `.NAME.old`.

    :raises OSError: it could not be renamed; the old folder has its name again then.
    """
    old = hidden(folder, ".old")
    try:
        _sync_folder(part)
        if folder.exists():
            remove(old)  # left by a run that was killed
            folder.rename(old)
        part.rename(folder)
        _sync_folder(folder.parent)
    except OSError:
        if old.exists() and not folder.exists():
            old.rename(folder)
        raise
    remove(old)


def sync_file(path: Path) -> None:
    """Make sure the bytes of a file are on the disk, not only promised."""
    with path.open("rb+") as stream:
        os.fsync(stream.fileno())


def _sync_folder(folder: Path) -> None:
    """Make sure a rename in `folder` survives a power cut; where the system cannot, go on."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def remove(path: Path) -> None:
    """Remove a file or a folder with all that is in it; nothing happens where there is none."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
