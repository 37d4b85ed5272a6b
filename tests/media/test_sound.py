"""Sound: copied, cut, in its place."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from media_clips import clip, copy_clip, ffmpeg, plan, sound_packets

from pipeline.media import Frame, Sound, open_sink, open_source
from pipeline.media.ffmpeg import address, run
from pipeline.media.plan import SinkPlan


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sounds")


@pytest.fixture(scope="module")
def beeps(folder: Path) -> Path:
    """Two seconds at 25 frames: silence, but for a beep from 1.0 to 1.2 s."""
    path = folder / "beeps.mp4"
    ffmpeg(
        *("-f", "lavfi", "-i", "testsrc2=size=64x48:rate=25:duration=2"),
        *("-f", "lavfi", "-i", "aevalsrc='if(between(t,1,1.2),sin(2*PI*1000*t),0)':s=48000:d=2"),
        *("-pix_fmt", "yuv420p", "-g", "10", address(path)),
    )
    return path


def beep_start(path: Path) -> float:
    """When the first loud sample is heard, in seconds after the first frame is shown."""
    info = open_source(path).info
    samples = run(["-i", address(path), "-map", "0:a:0", "-ac", "1", "-af", "aresample=48000:async=1:first_pts=0",
                   "-f", "f32le", "pipe:1"]).out  # fmt: skip
    loud = np.flatnonzero(np.abs(np.frombuffer(samples, np.float32)) > 0.1)
    return float(loud[0] / 48000 - info.start)


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_sound_is_copied_packet_by_packet(tmp_path: Path, beeps: Path, suffix: str) -> None:
    sink = copy_clip(open_source(beeps), tmp_path / f"out{suffix}")
    before, after = sound_packets(beeps), sound_packets(tmp_path / f"out{suffix}")
    assert [packet[1:] for packet in after] == [packet[1:] for packet in before]
    assert open_source(tmp_path / f"out{suffix}").info.audio == "aac"
    assert abs(beep_start(tmp_path / f"out{suffix}") - 1.0) < 0.01
    assert sink.notes == ()


def test_sound_is_encoded_anew_where_it_must_be(tmp_path: Path, beeps: Path) -> None:
    sink = copy_clip(open_source(beeps), tmp_path / "out.webm")
    assert open_source(tmp_path / "out.webm").info.audio == "opus"
    assert abs(beep_start(tmp_path / "out.webm") - 1.0) < 0.01
    assert any("Opus" in note for note in sink.notes)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".webm"])
@pytest.mark.parametrize("first", [7, 20])
def test_sound_of_a_slice(tmp_path: Path, beeps: Path, suffix: str, first: int) -> None:
    source = open_source(beeps, frames=(first, 40))
    copy_clip(source, tmp_path / f"out{suffix}")
    info = open_source(tmp_path / f"out{suffix}").info
    assert info.frames == 40 - first and info.duration == Fraction(40 - first, 25)
    assert abs(beep_start(tmp_path / f"out{suffix}") - (1 - first / 25)) < 0.03
    assert info.start < Fraction(1, 20)
    starts = [packet[0] - float(info.start) for packet in sound_packets(tmp_path / f"out{suffix}")]
    assert -0.03 < starts[0] < 0.03 and starts[-1] < float(info.duration)


def test_slice_of_a_transport_stream(tmp_path: Path, beeps: Path) -> None:
    """Its clock does not begin at 0, and neither do pictures and sound begin together."""
    ffmpeg("-i", address(beeps), "-c", "copy", "-output_ts_offset", "5", address(tmp_path / "in.ts"))
    assert abs(beep_start(tmp_path / "in.ts") - 1.0) < 0.03
    copy_clip(open_source(tmp_path / "in.ts", frames=(10, 40)), tmp_path / "out.mp4")
    assert abs(beep_start(tmp_path / "out.mp4") - 0.6) < 0.04


@pytest.mark.parametrize("delay", [0.5, -0.3])
@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_late_and_early_sound_keeps_its_place(tmp_path: Path, beeps: Path, suffix: str, delay: float) -> None:
    late = tmp_path / "late.mkv"
    pictures, sound = (0, delay) if delay > 0 else (-delay, 0)
    ffmpeg(
        *("-itsoffset", str(pictures), "-i", address(beeps), "-itsoffset", str(sound), "-i", address(beeps)),
        *("-map", "0:v", "-map", "1:a", "-c", "copy", address(late)),
    )
    before = beep_start(late)
    assert abs(before - (1 + delay)) < 0.03
    copy_clip(open_source(late), tmp_path / f"out{suffix}")
    assert abs(beep_start(tmp_path / f"out{suffix}") - before) < 0.03
    copy_clip(open_source(late, frames=(5, 45)), tmp_path / f"slice{suffix}")
    assert abs(beep_start(tmp_path / f"slice{suffix}") - (before - 0.2)) < 0.03


def test_long_sound_does_not_lengthen_the_clip(tmp_path: Path) -> None:
    pictures = clip(tmp_path / "short.mp4", frames=10)
    ffmpeg(
        *("-i", address(pictures), "-f", "lavfi", "-i", "sine=duration=3", "-c:v", "copy"),
        address(tmp_path / "long.mp4"),
    )
    copy_clip(open_source(tmp_path / "long.mp4"), tmp_path / "out.mp4")
    packets = sound_packets(tmp_path / "out.mp4")
    assert 0.3 < packets[-1][0] < 0.4
    assert open_source(tmp_path / "out.mp4").info.duration == Fraction(10, 25)


def test_short_sound_is_fine(tmp_path: Path) -> None:
    pictures = clip(tmp_path / "long.mp4", frames=50)
    ffmpeg(
        *("-i", address(pictures), "-f", "lavfi", "-i", "sine=duration=0.5", "-c:v", "copy"),
        address(tmp_path / "short.mp4"),
    )
    copy_clip(open_source(tmp_path / "short.mp4"), tmp_path / "out.mp4")
    assert open_source(tmp_path / "out.mp4").info.frames == 50
    assert len(sound_packets(tmp_path / "out.mp4")) == len(sound_packets(tmp_path / "short.mp4"))
    sink = copy_clip(open_source(tmp_path / "short.mp4", frames=(30, 50)), tmp_path / "later.mp4")
    assert open_source(tmp_path / "later.mp4").info.audio is None
    assert any("no sound in this stretch" in note for note in sink.notes)


def test_silent_clip(tmp_path: Path) -> None:
    copy_clip(open_source(clip(tmp_path / "in.mp4")), tmp_path / "out.mp4")
    assert open_source(tmp_path / "out.mp4").info.audio is None


@pytest.mark.parametrize("name", ["out.gif", "out"])
def test_where_there_is_no_room_for_sound(tmp_path: Path, beeps: Path, name: str) -> None:
    sink = copy_clip(open_source(beeps, frames=(0, 5)), tmp_path / name)
    assert any("sound is left out" in note for note in sink.notes)


@pytest.mark.parametrize(
    ("codec", "suffix", "copied"),
    [("pcm_s16le", ".mp4", False), ("pcm_s16le", ".mkv", True), ("libopus", ".webm", True), ("mp3", ".mp4", True)],
)
def test_codecs_and_containers(tmp_path: Path, codec: str, suffix: str, copied: bool) -> None:
    source = clip(tmp_path / "in.mkv", sound=True, extra=("-c:a", "libmp3lame" if codec == "mp3" else codec))
    sink = copy_clip(open_source(source), tmp_path / f"out{suffix}")
    before, after = open_source(source).info.audio, open_source(tmp_path / f"out{suffix}").info.audio
    assert (before == after) == copied
    assert any("encoded anew" in note for note in sink.notes) != copied


def test_rate_changed_and_sound_kept(tmp_path: Path, beeps: Path) -> None:
    copy_clip(open_source(beeps, fps=Fraction(12)), tmp_path / "out.mp4")
    assert abs(beep_start(tmp_path / "out.mp4") - 1.0) < 0.01
    assert open_source(tmp_path / "out.mp4").info.frames == 24


def test_variable_clip_with_sound_keeps_its_times(tmp_path: Path, beeps: Path) -> None:
    times = tuple(Fraction(k, 100) for k in (0, 4, 30, 31, 90))
    arguments = plan(tmp_path / "v.mp4", times=times, duration=Fraction(2), rate=Fraction(5, 2), variable=True)
    with open_sink(SinkPlan(**arguments, sound=Sound(beeps, Fraction(0), Fraction(2)))) as sink:
        for index, at in enumerate(times):
            sink.put(Frame(index, at, np.full((48, 64, 3), index * 40, np.uint8)))
        sink.finish()
    info = open_source(tmp_path / "v.mp4").info
    assert info.times == times and info.duration == 2 and info.audio == "aac"
