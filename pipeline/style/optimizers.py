"""The two ways to take a step downhill: Adam and L-BFGS. Neither waits for the device."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, Protocol

import torch
from torch import Tensor

from pipeline.network.device import in_planes, waits_for_launches
from pipeline.network.kernels import Descent, DescentRules, kernels_on
from pipeline.style.curvature import LEAST_COSINE, PairRing
from pipeline.style.objective import Losses

OptimizerName = Literal["adam", "lbfgs"]
Evaluate = Callable[[Tensor], Losses]

# L-BFGS, the first step of all: a share of the limit, where along the tangent it would take so much of the loss. A
# start that is near its minimum promises less, and gets a step that is as much shorter. On eight starts with VGG-19 the
# best length along the gradient was 0.002 and 0.003 where 0.01 promised 7 and 10 % of the loss, 0.01 where it promised
# 15 %, and 0.01 to 0.05 where it promised 190 to 390 %.
FIRST = 0.1
PROMISED = 1 / 3
# ... and where a step has led uphill, the next one is so much of it, from where it began.
BACK = 0.5
# Uphill is what lies above the lowest loss by more than this share of it: less can be the rounding of bfloat16.
UPHILL = 0.002
# Fields of `LBFGS` that its next step depends on, beside its pixels and pairs.
_LBFGS_STATE = ("from", "gradient", "longest", "lowest")
RULES = DescentRules(UPHILL, BACK, LEAST_COSINE)


class Optimizer(Protocol):
    """Holds the picture (1, 3, H, W) that is being optimised, and moves it."""

    turns_back: bool
    """Whether it goes back by itself from a step that led uphill, or to what is not a number."""
    phase: str
    """What kind of step the next one is. Steps of one kind are the same work over tensors that stay in place."""

    @property
    def pixels(self) -> Tensor:
        """What the next step is evaluated at; detached, not a copy."""
        ...

    @property
    def image(self) -> Tensor:
        """The result as it now stands, in 0..1; detached."""
        ...

    def work(self, evaluate: Evaluate) -> Losses:
        """One evaluation and one step, as far as it is the device's. Returns the losses before the step."""
        ...

    def stepped(self) -> None:
        """Take note that the work of a step was done, or a record of it replayed."""
        ...

    def step(self, evaluate: Evaluate) -> Losses:
        """One evaluation and one step, where nothing is recorded. Returns the losses before the step."""
        losses = self.work(evaluate)
        self.stepped()
        return losses

    def restart(self, image: Tensor, care: float) -> None:
        """Forget everything learnt, go back to `image`, take steps `care` times the normal size."""
        ...

    def state(self) -> dict[str, Tensor]:
        """Everything that the next steps depend on: the tensors themselves, where they are, and no copies."""
        ...

    def load(self, state: Mapping[str, Tensor]) -> None:
        """Go on from a `state`, to the bit, as if the steps before it had been taken here."""
        ...


