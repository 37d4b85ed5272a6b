"""The words every room shares: a frame, what is known of a clip, where frames come from and go to."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Protocol, TypeAlias

from pipeline.frame_numbers import ALL_FRAMES, FrameNumbers
from pipeline.media.file_streams import Contents
from pipeline.types import DeepImage, Image

Box: TypeAlias = tuple[int, int, int, int]
"""Part of a picture: its left and upper edge, its width and height, in pixels."""


@dataclass(frozen=True)
class Frame:
    """One picture of a clip and its place in time."""

    index: int
    """Position in the source as it is read, from 0."""
    time: Fraction
    """When the frame is first shown, in seconds from the start of the clip."""
    image: Image
    deep: DeepImage | None = None
    """The same with 16 bits a channel, where it has more than 8."""

    @property
    def exact(self) -> Image | DeepImage:
        """It with all the bits that there are of it."""
        return self.image if self.deep is None else self.deep


@dataclass(frozen=True)
class VideoInfo:
    """What is known of a clip before its first frame is painted."""

    path: Path
    kind: str
    """'video', 'animation' (GIF, WebP, APNG), 'folder' or 'picture'."""
    width: int
    height: int
    """Size in pixels as the eye sees it: after rotation."""
    rate: Fraction
    """Frames a second; of a clip with a variable rate, the mean."""
    times: tuple[Fraction, ...]
    """When each frame is first shown, in seconds; `len(times)` is the number of frames."""
    duration: Fraction
    """Seconds from the start of the clip to the end of its last frame."""
    variable: bool
    """True where the distances between frames differ by more than rounding."""
    audio: str | None
    """Codec of the audio stream that a player takes, None where there is none."""
    rotation: int = 0
    """Degrees by which the container asks to turn the stored picture (already done in the frames)."""
    colour: str = ""
    """Colour space as the file states it, for instance 'bt709'; empty where untagged."""
    notes: tuple[str, ...] = ()
    """Things a person should know, a sentence each: 'HDR is not tone-mapped', 'no frame rate, 24 assumed'."""
    alpha: bool = False
    """Whether the file has room for transparency; whether anything is transparent is another question."""
    bits: int = 8
    """Of a channel of a pixel, in the file."""
    deep: bool = False
    """Whether the frames come with more than 8 of them."""
    hdr: str = ""
    """Of HDR its transfer as ffmpeg names it; the frames are what an ordinary screen shows of it."""
    start: Fraction = Fraction(0)
    """Where the first frame stands on the clock of the file, in seconds; a slice begins later. Sound needs it."""
    sound_beyond: tuple[Fraction, ...] = ()
    """Seconds for which each audio stream goes on after the last picture of the file; 0 where the clip ends before."""
    contents: Contents = field(default_factory=Contents)
    """Of a video, all that its file holds."""
    source_width: int = 0
    source_height: int = 0
    """Size in pixels before any cropping and resizing, as the eye sees it."""
    crop: Box | None = None
    """The part of it that the frames show; None: all."""
    plays: int = 0
    """How often an animation is played, 0 for ever; no other kind says."""
    numbers: tuple[int, ...] = ()
    """What the pictures of a numbered folder are called; () where the frames have no numbers of their own."""
    part: tuple[int | None, int | None] | None = None
    """First frame of the file, counted from 0, and the one before which the clip ends; None: all of them."""
    in_file: FrameNumbers = ALL_FRAMES
    """Which frames of the file they are."""

    @property
    def frames(self) -> int:
        """Number of frames."""
        return len(self.times)

    @property
    def kept(self) -> tuple[int, int]:
        """Width and height in pixels of what the frames show, before any resizing."""
        return (self.source_width, self.source_height) if self.crop is None else self.crop[2:]


class FrameSource(Protocol):
    """Frames in. A video, an animated picture, a numbered folder and a single picture all look the same."""

    @property
    def info(self) -> VideoInfo: ...

    def frames(self, start: int = 0) -> Generator[Frame, None, None]:
        """Yield frames from number `start` on, lazily and in order; closing the generator frees everything."""
        ...

    def at_size(self, width: int, height: int) -> FrameSource:
        """The same frames at another size."""
        ...

    def opacity(self, width: int, height: int) -> FrameSource:
        """How opaque the frames are, at another size: uint8 (height, width), 0 where nothing is to be seen."""
        ...


class FrameSink(Protocol):
    """Frames out. Nothing appears under the final name before `finish` has checked the result."""

    @property
    def notes(self) -> tuple[str, ...]:
        """Things a person should know of the result, a sentence each; complete after `finish`."""
        ...

    def put(self, frame: Frame) -> None:
        """Take the next frame; frames come in order."""
        ...

    def complete(self) -> None:
        """Complete the file and check it (frames, duration, sound); it has no name yet."""
        ...

    def finish(self) -> None:
        """Complete the file, where that has not been done, and give it its name."""
        ...

    def abort(self) -> None:
        """Stop, remove the unfinished part; what existed before stays as it was."""
        ...
