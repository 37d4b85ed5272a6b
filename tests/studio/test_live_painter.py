"""The painting that appears while settings are tried: the latest wish alone is painted."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.clip.styles import StylePicture
from pipeline.errors import MediaError, SettingsError
from pipeline.media import resize
from pipeline.studio.drafts import Drafts
from pipeline.studio.live_painter import LivePainter, View
from pipeline.studio.studio import Studio
from pipeline.studio.subject import frames_that_stand_for, read_subject
from pipeline.studio.wish import Wish
from pipeline.style.picture import to_image
from tests.jobs import SHALLOW, moving_folder, paint_picture

QUICK: dict[str, Any] = {**SHALLOW, "levels": 1, "steps": 6}
"""As `tests.jobs.QUICK`, as values."""


def until(there: Callable[[], bool], seconds: float = 60) -> None:
    """Wait for what threads do."""
    end = time.monotonic() + seconds
    while not there():
        assert time.monotonic() < end
        time.sleep(0.005)


def finished(live: LivePainter) -> View:
    until(lambda: live.view().finished)
    return live.view()


@pytest.fixture
def wish(tmp_path: Path) -> Wish:
    """A picture in the style of another."""
    more = {key: value for key, value in QUICK.items() if isinstance(value, (int, float)) or "layers" not in key}
    layers = {"content_layers": (("relu2_1", 1.0),), "style_layers": (("relu1_1", 1.0), ("relu2_1", 1.0))}
    style = StylePicture(paint_picture(tmp_path / "s.png", seed=9))
    return Wish(paint_picture(tmp_path / "c.png"), (style,), more={**more, **layers})


class Held(Drafts):
    """Waits in the middle of a painting until it is let go; counts the steps of each wish."""

    def __init__(self) -> None:
        super().__init__(device="cpu")
        self.steps: list[tuple[float, int]] = []
        self.inside, self.go = threading.Event(), threading.Event()

    def paint(self, wish: Wish, told: Any, on_progress: Any, coarse: Any = None) -> Any:
        def progress(step: Any) -> None:
            self.steps.append((wish.strength, step.step))
            if step.step == 2:
                self.inside.set()
                assert self.go.wait(60)
            on_progress(step)

        return super().paint(wish, told, progress, coarse)


@pytest.fixture
def held() -> Iterator[tuple[Held, LivePainter]]:
    drafts = Held()
    live = LivePainter(lambda: drafts)
    yield drafts, live
    drafts.go.set()
    live.close()


@pytest.fixture
def live() -> Iterator[LivePainter]:
    found = LivePainter(lambda: Drafts(device="cpu"))
    yield found
    found.close()


def test_pictures_come_while_it_is_painted(held: tuple[Held, LivePainter], wish: Wish) -> None:
    drafts, live = held
    live.ask(wish)
    assert drafts.inside.wait(60)
    view = live.view()
    assert not view.finished
    assert view.painting is not None and view.before is not None
    assert view.painting.shape == view.before.shape == (32, 48, 3)
    assert view.doing == "Painting: step 1 of 6"
    assert 0 < view.share < 1
    assert view.first_after is not None
    drafts.go.set()
    last = finished(live)
    assert last.number > view.number
    assert last.share == 1
    assert not np.array_equal(last.painting, view.painting)


def test_a_change_drops_the_work_at_the_next_step_and_paints_as_if_it_had_never_been(
    held: tuple[Held, LivePainter], wish: Wish
) -> None:
    drafts, live = held
    other = replace(wish, strength=0.9)
    live.ask(wish)
    assert drafts.inside.wait(60)
    live.ask(other)
    assert not live.view().finished
    assert live.view().painting is not None, "what was there stays in sight until there is something newer"
    drafts.go.set()
    found = finished(live)
    assert found.wish == other
    assert drafts.steps == [(0.5, 1), (0.5, 2), *((0.9, step) for step in range(1, 7))]
    alone = Drafts(device="cpu").paint(other, lambda text: None, lambda step: None)
    np.testing.assert_array_equal(found.painting, alone)


def test_the_same_wish_is_not_painted_again_unless_that_is_asked_for(
    held: tuple[Held, LivePainter], wish: Wish
) -> None:
    drafts, live = held
    drafts.go.set()
    live.ask(wish)
    number = finished(live).number
    live.ask(wish)
    assert live.view().number == number
    live.again()
    finished(live)
    assert len(drafts.steps) == 12


def test_a_painting_that_is_stopped_stays_as_it_is(held: tuple[Held, LivePainter], wish: Wish) -> None:
    drafts, live = held
    live.ask(wish)
    assert drafts.inside.wait(60)
    live.stop()
    drafts.go.set()
    time.sleep(0.1)
    view = live.view()
    assert (view.finished, view.doing) == (True, "Stopped")
    assert len(drafts.steps) == 2
    live.again()
    assert finished(live).doing == ""


def test_the_input_alone_is_shown_before_there_is_a_style(live: LivePainter, wish: Wish) -> None:
    live.ask(replace(wish, styles=()))
    view = finished(live)
    assert view.before is not None and view.painting is None
    assert view.subject is not None and view.subject.still
    assert (view.subject.width, view.subject.height) == (48, 32)


def test_what_cannot_be_painted_is_told_and_the_next_wish_is_painted(live: LivePainter, wish: Wish) -> None:
    gone = replace(wish, source=Path("gone.png"))
    live.ask(gone)
    assert "gone.png" in finished(live).error
    live.ask(wish)
    view = finished(live)
    assert view.error == "" and view.painting is not None


def test_a_clip_is_looked_at_in_frames_from_all_of_it(tmp_path: Path) -> None:
    folder = moving_folder(tmp_path / "clip", 11)
    subject = read_subject(folder, lambda text: None)
    assert not subject.still
    assert len(subject.frames) == 8
    assert frames_that_stand_for(11) == [0, 2, 3, 4, 6, 7, 8, 10]
    assert subject.times == tuple(number / 24 for number in frames_that_stand_for(11))
    assert subject.duration == pytest.approx(11 / 24)
    assert subject.frames[0].shape == (32, 48, 3)
    assert subject.numbers == (0, 2, 3, 4, 6, 7, 8, 10)
    assert (subject.width, subject.height) == (48, 32)
    assert frames_that_stand_for(1) == [0]
    assert frames_that_stand_for(3) == [0, 1, 2]


def test_another_frame_of_a_clip_is_painted_with_the_palette_of_the_whole(
    tmp_path: Path, live: LivePainter, wish: Wish
) -> None:
    clip = replace(wish, source=moving_folder(tmp_path / "clip", 3), more={**wish.more, "clip_palette": 1.0})
    live.ask(clip)
    first = finished(live)
    live.ask(replace(clip, frame=2))
    second = finished(live)
    assert first.subject is second.subject, "read once"
    assert not np.array_equal(first.before, second.before)
    assert not np.array_equal(first.painting, second.painting)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Drafts that begin at 16 pixels and grow at once."""
    monkeypatch.setattr("pipeline.studio.drafts.DRAFT", 16)
    monkeypatch.setattr("pipeline.pictures.preview_paintings.DRAFT", 16)
    monkeypatch.setattr("pipeline.studio.live_painter.LEFT_ALONE", 0.01)


