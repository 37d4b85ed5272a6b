"""Fetch one large file over HTTP into a part file, going on where an earlier attempt stopped.

torch.hub.load_state_dict_from_url, which torchvision uses, begins anew after every drop: on a line that drops every
200 MB the 548 MB of VGG-19 never arrive, and here in three attempts.
"""

from __future__ import annotations

import contextlib
import io
import json
import re
import shutil
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from email.message import Message
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

from filelock import FileLock, Timeout

from pipeline.errors import WeightsError
from pipeline.text import size_text
from pipeline.types import OnProgress

CHUNK = 1024 * 1024  # bytes read at most between two calls of on_progress
LONGEST_PAUSE = 60.0  # seconds
BUSY = (408, 425, 429, 500, 502, 503, 504)  # answers worth another try


def fetch(
    url: str,
    part: Path,
    on_progress: OnProgress | None = None,
    retries: int = 5,
    pause: float = 1.0,
    timeout: float = 30.0,
    room_after: int = 0,
) -> None:
    """Fetch `url` whole into `part`. Whatever ends it early, Ctrl-C too, the next call goes on from there.

    Whether the content is right is for the caller to check; this sees to its length, and that no two versions of
    the file (by ETag, date or length) are pieced together.

    :param retries: attempts in a row that may fail with less than a mebibyte gained; then it gives up.
    :param pause: seconds before the second attempt, doubled before each further one.
    :param timeout: seconds without a byte after which a connection counts as dropped.
    :param room_after: bytes that must stay free on the disk once the file is here.
    :raises WeightsError: no connection, refused by the server, disk full, folder not writable, or another
        process is fetching the same file.
    """
    if not url.lower().startswith(("http://", "https://")):
        raise WeightsError(
            f"The address {url!r} does not begin with http:// or https://. A file that is on this machine goes in "
            "with `reelbrush weights import FILE`."
        )
    with _opened(part) as file:
        download = _Download(url, part, file, on_progress, timeout, room_after)
        failures = 0
        while True:
            before = download.size
            try:
                download.attempt()
                return
            except _DroppedError as dropped:
                failures = 1 if download.size - before >= CHUNK else failures + 1
                if failures > retries:
                    raise WeightsError(f"{url} could not be fetched ({dropped}). {download.kept()}") from dropped
                time.sleep(min(pause * 2 ** (failures - 1), LONGEST_PAUSE))


class _DroppedError(Exception):
    """An attempt failed in a way that another may mend; the message says how."""


@dataclass(frozen=True)
class _Version:
    """Which content a part file is a part of."""

    url: str
    etag: str | None
    date: str | None
    total: int | None

    @property
    def validator(self) -> str | None:
        """For If-Range, which admits no weak ETag."""
        return self.etag if self.etag and not self.etag.startswith("W/") else self.date

    def fits(self, other: _Version) -> bool:
        """Can a part of this be continued with bytes of `other`? From another mirror only the length can tell."""
        same_total = self.total == other.total
        if self.url != other.url:
            return same_total
        return same_total and self.etag == other.etag and (self.etag is not None or self.date == other.date)


