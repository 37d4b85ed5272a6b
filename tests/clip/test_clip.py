"""A clip from end to end: resumed after a kill it gives the same frames, and nothing unfinished gets a name."""

from __future__ import annotations

import json
import math
import shutil
import signal
import stat
import sys
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import numpy as np
import pytest
from jobs import (
    QUICK,
    SMALL,
    assert_killed_is_whole,
    invoke,
    moving_folder,
    paint_folder,
    paint_picture,
    pictures,
    reelbrush,
    start,
    wait_for,
)  # fmt: skip
from media_clips import clip, ffmpeg, ffmpeg_children
from PIL import Image as Pillow

from pipeline.atomic import remove
from pipeline.clip.events import Damaged, Event, FrameDone, Repainted, Started
from pipeline.clip.frame_store import FrameStore
from pipeline.clip.kept_json import keep_json, read_json
from pipeline.clip.loss_monitor import LossMonitor
from pipeline.clip.moves import PreviousPaintings
from pipeline.clip.passes import Pass
from pipeline.clip.work_folder import WorkFolder
from pipeline.errors import OutputError, PaintingError, StoreError, UsageError
from pipeline.media import open_source, read_metadata
from pipeline.media.ffmpeg import address
from pipeline.media.file_streams import read_contents
from pipeline.style.frame import PaintedFrame, WarmStart
from pipeline.style.optimise import Stop
from pipeline.style.painter import Painter
from reelbrush import stylize_video


@pytest.fixture
def style(tmp_path: Path) -> Path:
    return paint_picture(tmp_path / "style.png", seed=9)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return paint_folder(tmp_path / "in")


def started(told: list[Event]) -> Started:
    return next(event for event in reversed(told) if isinstance(event, Started))


def test_a_video_keeps_rate_frames_and_sound(tmp_path: Path, style: Path) -> None:
    source = clip(tmp_path / "in.mp4", frames=6, rate="24000/1001", sound=True)
    told: list[Event] = []
    result = stylize_video(source, style, tmp_path / "out.mp4", gif=tmp_path / "out.gif", on_event=told.append, **SMALL)
    notes = (*started(told).notes, *result.notes)
    assert [note for note in notes if "Not taken over" in note or "sound" in note] == [], (
        "that a GIF has no sound is not news beside a video that has it"
    )
    info = open_source(tmp_path / "out.mp4").info
    assert (info.frames, info.rate, info.audio) == (6, Fraction(24000, 1001), "aac")
    assert (info.width, info.height) == (64, 48)
    assert open_source(tmp_path / "out.gif").info.frames == 6
    assert (result.frames, result.painted) == (6, 6)
    assert not list(tmp_path.glob("*.reelbrush")), "the work folder goes when all is done"
    assert not list(tmp_path.glob(".*")), "no part files"


def test_the_numbers_of_a_folder_are_kept(tmp_path: Path, style: Path) -> None:
    (tmp_path / "shot").mkdir()
    for number in (101, 102, 107):
        paint_picture(tmp_path / "shot" / f"shot_{number:04d}.png", seed=number)
    told: list[Event] = []
    stylize_video(tmp_path / "shot", style, tmp_path / "out", on_event=told.append, **SMALL)
    made = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert made == ["frame_000101.png", "frame_000102.png", "frame_000107.png"]
    assert any("after 102 comes 107" in note for note in started(told).notes)
    stylize_video(tmp_path / "shot", style, tmp_path / "part", frames="1:3", **SMALL)
    assert sorted(path.name for path in (tmp_path / "part").iterdir()) == made[1:]


def test_without_its_sound(tmp_path: Path, style: Path) -> None:
    source = clip(tmp_path / "in.mp4", frames=2, sound=True)
    result = stylize_video(source, style, tmp_path / "out.mp4", audio="none", **SMALL)
    assert open_source(tmp_path / "out.mp4").info.audio is None
    assert not any("sound" in note for note in result.notes)


def test_sound_that_goes_on_after_the_last_picture_is_told(tmp_path: Path, style: Path) -> None:
    source = clip(tmp_path / "in.mp4", frames=2, rate="10")
    ffmpeg(
        "-i", address(source), "-f", "lavfi", "-i", "sine=duration=3", "-c:v", "copy", address(tmp_path / "long.mp4")
    )
    result = stylize_video(tmp_path / "long.mp4", style, tmp_path / "out.mp4", **SMALL)
    assert (
        "The sound goes on for 2.8 s after the last picture, which stays meanwhile; shortest=True cuts it."
        in result.notes
    )


