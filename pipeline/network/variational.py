"""The last part of an optical flow: it is made to fit brightness and slopes of brightness, and to be smooth where the
pictures allow it (Brox et al., ECCV 2004, "High Accuracy Optical Flow Estimation Based on a Theory for Warping";
normalised as by Weinzaepfel et al., ICCV 2013, "DeepFlow")."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

if TYPE_CHECKING:
    from pipeline.network.kernels import MotionKernels

ROUGH = 1e-6
"""epsilon^2 of the penalty sqrt(x^2 + epsilon^2)."""
FLAT = 0.01
"""zeta^2: what slopes are measured against where there are none."""


class Bonds(NamedTuple):
    """How firmly each pixel is held to its neighbours, float32 (N, 1, H, W) each; 0 beyond the border."""

    right: Tensor
    left: Tensor
    below: Tensor
    above: Tensor

    def pulled(self, values: Tensor, start: Tensor) -> Tensor:
        """`start` and the sum of the four neighbours of each pixel, each by the bond to it; (N, C, H, W)."""
        around = F.pad(values, (1, 1, 1, 1), mode="replicate")
        total = torch.addcmul(start, self.right, around[..., 1:-1, 2:])
        total = torch.addcmul(total, self.left, around[..., 1:-1, :-2])
        total = torch.addcmul(total, self.below, around[..., 2:, 1:-1])
        return torch.addcmul(total, self.above, around[..., :-2, 1:-1])


class Equations(NamedTuple):
    """What is solved for the change d of a flow: at each pixel
    d = inverse (sides + sum of its neighbours' d, each by the bond between them)."""

    sides: Tensor
    """float32 (N, 2, H, W)."""
    own: Tensor
    """The diagonal of the inverse, (N, 2, H, W)."""
    mixed: Tensor
    """What stands beside it, (N, 1, H, W)."""
    bonds: Bonds


class Slopes(NamedTuple):
    """What the equations are made of: of each pair how brightness and its slopes change over time and space, all
    float32 (N, 1, H, W). t is the time from one frame to the other."""

    t: Tensor
    x: Tensor
    y: Tensor
    xt: Tensor
    yt: Tensor
    xx: Tensor
    xy: Tensor
    yy: Tensor


@dataclass(frozen=True)
class VariationalRefinement:
    """The numbers of OpenCV's refinement as its DIS has it, but for how the equations are solved."""

    smoothness: float = 20.0
    """alpha."""
    brightness: float = 5.0
    """delta."""
    slopes: float = 10.0
    """gamma."""
    rounds: int = 5
    """Times that the penalties are taken anew."""
    sweeps: int = 10
    """Over all equations in a round."""
    radius: float = 0.99
    """What an error is multiplied by in a sweep of Jacobi's iteration, at most; Chebyshev's weights follow from it."""

    def __call__(self, before: Tensor, aligned: Tensor, flow: Tensor, kernels: MotionKernels | None = None) -> Tensor:
        """How a flow changes, float32 (N, H, W, 2).

        :param before: the frames that it begins in, float32 (N, 1, H, W), from 0 to 255.
        :param aligned: those that it leads to, sampled along it.
        :param flow: (N, H, W, 2).
        """
        known = slopes_of(before, aligned)
        whole = flow.permute(0, 3, 1, 2).contiguous()
        if kernels is not None:
            return kernels.refined(known, whole, self).permute(0, 2, 3, 1)
        change = torch.zeros_like(whole)
        for _ in range(self.rounds):
            change = self._solved(self.equations(known, whole, change), change)
        return change.permute(0, 2, 3, 1)

    def equations(self, known: Slopes, flow: Tensor, change: Tensor) -> Equations:
        """Those that the next change solves, with penalties as they are at this one; flow and change (N, 2, H, W)."""
        u, v = change[:, :1], change[:, 1:]
        scale = 1 / (known.x.square() + known.y.square() + FLAT)
        scale_x = 1 / (known.xx.square() + known.xy.square() + FLAT)
        scale_y = 1 / (known.xy.square() + known.yy.square() + FLAT)
        misfit = known.t + known.x * u + known.y * v
        misfit_x = known.xt + known.xx * u + known.xy * v
        misfit_y = known.yt + known.xy * u + known.yy * v
        weight = self.brightness / 2 * scale * torch.rsqrt(misfit.square() * scale + ROUGH)
        both = torch.rsqrt(misfit_x.square() * scale_x + misfit_y.square() * scale_y + ROUGH) * (self.slopes / 2)
        weight_x, weight_y = both * scale_x, both * scale_y

        def product(one: tuple[Tensor, Tensor, Tensor], other: tuple[Tensor, Tensor, Tensor]) -> Tensor:
            return weight * one[0] * other[0] + weight_x * one[1] * other[1] + weight_y * one[2] * other[2]

        over_x, over_y = (known.x, known.xx, known.xy), (known.y, known.xy, known.yy)
        over_t = (known.t, known.xt, known.yt)
        bonds = self.bonds(flow + change)
        firm = bonds.right + bonds.left + bonds.below + bonds.above
        across, down, mixed = product(over_x, over_x) + firm, product(over_y, over_y) + firm, product(over_x, over_y)
        share = 1 / (across * down - mixed.square())
        # The flow itself is held to its neighbours, too.
        sides = -torch.cat((product(over_x, over_t), product(over_y, over_t)), 1) - firm * flow
        own = torch.cat((down * share, across * share), 1)
        return Equations(bonds.pulled(flow, sides), own, -mixed * share, bonds)

    def bonds(self, flow: Tensor) -> Bonds:
        """They are looser where the flow (N, 2, H, W) changes."""
        across, down = F.pad(flow.diff(dim=3), (0, 1)), F.pad(flow.diff(dim=2), (0, 0, 0, 1))
        change = (across.square() + down.square()).sum(1, keepdim=True)
        bond = self.smoothness / 2 * torch.rsqrt(change + ROUGH)
        right, below = bond[..., :-1], bond[..., :-1, :]
        return Bonds(F.pad(right, (0, 1)), F.pad(right, (1, 0)), F.pad(below, (0, 0, 0, 1)), F.pad(below, (0, 0, 1, 0)))

    def _solved(self, equations: Equations, change: Tensor) -> Tensor:
        """Nearer to their solution, from `change` on."""
        earlier = change
        for weight in self.weights():
            earlier, change = change, sweep(equations, change, earlier, weight)
        return change

    def weights(self) -> list[float]:
        """Chebyshev's, of each sweep (Golub and Van Loan, Matrix Computations, section 11.2.8)."""
        found = [1.0, 1 / (1 - self.radius**2 / 2)]
        while len(found) < self.sweeps:
            found.append(1 / (1 - self.radius**2 * found[-1] / 4))
        return found[: self.sweeps]


def sweep(equations: Equations, change: Tensor, earlier: Tensor, weight: float) -> Tensor:
    """A sweep of Jacobi's iteration over all pixels, as far as `weight` takes it from the change before the last."""
    sides, own, mixed, bonds = equations
    pulled = bonds.pulled(change, sides)
    return torch.lerp(earlier, torch.addcmul(own * pulled, mixed, pulled.flip(1)), weight)


def slopes_of(before: Tensor, aligned: Tensor) -> Slopes:
    """What of two frames that are aligned the equations are made of; (N, 1, H, W) each."""
    t, mean = aligned - before, (before + aligned) / 2
    x, y = central_differences(mean)
    xt, yt = central_differences(t)
    xx, xy = central_differences(x)
    return Slopes(t, x, y, xt, yt, xx, xy, central_differences(y)[1])


def central_differences(image: Tensor) -> tuple[Tensor, Tensor]:
    """How (N, C, H, W) change across and down, a pixel; the border is repeated."""
    around = F.pad(image, (1, 1, 1, 1), mode="replicate")
    return (
        (around[..., 1:-1, 2:] - around[..., 1:-1, :-2]) / 2,
        (around[..., 2:, 1:-1] - around[..., :-2, 1:-1]) / 2,
    )
