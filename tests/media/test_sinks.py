"""What single kinds of sinks do beside `test_every_sink`: codecs, colours, GIFs, folders, encoders that fail."""

from __future__ import annotations

import os
import signal
import threading
import time
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from media_clips import clip, copy_clip, even_times, ffmpeg, ffmpeg_children, images_of, picture, plan, write_clip
from PIL import Image as Pillow

from pipeline.errors import OutputError, UsageError
from pipeline.media import Frame, ffmpeg_report, open_sink, open_source, refuse_same_file, write_picture
from pipeline.media.codecs import CODECS
from pipeline.media.ffmpeg import address, run
from pipeline.media.gif_blocks import walk_gif
from pipeline.media.plan import SinkPlan
from pipeline.media.probe import probe

UNEVEN = tuple(Fraction(k, 100) for k in (0, 4, 10, 11, 40, 41, 42, 90))
UNEVEN_PLAN = {"times": UNEVEN, "duration": Fraction(125, 100), "rate": Fraction(800, 125), "variable": True}

POSSIBLE = [(suffix, codec) for codec, what in CODECS.items() for suffix in what.suffixes]


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


# Videos


@pytest.mark.parametrize(("suffix", "codec"), POSSIBLE)
def test_every_codec_keeps_rate_times_and_pictures(tmp_path: Path, suffix: str, codec: str) -> None:
    path = tmp_path / f"v{suffix}"
    write_clip(path, rate=Fraction(24000, 1001), codec=codec)
    info = open_source(path).info
    assert info.rate == Fraction(24000, 1001)
    assert info.times == even_times(10, Fraction(24000, 1001))
    assert info.duration == 10 * Fraction(1001, 24000)
    assert (info.width, info.height) == (64, 48)
    for number, image in enumerate(images_of(path)):
        assert np.abs(image.astype(int) - picture(number)).mean() < (0.01 if codec == "ffv1" else 4)
    assert names(tmp_path) == [f"v{suffix}"]


@pytest.mark.parametrize(("suffix", "codec"), POSSIBLE)
def test_every_codec_keeps_uneven_times(tmp_path: Path, suffix: str, codec: str) -> None:
    path = tmp_path / f"v{suffix}"
    write_clip(path, codec=codec, **UNEVEN_PLAN)
    info = open_source(path).info
    assert info.variable
    assert info.times == UNEVEN
    assert info.duration == Fraction(125, 100)


def test_times_are_believed_rather_than_the_rate(tmp_path: Path) -> None:
    write_clip(tmp_path / "v.mp4", **{**UNEVEN_PLAN, "variable": False})
    assert open_source(tmp_path / "v.mp4").info.times == UNEVEN


@pytest.mark.parametrize(
    ("name", "codec", "size", "others"),
    [
        ("a.mp4", "h264", (16_386, 64), "h265"),
        ("a.mkv", "av1", (64, 8706), "h264, h265, vp9, ffv1"),
        ("a.webm", "vp9", (65_536, 8), ""),
    ],
)
def test_pictures_that_are_too_large_for_a_codec_are_refused_at_once(
    tmp_path: Path, name: str, codec: str, size: tuple[int, int], others: str
) -> None:
    arguments = plan(tmp_path / name, width=size[0], height=size[1], codec=codec)
    with pytest.raises(UsageError, match=rf"{codec} cannot hold pictures of {size[0]}x{size[1]} .*{others}\.$"):
        open_sink(SinkPlan(**arguments))


