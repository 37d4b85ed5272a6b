"""The painter of a clip whose look changes over time, and the style pictures that it needs."""

from __future__ import annotations

from collections.abc import Mapping

from pipeline.clip.engine import read_style
from pipeline.clip.jobs import ClipJob
from pipeline.clip.styles import StylePicture
from pipeline.clip.timeline import Looks, Timeline
from pipeline.style.frame import Style
from pipeline.style.painter import Painter
from pipeline.types import Image

KeyPictures = Mapping[StylePicture, Image]
"""Style pictures, their weights left out."""


def key_pictures(job: ClipJob) -> KeyPictures:
    """Every style picture of a job that has keyframes, each read once.

    :raises MediaError, UsageError: as `read_style`.
    """
    bare = [StylePicture(style.path, part=style.part) for style in (*job.all_styles, *job.region_styles)]
    return {style: read_style(style) for style in dict.fromkeys(bare)} if job.keyframes else {}


def keyed_painter(painter: Painter, timeline: Timeline | None, looks: Looks, pictures: KeyPictures) -> Painter:
    """A painter for the looks of a clip; where there are none, the same."""
    if timeline is None:
        return painter
    parts = [
        [Style(pictures[use.style], colours=use.colours, scale=use.scale) for use in part] for part in looks.variants
    ]
    return painter.over_time(timeline.words, parts)
