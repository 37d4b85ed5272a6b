"""The seconds of a clip that are played: small first, dropped when something else is wished for."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pipeline.studio.clip_player import STAGES, ClipPlayer, Played
from pipeline.studio.job_runner import JobRunner


def until(there: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not there():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.fixture
def player(tmp_path: Path) -> Iterator[ClipPlayer]:
    """Of jobs that wait for the file after their name, write theirs, and fail if they are called so."""
    program = tmp_path / "program.py"
    program.write_text(
        "import pathlib, sys, time\n"
        "go, output = map(pathlib.Path, sys.argv[1:3])\n"
        "while not go.exists(): time.sleep(.01)\n"
        "output.write_text('')\n"
        "if 'bad' in output.name: sys.exit('it went wrong')\n"
    )
    found = ClipPlayer(JobRunner(program))
    yield found
    found.close()


def jobs(folder: Path, *names: str) -> list[tuple[str, list[str], Path]]:
    return [(name, ["reelbrush", str(folder / f"go-{name}"), str(folder / name)], folder / name) for name in names]


def test_the_small_one_is_there_while_the_larger_one_is_painted(player: ClipPlayer, tmp_path: Path) -> None:
    assert player.state() == Played()
    player.start(jobs(tmp_path, "small", "large"))
    until(lambda: "small" in player.state().text)
    assert player.state().runs and player.state().clip is None
    (tmp_path / "go-small").touch()
    until(lambda: player.state().clip is not None)
    until(lambda: "large" in player.state().text)
    assert player.state().runs and player.state().clip == tmp_path / "small"
    (tmp_path / "go-large").touch()
    until(lambda: not player.state().runs)
    assert player.state() == Played(tmp_path / "large")


def test_what_is_dropped_ends_and_is_not_played(player: ClipPlayer, tmp_path: Path) -> None:
    player.start(jobs(tmp_path, "first"))
    until(lambda: "first" in player.state().text)
    player.drop()
    assert player.state() == Played()
    until(lambda: not player.runner.state().runs)
    assert not (tmp_path / "first").exists()
    # Another one waits for the end of the one before it, and comes nonetheless.
    player.start(jobs(tmp_path, "second", "third"))
    player.start(jobs(tmp_path, "last"))
    (tmp_path / "go-last").touch()
    until(lambda: player.state() == Played(tmp_path / "last"))
    assert not (tmp_path / "second").exists()


def test_what_is_stopped_leaves_what_there_is_to_play(player: ClipPlayer, tmp_path: Path) -> None:
    (tmp_path / "go-small").touch()
    player.start(jobs(tmp_path, "small", "large"))
    until(lambda: "large" in player.state().text)
    player.stop()
    assert player.state().clip == tmp_path / "small"
    assert not player.state().runs
    until(lambda: not player.runner.state().runs)
    assert player.state().clip == tmp_path / "small"


def test_why_there_is_nothing_to_play_is_told(player: ClipPlayer, tmp_path: Path) -> None:
    for name in ("go-small", "go-bad"):
        (tmp_path / name).touch()
    player.start(jobs(tmp_path, "small", "bad", "never"))
    until(lambda: player.state().failed)
    assert player.state() == Played(tmp_path / "small", text="it went wrong", failed=True)


def test_each_time_it_is_larger_and_moves_more_smoothly() -> None:
    assert [stage.size for stage in STAGES] == sorted({stage.size for stage in STAGES})
    assert [stage.rate for stage in STAGES] == sorted(stage.rate for stage in STAGES)
    assert STAGES[0].words[:4] == ["--size", str(STAGES[0].size), "--fps", str(STAGES[0].rate)]
