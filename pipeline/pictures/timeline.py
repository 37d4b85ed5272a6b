"""The moments at which several clips are shown together, matched by time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from pipeline.media import VideoInfo

STILLS_LAST = Fraction(4)
"""Seconds of a comparison of nothing but pictures."""
SMOOTH = Fraction(25)
"""Frames a second that a wipe over pictures has; GIFs count in hundredths, so it is exact there."""


@dataclass(frozen=True)
class Timeline:
    """The moments that a comparison shows."""

    times: tuple[Fraction, ...]
    duration: Fraction
    rate: Fraction
    variable: bool
    notes: tuple[str, ...]

    def thinned(self, share: Fraction) -> Timeline:
        """The same time in fewer frames, about that share of them; a line of a single frame stays as it is."""
        count = max(1, round(len(self.times) * share))
        if count == len(self.times):
            return self
        if self.variable:
            chosen = tuple(self.times[k * len(self.times) // count] for k in range(count))
            return replace(self, times=chosen, rate=count / self.duration)
        rate = count / self.duration
        return replace(self, times=tuple(k / rate for k in range(count)), rate=rate)


def shared_timeline(infos: Sequence[VideoInfo], constant_rate: bool = False, least: Fraction = Fraction(0)) -> Timeline:
    """The moments at which clips are shown together, matched by time.

    Clips that are shown at the same times keep them. Others are shown at the highest of their rates (that of GIFs and
    the like counts only where there is no other) until the longest one ends. A shorter GIF begins again, the last frame
    of another shorter clip stays, and a picture stays all the time.

    :param constant_rate: nothing but pictures is more than one frame: something moves over them, or it becomes a
        video, and players differ in what they make of a single long frame.
    :param least: seconds that it lasts, about, where all that moves begins again.
    """
    moving = [info for info in infos if info.frames > 1]
    if not moving:
        rate = SMOOTH
        count = int(STILLS_LAST * rate) if constant_rate else 1
        return Timeline(tuple(k / rate for k in range(count)), STILLS_LAST, rate, not constant_rate, ())
    line = _of_moving(moving)
    rounds = max(1, round(least / line.duration)) if all(map(is_loop, moving)) else 1
    times = tuple(number * line.duration + time for number in range(rounds) for time in line.times)
    return replace(line, times=times, duration=rounds * line.duration)


def _of_moving(moving: Sequence[VideoInfo]) -> Timeline:
    first = moving[0]
    if all(info.times == first.times and info.duration == first.duration for info in moving):
        return Timeline(first.times, first.duration, first.rate, first.variable, ())
    leading = [info for info in moving if not is_loop(info)] or moving
    rate, duration = max(info.rate for info in leading), max(info.duration for info in moving)
    count = max(1, round(duration * rate))
    notes = []
    rates = {info.rate for info in moving}
    if len(rates) > 1 or any(info.variable for info in moving):
        texts = ", ".join(f"{info.path.name} has {float(info.rate):.4g}" for info in moving)
        notes.append(f"The clips are matched by time, at {float(rate):.4g} frames a second ({texts}).")
    short = [info for info in moving if info.duration < duration - 1 / rate]
    if short:
        texts = ", ".join(
            f"{info.path.name} {'begins again' if is_loop(info) else 'stays'} after {float(info.duration):.2f} s"
            for info in short
        )
        notes.append(f"Not all last {float(duration):.2f} s: {texts}.")
    return Timeline(tuple(k / rate for k in range(count)), count / rate, rate, False, tuple(notes))


def is_loop(info: VideoInfo) -> bool:
    """Whether a clip plays for ever: GIFs and the like."""
    return info.kind == "animation"
