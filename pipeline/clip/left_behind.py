"""What there is of a job that was interrupted, and how to go on with it: for who has interrupted it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pipeline.clip.events import Event, Finished, OnEvent, Started
from pipeline.clip.jobs import HALF, IDENTITY, SO_FAR, STATE, work_folder


class LeftBehind:
    """Watches one job, and says once it is interrupted what it has left on the disk."""

    def __init__(self, output: Path | None, accept: bool = False) -> None:
        """
        :param output: of the job, where it is known before it begins: what an earlier run has kept is told of.
        :param accept: whether it could be told to write a half-painted picture as it is.
        """
        self._accept = accept
        self._kept_before = None if output is None else _kept(output)
        self._outputs: tuple[Path, ...] | None = None
        self._before: list[tuple[int, int] | None] = []
        self._finished = False

    def watching(self, on_event: OnEvent) -> OnEvent:
        """The same as `on_event`, and watched."""

        def told(event: Event) -> None:
            if isinstance(event, Started):
                self._outputs, self._before = event.outputs, [_stamp(path) for path in event.outputs]
            elif isinstance(event, Finished):
                self._outputs, self._finished = event.outputs, True
            on_event(event)

        return told

    def __call__(self) -> str:
        """One or two sentences."""
        if self._outputs is None:
            kept = self._kept_before
            return "Nothing was painted." + (f" What an earlier run has kept in {kept} stays." if kept else "")
        if self._finished:
            return f"{_names(self._outputs)} finished." if self._outputs else "Nothing of it is kept."
        kept = _kept(self._outputs[0]) if self._outputs else None
        if kept is not None and kept.name.endswith(HALF):
            accept = ", and --accept writes it as it is" if self._accept else ""
            return f"The painting so far is kept; {kept / SO_FAR} shows it. The same command goes on with it{accept}."
        if kept is not None:
            return f"The same command goes on where it was ({kept})."
        there = [path for path, before in zip(self._outputs, self._before, strict=True) if _stamp(path) != before]
        return (
            f"{_names(there)} finished; the same command makes what is missing." if there else "Nothing of it is kept."
        )


def _names(paths: Sequence[Path]) -> str:
    return f"{' and '.join(map(str, paths))} {'is' if len(paths) == 1 else 'are'}"


def _kept(output: Path) -> Path | None:
    """The folder in which a job is kept that has this output, if there is one."""
    half, work = output.parent / f"{output.name}{HALF}", work_folder(output)
    try:
        return half if (half / STATE).exists() else work if (work / IDENTITY).exists() else None
    except OSError:  # too long a name: of that more is said when the output is looked at
        return None


def _stamp(path: Path) -> tuple[int, int] | None:
    """What is another one for every file that gets this name; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns
