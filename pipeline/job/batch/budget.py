"""The arithmetic of a night: when it ends, how much time each painting gets, and whether there is enough at all."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from pipeline.errors import UsageError
from pipeline.job.deadline import reserve
from pipeline.job.duration import spoken
from pipeline.job.pace import Speed, planned
from pipeline.job.spread import HALVINGS
from pipeline.settings import Settings

CLOCK = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?")
SPAN = re.compile(r"(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m(?:in)?)?(?:(\d+(?:\.\d+)?)s?)?")


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


def need_of(settings: Settings, frames: int, width: int, height: int, worth: float, speed: Speed) -> Need:
    """What a clip takes, before its shots and its motion are known: as one shot in which everything moves.

    :param worth: as for `planned`.
    """
    full = planned(settings, frames, worth).seconds(speed)
    # A single pass, where time is short; `passes_of` gives a loop the second one that it needs.
    least = planned(replace(settings, passes=1), frames, worth).least_seconds(speed)
    kept = reserve(frames, width, height)
    return Need(full + kept, least + kept)


def allotted(needs: Sequence[Need], seconds: float, busy: Sequence[float] = (0.0,)) -> list[float]:
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
    while _ends(at(high), busy) <= seconds:
        low, high = high, 2 * high
    for _ in range(HALVINGS):
        share = (low + high) / 2
        low, high = (share, high) if _ends(at(share), busy) <= seconds else (low, share)
    return at(low)


def least_seconds(needs: Sequence[Need], busy: Sequence[float] = (0.0,)) -> float:
    """When all would be finished with the least effort; the parameters are those of `allotted`."""
    return _ends([need.least for need in needs], busy)


def shortfall(
    needs: Sequence[Need], seconds: float, busy: Sequence[float] = (0.0,), count: int | None = None
) -> str | None:
    """One paragraph that says how much time is missing even with the least effort, and what to do; None where there is
    enough. The parameters are those of `allotted`.

    :param count: of the paintings; None: each one is one of `needs`.
    """
    least = least_seconds(needs, busy)
    if least <= seconds:
        return None
    full = _ends([need.full for need in needs], busy)
    have = f"there are {spoken(seconds)}" if seconds > 0 else "none is left now that everything has been looked at"
    count = len(needs) if count is None else count
    paintings, take = ("1 painting", "takes") if count == 1 else (f"{count} paintings", "take")
    workers = "" if len(busy) == 1 else f" on {len(busy)} workers"
    return (
        f"The time does not suffice: {paintings}{workers} {take} about {spoken(least)} with the fewest steps that make "
        f"sense (about {spoken(full)} with all of them), and {have}. Give more time, "
        "paint fewer at once or at a smaller --size, or take a quicker --preset such as draft."
    )


def _ends(seconds: Sequence[float], busy: Sequence[float]) -> float:
    """When the last of these is finished, each one begun by the worker that is free first."""
    free, last = list(busy), 0.0
    for one in seconds:
        soonest = free.index(min(free))
        free[soonest] += one
        last = max(last, free[soonest])
    return last


def parse_budget(text: str) -> float:
    """'8h', '90m', '1h30m', '45s' or a number of seconds -> seconds.

    :raises UsageError: not of that form, or nothing at all.
    """
    found = SPAN.fullmatch(text.strip().lower().replace(" ", ""))
    hours, minutes, seconds = (float(part or 0) for part in found.groups()) if found else (0.0, 0.0, 0.0)
    total = 3600 * hours + 60 * minutes + seconds
    if not total:
        raise UsageError(
            f"--budget {text!r} is not a length of time. Write for instance 8h, 90m, 1h30m or 3600 (seconds)."
        )
    return total


def parse_finish_by(text: str, now: datetime | None = None) -> datetime:
    """'07:00' -> the next time that a local clock shows this; or a date with a time, '2026-03-01 07:00'.

    :param now: for tests; None: the clock of the machine.
    :return: with its time zone.
    :raises UsageError: no such time, or one that has passed.
    """
    now = (now or datetime.now()).astimezone()
    clock = CLOCK.fullmatch(text.strip())
    try:
        if clock:
            hour, minute, second = (int(part or 0) for part in clock.groups())
            # Without a time zone, or the night on which clocks are changed would be an hour off.
            local = now.replace(tzinfo=None)
            then = local.replace(hour=hour, minute=minute, second=second, microsecond=0)
            return (then if then > local else then + timedelta(days=1)).astimezone()
        when = datetime.fromisoformat(text.strip())
    except ValueError:
        when = None
    if when is None or len(text.strip()) <= len("2026-03-01"):
        raise UsageError(
            f"--finish-by {text!r} is not a time. Write a time of day such as 07:00, or a date with a time such as "
            f"{(now + timedelta(days=1)):%Y-%m-%d} 07:00."
        )
    when = when.astimezone()
    if when <= now:
        raise UsageError(f"--finish-by {text!r} has passed: it is {now:%Y-%m-%d %H:%M}. Name a time to come.")
    return when


def parse_deadline(
    budget: str | None, finish_by: str | None, clock: Callable[[], datetime] = datetime.now
) -> float | None:
    """The end that two options ask for, as `time.time()` counts; None where neither is given.

    :raises UsageError: both are given, or one cannot be read.
    """
    if budget is not None and finish_by is not None:
        raise UsageError("--budget and --finish-by both say when to be done. Give one of them.")
    if budget is not None:
        return clock().timestamp() + parse_budget(budget)
    return None if finish_by is None else parse_finish_by(finish_by, clock()).timestamp()
