"""Sound: copied, cut, in its place."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from media_clips import clip, copy_clip, ffmpeg, plan, sound_packets, write_clip

from pipeline.errors import OutputError
from pipeline.media import Frame, Sound, open_sink, open_source
from pipeline.media.channels import channel_count
from pipeline.media.ffmpeg import address, run
from pipeline.media.file_streams import read_contents
from pipeline.media.listing import Listing
from pipeline.media.plan import SinkPlan
from pipeline.media.sound import Way, sound_begins


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


def test_sound_goes_on_after_the_last_picture_unless_it_is_to_be_cut(tmp_path: Path) -> None:
    pictures = clip(tmp_path / "short.mp4", frames=10)
    ffmpeg(
        *("-i", address(pictures), "-f", "lavfi", "-i", "sine=duration=3", "-c:v", "copy"),
        address(tmp_path / "long.mp4"),
    )
    sink = copy_clip(open_source(tmp_path / "long.mp4"), tmp_path / "out.mp4")
    assert sink.notes == (
        "The sound goes on for 2.6 s after the last picture, which stays meanwhile; --shortest cuts it.",
    )
    cut = {"cut.mp4": {"shortest": True}, "part.mp4": {}}
    for (name, how), frames in zip(cut.items(), (None, (2, 8)), strict=True):
        assert copy_clip(open_source(tmp_path / "long.mp4", frames=frames), tmp_path / name, **how).notes == ()
    copy_clip(open_source(tmp_path / "long.mp4", frames=(2, None)), tmp_path / "end.mkv")
    copy_clip(open_source(tmp_path / "long.mp4"), tmp_path / "encoded.webm")
    last = {path.name: sound_packets(path)[-1][0] for path in tmp_path.iterdir() if path.name != "short.mp4"}
    assert {name: round(at, 1) for name, at in last.items()} == {
        "long.mp4": 3.0, "out.mp4": 3.0, "cut.mp4": 0.4, "part.mp4": 0.2, "end.mkv": 2.9, "encoded.webm": 3.0,
    }  # fmt: skip
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
    assert sink.notes[0] == "Not taken over from beeps.mp4: sound (aac)."


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


LAYOUTS: dict[str, tuple[list[str], list[str]]] = {
    # What is heard in each channel of the .webm, and of the .mp4, in the order of ffmpeg; '' in a silent one. A low
    # frequency channel of AAC has none of these pitches.
    "mono": (["0"], ["0"]),
    "stereo": (["0", "1"], ["0", "1"]),
    "2.1": (["0", "1", "", "2", "", ""], ["0", "1", ""]),
    "3.0": (["0", "1", "2"], ["0", "1", "2"]),
    "3.0(back)": (["0", "1", "2", "2"], ["0", "1", "2"]),
    "3.1": (["0", "1", "2", "3", "", ""], ["0", "1", "2", ""]),
    "4.0": (["0", "1", "2", "", "3", "3"], ["0", "1", "2", "3"]),
    "4.1": (["0", "1", "2", "3", "4", "4"], ["0", "1", "2", "", "4"]),
    "quad": (["0", "1", "2", "3"], ["0", "1", "2", "3"]),
    "quad(side)": (["0", "1", "2", "3"], ["0", "1", "2", "3"]),
    "5.0": (["0", "1", "2", "", "3", "4"], ["0", "1", "2", "3", "4"]),
    "5.0(side)": (["0", "1", "2", "", "3", "4"], ["0", "1", "2", "3", "4"]),
    "5.1": (["0", "1", "2", "3", "4", "5"], ["0", "1", "2", "", "4", "5"]),
    "5.1(side)": (["0", "1", "2", "3", "4", "5"], ["0", "1", "2", "", "4", "5"]),
    "6.0": (["0", "1", "2", "", "3 4", "3 5"], ["0", "1", "2", "4", "5", "3"]),
    "hexagonal": (["0", "1", "2", "", "3 5", "4 5"], ["0", "1", "2", "3", "4", "5"]),
    "6.1": (["0", "1", "2", "3", "4 5", "4 6"], ["0", "1", "2", "", "5", "6", "4"]),
    "6.1(back)": (["0", "1", "2", "3", "4 6", "5 6"], ["0", "1", "2", "", "4", "5", "6"]),
    "7.0": (["0", "1", "2", "", "3", "4", "5", "6"], ["0", "1", "2", "3", "4", "5", "6"]),
    "7.1": (["0", "1", "2", "3", "4", "5", "6", "7"], ["0", "1", "2", "", "4", "5", "6", "7"]),
    "7.1(wide)": (["0 6", "1 7", "2", "3", "4", "5"], ["0", "1", "2", "", "4", "5", "6", "7"]),
    "octagonal": (["0", "1", "2", "", "3 5", "4 5", "6", "7"], ["0", "1", "2", "3", "4", "5", "6", "7"]),
    "5.1.2": (["0 6", "1 7", "2", "3", "4", "5"], ["0 6", "1 7", "2", "", "4", "5"]),
    "7.1.4": (
        ["0 8", "1 9", "2", "3", "4 10", "5 11", "6", "7"],
        ["0 8", "1 9", "2", "", "4 10", "5 11", "6", "7"],
    ),
    "16 channels": (
        ["0 6 10", "1 7 11", "2", "3", "4 12", "5 13", "8 14", "9 15"],
        ["0 6 10", "1 7 11", "2", "", "4 12", "5 13", "8 14", "9 15"],
    ),
    "9 channels": (["0 2 4 6 8", "1 3 5 7"], ["0 2 4 6 8", "1 3 5 7"]),
    "6 channels": (["0", "1", "2", "3", "4", "5"], ["0", "1", "2", "", "4", "5"]),
}
COMMON = ("2.1", "5.0", "5.1(side)", "6.1", "7.1.4", "9 channels")
"""Those that are tried in every run of the tests."""


def many_channels(path: Path, layout: str) -> int:
    """Half a second in which each channel has its own pitch; returns how many there are."""
    count = channel_count(layout)
    pitches = "|".join(f"0.3*sin({200 * (k + 1)}*2*PI*t)" for k in range(count))
    named = "" if layout.endswith("channels") else f":c={layout}"
    ffmpeg(
        *("-f", "lavfi", "-i", "testsrc2=size=64x48:rate=10:duration=0.5"),
        *("-f", "lavfi", "-i", f"aevalsrc={pitches}:d=0.5:s=48000{named}", "-c:a", "pcm_s16le", address(path)),
    )
    return count


def heard(path: Path, channels: int) -> list[str]:
    """Which of the pitches of `many_channels` are in each channel, by their numbers."""
    samples = np.frombuffer(run(["-i", address(path), "-f", "f32le", "-c:a", "pcm_f32le", "pipe:1"]).out, np.float32)
    middle = samples.reshape(-1, channels)[7200:16800]
    loud = np.abs(np.fft.rfft(middle * np.hanning(9600)[:, None], axis=0)) / 2400
    return [" ".join(str(k) for k in range(16) if loud[40 * (k + 1), one] > 0.02) for one in range(channels)]


@pytest.mark.parametrize("suffix", [".webm", ".mp4"])
@pytest.mark.parametrize(
    "layout", [pytest.param(one, marks=() if one in COMMON else pytest.mark.heavy) for one in LAYOUTS]
)
def test_every_layout_of_channels(tmp_path: Path, layout: str, suffix: str) -> None:
    # Of channels without a layout, Matroska tells the number alone; QuickTime tells any layout.
    source = tmp_path / ("in.mkv" if layout.endswith("channels") else "in.mov")
    count = many_channels(source, layout)
    sink = copy_clip(open_source(source), tmp_path / f"out{suffix}")
    expected = LAYOUTS[layout][suffix == ".mp4"]
    assert heard(tmp_path / f"out{suffix}", len(expected)) == expected
    mixed = any(" " in one for one in expected) or sum(map(bool, expected)) > count
    assert any("mixed down" in note for note in sink.notes) == mixed
    # Told before a frame is painted, and once.
    assert len(sink.notes) == len(set(sink.notes)) == 1


def test_sound_is_tried_before_the_first_frame(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "in.mov"
    many_channels(source, "5.1(side)")
    info = open_source(source).info
    arguments = plan(tmp_path / "out.webm", sound=Sound(source, info.start, info.duration))
    with open_sink(SinkPlan(**arguments)) as sink:
        assert any("5.1(side)" in note and "Opus" in note for note in sink.notes)
    monkeypatch.setattr("pipeline.media.sound._ways", lambda *_: (Way(("-c:a", "libopus"), encoded=True),))
    with pytest.raises(OutputError, match=r"in\.mov: its sound .* Choose a name that ends in \.mkv.* --audio none"):
        open_sink(SinkPlan(**arguments))
    assert [path.name for path in tmp_path.iterdir()] == ["in.mov"]


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".webm"])
@pytest.mark.parametrize(
    ("name", "extra"),
    [
        ("in.flv", ("-bf", "2", "-g", "50", "-c:a", "aac")),
        ("in.avi", ("-bf", "2", "-g", "25", "-c:a", "mp3", "-ar", "44100")),
        ("in.ts", ("-bf", "2", "-g", "50", "-c:a", "mp2")),
        ("in.mkv", ("-bf", "2", "-g", "50", "-c:a", "flac")),
    ],
)
def test_pictures_that_begin_later_than_the_file_lose_no_sound(
    tmp_path: Path, name: str, extra: tuple[str, ...], suffix: str
) -> None:
    """Of B-frames the first is shown some frames after the file begins; where the file has no index, to seek there
    means to go to the next picture that can be decoded alone."""
    ffmpeg(
        *("-f", "lavfi", "-i", "testsrc2=size=64x48:rate=25:duration=3"),
        *("-f", "lavfi", "-i", "aevalsrc='if(lt(mod(t+0.5,1),0.2),0.5*sin(1000*2*PI*t),0)':s=48000:d=3"),
        *("-c:v", "libx264", "-pix_fmt", "yuv420p", *extra, address(tmp_path / name)),
    )
    before = beep_start(tmp_path / name)
    assert 0.35 < before < 0.6
    copy_clip(open_source(tmp_path / name), tmp_path / f"out{suffix}")
    assert abs(beep_start(tmp_path / f"out{suffix}") - before) < 0.03
    assert sound_packets(tmp_path / f"out{suffix}")[0][0] < 0.1
    assert sound_packets(tmp_path / f"out{suffix}")[-1][0] > 2.8


@pytest.mark.parametrize("suffix", [".mp4", ".webm"])
def test_a_short_stretch_of_sound_leaves_the_pictures_alone(tmp_path: Path, beeps: Path, suffix: str) -> None:
    sound = Sound(beeps, Fraction(1, 2), Fraction(7, 10))
    write_clip(tmp_path / f"out{suffix}", count=50, sound=sound)
    assert open_source(tmp_path / f"out{suffix}").info.duration == 2
    assert abs(beep_start(tmp_path / f"out{suffix}") - 0.5) < 0.03
    assert 0.6 < sound_packets(tmp_path / f"out{suffix}")[-1][0] < 0.72


def test_sound_that_begins_elsewhere_is_refused(tmp_path: Path, beeps: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    late = Way(("-c:a", "aac"), encoded=True, mix="atrim=start=0.5")
    monkeypatch.setattr("pipeline.media.sound._ways", lambda *_: (late,))
    with pytest.raises(OutputError, match=r"its sound begins at 0\.\d+ s, not at 0\.00 s"):
        copy_clip(open_source(beeps), tmp_path / "out.mp4")
    assert not (tmp_path / "out.mp4").exists()


def test_where_sound_begins_is_found_without_reading_all_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "in.mkv"
    ffmpeg(
        *("-f", "lavfi", "-i", "color=s=32x32:r=5:d=60", "-itsoffset", "0.5", "-f", "lavfi", "-i", "sine=d=59"),
        *("-c:v", "ffv1", "-c:a", "pcm_s16le", address(path)),
    )
    taken: list[str] = []
    take = Listing.take
    monkeypatch.setattr(Listing, "take", lambda self, line: (taken.append(line), take(self, line))[1])
    (track,) = read_contents(path).of("audio")
    found = {}
    for first, seconds in ((0, 60), (0, Fraction(1, 4)), (2, 1), (59, 1)):
        taken.clear()
        found[first, seconds] = sound_begins(Sound(path, Fraction(first), Fraction(seconds)), track)
        assert len(taken) < 60 * (first + 2), "a packet holds a fiftieth of a second or more"
    assert found[0, 60] == Fraction(1, 2) and found[0, Fraction(1, 4)] is None
    assert found[2, 1] == found[59, 1] == 0
    assert sound_begins(Sound(path, Fraction(60), Fraction(1)), track) is None
