"""What single kinds of sources do beside `test_every_source`: videos with all their traps, animations, folders."""

from __future__ import annotations

import random
import threading
import time
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from media_clips import clip, ffmpeg, ffmpeg_children, flat, images_of, picture
from PIL import Image as Pillow

from pipeline.errors import MediaError, UsageError
from pipeline.media import fingerprint, open_source, prefetch, write_picture
from pipeline.media.ffmpeg import address

FASTSTART = ("-movflags", "+faststart")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("clips")


@pytest.fixture(scope="module")
def ntsc(folder: Path) -> Path:
    return clip(folder / "ntsc.mp4", frames=20, rate="24000/1001", sound=True)


@pytest.fixture(scope="module")
def uneven(folder: Path) -> Path:
    """60 frames in 3.8 seconds: the second half is shown twice as slowly, and two frames stay longer."""
    path = folder / "uneven.mp4"
    ffmpeg(
        *("-f", "lavfi", "-i", "testsrc2=size=64x48:rate=25", "-frames:v", "60"),
        *("-vf", "settb=1/1000,setpts='N*40+gte(N,20)*300+gte(N,40)*1000'", "-fps_mode", "passthrough"),
        *("-enc_time_base", "1/1000", "-bf", "0", "-pix_fmt", "yuv420p", address(path)),
    )
    return path


# Videos that are well


def test_ntsc_rate_and_times_are_exact(ntsc: Path) -> None:
    info = open_source(ntsc).info
    assert info.rate == Fraction(24000, 1001)
    assert info.times == tuple(k * Fraction(1001, 24000) for k in range(20))
    assert info.duration == 20 * Fraction(1001, 24000)
    assert (info.kind, info.width, info.height, info.variable, info.audio) == ("video", 64, 48, False, "aac")


@pytest.mark.parametrize("suffix", [".mkv", ".ts", ".avi", ".webm"])
def test_rate_is_exact_although_the_container_rounds(folder: Path, suffix: str) -> None:
    info = open_source(clip(folder / f"r{suffix}", rate="30000/1001")).info
    assert info.rate == Fraction(30000, 1001)
    assert info.frames == 20
    assert not info.variable


def test_variable_rate_keeps_every_frame_and_its_time(uneven: Path) -> None:
    source = open_source(uneven)
    expected = [Fraction(k * 40 + (k >= 20) * 300 + (k >= 40) * 1000, 1000) for k in range(60)]
    assert list(source.info.times) == expected
    assert source.info.variable
    assert abs(source.info.duration - (expected[-1] + Fraction(1, 25))) <= Fraction(1, 25)
    assert source.info.rate == 60 / source.info.duration
    assert [frame.time for frame in source.frames()] == expected


def test_rotation_by_display_matrix(folder: Path) -> None:
    plain = clip(folder / "plain.mp4")
    ffmpeg("-display_rotation", "90", "-i", address(plain), "-c", "copy", address(folder / "turned.mp4"))
    source = open_source(folder / "turned.mp4")
    assert (source.info.width, source.info.height) == (48, 64)
    assert abs(source.info.rotation) == 90
    turned, upright = next(source.frames()).image, images_of(plain)[0]
    assert np.abs(np.rot90(upright).astype(int) - turned).mean() < 3


def test_pixels_that_are_not_square_are_stretched(folder: Path) -> None:
    path = clip(folder / "sar.mp4", extra=("-vf", "setsar=4/3"))
    info = open_source(path).info
    assert (info.width, info.height) == (85, 48)
    assert any("not square" in note for note in info.notes)


