"""Keyframes as a person writes them, on the command line and in files; see `pipeline.clip.keyframes`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pipeline.clip.keyframes import EASES, NONE, SHOT, Keyframe, RegionKey, ShotNumber, When, usual_ease
from pipeline.clip.parse import parse_bound
from pipeline.clip.regions import parse_blend, parse_mask
from pipeline.clip.styles import StylePicture
from pipeline.errors import SettingsError, UsageError
from pipeline.file_kind import is_there
from pipeline.settings import checked, nearest

QUANTITIES = ("style", "strength", "colours", "style-scale", "region.MASK")
_HEAD = re.compile(r"(shot\s*\d+|\S+)(?:\s+([a-z]+))?", re.IGNORECASE)
_ASSIGNED = re.compile(r"\s*(region\.[^=]+|[A-Za-z_-]+)\s*=")


def parse_keyframe(text: str, home: Path = Path()) -> Keyframe:
    """A keyframe out of 'TIME: NAME=VALUE, NAME=VALUE'.

    :param home: the folder that relative paths count from.
    :raises UsageError: not of that form, or a value that cannot be.
    """
    head, colon, rest = text.partition(":")
    found = _HEAD.fullmatch(head.strip())
    if not colon or found is None:
        raise UsageError(
            f"--keyframe {text!r} is not a time with what is painted then. Write for instance "
            '--keyframe "4s: style=b.jpg, strength=0.8"; a time is a frame (48), seconds (1.5s), or a shot (shot 2).'
        )
    values: dict[str, str] = {}
    name = ""
    for piece in rest.split(","):
        assigned = _ASSIGNED.match(piece)
        if assigned is not None:
            name = assigned[1].strip()
            if _plain(name) in map(_plain, values):
                raise UsageError(f"--keyframe {text!r} says {name} twice. Say it once.")
            values[name] = piece[assigned.end() :].strip()
        elif name:
            # Parts of a style picture and several scales have commas of their own.
            values[name] += f",{piece.strip()}"
        elif piece.strip():
            raise UsageError(f"--keyframe {text!r}: {piece.strip()!r} is no NAME=VALUE. {_known()}")
    try:
        return _keyframe_of({"at": found[1], **({"ease": found[2]} if found[2] else {}), **values}, home)
    except (UsageError, SettingsError) as error:
        raise UsageError(f"--keyframe {text!r}: {error}") from None


def _keyframe_of(values: Mapping[str, Any], home: Path) -> Keyframe:
    """A keyframe out of a table of values by name, as it stands in a job file.

    :param values: `at`, `ease`, and the names of `QUANTITIES`; styles of regions also in a table `region`.
    :param home: the folder that relative paths count from.
    :raises UsageError, SettingsError: a name that is none, or a value that cannot be.
    """
    if "at" not in values:
        raise UsageError('it does not say when. Write at = "4s", at = 48 (a frame) or at = "shot 2".')
    at = _parse_when(values["at"])
    made = Keyframe(at, usual_ease(at))
    for name, value in values.items():
        made = replace(made, **_field(_plain(name), name, value, made, home))
    if made == Keyframe(at, made.ease):
        raise UsageError(f"it says nothing of how to paint. {_known()}")
    return made


def _plain(name: str) -> str:
    return name if name.startswith("region.") else name.replace("_", "-").lower()


def _known() -> str:
    return f"What changes over time is {', '.join(QUANTITIES[:-1])} and {QUANTITIES[-1]}."


def _field(plain: str, name: str, value: Any, made: Keyframe, home: Path) -> dict[str, Any]:
    """What one of its values fills."""
    if plain == "at":
        return {}
    if plain == "style":
        return {"styles": _styles(value, home)}
    if plain in _READ:
        return {plain.replace("-", "_"): _READ[plain](value)}
    regions = value if plain == "region" and isinstance(value, Mapping) else {name.removeprefix("region."): value}
    if (plain == "region" and regions is value) or plain.startswith("region."):
        return {"regions": (*made.regions, *(_region(mask, styles, home) for mask, styles in regions.items()))}
    raise UsageError(f"{name!r} is nothing that changes over time{nearest(plain, QUANTITIES)}. {_known()}")


def _ease(value: Any) -> str:
    ease = str(value).lower()
    if ease not in EASES:
        raise UsageError(f"{value!r} is no way to come to a keyframe{nearest(ease, EASES)}: {', '.join(EASES)}.")
    return ease


_READ: dict[str, Callable[[Any], Any]] = {
    "ease": _ease,
    "strength": lambda value: checked("strength", value),
    "colours": lambda value: checked("colours", value),
    "style-scale": lambda value: checked("style_scale", value),
}


def _styles(value: Any, home: Path) -> tuple[StylePicture, ...]:
    if isinstance(value, (list, tuple)) and value and all(isinstance(one, StylePicture) for one in value):
        return tuple(value)
    parts = value if isinstance(value, (list, tuple)) else [value]
    if not parts or not all(isinstance(one, str) and one.strip() for one in parts):
        raise UsageError(f"a style has to be the name of a picture, or a blend a.jpg:0.7+b.jpg:0.3, not {value!r}.")
    return tuple(style for part in parts for style in parse_blend(part, home))


def _region(mask: str, styles: Any, home: Path) -> RegionKey:
    none = isinstance(styles, str) and styles.strip().lower() == NONE
    numbered = mask.strip().isdecimal() and not is_there(home / mask.strip())
    return RegionKey(
        int(mask) if numbered else parse_mask(mask.strip(), home),
        () if none and not is_there(home / NONE) else _styles(styles, home),
    )


def _parse_when(value: Any) -> When:
    text = str(value).strip().lower()
    shot = SHOT.fullmatch(text)
    if shot is not None and int(shot[1]):
        return ShotNumber(int(shot[1]))
    try:
        at = None if isinstance(value, bool) else parse_bound(text)
    except ValueError:
        at = None
    if at is None:
        raise UsageError(
            f"{value!r} is no time. It is the number of a frame, from 0 (48), a time (4s, 1m30s), or a shot, from 1 "
            "(shot 2)."
        )
    return at


def parse_keyframes(value: Any, home: Path = Path()) -> tuple[Keyframe, ...]:
    """The keyframes of a file: a list of texts, of tables, or of both.

    :raises UsageError, SettingsError: it is none, or one of them cannot be.
    """
    entries = [value] if isinstance(value, (str, Mapping)) else value
    if not isinstance(entries, (list, tuple)):
        raise UsageError(f'keyframes is a list such as ["4s: style=b.jpg"], or tables [[keyframes]], not {value!r}.')
    found = []
    for number, one in enumerate(entries, 1):
        if isinstance(one, Keyframe):
            found.append(one)
        elif isinstance(one, str):
            found.append(parse_keyframe(one, home))
        elif isinstance(one, Mapping):
            try:
                found.append(_keyframe_of(one, home))
            except (UsageError, SettingsError) as error:
                raise UsageError(f"keyframe {number}: {error}") from None
        else:
            raise UsageError(f"keyframe {number} has to be a text or a table, not {one!r}.")
    return tuple(found)
