"""Losses with their gradients by hand, for devices that wait for every launch: the same values, in as few operations as
there can be. Autograd takes three to four times as many, most of them on a handful of numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor


class _MomentLoss(torch.autograd.Function):
    """`losses.moment_loss` from the sums t and P over M positions: with m = t / M and C = P / M - m m',

        d = (m - m_A) u,  D = (C - C_A) U,  loss = d d / N + sum D^2,
        gradient in P: 2 / M (D U),  in t: 1 / M (2 / N (d u) - 4 (D U) m),

    u and U the units of the target; D U is symmetric.
    """

    @staticmethod
    def forward(
        ctx: Any, total: Tensor, products: Tensor, positions: int, mean: Tensor, unit: Tensor, second: Tensor,
        covariance_unit: Tensor,
    ) -> Tensor:  # fmt: skip
        count = total.shape[0]
        own = total / positions
        off = (own - mean) * unit
        away = torch.addr(products, own, own, beta=1 / positions, alpha=-1).sub_(second).mul_(covariance_unit)
        loss = torch.add(torch.dot(away.view(-1), away.view(-1)), torch.dot(off, off), alpha=1 / count)
        of_second = away.mul_(covariance_unit)
        of_total = torch.addmv(off.mul_(unit), of_second, own, beta=2 / count / positions, alpha=-4 / positions)
        ctx.save_for_backward(of_total, of_second)
        ctx.positions = positions
        return loss

    @staticmethod
    def backward(ctx: Any, of_loss: Tensor) -> tuple[Tensor | None, ...]:
        of_total, of_second = ctx.saved_tensors
        return of_total * of_loss, of_second * (of_loss * (2 / ctx.positions)), None, None, None, None, None


def moment_loss_of_sums(
    total: Tensor, products: Tensor, positions: int, mean: Tensor, unit: Tensor, second: Tensor, covariance_unit: Tensor
) -> Tensor:
    """`losses.moment_loss` from the sums of maps (N,) and of their products (N, N) over so many positions. Scalar.

    :param mean, unit, second, covariance_unit: of the target, see `losses.Moments`.
    """
    loss: Tensor = _MomentLoss.apply(total, products, positions, mean, unit, second, covariance_unit)
    return loss


class _ExpectedLoss(torch.autograd.Function):
    """1/D sum_k c_k (x - w_k)^2, with gradient 2/D sum_k c_k (x - w_k)."""

    @staticmethod
    def forward(ctx: Any, image: Tensor, targets: Sequence[tuple[Tensor, Tensor]]) -> Tensor:
        several = len(targets) > 1
        pictures, weights = (torch.cat(one) if several else one[0] for one in zip(*targets, strict=True))
        away = image - pictures
        pull = weights * away
        loss = away.mul_(pull).sum() / image.numel()
        ctx.save_for_backward(pull.sum(0, keepdim=True) if several else pull)
        return loss

    @staticmethod
    def backward(ctx: Any, of_loss: Tensor) -> tuple[Tensor, None]:
        (pull,) = ctx.saved_tensors
        return pull * (of_loss * (2 / pull.numel())), None


def expected_loss(image: Tensor, targets: Sequence[tuple[Tensor, Tensor]]) -> Tensor:
    """The loss of `objective.TemporalTerm` for a picture (1, 3, H, W). Scalar.

    :param targets: at least one; w (1, 3, H, W) and c (1, 1, H, W).
    """
    loss: Tensor = _ExpectedLoss.apply(image, targets)
    return loss
