"""How long a job still takes, from what it has done so far. Knows no clock: the caller says what time it is."""

from __future__ import annotations

from collections import deque

from pipeline.clip.events import Event, FrameDone, Started, Stepped

# Frames remembered: enough to smooth, few enough to notice that a clip has become harder.
RECENT = 12


class Estimate:
    """Watches the events of one job and says how many seconds are left.

    Until a frame of the usual kind (not the first one, which costs more) is done, a frame's time is its budgeted work
    at the speed seen so far: an upper bound, because a frame may stop early. Still frames, which cost nothing, are
    expected among those to come as often as they have come so far. All passes count.
    """

    def __init__(self) -> None:
        self._started: Started | None = None
        self._frame_began = 0.0
        self._share = 0.0
        self._finished = 0
        self._pace: deque[float] = deque(maxlen=RECENT)
        """Seconds for a step's worth of the budgeted work, of the last frames that were painted."""
        self._frames = self._still = 0
        """Frames after the first that this run has finished, and those among them that needed no painting."""
        self._seconds_of_work: float | None = None

    def see(self, event: Event, now: float) -> None:
        """:param now: seconds on any steady clock."""
        if isinstance(event, Started):
            self._started, self._frame_began, self._finished = event, now, event.done
        elif isinstance(event, Stepped):
            # A frame that is painted a second time begins with no work done.
            self._share = max(self._share, event.share)
        elif isinstance(event, FrameDone) and self._started is not None:
            after_first = self._finished > 0
            self._frames += after_first
            if event.stopped == "still":
                self._still += 1
            elif event.stopped != "kept" and (after_first or self._started.frames == 1):
                self._pace.append((now - self._frame_began) / self._work)
            if self._share > 0:
                self._seconds_of_work = (now - self._frame_began) / (self._share * self._work)
            self._frame_began, self._share = now, 0.0
            self._finished += 1

    @property
    def fraction(self) -> float:
        """Share of the whole job that is done, 0 to 1, by work."""
        if self._started is None or self._started.frames == 0:
            return 0.0
        count = self._started.frames * self._started.passes
        if self._finished >= count:
            return 1.0
        return min(1.0, (self._work_of(self._finished) + self._share * self._work) / self._work_of(count))

    def left(self, now: float) -> float | None:
        """Seconds to the end of painting, or None before the first steps."""
        if self._started is None:
            return None
        here = now - self._frame_began
        count = self._started.frames * self._started.passes
        if self._finished >= count:
            return 0.0
        after = self._work_of(count) - self._work_of(self._finished + 1)
        if self._pace:
            usual = sorted(self._pace)[len(self._pace) // 2]
            painted = 1 - self._still / max(1, self._frames)
            return max(0.0, usual * self._work - here) + usual * painted * after
        speed = self._seconds_of_work
        if self._share > 0.02:
            speed = here / (self._share * self._work)
        if speed is None:
            return None
        return max(0.0, speed * self._work - here) + speed * after

    def _work_of(self, frames: int) -> float:
        """Budgeted work of the first so many frames, over all passes."""
        assert self._started is not None
        if not frames:
            return 0.0
        in_first = min(frames, self._started.frames)
        again = (frames - in_first) * self._started.again_work
        return self._started.first_work + self._started.next_work * (in_first - 1) + again

    @property
    def _work(self) -> float:
        """Budgeted work of the frame that is painted now."""
        return self._work_of(self._finished + 1) - self._work_of(self._finished)
