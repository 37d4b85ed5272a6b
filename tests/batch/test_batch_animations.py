"""Pictures that move: a clip for a batch, whatever the file is called."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest
from batch_trials import batch_trial, frames_in
from jobs import events, paint_picture
from PIL import Image as Pillow
from tiny import picture

from pipeline.media import open_source, read_metadata

pytestmark = pytest.mark.heavy

DELAYS = (80, 240, 120)
"""Milliseconds."""


def animation(path: Path, form: str | None = None) -> Path:
    """Three frames of a pan, 48x32, each shown for a time of its own."""
    wide = picture(32, 64, seed=3)
    frames = [Pillow.fromarray(wide[:, x : x + 48]) for x in (0, 2, 4)]
    lossless = {"lossless": True} if path.suffix == ".webp" else {}
    frames[0].save(path, form, save_all=True, append_images=frames[1:], duration=list(DELAYS), loop=0, **lossless)
    return path


def test_animated_pictures_are_painted_frame_by_frame_and_keep_their_delays(tmp_path: Path) -> None:
    one = batch_trial(tmp_path)
    for name in ("web.webp", "net.png", "mosaic.apng"):
        animation(one.inputs / name, "PNG" if name == "mosaic.apng" else None)
    animation(one.inputs / "called.jpg", "WEBP")
    paint_picture(one.inputs / "still.png")
    paint_picture(one.inputs / "still2.webp")
    done = one.command("--json")
    assert done.returncode == 0, done.stderr
    planned = {Path(row["source"]).name: row["frames"] for row in events(done.stdout)[0]["rows"]}
    assert planned == {"web.webp": 3, "net.png": 3, "mosaic.apng": 3, "called.jpg": 3, "still.png": 1, "still2.webp": 1}
    clips = ["called-ink.mp4", "mosaic-ink.mp4", "net-ink.mp4", "web-ink.mp4"]
    assert one.left() == sorted([*clips, "still-ink.png", "still2-ink.webp"])
    for name in clips:
        assert frames_in(one.out / name) == 3
        info = open_source(one.out / name).info
        assert info.times == (0, Fraction(80, 1000), Fraction(320, 1000))
        assert info.duration == Fraction(440, 1000)


@pytest.mark.parametrize("name", ["a.webp", "a.gif"])
def test_a_single_picture_of_an_animation_shows_its_first_frame_and_says_so(tmp_path: Path, name: str) -> None:
    one = batch_trial(tmp_path)
    animation(one.inputs / name)
    done = one.command("--name", "{stem}.png")
    assert done.returncode == 0, done.stderr
    assert one.left() == ["a.png"]
    assert "picture" in read_metadata(one.out / "a.png")["job"]
    note = f"{name} is animated; its first frame is painted. 'reelbrush video' paints all of them."
    assert one.rows()["a.png"].notes == (note,)
    assert f"  note: {note}" in done.stderr
