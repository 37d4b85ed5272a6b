"""Which results a gallery shows: files, folders of results and batches, each with what it was painted from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from pipeline.batch.ledger import LEDGER, Ledger
from pipeline.batch.ledger_rows import State
from pipeline.clip.find_inputs import FoundIngredients, find_ingredients
from pipeline.clip.record_reading import read_record
from pipeline.errors import MediaError, ReplayError, UsageError
from pipeline.file_kind import no_file
from pipeline.media import FrameSource, Image, is_animated, open_source, read_picture
from pipeline.media.picture_sources import natural_key
from pipeline.media.suffixes import is_media_name
from pipeline.pictures.canvas import of_picture
from pipeline.pictures.caption import caption
from pipeline.pictures.frame_access import content_frame
from pipeline.text import first_of

EARLIER = "earlier"
"""Written on paintings of earlier commands."""


@dataclass(frozen=True)
class GalleryItem:
    """A result in a gallery."""

    path: Path
    source: FrameSource
    origin: FoundIngredients | None
    """None where it does not say how it was made."""
    mark: str = ""
    """What is written on it."""


def check_paths(paths: Sequence[Path]) -> None:
    """See that all that is named is there.

    :raises UsageError: it is not.
    """
    for path in paths:
        if not path.exists():
            raise UsageError(no_file(path, "file or folder"))


def find_gallery_items(
    paths: Sequence[Path], output: Path, search: Path | None = None, insets: bool = True
) -> tuple[list[GalleryItem], list[str]]:
    """The results that are meant, each once, in order; and what a person should know of the choice.

    A batch's folder gives its finished paintings in the order of the batch, and after them, marked so, those of earlier
    commands that the last one leaves out. Another folder gives what was painted of the files in it, in natural order,
    or everything, if none of them says how it was made; a GIF beside a video and the story of a picture are the same
    painting once more. A folder of frame_000001.png and so on is one result. What cannot be read is left out, but where
    it is named itself.

    :param output: the gallery, which is none of them.
    :param search: a folder to look in for inputs and styles that are not where they were.
    :param insets: whether these matter: something may be missing among them.
    :raises MediaError: a file that is named cannot be read.
    :raises UsageError: a file or folder is not there, or nothing can be shown.
    """
    candidates: list[GalleryItem] = []
    finder = _ItemFinder(search)
    check_paths(paths)
    for path in paths:
        if not path.is_dir() or next(path.glob("frame_*.png"), None) is not None:
            candidates.append(finder.open_item(path))
        elif (path / LEDGER).is_file():
            candidates += finder.of_batch(path)
        else:
            candidates += finder.of_folder(path, output)
    if not candidates:
        raise UsageError(f"There is nothing to show: none of it can be read. {next(iter(finder.damaged.values()))}")
    first: dict[Path, GalleryItem] = {}
    for one in candidates:
        first.setdefault(one.path.resolve(), one)
    items = list(first.values())
    said = [*_earlier_notes(finder.earlier), *_damaged_notes(finder.damaged)]
    return items, [*said, *(_missing_notes(items) if insets else ())]


def inset_pictures(one: GalleryItem, frame: int) -> list[Image]:
    """What frame `frame` of a result was painted from, and the styles, as far as they are there."""
    if one.origin is None:
        return []
    content = content_frame(one.origin, frame)
    return [*([] if content is None else [content]), *(read_picture(style) for style in one.origin.styles)]


def marked(image: Image, text: str) -> Image:
    """A picture, uint8 (H, W, 3), with that written into its lower right corner; itself where it is ''."""
    if not text:
        return image
    return of_picture(image).with_marks(caption(text, image.shape[0], image.shape[1], right=True)).pixels()


class _ItemFinder:
    """Opens results, and keeps account of those that cannot be opened."""

    def __init__(self, search: Path | None) -> None:
        self._search = search
        self.damaged: dict[Path, MediaError] = {}
        """What was left out, and why."""
        self.earlier: list[Path] = []
        """Of batches, what earlier commands have painted and the last one leaves out."""

    def open_item(self, path: Path) -> GalleryItem:
        """A result. Raises a MediaError where it cannot be read."""
        source = open_source(path)
        try:
            return GalleryItem(path, source, find_ingredients(path, self._search))
        except ReplayError:
            return GalleryItem(path, source, None)

    def of_batch(self, folder: Path) -> list[GalleryItem]:
        """Its finished paintings."""
        with closing(Ledger(folder)) as ledger:
            rows, earlier = ledger.items(), ledger.earlier()
        # A folder that has been moved keeps its paintings: their names count from it.
        done = [folder / row.name for row in rows if row.state is State.DONE]
        there = [path for path in done if path.exists()]
        if not there and not earlier:
            raise UsageError(f"{folder}: nothing of this batch is finished yet. 'reelbrush status' says how far it is.")
        old = [replace(one, mark=EARLIER) for one in self._readable(folder / row.name for row in earlier)]
        self.earlier += [one.path for one in old]
        return [*self._readable(there), *old]

    def of_folder(self, folder: Path, output: Path) -> list[GalleryItem]:
        """What was painted of the files in it, or all of them."""
        entries = [path for path in folder.iterdir() if not path.name.startswith(".") and is_media_name(path)]
        files = sorted(
            (path for path in entries if path.is_file() and path.resolve() != output.resolve()), key=natural_key
        )
        if not files:
            raise UsageError(f"{folder}: there is no picture and no video in this folder.")
        painted: dict[tuple[object, ...], list[Path]] = {}
        for path in files:
            try:
                record = read_record(path)
            except ReplayError:
                continue
            except MediaError as error:
                self.damaged[path] = error
                continue
            key = (record.kind, record.source.sha256, record.settings, record.frames, record.rate, record.digest,
                   *((style.sha256, style.weight) for style in record.styles))  # fmt: skip
            painted.setdefault(key, []).append(path)
            # The painting itself first, and what shows it once more after it: its story, or the GIF beside it.
            painted[key].sort(key=lambda one: _beside(one, record.kind))
        if not painted:
            return list(self._readable(path for path in files if path not in self.damaged))
        chosen = [next(self._readable(paths), None) for paths in painted.values()]
        return sorted((one for one in chosen if one is not None), key=lambda one: natural_key(one.path))

    def _readable(self, paths: Iterable[Path]) -> Iterator[GalleryItem]:
        """Those that can be opened."""
        for path in paths:
            try:
                yield self.open_item(path)
            except MediaError as error:
                self.damaged[path] = error


def _beside(path: Path, kind: str) -> bool:
    if kind == "picture":
        try:
            return is_animated(path)
        except MediaError:  # a video
            return True
    return path.suffix.lower() == ".gif"


def _damaged_notes(damaged: Mapping[Path, MediaError]) -> list[str]:
    return [f"Left out, because it cannot be read: {first_of([path.name for path in damaged])}."] if damaged else []


def _earlier_notes(earlier: Sequence[Path]) -> list[str]:
    if not earlier:
        return []
    return [f"Painted by earlier commands and left out of the last one: {first_of([path.name for path in earlier])}."]


def _missing_notes(items: Sequence[GalleryItem]) -> list[str]:
    silent = [one.path.name for one in items if one.origin is None]
    lost = [one.path.name for one in items if one.origin is not None and one.origin.notes]
    notes = []
    if silent:
        notes.append(f"Shown without insets, because nothing tells how it was made: {first_of(silent)}.")
    if lost:
        notes.append(
            f"Some insets are missing: it is not known where all inputs and styles of {first_of(lost)} are. --search "
            "FOLDER looks for them there and below."
        )
    return notes
