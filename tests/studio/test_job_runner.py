"""The job that is started from the studio: the command line's own, with its words, its progress and its end."""

from __future__ import annotations

import os
import shlex
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image as Pillow

from pipeline.batch.plan.item import with_paths
from pipeline.clip.styles import StylePicture
from pipeline.errors import UsageError
from pipeline.studio.clip_player import Played
from pipeline.studio.drafts import Drafts
from pipeline.studio.job_runner import JobRunner, JobState
from pipeline.studio.studio import Studio
from pipeline.studio.wish import Wish, for_people, job_words, paints_picture, suggested_output
from tests.jobs import QUICK, moving_folder, paint_picture

STARTED = (
    '{"event": "started", "source": "a", "outputs": [], "width": 8, "height": 8, "frames": 2, "done": 0, '
    '"first_work": 1, "next_work": 1, "network": "", "device": ""}'
)
FRAME = '{"event": "frame_done", "frame": 0, "losses": {"total": 1.0}, "steps": 3, "seconds": 1.0, "stopped": "steps"}'


def until(there: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not there():
        assert time.monotonic() < end
        time.sleep(0.01)


def program(folder: Path, body: str) -> Path:
    """A program that takes the place of the command line."""
    path = folder / "program.py"
    path.write_text(f"import sys, time, signal\ndef say(text): print(text, flush=True)\n{body}")
    return path


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Callable[[str], JobRunner]]:
    runners = []

    def start(body: str, *words: str) -> JobRunner:
        runners.append(JobRunner(program(tmp_path, body)))
        runners[-1].start(["reelbrush", *words], tmp_path / "o.mp4")
        return runners[-1]

    yield start
    for one in runners:
        one.close()


def ended(runner: JobRunner) -> JobState:
    until(lambda: not runner.state().runs)
    return runner.state()


def test_words_reach_the_program_as_they_are(run: Callable[..., JobRunner], tmp_path: Path) -> None:
    """No shell stands between: spaces, quotes and semicolons are part of a name."""
    hostile = ["video", "a b.mp4", "$(touch gone); 'x' \"y\".mp4", "-o", "o.mp4"]
    runner = run(f"open({str(tmp_path / 'words')!r}, 'w').write(repr(sys.argv[1:]))", *hostile)
    assert ended(runner).state == "done"
    assert (tmp_path / "words").read_text() == repr([*hostile, "--json"])


def test_progress_comes_from_the_events(run: Callable[..., JobRunner], tmp_path: Path) -> None:
    go = tmp_path / "go"
    waits = f"import pathlib\nwhile not pathlib.Path({str(go)!r}).exists(): time.sleep(.01)"
    runner = run(f"say('{STARTED}'); say('{FRAME}')\n{waits}")
    until(lambda: runner.state().fraction > 0)
    state = runner.state()
    assert (state.state, state.fraction, state.output) == ("running", 0.5, tmp_path / "o.mp4")
    assert state.text.startswith("1 of 2 frames")
    with pytest.raises(UsageError, match="at work already"):
        runner.start(["reelbrush"], tmp_path / "other.mp4")
    go.touch()
    assert ended(runner) == JobState("done", tmp_path / "o.mp4", 1.0, "Done")


def test_why_it_failed_is_told_in_the_words_of_the_command(run: Callable[..., JobRunner]) -> None:
    runner = run('say(\'{"event": "error", "message": "a.mp4: it is gone.", "exit_code": 1}\'); sys.exit(1)')
    assert (ended(runner).state, ended(runner).text) == ("failed", "a.mp4: it is gone.")
    runner = run("sys.stderr.write('Traceback\\nValueError: odd\\n'); sys.exit(1)")
    assert (ended(runner).state, ended(runner).text) == ("failed", "ValueError: odd")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGTERM that can be caught")