@pytest.mark.parametrize(
    ("size", "tagged"), [("1280x720", "bt709"), ("1280x720", ""), ("64x48", "bt709"), ("64x48", ""), ("720x1280", "")]
)
def test_colours_are_those_that_were_meant(folder: Path, size: str, tagged: str) -> None:
    lines = int(size.split("x")[1])
    matrix = tagged or ("bt709" if lines >= 720 else "bt601")
    tags = f",setparams=colorspace={tagged}:color_primaries={tagged}:color_trc={tagged}:range=tv" if tagged else ""
    if not tagged:
        tags = ",setparams=colorspace=unknown:color_primaries=unknown:color_trc=unknown:range=unknown"
    filters = f"scale=out_color_matrix={matrix}:out_range=tv,format=yuv420p{tags}"
    path = flat(folder / f"c{size}{tagged}.mp4", (200, 30, 60), size, filters)
    source = open_source(path)
    assert source.info.colour == tagged
    image = next(source.frames()).image
    assert np.abs(image.astype(int) - (200, 30, 60)).max() <= 3


def test_full_range_is_respected(folder: Path) -> None:
    filters = "scale=out_color_matrix=bt709:out_range=pc,format=yuv420p,setparams=colorspace=bt709:range=pc"
    path = flat(folder / "full.mp4", (250, 250, 250), "64x48", filters)
    assert np.abs(next(open_source(path).frames()).image.astype(int) - 250).max() <= 2


ALPHA = {
    "qtrle.mov": ("-c:v", "qtrle"),
    "prores.mov": ("-c:v", "prores_ks", "-pix_fmt", "yuva444p10le"),
    "vp9.webm": ("-c:v", "libvpx-vp9", "-pix_fmt", "yuva420p", "-crf", "10"),
    "vp8.webm": ("-c:v", "libvpx", "-pix_fmt", "yuva420p", "-auto-alt-ref", "0", "-b:v", "2M"),
    "ffv1.mkv": ("-c:v", "ffv1", "-pix_fmt", "yuva420p"),
    "png.avi": ("-c:v", "png", "-pix_fmt", "rgba"),
}
"""Ways to store transparency."""


@pytest.mark.parametrize("name", ALPHA)
def test_what_is_transparent_is_laid_on_white(tmp_path: Path, name: str) -> None:
    """A bar that moves; what is hidden behind the transparency has its colour."""
    moving = "if(between(X-4*N,8,23),255,if(between(X-4*N,24,31),128,0))"
    ffmpeg(
        *("-f", "lavfi", "-i", "color=black:size=64x48:rate=25,format=rgba", "-frames:v", "6"),
        *("-vf", f"geq=r=200:g=60:b=30:a='{moving}'", *ALPHA[name], address(tmp_path / name)),
    )
    source = open_source(tmp_path / name)
    assert [note for note in source.info.notes if "transparent" in note]
    frames = list(source.frames())
    assert len(frames) == 6
    for number, frame in enumerate(frames):
        image, left = frame.image.astype(int), 4 * number
        assert np.abs(image[8:40, left + 12 : left + 20] - (200, 60, 30)).max() <= 12
        assert np.abs(image[8:40, left + 26 : left + 30] - (227, 157, 142)).max() <= 12
        assert image[8:40, left + 36 :].min() >= 250
    assert (next(source.frames(start=4)).image == frames[4].image).all()
    small = open_source(tmp_path / name, size=32)
    # At the edge no colour comes out from behind the transparency.
    assert next(small.frames()).image[4:20, 20:].min() >= 245


def test_the_padding_of_an_uncompressed_avi_is_no_transparency(tmp_path: Path) -> None:
    path = flat(tmp_path / "a.avi", (200, 60, 30), "64x48", "format=rgba,colorchannelmixer=aa=0", ("-c:v", "rawvideo"))
    source = open_source(path)
    assert not source.info.notes
    assert np.abs(next(source.frames()).image.astype(int) - (200, 60, 30)).max() <= 2


def test_size_that_changes_on_the_way(folder: Path) -> None:
    big = clip(folder / "big.h264")
    small = clip(folder / "small.h264", size="32x24")
    (folder / "both.h264").write_bytes(big.read_bytes() + small.read_bytes())
    source = open_source(folder / "both.h264")
    assert source.info.frames == 40
    frames = list(source.frames(start=15))
    assert len(frames) == 25
    assert all(frame.image.shape == (48, 64, 3) for frame in frames)
    assert (frames[-1].image == images_of(folder / "both.h264")[-1]).all()


