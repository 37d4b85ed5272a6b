"""What is transparent in the input: laid on white, or kept to the end. Read back by ffmpeg and Pillow."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from jobs import SMALL, paint_picture
from media_clips import ffmpeg, frames_by_pillow
from PIL import Image as Pillow

from pipeline.clip.events import Event, Started
from pipeline.errors import UsageError
from pipeline.media.ffmpeg import run
from reelbrush import stylize_image, stylize_video

HOW = {**SMALL, "steps": 1, "carried_steps": 1, "alpha": "keep"}
FRAMES = 3


def disc(number: int) -> np.ndarray:
    """A disc that moves, on nothing; what is hidden behind the nothing is green."""
    y, x = np.mgrid[0:48, 0:64]
    away = np.hypot(x - 20 - 10 * number, y - 24)
    image = np.zeros((48, 64, 4), np.uint8)
    image[:] = (0, 255, 0, 0)
    image[away < 14] = (220, 60, 30, 255)
    return image


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("inputs")
    paint_picture(folder / "style.png", seed=9)
    (folder / "disc").mkdir()
    images = [Pillow.fromarray(disc(number)) for number in range(FRAMES)]
    for number, image in enumerate(images):
        image.save(folder / "disc" / f"{number}.png")
    images[0].save(folder / "disc.webp", save_all=True, append_images=images[1:], duration=100, lossless=True)
    images[0].save(folder / "disc.gif", save_all=True, append_images=images[1:], duration=100, disposal=2)
    frames = ("-framerate", "10", "-i", str(folder / "disc" / "%d.png"))
    ffmpeg(*frames, "-c:v", "qtrle", str(folder / "disc.mov"))
    ffmpeg(*frames, "-c:v", "libvpx-vp9", "-pix_fmt", "yuva420p", str(folder / "disc.webm"))
    return folder


def seen(path: Path) -> list[np.ndarray]:
    """The frames of a result with their opacity, (H, W, 4), as ffmpeg or Pillow decodes them."""
    if path.is_dir() or path.suffix in (".gif", ".webp", ".apng"):
        return frames_by_pillow(path, "RGBA")
    decoder = ("-c:v", "libvpx-vp9") if path.suffix in (".webm", ".mkv") else ()
    done = run([*decoder, "-i", str(path), "-f", "rawvideo", "-pix_fmt", "rgba", "pipe:1"])
    assert done.code == 0, done.lines
    return list(np.frombuffer(done.out, np.uint8).reshape(-1, 48, 64, 4))


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("disc", "o.mov"),
        ("disc.mov", "o.webm"),
        ("disc.webm", "o.gif"),
        ("disc.gif", "o"),
        ("disc.webp", "o.mkv"),
        ("disc.gif", "o.webp"),
        ("disc.webp", "o.apng"),
    ],
)
def test_transparency_comes_out_as_it_went_in(tmp_path: Path, inputs: Path, source: str, name: str) -> None:
    told: list[Event] = []
    stylize_video(inputs / source, inputs / "style.png", tmp_path / name, on_event=told.append, **HOW)
    notes = [note for event in told if isinstance(event, Started) for note in event.notes]
    assert [note for note in notes if "transparent" in note] == [
        "What is transparent in the clip stays so; it is painted as if it lay on white."
    ]
    found = seen(tmp_path / name)
    assert len(found) == FRAMES
    again = stylize_video(inputs / source, inputs / "style.png", tmp_path / name, **HOW)
    assert again.painted == 0 and "already painted" in again.notes[0]
    for number, image in enumerate(found):
        wanted = disc(number)[:, :, 3].astype(int)
        opacity = image[:, :, 3].astype(int)
        assert np.abs(opacity - wanted).mean() < 2 and (np.abs(opacity - wanted) > 64).mean() < 0.01, number
        # The green behind the nothing is nowhere.
        visible = image[opacity > 128][:, :3].astype(int)
        assert visible[:, 0].mean() > visible[:, 1].mean() + 40


def test_by_default_it_is_laid_on_white_and_said(tmp_path: Path, inputs: Path) -> None:
    told: list[Event] = []
    stylize_video(inputs / "disc.mov", inputs / "style.png", tmp_path / "o", on_event=told.append,
                  **{**HOW, "alpha": "flatten"})  # fmt: skip
    assert any("laid on white" in note for event in told if isinstance(event, Started) for note in event.notes)
    assert {image.shape for image in seen(tmp_path / "o")} == {(48, 64, 3)}
    told.clear()
    picture = {key: value for key, value in HOW.items() if key not in ("carried_steps", "passes", "alpha")}
    stylize_image(inputs / "disc" / "0.png", inputs / "style.png", on_event=told.append, **picture)
    stylize_video(inputs / "disc.gif", inputs / "style.png", tmp_path / "p", on_event=told.append,
                  **{**HOW, "alpha": "flatten"})  # fmt: skip
    said = [note for event in told if isinstance(event, Started) for note in event.notes if "white" in note]
    assert said == [
        "What is transparent in the picture is laid on white.",
        "The first frame is transparent in part; what is transparent is laid on white.",
    ]


def test_what_cannot_hold_it_is_refused_before_anything_is_painted(tmp_path: Path, inputs: Path) -> None:
    for name, how in (("o.mp4", {}), ("o.mov", {"codec": "h264"}), ("o.webm", {"quality": "lossless"})):
        with pytest.raises(UsageError, match="transparency"):
            stylize_video(inputs / "disc", inputs / "style.png", tmp_path / name, **how, **HOW)
    with pytest.raises(UsageError, match="transparency"):
        stylize_image(inputs / "disc" / "0.png", inputs / "style.png", tmp_path / "o.jpg", alpha="keep", device="cpu")
    assert not list(tmp_path.rglob("0*.png"))


def test_an_opaque_clip_may_go_anywhere(tmp_path: Path, inputs: Path) -> None:
    paint_picture(tmp_path / "p.png", seed=1)
    told: list[Event] = []
    stylize_video(tmp_path / "p.png", inputs / "style.png", tmp_path / "o.mp4", on_event=told.append, **HOW)
    assert any("nothing for alpha keep" in note for event in told if isinstance(event, Started) for note in event.notes)


@pytest.mark.parametrize("name", ["o.png", "o.webp", "o.tif"])
def test_a_picture_keeps_it_scaled_with_the_painting(tmp_path: Path, inputs: Path, name: str) -> None:
    how = {key: value for key, value in HOW.items() if key not in ("carried_steps", "passes")}
    content = inputs / "disc" / "0.png"
    made = stylize_image(content, inputs / "style.png", tmp_path / name, size=32, aspect="1:1", output_size=96, **how)
    found = np.array(Pillow.open(tmp_path / name))
    np.testing.assert_array_equal(found, made.image)
    assert found.shape == (96, 96, 4)
    wanted = np.array(Pillow.fromarray(disc(0)[:, 8:56, 3]).resize((96, 96), Pillow.Resampling.LANCZOS))
    np.testing.assert_array_equal(found[:, :, 3], wanted)
    assert (found[wanted == 0][:, :3] == 255).all()


@pytest.mark.parametrize("as_image", [False, True])
def test_what_is_in_memory_keeps_it_too(inputs: Path, as_image: bool) -> None:
    how = {key: value for key, value in HOW.items() if key not in ("carried_steps", "passes")}
    content = Pillow.fromarray(disc(0)) if as_image else disc(0)
    made = stylize_image(content, inputs / "style.png", **how)
    np.testing.assert_array_equal(made.image[:, :, 3], disc(0)[:, :, 3])
    of_file = stylize_image(inputs / "disc" / "0.png", inputs / "style.png", **how)
    np.testing.assert_array_equal(made.image, of_file.image)


def test_bars_are_opaque(tmp_path: Path, inputs: Path) -> None:
    stylize_video(inputs / "disc", inputs / "style.png", tmp_path / "o", aspect="1:1", pad="black", **HOW)
    image = seen(tmp_path / "o")[0]
    assert image.shape == (64, 64, 4) and (image[:8] == (0, 0, 0, 255)).all() and (image[-8:, :, 3] == 255).all()
    np.testing.assert_array_equal(image[8:56, :, 3], disc(0)[:, :, 3])
