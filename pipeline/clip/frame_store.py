"""Finished frames on disk, one lossless file each, so that a job killed at any instant goes on where it was."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pipeline.clip.own_files import PARTS
from pipeline.errors import DamagedFrameError, MediaError
from pipeline.media import read_checked
from pipeline.media.frame_file import read_exactly, read_kept, write_kept
from pipeline.media.outputs import cannot_make
from pipeline.style.frame import PaintedFrame
from pipeline.style.oom_fallback import MemoryFallback
from pipeline.style.optimise import Stop
from pipeline.types import DeepImage, Image

FRAME_NAME = r"[0-9]{6,}\.png"
"""A regular expression for the names of the files of frames."""
HELD = 32 * 2**20
"""Bytes of the last frames that stay in memory, so that what crosses to the next one need not be decoded again."""
MOST_HELD = 16
"""... and how many of them, however small: by default eight frames back is the farthest that a frame looks."""


Held = dict[int, tuple[Image, dict[str, Any]]]
"""Frames in memory, with their records."""


class FrameStore:
    """The finished frames of one pass over a clip, in a folder.

    A frame is a PNG that carries its own losses; it is complete or not there. What crosses to the next frame is what
    was written to it, the same bits, whether they are still in memory or read by a resumed job: so both give the same
    frames. Where a result has more than 8 bits a channel, so has the PNG; 8 of them cross.
    """

    def __init__(self, folder: Path, order: range, job: str = "", deep: bool = False) -> None:
        """Open or make the folder.

        :param order: the numbers of all frames in the order in which they are painted: upwards or downwards by 1.
        :param job: hash of everything that the frames depend on, which each of them carries.
        :param deep: whether frames have more than 8 bits a channel.
        :raises OutputError: the folder cannot be made.
        """
        self._folder = folder
        self.order = order
        self._job = job
        self._deep = deep
        self._written: tuple[int, Image | DeepImage] | None = None
        """The frame that is being written, or was last, with all of its bits."""
        self._held: Held = {}
        # Apart, so that none of those that are being written gives way to one that is read.
        self._read: Held = {}
        self._lock = threading.Lock()
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise cannot_make(folder, error, "work folder") from None
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
            if re.fullmatch(PARTS, stray.name):
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
        for path in self._folder.iterdir():
            if (number := frame_number(path)) is not None and number not in finished:
                path.unlink()
        return count

    def put(self, index: int, painted: PaintedFrame) -> None:
        """Keep a finished frame, the next one of `order`.

        :raises OutputError: the disk is full, or the folder has gone.
        """
        self.write(index, painted)
        self.done += 1

    def hold(self, index: int, painted: PaintedFrame) -> None:
        """Have a frame in memory that is being written, so that those after it can be painted meanwhile."""
        self._keep(self._held, index, painted.image.view(), self._record(painted))
        self._written = index, painted.exact

    def _keep(self, held: Held, index: int, image: Image, record: dict[str, Any]) -> None:
        image.flags.writeable = False
        with self._lock:
            held[index] = image, record
            while len(held) > MOST_HELD or (len(held) > 1 and sum(one.nbytes for one, _ in held.values()) > HELD):
                del held[next(iter(held))]

    def write(self, index: int, painted: PaintedFrame) -> None:
        """Write a frame; it is finished once `done` counts it.

        :raises OutputError: the disk is full, or the folder has gone.
        """
        write_kept(self.path(index), painted.exact, {"reelbrush": json.dumps(self._record(painted))})

    def _record(self, painted: PaintedFrame) -> dict[str, Any]:
        return {
            "losses": painted.losses,
            "steps": painted.steps,
            "seconds": round(painted.seconds, 3),
            "stopped": painted.stopped.value,
            "memory_fallback": painted.memory_fallback.value,
            "job": self._job,
        }

    def has(self, index: int) -> bool:
        """Whether a frame is finished, or being written; asked in any thread."""
        return index in self._held or self.order.index(index) < self.done

    def image(self, index: int) -> Image:
        """A finished frame, or one that is being written, uint8 (H, W, 3); not to be written to. Asked in any thread.

        One that is read is held for a while, with its record.

        :raises DamagedFrameError: the file is no longer what was written.
        """
        held = self._held.get(index) or self._read.get(index)
        if held is not None:
            return held[0]
        try:
            image, texts = read_kept(self.path(index))
            record = json.loads(texts["reelbrush"])
        except (MediaError, KeyError, ValueError) as error:
            raise self._damaged(index, error) from None
        self._keep(self._read, index, image, record)
        return image

    def painted(self, index: int, stopped: Stop) -> PaintedFrame:
        """A finished frame with all of its bits, as one that took no steps.

        :raises DamagedFrameError: as `image`.
        """
        record = self.record(index)
        frame = PaintedFrame(
            self.image(index), record["losses"], 0, 0.0, stopped, MemoryFallback(record.get("memory_fallback", ""))
        )
        return frame.with_exact(self._exact(index)) if self._deep else frame

    def _exact(self, index: int) -> Image | DeepImage:
        last = self._written
        if last is not None and last[0] == index:
            return last[1]
        try:
            return read_exactly(self.path(index))[0]
        except MediaError as error:
            raise self._damaged(index, error) from None

    def record(self, index: int) -> dict[str, Any]:
        """Losses, steps, seconds, stop reason and memory_fallback of such a frame.

        :raises DamagedFrameError: the file is damaged, or another program has saved it.
        """
        held = self._held.get(index) or self._read.get(index)
        if held is not None:
            return held[1]
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

    def exact_images(self) -> Iterator[tuple[int, Image | DeepImage]]:
        """The same with all of their bits."""
        for index in sorted(self.order[: self.done]):
            yield index, self._exact(index) if self._deep else self.image(index)


def remove_damaged(folder: Path, order: range) -> int | None:
    """Remove the first frame of a pass that is no longer what was written, so that a `FrameStore` gives up what was
    painted after it as well.

    :param order: as for `FrameStore`.
    :return: its number; None where all are sound.
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


def frame_number(path: Path) -> int | None:
    """The number of the frame that is kept in a file; None of another file."""
    return int(path.stem) if re.fullmatch(FRAME_NAME, path.name) else None


def _sound(path: Path) -> bool:
    try:
        json.loads(read_checked(path)["reelbrush"])
    except (MediaError, KeyError, ValueError):
        return False
    return True
