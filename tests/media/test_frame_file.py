"""Frames that are kept: the same pixels and texts come back, or the file is known to be damaged."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow
from tiny import picture

from pipeline.errors import MediaError, OutputError
from pipeline.media import read_checked, read_metadata, read_picture, write_picture
from pipeline.media.frame_file import read_kept, write_kept

TEXTS = {"reelbrush": '{"losses": {"total": 0.25}}', "by": "für 絵"}


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (13, 1), (35, 51)])
def test_pixels_and_texts_come_back(tmp_path: Path, size: tuple[int, int]) -> None:
    path, image = tmp_path / "f.png", picture(*size, seed=3)
    write_kept(path, picture(*size, seed=4), {})
    write_kept(path, image, TEXTS)
    found, texts = read_kept(path)
    assert found.dtype == np.uint8 and texts == TEXTS
    np.testing.assert_array_equal(found, image)
    assert read_checked(path) == TEXTS and [entry.name for entry in tmp_path.iterdir()] == ["f.png"]


def test_any_program_that_shows_pictures_shows_it(tmp_path: Path) -> None:
    write_kept(tmp_path / "f.png", picture(24, 32), TEXTS)
    np.testing.assert_array_equal(read_picture(tmp_path / "f.png"), picture(24, 32))
    assert read_metadata(tmp_path / "f.png") == TEXTS
    with Pillow.open(tmp_path / "f.png") as shown:
        assert (shown.mode, shown.size) == ("RGB", (32, 24))


def test_frames_of_the_versions_before_are_read(tmp_path: Path) -> None:
    """They were written as any other picture."""
    write_picture(tmp_path / "f.png", picture(24, 32), metadata=TEXTS)
    found, texts = read_kept(tmp_path / "f.png")
    np.testing.assert_array_equal(found, picture(24, 32))
    assert texts == TEXTS


def test_no_wrong_bit_goes_unseen(tmp_path: Path) -> None:
    path = tmp_path / "f.png"
    write_kept(path, picture(5, 7), TEXTS)
    data = path.read_bytes()
    for place in range(8 * len(data)):
        wrong = bytearray(data)
        wrong[place // 8] ^= 1 << place % 8
        path.write_bytes(wrong)
        with pytest.raises(MediaError):
            read_kept(path)


def test_a_full_disk_leaves_the_frame_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_kept(tmp_path / "f.png", picture(5, 7, seed=1), TEXTS)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match="disk is full"):
        write_kept(tmp_path / "f.png", picture(5, 7, seed=2), {})
    np.testing.assert_array_equal(read_kept(tmp_path / "f.png")[0], picture(5, 7, seed=1))
    assert len(list(tmp_path.iterdir())) == 1


def test_where_there_is_no_folder_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"gone.f\.png: .*No such file"):
        write_kept(tmp_path / "gone" / "f.png", picture(5, 7), {})
