"""`reelbrush panels`: content + style = painting, the figure at the top of a README or a paper."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from pipeline.clip.find_inputs import find_ingredients
from pipeline.errors import UsageError
from pipeline.media import Image, check_picture_output, read_picture, refuse_same_file, resize, write_picture
from pipeline.media.lettering import INK, PAPER, text_size, write
from pipeline.pictures.frame_access import content_frame, middle_frame
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
SHARP = 8
"""A sign is drawn so many times larger, and shrunk: fine edges."""
Sign = Literal["+", "="]


@dataclass(frozen=True)
class PanelsJob:
    """What to show, and where to put it."""

    pictures: Sequence[Path]
    """Content, styles and painting; or the painting alone, which says what it was painted from."""
    output: Path
    height: int | None = None
    """Of the pictures in pixels; None: that of the painting, within limits."""
    labels: bool = False
    """Whether it is said under each picture what it is."""
    search: Path | None = None
    """A folder to look in for content and style of a painting that stands alone."""
    overwrite: bool = False


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
    check_picture_output(job.output, job.overwrite)
    for path in job.pictures:
        refuse_same_file(path, (job.output,))
    on_count("Looking for content and style", 0, None)
    sources, shown = _found(job) if len(job.pictures) == 1 else _named(job.pictures)
    for path in sources:
        refuse_same_file(path, (job.output,))
    painting = shown[-1]
    names = ("content", *["style"] * (len(shown) - 2), "painting") if job.labels else ()
    wish = job.height or min(TALLEST, max(LOWEST, painting.shape[0]))
    figure = panels(shown, wish, names, None if job.height else MOST_ABOVE if is_wide(shown) else MOST)
    write_picture(job.output, figure, overwrite=job.overwrite)
    notes = () if is_wide(shown) or painting.shape[0] >= wish else (
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
    if is_wide(pictures):
        return _above(pictures, height, labels, most)
    figure = _beside(pictures, height, labels)
    while most is not None and figure.shape[1] > most and height > 1:
        height = min(height - 1, int(height * most / figure.shape[1]))
        figure = _beside(pictures, height, labels)
    return figure


def is_wide(pictures: Sequence[Image]) -> bool:
    """Whether pictures stand one above the other."""
    return any(picture.shape[1] > WIDE * picture.shape[0] for picture in pictures)


def _beside(pictures: Sequence[Image], height: int, labels: Sequence[str]) -> Image:
    """Side by side at one height."""
    shown = [_high(picture, height) for picture in pictures]
    around, margin, size = round(AROUND * height), round(MARGIN * height), max(SMALLEST, round(LETTERS * height))
    # A narrow picture makes room for the word below it.
    cells = [max(wide, said) for wide, said in zip((one.shape[1] for one in shown), _widths(labels, shown, size),
                                                   strict=True)]  # fmt: skip
    signs = _signs(len(shown), height)
    width = 2 * margin + sum(cells) + sum(2 * around + sign.shape[1] for sign in signs)
    under = margin // 2 + text_size("", size)[0] if labels else 0
    paper = _paper(height + 2 * margin + under, width)
    x = margin
    for number, (picture, cell) in enumerate(zip(shown, cells, strict=True)):
        _put(paper, picture, x + (cell - picture.shape[1]) // 2, margin)
        if number < len(labels):
            paper = _written(paper, labels[number], x, cell, margin + height + margin // 2, size)
        x += cell + around
        if number < len(signs):
            _put(paper, signs[number], x, margin + (height - signs[number].shape[0]) // 2)
            x += signs[number].shape[1] + around
    return paper


def _above(pictures: Sequence[Image], height: int, labels: Sequence[str], most: int | None) -> Image:
    """One above the other: the wide ones at one width, others no higher than `FLAT` allows."""
    margin = round(MARGIN * 2 * height)
    wide = round(height * max(picture.shape[1] / picture.shape[0] for picture in pictures))
    wide = wide if most is None else min(wide, most - 2 * margin)
    highs = [round(wide * picture.shape[0] / picture.shape[1]) for picture in pictures]
    most_high = round(FLAT * wide)
    shown = [resize(picture, wide, max(1, high)) if high <= most_high else _high(picture, most_high)
             for picture, high in zip(pictures, highs, strict=True)]  # fmt: skip
    unit = round(UNIT * wide)
    around, margin, size = round(AROUND * unit), round(MARGIN * unit), max(SMALLEST, round(LETTERS * unit))
    signs = _signs(len(shown), unit)
    line = margin // 2 + text_size("", size)[0] if labels else 0
    high = 2 * margin + sum(picture.shape[0] + line for picture in shown)
    paper = _paper(high + sum(2 * around + sign.shape[0] for sign in signs), wide + 2 * margin)
    y = margin
    for number, picture in enumerate(shown):
        _put(paper, picture, margin + (wide - picture.shape[1]) // 2, y)
        y += picture.shape[0]
        if number < len(labels):
            paper = _written(paper, labels[number], margin, wide, y + margin // 2, size)
        y += line + around
        if number < len(signs):
            _put(paper, signs[number], margin + (wide - signs[number].shape[1]) // 2, y)
            y += signs[number].shape[0] + around
    return paper


def _high(picture: Image, height: int) -> Image:
    return resize(picture, max(1, round(picture.shape[1] * height / picture.shape[0])), height)


def _paper(height: int, width: int) -> Image:
    paper = np.empty((height, width, 3), np.uint8)
    paper[:] = PAPER
    return paper


def _put(paper: Image, picture: Image, x: int, y: int) -> None:
    paper[y : y + picture.shape[0], x : x + picture.shape[1]] = picture


def _widths(labels: Sequence[str], pictures: Sequence[Image], size: int) -> list[int]:
    """Pixels that the word under each picture takes."""
    return [text_size(text, size)[1] for text in labels] if labels else [0] * len(pictures)


def _written(paper: Image, text: str, x: int, width: int, y: int, size: int) -> Image:
    """A word in the middle of so many pixels; what was written on stays as it is."""
    return np.array(write(paper, text, x + (width - text_size(text, size)[1]) // 2, y, size))


def _found(job: PanelsJob) -> tuple[tuple[Path, ...], list[Image]]:
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


def _signs(pictures: int, height: int) -> list[Image]:
    """What stands between so many pictures."""
    return [*[_sign("+", height)] * (pictures - 2), _sign("=", height)]


def _sign(sign: Sign, height: int) -> Image:
    """Bars with round ends, uint8 (n, n, 3) on paper."""
    side = max(8, round(SIGN * height))
    if sign == "+":
        ink = np.maximum(_bar(side, 0.5), _bar(side, 0.5).T)
    else:
        ink = np.maximum(_bar(side, 0.33), _bar(side, 0.67))
    paper, dark = np.array(PAPER, np.float32), np.array(INK, np.float32)
    return np.asarray(np.rint(paper + ink[..., None] * (dark - paper)), np.uint8)


def _bar(side: int, place: float) -> npt.NDArray[np.float32]:
    """A level bar across a square at `place` of its height: coverage of each pixel, 0 to 1."""
    fine = side * SHARP
    y, x = np.mgrid[0:fine, 0:fine] + 0.5
    radius = STROKE * fine / 2
    nearest = np.clip(x, radius, fine - radius)
    inside = (x - nearest) ** 2 + (y - place * fine) ** 2 <= radius**2
    return np.asarray(inside.reshape(side, SHARP, side, SHARP).mean((1, 3)), np.float32)