# Slices and progress


def test_slice_of_a_variable_clip(uneven: Path) -> None:
    info = open_source(uneven, frames=(18, 22)).info
    assert info.times == (0, Fraction(4, 100), Fraction(38, 100), Fraction(42, 100))
    assert info.duration == Fraction(46, 100)
    assert info.start == Fraction(72, 100)
    assert open_source(uneven, frames=(0, 10)).info.variable is False


def test_progress_is_told(ntsc: Path) -> None:
    told: list[tuple[int, int | None]] = []
    open_source(ntsc, on_progress=lambda seen, of: told.append((seen, of)))
    assert told[-1] == (20, 20)


# Videos that are not


def damaged(path: Path, whole: Path, share: float) -> Path:
    data = whole.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    return path


@pytest.mark.parametrize(
    ("suffix", "extra"),
    [(".mp4", FASTSTART), (".mkv", ()), (".webm", ()), (".avi", ("-c:v", "mpeg4")), (".ts", ("-c:v", "libx264"))],
)
def test_cut_off_file_says_how_much_is_good(tmp_path: Path, suffix: str, extra: tuple[str, ...]) -> None:
    # Large enough for a frame of a transport stream not to fit one packet: cut between two frames it seems whole.
    size = "320x240" if suffix == ".ts" else "64x48"
    whole = clip(tmp_path / f"whole{suffix}", frames=60, size=size, sound=suffix in (".mp4", ".mkv"), extra=extra)
    cut = damaged(tmp_path / f"cut{suffix}", whole, 0.6)
    with pytest.raises(MediaError, match=r"(\d+) frames are good .*--frames 0:\1") as caught:
        open_source(cut)
    good = int(str(caught.value).split(" frames are good")[0].split()[-1])
    assert 10 < good < 60
    usable, right = images_of(cut, frames=(0, good)), images_of(whole)
    assert len(usable) == good
    assert all((one == other).all() for one, other in zip(usable, right, strict=False))
    info = open_source(cut, frames=(0, good)).info
    assert info.rate == 25 and info.duration == Fraction(good, 25)


