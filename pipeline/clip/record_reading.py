"""What a result says about how it was made, read as one reads a stranger's letter: every value is looked at first."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import fields, replace
from fractions import Fraction
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any, TypeVar

from pipeline.clip.framing import (
    FLATTEN,
    SDR,
    parse_alpha,
    parse_aspect,
    parse_colour,
    parse_depth,
    parse_gif_fps,
    parse_hdr,
    parse_output_size,
)
from pipeline.clip.keyframes import EASES, SHOT, When, when_from_json
from pipeline.clip.parse import AUDIO, parse_bytes, parse_rate
from pipeline.clip.provenance import IN_FILE, JOB, SOFTWARE, Ingredient, KeyframeIngredients, Record, RegionIngredients
from pipeline.errors import MediaError, ReplayError, SettingsError, UsageError
from pipeline.frame_numbers import FrameNumbers
from pipeline.media import read_metadata
from pipeline.motion.given_cuts import cuts_of_painted
from pipeline.settings import DEFAULT_PRESET, PRESETS, Settings, checked, read_toml, resolve
from pipeline.text import LONGEST, sanitize_line

T = TypeVar("T")

_SHA256 = re.compile(r"[0-9a-f]{64}")
_VERSION = re.compile(rf"{SOFTWARE} ([0-9A-Za-z.+-]{{1,40}})")
_RATE = re.compile(r"\d{1,40}(/\d{1,40})?")  # what is longer could keep a Fraction busy for hours
_WORD = re.compile(r"[A-Za-z0-9]{1,20}")
_FLOW = re.compile(r"[ -~]{1,60}")
_MOST_FRAMES = 10**9
_MOST_REGIONS = 1000
_ENDLESS = re.compile(r"\w{1000}")  # a number so long that it cannot even be printed
_HEAVIEST = 1e300  # what is more may be no float any more
_LONGEST_PATH = 4096


class _Malformed(Exception):
    """A value is not what `Record.texts` writes."""


def read_record(result: Path) -> Record:
    """How a result was made, from its metadata. Paths in it are relative to the folder of the result.

    :raises MediaError: the file cannot be read.
    :raises ReplayError: it does not say how it was made, or says what cannot be.
    """
    try:
        texts = read_metadata(result)
    except MediaError as error:
        if not result.is_dir():
            raise
        raise ReplayError(f"{result}: there is no frame_000001.png or the like in this folder ({error}).") from None
    version = _VERSION.fullmatch(texts.get("software", ""))
    if JOB not in texts or version is None:
        raise ReplayError(
            f"{result} does not say how it was made. Reelbrush writes that into the metadata of every result; a "
            "program that converts, resizes or uploads a file often drops it, and very old results lack it. Give the "
            "file as Reelbrush wrote it, or paint with reelbrush video or reelbrush image."
        )
    try:
        return _record(texts, version[1])
    except _Malformed as error:
        raise ReplayError(
            f"What {result} says about how it was made cannot be read: {error}. The file is damaged, was changed by "
            "another program, or comes from a newer version of Reelbrush."
        ) from None


def _record(texts: Mapping[str, str], version: str) -> Record:
    try:
        job = json.loads(texts[JOB])
    except (ValueError, RecursionError):
        raise _Malformed("it is not JSON") from None
    job = _table(job, "the job")
    network = _table(job.get("network"), "network")
    styles = job.get("styles")
    if not isinstance(styles, list) or not styles:
        raise _Malformed("styles is not a list")
    precision = _one_of(job.get("precision"), "precision", ("float32", "bfloat16"))
    kind = _one_of(job.get("kind"), "kind", ("clip", "picture"))
    init, flow = job.get("init"), texts.get("flow")
    if "settings" not in texts:
        raise _Malformed("there are no settings")
    return Record(
        kind=kind,
        source=_ingredient(job.get("input"), "input"),
        styles=tuple(_style(style) for style in styles),
        region=tuple(_region(one) for one in _list(job.get("region", []), "region")),
        protect=tuple(_mask(one) for one in _list(job.get("protect", []), "protect")),
        keyframes=tuple(_keyframe(one, job) for one in _list(job.get("keyframes", []), "keyframes")),
        network=_one_of(network.get("name"), "network", ("builtin", "vgg19")),
        digest=_text(network.get("sha256"), "the hash of the network", _SHA256),
        precision=precision,
        settings=texts["settings"],
        init=None if init is None else _ingredient(init, "init"),
        exemplar=_exemplars(job),
        flow=None if flow is None else _text(flow, "flow", _FLOW),
        frames=_frames(job.get("frames")),
        rate=_rate(job.get("fps")),
        cuts_in_file=_one_of(job.get("cuts"), "cuts", (IN_FILE, None)) is not None
        or (job.get("frames") is None and job.get("fps") is None),
        upscale=_one_of(job.get("upscale"), "upscale", (True, False)),
        codec=None if job.get("codec") is None else _text(job["codec"], "codec", _WORD),
        quality=_quality(job.get("quality")),
        audio=_audio(job.get("audio", "default")),
        shortest=_one_of(job.get("shortest", False), "shortest", (True, False)),
        location=_one_of(job.get("location", False), "location", (True, False)),
        aspect=_parsed(job.get("aspect"), "aspect", parse_aspect),
        pad=_parsed(job.get("pad"), "pad", parse_colour),
        output_size=_parsed(job.get("output_size"), "output_size", parse_output_size),
        alpha=_parsed(job.get("alpha", FLATTEN), "alpha", parse_alpha) or FLATTEN,
        depth=_parsed(job.get("depth"), "depth", parse_depth),
        hdr=_parsed(job.get("hdr", SDR), "hdr", parse_hdr) or SDR,
        gif_fps=_parsed(job.get("gif_fps"), "gif_fps", parse_gif_fps),
        max_bytes=_parsed(job.get("max_bytes"), "max_bytes", lambda value: parse_bytes(str(value))),
        until=_steps(job.get("until")),
        version=version,
    )


def _parsed(value: Any, name: str, parse: Callable[[str], T]) -> T | None:
    """What the text of an option was made to."""
    if value is None:
        return None
    try:
        if type(value) not in (str, int) or len(str(value)) > 40 or (found := parse(value)) != value:
            raise UsageError("")
    except UsageError:
        raise _Malformed(f"{name} is not what it should be") from None
    return found


def _table(value: Any, name: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _Malformed(f"{name} is not a table")
    return value


def _one_of(value: Any, name: str, choices: tuple[Any, ...]) -> Any:
    # By type too: 1 equals True.
    if not any(value == choice and type(value) is type(choice) for choice in choices):
        raise _Malformed(f"{name} is none of {', '.join(map(str, choices))}")
    return value


def _audio(value: Any) -> str | int:
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return value
    return str(_one_of(value, "audio", AUDIO))


def _text(value: Any, name: str, pattern: re.Pattern[str]) -> str:
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise _Malformed(f"{name} is not what it should be")
    return value


def _ingredient(value: Any, name: str) -> Ingredient:
    table = _table(value, name)
    path, weight = table.get("path"), table.get("weight", 1.0)
    if not isinstance(path, str) or not 0 < len(path) <= _LONGEST_PATH or "\0" in path:
        raise _Malformed(f"the path of {name} is none")
    windows = PureWindowsPath(path)
    if PurePosixPath(path).is_absolute() or windows.drive or windows.root:
        raise _Malformed(f"the path of {name} is not relative")
    number = isinstance(weight, (int, float)) and not isinstance(weight, bool)
    if not number or not 0 < weight < _HEAVIEST:
        raise _Malformed(f"the weight of {name} is not a number above zero")
    return Ingredient(Path(path), _text(table.get("sha256"), f"the hash of {name}", _SHA256), float(weight))


def _list(value: Any, name: str) -> list[Any]:
    if not isinstance(value, list) or len(value) > _MOST_REGIONS:
        raise _Malformed(f"{name} is not a list")
    return value


def _style(value: Any) -> Ingredient:
    found, part = _ingredient(value, "a style"), value.get("part")
    if part is None:
        return found
    if not isinstance(part, list) or len(part) != 4 or not all(map(_is_frame, part)) or None in part or 0 in part[2:]:
        raise _Malformed("the part of a style is none")
    left, top, width, height = part
    return replace(found, part=(left, top, width, height))


def _mask(value: Any) -> tuple[Ingredient, ...]:
    pictures = _list(value, "a mask")
    if not pictures:
        raise _Malformed("a mask is none")
    return tuple(replace(_ingredient(one, "a mask"), at=_moment(one.get("at"))) for one in pictures)


def _exemplars(job: Mapping[str, Any]) -> tuple[Ingredient, ...]:
    found = [
        replace(_ingredient(one, "an exemplar"), at=_moment(one.get("at"), "an exemplar"))
        for one in _list(job.get("exemplar", []), "exemplar")
    ]
    # As it was called when there could only be the first one.
    return (*([] if job.get("first") is None else [_ingredient(job["first"], "first")]), *found)


def _moment(value: Any, of: str = "a mask") -> int | Fraction | None:
    """A frame or a time; None for neither."""
    if isinstance(value, str):
        try:
            return Fraction(_text(value, f"the time of {of}", _RATE))
        except ZeroDivisionError:
            raise _Malformed(f"the time of {of} is none") from None
    if not _is_frame(value):
        raise _Malformed(f"the frame of {of} is none")
    return value  # type: ignore[no-any-return]


def _region(value: Any) -> RegionIngredients:
    table = _table(value, "a region")
    styles = tuple(map(_style, _list(table.get("styles"), "the styles of a region")))
    if not styles:
        raise _Malformed("a region has no style")
    return RegionIngredients(_mask(table.get("mask")), styles)


def _keyframe(value: Any, job: dict[str, Any]) -> KeyframeIngredients:
    table = _table(value, "a keyframe")
    regions = []
    for entry in _list(table.get("regions", []), "the regions of a keyframe"):
        number, styles = _list(entry, "a region of a keyframe") if len(_list(entry, "a region")) == 2 else (None, None)
        if type(number) is not int or not 0 < number <= len(_list(job.get("region", []), "region")):
            raise _Malformed("a keyframe speaks of a region that there is not")
        regions.append((number, tuple(map(_style, _list(styles, "the styles of a keyframe")))))
    return KeyframeIngredients(
        _when(table.get("at")),
        _one_of(table.get("ease"), "the ease of a keyframe", EASES),
        tuple(map(_style, _list(table.get("styles", []), "the styles of a keyframe"))),
        _setting(table, "strength"),
        _setting(table, "colours"),
        _setting(table, "style_scale"),
        tuple(regions),
    )


def _when(value: Any) -> When:
    if isinstance(value, str) and SHOT.fullmatch(value):
        return when_from_json(value)
    found = _moment(value, "a keyframe")
    if found is None:
        raise _Malformed("a keyframe has no time")
    return found


def _setting(table: dict[str, Any], name: str) -> Any:
    """What a keyframe says of a setting, if it does."""
    if table.get(name) is None:
        return None
    try:
        return checked(name, table[name])
    except (SettingsError, TypeError):
        raise _Malformed(f"the {name} of a keyframe is none") from None


def _frames(value: Any) -> tuple[int | None, int | None] | None:
    if value is None:
        return None
    if not isinstance(value, list) or len(value) != 2 or not all(map(_is_frame, value)):
        raise _Malformed("frames is not a range")
    first, stop = value
    return first, stop


def _steps(value: Any) -> int | None:
    if value is None or (type(value) is int and 0 < value <= _MOST_FRAMES):
        return value
    raise _Malformed("until is not a number of steps")


def _is_frame(value: Any) -> bool:
    return value is None or (type(value) is int and 0 <= value <= _MOST_FRAMES)


def _rate(value: Any) -> Fraction | None:
    if value is None:
        return None
    text = _text(value, "fps", _RATE)
    try:
        return parse_rate(text)
    except UsageError:
        raise _Malformed("fps is not a frame rate") from None


def _quality(value: Any) -> str | int | None:
    if value is None or (type(value) is int and 0 <= value <= 100):
        return value
    return _text(value, "quality", _WORD)


def recorded_settings(record: Record) -> tuple[Settings, tuple[str, ...]]:
    """The settings of a record, to the last digit, and what a person should know of them, a sentence each.

    :raises ReplayError: they are no settings, or none that can be.
    """
    values = recorded_values(record)
    known = {f.name: f.default for f in fields(Settings) if f.name != "preset"}
    notes = []
    unknown = sorted(set(values) - set(known) - {"preset", "network"})  # the network stands in the job
    if unknown:
        notes.append(
            f"This version of Reelbrush does not have the settings {sanitize_line(', '.join(unknown), LONGEST)} that "
            "were recorded; they are left out, and the frames may differ."
        )
    lacking = sorted(set(known) - set(values))
    if lacking:
        notes.append(
            f"The result does not say what {', '.join(lacking)} were, settings that its version did not have; they are "
            "left at what changes least, and the frames may differ."
        )
    preset = values.get("preset")
    # All values are here: a preset that is not known any more is nothing but a name.
    preset = preset if isinstance(preset, str) and preset in PRESETS else DEFAULT_PRESET
    own = {name: values.get(name, default) for name, default in known.items() if name in values or default != ()}
    try:
        settings = resolve(preset, own)
    except SettingsError as error:
        raise ReplayError(
            f"The settings that were recorded cannot be: {sanitize_line(error, LONGEST)} The file was changed by "
            "another program, or comes from a newer version of Reelbrush."
        ) from None
    if settings.seconds:
        notes.append(f"Each frame had {settings.seconds:g} s: how far it came in them depends on the machine.")
    return settings, tuple(notes)


def recorded_values(record: Record) -> dict[str, Any]:
    """The settings of a record as they stand in it, unchecked.

    :raises ReplayError: they are not TOML.
    """
    try:
        if _ENDLESS.search(record.settings):
            raise ValueError("it holds a word of a thousand letters")
        found = read_toml(record.settings)
    except ValueError as error:
        raise ReplayError(
            f"The settings that were recorded are not valid TOML ({sanitize_line(error, LONGEST)}). The file is "
            "damaged or was changed by another program."
        ) from None
    cuts = found.get("cuts")
    if not record.cuts_in_file and record.rate is None and record.frames is not None and isinstance(cuts, str):
        with suppress(UsageError):
            return {**found, "cuts": cuts_of_painted(cuts, FrameNumbers(record.frames[0] or 0))}
    return found
