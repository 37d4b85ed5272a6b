"""What can befall a batch, done to it for real: the same command finishes it, to the same frames."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from batches import (
    FRAMES,
    Trial,
    assert_finished,
    assert_nothing_runs,
    assert_nothing_wrong,
    encoder_of,
    fill,
    kill,
    mounted,
    trial,
    unmounted,
    wait_for_event,
    wait_until,
    workers_of,
)
from jobs import environment, events

from pipeline.batch.events import BatchEvent, ItemEvent
from pipeline.batch.ledger import LEDGER
from pipeline.batch.ledger_rows import State
from pipeline.clip.events import Event, FrameDone, Stage, Started, Stepped
from pipeline.errors import DiskFullError

pytestmark = [
    pytest.mark.heavy,
    pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="looks for processes in /proc"),
]


@pytest.fixture(scope="session")
def pictures_painted(tmp_path_factory: pytest.TempPathFactory) -> Trial:
    """A numbered folder, painted without any trouble."""
    return undisturbed(trial(tmp_path_factory.mktemp("pictures") / "root"))


@pytest.fixture(scope="session")
def video_painted(tmp_path_factory: pytest.TempPathFactory) -> Trial:
    """A video, painted without any trouble."""
    return undisturbed(trial(tmp_path_factory.mktemp("video") / "root", clips=("a.mp4",)))


def undisturbed(one: Trial) -> Trial:
    assert one.here().exit_code == 0
    return one


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 600 kB."""
    place = tmp_path / "disk"
    mounted(place, 600)
    yield place
    unmounted(place)


def reported(event: BatchEvent, kind: type[Event], frame: int | None = None) -> bool:
    """Whether an event of a painting is of that kind, and of that frame."""
    return (
        isinstance(event, ItemEvent)
        and isinstance(event.event, kind)
        and frame in (None, getattr(event.event, "frame", None))
    )


def once(event_is: Callable[[BatchEvent], bool], act: Callable[[], object]) -> Callable[[BatchEvent], None]:
    """An `OnBatchEvent` that acts the first time."""
    acted: list[object] = []

    def on_event(event: BatchEvent) -> None:
        if not acted and event_is(event):
            acted.append(event)
            act()

    return on_event


def begun(text: str) -> list[int]:
    """How many frames were finished already each time that painting was begun, from the lines of --json."""
    return [event["done"] for event in events(text) if event["event"] == "started"]


def gone_on(one: Trial) -> list[int]:
    """Give the command again, to its end; what `begun` returns."""
    heard: list[BatchEvent] = []
    assert one.here(heard.append).exit_code == 0
    return starts(heard)


def starts(heard: list[BatchEvent]) -> list[int]:
    return [event.event.done for event in heard if isinstance(event, ItemEvent) and isinstance(event.event, Started)]


# ---- killed


def test_the_driver_killed_in_the_middle_of_a_frame(tmp_path: Path, video_painted: Trial) -> None:
    one = trial(tmp_path / "root", clips=("a.mp4",))
    process = one.start("--json")
    wait_for_event(process, "frame_done", frame=1)
    kill(process)
    assert_nothing_wrong(one)
    assert not one.painting("a.mp4").exists()
    kept = len(one.kept("a.mp4"))
    assert 2 <= kept < FRAMES, "the kill came in the middle"
    assert one.row("a.mp4").state is State.PAINTING
    assert one.runs()[0].outcome is None
    again = one.run("--json")
    assert again.returncode == 0, again.stderr
    assert begun(again.stdout) == [kept]
    assert_finished(one, video_painted)