class _Download:
    def __init__(
        self,
        url: str,
        part: Path,
        file: io.FileIO,
        on_progress: OnProgress | None,
        timeout: float,
        room_after: int,
    ) -> None:
        self.url, self.part, self.file, self.timeout = url, part, file, timeout
        self.on_progress, self.room_after = on_progress, room_after
        self.version = _read_version(part)
        # An opener of its own: the shared one would remember the proxies of its first use.
        self.opener = urllib.request.build_opener()

    @property
    def size(self) -> int:
        return self.file.seek(0, io.SEEK_END)

    def attempt(self) -> None:
        """One connection, to the end of the file or until it drops."""
        if self.version and self.version.total == self.size > 0:
            return
        try:
            response = self.opener.open(self._request(), timeout=self.timeout)
        except HTTPError as error:
            with error:
                self._refused(error)
        except (OSError, HTTPException) as error:
            raise _DroppedError(_reason(error)) from error
        except ValueError as error:
            raise WeightsError(f"{self.url!r} is no address that can be fetched ({error}).") from error
        else:
            with response:
                self._begin(response.status, response.headers)
                self._receive(response)

    def kept(self) -> str:
        """What a person should know who is told that it stopped."""
        if not self.size:
            return "Nothing has arrived; check the connection (and the proxy) and run the command again."
        total = self.version.total if self.version else None
        of = f" of {size_text(total)}" if total else ""
        return f"{size_text(self.size)}{of} are kept in {self.part}: run the command again, it goes on from there."

    def _request(self) -> urllib.request.Request:
        headers = {"User-Agent": "reelbrush"}
        if self.size:
            headers["Range"] = f"bytes={self.size}-"
            if self.version and self.version.url == self.url and self.version.validator:
                headers["If-Range"] = self.version.validator
        return urllib.request.Request(self.url, headers=headers)

    def _refused(self, error: HTTPError) -> None:
        """An answer of 4xx or 5xx; returns where it means that everything is here already."""
        if error.code == 416 and self.size:
            if error.headers.get("Content-Range") == f"bytes */{self.size}":
                return
            self._restart()
            raise _DroppedError("what was fetched before is no part of the server's file")
        if error.code in BUSY:
            raise _DroppedError(f"the server answers HTTP {error.code} {error.reason}")
        raise WeightsError(
            f"{self.url} could not be fetched: the server answers HTTP {error.code} {error.reason}. Check the address, "
            f"or fetch the file in another way and `reelbrush weights import FILE`."
        )

    def _begin(self, status: int, headers: Message) -> None:
        """Take the answer's word for where its bytes go, and see that there is room for them."""
        start, total = _range(status, headers)
        version = _Version(self.url, headers.get("ETag"), headers.get("Last-Modified"), total)
        if start != 0 and (start != self.size or (self.version and not self.version.fits(version))):
            self._restart()
            raise _DroppedError("the file on the server has changed")
        if start == 0:
            self._restart()
        needed = (total or 0) - self.size + self.room_after
        free = shutil.disk_usage(self.part.parent).free
        if free < needed:
            raise WeightsError(
                f"The disk is too full: {size_text(needed)} are needed in {self.part.parent}, {size_text(free)} are "
                f"free. Free some, or set TORCH_HOME to a folder with room. {self.kept() if self.size else ''}".rstrip()
            )
        self.version = version
        with self._writing():
            _note(self.part).write_text(json.dumps(asdict(version)), encoding="utf-8")

    def _receive(self, response: HTTPResponse) -> None:
        total = self.version.total if self.version else None
        while True:
            if self.on_progress:
                self.on_progress(self.size, total)
            if self.size == total:
                return
            try:
                chunk = response.read1(CHUNK)  # what is there: on a slow line a whole chunk takes its time
            except (OSError, HTTPException) as error:
                raise _DroppedError(_reason(error)) from error
            if not chunk:
                break
            with self._writing():
                rest = memoryview(chunk)
                while rest:
                    rest = rest[self.file.write(rest) :]
        # http.client takes a connection that closed early for the end of the file.
        if total is not None:
            raise _DroppedError(f"the connection closed after {size_text(self.size)} of {size_text(total)}")

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise WeightsError(
                f"{self.part} could not be written ({error.strerror or error}). Free some space, or set TORCH_HOME "
                f"to a folder with room. {self.kept()}"
            ) from error

    def _restart(self) -> None:
        if self.size:
            self.file.truncate(0)
        self.version = None
        _note(self.part).unlink(missing_ok=True)


@contextlib.contextmanager
def _opened(part: Path) -> Iterator[io.FileIO]:
    """The part file, for this process alone; an empty one is not left behind."""
    try:
        part.parent.mkdir(parents=True, exist_ok=True)
        file = io.FileIO(part, "ab")
    except OSError as error:
        raise WeightsError(
            f"{part} cannot be written ({error.strerror or error}). Set TORCH_HOME to a folder that can."
        ) from error
    empty = False
    try:
        with file, _locked(part):
            try:
                yield file
            finally:
                empty = file.seek(0, io.SEEK_END) == 0
    finally:
        if empty:
            discard(part)


@contextlib.contextmanager
def _locked(part: Path) -> Iterator[None]:
    """Two processes that append to one file would spoil it. The lock ends with the process, however that ends."""
    lock = FileLock(part.with_name(f"{part.name}.lock"))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise WeightsError(
            f"Another process is fetching {part} at this moment. Wait until it is done and run again."
        ) from None
    except OSError:
        yield  # a file system without locks; the caller's check of the content stands behind this
        return
    try:
        yield
    finally:
        # While it is held: who waits for the file that had this name sees that it has none any more, and asks again.
        with contextlib.suppress(OSError):
            Path(lock.lock_file).unlink(missing_ok=True)
        lock.release()


def discard(part: Path) -> None:
    """Remove a part file and the note beside it."""
    part.unlink(missing_ok=True)
    _note(part).unlink(missing_ok=True)


def _note(part: Path) -> Path:
    return part.with_name(f"{part.name}.json")


def _read_version(part: Path) -> _Version | None:
    try:
        note: dict[str, Any] = json.loads(_note(part).read_text(encoding="utf-8"))
        return _Version(**note)
    except (OSError, ValueError, TypeError):
        return None


def _range(status: int, headers: Message) -> tuple[int, int | None]:
    """First byte of an answer and the length of the whole file, where it is told."""
    length = headers.get("Content-Length", "")
    if status == 200:
        return 0, int(length) if length.isdigit() else None
    match = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", headers.get("Content-Range", ""))
    if status != 206 or not match:
        raise _DroppedError(f"the server's answer, HTTP {status}, is not understood")
    return int(match[1]), int(match[2]) if match[2] != "*" else None


def _reason(error: Exception) -> str:
    """The words inside urllib's wrapping: 'Connection refused' for URLError(ConnectionRefusedError(...))."""
    inner = getattr(error, "reason", error)
    return str(getattr(inner, "strerror", None) or inner or type(inner).__name__)
