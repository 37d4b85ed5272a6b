"""Snapshots kept on the disk, without loss, so that stories can be made of them without painting again."""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pipeline.atomic import hidden, remove, replace_folder
from pipeline.clip.own_files import OwnFiles
from pipeline.clip.provenance import Ingredient, Record, near, real
from pipeline.clip.record_reading import read_record
from pipeline.errors import MediaError, NoStoreError, OutputError, ReplayError, StoreError
from pipeline.file_kind import address_text, no_file
from pipeline.media import read_metadata, read_picture, write_picture
from pipeline.media.outputs import cannot_write, check_folder
from pipeline.pictures.snapshots import Loss, Snapshot, Snapshots
from pipeline.types import Image

INDEX = "snapshots.json"
CONTENT, PAINTING = "content.png", "painting.png"
_KIND = "reelbrush snapshots 1"
_FRAMES = "frames"
"""What the work folder of a video holds."""
_FILES = OwnFiles(rf"{re.escape(INDEX)}|{CONTENT}|{PAINTING}|style_\d+\.png|step_\d+\.png")


@dataclass(frozen=True)
class StoredSnapshots:
    """Snapshots of a finished painting, and how it was made."""

    snapshots: Snapshots
    record: Record
    """Paths in it lead to the ingredients from the current folder."""


def snapshot_folder(output: Path) -> Path:
    """Where the snapshots of a painting are kept, beside it."""
    return output.parent / f"{output.name}.reelbrush"


def check_snapshot_folder(folder: Path, overwrite: bool) -> None:
    """Find out before anything is painted whether snapshots can be kept there.

    :raises OutputError: there is something already (and not `overwrite`), or nothing can be written.
    """
    if (folder.exists() or folder.is_symlink()) and not overwrite:
        raise OutputError(f"{folder}: this exists already. Choose another output, or replace it with --overwrite.")
    if folder.exists() and not (folder / INDEX).is_file():
        raise OutputError(
            f"{folder}: this holds something else than snapshots, which --overwrite would delete. Choose another "
            "output."
        )
    _refuse_foreign(folder)
    check_folder(folder.parent)


def _refuse_foreign(folder: Path) -> None:
    foreign = _FILES.foreign(folder)
    if foreign:
        raise OutputError(
            f"{folder}: this folder holds other files ({foreign[0].name}), which --overwrite would delete. Move them, "
            "or choose another output."
        )


def store_snapshots(folder: Path, snapshots: Snapshots, record: Record) -> None:
    """Keep snapshots in a folder, which appears when all of them are there; one with older snapshots is replaced.

    :raises OutputError: the disk is full, or the folder cannot be made, or holds what somebody else has put there.
    """
    _refuse_foreign(folder)
    part = hidden(folder, ".part")
    remove(part)  # left by a run that was killed
    try:
        part.mkdir()
        _write(part, snapshots, record.texts(folder / PAINTING))
        replace_folder(part, folder)
    except OSError as error:
        raise cannot_write(folder, error) from error
    finally:
        remove(part)


def _write(folder: Path, snapshots: Snapshots, texts: dict[str, str]) -> None:
    styles = [f"style_{number}.png" for number, _ in enumerate(snapshots.styles, 1)]
    taken = [(shot.step, f"step_{shot.step:06d}.png") for shot in snapshots.taken]
    for name, image in zip(styles, snapshots.styles, strict=True):
        write_picture(folder / name, image)
    for (_, name), shot in zip(taken, snapshots.taken, strict=True):
        write_picture(folder / name, shot.image)
    write_picture(folder / CONTENT, snapshots.content)
    write_picture(folder / PAINTING, snapshots.painting, metadata=texts)
    index = {
        "kind": _KIND,
        "styles": styles,
        "taken": taken,
        "steps": snapshots.steps,
        "losses": [(loss.step, loss.level, loss.total) for loss in snapshots.losses],
        "terms": [dict(loss.terms) for loss in snapshots.losses],
    }
    (folder / INDEX).write_text(json.dumps(index, indent=1) + "\n", encoding="utf-8")


