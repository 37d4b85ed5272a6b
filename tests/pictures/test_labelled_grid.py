"""Grids of pictures with words."""

from __future__ import annotations

import numpy as np
from tiny import picture

from pipeline.pictures.canvas import Canvas, Text
from pipeline.pictures.labelled_grid import labelled_grid
from pipeline.pictures.lettering import shortened_inside, shortened_to, text_size


def test_letters_are_the_same_each_time_and_only_where_they_belong() -> None:
    canvas = Canvas(40, 200, (Text("conv4_2", 10, 5, 16),))
    written = canvas.pixels()
    np.testing.assert_array_equal(written, canvas.pixels())
    height, width = text_size("conv4_2", 16)
    assert (written[5 : 5 + height, 10 : 10 + width] < 128).any()
    dark = np.argwhere((written < 250).any(axis=2))
    assert dark.min(axis=0).tolist() >= [5, 10] and dark.max(axis=0)[1] <= 10 + width


def test_what_is_too_long_ends_in_an_ellipsis() -> None:
    assert shortened_to("short", 500, 12) == "short"
    found = shortened_to("a very long name of a painting.mp4", 100, 12)
    assert found.endswith("…") and text_size(found, 12)[1] <= 100


def test_what_differs_at_its_end_is_cut_inside() -> None:
    names = [f"lake/frame_{number:06d}.png" for number in range(3)]
    cut = [shortened_inside(name, 100, 12) for name in names]
    assert len({*cut}) == 3 and all("…" in name and name.endswith(".png") for name in cut)
    assert all(text_size(name, 12)[1] <= 100 for name in cut) and shortened_inside(names[0], 500, 12) == names[0]


def test_every_picture_stands_in_its_cell() -> None:
    red, blue = np.zeros((20, 30, 3), np.uint8), np.zeros((10, 12, 3), np.uint8)
    red[..., 0] = 255
    blue[..., 2] = 255
    found = labelled_grid([[red], [blue, red]], letters=12).pixels()
    red_at = np.argwhere((found == (255, 0, 0)).all(axis=2))
    blue_at = np.argwhere((found == (0, 0, 255)).all(axis=2))
    assert len(red_at) == 2 * 20 * 30 and len(blue_at) == 10 * 12
    assert blue_at[:, 0].min() > 20, "in the second row"


def test_words_make_room_for_themselves() -> None:
    cells = [[picture(24, 32)]]
    plain = labelled_grid(cells, letters=12)
    line = text_size("", 12)[0]
    assert labelled_grid(cells, heads=["column"], letters=12).height >= plain.height + line
    assert labelled_grid(cells, sides=["row"], letters=12).width >= plain.width + text_size("row", 12)[1]
    assert labelled_grid(cells, labels=[["label"]], letters=12).height >= plain.height + line


def test_cells_are_as_wide_as_their_words_and_nothing_is_cut() -> None:
    narrow = picture(40, 8)
    heads, labels = ["α/β = 0.005", "α/β = 0.05"], [["relu1_1\nPSNR 18.8 dB", "b"]]
    found = labelled_grid([[narrow, narrow]], heads=heads, labels=labels, letters=12)
    assert [words.text for words in found.texts] == ["α/β = 0.005", "α/β = 0.05", "relu1_1", "PSNR 18.8 dB", "b"]
    boxes = [(words.x, words.x + words.size[1]) for words in found.texts]
    assert boxes[0][1] < boxes[1][0] and all(left >= 0 and right <= found.width for left, right in boxes)
    assert found.texts[3].y == found.texts[2].y + found.texts[2].size[0]


def test_a_label_stands_right_under_its_own_picture() -> None:
    tall, low = picture(40, 30), picture(10, 30)
    found = labelled_grid([[tall, low]], labels=[["a", "b"]], letters=12)
    assert {one.y + one.size[0] for one in found.pictures} == {found.pictures[0].y + 40}
    assert 0 < found.texts[1].y - (found.pictures[1].y + 10) < 12
