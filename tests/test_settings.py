"""Settings: every preset complete, every key checked, every text read back as it was."""

from __future__ import annotations

import re
from dataclasses import FrozenInstanceError, fields
from pathlib import Path
from typing import Any

import pytest

import reelbrush
from pipeline.errors import SettingsError
from pipeline.network.base import StackPlan
from pipeline.network.vgg import BLOCKS
from pipeline.settings import (
    DEFAULT_PRESET,
    PRESETS,
    Settings,
    about,
    checked,
    known,
    read_assignment,
    read_config,
    read_toml,
    resolve,
)

VGG19 = StackPlan("vgg19", BLOCKS, (0, 0, 0), (1, 1, 1))
everything = pytest.mark.parametrize("preset", PRESETS)


def config(folder: Path, text: str) -> Path:
    path = folder / "job.toml"
    path.write_text(text, encoding="utf-8")
    return path


# ---- presets


def test_the_presets() -> None:
    assert list(PRESETS) == ["draft", "standard", "fine", "gatys2016", "classic"]
    assert DEFAULT_PRESET == "standard"
    assert all(text.endswith(".") for text in PRESETS.values())


@everything
def test_every_preset_is_complete(preset: str) -> None:
    settings = resolve(preset)
    assert settings.preset == preset
    there = {f"{kind}{suffix}" for suffix, _, _ in VGG19.convolutions for kind in ("conv", "relu")}
    for layers in (settings.content_layers, settings.style_layers):
        assert layers
        assert {layer for layer, _ in layers} <= there
    for field in fields(Settings):
        if field.name != "preset":
            value = getattr(settings, field.name)
            assert checked(field.name, value) == value
            assert type(value) is type(field.default)


@everything
def test_toml_brings_the_same_settings_back(preset: str, tmp_path: Path) -> None:
    settings = resolve(
        preset,
        {"seed": 7, "tv_weight": 1e-07, "style_layers": "relu2_1:0.3,relu1_1", "cuts": "24,57", "long_term": "1,2"},
    )
    for comments in (False, True):
        values = read_config(config(tmp_path, settings.as_toml(comments=comments)))
        assert values.pop("preset") == preset
        assert resolve(preset, values) == settings
    plain = resolve()
    other = "standard" if preset != "standard" else "draft"
    values = read_config(config(tmp_path, plain.as_toml()))
    own = {name: value for name, value in values.items() if name != "preset"}
    again = resolve(other, own)  # a complete file leaves nothing to the preset it is laid over
    assert {f.name: getattr(again, f.name) for f in fields(Settings) if f.name in own} == {
        f.name: getattr(plain, f.name) for f in fields(Settings) if f.name in own
    }


def test_toml_with_comments_explains_every_setting() -> None:
    text = resolve().as_toml(comments=True)
    for field in fields(Settings):
        assert f"# {about(field.name)}" in text
        assert re.search(rf"^{field.name} = ", text, re.MULTILINE)


def test_gatys2016_as_gatys_released_it() -> None:
    settings = resolve("gatys2016")
    assert settings.optimizer == "lbfgs"
    assert settings.pooling == "average"
    assert (settings.statistic, settings.normalisation) == ("gram", "released")
    assert (settings.content_weight, settings.style_weight) == (1, 1)
    # Caffe rectifies in place: what the paper calls conv4_2 is relu4_2 here.
    assert settings.content_layers == (("relu4_2", 1.0),)
    assert settings.style_layers == tuple((f"relu{block}_1", 1.0) for block in range(1, 6))
    assert (settings.start, settings.steps) == ("content", 500)
    assert (settings.levels, settings.tv_weight, settings.temporal_weight) == (1, 0, 0)


def test_classic_as_the_notebooks_have_it() -> None:
    settings = resolve("classic")
    assert (settings.optimizer, settings.learning_rate, settings.averaging) == ("adam", 0.003, 0)
    assert (settings.content_weight, settings.style_weight, settings.tv_weight) == (1, 1e6, 0)
    assert (settings.statistic, settings.normalisation, settings.pooling) == ("gram", "notebook", "max")
    assert [weight for _, weight in settings.style_layers] == [1, 0.75, 0.2, 0.2, 0.2]
    assert settings.content_layers == (("relu4_2", 1.0),)
    assert (settings.steps, settings.start) == (20000, "content")


@everything
def test_every_frame_is_moved_and_ours_are_held_to_those_before(preset: str) -> None:
    """The temporal loss has a weight of its own in our presets only: those of others do not know it."""
    settings = resolve(preset)
    ours = preset not in {"gatys2016", "classic"}
    assert (settings.carry, settings.cuts) == ("warped", "auto")
    assert (settings.temporal_weight > 0, settings.clip_palette > 0) == (ours, ours)
    assert settings.long_term == ((1, 2, 4, 8) if ours else (1,))


