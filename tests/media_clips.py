"""Small clips and pictures for the tests of pipeline/media, made with ffmpeg and Pillow."""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path

import numpy as np
from PIL import Image as Pillow
from PIL import ImageSequence

from pipeline.media import Frame, FrameSource, Image, open_sink, open_source
from pipeline.media.display_conversion import SWS_WHITE
from pipeline.media.ffmpeg import address, run
from pipeline.media.plan import SinkPlan
from pipeline.media.sound import sound_of
from pipeline.media.subtitles_and_tags import extras_of

WIDTH, HEIGHT = 64, 48


def ffmpeg(*arguments: str) -> str:
    """Run ffmpeg, insist that it works, and return what it printed on stdout."""
    done = run(arguments)
    assert done.code == 0, done.lines
    return done.out.decode()


def clip(path: Path, *, frames: int = 20, rate: str = "25", size: str = "64x48", sound: bool = False, extra=()) -> Path:
    """A moving test picture, H.264 unless `extra` says otherwise, with a tone if `sound`."""
    seconds = float(frames / Fraction(rate))
    tone = ("-f", "lavfi", "-i", f"sine=frequency=440:duration={seconds}") if sound else ()
    ffmpeg(
        *("-f", "lavfi", "-i", f"testsrc2=size={size}:rate={rate}", *tone, "-frames:v", str(frames)),
        *("-pix_fmt", "yuv420p", *extra, address(path)),
    )
    return path


def flat(path: Path, colour: tuple[int, int, int], size: str, filters: str = "null", extra=()) -> Path:
    """Three frames of one colour."""
    ffmpeg(
        *(
            "-f",
            "lavfi",
            "-i",
            f"color=c=0x{colour[0]:02x}{colour[1]:02x}{colour[2]:02x}:size={size}:rate=25,format=rgb24",
        ),
        *("-frames:v", "3", "-vf", filters, *extra, address(path)),
    )
    return path


def picture(number: int, width: int = WIDTH, height: int = HEIGHT) -> Image:
    """A smooth picture that differs from those of other numbers."""
    rows, columns = np.mgrid[0:height, 0:width]
    red = columns * 200 // max(1, width) + number % 50
    green = rows * 200 // max(1, height)
    blue = np.full_like(rows, (number * 37) % 256)
    return np.stack([red, green, blue], axis=2).astype(np.uint8)


def even_times(count: int, rate: Fraction | int) -> tuple[Fraction, ...]:
    return tuple(k / Fraction(rate) for k in range(count))


def plan(path: Path, count: int = 10, rate: Fraction | int = 25, **other) -> dict:
    """Fields of a `SinkPlan` for `count` frames at `rate`."""
    rate = Fraction(rate)
    arguments = {
        **{"path": path, "width": WIDTH, "height": HEIGHT, "times": even_times(count, rate)},
        **{"duration": count / rate, "rate": rate},
    }
    return {**arguments, **other}


def write_clip(path: Path, images: list[Image] | None = None, **other):
    """Put pictures into a sink and finish it; returns the sink."""
    arguments = plan(path, **other)
    if images is None:
        count = len(arguments["times"])
        images = [picture(k, arguments["width"], arguments["height"]) for k in range(count)]
    with open_sink(SinkPlan(**arguments)) as sink:
        for index, image in enumerate(images):
            sink.put(Frame(index, arguments["times"][index], image))
        sink.finish()
    return sink


def copy_clip(source: FrameSource, path: Path, audio="default", shortest=False, location=False, **other):
    """Read a source and write it again, unpainted, with all that is beside its pictures; returns the sink."""
    info = source.info
    sound = sound_of(info, audio, shortest=shortest)
    sink = open_sink(
        SinkPlan(
            path,
            width=info.width,
            height=info.height,
            times=info.times,
            duration=info.duration,
            rate=info.rate,
            variable=info.variable,
            sound=sound,
            extras=extras_of(info, audio, sound, location=location),
            **other,
        )
    )
    with sink:
        for frame in source.frames():
            sink.put(frame)
        sink.finish()
    return sink


def images_of(path: Path, **how) -> list[Image]:
    return [frame.image for frame in open_source(path, **how).frames()]


def frames_by_pillow(path: Path, mode: str) -> list[np.ndarray]:
    """The frames of a GIF, or the pictures of a folder, as Pillow decodes them; of a GIF in 'RGB' or 'RGBA'."""
    if path.is_dir():
        return [np.array(Pillow.open(one)) for one in sorted(path.iterdir())]
    with Pillow.open(path) as gif:
        return [np.array(one.convert(mode)) for one in ImageSequence.Iterator(gif)]


def sound_packets(path: Path) -> list[tuple[float, int, str]]:
    """Start in seconds, size and checksum of every packet of the first audio stream."""
    listing = ffmpeg("-i", address(path), "-vn", "-map", "0:a:0", "-c", "copy", "-f", "framecrc", "pipe:1")
    base = Fraction(re.search(r"#tb 0: (\S+)", listing)[1])
    rows = [line.split(",") for line in listing.splitlines() if line.startswith("0,")]
    return [(float(int(row[2]) * base), int(row[4]), row[5].strip()) for row in rows]


def ffmpeg_children() -> set[int]:
    """Ids of the ffmpeg processes that this process has started and that still run."""
    import os

    found = set()
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            text = status.read_text()
        except OSError:
            continue
        fields = dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)
        if fields["Name"].startswith("ffmpeg") and fields["PPid"] == str(os.getpid()) and fields["State"][0] != "Z":
            found.add(int(status.parent.name))
    return found


def stream(path: Path) -> str:
    """What ffmpeg says of the video of a file."""
    return next(line for line in run(["-i", address(path)]).lines if ": Video: " in line)


def decoded(path: Path, matrix: str, height: int = 48, width: int = 64) -> np.ndarray:
    """The first frame as the signal that it is, (height, width, 3) in 0..1, whatever its light."""
    raw = path.with_suffix(".raw")
    exact = f"scale=in_color_matrix={matrix}:flags=accurate_rnd+full_chroma_int+full_chroma_inp,format=rgb48le"
    ffmpeg("-i", address(path), "-frames:v", "1", "-vf", exact, "-f", "rawvideo", address(raw))
    return np.fromfile(raw, "<u2").reshape(height, width, 3) / SWS_WHITE
