"""What runs on a Dask worker: it has a task worked on by a process of its own, and forwards its messages.

The scheduler opens this module too, so nothing is imported here that takes long. What driver and process send each
other passes through as bytes.
"""

from __future__ import annotations

import pickle
import queue
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
from pipeline.signals import exit_text

HEADER = struct.Struct(">?Q")
"""Before every message between here and the process: whether it is the last one of its task, and how many bytes
follow."""
TICK = 0.25
"""Seconds between two checks whether a task is still wanted."""
GRACE = 2.0
"""Seconds that a process has to clear up when it is ended."""
IDLE = 60.0
"""Seconds that a process with a network loaded waits for its next task."""


@dataclass(frozen=True)
class WorkerInfo:
    """What a Dask worker is."""

    version: str
    """Of Reelbrush."""
    identity: str
    """Unlike its address, never given to another one."""
    host: str
    sees_folder: bool
    """Whether the folder of the batch is there, and the same one."""


@dataclass(frozen=True)
class Answer:
    """How a task ended."""

    kind: Literal["message", "stopped", "missing", "elsewhere", "gone", "died"]
    """The process has sent it; the driver had asked to stop; files are not there; this is not the worker that was
    meant; nobody wants it any more, or the Dask worker closes; the process has died."""
    message: bytes = b""
    """A pickled `Message`."""
    why: str = ""


def version() -> str:
    """Of the Reelbrush that is installed here."""
    return __version__


def identify(token: str, text: str) -> WorkerInfo:
    """What this Dask worker is.

    :param token: a file in the folder of the batch.
    :param text: what the driver has written there.
    """
    from distributed import get_worker

    try:
        sees_folder = Path(token).read_text(encoding="utf-8") == text
    except OSError:
        sees_folder = False
    return WorkerInfo(__version__, get_worker().id, socket.gethostname(), sees_folder)


def run(driver: str, identity: str, device: bytes, task: bytes, needs: Sequence[str]) -> Answer:
    """Have a task worked on; what happens on the way are events of the topic `driver`: [key of the Dask task, pickled
    message], the first one empty.

    :param driver: unique for every run of a batch.
    :param identity: of the Dask worker that is meant.
    :param device: pickled `WorkerDevice`.
    :param task: pickled `Task`.
    :param needs: files and folders that must be there.
    """
    from distributed import get_worker

    me = get_worker()
    if me.id != identity:
        return Answer("elsewhere")
    if driver in _stopped:
        return Answer("stopped")
    missing = [path for path in needs if not Path(path).exists()]
    if missing:
        return Answer("missing", why=", ".join(missing))
    key = me.get_current_task()
    me.log_event(driver, [key, b""])
    child = _children.acquire(driver, device)
    answer = Answer("gone")
    try:
        child.send(task)
        answer = _forward(me, key, driver, child)
    finally:
        if answer.kind == "message" and driver not in _stopped:
            _children.release(child)
        else:
            child.end()
    return answer


def _forward(me: Any, key: str, driver: str, child: _Child) -> Answer:
    """Forward the messages of a child, until it is done or nobody wants it any more."""
    asked_to_stop = False
    while True:
        if not _wanted(me, key) or driver in _ended:
            return Answer("gone")
        if driver in _stopped and not asked_to_stop:
            asked_to_stop = True
            child.send(STOP)
        try:
            received = child.messages.get(timeout=TICK)
        except queue.Empty:
            continue
        if received is None:
            return Answer("died", why=exit_text(child.process.wait()))
        last, data = received
        if last:
            return Answer("message", data)
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

    def __init__(self, driver: str, device: bytes) -> None:
        self.driver = driver
        self.device = device
        self.busy = True
        self.messages: queue.SimpleQueue[tuple[bool, bytes] | None] = queue.SimpleQueue()
        """Whether it is the last of a task, and a pickled message; None: there comes nothing more."""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "pipeline.batch.child"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        threading.Thread(target=self._listen, name="child", daemon=True).start()
        self.send(device)

    def _listen(self) -> None:
        pipe = self.process.stdout
        assert pipe is not None
        while len(header := pipe.read(HEADER.size)) == HEADER.size:
            last, size = HEADER.unpack(header)
            data = pipe.read(size)
            if len(data) < size:
                break
            self.messages.put((last, data))
        pipe.close()
        self.process.wait()
        self.messages.put(None)

    def send(self, data: bytes) -> None:
        """Send it something that is pickled already. Should it be dead, its silence shows it."""
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

    def acquire(self, driver: str, device: bytes) -> _Child:
        """One that waits with its network loaded, or a new one."""
        with self._lock:
            self._all = [child for child in self._all if child.process.poll() is None]
            for child in self._all:
                if not child.busy and (child.driver, child.device) == (driver, device):
                    child.busy = True
                    return child
            child = _Child(driver, device)
            self._all.append(child)
            return child

    def release(self, child: _Child) -> None:
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