def test_unknown_presets_are_named() -> None:
    with pytest.raises(SettingsError, match=r"no preset 'standart' \(did you mean 'standard'\?\).*draft"):
        resolve("standart")
    with pytest.raises(SettingsError, match=r"no preset 'ultra'\. Presets: draft, standard"):
        resolve("ultra")


def test_settings_are_frozen_and_hashable() -> None:
    settings = resolve()
    with pytest.raises(FrozenInstanceError):
        settings.steps = 3  # type: ignore[misc]
    assert len({settings, resolve(), resolve("draft")}) == 2


def test_overrides_win_and_leave_the_preset_alone() -> None:
    before = resolve()
    changed = resolve(overrides={"steps": 3, "start": "blank"})
    assert (changed.steps, changed.start, changed.size) == (3, "blank", before.size)
    assert resolve() == before


def test_weights_of_nothing_but_zero_are_refused() -> None:
    zero = {"content_weight": 0, "style_weight": 0, "tv_weight": 0}
    with pytest.raises(SettingsError, match="nothing to paint"):
        resolve(overrides=zero)
    assert resolve(overrides={**zero, "style_weight": 1}).style_weight == 1


# ---- unknown keys, wherever they stand


def test_an_unknown_key_in_a_library_call_names_the_nearest() -> None:
    with pytest.raises(SettingsError, match=r"no setting 'style_wieght' \(did you mean 'style_weight'"):
        resolve(overrides={"style_wieght": 1})
    with pytest.raises(SettingsError, match="did you mean 'style_weight'"):
        reelbrush.stylize_image("a.png", "b.png", style_wieght=1)


def test_an_unknown_key_in_a_file_names_file_and_nearest(tmp_path: Path) -> None:
    path = config(tmp_path, "learning_rat = 0.1\n")
    with pytest.raises(SettingsError, match=r"job\.toml.*'learning_rat' \(did you mean 'learning_rate'"):
        read_config(path)


def test_an_unknown_key_in_an_assignment_names_the_nearest() -> None:
    with pytest.raises(SettingsError, match=r"'tolerence' \(did you mean 'tolerance'"):
        read_assignment("tolerence=0.1")
    with pytest.raises(SettingsError, match="NAME=VALUE"):
        read_assignment("tolerance")


def test_a_name_like_nothing_gets_no_wild_guess() -> None:
    with pytest.raises(SettingsError) as caught:
        known("xyzzy")
    assert "did you mean" not in str(caught.value)


# ---- values


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("steps", 5, 5),
        ("steps", "5", 5),
        ("steps", 5.0, 5),
        ("style_weight", 3, 3.0),
        ("style_weight", "1e6", 1e6),
        ("content_weight", 0, 0.0),
        ("size", 0, 0),
        ("optimizer", "lbfgs", "lbfgs"),
        ("cuts", " AUTO", "auto"),
        ("cuts", "none", "none"),
        ("cuts", "57, 24,24,", "24,57"),
        ("cuts", [24, 57], "24,57"),
        ("cuts", 24, "24"),
        ("long_term", "1,2,4", (1, 2, 4)),
        ("long_term", [4, 1, 2], (1, 2, 4)),
        ("long_term", 1, (1,)),
    ],
)
def test_values_take_the_type_of_the_setting(name: str, value: Any, expected: Any) -> None:
    found = checked(name, value)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("steps", 0, "at least 1"),
        ("steps", 2.5, "whole number"),
        ("steps", True, "whole number"),
        ("steps", "many", "whole number"),
        ("steps", None, "whole number"),
        ("steps", [3], "whole number"),
        ("style_weight", -1, "at least 0"),
        ("style_weight", float("nan"), "number"),
        ("style_weight", "inf", "number"),
        ("style_weight", True, "number"),
        ("averaging", 1, "from 0 to 0.9999"),
        ("size", 20000, "from 0 to 16384"),
        ("seed", 10**19, "from 0 to"),
        ("seed", -1, "from 0 to"),
        ("optimizer", "sgd", "adam, lbfgs"),
        ("optimizer", "lbgfs", "did you mean 'lbfgs'"),
        ("optimizer", 3, "adam, lbfgs"),
        ("start", ["content"], "content, noise, blank"),
        ("cuts", "never", "auto, none or a list.*such as 1,2,4.*'never'"),
        ("cuts", "24;57", "such as"),
        ("cuts", "", "such as"),
        ("cuts", [], "at least one"),
        ("cuts", True, "such as"),
        ("cuts", "-3", "at least 0"),
        ("cuts", "1.5", "whole number"),
        ("long_term", "auto", "a list of whole numbers"),
        ("long_term", "0,1", "from 1 to 64"),
        ("long_term", {"relu1_1": 1}, "a list of whole numbers"),
    ],
)
def test_impossible_values_are_refused_with_what_is_possible(name: str, value: Any, message: str) -> None:
    with pytest.raises(SettingsError, match=f"{name}.*{message}"):
        checked(name, value)


