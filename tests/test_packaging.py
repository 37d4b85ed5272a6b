"""What an installed Reelbrush has: the tests themselves run beside the sources, and would not miss it."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

from jobs import ROOT

from reelbrush.__main__ import main

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

SETUPTOOLS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]


def files_of(package: str) -> set[Path]:
    found = (path for path in (ROOT / package).rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(ROOT / package) for path in found}


def test_files_that_are_not_python_are_installed_too() -> None:
    other = {path for path in files_of("pipeline") if path.suffix != ".py"}
    named = {
        path.relative_to(ROOT / "pipeline")
        for pattern in SETUPTOOLS["package-data"]["pipeline"]
        for path in (ROOT / "pipeline").glob(pattern)
    }
    assert other == named
    assert Path("report/page/report.html") in named


def test_every_pattern_finds_something() -> None:
    for package, patterns in SETUPTOOLS["package-data"].items():
        for pattern in patterns:
            assert [*(ROOT / package).glob(pattern)], pattern


def test_every_folder_of_sources_is_a_package() -> None:
    for package in ("pipeline", "reelbrush"):
        folders = {path.parent for path in files_of(package) if path.suffix == ".py"}
        assert {folder for folder in folders if not (ROOT / package / folder / "__init__.py").exists()} == set()


def test_the_command_is_that_of_the_package() -> None:
    place, name = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["scripts"][
        "reelbrush"
    ].split(":")
    assert getattr(import_module(place), name) is main
