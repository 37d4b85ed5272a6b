"""A clip from end to end: resumed after a kill it gives the same frames, and nothing unfinished gets a name."""

from __future__ import annotations

import json
import signal
import stat
import sys
import time
from fractions import Fraction
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest
from jobs import QUICK, events, paint_folder, paint_picture, pictures, reelbrush, start
from media_clips import clip, ffmpeg_children
from PIL import Image as Pillow

from pipeline import stylize_video
from pipeline.errors import OutputError, StoreError, UsageError
from pipeline.job.store import FrameStore
from pipeline.media import open_source, read_metadata
from pipeline.style.optimise import Stop
from pipeline.style.painter import Painted

SMALL = {"network": "builtin", "device": "cpu", "levels": 1, "steps": 6, "carried_steps": 5}


@pytest.fixture
def style(tmp_path: Path) -> Path:
    return paint_picture(tmp_path / "style.png", seed=9)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return paint_folder(tmp_path / "in")


def wait_for(path: Path, seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not path.exists():
        assert time.monotonic() < until, f"{path} never came"
        time.sleep(0.005)


def test_a_video_keeps_rate_frames_and_sound(tmp_path: Path, style: Path) -> None:
    source = clip(tmp_path / "in.mp4", frames=6, rate="24000/1001", sound=True)
    result = stylize_video(source, style, tmp_path / "out.mp4", gif=tmp_path / "out.gif", **SMALL)
    info = open_source(tmp_path / "out.mp4").info
    assert (info.frames, info.rate, info.audio) == (6, Fraction(24000, 1001), "aac")
    assert (info.width, info.height) == (64, 48)
    assert open_source(tmp_path / "out.gif").info.frames == 6
    assert (result.frames, result.painted) == (6, 6)
    assert not list(tmp_path.glob("*.reelbrush")), "the work folder goes when all is done"
    assert not list(tmp_path.glob(".*")), "no part files"


def test_a_result_says_how_it_was_made(tmp_path: Path, style: Path) -> None:
    source = clip(tmp_path / "in.mp4", frames=2)
    stylize_video(source, style, tmp_path / "out.mp4", seed=77, **SMALL)
    made = json.dumps(read_metadata(tmp_path / "out.mp4"))
    assert "built-in network" in made
    assert "seed = 77" in made


def test_frames_start_from_the_one_before(tmp_path: Path, style: Path) -> None:
    still = tmp_path / "still"
    still.mkdir()
    for number in range(3):
        paint_picture(still / f"{number}.png", seed=1)
    common = {**SMALL, "start": "noise"}
    stylize_video(still, style, tmp_path / "warm", **common)
    stylize_video(still, style, tmp_path / "fresh", carry="none", **common)
    warm, fresh = pictures(tmp_path / "warm"), pictures(tmp_path / "fresh")
    np.testing.assert_array_equal(warm[0], fresh[0])

    def change(frames: list[np.ndarray]) -> float:
        return float(np.abs(frames[2].astype(int) - frames[1]).mean())

    assert change(warm) < change(fresh) / 2, "different noise in every frame flickers, a warm start does not"


def test_a_hard_cut_begins_anew(tmp_path: Path, style: Path) -> None:
    """The first frame behind a cut is what it would be with nothing before it, unless cuts are not looked for."""
    shots = tmp_path / "shots"
    shots.mkdir()
    for number in range(4):
        picture = paint_picture(shots / f"{number}.png", seed=1 + number // 2)
        if number >= 2:
            Pillow.fromarray(255 - np.array(Pillow.open(picture)) // 3).save(picture)
    stylize_video(shots, style, tmp_path / "auto", **SMALL)
    stylize_video(shots, style, tmp_path / "fresh", carry="none", **SMALL)
    stylize_video(shots, style, tmp_path / "through", cuts="none", **SMALL)
    auto, fresh, through = (pictures(tmp_path / name) for name in ("auto", "fresh", "through"))
    np.testing.assert_array_equal(auto[2], fresh[2])
    assert not np.array_equal(auto[1], fresh[1]), "within a shot the painting is carried on"
    assert not np.array_equal(through[2], fresh[2])


def test_killed_in_the_middle_of_a_frame_and_resumed(tmp_path: Path, style: Path, folder: Path) -> None:
    job = (folder, "--style", style, *QUICK, "--carried-steps", "40", "--set", "tolerance=0", "--size", "48")
    assert reelbrush("video", *job, "-o", tmp_path / "whole").returncode == 0
    process = start("video", *job, "-o", tmp_path / "out")
    work = tmp_path / "out.reelbrush" / "frames"
    wait_for(work / "000001.png")
    process.send_signal(signal.SIGKILL)
    process.communicate()
    finished = len(list(work.glob("0*.png")))
    assert 2 <= finished < 5, "the kill came in the middle"
    assert not (tmp_path / "out").exists()
    again = reelbrush("video", *job, "-o", tmp_path / "out", "--json")
    assert again.returncode == 0, again.stderr
    assert events(again.stdout)[-1]["painted"] == 5 - finished
    assert len(pictures(tmp_path / "out")) == 5
    for a, b in zip(pictures(tmp_path / "whole"), pictures(tmp_path / "out"), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.skipif(sys.platform == "win32", reason="the slow encoder is a shell script")
def test_killed_while_encoding_and_resumed(tmp_path: Path, style: Path, folder: Path) -> None:
    """The real ffmpeg, made to start late wherever it encodes, so that the kill surely comes before it is done."""
    slow = tmp_path / "slow-ffmpeg"
    slow.write_text(f'#!/bin/sh\ncase "$*" in *pipe:0*) sleep 5;; esac\nexec {imageio_ffmpeg.get_ffmpeg_exe()} "$@"\n')
    slow.chmod(slow.stat().st_mode | stat.S_IXUSR)
    job = (folder, "--style", style, *QUICK, "--carried-steps", "5", "--json", "--keep")
    assert reelbrush("video", *job, "-o", tmp_path / "whole.mp4").returncode == 0
    process = start("video", *job, "-o", tmp_path / "out.mp4", IMAGEIO_FFMPEG_EXE=str(slow))
    assert process.stdout is not None
    for line in process.stdout:
        if json.loads(line).get("text") == "Encoding":
            break
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not (tmp_path / "out.mp4").exists()
    again = reelbrush("video", *job, "-o", tmp_path / "out.mp4")
    assert again.returncode == 0, again.stderr
    assert (tmp_path / "out.mp4").read_bytes() == (tmp_path / "whole.mp4").read_bytes()
    stored = [pictures(tmp_path / f"{name}.mp4.reelbrush" / "frames") for name in ("whole", "out")]
    for a, b in zip(*stored, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_interrupted_leaves_its_frames_and_no_ffmpeg(
    tmp_path: Path, style: Path, folder: Path, number: int, code: int
) -> None:
    job = (folder, "--style", style, *QUICK, "--carried-steps", "300", "--set", "tolerance=0")
    process = start("video", *job, "-o", tmp_path / "out.mp4")
    wait_for(tmp_path / "out.mp4.reelbrush" / "frames" / "000000.png")
    process.send_signal(number)
    _, said = process.communicate(timeout=60)
    assert process.returncode == code
    assert "Traceback" not in said
    assert "goes on" in said
    assert not (tmp_path / "out.mp4").exists()
    assert not [path for path in tmp_path.iterdir() if "part" in path.name]
    assert not ffmpeg_children()


def test_other_settings_are_refused_and_restart_begins_anew(tmp_path: Path, style: Path, folder: Path) -> None:
    out = tmp_path / "out"
    stylize_video(folder, style, out, keep=True, **SMALL)
    for path in out.iterdir():
        path.unlink()
    out.rmdir()
    with pytest.raises(StoreError, match=r"settings\.seed \(0, now 3\).*--restart"):
        stylize_video(folder, style, out, seed=3, **SMALL)
    paint_picture(folder / "frame_003.png", seed=77)
    with pytest.raises(StoreError, match="input"):
        stylize_video(folder, style, out, **SMALL)
    assert stylize_video(folder, style, out, seed=3, restart=True, **SMALL).painted == 5


def test_existing_output_is_refused_before_painting_and_survives(tmp_path: Path, style: Path, folder: Path) -> None:
    out = tmp_path / "out.mp4"
    out.write_bytes(b"precious")
    with pytest.raises(OutputError, match="--overwrite"):
        stylize_video(folder, style, out, **SMALL)
    assert out.read_bytes() == b"precious"
    assert not list(tmp_path.glob("*.reelbrush"))
    stylize_video(folder, style, out, overwrite=True, **SMALL)
    assert open_source(out).info.frames == 5


def test_the_input_is_never_the_output(tmp_path: Path, style: Path) -> None:
    source = clip(tmp_path / "in.mp4", frames=3)
    before = source.read_bytes()
    for outputs in ({"output": source}, {"output": tmp_path / "o.mp4", "gif": tmp_path / "o.mp4"}):
        with pytest.raises(UsageError):
            stylize_video(source, style, overwrite=True, **outputs, **SMALL)
    assert source.read_bytes() == before


def painted(level: int, stopped: Stop = Stop.STEPS) -> Painted:
    return Painted(np.full((4, 6, 3), level, np.uint8), {"total": 1.0}, 5, 0.1, stopped)


def test_store_counts_from_zero_without_a_gap(tmp_path: Path) -> None:
    store = FrameStore(tmp_path / "work", {"a": 1})
    for index in range(4):
        store.put(index, painted(index))
    store.close()
    store.path(2).unlink()
    again = FrameStore(tmp_path / "work", {"a": 1})
    assert again.next_index == 2
    assert not again.path(3).exists(), "what lies beyond a gap is not trusted"
    assert [int(image[0, 0, 0]) for image in again.images()] == [0, 1]


def test_store_drops_a_damaged_last_frame(tmp_path: Path) -> None:
    store = FrameStore(tmp_path / "work", {})
    for index in range(3):
        store.put(index, painted(index))
    store.close()
    data = store.path(2).read_bytes()
    store.path(2).write_bytes(data[: len(data) // 2])
    assert FrameStore(tmp_path / "work", {}).next_index == 2


def test_store_names_a_damaged_frame_in_the_middle(tmp_path: Path) -> None:
    store = FrameStore(tmp_path / "work", {})
    for index in range(3):
        store.put(index, painted(index))
    store.path(1).write_bytes(b"no picture")
    with pytest.raises(StoreError, match=r"000001\.png"):
        list(store.images())


def test_an_unstable_frame_is_never_handed_on(tmp_path: Path) -> None:
    store = FrameStore(tmp_path / "work", {})
    store.put(0, painted(7))
    store.put(1, painted(8, Stop.UNSTABLE))
    carried = store.carried(1)
    assert carried is not None
    assert int(carried[0, 0, 0]) == 7
    assert store.carried(2) is None


def test_two_processes_do_not_share_a_work_folder(tmp_path: Path) -> None:
    first = FrameStore(tmp_path / "work", {})
    with pytest.raises(StoreError, match="Another reelbrush"):
        FrameStore(tmp_path / "work", {})
    first.close()
    FrameStore(tmp_path / "work", {}).close()
