"""What of a clip is painted otherwise: in some places, and at some times."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from pipeline.clip.keyframe_texts import parse_keyframe
from pipeline.clip.keyframes import Keyframe
from pipeline.clip.regions import Regions
from pipeline.clip.styles import StylePicture
from pipeline.options import PAINTING, option


@dataclass(frozen=True, kw_only=True)
class Keyframes(Regions):
    """What is painted otherwise at some times of a clip, beside what is painted otherwise in some places."""

    keyframes: tuple[Keyframe, ...] = field(
        default=(),
        metadata=option(
            "How the clip is painted at a time, to which it goes bit by bit: '4s: style=b.jpg, strength=0.8, "
            "colours=keep, style-scale=2, region.sky.png=none'. A time is a frame (48), seconds (4s), or a shot (shot "
            "2), which begins so at once. 4s smooth: starts and ends gently, 4s hold: changes at once. Can be given "
            "several times.",
            PAINTING,
            flags=("--keyframe",),
            metavar="TIME: NAME=VALUE",
            read=parse_keyframe,
            each=True,
        ),
    )

    @property
    def keyframe_styles(self) -> tuple[StylePicture, ...]:
        """Those that keyframes name."""
        return tuple(style for one in self.keyframes for style in one.all_styles)

    @property
    def region_styles(self) -> tuple[StylePicture, ...]:
        """Those of all regions, and those that keyframes name."""
        return (*super().region_styles, *self.keyframe_styles)

    @property
    def region_files(self) -> Iterator[Path]:
        """Every file that the regions and keyframes name."""
        yield from super().region_files
        yield from (style.path for style in self.keyframe_styles)

    @property
    def over_time(self) -> dict[str, Any]:
        """These fields by name, to make another object that has them."""
        return {one.name: getattr(self, one.name) for one in fields(Keyframes)}
