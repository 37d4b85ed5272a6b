"""Painting with the command: what it says meanwhile, what can be asked for, and of which pictures."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from calling import FEW, done, image, names, pixels, posix, refused, run, size_of, video
from PIL import Image as Pillow

from pipeline.media import open_source, read_metadata
from reelbrush import stylize_video
from tests.jobs import TABLE, events, paint_picture, pictures

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
    assert not done(image("--quiet")).output, "it is painted already"
    refused(image("--quiet", "--seed", "5"), 1, "o.png", "--overwrite")


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
    ("arguments", "code"), [(("--content-weight", "nan"), 2), (("--start", "zero.png"), 1)], ids=["usage", "failed"]
)
def test_an_error_is_a_json_line_too(here: Path, arguments: tuple[str, ...], code: int) -> None:
    (here / "zero.png").touch()
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
    assert abs(barely_painted("--start", "other.png") - other).max() <= 2
    assert barely_painted("--start", "blank").std() < 2
    noise = barely_painted("--start", "noise", "--seed", "1")
    assert noise.std() > 20
    assert abs(barely_painted("--start", "noise", "--seed", "2") - noise).mean() > 10


def test_frames_may_be_named_by_times_and_are_remembered_as_frames(here: Path, film: Path) -> None:
    times = open_source(film).info.times
    done(video(film, "--frames", f"{float(times[1])}s:{float(times[3])}s"))
    info = open_source(Path("o.mp4")).info
    assert info.frames == 2
    assert json.loads(read_metadata(Path("o.mp4"))["job"])["frames"] == [1, 3]
    again = stylize_video(film, "s.png", "p.mp4", frames="0s:0.01s", device="cpu", steps=3, levels=1, size=32)
    assert open_source(again.outputs[0]).info.frames == 1


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
    said = done(image("--start", "i.gif", content="c.gif", style="s.gif")).stderr
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
    refused(image(content=f"names/no {name}"), 2, f"names/no {name}: there is no such file")
    refused(image(style=f"names/none/{name}"), 2, "no such file")


@posix
def test_a_name_that_begins_with_a_dash_and_one_of_two_lines(here: Path) -> None:
    (here / "c.png").rename(here / "-x.png")
    (here / "s.png").rename(here / "two\nlines.png")
    done(image(content="-x.png", style="two\nlines.png"))
    assert run("image", "-x.png", "-s", "s.png", "-o", "o2.png").exit_code == 2
