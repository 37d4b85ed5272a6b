"""Files with bytes changed, removed or repeated: each is read, or refused in one sentence, within seconds.

`REELBRUSH_FUZZ=2000` tries so many, and `REELBRUSH_SEED` others; a failure names the number that repeats it.
"""

from __future__ import annotations

import os
import random
import resource
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np
import pytest
from jobs import QUICK, invoke, paint_picture
from media_clips import clip, ffmpeg_children, picture, write_clip
from PIL import Image as Pillow

from pipeline.clip.finished_outputs import says_how_made
from pipeline.errors import ReelbrushError
from pipeline.media import open_source, read_picture
from pipeline.media.deep_pictures import picture_bits
from pipeline.media.pictures import more_in

FILES = int(os.environ.get("REELBRUSH_FUZZ", "200"))
SEED = os.environ.get("REELBRUSH_SEED", "2026")
PAINTED = 20
"""Every so many of the files also go through the command line."""
LONGEST = 30
"""Seconds that a file may take."""
MEMORY = 6 * 2**30
"""Bytes of address space: what asks for more is told so, and does not take the machine with it."""

pytestmark = [pytest.mark.heavy, pytest.mark.skipif(sys.platform == "win32", reason="limits as POSIX has them")]


def whole_files(folder: Path) -> list[Path]:
    """One of each kind, small."""
    images = [Pillow.fromarray(picture(number, 40, 32)) for number in range(4)]
    clip(folder / "a.mp4", frames=6, size="40x32", sound=True, extra=("-c:a", "aac", "-shortest"))
    clip(folder / "b.mkv", frames=6, size="40x32", sound=True, extra=("-c:a", "libopus", "-shortest"))
    write_clip(folder / "c.gif", count=4, width=40, height=32, images=[np.array(image) for image in images])
    images[0].save(folder / "d.png")
    images[0].save(folder / "e.png", save_all=True, append_images=images[1:], duration=50)
    images[0].save(folder / "f.webp", lossless=True)
    images[0].save(folder / "g.webp", save_all=True, append_images=images[1:], duration=50)
    images[0].save(folder / "h.avif", save_all=True, append_images=images[1:], duration=50)
    images[0].save(folder / "i.tif", save_all=True, append_images=images[1:])
    for name in ("j.jpg", "k.bmp", "l.jp2", "m.tga", "n.qoi", "o.dds", "p.ico", "q.avif"):
        images[0].save(folder / name)
    return sorted(folder.iterdir())


def mutated(data: bytes, chance: random.Random) -> bytes:
    """The bytes of a file with one to three things wrong, most of them where its headers are."""
    changed = bytearray(data)
    for _ in range(chance.randint(1, 3)):
        size = len(changed)
        near = chance.choice((64, 256, 1024, size))
        at = chance.randrange(min(near, size))
        if chance.random() < 0.2:  # the index of an MP4 or of a Matroska may stand at the end
            at = size - 1 - at
        length = chance.choice((1, 1, 2, 4, 16, 64))
        how = chance.random()
        if how < 0.6:
            for place in range(at, min(size, at + length)):
                changed[place] = chance.choice((0, 255, chance.randrange(256)))
        elif how < 0.75:
            del changed[at : at + length]
        elif how < 0.9:
            changed[at:at] = changed[at : at + length] * chance.randint(1, 4)
        else:
            del changed[at + 8 :]
        if len(changed) < 16:
            break
    return bytes(changed)


class TookTooLongError(BaseException):
    """Not an `Exception`: nothing may swallow it."""


@contextmanager
def limited(seconds: int) -> Iterator[None]:
    def stop(number: int, frame: object) -> None:
        raise TookTooLongError

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@contextmanager
def little_memory() -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_AS)
    # On top of what the tests before have left: where not even a thread can begin, whoever waits for it waits forever.
    there = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (there + MEMORY, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def read_all(path: Path) -> str:
    """Open a file in every way there is; what it says of it."""
    said = []
    for look in (_frames, lambda path: read_picture(path).shape, more_in, picture_bits, says_how_made):
        try:
            said.append(str(look(path)))
        except ReelbrushError as error:
            said.append(str(error))
    return " | ".join(said)


def _frames(path: Path) -> int:
    source = open_source(path, size=32)
    with closing(source.frames()) as frames:
        for number, frame in enumerate(frames):
            assert frame.index == number and frame.image.shape == (source.info.height, source.info.width, 3)
            if number >= 50:
                break
    return source.info.frames


def by_number(number: int, whole: list[bytes]) -> tuple[int, bytes]:
    """Which of the files, and what is made of it."""
    chance = random.Random(f"{SEED} {number}")
    kind = chance.randrange(len(whole))
    return kind, mutated(whole[kind], chance)


def test_damaged_files_are_read_or_refused(tmp_path: Path) -> None:
    (tmp_path / "whole").mkdir()
    files = whole_files(tmp_path / "whole")
    whole = [path.read_bytes() for path in files]
    style = paint_picture(tmp_path / "style.png", seed=9)
    wrong, slowest = [], (0.0, 0)
    read: Callable[[Path], str] = read_all
    with little_memory():
        for number in range(FILES):
            kind, data = by_number(number, whole)
            path = tmp_path / f"x{files[kind].suffix}"
            path.write_bytes(data)
            began = time.monotonic()
            try:
                with limited(LONGEST):
                    said = read(path)
                    if number % PAINTED == 0:
                        _paint(path, style)
            except (TookTooLongError, Exception) as error:  # whatever it is, it is told with its number
                wrong.append(f"{number} ({files[kind].name}): {type(error).__name__}: {error}")
            else:
                if "Traceback" in said or len(said) > 4000:
                    wrong.append(f"{number} ({files[kind].name}): {said[:200]}")
            slowest = max(slowest, (time.monotonic() - began, number))
            if ffmpeg_children():
                wrong.append(f"{number} ({files[kind].name}): ffmpeg goes on")
    print(f"slowest: {slowest[0]:.1f} s, number {slowest[1]}")
    assert not wrong, "\n".join(wrong)


def _paint(path: Path, style: Path) -> None:
    """Through the command line: a result that can be read, or none and a sentence."""
    still = path.suffix not in (".mp4", ".mkv", ".gif")
    output = path.with_name("o.png" if still else "o.mkv")
    how = ("--size", "32", *QUICK, "--steps", "1")
    result = invoke("image" if still else "video", path, "-s", style, "-o", output, *how)
    left = [one.name for one in path.parent.glob("*o.*") if one.name != output.name]
    if result.exit_code == 0:
        assert open_source(output).info.frames >= 1
        output.unlink()
    else:
        assert not output.exists() and "Error:" in result.stderr, result.stderr
    assert not left, left
