"""By what a painting is known again: the pixels that it was made from, and what makes it look as it does."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from tiny import tiny_settings

from pipeline.clip.identity import NO_MATTER, painting_identity, settings_identity
from pipeline.clip.jobs import ClipJob, StillJob, StylePicture
from pipeline.settings import Settings

STYLES = (StylePicture(Path("style.png"), 1.0),)
CLIP = ClipJob(Path("in.mp4"), STYLES, Path("out.mp4"))
STILL = StillJob(Path("in.png"), STYLES, Path("out.png"))
CONTENT = {"in.mp4": "1", "moved.mp4": "1", "other.mp4": "2", "in.png": "3", "style.png": "4", "start.png": "5"}


def known_by(job: ClipJob | StillJob, **more: Any) -> dict[str, Any]:
    return painting_identity(job, tiny_settings(), "network", lambda path: CONTENT[path.name], **more)


@pytest.mark.parametrize(
    "changes",
    [
        {"source": Path("other.mp4")},
        {"styles": (StylePicture(Path("style.png"), 0.5),)},
        {"styles": STYLES * 2},
        {"frames": (0, 8)},
        {"frames": (0, Fraction(8))},
        {"rate": Fraction(12)},
        {"upscale": True},
    ],
)
def test_what_a_clip_is_made_from_counts(changes: dict[str, Any]) -> None:
    assert known_by(replace(CLIP, **changes)) != known_by(CLIP)


@pytest.mark.parametrize(
    "changes",
    [
        {"source": Path("moved.mp4")},
        {"output": Path("else.mkv"), "codec": "ffv1", "quality": "lossless", "gif": Path("beside.gif")},
        {"overwrite": True, "restart": True, "keep": True},
    ],
)
def test_where_it_goes_and_how_it_is_written_does_not(changes: dict[str, Any]) -> None:
    assert known_by(replace(CLIP, **changes)) == known_by(CLIP)


def test_a_picture_is_known_by_what_it_begins_as() -> None:
    assert known_by(replace(STILL, init=Path("start.png"))) != known_by(STILL)


def test_another_machine_counts_only_where_one_paints() -> None:
    assert known_by(CLIP, precision="bfloat16") != known_by(CLIP, precision="float32")
    assert known_by(CLIP, flow="raft (1234)") != known_by(CLIP, flow="raft (5678)")


def test_it_can_be_kept_in_a_file() -> None:
    text = json.dumps(known_by(replace(CLIP, frames=(3, Fraction(1, 2)), rate=Fraction(24000, 1001))))
    found = json.loads(text)
    assert (found["frames"], found["fps"]) == ([3, "1/2"], "24000/1001")


@pytest.mark.parametrize("name", [field.name for field in fields(Settings)])
def test_every_setting_counts_but_those_that_do_not(name: str) -> None:
    settings = tiny_settings(loop=False)
    value = getattr(settings, name)
    other = replace(settings, **{name: not value if isinstance(value, bool) else (value, "another")})
    if name == "passes":
        other = replace(settings, passes=settings.passes + 1)
    assert (settings_identity(other) == settings_identity(settings)) == (name in NO_MATTER)


def test_a_loop_of_one_pass_is_one_of_two() -> None:
    one, two = (settings_identity(tiny_settings(loop=True, passes=passes)) for passes in (1, 2))
    assert one == two
