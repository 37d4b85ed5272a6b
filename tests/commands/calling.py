"""The command as a person calls it, in this process; and what is looked at of what it leaves."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import numpy as np
import pytest
from PIL import Image as Pillow
from typer.testing import CliRunner

import cli
from tests.jobs import SETS, paint_folder, paint_picture

Result = Any
"""What typer's runner gives back; which package the class lives in differs between versions of typer."""
FEW = ("--device", "cpu", *SETS, "--set", "levels=1", "--steps", "3")
FILES_READ = (
    *("image NAME -s s.png -o o.png", "image c.png -s NAME -o o.png", "image c.png -s NAME:0.7 -o o.png"),
    *("image c.png -s NAME@0,0,4,4 -o o.png", "image c.png -s s.png -o o.png --start NAME"),
    *("image c.png -s s.png -o o.png --region NAME=s.png", "image c.png -s s.png -o o.png --region c.png=NAME"),
    *("image c.png -s s.png -o o.png --protect NAME", "image c.png -s s.png -o o.png --weights NAME"),
    *("video NAME -s s.png -o o.mp4", "video folder -s NAME -o o.mp4", "video folder -s s.png -o o.mp4 --protect NAME"),
    *("video folder -s s.png -o o.mp4 --protect NAME@1", "video folder -s s.png -o o.mp4 --exemplar NAME@1"),
    *("video folder -s s.png -o o.mp4 --keyframe 1:style=NAME", "preview NAME -s s.png -o o.png"),
    *("preview c.png -s NAME -o o.png", "batch c.png -s NAME -o out", "replay NAME -o o.png", "replay NAME --show"),
    *("measure NAME folder", "measure c.png NAME", "compare NAME c.png -o o.png", "compare c.png NAME -o o.png"),
    *("gallery NAME -o o.png", "panels NAME -o o.png", "figure features NAME -o o.png"),
    *("figure losses NAME -o o.png", "figure losses c.png -s NAME -o o.png", "weights import NAME"),
)
"""Every place of a command line at which a picture, a clip or weights are named; c.png and s.png are pictures, and
`folder` has frames."""
posix = pytest.mark.skipif(sys.platform == "win32", reason="signals, links and limits as POSIX has them")


def run(*arguments: str | Path, columns: int = 80) -> Result:
    """The command in this process. Whatever ends it but an exit code is a bug."""
    result = CliRunner().invoke(cli.app, list(map(str, arguments)), env={"COLUMNS": str(columns)})
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def image(*arguments: str | Path, content: str | Path = "c.png", style: str = "s.png", out: str = "o.png") -> Result:
    return run("image", *FEW, "--style", style, "--output", out, *arguments, "--", content)


def video(source: str | Path, *arguments: str | Path, style: str = "s.png", out: str = "o.mp4") -> Result:
    return run("video", *FEW, "--carried-steps", "3", "--style", style, "--output", out, *arguments, "--", source)


def refused(result: Result, code: int, *words: str) -> None:
    """One paragraph on stderr, nothing on stdout, the right exit code."""
    assert result.exit_code == code, result.stderr
    paragraph = result.stderr.splitlines()[-1]
    assert paragraph.startswith("Error: ")
    assert "Traceback" not in result.stderr
    assert not result.stdout
    for word in words:
        assert word in paragraph


def done(result: Result) -> Result:
    assert result.exit_code == 0, result.stderr
    return result


def one_line(text: str) -> str:
    return re.sub(r"\s+", " ", text)


def pixels(path: str | Path) -> np.ndarray:
    """A picture as (H, W, 3) integers."""
    with Pillow.open(path) as picture:
        return np.asarray(picture.convert("RGB")).astype(int)


def size_of(path: str | Path) -> tuple[int, int]:
    with Pillow.open(path) as picture:
        return picture.size


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def spoil(name: str, film: Path) -> Path:
    path = Path(name)
    if name in ("empty", "texts"):
        path.mkdir()
        if name == "texts":
            (path / "a.txt").write_text("no picture")
    elif name == "folder":
        paint_folder(path, 2)
    elif name == "mixed":
        paint_folder(path, 2)
        paint_picture(path / "frame_009.png", width=20)
    elif name.startswith("zero"):
        path.write_bytes(b"")
    elif name.startswith("garbage"):
        path.write_bytes(np.random.default_rng(0).bytes(3000))
    elif name == "cut.png":
        data = Path("c.png").read_bytes()
        path.write_bytes(data[: len(data) // 2])
    elif name == "cut.mp4":
        data = film.read_bytes()
        path.write_bytes(data[: len(data) // 2])
    elif name == "cut.gif":
        Pillow.open("c.png").save(path, save_all=True, append_images=[Pillow.open("s.png")] * 3)
        path.write_bytes(path.read_bytes()[:-2000])
    elif name == "film.mp4":
        path.write_bytes(film.read_bytes())
    elif name == "sound.m4a":
        ffmpeg = imageio_ffmpeg.get_ffmpeg_exe()
        subprocess.run([ffmpeg, "-v", "error", "-f", "lavfi", "-i", "sine=d=0.2", name], check=True)
    return path