def widths(live: LivePainter) -> list[int]:
    """Of all paintings that are handed out until the largest is done."""
    found: list[int] = []

    def largest() -> bool:
        view = live.view()
        width = 0 if view.painting is None else view.painting.shape[1]
        if width not in (0, *found[-1:]):
            found.append(width)
        return view.finished and (width == 48 or bool(view.doing))

    until(largest)
    return found


@pytest.mark.usefixtures("small")
def test_a_draft_that_is_left_alone_is_painted_larger_from_itself(live: LivePainter, wish: Wish) -> None:
    live.ask(wish)
    assert widths(live) == [16, 32, 48], "never larger than the input"
    assert live.view().doing == ""
    starts: list[Any] = []
    drafts = Drafts(device="cpu")
    first = drafts.paint(wish, lambda text: None, lambda step: None)
    second = drafts.paint(wish, lambda text: None, lambda step: starts.append(to_image(step.start())), first)
    assert first.shape == (11, 16, 3) and second.shape == (21, 32, 3)
    np.testing.assert_array_equal(starts[0], resize(first, 32, 21))


@pytest.mark.usefixtures("small")
def test_a_draft_of_a_clip_grows_with_the_palette_of_its_size(tmp_path: Path, live: LivePainter, wish: Wish) -> None:
    live.ask(replace(wish, source=moving_folder(tmp_path / "clip", 3), more={**wish.more, "clip_palette": 1.0}))
    assert widths(live) == [16, 32, 48]
    assert live.view().error == ""


