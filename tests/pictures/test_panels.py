"""`reelbrush panels`: content + style = painting."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow
from tiny import flat

from pipeline.media import Image, read_picture
from pipeline.pictures.lettering import INK
from pipeline.pictures.panels import panels
from reelbrush import stylize_image
from tests.jobs import SMALL, invoke, paint_picture

RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)


def box(figure: Image, colour: tuple[int, int, int]) -> tuple[int, int, int, int]:
    """First and last row and column of a colour."""
    rows, columns = np.nonzero((figure == colour).all(axis=2))
    return int(rows.min()), int(rows.max()), int(columns.min()), int(columns.max())


def run(*arguments: str | Path) -> Any:
    return invoke("panels", *arguments, columns=100)


def test_pictures_of_any_size_stand_at_one_height_in_order() -> None:
    figure = panels([flat(RED, 50, 100), flat(GREEN, 300, 100), flat(BLUE, 100, 200)], 100)
    boxes = [box(figure, colour) for colour in (RED, GREEN, BLUE)]
    assert [last - first + 1 for first, last, _, _ in boxes] == [100] * 3
    assert [right - left + 1 for *_, left, right in boxes] == [200, 33, 200]
    assert len({first for first, *_ in boxes}) == 1
    assert boxes[0][3] < boxes[1][2] and boxes[1][3] < boxes[2][2]


def test_there_is_a_plus_and_an_equals_sign_between_them() -> None:
    figure = panels([flat(RED, 100, 100), flat(GREEN, 100, 100), flat(BLUE, 100, 100)], 200)
    middle = [box(figure, colour) for colour in (RED, GREEN, BLUE)]
    plus = figure[:, middle[0][3] + 1 : middle[1][2]]
    equals = figure[:, middle[1][3] + 1 : middle[2][2]]
    dark = [(sign == INK).all(axis=2) for sign in (plus, equals)]
    np.testing.assert_array_equal(dark[0], dark[0][:, ::-1])
    centre = [round(np.argwhere(found).mean(axis=0)[0]) for found in dark]
    assert centre == [figure.shape[0] // 2] * 2, "at the height of the pictures' middle"
    halfway = figure.shape[0] // 2
    assert dark[0][halfway].sum() > 20 and not dark[1][halfway].any(), "an equals sign is open where a plus is not"
    # Two bars in a column through the middle of an equals sign.
    column = dark[1][:, dark[1].shape[1] // 2].astype(int)
    assert (np.diff(column) == 1).sum() == 2


def test_labels_take_a_line_below_and_change_nothing_above() -> None:
    shown = [flat(colour, 80, 120) for colour in (RED, GREEN, BLUE)]
    plain, told = panels(shown, 80), panels(shown, 80, ("content", "style", "painting"))
    assert told.shape[0] > plain.shape[0] and told.shape[1] == plain.shape[1]
    np.testing.assert_array_equal(told[: box(plain, RED)[1] + 1], plain[: box(plain, RED)[1] + 1])
    below = told[box(told, RED)[1] + 1 :]
    for colour in (RED, GREEN, BLUE):
        left, right = box(told, colour)[2:]
        assert (below[:, left : right + 1] < 128).any()


def test_very_wide_pictures_stand_one_above_the_other() -> None:
    shown = [flat(RED, 80, 800), flat(GREEN, 100, 100), flat(BLUE, 40, 400)]
    figure = panels(shown, 120, ("content", "style", "painting"))
    boxes = [box(figure, colour) for colour in (RED, GREEN, BLUE)]
    assert [right - left + 1 for *_, left, right in boxes] == [1200, 300, 1200], "the style is no higher than a quarter"
    assert len({left + right for *_, left, right in boxes}) == 1, "in the middle"
    for (_, above, *_), (below, *_) in pairwise(boxes):
        between = (figure[above + 1 : below] < 128).any(axis=(1, 2))
        assert (np.diff(between.astype(int)) == 1).sum() >= 2, "a word and a sign"
    assert (figure[boxes[2][1] + 1 :] < 128).any()


def test_a_figure_is_no_wider_than_allowed() -> None:
    for shapes in ([(20, 200)] * 3, [(20, 40)] * 4, [(300, 200)] * 3):
        shown = [flat(RED, *shape) for shape in shapes]
        assert panels(shown, 300).shape[1] > 600 >= panels(shown, 300, (), 600).shape[1] > 500


def test_a_narrow_picture_makes_room_for_its_word() -> None:
    """Every word is there to its last letter, whatever stands above it."""
    words = ("content", "style", "painting")
    narrow, wide = (panels([flat(colour, 60, width) for colour in (RED, GREEN, BLUE)], 60, words)
                    for width in (6, 140))  # fmt: skip
    assert narrow.shape[0] == wide.shape[0]
    inks = [(figure[70:] < 128).any(axis=2).sum() for figure in (narrow, wide)]
    assert inks[0] == inks[1] > 0
    left, right = box(narrow, RED)[2:]
    ink = np.flatnonzero((narrow[70:, : box(narrow, GREEN)[2] - 30] < 128).any(axis=(0, 2)))
    assert abs((ink.min() + ink.max()) - (left + right)) <= 3, "in the middle of it"


@pytest.fixture
def painting(tmp_path: Path) -> Path:
    content, style = paint_picture(tmp_path / "cat.png"), paint_picture(tmp_path / "style.png", seed=5)
    stylize_image(content, style, tmp_path / "painted.png", **SMALL)
    return tmp_path / "painted.png"


def test_a_painting_alone_says_what_it_was_painted_from(painting: Path) -> None:
    folder = painting.parent
    assert run(painting, "-o", folder / "alone.png", "--height", "60").exit_code == 0
    assert (
        run(folder / "cat.png", folder / "style.png", painting, "-o", folder / "named.png", "--height", "60").exit_code
        == 0
    )
    np.testing.assert_array_equal(read_picture(folder / "alone.png"), read_picture(folder / "named.png"))
    assert (folder / "alone.png").read_bytes() == (folder / "named.png").read_bytes()


def test_what_is_gone_is_named_and_found_with_search(painting: Path) -> None:
    folder = painting.parent
    (folder / "moved").mkdir()
    (folder / "style.png").rename(folder / "moved" / "other.png")
    found = run(painting, "-o", folder / "figure.png")
    assert found.exit_code == 2 and "style.png" in found.stderr and "--search" in found.stderr
    assert not (folder / "figure.png").exists()
    assert run(painting, "-o", folder / "figure.png", "--search", folder / "moved").exit_code == 0
    Pillow.open(folder / "figure.png").verify()


def test_two_pictures_are_refused_and_nothing_is_replaced(painting: Path) -> None:
    folder = painting.parent
    before = painting.read_bytes()
    found = run(folder / "cat.png", painting, "-o", folder / "figure.png")
    assert found.exit_code == 2 and "CONTENT STYLE PAINTING" in found.stderr
    assert run(painting, "-o", painting, "--overwrite").exit_code == 2
    assert run(painting, "-o", folder / "cat.png", "--overwrite").exit_code == 2, "the content that it names"
    assert run(folder / "cat.png", folder / "cat.png", folder / "cat.png", "-o", painting).exit_code == 1
    assert painting.read_bytes() == before
