"""The two ways to take a step downhill: Adam and L-BFGS. Neither waits for the device."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Literal, Protocol

import torch
from torch import Tensor

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


class Optimizer(Protocol):
    """Holds the picture (1, 3, H, W) that is being optimised, and moves it."""

    turns_back: bool
    """Whether it goes back by itself from a step that led uphill, or to what is not a number."""

    @property
    def pixels(self) -> Tensor:
        """What the next step is evaluated at; detached, not a copy."""
        ...

    @property
    def image(self) -> Tensor:
        """The result as it now stands, in 0..1; detached."""
        ...

    def step(self, evaluate: Evaluate) -> Losses:
        """One evaluation and one step. Returns the losses before the step."""
        ...

    def restart(self, image: Tensor, care: float) -> None:
        """Forget everything learnt, go back to `image`, take steps `care` times the normal size."""
        ...


class Adam:
    """Adam (Kingma and Ba 2015) on the pixels, kept within 0..1; the result is an average of the iterates.

    Adam's iterates rattle about the minimum at the size of its rate; their exponential average (as in
    style-transfer-pytorch) does not. `averaging` = 0 hands out the iterate itself.
    """

    turns_back = False

    def __init__(
        self, image: Tensor, rate: float, averaging: float = 0.0, betas: tuple[float, float] = (0.9, 0.99)
    ) -> None:
        self._rate = rate
        self._averaging = averaging
        self._betas = betas
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
        self._pixels = image.detach().clone().requires_grad_(True)
        self._average = torch.zeros_like(image)
        self._count = 0
        fused = image.device.type == "cuda"
        self._adam = torch.optim.Adam([self._pixels], lr=self._rate * care, betas=self._betas, fused=fused)

    def step(self, evaluate: Evaluate) -> Losses:
        losses = evaluate(self._pixels)
        (self._pixels.grad,) = torch.autograd.grad(losses.total, self._pixels)
        self._adam.step()
        with torch.no_grad():
            self._pixels.clamp_(0, 1)
            self._count += 1
            if self._averaging:
                self._average.mul_(self._averaging).add_(self._pixels, alpha=1 - self._averaging)
        return losses.detached()


class LBFGS:
    """L-BFGS (Nocedal 1980, two-loop recursion), its scalars kept on the device.

    torch.optim.LBFGS waits for the device about twice its history in every step (40 times with 20 pairs), and evaluates
    again wherever its line search asks for it; here nothing waits, and a step is one evaluation. What stands in for the
    line search is a limit on the length of a step: the root mean square change of a pixel is at most `rate`. From a
    step that led uphill it goes back to where that began, with what was learnt of the curvature there, for a shorter
    one. A pair of differences with negative curvature gets no weight. Pixels are kept within 0..1.
    """

    turns_back = True

    def __init__(self, image: Tensor, rate: float, history: int = 20) -> None:
        self._limit = rate
        self._history = history
        self.restart(image, 1.0)

    @property
    def pixels(self) -> Tensor:
        return self._pixels.detach()

    @property
    def image(self) -> Tensor:
        return self.pixels

    def restart(self, image: Tensor, care: float) -> None:
        self._pixels = image.detach().clone().requires_grad_(True)
        self._longest = torch.full((), care * self._limit, device=image.device)
        self._pairs: deque[tuple[Tensor, Tensor, Tensor]] = deque(maxlen=self._history)
        self._begun = False

    def step(self, evaluate: Evaluate) -> Losses:
        losses = evaluate(self._pixels)
        (gradient,) = torch.autograd.grad(losses.total, self._pixels)
        with torch.no_grad():
            loss, gradient = losses.total.detach(), gradient.flatten()
            limit = self._arrive(loss, gradient) if self._begun else self._begin(loss, gradient)
            move = -self._times_inverse_hessian(self._gradient)
            size = move.square().mean().sqrt()
            move *= torch.nan_to_num((limit / size).clamp(max=1.0), nan=0.0, posinf=0.0)
            self._pixels.copy_((self._from + move).clamp(0, 1).view_as(self._pixels))
        return losses.detached()

    def _begin(self, loss: Tensor, gradient: Tensor) -> Tensor:
        """Where the first step starts from. Returns how long it may be; that is how long it will be."""
        self._begun = True
        self._from, self._gradient, self._lowest = self.pixels.flatten().clone(), gradient, loss
        steepness = gradient.square().mean().sqrt()
        longest = FIRST * self._longest
        promised = longest * steepness * gradient.numel() / loss.abs()
        longest = longest * torch.nan_to_num(promised / PROMISED, nan=0.0).clamp(max=1.0)
        # No curvature is known yet: down the gradient.
        self._scale = torch.nan_to_num(longest / steepness, nan=0.0, posinf=0.0)
        return longest

    def _arrive(self, loss: Tensor, gradient: Tensor) -> Tensor:
        """Learn from the last step; go on from where it led, or where it began. Returns how long the next may be."""
        pixels = self.pixels.flatten()
        # What was really moved, within 0..1: a pair (s, y) has to belong together.
        move, change = pixels - self._from, gradient - self._gradient
        finite = torch.isfinite(loss) & torch.isfinite(gradient).all()
        nothing = torch.zeros_like(move)
        self._learn(torch.where(finite, move, nothing), torch.where(finite, change, nothing))
        good = finite & (loss <= self._lowest + UPHILL * self._lowest.abs())
        self._from = torch.where(good, pixels, self._from)
        self._gradient = torch.where(good, gradient, self._gradient)
        self._lowest = torch.where(good, torch.minimum(loss, self._lowest), self._lowest)
        return torch.where(good, self._longest, BACK * move.square().mean().sqrt())

    def _learn(self, move: Tensor, change: Tensor) -> None:
        """Keep the pair s (last move), y (change of gradient) and 1 / (s y); no weight where s y <= 0."""
        curvature = torch.dot(move, change)
        strength = torch.dot(change, change)
        # As a cosine, so that the scale of the objective does not matter.
        sound = curvature > 1e-6 * move.norm() * strength.sqrt()
        weight = torch.where(sound, 1 / curvature, torch.zeros_like(curvature))
        self._scale = torch.where(sound, curvature / strength, self._scale)
        self._pairs.append((move, change, weight))

    def _times_inverse_hessian(self, vector: Tensor) -> Tensor:
        result = vector.clone()
        shares = []
        for move, change, weight in reversed(self._pairs):
            share = weight * torch.dot(move, result)
            shares.append(share)
            result.addcmul_(change, share, value=-1)
        result *= self._scale
        for (move, change, weight), share in zip(self._pairs, reversed(shares), strict=True):
            result.addcmul_(move, share - weight * torch.dot(change, result))
        return result


def make_optimizer(
    name: OptimizerName, image: Tensor, rate: float, averaging: float = 0.0, history: int = 20
) -> Optimizer:
    """The optimizer of that name, starting at `image` (1, 3, H, W)."""
    if name == "adam":
        return Adam(image, rate, averaging)
    return LBFGS(image, rate, history)
