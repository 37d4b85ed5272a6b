"""The ffmpeg binary: found, run, watched, ended. Nothing else of the package starts another program.

Three rules hold for each run. Arguments are lists and files are absolute `file:` addresses, so that no name can
be taken for an option, a pattern or a protocol. stderr is always drained, in a thread, so that a talkative
ffmpeg can never block. The exit code is always looked at: a playable file proves nothing.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import IO

from pipeline.errors import MediaError

ENCODERS = {
    "h264": ("libx264", "libx264rgb"),
    "h265": ("libx265",),
    "vp9": ("libvpx-vp9",),
    "av1": ("libsvtav1", "libaom-av1"),
    "prores": ("prores_ks",),
    "ffv1": ("ffv1",),
    "gif": ("gif",),
}
"""Our name of a codec -> the encoders of ffmpeg that can make it, the preferred one first."""

_COMMON = ("-hide_banner", "-nostdin", "-loglevel", "level+info", "-y")
_REMEMBERED_LINES = 4000
"""A banner has three for each chapter."""

# These lines only say that an earlier line was serious.
_ECHOES = re.compile(
    r"Task finished with error|Terminating thread|Conversion failed|Nothing was written|Error submitting"
    r"|Error processing packet|Error opening input|Error closing|Error while filtering|Error writing trailer"
    r"|Error parsing options|Failed to set value|Output file is empty|Could not open encoder before EOF"
)
_PREFIX = re.compile(r"^(\[[^\]]*\] )*\[(?:error|fatal|panic)\] ")


@lru_cache(maxsize=1)
def binary() -> str:
    """Path of the ffmpeg binary: the one of imageio-ffmpeg, or the one `IMAGEIO_FFMPEG_EXE` names.

    :raises MediaError: there is none.
    """
    import imageio_ffmpeg

    try:
        return str(imageio_ffmpeg.get_ffmpeg_exe())
    except RuntimeError as error:
        raise MediaError(
            "No ffmpeg was found. Install imageio-ffmpeg again (pip install --force-reinstall imageio-ffmpeg), "
            "or set IMAGEIO_FFMPEG_EXE to the path of an ffmpeg binary."
        ) from error


def address(path: Path) -> str:
    """`path` as ffmpeg must be given it: absolute and marked as a file, so nothing in the name has a meaning."""
    return f"file:{path.absolute()}"


def complaint(lines: Sequence[str]) -> str:
    """The first line of `lines` that says what went wrong, without ffmpeg's prefixes; '' where none does."""
    serious = [line for line in lines if _PREFIX.match(line)]
    telling = [line for line in serious if not _ECHOES.search(line)]
    for line in telling or serious:
        return _PREFIX.sub("", line).strip().rstrip(".")
    return ""


