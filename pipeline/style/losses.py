"""The losses of Gatys, Ecker and Bethge (CVPR 2016), as pure functions.

Feature maps F have shape (1, N, h, w): N filters, M = h * w positions. P are the maps of the content, A the
style's statistics, G those of the picture being painted. Four normalisations are in use:

`gatys2016`  the equations of the paper, letter by letter. The content loss is a sum, so its weight against the
             style grows with the picture.
`released`   what Gatys's own code does (github.com/leongatys/PytorchNeuralStyleTransfer): content as a mean of
             squares, Gram matrices divided by M, their mean squared error times 1000 / N^2. Against the equations it
             gives the shallow layers more weight, and the content less.
`notebook`   what most single-picture notebooks compute: content as a mean of squares; the Gram matrix not
             normalised, its mean squared error divided by N M.
`relative`   this project's default: each loss divided by the size of its own target, so that a weight means
             the same for every layer, network, picture and size.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import torch
from torch import Tensor

from pipeline.network.device import multiplies_bfloat16, product, waits_for_launches
from pipeline.style.hand_gradients import moment_loss_of_sums

Normalisation = Literal["gatys2016", "released", "notebook", "relative"]
Statistic = Literal["gram", "moments"]

# Keeps a division by a target's own size finite where the target is (almost) flat.
TINY = 1e-6


class _Squares(torch.autograd.Function):
    """Sum of squared differences, in three passes over the maps; by autograd it takes seven, and `mse_loss` gives a
    gradient that is not stored channels last, which every convolution on the way back would have to copy.
    """

    @staticmethod
    def forward(ctx: Any, maps: Tensor, target: Tensor) -> Tensor:
        difference = maps - target
        ctx.save_for_backward(difference)
        flat = difference.permute(0, 2, 3, 1).reshape(-1)
        return torch.dot(flat, flat)

    @staticmethod
    def backward(ctx: Any, of_squares: Tensor) -> tuple[Tensor, None]:
        (difference,) = ctx.saved_tensors
        return difference * (2 * of_squares), None


class _Sums(torch.autograd.Function):
    """Sum and sum of products of maps over all positions, with a gradient by hand.

    Left to autograd, the products cost two matrix products on the way back where one does, and centring or a mean
    five more passes over the maps.
    """

    @staticmethod
    def forward(ctx: Any, maps: Tensor) -> tuple[Tensor, Tensor]:
        # One row a position: for maps that are stored channels last this is no copy.
        rows = maps.permute(0, 2, 3, 1).flatten(0, 2)
        if not multiplies_bfloat16(maps.device):
            rows = rows.float()
        ctx.save_for_backward(rows)
        ctx.like = (maps.shape, maps.dtype)
        total = rows.sum(0, dtype=torch.float32 if rows.dtype == torch.bfloat16 else None)
        return total, product(rows.T, rows)

    @staticmethod
    def backward(ctx: Any, of_sum: Tensor, of_products: Tensor) -> Tensor:
        (rows,) = ctx.saved_tensors
        (_, count, height, width), dtype = ctx.like
        both = of_products + of_products.T
        if rows.dtype == torch.bfloat16:
            # In two parts of eight digits each: much of a product cancels what goes back through the mean, and rounded
            # to one of them it was wrong by 3e-3 of what is left.
            high = both.to(dtype)
            low = (both - high).to(dtype)
            gradient = product(rows, high).add_(product(rows, low))
            gradient = torch.add(gradient, of_sum, out=torch.empty_like(rows))
        else:
            gradient = torch.addmm(of_sum, rows, both).to(dtype)
        return gradient.view(1, height, width, count).permute(0, 3, 1, 2)


class _Roughness(torch.autograd.Function):
    """`total_variation`, with a gradient by hand: autograd would fill a picture with zeros and copy into it for each of
    four shifted views.
    """

    @staticmethod
    def forward(ctx: Any, image: Tensor) -> Tensor:
        down = image[..., 1:, :] - image[..., :-1, :]
        across = image[..., 1:] - image[..., :-1]
        ctx.save_for_backward(down, across)
        ctx.like = image.shape
        return _mean_square(down) + _mean_square(across)

    @staticmethod
    def backward(ctx: Any, of_roughness: Tensor) -> Tensor:
        down, across = ctx.saved_tensors
        gradient: Tensor = down.new_zeros(ctx.like)
        for differences, later, earlier in (
            (down, gradient[..., 1:, :], gradient[..., :-1, :]),
            (across, gradient[..., 1:], gradient[..., :-1]),
        ):
            share = 2 / max(1, differences.numel())
            later.add_(differences, alpha=share)
            earlier.sub_(differences, alpha=share)
        return gradient * of_roughness


def _mean_square(values: Tensor) -> Tensor:
    """Scalar; of no values at all it is 0."""
    return values.square().sum() / max(1, values.numel())


def sums_of(maps: Tensor) -> tuple[Tensor, Tensor]:
    """sum_k F_ik, (N,), and sum_k F_ik F_jk, (N, N), in float32, of maps (1, N, h, w)."""
    sums: tuple[Tensor, Tensor] = _Sums.apply(maps)
    return sums


def gram(maps: Tensor) -> Tensor:
    """Gram matrix G_ij = sum_k F_ik F_jk (eq. 3). Maps (1, N, h, w), any float -> (N, N) float32."""
    return sums_of(maps)[1]


@dataclass(frozen=True)
class ContentTarget:
    """One layer's maps P of the content, and what `relative` divides by."""

    maps: Tensor
    """Float, shape (1, N, h, w)."""
    energy: Tensor
    """Mean square of the maps about their means, a scalar > 0."""


