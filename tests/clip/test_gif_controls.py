"""What is asked of the GIF of a clip: its size, its rate, the bytes it may take. And whether the disk has room."""

from __future__ import annotations

import shutil
from fractions import Fraction
from pathlib import Path

import pytest
from jobs import SMALL, invoke, moving_folder, paint_picture
from PIL import Image as Pillow

from pipeline.clip.disk_room import clip_room
from pipeline.clip.events import Event, Started
from pipeline.clip.jobs import ClipJob, ReplayJob, StylePicture
from pipeline.clip.replay import run_replay
from pipeline.errors import DiskFullError, OutputError, UsageError
from reelbrush import stylize_video

# Every layer in full: of what these few pixels become otherwise, no GIF is half as large as another.
HOW = {**SMALL, "steps": 1, "carried_steps": 1, "fps": 20, "positions_per_filter": 0.0}


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("inputs")
    return moving_folder(folder / "in", 8), paint_picture(folder / "style.png", seed=9)


def seen(path: Path) -> tuple[tuple[int, int], int, int]:
    """Size, frames and milliseconds of a GIF, as Pillow reads it."""
    with Pillow.open(path) as gif:
        shown = 0
        for number in range(gif.n_frames):
            gif.seek(number)
            shown += gif.info["duration"]
        return gif.size, gif.n_frames, shown


def test_the_gif_beside_has_its_own_size_and_rate(tmp_path: Path, inputs: tuple[Path, Path]) -> None:
    source, style = inputs
    job = {"gif": tmp_path / "o.gif", "gif_size": 24, "gif_fps": 10, "keep": True, **HOW}
    stylize_video(source, style, tmp_path / "o.mkv", **job)
    assert seen(tmp_path / "o.gif") == ((24, 16), 4, 400)
    again = stylize_video(source, style, tmp_path / "o.mkv", **job)
    assert again.painted == 0 and any("already painted" in note for note in again.notes)
    with pytest.raises(OutputError, match="overwrite=True"):
        stylize_video(source, style, tmp_path / "o.mkv", **{**job, "gif_fps": 5})
    # Enlarged, and painted no frame for it.
    larger = stylize_video(source, style, tmp_path / "o.mkv", **{**job, "gif_size": 96}, overwrite=True)
    assert larger.painted == 0 and seen(tmp_path / "o.gif")[0] == (96, 64)


@pytest.mark.heavy
def test_a_gif_takes_no_more_bytes_than_it_may(tmp_path: Path, inputs: tuple[Path, Path]) -> None:
    source, style = inputs
    stylize_video(source, style, tmp_path / "free.gif", **HOW)
    full = (tmp_path / "free.gif").stat().st_size
    most = full * 3 // 5
    made = stylize_video(source, style, tmp_path / "o.gif", max_bytes=most, **HOW)
    assert (tmp_path / "o.gif").stat().st_size <= most
    size, frames, shown = seen(tmp_path / "o.gif")
    assert size[0] <= 48 and frames <= 8 and shown == 400
    assert any("to stay below" in note for note in made.notes)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["free.gif", "o.gif"]
    replayed = run_replay(ReplayJob(tmp_path / "o.gif", tmp_path / "again.gif", source, (style,), device="cpu"))
    assert replayed.differing == 0
    assert (tmp_path / "again.gif").stat().st_size == (tmp_path / "o.gif").stat().st_size
    # What does not fit whatever is done is refused with what would, and loses no frame.
    with pytest.raises(UsageError, match="gif_size") as refused:
        stylize_video(source, style, tmp_path / "b.mkv", gif=tmp_path / "b.gif", max_bytes=300, **HOW)
    assert str(tmp_path / "b.gif") in str(refused.value) and ".part" not in str(refused.value)
    assert not (tmp_path / "b.mkv").exists() and not (tmp_path / "b.gif").exists()
    done = stylize_video(source, style, tmp_path / "b.mkv", gif=tmp_path / "b.gif", max_bytes="20kB", **HOW)
    assert done.painted == 0


