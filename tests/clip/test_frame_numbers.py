"""One way for every number that names a frame: from 0 in the input, whichever part of it is painted."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from jobs import SMALL, assert_same, moving_folder, paint_picture
from media_clips import clip
from replayed import again

from pipeline.clip.events import Event, Started
from pipeline.clip.jobs import ClipJob
from pipeline.clip.kept_json import keep_json, read_json
from pipeline.clip.provenance import JOB
from pipeline.clip.record_reading import read_record, recorded_settings
from pipeline.clip.work_folder import IDENTITY
from pipeline.errors import StoreError, UsageError
from pipeline.frame_numbers import FrameNumbers
from pipeline.media import open_source, read_metadata, read_picture, write_picture
from pipeline.pictures.figures.loss_sources import work_folder_loss_curves
from reelbrush import stylize_video


@pytest.fixture
def style(tmp_path: Path) -> Path:
    return paint_picture(tmp_path / "style.png", seed=9)


def started(told: Sequence[Event]) -> Started:
    return next(event for event in told if isinstance(event, Started))


def test_sources_say_which_frames_of_their_file_they_are(tmp_path: Path) -> None:
    film = clip(tmp_path / "v.mp4", frames=12, rate=12)
    assert open_source(film).info.in_file == FrameNumbers()
    assert open_source(film, frames=(3, 9)).info.in_file == FrameNumbers(3)
    assert open_source(film, frames=(3, 9), fps=4).info.in_file == FrameNumbers(3, (3, 6))
    folder = moving_folder(tmp_path / "in", 6)
    assert open_source(folder, frames=(2, None), fps=4).info.in_file == FrameNumbers(2), "a folder only plays slower"


def test_cuts_of_a_part_are_named_as_in_the_input(tmp_path: Path, style: Path) -> None:
    folder, told = moving_folder(tmp_path / "in", 7), list[Event]()
    stylize_video(folder, style, tmp_path / "part", frames=(3, 6), cuts="1,5", keep=True, on_event=told.append, **SMALL)
    said = started(told)
    assert (said.cuts, said.in_file) == ((2,), FrameNumbers(3)), "events count what is painted"
    (note,) = [note for note in said.notes if note.startswith("cuts names")]
    assert "names frame 1, which is not among those that are painted, 3 to 5" in note
    found = work_folder_loss_curves(tmp_path / "part.reelbrush", lambda *_: None)
    assert [(one.places, one.breaks) for one in found] == [((3, 4, 5), ((5, "cut"),))]
    with pytest.raises(UsageError, match=r"which begins with frame 3\. Name"):
        keyframes = ["shot 2: strength=1"]
        stylize_video(folder, style, tmp_path / "k", frames=(3, 6), cuts="none", keyframes=keyframes, **SMALL)


def as_once(result: Path, cuts: str) -> None:
    """Let a result say how it was made as it did when a list of cuts counted the frames that are painted."""
    path = next(iter(sorted(result.glob("*.png"))))
    texts = read_metadata(path)
    job = json.loads(texts[JOB])
    assert job.pop("cuts") == "input"
    settings = "\n".join(
        f'cuts = "{cuts}"' if line.startswith("cuts") else line for line in texts["settings"].split("\n")
    )
    write_picture(
        path, read_picture(path), metadata={**texts, "settings": settings, JOB: json.dumps(job)}, overwrite=True
    )


def test_a_result_from_before_is_painted_again_as_it_was(tmp_path: Path, style: Path) -> None:
    folder = moving_folder(tmp_path / "in", 7)
    stylize_video(folder, style, tmp_path / "out", frames=(3, 6), cuts="5", **SMALL)
    assert recorded_settings(read_record(tmp_path / "out"))[0].cuts == "5"
    as_once(tmp_path / "out", "2")
    assert recorded_settings(read_record(tmp_path / "out"))[0].cuts == "5"
    again(tmp_path / "out", tmp_path / "again")
    assert_same(tmp_path / "out", tmp_path / "again", 3)
    # Where frames are left out, too, which takes a look at the input.
    film = clip(tmp_path / "v.mp4", frames=12, rate=12)
    stylize_video(film, style, tmp_path / "thin", frames=(2, 12), fps=6, cuts="6", **SMALL)
    as_once(tmp_path / "thin", "2")
    again(tmp_path / "thin", tmp_path / "thin again")
    assert_same(tmp_path / "thin", tmp_path / "thin again", 5)
    assert recorded_settings(read_record(tmp_path / "thin again"))[0].cuts == "6"


def test_what_was_begun_before_does_not_go_on_with_other_cuts(tmp_path: Path, style: Path) -> None:
    folder = moving_folder(tmp_path / "in", 5)
    job = {"frames": (1, 5), "cuts": "2", "keep": True, **SMALL}
    stylize_video(folder, style, tmp_path / "out", **job)
    work = ClipJob(folder, (), tmp_path / "out").work
    for path in (tmp_path / "out").iterdir():
        path.unlink()
    (tmp_path / "out").rmdir()
    found = read_json(work / IDENTITY)
    assert found.pop("cuts") == "input"
    keep_json(work / IDENTITY, found)
    with pytest.raises(StoreError, match="differs in cuts"):
        stylize_video(folder, style, tmp_path / "out", **job)
