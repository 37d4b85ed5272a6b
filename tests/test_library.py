"""The library as a caller sees it: `import reelbrush`, pictures in memory, and what the results are to a notebook."""

from __future__ import annotations

import io
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from jobs import ROOT, SMALL, environment, moving_folder, paint_picture
from PIL import Image as Pillow

import reelbrush
from pipeline.clip.events import FrameDone, Started
from pipeline.clip.in_memory import PictureFiles
from pipeline.media import read_picture
from pipeline.media.in_memory import to_image

STILL = {name: value for name, value in SMALL.items() if name not in ("carried_steps", "passes")}


@pytest.fixture
def content(tmp_path: Path) -> Path:
    return paint_picture(tmp_path / "content.png")


@pytest.fixture
def style(tmp_path: Path) -> Path:
    return paint_picture(tmp_path / "style.png", seed=9)


def test_every_name_is_there_and_says_what_it_is() -> None:
    for name in reelbrush.__all__:
        value = getattr(reelbrush, name)
        assert name.isupper() or name.startswith("__") or name == "Event" or value.__doc__, name
    assert set(reelbrush.__all__) == set(dir(reelbrush))
    with pytest.raises(AttributeError, match="no attribute 'stylise_image'"):
        _ = reelbrush.stylise_image


def test_python_m_is_the_command_line() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "reelbrush", "--version"], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert run.stdout == f"reelbrush {reelbrush.__version__}\n"


@pytest.mark.parametrize(
    "given",
    [
        lambda image: image,
        Pillow.fromarray,
        lambda image: image / np.float32(255),
        lambda image: np.dstack([image, np.full(image.shape[:2], 255, np.uint8)]),
    ],
    ids=["uint8", "pil", "float32", "rgba"],
)
def test_a_picture_in_memory_is_painted_as_its_file_is(content: Path, style: Path, given: Any) -> None:
    expected = reelbrush.stylize_image(content, style, **STILL)
    got = reelbrush.stylize_image(given(read_picture(content)), given(read_picture(style)), **STILL)
    assert np.array_equal(got.image, expected.image)
    assert got.painted.losses == expected.painted.losses


def test_styles_and_a_start_in_memory(content: Path, style: Path, tmp_path: Path) -> None:
    other = paint_picture(tmp_path / "other.png", seed=4)
    expected = reelbrush.stylize_image(content, {style: 0.7, other: 0.3}, init=other, **STILL)
    one, two = read_picture(style), Pillow.open(other)
    got = reelbrush.stylize_image(content, [(one, 0.7), (two, 0.3)], init=two, **STILL)
    assert np.array_equal(got.image, expected.image)


def test_nothing_of_it_stays_on_the_disk(
    content: Path, style: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "temporary"
    place.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(place))
    reelbrush.stylize_image(read_picture(content), style, **STILL)
    with pytest.raises(reelbrush.SettingsError):
        reelbrush.stylize_image(read_picture(content), style, stepps=3)
    with pytest.raises(reelbrush.UsageError):
        reelbrush.stylize_image(read_picture(content), np.zeros((3, 8, 8)), **STILL)
    assert list(place.iterdir()) == []


@pytest.mark.parametrize("kind", ["array", "list"])
def test_frames_in_memory_are_painted_as_their_folder_is(tmp_path: Path, style: Path, kind: str) -> None:
    folder = moving_folder(tmp_path / "in", 3)
    frames = [read_picture(path) for path in sorted(folder.iterdir())]
    expected = reelbrush.stylize_video(folder, style, tmp_path / "one", **SMALL)
    source = np.stack(frames) if kind == "array" else [Pillow.fromarray(frame) for frame in frames]
    got = reelbrush.stylize_video(source, read_picture(style), tmp_path / "two", **SMALL)
    assert [frame.image.tobytes() for frame in got.images()] == [frame.image.tobytes() for frame in expected.images()]
    assert got.frames == 3


def test_of_what_is_in_memory_events_name_no_file(content: Path, style: Path, tmp_path: Path) -> None:
    told: list[Any] = []
    picture, how = read_picture(content), {"on_event": told.append}
    reelbrush.stylize_video(picture[None], style, tmp_path / "a", **SMALL, **how)
    reelbrush.stylize_image(picture, picture, **STILL, **how)
    reelbrush.stylize_image(picture, picture, tmp_path / "b.png", **STILL, **how)
    reelbrush.stylize_image(str(content), picture, **STILL, **how)
    assert [one.source for one in told if isinstance(one, Started)] == [None, None, None, str(content)]
    assert not any(tempfile.gettempdir() + "/reelbrush-" in str(one) for one in told)


