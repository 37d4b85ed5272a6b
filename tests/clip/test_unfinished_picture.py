"""A picture that is interrupted stays half-painted beside its output: the same command goes on to the same picture."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import forked
import numpy as np
import pytest
from filelock import FileLock
from jobs import QUICK, SMALL, environment, invoke, paint_picture
from PIL import Image as Pillow

from pipeline.clip import still, unfinished_picture
from pipeline.clip.jobs import HALF, SO_FAR, STATE
from pipeline.clip.record_reading import read_record
from pipeline.errors import StoreError
from pipeline.media import read_picture, write_picture
from pipeline.pictures import snapshots
from pipeline.signals import Terminated
from pipeline.style import step_runner
from reelbrush import stylize_image

HOW = ("--set", "levels=2", "--set", "smallest=16", "--steps", "12")
STORY = ("--story-frames", "5", "--story-size", "32", "--keep")
HOW_PYTHON = {name: value for name, value in SMALL.items() if name not in ("carried_steps", "passes")}


pytestmark = pytest.mark.usefixtures("own_handlers")


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("inputs")
    return paint_picture(folder / "c.png"), paint_picture(folder / "s.png", seed=5)


def job_of(inputs: tuple[Path, Path], folder: Path, *more: str) -> tuple[Any, ...]:
    content, style = inputs
    folder.mkdir(exist_ok=True)
    return ("image", content, "-s", style, *QUICK, *HOW, "-o", folder / "o.png", *more)


def with_story(inputs: tuple[Path, Path], folder: Path, *more: str) -> tuple[Any, ...]:
    return job_of(inputs, folder, "--story", str(folder / "o.gif"), *STORY, *more)


def results(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, inputs: tuple[Path, Path]) -> dict[str, bytes]:
    """Results of a job that was left alone; as deep as those of a test."""
    folder = tmp_path_factory.mktemp("whole") / "out"
    assert invoke(*with_story(inputs, folder)).exit_code == 0
    return results(folder)


@pytest.fixture
def after(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Has something happen in the middle of a step, when so many have been taken."""
    right = step_runner.StepRunner.step

    def happen(steps: int, what: Callable[[], object]) -> None:
        taken = 0

        def step(self: step_runner.StepRunner) -> Any:
            nonlocal taken
            taken += 1
            if taken == steps:
                what()
            return right(self)

        monkeypatch.setattr(step_runner.StepRunner, "step", step)

    return happen


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_interrupted_again_and_again_it_comes_to_the_same_picture_and_story(
    tmp_path: Path, inputs: tuple[Path, Path], whole: dict[str, bytes], after: Any, number: int, code: int
) -> None:
    job, half = with_story(inputs, tmp_path / "out"), tmp_path / "out" / f"o.png{HALF}"
    for _ in range(3):
        after(5, lambda: signal.raise_signal(number))
        stopped = invoke(*job)
        assert stopped.exit_code == code
        assert str(half / SO_FAR) in stopped.stderr and "--accept" in stopped.stderr
        assert [path.name for path in (tmp_path / "out").iterdir()] == [half.name], "nothing has its name yet"
        assert read_picture(half / SO_FAR).shape == (32, 48, 3)
    after(0, lambda: None)
    done = invoke(*job)
    assert done.exit_code == 0 and "the first 15 steps" in done.stderr
    assert results(tmp_path / "out") == whole


def test_interrupted_it_comes_to_the_same_regions(tmp_path: Path, inputs: tuple[Path, Path], after: Any) -> None:
    left = tmp_path / "left.png"
    mask = np.zeros((32, 48, 3), np.uint8)
    mask[:, :24] = 255
    write_picture(left, mask)
    more = ("--region", f"{left}={inputs[0]}")
    assert invoke(*job_of(inputs, tmp_path / "whole", *more)).exit_code == 0
    job = job_of(inputs, tmp_path / "out", *more)
    after(5, lambda: signal.raise_signal(signal.SIGINT))
    assert invoke(*job).exit_code == 130
    after(0, lambda: None)
    done = invoke(*job)
    assert done.exit_code == 0 and "the first 5 steps" in done.stderr
    assert (tmp_path / "out" / "o.png").read_bytes() == (tmp_path / "whole" / "o.png").read_bytes()


@pytest.mark.skipif(not forked.AVAILABLE, reason="the process is forked from one that has everything imported")
@pytest.mark.parametrize("instant", ["write_kept of a snapshot", "save", "write_kept", "tidy", "unlink"])
def test_killed_at_an_instant_it_comes_to_the_same(
    tmp_path: Path, inputs: tuple[Path, Path], whole: dict[str, bytes], instant: str
) -> None:
    job = with_story(inputs, tmp_path / "out")
    arguments = [str(part) for part in job]
    killed = forked.Forked(command_killed, instant, 9, arguments, environment=environment())
    assert killed.communicate() and killed.returncode == -signal.SIGKILL
    assert not (tmp_path / "out" / "o.gif").exists()
    done = invoke(*job)
    assert done.exit_code == 0 and "An earlier run has done" in done.stderr
    assert results(tmp_path / "out") == whole


