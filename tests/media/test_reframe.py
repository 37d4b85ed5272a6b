"""From the input to what is painted, and from the painting to what is written: crops, bars, other sizes."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from media_clips import ffmpeg, images_of, picture, plan, write_clip
from tiny import flat

from pipeline.errors import MediaError
from pipeline.media import Frame, open_sink, open_source, resize
from pipeline.media.plan import SinkPlan
from pipeline.media.reframe import Layout, Reframing, between_bars, enlarged, layout_of
from pipeline.media.resize import centre_crop

TALL = Fraction(9, 16)
BLACK = "#000000"


@pytest.mark.parametrize(
    ("size", "ratio", "step", "box"),
    [
        ((1920, 1080), None, 2, None),
        ((1920, 1080), Fraction(16, 9), 2, None),
        ((1920, 1080), TALL, 2, (656, 0, 608, 1080)),
        ((1920, 1080), Fraction(1), 2, (420, 0, 1080, 1080)),
        ((1080, 1920), Fraction(4, 5), 2, (0, 284, 1080, 1350)),
        ((101, 51), Fraction(1), 1, (25, 0, 51, 51)),
        ((3, 1), Fraction(1, 20), 1, (1, 0, 1, 1)),
    ],
)
def test_the_largest_part_of_a_shape_is_taken_from_the_middle(size, ratio, step, box) -> None:
    assert centre_crop(*size, ratio, step) == box


@pytest.mark.parametrize(
    ("painted", "kept", "size", "ratio", "pad", "inner", "canvas"),
    [
        ((512, 288), (1920, 1080), None, None, None, (512, 288), (512, 288)),
        ((512, 288), (1920, 1080), "source", None, None, (1920, 1080), (1920, 1080)),
        ((512, 288), (1920, 1080), 1280, None, None, (1280, 720), (1280, 720)),
        ((512, 288), (1919, 1079), "source", None, None, (1919, 1079), (1919, 1079)),
        ((512, 288), (1920, 1080), 256, None, None, (256, 144), (256, 144)),
        # Cropped already: the shape is met to the pixel.
        ((288, 512), (608, 1080), 1920, TALL, None, (1080, 1920), (1080, 1920)),
        ((288, 512), (608, 1080), "source", TALL, None, (608, 1080), (608, 1080)),
        # Between bars.
        ((512, 288), (1920, 1080), None, TALL, BLACK, (512, 288), (512, 910)),
        ((512, 288), (1920, 1080), 1920, TALL, BLACK, (1080, 608), (1080, 1920)),
        ((512, 288), (1920, 1080), "source", Fraction(1), BLACK, (1920, 1080), (1920, 1920)),
        ((288, 512), (1080, 1920), None, Fraction(1), BLACK, (288, 512), (512, 512)),
    ],
)
def test_sizes_of_a_result(painted, kept, size, ratio, pad, inner, canvas) -> None:
    found = layout_of(painted, kept, size, ratio, pad, even=True)
    assert (found.inner, found.canvas) == (inner, canvas)
    assert found.plain == (canvas == painted) and found.enlarges == (inner > painted)


def test_bars_stand_on_both_sides_and_the_picture_between_them_stays() -> None:
    image = picture(1, 40, 20)
    shown = between_bars(image, (40, 60), "#ff8000")
    np.testing.assert_array_equal(shown[20:40], image)
    assert (shown[:20] == (255, 128, 0)).all() and (shown[40:] == (255, 128, 0)).all()


def stripes(height: int, width: int, levels: int) -> np.ndarray:
    """Grey columns in turn lighter and darker, as fine as can be."""
    wave = np.where(np.arange(width) % 2, levels, -levels)
    return np.repeat(np.tile(128 + wave, (height, 1))[:, :, None], 3, axis=2).astype(np.uint8)


def test_detail_too_fine_for_the_painting_comes_back_in_lightness_alone() -> None:
    # Of such stripes a quarter of the size keeps nothing: they come back, less the 2 levels that count as noise.
    found = enlarged(flat((90, 120, 200), 16, 24), stripes(64, 96, 30), 96, 64).astype(int)
    middle = found[8:-8, 8:-8] - (90, 120, 200)
    assert np.abs(np.abs(middle) - 28).max() <= 1
    assert (middle[:, 1::2] > 0).all() == (middle[:, ::2] < 0).all()
    np.testing.assert_array_equal(middle[:, :, 0], middle[:, :, 2])


def test_noise_does_not_come_back() -> None:
    painting = picture(3, 24, 16)
    noisy = (128 + np.random.default_rng(0).integers(-1, 2, (64, 96, 3))).astype(np.uint8)
    np.testing.assert_array_equal(enlarged(painting, noisy, 96, 64), resize(painting, 96, 64))


def test_no_halo_beside_an_edge() -> None:
    edge = np.full((64, 96, 3), 40, np.uint8)
    edge[:, 47:] = 200
    plain, found = resize(resize(edge, 24, 16), 96, 64), enlarged(resize(edge, 24, 16), edge, 96, 64)
    # What is painted as the input is, comes back as the input is, without the ringing that enlarging leaves.
    overshoot = [max(int(image.max()) - 200, 40 - int(image.min())) for image in (plain, found)]
    assert overshoot[0] > 10 and overshoot[1] <= 3


@pytest.mark.parametrize(
    ("name", "how"), [("v.mkv", {"codec": "ffv1"}), ("a.png", {"animation": True}), ("folder", {})]
)
def test_every_source_gives_the_part_that_is_asked_for(tmp_path: Path, name: str, how: dict) -> None:
    write_clip(tmp_path / name, [picture(k, 64, 36) for k in range(3)], count=3, width=64, height=36, **how)
    source = open_source(tmp_path / name, crop=Fraction(4, 3))
    info = source.info
    assert (info.width, info.height, info.crop, info.kept) == (48, 36, (8, 0, 48, 36), (48, 36))
    assert (info.source_width, info.source_height) == (64, 36)
    for index, frame in enumerate(source.frames()):
        np.testing.assert_array_equal(frame.image, picture(index, 64, 36)[:, 8:56])
    assert {frame.image.shape for frame in source.at_size(24, 18).frames(1)} == {(18, 24, 3)}


def test_a_part_of_pixels_that_are_not_square(tmp_path: Path) -> None:
    # 32 wide pixels make 64 square ones; the left half is red, and the middle 36 are asked for.
    left_red = "color=red:s=16x36:r=10:d=0.3[a];color=blue:s=16x36:r=10:d=0.3[b];[a][b]hstack,setsar=2"
    ffmpeg("-f", "lavfi", "-i", left_red, "-c:v", "ffv1", "-pix_fmt", "bgr0", str(tmp_path / "wide.mkv"))
    source = open_source(tmp_path / "wide.mkv", crop=Fraction(1))
    assert source.info.crop == (14, 0, 36, 36)
    image = next(source.frames()).image
    # To the two levels that the test picture of ffmpeg is off; the filter that resizes reaches across the middle.
    assert np.abs(image[:, :12].astype(int) - (255, 0, 0)).max() <= 2
    assert np.abs(image[:, -12:].astype(int) - (0, 0, 255)).max() <= 2


def test_a_sink_writes_other_frames_than_it_is_given(tmp_path: Path) -> None:
    content = [picture(k, 64, 48) for k in range(4)]
    write_clip(tmp_path / "in", content, count=4)
    layout = Layout((16, 12), (64, 48), (64, 64), "#ffffff")
    reframing = Reframing(layout, 4, open_source(tmp_path / "in", size=16), picks=[0, 2, 2])
    written = plan(tmp_path / "out", 3, height=64, reframing=reframing)
    with open_sink(SinkPlan(**written)) as sink:
        small = [resize(image, 16, 12) for image in content]
        with pytest.raises(ValueError, match="shape"):
            sink.put(Frame(0, Fraction(0), content[0]))
        for index, image in enumerate(small):
            sink.put(Frame(index, Fraction(index, 25), image))
        sink.finish()
    expected = [layout.write(small[k], content[k]) for k in (0, 2, 2)]
    for found, should in zip(images_of(tmp_path / "out"), expected, strict=True):
        np.testing.assert_array_equal(found, should)


def test_an_input_that_goes_meanwhile_ends_the_sink(tmp_path: Path) -> None:
    write_clip(tmp_path / "in", [picture(k) for k in range(4)], count=4)
    reframing = Reframing(Layout((16, 12), (64, 48), (64, 48)), 4, open_source(tmp_path / "in", size=16))
    for path in (tmp_path / "in").iterdir():
        path.unlink()
    with open_sink(SinkPlan(**plan(tmp_path / "out", 4, reframing=reframing))) as sink, pytest.raises(MediaError):
        for index in range(4):
            sink.put(Frame(index, Fraction(index, 25), picture(index, 16, 12)))
        sink.finish()
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["o.webm", "o.mp4"])
def test_the_last_row_and_column_of_an_odd_size_are_not_lost_by_cropping(tmp_path: Path, name: str) -> None:
    rows, columns = np.mgrid[0:47, 0:63]
    image = np.stack([columns * 3 + 20, rows * 4 + 20, np.full_like(rows, 90)], 2).astype(np.uint8)
    write_clip(tmp_path / name, [image], count=1, width=63, height=47)
    for ratio in (Fraction(1), Fraction(2)):
        source = open_source(tmp_path / name, crop=ratio)
        assert source.info.crop is not None
        left, top, width, height = source.info.crop
        found = next(source.frames()).image.astype(int)
        # Stretched over a row that is lost, it would be off by up to two levels more.
        assert np.abs(found - image[top : top + height, left : left + width]).mean() < 1.22
