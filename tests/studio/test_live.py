"""A job that is shown on a page: what it hands on, what that costs it, and that nothing else of it changes."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow

from pipeline.clip.engine import open_engine
from pipeline.clip.events import Finished, FrameDone, Started, Stepped, ignore
from pipeline.clip.jobs import ClipJob, StillJob, StylePicture
from pipeline.clip.looking import Look
from pipeline.errors import PaintingError, UsageError
from pipeline.studio import live_job
from pipeline.studio.live_job import shown_live
from pipeline.studio.live_option import Live
from pipeline.studio.live_reporter import SHARE, LiveReporter
from pipeline.studio.live_serve import has_screen
from pipeline.studio.live_state import KEPT, LiveState, curve, picture_files, read_state, write_state
from pipeline.studio.live_visitors import FORGOTTEN, IN_SIGHT, LiveVisitors
from tests.jobs import QUICK, SMALL, invoke, moving_folder, paint_picture, pictures
from tests.tiny import flat, picture

STARTED = Started("clip.mp4", (Path("o.mp4"),), 48, 32, 4, 0, 10.0, 5.0, "VGG-19", "cpu", ("A note.",), passes=2)


class Clock:
    """Goes on as it is told."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Watched:
    """A reporter, with what a painting costs to look at."""

    def __init__(self, folder: Path, looked_at: bool = True, costs: float = 0.0) -> None:
        self.folder, self.looked_at, self.costs = folder, looked_at, costs
        self.clock, self.asked = Clock(), 0
        self.reporter = LiveReporter(folder, "clip.mp4", lambda: self.looked_at, self.clock)

    @property
    def state(self) -> LiveState:
        return read_state(self.folder)

    def look(self, frame: int = 0, finished: bool = False) -> None:
        def painting() -> Any:
            self.asked += 1
            self.clock.now += self.costs
            return flat((50 * frame, 90, 120), 32, 48)

        self.reporter.on_look(Look(frame, picture(32, 48, seed=frame), painting, finished))


def test_what_nobody_looks_at_is_not_asked_for(tmp_path: Path) -> None:
    watched = Watched(tmp_path, looked_at=False)
    watched.reporter.on_event(STARTED)
    for step in range(1, 21):
        watched.clock.now += 0.3
        watched.reporter.on_event(Stepped(0, step, 20, step / 20, size=2, sizes=3))
        watched.look()
    watched.look(finished=True)
    watched.reporter.end("done", "Done")
    assert watched.asked == 0
    assert not list(tmp_path.glob("*.jpg"))
    watched.looked_at = True
    watched.clock.now += 1
    watched.look(1)
    assert watched.asked == 1
    assert all(path.is_file() for path in picture_files(tmp_path, 1))


