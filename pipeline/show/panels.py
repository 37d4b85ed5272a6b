"""`reelbrush panels`: content + style = painting, the figure at the top of a README or a paper."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from pipeline.errors import UsageError
from pipeline.job.origin import origin_of
from pipeline.media import Image, check_picture_output, read_picture, refuse_same_file, resize, write_picture
from pipeline.media.lettering import INK, PAPER, shortened_to, text_size, write
from pipeline.show.moment import moment, painted_from

LOWEST, TALLEST = 240, 720
"""Height of the pictures in pixels, if nothing else is said: that of the painting within these."""
SIGN = 0.13
"""Length of the bars of a sign, in heights of a picture."""
STROKE = 0.09
"""Their width, in lengths."""
AROUND = 0.085
"""Room on either side of a sign, in heights of a picture."""
MARGIN = 0.06
LETTERS = 0.055
SHARP = 8
"""A sign is drawn so many times larger, and shrunk: fine edges."""
Sign = Literal["+", "="]


OnCount = Callable[[str, int, "int | None"], None]
"""What is being done, how much of it is done, and how much there is, if that is known."""


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
    height = job.height or min(TALLEST, max(LOWEST, painting.shape[0]))
    names = ("content", *["style"] * (len(shown) - 2), "painting") if job.labels else ()
    figure = panels(shown, height, names)
    write_picture(job.output, figure, overwrite=job.overwrite)
    notes = () if painting.shape[0] >= height else (
        f"{sources[-1].name} is only {painting.shape[0]} pixels high; it is enlarged to {height}.",
    )  # fmt: skip
    return Panels(figure.shape[1], figure.shape[0], sources, notes)


def panels(pictures: Sequence[Image], height: int, labels: Sequence[str] = ()) -> Image:
    """Pictures at one height on white paper, with '+' between them and '=' before the last one; uint8 (H, W, 3).

    :param height: of each picture, in pixels.
    :param labels: a line under each.
    """
    shown = [resize(picture, max(1, round(picture.shape[1] * height / picture.shape[0])), height)
             for picture in pictures]  # fmt: skip
    around, margin, size = round(AROUND * height), round(MARGIN * height), max(12, round(LETTERS * height))
    signs = [_sign("+", height)] * (len(shown) - 2) + [_sign("=", height)]
    width = 2 * margin + sum(picture.shape[1] for picture in shown) + sum(2 * around + sign.shape[1] for sign in signs)
    under = margin // 2 + text_size("", size)[0] if labels else 0
    paper = np.empty((height + 2 * margin + under, width, 3), np.uint8)
    paper[:] = PAPER
    x = margin
    places = []
    for number, picture in enumerate(shown):
        paper[margin : margin + height, x : x + picture.shape[1]] = picture
        places.append((x, picture.shape[1]))
        x += picture.shape[1] + around
        if number < len(signs):
            sign = signs[number]
            y = margin + (height - sign.shape[0]) // 2
            paper[y : y + sign.shape[0], x : x + sign.shape[1]] = sign
            x += sign.shape[1] + around
    for text, (left, wide) in zip(labels, places, strict=False):
        said = shortened_to(text, wide, size)
        middle = left + (wide - text_size(said, size)[1]) // 2
        paper = write(paper, said, middle, margin + height + margin // 2, size)
    return paper


def _found(job: PanelsJob) -> tuple[tuple[Path, ...], list[Image]]:
    """Content, styles and painting by what the painting says."""
    result = job.pictures[0]
    origin = origin_of(result, job.search)
    if origin.notes or origin.source is None:
        raise UsageError(f"{origin.notes[0]} Or name all three: CONTENT STYLE PAINTING.")
    painting, number = moment(result)
    content = painted_from(origin, number)
    assert content is not None
    styles = [read_picture(style) for style in origin.styles]
    return (origin.source, *origin.styles, result), [content, *styles, painting]


def _named(paths: Sequence[Path]) -> tuple[tuple[Path, ...], list[Image]]:
    return tuple(paths), [moment(path)[0] for path in paths]


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
