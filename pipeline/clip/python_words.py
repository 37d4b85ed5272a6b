"""What errors and notes say to who calls from Python: the names of arguments, not those of options, and no file of
ours."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.errors import ReelbrushError

_SWITCHES = ("overwrite", "restart", "accept", "keep", "upscale", "shortest", "location", "loop")
_SET = re.compile(r"(?<![\w/-])--set (?=\w+=)")
_OPTION = re.compile(r"(?<![\w/-])--([a-z][a-z0-9]*(?:-[a-z0-9]+)*)")


@contextmanager
def in_python_words() -> Iterator[None]:
    """Also a decorator: errors that leave it speak of arguments."""
    try:
        yield
    except ReelbrushError as error:
        said = python_words(str(error))
        if said == str(error):
            raise
        raise type(error)(said) from error


def python_words(text: str, folder: Path | None = None) -> str:
    """A message of the command line for a call: 'replace it with overwrite=True'.

    :param folder: in which what is in memory lies while it is painted; a file of it is called as its argument is.
    """
    if folder is not None:
        text = re.sub(rf"{re.escape(str(folder))}[/\\](\w+)(?:\.png)?(?:[/\\](\w+)\.png)?", _argument, text)
    return _OPTION.sub(_named, _SET.sub("", text))


def _argument(found: re.Match[str]) -> str:
    if found.group(1) == "frames":
        return "source" if found.group(2) is None else f"source, frame {int(found.group(2))}"
    return str(found.group(1))


def _named(found: re.Match[str]) -> str:
    name = found.group(1).replace("-", "_")
    return f"{name}=True" if name in _SWITCHES else name
