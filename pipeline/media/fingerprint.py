"""Tell by content whether a source is still the one that a job was begun with."""

from __future__ import annotations

import hashlib
from pathlib import Path

from pipeline.errors import MediaError
from pipeline.media.picture_sources import pictures_in
from pipeline.media.probe import check_readable

_CHUNK = 1 << 20  # bytes


def fingerprint(path: str | Path) -> str:
    """SHA-256, 64 hexadecimal digits, of a file's bytes; of a folder, over names and bytes of its pictures.

    Neither the place nor the date of the file matters.

    :raises MediaError: it cannot be read.
    """
    path = Path(path)
    if not path.is_dir():
        check_readable(path)
        return _of_file(path).hexdigest()
    whole = hashlib.sha256()
    for picture in pictures_in(path)[0]:
        whole.update(picture.name.encode("utf-8", "surrogateescape") + b"\0" + _of_file(picture).digest())
    return whole.hexdigest()


def _of_file(path: Path) -> hashlib._Hash:
    digest = hashlib.sha256()
    try:
        with path.open("rb") as stream:
            while chunk := stream.read(_CHUNK):
                digest.update(chunk)
    except OSError as error:
        raise MediaError(f"{path}: the file cannot be read ({error.strerror}).") from error
    return digest
