"""How long a job still takes, from what it has done so far. Knows no clock: the caller says what time it is."""

from __future__ import annotations

from collections import deque

from pipeline.job.events import Event, FrameDone, Started, Stepped

# Frames remembered: enough to smooth, few enough to notice that a clip has become harder.
RECENT = 12


class Estimate:
    """Watches the events of one job and says how many seconds are left.

    Until a frame of the usual kind (not the first one, which costs more) is done, a frame's time is its budgeted work
    at the speed seen so far: an upper bound, because a frame may stop early. Still frames, which cost nothing, are
    expected among those to come as often as they have come so far.
    """

    def __init__(self) -> None:
        self._started: Started | None = None
        self._frame_began = 0.0
        self._share = 0.0
        self._finished = 0
        self._recent: deque[float] = deque(maxlen=RECENT)
        self._frames = self._still = 0
        """Frames after the first that this run has finished, and those among them that needed no painting."""
        self._seconds_of_work: float | None = None
        self._work = 0.0

    def see(self, event: Event, now: float) -> None:
        """:param now: seconds on any steady clock."""
        if isinstance(event, Started):
            self._started, self._frame_began, self._finished = event, now, event.done
            self._work = event.first_work if event.done == 0 else event.next_work
        elif isinstance(event, Stepped):
            # A frame that is painted a second time begins with no work done.
            self._share = max(self._share, event.share)
        elif isinstance(event, FrameDone) and self._started is not None:
            self._frames += event.frame > 0
            if event.stopped == "still":
                self._still += 1
            elif event.frame > 0 or self._started.frames == 1:
                self._recent.append(now - self._frame_began)
            if self._share > 0:
                self._seconds_of_work = (now - self._frame_began) / (self._share * self._work)
            self._frame_began, self._share = now, 0.0
            self._finished = event.frame + 1
            self._work = self._started.next_work

    @property
    def fraction(self) -> float:
        """Share of the whole job that is done, 0 to 1, by work."""
        if self._started is None or self._started.frames == 0:
            return 0.0
        first, rest = self._started.first_work, self._started.next_work
        total = first + rest * (self._started.frames - 1)
        done = (first + rest * (self._finished - 1) if self._finished else 0.0) + self._share * self._work
        return min(1.0, done / total) if self._finished < self._started.frames else 1.0

    def left(self, now: float) -> float | None:
        """Seconds to the end of painting, or None before the first steps."""
        if self._started is None:
            return None
        here = now - self._frame_began
        frames_after = self._started.frames - self._finished - 1
        if frames_after < 0:
            return 0.0
        if self._recent:
            usual = sorted(self._recent)[len(self._recent) // 2]
            painted = 1 - self._still / max(1, self._frames)
            return max(0.0, usual - here) + usual * painted * frames_after
        speed = self._seconds_of_work
        if self._share > 0.02:
            speed = here / (self._share * self._work)
        if speed is None:
            return None
        return max(0.0, speed * self._work - here) + speed * self._started.next_work * frames_after


def spoken(seconds: float) -> str:
    """'45 s', '3 min 20 s', '2 h 05 min'."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
