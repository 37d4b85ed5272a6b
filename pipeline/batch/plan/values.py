"""How the paintings of a batch are made, read from a job file or the command line, and checked at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from pipeline.batch.plan.mistakes import Mistakes
from pipeline.batch.plan.options import Options
from pipeline.clip.exemplars import parse_exemplar
from pipeline.clip.framing import (
    LARGEST,
    parse_alpha,
    parse_aspect,
    parse_colour,
    parse_depth,
    parse_gif_fps,
    parse_hdr,
    parse_output_size,
)
from pipeline.clip.keyframe_texts import parse_keyframes
from pipeline.clip.keyframes import region_number
from pipeline.clip.parse import FrameRange, parse_audio, parse_bytes, parse_frames, parse_rate
from pipeline.clip.regions import parse_mask, parse_region
from pipeline.errors import SettingsError, UsageError
from pipeline.file_kind import located, no_file
from pipeline.media.codecs import CODECS, QUALITIES
from pipeline.settings import PRESETS, Settings, checked, nearest, refuse_network, resolve, split_start

OPTIONS = tuple(f.name for f in fields(Options) if f.name not in ("settings", "init"))
SETTINGS = tuple(f.name for f in fields(Settings) if f.name not in OPTIONS)


def with_values(
    options: Options,
    values: Mapping[str, Any],
    home: Path,
    mistakes: Mistakes,
    place: str = "",
    also: Iterable[str] = (),
) -> Options:
    """`options` with some replaced by `values`, which are fields of it and single settings, as a person wrote them.

    :param home: the folder that relative paths count from.
    :param mistakes: gets every unknown name and impossible value; what is returned is then of no use.
    :param place: where the values stand, such as 'job.toml, defaults'.
    :param also: other names that can stand there, for the nearest one of a misspelt name.
    """
    before = len(mistakes)
    new: dict[str, Any] = {}
    settings = dict(options.settings)
    others, picture = split_start(values, home)
    if "start" in values:
        # Who says 'noise' of an item wants no picture that is said of all.
        new["init"] = picture and located(str(values["start"]), home)
        with mistakes.collected(place):
            if new["init"] is not None and not new["init"].is_file():
                raise UsageError(no_file(new["init"], "picture to start from", values["start"]))
    for name, value in others.items():
        with mistakes.collected(place):
            if name in _READ:
                new[name] = _READ[name](value, home)
            elif name in SETTINGS:
                settings[name] = plain(checked(name, value))
            else:
                refuse_network(name)
                raise SettingsError(f"There is no setting {name!r}{nearest(name, (*OPTIONS, *SETTINGS, *also))}.")
    options = replace(options, **new, settings=settings)
    if len(mistakes) == before:
        with mistakes.collected(place):
            # Some go together only one way.
            options.check_framing()
            _check_keyframes(options)
            _check_regions(options)
            resolve(options.preset, options.settings)
    return options


def _check_keyframes(options: Options) -> None:
    """See that keyframes name what there is.

    :raises UsageError: a style that is missing, or a region that there is not.
    """
    for one in options.keyframes:
        for key in one.regions:
            region_number(key, options.region)
        for style in one.all_styles:
            if not style.path.is_file():
                raise UsageError(f"keyframe {one.head!r}: {no_file(style.path, 'style picture')}")


def _check_regions(options: Options) -> None:
    """See that the masks of regions are there, and what these are painted like.

    :raises UsageError: one is not.
    """
    for path in options.region_files:
        if not path.exists():
            raise UsageError(no_file(path, "mask or style picture"))


def plain(value: Any) -> Any:
    """A checked setting as JSON can hold it, so that `checked` reads it again: the same for the same setting."""
    if isinstance(value, tuple) and all(isinstance(entry, tuple) for entry in value):
        return dict(sorted(value))
    return list(value) if isinstance(value, tuple) else value


def _word(name: str, words: Iterable[str]) -> Callable[[Any, Path], str]:
    words = tuple(words)

    def read(value: Any, home: Path) -> str:
        if not isinstance(value, str) or value.lower() not in words:
            raise SettingsError(
                f"{name} cannot be {value!r}{nearest(str(value), words)}. It is one of {', '.join(words)}."
            )
        return value.lower()

    return read


def _switch(name: str) -> Callable[[Any, Path], bool]:
    def read(value: Any, home: Path) -> bool:
        if not isinstance(value, bool):
            raise SettingsError(f"{name} has to be true or false, not {value!r}.")
        return value

    return read


def _weights(value: Any, home: Path) -> Path:
    if not isinstance(value, (str, Path)) or not str(value).strip():
        raise SettingsError(f"weights has to be the name of a file, not {value!r}.")
    path = located(str(value), home)
    if not path.is_file():
        raise UsageError(no_file(path, "file with weights", str(value)))
    return path


def _each(name: str, parse: Callable[[str, Path], Any]) -> Callable[[Any, Path], tuple[Any, ...]]:
    """A list of texts; a single one can stand for itself."""

    def read(value: Any, home: Path) -> tuple[Any, ...]:
        given = [value] if isinstance(value, str) else value
        if not isinstance(given, (list, tuple)) or not all(isinstance(one, str) for one in given):
            raise SettingsError(f"{name} has to be a list of texts in quotes, not {value!r}.")
        return tuple(parse(one, home) for one in given)

    return read


def _frames(value: Any, home: Path) -> FrameRange:
    return parse_frames(str(value))


def _rate(value: Any, home: Path) -> str:
    parse_rate(str(value))
    return str(value).strip()


def _audio(value: Any, home: Path) -> str | int:
    if isinstance(value, bool):
        raise SettingsError(f'audio cannot be {str(value).lower()}. It is "all", "none" or the number of a track.')
    return parse_audio(str(value))


def _quality(value: Any, home: Path) -> str | int:
    text = str(value).strip()
    if isinstance(value, bool) or not (text in QUALITIES or text.isdecimal()):
        raise SettingsError(
            f"quality cannot be {value!r}{nearest(text, QUALITIES)}. It is one of {', '.join(QUALITIES)}, or a number."
        )
    return int(text) if text.isdecimal() else text


def _gif_size(value: Any, home: Path) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= LARGEST:
        raise SettingsError(f"gif_size has to be a number of pixels from 1 to {LARGEST}, not {value!r}.")
    return value


_READ: dict[str, Callable[[Any, Path], Any]] = {
    "preset": _word("preset", PRESETS),
    "weights": _weights,
    "frames": _frames,
    "fps": _rate,
    "upscale": _switch("upscale"),
    "aspect": lambda value, home: parse_aspect(value),
    "pad": lambda value, home: parse_colour(value),
    "alpha": lambda value, home: parse_alpha(value),
    "depth": lambda value, home: parse_depth(value),
    "hdr": lambda value, home: parse_hdr(value),
    "output_size": lambda value, home: parse_output_size(value),
    "codec": _word("codec", CODECS),
    "quality": _quality,
    "audio": _audio,
    "shortest": _switch("shortest"),
    "location": _switch("location"),
    "gif": _switch("gif"),
    "region": _each("region", parse_region),
    "protect": _each("protect", parse_mask),
    "exemplar": _each("exemplar", parse_exemplar),
    "keyframes": parse_keyframes,
    "gif_size": _gif_size,
    "gif_fps": lambda value, home: parse_gif_fps(str(value)),
    "max_bytes": lambda value, home: parse_bytes(str(value)),
}