def test_audio_tracks_are_chosen_on_the_command_line(tmp_path: Path, style: Path) -> None:
    source = address(clip(tmp_path / "one.mp4", frames=1, sound=True))
    ffmpeg("-i", source, "-map", "0", "-map", "0:a", "-c", "copy", address(tmp_path / "two.mp4"))
    for choice, tracks in (("all", 2), ("2", 1)):
        out = tmp_path / f"{choice}.mp4"
        told = invoke("video", tmp_path / "two.mp4", "-s", style, "-o", out, "--audio", choice, *QUICK)
        assert told.exit_code == 0, told.stderr
        assert len(read_contents(out).of("audio")) == tracks
    for wrong, why in (("loud", "is none of default, all, none"), ("3", "there is no audio track 3")):
        told = invoke("video", tmp_path / "two.mp4", "-s", style, "-o", tmp_path / "no.mp4", "--audio", wrong, *QUICK)
        assert told.exit_code != 0 and why in " ".join(told.stderr.split())


def test_a_result_says_how_it_was_made(tmp_path: Path, style: Path) -> None:
    source = clip(tmp_path / "in.mp4", frames=2)
    stylize_video(source, style, tmp_path / "out.mp4", seed=77, **SMALL)
    made = json.dumps(read_metadata(tmp_path / "out.mp4"))
    assert "original VGG-19" in made
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
        path = paint_picture(shots / f"{number}.png", seed=1 + number // 2)
        pixels = np.roll(np.array(Pillow.open(path)), number, axis=1)
        Pillow.fromarray(255 - pixels // 3 if number >= 2 else pixels).save(path)
    stylize_video(shots, style, tmp_path / "auto", **SMALL)
    stylize_video(shots, style, tmp_path / "fresh", carry="none", **SMALL)
    stylize_video(shots, style, tmp_path / "through", cuts="none", **SMALL)
    auto, fresh, through = (pictures(tmp_path / name) for name in ("auto", "fresh", "through"))
    np.testing.assert_array_equal(auto[2], fresh[2])
    assert not np.array_equal(auto[1], fresh[1]), "within a shot the painting is carried on"
    assert not np.array_equal(through[2], fresh[2])


def test_cuts_are_looked_for_once_and_kept(tmp_path: Path, style: Path) -> None:
    """A resumed job has the same shots without looking again; another job in the same place looks."""
    told: list[Event] = []
    folder = moving_folder(tmp_path / "in", 6, cut=3)
    stylize_video(folder, style, tmp_path / "out", keep=True, on_event=told.append, **SMALL)
    assert started(told).cuts == (3,)
    kept = tmp_path / "out.reelbrush" / "shots.json"
    assert read_json(kept) == [[0, 3], [3, 6]]
    keep_json(kept, [[0, 2], [2, 6]])
    remove(tmp_path / "out")
    told.clear()
    stylize_video(folder, style, tmp_path / "out", keep=True, on_event=told.append, **SMALL)
    assert started(told).cuts == (2,), "what was kept counts"
    remove(tmp_path / "out")
    stylize_video(moving_folder(tmp_path / "other", 6), style, tmp_path / "out", restart=True, **SMALL)
    assert len(pictures(tmp_path / "out")) == 6


def test_cuts_as_told(tmp_path: Path, style: Path) -> None:
    told: list[Event] = []
    folder = moving_folder(tmp_path / "in", 4)
    stylize_video(folder, style, tmp_path / "out", cuts="2", on_event=told.append, **SMALL)
    stylize_video(folder, style, tmp_path / "fresh", carry="none", **SMALL)
    assert started(told).cuts == (2,)
    out, fresh = pictures(tmp_path / "out"), pictures(tmp_path / "fresh")
    assert [np.array_equal(a, b) for a, b in zip(out, fresh, strict=True)] == [True, False, True, False]
    with pytest.raises(UsageError, match="only 4 frames"):
        stylize_video(folder, style, tmp_path / "late", cuts="4", **SMALL)
    assert not (tmp_path / "late.reelbrush").exists()


def test_still_frames_cost_nothing(tmp_path: Path, style: Path) -> None:
    told: list[Event] = []
    folder = moving_folder(tmp_path / "in", 5, hold=(2, 3))
    stylize_video(folder, style, tmp_path / "out", on_event=told.append, **SMALL)
    done = [event for event in told if isinstance(event, FrameDone)]
    assert [event.stopped for event in done] == ["steps", "steps", "still", "still", "steps"]
    assert [event.steps for event in done] == [6, 5, 0, 0, 5]
    assert done[2].losses == done[3].losses == done[1].losses
    out = pictures(tmp_path / "out")
    np.testing.assert_array_equal(out[1], out[2])
    np.testing.assert_array_equal(out[1], out[3])
    told.clear()
    stylize_video(folder, style, tmp_path / "anew", carry="none", on_event=told.append, **SMALL)
    assert [event.steps for event in told if isinstance(event, FrameDone)] == [6] * 5, "unless nothing is carried"


def test_a_frame_that_hardly_changes_stops_soon(tmp_path: Path, style: Path) -> None:
    """It starts at its solution, which the plateau rule sees."""
    told: list[Event] = []
    folder = moving_folder(tmp_path / "in", 1)
    pixels = np.array(Pillow.open(folder / "0.png"))
    for number in range(1, 7):
        pixels[0, number] ^= 1
        Pillow.fromarray(pixels).save(folder / f"{number}.png")
    long = {**SMALL, "steps": 60, "carried_steps": 60, "tolerance": 0.02, "patience": 5}
    stylize_video(folder, style, tmp_path / "out", on_event=told.append, **long)
    done = [event for event in told if isinstance(event, FrameDone)]
    assert {event.stopped for event in done[2:]} == {"plateau"}
    assert sum(event.steps for event in done[1:]) <= 0.5 * 60 * len(done[1:])


# ---- frames that come out wrong


def spoilt(monkeypatch: pytest.MonkeyPatch, at: int, fault: Callable[[PaintedFrame], PaintedFrame]) -> None:
    """Frame `at` comes out wrong where it is carried."""
    right = Painter.paint

    def paint(
        self: Painter, content: np.ndarray, carried: WarmStart | None, index: int, *rest: Any, **more: Any
    ) -> PaintedFrame:
        found = right(self, content, carried, index, *rest, **more)
        return fault(found) if index == at and carried is not None else found

    monkeypatch.setattr(Painter, "paint", paint)


def ten_times(found: PaintedFrame) -> PaintedFrame:
    return replace(found, image=255 - found.image, losses={**found.losses, "total": 10 * found.losses["total"]})


def without_a_loss(found: PaintedFrame) -> PaintedFrame:
    raise PaintingError("The loss of a frame is not a finite number.")


def not_a_number(found: PaintedFrame) -> PaintedFrame:
    return replace(found, losses={**found.losses, "total": math.nan})


@pytest.mark.parametrize(("at", "fault"), [(4, ten_times), (1, without_a_loss), (1, not_a_number)])
def test_a_frame_that_came_out_wrong_is_painted_anew(
    tmp_path: Path, style: Path, monkeypatch: pytest.MonkeyPatch, at: int, fault: Callable[[PaintedFrame], PaintedFrame]
) -> None:
    folder = moving_folder(tmp_path / "in", at + 2)
    common = {**SMALL, "cuts": "none", "steps": 25, "carried_steps": 12}
    told: list[Event] = []
    stylize_video(folder, style, tmp_path / "sound", on_event=told.append, **common)
    assert not [event for event in told if isinstance(event, Repainted)]
    stylize_video(folder, style, tmp_path / "fresh", carry="none", **common)
    spoilt(monkeypatch, at, fault)
    stylize_video(folder, style, tmp_path / "spoilt", on_event=told.append, **common)
    (found,) = [event for event in told if isinstance(event, Repainted)]
    assert (found.frame, found.kept) == (at, "fresh")
    assert (found.carried_loss is None) == (fault in {without_a_loss, not_a_number})
    sound, mended, fresh = (pictures(tmp_path / name) for name in ("sound", "spoilt", "fresh"))
    np.testing.assert_array_equal(mended[at], fresh[at])
    np.testing.assert_array_equal(mended[at - 1], sound[at - 1])
    assert not np.array_equal(mended[at + 1], fresh[at + 1]), "and the next one is carried on from it"


def test_the_better_painting_of_two_is_kept(tmp_path: Path, style: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = moving_folder(tmp_path / "in", 3)
    monkeypatch.setattr(LossMonitor, "suspects", lambda *_: True)
    told: list[Event] = []
    # What is painted anew has one step, what is carried twelve.
    stylize_video(folder, style, tmp_path / "out", on_event=told.append, **{**SMALL, "steps": 1, "carried_steps": 12})
    found = [event for event in told if isinstance(event, Repainted)]
    assert [event.frame for event in found] == [1, 2]
    for event in found:
        assert event.carried_loss is not None and event.fresh_loss is not None
        assert event.kept == ("fresh" if event.fresh_loss < event.carried_loss else "carried")
    assert "carried" in {event.kept for event in found}


def test_a_second_painting_that_fails_costs_nothing(
    tmp_path: Path, style: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = moving_folder(tmp_path / "in", 3)
    stylize_video(folder, style, tmp_path / "sound", **SMALL)
    monkeypatch.setattr(LossMonitor, "suspects", lambda *_: True)
    right = Painter.paint

    def paint(
        self: Painter, content: np.ndarray, carried: WarmStart | None, index: int, *rest: Any, **more: Any
    ) -> PaintedFrame:
        if carried is None and index:
            raise PaintingError("The loss of a frame is not a finite number.")
        return right(self, content, carried, index, *rest, **more)

    monkeypatch.setattr(Painter, "paint", paint)
    told: list[Event] = []
    stylize_video(folder, style, tmp_path / "out", on_event=told.append, **SMALL)
    assert [event.kept for event in told if isinstance(event, Repainted)] == ["carried"] * 2
    for a, b in zip(pictures(tmp_path / "sound"), pictures(tmp_path / "out"), strict=True):
        np.testing.assert_array_equal(a, b)


# ---- killed and resumed


@pytest.mark.parametrize("back", ["1", "1,2,4"])
def test_killed_in_the_middle_of_a_shot_and_resumed(tmp_path: Path, style: Path, back: str) -> None:
    """What the temporal loss expects comes from frames that the killed run has painted."""
    folder = moving_folder(tmp_path / "in", 7, cut=6)
    job = (folder, "--style", style, *QUICK, "--carried-steps", "30", "--set", "tolerance=0",
           "--set", f"long_term={back}")  # fmt: skip
    assert_killed_is_whole(tmp_path, job, "frames/000003.png", least=4, frames=7)


def test_killed_in_the_middle_of_a_frame_and_resumed(tmp_path: Path, style: Path, folder: Path) -> None:
    job = (folder, "--style", style, *QUICK, "--carried-steps", "40", "--set", "tolerance=0", "--size", "48")
    assert_killed_is_whole(tmp_path, job, "frames/000001.png", least=2, frames=5)


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
    with pytest.raises(StoreError, match=r"settings\.seed \(0, now 3\).*restart=True"):
        stylize_video(folder, style, out, seed=3, **SMALL)
    paint_picture(folder / "frame_003.png", seed=77)
    with pytest.raises(StoreError, match="input"):
        stylize_video(folder, style, out, **SMALL)
    assert stylize_video(folder, style, out, seed=3, restart=True, **SMALL).painted == 5


def test_existing_output_is_refused_before_painting_and_survives(tmp_path: Path, style: Path, folder: Path) -> None:
    out = tmp_path / "out.mp4"
    out.write_bytes(b"precious")
    with pytest.raises(OutputError, match="overwrite=True"):
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


def painted(level: int, stopped: Stop = Stop.STEPS) -> PaintedFrame:
    return PaintedFrame(np.full((4, 6, 3), level, np.uint8), {"total": 1.0}, 5, 0.1, stopped)


@pytest.mark.parametrize("order", [range(5), range(4, -1, -1)])
def test_store_counts_in_order_without_a_gap(tmp_path: Path, order: range) -> None:
    store = FrameStore(tmp_path / "work", order)
    for index in order[:4]:
        store.put(index, painted(index))
    store.path(order[2]).unlink()
    again = FrameStore(tmp_path / "work", order)
    assert again.done == 2 and not again.whole
    assert not again.path(order[3]).exists(), "what lies beyond a gap is not trusted"
    assert [(number, int(image[0, 0, 0])) for number, image in again.images()] == [(i, i) for i in sorted(order[:2])]


def test_store_drops_a_damaged_last_frame(tmp_path: Path) -> None:
    store = FrameStore(tmp_path / "work", range(3))
    for index in range(3):
        store.put(index, painted(index))
    data = store.path(2).read_bytes()
    store.path(2).write_bytes(data[: len(data) // 2])
    assert FrameStore(tmp_path / "work", range(3)).done == 2


def test_store_names_a_damaged_frame_in_the_middle(tmp_path: Path) -> None:
    store = FrameStore(tmp_path / "work", range(3))
    for index in range(3):
        store.put(index, painted(index))
    store.path(1).write_bytes(b"no picture")
    with pytest.raises(StoreError, match=r"000001\.png"):
        list(store.images())


def one_bit(path: Path) -> None:
    data = bytearray(path.read_bytes())
    # The last chunks are the end of the pixels (a check sum of four bytes) and a mark of twelve.
    data[-20] ^= 1
    path.write_bytes(data)


def cut_short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def saved_by_another_program(path: Path) -> None:
    Pillow.new("RGB", (6, 4)).save(path)


@pytest.mark.parametrize("damage", [one_bit, cut_short, empty, saved_by_another_program])
@pytest.mark.parametrize("frame", [0, 1, 2])
def test_a_work_folder_gives_up_a_damaged_frame(tmp_path: Path, frame: int, damage: Callable[[Path], None]) -> None:
    """And what was painted after it; a resumed job paints that again without being asked to."""
    one = Pass(1, 1, 4)
    work = WorkFolder(tmp_path / "work", {}, [one])
    store = work.frames(one)
    for index in range(3):
        store.put(index, painted(index))
    work.close()
    damage(store.path(frame))
    told: list[Event] = []
    again = WorkFolder(tmp_path / "work", {}, [one], on_event=told.append)
    assert told == [Damaged(frame, 1)]
    assert again.frames(one).done == frame
    assert [path.exists() for path in map(store.path, range(3))] == [index < frame for index in range(3)]
    again.close()


def test_a_damaged_frame_of_an_earlier_pass(tmp_path: Path) -> None:
    """What the next pass has made of it goes as well; sound frames stay, without a word."""
    passes = [Pass(number, 2, 3) for number in (1, 2)]
    work = WorkFolder(tmp_path / "work", {}, passes)
    for one, count in zip(passes, (3, 2), strict=True):
        store = work.frames(one)
        for index in one.order[:count]:
            store.put(index, painted(index))
    work.close()
    told: list[Event] = []
    sound = WorkFolder(tmp_path / "work", {}, passes, on_event=told.append)
    assert (told, sound.reached(), sound.frames(passes[1]).done) == ([], passes[1], 2)
    sound.close()
    one_bit(tmp_path / "work" / "pass1" / "000001.png")
    again = WorkFolder(tmp_path / "work", {}, passes, on_event=told.append)
    assert told == [Damaged(1, 1)]
    assert again.reached() == passes[0]
    assert [again.frames(one).done for one in passes] == [1, 0]
    again.close()


def test_the_losses_of_a_pass_outlive_its_frames_and_a_kill_while_these_go(tmp_path: Path) -> None:
    passes = [Pass(number, 2, 3) for number in (1, 2)]
    work = WorkFolder(tmp_path / "work", {}, passes)
    for one in passes:
        store = work.frames(one)
        for index in one.order:
            store.put(index, painted(index))
    first = work.frames(passes[0])
    losses, spare = {str(index): first.record(index)["losses"] for index in range(3)}, tmp_path / "spare"
    shutil.copytree(tmp_path / "work" / "pass1", spare)
    work.end()
    kept = tmp_path / "work" / "losses1.json"
    assert read_json(kept) == losses and not (tmp_path / "work" / "pass1").exists()
    (spare / "000001.png").unlink()
    spare.rename(tmp_path / "work" / "pass1")
    work.end()
    assert read_json(kept) == losses and not (tmp_path / "work" / "pass1").exists()
    work.close()


def test_an_unstable_frame_is_never_handed_on(tmp_path: Path) -> None:
    store = FrameStore(tmp_path / "work", range(3))
    store.put(0, painted(7))
    store.put(1, painted(8, Stop.UNSTABLE))
    previous = PreviousPaintings(store)
    carried = previous.image(1)
    assert carried is not None
    assert int(carried[0, 0, 0]) == 7
    assert previous.image(2) is None


def test_two_processes_do_not_share_a_work_folder(tmp_path: Path) -> None:
    first = WorkFolder(tmp_path / "work", {}, [Pass(1, 1, 3)])
    with pytest.raises(StoreError, match="Another reelbrush"):
        WorkFolder(tmp_path / "work", {}, [Pass(1, 1, 3)])
    first.close()
    WorkFolder(tmp_path / "work", {}, [Pass(1, 1, 3)]).close()