def test_a_worker_killed_in_the_middle_of_a_frame(tmp_path: Path, video_painted: Trial) -> None:
    """Another one goes on at once, with the first frame that was not finished: a frame is kept while the next one is
    painted."""
    one = trial(tmp_path / "root", clips=("a.mp4",))
    heard: list[BatchEvent] = []
    found: list[int] = []
    find = once(lambda event: reported(event, Started), lambda: found.extend(workers_of(one.root)))
    end = once(lambda event: reported(event, FrameDone, 0), lambda: os.kill(found[0], signal.SIGKILL))

    def on_event(event: BatchEvent) -> None:
        heard.append(event)
        find(event)
        end(event)

    assert one.here(on_event).exit_code == 0
    first, second = starts(heard)
    assert first == 0 and 1 <= second < FRAMES
    done = [event.event.frame for event in heard if isinstance(event, ItemEvent) and isinstance(event.event, FrameDone)]
    assert done.count(0) == 1, "what was finished is not painted again"
    assert ["SIGKILL" in note for note in one.row("a.mp4").notes] == [True]
    assert_finished(one, video_painted)


@pytest.mark.heavy
def test_a_painting_that_no_worker_survives(tmp_path: Path, pictures_painted: Trial) -> None:
    """It is given up after a few; another painting is not, and the next run may be a better one."""
    one = trial(tmp_path / "root", clips=("a", "b"))

    def on_event(event: BatchEvent) -> None:
        if isinstance(event, ItemEvent) and event.name == "a" and isinstance(event.event, Started):
            os.kill(workers_of(one.root)[0], signal.SIGKILL)

    assert one.here(on_event).exit_code == 3
    failed = one.row("a")
    assert (failed.state, one.row("b").state) == (State.FAILED, State.DONE)
    assert failed.error is not None and "SIGKILL" in failed.error and "same command" in failed.error
    assert_nothing_wrong(one)
    assert one.here().exit_code == 0
    assert_finished(one, pictures_painted)


def test_killed_while_encoding(tmp_path: Path, video_painted: Trial) -> None:
    """ffmpeg, left alone, ends its file properly, with all frames or with fewer; it gets no final name."""
    one = trial(tmp_path / "root", clips=("a.mp4",))
    process = one.start("--json")
    # It cannot end before the driver does.
    encoder = wait_until(lambda: encoder_of(one.root), "an encoder")
    os.kill(encoder, signal.SIGSTOP)
    wait_for_event(process, "stage", text="Encoding")
    kill(process)
    os.kill(encoder, signal.SIGCONT)
    assert_nothing_wrong(one)
    assert not one.painting("a.mp4").exists()
    assert len(one.kept("a.mp4")) == FRAMES
    assert gone_on(one) == [FRAMES], "nothing is painted again"
    assert_finished(one, video_painted)


@pytest.mark.parametrize("clip", ["a", "a.mp4"])
def test_killed_between_a_result_and_its_note(tmp_path: Path, clip: str, request: pytest.FixtureRequest) -> None:
    """The painting stands under its name, and the ledger does not know: it is taken as it is."""
    one = trial(tmp_path / "root", clips=(clip,))
    process = one.start("--json")
    wait_for_event(process, "frame_done", frame=0)
    process.send_signal(signal.SIGSTOP)
    wait_until(lambda: one.painting(clip).exists() and not one.work(clip).exists(), "the painting")
    kill(process)
    assert_nothing_wrong(one)
    assert one.row(clip).state is State.PAINTING
    before = one.painting(clip).stat()
    assert gone_on(one) == []
    after = one.painting(clip).stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)
    assert_finished(one, request.getfixturevalue("video_painted" if clip == "a.mp4" else "pictures_painted"))


# ---- asked to end


def at_the_terminal(one: Trial, process: subprocess.Popen[str]) -> None:
    """Ctrl-C: every process of the terminal hears it, but for ffmpeg, which has a session of its own."""
    for pid in (process.pid, *workers_of(one.root)):
        os.kill(pid, signal.SIGINT)


def assert_interrupted(one: Trial, process: subprocess.Popen[str], code: int, seconds: float = 60) -> None:
    """It has ended with that exit code, and says how to go on."""
    out, err = process.communicate(timeout=seconds)
    assert process.returncode == code, err
    assert err.splitlines()[-1] == "Interrupted. What is finished is kept; the same command goes on where it was."
    assert events(out)[-1] == {"event": "interrupted", "message": err.splitlines()[-1], "exit_code": code}
    assert "Traceback" not in err
    assert_nothing_wrong(one)
    assert one.runs()[-1].outcome == "interrupted" and one.runs()[-1].ended is not None


