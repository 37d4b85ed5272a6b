"""Paintings with more than 8 bits a channel: kept, written, enlarged, and the same ones as with 8."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from jobs import SMALL, invoke, moving_folder, paint_picture
from media_clips import ffmpeg, stream
from tiny import picture, tiny_painter

from pipeline.clip.record_reading import read_record
from pipeline.errors import StoreError, UsageError
from pipeline.media import open_source
from pipeline.media.ffmpeg import address
from pipeline.media.frame_file import read_exactly, read_kept, write_kept
from pipeline.media.resize import resize
from pipeline.types import deepened, shallow
from reelbrush import stylize_image, stylize_video

HOW = {**SMALL, "steps": 3, "carried_steps": 2}


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("inputs")
    return moving_folder(folder / "in", 3), paint_picture(folder / "style.png", seed=9)


def read(folder: Path) -> list[np.ndarray]:
    """The pictures of a folder with all of their bits, RGB."""
    found = [cv2.imread(str(path), cv2.IMREAD_UNCHANGED) for path in sorted(folder.glob("*.png"))]
    return [np.flip(image, 2) for image in found]


def test_a_painting_has_more_levels_than_eight_bits_tell_apart() -> None:
    content = picture(24, 32, seed=2)
    plain, deep = tiny_painter().paint(content), tiny_painter().deeply().paint(content)
    assert plain.deep is None and deep.deep is not None and deep.deep.dtype == np.uint16
    np.testing.assert_array_equal(deep.image, shallow(deep.deep))
    assert np.abs(deep.image.astype(int) - plain.image).max() <= 1
    # Between the levels of 8 bits all are as likely.
    below = deep.deep.astype(int) - deepened(deep.image)
    assert 60 < np.abs(below).mean() < 68 and np.abs(below).max() <= 128
    for how in ({"colours": "keep"},):
        kept = tiny_painter(**how).deeply().paint(content)
        assert kept.deep is not None
        np.testing.assert_array_equal(kept.image, shallow(kept.deep))
        assert (kept.deep % 257 != 0).mean() > 0.9


def test_pictures_of_a_folder_have_sixteen_bits_where_that_is_asked_for(
    tmp_path: Path, inputs: tuple[Path, Path]
) -> None:
    source, style = inputs
    job: dict[str, Any] = {**HOW, "depth": 16, "passes": 2, "keep": True}
    stylize_video(source, style, tmp_path / "deep", **job)
    stylize_video(source, style, tmp_path / "plain", **{**HOW, "passes": 2})
    deep, plain = read(tmp_path / "deep"), read(tmp_path / "plain")
    assert {image.dtype for image in deep} == {np.dtype(np.uint16)} and len(deep) == len(plain) == 3
    for one, other in zip(deep, plain, strict=True):
        assert (one % 257 != 0).mean() > 0.9
        assert np.abs(shallow(one).astype(int) - other).mean() < 0.1
    record = read_record(tmp_path / "deep")
    assert record.depth == 16
    # From the frames that were kept, and enlarged: no level is lost on the way.
    again = stylize_video(source, style, tmp_path / "deep", overwrite=True, **job)
    assert again.painted == 0
    for one, other in zip(read(tmp_path / "deep"), deep, strict=True):
        np.testing.assert_array_equal(one, other)
    stylize_video(source, style, tmp_path / "deep", overwrite=True, output_size=96, **job)
    large = read(tmp_path / "deep")[0]
    assert large.shape == (64, 96, 3) and (large % 257 != 0).mean() > 0.9
    # What is kept with 8 bits is another painting.
    with pytest.raises(StoreError, match="restart=True"):
        stylize_video(source, style, tmp_path / "deep", overwrite=True, **{**job, "depth": None})


def test_a_video_gets_the_bits_of_the_painting(tmp_path: Path, inputs: tuple[Path, Path]) -> None:
    source, style = inputs
    stylize_video(source, style, tmp_path / "pictures", depth=16, **HOW)
    wanted = read(tmp_path / "pictures")
    stylize_video(source, style, tmp_path / "o.mkv", depth=16, codec="ffv1", **HOW)
    assert "gbrp16le" in stream(tmp_path / "o.mkv")
    raw = tmp_path / "raw"
    ffmpeg("-i", address(tmp_path / "o.mkv"), "-pix_fmt", "rgb48le", "-f", "rawvideo", address(raw))
    np.testing.assert_array_equal(np.fromfile(raw, "<u2").reshape(3, 32, 48, 3), wanted)


def test_where_sixteen_bits_cannot_be_is_said_at_once(tmp_path: Path, inputs: tuple[Path, Path]) -> None:
    source, style = inputs
    for name, depth, words in (
        ("o.mp4", "16", "8 or 10 bits a channel, not 16"),
        ("o", "10", "only a video can have 10 bits"),
        ("o.gif", "16", "only a folder of pictures can have 16 bits"),
        ("o.mp4", "12", "not one of 8, 10, 16"),
    ):
        found = invoke("video", source, "-s", style, "-o", tmp_path / name, "--depth", depth)
        assert found.exit_code == 2 and words in found.stderr


def test_kept_frames_come_back_with_all_bits(tmp_path: Path) -> None:
    image = np.random.default_rng(1).integers(0, 65536, (7, 9, 3), np.uint16)
    write_kept(tmp_path / "f.png", image, {"reelbrush": "x"})
    found, texts = read_exactly(tmp_path / "f.png")
    np.testing.assert_array_equal(found, image)
    assert texts["reelbrush"] == "x"
    np.testing.assert_array_equal(read_kept(tmp_path / "f.png")[0], shallow(image))


def test_sixteen_bits_are_resized_as_eight_are() -> None:
    image = picture(20, 30, seed=4)
    found = resize(deepened(image), 45, 33)
    assert found.dtype == np.uint16
    # Of 8 bits Pillow cuts off what goes beyond black and white after each of both directions.
    assert np.abs(shallow(found).astype(int) - resize(image, 45, 33)).mean() < 0.5


def test_a_picture_of_sixteen_bits_has_those_of_the_painting(tmp_path: Path, inputs: tuple[Path, Path]) -> None:
    source, style = inputs
    how = {key: value for key, value in HOW.items() if key not in ("carried_steps", "passes")}
    plain = stylize_image(source / "0.png", style, **how)
    deep = stylize_image(source / "0.png", style, tmp_path / "o.png", depth=16, output_size=96, **how)
    (found,) = read(tmp_path)
    assert found.dtype == np.uint16 and found.shape == (64, 96, 3) and (found % 257 != 0).mean() > 0.9
    np.testing.assert_array_equal(deep.image, shallow(found))
    assert np.abs(deep.painted.image.astype(int) - plain.painted.image).max() <= 1
    assert read_record(tmp_path / "o.png").depth == 16
    again = stylize_image(source / "0.png", style, tmp_path / "o.png", depth=16, output_size=96, **how)
    assert again.painted.steps == 0, "it is known again"
    for name, depth in (("o.tif", 16), ("o.png", 10)):
        with pytest.raises(UsageError, match=r"16 in a \.png"):
            stylize_image(source / "0.png", style, tmp_path / name, depth=depth, **how)


def ramp() -> np.ndarray:
    """A gradient over three levels of 8 bits, uint16 (32, 48, 3)."""
    return np.repeat(np.rint((100 + np.arange(48) / 16) * 257).astype(np.uint16)[None, :, None], 3, 2).repeat(32, 0)


@pytest.mark.parametrize("kind", ["folder", "tif", "mkv"])
def test_what_has_more_bits_is_painted_from_all_of_them(tmp_path: Path, kind: str) -> None:
    (tmp_path / "in").mkdir()
    ending = "tif" if kind == "tif" else "png"
    for number in range(2):
        cv2.imwrite(str(tmp_path / "in" / f"{number}.{ending}"), ramp())
    path = tmp_path / "in"
    if kind == "mkv":
        path = tmp_path / "in.mkv"
        how = ("-vf", "format=gbrp16le", "-c:v", "ffv1")
        ffmpeg("-i", str(tmp_path / "in" / "%d.png"), *how, address(path))
    for size in (None, 24):
        source = open_source(path, deep=True, size=size)
        (first, _) = source.frames()
        assert first.deep is not None and not any("painted from 8" in note for note in source.info.notes)
        np.testing.assert_array_equal(first.image, shallow(first.deep))
        wanted = resize(ramp(), 24, 16) if size else ramp()
        # Of a video of RGB the scaler takes white to be 65280, and rounds.
        np.testing.assert_allclose(first.deep.astype(float), wanted, atol=0 if kind != "mkv" and not size else 24)
    plain = open_source(path)
    assert any("painted from 8 of them" in note for note in plain.info.notes)
    assert next(plain.frames()).deep is None


def test_the_bits_of_a_picture_reach_its_painting(tmp_path: Path, inputs: tuple[Path, Path]) -> None:
    cv2.imwrite(str(tmp_path / "in.png"), ramp())
    # Nothing is changed of it, to speak of.
    how = {key: value for key, value in HOW.items() if key not in ("carried_steps", "passes")}
    still = {**how, "steps": 1, "strength": 0.0, "optimizer": "adam", "learning_rate": 1e-6}
    made = stylize_image(tmp_path / "in.png", inputs[1], tmp_path / "o.png", depth=16, **still)
    assert made.painted.deep is not None
    assert np.abs(made.painted.deep.astype(int) - ramp()).max() < 20
    grey = tiny_painter(colours="keep", steps=1, learning_rate=1e-6).deeply().paint(ramp())
    assert grey.deep is not None and np.abs(grey.deep.astype(int) - ramp()).max() < 20


@pytest.mark.parametrize("form", ["png", "tif", "grey.png", "exr"])
def test_what_has_sixteen_bits_is_said_to_be_painted_from_eight(tmp_path: Path, form: str) -> None:
    (tmp_path / "in").mkdir()
    pixels = {"grey.png": "gray16be", "exr": "gbrpf32le"}.get(form, "rgb48le")
    for number in range(2):
        path = tmp_path / "in" / f"{number}.{form}"
        ffmpeg("-f", "lavfi", "-i", "testsrc2=s=48x32", "-frames:v", "1", "-pix_fmt", pixels, "-update", "1", str(path))
    info = open_source(tmp_path / "in").info
    assert info.bits == (32 if form == "exr" else 16)
    floating = "0.exr has 32-bit floating-point channels; it is painted from 8 bits of each."
    assert (
        floating if form == "exr" else f"0.{form} has 16 bits a channel; it is painted from 8 of them."
    ) in info.notes
    (tmp_path / "plain").mkdir()
    paint_picture(tmp_path / "plain" / "0.png")
    assert open_source(tmp_path / "plain").info.bits == open_source(tmp_path / "plain" / "0.png").info.bits == 8
