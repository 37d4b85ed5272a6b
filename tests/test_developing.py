"""What `docs/DEVELOPING.md` points at is there."""

from __future__ import annotations

import re

import pytest
from jobs import ROOT

GUIDE = (ROOT / "docs" / "DEVELOPING.md").read_text(encoding="utf-8")
PATHS = sorted(set(re.findall(r"`((?:pipeline|tests|benchmarks|docs|reelbrush)/[\w./]*)`", GUIDE)))
STATIONS = re.findall(r"`(pipeline/[\w/]+\.py)` `(\w+)`", GUIDE)


def test_there_is_something_to_look_for() -> None:
    assert len(PATHS) > 20 and len(STATIONS) > 12


@pytest.mark.parametrize("path", PATHS)
def test_the_path_is_there(path: str) -> None:
    assert (ROOT / path).exists()


@pytest.mark.parametrize(("path", "name"), STATIONS)
def test_the_name_is_there(path: str, name: str) -> None:
    text = (ROOT / path).read_text(encoding="utf-8")
    assert re.search(rf"^(?:def|class) {name}\b", text, re.MULTILINE)


def test_every_room_is_named() -> None:
    rooms = {path.parent.name for path in (ROOT / "pipeline").glob("*/__init__.py")}
    assert {room for room in rooms if f"`pipeline/{room}/`" not in GUIDE} == set()