class Adam(Optimizer):
    """Adam (Kingma and Ba 2015) on the pixels, kept within 0..1; the result is an average of the iterates.

    Adam's iterates rattle about the minimum at the size of its rate; their exponential average (as in
    style-transfer-pytorch) does not. `averaging` = 0 hands out the iterate itself.
    """

    turns_back = False
    phase = "any"

    def __init__(
        self, image: Tensor, rate: float, averaging: float = 0.0, betas: tuple[float, float] = (0.9, 0.99)
    ) -> None:
        self._rate = rate
        self._averaging = averaging
        image = in_planes(image)
        self._pixels = torch.empty_like(image).requires_grad_(True)
        self._average = torch.zeros_like(image)
        recorded = waits_for_launches(image.device)
        # Where a step may be recorded, the rate is a tensor too: it changes with a restart.
        self._adam = torch.optim.Adam(
            [self._pixels],
            lr=torch.tensor(rate, device=image.device) if recorded else rate,
            betas=betas,
            fused=recorded,
            capturable=recorded,
        )
        # The first step is done before one is recorded, of which torch would warn.
        self._adam._warned_capturable_if_run_uncaptured = True
        self.restart(image, 1.0)

    @property
    def pixels(self) -> Tensor:
        return self._pixels.detach()

    @property
    def image(self) -> Tensor:
        if self._averaging == 0:
            return self.pixels.clamp(0, 1)
        return self._average / (1 - self._averaging**self._count) if self._count else self.pixels

    def restart(self, image: Tensor, care: float) -> None:
        with torch.no_grad():
            self._pixels.copy_(image)
        self._average.zero_()
        self._count = 0
        (group,) = self._adam.param_groups
        if isinstance(group["lr"], Tensor):
            group["lr"].fill_(self._rate * care)
        else:
            group["lr"] = self._rate * care
        for state in self._adam.state.values():
            for one in state.values():
                one.zero_()

    def state(self) -> dict[str, Tensor]:
        (group,) = self._adam.param_groups
        own = {f"adam.{name}": value for name, value in self._adam.state[self._pixels].items()}
        rate = group["lr"] if isinstance(group["lr"], Tensor) else torch.tensor(group["lr"], dtype=torch.float64)
        numbers = {"rate": rate, "count": torch.tensor(self._count)}
        return {"pixels": self.pixels, "average": self._average, **own, **numbers}

    def load(self, state: Mapping[str, Tensor]) -> None:
        with torch.no_grad():
            self._pixels.copy_(state["pixels"])
        self._average.copy_(state["average"])
        self._count = int(state["count"])
        (group,) = self._adam.param_groups
        if isinstance(group["lr"], Tensor):
            group["lr"].copy_(state["rate"])
        else:
            group["lr"] = state["rate"].item()
        own = self._adam.state[self._pixels]
        for key, value in state.items():
            name = key.removeprefix("adam.")
            if name == key:
                continue
            if name in own:
                own[name].copy_(value)
            else:
                # torch makes them with the first step. It counts steps on the host, unless they are recorded.
                there = self._pixels.device if name != "step" or isinstance(group["lr"], Tensor) else value.device
                own[name] = value.to(there, copy=True)

    def work(self, evaluate: Evaluate) -> Losses:
        losses = evaluate(self._pixels)
        (gradient,) = torch.autograd.grad(losses.total, self._pixels)
        # Stored channels last, as it comes back from some networks, torch's one pass over all would refuse it.
        self._pixels.grad = gradient.contiguous()
        self._adam.step()
        with torch.no_grad():
            self._pixels.clamp_(0, 1)
            if self._averaging:
                self._average.mul_(self._averaging).add_(self._pixels, alpha=1 - self._averaging)
        return losses.detached()

    def stepped(self) -> None:
        self._count += 1


