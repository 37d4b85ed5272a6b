"""Texts that a user writes: ranges of frames, rates, styles with weights."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from pipeline.clip.parse import FrameRange, frames_text, parse_frames, parse_rate
from pipeline.errors import UsageError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0:48", (0, 48)),
        ("100:", (100, None)),
        (":25", (None, 25)),
        (":", (None, None)),
        (" 3:4 ", (3, 4)),
        ("007:0010", (7, 10)),
        ("1:30", (1, 30)),
        ("0:2s", (0, Fraction(2))),
        ("1.5s:", (Fraction(3, 2), None)),
        (":1M30S", (None, Fraction(90))),
        ("10:0.5m", (10, Fraction(30))),
        ("0s:1h", (Fraction(0), Fraction(3600))),
    ],
)
def test_ranges(text: str, expected: FrameRange) -> None:
    found = parse_frames(text)
    assert found == expected
    assert list(map(type, found)) == list(map(type, expected))
    assert parse_frames(frames_text(found)) == found


@pytest.mark.parametrize(
    "text", ["", "5", "a:b", "-1:5", "1:2:3", "1.5:3", "1-5", "0 : 5x", "0:01:02.5", "s:2s", "0:2 sheep"]
)
def test_what_is_no_range(text: str) -> None:
    with pytest.raises(UsageError, match="A:B") as caught:
        parse_frames(text)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("text", ["5:5", "5:3", ":0", "0:0", "2s:1s", "1s:1s", ":0s"])
def test_ranges_without_a_frame(text: str) -> None:
    with pytest.raises(UsageError, match="no frame"):
        parse_frames(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("25", Fraction(25)),
        ("12.5", Fraction(25, 2)),
        ("24000/1001", Fraction(24000, 1001)),
        (" 30 ", Fraction(30)),
        ("1000", Fraction(1000)),
        ("0.01", Fraction(1, 100)),
    ],
)
def test_rates(text: str, expected: Fraction) -> None:
    assert parse_rate(text) == expected


@pytest.mark.parametrize("text", ["", "0", "-25", "fast", "1/0", "nan", "inf", "1001", "25 fps", "1/2/3"])
def test_what_is_no_rate(text: str) -> None:
    with pytest.raises(UsageError, match="frame rate"):
        parse_rate(text)


# ---- styles


@pytest.mark.parametrize(
    ("text", "path", "weight"),
    [
        ("a.jpg", "a.jpg", 1.0),
        ("a.jpg:0.7", "a.jpg", 0.7),
        ("a.jpg:3", "a.jpg", 3.0),
        ("a.jpg:1e-3", "a.jpg", 0.001),
        ("C:\\a.jpg", "C:\\a.jpg", 1.0),
        ("C:\\a.jpg:0.5", "C:\\a.jpg", 0.5),
        ("still: life.png", "still: life.png", 1.0),
        ("still: life.png:2", "still: life.png", 2.0),
        ("a.jpg:", "a.jpg:", 1.0),
    ],
)
def test_styles(text: str, path: str, weight: float) -> None:
    from pipeline.clip.jobs import StylePicture, parse_style

    assert parse_style(text) == StylePicture(Path(path), weight)


@pytest.mark.parametrize("weight", ["0", "-1", "nan", "inf", "-inf", "0.0"])
def test_impossible_style_weights(weight: str) -> None:
    from pipeline.clip.jobs import parse_style

    with pytest.raises(UsageError, match=rf"a\.jpg has to be above zero, not {weight}"):
        parse_style(f"a.jpg:{weight}")


def test_a_file_that_ends_like_a_weight_is_the_file(tmp_path: Path) -> None:
    from pipeline.clip.jobs import StylePicture, parse_style

    odd = tmp_path / "take:2"
    assert parse_style(str(odd)) == StylePicture(tmp_path / "take", 2.0)
    odd.write_bytes(b"")
    assert parse_style(str(odd)) == StylePicture(odd, 1.0)


def test_styles_as_a_library_caller_writes_them() -> None:
    from pipeline.clip.in_memory import PictureFiles
    from pipeline.clip.jobs import StylePicture

    a, b = Path("a.jpg"), Path("b.jpg")
    as_styles = PictureFiles().styles
    assert as_styles("a.jpg") == (StylePicture(a),)
    assert as_styles(a) == (StylePicture(a),)
    assert as_styles("a.jpg:0.5") == (StylePicture(a, 0.5),)
    assert as_styles(["a.jpg:2", b]) == (StylePicture(a, 2.0), StylePicture(b))
    assert as_styles({"a.jpg": 3, b: 1}) == (StylePicture(a, 3.0), StylePicture(b, 1.0))
    for nothing in ([], {}):
        with pytest.raises(UsageError, match="at least one"):
            as_styles(nothing)
