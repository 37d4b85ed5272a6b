"""The styles of a batch: each a picture or a blend of several, written on the command line or in a job file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TypeAlias

from pipeline.batch.plan.distinct_names import digest, folded, tell_apart
from pipeline.clip.styles import StylePicture, has_name, parse_style, part_text, split_blend
from pipeline.errors import UsageError
from pipeline.file_kind import is_there, located, no_file
from pipeline.media.picture_sources import natural_key
from pipeline.media.suffixes import PICTURES, may_be_missed

Blend: TypeAlias = tuple[StylePicture, ...]
"""What one painting is painted like."""
_WAYS = 5


def find_styles(text: str | Sequence[str], home: Path, left_out: list[Path] | None = None) -> list[Blend]:
    """The styles that a text means: a picture, every picture of a folder for itself, or a blend 'a.jpg:0.7+b.jpg:0.3',
    which can also be a list of its parts. A '+' is part of a name where a file has that name.

    :param home: the folder that relative paths count from.
    :param left_out: gets the files of a folder that are left out although a person may want them as styles.
    :raises UsageError: a picture is not there, a folder holds none, or a weight is not above zero.
    """
    parts = split_blend(text, lambda part: _names_a_file(part, home)) if isinstance(text, str) else list(text)
    if not parts:
        raise UsageError("A blend names no style picture. Write for instance ['a.jpg:0.7', 'b.jpg:0.3'].")
    try:
        found = [(part, _picture(part, home)) for part in parts]
        if len(found) == 1 and found[0][1].path.is_dir():
            return [(StylePicture(path),) for path in _pictures(parts[0], found[0][1].path, left_out)]
        for part, style in found:
            if style.path.is_dir():
                raise UsageError(f"{part}: this is a folder; a blend is made of single pictures. Name one in it.")
            if not style.path.is_file():
                raise UsageError(no_file(style.path, "style picture", part))
    except OSError as error:
        raise UsageError(f"{error.filename or text}: this cannot be read ({error.strerror}).") from error
    return [tuple(style for _, style in found)]


def _names_a_file(text: str, home: Path) -> bool:
    try:
        return is_there(_picture(text, home).path)
    except (UsageError, OSError):
        return False


def _picture(text: str, home: Path) -> StylePicture:
    if not has_name(text):
        return parse_style(text)
    return parse_style(str(located(text, home)))


def _pictures(text: str, folder: Path, left_out: list[Path] | None) -> list[Path]:
    inside = sorted((entry for entry in folder.iterdir() if not entry.name.startswith(".")), key=natural_key)
    found = [entry for entry in inside if entry.suffix.lower() in PICTURES and entry.is_file()]
    if left_out is not None:
        left_out += [entry for entry in inside if may_be_missed(entry) and entry.is_file()]
    if not found:
        raise UsageError(f"{text}: there is no picture in this folder that could be a style.")
    return found


def identity(blend: Blend) -> str:
    """A text that is the same for the same pictures with the same weights."""
    return "\0".join(f"{style.path.resolve()}{part_text(style.part)}\0{style.weight!r}" for style in blend)


def each_once(blends: Iterable[Blend]) -> list[Blend]:
    """Without those that are the same as an earlier one."""
    first: dict[str, Blend] = {}
    for blend in blends:
        first.setdefault(identity(blend), blend)
    return list(first.values())


def labels(blends: Iterable[Blend]) -> dict[Blend, str]:
    """What each style is called in the names of paintings: the stems of its pictures, joined with '+'.

    Styles that would be called alike have their weights in it, or the endings of the pictures, or their folders.
    """
    several = {blend: identity(blend) for blend in blends}
    spelt = {own: _spelt(blend) for blend, own in several.items()}
    ways = list(spelt.values())
    chosen = tell_apart(len(ways), _WAYS, lambda k, way: frozenset({folded(ways[k][way])}))
    called = {own: ways[k][chosen[k]] for k, own in enumerate(spelt)}
    return {blend: called[own] for blend, own in several.items()}


def _spelt(blend: Blend) -> list[str]:
    """Its names in all `_WAYS`, from the plainest to the one that no other style has."""
    stems = "+".join(style.path.stem for style in blend)
    return [
        stems,
        "+".join(f"{style.path.stem}{style.weight:g}" for style in blend),
        "+".join(style.path.name + part_text(style.part) for style in blend),
        "+".join(f"{style.path.parent.name}-{style.path.stem}" for style in blend),
        f"{stems}-{digest(identity(blend))}",
    ]
