"""Frames that wait on the disk: they come back to the bit, their room is free again, and no more than one decode is
made of a clip that is gone through backward."""

from __future__ import annotations

import errno
from collections.abc import Generator
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from tiny import picture

from pipeline.errors import DiskFullError, OutputError
from pipeline.media.frame import Frame, FrameSource
from pipeline.media.frame_spool import FrameSpool
from pipeline.media.prefetch import FEWEST, backward
from pipeline.types import deepened


def frame(index: int, deep: bool = False) -> Frame:
    image = picture(9, 14, seed=index)
    return Frame(index, Fraction(index, 24), image, deepened(image) if deep else None)


def assert_same(one: Frame, other: Frame) -> None:
    assert (one.index, one.time) == (other.index, other.time)
    np.testing.assert_array_equal(one.exact, other.exact)
    np.testing.assert_array_equal(one.image, other.image)
    assert one.exact.dtype == other.exact.dtype


@pytest.mark.parametrize("deep", [False, True])
def test_what_was_put_last_comes_first_and_nothing_is_to_be_seen_of_it(tmp_path: Path, deep: bool) -> None:
    with FrameSpool(tmp_path) as spool:
        for index in range(4):
            spool.put(frame(index, deep))
        assert_same(spool.pop(), frame(3, deep))
        spool.put(frame(7, deep))
        for index in (7, 2, 1, 0):
            assert_same(spool.pop(), frame(index, deep))
        assert len(spool) == 0 and spool._file.seek(0, 2) == 0, "its room is free"
        assert list(tmp_path.iterdir()) == []
        with pytest.raises(IndexError):
            spool.pop()


class Decoded:
    """A video as it is decoded: from its beginning, and counted."""

    def __init__(self, frames: int, kind: str = "video") -> None:
        self.info = SimpleNamespace(height=9, width=14, kind=kind)
        self.count = frames
        self.decoded = 0
        self.begun: list[int] = []

    def frames(self, start: int = 0) -> Generator[Frame, None, None]:
        self.begun.append(start)
        for index in range(self.count):
            self.decoded += 1
            if index >= start:
                yield frame(index)


def gone_back(source: Decoded, end: int, **how: Any) -> list[Frame]:
    there: FrameSource = source  # type: ignore[assignment]
    return list(backward(there, end, **how))


@pytest.mark.parametrize(("kind", "begun"), [("video", [0]), ("animation", [0]), ("folder", [22, 14, 6, 0])])
def test_a_clip_is_decoded_once_on_the_way_back(tmp_path: Path, kind: str, begun: list[int]) -> None:
    source = Decoded(40, kind)
    for index, one in zip(range(29, -1, -1), gone_back(source, 30, held=1, folder=tmp_path), strict=True):
        assert_same(one, frame(index))
    assert source.begun == begun
    assert source.decoded == 30 or kind == "folder"
    assert list(tmp_path.iterdir()) == []


def test_a_short_clip_needs_no_disk(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    assert len(gone_back(Decoded(FEWEST), FEWEST, held=1, folder=gone)) == FEWEST
    with pytest.raises(OutputError, match="gone"):
        gone_back(Decoded(40), 40, held=1, folder=gone)


def test_a_full_disk_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with FrameSpool(tmp_path) as spool:
        monkeypatch.setattr(spool, "_file", SimpleNamespace(tell=lambda: 0, write=full, close=spool._file.close))
        with pytest.raises(DiskFullError, match="disk is full"):
            spool.put(frame(1))


def test_whoever_wants_no_more_leaves_nothing(tmp_path: Path) -> None:
    there: FrameSource = Decoded(40)  # type: ignore[assignment]
    frames = backward(there, 40, 1, tmp_path)
    assert next(frames).index == 39
    frames.close()
    assert list(tmp_path.iterdir()) == []
