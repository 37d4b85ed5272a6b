"""What a sink is to write, and what each kind of it must be able to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Protocol

from pipeline.media.codecs import DEFAULT
from pipeline.media.palette import Palette
from pipeline.media.pixels import Pictures
from pipeline.media.reframe import Reframing
from pipeline.media.sound import Sound
from pipeline.media.subtitles_and_tags import Extras
from pipeline.types import DeepImage, Image


@dataclass(frozen=True)
class SinkPlan:
    """A clip to be written."""

    path: Path
    """Ends in .mp4, .mov, .mkv, .webm or .gif; an existing folder, or a name without an ending, becomes a folder of
    frame_000001.png, frame_000002.png, ..., or of other numbers, see `numbers`"""
    width: int
    height: int
    """Of every frame, in pixels."""
    times: tuple[Fraction, ...]
    """When each frame is first shown, in seconds, increasing, the first one 0."""
    duration: Fraction
    """End of the last frame, in seconds."""
    rate: Fraction
    """Frames a second; of a variable clip the mean."""
    variable: bool = False
    """The frames are not evenly spaced, and keep their own times."""
    sound: Sound | None = None
    """What to put beside the pictures; ignored (with a note) where there is no room for it."""
    extras: Extras | None = None
    """What else there is in the source; the same."""
    codec: str | None = None
    """See `codecs.CODECS`; None for the natural one."""
    quality: str | int | None = None
    """'visual' (None), 'small', 'lossless' or the CRF of the encoder; of a WebP a number up to 100, the best."""
    palette: Palette | None = None
    """Of a GIF instead of a quality; with it, a PNG has no more colours than that."""
    max_bytes: int | None = None
    """That a GIF may take; size, frames and colours are given up for it, least visible first."""
    animation: bool = False
    """.webp, .png and .apng are written too, animated; all frames are in memory then."""
    reframing: Reframing | None = None
    """Makes what is written of the frames that are put in, which may be of another size and of another number; None:
    they are written as they are."""
    alpha: bool = False
    """What is written has a fourth channel, its opacity; `reframing` gives it."""
    depth: int | None = None
    """Bits of a channel; None: as the codec takes what is `deep`."""
    deep: bool = False
    """Whether the source has more than 8 bits a channel."""
    deep_frames: bool = False
    """Whether the frames that are put in come with 16."""
    hdr: str = ""
    """Transfer of HDR that the result gets, see `VideoInfo.hdr`; '' for none."""
    plays: int = 0
    """How often a GIF or an animated picture is played; 0 for ever."""
    numbers: tuple[int, ...] = ()
    """Of the pictures in a folder, increasing; () counts from 1."""
    as_folder: bool = False
    """Numbered pictures, also where the name of the folder has an ending."""
    metadata: Mapping[str, str] = field(default_factory=dict)
    """Texts that `read_metadata` gives back."""
    overwrite: bool = False
    """Replace what is there, at the end, in one step."""
    work: Path | None = None
    """Where temporary files go; None: beside the result, hidden."""

    @property
    def pictures(self) -> Pictures:
        """What a codec has to take."""
        mean_rate = self.rate if self.variable else None
        return Pictures(
            (self.width, self.height), mean_rate, self.alpha, self.depth, self.deep, self.hdr, self.deep_frames
        )

    def left_out(self) -> list[str]:
        """What the source holds and the result does not, a sentence each."""
        suffix = "" if self.as_folder or self.path.is_dir() else self.path.suffix.lower()
        if self.extras is not None:
            note = self.extras.left_out(suffix)
        else:
            note = "The sound is left out: there is no room for it." if self.sound and suffix not in DEFAULT else ""
        light = f"HDR is left out: only a video can hold it, one that ends in {', '.join(DEFAULT)}."
        return ([note] if note else []) + ([light] if self.hdr and suffix not in DEFAULT else [])


class Writer(Protocol):
    """One kind of result. `write` runs in a thread, everything else in the caller's."""

    notes: list[str]

    def write(self, image: Image | DeepImage, position: int) -> None:
        """Encode the frame at `position`; they come in order. With 16 bits a channel where the writer was opened so."""
        ...

    def complete(self) -> None:
        """Complete the part and check it. Raises an OutputError where it is not what it should be."""
        ...

    def publish(self) -> None:
        """Give the complete part its name."""
        ...

    def interrupt(self) -> None:
        """Make a `write` that waits return soon; called from another thread."""
        ...

    def discard(self) -> None:
        """Remove every temporary file."""
        ...
