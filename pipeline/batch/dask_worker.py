"""A Dask worker as the pool knows it: whether it can be used, and what has become of its task."""

from __future__ import annotations

import pickle
from concurrent.futures import CancelledError
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pipeline import __version__
from pipeline.batch.remote import Answer, WorkerInfo
from pipeline.batch.scheduler import short
from pipeline.batch.task import Done, Failed, Lost, Stopped, Task


@dataclass
class DaskWorker:
    """A Dask worker."""

    address: str
    future: Any = None
    """Of the question what it is, or of its task."""
    identity: str | None = None
    """Which one it is, once it has answered and can be used."""
    unusable: str | None = None
    """Why it cannot be used, a paragraph."""
    host: str = ""
    running: bool = True
    """Whether it takes tasks now."""
    gpu: bool = False
    """Whether it is labelled with one."""
    threads: int = 1
    task: Task | None = None
    started: bool = False
    """Whether it has begun the task; it may have something else to do first, for somebody else."""
    replaced: bool = False
    """Whether another worker turned out to have taken its address."""

    @property
    def unidentified(self) -> bool:
        """Whether it has not answered yet what it is."""
        return self.identity is None and self.unusable is None

    @property
    def where(self) -> str:
        """For a person to find it."""
        return f"the Dask worker {self.address} on {self.host}"

    def identify(self, found: WorkerInfo | Exception, folder: Path) -> None:
        """Take in its answer."""
        if isinstance(found, Exception):
            self.unusable = (
                f"The Dask worker {self.address} cannot be used: {short(found)}. It needs reelbrush {__version__}: "
                f"pip install 'reelbrush[cluster]=={__version__}' there, and start it again."
            )
            return
        self.host = found.host
        if found.version != __version__:
            self.unusable = (
                f"This is reelbrush {__version__}, and on {found.host}, Dask worker {self.address}, there is "
                f"{found.version}. Install the same one there (pip install 'reelbrush[cluster]=={__version__}'), and "
                "start the worker again."
            )
        elif not found.sees_folder:
            self.unusable = (
                f"{found.host}, Dask worker {self.address}, does not see the folder {folder}, or sees another one "
                "there. Inputs, styles and results have to lie in a folder that all machines have under the same "
                "path, such as one of a file server; name it with -o."
            )
        else:
            self.identity = found.identity

    def result(self, seconds: float) -> Done | Failed | Stopped | Lost:
        """What has become of its task, once the future is done.

        :param seconds: in which Dask has to say so.
        """
        task, future = self.task, self.future
        assert task is not None
        self.task = self.future = None
        try:
            answer: Answer = future.result(timeout=seconds)
        except CancelledError:
            return Lost(task.key, f"{self.where} gave it up", blame=False)
        except Exception as error:
            # Dask hands on whatever went wrong anywhere.
            return Lost(task.key, f"{self.where}: {short(error)}")
        self.replaced = answer.kind == "elsewhere"
        if answer.kind == "message":
            return self._message(answer)
        if answer.kind == "stopped":
            return Stopped(task.key)
        if answer.kind == "missing":
            return Failed(
                task.key,
                f"{answer.why}: this is not found by {self.where}. Inputs, styles and results have to lie in a folder "
                "that all machines have under the same path.",
                again=True,
            )
        died = answer.kind == "died"
        return Lost(task.key, f"{self.where}: {answer.why}" if died else f"{self.where} was ended", blame=died)

    def _message(self, answer: Answer) -> Done | Failed | Stopped:
        message: Done | Failed | Stopped = pickle.loads(answer.message)
        if isinstance(message, Failed):
            return replace(message, error=f"{message.error} (That was {self.where}.)")
        return message
