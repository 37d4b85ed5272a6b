"""Grids of pictures with words."""

from __future__ import annotations

import numpy as np
from tiny import picture

from pipeline.media.lettering import shortened_to, text_size, write
from pipeline.show.sheet import sheet


def test_letters_are_the_same_each_time_and_only_where_they_belong() -> None:
    paper = np.full((40, 200, 3), 255, np.uint8)
    written = write(paper, "conv4_2", 10, 5, 16)
    np.testing.assert_array_equal(written, write(paper, "conv4_2", 10, 5, 16))
    height, width = text_size("conv4_2", 16)
    assert (written[5 : 5 + height, 10 : 10 + width] < 128).any()
    dark = np.argwhere((written < 250).any(axis=2))
    assert dark.min(axis=0).tolist() >= [5, 10] and dark.max(axis=0)[1] <= 10 + width
    assert (paper == 255).all(), "the picture handed in stays as it is"


def test_what_is_too_long_ends_in_an_ellipsis() -> None:
    assert shortened_to("short", 500, 12) == "short"
    found = shortened_to("a very long name of a painting.mp4", 100, 12)
    assert found.endswith("…") and text_size(found, 12)[1] <= 100


def test_every_picture_stands_in_its_cell() -> None:
    red, blue = np.zeros((20, 30, 3), np.uint8), np.zeros((10, 12, 3), np.uint8)
    red[..., 0] = 255
    blue[..., 2] = 255
    found = sheet([[red, None], [blue, red]], letters=12)
    red_at = np.argwhere((found == (255, 0, 0)).all(axis=2))
    blue_at = np.argwhere((found == (0, 0, 255)).all(axis=2))
    assert len(red_at) == 2 * 20 * 30 and len(blue_at) == 10 * 12
    assert blue_at[:, 0].min() > 20, "in the second row"


def test_words_make_room_for_themselves() -> None:
    cells = [[picture(24, 32)]]
    plain = sheet(cells, letters=12)
    line = text_size("", 12)[0]
    assert sheet(cells, heads=["column"], letters=12).shape[0] >= plain.shape[0] + line
    assert sheet(cells, sides=["row"], letters=12).shape[1] >= plain.shape[1] + text_size("row", 12)[1]
    assert sheet(cells, labels=[["label"]], letters=12).shape[0] >= plain.shape[0] + line
    assert sheet(cells, title="title", letters=12).shape[0] >= plain.shape[0] + line
