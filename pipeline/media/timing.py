"""Arithmetic with the times of frames: is the rate regular, which frames does another rate show, which clock fits.

All times are exact fractions of a second; nothing here rounds but `hundredths`, which says so.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from fractions import Fraction

_NOMINAL = (
    *(Fraction(n * 1000, 1001) for n in (24, 30, 48, 60, 120)),
    *(Fraction(n) for n in range(1, 241)),
)
_FINEST_CLOCK = 90_000
"""Ticks a second where no exact clock of a sensible size exists: that of MPEG."""
_LARGEST_CLOCK = 10_000_000


def regular_rate(times: Sequence[Fraction], tick: Fraction, stated: Fraction | None) -> Fraction | None:
    """The rate whose regular grid all `times` lie on to within one `tick`, or None where there is no such rate.

    Containers round each time to their clock (Matroska: to 1/1000 s), so regular frames look slightly uneven.

    :param times: in seconds, increasing, the first one 0.
    :param tick: the clock of the container, in seconds.
    :param stated: the rate that the file states, tried first.
    """
    if len(times) < 2:
        return stated
    mean = (len(times) - 1) / (times[-1] - times[0])
    nearest = min(_NOMINAL, key=lambda rate: abs(rate - mean))
    for rate in (stated, nearest, mean.limit_denominator(1001)):
        if rate and all(abs(time * rate - k) <= tick * rate for k, time in enumerate(times)):
            return rate
    return None


def mean_rate(frames: int, duration: Fraction) -> Fraction:
    """Frames a second of a clip that lasts `duration` seconds."""
    return Fraction(frames) / duration


def on_grid(times: Sequence[Fraction], duration: Fraction, rate: Fraction) -> list[int]:
    """Which frame stands at each point of a regular grid of `rate`; the clip keeps its duration.

    :param times: when each frame is first shown, in seconds, from 0, increasing.
    :param duration: end of the last frame, in seconds.
    :param rate: points of the grid a second.
    :return: for each point the index of the frame that is being shown there; frames repeat or are left out.
    """
    points = max(1, round(duration * rate))
    return [max(0, bisect_right(times, k / rate) - 1) for k in range(points)]


def clock(times: Sequence[Fraction], duration: Fraction) -> int:
    """Ticks a second of the coarsest clock on which all `times` and `duration` are whole numbers.

    Where that would need more than 10,000,000 ticks a second it is 90,000, and times must be rounded to it.
    """
    ticks = 1
    for time in (*times, duration):
        ticks = math.lcm(ticks, time.denominator)
        if ticks > _LARGEST_CLOCK:
            return _FINEST_CLOCK
    return ticks


def hundredths(times: Sequence[Fraction], duration: Fraction) -> list[int]:
    """How long each frame is shown, in hundredths of a second, for a GIF; each at least 1.

    The *ends* are rounded, not the lengths, so that errors do not add up over a clip.
    """
    ends = [*times[1:], duration]
    delays, shown = [], 0
    for end in ends:
        delay = max(1, round(end * 100) - shown)
        delays.append(delay)
        shown += delay
    return delays
