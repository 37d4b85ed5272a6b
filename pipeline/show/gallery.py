"""`reelbrush gallery`: many results on one contact sheet, or one after the other in an animation."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np

from pipeline.errors import UsageError
from pipeline.media import (
    Image,
    check_output,
    check_picture_output,
    refuse_same_file,
    resize,
    write_picture,
)
from pipeline.media.lettering import PAPER
from pipeline.media.sink import SUFFIXES
from pipeline.media.writing import WRITABLE
from pipeline.show.exhibits import Exhibit, find_exhibits, insets_of
from pipeline.show.insets import with_insets
from pipeline.show.moment import frame_at, middle
from pipeline.show.reel import write_reel

SHEET = 1600
"""Width of a sheet in pixels, if nothing else is said; less where results would have to be enlarged."""
SHEET_SHAPE = 1.5
"""Width of a sheet in heights, about, where nothing says how many columns there are."""
GAP = 1 / 160
"""Between pictures of a sheet and around them, in its widths."""
OnCount = Callable[[str, int, "int | None"], None]
"""What is being done, how much of it is done, and how much there is, if that is known."""


@dataclass(frozen=True)
class GalleryJob:
    """What to show, and where to put it."""

    paths: Sequence[Path]
    """Results, folders of them, folders of batches."""
    output: Path
    """A picture becomes a contact sheet, a GIF or a video an animation."""
    insets: bool = True
    """Whether content and styles are shown small in a corner of each."""
    columns: int | None = None
    """Of a sheet; None: as many as there are styles in a batch, or what makes it half as wide again as high."""
    size: int | None = None
    """Width of a sheet, longest side of an animation, in pixels."""
    search: Path | None = None
    overwrite: bool = False
    max_bytes: int | None = None
    """What an animation may take."""


@dataclass(frozen=True)
class Gallery:
    """What was made."""

    width: int
    height: int
    results: int
    notes: tuple[str, ...]


def run_gallery(job: GalleryJob, on_count: OnCount) -> Gallery:
    """Find the results and show them.

    :raises ReelbrushError: there are none, one cannot be read, or the gallery cannot be written.
    """
    moving = job.output.suffix.lower() in SUFFIXES
    if not moving and job.output.suffix.lower() not in WRITABLE:
        raise UsageError(
            f"{job.output}: a gallery is a picture ({', '.join(WRITABLE)}) or an animation ({', '.join(SUFFIXES)}). "
            "Choose such a name."
        )
    if moving and job.columns:
        raise UsageError("An animation shows one result after the other and has no columns. Leave out --columns.")
    if not moving and job.max_bytes is not None:
        raise UsageError(
            "--max-bytes chooses frames, colours and size of an animation, and a sheet is one picture. Make it smaller "
            "with --size, or choose a name that ends in .jpg."
        )
    (check_output if moving else check_picture_output)(job.output, job.overwrite)
    on_count("Looking for results", 0, None)
    exhibits, notes = find_exhibits(job.paths, job.output, job.search, job.insets)
    for one in exhibits:
        used = () if one.origin is None or one.origin.source is None else (one.origin.source, *one.origin.styles)
        for path in (one.path, *used):
            # A gallery may well lie in a folder of results, but not among the frames of one.
            refuse_same_file(path, (job.output,))
    if moving:
        reel = write_reel(job.output, exhibits, job.size, job.insets, job.max_bytes, on_count)
        return Gallery(reel.width, reel.height, len(exhibits), (*notes, *reel.notes))
    picture = _sheet(job, exhibits, on_count)
    write_picture(job.output, picture, overwrite=job.overwrite)
    return Gallery(picture.shape[1], picture.shape[0], len(exhibits), tuple(notes))


def _sheet(job: GalleryJob, exhibits: Sequence[Exhibit], on_count: OnCount) -> Image:
    sources = [one.source for one in exhibits]
    shapes = [source.info.width / source.info.height for source in sources]
    columns = min(len(exhibits), job.columns or _columns(exhibits, shapes))
    widths = [source.info.width for source in sources]
    width = job.size or min(SHEET, max(sum(widths[k : k + columns]) for k in range(0, len(widths), columns)))
    places, height = places_of(shapes, columns, width)
    paper = np.empty((height, width, 3), np.uint8)
    paper[:] = PAPER
    for number, (one, source, place) in enumerate(zip(exhibits, sources, places, strict=True)):
        x, y, wide, high = place
        frame = middle(source)
        picture = resize(frame_at(source, frame), wide, high)
        paper[y : y + high, x : x + wide] = with_insets(picture, insets_of(one, frame) if job.insets else [])
        on_count("Hanging", number + 1, len(exhibits))
    return paper


Place = tuple[int, int, int, int]
"""x, y, width and height in pixels."""


def places_of(shapes: Sequence[float], columns: int, width: int) -> tuple[list[Place], int]:
    """Where pictures stand in rows that are all as wide as the sheet, and how high that makes it.

    Pictures of a row are equally high and keep their proportions. A last row that is not full is as high as the one
    before it.

    :param shapes: width / height of each.
    """
    gap = max(2, round(GAP * width))
    places: list[Place] = []
    y, high = gap, 0
    for first in range(0, len(shapes), columns):
        row = shapes[first : first + columns]
        room = width - gap * (len(row) + 1)
        full = round(room / sum(row))
        high = max(1, min(high, full) if len(row) < columns and high else full)
        x = gap
        for number, shape in enumerate(row):
            last = number == len(row) - 1 and high == full
            wide = max(1, width - gap - x if last else round(shape * high))
            places.append((x, y, wide, high))
            x += wide + gap
        y += high + gap
    return places, y


def _columns(exhibits: Sequence[Exhibit], shapes: Sequence[float]) -> int:
    """The styles of each input in a row, where results come so; else what gives a sheet its proportions."""
    inputs = [one.origin and one.origin.record.source.sha256 for one in exhibits]
    runs = [len(list(run)) for _, run in groupby(inputs)]
    if None not in inputs and 1 < runs[0] <= 6 and len(set(runs)) == 1 and len(runs) > 1:
        return runs[0]
    return max(1, min(len(shapes), round(math.sqrt(SHEET_SHAPE * len(shapes) / (sum(shapes) / len(shapes))))))
