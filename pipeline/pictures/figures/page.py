"""What all figures share: pictures read at a size, cells large enough for print, and the file at the end."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from pipeline.errors import MediaError, OutputNameError
from pipeline.media import (
    Image,
    check_output,
    fit_size,
    read_picture,
    refuse_existing,
    refuse_same_file,
    resize,
    write_picture,
)
from pipeline.media.probe import check_readable
from pipeline.media.suffixes import WRITABLE
from pipeline.pictures.canvas import Canvas, Line, Text, paragraph, stacked
from pipeline.pictures.fitting import contained
from pipeline.pictures.lettering import text_size, wrapped

DOTS = 300
"""An inch in print, as the file says."""
LETTERS, SMALLEST = 1 / 55, 18
"""Height of the letters, in widths of all cells of a row together, and in pixels at least: a figure that is 15 cm wide
in print has letters of 7 points, and on a page of the web it is as wide as the text."""
CHARACTERS = 5
"""A cell is at least so many heights of the letters wide, however many there are in a row."""
LONGEST = 4096
"""Of a picture that is enlarged because it is narrow, in pixels."""
PANORAMA = 1.4
"""Width of a style beside its content in longest sides of the content, at most."""


def read_resized(path: Path, size: int, least: int = 1) -> tuple[Image, tuple[str, ...]]:
    """The picture, uint8 (H, W, 3), its longer side `size` pixels at most, but its shorter one `least` in any case.

    Returns it with a note where that made it larger.

    :raises MediaError: it cannot be read, or is too narrow for that.
    """
    image = read_picture(path)
    width, height = fit_size(image.shape[1], image.shape[0], size)
    if min(width, height) >= least:
        return resize(image, width, height), ()
    short, long = min(image.shape[:2]), max(image.shape[:2])
    longest = max(least, round(least * long / short))
    if longest > LONGEST:
        raise MediaError(
            f"{path}: a picture of {image.shape[1]}x{image.shape[0]} pixels is too narrow. The layers that are asked "
            f"for need {least} on its shorter side, and it would be {longest} long then. Cut a piece out of it, or "
            "name lower layers."
        )
    wide, high = (least, longest) if width <= height else (longest, least)
    note = (
        f"{path.name} is looked at at {wide}x{high} pixels, not at {width}x{height}: the deepest layer needs {least} "
        "on the shorter side."
    )
    return resize(image, wide, high), (note,)


def for_print(image: Image, longest: int) -> Image:
    """A picture whose longer side is `longest` pixels or more: enlarged smoothly where it is smaller."""
    side = max(image.shape[:2])
    return image if side >= longest else resize(image, *fit_size(image.shape[1], image.shape[0], longest, upscale=True))


def beside_content(style: Image, content: Image) -> Image:
    """A style as high as the content it is shown with, or lower where it would be wider than all else."""
    height, width = content.shape[:2]
    return contained(style, round(max(width, PANORAMA * height)), height)


def letter_size(row: int, cell: int) -> int:
    """Height of the letters in pixels, where the cells of a row are `row` pixels wide together, and one is `cell`."""
    return max(SMALLEST, min(round(LETTERS * row), cell // CHARACTERS))


def with_footer(page: Canvas, text: str, letters: int) -> Canvas:
    """A page with a paragraph under its pictures, from the left edge of the first to the right edge of the last."""
    left, _, right, _ = page.reach
    return stacked([page, paragraph(text, right - left, letters).padded(left, letters // 2, 0, letters // 2)])


def axis(text: str, length: int, letters: int, down: bool = False) -> Canvas:
    """An arrow of so many pixels with a text along its outer side: to the right, or downward.

    The text is in as many lines as it takes. The arrow is made of the canvas's own marks and not Matplotlib's, as it
    stands among pictures and becomes pixels with them.
    """
    line_height, room, width = text_size("", letters)[0], letters, letters / 12
    lines = wrapped(text, length, letters)
    thick = len(lines) * line_height + room
    head = letters / 3
    # Of the arrow, from the outer edge; its head reaches half a line width further than its points.
    at, tip = thick - room / 2, length - width
    arrow = (
        Line(((width, at), (tip, at)), width),
        Line(((tip - head, at - head / 1.5), (tip, at), (tip - head, at + head / 1.5)), width),
    )
    texts = [
        Text(one, (length - text_size(one, letters)[1]) // 2, number * line_height, letters)
        for number, one in enumerate(lines)
    ]
    if not down:
        return Canvas(thick, length, (*texts, *arrow))
    # Mirrored at the diagonal, the arrow is to the right of the text; the first line is the furthest to its right.
    mirrored = [Line(tuple((y, x) for x, y in line.points), line.width) for line in arrow]
    turned = [
        Text(one.text, (len(lines) - 1 - number) * line_height, one.x, letters, down=True)
        for number, one in enumerate(texts)
    ]
    return Canvas(length, thick, (*turned, *mirrored))


def check_figure(output: Path, sources: Iterable[Path]) -> None:
    """Find out before anything is computed whether a figure can be drawn, as far as names say it.

    :raises ReelbrushError: it cannot, or would replace what it is made from.
    """
    for source in sources:
        if not source.is_dir():
            check_readable(source)
        refuse_same_file(source, (output,))
    if not _vector(output) and output.suffix.lower() not in WRITABLE:
        raise OutputNameError(
            f"{output}: a figure must end in .svg or one of {', '.join(WRITABLE)}. Choose such a name."
        )
    check_output(output)


def write_figure(output: Path, page: Canvas, overwrite: bool) -> None:
    """Write a figure as pixels or, where the name ends in .svg, as vectors; the same page gives the same bytes.

    :raises OutputError: it cannot be written.
    """
    if _vector(output):
        check_output(output)
        refuse_existing(output, overwrite)
        # Matplotlib takes half a second to import.
        from pipeline.pictures.matplotlib_figure import write_canvas_svg

        write_canvas_svg(output, page)
    else:
        write_picture(output, page.pixels(), overwrite=overwrite, dots=DOTS)


def _vector(output: Path) -> bool:
    return output.suffix.lower() == ".svg"
