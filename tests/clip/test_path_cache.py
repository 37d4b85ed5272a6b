"""What was painted from on this machine is found again where the result cannot tell where it lies."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.clip import path_cache as places
from pipeline.clip.find_inputs import find_ingredients
from pipeline.clip.path_cache import cache_folder, cached_paths, record_paths
from pipeline.clip.record_reading import read_record
from pipeline.media import fingerprint
from reelbrush import stylize_image, stylize_video
from tests.jobs import SMALL, moving_folder, paint_picture


def elsewhere(path: Path) -> Path:
    """A result as somebody sees it to whom it was given: beside nothing that it names."""
    other = path.parent.parent / "elsewhere"
    other.mkdir()
    return Path(shutil.copytree(path, other / path.name) if path.is_dir() else shutil.copy(path, other))


@pytest.fixture
def here(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    for name, seed in (("c.png", 0), ("s.png", 9)):
        paint_picture(folder / name, seed=seed)
    return folder


def test_a_painting_finds_its_input_and_styles_wherever_it_lies(here: Path) -> None:
    stylize_image(here / "c.png", here / "s.png", here / "o.png", **SMALL)
    found = find_ingredients(elsewhere(here / "o.png"))
    assert (found.source, found.styles, found.notes) == (here / "c.png", (here / "s.png",), ())


def test_so_does_a_clip(here: Path) -> None:
    moving_folder(here / "in", 2)
    stylize_video(here / "in", here / "s.png", here / "o", **SMALL)
    found = find_ingredients(elsewhere(here / "o"))
    assert (found.source, found.styles) == (here / "in", (here / "s.png",))


def test_what_has_changed_there_is_not_taken_for_it(here: Path) -> None:
    stylize_image(here / "c.png", here / "s.png", here / "o.png", **SMALL)
    paint_picture(here / "c.png", seed=3)
    found = find_ingredients(elsewhere(here / "o.png"))
    assert found.source is None and found.styles == (here / "s.png",)
    assert "it is not known where that is" in found.notes[0] and "--search FOLDER" in found.notes[0]


def test_of_a_file_the_latest_places_come_first_and_no_more_than_a_few(here: Path) -> None:
    stylize_image(here / "c.png", here / "s.png", here / "o.png", **SMALL)
    record = read_record(here / "o.png")
    for number in (*range(8), 6):
        record_paths(replace(record, source=replace(record.source, path=here / f"{number}.png")))
    assert [place.name for place in cached_paths(record.source.sha256)] == ["6.png", "7.png", "5.png", "4.png"]


def test_the_oldest_are_forgotten(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stylize_image(here / "c.png", here / "s.png", here / "o.png", **SMALL)
    record, folder = read_record(here / "o.png"), cache_folder()
    assert folder is not None
    monkeypatch.setattr(places, "MOST", 3)
    for note in folder.iterdir():
        os.utime(note, (0, 0))
    for number in range(5):
        digest = f"{number:064x}"
        record_paths(replace(record, styles=(), source=replace(record.source, path=here / "c.png", sha256=digest)))
        os.utime(folder / f"{digest}.json", (1 + number, 1 + number))
    assert sorted(int(note.stem, 16) for note in folder.iterdir()) == [2, 3, 4]


def test_a_place_that_cannot_be_noted_spoils_no_painting(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (here / "file").touch()
    monkeypatch.setenv("REELBRUSH_CACHE", str(here / "file"))
    assert stylize_image(here / "c.png", here / "s.png", here / "o.png", **SMALL).output == here / "o.png"
    assert (here / "file").is_file() and cached_paths(fingerprint(here / "c.png")) == ()


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, '{"a": 1}', "[1, null]", '["relative.png"]', '"x"'])
def test_a_note_of_another_program_is_none(here: Path, text: str) -> None:
    stylize_image(here / "c.png", here / "s.png", here / "o.png", **SMALL)
    digest, folder = fingerprint(here / "c.png"), cache_folder()
    assert folder is not None
    (folder / f"{digest}.json").write_text(text)
    assert cached_paths(digest) == ()
    stylize_image(here / "c.png", here / "s.png", here / "p.png", **SMALL)
    assert json.loads((folder / f"{digest}.json").read_text()) == [str(here / "c.png")]
    assert not list(folder.glob(".*")), "nothing unfinished is left"


def test_without_a_home_nothing_is_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REELBRUSH_CACHE")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", "/home-of-nobody")
    assert cache_folder() == Path("/home-of-nobody/.cache/reelbrush/places")
    monkeypatch.setattr(Path, "home", lambda: (_ for _ in ()).throw(RuntimeError("nobody")))
    assert cache_folder() is None and cached_paths("0" * 64) == ()
