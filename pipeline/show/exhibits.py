"""Which results a gallery shows: files, folders of results and batches, each with what it was painted from."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import MediaError, ReplayError, UsageError
from pipeline.job.batch.ledger import LEDGER, Ledger
from pipeline.job.batch.rows import State
from pipeline.job.origin import Origin, origin_of
from pipeline.job.recorded import read_record
from pipeline.media import Image, is_animated, read_picture
from pipeline.media.endings import is_media_name
from pipeline.media.picture_sources import natural_key
from pipeline.show.moment import painted_from


@dataclass(frozen=True)
class Exhibit:
    """A result in a gallery."""

    path: Path
    origin: Origin | None
    """None where it does not say how it was made."""


def find_exhibits(paths: Sequence[Path], output: Path, search: Path | None = None) -> tuple[list[Exhibit], list[str]]:
    """The results that are meant, each once, in order; and what a person should know of the choice.

    A batch's folder gives its finished paintings in the order of the batch. Another folder gives what was painted of
    the files in it, in natural order, or everything, if none of them says how it was made; a GIF beside a video and
    the story of a picture are the same painting once more. A folder of frame_000001.png and so on is one result.

    :param output: the gallery, which is none of them.
    :param search: a folder to look in for inputs and styles that are not where they were.
    :raises UsageError: a file or folder is not there, or nothing can be shown.
    """
    found: list[Exhibit] = []
    for path in paths:
        if not path.exists():
            raise UsageError(f"{path}: there is no such file or folder. Look at how it is spelt.")
        if not path.is_dir() or next(path.glob("frame_*.png"), None) is not None:
            found.append(_exhibit(path, search))
        elif (path / LEDGER).is_file():
            found += [_exhibit(result, search) for result in _of_batch(path)]
        else:
            found += _of_folder(path, output, search)
    first: dict[Path, Exhibit] = {}
    for one in found:
        first.setdefault(one.path.resolve(), one)
    return list(first.values()), _notes(list(first.values()))


def insets_of(one: Exhibit, frame: int) -> list[Image]:
    """What frame `frame` of a result was painted from, and the styles, as far as they are there."""
    if one.origin is None:
        return []
    content = painted_from(one.origin, frame)
    return [*([] if content is None else [content]), *(read_picture(style) for style in one.origin.styles)]


def _exhibit(path: Path, search: Path | None) -> Exhibit:
    try:
        return Exhibit(path, origin_of(path, search))
    except ReplayError:
        return Exhibit(path, None)


def _of_batch(folder: Path) -> list[Path]:
    with closing(Ledger(folder)) as ledger:
        rows = ledger.items()
    # A folder that has been moved keeps its paintings: their names count from it.
    done = [folder / row.name for row in rows if row.state is State.DONE]
    there = [path for path in done if path.exists()]
    if not there:
        raise UsageError(f"{folder}: nothing of this batch is finished yet. 'reelbrush status' says how far it is.")
    return there


def _of_folder(folder: Path, output: Path, search: Path | None) -> list[Exhibit]:
    entries = [path for path in folder.iterdir() if not path.name.startswith(".") and is_media_name(path)]
    files = sorted((path for path in entries if path.is_file() and path.resolve() != output.resolve()), key=natural_key)
    if not files:
        raise UsageError(f"{folder}: there is no picture and no video in this folder.")
    painted: dict[tuple[object, ...], Path] = {}
    for path in files:
        try:
            record = read_record(path)
        except (ReplayError, MediaError):
            continue
        key = (record.kind, record.source.sha256, record.settings, record.frames, record.rate, record.digest,
               *((style.sha256, style.weight) for style in record.styles))  # fmt: skip
        other = painted.get(key)
        if other is None or _plainer(path, other, record.kind):
            painted[key] = path
    chosen = sorted(painted.values(), key=natural_key) or files
    return [_exhibit(path, search) for path in chosen]


def _plainer(path: Path, other: Path, kind: str) -> bool:
    """Whether `path` is the painting itself, and `other` its story or the GIF beside it."""
    return _beside(other, kind) and not _beside(path, kind)


def _beside(path: Path, kind: str) -> bool:
    if kind == "picture":
        try:
            return is_animated(path)
        except MediaError:  # a video
            return True
    return path.suffix.lower() == ".gif"


def _notes(exhibits: Sequence[Exhibit]) -> list[str]:
    silent = [one.path.name for one in exhibits if one.origin is None]
    lost = [one.path.name for one in exhibits if one.origin is not None and one.origin.notes]
    notes = []
    if silent:
        notes.append(f"Shown without insets, because nothing tells how it was made: {_some(silent)}.")
    if lost:
        notes.append(
            f"Missing among the insets, because it is not where it was: something of {_some(lost)}. Name a folder that "
            "holds it with --search FOLDER."
        )
    return notes


def _some(names: Sequence[str]) -> str:
    """'a.png', or 'a.png and 3 more'."""
    return names[0] + (f" and {len(names) - 1} more" if len(names) > 1 else "")