def test_progress_is_told_in_the_words_of_the_terminal(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    assert watched.state == LiveState("clip.mp4")
    watched.reporter.on_event(STARTED)
    watched.clock.now += 1
    watched.reporter.on_event(Stepped(2, 12, 60, 0.5, in_pass=1, size=1, sizes=3))
    assert watched.state.text.startswith("pass 1 of 2, frame 3 of 4, size 1 of 3, step 12 of 60, about ")
    assert watched.state.notes == ("A note.",) and 0 < watched.state.share < 1
    for frame, loss in ((0, 4.0), (1, 2.0), (2, float("nan"))):
        watched.clock.now += 1
        watched.reporter.on_event(FrameDone(frame, {"total": loss}, 5, 1.0, "steps"))
    assert watched.state.curves == {"loss": [[0.0, 1.0], [0.3333, 0.5]]}
    result = tmp_path / "o.mp4"
    result.touch()
    watched.reporter.on_event(Finished((tmp_path / "frames", result), 4, 4, 9.0))
    watched.reporter.end("done", "Done")
    assert (watched.state.result, watched.state.state, watched.state.share) == (str(result), "done", 1.0)


@pytest.mark.parametrize("costs", [0.002, 0.05, 0.4])
def test_pictures_take_a_hundredth_of_the_time_however_slow_they_are(tmp_path: Path, costs: float) -> None:
    watched = Watched(tmp_path, costs=costs)
    began = watched.clock.now
    for _ in range(600):
        watched.clock.now += 0.3
        watched.look()
    assert watched.asked >= 4
    assert (watched.asked - 1) * costs <= SHARE * (watched.clock.now - began)
    assert len(list(tmp_path.glob("*.jpg"))) <= 2 * KEPT


def test_the_last_frame_is_shown_although_it_came_too_soon(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    watched.look(0)
    watched.look(1, finished=True)
    watched.reporter.end("done", "Done")
    assert watched.state.pictures == 2
    with Pillow.open(picture_files(tmp_path, 2)[1]) as shown:
        assert np.abs(np.asarray(shown).astype(int) - (50, 90, 120)).max() < 4


def test_a_look_for_which_there_is_no_memory_is_no_reason_to_paint_otherwise(tmp_path: Path) -> None:
    watched = Watched(tmp_path)

    def painting() -> Any:
        watched.asked += 1
        raise RuntimeError("CUDA out of memory.")

    for _ in range(10):
        watched.clock.now += 1
        watched.reporter.on_look(Look(0, picture(32, 48), painting))
    assert watched.asked == 1 and watched.state.pictures == 0


def test_a_folder_that_is_gone_is_nothing_to_the_job(tmp_path: Path) -> None:
    folder = tmp_path / "session"
    folder.mkdir()
    watched = Watched(folder)
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    watched.reporter.on_event(STARTED)
    watched.look()
    watched.reporter.end("done", "Done")


def test_a_state_comes_out_as_it_went_in(tmp_path: Path) -> None:
    state = LiveState("a", "b", 0.5, "failed", 3, ("note",), {"loss": [[0.0, 1.0]]}, "/o.mp4")
    write_state(tmp_path, state)
    assert read_state(tmp_path) == state


def test_the_curve_of_a_long_clip_shows_every_peak() -> None:
    values = dict.fromkeys(range(10_000), 1.0)
    values[7003] = 4.0
    points = curve(values, 10_000)
    assert len(points) == 200 and points[0][0] == 0 and points[-1][0] == 1
    assert [x for x, y in points if y == 1] == [pytest.approx(0.7, abs=0.005)]


def test_a_door_knows_who_is_there_and_who_looks() -> None:
    stopped: list[bool] = []
    visitors = LiveVisitors(lambda: stopped.append(True))
    assert visitors.state(0.0) == {"open": 0, "looked_at": False, "told": 1}
    visitors.asks("a", False, False, 0.0)
    visitors.asks("b", True, False, 0.0)
    assert visitors.state(1.0) == {"open": 2, "looked_at": True, "told": 0}
    assert visitors.state(IN_SIGHT + 1)["looked_at"] is False, "b is not in sight, and a has not asked again"
    visitors.asks("a", False, True, 20.0)
    visitors.leaves("b")
    assert visitors.state(20.0) == {"open": 1, "looked_at": True, "told": 1}
    assert visitors.state(20.0 + FORGOTTEN + 1)["open"] == 0
    visitors.stop()
    assert stopped == [True] and visitors.stopping


# ---- the process of the page


def page(text: str) -> str:
    """A program that says that, and then waits for its end as the real one does."""
    return f"import sys, time; print('''{text}''', flush=True); sys.stdin.read()"


ADDRESS, STOP = '{"address": "http://127.0.0.1:1/"}', '{"stop": true}'


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    return lambda text: monkeypatch.setattr(live_job, "START", text)


def test_stop_does_what_ctrl_c_does(program: Callable[[str], None]) -> None:
    program(f"import time; print('{ADDRESS}'); time.sleep(0.5); print('{STOP}', flush=True); input()")
    lines: list[str] = []
    with pytest.raises(KeyboardInterrupt), shown_live(Path("c.mp4"), ignore, lines.append) as shown:
        shown.ready()
        # As in a thread that waits for another one.
        live_job.threading.Event().wait(30)
        raise AssertionError("nobody has stopped it")
    assert "http://127.0.0.1:1/" in lines[0]


def test_a_page_that_ends_is_nothing_to_the_job(program: Callable[[str], None]) -> None:
    program(f"print('{ADDRESS}')")
    told: list[Any] = []
    with shown_live(Path("c.mp4"), told.append, lambda text: None) as shown:
        on_event = shown.ready()
        on_event(STARTED)
        assert shown.on_look is not None
        shown.on_look(Look(0, picture(32, 48), lambda: picture(32, 48)))
    assert told == [STARTED]


def test_the_result_is_shown_until_the_page_is_closed(program: Callable[[str], None]) -> None:
    program(f"import time; print('{ADDRESS}'); print('{{\"open\": 1}}', flush=True); time.sleep(1); "
            "print('{\"open\": 0}', flush=True); input()")  # fmt: skip
    lines: list[str] = []
    with shown_live(Path("c.mp4"), ignore, lines.append) as shown:
        shown.ready()
        time.sleep(0.2)
    assert "shows the result" in lines[-1]


def test_a_job_that_is_done_before_the_browser_is_there_waits_for_it(program: Callable[[str], None]) -> None:
    opens = ADDRESS.replace("}", ', "opens": true}')
    program(f"import time; print('{opens}', flush=True); time.sleep(0.7); print('{{\"open\": 1}}', flush=True); "
            "time.sleep(0.3); print('{\"open\": 0}', flush=True); input()")  # fmt: skip
    lines: list[str] = []
    with shown_live(Path("c.mp4"), ignore, lines.append) as shown:
        shown.ready()
    assert "shows the result" in lines[-1]


def test_a_job_does_not_wait_where_no_browser_comes(program: Callable[[str], None]) -> None:
    program(page(ADDRESS))
    lines: list[str] = []
    began = time.monotonic()
    with shown_live(Path("c.mp4"), ignore, lines.append) as shown:
        shown.ready()
    assert len(lines) == 1 and time.monotonic() - began < live_job.OPENED_WITHIN / 2


def test_how_a_job_failed_is_handed_on(program: Callable[[str], None], monkeypatch: pytest.MonkeyPatch) -> None:
    program(page(ADDRESS))
    states: list[LiveState] = []
    monkeypatch.setattr("pipeline.studio.live_reporter.write_state", lambda folder, state: states.append(state))
    with pytest.raises(PaintingError), shown_live(Path("c.mp4"), ignore, lambda text: None):
        raise PaintingError("It cannot be painted.")
    assert (states[-1].state, states[-1].text) == ("failed", "It cannot be painted.")


@pytest.mark.parametrize(("says", "expected"), [
    (page('{"refused": "The studio needs Gradio."}'), "The studio needs Gradio."),
    ("raise SystemExit('no such thing')", "no such thing"),
    ("", "it says nothing"),
])  # fmt: skip
def test_why_there_is_no_page_is_told_before_anything_is_painted(
    program: Callable[[str], None], says: str, expected: str
) -> None:
    program(says)
    with pytest.raises(UsageError, match=expected), shown_live(Path("c.mp4"), ignore, lambda text: None) as shown:
        shown.ready()


def test_without_gradio_one_paragraph_says_so_before_the_job_begins(
    program: Callable[[str], None], tmp_path: Path
) -> None:
    program(f"import sys; sys.modules['gradio'] = None; {live_job.START}")
    clip, style = moving_folder(tmp_path / "clip", 2), paint_picture(tmp_path / "s.png", 5)
    result = invoke("video", clip, "--style", style, "-o", tmp_path / "o", *QUICK, "--live")
    assert result.exit_code == 2
    said = " ".join(result.stderr.split())
    assert "There can be no page for --live" in said and "pip install 'reelbrush[studio]'" in said
    assert not list(tmp_path.glob("o*"))


def test_nothing_is_started_where_nobody_has_asked_for_it() -> None:
    with Live().shown(Path("c.mp4"), ignore, print) as shown:
        assert shown.ready() is ignore and shown.on_look is None


def test_a_browser_is_opened_only_where_it_can_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"):
        monkeypatch.delenv(name, raising=False)
    assert not has_screen()
    monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-0")
    assert has_screen()


# ---- the same pixels


def test_a_clip_that_is_looked_at_has_the_same_pixels(tmp_path: Path) -> None:
    from pipeline.clip.clip import run_clip

    clip, style = moving_folder(tmp_path / "clip", 3), paint_picture(tmp_path / "s.png", 5)
    engine = open_engine("standard", None, "cpu", {**{k: v for k, v in SMALL.items() if k != "device"}, "passes": 2})
    seen: list[tuple[int, bool, Any, Any]] = []
    for name, on_look in (("a", None), ("b", lambda look: seen.append(
            (look.frame, look.finished, look.content, look.painting())))):  # fmt: skip
        run_clip(ClipJob(clip, (StylePicture(style),), tmp_path / name), engine, on_look=on_look)
    alone, looked_at = pictures(tmp_path / "a"), pictures(tmp_path / "b")
    np.testing.assert_array_equal(alone, looked_at)
    finished = [(frame, painting) for frame, done, _, painting in seen if done]
    assert [frame for frame, _ in finished] == [0, 1, 2, 2, 1, 0], "of both passes"
    np.testing.assert_array_equal(finished[-1][1], alone[0])
    for frame, _, content, _ in seen:
        np.testing.assert_array_equal(content, pictures(clip)[frame])
    assert len(seen) > 6 + 3 * 5, "every step"


def test_a_picture_that_is_looked_at_has_the_same_pixels(tmp_path: Path) -> None:
    from pipeline.clip.still import run_still

    content, style = paint_picture(tmp_path / "c.png"), paint_picture(tmp_path / "s.png", 5)
    engine = open_engine("standard", None, "cpu", {k: v for k, v in SMALL.items() if k != "device"})
    job = StillJob(content, (StylePicture(style),), tmp_path / "a.png")
    seen: list[Look] = []
    alone = run_still(job, engine)
    again = run_still(job, engine, on_look=seen.append)
    assert [look.finished for look in seen] == [True], "one that is there already is shown as it is"
    np.testing.assert_array_equal(seen[0].painting(), alone.image)
    paintings: list[Any] = []
    other = StillJob(content, (StylePicture(style),), tmp_path / "b.png")
    found = run_still(other, engine, on_look=lambda look: paintings.append(look.painting()))
    np.testing.assert_array_equal(found.image, alone.image)
    np.testing.assert_array_equal(again.image, alone.image)
    np.testing.assert_array_equal(paintings[-1], alone.image)
    assert len(paintings) == SMALL["steps"] + 1
