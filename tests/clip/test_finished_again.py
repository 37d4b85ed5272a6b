"""A job killed once some of its results have their names, and a job given again when all of it is done."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import pytest
from jobs import QUICK, ROOT, SMALL, environment, events, moving_folder, paint_picture, reelbrush

from pipeline.clip.events import Event, Finished, FrameDone
from pipeline.errors import DiskFullError, OutputError
from pipeline.media import gif_sink
from reelbrush import stylize_video

# Kills its own process where a function of that name is called the n-th time, before or after it does its work.
KILLER = """
import os, signal, sys
import importlib
where, name, count, after, *sys.argv = sys.argv[1:]
place = importlib.import_module(where)
right, calls = getattr(place, name), []
def wrapped(*arguments, **more):
    calls.append(1)
    last = len(calls) == int(count)
    if last and after == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    result = right(*arguments, **more)
    if last:
        os.kill(os.getpid(), signal.SIGKILL)
    return result
setattr(place, name, wrapped)
import cli
cli.app()
"""
INSTANTS = {
    "before the video has its name": ("pipeline.media.video_sink", "publish", "1", "before"),
    "once the video is tidied up": ("pipeline.media.gif_sink", "publish", "1", "before"),
    "when the video has its name": ("pipeline.media.video_sink", "publish", "1", "after"),
    "when both have their names": ("pipeline.media.gif_sink", "publish", "1", "after"),
    "while the frames are removed": ("pipeline.clip.work_folder", "remove_work", "1", "before"),
    "when all is done": ("pipeline.clip.work_folder", "remove_work", "1", "after"),
}


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("inputs")
    return moving_folder(folder / "in", 3), paint_picture(folder / "style.png", seed=9)


def entries(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
@pytest.mark.parametrize("instant", INSTANTS)
def test_killed_at_an_instant_of_the_end_the_same_command_ends_with_everything(
    tmp_path: Path, inputs: tuple[Path, Path], instant: str
) -> None:
    source, style = inputs
    job = ("video", source, "--style", style, *QUICK, "--fps", "25")
    whole = tmp_path / "whole"
    whole.mkdir()
    assert reelbrush(*job, "-o", whole / "cut.mp4", "--gif", whole / "cut.mp4.gif").returncode == 0
    cut = tmp_path / "cut"
    cut.mkdir()
    again = (*job, "-o", cut / "cut.mp4", "--gif", cut / "cut.mp4.gif", "--json")
    killed = subprocess.run(
        [sys.executable, "-c", KILLER, *INSTANTS[instant], "reelbrush", *map(str, again)],
        cwd=ROOT, env=environment(), capture_output=True, check=False,
    )  # fmt: skip
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    named = {path: path.stat().st_mtime_ns for path in (cut / "cut.mp4", cut / "cut.mp4.gif") if path.exists()}
    done = reelbrush(*again)
    assert done.returncode == 0, done.stderr
    assert events(done.stdout)[-1]["painted"] == 0, "all frames were finished"
    assert entries(cut) == ["cut.mp4", "cut.mp4.gif"]
    assert all(path.stat().st_mtime_ns == when for path, when in named.items()), "what was finished is not made again"
    for name in entries(cut):
        assert (cut / name).read_bytes() == (whole / name).read_bytes()


def test_a_finished_job_given_again_is_already_painted(tmp_path: Path, inputs: tuple[Path, Path]) -> None:
    source, style = inputs
    job = ("video", source, "--style", style, *QUICK, "-o", tmp_path / "out.mp4", "--gif", tmp_path / "out.gif")
    assert reelbrush(*job).returncode == 0
    before = [(tmp_path / name).stat().st_mtime_ns for name in entries(tmp_path)]
    again = reelbrush(*job)
    assert again.returncode == 0
    assert "out.mp4 and out.gif: already painted" in again.stderr + again.stdout
    assert [(tmp_path / name).stat().st_mtime_ns for name in entries(tmp_path)] == before
    # Its own input and style under other names, which is what they are known by.
    for name in ("moved", "other.png"):
        copied = tmp_path / name
        shutil.copytree(source, copied) if name == "moved" else shutil.copy(style, copied)
    moved = ("video", tmp_path / "moved", "--style", tmp_path / "other.png", *job[4:])
    assert reelbrush(*moved).returncode == 0
    others = (("--steps", "7"), ("--seed", "3"), ("--fps", "12"), ("--frames", "0:2"), ("--quality", "small"))
    for more in (*others, ("--no-audio",)):
        refused = reelbrush(*job, *more)
        assert refused.returncode == 1 and "exists already" in refused.stderr, more
    assert not list(tmp_path.glob("*.reelbrush"))


@pytest.mark.parametrize("name", ["out", "out.gif", "out.mkv"])
def test_from_python_as_well(tmp_path: Path, inputs: tuple[Path, Path], name: str) -> None:
    source, style = inputs
    # Faster than a GIF can be.
    job = {"fps": Fraction(120), **SMALL}
    first = stylize_video(source, style, tmp_path / name, **job)
    told: list[Event] = []
    again = stylize_video(source, style, tmp_path / name, on_event=told.append, **job)
    assert (first.painted, again.painted, again.frames, again.outputs) == (3, 0, 3, first.outputs)
    assert any("already painted" in note for note in again.notes)
    assert isinstance(told[-1], Finished) and not [event for event in told if isinstance(event, FrameDone)]
    with pytest.raises(OutputError, match="--overwrite"):
        stylize_video(source, style, tmp_path / name, **{**job, "seed": 5})
    assert stylize_video(source, style, tmp_path / name, overwrite=True, **job).painted == 3


def test_a_result_that_was_shortened_is_not_taken_for_finished(tmp_path: Path, inputs: tuple[Path, Path]) -> None:
    source, style = inputs
    stylize_video(source, style, tmp_path / "out", **SMALL)
    sorted((tmp_path / "out").glob("*.png"))[-1].unlink()
    with pytest.raises(OutputError):
        stylize_video(source, style, tmp_path / "out", **SMALL)


def test_kept_frames_are_not_forgotten(tmp_path: Path, inputs: tuple[Path, Path]) -> None:
    source, style = inputs
    stylize_video(source, style, tmp_path / "out.mp4", **SMALL)
    with pytest.raises(OutputError, match="already"):  # its frames are asked for, and they are gone
        stylize_video(source, style, tmp_path / "out.mp4", keep=True, **SMALL)
    stylize_video(source, style, tmp_path / "out.mp4", keep=True, overwrite=True, **SMALL)
    assert stylize_video(source, style, tmp_path / "out.mp4", keep=True, **SMALL).painted == 0
    assert (tmp_path / "out.mp4.reelbrush" / "frames" / "000002.png").exists()


def test_where_one_result_fails_the_other_has_no_name(
    tmp_path: Path, inputs: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(writer: gif_sink.GifWriter) -> None:
        raise DiskFullError("the disk is full")

    source, style = inputs
    with monkeypatch.context() as patched:
        patched.setattr(gif_sink.GifWriter, "complete", full)
        with pytest.raises(DiskFullError):
            stylize_video(source, style, tmp_path / "out.mp4", gif=tmp_path / "out.gif", **SMALL)
    assert entries(tmp_path) == ["out.mp4.reelbrush"]
    assert stylize_video(source, style, tmp_path / "out.mp4", gif=tmp_path / "out.gif", **SMALL).painted == 0
    assert entries(tmp_path) == ["out.gif", "out.mp4"]
