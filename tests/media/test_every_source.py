"""What every kind of source does alike: videos, animations, folders, single pictures."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from media_clips import HEIGHT, WIDTH, even_times, ffmpeg_children, picture, write_clip

from pipeline.errors import MediaError, UsageError
from pipeline.media import Frame, FrameSource, Image, fingerprint, open_source, write_picture
from pipeline.media.prefetch import FEWEST, backward

COUNT = 12
UNEVEN = tuple(Fraction(k, 100) for k in (0, 4, 10, 11, 40, 41, 42, 90, 91, 95, 100, 130))


@dataclass(frozen=True)
class Kind:
    """A kind of source, and what is known of the one that is made of it."""

    name: str
    times: tuple[Fraction, ...]
    duration: Fraction
    kind: str
    """As `VideoInfo.kind`."""
    error: float = 0.0
    """Most mean difference to the pictures that were put in."""
    asked: Fraction | None = None
    """Rate, to be asked for; a folder states none."""
    sink: tuple[tuple[str, object], ...] = ()
    """Further fields of the `SinkPlan` it is written with."""
    damaged: str = "good before the break"
    """What is said of it when its end is missing."""

    @property
    def variable(self) -> bool:
        return self.times is UNEVEN

    def write(self, folder: Path) -> Path:
        path = folder / self.name
        if self.kind == "picture":
            write_picture(path, picture(0))
            return path
        rate = COUNT / self.duration if self.variable else 1 / self.times[1]
        write_clip(path, times=self.times, duration=self.duration, rate=rate, variable=self.variable, **dict(self.sink))
        return path

    def copy(self, source: FrameSource, folder: Path) -> Path:
        path = source.info.path
        return Path(shutil.copytree(path, folder / self.name) if path.is_dir() else shutil.copy(path, folder))

    def open(self, path: Path, **how: object) -> FrameSource:
        return open_source(path, **{"fps": self.asked, **how})  # type: ignore[arg-type]


def even(name: str, rate: Fraction | int, kind: str, *sink: tuple[str, object], **other: object) -> Kind:
    return Kind(name, even_times(COUNT, rate), COUNT / Fraction(rate), kind, sink=sink, **other)  # type: ignore[arg-type]


LOSSLESS = ("quality", "lossless")
MOVING = ("animation", True)
END = Fraction(14, 10)
KINDS = [
    even("v.mp4", Fraction(24000, 1001), "video", LOSSLESS),
    even("v.mkv", 25, "video", ("codec", "ffv1")),
    even("v.webm", 30, "video", error=4),
    Kind("uneven.mkv", UNEVEN, END, "video", sink=(("codec", "ffv1"),)),
    even("a.gif", 10, "animation", error=16),
    # A hundredth of a second weighs little in the palette.
    Kind("uneven.gif", UNEVEN, END, "animation", error=20),
    even("a.webp", 20, "animation", LOSSLESS, MOVING, damaged="damaged"),
    even("a.png", 20, "animation", MOVING, damaged="damaged"),
    even("folder", 12, "folder", asked=Fraction(12), damaged=r"frame_000012\.png.* damaged"),
    Kind("p.png", (Fraction(0),), Fraction(1, 24), "picture", damaged="damaged"),
]
CLIPS = [kind for kind in KINDS if kind.kind != "picture"]
STREAMS = [kind for kind in CLIPS if kind.kind != "folder"]


@pytest.fixture(scope="module")
def source_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Kind], FrameSource]:
    """Each kind, written and opened once."""
    folder, opened = tmp_path_factory.mktemp("sources"), {}

    def found(kind: Kind) -> FrameSource:
        if kind not in opened:
            opened[kind] = kind.open(kind.write(folder))
        return opened[kind]

    return found


def every(kinds: list[Kind] = KINDS) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("kind", kinds, ids=lambda kind: kind.name)


def same(some: list[Frame], others: list[Frame]) -> bool:
    return len(some) == len(others) and all(
        one.index == other.index and one.time == other.time and np.array_equal(one.image, other.image)
        for one, other in zip(some, others, strict=True)
    )


def pictures(frames: list[Frame]) -> list[Image]:
    return [frame.image for frame in frames]


def good_part(error: MediaError) -> int:
    return int(str(error).split(" frames are good")[0].split()[-1])


@every()
def test_count_times_rate_and_size(kind: Kind, source_of: Callable[[Kind], FrameSource]) -> None:
    info = source_of(kind).info
    assert (info.kind, info.frames, info.times, info.duration) == (
        kind.kind, len(kind.times), kind.times, kind.duration,
    )  # fmt: skip
    assert info.variable == kind.variable
    assert info.rate == len(kind.times) / kind.duration
    assert (info.width, info.height) == (info.source_width, info.source_height) == (WIDTH, HEIGHT)
    assert info.audio is None and info.start == 0


@every()
def test_frames_are_what_was_put_in(kind: Kind, source_of: Callable[[Kind], FrameSource]) -> None:
    frames = list(source_of(kind).frames())
    assert [(frame.index, frame.time) for frame in frames] == list(enumerate(kind.times))
    for index, image in enumerate(pictures(frames)):
        assert (image.shape, image.dtype) == ((HEIGHT, WIDTH, 3), np.uint8)
        assert np.abs(image.astype(int) - picture(index)).mean() <= kind.error


@every()
def test_a_later_start_gives_the_very_same_frames(kind: Kind, source_of: Callable[[Kind], FrameSource]) -> None:
    source = source_of(kind)
    whole = list(source.frames())
    for start in (1, 7, len(whole) - 1):
        assert same(list(source.frames(start)), whole[start:])
    assert list(source.frames(len(whole))) == []


@every()
def test_backwards_too(kind: Kind, source_of: Callable[[Kind], FrameSource]) -> None:
    source = source_of(kind)
    whole = list(source.frames())
    for held in (1 << 30, 1):
        assert same(list(backward(source, len(whole), held)), whole[::-1]), f"in parts of {FEWEST} at least"
    assert same(list(backward(source, 3)), whole[:3][::-1])
    assert list(backward(source, 0)) == []


@every()
def test_two_may_read_at_once(kind: Kind, source_of: Callable[[Kind], FrameSource]) -> None:
    source = source_of(kind)
    with closing(source.frames()) as one, closing(source.frames()) as other:
        assert all(same([a], [b]) for a, b in zip(one, other, strict=True))


@every()
def test_closing_early_ends_processes_and_threads(kind: Kind, source_of: Callable[[Kind], FrameSource]) -> None:
    source, before = source_of(kind), threading.active_count()
    frames = source.frames()
    next(frames)
    frames.close()
    assert not ffmpeg_children() and threading.active_count() == before
    list(source.frames())
    assert not ffmpeg_children() and threading.active_count() == before


@every(CLIPS)
def test_slice(kind: Kind, source_of: Callable[[Kind], FrameSource]) -> None:
    source = source_of(kind)
    whole, path = pictures(list(source.frames())), source.info.path
    part = kind.open(path, frames=(3, 8))
    assert part.info.rate == (source.info.rate if not kind.variable else 5 / part.info.duration)
    assert part.info.times == tuple(time - kind.times[3] for time in kind.times[3:8])
    assert part.info.duration == kind.times[8] - kind.times[3]
    assert part.info.start == (kind.times[3] if kind.kind == "video" else 0)
    frames = list(part.frames())
    assert [frame.index for frame in frames] == list(range(5))
    assert all(map(np.array_equal, pictures(frames), whole[3:8]))
    assert same(list(part.frames(2)), frames[2:])
    for frames_asked, count in (((10, None), 2), ((None, 1), 1)):
        assert kind.open(path, frames=frames_asked).info.frames == count


@every(CLIPS)
def test_slice_by_times(kind: Kind, source_of: Callable[[Kind], FrameSource]) -> None:
    """From the first frame that begins then or later, to the last that begins before: whatever the rate."""
    path, times = source_of(kind).info.path, [Fraction(time) for time in kind.times]
    numbered = kind.open(path, frames=(3, 8)).info
    later = Fraction(1, 1000)
    for asked in ((times[3], times[8]), (times[2] + later, times[7] + later), (3, times[8]), (times[3], 8)):
        found = kind.open(path, frames=asked).info
        assert (found.part, found.times, found.duration) == ((3, 8), numbered.times, numbered.duration)
    assert kind.open(path, frames=(None, times[1])).info.frames == 1
    with pytest.raises(UsageError, match=r"no frame begins at .* or later; the last of its \d+ begins at"):
        kind.open(path, frames=(times[-1] + later, None))
    with pytest.raises(UsageError, match=r"between the start and the end that --frames names no frame begins"):
        kind.open(path, frames=(times[3] + later / 2, times[3] + later))
    beyond = kind.open(path, frames=(Fraction(0), Fraction(3600))).info
    assert beyond.frames == len(times) and any("lasts" in note and "3600 s" in note for note in beyond.notes)


@every()
def test_slices_that_cannot_be(kind: Kind, source_of: Callable[[Kind], FrameSource]) -> None:
    path, count = source_of(kind).info.path, len(kind.times)
    for frames in ((0, 0), (-1, 3), (count, None), (count + 5, count + 9)):
        with pytest.raises(UsageError):
            kind.open(path, frames=frames)
    beyond = kind.open(path, frames=(0, count + 9)).info
    assert beyond.frames == count
    assert any(f"only {count} frame" in note for note in beyond.notes)


@every(STREAMS)
def test_another_rate_keeps_the_duration(kind: Kind, source_of: Callable[[Kind], FrameSource]) -> None:
    """Frames are repeated or left out: each point of the grid shows the frame that is shown at its time."""
    source = source_of(kind)
    whole = pictures(list(source.frames()))
    other = open_source(source.info.path, fps=17)
    assert other.info.rate == 17 and not other.info.variable
    assert abs(other.info.duration - kind.duration) <= Fraction(1, 34)
    frames = list(other.frames())
    assert [frame.time for frame in frames] == [Fraction(k, 17) for k in range(len(frames))]
    for frame in frames:
        shown = max(index for index, time in enumerate(kind.times) if time <= frame.time)
        assert np.array_equal(frame.image, whole[shown])
    assert same(list(other.frames(5)), frames[5:])
    with pytest.raises(UsageError):
        open_source(source.info.path, fps=0)


@every()
def test_size(kind: Kind, source_of: Callable[[Kind], FrameSource]) -> None:
    path = source_of(kind).info.path
    smaller = kind.open(path, size=32)
    assert (smaller.info.width, smaller.info.height) == (32, 24)
    assert (smaller.info.source_width, smaller.info.source_height) == (WIDTH, HEIGHT)
    with closing(smaller.frames()) as frames:
        assert next(frames).image.shape == (24, 32, 3)
    assert kind.open(path, size=1000).info.width == WIDTH
    assert kind.open(path, size=100, upscale=True).info.height == 76, "75 is odd"


@every()
def test_the_fingerprint_depends_on_content_alone(
    kind: Kind, source_of: Callable[[Kind], FrameSource], tmp_path: Path
) -> None:
    path = source_of(kind).info.path
    again = kind.write(tmp_path)
    assert fingerprint(again) == fingerprint(path)
    last = max(again.iterdir()) if again.is_dir() else again
    last.write_bytes(last.read_bytes()[:-1] + b"!")
    assert fingerprint(again) != fingerprint(path)


@every()
def test_a_missing_end_is_said(kind: Kind, source_of: Callable[[Kind], FrameSource], tmp_path: Path) -> None:
    path = kind.copy(source_of(kind), tmp_path)
    last = max(path.iterdir()) if path.is_dir() else path
    data = last.read_bytes()
    last.write_bytes(data[: len(data) * 3 // 4])
    with pytest.raises(MediaError, match=f"{kind.damaged}|before its index was written") as caught:
        list(kind.open(path).frames())
    assert path.name in str(caught.value) and "\n" not in str(caught.value)
    if "--frames 0:" in str(caught.value):
        good = good_part(caught.value)
        frames = list(kind.open(path, frames=(0, good)).frames())
        assert 0 < good == len(frames) < COUNT
        for index, image in enumerate(pictures(frames)):
            assert np.abs(image.astype(int) - picture(index)).mean() <= kind.error


@every()
def test_what_is_spoilt_after_opening_is_said(
    kind: Kind, source_of: Callable[[Kind], FrameSource], tmp_path: Path
) -> None:
    path = kind.copy(source_of(kind), tmp_path)
    source = kind.open(path)
    last = max(path.iterdir()) if path.is_dir() else path
    last.write_bytes(last.read_bytes()[: last.stat().st_size // 3])
    words = "broke off before frame" if kind.kind == "video" else path.name
    with pytest.raises(MediaError, match=words):
        list(source.frames())


@every()
def test_what_is_not_there_is_said(kind: Kind, tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="no such file"):
        kind.open(tmp_path / kind.name)
    if kind.kind == "folder":
        (tmp_path / kind.name).mkdir()
    else:
        (tmp_path / kind.name).write_bytes(b"")
    with pytest.raises(MediaError, match=r"no picture in this folder|0 bytes"):
        kind.open(tmp_path / kind.name)


@every()
@pytest.mark.parametrize("name", ["-100%03d", "a:b ünï°\nq'\""])
def test_hostile_names(
    kind: Kind, name: str, source_of: Callable[[Kind], FrameSource], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = kind.copy(source_of(kind), tmp_path)
    hostile = path.rename(tmp_path / f"{name}{path.suffix}")
    assert len(list(kind.open(Path(hostile.name)).frames())) == len(kind.times)
