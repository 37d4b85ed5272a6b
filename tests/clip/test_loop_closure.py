"""Clips whose last frame leads to their first one again."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from statistics import median

import numpy as np
import pytest
from jobs import SMALL, assert_same, moving_folder, paint_picture, pictures
from PIL import Image as Pillow
from tiny import picture, tiny_settings

from pipeline.clip.events import Event, FrameDone, Started
from pipeline.clip.frame_store import FrameStore
from pipeline.clip.passes import Pass, further_settings, passes_of
from pipeline.clip.warm_start import closing_share
from pipeline.errors import SettingsError, UsageError
from pipeline.media import open_source
from pipeline.motion.flow import both_ways
from pipeline.motion.masks import reliability
from pipeline.motion.measure import warping_error, warping_residual
from pipeline.settings import read_assignment, read_config, resolve
from pipeline.style.frame import PaintedFrame
from pipeline.style.optimise import Stop
from reelbrush import stylize_video

LOOP = {**SMALL, "loop": True}


@pytest.fixture
def style(tmp_path: Path) -> Path:
    return paint_picture(tmp_path / "style.png", seed=9)


class Killed(BaseException):
    """Stands in for a kill: nothing in the program catches it."""


def swaying_folder(path: Path, frames: int, hold: int = 0) -> Path:
    """A picture that goes round a circle once; at first it holds still for so many frames more."""
    path.mkdir()
    wide = picture(96, 128, seed=3)
    for number in range(hold + frames):
        angle = 2 * np.pi * max(0, number - hold) / frames
        x, y = 8 + round(6 * np.cos(angle)), 8 + round(6 * np.sin(angle))
        Pillow.fromarray(wide[y : y + 60, x : x + 80]).save(path / f"{number:02d}.png")
    return path


def flicker(contents: list[np.ndarray], paintings: list[np.ndarray]) -> list[float]:
    """E_warp of neighbours, the pair of the last frame and the first one at the end."""
    ring = list(zip([*contents, contents[0]], [*paintings, paintings[0]], strict=True))
    found = []
    for (a, painted_a), (b, painted_b) in pairwise(ring):
        flow, reverse = both_ways(a, b)
        found.append(warping_error(warping_residual(painted_a, painted_b, flow), reliability(flow, reverse)) or 0.0)
    return found


# ---- the circle


def test_the_last_of_at_least_two_passes_closes_the_circle() -> None:
    for passes, count in ((1, 2), (2, 2), (3, 3)):
        found = passes_of(tiny_settings(loop=True, passes=passes), 5)
        assert [one.circle for one in found] == [False] * (count - 1) + [True]
    assert not any(one.circle for one in passes_of(tiny_settings(passes=3), 5))
    assert not found[-1].entered([(0, 5)]), "nothing begins on a circle"
    assert further_settings(tiny_settings(long_term=(1, 4, 5)), 5).long_term == (1, 4), (
        "not farther back than once round"
    )
    assert further_settings(tiny_settings(long_term=(5,)), 5).long_term == (1,)


def test_what_comes_before_the_first_frame_is_the_last_one(tmp_path: Path) -> None:
    source = open_source(moving_folder(tmp_path / "in", 5))
    back, forth = Pass(2, 2, 5, circle=True), Pass(3, 3, 5, circle=True)
    assert [frame.index for frame in back.inputs(source, -2)] == [1, 0, 4, 3, 2, 1, 0]
    assert [frame.index for frame in back.inputs(source, 3)] == [1, 0]
    assert [frame.index for frame in forth.inputs(source, -1)] == [4, 0, 1, 2, 3, 4]
    assert [frame.index for frame in Pass(1, 2, 5).inputs(source, -1)] == [0, 1, 2, 3, 4]


def test_the_way_round_ends_where_it_began(tmp_path: Path) -> None:
    earlier = FrameStore(tmp_path, range(12))
    one = Pass(2, 2, 12, circle=True)
    for index in range(12):
        stopped = Stop.STILL if index in (1, 6, 7) else Stop.STEPS
        earlier.put(index, PaintedFrame(np.zeros((4, 6, 3), np.uint8), {"total": 1.0}, 5, 0.1, stopped))
    shares = {index: closing_share(earlier, one, index) for index in range(12)}
    assert shares[0] == 1
    assert shares[1] == 1, "nothing changes from here on"
    assert shares[2] == pytest.approx(0.5)
    assert shares[3] == pytest.approx(0.25)
    assert not any(shares[index] for index in range(4, 12))


def test_a_painting_that_was_kept_is_no_still(tmp_path: Path) -> None:
    """A pass that made frames worse has left them as they were; that says nothing of the input."""
    earlier = FrameStore(tmp_path, range(12))
    for index in range(12):
        earlier.put(index, PaintedFrame(np.zeros((4, 6, 3), np.uint8), {"total": 1.0}, 0, 0.1, Stop.KEPT))
    shares = [closing_share(earlier, Pass(2, 2, 12, circle=True), index) for index in range(12)]
    assert shares == [pytest.approx(share) for share in (1, 0.75, 0.5, 0.25, *[0] * 8)]


# ---- whole jobs


@pytest.mark.heavy
def test_the_seam_closes(tmp_path: Path, style: Path) -> None:
    told: list[Event] = []
    folder = swaying_folder(tmp_path / "in", 8)
    values = {"steps": 20, "carried_steps": 10}
    for name, settings in (("open", SMALL), ("two", {**SMALL, "passes": 2}), ("loop", LOOP)):
        stylize_video(folder, style, tmp_path / name, on_event=told.append, **{**settings, **values})
    contents = pictures(folder)
    found = {name: flicker(contents, pictures(tmp_path / name)) for name in ("open", "two", "loop")}
    for name in ("open", "two"):
        assert found[name][-1] > 8 * median(found[name][:-1]), "painted from one end to the other"
    assert found["loop"][-1] < 2 * median(found["open"][:-1]), "no worse than neighbours"
    assert max(found["loop"]) < found["open"][-1] / 2, "and the difference has not gone elsewhere"
    began = [event for event in told if isinstance(event, Started)][-1]
    assert began.passes == 2
    assert [note for note in began.notes if "loop" in note] == [
        "A loop takes two passes at least, of which the last one closes it: passes = 1 counts as 2 here, and takes "
        "about half as long again."
    ]
    np.testing.assert_array_equal(pictures(tmp_path / "loop")[0], pictures(tmp_path / "open")[0])


@pytest.mark.heavy
@pytest.mark.parametrize("passes", [2, 3])
def test_stopped_after_every_frame_and_resumed(tmp_path: Path, style: Path, passes: int) -> None:
    """Farther back than once round there is nothing; what lies before the first frame comes from the pass before."""
    folder = swaying_folder(tmp_path / "in", 4)
    values = {**LOOP, "passes": passes, "long_term": (1, 2, 4), "cuts": "none"}
    stylize_video(folder, style, tmp_path / "whole", **values)
    painted: list[tuple[int, int]] = []

    def stop(event: Event) -> None:
        if isinstance(event, FrameDone):
            painted.append((event.in_pass, event.frame))
            raise Killed

    for _ in range(4 * passes):
        with pytest.raises(Killed):
            stylize_video(folder, style, tmp_path / "out", on_event=stop, **values)
    assert stylize_video(folder, style, tmp_path / "out", on_event=stop, **values).painted == 0
    assert painted == [(one.number, index) for one in passes_of(resolve(overrides=values_of(values)), 4)
                       for index in one.order]  # fmt: skip
    assert_same(tmp_path / "whole", tmp_path / "out", 4)


def values_of(values: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in values.items() if name != "device"}


def test_frames_that_hold_still_across_the_seam_are_one_painting(tmp_path: Path, style: Path) -> None:
    """Five frames at the start, and the last one shows the same."""
    folder = swaying_folder(tmp_path / "in", 6, hold=4)
    Pillow.open(folder / "00.png").save(folder / "10.png")
    told: list[Event] = []
    stylize_video(folder, style, tmp_path / "out", on_event=told.append, **LOOP)
    out = pictures(tmp_path / "out")
    for index in (1, 2, 3, 4, 10):
        np.testing.assert_array_equal(out[index], out[0])
    steps = {event.frame: event.steps for event in told if isinstance(event, FrameDone) and event.in_pass == 2}
    assert not any(steps[index] for index in (10, 4, 3, 2, 1, 0))
    assert all(steps[index] for index in (8, 7, 6, 5))


# ---- what cannot be a loop


def test_cuts_inside_are_refused_and_nothing_is_left_behind(tmp_path: Path, style: Path) -> None:
    folder = moving_folder(tmp_path / "in", 6, cut=3)
    for values in ({}, {"cuts": "2,3"}):
        with pytest.raises(UsageError, match=r"only a single shot can be a loop.* at frame (3|2, 3) .*with frames"):
            stylize_video(folder, style, tmp_path / "out", **LOOP, **values)
        assert not list(tmp_path.glob("*.reelbrush"))
    assert stylize_video(folder, style, tmp_path / "out", cuts="none", **LOOP).painted == 12


def test_one_frame_is_refused(tmp_path: Path, style: Path) -> None:
    with pytest.raises(UsageError, match="two frames at least"):
        stylize_video(moving_folder(tmp_path / "in", 1), style, tmp_path / "out", **LOOP)
    assert stylize_video(moving_folder(tmp_path / "two", 2), style, tmp_path / "out", **LOOP).frames == 2


def test_a_note_where_the_input_does_not_loop(tmp_path: Path, style: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for number in range(5):
        faded = (picture(32, 48, seed=3) * (1 - number / 6)).astype(np.uint8)
        Pillow.fromarray(faded).save(folder / f"{number}.png")
    told: list[Event] = []
    stylize_video(folder, style, tmp_path / "out", cuts="none", on_event=told.append, **{**LOOP, "passes": 2})
    (began,) = [event for event in told if isinstance(event, Started)]
    assert not [note for note in began.notes if "two passes" in note], "that is what was asked for"
    assert [
        note for note in began.notes if note.startswith("The input does not loop by itself: its last frame differs")
    ]


@pytest.mark.parametrize("carry", ["none", "previous", "adjusted"])
def test_a_loop_needs_the_motion(carry: str) -> None:
    with pytest.raises(SettingsError, match='loop = true needs carry = "warped"'):
        resolve(overrides={"loop": True, "carry": carry})


def test_loop_is_true_or_false(tmp_path: Path) -> None:
    assert read_assignment("loop=true") == ("loop", True)
    path = tmp_path / "job.toml"
    path.write_text(resolve(overrides={"loop": True}).as_toml(), encoding="utf-8")
    assert "loop = true" in path.read_text(encoding="utf-8")
    assert read_config(path)["loop"] is True
    for wrong in (1, "yes", None):
        with pytest.raises(SettingsError, match="loop has to be true or false"):
            resolve(overrides={"loop": wrong})
