"""What to paint and where to put it: a clip or a picture. How it is painted is in `Settings`."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path


@dataclass(frozen=True)
class StylePicture:
    """A style picture and its share in the blend."""

    path: Path
    weight: float = 1.0


@dataclass(frozen=True)
class ClipJob:
    """What to paint, and where to put it. How is in `Settings`."""

    source: Path
    """A video, an animated picture, a numbered folder of pictures, or a picture."""
    styles: tuple[StylePicture, ...]
    output: Path
    """A video, a GIF, or a folder for numbered pictures."""
    gif: Path | None = None
    """A GIF beside the output."""
    frames: tuple[int | None, int | None] | None = None
    """First frame, and the one after the last; None for all."""
    rate: Fraction | None = None
    """Frames a second, instead of the source's own."""
    upscale: bool = False
    codec: str | None = None
    quality: str | int | None = None
    overwrite: bool = False
    restart: bool = False
    keep: bool = False
    """Whether the work folder with the lossless frames stays when all is done."""

    @property
    def outputs(self) -> tuple[Path, ...]:
        return (self.output,) if self.gif is None else (self.output, self.gif)

    @property
    def work(self) -> Path:
        """The work folder, beside the output."""
        # '.' has no name: what is called '.reelbrush' would lie in the output, not beside it.
        output = self.output if self.output.name not in ("", "..") else self.output.resolve()
        return output.parent / f"{output.name}.reelbrush"


@dataclass(frozen=True)
class StillJob:
    """What to paint, and where to put it. How is in `Settings`."""

    content: Path
    styles: tuple[StylePicture, ...]
    output: Path | None = None
    """None hands the picture back without writing it."""
    init: Path | None = None
    """A picture to start from, instead of what `settings.start` says; it is resized to fit."""
    upscale: bool = False
    overwrite: bool = False