def content_target(maps: Tensor) -> ContentTarget:
    """The target for maps (1, N, h, w) of the content."""
    maps = maps.float()
    spread = (maps - maps.mean((2, 3), keepdim=True)).square().mean()
    return ContentTarget(maps, spread + 1e-2 * maps.square().mean() + TINY)


def content_loss(maps: Tensor, target: ContentTarget, normalisation: Normalisation) -> Tensor:
    """How far the maps (1, N, h, w) are from the content's. Scalar.

    gatys2016: 1/2 sum (F - P)^2 (eq. 1). released, notebook: mean (F - P)^2.
    relative: mean (F - P)^2 over the target's energy; a picture that keeps nothing of the content but the mean
    of each map has a loss of about 1.
    """
    return content_loss_of(squared_difference(maps, target.maps), target, normalisation)


def squared_difference(maps: Tensor, target: Tensor) -> Tensor:
    """sum (F - P)^2 of maps (1, N, h, w), any float, and those of a target, float32. Scalar."""
    squares: Tensor = _Squares.apply(maps.float(), target)
    return squares


def content_loss_of(squares: Tensor, target: ContentTarget, normalisation: Normalisation) -> Tensor:
    """`content_loss` from the sum of squared differences."""
    if normalisation == "gatys2016":
        return 0.5 * squares
    mean = squares / target.maps.numel()
    return mean / target.energy if normalisation == "relative" else mean


@dataclass(frozen=True)
class Moments:
    """What a layer's maps have in common all over a picture: the style.

    With statistic 'gram' only `second` counts: the Gram matrix (N, N). With 'moments' the `mean` (N,) and the
    covariance `second` (N, N) are kept apart (Li et al. 2017, "Demystifying Neural Style Transfer", compare
    such statistics): the mean carries colour and amount, the covariance texture.
    """

    mean: Tensor
    second: Tensor
    positions: int
    """M, the number of positions that were summed over."""

    def with_mean(self, mean: Tensor) -> Moments:
        """The same with another mean, and what `moment_loss` measures in, which does not depend on that."""
        made = Moments(mean, self.second, self.positions)
        vars(made).update(unit=self.unit, covariance_unit=self.covariance_unit)
        return made

    # What `moment_loss` measures in: found once for a target, not in every step.
    @cached_property
    def unit(self) -> Tensor:
        """1 / s (N,), s each channel's own deviation and a little of the usual one."""
        # E[F F'] - m m' of flat maps can come out just below zero.
        variance = self.second.diagonal().clamp(min=0)
        return (variance + 1e-2 * variance.mean() + TINY).rsqrt()

    @cached_property
    def energy(self) -> Tensor:
        """Sum of the squares of `second`, a scalar."""
        return self.second.square().sum()

    @cached_property
    def covariance_unit(self) -> Tensor:
        """1 / (s_i s_j), divided by the length of the covariance in such units, (N, N)."""
        unit = self.unit.unsqueeze(0) * self.unit.unsqueeze(1)
        return unit / ((self.second * unit).square().sum() + TINY).sqrt()


