"""The arithmetic of a batch: when it ends, how much time each painting gets, and whether there is enough at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.clip.step_budget import HALVINGS
from pipeline.text import duration_text


@dataclass(frozen=True)
class Need:
    """What a painting takes on one worker, as far as that is known."""

    full: float
    """Seconds with all the steps of its settings."""
    least: float
    """Seconds with the fewest steps that it may have; no more than `full`."""

    def share(self, share: float) -> Need:
        """Of a part of it."""
        return Need(self.full * share, self.least * share)


def allot(needs: Sequence[Need], seconds: float, busy: Sequence[float] = (0.0,)) -> list[float]:
    """Seconds that each painting, or part of one, may take, so that all of them are finished in time.

    All get the same share of what full effort was estimated to take, but none less than its least. Where there is more
    time than that, the share is above 1: an estimate that was too low should hurry nobody. Ask again whenever a worker
    is free: what those before have left over, or taken beyond their share, is spread over those that are still to come.
    Where not even the least fits (`shortfall` says so beforehand) everyone gets that.

    :param needs: of the paintings that have not begun, in the order in which they will: each one goes to the worker
        that is free first.
    :param seconds: until all has to be finished.
    :param busy: for each worker the seconds until it is free.
    """

    def at(share: float) -> list[float]:
        return [max(need.least, share * need.full) for need in needs]

    if not any(need.full for need in needs):
        return at(1)
    low, high = 0.0, 1.0
    while makespan(at(high), busy) <= seconds:
        low, high = high, 2 * high
    for _ in range(HALVINGS):
        share = (low + high) / 2
        low, high = (share, high) if makespan(at(share), busy) <= seconds else (low, share)
    return at(low)


def least_seconds(needs: Sequence[Need], busy: Sequence[float] = (0.0,)) -> float:
    """When all would be finished with the least effort; the parameters are those of `allot`."""
    return makespan([need.least for need in needs], busy)


def shortfall(
    needs: Sequence[Need], seconds: float, busy: Sequence[float] = (0.0,), count: int | None = None
) -> str | None:
    """One paragraph that says how much time is missing even with the least effort, and what to do; None where there is
    enough. The parameters are those of `allot`.

    :param count: of the paintings; None: each one is one of `needs`.
    """
    least = least_seconds(needs, busy)
    if least <= seconds:
        return None
    full = makespan([need.full for need in needs], busy)
    have = (
        f"there are {duration_text(seconds)}" if seconds > 0 else "none is left now that everything has been looked at"
    )
    count = len(needs) if count is None else count
    paintings, take = ("1 painting", "takes") if count == 1 else (f"{count} paintings", "take")
    workers = "" if len(busy) == 1 else f" on {len(busy)} workers"
    return (
        f"The time does not suffice: {paintings}{workers} {take} about {duration_text(least)} with the fewest steps "
        f"that make sense (about {duration_text(full)} with all of them), and {have}. Give more time, "
        "paint fewer at once or at a smaller --size, or take a quicker --preset such as draft."
    )


def makespan(seconds: Sequence[float], busy: Sequence[float]) -> float:
    """When the last of these is finished, each one begun by the worker that is free first.

    :param seconds: what each of them takes, in the order in which they are begun.
    :param busy: for each worker the seconds until it is free.
    """
    free, last = list(busy), 0.0
    for one in seconds:
        soonest = free.index(min(free))
        free[soonest] += one
        last = max(last, free[soonest])
    return last
