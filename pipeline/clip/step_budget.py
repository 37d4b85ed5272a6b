"""How many steps each frame of a clip gets, so that painting ends in time: all frames finished, none half-painted.

The settings say where a frame is good enough; more than that no frame ever gets, so that with time for everything the
frames are those of a run without a deadline, to the last bit. With less, calm frames give up steps before busy ones do.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from pipeline.clip.passes import Pass, further_settings, passes_of
from pipeline.motion.shots import Shot
from pipeline.settings import Settings
from pipeline.text import duration_text

# Who only asks how far a batch is need not wait for torch.
if TYPE_CHECKING:
    from pipeline.style.frame import PaintedFrame

Numbers = npt.NDArray[np.float64]
HALVINGS = 60
"""Halvings of a scale that is sought: as near as numbers can tell."""
LEAST_CARRIED, LEAST_FIRST = 4, 13
"""Work, in steps at full size, below which no frame goes, if the settings have so much, ..."""
LEAST_SHARE_CARRIED, LEAST_SHARE_FIRST = 1 / 5, 1 / 3
"""... nor below these shares of what is in the settings: with `standard` a quarter of a carried frame's work, and half
of a first one's. With a quarter (two clips, twelve frames each at 256 pixels, one pass) the loss was 16 and 15 % higher
and E_warp 15 % lower and 24 % higher: less paint, but a painting. A first frame of 13 steps instead of 27 has a loss
that is 12 to 21 % higher (four pairs), one of 9 steps 20 to 41 %."""
ENOUGH = 0.25
"""Share of their steps that all of several passes have to get. Two passes instead of one of as much work: with 29, 19
and 12 steps at all sizes the loss was 11, 11 and 6 % lower on one clip and 7 % lower, the same and 9 % higher on the
other, and E_warp 40, 33 and 29 % lower and 27, 15 and 9 %. To the eye two were better in all of them."""
RISE = 5.0
"""How the steps that a frame needs rise with its `untracked_share` u: with an earlier network, until its loss is within
1 % of where 40 steps end it takes 11 + 56 u, over 115 frames of five shots at 128 pixels; correlation 0.67, and 0.71
within shots. (Rank correlation: 0.66; of the difference of two small frames 0.22, and with the motion undone -0.01.)"""
CALM, BUSY = 0.5, 2.0
"""Effort of a frame relative to the mean is kept within."""
FIRST = 3.0
"""Effort of a frame painted from nothing: all others of its shot start from it. With an earlier network and 30 and 50 %
of all steps, on two clips of 24 frames at 144 pixels, the loss was 4.6 and 11.1, 1.2 and 3.6 % above that of full
effort with 1 here, 3.5 and 6.8, 0.8 and 1.9 % with 2, and 3.4 and 6.4, 0.8 and 1.9 % with 3. Motion then takes off a
fiftieth of that or, with half of all steps, nothing that could be measured."""
RECENT = 6
"""Frames that say how fast the machine is now."""


@dataclass(frozen=True)
class Speed:
    """How fast a machine paints frames of one size with one painter."""

    step: float
    """Seconds for a step at full size."""
    beside: float
    """Seconds that a carried frame takes beside its steps, for motion, targets and keeping it."""


@dataclass(frozen=True)
class Worth:
    """Steps at full size that a step of a frame is worth, where it is done at several sizes."""

    first: float
    """Of one that is painted from nothing."""
    carried: float = 1.0
    """Of one that starts from a painting."""

    @classmethod
    def of_work(cls, first: float, carried: float, settings: Settings) -> Worth:
        """From the work of a frame of either kind, in steps at full size, as `Painter.work` says it."""
        return cls(first / settings.steps, carried / settings.carried_steps)


@dataclass(frozen=True)
class Steps:
    """The steps that a frame may take; None: as many as the settings say."""

    carried: int | None = None
    """From a warm start, at full size."""
    fresh: int | None = None
    """At every size, where it is painted from nothing."""


FULL = Steps()


def allocate(
    full: Sequence[float] | Numbers, least: Sequence[float] | Numbers, available: float,
    effort: Sequence[float] | Numbers | None = None,
) -> Numbers:  # fmt: skip
    """What each one gets: scale x effort x full, but at least `least` and at most `full`, with the one scale that uses
    up what is available.

    All of `full` where that is there for everyone, and `least` where not even that is.

    :param full: what each one could use.
    :param least: what it cannot do without; no more than `full`.
    :param effort: how much more than others each one profits, above 0; None: all alike.
    """
    full, least = np.asarray(full, float), np.asarray(least, float)
    if full.sum() <= available:
        return full
    wanted = full if effort is None else full * np.asarray(effort, float)
    low, high = 0.0, 1.0 if effort is None else 1 / float(np.min(effort))
    for _ in range(HALVINGS):
        scale = (low + high) / 2
        fits = np.clip(scale * wanted, least, full).sum() <= available
        low, high = (scale, high) if fits else (low, scale)
    return np.asarray(np.clip(low * wanted, least, full), np.float64)


@dataclass(frozen=True)
class StepPlan:
    """The work of every frame of every pass, in the order in which they are painted; in steps at full size."""

    full: Numbers
    """With the steps of the settings; 0 for a frame whose painting is there already."""
    least: Numbers
    effort: Numbers
    """What motion asks for; the mean of those that are painted is about 1."""
    fresh: tuple[bool, ...]
    """Whether it is painted from nothing."""

    def seconds(self, speed: Speed) -> float:
        """What everything takes at full effort."""
        return self._seconds(self.full, speed)

    def least_seconds(self, speed: Speed) -> float:
        """What everything takes at the least effort: less is not to be had."""
        return self._seconds(self.least, speed)

    def _seconds(self, work: Numbers, speed: Speed) -> float:
        return float(work.sum() * speed.step + len(work) * speed.beside)

    def allocate(self, seconds: float, speed: Speed) -> Numbers:
        """The work that each frame may do if all have so many seconds."""
        available = (seconds - len(self.full) * speed.beside) / speed.step
        return allocate(self.full, self.least, available, self.effort)

    def after(self, place: int) -> StepPlan:
        """What is left when so many frames, of all passes, are finished."""
        return StepPlan(self.full[place:], self.least[place:], self.effort[place:], self.fresh[place:])


def plan_steps(
    settings: Settings, frames: int, worth: Worth, shots: Sequence[Shot] = (), motion: Sequence[float] | None = None
) -> StepPlan:
    """The work of all passes over a clip.

    :param shots: () for a single one.
    :param motion: `untracked_share` of every frame against the one before it, 0 where nothing has changed at all; None:
        unknown.
    """
    once_more = further_settings(settings, frames).carried_steps
    shots = shots or [(0, frames)]
    full, least, shares, fresh = [], [], [], []
    for one in passes_of(settings, frames):
        entered = one.entered(shots)
        for index in one.order:
            # What leads a frame on the way back is the frame after it.
            new = _between(motion, index if one.forward else index + 1)
            anew = one.number == 1 and (index in entered or settings.carry == "none")
            if anew:
                count, floor, cost = settings.steps, _least_first(settings.steps), worth.first
            elif index in entered or new == 0:
                count, floor, cost = 0, 0, 1.0
            else:
                count = settings.carried_steps if one.number == 1 else once_more
                floor, cost = math.ceil(_least_carried(count, one.number) / worth.carried), worth.carried
            full.append(count * cost)
            least.append(floor * cost)
            shares.append(math.nan if anew else new)
            fresh.append(anew)
    return StepPlan(np.array(full), np.array(least), _efforts(np.array(shares), np.array(fresh)), tuple(fresh))


def _least_carried(steps: int, in_pass: int) -> int:
    """The fewest steps of a carried frame for which the settings have so many. In a further pass half will do."""
    least = LEAST_CARRIED if in_pass == 1 else math.ceil(LEAST_CARRIED / 2)
    return min(steps, max(least, math.ceil(LEAST_SHARE_CARRIED * steps)))


def _least_first(steps: int) -> int:
    """The fewest steps of a frame painted from nothing for which the settings have so many."""
    return min(steps, max(LEAST_FIRST, math.ceil(LEAST_SHARE_FIRST * steps)))


def affordable_passes(
    seconds: float, settings: Settings, frames: int, worth: Worth, speed: Speed,
    shots: Sequence[Shot] = (), motion: Sequence[float] | None = None,
) -> int:  # fmt: skip
    """How many passes a clip gets in so many seconds: those of the settings, or fewer, if all of them would be hasty.

    The parameters are those of `plan_steps`. A loop keeps two, without which it does not close.
    """
    most = len(passes_of(settings, frames))
    for count in range(most, 1, -1):
        plan = plan_steps(replace(settings, passes=count), frames, worth, shots, motion)
        if plan.allocate(seconds, speed).sum() >= ENOUGH * plan.full.sum():
            return count
    return 2 if settings.loop else 1


class StepBudget:
    """Hands out steps frame by frame, and learns from every one how fast the machine really is."""

    def __init__(
        self, plan: StepPlan, settings: Settings, worth: Worth, speed: Speed, until: float,
        clock: Callable[[], float] = time.time,
    ) -> None:  # fmt: skip
        """
        :param settings: what `plan` was made from, with its number of passes.
        :param speed: as far as it is known before anything is painted.
        :param until: when painting has to be over, in seconds on `clock`.
        """
        self._plan = plan
        self._settings = settings
        self._worth = worth
        self._speed = speed
        self._until = until
        self._clock = clock
        self._since = clock()
        self._granted = 0.0
        self._slowness: deque[float] = deque([1.0], maxlen=RECENT)
        """Seconds that the last frames took for each one that `speed` had foretold."""

    def late(self, done: int) -> float:
        """Seconds by which painting would be over too late, even with the least effort; 0 where there is enough time.

        :param done: frames that are finished, of all passes.
        """
        return max(0.0, self._plan.after(done).least_seconds(self._now) - (self._until - self._clock()))

    def allows(self, one: Pass) -> bool:
        """Whether there is time for a further pass that is to begin now: if not even for one with the least effort, the
        frames of the pass before are the result. A pass that closes a circle has to be."""
        if one.circle:
            return True
        return self.late((one.number - 1) * one.frames) == 0

    def steps(self, one: Pass, index: int) -> Steps:
        """What a frame may take, now that it is its turn. Frames are asked for in the order of the pass."""
        place = _place(one, index)
        work = float(self._plan.after(place).allocate(self._until - self._clock(), self._now)[0])
        self._granted = work
        full = float(self._plan.full[place])
        if work >= full:
            return FULL
        if self._plan.fresh[place]:
            return Steps(fresh=round(work / self._worth.first))
        # Where it comes out wrong and is painted from nothing, it is as much in a hurry.
        first = self._settings.steps
        anew = min(first, max(_least_first(first), round(FIRST * first * work / full)))
        return Steps(round(work / self._worth.carried), anew)

    def record(self, one: Pass, index: int, painted: PaintedFrame) -> None:
        """Learn what a frame took, from the end of the one before it to its own."""
        now = self._clock()
        # Of what is repeated at no cost nothing is to be learned. Steps at several sizes are not told apart afterwards.
        if painted.steps:
            alike = self._worth.carried == 1 and not self._plan.fresh[_place(one, index)]
            work = painted.steps if alike else self._granted
            self._slowness.append((now - self._since) / (work * self._speed.step + self._speed.beside))
        self._since = now

    @property
    def _now(self) -> Speed:
        """How fast the machine is, as far as is known by now."""
        slowness = median(self._slowness)
        return Speed(self._speed.step * slowness, self._speed.beside * slowness)


def lateness_notes(budget: StepBudget, done: int, passes: int, wanted: int) -> tuple[str, ...]:
    """What a person should know before painting begins.

    :param done: frames that are finished, of all passes.
    :param wanted: passes of the settings.
    """
    notes = [f"There is time for {passes} of {wanted} passes."] if passes < wanted else []
    late = budget.late(done)
    if late >= 1:
        notes.append(
            f"Even with the fewest steps that make sense, this will be done about {duration_text(late)} too late."
        )
    return tuple(notes)


def missed_notes(begun: int, painted: int, settings: Settings) -> tuple[str, ...]:
    """What a person should know when painting is over.

    :param begun: passes that there was time for when it began.
    :param painted: those that there was time for.
    """
    if painted == begun:
        return ()
    note = f"Time was short: this is pass {painted} of {begun}."
    if settings.early_hold < 1 and not settings.loop:
        note += " Frames hold less firmly to one another in it than in a last one."
    return (note,)


def _place(one: Pass, index: int) -> int:
    return (one.number - 1) * one.frames + one.order.index(index)


def _between(motion: Sequence[float] | None, later: int) -> float:
    """Untracked share between two neighbours; nan where it is not known."""
    return math.nan if motion is None or later >= len(motion) else motion[later]


def _efforts(new: Numbers, fresh: npt.NDArray[np.bool_]) -> Numbers:
    """What frames need in relation to each other; those of which nothing is known as much as the mean."""
    needed = 1 + RISE * new
    known = needed[new > 0]
    if known.size:
        needed = (needed / known.mean()).clip(CALM, BUSY)
    return np.asarray(np.where(fresh, FIRST, np.nan_to_num(needed, nan=1.0)), np.float64)
