"""A bit that has changed in any file of a work folder: what can be known again is, and never are there other frames."""

from __future__ import annotations

import json
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from jobs import SMALL, moving_folder, paint_picture, pictures

from pipeline.clip.events import Event, FrameDone, Started
from pipeline.clip.kept_json import keep_json, read_json
from pipeline.errors import StoreError
from reelbrush import stylize_video

COUNT = 3
HOW: dict[str, Any] = {**SMALL, "passes": 2, "loop": True}


class Begun(NamedTuple):
    """A job that was interrupted in its second pass."""

    source: Path
    style: Path
    work: Path
    frames: list[np.ndarray]
    """What it comes to."""

    def copied_to(self, folder: Path) -> Path:
        """The same work folder for an output of its own."""
        work = folder / "out.reelbrush"
        shutil.rmtree(work, ignore_errors=True)
        shutil.rmtree(folder / "out", ignore_errors=True)
        shutil.copytree(self.work, work)
        return work

    def go_on(self, folder: Path, **more: Any) -> tuple[list[np.ndarray], int, str]:
        """The frames that it comes to, how many were painted, and all notes."""
        told: list[Event] = []
        result = stylize_video(self.source, self.style, folder / "out", on_event=told.append, **{**HOW, **more})
        begun = next(event for event in reversed(told) if isinstance(event, Started))
        return pictures(folder / "out"), result.painted, " ".join(begun.notes)


class Interrupted(Exception):
    """Where a job was stopped."""


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Begun:
    def stop(event: Event) -> None:
        if isinstance(event, FrameDone) and event.in_pass == 2:
            raise Interrupted

    folder = tmp_path_factory.mktemp("begun")
    source, style = moving_folder(folder / "in", COUNT), paint_picture(folder / "style.png", seed=9)
    stylize_video(source, style, folder / "whole", **HOW)
    with pytest.raises(Interrupted):
        stylize_video(source, style, folder / "out", on_event=stop, budget="10h", **HOW)
    return Begun(source, style, folder / "out.reelbrush", pictures(folder / "whole"))


FILES = (
    "job.json", "statistics.json", "seam.json", "motion.json", "shots.json",
    "pass1/000000.png", "pass1/000002.png", "frames/000002.png",
)  # fmt: skip


def flip(path: Path, at: int, bit: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 1 << bit
    path.write_bytes(data)


def test_every_file_is_tried(begun: Begun) -> None:
    found = {str(path.relative_to(begun.work)) for path in begun.work.rglob("*") if path.is_file()}
    assert set(FILES) <= found
    assert found - set(FILES) <= {"pass1/000001.png", "lock"} and not (begun.work / "lock").stat().st_size


@pytest.mark.parametrize("name", FILES)
def test_a_flipped_bit_is_healed(tmp_path: Path, begun: Begun, name: str) -> None:
    size = (begun.work / name).stat().st_size
    for turn, at in enumerate((0, size // 3, size // 2, size - 3)):
        flip(begun.copied_to(tmp_path) / name, at, (3 * turn) % 8)
        frames, _, _ = begun.go_on(tmp_path)
        assert len(frames) == COUNT
        for image, wanted in zip(frames, begun.frames, strict=True):
            np.testing.assert_array_equal(image, wanted)


def test_no_bit_of_what_was_kept_changes_unseen(tmp_path: Path) -> None:
    kept = tmp_path / "shots.json"
    keep_json(kept, [[0, 3], [3, 6]])
    right = kept.read_bytes()
    for place in range(8 * len(right)):
        flip(kept, place // 8, place % 8)
        with suppress(ValueError):  # between the values there is room that says nothing
            assert read_json(kept) == [[0, 3], [3, 6]]
        kept.write_bytes(right)


def test_a_damaged_note_is_told_as_such_and_no_frame_is_painted_again(tmp_path: Path, begun: Begun) -> None:
    work = begun.copied_to(tmp_path)
    text = (work / "job.json").read_text()
    (work / "job.json").write_text(text.replace('"steps": 6', '"steps": 7'))
    assert json.loads(text) != json.loads((work / "job.json").read_text())
    _, painted, notes = begun.go_on(tmp_path)
    assert painted == COUNT - 1, "all but one of the second pass"
    assert "job.json was damaged" in notes


def test_frames_of_another_job_are_not_taken_for_its_own(tmp_path: Path, begun: Begun) -> None:
    work = begun.copied_to(tmp_path)
    flip(work / "job.json", 40, 2)
    with pytest.raises(StoreError, match=r"job\.json is damaged, and the finished frames .*restart=True") as caught:
        begun.go_on(tmp_path, seed=4)
    assert "null" not in str(caught.value)
    _, painted, notes = begun.go_on(tmp_path, seed=4, restart=True)
    assert painted == 2 * COUNT and "begins anew" in notes