def test_flipped_bits(tmp_path: Path) -> None:
    whole = clip(tmp_path / "whole.mp4", frames=60, extra=FASTSTART)
    data = bytearray(whole.read_bytes())
    dice = random.Random(1)
    for _ in range(60):
        data[dice.randrange(len(data) // 2, len(data) * 4 // 5)] ^= 1 << dice.randrange(8)
    (tmp_path / "flipped.mp4").write_bytes(data)
    with pytest.raises(MediaError, match="good before the break"):
        open_source(tmp_path / "flipped.mp4")


def test_missing_index(tmp_path: Path) -> None:
    cut = damaged(tmp_path / "cut.mp4", clip(tmp_path / "whole.mp4"), 0.6)
    with pytest.raises(MediaError, match="before its index was written"):
        open_source(cut)


def test_garbage_empty_missing_and_sound(tmp_path: Path) -> None:
    (tmp_path / "garbage.mp4").write_bytes(random.Random(0).randbytes(5000))
    (tmp_path / "empty.mp4").write_bytes(b"")
    (tmp_path / "nothing.avi").write_bytes(b"RIFF\x10\0\0\0AVI " + bytes(300))
    (tmp_path / "text.mp4").write_text("once upon a time\n" * 50)
    ffmpeg("-f", "lavfi", "-i", "sine=duration=0.3", address(tmp_path / "sound.m4a"))
    Pillow.new("RGB", (32, 32)).save(tmp_path / "cover.jpg")
    ffmpeg(
        *("-i", address(tmp_path / "sound.m4a"), "-i", address(tmp_path / "cover.jpg"), "-map", "0", "-map", "1"),
        *("-c:a", "copy", "-c:v", "mjpeg", "-disposition:v", "attached_pic", address(tmp_path / "cover.m4a")),
    )
    for name, words in {
        "garbage.mp4": "not a video",
        "empty.mp4": "0 bytes",
        "nothing.avi": r"begins as a video does \(AVI\)",
        "text.mp4": "not a video",
        "missing.mp4": "no such file",
        "sound.m4a": "sound only",
        "cover.m4a": "cover picture",
    }.items():
        with pytest.raises(MediaError, match=words) as caught:
            open_source(tmp_path / name)
        assert name in str(caught.value) and "\n" not in str(caught.value)


# Nothing is left behind


def test_closing_early_ends_ffmpeg_and_threads(tmp_path: Path) -> None:
    source = open_source(clip(tmp_path / "long.mp4", frames=400, size="320x240"))
    before = threading.active_count()
    frames = source.frames()
    next(frames)
    assert ffmpeg_children()
    frames.close()
    assert not ffmpeg_children()
    assert threading.active_count() == before


def test_prefetch_is_bounded_and_in_order() -> None:
    made: list[int] = []

    def numbers():
        for k in range(100):
            made.append(k)
            yield k

    ahead = prefetch(numbers(), depth=3)
    assert next(ahead) == 0
    time.sleep(0.2)
    assert 2 <= len(made) <= 5  # one taken, three waiting, one in hand
    assert list(ahead) == list(range(1, 100))


def test_prefetch_hands_on_errors_and_closes() -> None:
    closed = []

    def failing():
        try:
            yield 1
            raise ValueError("broken")
        finally:
            closed.append(True)

    ahead = prefetch(failing())
    assert next(ahead) == 1
    with pytest.raises(ValueError, match="broken"):
        next(ahead)
    assert closed == [True]

    def endless():
        try:
            while True:
                yield 0
        finally:
            closed.append(True)

    ahead = prefetch(endless())
    next(ahead)
    ahead.close()
    assert closed == [True, True]


# Animations


def save_gif(path: Path, colours: list[str], delays: list[int], **how) -> Path:
    frames = [Pillow.new("RGB", (8, 6), colour) for colour in colours]
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=delays, loop=0, **how)
    return path


def test_gif_delays_are_exact_and_zero_means_a_tenth(tmp_path: Path) -> None:
    path = save_gif(tmp_path / "a.gif", ["red", "green", "blue", "black"], [30, 70, 0, 2000])
    source = open_source(path)
    info = source.info
    assert info.kind == "animation" and info.variable
    assert info.times == (0, Fraction(3, 100), Fraction(1, 10), Fraction(2, 10))
    assert info.duration == Fraction(22, 10)
    shown = [frame.image[0, 0].tolist() for frame in source.frames()]
    assert shown == [[255, 0, 0], [0, 128, 0], [0, 0, 255], [0, 0, 0]]
    assert [f.image[0, 0].tolist() for f in source.frames(start=2)] == shown[2:]


def test_even_gif_has_an_exact_rate(tmp_path: Path) -> None:
    info = open_source(save_gif(tmp_path / "a.gif", ["red", "green", "blue"], [40, 40, 40])).info
    assert info.rate == 25 and not info.variable


def test_transparent_gif_shows_what_lies_below(tmp_path: Path) -> None:
    first = Pillow.new("RGBA", (4, 1), (255, 0, 0, 255))
    first.putpixel((3, 0), (0, 0, 0, 0))
    second = Pillow.new("RGBA", (4, 1), (0, 0, 0, 0))
    second.putpixel((2, 0), (0, 0, 255, 255))
    first.save(tmp_path / "keep.gif", save_all=True, append_images=[second], duration=50, disposal=1)
    first.save(tmp_path / "clear.gif", save_all=True, append_images=[second], duration=50, disposal=2)
    kept, cleared = images_of(tmp_path / "keep.gif")[1], images_of(tmp_path / "clear.gif")[1]
    assert kept[0, 2].tolist() == cleared[0, 2].tolist() == [0, 0, 255]
    assert kept[0, 0].tolist() == [255, 0, 0]
    assert cleared[0, 0].tolist() == [255, 255, 255]


@pytest.mark.parametrize("suffix", [".png", ".webp"])
def test_apng_and_webp(tmp_path: Path, suffix: str) -> None:
    frames = [Pillow.new("RGB", (8, 6), colour) for colour in ("red", "lime", "blue")]
    how = {"lossless": True} if suffix == ".webp" else {}
    path = tmp_path / f"a{suffix}"
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=[40, 80, 300], **how)
    source = open_source(path)
    assert source.info.kind == "animation"
    assert source.info.times == (0, Fraction(4, 100), Fraction(12, 100))
    assert source.info.duration == Fraction(42, 100)
    assert [frame.image[0, 0].tolist() for frame in source.frames(start=1)] == [[0, 255, 0], [0, 0, 255]]


