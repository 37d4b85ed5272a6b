"""Names on the disk: may this be written, under which name while it is unfinished, and the last step to its own."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pipeline.atomic import LONGEST_NAME, hidden, new_file, replace_file
from pipeline.errors import DiskFullError, OutputError, OutputNameError, UsageError
from pipeline.file_kind import address_text, stream_kind
from pipeline.text import sanitize_line


def refuse_address(path: Path) -> None:
    """Raise an OutputNameError where somebody has given an address of the web as the name of a result."""
    address = address_text(path)
    if address:
        raise OutputNameError(
            f"{address}: this is an address, and results are written to files. Name a file, and upload it afterwards."
        )


def check_name(path: Path, beside: str = "") -> None:
    """Raise an OutputNameError where `path` is an address, or its name too long for a disk.

    :param beside: what is put behind the name for something that has to lie beside it, such as '.reelbrush'.
    """
    refuse_address(path)
    there, most = len(os.fsencode(path.name)), LONGEST_NAME - len(beside)
    if there > most:
        why = f", as NAME{beside} lies beside it" if beside else ""
        raise OutputNameError(
            f"{path.parent}: the name {sanitize_line(path.name, 40)!r} takes {there} bytes, and {most} is the most "
            f"that there can be{why}. Choose a shorter one."
        )


def check_output(path: Path) -> None:
    """Find out before any work is done whether the file `path` can be written; that it exists already,
    `refuse_existing` tells.

    :raises OutputError: it is a folder, or its folder is missing or not writable; or its name is too long.
    """
    check_name(path)
    if path.is_dir():
        raise OutputNameError(f"{path}: this is a folder; the result is one file. Give a name inside it.")
    if stream_kind(path):
        raise OutputNameError(f"{path}: this is {stream_kind(path)}; the result is a file. Choose another name.")
    check_folder(path.parent)


def refuse_existing(path: Path, overwrite: bool) -> None:
    """Raise an OutputError where something is at `path` that is not to be replaced.

    It comes last: who chooses another name should not hear of a mistake of theirs afterwards.
    """
    if overwrite:
        return
    if path.exists():
        raise OutputError(f"{path}: this exists already. Choose another name, or replace it with --overwrite.")
    if path.is_symlink():
        # The result would take the place of the link, and what that leads to would not be made.
        raise OutputError(
            f"{path}: this is a link to {path.readlink()}, which is not there. Choose another name, or replace the "
            "link with --overwrite."
        )


def check_folder(folder: Path) -> None:
    """Raise an OutputError where `folder` is missing or nothing can be written into it."""
    if not folder.is_dir():
        there = in_the_way(folder)
        if there:
            raise OutputNameError(f"{there}, and a folder is needed there. Choose another place.")
        raise OutputNameError(f"{folder}: there is no such folder. Create it first, or choose another place.")
    try:
        # Permissions, quotas and read-only mounts all show only when it is tried.
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise cannot_write(folder, error) from error


def cannot_write(path: Path, error: OSError) -> OutputError:
    """The OutputError for what the system said when `path` was written."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return DiskFullError(f"{path}: the disk is full ({error.strerror}). Make room and give the same command again.")
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return OutputError(f"{path}: nothing may be written there ({error.strerror}). Choose another place.")
    if error.errno == errno.ENAMETOOLONG:
        return OutputNameError(f"{path.name}: the name is too long. Choose a shorter one.")
    return OutputError(f"{path}: this cannot be written ({error.strerror or error}). Choose another place.")


def in_the_way(folder: Path) -> str:
    """'a.jpg is a file': why `folder` cannot be made, as it is no folder itself, or something that it lies in is none;
    '' where nothing is in its way."""
    for one in (folder, *folder.parents):
        if os.path.lexists(one) and not one.is_dir():
            kind = stream_kind(one) or ("a file" if one.exists() else "a link to what is not there")
            return f"{one} is {kind}"
    return ""


def cannot_make(folder: Path, error: OSError | None = None, what: str = "folder") -> OutputError:
    """The OutputError where `folder` cannot be made, or nothing in it.

    :param error: what the system said of it.
    :param what: it is called in messages.
    """
    there = in_the_way(folder)
    if there or error is None:
        return OutputNameError(
            f"The {what} {folder} cannot be made: {there}. Move that away, or choose another output."
        )
    return OutputError(
        f"The {what} {folder} cannot be made: {error.strerror or error}. Choose an output in a folder you can write to."
    )


def part_path(path: Path, what: str = "") -> Path:
    """The hidden name beside `path` under which it is unfinished: `.NAME.part.mp4`; `what` tells several apart."""
    return hidden(path, f".{what or 'part'}{path.suffix}")


def publish(part: Path, path: Path) -> None:
    """Give the finished file `part` its name, in one step, once its bytes are on the disk.

    :raises OutputError: the disk is full, or the folder has gone.
    """
    try:
        replace_file(part, path)
    except OSError as error:
        raise cannot_write(path, error) from error


@contextmanager
def written_atomically(path: Path) -> Iterator[Path]:
    """Yield a hidden name in the same folder; what was written there takes the name `path` when all went well.

    :raises OutputError: it cannot be written; nothing is left then, and what was there before stays.
    """
    try:
        with new_file(path) as part:
            yield part
    except OSError as error:
        raise cannot_write(path, error) from error


def refuse_same_file(source: str | Path, outputs: Iterable[str | Path]) -> None:
    """Make sure that no result would replace what it is made from.

    :raises UsageError: an output is the source (by whatever name), lies in the source folder, or holds the source.
    :raises OutputError: the name of an output is longer than any that there can be.
    """
    source = Path(source)
    for output in map(Path, outputs):
        check_name(output)
        if _same(source, output):
            raise UsageError(f"{output}: the result would replace what it is made from. Choose another name.")
        if source.is_dir() and _same(source, output.parent):
            raise UsageError(
                f"{output}: the result would lie among the pictures it is made from, and be one of them next time. "
                "Choose another folder."
            )
        if output.is_dir() and _same(output, source.parent):
            raise UsageError(f"{output}: this folder holds the source. Choose another folder for the result.")


def _same(one: Path, other: Path) -> bool:
    with suppress(OSError):
        if one.exists() and other.exists():
            return one.samefile(other)
    return one.resolve() == other.resolve()
