"""What is put into words alike wherever it is shown: sizes, durations, counts, and texts made safe to show."""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Sequence
from io import TextIOWrapper

LONGEST = 200
"""Characters that are shown of a text that somebody else wrote into a file."""

MOST_NAMES = 5
"""Names of many that are told; of more, it is said how many."""


def size_text(count: int) -> str:
    """Bytes: '3 kB', '2.1 MB', '1.4 GB'."""
    if count >= 1e9:
        return f"{count / 1e9:.1f} GB"
    return f"{count / 1e6:.1f} MB" if count >= 1e6 else f"{max(min(1, count), round(count / 1e3))} kB"


def rough_size_text(count: int) -> str:
    """Bytes with two digits, for an estimate: '850 kB', '770 MB', '1.4 GB'."""
    value = float(f"{max(1000, count):.1e}")
    unit, name = next(pair for pair in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")) if value >= pair[0])
    return f"{value / unit:.3g} {name}"


def size_text_rounded_up(count: int) -> str:
    """Bytes, never less than there are: '4.91 MB', '800 kB', '10 bytes'."""
    if count < 1000:
        return count_text(count, "byte")
    return f"{-(-count // 10_000) / 100:g} MB" if count >= 1_000_000 else f"{-(-count // 1000)} kB"


def sizes_text(one: int, other: int) -> tuple[str, str]:
    """Bytes as `size_text_rounded_up`; in full where two numbers that differ would look the same: '7,432 bytes'."""
    one_text, other_text = size_text_rounded_up(one), size_text_rounded_up(other)
    if one != other and one_text == other_text:
        return f"{one:,} bytes", f"{other:,} bytes"
    return one_text, other_text


def duration_text(seconds: float) -> str:
    """'45 s', '3 min 20 s', '2 h 05 min'."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def rough_duration_text(seconds: float) -> str:
    """How long something takes, for an estimate: '8 s', '45 s', '5 min', '2 h 10 min', '11 h'."""
    if seconds < 115:
        step = 1 if seconds < 10 else 5 if seconds < 60 else 10
        return f"{max(1, step * round(seconds / step))} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    minutes = 10 * round(seconds / 600)
    rest = f" {minutes % 60} min" if minutes % 60 and minutes < 600 else ""
    return f"{minutes // 60 if minutes < 600 else round(seconds / 3600)} h{rest}"


def remaining_text(seconds: float | None) -> str:
    """'about 3 min 20 s left', and at least a second of it; '' where that is not known."""
    return "" if seconds is None else f"about {duration_text(max(1.0, seconds))} left"


def count_text(count: int, one: str, several: str = "") -> str:
    """'1 frame', '1,200 frames'.

    :param several: the plural; '': `one` with an s.
    """
    return f"{count:,} {one if count == 1 else several or f'{one}s'}"


def sanitize(text: object) -> str:
    """A text of one line or several as it can be shown, on a screen or a page: no name of a file may make a terminal do
    anything. A control character is written out as `\\x1b`, and what is no Unicode in a file's name becomes a
    replacement character."""
    return "".join(c if c.isprintable() or c == "\n" else _written_out(c) for c in _decoded(text))


def sanitize_line(text: object, longest: int | None = None) -> str:
    """The same for a name, which is one line: a line break in it is written out, too.

    :param longest: characters that there may be; the end of a longer text is left out.
    """
    line = "".join(c if c.isprintable() else _written_out(c) for c in _decoded(text))
    return line if longest is None or len(line) <= longest else f"{line[: longest - 1]}…"


def listed(names: Sequence[str]) -> str:
    """'a, b, c'; of many the first few, and how many more there are."""
    some = names if len(names) <= MOST_NAMES + 1 else names[:MOST_NAMES]
    more = len(names) - len(some)
    return ", ".join(map(sanitize_line, some)) + (f" and {more} more" if more else "")


def first_of(names: Sequence[object]) -> str:
    """'a.mp4', or 'a.mp4 and 3 more'."""
    return str(names[0]) + (f" and {len(names) - 1} more" if len(names) > 1 else "")


def first_few(those: Sequence[object], most: int = 8) -> str:
    """'24, 57'; of more than `most`, so many and '...'."""
    return ", ".join(map(str, those[:most])) + (", ..." if len(those) > most else "")


def _decoded(text: object) -> str:
    return str(text).encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _written_out(character: str) -> str:
    # Other spaces are as harmless as the plain one: a path with a no-break space stays what it is.
    return character if unicodedata.category(character) == "Zs" else repr(character)[1:-1]


def escape_unencodable_output() -> None:
    """From now on stdout and stderr write out what their encoding does not have, instead of raising an error."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def number_text(value: float) -> str:
    """The shortest text that is read as the same number."""
    return repr(float(value)).removesuffix(".0")


def limits_text(low: float | None, high: float | None) -> str:
    """'at least 1', 'from 1 to 12' or 'at most 12': what a number has to be."""
    if low is None:
        return f"at most {high:.10g}"
    return f"at least {low:.10g}" if high is None else f"from {low:.10g} to {high:.10g}"
