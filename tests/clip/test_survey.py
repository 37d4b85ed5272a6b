"""What is found in a clip before it is painted: in one look, and kept."""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from jobs import moving_folder, paint_picture
from tiny import CPU, PLAN, picture, tiny_settings, tiny_weights

from pipeline.clip.engine import Engine
from pipeline.clip.events import Event, Scanned, Stage
from pipeline.clip.jobs import ClipJob, StylePicture
from pipeline.clip.regions import Mask, MaskPicture
from pipeline.clip.session import Session, open_session
from pipeline.clip.survey import LOOKING, Survey, take_survey
from pipeline.clip.work_folder import MASKS, MOTION, SHOTS, STATISTICS, SURVEY
from pipeline.errors import NotEnoughMemoryError, UsageError
from pipeline.media.frame import Frame, FrameSource, VideoInfo
from pipeline.motion.frame_difference import downscaled
from pipeline.motion.track import untracked_share
from pipeline.network.base import Network
from pipeline.style.adain import ClipStatistics, statistics_as_json
from pipeline.style.painter import Painter
from pipeline.types import Image

FRAMES = 6


class Counted:
    """A source that counts how often, and how far, it is decoded."""

    def __init__(self, source: FrameSource) -> None:
        self._source = source
        self.decodes: list[int] = []

    @property
    def info(self) -> VideoInfo:
        return self._source.info

    def frames(self, start: int = 0) -> Generator[Frame, None, None]:
        self.decodes.append(0)
        with closing(self._source.frames(start)) as frames:
            for frame in frames:
                self.decodes[-1] += 1
                yield frame


class Looked:
    """A clip of two scenes in a folder, opened, and what was decoded and told of it."""

    def __init__(self, folder: Path, cut: int | None = 4, masks: Path | None = None, **settings: Any) -> None:
        moving_folder(folder / "in", FRAMES, cut=cut, hold=(2,))
        style = paint_picture(folder / "style.png", seed=9)
        self.told: list[Event] = []
        engine = Engine(
            tiny_settings(**{"size": 0, "recolour": 1.0, "cuts": "auto", **settings}),
            Network(PLAN, tiny_weights()),
            CPU,
        )
        mask = Mask((MaskPicture(masks),)) if masks else None
        job = ClipJob(folder / "in", (StylePicture(style),), folder / "out", protect=(mask,) if mask else ())
        session = open_session(job, engine, self.told.append)
        self.source = Counted(session.source)
        self.session: Session = replace(session, source=self.source)
        self.told.clear()

    def take(self, motion: bool = True) -> Survey:
        self.source.decodes.clear()
        with closing(self.session.open_work()) as work:
            return take_survey(self.session, work, motion)

    def kept(self, name: str) -> Path:
        return self.session.job.work / name


def same(one: Survey, other: Survey) -> bool:
    found = [(each.shots, each.motion, each.seam, each.masks.packed) for each in (one, other)]
    return found[0] == found[1] and statistics_as_json(one.statistics) == statistics_as_json(other.statistics)


@pytest.fixture
def looked(tmp_path: Path) -> Iterator[Looked]:
    yield Looked(tmp_path)


def test_everything_is_found_in_one_decode_and_kept(looked: Looked) -> None:
    found = looked.take()
    assert looked.source.decodes == [FRAMES]
    assert looked.told == [Stage(LOOKING), *(Scanned(done + 1, FRAMES, LOOKING) for done in range(FRAMES))]
    assert found.shots == ((0, 4), (4, 6)) and found.statistics.layers and found.seam is None
    assert found.motion is not None and (found.motion[0], found.motion[2]) == (1.0, 0.0)
    assert found.motion[4] > 3 * found.motion[1] > 0, "a cut is all news"
    assert [frame.index for frame in found.first_frames] == [0, 1]
    again = looked.take()
    assert looked.source.decodes == [] and same(again, found)


