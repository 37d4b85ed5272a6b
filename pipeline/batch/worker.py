"""One worker of a batch: it is given tasks, reports what happens, and stops when it is asked to or nobody listens."""

from __future__ import annotations

import os
import signal
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Any, Protocol

import cv2
import torch

from pipeline.batch.devices import WorkerDevice
from pipeline.batch.perform import perform
from pipeline.batch.task import Done, Failed, Message, Result, Stopped, Task, TaskEvent
from pipeline.clip.events import Event, OnEvent, Stage
from pipeline.errors import BusyError, DiskFullError, PaintingError, ReelbrushError, SettingsError
from pipeline.network.memory import OUT_OF_MEMORY, is_out_of_memory, keep_freed_memory

Send = Callable[[Message], None]
RETRY_SECONDS = 2.0
"""Seconds after which a work folder is asked for again where another process was at work."""

# Of what the same input and settings would come to again.
_UNCHANGED = (
    "The same command leaves it alone until its input or its settings change (a job file gives a painting settings of "
    "its own); --retry-failed tries it as it is."
)


class Channel(Protocol):
    """What connects a worker with the driver that gives it tasks."""

    def send(self, message: Any, /) -> None:
        """Send something to the other end."""
        ...

    def recv(self) -> Any:
        """What the other end has sent; waits for it.

        :raises EOFError, OSError: nobody is there any more.
        """
        ...


class StopWork(BaseException):
    """The driver asked to give up. Like KeyboardInterrupt, it passes every `except Exception` and runs every
    `finally`."""


def serve(channel: Channel, device: WorkerDevice) -> None:
    """Work on tasks until nobody listens at the other end: the body of a worker process."""
    keep_freed_memory()
    # Ctrl-C at the terminal reaches every process of the batch; it is the driver's to answer.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    tasks: list[Task] = []
    arrived, stop = threading.Semaphore(0), threading.Event()

    def give_up(number: int, frame: FrameType | None) -> None:
        # Once is enough: clearing up, and the end of Python itself, are not to be interrupted.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        stop.set()
        raise StopWork

    signal.signal(signal.SIGTERM, give_up)
    threading.Thread(target=_listen, args=(channel, tasks, arrived, stop), name="driver", daemon=True).start()
    with suppress(StopWork):
        while not stop.is_set():
            arrived.acquire()
            if tasks:
                work_on(tasks.pop(0), device, channel.send, stop.is_set)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)


def _listen(channel: Channel, tasks: list[Task], arrived: threading.Semaphore, stop: threading.Event) -> None:
    while True:
        try:
            received: Any = channel.recv()
        except (EOFError, OSError):
            # The driver was killed. What is finished is on the disk; every ffmpeg ends when its pipe does.
            os._exit(1)
        if isinstance(received, Task):
            tasks.append(received)
        else:
            stop.set()
        arrived.release()


def work_on(task: Task, device: WorkerDevice, send: Send, stopping: Callable[[], bool]) -> None:
    """Work on a task, whatever comes of it; the last message is `Done`, `Failed` or `Stopped`.

    :param stopping: asked after every step; once it is true, the task is given up.
    """
    torch.set_num_threads(device.threads)
    cv2.setNumThreads(device.threads)

    def on_event(event: Event) -> None:
        send(TaskEvent(task.key, event))
        if stopping():
            raise StopWork

    try:
        result = _perform(task, device, on_event)
    except StopWork:
        send(Stopped(task.key))
    except Exception as error:
        send(_failure(task, error))
    else:
        send(Done(task.key, result))


def _perform(task: Task, device: WorkerDevice, on_event: OnEvent) -> Result:
    until = time.monotonic() + device.patience
    while True:
        try:
            return perform(task, device.name, on_event)
        except BusyError:
            if time.monotonic() + RETRY_SECONDS > until:
                raise
        on_event(Stage("Waiting for another process to end"))
        time.sleep(RETRY_SECONDS)


def _failure(task: Task, error: Exception) -> Failed:
    """What went wrong, and what the same command will do about it."""
    if isinstance(error, PaintingError):
        return Failed(task.key, f"{task.item.source}: {error} {_UNCHANGED}", again=False)
    if isinstance(error, SettingsError):
        return Failed(task.key, f"{error} {_UNCHANGED}", again=False)
    if isinstance(error, ReelbrushError):
        # A file that cannot be read among them: all were read before the first frame, so it has changed since, and it
        # may change again. What is painted of it is kept.
        return Failed(task.key, str(error), again=True, full=isinstance(error, DiskFullError))
    if is_out_of_memory(error):
        return Failed(task.key, f"{task.item.source}: {OUT_OF_MEMORY} Fewer --workers need less, too.", again=True)
    if isinstance(error, OSError):
        return Failed(task.key, f"{error.filename or task.item.source}: {error.strerror or error}.", again=True)
    trace = "".join(traceback.format_exception(error)).strip()
    return Failed(task.key, f"This is a fault of Reelbrush, please report it:\n{trace}\n{_UNCHANGED}", again=False)
