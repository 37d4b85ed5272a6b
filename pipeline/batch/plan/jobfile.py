"""Job files: a batch written down in TOML. Nothing in them is executed.

    inputs = ["holiday/", "party.mp4", "old/**/*.avi"]     # files, folders, patterns
    styles = ["ink.jpg", "paintings/", "a.jpg:0.7+b.jpg:0.3", ["c.jpg", "d.jpg:2"]]
    output = "painted/"
    name = "{stem}-{style}{ext}"                           # see pipeline/batch/plan/naming.py
    pair = false                                           # true: the n-th input in the n-th style only
    sequences = false                                      # true: a folder of numbered pictures is one clip

    [defaults]                                             # for all of them
    preset = "draft"
    size = 480                                             # any setting of `reelbrush presets standard`
    gif = true                                             # a GIF beside every clip
    codec = "h265"

    [[item]]                                               # what is different for one of them
    input = "holiday/beach.mp4"
    preset = "fine"
    frames = "0:250"
    keyframes = ["4s: style=mosaic.jpg"]                   # or tables [[item.keyframes]]

    [[item]]                                               # or one more
    input = "cat.jpg"
    style = "mosaic.jpg"
    output = "presents/cat.png"

Every input is painted in every style: a style is a picture, a folder of pictures (each of them a style), or a blend,
with weights after a colon. Style pictures that lie in an input folder are not painted. `[defaults]` and every
`[[item]]` can have `preset`, `weights` (a file), `frames` ("0:48", or "0:2s"), `fps`, `upscale`, `aspect` ("9:16"),
`pad` ("black"), `output_size` ("source", or pixels), `alpha` ("keep"), `codec`, `quality`, `gif`, `gif_size`,
`gif_fps`, `max_bytes` ("5MB"), `region` (["sky.png=wave.jpg"]), `protect` (["face.png"]), `exemplar` (["hand.png",
"later.png@60"]), `keyframes` (["4s: style=ink.jpg"], or tables with `at`, `ease` and what is painted then; outside of
`[defaults]`, `[[keyframes]]` are for all clips too), and any setting by its name; what an item does not say is as in
`[defaults]`. An item whose `input` is among `inputs` says how that one is painted; any other is painted as well. It can
have a `style` or `styles` of its own, and a `name` (a template) or, for a single painting, an `output` (the name as it
is, below the `output` of the file). Relative paths count from the folder of the file; '~' is the home folder.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from pipeline.batch.plan.mistakes import Mistakes
from pipeline.batch.plan.naming import TEMPLATE, Template, exactly, read_template
from pipeline.batch.plan.options import Options
from pipeline.batch.plan.values import OPTIONS, SETTINGS, with_values
from pipeline.errors import SettingsError
from pipeline.file_kind import located
from pipeline.settings import nearest, read_toml_file

StyleText: TypeAlias = "str | tuple[str, ...]"
"""A style as it was written: a picture, a folder or a blend; or the parts of a blend."""

KEYS = ("inputs", "styles", "output", "name", "pair", "sequences", "defaults", "keyframes", "item")
ITEM_KEYS = ("input", "style", "styles", "name", "output")


@dataclass(frozen=True)
class JobItem:
    """An `[[item]]`."""

    place: str
    """Where it stands, for messages: 'job.toml, item 2'."""
    input: str
    styles: tuple[StyleText, ...]
    """Its own; none: those of the file."""
    options: Options
    template: Template
    single: bool
    """Whether its name is for one painting only."""


@dataclass(frozen=True)
class JobFile:
    """What stands in a job file, checked but for the files it names."""

    place: str
    home: Path
    """Its folder, from which relative paths count."""
    inputs: tuple[str, ...]
    styles: tuple[StyleText, ...]
    output: Path | None
    pair: bool
    sequences: bool
    options: Options
    template: Template
    items: tuple[JobItem, ...]


def read_job_file(path: Path, mistakes: Mistakes) -> JobFile:
    """Read a job file.

    :param mistakes: gets all that is wrong in it; what is returned is then of no use.
    :raises SettingsError: no such file, or not TOML.
    """
    values = read_toml_file(path, "job file")
    place, home = path.name, path.absolute().parent
    for key in values:
        with mistakes.collected(place):
            if key not in KEYS:
                raise SettingsError(_unknown(key))
    defaults = dict(_table(values, "defaults", mistakes, place))
    with mistakes.collected(place):
        if "keyframes" in values and "keyframes" in defaults:
            raise SettingsError("keyframes stand in [defaults] and outside of it. Write them once.")
        # Tables [[keyframes]] at the top are for all clips.
        defaults |= {"keyframes": values["keyframes"]} if "keyframes" in values else {}
    options = with_values(Options(), defaults, home, mistakes, f"{place}, defaults")
    template = read_template(TEMPLATE)
    with mistakes.collected(place):
        template = read_template(_text(values, "name", TEMPLATE))
    inputs, styles = _texts(values, "inputs", mistakes, place), _styles(values, "styles", mistakes, place)
    tables = values.get("item", [])
    items = []
    with mistakes.collected(place):
        if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
            raise SettingsError("items are tables of their own; write [[item]] above each.")
        items = [
            _item(table, home, mistakes, f"{place}, item {number}", options, template)
            for number, table in enumerate(tables, 1)
        ]
    output = None
    with mistakes.collected(place):
        if "output" in values:
            output = located(_text(values, "output", ""), home)
    with mistakes.collected(place):
        if "inputs" not in values and "item" not in values:
            raise SettingsError('it names nothing to paint. Write inputs = ["holiday/"], or an [[item]] with an input.')
    for where in [place] if inputs and not styles else [item.place for item in items if not (item.styles or styles)]:
        with mistakes.collected(where):
            if "styles" not in values:
                raise SettingsError('it names no style. Write styles = ["ink.jpg"].')
    pair, sequences = (_switch(values, key, mistakes, place) for key in ("pair", "sequences"))
    return JobFile(place, home, inputs, styles, output, pair, sequences, options, template, tuple(items))


def _unknown(key: str) -> str:
    if key in (*OPTIONS, *SETTINGS):
        return f"{key} does not stand here. Write it below [defaults], or below an [[item]]."
    if key in ITEM_KEYS:
        return f"{key} does not stand here but below an [[item]]; for all of them write {key}s."
    return f"there is no key {key!r}{nearest(key, KEYS)}. Keys: {', '.join(KEYS)}."


def _item(
    table: Mapping[str, Any], home: Path, mistakes: Mistakes, place: str, options: Options, template: Template
) -> JobItem:
    own = {key: value for key, value in table.items() if key not in ITEM_KEYS}
    options = with_values(options, own, home, mistakes, place, ITEM_KEYS)
    source = ""
    with mistakes.collected(place):
        if "input" not in table:
            raise SettingsError('it has no input. Write input = "FILE".')
        source = _text(table, "input", "")
    with mistakes.collected(place):
        for one, other in (("style", "styles"), ("name", "output")):
            if one in table and other in table:
                raise SettingsError(f"it has both {one} and {other}. Leave one of them out.")
    styles = _styles(table, "styles" if "styles" in table else "style", mistakes, place)
    with mistakes.collected(place):
        if "output" in table:
            template = exactly(_text(table, "output", ""))
        elif "name" in table:
            template = read_template(_text(table, "name", ""))
    return JobItem(place, source, styles, options, template, "output" in table)


def _table(values: Mapping[str, Any], key: str, mistakes: Mistakes, place: str) -> Mapping[str, Any]:
    table = values.get(key, {})
    with mistakes.collected(place):
        if not isinstance(table, dict):
            raise SettingsError(f"{key} is a table; write [{key}] above it.")
        return table
    return {}


def _text(values: Mapping[str, Any], key: str, otherwise: str) -> str:
    text = values.get(key, otherwise)
    if not isinstance(text, str) or not text.strip():
        raise SettingsError(f"{key} has to be a text in quotes, not {text!r}.")
    return text


def _switch(values: Mapping[str, Any], key: str, mistakes: Mistakes, place: str) -> bool:
    with mistakes.collected(place):
        if not isinstance(values.get(key, False), bool):
            raise SettingsError(f"{key} has to be true or false, not {values[key]!r}.")
    return bool(values.get(key, False))


def _texts(values: Mapping[str, Any], key: str, mistakes: Mistakes, place: str) -> tuple[str, ...]:
    """A list of texts; a single one can stand for itself."""
    given = values.get(key, [])
    given = [given] if isinstance(given, str) else given
    with mistakes.collected(place):
        if key in values and given == []:
            raise SettingsError(f"{key} is an empty list. Name one at least, as a text in quotes.")
        if not _are_texts(given):
            raise SettingsError(f"{key} has to be a list of texts in quotes, not {given!r}.")
        return tuple(given)
    return ()


def _styles(values: Mapping[str, Any], key: str, mistakes: Mistakes, place: str) -> tuple[StyleText, ...]:
    """A list of styles, each of them a text or, for a blend, a list. A text can stand for itself; so, for a key that is
    for a single style, can the list of a blend."""
    given = values.get(key, [])
    given = [given] if isinstance(given, str) or (key == "style" and _are_texts(given) and given) else given
    with mistakes.collected(place):
        if not isinstance(given, list) or (key in values and not given) or not all(_is_style(one) for one in given):
            raise SettingsError(
                f"{key} cannot be {values[key]!r}. Write names of pictures in quotes; a blend is 'a.jpg:0.7+b.jpg:0.3' "
                "or a list ['a.jpg:0.7', 'b.jpg:0.3']."
            )
        return tuple(one if isinstance(one, str) else tuple(one) for one in given)
    return ()


def _is_style(value: object) -> bool:
    return isinstance(value, str) or (_are_texts(value) and bool(value))


def _are_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(entry, str) for entry in value)
