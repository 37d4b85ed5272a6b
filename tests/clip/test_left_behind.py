"""What is said to who interrupts a job is what there is on the disk."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jobs import QUICK, invoke, moving_folder, paint_picture

from pipeline.clip import clip
from pipeline.clip.events import Finished, Stage, Started
from pipeline.clip.jobs import HALF, STATE
from pipeline.clip.left_behind import LeftBehind
from pipeline.pictures import story_job

pytestmark = pytest.mark.usefixtures("own_handlers")


@pytest.fixture
def picture(tmp_path: Path) -> tuple[Any, ...]:
    content, style = paint_picture(tmp_path / "c.png"), paint_picture(tmp_path / "s.png", seed=5)
    story = ("--story", tmp_path / "o.gif", "--story-frames", "3", "--story-size", "32")
    return ("image", content, "-s", style, *QUICK, "-o", tmp_path / "o.png", *story)


@pytest.fixture
def film(tmp_path: Path) -> tuple[Any, ...]:
    source, style = moving_folder(tmp_path / "in", 3), paint_picture(tmp_path / "style.png", seed=9)
    return ("video", source, "-s", style, *QUICK, "-o", tmp_path / "out.mp4")


def first(doing: Callable[[], None], right: Callable[..., Any]) -> Callable[..., Any]:
    def wrapped(*given: Any, **named: Any) -> Any:
        doing()
        return right(*given, **named)

    return wrapped


def interrupt() -> None:
    signal.raise_signal(signal.SIGINT)


def test_while_the_story_is_written(tmp_path: Path, picture: tuple[Any, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        # A second signal does not wait.
        patched.setattr(story_job, "write_story", first(lambda: (interrupt(), interrupt()), story_job.write_story))
        stopped = invoke(*picture)
    assert stopped.exit_code == 130 and (tmp_path / "o.png").exists() and not (tmp_path / "o.gif").exists()
    assert f"Interrupted. {tmp_path / 'o.png'} is finished; the same command makes what is missing." in stopped.stderr
    with monkeypatch.context() as patched:
        patched.setattr(story_job, "write_story", first(interrupt, story_job.write_story))
        stopped = invoke(*picture)
    assert stopped.exit_code == 130
    assert f"Interrupted. {tmp_path / 'o.png'} and {tmp_path / 'o.gif'} are finished." in stopped.stderr
    again = invoke(*picture)
    assert again.exit_code == 0 and "o.png and o.gif: already painted" in again.stderr


def test_a_clip_that_has_not_begun(tmp_path: Path, film: tuple[Any, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(clip, "open_session", first(interrupt, clip.open_session))
        stopped = invoke(*film)
    assert stopped.exit_code == 130 and not list(tmp_path.glob("out*"))
    assert stopped.stderr.rstrip().endswith("Interrupted. Nothing was painted.")
    with monkeypatch.context() as patched:
        patched.setattr(clip, "encode_kept", first(interrupt, clip.encode_kept))
        patched.setattr(clip, "paint_frames", first(interrupt, clip.paint_frames))
        stopped = invoke(*film)
    work = tmp_path / "out.mp4.reelbrush"
    assert stopped.exit_code == 130 and work.is_dir()
    assert f"Interrupted. The same command goes on where it was ({work})." in stopped.stderr
    with monkeypatch.context() as patched:
        patched.setattr(clip, "open_session", first(interrupt, clip.open_session))
        stopped = invoke(*film)
    assert f"Interrupted. Nothing was painted. What an earlier run has kept in {work} stays." in stopped.stderr


def started(*outputs: Path) -> Started:
    return Started("in", outputs, 8, 8, 1, 0, 1.0, 1.0, "network", "cpu")


def test_what_was_there_before_is_not_called_finished(tmp_path: Path) -> None:
    one, two = tmp_path / "a.png", tmp_path / "a.gif"
    one.write_text("before")
    left = LeftBehind(one)
    tell = left.watching(lambda event: None)
    assert left() == "Nothing was painted."
    tell(started(one, two))
    assert left() == "Nothing of it is kept."
    one.unlink()
    one.write_text("anew")
    assert left() == f"{one} is finished; the same command makes what is missing."
    tell(Finished((one, two), 1, 1, 1.0))
    assert left() == f"{one} and {two} are finished."


@pytest.mark.parametrize("accept", [False, True])
def test_a_half_painted_picture(tmp_path: Path, accept: bool) -> None:
    left = LeftBehind(tmp_path / "a.png", accept)
    told: list[Any] = []
    left.watching(told.append)(started(tmp_path / "a.png"))
    left.watching(told.append)(Stage("Painting"))
    half = tmp_path / f"a.png{HALF}"
    half.mkdir()
    assert left() == "Nothing of it is kept."
    (half / STATE).touch()
    assert left().startswith(f"The painting so far is kept; {half}/so_far.png shows it. The same command goes on")
    assert ("--accept" in left()) == accept
    assert [type(event) for event in told] == [Started, Stage]


def test_a_picture_that_goes_to_stdout_leaves_nothing() -> None:
    left = LeftBehind(Path("-"))
    left.watching(lambda event: None)(started())
    assert left() == "Nothing of it is kept."