@pytest.mark.parametrize(
    "value",
    [
        {"relu1_1": 1, "relu2_1": 0.75},
        "relu1_1:1,relu2_1:0.75",
        " relu1_1 , relu2_1 : 0.75 ",
        (("relu1_1", 1.0), ("relu2_1", 0.75)),
    ],
)
def test_layers_in_every_spelling(value: Any) -> None:
    assert checked("style_layers", value) == (("relu1_1", 1.0), ("relu2_1", 0.75))


def test_layers_as_a_list_weigh_the_same() -> None:
    assert checked("content_layers", ["relu1_1", "relu2_1"]) == (("relu1_1", 1.0), ("relu2_1", 1.0))


@pytest.mark.parametrize("value", ["", {}, [], 3, None, {"relu1_1": -1}, "relu1_1:heavy", {"relu1_1": True}])
def test_impossible_layers(value: Any) -> None:
    with pytest.raises(SettingsError, match="style_layers"):
        checked("style_layers", value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("steps=5", ("steps", 5)),
        ("learning-rate = 1e-3", ("learning_rate", 0.001)),
        ("start=noise", ("start", "noise")),
        ('start="noise"', ("start", "noise")),
        ("style_layers=relu1_1:1,relu2_1:2", ("style_layers", "relu1_1:1,relu2_1:2")),
        ("style_layers={relu1_1 = 1}", ("style_layers", {"relu1_1": 1})),
        ('style_layers=["relu1_1"]', ("style_layers", ["relu1_1"])),
        ("cuts=24,57", ("cuts", "24,57")),
        ("cuts=[24, 57]", ("cuts", [24, 57])),
        ("long_term=1,2", ("long_term", "1,2")),
    ],
)
def test_assignments(text: str, expected: tuple[str, Any]) -> None:
    assert read_assignment(text) == expected
    checked(*read_assignment(text))


# ---- files


def test_a_file_may_name_its_preset(tmp_path: Path) -> None:
    text = 'preset = "fine"\nsteps = 5\n[style_layers]\nrelu1_1 = 1\n'
    assert read_config(config(tmp_path, text)) == {
        "preset": "fine", "steps": 5, "style_layers": {"relu1_1": 1},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("steps = ", "not valid TOML"),
        ("steps = 0", "at least 1"),
        ('optimizer = "sgd"', "adam, lbfgs"),
        ("preset = 3", "preset has to be a name"),
        ('network = "builtin"', "job.toml: There is no setting 'network' any more: all is painted with VGG-19"),
        ("[painting]\nsteps = 3", "no setting 'painting'"),
    ],
)
def test_files_with_faults(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=message):
        read_config(config(tmp_path, text))


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"missing\.toml cannot be read"):
        read_config(tmp_path / "missing.toml")
    with pytest.raises(SettingsError, match="cannot be read"):
        read_config(tmp_path)
    binary = tmp_path / "binary.toml"
    binary.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SettingsError, match=r"binary\.toml is no text in UTF-8: byte 0 .*Save it"):
        read_config(binary)
    marked = tmp_path / "marked.toml"
    marked.write_bytes(b"\xef\xbb\xbfsteps = 3\n")
    assert read_config(marked) == {"steps": 3}, "Windows marks its files"


# ---- one place for defaults and explanations


def test_every_setting_is_explained() -> None:
    for field in fields(Settings):
        assert len(about(field.name)) > 10
        assert about(field.name).endswith(".")


@pytest.mark.parametrize(
    ("given", "found"),
    [(2, 2.0), ("0.4", 0.4), ("0.4,2", (0.4, 2.0)), ([2, 0.4, 2], (0.4, 2.0)), ([1.5], 1.5), ("2, 0.4,", (0.4, 2.0))],
)
def test_a_scale_of_the_style_is_a_number_or_several(given: Any, found: Any) -> None:
    settings = resolve("draft", {"style_scale": given})
    assert settings.style_scale == found and type(settings.style_scale) is type(found)
    again = resolve("draft", {"style_scale": read_toml(settings.as_toml())["style_scale"]})
    assert again == settings


@pytest.mark.parametrize("given", ["", "0.4,,2", "0.4,x", [], 0.01, "0.4,9", True, [1, True], "0.4;2"])
def test_what_is_no_scale_is_refused(given: Any) -> None:
    with pytest.raises(SettingsError, match="style_scale"):
        resolve("draft", {"style_scale": given})