class Process:
    """A running ffmpeg whose stderr is drained in a thread.

    :param arguments: what follows `ffmpeg -hide_banner -nostdin -loglevel level+info -y`.
    :param feed: give it a pipe for stdin (`process.stdin`).
    :param read: give it a pipe for stdout (`process.stdout`).
    :param on_line: called in the draining thread with every line of stderr.
    """

    def __init__(
        self,
        arguments: Sequence[str],
        *,
        feed: bool = False,
        read: bool = False,
        on_line: Callable[[str], None] | None = None,
    ) -> None:
        self._lines: deque[str] = deque(maxlen=_REMEMBERED_LINES)
        self._on_line = on_line
        # A process group of its own: Ctrl-C at the terminal is ours to answer. Were ffmpeg to hear it too, it would
        # end politely in the middle, and a decoder that ends early looks like a short clip.
        self._popen = subprocess.Popen(
            [binary(), *_COMMON, *arguments],
            stdin=subprocess.PIPE if feed else subprocess.DEVNULL,
            stdout=subprocess.PIPE if read else subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env={**os.environ, "AV_LOG_FORCE_NOCOLOR": "1"},
            start_new_session=True,
        )
        self._drain = threading.Thread(target=self._read_stderr, name="ffmpeg-stderr", daemon=True)
        self._drain.start()

    @property
    def pid(self) -> int:
        """Process id."""
        return self._popen.pid

    @property
    def stdin(self) -> IO[bytes]:
        """Where to write; only with `feed`."""
        assert self._popen.stdin is not None
        return self._popen.stdin

    @property
    def stdout(self) -> IO[bytes]:
        """Where to read; only with `read`."""
        assert self._popen.stdout is not None
        return self._popen.stdout

    @property
    def lines(self) -> list[str]:
        """The last lines of stderr."""
        return list(self._lines)

    def wait(self) -> int:
        """Wait for the end, close every pipe, and return the exit code (negative: killed by that signal)."""
        if self._popen.stdin is not None:
            # It may have ended before it had read everything; the exit code tells the rest.
            with suppress(OSError):
                self._popen.stdin.close()
        code = self._popen.wait()
        self._drain.join()
        if self._popen.stdout is not None:
            self._popen.stdout.close()
        return code

    def kill(self) -> None:
        """End it at once; harmless when it has ended already. `wait` must still be called."""
        self._popen.kill()

    def reason(self) -> str:
        """Why it failed, in ffmpeg's words or as the signal that ended it."""
        code = self._popen.returncode
        if code is not None and code < 0:
            return f"ffmpeg was ended by signal {-code}, {_signal_name(-code)}"
        return complaint(self.lines) or f"ffmpeg left with code {code}"

    def _read_stderr(self) -> None:
        assert self._popen.stderr is not None
        with self._popen.stderr as stream:
            for raw in stream:
                # Progress is written with carriage returns; what follows the last one is the line.
                line = raw.decode("utf-8", "replace").rstrip("\r\n").rsplit("\r", 1)[-1]
                self._lines.append(line)
                if self._on_line is not None:
                    self._on_line(line)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return "unknown"


@dataclass(frozen=True)
class Run:
    """What a finished ffmpeg left."""

    code: int
    out: bytes
    lines: tuple[str, ...]
    reason: str
    """Why it failed; meaningless where `code` is 0."""


def run(
    arguments: Sequence[str],
    on_line: Callable[[str], None] | None = None,
    on_start: Callable[[Process], None] | None = None,
) -> Run:
    """Run ffmpeg to its end and return exit code, stdout and the last lines of stderr.

    :param on_line: as for `Process`.
    :param on_start: is given the process, to kill it from another thread.
    """
    process = Process(arguments, read=True, on_line=on_line)
    try:
        if on_start is not None:
            on_start(process)
        out = process.stdout.read()
    except BaseException:
        process.kill()
        process.wait()
        raise
    code = process.wait()
    return Run(code, out, tuple(process.lines), process.reason())


@lru_cache(maxsize=1)
def encoders() -> frozenset[str]:
    """Names of all encoders that this ffmpeg has."""
    return _listed("-encoders", r"[VAS][A-Z.]{5} (\S+)")


@lru_cache(maxsize=1)
def decoders() -> frozenset[str]:
    """Names of all decoders that this ffmpeg has."""
    return _listed("-decoders", r"[VAS][A-Z.]{5} (\S+)")


@lru_cache(maxsize=1)
def filters() -> frozenset[str]:
    """Names of all filters that this ffmpeg has."""
    return _listed("-filters", r"[A-Z.]{2,3} (\S+) +\S+->\S+")


def _listed(what: str, line: str) -> frozenset[str]:
    listed = run([what]).out.decode("utf-8", "replace")
    return frozenset(re.findall(f"^ {line}", listed, re.MULTILINE))


@dataclass(frozen=True)
class FfmpegReport:
    """What `reelbrush doctor` shows of ffmpeg."""

    path: str
    version: str
    """As ffmpeg states it, for instance '7.0.2-static'."""
    codecs: dict[str, str]
    """Our name of each codec -> the encoder that will make it; '' where this ffmpeg has none."""


def ffmpeg_report() -> FfmpegReport:
    """Path, version and codecs of the ffmpeg that will be used.

    :raises MediaError: there is no ffmpeg.
    """
    said = run(["-version"]).out.decode("utf-8", "replace")
    version = re.search(r"ffmpeg version (\S+)", said)
    there = encoders()
    codecs = {codec: next((e for e in known if e in there), "") for codec, known in ENCODERS.items()}
    return FfmpegReport(binary(), version.group(1) if version else "unknown", codecs)
