"""Shots of one clip painted side by side, and joined: the same frames as painted one after the other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from jobs import SMALL, assert_same, moving_folder, paint_picture

from pipeline.clip.clip import run_clip
from pipeline.clip.deadline import Deadline
from pipeline.clip.engine import Engine, open_engine
from pipeline.clip.events import Event, FrameDone, Stage, Started, Stepped
from pipeline.clip.followed_masks import FOLLOWING
from pipeline.clip.jobs import ClipJob, StylePicture
from pipeline.clip.regions import parse_mask
from pipeline.clip.results import ClipResult
from pipeline.clip.shards import MOST, Outline, outline_clip, paint_shard, split_shots
from pipeline.clip.step_budget import Speed
from pipeline.media import read_picture, write_picture


def test_neighbouring_shots_make_shards_of_about_the_same_length() -> None:
    assert split_shots([(0, 9)]) == [(0, 9)]
    assert split_shots([(0, 4), (4, 6), (6, 9)]) == [(0, 4), (4, 6), (6, 9)]
    many = [(begin, begin + 1) for begin in range(100)]
    shards = split_shots(many)
    assert len(shards) <= MOST
    assert [shard[0] for shard in shards[1:]] == [shard[1] for shard in shards[:-1]]
    assert (shards[0][0], shards[-1][1]) == (0, 100)
    assert {end - begin for begin, end in shards} <= {6, 7, 2, 4}


class Clip:
    """A clip of three shots, painted with the tiny settings of the tests."""

    def __init__(self, folder: Path, passes: int, protect: str = "", **settings: Any) -> None:
        """
        :param protect: a mask, as it is written on the command line.
        """
        self.protect = (parse_mask(protect, folder),) if protect else ()
        self.folder = folder
        self.source = folder / "in"
        if not self.source.exists():
            moving_folder(self.source, 9, cut=4)
        self.style = paint_picture(folder / "style.png", seed=9)
        values = {key: value for key, value in SMALL.items() if key not in ("device", "passes")}
        self.engine: Engine = open_engine(
            "standard", None, "cpu", {**values, **settings, "passes": passes, "cuts": "4,6"}
        )
        self.now = 1000.0
        """A clock on which every step takes a second."""
        self.told: list[Event] = []

    def see(self, event: Event) -> None:
        self.told.append(event)
        self.now += isinstance(event, Stepped)

    def within(self, seconds: float) -> Deadline:
        """So many seconds for painting on that clock."""
        return Deadline(self.now + seconds, Speed(1.0, 0.0), lambda: self.now)

    def job(self, output: str) -> ClipJob:
        return ClipJob(self.source, (StylePicture(self.style),), self.folder / output, protect=self.protect)

    def run(self, output: str) -> ClipResult:
        return run_clip(self.job(output), self.engine)

    def outline(self, output: str, deadline: Deadline | None = None) -> Outline:
        return outline_clip(self.job(output), self.engine, self.see, deadline)

    def paint(self, output: str, shard: tuple[int, int], deadline: Deadline | None = None) -> list[int]:
        """Returns the steps that its frames took."""
        self.told.clear()
        paint_shard(self.job(output), shard, self.engine, self.see, deadline)
        return [event.steps for event in self.told if isinstance(event, FrameDone)]


@pytest.mark.parametrize("passes", [1, 2])
def test_shards_in_any_order_make_the_same_frames(tmp_path: Path, passes: int) -> None:
    clip = Clip(tmp_path, passes)
    clip.run("whole")
    outline = clip.outline("out")
    assert (list(outline.shots), outline.begun, outline.has_shards) == ([(0, 4), (4, 6), (6, 9)], False, False)
    for shard in reversed(split_shots(outline.shots)):
        clip.paint("out", shard)
    assert clip.run("out").painted == 0, "everything was there already"
    assert_same(tmp_path / "whole", tmp_path / "out", 9)
    assert not list(tmp_path.glob("*.reelbrush"))


def test_shards_of_a_clip_with_a_mask_that_follows_it(tmp_path: Path) -> None:
    """Nobody follows it twice: the shards take over what was found for the whole clip."""
    white = np.zeros((32, 48), np.uint8)
    white[8:24, 12:36] = 255
    write_picture(tmp_path / "mask.png", np.stack([white] * 3, 2))
    clip = Clip(tmp_path, 2, "mask.png@1+mask.png@7")
    clip.run("whole")
    shots = clip.outline("out").shots
    for shard in reversed(split_shots(shots)):
        clip.paint("out", shard)
        assert not any(isinstance(event, Stage) and event.text == FOLLOWING for event in clip.told)
    assert clip.run("out").painted == 0
    assert_same(tmp_path / "whole", tmp_path / "out", 9)
    painted, content = (read_picture(sorted((tmp_path / name).glob("*.png"))[1]) for name in ("out", "in"))
    np.testing.assert_array_equal(painted[12:20, 16:32], content[12:20, 16:32])


def test_shards_that_are_not_all_there_are_no_reason_to_leave_a_gap(tmp_path: Path) -> None:
    clip = Clip(tmp_path, 2)
    clip.run("whole")
    clip.outline("out")
    clip.paint("out", (4, 6))
    assert clip.outline("out").has_shards
    assert clip.run("out").painted == 18
    assert_same(tmp_path / "whole", tmp_path / "out", 9)


def test_killed_while_the_shards_are_joined(tmp_path: Path) -> None:
    """Some frames have been moved already: the next run moves the rest."""
    clip = Clip(tmp_path, 2)
    clip.run("whole")
    clip.outline("out")
    for shard in ((0, 4), (4, 6), (6, 9)):
        clip.paint("out", shard)
    work = clip.job("out").work
    (work / "frames").mkdir()
    for index in (8, 7):
        next(work.glob(f"shard-*/frames/{index:06d}.png")).replace(work / "frames" / f"{index:06d}.png")
    assert clip.run("out").painted == 0
    assert_same(tmp_path / "whole", tmp_path / "out", 9)


def test_what_was_painted_as_a_whole_is_seen(tmp_path: Path) -> None:
    clip = Clip(tmp_path, 1)
    engine = clip.engine

    def interrupt(event: object) -> None:
        if type(event).__name__ == "FrameDone":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_clip(clip.job("out"), engine, interrupt)
    outline = clip.outline("out")
    assert outline.begun


# ---- that have to be done in time


def test_with_time_enough_shards_make_the_frames_of_a_run_without_an_end(tmp_path: Path) -> None:
    clip = Clip(tmp_path, 2)
    clip.run("whole")
    clip.outline("out", clip.within(1000))
    for shard in ((0, 4), (4, 6), (6, 9)):
        clip.paint("out", shard, clip.within(1000))
    assert clip.run("out").painted == 0
    assert_same(tmp_path / "whole", tmp_path / "out", 9)


def test_every_shard_is_painted_in_its_own_time(tmp_path: Path) -> None:
    clip = Clip(tmp_path, 1, steps=40, carried_steps=30, tolerance=0.0)
    speed = clip.outline("out", clip.within(1000)).speed
    assert speed == Speed(1.0, 0.0), "what was measured is handed on"
    began = clip.now
    # At full effort it would be 40 + 3 x 30, 40 + 30 and 40 + 2 x 30.
    steps = clip.paint("out", (0, 4), clip.within(80))
    assert (clip.now - began, len(steps)) == (pytest.approx(80, abs=2), 4)
    assert steps[0] > max(steps[1:]) and min(steps) >= 6
    assert clip.paint("out", (4, 6), clip.within(1000)) == [40, 30]
    late = clip.paint("out", (6, 9), clip.within(1))
    assert late == [14, 6, 6]
    notes = [note for event in clip.told if isinstance(event, Started) for note in event.deadline_notes]
    assert len(notes) == 1 and "too late" in notes[0]
    assert clip.run("out").painted == 0


def test_the_passes_of_all_shards_are_settled_once(tmp_path: Path) -> None:
    """Or one shot would flicker more than the others."""
    clip = Clip(tmp_path, 2, steps=40, carried_steps=30, tolerance=0.0)
    # An earlier run, without an end to come, has begun the second pass of one shard.
    clip.outline("out")
    clip.paint("out", (4, 6))
    clip.outline("out", clip.within(90))
    for shard in ((0, 4), (6, 9)):
        steps = clip.paint("out", shard, clip.within(1000))
        notes = [note for event in clip.told if isinstance(event, Started) for note in event.deadline_notes]
        assert (len(steps), notes) == (shard[1] - shard[0], ["There is time for 1 of 2 passes."])
    assert clip.paint("out", (4, 6)) == [], "what was painted twice stays so"
    assert clip.run("out").painted == 0
    assert len(list((tmp_path / "out").glob("*.png"))) == 9