class LBFGS(Optimizer):
    """L-BFGS (Nocedal 1980), its scalars kept on the device.

    torch.optim.LBFGS waits for the device about twice its history in every step (40 times with 20 pairs), and evaluates
    again wherever its line search asks for it; here nothing waits, and a step is one evaluation. What stands in for the
    line search is a limit on the length of a step: the root mean square change of a pixel is at most `rate`. From a
    step that led uphill it goes back to where that began, with what was learnt of the curvature there, for a shorter
    one. A pair of differences with negative curvature gets no weight. Pixels are kept within 0..1.
    """

    turns_back = True

    def __init__(self, image: Tensor, rate: float, history: int = 20, stacked: bool | None = None) -> None:
        """
        :param stacked: as `PairRing`; None where it is faster.
        """
        self._limit = rate
        device, size = image.device, image.numel()
        self._kernels = kernels_on(device)
        if self._kernels is not None:
            image = image.contiguous()
        self._pixels = torch.empty_like(image).requires_grad_(True)
        if self._kernels is not None:
            self.curvature: PairRing | Descent = Descent.empty(size, history, device)
            held = self.curvature
            self._from, self._gradient, self._longest, self._lowest = held.before, held.known, held.longest, held.lowest
        else:
            self._from, self._gradient = (torch.zeros(size, device=device) for _ in range(2))
            self._longest, self._lowest = (torch.zeros((), device=device) for _ in range(2))
            self.curvature = PairRing(history, size, device, waits_for_launches(device) if stacked is None else stacked)
        self._zero = torch.zeros((), device=device)
        self.restart(image, 1.0)

    @property
    def pixels(self) -> Tensor:
        return self._pixels.detach()

    @property
    def image(self) -> Tensor:
        return self.pixels

    def restart(self, image: Tensor, care: float) -> None:
        with torch.no_grad():
            self._pixels.copy_(image)
        self._longest.fill_(care * self._limit)
        self.phase = "first"

    def state(self) -> dict[str, Tensor]:
        own = {name: getattr(self, f"_{name}") for name in _LBFGS_STATE}
        return {"pixels": self.pixels, **own, **self.curvature.state(), "later": torch.tensor(self.phase == "later")}

    def load(self, state: Mapping[str, Tensor]) -> None:
        with torch.no_grad():
            self._pixels.copy_(state["pixels"])
        for name in _LBFGS_STATE:
            getattr(self, f"_{name}").copy_(state[name])
        self.curvature.load(state)
        self.phase = "later" if state["later"] else "first"

    def stepped(self) -> None:
        self.phase = "later"

    def work(self, evaluate: Evaluate) -> Losses:
        losses = evaluate(self._pixels)
        (gradient,) = torch.autograd.grad(losses.total, self._pixels)
        with torch.no_grad():
            loss, gradient = losses.total.detach(), gradient.flatten()
            if self._kernels is not None and isinstance(self.curvature, Descent) and self.phase == "later":
                self._kernels.descend(self._pixels, loss, gradient, self.curvature, RULES)
                return losses.detached()
            move, limit = (self._begin if self.phase == "first" else self._arrive)(loss, gradient)
            size = move.square().mean().sqrt()
            move *= torch.nan_to_num((limit / size).clamp(max=1.0), nan=0.0, posinf=0.0)
            self._pixels.copy_((self._from - move).clamp(0, 1).view_as(self._pixels))
        return losses.detached()

    def _begin(self, loss: Tensor, gradient: Tensor) -> tuple[Tensor, Tensor]:
        """Where the first step starts from. Returns its opposite, and how long it may be, which is how long it is."""
        self._from.copy_(self.pixels.flatten())
        self._gradient.copy_(gradient)
        self._lowest.copy_(loss)
        steepness = gradient.square().mean().sqrt()
        longest = FIRST * self._longest
        promised = longest * steepness * gradient.numel() / loss.abs()
        longest = longest * torch.nan_to_num(promised / PROMISED, nan=0.0).clamp(max=1.0)
        # No curvature is known yet: down the gradient.
        scale = torch.nan_to_num(longest / steepness, nan=0.0, posinf=0.0)
        self.curvature.forget(scale)
        return scale * gradient, longest

    def _arrive(self, loss: Tensor, gradient: Tensor) -> tuple[Tensor, Tensor]:
        """Learn from the last step; go on from where it led, or where it began.

        :return: the opposite of the next step, and how long that may be.
        """
        pixels = self.pixels.flatten()
        # What was really moved, within 0..1: a pair (s, y) has to belong together.
        move, change = pixels - self._from, gradient - self._gradient
        # A number less itself is zero, if it is one; and no sum has one that holds any that is not.
        total = loss + gradient.sum()
        finite = total - total == 0
        good = finite & (loss <= self._lowest + UPHILL * self._lowest.abs())
        torch.where(good, pixels, self._from, out=self._from)
        torch.where(good, gradient, self._gradient, out=self._gradient)
        torch.where(good, torch.minimum(loss, self._lowest), self._lowest, out=self._lowest)
        limit = torch.where(good, self._longest, BACK * move.square().mean().sqrt())
        move, change = torch.where(finite, move, self._zero), torch.where(finite, change, self._zero)
        assert isinstance(self.curvature, PairRing)
        return self.curvature.learn(move, change, self._gradient), limit


def make_optimizer(
    name: OptimizerName, image: Tensor, rate: float, averaging: float = 0.0, history: int = 20
) -> Optimizer:
    """The optimizer of that name, starting at `image` (1, 3, H, W)."""
    if name == "adam":
        return Adam(image, rate, averaging)
    return LBFGS(image, rate, history)
