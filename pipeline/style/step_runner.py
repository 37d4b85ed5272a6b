"""The steps of a painting, over tensors that stay in place: recorded once for a size, and replayed for every frame."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from pipeline.network.device import in_planes
from pipeline.network.device_graph import Recorded, Recorder, recorder_of
from pipeline.style.objective import Losses, Objective
from pipeline.style.optimizers import Optimizer, OptimizerName, make_optimizer
from pipeline.style.tensor_tree import copied, form_of, tensors_in

# Pixels of all sizes together for which steps are kept recorded: their pairs of L-BFGS take 2 GB. A larger picture
# keeps a device busy without.
KEPT_PIXELS = 2**22


@dataclass(frozen=True)
class Method:
    """How a step is taken."""

    optimizer: OptimizerName
    rate: float
    averaging: float
    history: int


class StepRunner:
    """Takes the steps of one painting after another of one size, and remembers the best picture of each.

    Nothing in it waits for the device but `losses_of`.
    """

    def __init__(self, objective: Objective, method: Method, recorder: Recorder | None) -> None:
        """
        :param recorder: with one, the runner works on its own copies of the objective's targets.
        """
        self._objective = objective if recorder is None else objective.with_terms(copied(objective.terms))
        self._loaded = objective
        self._method = method
        self._recorder = recorder
        self._steps: dict[str, Recorded] = {}
        self._look = Recorded(recorder)
        self._names: tuple[str, ...] = ()

    def load(self, objective: Objective) -> None:
        """Go on with another objective, of the same form."""
        if objective is not self._loaded:
            self._loaded = objective
            for mine, other in zip(tensors_in(self._objective.terms), tensors_in(objective.terms), strict=True):
                mine.copy_(other)

    def begin(self, start: Tensor) -> None:
        """Start a painting from a picture, float32 (1, 3, H, W) in 0..1."""
        start = in_planes(start)
        if not self._steps:
            method = self._method
            self.optimizer: Optimizer = make_optimizer(
                method.optimizer, start, method.rate, method.averaging, method.history
            )
            self.best_image = start.detach().clone()
            self.best_loss = torch.full((), math.inf, device=start.device)
        else:
            self.optimizer.restart(start, 1.0)
            self.best_image.copy_(start)
            self.best_loss.fill_(math.inf)

    def state(self) -> dict[str, Tensor]:
        """Everything that the next steps of this painting, and its result, depend on. No copies."""
        return {**self.optimizer.state(), "best_image": self.best_image, "best_loss": self.best_loss}

    def resume(self, state: Mapping[str, Tensor]) -> None:
        """Go on where another painting was, whose `state` that is. One of that size has begun here, to no end."""
        self.optimizer.load(state)
        self.best_image.copy_(state["best_image"])
        self.best_loss.copy_(state["best_loss"])

    def step(self) -> Losses:
        """Take a step. The losses are those before it."""
        phase = self.optimizer.phase
        if phase not in self._steps:
            self._steps[phase] = Recorded(self._recorder)
        values = self._steps[phase](self._step)
        self.optimizer.stepped()
        # A replay of the next step writes over these.
        return self._named(values.clone())

    def losses_of(self, image: Tensor) -> dict[str, float]:
        """'total' and each term, unweighted, of a picture, float32 (1, 3, H, W). Waits for the device."""
        if not hasattr(self, "_shown"):
            self._shown = torch.empty_like(in_planes(image))
        self._shown.copy_(image)
        values = self._look(self._look_at_shown)
        return dict(zip(("total", *self._names), values.tolist(), strict=True))

    def _step(self) -> Tensor:
        return self._stacked(self.optimizer.work(self._evaluate))

    def _look_at_shown(self) -> Tensor:
        with torch.no_grad():
            return self._stacked(self._objective(self._shown))

    def _evaluate(self, image: Tensor) -> Losses:
        """As the objective, and keeps the best picture that it was called on."""
        losses = self._objective(image)
        with torch.no_grad():
            total = losses.total.detach()
            # Of what is not a number this is false.
            better = total < self.best_loss
            torch.where(better, total, self.best_loss, out=self.best_loss)
            torch.where(better, image.detach(), self.best_image, out=self.best_image)
        return losses

    def _stacked(self, losses: Losses) -> Tensor:
        self._names = tuple(losses.terms)
        return torch.stack([losses.total.detach(), *losses.terms.values()])

    def _named(self, values: Tensor) -> Losses:
        total, *terms = values.unbind()
        return Losses(total, dict(zip(self._names, terms, strict=True)))


class StepRunners:
    """Those that were used last, each with what it has recorded, for as many pixels as a device should keep."""

    def __init__(self, device: torch.device) -> None:
        self._recorder = recorder_of(device)
        self._kept: dict[Hashable, tuple[int, StepRunner]] = {}

    @property
    def recorder(self) -> Recorder | None:
        """How the device records; None where nothing should be."""
        return self._recorder

    def runner(self, objective: Objective, image: Tensor, method: Method) -> StepRunner | None:
        """The runner for pictures like `image` (1, 3, H, W), with that objective loaded; None where steps should not be
        recorded."""
        pixels = image.shape[2] * image.shape[3]
        if self._recorder is None or pixels > KEPT_PIXELS:
            return None
        key = (form_of(image), method, objective.kind, form_of(objective.terms))
        _, runner = self._kept.pop(key, (0, None))
        if runner is None:
            runner = StepRunner(objective, method, self._recorder)
        runner.load(objective)
        self._kept[key] = (pixels, runner)
        while sum(size for size, _ in self._kept.values()) > KEPT_PIXELS:
            del self._kept[next(iter(self._kept))]
        return runner

    def clear(self) -> None:
        """Give back all that is kept."""
        self._kept.clear()
