"""Finished frames on disk, one lossless file each, so that a job killed at any instant goes on where it was."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pipeline.errors import DamagedFrameError, MediaError, OutputError
from pipeline.media import read_checked
from pipeline.media.kept import read_kept, write_kept
from pipeline.style.frame import PaintedFrame
from pipeline.style.optimise import Stop
from pipeline.types import Image


class FrameStore:
    """The finished frames of one pass over a clip, in a folder.

    A frame is an 8-bit PNG that carries its own losses; it is complete or not there. What crosses to the next
    frame is read from it, never from memory alone, so that a resumed job gives the same frames.
    """

    def __init__(self, folder: Path, order: range, job: str = "") -> None:
        """Open or make the folder.

        :param order: the numbers of all frames in the order in which they are painted: upwards or downwards by 1.
        :param job: hash of everything that the frames depend on, which each of them carries.
        :raises OutputError: the folder cannot be made.
        """
        self._folder = folder
        self.order = order
        self._job = job
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(
                f"The work folder {folder} cannot be made: {error.strerror}. "
                "Choose an output in a folder you can write to."
            ) from None
        self._tidy()
        self.done = self._count()
        """Frames that are finished: the first so many of `order`."""

    @property
    def whole(self) -> bool:
        """Whether all frames are finished."""
        return self.done == len(self.order)

    def _tidy(self) -> None:
        """Remove what a killed process left half-written."""
        for stray in self._folder.iterdir():
            if not (stray.suffix == ".png" and len(stray.stem) == 6 and stray.stem.isdecimal()):
                stray.unlink(missing_ok=True)

    def path(self, index: int) -> Path:
        """The file of a frame."""
        return frame_path(self._folder, index)

    def _count(self) -> int:
        """Frames in order without a gap. The last one is read: it is what the next frame starts from."""
        count = 0
        while count < len(self.order) and self.path(self.order[count]).exists():
            count += 1
        while count:
            if _sound(self.path(self.order[count - 1])):
                break
            count -= 1
        # What lies beyond a gap or a damaged frame was not painted from what will be painted now.
        finished = set(self.order[:count])
        for path in self._folder.glob("*.png"):
            if int(path.stem) not in finished:
                path.unlink()
        return count

    def put(self, index: int, painted: PaintedFrame) -> None:
        """Keep a finished frame, the next one of `order`.

        :raises OutputError: the disk is full, or the folder has gone.
        """
        record = {
            "losses": painted.losses,
            "steps": painted.steps,
            "seconds": round(painted.seconds, 3),
            "stopped": painted.stopped.value,
            "memory_fallback": painted.memory_fallback.value,
            "job": self._job,
        }
        write_kept(self.path(index), painted.image, {"reelbrush": json.dumps(record)})
        self.done += 1

    def image(self, index: int) -> Image:
        """A finished frame, uint8 (H, W, 3).

        :raises DamagedFrameError: the file is no longer what was written.
        """
        try:
            return read_kept(self.path(index))[0]
        except MediaError as error:
            raise self._damaged(index, error) from None

    def record(self, index: int) -> dict[str, Any]:
        """Losses, steps, seconds, stop reason and memory_fallback of a finished frame.

        :raises DamagedFrameError: the file is damaged, or another program has saved it.
        """
        try:
            found: dict[str, Any] = json.loads(read_checked(self.path(index))["reelbrush"])
        except (MediaError, KeyError, ValueError) as error:
            raise self._damaged(index, error) from None
        return found

    def _damaged(self, index: int, error: Exception) -> DamagedFrameError:
        return DamagedFrameError(
            f"The finished frame {self.path(index)} is damaged. Give the same command again: it is painted anew, and "
            f"so is what was painted after it. ({error.__cause__ or error})"
        )

    def stable(self, index: int) -> bool:
        """Whether a finished frame settled, so that others may start from it."""
        return bool(self.record(index)["stopped"] != Stop.UNSTABLE.value)

    def images(self) -> Iterator[tuple[int, Image]]:
        """Every finished frame with its number, in the order of the clip, one in memory at a time."""
        for index in sorted(self.order[: self.done]):
            yield index, self.image(index)


def remove_damaged(folder: Path, order: range) -> int | None:
    """Remove the first frame of a pass that is no longer what was written, so that a `FrameStore` gives up what was
    painted after it as well.

    :param order: as for `FrameStore`.
    :returns: its number; None where all are sound.
    """
    for index in order:
        path = frame_path(folder, index)
        if not path.exists():
            return None
        if not _sound(path):
            path.unlink()
            return index
    return None


def job_of(path: Path) -> str | None:
    """The hash of the job that a finished frame belongs to, '' where it does not say; None where it is damaged."""
    try:
        record = json.loads(read_checked(path)["reelbrush"])
        return str(record.get("job", ""))
    except (MediaError, KeyError, ValueError, AttributeError):
        return None


def frame_path(folder: Path, index: int) -> Path:
    """Where a frame is kept."""
    return folder / f"{index:06d}.png"


def _sound(path: Path) -> bool:
    try:
        json.loads(read_checked(path)["reelbrush"])
    except (MediaError, KeyError, ValueError):
        return False
    return True
