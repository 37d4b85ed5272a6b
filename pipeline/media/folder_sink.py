"""Write a folder of numbered PNG pictures, which appears when all of them are there."""

from __future__ import annotations

import re
from pathlib import Path

from pipeline.atomic import hidden, remove, replace_folder, sync_file
from pipeline.errors import MediaError, OutputError, OutputNameError
from pipeline.media.frame_file import encode_png
from pipeline.media.outputs import cannot_write, check_folder, check_name
from pipeline.media.pictures import open_picture
from pipeline.media.plan import SinkPlan
from pipeline.media.writing import encode_picture
from pipeline.types import DeepImage, Image, deep_only, shallow

_OURS = re.compile(r"frame_\d{6,}\.png")


def check_output_folder(path: Path, overwrite: bool) -> None:
    """Find out before any work is done whether the folder `path` can be written.

    :raises OutputError: it exists and is not empty (and not `overwrite`), or holds something else than frames; or its
        name is too long.
    """
    check_name(path)
    if path.exists() and not path.is_dir():
        raise OutputNameError(f"{path}: this is a file; a folder is needed. Choose another name.")
    inside = [entry.name for entry in path.iterdir()] if path.is_dir() else []
    if inside and not overwrite:
        raise OutputError(f"{path}: this folder is not empty. Choose another one, or replace it with --overwrite.")
    foreign = sorted(name for name in inside if not _OURS.fullmatch(name))
    if foreign:
        raise OutputError(
            f"{path}: this folder holds other files ({foreign[0]}), which --overwrite would delete. Choose another one."
        )
    check_folder(path.resolve().parent)


class FolderWriter:
    """A `Writer` for a folder of pictures."""

    def __init__(self, plan: SinkPlan) -> None:
        self._plan = plan
        # resolve(): the folder may be given as '.', which has no name.
        self._path = plan.path.resolve()
        self._part = hidden(self._path, ".part")
        self._begun = False
        self.notes = plan.left_out()
        if plan.variable:
            self.notes.append("The frames have no times of their own in a folder; a variable frame rate is lost.")

    def write(self, image: Image | DeepImage, position: int) -> None:
        """Raises an OutputError where the disk is full."""
        try:
            if not self._begun:
                remove(self._part)  # left by a run that was killed
                self._part.mkdir()
                self._begun = True
            path = self._name(position)
            texts = self._plan.metadata
            deep = deep_only(image)
            path.write_bytes(
                encode_picture(shallow(image), "PNG", texts, path) if deep is None else encode_png(path, deep, texts)
            )
            sync_file(path)
        except OSError as error:
            raise cannot_write(self._plan.path, error) from error

    def complete(self) -> None:
        """Raises an OutputError where a picture is missing or incomplete."""
        for position in range(len(self._plan.times)):
            try:
                with open_picture(self._name(position)) as picture:
                    right = picture.size == (self._plan.width, self._plan.height)
            except MediaError:
                right = False
            if not right:
                raise OutputError(
                    f"{self._plan.path}: {self._name(position).name} is not what it should be. Has something else "
                    "written there? Give the same command again."
                )

    def publish(self) -> None:
        """Raises an OutputError where the folder got something in it meanwhile, or cannot be renamed."""
        check_output_folder(self._path, self._plan.overwrite)
        try:
            replace_folder(self._part, self._path)
        except OSError as error:
            raise cannot_write(self._plan.path, error) from error

    def interrupt(self) -> None:
        pass

    def discard(self) -> None:
        if self._begun:
            remove(self._part)

    def _name(self, position: int) -> Path:
        number = self._plan.numbers[position] if self._plan.numbers else position + 1
        return self._part / f"frame_{number:06d}.png"
