"""A job killed once some of its results have their names, and a job given again when all of it is done."""

from __future__ import annotations

import importlib
import os
import shutil
import signal
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import forked
import pytest
from jobs import QUICK, SMALL, environment, events, moving_folder, paint_picture, reelbrush

from pipeline.clip.events import Event, Finished, FrameDone
from pipeline.errors import DiskFullError, OutputError
from pipeline.media import gif_sink
from reelbrush import stylize_video

INSTANTS = {
    "before the video has its name": ("pipeline.media.video_sink", "publish", False),
    "once the video is tidied up": ("pipeline.media.gif_sink", "publish", False),
    "when the video has its name": ("pipeline.media.video_sink", "publish", True),
    "when both have their names": ("pipeline.media.gif_sink", "publish", True),
    "while the frames are removed": ("pipeline.clip.work_folder", "remove_work", False),
    "when all is done": ("pipeline.clip.work_folder", "remove_work", True),
}


def command_killed(where: str, name: str, after: bool, arguments: Sequence[str]) -> None:
    """The command line, which is killed where a function of that name is called, before its work or after it."""
    place = importlib.import_module(where)
    right = getattr(place, name)

    def wrapped(*given: Any, **more: Any) -> None:
        if after:
            right(*given, **more)
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(place, name, wrapped)
    forked.command(*arguments)


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("inputs")
    return moving_folder(folder / "in", 3), paint_picture(folder / "style.png", seed=9)


def entries(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, inputs: tuple[Path, Path]) -> Path:
    """Results of a job that was left alone."""
    folder = tmp_path_factory.mktemp("whole")
    assert reelbrush(*job_of(inputs), "-o", folder / "cut.mp4", "--gif", folder / "cut.mp4.gif").returncode == 0
    return folder


def job_of(inputs: tuple[Path, Path]) -> tuple[str | Path, ...]:
    source, style = inputs
    return ("video", source, "--style", style, *QUICK, "--fps", "25")


@pytest.mark.skipif(not forked.AVAILABLE, reason="the process is forked from one that has everything imported")
@pytest.mark.parametrize("instant", INSTANTS)
def test_killed_at_an_instant_of_the_end_the_same_command_ends_with_everything(
    tmp_path: Path, inputs: tuple[Path, Path], whole: Path, instant: str
) -> None:
    # As deep as the other folder: in a video's metadata its inputs are relative to it.
    cut = tmp_path
    again = (*job_of(inputs), "-o", cut / "cut.mp4", "--gif", cut / "cut.mp4.gif", "--json")
    killed = forked.Forked(command_killed, *INSTANTS[instant], [str(part) for part in again], environment=environment())
    _, complaints = killed.communicate()
    assert killed.returncode == -signal.SIGKILL, complaints
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
    for more in (*others, ("--audio", "none")):
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
    with pytest.raises(OutputError, match="overwrite=True"):
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
