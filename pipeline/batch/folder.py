"""The folder that the paintings, the ledger and the report of a batch are in: made, checked, and locked."""

from __future__ import annotations

from pathlib import Path

from filelock import FileLock, Timeout

from pipeline.errors import OutputError, StoreError
from pipeline.file_kind import is_there
from pipeline.media.outputs import cannot_make, check_folder, in_the_way, refuse_address

LOCK = "ledger.lock"


def make_folder(folder: Path) -> None:
    """Make it where it is not there.

    :raises OutputError: it cannot be made or written to.
    """
    refuse_address(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_make(folder, error) from None
    check_folder(folder)


def check_folder_possible(folder: Path) -> None:
    """Whether `make_folder` could make it.

    :raises OutputError: as `make_folder`.
    """
    refuse_address(folder)
    if in_the_way(folder):
        raise cannot_make(folder)
    check_folder(next(one for one in (folder, *folder.parents) if is_there(one)))


def lock_folder(folder: Path, wait: bool) -> FileLock:
    """Take the lock that lets one driver at a time work there; the caller releases it.

    :param wait: for another driver to end, instead of refusing.
    :raises StoreError: another one is at work there.
    :raises OutputError: nothing can be locked there.
    """
    lock = FileLock(folder / LOCK)
    try:
        # The system gives the lock of a dead process back.
        lock.acquire(timeout=-1 if wait else 0)
    except Timeout:
        raise StoreError(
            f"Another reelbrush is at work in {folder} ('reelbrush status {folder}' shows how far it is). Wait until "
            "it is done, choose another folder with -o, or say --wait to begin as soon as it has ended."
        ) from None
    except OSError as error:
        raise OutputError(f"{folder}: nothing can be locked there ({error.strerror}). Choose another folder.") from None
    return lock