def test_a_limit_that_will_hardly_be_kept_is_said_before_anything_is_painted(
    tmp_path: Path, inputs: tuple[Path, Path]
) -> None:
    source, style = inputs
    told: list[str] = []

    class Enough(Exception):
        pass

    def notes(event: Event) -> None:
        if isinstance(event, Started):
            told[:] = event.notes
            raise Enough

    for limit, fits in ((1500, False), (100_000, True)):
        for name in ("o.gif", "o.mkv"):
            beside = {} if name == "o.gif" else {"gif": tmp_path / "b.gif", "gif_fps": 10}
            how = {**HOW, **beside, "max_bytes": limit, "on_event": notes}
            with pytest.raises(Enough):
                stylize_video(source, style, tmp_path / name, **how)
            assert any("it will hardly fit" in note for note in told) is not fits
    # Nothing is left of the trial.
    assert {path.suffix for path in tmp_path.iterdir()} <= {".reelbrush"}


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (("-o", "o.mp4", "--gif-size", "32"), "there is none"),
        (("-o", "o.mp4", "--max-bytes", "1MB"), "there is none"),
        (("-o", "o.gif", "--gif-size", "32", "--output-size", "64"), "both say how large"),
        (("-o", "o.gif", "--max-bytes", "1MB", "--quality", "small"), "both say how"),
        (("-o", "o.gif", "--gif-fps", "fast"), "not a frame rate"),
    ],
)
def test_what_does_not_go_together(inputs: tuple[Path, Path], more: tuple[str, ...], words: str) -> None:
    source, style = inputs
    found = invoke("video", source, "-s", style, *more)
    assert found.exit_code == 2 and words in found.stderr


def test_room_is_counted_at_the_sizes_that_are_written() -> None:
    job = ClipJob(Path("in"), (StylePicture(Path("s")),), Path("o.mp4"))
    full, half = (200, 100), (100, 50)
    as_painted = clip_room(job, half, full, 10, 1)
    assert (as_painted.result, as_painted.work) == (round(0.35 * 50_000), round(2.2 * 50_000))
    large = clip_room(ClipJob(Path("in"), job.styles, Path("o.mp4"), output_size="source"), half, full, 10, 2)
    assert (large.result, large.work) == (round(0.35 * 200_000), round(2.2 * 100_000))
    once, twice = (clip_room(job, half, full, 10_000, passes).work for passes in (1, 2))
    # On the way back memory holds the last 8947 frames, and the disk all others.
    assert (once, twice) == (round(2.2 * 5_000 * 10_000), round(2.2 * 5_000 * (20_000 + 10_000 - 8_947)))
    gif = clip_room(ClipJob(Path("in"), job.styles, Path("o.gif"), max_bytes=1000), half, full, 10, 1)
    assert (gif.result, gif.work) == (1000, round(2.2 * 100_000))


def test_a_clip_for_which_there_is_no_room_is_not_begun(
    tmp_path: Path, inputs: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    source, style = inputs
    usage = shutil.disk_usage(tmp_path)
    with monkeypatch.context() as patched:
        # 8 frames of 48x32 need about 2.2 bytes a pixel, and half of that has to be there.
        patched.setattr(shutil, "disk_usage", lambda path: usage._replace(free=13_000))
        with pytest.raises(DiskFullError, match="this clip needs about"):
            stylize_video(source, style, tmp_path / "o.mkv", **HOW)
        assert not (tmp_path / "o.mkv.reelbrush" / "frames").exists() or not list(tmp_path.rglob("0*.png"))
        patched.setattr(shutil, "disk_usage", lambda path: usage._replace(free=20_000))
        assert stylize_video(source, style, tmp_path / "o.mkv", **HOW).frames == 8


def test_rates_are_exact() -> None:
    from pipeline.clip.framing import parse_gif_fps

    assert Fraction(parse_gif_fps("12.5")) == Fraction(25, 2)