@pytest.mark.heavy
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["SIGINT", "SIGTERM"])
def test_interrupted(tmp_path: Path, video_painted: Trial, number: int, code: int) -> None:
    one = trial(tmp_path / "root", clips=("a.mp4",))
    process = one.start("--json")
    wait_for_event(process, "frame_done", frame=0)
    if number == signal.SIGINT:
        at_the_terminal(one, process)
    else:
        process.send_signal(number)
    assert_interrupted(one, process, code)
    kept = len(one.kept("a.mp4"))
    assert not one.painting("a.mp4").exists() and 1 <= kept < FRAMES
    assert one.row("a.mp4").state is State.INTERRUPTED
    assert one.row("a.mp4").done == kept, "what is kept is known"
    again = one.run("--json")
    assert again.returncode == 0, again.stderr
    assert begun(again.stdout) == [kept]
    assert_finished(one, video_painted)


def test_interrupted_while_a_worker_comes_up(tmp_path: Path, pictures_painted: Trial) -> None:
    one = trial(tmp_path / "root")
    process = one.start("--json")
    wait_until(lambda: workers_of(one.root), "a worker")
    at_the_terminal(one, process)
    assert_interrupted(one, process, 130)
    assert one.row().state is State.WAITING
    assert one.here().exit_code == 0
    assert_finished(one, pictures_painted)


@pytest.mark.heavy
def test_interrupted_twice_leaves_at_once(tmp_path: Path, pictures_painted: Trial) -> None:
    """The first Ctrl-C waits for the step; a worker that is stopped never gets to its end."""
    one = trial(tmp_path / "root")
    process = one.start("--json")
    wait_for_event(process, "frame_done", frame=0)
    (worker,) = workers_of(one.root)
    os.kill(worker, signal.SIGSTOP)
    process.send_signal(signal.SIGINT)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(timeout=2)
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    assert_interrupted(one, process, 130)
    assert time.monotonic() - began < 20, "two seconds are for the worker to clear up"
    assert one.row().state is State.INTERRUPTED
    assert one.here().exit_code == 0
    assert_finished(one, pictures_painted)


# ---- the disk


def test_a_full_disk_in_the_middle_of_a_clip(small_disk: Path, tmp_path: Path, pictures_painted: Trial) -> None:
    one = trial(tmp_path / "root", place=small_disk / "out")
    ballast: list[Path] = []
    on_event = once(lambda event: reported(event, FrameDone, 0), lambda: ballast.append(fill(small_disk)))
    with pytest.raises(DiskFullError, match="Make room"):
        one.here(on_event)
    assert_nothing_wrong(one)
    assert not one.painting().exists() and 1 <= len(one.kept()) < FRAMES
    full = one.run()
    assert full.returncode == 1
    assert full.stderr == (
        f"Error: {one.out / LEDGER}: the disk is full. Make room and give the same command again: what is finished is "
        "kept.\n"
    )
    kept = len(one.kept())
    ballast[0].unlink()
    assert gone_on(one) == [kept]
    assert_finished(one, pictures_painted)


def test_a_full_disk_while_encoding(small_disk: Path, tmp_path: Path, video_painted: Trial) -> None:
    one = trial(tmp_path / "root", clips=("a.mp4",), place=small_disk / "out")
    encoders: list[int] = []
    ballast: list[Path] = []

    def hold() -> None:
        encoders.append(wait_until(lambda: encoder_of(one.root), "an encoder"))
        os.kill(encoders[0], signal.SIGSTOP)

    def let_go() -> None:
        ballast.append(fill(small_disk))
        os.kill(encoders[0], signal.SIGCONT)

    held = once(lambda event: reported(event, FrameDone, 0), hold)
    gone = once(lambda event: reported(event, Stage) and "Encoding" in str(event), let_go)

    def on_event(event: BatchEvent) -> None:
        held(event)
        gone(event)

    with pytest.raises(DiskFullError, match="Make room"):
        one.here(on_event)
    assert_nothing_wrong(one)
    assert not one.painting("a.mp4").exists() and len(one.kept("a.mp4")) == FRAMES
    ballast[0].unlink()
    assert gone_on(one) == [FRAMES]
    assert_finished(one, video_painted)


