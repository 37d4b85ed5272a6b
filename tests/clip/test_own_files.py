"""Work folders are removed; what somebody else has put into them is not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from jobs import QUICK, SMALL, invoke, moving_folder, paint_picture

from pipeline.clip.jobs import HALF
from pipeline.clip.work_folder import remove_work
from pipeline.errors import OutputError, StoreError
from reelbrush import stylize_image, stylize_video

OWN = (
    *("lock", "job.json", "shots.json", "statistics.json", "motion.json", "seam.json", "masks.json", "passes.json"),
    *("losses1.json", ".job.json.abc_12.part.json", "frames/000000.png", "frames/.000001.png.xyz.part.png"),
    *("pass1/000003.png", "shard-000000-000004/job.json", "shard-000000-000004/frames/000002.png"),
)
FOREIGN = (
    *("notes.txt", "passage/a.png", "frames/mine.png", "frames/1.png", "pass1/deep/000001.png", "losses.json"),
    *("shard-000000-000004/notes.txt", ".hidden", "painting.mp4", "frame/000000.png"),
)
STILL = {name: value for name, value in SMALL.items() if name not in ("carried_steps", "passes")}


def fill(folder: Path, names: tuple[str, ...]) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_a_work_folder_goes_with_all_its_names(tmp_path: Path) -> None:
    fill(tmp_path / "work", OWN)
    assert remove_work(tmp_path / "work") == ()
    assert not (tmp_path / "work").exists()
    assert remove_work(tmp_path / "work") == (), "nothing is there"


@pytest.mark.parametrize("own", [(), OWN])
def test_what_is_not_its_own_stays_and_is_named(tmp_path: Path, own: tuple[str, ...]) -> None:
    fill(tmp_path / "work", (*own, *FOREIGN))
    (said,) = remove_work(tmp_path / "work")
    assert files(tmp_path / "work") == sorted(FOREIGN)
    assert "work stays" in said and "more) is not removed" in said
    (tmp_path / "other").mkdir()
    fill(tmp_path / "other", (*own, "notes.txt"))
    (said,) = remove_work(tmp_path / "other")
    assert "(notes.txt)" in said


def test_a_linked_folder_is_emptied_of_frames_and_stays(tmp_path: Path) -> None:
    fill(tmp_path / "disk", ("000000.png", "holiday.png"))
    fill(tmp_path / "work", ("job.json",))
    (tmp_path / "work" / "frames").symlink_to(tmp_path / "disk")
    (said,) = remove_work(tmp_path / "work")
    assert files(tmp_path / "disk") == ["holiday.png"] and (tmp_path / "work" / "frames").is_symlink()
    assert "frames/holiday.png, frames" in said


def test_of_a_clip(tmp_path: Path) -> None:
    source, style = moving_folder(tmp_path / "in", 3), paint_picture(tmp_path / "style.png", seed=9)
    work = tmp_path / "out.mp4.reelbrush"
    theirs = ("notes.txt", "frames/holiday.png", "passage/a.png")
    fill(work, theirs)
    first = stylize_video(source, style, tmp_path / "out.mp4", **SMALL)
    assert first.painted == 3 and files(work) == sorted(theirs)
    assert [note for note in first.notes if f"{work} stays" in note]
    again = stylize_video(source, style, tmp_path / "out.mp4", **SMALL)
    assert again.painted == 0 and files(work) == sorted(theirs)
    assert [note for note in again.notes if "stays" in note] and "already painted" in again.notes[0]
    # Frames that were asked for are not there for that.
    with pytest.raises(OutputError, match="exists already"):
        stylize_video(source, style, tmp_path / "out.mp4", keep=True, **SMALL)


def test_another_job_throws_away_frames_alone(tmp_path: Path) -> None:
    source, style = moving_folder(tmp_path / "in", 3), paint_picture(tmp_path / "style.png", seed=9)
    stylize_video(source, style, tmp_path / "out.mp4", keep=True, **SMALL)
    work = tmp_path / "out.mp4.reelbrush"
    fill(work, ("painting.mp4", "passage/a.png", "frames/holiday.png"))
    other = {**SMALL, "seed": 5, "overwrite": True, "keep": True}
    with pytest.raises(StoreError, match="restart=True"):
        stylize_video(source, style, tmp_path / "out.mp4", **other)
    stylize_video(source, style, tmp_path / "out.mp4", restart=True, **other)
    mine = {"painting.mp4", "passage/a.png", "frames/holiday.png"}
    assert mine <= set(files(work)) and (work / "passage" / "a.png").read_text() == "passage/a.png"
    assert json.loads((work / "job.json").read_text())["values"]["settings"]["seed"] == 5


@pytest.mark.parametrize("story", [False, True])
def test_of_a_picture(tmp_path: Path, story: bool) -> None:
    content, style = paint_picture(tmp_path / "c.png"), paint_picture(tmp_path / "s.png", seed=5)
    half = tmp_path / f"o.png{HALF}"
    fill(half, ("lock", "so_far.png", "snapshot_0_3.png", "mine.txt", "snapshot_of_me.png"))
    more = ("--story", tmp_path / "o.gif", "--story-frames", "3", "--story-size", "32") if story else ()
    job = ("image", content, "-s", style, *QUICK, "-o", tmp_path / "o.png", *more)
    for _ in range(2):
        done = invoke(*job)
        assert done.exit_code == 0
        assert files(half) == ["mine.txt", "snapshot_of_me.png"]
        assert f"{half} stays: what Reelbrush has not written there (mine.txt, snapshot_of_me.png)" in done.stderr
    assert "already painted" in done.stderr


def test_snapshots_are_not_replaced_with_what_lies_among_them(tmp_path: Path) -> None:
    content, style = paint_picture(tmp_path / "c.png"), paint_picture(tmp_path / "s.png", seed=5)
    job = ("image", content, "-s", style, *QUICK, "-o", tmp_path / "o.png", "--keep", "--story-size", "32")
    assert invoke(*job).exit_code == 0
    folder = tmp_path / "o.png.reelbrush"
    (folder / "notes.txt").write_text("mine")
    kept = files(folder)
    refused = invoke(*job, "--overwrite")
    assert refused.exit_code != 0 and "(notes.txt), which --overwrite would delete" in refused.stderr
    assert files(folder) == kept
    (folder / "notes.txt").unlink()
    assert invoke(*job, "--overwrite").exit_code == 0


def test_from_python_nothing_is_said_where_nothing_stays(tmp_path: Path) -> None:
    content, style = paint_picture(tmp_path / "c.png"), paint_picture(tmp_path / "s.png", seed=5)
    (tmp_path / f"o.png{HALF}").mkdir()
    assert stylize_image(content, style, tmp_path / "o.png", **STILL).output == tmp_path / "o.png"
    assert not (tmp_path / f"o.png{HALF}").exists()