@pytest.mark.parametrize("codec", ["h265", "av1"])
def test_sizes_a_codec_cannot_hold_are_refused(tmp_path: Path, codec: str) -> None:
    with pytest.raises(UsageError, match="cannot hold pictures of 1x1"):
        open_sink(SinkPlan(**plan(tmp_path / "v.mp4", width=1, height=1, codec=codec)))


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".webm"])
def test_colour_is_bt709_tagged_and_converted(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"v{suffix}"
    colour = np.zeros((48, 64, 3), np.uint8) + np.array((200, 30, 60), np.uint8)
    write_clip(path, [colour] * 3, count=3)
    banner = "\n".join(run(["-i", address(path), "-f", "null", "-"]).lines)
    assert "tv, bt709" in banner
    assert np.abs(images_of(path)[1].astype(int) - colour).max() <= 3
    # The tag alone would fool us: an independent decode with the matrix named must agree.
    raw = run(
        ["-i", address(path), "-vf", "scale=in_color_matrix=bt709:in_range=tv,format=rgb24", "-f", "rawvideo", "pipe:1"]
    )
    assert np.abs(np.frombuffer(raw.out[:3], np.uint8).astype(int) - (200, 30, 60)).max() <= 3


@pytest.mark.parametrize(("suffix", "codec"), [(".mp4", "h264"), (".mp4", "h265"), (".webm", "vp9"), (".mkv", "ffv1")])
def test_lossless_is(tmp_path: Path, suffix: str, codec: str) -> None:
    write_clip(tmp_path / f"v{suffix}", codec=codec, quality="lossless")
    for number, image in enumerate(images_of(tmp_path / f"v{suffix}")):
        assert (image == picture(number)).all()


def test_quality_changes_the_size(tmp_path: Path) -> None:
    noise = [np.random.default_rng(k).integers(0, 255, (48, 64, 3), dtype=np.uint8) for k in range(5)]
    for name, quality in {"best": 5, "visual": None, "small": "small", "least": "40"}.items():
        write_clip(tmp_path / f"{name}.mp4", noise, count=5, quality=quality)
    sizes = [(tmp_path / f"{name}.mp4").stat().st_size for name in ("best", "visual", "small", "least")]
    assert sizes == sorted(sizes, reverse=True) and len(set(sizes)) == 4


def test_source_to_sink_round_trip(tmp_path: Path) -> None:
    path = clip(tmp_path / "in.mp4", rate="30000/1001")
    copy_clip(open_source(path), tmp_path / "out.mp4")
    before, after = open_source(path).info, open_source(tmp_path / "out.mp4").info
    assert (after.rate, after.times, after.duration) == (before.rate, before.times, before.duration)


# What is refused before anything is painted


@pytest.mark.parametrize(
    ("name", "other", "words"),
    [
        ("v.webm", {"codec": "h264"}, r"cannot hold h264, but vp9, av1"),
        ("v.mp4", {"codec": "theora"}, r"no codec 'theora'.*h264, h265, av1"),
        ("v.mp4", {"quality": "great"}, "visual, small, lossless, or a number"),
        ("v.mp4", {"quality": 99}, "0 .best. to 51"),
        ("v.mov", {"codec": "prores", "quality": 3}, "takes no number"),
        ("v.gif", {"codec": "h264"}, "no codec"),
        ("v.gif", {"quality": 3}, "visual, small"),
        ("v.avi", {}, r"\.mp4, \.mov, \.mkv, \.webm, \.gif"),
        ("folder", {"codec": "h264"}, "no codec"),
        ("v.mp4", {"times": (), "duration": Fraction(0)}, "at least one frame"),
    ],
)
def test_impossible_requests_list_what_is_possible(tmp_path: Path, name: str, other: dict, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        open_sink(SinkPlan(**plan(tmp_path / name, **other)))
    assert names(tmp_path) == []


def test_missing_encoder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.media.codecs.encoders", lambda: frozenset({"libx264", "ffv1"}))
    with pytest.raises(UsageError, match=r"cannot encode vp9 .*h264, ffv1"):
        open_sink(SinkPlan(**plan(tmp_path / "v.webm")))


def test_outputs_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "there.mp4").write_text("old")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "diary.txt").write_text("mine")
    for path, words, overwrite in (
        (tmp_path / "there.mp4", "exists already", False),
        (tmp_path / "no" / "v.mp4", "no such folder", True),
        (tmp_path / "there.mp4" / "v.mp4", "is a file", True),
        (tmp_path / "full", "not empty", False),
        (tmp_path / "full", "other files", True),
    ):
        with pytest.raises(OutputError, match=words):
            open_sink(SinkPlan(**plan(path, overwrite=overwrite)))
    assert (tmp_path / "there.mp4").read_text() == "old"


