"""Finished frames on disk, one lossless file each, so that a job killed at any instant goes on where it was."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from pipeline.errors import MediaError, OutputError, StoreError
from pipeline.media import read_metadata, read_picture, write_picture
from pipeline.media.frame import Image
from pipeline.media.outputs import written_atomically
from pipeline.motion.shots import Shot
from pipeline.style.optimise import Stop
from pipeline.style.painter import Painted

IDENTITY = "job.json"
SHOTS = "shots.json"
ANCHOR = "anchor.json"


class FrameStore:
    """The work folder of one job: what the job is (`job.json`), where its shots begin (`shots.json`), what the clip
    looks like as a whole (`anchor.json`) and its finished frames, numbered from 0.

    A frame is an 8-bit PNG that carries its own losses; it is complete or not there. What crosses to the next
    frame is read from it, never from memory alone, so that a resumed job gives the same frames.
    """

    def __init__(self, folder: Path, identity: Mapping[str, Any], restart: bool = False) -> None:
        """Open or make the work folder, and lock it until `close`.

        :param identity: everything the frames depend on, JSON values.
        :param restart: throw away the frames of another identity instead of refusing.
        :raises StoreError: another process works here, or the frames belong to other inputs or settings.
        :raises OutputError: the folder cannot be made.
        """
        self.folder = folder
        self._frames = folder / "frames"
        try:
            self._frames.mkdir(parents=True, exist_ok=True)
            self._lock = FileLock(folder / "lock")
            self._lock.acquire(timeout=0)
        except Timeout:
            raise StoreError(
                f"Another reelbrush is at work in {folder}. Wait until it is done, or choose another output."
            ) from None
        except OSError as error:
            raise OutputError(
                f"The work folder {folder} cannot be made: {error.strerror}. "
                "Choose an output in a folder you can write to."
            ) from None
        try:
            self._adopt(identity, restart)
            self._tidy()
        except BaseException:
            self.close()
            raise
        self.next_index = self._count()

    def _adopt(self, identity: Mapping[str, Any], restart: bool) -> None:
        path = self.folder / IDENTITY
        wanted = json.loads(json.dumps(identity))
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            found = None
        except (ValueError, OSError):
            found = {}
        if found == wanted:
            return
        if found is not None and not restart:
            raise StoreError(
                f"{self.folder} holds frames of an unfinished job that differs in {_differences(found, wanted)}. "
                "Give the same inputs and settings as before to go on with it, or --restart to throw its frames away "
                "and begin anew."
            )
        for frame in self._frames.glob("*.png"):
            frame.unlink()
        for name in (SHOTS, ANCHOR):
            (self.folder / name).unlink(missing_ok=True)
        with written_atomically(path) as part:
            part.write_text(json.dumps(wanted, indent=2) + "\n", encoding="utf-8")

    def _tidy(self) -> None:
        """Remove what a killed process left half-written."""
        for stray in self._frames.iterdir():
            if stray != self._path_of(stray.stem):
                stray.unlink(missing_ok=True)

    def _path_of(self, stem: str) -> Path | None:
        return self._frames / f"{stem}.png" if len(stem) == 6 and stem.isdecimal() else None

    def path(self, index: int) -> Path:
        """The file of a frame."""
        return self._frames / f"{index:06d}.png"

    def _count(self) -> int:
        """Frames from 0 on without a gap. The last one is read: it is what the next frame starts from."""
        count = 0
        while self.path(count).exists():
            count += 1
        while count:
            try:
                read_picture(self.path(count - 1))
            except MediaError:
                count -= 1
            else:
                break
        # What lies beyond a gap or a damaged frame was not painted from what will be painted now.
        for path in self._frames.glob("*.png"):
            if int(path.stem) >= count:
                path.unlink()
        return count

    def put(self, index: int, painted: Painted) -> None:
        """Keep a finished frame.

        :raises OutputError: the disk is full, or the folder has gone.
        """
        record = {
            "losses": painted.losses,
            "steps": painted.steps,
            "seconds": round(painted.seconds, 3),
            "stopped": painted.stopped.value,
        }
        write_picture(self.path(index), painted.image, metadata={"reelbrush": json.dumps(record)}, overwrite=True)
        self.next_index = index + 1

    def image(self, index: int) -> Image:
        """A finished frame, uint8 (H, W, 3).

        :raises StoreError: the file is damaged.
        """
        try:
            return read_picture(self.path(index))
        except MediaError as error:
            raise StoreError(
                f"The finished frame {self.path(index)} is damaged. Delete that file and give the same command again: "
                f"painting goes on from there. ({error})"
            ) from None

    def record(self, index: int) -> dict[str, Any]:
        """Losses, steps, seconds and stop reason of a finished frame."""
        found: dict[str, Any] = json.loads(read_metadata(self.path(index))["reelbrush"])
        return found

    def shots(self) -> list[Shot] | None:
        """What `keep_shots` has kept; None where nothing was, or where it is damaged."""
        try:
            found = json.loads((self.folder / SHOTS).read_text(encoding="utf-8"))
            return [(int(first), int(end)) for first, end in found]
        except (OSError, ValueError, TypeError):
            return None

    def keep_shots(self, shots: Sequence[Shot]) -> None:
        """Keep where the shots begin, so that a resumed job need not look again.

        :raises OutputError: the disk is full, or the folder has gone.
        """
        with written_atomically(self.folder / SHOTS) as part:
            part.write_text(json.dumps(shots) + "\n", encoding="utf-8")

    def anchor(self) -> Any:
        """What `keep_anchor` has kept; None where nothing was, or where it cannot be read."""
        try:
            return json.loads((self.folder / ANCHOR).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None

    def keep_anchor(self, anchor: Any) -> None:
        """Keep what the clip as a whole looks like, JSON values, so that a resumed job need not look again.

        :raises OutputError: the disk is full, or the folder has gone.
        """
        with written_atomically(self.folder / ANCHOR) as part:
            part.write_text(json.dumps(anchor) + "\n", encoding="utf-8")

    def carried(self, index: int) -> Image | None:
        """What frame `index` may start from: the frame before it, unless that one is missing or came out unstable."""
        if index == 0 or self.record(index - 1)["stopped"] == Stop.UNSTABLE.value:
            return None
        return self.image(index - 1)

    def images(self) -> Iterator[Image]:
        """Every finished frame, in order, one in memory at a time."""
        for index in range(self.next_index):
            yield self.image(index)

    def close(self) -> None:
        """Give the lock back; the frames stay."""
        self._lock.release()

    def remove(self) -> None:
        """The job is finished and its result complete: nothing here is needed any more."""
        self.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def _differences(found: Any, wanted: Any, where: str = "") -> str:
    """'settings.size (256, now 512) and input (…)': which values differ, readable."""
    if isinstance(found, dict) and isinstance(wanted, dict):
        parts = [
            _differences(found.get(key), wanted.get(key), f"{where}.{key}" if where else str(key))
            for key in sorted({*found, *wanted})
            if found.get(key) != wanted.get(key)
        ]
        return ", ".join(parts)
    return f"{where} ({_short(found)}, now {_short(wanted)})"


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 40 else text[:37] + "…"
