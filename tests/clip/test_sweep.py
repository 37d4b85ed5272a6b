"""Sixty generated files, painted: what comes out is known from how they were made, and looked at by ffmpeg, OpenCV and
Pillow. Painted without style: so the colours are known as well."""

from __future__ import annotations

import random
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from jobs import SMALL, paint_picture
from media_clips import ffmpeg, frames_by_pillow
from PIL import Image as Pillow

from pipeline.media.ffmpeg import run
from reelbrush import stylize_video

COUNT = 60
SECONDS = Fraction(3, 5)
BEEP = (0.2, 0.4)
"""From when to when it is heard."""
PATCH, REST = (200, 60, 40), (70, 110, 150)
STORED = (96, 64)
VIDEO = {
    ".mp4": (("libx264", "yuv420p"), ("libx264", "yuv444p"), ("libx265", "yuv420p10le"), ("mpeg4", "yuv420p")),
    ".mov": (("prores_ks", "yuv422p10le"), ("mjpeg", "yuvj420p"), ("qtrle", "rgb24"), ("libx264", "yuv420p")),
    ".mkv": (("ffv1", "bgr0"), ("libvpx-vp9", "yuv420p"), ("libx264", "yuv422p"), ("libsvtav1", "yuv420p10le")),
    ".webm": (("libvpx", "yuv420p"), ("libvpx-vp9", "yuv420p")),
    ".avi": (("mpeg4", "yuv420p"), ("mjpeg", "yuvj422p"), ("rawvideo", "bgr24")),
    ".ts": (("libx264", "yuv420p"), ("mpeg2video", "yuv420p")),
    ".flv": (("libx264", "yuv420p"),),
}
SOUND = {
    ".mp4": ("aac", "libmp3lame"),
    ".mov": ("aac", "pcm_s16le"),
    ".mkv": ("aac", "libopus", "flac", "pcm_s16le"),
    ".webm": ("libopus",),
    # With MP3, ffmpeg writes the second picture two frames late: there is room for the encoder's delay.
    ".avi": ("pcm_s16le",),
    ".ts": ("aac", "mp2"),
    ".flv": ("aac",),
}
RATES = (10, 12, 15, Fraction(24000, 1001), 24, 25, 30, 50, 60)
MPEG2_RATES = (Fraction(24000, 1001), 24, 25, 30, 50, 60)
OUTPUTS = (".mp4", ".mov", ".mkv", ".webm", ".gif", "")


@dataclass(frozen=True)
class File:
    """One of them."""

    suffix: str
    codec: str
    pixels: str
    rate: Fraction
    rotation: int
    """Degrees counter-clockwise by which a player turns it."""
    sound: str
    """'' for none."""
    output: str

    @property
    def frames(self) -> int:
        return round(SECONDS * self.rate)

    @property
    def corner(self) -> tuple[int, int]:
        """Whether the patch is seen below and on the right: it is stored above, on the left."""
        return {0: (0, 0), 90: (1, 0), 180: (1, 1), 270: (0, 1)}[self.rotation]

    def make(self, folder: Path) -> Path:
        path = folder / f"in{self.suffix}"
        duration = float(self.frames / self.rate)
        wide, high = STORED
        rest, patch = (f"0x{red:02x}{green:02x}{blue:02x}" for red, green, blue in (REST, PATCH))
        shown = f"color=c={rest}:s={wide}x{high}:r={self.rate},drawbox=w={wide // 2}:h={high // 2}:c={patch}:t=fill"
        beep = f"aevalsrc='if(between(t,{BEEP[0]},{BEEP[1]}),0.5*sin(2*PI*1000*t),0)':s=48000:d={duration}"
        sound = ("-f", "lavfi", "-i", beep, "-c:a", self.sound) if self.sound else ()
        made = path if not self.rotation else folder / f"stored{self.suffix}"
        # Small pictures leave x265 no rows for its threads.
        more = ("-x265-params", "log-level=error:frame-threads=1") if self.codec == "libx265" else ()
        ffmpeg(
            *("-f", "lavfi", "-i", shown, *sound),
            *("-frames:v", str(self.frames), "-c:v", self.codec, "-pix_fmt", self.pixels, *more, str(made)),
        )
        if self.rotation:
            ffmpeg("-display_rotation:v:0", str(self.rotation), "-i", str(made), "-c", "copy", str(path))
        return path