def read_snapshots(folder: Path) -> StoredSnapshots:
    """The snapshots of a painting that was made with --keep.

    :param folder: as `snapshot_folder` names it, or the painting beside it.
    :raises StoreError: there are none, or they are damaged.
    """
    if not folder.is_dir() and snapshot_folder(folder).is_dir():
        folder = snapshot_folder(folder)
    index = _index(folder)
    try:
        snapshots = _snapshots(folder, index)
        texts = read_metadata(folder / PAINTING)
        record = read_record(folder / PAINTING)
    except (MediaError, ReplayError, _InvalidError, KeyError, ValueError, TypeError, AttributeError) as error:
        raise StoreError(
            f"{folder}: the snapshots are damaged, or were changed by another program ({error}). Paint the picture "
            "again with --keep."
        ) from error
    return StoredSnapshots(snapshots, _from_here(replace(record, about=texts.get("network", "")), folder))


def _index(folder: Path) -> Any:
    if not folder.exists():
        if address_text(folder):
            raise NoStoreError(no_file(folder))
        raise NoStoreError(f"{folder}: there is no such folder. {_ADVICE}")
    try:
        index = json.loads((folder / INDEX).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        if (folder / _FRAMES).is_dir():
            raise StoreError(
                f"{folder}: these are the frames of a video. A story shows how a picture is painted, step by step; "
                "'reelbrush compare' puts a video beside its painting."
            ) from None
        damaged = isinstance(error, ValueError)
        raise StoreError(
            f"{folder}: {f'{INDEX} is damaged' if damaged else 'no snapshots are kept there'}. {_ADVICE}"
        ) from None
    if not isinstance(index, dict) or index.get("kind") != _KIND:
        raise StoreError(f"{folder}: {INDEX} was not written by this version of Reelbrush. {_ADVICE}")
    return index


_ADVICE = "A picture that is painted with 'reelbrush image … -o OUT --keep' keeps its snapshots in OUT.reelbrush."


class _InvalidError(Exception):
    """A value is not what `store_snapshots` writes."""


def _snapshots(folder: Path, index: Any) -> Snapshots:
    painting = _picture(folder, PAINTING)
    taken = tuple(Snapshot(int(step), _picture(folder, name, painting)) for step, name in index["taken"])
    # Older snapshots know the sum alone.
    terms = index.get("terms", [{} for _ in index["losses"]])
    losses = tuple(
        Loss(int(step), int(level), float(total), {str(name): float(value) for name, value in one.items()})
        for (step, level, total), one in zip(index["losses"], terms, strict=True)
    )
    _in_order([shot.step for shot in taken])
    _in_order([loss.step for loss in losses], repeats=True)
    if not losses or not all(math.isfinite(value) for loss in losses for value in (loss.total, *loss.terms.values())):
        raise _InvalidError("its losses are none")
    styles = tuple(_picture(folder, name) for name in index["styles"])
    content = _picture(folder, CONTENT, painting)
    return Snapshots(content, styles, taken, painting, int(index["steps"]), losses)


def _picture(folder: Path, name: Any, like: Image | None = None) -> Image:
    """A picture of the folder, of the size of another one."""
    if not isinstance(name, str) or Path(name).name != name:
        raise _InvalidError(f"{name!r} is no name of a snapshot")
    image = read_picture(folder / name)
    if like is not None and image.shape != like.shape:
        raise _InvalidError(f"{name} has another size than {PAINTING}")
    return image


def _in_order(steps: Sequence[int], repeats: bool = False) -> None:
    ordered = sorted(steps if repeats else set(steps))
    if list(steps) != ordered or (ordered and ordered[0] < 0):
        raise _InvalidError("its steps are not in order")


def _from_here(record: Record, folder: Path) -> Record:
    """The record with paths that lead to its ingredients from where we are; a bare name where nothing is there."""

    def located(one: Ingredient) -> Ingredient:
        place = Path(os.path.normpath(real(folder / PAINTING).parent / one.path))
        with suppress(OSError):
            if near(real(folder / PAINTING).parent, place) and place.exists():
                return replace(one, path=place)
        return replace(one, path=Path(one.path.name))

    return record.located(located)
