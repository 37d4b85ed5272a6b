"""The sample files are as they should be, and the true motion of the sample clip is true."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest
from PIL import Image
from scene.clip import FRAMES, RATE, SIZE, RenderedFrame, cut_frame, scene, shot_layers
from scene.layers import Plane, Rigid, grid, render
from scene.noise import sample, shrink

ROOT = Path(__file__).resolve().parents[1]
CLIP = ROOT / "samples" / "clip.mp4"
SAMPLE_RATE = 48_000
SMALL = (96, 54)


@pytest.fixture(scope="module")
def frames() -> list[RenderedFrame]:
    """Six small frames: four of the lake, two of the coast."""
    return list(scene(6, *SMALL))


def decode(*options: str) -> bytes:
    """What ffmpeg makes of the clip."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", str(CLIP), *options, "-"]
    return subprocess.run(command, check=True, capture_output=True).stdout


def clip_frames() -> np.ndarray:
    """The committed clip, shape (frames, height, width, 3), uint8."""
    width, height = SIZE
    return np.frombuffer(decode("-f", "rawvideo", "-pix_fmt", "rgb24"), np.uint8).reshape(-1, height, width, 3)


def warp(image: np.ndarray, flow: np.ndarray) -> np.ndarray:
    """`image` fetched from where `flow` points, float 0..255."""
    height, width = image.shape[:2]
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    return sample(image.astype(np.float32), x + flow[..., 0], y + flow[..., 1])


@pytest.mark.parametrize(
    ("name", "size"),
    [("paint.jpg", (512, 400)), ("ink.jpg", (512, 400)), ("mosaic.jpg", (512, 400)), ("picture.jpg", (480, 320))],
)
def test_pictures_are_there_and_small(name: str, size: tuple[int, int]) -> None:
    path = ROOT / "samples" / name
    assert path.stat().st_size < 250_000
    with Image.open(path) as picture:
        assert (picture.size, picture.mode) == (size, "RGB")
        pixels = np.asarray(picture, np.float32)
    assert pixels.std() > 35, "a flat picture teaches no style"


def test_clip_says_what_it_is() -> None:
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-i", str(CLIP)]
    banner = subprocess.run(command, check=False, capture_output=True, text=True).stderr
    assert re.search(r"Video: h264 .*yuv420p\(tv, bt709.*320x180.* 12 fps", banner), banner
    assert re.search(r"Audio: aac .*48000 Hz, stereo", banner), banner
    assert CLIP.stat().st_size < 600_000


def test_clip_has_its_frames_and_one_cut() -> None:
    clip = clip_frames().astype(np.float32)
    assert len(clip) == FRAMES
    steps = np.abs(np.diff(clip, axis=0)).mean((1, 2, 3))
    assert steps.argmax() + 1 == cut_frame() == 24
    assert np.sort(steps)[-1] > 3 * np.sort(steps)[-2]


@pytest.mark.parametrize(("number", "shot", "t"), [(0, 0, 0), (20, 0, 20), (30, 1, 6)])
def test_clip_is_the_scene(number: int, shot: int, t: int) -> None:
    """Frames of the committed clip against the scene, rendered at half the size to save time."""
    made, _ = render(shot_layers(shot, 90), t, 160, 90)
    committed = shrink(clip_frames()[number].astype(np.float32), 2)
    assert np.abs(committed - made).mean() < 6


def test_sound_clicks_at_the_cut() -> None:
    seconds, cut = float(FRAMES / RATE), float(cut_frame() / RATE)
    samples = np.frombuffer(decode("-f", "s16le", "-ac", "2"), "<i2").reshape(-1, 2).astype(int)
    assert len(samples) == pytest.approx(seconds * SAMPLE_RATE, abs=2048)
    assert np.abs(samples).max(1).argmax() / SAMPLE_RATE == pytest.approx(cut, abs=0.003)


@pytest.mark.parametrize("motion", [Rigid(0.01, -0.02, (0.3, 0.4), 0.01, 0.2, 0.03, 7), Plane(0.5, -0.01, -0.04)])
def test_motions_are_inverted(motion: Rigid | Plane) -> None:
    x, y = grid(*SMALL)
    back = motion.to_picture(5.0, *motion.to_layer(5.0, x, y))
    assert np.abs(back[0] - x).max() < 1e-9
    assert np.abs(back[1] - y).max() < 1e-9


def test_frames_know_their_shot(frames: list[RenderedFrame]) -> None:
    assert [frame.shot for frame in frames] == [0, 0, 0, 0, 1, 1]
    assert [frame.to_next is None for frame in frames] == [False, False, False, True, False, True]
    assert [frame.to_previous is None for frame in frames] == [True, False, False, False, True, False]
    assert all(frame.image.shape == (54, 96, 3) and frame.image.dtype == np.uint8 for frame in frames)


@pytest.mark.parametrize("first", [0, 1, 2, 4])
@pytest.mark.parametrize("forward", [True, False])
def test_true_flow_carries_one_frame_to_the_next(frames: list[RenderedFrame], first: int, forward: bool) -> None:
    here, there = (frames[first], frames[first + 1]) if forward else (frames[first + 1], frames[first])
    flow, hidden = (here.to_next, here.hidden_next) if forward else (here.to_previous, here.hidden_previous)
    assert flow is not None
    assert hidden is not None
    error = np.abs(warp(there.image, flow) - here.image).mean(-1)
    still = np.abs(there.image.astype(np.float32) - here.image).mean(-1)
    clean = ~hidden & ~here.mixed & (warp(there.mixed[..., None], flow)[..., 0] < 0.01)
    assert clean.mean() > 0.25
    assert error[clean].mean() < 0.6 * still[clean].mean()
    assert np.median(error[clean]) < 5
    assert 0.001 < hidden.mean() < 0.2
    assert error[hidden].mean() > 2.5 * error[clean].mean()


def test_flow_is_exact_where_it_can_be_reckoned(frames: list[RenderedFrame]) -> None:
    """The near bank moves as a whole: its flow is the pan's speed, to the last digit, and there and back is nothing."""
    flow, back = frames[0].to_next, frames[1].to_previous
    assert flow is not None
    assert back is not None
    bank = shot_layers(0, SMALL[1])[-1].motion
    assert isinstance(bank, Rigid)
    assert flow[-1, :, 0] == pytest.approx(bank.vx * SMALL[1], abs=1e-5)
    assert flow[-1, :, 1] == pytest.approx(0, abs=1e-5)
    settled = ~frames[0].hidden_next & ~frames[0].mixed
    assert np.median(np.abs(warp(back, flow) + flow).max(-1)[settled]) < 0.02


def test_rendering_twice_gives_the_same(frames: list[RenderedFrame]) -> None:
    again = next(scene(6, *SMALL, truth=False))
    assert np.array_equal(again.image, frames[0].image)
    assert again.to_next is None