def command_killed(instant: str, count: int, arguments: list[str]) -> None:
    """The command line, which keeps the painting after every step and is killed on the way."""
    place: Any = {
        "write_kept of a snapshot": snapshots, "tidy": snapshots.SnapshotRecorder, "save": unfinished_picture.torch,
        "write_kept": unfinished_picture, "unlink": Path,
    }[instant]  # fmt: skip
    name = instant.split(maxsplit=1)[0]
    unfinished_picture.EVERY = unfinished_picture.SHARE = -1.0
    right, done = getattr(place, name), 0

    def counted(*given: Any, **more: Any) -> Any:
        nonlocal done
        wanted = instant != "unlink" or given[0].name == STATE
        done += wanted
        if done == count or (wanted and instant == "unlink"):
            os.kill(os.getpid(), signal.SIGKILL)
        return right(*given, **more)

    setattr(place, name, counted)
    forked.command(*arguments)


def test_accepted_it_is_written_as_it_is_and_can_be_painted_again(
    tmp_path: Path, inputs: tuple[Path, Path], after: Any
) -> None:
    job, output = job_of(inputs, tmp_path / "out"), tmp_path / "out" / "o.png"
    after(9, lambda: signal.raise_signal(signal.SIGINT))
    assert invoke(*job).exit_code == 130
    after(1, lambda: pytest.fail("no step is taken"))
    assert invoke(*job, "--accept").exit_code == 0
    assert [path.name for path in output.parent.iterdir()] == ["o.png"]
    assert read_record(output).until == 9 and "9 steps" in invoke("replay", output, "--show").stdout
    after(0, lambda: None)
    again = invoke("replay", output, "-o", tmp_path / "again.png", "--device", "cpu")
    assert again.exit_code == 0 and "equals that of o.png in every pixel" in again.stderr
    # It is not the painting that the same command makes without being interrupted.
    other = invoke(*job)
    assert other.exit_code == 1 and "it was accepted after 9 steps" in other.stderr
    assert invoke(*job, "--overwrite").exit_code == 0
    finished, accepted = (np.array(Pillow.open(path)) for path in (output, tmp_path / "again.png"))
    assert not np.array_equal(finished, accepted)


