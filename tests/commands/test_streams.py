"""A picture from stdin, a painting to stdout."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from jobs import QUICK, invoke, paint_picture
from PIL import Image as Pillow
from typer.testing import CliRunner, Result

import cli
from pipeline.clip.record_reading import read_record
from pipeline.commands import streams


@pytest.fixture
def pictures(tmp_path: Path) -> tuple[Path, Path]:
    return paint_picture(tmp_path / "c.png"), paint_picture(tmp_path / "s.png", seed=5)


def piped(given: bytes, *arguments: Any) -> Result:
    return CliRunner().invoke(cli.app, ["image", *map(str, arguments), *QUICK], input=given)


def decoded(data: bytes) -> tuple[str | None, np.ndarray]:
    with Pillow.open(io.BytesIO(data)) as picture:
        return picture.format, np.array(picture)


def test_a_picture_goes_through_a_pipe_as_through_files(tmp_path: Path, pictures: tuple[Path, Path]) -> None:
    content, style = pictures
    assert invoke("image", content, "-s", style, "-o", tmp_path / "o.png", *QUICK).exit_code == 0
    wanted = decoded((tmp_path / "o.png").read_bytes())[1]
    both = piped(content.read_bytes(), "-", "-s", style, "-o", "-")
    assert both.exit_code == 0
    form, painting = decoded(both.stdout_bytes)
    assert form == "PNG" and np.array_equal(painting, wanted)
    assert "stdin: 1 picture of 48x32" in both.stderr and "done in" in both.stderr and "/stdin" not in both.stderr
    quiet = piped(b"", content, "-s", style, "-o", "-", "--format", "jpg", "--quiet")
    assert decoded(quiet.stdout_bytes)[0] == "JPEG" and quiet.stderr == ""
    read = piped(content.read_bytes(), "-", "-s", style, "-o", tmp_path / "p.png", "--story", tmp_path / "p.gif")
    assert read.exit_code == 0 and not read.stdout_bytes
    assert np.array_equal(decoded((tmp_path / "p.png").read_bytes())[1], wanted) and (tmp_path / "p.gif").exists()
    records = [read_record(tmp_path / name) for name in ("o.png", "p.png")]
    assert records[0].source.sha256 == records[1].source.sha256
    assert sorted(path.name for path in tmp_path.iterdir()) == ["c.png", "o.png", "p.gif", "p.png", "s.png"]


@pytest.mark.parametrize(
    ("given", "says"), [(b"", "stdin: the file is empty"), (b"no picture at all", "stdin: this is not a picture"),
                        (None, "stdin: the picture is damaged or cut off")],
)  # fmt: skip
def test_what_is_no_picture_is_one_paragraph(pictures: tuple[Path, Path], given: bytes | None, says: str) -> None:
    content, style = pictures
    cut = content.read_bytes()[:-200] if given is None else given
    refused = piped(cut, "-", "-s", style, "-o", "-")
    assert refused.exit_code == 1 and not refused.stdout_bytes
    assert refused.stderr.startswith(f"Error: {says}") and len(refused.stderr.splitlines()) < 5


@pytest.mark.parametrize("option", ["--keep", "--accept", "--json"])
def test_what_needs_a_name_is_refused(pictures: tuple[Path, Path], option: str) -> None:
    refused = piped(b"", *pictures[:1], "-s", pictures[1], "-o", "-", option)
    assert refused.exit_code == 2 and f"{option} needs a result with a name" in refused.stderr
    assert bool(refused.stdout_bytes) == (option == "--json"), "where a program listens, it hears of it"


@pytest.mark.parametrize(
    "command",
    ["video - -s {s} -o a.mp4", "video {c} -s {s} -o -", "video {c} -s - -o a.mp4", "video {c} -s {s} -o a.mp4 --gif -",
     "batch - -s {s} -o out", "batch {c} -s {s} -o -", "preview - -s {s} -o a.png", "image {c} -s - -o a.png"],
)  # fmt: skip
def test_elsewhere_a_file_has_to_be_named(tmp_path: Path, pictures: tuple[Path, Path], command: str) -> None:
    typed = command.format(c=pictures[0], s=pictures[1]).split()
    refused = CliRunner().invoke(cli.app, typed, input=pictures[0].read_bytes())
    assert refused.exit_code == 2 and "stdin and stdout in reelbrush image alone" in " ".join(refused.stderr.split())


def test_a_format_is_for_what_has_no_name(tmp_path: Path, pictures: tuple[Path, Path]) -> None:
    refused = piped(b"", pictures[0], "-s", pictures[1], "-o", tmp_path / "o.png", "--format", "jpg")
    assert refused.exit_code == 2 and "stdout" in refused.stderr


@pytest.mark.parametrize("name", ["stdin", "stdout"])
def test_a_terminal_is_no_pipe(monkeypatch: pytest.MonkeyPatch, pictures: tuple[Path, Path], name: str) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(streams, "sys", type("Sys", (), {"stdin": sys.stdin, "stdout": sys.stdout, name: Terminal()}))
    refused = piped(pictures[0].read_bytes(), "-", "-s", pictures[1], "-o", "-")
    assert refused.exit_code == 2 and f"{name}, which is a terminal" in refused.stderr.replace("\n", " ")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("- -s a.jpg", "image - -s a.jpg -o -"), ("- -s a.jpg -o b.png", "image - -s a.jpg -o b.png"),
     ("- -s a.jpg --output=b.png", "image - -s a.jpg --output=b.png"),
     ("- -s a.jpg --output-size 90", "image - -s a.jpg --output-size 90 -o -"), ("image - -o -", "image - -o -")],
)  # fmt: skip
def test_a_dash_alone_paints_a_picture(monkeypatch: pytest.MonkeyPatch, typed: str, meant: str) -> None:
    called: list[list[str]] = []
    monkeypatch.setattr(sys, "argv", ["reelbrush", *typed.split()])
    monkeypatch.setattr(cli, "app", lambda arguments, prog_name: called.append(arguments))
    monkeypatch.setattr(cli, "escape_unencodable_output", lambda: None)
    cli.main()
    assert called == [meant.split()]
