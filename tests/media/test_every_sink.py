"""What every kind of sink does alike: videos, GIFs, animated pictures, folders."""

from __future__ import annotations

import subprocess
import sys
import threading
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from media_clips import ffmpeg_children, images_of, picture, plan, write_clip

from pipeline.errors import OutputError
from pipeline.media import Frame, open_sink, open_source, read_metadata
from pipeline.media.plan import SinkPlan
from pipeline.media.sink import Sink

UNEVEN = tuple(Fraction(k, 100) for k in (0, 4, 10, 11, 40, 41, 42, 90))
UNEVEN_PLAN = {"times": UNEVEN, "duration": Fraction(125, 100), "rate": Fraction(800, 125), "variable": True}
TEXTS = {"network": "vgg19", "settings": 'steps = 5\nname = "Ä; = #\\"\n'}


@dataclass(frozen=True)
class Kind:
    """A kind of sink."""

    name: str
    error: float
    """Most mean difference of a picture that comes back."""
    fields: dict[str, object] = field(default_factory=dict)
    """Further ones of the `SinkPlan`."""
    has_times: bool = True
    """Whether it keeps the times of its frames."""

    def write(self, folder: Path, **other: object) -> Sink:
        return write_clip(folder / self.name, **{**self.fields, **other})

    def plan(self, folder: Path, **other: object) -> SinkPlan:
        return SinkPlan(**plan(folder / self.name, **{**self.fields, **other}))


MOVING = {"animation": True}
KINDS = [
    Kind("v.mp4", 4),
    Kind("v.mov", 4),
    Kind("v.mkv", 4),
    Kind("v.webm", 4),
    Kind("a.gif", 16),
    Kind("a.webp", 0, {**MOVING, "quality": "lossless"}),
    Kind("a.png", 0, MOVING),
    Kind("a.apng", 0, MOVING),
    Kind("folder", 0, has_times=False),
]
every = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def put(sink: Sink, frames: range) -> None:
    for index in frames:
        sink.put(Frame(index, Fraction(index, 25), picture(index)))


@every
def test_frames_times_texts_and_nothing_else(kind: Kind, tmp_path: Path) -> None:
    sink = kind.write(tmp_path, rate=20, metadata=TEXTS)
    info = open_source(tmp_path / kind.name).info
    assert (info.frames, info.width, info.height) == (10, 64, 48)
    if kind.has_times:
        assert (info.times, info.duration) == (tuple(Fraction(k, 20) for k in range(10)), Fraction(1, 2))
        assert info.rate == 20 and not info.variable
    for number, image in enumerate(images_of(tmp_path / kind.name)):
        assert np.abs(image.astype(int) - picture(number)).mean() <= kind.error
    assert read_metadata(tmp_path / kind.name) == TEXTS
    assert names(tmp_path) == [kind.name] and sink.notes == ()


@every
def test_uneven_times_are_kept(kind: Kind, tmp_path: Path) -> None:
    sink = kind.write(tmp_path, **UNEVEN_PLAN)
    info = open_source(tmp_path / kind.name).info
    if kind.has_times:
        assert info.variable and (info.times, info.duration) == (UNEVEN, Fraction(125, 100))
    else:
        assert info.frames == len(UNEVEN) and any("variable frame rate is lost" in note for note in sink.notes)


@every
def test_a_last_frame_that_is_held_keeps_its_length(kind: Kind, tmp_path: Path) -> None:
    """Evenly spaced but for the end: it is no clip of a constant rate, and lasts as long as it says."""
    times = tuple(Fraction(k, 10) for k in range(4))
    kind.write(tmp_path, times=times, duration=times[-1] + 2, rate=10, variable=True)
    info = open_source(tmp_path / kind.name).info
    assert info.frames == 4
    assert not kind.has_times or float(info.duration) == pytest.approx(2.3, abs=0.05)


@every
def test_one_frame(kind: Kind, tmp_path: Path) -> None:
    kind.write(tmp_path, count=1)
    assert len(images_of(tmp_path / kind.name)) == 1


@every
@pytest.mark.parametrize("size", [(101, 57), (1, 1), (2, 1)])
def test_odd_sizes_are_kept(kind: Kind, tmp_path: Path, size: tuple[int, int]) -> None:
    sink = kind.write(tmp_path, count=3, width=size[0], height=size[1])
    info = open_source(tmp_path / kind.name).info
    assert (info.width, info.height) == size
    assert info.frames == 3 or kind.name.startswith("a."), "some animations join equal frames"
    assert any("odd size" in note for note in sink.notes) == (kind.name in ("v.mp4", "v.mkv", "v.mov"))