def files() -> list[File]:
    chance = random.Random("sweep")
    found: list[File] = []
    every = [(suffix, *what) for suffix, codecs in VIDEO.items() for what in codecs]
    for number in range(COUNT):
        suffix, codec, pixels = every[number % len(every)]
        rate = Fraction(chance.choice(MPEG2_RATES if codec == "mpeg2video" else RATES))
        rotation = chance.choice((0, 90, 180, 270)) if suffix in (".mp4", ".mov") else 0
        sound = chance.choice(("", *SOUND[suffix], *SOUND[suffix]))
        found.append(File(suffix, codec, pixels, rate, rotation, sound, OUTPUTS[number % len(OUTPUTS)]))
    return found


def frames_of(path: Path) -> list[np.ndarray]:
    """As another program decodes them, uint8 RGB."""
    if path.is_dir() or path.suffix == ".gif":
        return frames_by_pillow(path, "RGB")
    video = cv2.VideoCapture(str(path))
    found = []
    while (read := video.read())[0]:
        found.append(cv2.cvtColor(read[1], cv2.COLOR_BGR2RGB))
    return found


def ends(path: Path) -> float:
    """When the last frame ends, in seconds after the first one begins."""
    if path.suffix == ".gif":
        with Pillow.open(path) as gif:
            shown = 0
            for number in range(gif.n_frames):
                gif.seek(number)
                shown += gif.info["duration"]
            return shown / 1000
    listing = run(["-i", str(path), "-map", "0:v:0", "-c", "copy", "-f", "framecrc", "pipe:1"]).out.decode()
    base = Fraction(next(line for line in listing.splitlines() if line.startswith("#tb 0")).split(": ")[1])
    rows = [line.split(",") for line in listing.splitlines() if not line.startswith("#")]
    times = [(int(row[2]), int(row[3])) for row in rows]
    return float(max(pts + long for pts, long in times) * base - min(pts for pts, _ in times) * base)


def heard(path: Path) -> tuple[float, float] | None:
    """From when to when something loud is heard."""
    done = run(["-i", str(path), "-map", "0:a:0", "-ac", "1", "-af", "aresample=48000:async=1:first_pts=0",
                "-f", "f32le", "pipe:1"])  # fmt: skip
    loud = np.flatnonzero(np.abs(np.frombuffer(done.out, np.float32)) > 0.1) if done.code == 0 else []
    return (float(loud[0] / 48000), float(loud[-1] / 48000)) if len(loud) else None


@pytest.mark.heavy
def test_what_comes_out_is_what_went_in(tmp_path: Path) -> None:
    style = paint_picture(tmp_path / "style.png", seed=9)
    how = {
        **SMALL,
        "size": 64,
        "steps": 2,
        "carried_steps": 2,
        "style_weight": 0.0,
        "tv_weight": 0.0,
        "recolour": 0.0,
        "start": "content",
    }
    wrong = []
    for number, file in enumerate(files()):
        folder = tmp_path / str(number)
        folder.mkdir()
        output = folder / f"out{file.output}"
        try:
            stylize_video(file.make(folder), style, output, **how)
            found = _wrong(file, output)
        except Exception as error:
            found = [f"{type(error).__name__}: {error}"]
        wrong += [f"{number} {file}: {one}" for one in found]
    assert not wrong, "\n".join(wrong)


def _wrong(file: File, output: Path) -> list[str]:
    """What is not as it was made."""
    images = frames_of(output)
    wrong = [] if len(images) == file.frames else [f"{len(images)} frames, not {file.frames}"]
    high, wide = (64, 42) if file.rotation in (90, 270) else (42, 64)
    if {image.shape for image in images} != {(high, wide, 3)}:
        wrong.append(f"frames of {images[0].shape}")
        return wrong
    down, across = file.corner
    for what, (below, right), colour in (
        ("patch", (down, across), PATCH),
        ("rest", (1 - down, 1 - across), REST),
    ):
        part = images[-1][below * high // 2 : (below + 1) * high // 2, right * wide // 2 : (right + 1) * wide // 2]
        mean = part[6:-6, 6:-6].mean(axis=(0, 1))
        if np.abs(mean - colour).max() > 12:
            wrong.append(f"the {what} is {mean.round()}")
    if file.output:
        length = float(file.frames / file.rate)
        if abs(ends(output) - length) > 1 / file.rate:
            wrong.append(f"lasts {ends(output):.3f} s, not {length:.3f} s")
    if file.output in ("", ".gif"):
        return wrong
    span = heard(output)
    if (span is None) != (not file.sound):
        wrong.append(f"sound: {span}")
    elif span is not None and max(abs(span[0] - BEEP[0]), abs(span[1] - BEEP[1])) > 0.06:
        wrong.append(f"heard from {span[0]:.2f} to {span[1]:.2f} s")
    return wrong
