"""A page before it is drawn, as pixels and as vectors."""

from __future__ import annotations

import base64
import io
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow
from tiny import picture

from pipeline.pictures.canvas import Box, Canvas, Line, Picture, Text, beside, paragraph, stacked
from pipeline.pictures.figures.page import axis
from pipeline.pictures.lettering import text_size, wrapped
from pipeline.pictures.matplotlib_figure import write_canvas_svg


def dark(page: Canvas) -> tuple[int, int, int, int]:
    """(left, top, right, bottom) of what is not white."""
    found = np.argwhere((page.pixels() < 128).any(axis=2))
    (top, left), (bottom, right) = found.min(axis=0), found.max(axis=0) + 1
    return left, top, right, bottom


def test_words_are_never_cut() -> None:
    text = "more and deeper layers of the style"
    lines = wrapped(text, 150, 18)
    assert " ".join(lines) == text and len(lines) > 1
    assert max(text_size(line, 18)[1] for line in lines) <= 150
    assert wrapped("incomprehensibilities all", 20, 18) == ["incomprehensibilities", "all"]


def test_parts_keep_their_places() -> None:
    image = np.zeros((4, 6, 3), np.uint8)
    one, other = Canvas(10, 20, (Picture(image, 1, 2),)), Canvas(5, 30, (Picture(image, 3, 0),))
    below, right = stacked([one, other]), beside([one, other.padded(7, 1)])
    assert (below.height, below.width) == (15, 30) and below.pictures[1].y == 10
    assert (right.height, right.width) == (10, 57) and (right.pictures[1].x, right.pictures[1].y) == (30, 1)
    assert right.reach == (1, 1, 36, 6)
    assert (below.pixels()[10:14, 3:9] == 0).all() and (below.pixels() == 0).all(axis=2).sum() == 2 * 24


def test_words_that_read_downward_are_those_that_read_to_the_right_turned() -> None:
    size = text_size("abc", 20)
    across = Canvas(*size, (Text("abc", 0, 0, 20),)).pixels()
    page = Canvas(200, 60, (Text("abc", 9, 30, 20, down=True),))
    np.testing.assert_array_equal(page.pixels()[30 : 30 + size[1], 9 : 9 + size[0]], np.rot90(across, -1))
    assert page.texts[0].size == size[::-1]


@pytest.mark.parametrize("down", [False, True])
@pytest.mark.parametrize("length", [400, 90])
def test_an_axis_is_as_long_as_it_should_be_and_says_all(down: bool, length: int) -> None:
    found = axis("more content, less style", length, 18, down)
    assert " ".join(one.text for one in found.texts) == "more content, less style"
    assert (found.height if down else found.width) == length
    left, top, right, bottom = dark(found)
    begins, ends = (top, bottom) if down else (left, right)
    assert begins <= 3 and ends >= length - 3, "the arrow from end to end"
    shaft = next(mark for mark in found.marks if isinstance(mark, Line))
    place = shaft.points[0][0] if down else shaft.points[0][1]
    assert all((one.x + one.size[1] if down else one.y + one.size[0]) <= place for one in found.texts)


def test_a_paragraph_stays_within_its_width() -> None:
    found = paragraph("Gram matrix, as a share of its largest entry", 160, 18)
    assert found.width <= 160 and len(found.texts) > 1
    assert dark(found)[2] <= 160


def test_a_line_is_as_wide_as_asked_for_and_smooth() -> None:
    straight = Canvas(20, 40, (Line(((10, 10), (30, 10)), 2, (0, 0, 0)),)).pixels()
    assert (straight[9:11, 12:28] < 80).all() and (straight[:8] == 255).all() and (straight[12:] == 255).all()
    slanted = Canvas(20, 40, (Line(((5, 5), (35, 14)), 1.5, (0, 0, 0)),)).pixels()
    assert len(np.unique(slanted)) > 8, "its edges are shades of grey"


def test_a_box_as_round_as_it_is_high_is_a_dot() -> None:
    found = Canvas(21, 21, (Box(5.5, 5.5, 10, 10, (255, 0, 0), radius=5),), (0, 0, 0)).pixels()
    assert found[..., 0].sum() / 255 == pytest.approx(np.pi * 25, rel=0.06)
    assert tuple(found[10, 10]) == (255, 0, 0) and not found[..., 1:].any()
    np.testing.assert_array_equal(found, found[::-1])


def test_a_box_has_its_very_pixels_and_lets_through_what_it_should() -> None:
    grey = Canvas(10, 20, (Box(3, 2, 8, 5, (0, 0, 0), opacity=0.6),), (200, 200, 200)).pixels()
    assert (grey[2:7, 3:11] == 80).all() and (grey == 80).all(axis=2).sum() == 8 * 5
    at_the_edge = Canvas(10, 20, (Box(-4, 8, 50, 9, (0, 0, 0)),)).pixels()
    assert (at_the_edge[8:] == 0).all() and (at_the_edge[:8] == 255).all()


def page() -> Canvas:
    return Canvas(
        120,
        200,
        (
            Picture(picture(30, 40), 20, 10),
            Text("relu3_1: 1.2·10⁶", 20, 45, 16),
            Text("down", 170, 20, 16, bold=True, down=True),
            Line(((10, 100), (190, 100)), 2),
            Box(60, 70, 30, 20, (194, 65, 12), radius=5, opacity=0.5),
        ),
    )


def test_vectors_hold_the_very_pixels_and_no_letters(tmp_path: Path) -> None:
    for name in ("a.svg", "b.svg"):
        write_canvas_svg(tmp_path / name, page())
    text = (tmp_path / "a.svg").read_text()
    assert text == (tmp_path / "b.svg").read_text()
    assert "<text" not in text and "font-family" not in text and "<dc:date>" not in text
    assert 'viewBox="0 0 150 90"' in text, "200x120 pixels of CSS"
    (held,) = re.findall(r"data:image/png;base64,([^\"]+)", text)
    shown = np.array(Pillow.open(io.BytesIO(base64.b64decode(held))).convert("RGB"))
    assert any(np.array_equal(one, picture(30, 40)) for one in (shown, shown[::-1]))