def test_apng_with_a_still_before_it(tmp_path: Path) -> None:
    frames = [Pillow.new("RGB", (8, 6), colour) for colour in ("white", "red", "blue")]
    frames[0].save(tmp_path / "a.png", save_all=True, append_images=frames[1:], duration=40, default_image=True)
    assert [image[0, 0].tolist() for image in images_of(tmp_path / "a.png")] == [[255, 0, 0], [0, 0, 255]]


def test_apng_thirds_are_exact(tmp_path: Path) -> None:
    ffmpeg(
        *("-f", "lavfi", "-i", "testsrc2=size=16x16:rate=24000/1001", "-frames:v", "4", "-f", "apng"),
        address(tmp_path / "a.png"),
    )
    assert open_source(tmp_path / "a.png").info.times[1] == Fraction(1001, 24000)


def test_cut_off_gif(tmp_path: Path) -> None:
    ffmpeg("-f", "lavfi", "-i", "testsrc2=size=64x48:rate=10", "-frames:v", "10", address(tmp_path / "whole.gif"))
    with pytest.raises(MediaError, match=r"begins as a picture does \(GIF\)"):
        open_source(damaged(tmp_path / "start.gif", tmp_path / "whole.gif", 0.2))
    cut = damaged(tmp_path / "cut.gif", tmp_path / "whole.gif", 0.9)
    with pytest.raises(MediaError, match=r"(\d+) frames are good .*--frames 0:\1") as caught:
        open_source(cut)
    good = int(str(caught.value).split(" frames are good")[0].split()[-1])
    assert len(images_of(cut, frames=(0, good))) == good > 0


# Folders and single pictures


def numbered(folder: Path, names: list[str]) -> Path:
    folder.mkdir()
    for name in names:
        write_picture(folder / name, picture(int("".join(c for c in name if c.isdigit()))))
    return folder


def test_folder_is_in_natural_order(tmp_path: Path) -> None:
    folder = numbered(tmp_path / "f", ["frame10.png", "frame2.png", "frame1.png"])
    (folder / ".hidden.png").write_text("no picture")
    (folder / "notes.txt").write_text("no picture")
    (folder / "empty.txt").write_text("")
    (folder / "sub").mkdir()
    source = open_source(folder)
    assert source.info.kind == "folder" and source.info.rate == 24
    for image, number in zip((f.image for f in source.frames()), (1, 2, 10), strict=True):
        assert (image == picture(number)).all()
    notes = " ".join(source.info.notes)
    assert "notes.txt" in notes and "sub" in notes and "hidden" not in notes and "24" in notes
    assert [frame.index for frame in source.frames(start=1)] == [1, 2]


