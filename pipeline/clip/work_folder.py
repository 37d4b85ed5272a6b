"""The work folder of a job: which job it is, what its survey has found, the frames of its passes."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from filelock import FileLock, Timeout

from pipeline.clip.events import Damaged, OnEvent, ignore
from pipeline.clip.frame_store import FRAME_NAME, FrameStore, frame_number, frame_path, job_of, remove_damaged
from pipeline.clip.identity import DEEP
from pipeline.clip.jobs import IDENTITY as IDENTITY
from pipeline.clip.kept_json import differences, digest_of, keep_json, read_json
from pipeline.clip.own_files import LOCK, OwnFiles, stays
from pipeline.clip.passes import Pass, shortened
from pipeline.errors import BusyError, DamagedFrameError, OutputError, StoreError
from pipeline.media.outputs import cannot_make, written_atomically

SHOTS = "shots.json"
STATISTICS = "statistics.json"
MOTION = "motion.json"
SEAM = "seam.json"
MASKS = "masks.json"
SURVEY = (SHOTS, STATISTICS, MOTION, SEAM, MASKS)
"""What is found in the survey of a clip, before it is painted."""
PASSES = "passes.json"
NUMBERS = "numbers.json"
"""Which frame of the input each painted one is, where they do not follow one by one."""
LOSSES = "losses{}.json"
"""Of the frames of a pass of that number, once these are removed."""
FRAMES = "frames"
"""The folder of the last pass; those before it are called pass1, pass2 and so on."""
SHARD = "shard-"
"""How the names of the work folders of shards begin, in that of their clip."""
_FRAME_FILES = OwnFiles(FRAME_NAME)
_FILES = "|".join((LOSSES.format(r"\d+"), *map(re.escape, (LOCK, IDENTITY, *SURVEY, PASSES, NUMBERS))))
_PASS_FOLDERS = {rf"{FRAMES}|pass\d+": _FRAME_FILES}
WORK_FILES = OwnFiles(_FILES, {**_PASS_FOLDERS, rf"{SHARD}\d+-\d+": OwnFiles(_FILES, _PASS_FOLDERS)})
"""All that there is in a work folder."""

Result = TypeVar("Result")


class WorkFolder:
    """`job.json`, what the survey has found, and a folder of finished frames for every pass that is still needed: that
    of the pass that is painted, and that of the one before it, which it starts from; of those before it, the losses
    alone. With a deadline also `passes.json`, where there is no time for all of them; with another frame rate
    `numbers.json`."""

    def __init__(
        self,
        folder: Path,
        identity: Mapping[str, Any],
        passes: Sequence[Pass],
        restart: bool = False,
        on_event: OnEvent = ignore,
        names: Mapping[str, str] | None = None,
    ) -> None:
        """Open or make the work folder, and lock it until `close`. Frames that were damaged since they were finished
        are removed, and `Damaged` tells of them.

        :param identity: everything the frames depend on, JSON values.
        :param passes: all of the job, in order.
        :param restart: throw away the frames of another identity instead of refusing.
        :param names: of the files that the identity has hashes of, by their hash, for who is refused.
        :raises BusyError: another process works here.
        :raises StoreError: the frames belong to other inputs or settings.
        :raises OutputError: the folder cannot be made.
        """
        self.folder = folder
        self.notes: tuple[str, ...] = ()
        """What a person should know of the state in which the folder was found, a sentence each."""
        self._deep = DEEP in identity
        self._names = names or {}
        self.passes = tuple(passes)
        """Those of the job, or fewer, if `settle_passes` was told so once."""
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = FileLock(folder / LOCK)
            self._lock.acquire(timeout=0)
        except Timeout:
            raise BusyError(
                f"Another reelbrush is at work in {folder}. Wait until it is done, or choose another output."
            ) from None
        except OSError as error:
            raise cannot_make(folder, error, "work folder") from None
        try:
            self._check_identity(identity, restart)
            self._shorten(self.read(PASSES))
            self._remove_damaged(on_event)
        except BaseException:
            self.close()
            raise

    def _check_identity(self, identity: Mapping[str, Any], restart: bool) -> None:
        path = self.folder / IDENTITY
        wanted = json.loads(json.dumps(identity))
        self._job = digest_of(wanted)
        try:
            found = read_json(path)
        except (ValueError, OSError):
            if self._mend_identity(wanted, restart):
                return
            found = None
        if found == wanted:
            return
        if found is not None and not restart:
            what = differences(found, wanted, self._names)
            raise StoreError(
                f"{self.folder} holds frames of an unfinished job that differs in {what}. Give the same inputs and "
                "settings as before to go on with it, or --restart to throw its frames away and begin anew."
            )
        WORK_FILES.remove(self.folder, but=(LOCK,))
        keep_json(path, wanted)

    def _mend_identity(self, wanted: Any, restart: bool) -> bool:
        """Whether the frames are of this job, though the file that says so is damaged or gone; it is written anew then.

        :raises StoreError: they are of another job, and are not to be thrown away.
        """
        path = self.folder / IDENTITY
        damaged = path.exists()
        jobs = {job_of(frame) for frame in sorted(self.folder.glob("**/[0-9]*.png"))} - {None}
        if jobs == {self._job}:
            keep_json(path, wanted)
            self.notes = (f"{path} was damaged; its finished frames say that they are of this job, and it goes on.",)
            return True
        if jobs and damaged and not restart:
            raise StoreError(
                f"{path} is damaged, and the finished frames beside it were painted from other inputs or with other "
                "settings. Give those again to go on with them, or --restart to throw the frames away and begin anew."
            )
        if damaged:
            self.notes = (f"{path} was damaged, and its frames are not of this job; it begins anew.",)
        return False

    def _remove_damaged(self, on_event: OnEvent) -> None:
        for one in self.passes:
            index = remove_damaged(self._folder(one), one.order)
            if index is not None:
                on_event(Damaged(index, one.number))

    def collect_shards(self) -> None:
        """Take in the frames of shards that were painted on their own, once all of them are finished (see `shards`).

        Killed in between, it goes on: what has been moved is no longer missing.
        """
        folders = sorted(self.folder.glob(f"{SHARD}*"))
        last = self.passes[-1]
        if not folders or (self._folder(last).exists() and self.frames(last).whole):
            return
        frames = (path for folder in folders for path in folder.glob(f"{FRAMES}/*"))
        found = {number: path for path in frames if (number := frame_number(path)) is not None}
        place = self._folder(last)
        missing = [index for index in last.order if not frame_path(place, index).exists()]
        if any(index not in found for index in missing):
            return
        place.mkdir(exist_ok=True)
        for index in missing:
            found[index].replace(frame_path(place, index))

    def reached(self) -> Pass:
        """The pass in which an earlier run stopped: the last one begun, if it is whole or has all that it starts from.

        Should frames be missing that were there, what was painted after them is removed.
        """
        for one in reversed(self.passes[1:]):
            if self._folder(one).exists():
                before = self.passes[one.number - 2]
                if self.frames(one).whole or (self._folder(before).exists() and self.frames(before).whole):
                    return one
                self._drop(one)
        return self.passes[0]

    def begin(self, one: Pass) -> tuple[FrameStore, FrameStore | None]:
        """The frames of a pass that is to be painted, and those of the one before, which it starts from; None for the
        first. Of other passes none stay.

        :raises OutputError: the folder cannot be made.
        """
        for old in self.passes[: max(0, one.number - 2)]:
            self._retire(old)
        earlier = self.frames(self.passes[one.number - 2]) if one.number > 1 else None
        return self.frames(one), earlier

    def end(self) -> FrameStore:
        """The frames of the last pass, which are the result; those of other passes are removed."""
        for old in self.passes[:-1]:
            self._retire(old)
        return self.frames(self.passes[-1])

    def frames(self, one: Pass) -> FrameStore:
        """The frames of a pass, as far as they are painted.

        :raises OutputError: the folder cannot be made.
        """
        return FrameStore(self._folder(one), one.order, self._job, self._deep)

    def _folder(self, one: Pass) -> Path:
        return self.folder / (FRAMES if one.last else f"pass{one.number}")

    def _retire(self, one: Pass) -> None:
        """Remove the frames of a pass that is needed no more; their losses, which a figure may show, stay."""
        if self._folder(one).exists():
            # Nobody's painting should fail for want of them. Where a frame is missing, an earlier run was killed while
            # it removed them, and has kept the losses of all.
            with suppress(OutputError, StoreError):
                frames = self.frames(one)
                found = {str(index): frames.record(index)["losses"] for index in sorted(one.order)}
                self.write(LOSSES.format(one.number), found)
        self._drop(one)

    def _drop(self, one: Pass) -> None:
        _FRAME_FILES.remove(self._folder(one))

    def settle_passes(self, count: int) -> None:
        """Paint in the first so many passes only, now and whenever the job is resumed. None of the others has begun.

        :raises OutputError: the disk is full, or the folder has gone.
        """
        if count < len(self.passes):
            self.write(PASSES, count)
            self._shorten(count)

    def _shorten(self, count: Any) -> None:
        if not isinstance(count, int) or not 0 < count < len(self.passes):
            return
        last = self._folder(self.passes[count - 1])
        self.passes = tuple(shortened(self.passes, count))
        # What was painted while more passes were to follow. A kill may have come before it had its new name.
        if last.exists() and not self._folder(self.passes[-1]).exists():
            last.rename(self._folder(self.passes[-1]))

    def read(self, name: str) -> Any:
        """JSON values that `write` has kept under that name; None where there are none, or where they are damaged."""
        return _read(self.folder / name)

    def write(self, name: str, values: Any) -> None:
        """Keep JSON values under the name of a file, so that a resumed job need not find them again.

        :raises OutputError: the disk is full, or the folder has gone.
        """
        keep_json(self.folder / name, values)

    def copy_survey(self, folder: Path) -> None:
        """Take over what the work folder of the whole clip knows: its survey, and in how many passes it is painted, if
        those that are dropped have not begun."""
        try:
            known, own = read_json(folder / IDENTITY), read_json(self.folder / IDENTITY)
        except (OSError, ValueError):
            return
        if known != own:
            return
        for name in SURVEY:
            if (folder / name).is_file() and not (self.folder / name).exists():
                with written_atomically(self.folder / name) as part:
                    shutil.copyfile(folder / name, part)
        count = _read(folder / PASSES)
        if isinstance(count, int) and count >= self.reached().number:
            self.settle_passes(count)

    def close(self) -> None:
        """Give the lock back; the frames stay."""
        self._lock.release()

    def remove(self) -> tuple[str, ...]:
        """The job is finished and its result complete: nothing here is needed any more.

        :return: what a person should know, a sentence each.
        """
        self.close()
        return remove_work(self.folder)


def remove_work(folder: Path) -> tuple[str, ...]:
    """Remove a work folder with all that Reelbrush has written there. What else is in it stays, and the folder with it;
    a sentence says so."""
    said = stays(folder, WORK_FILES.remove(folder))
    return (said,) if said else ()


def has_frames(folder: Path) -> bool:
    """Whether a work folder holds frames of the last pass."""
    return any(frame_number(path) is not None for path in (folder / FRAMES).glob("*"))


def retry_damaged(attempt: Callable[[], Result]) -> Result:
    """What `attempt` comes to, which opens a work folder and paints in it. Where a finished frame is damaged on the
    disk meanwhile, once more: the folder, opened again, gives up that frame and what was painted after it.

    :raises DamagedFrameError: it has happened again.
    """
    try:
        return attempt()
    except DamagedFrameError:
        pass
    return attempt()


def _read(path: Path) -> Any:
    """The values in a file; None where there are none, or where they are damaged."""
    try:
        return read_json(path)
    except (OSError, ValueError):
        return None
