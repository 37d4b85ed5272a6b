"""Files and folders that appear under their names in one step, or not at all."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from pipeline.atomic import hidden, new_file, remove, replace_folder


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def folder_with(path: Path, text: str) -> Path:
    path.mkdir()
    (path / "x").write_text(text)
    return path


def test_a_file_appears_when_it_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    with new_file(path) as part:
        part.write_text("new")
        assert path.read_text() == "old" and part.parent == tmp_path and part.name.startswith(".")
    assert path.read_text() == "new" and names(tmp_path) == ["a.txt"]
    usual = tmp_path / "usual"
    usual.write_text("")
    assert path.stat().st_mode == usual.stat().st_mode, "others may read it as any new file"


@pytest.mark.parametrize("error", [ValueError("x"), KeyboardInterrupt()])
def test_an_error_leaves_what_was_there(tmp_path: Path, error: BaseException) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(type(error)), new_file(path) as part:
        part.write_text("half")
        raise error
    assert path.read_text() == "old" and names(tmp_path) == ["a.txt"]


def test_a_full_disk_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    path = tmp_path / "a.txt"
    path.write_text("old")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"), new_file(path) as part:
        part.write_text("new")
    assert path.read_text() == "old" and names(tmp_path) == ["a.txt"]


def test_a_folder_takes_the_place_of_another(tmp_path: Path) -> None:
    folder_with(tmp_path / ".out.old", "left by a run that was killed")
    replace_folder(folder_with(tmp_path / "part", "1"), tmp_path / "out")
    replace_folder(folder_with(tmp_path / "part", "2"), tmp_path / "out")
    assert (tmp_path / "out" / "x").read_text() == "2" and names(tmp_path) == ["out"]


def test_a_folder_that_cannot_be_renamed_leaves_the_old_one(tmp_path: Path) -> None:
    folder_with(tmp_path / "out", "old")
    with pytest.raises(OSError, match="part"):
        replace_folder(tmp_path / "part", tmp_path / "out")
    assert (tmp_path / "out" / "x").read_text() == "old" and names(tmp_path) == ["out"]


def test_remove_takes_anything(tmp_path: Path) -> None:
    folder = folder_with(tmp_path / "folder", "kept")
    (tmp_path / "link").symlink_to(folder)
    remove(tmp_path / "link")
    assert (folder / "x").read_text() == "kept"
    for name in ("folder", "nothing"):
        remove(tmp_path / name)
    assert names(tmp_path) == []


@pytest.mark.parametrize("letter", ["x", "\u00e4", "\u5b57", "\U0001f41f"])
def test_a_long_name_has_room_for_what_lies_beside_it(tmp_path: Path, letter: str) -> None:
    """255 bytes are the most; letters take one to four of them."""
    path = tmp_path / (letter * (251 // len(letter.encode())) + ".gif")
    with new_file(path) as part:
        part.write_text("new")
    assert path.read_text() == "new"
    parts = [hidden(path, ".part.gif"), hidden(path.with_name(f"y{path.name[1:]}"), ".part.gif"), hidden(path, ".old")]
    parts.append(hidden(parts[0], ".part.gif"))
    for part in parts:
        part.write_text("")
        assert len(os.fsencode(part.name)) <= 255 and part.name.startswith(".")
    assert len(set(parts)) == 4
    assert hidden(tmp_path / "a.gif", ".part.gif").name == ".a.gif.part.gif"