def test_an_output_folder_that_may_only_be_read(small_disk: Path, tmp_path: Path, pictures_painted: Trial) -> None:
    one = trial(tmp_path / "root", place=small_disk / "out")
    remount(small_disk, "ro")
    refused = one.run()
    assert refused.returncode == 1
    assert "read-only" in refused.stderr.lower() and "Choose an output in a folder" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert_nothing_runs(one)
    remount(small_disk, "rw")
    assert one.here().exit_code == 0
    assert_finished(one, pictures_painted)


def remount(place: Path, how: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{how}", str(place)], check=True)


# ---- what is kept


def interrupted(one: Trial, after: int) -> None:
    """Paint so many frames at least, and be interrupted in the next one."""

    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        one.here(once(lambda event: reported(event, Stepped, after), stop))
    assert_nothing_wrong(one)
    assert after <= len(one.kept()) < FRAMES


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "one bit": lambda data: data[:-60] + bytes([data[-60] ^ 1]) + data[-59:],
    "cut short": lambda data: data[: len(data) // 2],
}


@pytest.mark.parametrize(("frame", "how"), [(0, "one bit"), (1, "cut short")])
def test_a_damaged_frame(tmp_path: Path, pictures_painted: Trial, frame: int, how: str) -> None:
    """In the middle or the last one: it is painted again without a word from anyone, and so is what came after it."""
    one = trial(tmp_path / "root")
    interrupted(one, after=2)
    path = one.kept()[frame]
    path.write_bytes(DAMAGE[how](path.read_bytes()))
    assert gone_on(one) == [frame]
    assert [note for note in one.row().notes if "damaged" in note] == [
        f"Frame {frame} was damaged on the disk. It was painted again, and all that came after it."
    ]
    assert_finished(one, pictures_painted)


HALF_WRITTEN = """
    import os, signal, sqlite3, sys
    db = sqlite3.connect(sys.argv[1], isolation_level=None)
    # Pages that do not fit the cache go to the log before anything is committed.
    db.execute("PRAGMA cache_size = 1")
    db.execute("BEGIN IMMEDIATE")
    db.execute("UPDATE item SET state = 'done', done = 99, error = 'half-written'")
    for number in range(200):
        db.execute("INSERT INTO frame VALUES ('a', 9, ?, '{}', 1, 1.0, 'steps')", (number,))
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_half_written_transaction(tmp_path: Path, pictures_painted: Trial) -> None:
    """What was being written when its process was killed was never written."""
    one = trial(tmp_path / "root")
    interrupted(one, after=1)
    before = one.row()
    log = one.out / f"{LEDGER}-wal"
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(HALF_WRITTEN), str(one.out / LEDGER)],
        env=environment(), check=False,
    )  # fmt: skip
    assert done.returncode == -signal.SIGKILL
    assert log.stat().st_size > 0, "half of it is on the disk"
    assert one.row() == before
    assert one.here().exit_code == 0
    assert_finished(one, pictures_painted)


@pytest.mark.heavy
def test_a_log_with_a_torn_tail(tmp_path: Path, pictures_painted: Trial) -> None:
    """As after a power cut: the end of what was written last never reached the disk."""
    one = trial(tmp_path / "root")
    process = one.start("--json")
    wait_for_event(process, "frame_done", frame=1)
    kill(process)
    assert_nothing_runs(one)
    log = one.out / f"{LEDGER}-wal"
    data = log.read_bytes()
    log.write_bytes(data[: len(data) - 2000] + os.urandom(500))
    (one.out / f"{LEDGER}-shm").unlink()
    assert gone_on(one)[0] >= 2
    assert_finished(one, pictures_painted)


# ---- two at once


@pytest.mark.heavy
def test_two_processes_in_one_folder(tmp_path: Path, pictures_painted: Trial) -> None:
    one = trial(tmp_path / "root")
    first = one.start("--json")
    wait_for_event(first, "item_began")
    first.send_signal(signal.SIGSTOP)
    refused = one.run()
    assert refused.returncode == 1
    assert f"Another reelbrush is at work in {one.out}" in refused.stderr
    assert "reelbrush status" in refused.stderr and "--wait" in refused.stderr
    assert "Traceback" not in refused.stderr
    second = one.start("--json", "--wait")
    first.send_signal(signal.SIGCONT)
    first_out, err = first.communicate(timeout=120)
    assert first.returncode == 0, err
    out, err = second.communicate(timeout=120)
    assert second.returncode == 0, err
    assert events(first_out)[-1]["done"] == 1
    assert begun(out) == [], "the first one has painted it"
    assert [run.outcome for run in one.runs()] == ["finished"] * 2
    assert_finished(one, pictures_painted)


# ---- the input


def test_an_input_that_vanishes(tmp_path: Path, video_painted: Trial) -> None:
    """It fails alone, the others are painted, and once it is back the same command paints it."""
    one = trial(tmp_path / "root", clips=("a.mp4", "b.mp4"))
    source, away = one.source("a.mp4"), tmp_path / "away"
    assert one.here(once(lambda event: reported(event, Stage), lambda: source.rename(away))).exit_code == 3
    failed, other = (one.row(name) for name in one.clips)
    assert (failed.state, other.state) == (State.FAILED, State.DONE)
    assert failed.error is not None and str(source) in failed.error
    assert_nothing_wrong(one)
    away.rename(source)
    assert one.here().exit_code == 0
    assert_finished(one, video_painted)


@pytest.mark.heavy
def test_an_input_that_vanishes_in_the_middle(tmp_path: Path) -> None:
    """Its finished frames are kept until it is back."""
    few = (("steps", 4), ("carried_steps", 4))
    like = undisturbed(trial(tmp_path / "like", frames=12, settings=few))
    one = trial(tmp_path / "root", frames=12, settings=few)
    away = tmp_path / "away"
    assert one.here(once(lambda event: reported(event, FrameDone, 1), lambda: one.source().rename(away))).exit_code == 1
    assert_nothing_wrong(one)
    kept = len(one.kept())
    assert 2 <= kept < 12
    assert one.row().state is State.FAILED
    away.rename(one.source())
    assert gone_on(one) == [kept]
    assert_finished(one, like, frames=12)


@pytest.mark.parametrize(("what", "workers"), [("folder", 1), ("folder", 2), ("ledger", 1)])
def test_the_output_folder_goes_while_it_is_painted_into(tmp_path: Path, what: str, workers: int) -> None:
    one = trial(tmp_path / "root", clips=("a", "b"))
    process = one.start("--json", "--workers", str(workers))
    wait_for_event(process, "frame_done", frame=1)
    if what == "folder":
        one.out.rename(tmp_path / "elsewhere")
    else:
        for path in one.out.glob(f"{LEDGER}*"):
            path.unlink()
    _, err = process.communicate()
    assert process.returncode == 1
    assert "Traceback" not in err
    assert err.splitlines()[-1].startswith(f"Error: {one.out}: this folder, or the ledger in it, was removed or moved")
    assert_nothing_runs(one)


def test_a_signal_that_is_ignored_stays_so(tmp_path: Path, pictures_painted: Trial) -> None:
    """As under `nohup`, when the terminal goes, and in the background of a script, when Ctrl-C is pressed."""
    one = trial(tmp_path / "root")
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGHUP)}
    try:
        process = one.start("--json")
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    wait_for_event(process, "frame_done", frame=0)
    for number in before:
        process.send_signal(number)
    process.communicate()
    assert process.returncode == 0
    assert_finished(one, pictures_painted)
