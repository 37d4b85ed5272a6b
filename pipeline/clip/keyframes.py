"""How a clip is painted at some of its times, as a person writes it; between them it changes bit by bit.

    --keyframe "4s: style=b.jpg, strength=0.8"            from what the options say to this, in four seconds
    --keyframe "48 smooth: colours=keep, style-scale=2"   at frame 48, with a gentle start and end
    --keyframe "6s hold: style=a.jpg:0.7+b.jpg:0.3"       not before 6 s, and then at once
    --keyframe "shot 2: style=c.jpg"                      from the second shot on
    --keyframe "2s: region.sky.png=none"                  the region of the mask sky.png goes away

Each quantity has keyframes of its own: those that name it. What none names is as the options say, which are a keyframe
at the start of the input. Nothing here imports what reads pictures, or torch: `reelbrush --help` needs these options.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from pipeline.clip.parse import bound_text
from pipeline.clip.regions import Mask, Region, at_as_json
from pipeline.clip.styles import StylePicture, blend_text, style_as_json, style_from_json
from pipeline.errors import UsageError

LINEAR, SMOOTH, HOLD = EASES = ("linear", "smooth", "hold")
"""How a keyframe is come to: evenly, with a gentle start and end, or not before its time."""
NONE = "none"
"""In the place of a style: the region is not there."""
SHOT = re.compile(r"shot\s*(\d{1,6})", re.IGNORECASE)


@dataclass(frozen=True)
class ShotNumber:
    """The first frame of a shot, the first shot being 1."""

    number: int

    def __str__(self) -> str:
        return f"shot {self.number}"


When = int | Fraction | ShotNumber
"""A frame of the input, counted from 0; a time in it, in seconds; or a shot of what is painted."""


@dataclass(frozen=True)
class RegionKey:
    """How a region is painted from some time on."""

    region: int | Mask
    """Its number, from 1, or its mask, by which it is known among the regions."""
    styles: tuple[StylePicture, ...]
    """None of them: it is not there."""


@dataclass(frozen=True)
class Keyframe:
    """How a clip is painted at a time. What is None, or (), is not said."""

    at: When
    ease: str = LINEAR
    """One of `EASES`."""
    styles: tuple[StylePicture, ...] = ()
    strength: float | None = None
    colours: str | None = None
    style_scale: float | tuple[float, ...] | None = None
    regions: tuple[RegionKey, ...] = ()

    @property
    def all_styles(self) -> tuple[StylePicture, ...]:
        """Those of regions as well."""
        return (*self.styles, *(style for one in self.regions for style in one.styles))

    @property
    def text(self) -> str:
        """As it is written on the command line."""
        scale = self.style_scale if isinstance(self.style_scale, tuple) else (self.style_scale,)
        said = {
            "style": blend_text(self.styles) or None,
            "strength": None if self.strength is None else f"{self.strength:.10g}",
            "colours": self.colours,
            "style-scale": None if self.style_scale is None else ",".join(f"{one:.10g}" for one in scale),
            **{
                f"region.{one.region.text if isinstance(one.region, Mask) else one.region}": blend_text(one.styles)
                or NONE
                for one in self.regions
            },
        }
        return f"{self.head}: " + ", ".join(f"{name}={value}" for name, value in said.items() if value is not None)

    @property
    def head(self) -> str:
        """When it is, and how it is come to: '4s smooth'."""
        return when_text(self.at) + ("" if self.ease == usual_ease(self.at) else f" {self.ease}")


def when_text(at: When) -> str:
    """'48', '1.5s', or 'shot 2'."""
    return str(at) if isinstance(at, ShotNumber) else bound_text(at)


def usual_ease(at: When) -> str:
    """How a keyframe is come to where nothing is said."""
    return HOLD if isinstance(at, ShotNumber) else LINEAR


def region_number(key: RegionKey, regions: Sequence[Region]) -> int:
    """Which region a keyframe speaks of, from 0.

    :raises UsageError: none of them.
    """
    if isinstance(key.region, int):
        if 1 <= key.region <= len(regions):
            return key.region - 1
        raise UsageError(f"region.{key.region}: there {_are(len(regions))}. Regions are counted from 1.")
    paths = key.region.paths
    for number, one in enumerate(regions):
        if key.region == one.mask or (len(paths) == 1 and paths[0] in one.mask.paths):
            return number
    raise UsageError(
        f"region.{key.region.text}: no region has this mask. Say what is there without keyframes: "
        f"--region {key.region.text}=STYLE. One that is not there at first has a keyframe 0: region.MASK=none."
    )


def _are(count: int) -> str:
    return "is one region" if count == 1 else f"are {count or 'no'} regions"


def keyframes_as_json(
    keyframes: Sequence[Keyframe], regions: Sequence[Region], name_of: Callable[[Path], Any] = str
) -> list[dict[str, Any]]:
    """The keyframes in JSON's own types; what is not said is not there.

    :param regions: those that they may speak of.
    :param name_of: what stands for a file. A region is known by its number.
    :raises UsageError: a region that there is not.
    """

    def styles(given: tuple[StylePicture, ...]) -> list[Any]:
        return [style_as_json(style, name_of) for style in given]

    found = []
    for one in keyframes:
        values: dict[str, Any] = {
            "styles": styles(one.styles) or None,
            "strength": one.strength,
            "colours": one.colours,
            "style_scale": list(one.style_scale) if isinstance(one.style_scale, tuple) else one.style_scale,
            "regions": [[region_number(key, regions) + 1, styles(key.styles)] for key in one.regions] or None,
        }
        said = {name: value for name, value in values.items() if value is not None}
        found.append({"at": when_as_json(one.at), "ease": one.ease, **said})
    return found


def keyframes_from_json(stored: Any) -> tuple[Keyframe, ...]:
    """What `keyframes_as_json` gave; regions by their numbers."""
    return tuple(
        Keyframe(
            when_from_json(one["at"]),
            one["ease"],
            tuple(map(style_from_json, one.get("styles", ()))),
            one.get("strength"),
            one.get("colours"),
            tuple(one["style_scale"]) if isinstance(one.get("style_scale"), list) else one.get("style_scale"),
            tuple(RegionKey(number, tuple(map(style_from_json, styles))) for number, styles in one.get("regions", ())),
        )
        for one in stored
    )


def when_as_json(at: When) -> int | str | None:
    """A frame as a number, a time or a shot as a text."""
    return str(at) if isinstance(at, ShotNumber) else at_as_json(at)


def when_from_json(stored: int | str) -> When:
    """What `when_as_json` gave.

    :raises ValueError, ZeroDivisionError: something else.
    """
    if not isinstance(stored, str):
        return stored
    shot = SHOT.fullmatch(stored)
    return Fraction(stored) if shot is None else ShotNumber(int(shot[1]))
