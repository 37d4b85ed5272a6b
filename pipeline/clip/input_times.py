"""When frames are shown in the input, whichever part of it is painted and at whichever rate."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from pipeline.clip.parse import bound_text
from pipeline.errors import UsageError
from pipeline.frame_numbers import ALL_FRAMES, FrameNumbers
from pipeline.media import open_source
from pipeline.media.frame import VideoInfo


@dataclass(frozen=True)
class InputTimes:
    """Numbers of frames and times, which count from the start of the input, as those of --frames do."""

    whole: tuple[Fraction, ...]
    """When each frame of the input begins, in seconds."""
    end: Fraction
    """When the last one ends."""
    painted: tuple[Fraction, ...]
    """Of each frame that is painted its time in the input."""
    in_file: FrameNumbers = ALL_FRAMES
    """Which of the input they are."""

    @property
    def frames(self) -> int:
        """Of the whole input."""
        return len(self.whole)

    def of(self, at: int | Fraction) -> Fraction:
        """The time of a frame, or a time."""
        return self.whole[at] if isinstance(at, int) else at

    def reaches(self, at: int | Fraction) -> bool:
        """Whether the input has such a frame or time; by less than a frame it may be beyond the end."""
        if isinstance(at, int):
            return at < self.frames
        return at < self.end + (self.end - self.whole[-1])

    def check(self, at: int | Fraction, text: str, name: str) -> None:
        """See that the input has such a frame or time.

        :param text: what names it, in the message.
        :param name: that of the input.
        :raises UsageError: it has not.
        """
        if not self.reaches(at):
            raise UsageError(
                f"{text}: there is no such frame. The last of {name} is number {self.frames - 1}, counted from 0, and "
                f"begins at {bound_text(self.whole[-1])}."
            )

    def first_from(self, time: Fraction) -> int:
        """The first frame that is painted at a time or after it; as many as there are for none."""
        return next((index for index, one in enumerate(self.painted) if one >= time), len(self.painted))


def input_times(source: Path, info: VideoInfo, rate: Fraction | None) -> InputTimes:
    """Those of a clip that is opened.

    :param info: of what is painted of it.
    :param rate: that was asked for.
    """
    # Of a folder it is how fast it plays; of what has times of its own, how they are taken up.
    resampled = rate is not None and info.kind in ("video", "animation")
    whole = info
    if info.part is not None or resampled:
        whole = open_source(source, fps=None if resampled else rate).info
    begin = whole.times[(info.part or (0,))[0] or 0]
    end, painted = max(whole.duration, whole.times[-1]), tuple(begin + time for time in info.times)
    return InputTimes(whole.times, end, painted, info.in_file)