@pytest.mark.parametrize(
    ("names", "numbers", "words"),
    [
        (["shot_0101", "shot_0102", "shot_0103", "shot_0107", "shot_0108"], (101, 102, 103, 107, 108), "103 comes 107"),
        (["7", "8", "10"], (7, 8, 10), "after 8 comes 10"),
        (["a00", "A1", "a2"], (0, 1, 2), ""),
        (["1a", "2a", "4a"], (), ""),
        (["a1", "b3"], (), ""),
        (["a1", "a01"], (), ""),
    ],
)
def test_numbers_of_a_folder_are_known_and_gaps_are_said(
    tmp_path: Path, names: list[str], numbers: tuple[int, ...], words: str
) -> None:
    folder = numbered(tmp_path / "f", [f"{name}.png" for name in names])
    info = open_source(folder).info
    assert info.numbers == numbers
    assert [words in note for note in info.notes if "gap" in note] == ([True] if words else [])
    part = open_source(folder, frames=(1, 2)).info
    assert part.numbers == numbers[1:2] and not any("gap" in note for note in part.notes)


def test_folder_rate_and_slice(tmp_path: Path) -> None:
    folder = numbered(tmp_path / "f", ["1.png", "2.png", "3.png", "4.png"])
    source = open_source(folder, fps=Fraction(10), frames=(1, 3), size=32)
    assert source.info.times == (0, Fraction(1, 10)) and source.info.duration == Fraction(2, 10)
    frames = list(source.frames())
    assert len(frames) == 2 and frames[0].image.shape == (24, 32, 3)
    assert not any("24" in note for note in source.info.notes)


def test_folder_with_a_picture_of_another_size(tmp_path: Path) -> None:
    folder = numbered(tmp_path / "f", ["1.png", "2.png", "4.png"])
    write_picture(folder / "3.png", picture(3, 30, 20))
    with pytest.raises(MediaError, match=r"3\.png: this picture is 30x20, but 1\.png.* 64x48"):
        open_source(folder)


def test_folder_without_pictures_or_with_a_broken_one(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("nothing")
    with pytest.raises(MediaError, match="no picture in this folder"):
        open_source(tmp_path)
    write_picture(tmp_path / "1.png", picture(1))
    (tmp_path / "2.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
    with pytest.raises(MediaError, match=r"2\.png"):
        open_source(tmp_path)


def test_picture_named_like_a_video(tmp_path: Path) -> None:
    write_picture(tmp_path / "p.png", picture(1))
    (tmp_path / "p.png").rename(tmp_path / "p.mp4")
    assert open_source(tmp_path / "p.mp4").info.kind == "picture"


@pytest.mark.parametrize("name", ["a.mjpg", "a.mjpeg"])
def test_one_jpeg_after_the_other_is_a_video(tmp_path: Path, name: str) -> None:
    clip(tmp_path / name, frames=6, extra=("-c:v", "mjpeg", "-f", "mjpeg"))
    info = open_source(tmp_path / name).info
    assert (info.kind, info.frames) == ("video", 6)
    assert len(images_of(tmp_path / name)) == 6


def test_fingerprint_depends_on_content_alone(tmp_path: Path) -> None:
    one = numbered(tmp_path / "one", ["1.png", "2.png"])
    two = numbered(tmp_path / "two", ["1.png", "2.png"])
    (two / "notes.txt").write_text("no matter")
    assert fingerprint(one) == fingerprint(two)
    assert fingerprint(one / "1.png") == fingerprint(two / "1.png") != fingerprint(two / "2.png")
    (two / "2.png").rename(two / "3.png")
    assert fingerprint(one) != fingerprint(two)


@pytest.mark.parametrize("count", [1, 2])
def test_what_is_counted_is_counted_in_good_words(tmp_path: Path, count: int) -> None:
    for number in range(count):
        Pillow.new("RGB", (16, 16), number).save(tmp_path / f"{number}.png")
    (note,) = [note for note in open_source(tmp_path, frames=(0, 9)).info.notes if "only" in note]
    assert note == f"The clip has only {'1 frame' if count == 1 else '2 frames'}, so frames 0:9 end there."
    with pytest.raises(
        UsageError, match=rf"there is no frame 5\. The last one is number {count - 1}, counted from 0\."
    ):
        open_source(tmp_path, frames=(5, 9))