@pytest.mark.usefixtures("small")
def test_a_draft_grows_as_far_as_the_real_painting(live: LivePainter, wish: Wish) -> None:
    live.ask(replace(wish, size=32))
    until(lambda: live.view().finished and live.view().painting is not None and live.view().painting.shape[1] == 32)
    number = live.view().number
    time.sleep(0.1)
    assert live.view().number == number


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("how", ["rest", "stop"])
def test_a_draft_does_not_grow_beside_a_job_nor_when_it_was_stopped(
    held: tuple[Held, LivePainter], wish: Wish, how: str
) -> None:
    drafts, live = held
    live.ask(wish)
    assert drafts.inside.wait(60)
    getattr(live, how)()
    drafts.go.set()
    until(lambda: live.view().finished)
    time.sleep(0.1)
    assert live.view().painting is not None and live.view().painting.shape[1] == 16
    assert live.view().finished
    # What is asked for after that grows again.
    live.ask(replace(wish, strength=0.6))
    assert widths(live)[-1] == 48


@pytest.mark.usefixtures("small")
def test_where_it_cannot_be_painted_larger_the_draft_stays(live: LivePainter, wish: Wish) -> None:
    class Poor(Drafts):
        def paint(self, wish: Wish, told: Any, on_progress: Any, coarse: Any = None) -> Any:
            if coarse is not None:
                raise MediaError("there is no room")
            return super().paint(wish, told, on_progress)

    poor = LivePainter(lambda: Poor(device="cpu"))
    poor.ask(wish)
    assert widths(poor) == [16]
    view = poor.view()
    assert view.error == "" and view.painting is not None
    assert "there is no room" in view.doing
    poor.close()


@pytest.fixture
def studio(tmp_path: Path, wish: Wish) -> Iterator[Studio]:
    found = Studio(wish, tmp_path / "session", lambda: Drafts(device="cpu"))
    yield found
    found.close()


def test_a_studio_refuses_what_is_no_picture_and_stays_as_it_is(studio: Studio, wish: Wish, tmp_path: Path) -> None:
    (tmp_path / "none.png").write_text("no picture")
    (tmp_path / "none.mp4").write_text("no clip")
    for name in ("none.png", "none.mp4"):
        with pytest.raises(MediaError):
            studio.open_input(tmp_path / name)
    with pytest.raises(MediaError):
        studio.add_styles([tmp_path / "s.png", tmp_path / "none.png"])
    with pytest.raises(SettingsError):
        studio.change(strength=3.0)
    assert studio.wish == wish
    assert len(studio.styles) == 1
    assert studio.number == 0


def test_new_paintings_are_used_and_old_ones_stay_at_hand(studio: Studio, tmp_path: Path) -> None:
    old = tmp_path / "s.png"
    new = [paint_picture(tmp_path / f"{name}.png", seed=seed) for seed, name in enumerate("ab", 3)]
    studio.add_styles(new)
    assert [(style.path, used) for style, used in studio.styles.items()] == [
        (old, False),
        *((one, True) for one in new),
    ]
    assert [style.path for style in studio.wish.styles] == new
    studio.use_styles([0, 2])
    assert [style.path for style in studio.wish.styles] == [old, new[1]]
    studio.use_styles([])
    assert studio.wish.styles == ()
    assert studio.command() == ""
