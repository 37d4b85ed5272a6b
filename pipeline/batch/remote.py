"""What runs on a Dask worker: it has a task worked on by a process of its own, and hands on what that tells.

The scheduler opens this module too, so nothing is imported here that takes long. What is said between driver and
process passes through as bytes.
"""

from __future__ import annotations

import pickle
import queue
import signal
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pipeline import __version__

HEADER = struct.Struct(">?Q")
"""Before every message between here and the process: whether it is the last one of its task, and how many bytes
follow."""
TICK = 0.25
"""Seconds between two looks whether a task is still wanted."""
GRACE = 2.0
"""Seconds that a process has to clear up when it is ended."""
IDLE = 60.0
"""Seconds that a process with a network loaded waits for its next task."""


@dataclass(frozen=True)
class Look:
    """What a Dask worker is."""

    version: str
    """Of Reelbrush."""
    worker: str
    """Unlike its address, never given to another one."""
    host: str
    sees: bool
    """Whether the folder of the batch is there, and the same one."""


@dataclass(frozen=True)
class Answer:
    """How a task ended."""

    kind: Literal["said", "stopped", "missing", "elsewhere", "gone", "died"]
    """The process has said it; the driver had asked to stop; files are not there; this is not the worker that was
    meant; nobody wants it any more, or the Dask worker closes; the process has died."""
    said: bytes = b""
    """A pickled `Message`."""
    why: str = ""


def version() -> str:
    """Of the Reelbrush that is installed here."""
    return __version__


def look(token: str, text: str) -> Look:
    """What this Dask worker is.

    :param token: a file in the folder of the batch.
    :param text: what the driver has written there.
    """
    from distributed import get_worker

    try:
        sees = Path(token).read_text(encoding="utf-8") == text
    except OSError:
        sees = False
    return Look(__version__, get_worker().id, socket.gethostname(), sees)


def run(driver: str, worker: str, place: bytes, task: bytes, needs: Sequence[str]) -> Answer:
    """Have a task worked on; what happens on the way are events of the topic `driver`: [key of the Dask task, pickled
    message], the first one empty.

    :param driver: unique for every run of a batch.
    :param worker: the Dask worker that is meant.
    :param place: pickled `WorkerDevice`.
    :param task: pickled `Task`.
    :param needs: files and folders that must be there.
    """
    from distributed import get_worker

    me = get_worker()
    if me.id != worker:
        return Answer("elsewhere")
    if driver in _stopped:
        return Answer("stopped")
    missing = [path for path in needs if not Path(path).exists()]
    if missing:
        return Answer("missing", why=", ".join(missing))
    key = me.get_current_task()
    me.log_event(driver, [key, b""])
    child = _children.take(driver, place)
    answer = Answer("gone")
    try:
        child.send(task)
        answer = _heard(me, key, driver, child)
    finally:
        if answer.kind == "said" and driver not in _stopped:
            _children.leave(child)
        else:
            child.end()
    return answer


def _heard(me: Any, key: str, driver: str, child: _Child) -> Answer:
    """Hand on what a child tells, until it is done or nobody wants it any more."""
    told = False
    while True:
        if not _wanted(me, key) or driver in _ended:
            return Answer("gone")
        if driver in _stopped and not told:
            told = True
            child.send(STOP)
        try:
            said = child.said.get(timeout=TICK)
        except queue.Empty:
            continue
        if said is None:
            return Answer("died", why=_why(child.process.wait()))
        last, data = said
        if last:
            return Answer("said", data)
        me.log_event(driver, [key, data])


def _wanted(me: Any, key: str) -> bool:
    """Whether the Dask worker goes on, and its task was neither cancelled nor left by a driver that is gone."""
    state = me.state.tasks.get(key)
    return (
        me.status.name in {"init", "running", "paused"}
        and state is not None
        and state.state in {"executing", "long-running"}
    )


def stop(driver: str) -> None:
    """Ask what works here for a driver to give up after the step it is at, and begin nothing more."""
    _stopped.add(driver)


def end(driver: str) -> None:
    """End what works here for a driver, now."""
    _stopped.add(driver)
    _ended.add(driver)
    _children.end(driver)


STOP = pickle.dumps("stop")
"""Anything that is no task asks a worker to stop."""
_stopped: set[str] = set()
_ended: set[str] = set()


class _Child:
    """A process that works on one task after the other."""

    def __init__(self, driver: str, place: bytes) -> None:
        self.driver = driver
        self.place = place
        self.busy = True
        self.said: queue.SimpleQueue[tuple[bool, bytes] | None] = queue.SimpleQueue()
        """Whether it is the last of a task, and a pickled message; None: there comes nothing more."""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "pipeline.batch.child"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        threading.Thread(target=self._listen, name="child", daemon=True).start()
        self.send(place)

    def _listen(self) -> None:
        pipe = self.process.stdout
        assert pipe is not None
        while len(header := pipe.read(HEADER.size)) == HEADER.size:
            last, size = HEADER.unpack(header)
            data = pipe.read(size)
            if len(data) < size:
                break
            self.said.put((last, data))
        pipe.close()
        self.process.wait()
        self.said.put(None)

    def send(self, data: bytes) -> None:
        """Tell it something that is pickled already. Should it be dead, its silence says so."""
        pipe = self.process.stdin
        assert pipe is not None
        with suppress(OSError, ValueError):
            pipe.write(HEADER.pack(False, len(data)) + data)
            pipe.flush()

    def end(self) -> None:
        """End it: in order, if it is quick."""
        self.process.terminate()
        try:
            self.process.wait(GRACE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        pipe = self.process.stdin
        assert pipe is not None
        with suppress(OSError):
            pipe.close()


class _Children:
    """The processes that work on this Dask worker."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._all: list[_Child] = []

    def take(self, driver: str, place: bytes) -> _Child:
        """One that waits with its network loaded, or a new one."""
        with self._lock:
            self._all = [child for child in self._all if child.process.poll() is None]
            for child in self._all:
                if not child.busy and (child.driver, child.place) == (driver, place):
                    child.busy = True
                    return child
            child = _Child(driver, place)
            self._all.append(child)
            return child

    def leave(self, child: _Child) -> None:
        """Have it wait for the next task, for a while."""
        with self._lock:
            child.busy = False
        timer = threading.Timer(IDLE, self._retire, [child])
        timer.daemon = True
        timer.start()

    def _retire(self, child: _Child) -> None:
        with self._lock:
            if child.busy:
                return
            child.busy = True
        child.end()

    def end(self, driver: str) -> None:
        """Ask all of a driver to end; who waits for one sees to it that it does."""
        with self._lock:
            for child in self._all:
                if child.driver == driver:
                    child.process.terminate()


_children = _Children()


def _why(code: int) -> str:
    if code < 0:
        with suppress(ValueError):
            return f"it was ended by {signal.Signals(-code).name}"
    return f"it left with code {code}"
