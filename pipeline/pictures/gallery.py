"""`reelbrush gallery`: many results on one contact sheet, or one after the other in an animation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from pipeline.clip.find_inputs import check_search
from pipeline.errors import UsageError
from pipeline.media import Image, check_output, refuse_existing, refuse_same_file, write_picture
from pipeline.media.sink import SUFFIXES
from pipeline.media.suffixes import WRITABLE
from pipeline.pictures.canvas import Canvas, Picture
from pipeline.pictures.fitting import cropped
from pipeline.pictures.frame_access import frame_at, middle_number
from pipeline.pictures.gallery_items import (
    GalleryItem,
    check_paths,
    find_gallery_items,
    inset_pictures,
    marked,
)
from pipeline.pictures.insets import with_insets
from pipeline.pictures.jobs import GalleryJob
from pipeline.pictures.justified_grid import place_rows, sheet_width, shown_aspect, split_into_rows
from pipeline.pictures.slideshow import write_slideshow
from pipeline.text import first_of
from pipeline.types import OnCount


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
    check_paths(job.paths)
    check_search(job.search)
    check_output(job.output)
    on_count("Looking for results", 0, None)
    items, notes = find_gallery_items(job.paths, job.output, job.search, job.insets)
    for one in items:
        used = () if one.origin is None or one.origin.source is None else (one.origin.source, *one.origin.styles)
        for path in (one.path, *used):
            # A gallery may well lie in a folder of results, but not among the frames of one.
            refuse_same_file(path, (job.output,))
    refuse_existing(job.output, job.overwrite)
    if moving:
        slideshow = write_slideshow(job.output, items, job.size, job.insets, job.max_bytes, on_count)
        return Gallery(slideshow.width, slideshow.height, len(items), (*notes, *slideshow.notes))
    picture = _sheet(job, items, on_count)
    write_picture(job.output, picture, overwrite=job.overwrite)
    return Gallery(picture.shape[1], picture.shape[0], len(items), (*notes, *_cropped_notes(items)))


def _sheet(job: GalleryJob, items: Sequence[GalleryItem], on_count: OnCount) -> Image:
    infos = [one.source.info for one in items]
    aspects = [shown_aspect(info.width, info.height) for info in infos]
    rows = split_into_rows(aspects, 1 if job.columns else _group_size(items), job.columns)
    width = job.size or sheet_width(aspects, [info.height for info in infos], rows)
    places, height = place_rows(aspects, rows, width)
    pictures = []
    for number, (one, (x, y, wide, high)) in enumerate(zip(items, places, strict=True), 1):
        frame = middle_number(one.source)
        picture = cropped(frame_at(one.source, frame), wide, high)
        picture = with_insets(picture, inset_pictures(one, frame) if job.insets else [])
        pictures.append(Picture(marked(picture, one.mark), x, y))
        on_count("Drawing the sheet", number, len(items))
    return Canvas(height, width, tuple(pictures)).pixels()


def _group_size(items: Sequence[GalleryItem]) -> int:
    """How many results stand beside each other: the styles of each input, where results come so."""
    inputs = [one.origin and one.origin.record.source.sha256 for one in items]
    runs = [len(list(run)) for _, run in groupby(inputs)]
    return runs[0] if None not in inputs and runs[0] <= 6 and len(set(runs)) == 1 and len(runs) > 1 else 1


def _cropped_notes(items: Sequence[GalleryItem]) -> list[str]:
    """Whose middle alone is shown."""
    infos = [one.source.info for one in items]
    names = [
        info.path.name for info in infos if abs(shown_aspect(info.width, info.height) - info.width / info.height) > 0.1
    ]
    return [f"Very wide and very high results show their middle alone: {first_of(names)}."] if names else []