def test_what_a_killed_run_could_not_remove_goes_with_the_next(
    tmp_path: Path, inputs: tuple[Path, Path], after: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = job_of(inputs, tmp_path / "out")
    after(9, lambda: signal.raise_signal(signal.SIGINT))
    assert invoke(*job).exit_code == 130
    after(0, lambda: None)
    with monkeypatch.context() as patched:
        patched.setattr(unfinished_picture.UnfinishedPicture, "remove", lambda self: ())
        assert invoke(*job).exit_code == 0
    assert (tmp_path / "out" / f"o.png{HALF}").exists()
    assert "already painted" in invoke(*job).stderr
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["o.png"]


def test_an_accepted_one_is_known_to_the_same_command(tmp_path: Path, inputs: tuple[Path, Path], after: Any) -> None:
    job = job_of(inputs, tmp_path / "out")
    after(5, lambda: signal.raise_signal(signal.SIGINT))
    assert invoke(*job).exit_code == 130
    after(0, lambda: None)
    assert invoke(*job, "--accept").exit_code == 0
    refused = invoke(*job)
    assert refused.exit_code == 1 and "this painting is there; it was accepted after 5 steps." in refused.stderr
    other = invoke(*job, "--seed", "3")
    assert other.exit_code == 1 and "exists already" in other.stderr
    assert invoke(*job, "--overwrite").exit_code == 0
    assert "already painted" in invoke(*job).stderr


def test_a_file_that_has_changed_is_named(tmp_path: Path, after: Any) -> None:
    content, style = paint_picture(tmp_path / "cat.png"), paint_picture(tmp_path / "ink.png", seed=5)
    job = job_of((content, style), tmp_path / "out")
    after(5, lambda: signal.raise_signal(signal.SIGINT))
    assert invoke(*job).exit_code == 130
    after(0, lambda: None)
    paint_picture(content, seed=8)
    refused = invoke(*job)
    assert "differs in input (cat.png has changed, or it was another file). Give the same" in refused.stderr
    paint_picture(style, seed=9)
    both = invoke(*job, "--steps", "9").stderr
    assert (
        "input (cat.png has changed, or it was another file), settings.steps (12, now 9), styles (ink.png has" in both
    )


def test_a_replay_goes_on_as_well(tmp_path: Path, inputs: tuple[Path, Path], after: Any) -> None:
    assert invoke(*job_of(inputs, tmp_path / "out")).exit_code == 0
    job = ("replay", tmp_path / "out" / "o.png", "-o", tmp_path / "again.png", "--device", "cpu")
    after(9, lambda: signal.raise_signal(signal.SIGINT))
    assert invoke(*job).exit_code == 130
    assert (tmp_path / f"again.png{HALF}" / STATE).exists()
    after(0, lambda: None)
    again = invoke(*job)
    assert "the first 9 steps" in again.stderr and "equals that of o.png in every pixel" in again.stderr


def test_nothing_to_accept_is_a_mistake(tmp_path: Path, inputs: tuple[Path, Path]) -> None:
    refused = invoke(*job_of(inputs, tmp_path / "out"), "--accept")
    assert refused.exit_code == 2 and "no half-finished painting" in refused.stderr
    assert not list((tmp_path / "out").iterdir())


def test_what_has_other_settings_is_not_thrown_away_unasked(
    tmp_path: Path, inputs: tuple[Path, Path], after: Any
) -> None:
    job, story = job_of(inputs, tmp_path / "out"), with_story(inputs, tmp_path / "out")
    after(4, lambda: signal.raise_signal(signal.SIGINT))
    assert invoke(*job).exit_code == 130
    after(0, lambda: None)
    kept = results(tmp_path / "out")
    for other, what in (((*job, "--seed", "3"), "settings.seed (0, now 3)"), (story, "begun without a story")):
        refused = invoke(*other)
        assert refused.exit_code == 1 and what in refused.stderr and "--restart" in refused.stderr
        assert results(tmp_path / "out") == kept
    with FileLock(tmp_path / "out" / f"o.png{HALF}" / "lock"):
        busy = invoke(*job)
    assert busy.exit_code == 1 and "Another reelbrush" in busy.stderr
    assert invoke(*job, "--seed", "3", "--restart").exit_code == 0
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["o.png"]


def test_another_kind_of_device_goes_on_with_nothing(
    tmp_path: Path, inputs: tuple[Path, Path], after: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes its steps in another form."""
    job = job_of(inputs, tmp_path / "out")
    after(4, lambda: signal.raise_signal(signal.SIGINT))
    assert invoke(*job).exit_code == 130
    after(0, lambda: None)
    monkeypatch.setattr(still, "kernels_on", lambda device: object())
    refused = invoke(*job)
    assert refused.exit_code == 1 and 'device ("cpu", now "cpu with Triton")' in refused.stderr
    assert invoke(*job, "--restart").exit_code == 0


def test_what_is_damaged_begins_anew(
    tmp_path: Path, inputs: tuple[Path, Path], whole: dict[str, bytes], after: Any
) -> None:
    job, half = with_story(inputs, tmp_path / "out"), tmp_path / "out" / f"o.png{HALF}"
    after(10, lambda: signal.raise_signal(signal.SIGINT))
    assert invoke(*job).exit_code == 130
    after(0, lambda: None)
    for name in (STATE, "snapshot_*.png"):
        shutil.copytree(tmp_path / "out", tmp_path / "copy")
        path = next((tmp_path / "copy" / half.name).glob(name))
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
        done = invoke(*with_story(inputs, tmp_path / "copy"))
        assert done.exit_code == 0 and "is damaged; it begins anew" in done.stderr
        assert results(tmp_path / "copy") == whole
        shutil.rmtree(tmp_path / "copy")


def test_a_full_disk_is_told_and_painting_goes_on(
    tmp_path: Path, inputs: tuple[Path, Path], whole: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unfinished_picture, "EVERY", -1.0)
    monkeypatch.setattr(unfinished_picture.shutil, "disk_usage", lambda folder: shutil._ntuple_diskusage(9, 9, 0))  # type: ignore[attr-defined]
    done = invoke(*with_story(inputs, tmp_path / "out"))
    assert done.exit_code == 0 and done.stderr.count("cannot be kept") == 1
    assert results(tmp_path / "out") == whole


def test_from_python_control_c_ends_after_the_step(tmp_path: Path, inputs: tuple[Path, Path], after: Any) -> None:
    """As KeyboardInterrupt, and what signals do is as before."""
    after(3, lambda: signal.raise_signal(signal.SIGINT))
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        stylize_image(*inputs, tmp_path / "o.png", **HOW_PYTHON)
    assert signal.getsignal(signal.SIGINT) is before
    after(0, lambda: None)
    told: list[int] = []
    stylize_image(*inputs, tmp_path / "o.png", on_progress=lambda one: told.append(one.step), **HOW_PYTHON)
    assert told == [4, 5, 6]


def test_from_python_as_well(tmp_path: Path, inputs: tuple[Path, Path]) -> None:
    """Whatever a caller raises leaves it there; without an output nothing is kept."""

    def leave(progress: Any) -> None:
        if progress.step == 4:
            raise Terminated

    whole = stylize_image(*inputs, **HOW_PYTHON)
    for output in (None, tmp_path / "o.png"):
        with pytest.raises(Terminated):
            stylize_image(*inputs, output, on_progress=leave, **HOW_PYTHON)
    assert [path.name for path in tmp_path.iterdir()] == [f"o.png{HALF}"]
    with pytest.raises(StoreError):
        stylize_image(*inputs, tmp_path / "o.png", **{**HOW_PYTHON, "seed": 5})
    told: list[int] = []
    again = stylize_image(*inputs, tmp_path / "o.png", on_progress=lambda one: told.append(one.step), **HOW_PYTHON)
    assert told == [5, 6] and np.array_equal(again.image, whole.image)
