"""The program in a process of its own that starts in a tenth of a second: forked from one that has everything imported.

Importing torch takes 2.5 s of every start, and the tests start the program some hundred times. What happens before
`cli.main`, and what depends on the environment in which Python starts, is tested with real starts.
"""

from __future__ import annotations

import multiprocessing
import multiprocessing.forkserver
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

AVAILABLE = sys.platform.startswith("linux")
"""Whether a process with threads of the system's libraries in it can be forked safely."""
IMPORTED = [
    "cv2",
    "torch",
    "cli",
    "pipeline.clip.clip",
    "pipeline.report.console",
    "pipeline.clip.still",
    "forked",
    "pytest",
]
"""What every command would import; none of it starts a thread."""


class Forked:
    """A function in a process of its own, its output in files; as `subprocess.Popen`, as far as the tests need it."""

    def __init__(
        self,
        function: Callable[..., object],
        *arguments: Any,
        environment: dict[str, str],
        extra: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """
        :param environment: in which Python starts; it is always the same.
        :param extra: variables that are read later.
        """
        self._folder = tempfile.TemporaryDirectory(prefix="forked")
        self._streams = [Path(self._folder.name, name) for name in ("stdout", "stderr")]
        self._process = _context(environment).Process(
            target=_run, args=(Path.cwd(), {**environment, **extra}, self._streams, function, arguments)
        )
        self._process.start()
        assert self._process.pid is not None
        self.pid = self._process.pid

    @property
    def returncode(self) -> int | None:
        """None while it runs; -N where signal N ended it."""
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """Wait for the end. Returns what was written to both streams.

        :raises subprocess.TimeoutExpired: it has not ended; it goes on.
        """
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0)
        out, err = (path.read_text(encoding="utf-8") for path in self._streams)
        self._folder.cleanup()
        return out, err


def _context(environment: dict[str, str]) -> Any:
    """Forks from a server that is started once."""
    context = multiprocessing.get_context("forkserver")
    # pytest is the main program of this process, and each process imports that first.
    context.set_forkserver_preload([*IMPORTED, "pytest"])
    before = dict(os.environ)
    os.environ.clear()
    os.environ.update(environment)
    try:
        multiprocessing.forkserver.ensure_running()
    finally:
        os.environ.clear()
        os.environ.update(before)
    return context


def _run(
    directory: Path,
    environment: dict[str, str],
    streams: Sequence[Path],
    function: Callable[..., object],
    arguments: Sequence[Any],
) -> None:
    """In the new process."""
    os.chdir(directory)
    os.environ.clear()
    os.environ.update(environment)
    for number, path in zip((1, 2), streams, strict=True):
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT)
        os.dup2(descriptor, number)
        os.close(descriptor)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    function(*arguments)


def command(*arguments: str) -> None:
    """The command line."""
    import cli

    sys.argv = ["reelbrush", *arguments]
    cli.main()
