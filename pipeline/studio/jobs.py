"""What `reelbrush studio` is told. Nothing here imports what reads pictures, torch, or the page."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from pipeline.clip.jobs import StylePicture, parse_style
from pipeline.options import MAIN, RUN, argument, option


@dataclass(frozen=True)
class StudioJob:
    """What the studio opens with, and where."""

    source: Path | None = field(
        default=None,
        metadata=argument("A video, a GIF, a folder of pictures or a picture to open with.", "INPUT"),
    )
    styles: tuple[StylePicture, ...] = field(
        default=(),
        metadata=option(
            "A painting to open with; several blend.",
            MAIN,
            flags=("--style", "-s"),
            metavar="FILE[:WEIGHT]",
            read=parse_style,
            each=True,
        ),
    )
    port: int | None = field(
        default=None,
        metadata=option(
            "Port of the page, on this machine only.", RUN, low=1, high=65535, default="8760 or a free one"
        ),
    )
    browser: bool = field(default=True, metadata=option("Do not open the page in the browser.", RUN))
