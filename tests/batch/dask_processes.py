"""A Dask cluster on this machine, of real processes, and a driver of a batch on it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from jobs import ROOT, environment

HERE = Path(__file__).parent
# Nobody waits for minutes in a test.
QUIET = {
    "DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED": "False",
    "DASK_DISTRIBUTED__ADMIN__SYSTEM_MONITOR__DISK": "False",
}


def free_port() -> int:
    """A port of 127.0.0.1 that nobody uses now."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def until(what: Callable[[], object], seconds: float = 120, why: str = "it never came") -> None:
    """Wait until something is true."""
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, why
        time.sleep(0.02)


def alive(pid: int) -> bool:
    """Whether a process runs; a dead one that nobody has waited for does not."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def descendants(*pids: int) -> list[int]:
    """The processes that these have started, and those that they have."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        with suppress(OSError):
            if entry.name.isdecimal():
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
    found = list(pids)
    for pid in found:
        found += [child for child, parent in parents.items() if parent == pid]
    return found[len(pids) :]


class DaskProcesses:
    """Starts a scheduler and workers, and ends all of them when the block is left."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.address = f"tcp://127.0.0.1:{self.port}"
        self.started: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> DaskProcesses:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self.started:
            for pid in [process.pid, *descendants(process.pid)]:
                with suppress(OSError):
                    os.kill(pid, signal.SIGKILL)
            process.wait()

    def _start(self, name: str, *arguments: str, **extra: str) -> subprocess.Popen[bytes]:
        with (self.folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", f"distributed.cli.{name}", *arguments],
                stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=environment(**extra), cwd=self.folder,
            )  # fmt: skip
        self.started.append(process)
        return process

    def scheduler(self) -> subprocess.Popen[bytes]:
        """Start the scheduler, at the same address every time."""
        process = self._start(
            "dask_scheduler", "--host", "127.0.0.1", "--port", str(self.port), "--dashboard-address", "127.0.0.1:0"
        )

        def answers() -> bool:
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return True
            return False

        until(answers, why="no scheduler")
        return process

    def worker(self, *options: str, **extra: str) -> subprocess.Popen[bytes]:
        """Start a worker with one thread."""
        return self._start(
            "dask_worker", self.address, "--nthreads", "1", "--host", "127.0.0.1", "--no-dashboard",
            "--local-directory", str(self.folder), *options, **extra,
        )  # fmt: skip


def kill(process: subprocess.Popen[bytes]) -> None:
    """kill -9 of a Dask process and its nanny, but not of what paints for it."""
    spared = painters(process)
    # The nanny first, which would start another one.
    for pid in [process.pid, *descendants(process.pid)]:
        if pid not in spared:
            with suppress(OSError):
                os.kill(pid, signal.SIGKILL)
    process.wait()


def drive(address: str, folder: Path, style: Path, *sources: Path) -> subprocess.Popen[str]:
    """Start the driver of a batch that paints clips, at an address or 'local'; the caller ends it."""
    return subprocess.Popen(
        [sys.executable, str(HERE / "drive_cluster.py"), address, str(folder), str(style), *map(str, sources)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(), cwd=ROOT,
    )  # fmt: skip


def painters(*processes: subprocess.Popen[bytes]) -> list[int]:
    """The processes that paint on these workers."""
    found = []
    for pid in descendants(*(process.pid for process in processes)):
        with suppress(OSError):
            if b"pipeline.batch.child" in Path(f"/proc/{pid}/cmdline").read_bytes():
                found.append(pid)
    return found


def reported(text: str, event: str) -> list[dict[str, Any]]:
    """What a driver has said of one kind of event."""
    lines = [json.loads(line) for line in text.splitlines()]
    return [line for line in lines if line["event"] == event]
