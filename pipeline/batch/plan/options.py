"""What is the same for many paintings of a batch. `reelbrush --help` needs it: nothing here reads pictures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from pipeline.clip.exemplars import Exemplars
from pipeline.clip.framing import Framing, GifOptions
from pipeline.clip.jobs import AUDIO, CODEC, FPS, FRAMES, LOCATION, QUALITY, SHORTEST, UPSCALE, WEIGHTS
from pipeline.clip.keyframed import Keyframes
from pipeline.clip.parse import FrameRange
from pipeline.options import OUTPUT, option
from pipeline.settings import DEFAULT_PRESET, PRESET


@dataclass(frozen=True, kw_only=True)
class PaintingOptions(Framing, GifOptions, Keyframes, Exemplars):
    """How a painting is made and written: of an `Item`, and of all that a batch says it of."""

    preset: str = field(default=DEFAULT_PRESET, metadata=PRESET)
    weights: Path | None = field(default=None, metadata=WEIGHTS)
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Single settings that replace those of the preset."""
    frames: FrameRange | None = field(default=None, metadata=FRAMES)
    fps: str | None = field(default=None, metadata=FPS)
    upscale: bool = field(default=False, metadata=UPSCALE)
    codec: str | None = field(default=None, metadata=CODEC)
    quality: str | int | None = field(default=None, metadata=QUALITY)
    audio: str | int = field(default="default", metadata=AUDIO)
    shortest: bool = field(default=False, metadata=SHORTEST)
    location: bool = field(default=False, metadata=LOCATION)
    init: Path | None = None
    """A picture that a painting, or each shot of a clip, starts from, instead of what the settings say."""

    def shared(self) -> dict[str, Any]:
        """These fields by name, to make another object that has them."""
        return {one.name: getattr(self, one.name) for one in fields(PaintingOptions)}


@dataclass(frozen=True, kw_only=True)
class Options(PaintingOptions):
    """What is the same for many paintings."""

    gif: bool = field(default=False, metadata=option("A GIF beside every clip.", OUTPUT))
