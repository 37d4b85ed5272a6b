"""A frame whose loss is no finite number does not end a clip in the middle."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from jobs import paint_picture, pictures
from PIL import Image as Pillow
from tiny import CPU, PLAN, picture, tiny_settings, tiny_weights

from pipeline.clip.clip import run_clip
from pipeline.clip.engine import Engine
from pipeline.clip.events import Event, FrameDone
from pipeline.clip.jobs import ClipJob, StylePicture
from pipeline.errors import PaintingError
from pipeline.network.base import Network


def touchy() -> Network:
    """Its maps of a picture of little contrast are just small enough for their squares to be added up; those of others
    overflow."""
    weights = tiny_weights()
    weights["conv1_1.weight"] *= 2e18
    return Network(replace(PLAN, name="vgg19"), weights)


def faint(image: np.ndarray) -> np.ndarray:
    return (127 + (image.astype(int) - 127) // 16).astype(np.uint8)


def painted(folder: Path, bad: int, frames: int = 5, **settings: Any) -> list[FrameDone]:
    """Paint a panning clip of which one frame overflows."""
    (folder / "in").mkdir()
    wide = picture(32, 96, seed=3)
    for number in range(frames):
        frame = wide[:, number : number + 48]
        Pillow.fromarray(frame if number == bad else faint(frame)).save(folder / "in" / f"{number}.png")
    style = paint_picture(folder / "style.png", seed=9)
    Pillow.fromarray(faint(np.array(Pillow.open(style)))).save(style)
    told: list[Event] = []
    job = ClipJob(folder / "in", (StylePicture(style),), folder / "out")
    run_clip(job, Engine(tiny_settings(size=0, cuts="none", **settings), touchy(), CPU), told.append)
    return [event for event in told if isinstance(event, FrameDone)]


@pytest.mark.parametrize("passes", [1, 2])
def test_in_the_middle_of_a_shot_the_moved_painting_stays(tmp_path: Path, passes: int) -> None:
    done = painted(tmp_path, bad=2, passes=passes)
    first = [event.stopped for event in done[:5]]
    assert [stopped == "unstable" for stopped in first] == [False, False, True, False, False]
    assert all(np.isfinite(list(event.losses.values())).all() for event in done)
    found = pictures(tmp_path / "out")
    assert len(found) == 5
    moved = np.abs(found[2][:, :40].astype(int) - found[1][:, 1:41])
    assert moved.mean() < np.abs(found[2][:, :40].astype(int) - 127).mean(), "it shows the frame before it, moved"


def test_where_nothing_is_carried_the_job_says_so(tmp_path: Path) -> None:
    with pytest.raises(PaintingError, match="not a finite number"):
        painted(tmp_path, bad=0)
