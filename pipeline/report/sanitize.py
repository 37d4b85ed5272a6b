"""Texts as a person can read them, on a screen or a page: no name of a file may make a terminal do anything."""

from __future__ import annotations

import sys
import unicodedata
from io import TextIOWrapper


def shown(text: object) -> str:
    """A text of one line or several: a control character is written out as `\\x1b`, and what is no Unicode in a file's
    name becomes a replacement character."""
    return "".join(c if c.isprintable() or c == "\n" else _written(c) for c in _decoded(text))


def named(text: object) -> str:
    """The same for a name, which is one line: a line break in it is written out, too."""
    return "".join(c if c.isprintable() else _written(c) for c in _decoded(text))


def _decoded(text: object) -> str:
    return str(text).encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _written(character: str) -> str:
    # Other spaces are as harmless as the plain one: a path with a no-break space stays what it is.
    return character if unicodedata.category(character) == "Zs" else repr(character)[1:-1]


def survive_any_text() -> None:
    """From now on stdout and stderr write out what their encoding does not have, instead of raising an error."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