def test_it_is_asked_to_end_and_may_finish_a_step(run: Callable[..., JobRunner]) -> None:
    body = f"signal.signal(signal.SIGTERM, lambda *a: sys.exit(143)); say('{STARTED}')\nwhile True: time.sleep(.01)"
    runner = run(body)
    until(lambda: runner.state().state == "running")
    runner.stop()
    assert runner.state().state in ("stopping", "stopped")
    assert ended(runner).state == "stopped"
    assert "goes on" in ended(runner).text


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGTERM that can be caught")
def test_closing_leaves_no_process(run: Callable[..., JobRunner], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.studio.job_runner.PATIENCE", 0.3)
    body = f"signal.signal(signal.SIGTERM, signal.SIG_IGN); say('{STARTED}')\nwhile True: time.sleep(.01)"
    runner = run(body)
    until(lambda: runner.state().state == "running")
    process = runner._process
    assert process is not None
    runner.close()
    assert process.poll() == -signal.SIGKILL


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    paint_picture(tmp_path / "c.png")
    paint_picture(tmp_path / "s t.png", seed=4)
    return tmp_path


def test_a_command_says_what_differs_from_its_defaults(here: Path) -> None:
    styles = (StylePicture(here / "s t.png"),)
    assert suggested_output(Path("c.png")) == here / "c-painted.png"
    assert suggested_output(Path("a/b.mov")) == here / "b-painted.mov"
    assert paints_picture(Path("c.png")) and not paints_picture(Path("b.gif"))
    plain = Wish(Path("b.gif"), styles)
    assert job_words(plain, Path("o.gif"), ()) == [
        "reelbrush", "video", "b.gif", "--style", "s t.png", "--strength", "0.5", "-o", "o.gif",
    ]  # fmt: skip
    all_of_it = Wish(Path("c.png"), (*styles, *styles), "fine", 0.25, "keep", 0.5, 768, large_shapes=0.5)
    assert job_words(all_of_it, Path("o.png"), ["--device", "cpu"]) == [
        "reelbrush", "image", "c.png", "--style", "s t.png:1", "--style", "s t.png:1", "--strength", "0.25", "--preset",
        "fine", "--size", "768", "--colours", "keep", "--style-scale", "0.5", "--large-shapes", "0.5",
        "--device", "cpu", "-o", "o.png",
    ]  # fmt: skip


def test_what_was_uploaded_is_named_without_the_folder_of_the_session(here: Path) -> None:
    uploads = here / "session" / "uploads"
    wish = Wish(uploads / "0a" / "c.png", (StylePicture(uploads / "0b" / "s.png"), StylePicture(Path("/t.png"))))
    shown = with_paths(wish, lambda path: for_people(path, uploads))
    assert shown.source == Path("c.png")
    assert [style.path for style in shown.styles] == [Path("s.png"), Path("/t.png")]
    assert for_people(here / "o" / "p.png", uploads) == Path("o/p.png")


@pytest.fixture
def studio(here: Path) -> Iterator[Studio]:
    more = {"levels": 1, "steps": 6, "passes": 1}
    wish = Wish(Path("c.png"), (StylePicture(Path("s t.png")),), more=more)
    (here / "session").mkdir()
    found = Studio(wish, here / "session", lambda: Drafts(device="cpu"), QUICK)
    yield found
    found.close()


def test_the_words_that_are_started_are_those_that_are_shown(studio: Studio, here: Path) -> None:
    """What was uploaded apart, and where the result goes, which is written out."""
    studio.job = JobRunner(program(here, "open('words', 'w').write(repr(sys.argv[1:]))"))
    studio.change(strength=0.3, colours="match")
    studio.paint_all()
    assert ended(studio.job).state == "done"
    shown = shlex.split(studio.command())
    assert shown[:7] == ["reelbrush", "image", "c.png", "--style", "s t.png", "--strength", "0.3"]
    started = [*shown[1:-1], str(here / shown[-1]), "--json"]
    assert (here / "words").read_text() == repr(started)


@pytest.mark.heavy
def test_the_job_is_the_command_that_is_shown(studio: Studio, here: Path) -> None:
    studio.paint_all()
    state = ended(studio.job)
    assert (state.state, state.output) == ("done", here / "c-painted.png"), state.text
    with Pillow.open(here / "c-painted.png") as painted:
        assert painted.size == (48, 32)
    studio.change(strength=0.4)
    studio.paint_all()
    assert ended(studio.job).state == "failed"
    assert "c-painted.png" in ended(studio.job).text
    studio.save_as("c-painted.png", True)
    assert studio.command().endswith("--overwrite")


def test_what_a_job_has_painted_is_shown_while_the_studio_is_open(studio: Studio, here: Path) -> None:
    assert studio.result() is None
    writes = "from pathlib import Path; Path(sys.argv[sys.argv.index('-o') + 1]).write_text(sys.argv[5])"
    studio.job = JobRunner(program(here, writes))
    found = []
    for name, strength in (("a.png", 0.1), ("a.png", 0.2), ("b.tif", 0.3), ("a.png", 0.4)):
        studio.change(strength=strength)
        studio.save_as(name, True)
        studio.paint_all()
        ended(studio.job)
        found.append(studio.result())
        assert studio.result() == found[-1]
    assert found[2] is None, "no browser shows it"
    assert [one and one.read_text() for one in found] == ["--strength", "--strength", None, "--strength"]
    assert len(set(found)) == 4
    assert found[0] is not None and found[0].parent == here / "session"
    studio.save_as("c.png", True)
    studio.paint_all()
    ended(studio.job)
    (here / "c.png").unlink()
    assert studio.result() is None


@pytest.mark.heavy
def test_a_clip_is_played_for_two_seconds_from_the_frame_looked_at(studio: Studio, here: Path) -> None:
    with pytest.raises(UsageError, match="no clip"):
        studio.play()
    moving_folder(here / "clip", 4)
    studio.open_input(here / "clip")
    until(lambda: studio.view.subject is not None and not studio.view.subject.still)
    studio.play()
    until(lambda: not studio.clip.state().runs)
    played = studio.clip.state()
    assert not played.failed, played.text
    assert played.clip is not None and played.clip.parent == here / "session"
    assert played.clip.stat().st_size > 0
    studio.change(frame=1)
    assert studio.clip.state().clip == played.clip
    studio.change(strength=0.1)
    assert studio.clip.state() == Played()


def test_a_result_has_to_have_a_name_in_a_folder_that_is_there(studio: Studio) -> None:
    for name, why in (("", "Save as"), ("nowhere/o.png", "no such folder"), ("..", "Save as")):
        studio.save_as(name, False)
        with pytest.raises(UsageError, match=why):
            studio.paint_all()
    studio.use_styles([])
    with pytest.raises(UsageError, match="no painting"):
        studio.paint_all()
    assert studio.job.state() == JobState()
