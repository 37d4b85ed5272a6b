"""What a clip as a whole looks like: found once, from all of it, and kept."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from jobs import SMALL, paint_picture, pictures
from PIL import Image as Pillow
from tiny import picture

from pipeline.atomic import remove
from pipeline.clip.events import Event, Scanned
from pipeline.clip.kept_json import keep_json
from pipeline.clip.survey import LOOKING, SAMPLES, sampled_frames
from pipeline.style.adain import ClipStatistics, statistics_as_json
from reelbrush import stylize_image, stylize_video


@pytest.fixture
def style(tmp_path: Path) -> Path:
    return paint_picture(tmp_path / "style.png", seed=9)


def film(path: Path, *levels: float) -> Path:
    """A frame for each of `levels`: a picture at that brightness, which pans."""
    path.mkdir()
    wide = picture(32, 96, seed=3)
    for number, level in enumerate(levels):
        Pillow.fromarray((wide[:, number : number + 48] * level).astype(np.uint8)).save(path / f"{number:02d}.png")
    return path


@pytest.mark.parametrize("frames", [1, 2, SAMPLES - 1, SAMPLES])
def test_every_frame_of_a_short_clip_counts(frames: int) -> None:
    assert sampled_frames(frames) == set(range(frames))


@pytest.mark.parametrize("frames", [SAMPLES + 1, 3 * SAMPLES, 100_000])
def test_of_a_long_clip_as_many_as_ever_spread_evenly(frames: int) -> None:
    found = sorted(sampled_frames(frames))
    assert len(found) == SAMPLES
    steps = np.diff(found)
    assert max(steps) - min(steps) <= 1
    assert abs(found[0] - (frames - 1 - found[-1])) <= 1


def test_a_clip_of_one_frame_is_painted_like_a_picture(tmp_path: Path, style: Path) -> None:
    folder = film(tmp_path / "in", 1.0)
    stylize_video(folder, style, tmp_path / "out", **SMALL)
    alone = stylize_image(folder / "00.png", style, **SMALL)
    np.testing.assert_array_equal(pictures(tmp_path / "out")[0], alone.image)


def test_a_frame_depends_on_what_else_the_clip_shows_and_on_nothing_that_was_painted(
    tmp_path: Path, style: Path
) -> None:
    """The second shot of a clip comes out the same whether the first one was painted or is there already."""
    common = {**SMALL, "cuts": "2"}
    folder = film(tmp_path / "in", 1.0, 1.0, 0.3)
    stylize_video(folder, style, tmp_path / "whole", **common)
    stylize_video(folder, style, tmp_path / "anew", **{**common, "carry": "none"})
    stylize_video(folder, style, tmp_path / "part", frames=(2, 3), **{**common, "cuts": "none"})
    whole, anew, part = (pictures(tmp_path / name) for name in ("whole", "anew", "part"))
    np.testing.assert_array_equal(whole[2], anew[2])
    assert not np.array_equal(whole[2], part[0]), "alone it is not dark"


def test_a_fade_to_black_ends_dark(tmp_path: Path, style: Path) -> None:
    """Also where every frame is painted from nothing."""
    fade = film(tmp_path / "in", 1.0, 0.0)
    stylize_video(fade, style, tmp_path / "out", carry="none", **{**SMALL, "steps": 60})
    bright, black = (image.mean() for image in pictures(tmp_path / "out"))
    assert black < bright - 15


def test_it_is_found_once_and_kept(tmp_path: Path, style: Path) -> None:
    told: list[Event] = []
    folder = film(tmp_path / "in", 1.0, 0.8, 0.6)
    kept = tmp_path / "out.reelbrush" / "statistics.json"

    def painted() -> list[np.ndarray]:
        told.clear()
        remove(tmp_path / "out")
        for frame in kept.parent.glob("frames/*.png"):
            frame.unlink()
        stylize_video(folder, style, tmp_path / "out", keep=True, on_event=told.append, **SMALL)
        return pictures(tmp_path / "out")

    def looked() -> list[int]:
        return [event.frames for event in told if isinstance(event, Scanned) and event.why == LOOKING]

    first = painted()
    assert looked() == [1, 2, 3]
    again = painted()
    assert looked() == []
    np.testing.assert_array_equal(again, first)
    keep_json(kept, statistics_as_json(ClipStatistics()))
    assert not np.array_equal(painted(), first), "what was kept counts"


def test_another_job_in_the_same_place_looks_again(tmp_path: Path, style: Path) -> None:
    told: list[Event] = []
    for name, levels in (("bright", (1.0, 0.9)), ("dark", (0.3, 0.2))):
        stylize_video(
            film(tmp_path / name, *levels), style, tmp_path / "out",
            keep=True, restart=True, overwrite=True, on_event=told.append, **SMALL,
        )  # fmt: skip
    assert len([event for event in told if isinstance(event, Scanned) and event.why == LOOKING]) == 4


def test_settings_that_need_none_look_for_none(tmp_path: Path, style: Path) -> None:
    told: list[Event] = []
    stylize_video(
        film(tmp_path / "in", 1.0, 0.8, 0.6),
        style,
        tmp_path / "out",
        on_event=told.append,
        **{**SMALL, "recolour": 0, "clip_palette": 0, "start": "content", "cuts": "none"},
    )
    assert not [event for event in told if isinstance(event, Scanned) and event.why == LOOKING]