def test_a_loop_is_looked_at_in_the_same_decode(tmp_path: Path) -> None:
    looked = Looked(tmp_path, cut=None, loop=True)
    found = looked.take(motion=False)
    assert looked.source.decodes == [FRAMES] and found.motion is None
    assert found.seam is not None and found.seam.levels > found.seam.usual > 0
    assert same(looked.take(motion=False), found) and looked.source.decodes == []


def test_a_loop_of_several_shots_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    looked = Looked(tmp_path, loop=True)
    with pytest.raises(UsageError, match="only a single shot"):
        looked.take()
    assert not looked.session.job.work.exists()


@pytest.mark.parametrize("name", SURVEY)
def test_what_was_kept_and_is_damaged_is_found_again(tmp_path: Path, name: str) -> None:
    masks = moving_folder(tmp_path / "masks", FRAMES)
    looked = Looked(tmp_path, cut=None, masks=masks, loop=True)
    found, sound = looked.take(), looked.kept(name).read_text()
    statistics = '{"layers": [[1, 2, {"relu1_1": 5}]], "colours": null}'
    for damaged in ("[[", "{}x", "[]", "null", "[1]", "5", *([statistics] if name == STATISTICS else [])):
        looked.kept(name).write_text(damaged)
        assert same(looked.take(), found)
        # Masks have a decode of their own.
        assert looked.source.decodes == ([] if name == MASKS else [FRAMES]) and looked.kept(name).read_text() == sound


def test_motion_is_what_only_now_comes_into_view() -> None:
    wide = picture(48, 96, seed=3)
    before = downscaled(wide[:, :64])
    assert untracked_share(before, before) < 0.02
    shifted = [untracked_share(before, downscaled(wide[:, x : x + 64])) for x in (2, 8, 16)]
    assert shifted == sorted(shifted)
    # A sixteenth-and-a-half of the picture came in from the right, and the flow is unsure beside it.
    assert 8 / 64 <= shifted[1] < 0.5


@pytest.mark.parametrize(
    ("settings", "motion", "names"),
    [
        ({}, True, {SHOTS, STATISTICS, MOTION}),
        ({"cuts": "none"}, True, {STATISTICS, MOTION}),
        ({"cuts": "none"}, False, {STATISTICS}),
        ({"recolour": 0.0, "clip_palette": 0.0, "start": "content"}, False, {SHOTS}),
        ({"recolour": 0.0, "clip_palette": 0.0, "start": "content", "cuts": "none"}, False, set()),
    ],
)
def test_nothing_is_looked_for_that_nobody_needs(
    tmp_path: Path, settings: dict[str, Any], motion: bool, names: set[str]
) -> None:
    looked = Looked(tmp_path, **settings)
    looked.take(motion)
    assert {name for name in SURVEY if looked.kept(name).exists()} == names
    assert looked.source.decodes == ([FRAMES] if names else [])
    assert looked.told.count(Stage(LOOKING)) == bool(names)


def test_statistics_are_measured_beside_the_search_for_shots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looked, usual = Looked(tmp_path), Painter.statistics_of
    meeting = threading.Barrier(2)
    met: list[str] = []

    def measured(self: Painter, image: Image) -> ClipStatistics:
        if not met:
            met.append(threading.current_thread().name)
            meeting.wait(10)
        return usual(self, image)

    def told(event: Event) -> None:
        if isinstance(event, Scanned) and event.frames == 1:
            meeting.wait(10)

    monkeypatch.setattr(Painter, "statistics_of", measured)
    looked.session = replace(looked.session, on_event=told)
    assert looked.take().statistics.layers
    assert met[0].startswith("measure")


def test_what_goes_wrong_in_the_measuring_ends_the_look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: Painter, image: Image) -> ClipStatistics:
        raise NotEnoughMemoryError("no room")

    monkeypatch.setattr(Painter, "statistics_of", broken)
    looked = Looked(tmp_path)
    with pytest.raises(NotEnoughMemoryError, match="no room"):
        looked.take()
    assert not looked.kept(STATISTICS).exists()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("measure")]
