"""`reelbrush panels`: content + style = painting, the figure at the top of a README or a paper."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.clip.find_inputs import find_ingredients
from pipeline.errors import UsageError
from pipeline.media import (
    Image,
    check_picture_output,
    read_picture,
    refuse_existing,
    refuse_same_file,
    resize,
    write_picture,
)
from pipeline.media.probe import check_there
from pipeline.pictures.canvas import Box, Canvas, beside, labelled, of_picture, stacked
from pipeline.pictures.fitting import at_height
from pipeline.pictures.frame_access import content_frame, middle_frame
from pipeline.pictures.jobs import PanelsJob
from pipeline.pictures.lettering import INK
from pipeline.types import OnCount

LOWEST, TALLEST = 240, 720
"""Height of the pictures in pixels, if nothing else is said: that of the painting within these..."""
MOST, MOST_ABOVE = 2400, 1280
"""... but so that the figure is no wider than this: side by side, and one above the other, where it is high as well."""
WIDE = 2.5
"""Shape (width / height) from which on pictures stand one above the other."""
FLAT = 1 / 4
"""Height of such pictures in widths of the widest one, at most: what is wide then stays the largest."""
SIGN = 0.13
"""Length of the bars of a sign, in heights of a picture."""
STROKE = 0.09
"""Their width, in lengths."""
AROUND = 0.085
"""Room on either side of a sign, in heights of a picture."""
MARGIN = 0.06
LETTERS = 0.055
SMALLEST = 12
"""Of the letters, in pixels."""
UNIT = 1 / 5
"""What all these are measured in where pictures stand one above the other, in widths of the widest one."""


@dataclass(frozen=True)
class Panels:
    """What was made."""

    width: int
    height: int
    sources: tuple[Path, ...]
    """Content, styles and painting."""
    notes: tuple[str, ...]


def run_panels(job: PanelsJob, on_count: OnCount) -> Panels:
    """Draw the figure and write it.

    :raises ReelbrushError: something cannot be read, is not where the painting says, or cannot be written.
    """
    if len(job.pictures) == 2:
        raise UsageError(
            "Two pictures are not enough: name CONTENT STYLE PAINTING, or the painting alone, which says what it was "
            "painted from."
        )
    for path in job.pictures:
        check_there(path)
        refuse_same_file(path, (job.output,))
    check_picture_output(job.output)
    on_count("Looking for content and style", 0, None)
    sources, pictures = _recorded(job) if len(job.pictures) == 1 else _named(job.pictures)
    for path in sources:
        refuse_same_file(path, (job.output,))
    refuse_existing(job.output, job.overwrite)
    painting = pictures[-1]
    labels = ("content", *["style"] * (len(pictures) - 2), "painting") if job.labels else ()
    wish = job.height or min(TALLEST, max(LOWEST, painting.shape[0]))
    figure = panels(pictures, wish, labels, None if job.height else MOST_ABOVE if _is_wide(pictures) else MOST)
    write_picture(job.output, figure, overwrite=job.overwrite)
    notes = () if _is_wide(pictures) or painting.shape[0] >= wish else (
        f"{sources[-1].name} is only {painting.shape[0]} pixels high; it is enlarged to {wish}.",
    )  # fmt: skip
    return Panels(figure.shape[1], figure.shape[0], sources, notes)


def panels(pictures: Sequence[Image], height: int, labels: Sequence[str] = (), most: int | None = None) -> Image:
    """Pictures on white paper, with '+' between them and '=' before the last one; uint8 (H, W, 3).

    They stand side by side at one height; where one of them is very wide, one above the other.

    :param height: of each picture, in pixels; of the widest, where they stand one above the other.
    :param labels: a line under each.
    :param most: width of the figure in pixels, for which the pictures are made less high; None: as wide as it gets.
    """
    if _is_wide(pictures):
        return _above(pictures, height, labels, most).pixels()
    figure = _beside(pictures, height, labels)
    while most is not None and figure.width > most and height > 1:
        height = min(height - 1, int(height * most / figure.width))
        figure = _beside(pictures, height, labels)
    return figure.pixels()


def _is_wide(pictures: Sequence[Image]) -> bool:
    """Whether pictures stand one above the other."""
    return any(picture.shape[1] > WIDE * picture.shape[0] for picture in pictures)


def _beside(pictures: Sequence[Image], height: int, labels: Sequence[str]) -> Canvas:
    """Side by side at one height."""
    around, margin = round(AROUND * height), round(MARGIN * height)
    cells = _cells([at_height(picture, height) for picture in pictures], labels, height)
    signs = [sign.centred(height, sign.width + 2 * around) for sign in _signs(len(cells), height)]
    return beside(_alternating(cells, signs)).padded(margin, margin, margin, margin)


def _above(pictures: Sequence[Image], height: int, labels: Sequence[str], most: int | None) -> Canvas:
    """One above the other: the wide ones at one width, others no higher than `FLAT` allows."""
    wide = round(height * max(picture.shape[1] / picture.shape[0] for picture in pictures))
    wide = wide if most is None else min(wide, most - 2 * round(MARGIN * 2 * height))
    highs = [round(wide * picture.shape[0] / picture.shape[1]) for picture in pictures]
    most_high, unit = round(FLAT * wide), round(UNIT * wide)
    resized = [resize(picture, wide, max(1, high)) if high <= most_high else at_height(picture, most_high)
               for picture, high in zip(pictures, highs, strict=True)]  # fmt: skip
    around, margin = round(AROUND * unit), round(MARGIN * unit)
    cells = [cell.centred(cell.height, max(wide, cell.width)) for cell in _cells(resized, labels, unit)]
    signs = [sign.centred(sign.height + 2 * around, wide) for sign in _signs(len(cells), unit)]
    return stacked(_alternating(cells, signs)).padded(margin, margin, margin, margin)


def _cells(pictures: Sequence[Image], labels: Sequence[str], unit: int) -> list[Canvas]:
    """Pictures with their labels; a narrow picture makes room for the word below it."""
    cells = [of_picture(picture) for picture in pictures]
    if not labels:
        return cells
    letters, gap = max(SMALLEST, round(LETTERS * unit)), round(MARGIN * unit) // 2
    return [labelled(cell, text, letters, gap) for cell, text in zip(cells, labels, strict=True)]


def _alternating(cells: Sequence[Canvas], signs: Sequence[Canvas]) -> list[Canvas]:
    """Cells with a sign after each but the last."""
    return [part for pair in zip(cells, signs, strict=False) for part in pair] + [cells[-1]]


def _signs(pictures: int, height: int) -> list[Canvas]:
    """What stands between so many pictures."""
    return [*[_sign("+", height)] * (pictures - 2), _sign("=", height)]


def _sign(sign: str, height: int) -> Canvas:
    """'+' or '=' of bars with round ends, between pictures of that height."""
    side = max(8, round(SIGN * height))
    bar = max(2, round(STROKE * side))
    side += (side - bar) % 2  # whole pixels on both sides of the middle: sharp edges
    high = (side - bar) // 2 if sign == "+" else round(0.33 * side - bar / 2)
    level = Box(0, high, side, bar, INK, radius=bar / 2)
    other = (
        Box(high, 0, bar, side, INK, radius=bar / 2)
        if sign == "+"
        else Box(0, side - high - bar, side, bar, INK, radius=bar / 2)
    )
    return Canvas(side, side, (level, other))


def _recorded(job: PanelsJob) -> tuple[tuple[Path, ...], list[Image]]:
    """Content, styles and painting by what the painting says."""
    result = job.pictures[0]
    origin = find_ingredients(result, job.search)
    if origin.notes or origin.source is None:
        raise UsageError(f"{origin.notes[0]} Or name all three: CONTENT STYLE PAINTING.")
    painting, number = middle_frame(result)
    content = content_frame(origin, number)
    assert content is not None
    styles = [read_picture(style) for style in origin.styles]
    return (origin.source, *origin.styles, result), [content, *styles, painting]


def _named(paths: Sequence[Path]) -> tuple[tuple[Path, ...], list[Image]]:
    return tuple(paths), [middle_frame(path)[0] for path in paths]
