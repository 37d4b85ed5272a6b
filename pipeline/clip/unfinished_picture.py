"""A picture that is half-painted, kept beside its output: given again, the same command goes on with it, to the bit.

In the folder lie `painting.pt`, which holds all that the rest of the painting depends on, a picture of how far it is,
for people, and what a recorder adds. `painting.pt` is whole or not there, and names whatever else counts. So a run that
is killed at any instant leaves what it had kept last.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import time
import zipfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from filelock import FileLock, Timeout

from pipeline.clip.events import OnEvent, Stage
from pipeline.clip.jobs import RECORDED, SO_FAR, STATE
from pipeline.clip.kept_json import differences
from pipeline.clip.own_files import LOCK, OwnFiles, stays
from pipeline.errors import BusyError, MediaError, OutputError, StoreError
from pipeline.media.frame_file import write_kept
from pipeline.media.outputs import cannot_make, cannot_write, written_atomically
from pipeline.style.frame import Progress, Unfinished
from pipeline.style.oom_fallback import MemoryFallback, MemoryPlan
from pipeline.style.optimise import Halfway, Stop
from pipeline.style.picture import to_image

EVERY = 60.0
"""Seconds after which a painting is kept again, for a kill that cannot be answered ..."""
SHARE = 0.03
"""... or more: keeping it may take so much of the time. L-BFGS has learnt from 40 pictures of its size."""


_FILES = OwnFiles(rf"{LOCK}|{re.escape(STATE)}|{re.escape(SO_FAR)}|{RECORDED}")


class Recorder(Protocol):
    """What watches a painting and has to know all of its steps, so that it has to be kept with it."""

    def __call__(self, progress: Progress) -> None:
        """Called after each step."""
        ...

    def keep(self, folder: Path) -> Any:
        """Keep in files of that folder what was recorded, with names as `RECORDED` says; of those that it kept before,
        none is written to.

        :return: values out of which `restore` finds it again: dicts, lists, texts and numbers.
        :raises OutputError: it cannot be written.
        """
        ...

    def restore(self, folder: Path, kept: Any) -> None:
        """Go on from what was kept.

        :raises MediaError, ValueError: it is damaged.
        :raises StoreError: it was recorded for something else.
        """
        ...

    def tidy(self, folder: Path) -> None:
        """Remove what `keep` has written and what it has returned last does not name."""
        ...


@dataclass(frozen=True)
class _Found:
    """What an earlier run has kept."""

    identity: Any
    unfinished: Unfinished
    recorded: Any


class UnfinishedPicture:
    """Where a picture is kept while it is painted. Nothing is there before it is kept for the first time."""

    def __init__(
        self, folder: Path, identity: Mapping[str, Any], restart: bool = False, names: Mapping[str, str] | None = None
    ) -> None:
        """Look what an earlier run has left.

        :param identity: everything that the painting depends on, JSON values.
        :param restart: throw away what is of another identity instead of refusing.
        :param names: of the files that the identity has hashes of, by their hash, for who is refused.
        :raises BusyError: another process paints it.
        :raises StoreError: the painting is of other inputs or settings.
        """
        self.folder = folder
        self.note = ""
        """What a person should know of the state in which the folder was found."""
        self.found: Unfinished | None = None
        """Where an earlier run has stopped."""
        self._names = names or {}
        self._identity = json.loads(json.dumps(identity))
        self._lock: FileLock | None = None
        self._recorded: Any = None
        self._kept_at, self._took = time.monotonic(), 0.0
        self._failed = False
        if folder.is_dir():
            self._acquire()
            try:
                self._look(restart)
            except BaseException:
                self.close()
                raise

    def _acquire(self) -> None:
        if self._lock is None:
            lock = FileLock(self.folder / LOCK)
            try:
                lock.acquire(timeout=0)
            except Timeout:
                raise BusyError(
                    f"Another reelbrush is at work in {self.folder}. Wait until it is done, or choose another output."
                ) from None
            except OSError as error:
                raise cannot_write(self.folder, error) from error
            self._lock = lock

    def _look(self, restart: bool) -> None:
        try:
            found = _read(self.folder / STATE)
        except FileNotFoundError:
            return
        except _DamagedError:
            self._begin_anew()
            return
        if found.identity != self._identity:
            if not restart:
                what = differences(found.identity, self._identity, self._names)
                raise StoreError(
                    f"{self.folder} holds a half-finished painting that differs in {what}. Give the same inputs and "
                    "settings as before to go on with it, or --restart to throw it away and begin anew."
                )
            (self.folder / STATE).unlink()
            return
        self.found, self._recorded = found.unfinished, found.recorded

    def _begin_anew(self) -> None:
        (self.folder / STATE).unlink(missing_ok=True)
        self.note = f"What was kept of the painting in {self.folder} is damaged; it begins anew."
        self.found = None

    def restore(self, recorder: Recorder) -> None:
        """Have a recorder go on from what it has recorded of the painting that was found; where that is damaged, the
        painting begins anew as well.

        :raises StoreError: it has recorded nothing, or something else.
        """
        if self.found is None:
            return
        if self._recorded is None:
            raise StoreError(
                f"{self.folder} holds a half-finished painting that was begun without a story. Leave the story out to "
                "go on with it, or give --restart to begin anew."
            )
        try:
            recorder.restore(self.folder, self._recorded)
        except (MediaError, ValueError, KeyError, TypeError):
            self._begin_anew()

    @property
    def due(self) -> bool:
        """Whether it should be kept again."""
        return time.monotonic() - self._kept_at > max(EVERY, self._took / SHARE) and not self._failed

    def keep(self, progress: Progress, recorder: Recorder | None, on_event: OnEvent) -> None:
        """Keep a painting as it is after a step. Where that cannot be, it is told, and painting goes on without."""
        began = time.monotonic()
        try:
            self._make_folder()
            self._acquire()
            recorded = recorder.keep(self.folder) if recorder is not None else None
            _write(self.folder / STATE, self._identity, progress.unfinished(), recorded)
            write_kept(self.folder / SO_FAR, to_image(progress.picture()), {})
            if recorder is not None:
                recorder.tidy(self.folder)
        except (OutputError, BusyError, OSError) as error:
            self._failed = True
            on_event(Stage(f"The painting so far cannot be kept: {error}"))
        self._kept_at = time.monotonic()
        self._took = self._kept_at - began

    def _make_folder(self) -> None:
        try:
            self.folder.mkdir(exist_ok=True)
        except OSError as error:
            raise cannot_make(self.folder, error) from error

    def close(self) -> tuple[str, ...]:
        """Give the lock back; what is kept stays. Where nothing is, the folder goes with all that Reelbrush has written
        there; where there is more in it, a sentence is returned that says so."""
        if self._lock is None:
            return ()
        self._lock.release()
        self._lock = None
        if (self.folder / STATE).exists():
            return ()
        said = stays(self.folder, _FILES.remove(self.folder))
        return (said,) if said else ()

    def remove(self) -> tuple[str, ...]:
        """The picture is finished, and nothing here is needed any more. Returns as `close`."""
        if self._lock is None:
            return ()
        (self.folder / STATE).unlink(missing_ok=True)
        return self.close()


class _DamagedError(Exception):
    """A file is not what was written there."""


def _write(path: Path, identity: Mapping[str, Any], unfinished: Unfinished, recorded: Any) -> None:
    """:raises OutputError: the disk is full, or the folder has gone."""
    loop, plan = unfinished.loop, unfinished.plan
    needed = sum(one.numel() * one.element_size() for one in loop.tensors.values())
    free = shutil.disk_usage(path.parent).free
    if free < needed:
        # Not only this job would suffer from a disk that is filled to the last byte.
        raise OutputError(f"{path.parent}: it takes {needed / 1e6:.0f} MB, and {free / 1e6:.0f} MB are free")
    values = {
        "identity": identity,
        "recorded": recorded,
        "size": unfinished.size,
        "before": unfinished.before,
        "plan": {**asdict(plan), "memory_fallback": plan.memory_fallback.value},
        "loop": {
            "number": loop.number,
            "stopped": loop.stopped and loop.stopped.value,
            "lowest": loop.lowest,
            "retries": loop.retries,
            "seconds": loop.seconds,
        },
        "tensors": dict(loop.tensors),
    }
    with written_atomically(path) as part:
        try:
            torch.save(values, part)
        except RuntimeError as error:  # what torch makes of an error of the disk
            raise OSError(f"it cannot be written ({error})") from error


def _read(path: Path) -> _Found:
    """What `_write` has kept.

    :raises FileNotFoundError: nothing.
    :raises _DamagedError: it is no longer what was written.
    """
    try:
        # torch does not look at the sums that it has written.
        with zipfile.ZipFile(path) as archive:
            if archive.testzip() is not None:
                raise _DamagedError
        # Read where they are needed; but a file that is mapped cannot be replaced on Windows.
        values = torch.load(path, map_location="cpu", weights_only=True, mmap=os.name != "nt")
        plan, loop = values["plan"], values["loop"]
        stopped = None if loop["stopped"] is None else Stop(loop["stopped"])
        halfway = Halfway(**{**loop, "stopped": stopped, "lowest": tuple(map(tuple, loop["lowest"]))},
                          tensors=values["tensors"])  # fmt: skip
        memory = MemoryPlan(**{**plan, "memory_fallback": MemoryFallback(plan["memory_fallback"])})
        unfinished = Unfinished(values["size"], values["before"], halfway, memory)
        return _Found(values["identity"], unfinished, values["recorded"])
    except (FileNotFoundError, MemoryError, _DamagedError):
        raise
    except Exception as error:  # a damaged archive fails in whichever layer of the reader meets it first
        raise _DamagedError from error
