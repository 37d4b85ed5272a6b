"""The loop that minimises an objective over the pixels. It prints nothing: `on_step` is called instead."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from functools import partial

import torch
from torch import Tensor

from pipeline.errors import PaintingError
from pipeline.style.objective import Losses, Objective
from pipeline.style.optimizers import OptimizerName
from pipeline.style.step_runner import Method, StepRunner, StepRunners

# Steps between two checks of the loss; each waits for the device once.
CHECK_EVERY = 5
# A loss this many times the best one so far is an explosion, not a bump on the way.
EXPLODED = 4.0
# How often a broken step is retried, each time with steps a quarter as long.
RETRIES = 4


@dataclass(frozen=True)
class LoopSettings:
    """How to minimise, and when to stop."""

    optimizer: OptimizerName
    rate: float
    """Adam: learning rate; L-BFGS: largest root mean square change of a step. In units of the 0..1 range."""
    steps: int
    """Step budget."""
    averaging: float = 0.0
    """Adam: decay of the average over iterates that is the result; 0 is the last iterate."""
    history: int = 20
    """L-BFGS: pairs kept."""
    tolerance: float = 0.0
    """Plateau: stop when `patience` steps lowered the loss by less than this share of it; 0 never stops."""
    patience: int = 50
    seconds: float = math.inf
    """Time budget. The one stop rule that depends on the machine."""
    until: int | None = None
    """Leave it there after so many steps, of those that are budgeted; None: not before a rule says so."""


class Stop(str, Enum):
    """Why the loop ended."""

    STEPS = "steps"
    PLATEAU = "plateau"
    TIME = "time"
    UNSTABLE = "unstable"
    STILL = "still"
    """Nothing was painted: the input has not changed, and neither has the painting."""
    KEPT = "kept"
    """The painting of the pass before stays: the pass begins or ends with it, or made it no better."""
    GIVEN = "given"
    """It was painted by hand."""


@dataclass(frozen=True)
class Halfway:
    """Where the loop stands after a step: enough to go on from there, to the bit, in another process."""

    number: int
    """Of the step, from 1."""
    stopped: Stop | None
    """Why it is the last one; None: it is not."""
    lowest: tuple[tuple[int, float], ...]
    retries: int
    seconds: float
    """That the loop has taken."""
    tensors: Mapping[str, Tensor]
    """Of the optimizer and the best picture. They are no copies: the next step changes them."""


@dataclass(frozen=True)
class Step:
    """What `on_step` is told after each step."""

    number: int
    """From 1."""
    of: int
    """Step budget."""
    losses: Losses
    """Before this step; reading a number out of it waits for the device."""
    image: Callable[[], Tensor]
    """The picture after this step, (1, 3, H, W) in 0..1."""
    halfway: Callable[[], Halfway]
    """Where the loop stands now."""


@dataclass(frozen=True)
class Painting:
    """Where the loop ended."""

    image: Tensor
    """(1, 3, H, W), float32, in 0..1, finite."""
    losses: dict[str, float]
    """Of `image`: 'total' and each term unweighted."""
    steps: int
    stopped: Stop
    retries: int = 0
    """How often steps were undone because the loss was not finite or exploded."""


OnStep = Callable[[Step], None]


def optimise(
    objective: Objective,
    start: Tensor,
    settings: LoopSettings,
    on_step: OnStep | None = None,
    runners: StepRunners | None = None,
    halfway: Halfway | None = None,
) -> Painting:
    """Minimise `objective` from `start`, float32 (1, 3, H, W) in 0..1.

    The result is the best picture that was evaluated, `start` among them: more steps never make it worse. Only with
    `averaging`, which is evaluated at the end and not on the way, may a few steps more do that.

    :param on_step: what it raises ends the loop between two steps.
    :param runners: with these steps are recorded, where the device gains by that; kept for the next painting.
    :param halfway: of an earlier loop over an objective of the same values: it goes on from there, and `start` only
        says of which size the picture is, and on which device.
    :raises PaintingError: the loss is not a finite number at `start` already, or nothing better was found with
        the most careful steps.
    """
    if not bool(torch.isfinite(start).all()):
        raise PaintingError("The picture that painting should start from holds numbers that are not finite.")
    runner = runner_for(objective, start, settings, runners)
    runner.begin(start)
    optimizer = runner.optimizer
    rules = _StopRules(settings, runner, halfway)
    number, stopped = (0, None) if halfway is None else (halfway.number, halfway.stopped)
    if halfway is not None:
        runner.resume(halfway.tensors)
    last = settings.steps if settings.until is None else min(settings.until, settings.steps)
    while number < last and stopped is None:
        number += 1
        losses = runner.step()
        # The first check is of the start itself: what is much worse than that is an explosion too.
        if number in {1, settings.steps} or number % CHECK_EVERY == 0:
            stopped = rules.check(losses.total, number)
        if on_step is not None:
            stands = partial(rules.halfway, number, stopped)
            on_step(Step(number, settings.steps, losses, lambda: optimizer.image, stands))
    stopped = stopped or Stop.STEPS
    image = optimizer.image.clone()
    if not bool(torch.isfinite(image).all()):
        stopped = Stop.UNSTABLE
    final = runner.losses_of(image)
    # No comparison with what is not a number is true.
    if stopped is Stop.UNSTABLE or not final["total"] <= runner.best_loss.item():
        image = runner.best_image.clamp(0, 1)
        final = runner.losses_of(image)
    if not math.isfinite(final["total"]):
        raise PaintingError(
            "The loss of a frame is not a finite number, even with the most careful steps. "
            "Try --set precision=float32, or a smaller --style-weight."
        )
    return Painting(image, final, number, stopped, rules.retries)


def runner_for(objective: Objective, image: Tensor, settings: LoopSettings, runners: StepRunners | None) -> StepRunner:
    """What takes the steps towards an objective, for pictures like `image` (1, 3, H, W).

    :param runners: as for `optimise`.
    """
    method = Method(settings.optimizer, settings.rate, settings.averaging, settings.history)
    kept = runners.runner(objective, image, method) if runners is not None else None
    if kept is not None:
        return kept
    # No step can learn from more pairs than there were steps before it.
    return StepRunner(objective, replace(method, history=max(1, min(method.history, settings.steps - 1))), None)


class _StopRules:
    """Checks the loss now and then: undoes an explosion, stops on a plateau or when the time is up."""

    def __init__(self, settings: LoopSettings, runner: StepRunner, before: Halfway | None) -> None:
        self._settings = settings
        self._runner = runner
        self._began = time.monotonic() - (before.seconds if before else 0.0)
        self._lowest: list[tuple[int, float]] = list(before.lowest) if before else []
        self.retries = before.retries if before else 0

    def halfway(self, number: int, stopped: Stop | None) -> Halfway:
        """Where the loop stands after the step of that number."""
        seconds = time.monotonic() - self._began
        return Halfway(number, stopped, tuple(self._lowest), self.retries, seconds, self._runner.state())

    def check(self, now: Tensor, number: int) -> Stop | None:
        """:param now: the loss before the step of that number."""
        loss, best = torch.stack([now, self._runner.best_loss]).tolist()
        exploded = loss > EXPLODED * best and not self._runner.optimizer.turns_back
        if exploded or not math.isfinite(loss):
            if self.retries == RETRIES:
                return Stop.UNSTABLE
            self.retries += 1
            self._runner.optimizer.restart(self._runner.best_image, 0.25**self.retries)
            self._lowest.clear()
            return None
        self._lowest.append((number, best))
        if time.monotonic() - self._began > self._settings.seconds:
            return Stop.TIME
        return Stop.PLATEAU if self._on_plateau(number, best) else None

    def _on_plateau(self, number: int, loss: float) -> bool:
        """Whether the last `patience` steps brought less than `tolerance`, as a share of the loss."""
        if self._settings.tolerance <= 0:
            return False
        while len(self._lowest) > 1 and self._lowest[1][0] <= number - self._settings.patience:
            self._lowest.pop(0)
        then, before = self._lowest[0]
        return number - then >= self._settings.patience and before - loss <= self._settings.tolerance * abs(before)
