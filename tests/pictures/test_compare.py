"""`reelbrush compare`: clips side by side, and wipes."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow

from pipeline.media import Image, open_source, read_picture
from pipeline.pictures.caption import caption, caption_text, legible_labels
from pipeline.pictures.fitting import GROUND
from pipeline.pictures.timeline import shared_timeline
from pipeline.pictures.wipe import one_way, to_and_fro, wiped
from tests.jobs import invoke
from tests.media_clips import clip, write_clip

RED, BLUE = (200, 30, 30), (30, 30, 200)


def flat(colour: tuple[int, int, int], height: int = 48, width: int = 64) -> Image:
    return np.full((height, width, 3), colour, np.uint8)


def coloured(path: Path, colour: tuple[int, int, int], count: int, rate: Fraction | int, height: int = 48,
             width: int = 64) -> Path:  # fmt: skip
    """A clip of one colour that gets a little brighter with every frame."""
    images = [np.clip(flat(colour, height, width).astype(int) + 2 * k, 0, 255).astype(np.uint8) for k in range(count)]
    write_clip(path, images, count=count, rate=rate, width=width, height=height, quality="lossless")
    return path


def run(*arguments: str | Path) -> Any:
    return invoke("compare", *arguments, columns=100)


def done(*arguments: str | Path) -> list[Image]:
    """The frames of what was made."""
    found = run(*arguments)
    assert found.exit_code == 0, found.stderr
    return [frame.image for frame in open_source(arguments[arguments.index("-o") + 1]).frames()]


def near(image: Image, colour: tuple[int, int, int], slack: int = 6) -> np.ndarray:
    return (abs(image.astype(int) - colour) <= slack).all(axis=2)


def test_a_wipe_shows_its_share_of_each() -> None:
    left, right = flat(RED, 10, 640), flat(BLUE, 10, 640)
    np.testing.assert_array_equal(wiped(left, right, 1), left)
    np.testing.assert_array_equal(wiped(left, right, 0), right)
    half = wiped(left, right, 0.5)
    assert near(half, RED, 0)[0].sum() == 319 and near(half, BLUE, 0)[0].sum() == 319, "and a line of two pixels"
    np.testing.assert_array_equal(half[0, 319:321], [(255, 255, 255)] * 2)
    assert near(wiped(left, right, 0.25), RED, 0)[0].sum() == 159


def test_a_wipe_goes_to_and_fro() -> None:
    assert [round(to_and_fro(turn), 6) for turn in (0, 0.25, 0.5, 0.75, 1)] == [1, 0.5, 0, 0.5, 1]
    assert one_way(0) == 0 and one_way(1) == 1 and one_way(0.5) == pytest.approx(0.5)


def test_clips_of_one_kind_keep_their_times_and_stand_side_by_side(tmp_path: Path) -> None:
    one, other = coloured(tmp_path / "a.mp4", RED, 5, 10), coloured(tmp_path / "b.mp4", BLUE, 5, 10, 96, 128)
    frames = done(one, other, "-o", tmp_path / "side.mp4", "--no-labels", "--height", "48")
    assert len(frames) == 5 and frames[0].shape == (48, 64 + 2 + 64, 3)
    for number, frame in enumerate(frames):
        brighter = [tuple(value + 2 * number for value in colour) for colour in (RED, BLUE)]
        assert near(frame, brighter[0])[:, :56].all() and near(frame, brighter[1])[:, 74:].all()
    info = open_source(tmp_path / "side.mp4").info
    assert info.rate == 10 and info.duration == Fraction(1, 2)


def test_the_tallest_gives_the_height(tmp_path: Path) -> None:
    one, other = coloured(tmp_path / "a.mp4", RED, 2, 10), coloured(tmp_path / "b.mp4", BLUE, 2, 10, 96, 96)
    frames = done(one, other, "-o", tmp_path / "side.mp4")
    assert frames[0].shape[0] == 96 and frames[0].shape[1] == 128 + 96 + 2


def test_other_rates_and_lengths_are_matched_by_time_and_said(tmp_path: Path) -> None:
    slow, fast = coloured(tmp_path / "slow.mp4", RED, 4, 5), coloured(tmp_path / "fast.mp4", BLUE, 6, 10)
    found = run(slow, fast, "-o", tmp_path / "side.mp4", "--no-labels")
    assert found.exit_code == 0
    frames = [frame.image for frame in open_source(tmp_path / "side.mp4").frames()]
    assert len(frames) == 8, "0.8 s at 10 frames a second"
    levels = [(int(frame[10, 10, 0]) - RED[0]) / 2 for frame in frames]
    np.testing.assert_allclose(levels, [0, 0, 1, 1, 2, 2, 3, 3], atol=0.9)
    levels = [(int(frame[10, -10, 2]) - BLUE[2]) / 2 for frame in frames]
    np.testing.assert_allclose(levels, [0, 1, 2, 3, 4, 5, 5, 5], atol=0.9)
    assert "matched by time" in found.stderr and "fast.mp4 stays after 0.60 s" in found.stderr


def test_a_shorter_gif_begins_again_and_a_video_gives_the_rate(tmp_path: Path) -> None:
    images = [flat(colour) for colour in (RED, BLUE, (30, 200, 30))]
    write_clip(tmp_path / "short.gif", images, count=3, rate=20)
    film = coloured(tmp_path / "film.mp4", BLUE, 4, 10)
    found = run(tmp_path / "short.gif", film, "-o", tmp_path / "side.mp4", "--no-labels")
    assert found.exit_code == 0 and "short.gif begins again after 0.15 s" in found.stderr
    frames = [frame.image for frame in open_source(tmp_path / "side.mp4").frames()]
    # At 0, 0.1, 0.2 and 0.3 s: the first, the third, the second of the second round, the first of the third.
    assert [int(frame[10, 10].argmax()) for frame in frames] == [0, 1, 2, 0]


def test_a_folder_takes_the_rate_of_a_clip_with_as_many_frames(tmp_path: Path) -> None:
    (tmp_path / "frames").mkdir()
    for number in range(6):
        Pillow.fromarray(flat(RED)).save(tmp_path / "frames" / f"{number}.png")
    beside = coloured(tmp_path / "b.mp4", BLUE, 6, 10)
    found = run(tmp_path / "frames", beside, "-o", tmp_path / "side.mp4")
    assert found.exit_code == 0 and "matched by time" not in found.stderr and "assumed" not in found.stderr
    assert open_source(tmp_path / "side.mp4").info.duration == Fraction(6, 10)


def test_a_wipe_between_two_pictures_lasts_four_seconds_and_closes(tmp_path: Path) -> None:
    for name, colour in (("a.png", RED), ("b.png", BLUE)):
        Pillow.fromarray(flat(colour)).save(tmp_path / name)
    frames = done(tmp_path / "a.png", tmp_path / "b.png", "--wipe", "-o", tmp_path / "wipe.mp4", "--no-labels")
    assert len(frames) == 100
    share = [near(frame, RED, 12)[24].mean() for frame in frames]
    assert share[0] == 1 and share[25] == pytest.approx(0.5, abs=0.04) and share[50] == 0
    assert share[75] == pytest.approx(0.5, abs=0.04) and share[99] > 0.95
    assert near(frames[25], BLUE, 12)[24, 40:].all()


def test_two_pictures_side_by_side_are_one_frame_of_a_gif_and_many_of_a_video(tmp_path: Path) -> None:
    for name, colour in (("a.png", RED), ("b.png", BLUE)):
        Pillow.fromarray(flat(colour)).save(tmp_path / name)
    for name, count in (("side.gif", 1), ("side.mp4", 100)):
        found = run(tmp_path / "a.png", tmp_path / "b.png", "-o", tmp_path / name)
        info = open_source(tmp_path / name).info
        assert info.frames == count and f"{'one frame' if count == 1 else '100 frames'} of" in found.stderr
    assert info.duration == 4 and info.rate == 25, "players differ in what they make of a single long frame"


def test_under_a_wipe_a_short_gif_begins_again_until_the_line_has_time(tmp_path: Path) -> None:
    images = [flat(colour) for colour in (RED, BLUE, (30, 200, 30))]
    write_clip(tmp_path / "short.gif", images, count=3, rate=5)
    Pillow.fromarray(flat((0, 0, 0))).save(tmp_path / "b.png")
    frames = done(tmp_path / "short.gif", tmp_path / "b.png", "--wipe", "-o", tmp_path / "wipe.gif", "--no-labels")
    assert open_source(tmp_path / "wipe.gif").info.duration == 7 * Fraction(3, 5)
    assert len(frames) == 21
    assert [int(frame[10, 2].argmax()) for frame in frames[:5]] == [0, 2, 1, 0, 2]
    side = done(tmp_path / "short.gif", tmp_path / "b.png", "-o", tmp_path / "side.gif", "--no-labels")
    assert len(side) == 3, "it does so by itself there"


def test_a_wipe_over_other_proportions_shows_all_of_it(tmp_path: Path) -> None:
    one, other = coloured(tmp_path / "a.mp4", RED, 3, 10), coloured(tmp_path / "b.mp4", BLUE, 3, 10, 48, 32)
    found = run(one, other, "--wipe", "-o", tmp_path / "wipe.mp4", "--no-labels")
    assert found.exit_code == 0 and "proportions" in found.stderr
    frames = [frame.image for frame in open_source(tmp_path / "wipe.mp4").frames()]
    # Two thirds of the way round, a quarter of the width is still the first one's.
    assert near(frames[2], GROUND, 8)[:, 54:].all() and near(frames[2], (34, 34, 204), 12)[:, 20:44].all()


def test_labels_are_the_names_or_what_is_said(tmp_path: Path) -> None:
    one, other = coloured(tmp_path / "a.mp4", RED, 1, 10, 96, 128), coloured(tmp_path / "b.mp4", BLUE, 1, 10, 96, 128)
    plain = done(one, other, "-o", tmp_path / "1.mkv", "--no-labels")[0]
    named = done(one, other, "-o", tmp_path / "2.mkv")[0]
    told = done(one, other, "-o", tmp_path / "3.mkv", "--label", "before", "--label", "after")[0]
    changed = (abs(named.astype(int) - plain) > 30).any(axis=2)
    assert changed[-30:].any() and not changed[:-30].any(), "at the bottom"
    assert changed[:, :128].any() and changed[:, 130:].any(), "of both"
    assert (abs(told.astype(int) - named) > 30).any()
    assert (named.max(axis=2) > 230).any(), "in white"


def test_a_label_that_cannot_be_written_becomes_a_number_and_it_is_said(tmp_path: Path) -> None:
    assert legible_labels(["Straße Ωμέγα", "日本語", "שלום"]) == (
        ["Straße Ωμέγα", "2", "3"],
        ("There are no letters here for '日本語', 'שלום'; their numbers stand there instead.",),
    )
    assert legible_labels(["before", ""]) == (["before", ""], ())
    one, other = coloured(tmp_path / "a.mp4", RED, 1, 10, 96, 128), coloured(tmp_path / "b.mp4", BLUE, 1, 10, 96, 128)
    found = run(one, other, "-o", tmp_path / "1.mkv", "--label", "before", "--label", "猫")
    assert "no letters here for '猫'; its number" in found.stderr
    told = done(one, other, "-o", tmp_path / "2.mkv", "--label", "before", "--label", "2")[0]
    np.testing.assert_array_equal(next(open_source(tmp_path / "1.mkv").frames()).image, told)


def test_a_label_of_which_too_little_fits_is_left_out_and_it_is_said(tmp_path: Path) -> None:
    assert caption_text("verytall.png", 96, 20) == "" and "…" in caption_text("verytall.png", 96, 70)
    assert caption_text("a", 96, 40) == "a"
    assert caption("verytall.png", 96, 20) == ()
    for name, width in (("verytall.png", 16), ("wide.png", 96)):
        Pillow.fromarray(flat(RED, 96, width)).save(tmp_path / name)
    found = run(tmp_path / "verytall.png", tmp_path / "wide.png", "-o", tmp_path / "side.gif")
    assert found.exit_code == 0 and "No room for the label verytall.png." in found.stderr


def test_pictures_side_by_side_may_be_a_picture(tmp_path: Path) -> None:
    for name, colour in (("a.png", RED), ("b.png", BLUE)):
        Pillow.fromarray(flat(colour)).save(tmp_path / name)
    found = run(tmp_path / "a.png", tmp_path / "b.png", "-o", tmp_path / "side.png", "--no-labels")
    assert found.exit_code == 0 and found.stderr.strip().endswith("(130x48)")
    np.testing.assert_array_equal(
        read_picture(tmp_path / "side.png"), np.hstack([flat(RED), flat(GROUND, 48, 2), flat(BLUE)])
    )


@pytest.mark.parametrize(
    ("names", "more", "said"),
    [
        (("a.png", "clip.mp4"), (), "clip.mp4 moves"),
        (("a.png", "a.png"), ("--wipe",), "A wipe moves"),
        (("a.png", "a.png"), ("--max-bytes", "1MB"), "--height"),
    ],
)
def test_what_moves_is_no_picture(tmp_path: Path, names: tuple[str, str], more: tuple[str, ...], said: str) -> None:
    Pillow.fromarray(flat(RED)).save(tmp_path / "a.png")
    coloured(tmp_path / "clip.mp4", BLUE, 3, 10)
    found = run(*(tmp_path / name for name in names), *more, "-o", tmp_path / "side.png")
    assert found.exit_code == 2 and said in found.stderr and not (tmp_path / "side.png").exists()


def test_clips_of_one_name_are_told_apart_by_their_folders(tmp_path: Path) -> None:
    paths = [tmp_path / folder / "clip.mp4" for folder in ("before", "after")]
    for path in paths:
        path.parent.mkdir()
        coloured(path, RED, 1, 10, 96, 256)
    named = done(*paths, "-o", tmp_path / "named.mkv")[0]
    told = done(*paths, "-o", tmp_path / "told.mkv", "--label", "before/clip.mp4", "--label", "after/clip.mp4")[0]
    np.testing.assert_array_equal(named, told)


def test_it_is_said_whose_sound_is_heard(tmp_path: Path) -> None:
    loud, mute = clip(tmp_path / "loud.mp4", sound=True), coloured(tmp_path / "mute.mp4", RED, 30, 10)
    found = run(loud, mute, "-o", tmp_path / "one.mp4")
    assert "The sound is that of loud.mp4, and ends after" in found.stderr
    assert "The sound is that of loud.mp4." in run(loud, loud, "-o", tmp_path / "two.mp4").stderr
    assert "sound is" not in run(mute, mute, "-o", tmp_path / "three.mp4").stderr


def test_sound_is_that_of_the_first(tmp_path: Path) -> None:
    loud, mute = clip(tmp_path / "loud.mp4", sound=True), clip(tmp_path / "mute.mp4")
    for number, clips in enumerate(((loud, mute), (mute, loud), (mute, mute))):
        assert run(*clips, "-o", tmp_path / f"{number}.mp4").exit_code == 0
    assert [open_source(tmp_path / f"{number}.mp4").info.audio for number in range(3)] == ["aac", "aac", None]


def test_a_gif_of_the_same_clips_is_the_same_each_time(tmp_path: Path) -> None:
    clips = coloured(tmp_path / "a.mp4", RED, 4, 10), coloured(tmp_path / "b.mp4", BLUE, 4, 10)
    for name in ("one.gif", "other.gif"):
        assert len(done(*clips, "-o", tmp_path / name)) == 4
    assert (tmp_path / "one.gif").read_bytes() == (tmp_path / "other.gif").read_bytes()


def noisy(path: Path, count: int = 10) -> Path:
    """A clip that no codec finds easy."""
    random = np.random.default_rng(len(path.name))
    images = [random.integers(0, 256, (72, 96, 3), np.uint8) for _ in range(count)]
    write_clip(path, images, count=count, rate=10, width=96, height=72, quality="lossless")
    return path


@pytest.mark.parametrize(("name", "wipe"), [("out.gif", ()), ("out.gif", ("--wipe",)), ("out.mp4", ())])
def test_max_bytes_is_met(tmp_path: Path, name: str, wipe: tuple[str, ...]) -> None:
    clips = noisy(tmp_path / "a.mp4"), noisy(tmp_path / "bb.mp4")
    assert run(*clips, "-o", tmp_path / f"full-{name}", "--no-labels", *wipe).exit_code == 0
    full = (tmp_path / f"full-{name}").stat().st_size
    for share in (0.7, 0.25):
        limit = round(share * full)
        path = tmp_path / f"{share}-{name}"
        found = run(*clips, "-o", path, "--no-labels", "--max-bytes", str(limit), *wipe)
        assert found.exit_code == 0 and path.stat().st_size <= limit
        assert f"{'96' if wipe else '194'}x72 with 10 frames" in found.stderr and "to stay below" in found.stderr
        assert open_source(path).info.duration == 1
    assert len(list(tmp_path.iterdir())) == 5


def test_clips_may_become_an_animated_webp(tmp_path: Path) -> None:
    clips = noisy(tmp_path / "a.mp4"), noisy(tmp_path / "b.mp4")
    assert run(*clips, "-o", tmp_path / "side.webp").exit_code == 0
    info = open_source(tmp_path / "side.webp").info
    assert (info.kind, info.frames, info.duration) == ("animation", 10, 1)
    limit = (tmp_path / "side.webp").stat().st_size // 2
    assert run(*clips, "-o", tmp_path / "less.webp", "--max-bytes", str(limit)).exit_code == 0
    assert (tmp_path / "less.webp").stat().st_size <= limit
    # Of stills there is nothing that could move.
    for name, colour in (("a.png", RED), ("b.png", BLUE)):
        Pillow.fromarray(flat(colour)).save(tmp_path / name)
    stills = (tmp_path / "a.png", tmp_path / "b.png")
    assert run(*stills, "-o", tmp_path / "still.webp").exit_code == 0
    assert open_source(tmp_path / "still.webp").info.kind == "picture"
    assert "this is one picture" in run(*stills, "-o", tmp_path / "x.webp", "--max-bytes", "1MB").stderr
    assert run(*stills, "--wipe", "-o", tmp_path / "wipe.webp").exit_code == 0
    assert open_source(tmp_path / "wipe.webp").info.duration == 4


def test_uneven_times_that_both_have_are_kept(tmp_path: Path) -> None:
    times = tuple(Fraction(k, 10) for k in (0, 1, 4, 5))
    for name, colour in (("a.gif", RED), ("b.gif", BLUE)):
        images = [np.clip(flat(colour).astype(int) + 9 * k, 0, 255).astype(np.uint8) for k in range(4)]
        write_clip(tmp_path / name, images, count=4, rate=8, times=times, duration=Fraction(7, 10), variable=True)
    infos = [open_source(tmp_path / name).info for name in ("a.gif", "b.gif")]
    line = shared_timeline(infos)
    assert line.times == times and line.variable and line.notes == ()
    assert line.thinned(Fraction(1, 2)).times == (0, Fraction(4, 10)), "fewer of them, none that was not there"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("a.mp4",), "two clips"),
        (("a.mp4", "b.mp4", "a.mp4", "--wipe"), "between two"),
        (("a.mp4", "b.mp4", "--label", "one"), "once for each"),
        (("a.mp4", "none.mp4"), "none.mp4"),
    ],
)
def test_mistakes_are_said_and_leave_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a.mp4", "b.mp4"):
        coloured(Path(name), RED, 2, 10)
    found = run(*arguments, "-o", "out.mp4")
    assert found.exit_code in (1, 2) and said in found.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.mp4", "b.mp4"]


def test_nothing_is_replaced_unasked_and_no_clip_ever(tmp_path: Path) -> None:
    one, other = coloured(tmp_path / "a.mp4", RED, 2, 10), coloured(tmp_path / "b.mp4", BLUE, 2, 10)
    before = one.read_bytes()
    assert run(one, other, "-o", one, "--overwrite").exit_code == 2
    assert run(one, other, "-o", tmp_path / "out.png").exit_code == 2
    (tmp_path / "out.mp4").write_text("mine")
    assert run(one, other, "-o", tmp_path / "out.mp4").exit_code == 1
    assert (tmp_path / "out.mp4").read_text() == "mine" and one.read_bytes() == before
    assert run(one, other, "-o", tmp_path / "out.mp4", "--overwrite").exit_code == 0
