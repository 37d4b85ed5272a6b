"""The two ways to take a step downhill: Adam and L-BFGS. Neither waits for the device."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Literal, Protocol

import torch
from torch import Tensor

from pipeline.style.objective import Losses

Optimizer = Literal["adam", "lbfgs"]
Evaluate = Callable[[Tensor], Losses]


class Stepper(Protocol):
    """Holds the picture (1, 3, H, W) that is being optimised, and moves it."""

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
    """L-BFGS (Nocedal 1980, two-loop recursion) without a line search, its scalars kept on the device.

    torch.optim.LBFGS reads back about twice its history in every step; here nothing is read back. What stands in
    for the line search is a limit on the length of a step: the root mean square change of a pixel is at
    most `rate`. A pair of differences with negative curvature gets no weight. Pixels are kept within 0..1.
    """

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
        self._care = care
        self._pairs: deque[tuple[Tensor, Tensor, Tensor]] = deque(maxlen=self._history)
        self._gradient: Tensor | None = None
        self._move = torch.zeros_like(self.pixels).flatten()
        self._scale = torch.ones((), device=image.device)

    def step(self, evaluate: Evaluate) -> Losses:
        losses = evaluate(self._pixels)
        (gradient,) = torch.autograd.grad(losses.total, self._pixels)
        with torch.no_grad():
            gradient = gradient.flatten()
            if self._gradient is not None:
                self._learn(gradient - self._gradient)
            move = -self._times_inverse_hessian(gradient)
            size = move.square().mean().sqrt()
            limit = self._care * self._limit
            # The first step knows no curvature: it goes a tenth of the limit down the gradient.
            factor = (limit / size).clamp(max=1.0) if self._pairs else 0.1 * limit / size
            move = move * torch.nan_to_num(factor, nan=0.0, posinf=0.0)
            goal = (self._pixels + move.view_as(self._pixels)).clamp(0, 1)
            # What was really moved: a pair (s, y) has to belong together.
            self._move = (goal - self._pixels).flatten()
            self._pixels.copy_(goal)
            self._gradient = gradient
        return losses.detached()

    def _learn(self, change: Tensor) -> None:
        """Keep the pair s (last move), y (change of gradient) and 1 / (s y); no weight where s y <= 0."""
        curvature = torch.dot(self._move, change)
        strength = torch.dot(change, change)
        # As a cosine, so that the scale of the objective does not matter.
        sound = curvature > 1e-6 * self._move.norm() * strength.sqrt()
        weight = torch.where(sound, 1 / curvature, torch.zeros_like(curvature))
        self._scale = torch.where(sound, curvature / strength, self._scale)
        self._pairs.append((self._move, change, weight))

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


def make_stepper(
    optimizer: Optimizer, image: Tensor, rate: float, averaging: float = 0.0, history: int = 20
) -> Stepper:
    """The stepper of that name, starting at `image` (1, 3, H, W)."""
    if optimizer == "adam":
        return Adam(image, rate, averaging)
    return LBFGS(image, rate, history)