def moments(maps: Tensor, statistic: Statistic) -> Moments:
    """Statistics of maps (1, N, h, w); float32, on the maps' device."""
    return moments_of(*sums_of(maps), maps.shape[2] * maps.shape[3], statistic)


def moments_of(total: Tensor, products: Tensor, positions: int, statistic: Statistic) -> Moments:
    """Statistics from sums over so many positions, as `sums_of` gives them."""
    if statistic == "gram":
        return Moments(torch.zeros_like(total), products, positions)
    mean = total / positions
    return Moments(mean, products / positions - mean.unsqueeze(0) * mean.unsqueeze(1), positions)


def blend(targets: list[tuple[float, Moments]], statistic: Statistic) -> Moments:
    """Weighted mean of several styles' statistics; weights need not sum to one.

    Gram matrices grow with the number of positions, so they are brought to the first style's size before.
    """
    total = sum(weight for weight, _ in targets)
    first = targets[0][1]

    def second(target: Moments) -> Tensor:
        return target.second * (first.positions / target.positions if statistic == "gram" else 1.0)

    # Mean of stacked tensors, not Python's sum(), which would begin with the number 0.
    shares = torch.tensor([weight / total for weight, _ in targets], device=first.mean.device)
    mean = torch.einsum("s,sn->n", shares, torch.stack([t.mean for _, t in targets]))
    matrix = torch.einsum("s,snm->nm", shares, torch.stack([second(t) for _, t in targets]))
    return Moments(mean, matrix, first.positions)


def gram_loss(maps: Tensor, target: Moments, normalisation: Normalisation) -> Tensor:
    """Style loss of one layer by Gram matrices. Maps (1, N, h, w). Scalar.

    gatys2016: 1 / (4 N^2 M^2) sum (G - A)^2 (eq. 4). A is brought to the painting's number of positions first,
    so that a style picture of another size means the same.
    released: 1000 / N^2 mean ((G - A) / M)^2.
    notebook: mean (G - A)^2 / (N M).
    relative: sum (G - A)^2 / sum A^2.
    """
    return gram_loss_of(gram(maps), maps.shape[2] * maps.shape[3], target, normalisation)


def gram_loss_of(own: Tensor, positions: int, target: Moments, normalisation: Normalisation) -> Tensor:
    """`gram_loss` from the Gram matrix (N, N) of maps with so many positions."""
    aim = target.second * (positions / target.positions)
    squares = (own - aim).square().sum() * gram_factor(normalisation, own.shape[0], positions)
    return squares / (aim.square().sum() + TINY) if normalisation == "relative" else squares


def gram_factor(normalisation: Normalisation, count: int, positions: int) -> float:
    """What sum (G - A)^2 is multiplied by, of N = `count` filters; `relative` divides it as well."""
    factors = {
        "gatys2016": 1 / (4 * count**2 * positions**2),
        "released": 1e3 / count**2 / (count * positions) ** 2,
        "notebook": 1 / count**2 / (count * positions),
        "relative": 1.0,
    }
    return factors[normalisation]


def moment_loss(maps: Tensor, target: Moments) -> Tensor:
    """Style loss of one layer by mean and covariance, always `relative`. Maps (1, N, h, w). Scalar.

    Every channel is measured in units s of the style's own deviation, so that loud channels do not drown the
    quiet ones: mean_i ((m_i - m_A,i) / s_i)^2 + sum_ij ((C_ij - C_A,ij) / (s_i s_j))^2 / sum_ij (C_A,ij / (s_i s_j))^2.
    """
    if not waits_for_launches(maps.device):
        return moment_loss_of(moments(maps, "moments"), target)
    of_target = (target.mean, target.unit, target.second, target.covariance_unit)
    return moment_loss_of_sums(*sums_of(maps), maps.shape[2] * maps.shape[3], *of_target)


def moment_loss_of(own: Moments, target: Moments) -> Tensor:
    """`moment_loss` from the painting's own moments."""
    mean_part = ((own.mean - target.mean) * target.unit).square().mean()
    return mean_part + ((own.second - target.second) * target.covariance_unit).square().sum()


def total_variation(image: Tensor) -> Tensor:
    """Roughness of a picture (1, C, H, W): mean square difference of neighbours, down plus across. Scalar.

    The exponent is two (Mahendran and Vedaldi 2015 with beta = 2). A checkerboard of 0 and 1 has 2, a flat picture 0.
    """
    roughness: Tensor = _Roughness.apply(image)
    return roughness
