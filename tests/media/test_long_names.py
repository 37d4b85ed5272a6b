"""Names as long as a disk can hold: written, or refused before anything is done."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest
from jobs import QUICK, moving_folder, paint_picture, reelbrush
from tiny import picture

from pipeline.errors import OutputError
from pipeline.media import Frame, check_output, open_sink, open_source, read_picture, write_picture
from pipeline.media.outputs import refuse_same_file
from pipeline.media.plan import SinkPlan


def named(folder: Path, count: int, ending: str, letter: str = "x") -> Path:
    """A name of so many bytes, or one or two less where a letter takes several."""
    return folder / (letter * ((count - len(ending)) // len(letter.encode())) + ending)


@pytest.mark.parametrize("ending", [".mp4", ".webm", ".gif", ".png", ".webp", ""])
@pytest.mark.parametrize("letter", ["x", "\u5b57"])
def test_every_sink_writes_the_longest_names(tmp_path: Path, ending: str, letter: str) -> None:
    path, texts = named(tmp_path, 255, ending, letter), {"a": "b"}
    plan = SinkPlan(path, 32, 24, (Fraction(0), Fraction(1, 10)), Fraction(2, 10), Fraction(10), metadata=texts)
    with open_sink(SinkPlan(**{**vars(plan), "animation": True})) as sink:
        for index in range(2):
            sink.put(Frame(index, plan.times[index], picture(24, 32, index)))
        sink.finish()
    assert open_source(path).info.frames == 2
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("letter", ["x", "\u5b57", "\U0001f41f"])
def test_a_picture_can_have_the_longest_name(tmp_path: Path, letter: str) -> None:
    path = named(tmp_path, 255, ".png", letter)
    write_picture(path, picture(24, 32))
    assert read_picture(path).shape == (24, 32, 3)


def test_a_longer_name_is_refused_in_words(tmp_path: Path) -> None:
    for path in (named(tmp_path, 256, ".png"), named(tmp_path, 300, "")):
        for check in (check_output, lambda output: refuse_same_file(tmp_path / "a", [output])):
            with pytest.raises(OutputError, match=r"takes \d+ bytes, and 255 is the most"):
                check(path)


@pytest.mark.parametrize(("count", "works"), [(245, True), (246, False), (255, False), (256, False)])
def test_a_clip_needs_room_for_its_work_folder(tmp_path: Path, count: int, works: bool) -> None:
    """Refused before the first frame is painted, or painted and written; never anything between."""
    source, style = moving_folder(tmp_path / "in", 2), paint_picture(tmp_path / "style.png")
    output = named(tmp_path, count, ".gif")
    done = reelbrush("video", source, "--style", style, "-o", output, *QUICK, "--steps", "2")
    if works:
        assert done.returncode == 0, done.stderr
        assert open_source(output).info.frames == 2
    else:
        assert done.returncode != 0
        words = " ".join(done.stderr.split())
        assert f"takes {count} bytes" in words and "Choose a shorter one" in words
        assert "Painting" not in words and len(list(tmp_path.iterdir())) == 2
