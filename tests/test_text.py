"""Sizes, durations and counts in words, and texts made safe to show."""

from __future__ import annotations

import pytest

from pipeline.text import (
    count_text,
    duration_text,
    remaining_text,
    rough_duration_text,
    rough_size_text,
    sanitize,
    sanitize_line,
    size_text,
    size_text_rounded_up,
    sizes_text,
)

HOSTILE = "two\nlines \x1b[31m\x9b5n.mp4"
WRITTEN = r"two\nlines \x1b[31m\x9b5n.mp4"


@pytest.mark.parametrize(
    ("count", "exact", "at_least"),
    [
        (0, "0 kB", "0 bytes"),
        (1, "1 kB", "1 byte"),
        (999, "1 kB", "999 bytes"),
        (1000, "1 kB", "1 kB"),
        (2_400, "2 kB", "3 kB"),
        (999_999, "1000 kB", "1000 kB"),
        (4_901_000, "4.9 MB", "4.91 MB"),
        (1_430_000_000, "1.4 GB", "1430 MB"),
    ],
)
def test_sizes(count: int, exact: str, at_least: str) -> None:
    assert (size_text(count), size_text_rounded_up(count)) == (exact, at_least)


def test_two_sizes_are_told_apart() -> None:
    assert sizes_text(8_100, 15_000) == ("9 kB", "15 kB") and sizes_text(8_100, 8_100) == ("9 kB", "9 kB")
    assert sizes_text(7_432, 7_901) == ("7,432 bytes", "7,901 bytes")
    assert sizes_text(4_901_000, 4_909_999) == ("4,901,000 bytes", "4,909,999 bytes")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.2, "1 s"), (7.4, "7 s"), (47, "45 s"), (78, "80 s"), (287, "5 min"), (3590, "1 h"), (7700, "2 h 10 min"),
     (39600, "11 h")],
)  # fmt: skip
def test_rough_durations(seconds: float, text: str) -> None:
    assert rough_duration_text(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"), [(0, "1 kB"), (846_123, "850 kB"), (770_600_000, "770 MB"), (1_430_000_000, "1.4 GB"),
                        (999_999, "1 MB")]
)  # fmt: skip
def test_rough_sizes(count: int, text: str) -> None:
    assert rough_size_text(count) == text


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0, "0 s"),
        (0.4, "0 s"),
        (45, "45 s"),
        (59.4, "59 s"),
        (59.6, "1 min 00 s"),
        (200, "3 min 20 s"),
        (3599.7, "1 h 00 min"),
        (7500, "2 h 05 min"),
        (100 * 3600, "100 h 00 min"),
    ],
)
def test_durations(seconds: float, expected: str) -> None:
    assert duration_text(seconds) == expected


def test_what_is_left() -> None:
    assert [remaining_text(seconds) for seconds in (None, 0.0, 200.0)] == [
        "",
        "about 1 s left",
        "about 3 min 20 s left",
    ]


def test_counts() -> None:
    assert [count_text(count, "frame") for count in (0, 1, 2, 1200)] == [
        "0 frames",
        "1 frame",
        "2 frames",
        "1,200 frames",
    ]
    assert count_text(2, "pass", "passes") == "2 passes"


@pytest.mark.parametrize(
    ("text", "line", "name"),
    [
        ("a b.mp4", "a b.mp4", "a b.mp4"),
        (HOSTILE, WRITTEN.replace(r"\n", "\n"), WRITTEN),
        ("\t\r\x00\x7f\u202e", r"\t\r\x00\x7f\u202e", r"\t\r\x00\x7f\u202e"),
        ("no\u00a0break 漢字 \u3000", "no\u00a0break 漢字 \u3000", "no\u00a0break 漢字 \u3000"),
        (b"caf\xe9".decode("utf-8", "surrogateescape"), "caf\ufffd", "caf\ufffd"),
    ],
)
def test_nothing_that_a_terminal_obeys_is_shown(text: str, line: str, name: str) -> None:
    assert (sanitize(text), sanitize_line(text)) == (line, name)


def test_a_long_line_ends_in_dots() -> None:
    assert sanitize_line("a" * 300, 200) == "a" * 199 + "…"
    assert sanitize_line("a" * 200, 200) == "a" * 200
