"""What a batch makes of bad, odd and changed inputs: each spoils only itself, and says so in plain words."""

from __future__ import annotations

import math
import os
import random
import shutil
import signal
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest
from batch_trials import batch_trial, bytes_of, frames_in, moving_clip
from batches import workers_of
from jobs import TABLE, paint_picture
from media_clips import clip, ffmpeg, images_of, sound_packets
from PIL import Image as Pillow

from pipeline.batch.events import BatchEvent, ItemBegan, ItemEvent
from pipeline.batch.ledger_rows import State
from pipeline.clip.events import FrameDone, Started
from pipeline.media import open_source
from pipeline.media.ffmpeg import address

pytestmark = pytest.mark.heavy
ANEW = {"overwrite": True}

LONG = 24
"""Frames of the clip that is damaged."""


# ---- 8, 9, 10: files that cannot be read, or only in part


def flipped(data: bytes, at: int, count: int = 1) -> bytes:
    """With some bits wrong, from that byte on."""
    broken = bytearray(data)
    for number in range(count):
        broken[at + number * 97] ^= 0x55
    return bytes(broken)


def ill(folder: Path) -> dict[str, str]:
    """Files that are ill in every way, each with a few words of what has to be said of it."""
    whole = clip(folder / "whole.mp4", frames=LONG, size="48x32", sound=True)
    early = folder / "early.mp4"
    ffmpeg("-i", address(whole), "-c", "copy", "-movflags", "+faststart", address(early))
    late, begun = whole.read_bytes(), early.read_bytes()
    moov, mdat = late.find(b"moov"), late.find(b"mdat")
    paint_picture(folder / "picture.png")
    noise = random.Random(5).randbytes(5000)
    damaged = "Copy or download it again"
    bad: dict[str, tuple[bytes, str]] = {
        "no-index.mp4": (late[: len(late) // 2], "cut off before its index was written"),
        "cut-off.mp4": (begun[: len(begun) * 2 // 3], "frames are good before the break"),
        "index-gone.mp4": (flipped(late, moov + 1), damaged),
        "sizes.mp4": (flipped(late, late.find(b"stsz") + 21), damaged),
        "places.mp4": (flipped(late, late.find(b"stco") + 13), damaged),
        "decoder.mp4": (flipped(late, late.find(b"avcC") + 8), damaged),
        "packets.mp4": (flipped(late, mdat + 900, 20), damaged),
        "empty.mp4": (b"", "the file is empty (0 bytes)"),
        "empty.png": (b"", "the file is empty (0 bytes)"),
        "noise.mp4": (noise, "not a video or a picture that can be read"),
        "noise.gif": (noise, "not a video or a picture that can be read"),
        "letter.jpg": (b"Dear all, ...", "not a picture that can be read"),
        "half.png": ((folder / "picture.png").read_bytes()[:900], "damaged or cut off"),
    }
    for name, (data, _) in bad.items():
        (folder / name).write_bytes(data)
    for number, at in enumerate(range(mdat + 8, moov, (moov - mdat) // 4)):
        (folder / f"bit{number}.mp4").write_bytes(flipped(late, at))
    ffmpeg("-f", "lavfi", "-i", "sine=duration=1", address(folder / "tone.mp4"))
    early.unlink()
    return {**{name: words for name, (_, words) in bad.items()}, "tone.mp4": "sound only"}


def test_damaged_files_are_named_with_what_to_do_and_the_others_are_painted(tmp_path: Path) -> None:
    one = batch_trial(tmp_path)
    expected = ill(one.inputs)
    done = one.command("--json")
    assert done.returncode == 3
    rows = one.rows()
    assert one.left() == sorted(name for name, row in rows.items() if row.state is State.DONE)
    assert {"picture-ink.png", "whole-ink.mp4"} <= set(one.left())
    # A wrong bit somewhere in the packets may do no harm that a decoder sees; but half a clip is never painted.
    assert {frames_in(path) for path in one.out.glob("*.mp4")} == {LONG}
    for name, words in expected.items():
        row = rows[f"{Path(name).stem}-ink{Path(name).suffix}"]
        assert row.state is State.FAILED
        assert row.error is not None
        assert str(one.inputs / name) in row.error
        assert words in row.error, row.error
        assert "\n" not in row.error
        # It is said before anything is painted, and whoever reads the end of the log finds every one of them.
        why = row.error.removeprefix(f"{one.inputs / name}: ")
        begin, _, end = done.stderr.partition("done in")
        assert any(name in line and line.endswith(why) for line in begin.splitlines() + end.splitlines())
        assert row.name in end.partition("for the reasons above: ")[2]


# ---- 11: one bad clip among five


def test_one_bad_clip_among_five_fails_alone_and_is_painted_once_it_is_mended(tmp_path: Path) -> None:
    one = batch_trial(tmp_path)
    for number, stem in enumerate("abcde"):
        moving_clip(one.inputs / f"{stem}.mp4", seed=number)
    good = (one.inputs / "c.mp4").read_bytes()
    (one.inputs / "c.mp4").write_bytes(good[: len(good) // 2])
    first = one.command()
    assert first.returncode == 3
    assert one.left() == ["a-ink.mp4", "b-ink.mp4", "d-ink.mp4", "e-ink.mp4"]
    printed = [line for line in first.stderr.splitlines() if ": c.mp4: " in line]
    assert any("Copy or download it again" in line for line in printed)
    painted = bytes_of(one.out, *one.left())

    (one.inputs / "c.mp4").write_bytes(good)
    second = one.here()
    assert (second.begun, second.outcome.exit_code) == (["c-ink.mp4"], 0)
    assert frames_in(one.out / "c-ink.mp4") == 4
    assert bytes_of(one.out, *painted) == painted
    assert len(one.left()) == 5


def test_where_nothing_can_be_painted_the_exit_code_says_so(tmp_path: Path) -> None:
    one = batch_trial(tmp_path)
    (one.inputs / "a.mp4").write_bytes(b"")
    assert one.command().returncode == 1
    assert one.left() == []


# ---- 12: settings, inputs or results that have changed since


def stop_at(name: str) -> Callable[[BatchEvent], None]:
    """Ends the driver as soon as it hears that a worker is at that painting."""

    def stop(event: BatchEvent) -> None:
        if isinstance(event, ItemEvent) and isinstance(event.event, Started) and event.name == name:
            raise KeyboardInterrupt

    return stop


def test_changed_settings_paint_again_and_the_old_result_stays_until_the_new_one_is_whole(tmp_path: Path) -> None:
    one = batch_trial(tmp_path)
    moving_clip(one.inputs / "a.mp4")
    paint_picture(one.inputs / "b.png")
    one.here()
    names = one.left()
    old = bytes_of(one.out, *names)
    seen: list[tuple[str, bytes]] = []

    def look(event: BatchEvent) -> None:
        if isinstance(event, ItemEvent) and isinstance(event.event, FrameDone):
            seen.append((event.name, (one.out / event.name).read_bytes()))

    again = one.here(steps=5, on_event=look, run_options=ANEW)
    assert again.outcome.exit_code == 0
    assert again.begun == names == ["a-ink.mp4", "b-ink.png"]
    assert one.left() == names
    new = bytes_of(one.out, *names)
    # The worker may have gone on since it told of the frame.
    assert {name for name, _ in seen} == set(names) and all(found in (old[name], new[name]) for name, found in seen)
    assert all(new[name] != old[name] for name in names)
    assert one.here(steps=5).begun == []


def test_only_what_has_changed_is_painted_again(tmp_path: Path) -> None:
    one = batch_trial(tmp_path)
    moving_clip(one.inputs / "a.mp4")
    for number, stem in enumerate("bcd"):
        paint_picture(one.inputs / f"{stem}.png", seed=number)
    job = tmp_path / "job.toml"
    text = (
        'inputs = ["in"]\nstyles = ["ink.png"]\noutput = "out"\n'
        f"[defaults]\n{TABLE}levels = 1\npasses = 1\nsteps = 3\ncarried_steps = 2\n"
        '[[item]]\ninput = "in/b.png"\nsteps = 2\n'
    )
    job.write_text(text)
    one.here(job)
    old = bytes_of(one.out, *one.left())

    job.write_text(text.replace("steps = 2\n", "steps = 4\n").replace("carried_steps = 4", "carried_steps = 2"))
    # Another file under the same name; and one that was only saved anew, and holds what it held.
    paint_picture(one.inputs / "c.png", seed=30)
    os.utime(one.inputs / "d.png", (1, 1))
    assert one.here(job, run_options=ANEW).begun == ["b-ink.png", "c-ink.png"]
    new = bytes_of(one.out, *one.left())
    assert {name for name in new if new[name] != old[name]} == {"b-ink.png", "c-ink.png"}

    # Another style is another painting of everything.
    paint_picture(one.style, seed=40)
    assert [row.what for row in one.here(job, dry_run=True).planned.rows] == ["paint anew"] * 4


def test_a_result_that_somebody_has_edited_is_not_replaced(tmp_path: Path) -> None:
    one = batch_trial(tmp_path)
    for number, stem in enumerate("ab"):
        paint_picture(one.inputs / f"{stem}.png", seed=number)
    one.here()
    edited = paint_picture(one.out / "a-ink.png", seed=50).read_bytes()
    for options in ({}, {"steps": 5}):
        again = one.here(**options, dry_run=True)
        (name, error), *others = again.planned.failed
        assert (name, others) == ("a-ink.png", [])
        assert str(one.out / "a-ink.png") in error
        assert "--overwrite" in error
    assert one.here().outcome.exit_code == 3
    assert (one.out / "a-ink.png").read_bytes() == edited
    assert one.here(run_options={"overwrite": True}).begun == ["a-ink.png"]
    assert (one.out / "a-ink.png").read_bytes() != edited


def test_what_somebody_puts_where_a_painting_is_under_way_is_not_replaced(tmp_path: Path) -> None:
    one = batch_trial(tmp_path)
    paint_picture(one.inputs / "a.png")
    with pytest.raises(KeyboardInterrupt):
        one.here(on_event=stop_at("a-ink.png"))
    own = paint_picture(one.out / "a-ink.png", seed=50).read_bytes()
    again = one.here()
    assert again.outcome.exit_code == 1
    assert "--overwrite" in again.planned.failed[0][1]
    assert (one.out / "a-ink.png").read_bytes() == own


def test_interrupted_while_it_paints_again_it_knows_its_old_results(tmp_path: Path) -> None:
    one = batch_trial(tmp_path)
    for number, stem in enumerate("abc"):
        paint_picture(one.inputs / f"{stem}.png", seed=number)
    one.here()
    old = bytes_of(one.out, *one.left())

    with pytest.raises(KeyboardInterrupt):
        one.here(steps=5, on_event=stop_at("b-ink.png"), run_options=ANEW)
    # A third wish, while there are results of the first and of the second one.
    again = one.here(steps=6, run_options=ANEW)
    assert again.outcome.exit_code == 0
    assert again.begun == one.left() == ["a-ink.png", "b-ink.png", "c-ink.png"]
    new = bytes_of(one.out, *one.left())
    assert all(new[name] != old[name] for name in new)


def test_what_is_finished_stays_finished_and_an_old_result_is_not_taken_for_a_new_one(tmp_path: Path) -> None:
    one = batch_trial(tmp_path)
    sources = [paint_picture(one.inputs / f"{stem}.png", seed=number) for number, stem in enumerate("ab")]
    one.here()
    old = bytes_of(one.out, "a-ink.png", "b-ink.png")
    kept = sources[1].read_bytes()
    # For a while, one input is another picture and one cannot be read.
    paint_picture(sources[0], seed=30)
    sources[1].write_bytes(b"")

    def stop(event: BatchEvent) -> None:
        # Not later: a worker that has it could finish it before the driver hears of that and ends the worker.
        if isinstance(event, ItemBegan) and event.name == "a-ink.png":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        one.here(on_event=stop, run_options=ANEW)
    assert one.rows()["b-ink.png"].state is State.FAILED
    assert bytes_of(one.out, *old) == old

    sources[1].write_bytes(kept)
    again = one.here(run_options=ANEW)
    assert (again.begun, again.outcome.exit_code) == (["a-ink.png"], 0)
    assert (one.out / "a-ink.png").read_bytes() != old["a-ink.png"]
    assert (one.out / "b-ink.png").read_bytes() == old["b-ink.png"]
    assert one.rows()["b-ink.png"].error is None


# ---- 16: a worker that dies


def test_a_worker_that_dies_again_and_again_fails_only_its_painting(tmp_path: Path) -> None:
    one = batch_trial(tmp_path)
    for stem in "abc":
        moving_clip(one.inputs / f"{stem}.mp4")
    killed: list[int] = []

    def kill(event: BatchEvent) -> None:
        if isinstance(event, ItemEvent) and event.name == "b-ink.mp4" and isinstance(event.event, Started):
            # As the kernel does where memory runs out.
            killed.extend(workers_of(tmp_path))
            os.kill(killed[-1], signal.SIGKILL)

    first = one.here(on_event=kill)
    # A frame that was finished in between gives it new tries.
    assert len(killed) == len(set(killed)) >= 3
    assert (first.outcome.done, first.outcome.failed, first.outcome.exit_code) == (2, 1, 3)
    assert list(first.errors) == ["b-ink.mp4"]
    for words in ("3 times", "SIGKILL", "memory", "fewer workers"):
        assert words in first.errors["b-ink.mp4"]
    assert not (one.out / "b-ink.mp4").exists()

    again = one.here()
    assert again.outcome.exit_code == 0
    assert again.begun == ["b-ink.mp4"]
    assert one.left() == ["a-ink.mp4", "b-ink.mp4", "c-ink.mp4"]
    for image, wanted in zip(*(images_of(one.out / f"{stem}-ink.mp4") for stem in "ba"), strict=True):
        assert (image == wanted).all()


# ---- 17: losses that are no numbers


def test_a_loss_that_is_no_number_fails_alone_and_an_explosion_is_finished(tmp_path: Path) -> None:
    one = batch_trial(tmp_path)
    # From dark to bright: in the style of its first frame, the second shot has a loss and the first one nearly none.
    moving_clip(one.inputs / "m.mp4", frames=6, cuts=(0, 3))
    Pillow.fromarray(images_of(one.inputs / "m.mp4")[0]).save(tmp_path / "dark.png")
    job = tmp_path / "job.toml"
    job.write_text(
        'styles = ["ink.png"]\noutput = "out"\n'
        f"[defaults]\n{TABLE}levels = 1\npasses = 1\nsteps = 3\ncarried_steps = 2\n"
        '[[item]]\ninput = "in/m.mp4"\noutput = "nan.mp4"\nstyle = "dark.png"\nrecolour = 0\nstyle_weight = 1e37\n'
        'clip_palette = 0\nstart = "content"\n'
        '[[item]]\ninput = "in/m.mp4"\noutput = "far.mp4"\nstyle_weight = 1e38\nclip_palette = 0\nstart = "content"\n'
        '[[item]]\ninput = "in/m.mp4"\noutput = "wild.mp4"\noptimizer = "adam"\nlearning_rate = 10\n'
        "style_weight = 1e4\nsteps = 6\ncarried_steps = 6\n"
        '[[item]]\ninput = "in/m.mp4"\noutput = "well.mp4"\n'
    )
    first = one.here(job)
    assert first.outcome.exit_code == 3
    assert sorted(first.errors) == ["far.mp4", "nan.mp4"]
    for error in first.errors.values():
        assert "not a finite number" in error
        assert "style" in error
        assert error.startswith(f"{one.inputs / 'm.mp4'}: Frame ")
    assert [f"Frame {first_of} cannot be painted" in first.errors[name]
            for name, first_of in (("far.mp4", 0), ("nan.mp4", 3))] == [True, True]  # fmt: skip
    reported = [(event.name, event.event) for event in first.events if isinstance(event, ItemEvent)]
    frames = [(name, event) for name, event in reported if isinstance(event, FrameDone)]
    # One fails at its first frame, the other one at the cut.
    assert [name for name, _ in frames].count("far.mp4") == 0
    assert [name for name, _ in frames].count("nan.mp4") == 3
    # Steps that explode are undone: what comes out is the best that was seen.
    wild = [event.losses["total"] for name, event in frames if name == "wild.mp4"]
    assert len(wild) == 6 and all(map(math.isfinite, wild))
    assert {frames_in(one.out / name) for name in ("well.mp4", "wild.mp4")} == {6}
    assert not any((one.out / name).exists() for name in first.errors)

    # The same again would come to the same, unless it is asked for.
    again = one.here(job)
    assert (again.begun, again.outcome.exit_code) == ([], 3)
    for name, error in again.planned.failed:
        assert error == first.errors[name]
        assert "The same command leaves it alone until its input or its settings change" in error
        assert "--retry-failed tries it as it is" in error
    assert sorted(one.here(job, run_options={"retry_failed": True}).errors) == ["far.mp4", "nan.mp4"]


# ---- 19: clips with times, sizes and sounds of their own


def odd_clips(folder: Path) -> dict[str, Fraction]:
    """Clips that are easily painted at another length, and how long each is."""
    clip(folder / "ntsc.mp4", frames=7, rate="24000/1001", size="48x32", sound=True)
    clip(folder / "odd.mkv", frames=5, size="51x35", extra=("-c:v", "ffv1"))
    clip(folder / "silent.mov", frames=5, rate="30", size="48x32")
    ffmpeg(
        *("-f", "lavfi", "-i", "testsrc2=size=48x32:rate=25", "-frames:v", "9"),
        *("-vf", "settb=1/1000,setpts='N*40+gte(N,3)*300+gte(N,6)*500'", "-fps_mode", "passthrough"),
        *("-enc_time_base", "1/1000", "-bf", "0", "-pix_fmt", "yuv420p", address(folder / "uneven.mp4")),
    )
    plain = clip(folder.parent / "plain.mp4", frames=5, size="48x32")
    ffmpeg("-display_rotation", "90", "-i", address(plain), "-c", "copy", address(folder / "turned.mp4"))
    ffmpeg(
        *("-i", address(plain), "-f", "lavfi", "-i", "sine=frequency=440:duration=3", "-c:v", "copy"),
        address(folder / "long-sound.mp4"),
    )
    ffmpeg("-i", address(plain), "-vf", "fps=20", address(folder / "dance.gif"))
    return {path.name: open_source(path).info.duration for path in folder.iterdir()}


def test_every_clip_keeps_its_duration_its_shape_and_its_sound(tmp_path: Path) -> None:
    one = batch_trial(tmp_path)
    durations = odd_clips(one.inputs)
    done = one.here(gif=True)
    assert done.outcome.exit_code == 0
    for name, duration in durations.items():
        source = open_source(one.inputs / name).info
        painted = open_source(one.out / f"{Path(name).stem}-ink{Path(name).suffix}").info
        assert (painted.frames, painted.duration) == (source.frames, duration), name
        assert painted.times == source.times, name
        assert (painted.width, painted.height, painted.rate) == (source.width, source.height, source.rate), name
        assert bool(painted.audio) == bool(source.audio), name
        beside = open_source(one.out / f"{Path(name).stem}-ink.gif").info
        # The delays of a GIF are whole hundredths of a second.
        assert abs(beside.duration - duration) <= Fraction(1, 100), name
    assert durations["ntsc.mp4"] == Fraction(7 * 1001, 24000)
    assert (open_source(one.out / "turned-ink.mp4").info.width, durations["silent.mov"]) == (32, Fraction(1, 6))
    last, *_ = sound_packets(one.out / "long-sound-ink.mp4")[-1]
    assert last > 2.9


# ---- 20: hostile names


HOSTILE = (
    "two words.mp4",
    "%03d.mp4",
    "-y.mp4",
    "夜の海 é.mp4",
    "line\nbreak.mp4",
    "[red]loud[bold].mp4",
    "[/red].mp4",
    "a:0.5.png",
    "{stem}.png",
    "a+b.png",
    "*.png",
    "~.png",
    "x" * 240 + ".mp4",
    "same.mp4",
    "same.avi",
    "quote'\"$(id).png",
    "#?&.png",
    # Bytes that are no text.
    os.fsdecode(b"caf\xe9.mp4"),
    os.fsdecode(b"caf\xe9.png"),
)


def test_hostile_names_are_painted_found_again_and_shown_as_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = batch_trial(tmp_path / "a [bold]folder[b] %d", style_name="[i]x:0.5.png")
    whole = {
        ".mp4": moving_clip(tmp_path / "clip.mp4", frames=2),
        ".avi": clip(tmp_path / "clip.avi", frames=2, size="48x32"),
        ".png": paint_picture(tmp_path / "picture.png"),
    }
    for name in HOSTILE:
        (one.inputs / name).parent.mkdir(exist_ok=True)
        shutil.copyfile(whole[Path(name).suffix], one.inputs / name)
    for name in ("[blue]bad.png", os.fsdecode(b"b\xe4d.png")):
        (one.inputs / name).write_bytes(b"")
    first = one.command()
    assert first.returncode == 3
    names = one.left()
    assert len(names) == len(HOSTILE)
    stems = ["two words", "%03d", "-y", "夜の海 é", "line\nbreak", "[red]loud[bold]", "[/red]", "same.mp4", "same.avi"]
    for stem in stems:
        assert f"{stem}-[i]x:0.5.mp4" in names
        # Nothing is taken for markup, and nothing breaks a line.
        assert f"{stem}-[i]x:0.5.mp4: done".replace("\n", r"\n") in first.stderr
    assert "cannot be painted: [blue]bad.png, b\ufffdd.png: the file is empty" in first.stderr
    assert {frames_in(one.out / name) for name in names if not name.endswith(".png")} == {2}
    before = bytes_of(one.out, *names)

    again = one.here()
    assert (again.begun, again.outcome.done, again.outcome.failed) == ([], len(HOSTILE), 2)
    # Each named by itself, in its folder.
    monkeypatch.chdir(one.inputs)
    named = one.here(*(Path(name) for name in HOSTILE if "/" not in name))
    assert (named.begun, named.outcome.failed) == ([], 0)
    assert bytes_of(one.out, *one.left()) == before
