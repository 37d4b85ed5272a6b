"""Processes that find frames in earlier ones.

Threads would do, but for Python: all of them want its lock some eighty times for a pair of frames, and so does whoever
paints, for everything that a GPU is told to do. On 16 cores beside an H200, of 80 ms that a frame of 512x288 took, the
GPU worked for 20, and what should launch it mostly waited for the lock. A GPU that finds motion itself
(`motion.device_flow`) needs none of them.
"""

from __future__ import annotations

import mmap
import os
import queue
import subprocess
import sys
import threading
from contextlib import AbstractContextManager, nullcontext, suppress
from pathlib import Path
from types import TracebackType

import numpy as np
import torch

from pipeline.clip.session import Session
from pipeline.clip.tracking import AHEAD, FIND, Find, distances
from pipeline.motion.carry import Way
from pipeline.motion.flow import DIS
from pipeline.motion.opencv_threads import single_threaded
from pipeline.motion.process import FOUND, READY, Shared
from pipeline.network.device import waits_for_launches
from pipeline.types import Image

BEHIND = 15
"""Steps by which they are less urgent than whoever started them: there is one for each core, and none should hold up
what is painted."""
START = f"""
import os
os.nice({BEHIND})
from pipeline.network.memory import keep_freed_memory
keep_freed_memory()
from pipeline.motion.process import main
main()
"""
"""What each of them runs. To import what it wants takes it most of a second, and should hold up nobody either. With
memory given back to the system and taken again, a pair of frames of 512x288 took 13,000 page faults, and 85 ms instead
of 58."""
FEWEST = 4
"""Processes below which threads do as well."""
FEWEST_FRAMES = 8
"""Frames of a clip below which it is over before they have begun."""


def can_share() -> bool:
    """Whether this system shares memory in the way that is needed: Linux."""
    return hasattr(os, "memfd_create")


def finders_of(session: Session) -> AbstractContextManager[Find | None]:
    """As many as make sense for a job; None where threads do as well, or where they are not what finds its frames."""
    info, settings = session.source.info, session.settings
    wanted = distances(settings) and session.flow == DIS and info.frames >= FEWEST_FRAMES
    count = torch.get_num_threads()
    if (
        not wanted
        or not waits_for_launches(session.painter.device)
        or count < FEWEST
        or info.height * info.width > AHEAD
        or not can_share()
    ):
        return nullcontext()
    return Finders((info.height, info.width), count)


class _Finder:
    """One process, and the memory that it shares."""

    def __init__(self, height: int, width: int) -> None:
        """:raises OSError: it cannot be started."""
        size = Shared.size(height, width)
        descriptor = os.memfd_create("frames")
        try:
            os.ftruncate(descriptor, size)
            self._shared = Shared.within(mmap.mmap(descriptor, size), height, width)
            self._process = subprocess.Popen(
                [sys.executable, "-c", START, str(descriptor), str(height), str(width)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                bufsize=0,
                pass_fds=(descriptor,),
                # It looks for this package there first, whatever lies where the job was started.
                cwd=Path(__file__).resolve().parents[2],
                # Ctrl-C at the terminal is ours to answer.
                start_new_session=True,
            )
        finally:
            os.close(descriptor)

    def answer(self) -> bytes:
        """The next one; nothing where the process has ended."""
        assert self._process.stdout is not None
        return os.read(self._process.stdout.fileno(), 1)

    def find(self, earlier: Image, later: Image) -> Way | None:
        """What it finds; None where it does not."""
        assert self._process.stdin is not None
        np.copyto(self._shared.earlier, earlier)
        np.copyto(self._shared.later, later)
        with suppress(BrokenPipeError):
            os.write(self._process.stdin.fileno(), b"?")
            if self.answer() == FOUND:
                return self._shared.way()
        return None

    def end(self) -> None:
        """End it, if it has not ended."""
        self._process.kill()

    def wait(self) -> None:
        """Wait until it has ended."""
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()


class Finders:
    """Processes that find frames in earlier ones; called like `tracking.FIND`, from any thread, and giving the same
    bits. What none of them can do, for it has ended or has no memory, is done by whoever asks."""

    def __init__(self, size: tuple[int, int], count: int) -> None:
        """
        :param size: (height, width) of the frames.
        """
        self._size = size
        self._free: queue.Queue[_Finder] = queue.Queue()
        self._all: list[_Finder] = []
        self._ready = 0
        self._lock = threading.Lock()
        self._closing = False
        self._single = single_threaded()
        # It takes each of them a few tenths of a second to be ready; meanwhile other things are done.
        self._starter = threading.Thread(target=self._start, args=(count,), name="finders", daemon=True)
        self._starter.start()

    def _start(self, count: int) -> None:
        with suppress(OSError, MemoryError):
            # There may be no room for all of them.
            for _ in range(count):
                if not self._closing:
                    self._all.append(_Finder(*self._size))
        for finder in self._all:
            if finder.answer() == READY:
                self._count(1)
                self._free.put(finder)

    def _count(self, change: int) -> None:
        with self._lock:
            self._ready += change

    def __call__(self, earlier: Image, later: Image) -> Way:
        """`later` found in `earlier`, uint8 (H, W, 3)."""
        while self._ready:
            try:
                finder = self._free.get(timeout=0.1)
            except queue.Empty:
                continue
            found = None
            try:
                found = finder.find(earlier, later)
            finally:
                # One that has not found it is not asked again.
                if found is None:
                    self._count(-1)
            if found is not None:
                self._free.put(finder)
                return found
        return FIND(earlier, later)

    def __enter__(self) -> Finders:
        # What is left to be done here is done in threads, each of which needs no others.
        self._single.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._single.__exit__(kind, error, trace)
        self._closing = True
        for finder in [*self._all]:
            finder.end()
        self._starter.join()
        for finder in self._all:
            finder.end()
            finder.wait()
