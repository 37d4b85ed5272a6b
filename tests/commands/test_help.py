"""What the command says of itself: help, completion, version, presets, the machine."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, get_type_hints

import pytest
import torch
import typer
from calling import FEW, done, one_line, run

import cli
from pipeline.commands.painting import OF_A_PICTURE
from pipeline.options import PANELS, option_of
from pipeline.settings import PRESETS, Settings, read_config, resolve
from reelbrush import __version__, stylize_image, stylize_video
from tests.jobs import ROOT, environment, events, paint_picture

# ---- help


def walk(command: Any, name: str = "") -> dict[str, Any]:
    """Every command below one, by its name: 'figure weights'."""
    below = {key: walk(one, f"{name} {key}".strip()) for key, one in getattr(command, "commands", {}).items()}
    return {name: command} | {key: one for some in below.values() for key, one in some.items()}


COMMANDS = walk(typer.main.get_command(cli.app))
GROUPS = {"", "weights", "figure"}


def options(command: str) -> dict[str, Any]:
    """What typer knows of each option of a command, by its long name."""
    found = [one for one in COMMANDS[command].params if one.param_type_name == "option"]
    return {one.opts[0].removeprefix("--").replace("-", "_"): one for one in found}


@pytest.mark.parametrize("command", COMMANDS)
def test_help_fits_80_columns_and_cuts_nothing_short(command: str) -> None:
    text = done(run(*command.split(), "--help")).stdout
    assert done(run(*command.split(), "-h")).stdout == text
    assert max(len(line) for line in text.splitlines()) <= 80
    assert "..." not in re.sub(r"\]?\}?\.\.\.\n|\[ARGS\]\.\.\.", "", text)
    for line in text.splitlines():
        if re.match(r"\s+-", line):
            assert re.search(r"\S\s\s+\S", line), f"nothing is said about {line}"


@pytest.mark.parametrize("command", sorted(set(COMMANDS) - GROUPS))
def test_every_option_is_told_once_under_a_heading(command: str) -> None:
    params = COMMANDS[command].params
    said = [one.help for one in params]
    assert all(len(text) > 10 and (text[-1] in ".])" or ": " in text) for text in said), said
    assert len(set(said)) == len(said), "two say the same"
    for one in params:
        assert one.param_type_name == "argument" or one.rich_help_panel in PANELS
    text = run(*command.split(), "--help").stdout
    headings = re.findall(r"^(\w+):$", text, re.MULTILINE)
    known = ["Arguments", *PANELS, "Examples"]
    assert headings == sorted(set(headings), key=known.index)


def test_long_helps_end_with_examples_that_can_be_typed() -> None:
    for command in set(COMMANDS) - GROUPS:
        for line in (COMMANDS[command].epilog or "").splitlines():
            words = line.partition(" > ")[0].split()[1:]
            name = next(" ".join(words[:many]) for many in (2, 1) if " ".join(words[:many]) in COMMANDS)
            assert name == command
            known = {flag for one in COMMANDS[command].params for flag in one.opts}
            assert {word for word in words if word.startswith("-") and word != "-"} <= known
    for command in ("video", "image", "batch", "preview", "compare"):
        assert 2 <= len(COMMANDS[command].epilog.splitlines()) <= 3


@pytest.mark.parametrize("command", ["image", "video", "batch"])
def test_help_of_a_setting_says_what_the_settings_say(command: str) -> None:
    said, standard = options(command), resolve()
    own = [name for name in said if name in Settings.__dataclass_fields__ and name != "preset"]
    assert len(own) >= 8
    for name in own:
        meta = option_of(Settings.__dataclass_fields__[name])
        assert meta is not None
        about = OF_A_PICTURE.get(name, meta.about) if command == "image" else meta.about
        assert said[name].help.startswith(about)
        assert f"[preset standard: {getattr(standard, name)}]" in said[name].help
        for choice in meta.choices:
            assert choice in said[name].help
    assert all(name in said["preset"].help for name in PRESETS)


def test_image_and_video_share_their_options() -> None:
    """Only what makes no sense for the other is on one of them alone."""
    assert set(options("image")) - set(options("video")) == {
        "story", "story_frames", "story_size", "panels", "curve", "accept", "format",
    }  # fmt: skip
    assert set(options("video")) - set(options("image")) == {
        "gif", "frames", "fps", "codec", "quality", "carry", "flow", "temporal_weight", "passes", "loop", "cuts",
        "carried_steps", "budget", "finish_by", "hdr", "audio", "shortest", "location", "gif_size", "gif_fps",
        "exemplar", "keyframe",
    }  # fmt: skip


def test_the_python_calls_take_what_the_options_set() -> None:
    """A new option that is forgotten in the library call would do nothing."""
    ours = set(Settings.__dataclass_fields__)
    for command, call in (("image", stylize_image), ("video", stylize_video)):
        story = {"story", "story_frames", "story_size", "panels", "curve", "max_bytes", "keep"}
        known = ours | set(get_type_hints(call)) | story
        # An option that switches something off has the name of what it switches off; what is given several times at
        # once is called so.
        assert {name.removeprefix("no_").replace("keyframe", "keyframes") for name in options(command)} - known <= {
            "config",
            "set",
            "quiet",
            "json",
            "format",
            "live",
        }


@pytest.mark.parametrize("command", sorted(set(COMMANDS) - GROUPS))
def test_what_is_no_number_is_refused_in_one_paragraph(command: str) -> None:
    needed = [one for one in COMMANDS[command].params if one.required]
    words = [
        word for one in needed for word in ([] if one.param_type_name == "argument" else [one.opts[0]]) + ["x.png"]
    ]
    for one in COMMANDS[command].params:
        if one.metavar in ("<int>", "<float>"):
            told = run(*command.split(), *words, one.opts[0], "many")
            assert told.exit_code == 2 and "Traceback" not in told.stderr
            assert told.stderr.splitlines()[-1].startswith(f"Error: {one.opts[0]} has to be a")


@pytest.mark.parametrize("command", ["image", "figure losses", "figure weights"])
def test_help_of_a_picture_says_nothing_of_what_only_clips_have(command: str) -> None:
    said = options(command)
    for name in ("region", "protect", "steps", "start", "depth", "alpha", "size", "strength", "aspect"):
        if name in said:
            assert not re.search(r"\bclip|\bshot|motion|@12|folder", said[name].help), name
    assert not re.search(r"\.png|a picture but", options("video")["alpha"].help + options("video")["depth"].help)


def test_no_two_helps_begin_alike_and_each_shows_its_own_command() -> None:
    """The first paragraph tells a stranger which of the commands it is, in a sentence of its own."""
    told = {name: (COMMANDS[name].help or "").split("\n\n")[0] for name in sorted(set(COMMANDS) - GROUPS)}
    firsts = [text.split(".")[0] for text in told.values()]
    assert all(firsts) and len(set(firsts)) == len(firsts)
    for name in ("video", "image", "batch"):
        assert "If it is interrupted, give the same command again" in one_line(COMMANDS[name].help)
    assert all("in the style of a painting" in told[name] for name in ("video", "image"))
    assert all(COMMANDS[name].epilog for name in told if any(one.required for one in COMMANDS[name].params))


def test_help_of_a_picture_names_no_ending_of_a_video() -> None:
    told = " ".join(done(run("image", "--help")).stdout.split())
    alpha = told[told.index("--alpha") : told.index("--overwrite")]
    assert ".png, .webp or .tif" in alpha and ".mov" not in alpha and "video" not in alpha
    of_clips = " ".join(done(run("video", "--help")).stdout.split())
    assert ".mov" in of_clips[of_clips.index("--alpha") :]


# ---- completion


@pytest.mark.parametrize("shell", ["bash", "zsh"])
@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("video --preset ", set(PRESETS)),
        ("video --codec h", {"h264", "h265"}),
        ("image --optimizer ", {"adam", "lbfgs"}),
        ("batch --flow raft", {"raft", "raft-small"}),
        ("image --start no", {"noise"}),
        ("video --quality ", {"visual", "small", "lossless"}),
        ("replay --device c", {"cuda", "cpu"}),
        ("video --set clip", {"clip_palette="}),
        ("presets f", {"fine"}),
    ],
)
def test_values_complete_in_the_shell(shell: str, typed: str, offered: set[str]) -> None:
    line = f"reelbrush {typed}"
    env = {
        "_REELBRUSH_COMPLETE": f"complete_{shell}",
        "COMP_WORDS": line, "COMP_CWORD": str(len(line.split(" ")) - 1), "_TYPER_COMPLETE_ARGS": line,
    }  # fmt: skip
    answer = subprocess.run(
        [sys.executable, str(ROOT / "cli.py")], capture_output=True, text=True, env=environment(**env), check=False
    ).stdout
    quoted = r'^(?:_arguments.*\(\()?"([\w=-]+)"'
    found = answer.split() if shell == "bash" else re.findall(quoted, answer, re.MULTILINE)
    assert set(found) == offered


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