@every
def test_same_frames_same_bytes(kind: Kind, tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        kind.write(tmp_path / name, metadata=TEXTS)
    one, other = ([file.read_bytes() for file in sorted((tmp_path / name).rglob("*.*"))] for name in ("a", "b"))
    assert one == other and one


@every
@pytest.mark.parametrize("name", ["-100%03d", "a:b ünï° q'\""])
def test_hostile_names(kind: Kind, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = Path(f"{name}{Path(kind.name).suffix}")
    write_clip(path, count=3, **kind.fields)
    assert names(tmp_path) == [str(path)] and open_source(path).info.frames == 3


# ---- refused before anything is painted


@every
def test_what_is_there_is_refused(kind: Kind, tmp_path: Path) -> None:
    path = tmp_path / kind.name
    if path.suffix:
        path.write_text("old")
    else:
        path.mkdir()
        (path / "frame_000001.png").write_text("old")
    with pytest.raises(OutputError, match=r"exists already|not empty"):
        open_sink(kind.plan(tmp_path))
    assert "old" in (path if path.suffix else path / "frame_000001.png").read_text()
    assert names(tmp_path) == [kind.name]


@every
@pytest.mark.parametrize(("place", "said"), [("missing", "no such folder"), ("file.txt", "file.txt is a file, and a")])
def test_a_place_that_is_no_folder_is_refused(kind: Kind, place: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "file.txt").write_text("no folder")
    with pytest.raises(OutputError, match=said):
        open_sink(kind.plan(tmp_path / place, overwrite=True))
    assert names(tmp_path) == ["file.txt"]


# ---- nothing under the final name before the end


@every
def test_overwriting_happens_at_the_end(kind: Kind, tmp_path: Path) -> None:
    path = tmp_path / kind.name
    kind.write(tmp_path, count=3)
    sink = open_sink(kind.plan(tmp_path, count=5, overwrite=True))
    put(sink, range(5))
    assert open_source(path).info.frames == 3
    sink.finish()
    assert open_source(path).info.frames == 5
    assert names(tmp_path) == [kind.name]
    sink.abort()
    assert open_source(path).info.frames == 5, "finished is finished"


@every
def test_abort_leaves_nothing(kind: Kind, tmp_path: Path) -> None:
    threads = threading.active_count()
    sink = open_sink(kind.plan(tmp_path))
    put(sink, range(5))
    assert kind.name not in names(tmp_path)
    sink.abort()
    sink.abort()
    assert names(tmp_path) == [] and not ffmpeg_children() and threading.active_count() == threads


@every
def test_an_error_of_the_caller_leaves_what_was_there(kind: Kind, tmp_path: Path) -> None:
    kind.write(tmp_path, count=3)
    with pytest.raises(KeyboardInterrupt), open_sink(kind.plan(tmp_path, overwrite=True)) as sink:
        put(sink, range(2))
        raise KeyboardInterrupt
    assert names(tmp_path) == [kind.name] and open_source(tmp_path / kind.name).info.frames == 3


@every
def test_interrupted_while_the_encoder_is_being_started(
    kind: Kind, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C stays Ctrl-C, and nothing is left."""
    start = threading.Thread.start

    def interrupted(thread: threading.Thread) -> None:
        if thread.name == "encode":
            raise KeyboardInterrupt
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", interrupted)
    with pytest.raises(KeyboardInterrupt), open_sink(kind.plan(tmp_path)) as sink:
        put(sink, range(1))
    assert names(tmp_path) == []


@every
def test_too_few_frames(kind: Kind, tmp_path: Path) -> None:
    sink = open_sink(kind.plan(tmp_path))
    put(sink, range(1))
    with pytest.raises(OutputError, match="only 1 of 10 frames"):
        sink.finish()
    assert names(tmp_path) == []


@every
def test_frames_that_do_not_fit(kind: Kind, tmp_path: Path) -> None:
    with open_sink(kind.plan(tmp_path, count=1)) as sink:
        with pytest.raises(ValueError, match="1 came where 0"):
            sink.put(Frame(1, Fraction(0), picture(0)))
        with pytest.raises(ValueError, match="shape"):
            sink.put(Frame(0, Fraction(0), picture(0, 10, 10)))
        put(sink, range(1))
        with pytest.raises(ValueError, match="1 came where 1 of 1"):
            sink.put(Frame(1, Fraction(0), picture(0)))
    assert names(tmp_path) == []


FULL_DISK = """
import resource, signal, sys
from pathlib import Path
sys.path[:0] = sys.argv[2:]
import numpy as np
from test_every_sink import KINDS
from pipeline.errors import DiskFullError
from pipeline.media import Frame, open_sink
# A limit on the size of files acts like a full disk, for us and for the ffmpeg that we start.
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (8_000, 8_000))
dice = np.random.default_rng(0)
for kind in KINDS:
    folder = Path(sys.argv[1]) / kind.name
    folder.mkdir()
    plan = kind.plan(folder, count=20)
    sink = open_sink(plan)
    try:
        for k, time in enumerate(plan.times):
            sink.put(Frame(k, time, dice.integers(0, 255, (48, 64, 3), dtype=np.uint8)))
        sink.finish()
        print("finished")
    except DiskFullError as error:
        sink.abort()
        print(str(error).replace(chr(10), " "))
"""


@pytest.fixture(scope="module")
def full_disk(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """Every kind, written where the disk is full: the folder of them all, and what each one said."""
    folder, here = tmp_path_factory.mktemp("full"), Path(__file__).parent
    places = [str(here), str(here.parent), str(here.parents[1])]
    command = [sys.executable, "-c", FULL_DISK, str(folder), *places]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder, dict(zip((kind.name for kind in KINDS), done.stdout.splitlines(), strict=True))


@every
def test_full_disk(kind: Kind, full_disk: tuple[Path, dict[str, str]]) -> None:
    folder, said = full_disk
    assert "disk is full" in said[kind.name]
    assert names(folder / kind.name) == []