@pytest.mark.skipif(os.geteuid() == 0, reason="permissions do not bind root")
def test_read_only_folder(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(OutputError, match="may be written"):
            open_sink(SinkPlan(**plan(tmp_path / "v.mp4")))
    finally:
        tmp_path.chmod(0o700)


def test_writing_onto_the_source_is_refused(tmp_path: Path) -> None:
    source = clip(tmp_path / "in.mp4", frames=2)
    (tmp_path / "link.mp4").symlink_to(source)
    os.link(source, tmp_path / "hard.mp4")
    (tmp_path / "sub").mkdir()
    for output in (source, tmp_path / "link.mp4", tmp_path / "hard.mp4", tmp_path / "sub" / ".." / "in.mp4", tmp_path):
        with pytest.raises(UsageError):
            refuse_same_file(source, [tmp_path / "other.mp4", output])
    with pytest.raises(UsageError):
        refuse_same_file(tmp_path, [tmp_path / "out.mp4"])
    refuse_same_file(source, [tmp_path / "other.mp4", tmp_path / "sub"])
    refuse_same_file(tmp_path / "sub", [tmp_path / "out.mp4"])


# Overwriting, aborting, failing


def test_killed_ffmpeg_is_an_error(tmp_path: Path) -> None:
    sink = open_sink(SinkPlan(**plan(tmp_path / "v.mp4", count=2000)))
    with pytest.raises(OutputError, match="signal 9"):
        for k in range(2000):
            sink.put(Frame(k, Fraction(k, 25), picture(k)))
            if k == 20:
                while not ffmpeg_children():
                    time.sleep(0.01)
                os.kill(ffmpeg_children().pop(), signal.SIGKILL)
    sink.abort()
    assert names(tmp_path) == []


def test_politely_ended_ffmpeg_is_an_error_too(tmp_path: Path) -> None:
    """On SIGTERM ffmpeg completes a shorter file that plays; only counting shows it."""
    sink = open_sink(SinkPlan(**plan(tmp_path / "v.mp4", count=200)))
    with pytest.raises(OutputError):
        for k in range(200):
            sink.put(Frame(k, Fraction(k, 25), picture(k)))
            if k == 20:
                while not ffmpeg_children():
                    time.sleep(0.01)
                os.kill(ffmpeg_children().pop(), signal.SIGTERM)
        sink.finish()
    sink.abort()
    assert names(tmp_path) == []


def test_a_part_that_is_not_what_it_should_be_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def one_short(path: Path):
        whole = probe(path)
        return type(whole)(**{**vars(whole), "times": whole.times[:-1]})

    monkeypatch.setattr("pipeline.media.video_sink.probe", one_short)
    with pytest.raises(OutputError, match="has 9 frames, not 10"):
        write_clip(tmp_path / "v.mp4")
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    ("name", "part"),
    [("v.mkv", ".v.mkv.part.mkv"), ("v.webm", ".v.webm.part.webm"), ("v.gif", ".v.gif.frames.part.ivf")],
)
def test_device_without_room(tmp_path: Path, name: str, part: str) -> None:
    (tmp_path / part).symlink_to("/dev/full")
    with pytest.raises(OutputError, match="disk is full"):
        write_clip(tmp_path / name)
    assert names(tmp_path) == []


def test_put_waits_for_a_slow_encoder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[int] = []
    sink = open_sink(SinkPlan(**plan(tmp_path / "v.mp4", count=40)))
    gate = threading.Event()

    def slow(image: object, position: int) -> None:
        gate.wait(5)
        written.append(position)

    monkeypatch.setattr(sink._writer, "write", slow)
    taken: list[int] = []

    def feed() -> None:
        for k in range(40):
            sink.put(Frame(k, Fraction(k, 25), picture(0)))
            taken.append(k)

    feeder = threading.Thread(target=feed)
    feeder.start()
    time.sleep(0.3)
    assert len(taken) <= 6 and not written
    gate.set()
    feeder.join()
    assert taken == list(range(40))
    sink.abort()
    assert written[:5] == [0, 1, 2, 3, 4]


# GIF


def test_gif_delays_are_exact_and_equal_frames_stay(tmp_path: Path) -> None:
    red, blue = (np.zeros((48, 64, 3), np.uint8) + np.array(c, np.uint8) for c in ((255, 0, 0), (0, 0, 255)))
    write_clip(tmp_path / "g.gif", [red, red, red, blue, blue, blue, blue, red], **UNEVEN_PLAN)
    info = open_source(tmp_path / "g.gif").info
    assert info.times == UNEVEN and info.duration == Fraction(125, 100)
    shown = ["r" if image[0, 0, 0] > 128 else "b" for image in images_of(tmp_path / "g.gif")]
    assert "".join(shown) == "rrrbbbbr"
    with Pillow.open(tmp_path / "g.gif") as gif:
        assert gif.info["loop"] == 0


def test_colours_of_the_last_frame_are_in_the_palette(tmp_path: Path) -> None:
    colours = [(255, 0, 0), (0, 255, 0), (0, 0, 255)]
    images = [np.zeros((48, 64, 3), np.uint8) + np.array(colour, np.uint8) for colour in colours]
    write_clip(tmp_path / "g.gif", images, count=3)
    for image, colour in zip(images_of(tmp_path / "g.gif"), colours, strict=True):
        assert np.abs(image.astype(int) - colour).max() <= 4


@pytest.mark.parametrize("rate", [30, Fraction(24000, 1001), 60])
def test_gif_of_another_rate_does_not_drift(tmp_path: Path, rate: Fraction | int) -> None:
    sink = write_clip(tmp_path / "g.gif", count=40, rate=rate)
    info = open_source(tmp_path / "g.gif").info
    assert info.frames == 40
    for is_at, should in zip(info.times, even_times(40, rate), strict=True):
        assert abs(is_at - should) <= Fraction(1, 200)
    assert abs(info.duration - 40 / Fraction(rate)) <= Fraction(1, 200)
    assert any("hundredths" in note for note in sink.notes)
    assert any("Browsers" in note for note in sink.notes) == (rate == 60)