def test_a_clip_in_memory_goes_on_after_a_crash(tmp_path: Path, style: Path) -> None:
    folder = moving_folder(tmp_path / "in", 4)
    frames = np.stack([read_picture(path) for path in sorted(folder.iterdir())])

    class Crash(Exception):
        pass

    def crash(event: reelbrush.Event) -> None:
        if isinstance(event, FrameDone) and event.frame == 2:
            raise Crash

    with pytest.raises(Crash):
        reelbrush.stylize_video(frames, style, tmp_path / "out", on_event=crash, **SMALL)
    result = reelbrush.stylize_video(frames, style, tmp_path / "out", **SMALL)
    assert 0 < result.painted < 4


def test_what_a_notebook_shows_of_a_picture(content: Path, style: Path, tmp_path: Path) -> None:
    result = reelbrush.stylize_image(content, style, tmp_path / "out.png", **STILL)
    height, width = result.image.shape[:2]
    assert result.pil.size == (width, height) and result.pil.mode == "RGB"
    assert np.array_equal(np.array(Pillow.open(io.BytesIO(result._repr_png_()))), result.image)
    said = repr(result)
    assert "\n" not in said and len(said) < 200 + len(str(tmp_path))
    assert f"{width}x{height}" in said and "6 steps" in said and str(tmp_path / "out.png") in said


def test_what_a_notebook_shows_of_a_clip(tmp_path: Path, style: Path) -> None:
    result = reelbrush.stylize_video(moving_folder(tmp_path / "in", 3), style, tmp_path / "out", **SMALL)
    middle = read_picture(sorted((tmp_path / "out").glob("*.png"))[1])
    assert np.array_equal(result.image, middle)
    assert np.array_equal(np.array(result.pil), middle)
    assert "3 frames" in repr(result) and "\n" not in repr(result)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((3, 8, 8), np.uint8), r"The content is an array of shape \(3, 8, 8\)"),
        (np.zeros((8, 0, 3), np.uint8), "of shape"),
        (np.zeros(8, np.uint8), "of shape"),
        (np.zeros((2, 8, 8, 3), np.uint8), "of shape"),
        (np.full((8, 8, 3), 255.0), "from 255 to 255. Floating point has to lie in 0..1"),
        (np.full((8, 8, 3), np.nan), "Floating point"),
        (np.zeros((8, 8, 3), np.uint16), "array of uint16. Convert it"),
        (np.zeros((8, 8, 3), bool), "array of bool"),
    ],
)
def test_an_array_that_is_no_picture(array: np.ndarray[Any, Any], message: str) -> None:
    with pytest.raises(reelbrush.UsageError, match=message):
        to_image(array, "content")


def test_grey_and_transparent_arrays() -> None:
    grey = np.arange(6, dtype=np.uint8).reshape(2, 3)
    assert np.array_equal(to_image(grey, "content"), np.repeat(grey[:, :, None], 3, axis=2))
    clear = np.zeros((2, 3, 4), np.uint8)
    assert (to_image(clear, "content") == 255).all()
    assert np.array_equal(to_image(np.float64(grey[..., None]) / 255, "content"), to_image(grey, "content"))


@pytest.mark.parametrize("frames", [[], np.zeros((0, 8, 8, 3), np.uint8)])
def test_a_clip_without_frames(frames: Any) -> None:
    with PictureFiles() as files, pytest.raises(reelbrush.UsageError, match="no frames"):
        files.clip(frames)


def test_a_list_of_files_is_no_clip() -> None:
    with PictureFiles() as files, pytest.raises(reelbrush.UsageError, match="name the folder"):
        files.clip(["a.png", "b.png"])


@pytest.mark.heavy
def test_the_example(tmp_path: Path) -> None:
    """As it stands there: ten lines, from the root of the project."""
    (tmp_path / "samples").symlink_to(ROOT / "samples")
    run = subprocess.run(
        [sys.executable, str(ROOT / "examples" / "paint.py")], cwd=tmp_path, env=environment(), capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    assert run.stdout.startswith("<StillResult 128x")
    with Pillow.open(tmp_path / "beside.png") as beside:
        assert beside.width == 256
