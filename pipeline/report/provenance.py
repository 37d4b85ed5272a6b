"""How a result was made, as a table for people and as JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from pipeline.clip.framing import FLATTEN
from pipeline.clip.keyframes import when_text
from pipeline.clip.parse import bound_text
from pipeline.clip.provenance import Ingredient, Record
from pipeline.clip.record_reading import recorded_values
from pipeline.clip.styles import part_text
from pipeline.text import LONGEST, sanitize_line


def record_rows(record: Record) -> list[tuple[str, ...]]:
    """(what, recorded) for a table; nothing in it that a terminal would obey.

    :raises ReplayError: the settings are not TOML.
    """
    first, stop = record.frames or (None, None)
    frames = "all" if record.frames is None else f"{first or 0}:{'' if stop is None else stop}"
    of_clip = [
        ("optical flow", record.flow or ""),
        ("frames", frames),
        ("frames a second", "those of the input" if record.rate is None else str(record.rate)),
        *([] if record.gif_fps is None else [("frames a second of the GIF", record.gif_fps)]),
        *([] if record.max_bytes is None else [("bytes of the GIF, at most", str(record.max_bytes))]),
        ("codec", record.codec or "by the ending"),
        ("quality", "visual" if record.quality is None else str(record.quality)),
        ("bits a channel", "by the codec" if record.depth is None else str(record.depth)),
        ("HDR", "kept" if record.keeps_hdr else "as an ordinary screen shows it"),
    ]
    shape = record.aspect or "that of the input"
    return [
        ("reelbrush", record.version),
        ("painted as", record.kind),
        ("input", _line(record.source)),
        *(("style", _style_line(style)) for style in record.styles),
        *_region_rows(record),
        *_keyframe_rows(record),
        *([] if record.init is None else [("began as", _line(record.init))]),
        *(("painted by hand", _exemplar_line(one)) for one in record.exemplar),
        *([] if record.until is None else [("accepted after", f"{record.until} steps")]),
        ("network", f"{record.network}, SHA-256 {record.digest}"),
        ("precision", record.precision),
        *(of_clip if record.kind == "clip" else []),
        ("may enlarge", "yes" if record.upscale else "no"),
        ("shape", shape if record.pad is None else f"{shape}, between bars of {record.pad}"),
        ("transparency", "laid on white" if record.alpha == FLATTEN else "kept"),
        ("written at", "the size it was painted at" if record.output_size is None else _size(record.output_size)),
        *(
            (sanitize_line(name, LONGEST), sanitize_line(_plain(value), LONGEST))
            for name, value in recorded_values(record).items()
        ),
    ]


def record_as_json(record: Record) -> str:
    """One line that holds everything.

    :raises ReplayError: the settings are not TOML.
    """
    return json.dumps(
        {
            "reelbrush": record.version,
            "kind": record.kind,
            "input": _ingredient(record.source),
            "styles": list(map(_style, record.styles)),
            "region": [
                {"mask": list(map(_mask, one.mask)), "styles": list(map(_style, one.styles))} for one in record.region
            ],
            "protect": [list(map(_mask, mask)) for mask in record.protect],
            "keyframes": [one.as_json(_style) for one in record.keyframes],
            "init": None if record.init is None else _ingredient(record.init),
            "exemplar": list(map(_mask, record.exemplar)),
            "network": {"name": record.network, "sha256": record.digest},
            "precision": record.precision,
            "flow": record.flow,
            "frames": record.frames,
            "fps": None if record.rate is None else str(record.rate),
            "upscale": record.upscale,
            **record.framing,
            "gif_fps": record.gif_fps,
            "max_bytes": record.max_bytes,
            "until": record.until,
            "codec": record.codec,
            "quality": record.quality,
            "settings": recorded_values(record),
        },
        default=str,
    )


def _line(ingredient: Ingredient) -> str:
    return f"{sanitize_line(ingredient.path.as_posix(), LONGEST)}, SHA-256 {ingredient.sha256}"


def _style_line(style: Ingredient) -> str:
    part = "" if style.part is None else f"part {part_text(style.part)[1:]}, "
    return f"{_line(style)}, {part}weight {style.weight:g}"


def _region_rows(record: Record) -> Iterator[tuple[str, str]]:
    """Of every region where it is and in which styles; then what is not painted."""
    for number, one in enumerate(record.region, 1):
        yield from ((f"region {number}", _mask_line(picture)) for picture in one.mask)
        yield from ((f"style of region {number}", _style_line(style)) for style in one.styles)
    yield from (("not painted", _mask_line(picture)) for mask in record.protect for picture in mask)


def _keyframe_rows(record: Record) -> Iterator[tuple[str, str]]:
    """Of every keyframe what it says; its styles in lines of their own."""
    for one in record.keyframes:
        name = f"keyframe {when_text(one.at)}"
        said = {"strength": one.strength, "colours": one.colours, "style scale": one.style_scale}
        values = [f"{what} {_plain(value)}" for what, value in said.items() if value is not None]
        gone = [f"region {number} is not there" for number, styles in one.regions if not styles]
        yield (name, ", ".join([one.ease, *values, *gone]))
        yield from ((f"style of {name}", _style_line(style)) for style in one.styles)
        for number, styles in one.regions:
            yield from ((f"style of region {number}, {name}", _style_line(style)) for style in styles)


def _mask_line(mask: Ingredient) -> str:
    return f"{_line(mask)}{'' if mask.at is None else f', drawn for {_moment(mask.at)}'}"


def _exemplar_line(one: Ingredient) -> str:
    return f"{_line(one)}, as {'the first frame' if one.at is None else _moment(one.at)}"


def _moment(at: int | Fraction) -> str:
    return f"{'frame ' if isinstance(at, int) else ''}{bound_text(at)}"


def _size(size: str | int) -> str:
    return "the size of the input" if isinstance(size, str) else f"{size} pixels, the longer side"


def _ingredient(ingredient: Ingredient) -> dict[str, str]:
    return {"path": ingredient.path.as_posix(), "sha256": ingredient.sha256}


def _style(style: Ingredient) -> dict[str, Any]:
    return {**_ingredient(style), "weight": style.weight, "part": style.part}


def _mask(mask: Ingredient) -> dict[str, Any]:
    return {**_ingredient(mask), "at": mask.at}


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str)