def test_gif_to_gif_keeps_every_delay(tmp_path: Path) -> None:
    frames = [Pillow.new("RGB", (16, 12), colour) for colour in ("red", "green", "blue", "white")]
    frames[0].save(tmp_path / "in.gif", save_all=True, append_images=frames[1:], duration=[30, 70, 110, 2000])
    sink = copy_clip(open_source(tmp_path / "in.gif"), tmp_path / "out.gif")
    assert walk_gif(tmp_path / "out.gif").delays == [3, 7, 11, 200]
    assert sink.notes == ()


def test_gif_with_a_long_last_frame(tmp_path: Path) -> None:
    write_clip(tmp_path / "g.gif", count=5, rate=10, duration=Fraction(34, 10), variable=True)
    assert walk_gif(tmp_path / "g.gif").delays == [10, 10, 10, 10, 300]


def test_gif_looks_like_its_frames(tmp_path: Path) -> None:
    for quality in ("visual", "small"):
        write_clip(tmp_path / f"{quality}.gif", quality=quality, rate=10)
        for number, image in enumerate(images_of(tmp_path / f"{quality}.gif")):
            assert np.abs(image.astype(int) - picture(number)).mean() < 16


def test_gif_becomes_a_video(tmp_path: Path) -> None:
    frames = [Pillow.new("RGB", (16, 12), colour) for colour in ("red", "green", "blue")]
    frames[0].save(tmp_path / "in.gif", save_all=True, append_images=frames[1:], duration=[30, 70, 2000])
    copy_clip(open_source(tmp_path / "in.gif"), tmp_path / "out.mp4")
    before, after = open_source(tmp_path / "in.gif").info, open_source(tmp_path / "out.mp4").info
    assert (after.times, after.duration) == (before.times, before.duration)


def test_temporary_files_go_where_they_are_sent(tmp_path: Path) -> None:
    work = tmp_path / "work"
    work.mkdir()
    sink = open_sink(SinkPlan(**plan(tmp_path / "g.gif", work=work)))
    for k in range(10):
        sink.put(Frame(k, Fraction(k, 25), picture(k)))
    while not names(work):
        time.sleep(0.01)
    assert names(tmp_path) == ["work"]
    sink.finish()
    assert names(tmp_path) == ["g.gif", "work"] and names(work) == []


# Folders


def test_folder_of_pictures(tmp_path: Path) -> None:
    write_clip(tmp_path / "f", count=3)
    assert names(tmp_path / "f") == ["frame_000001.png", "frame_000002.png", "frame_000003.png"]
    for number, image in enumerate(images_of(tmp_path / "f")):
        assert (image == picture(number)).all()


def test_pictures_of_a_folder_can_have_numbers_of_their_own(tmp_path: Path) -> None:
    write_clip(tmp_path / "f", count=3, numbers=(0, 103, 1_000_000))
    assert names(tmp_path / "f") == ["frame_000000.png", "frame_000103.png", "frame_1000000.png"]
    for number, image in enumerate(images_of(tmp_path / "f")):
        assert (image == picture(number)).all()
    write_clip(tmp_path / "f", count=2, overwrite=True)
    assert names(tmp_path / "f") == ["frame_000001.png", "frame_000002.png"]


def test_what_counts_as_a_folder(tmp_path: Path) -> None:
    (tmp_path / "v1.0").mkdir()
    write_clip(tmp_path / "v1.0", count=2)
    arguments = plan(tmp_path / "x", count=2)
    with open_sink(SinkPlan(**{**arguments, "path": tmp_path / "v2.0", "as_folder": True})) as sink:
        for k in range(2):
            sink.put(Frame(k, Fraction(k, 25), picture(k)))
        sink.finish()
    assert len(names(tmp_path / "v1.0")) == len(names(tmp_path / "v2.0")) == 2


def test_folder_that_fills_up_meanwhile_is_left_alone(tmp_path: Path) -> None:
    sink = open_sink(SinkPlan(**plan(tmp_path / "f", count=1)))
    sink.put(Frame(0, Fraction(0), picture(0)))
    (tmp_path / "f").mkdir()
    write_picture(tmp_path / "f" / "mine.png", picture(1))
    with pytest.raises(OutputError, match="not empty"):
        sink.finish()
    assert names(tmp_path / "f") == ["mine.png"] and names(tmp_path) == ["f"]


def test_report_names_the_encoders() -> None:
    report = ffmpeg_report()
    assert report.path and report.version != "unknown"
    assert report.codecs["h264"] == "libx264"
    assert set(report.codecs) >= set(CODECS)
    assert ffmpeg("-version").startswith("ffmpeg version")
