"""What a device can do in one pass or a few launches, and which devices can.

Left to separate operations, the passes over maps beside the convolutions take twice as long on an H100 as these, and a
step has four hundred launches. Where a device has Triton, its kernels do the same in few. torch.compile makes such
kernels too; but it fails on the way back through a border that is repeated, of maps stored channels last (torch 2.15),
and it compiles in every process, for every size, where these are compiled once and found on the disk after that.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from typing import Literal, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from pipeline.network.variational import Slopes, VariationalRefinement

Pool = Literal["none", "average", "max"]
Stage = Callable[[Tensor, Tensor, Pool, bool, bool], tuple[Tensor, Tensor | None]]
"""See `plain_stage`."""
FirstStage = Callable[[Tensor, Tensor, Tensor, Tensor, Tensor, bool, bool], tuple[Tensor, Tensor | None]]
"""Of a picture x (1, 3, H, W), float32: the convolution of x * scale + shift, both (3,), with a `first_weight` in
bfloat16; then as a stage without pooling. Whether the border is repeated beyond it, and the rectified maps wanted."""


def plain_stage(raw: Tensor, bias: Tensor, pool: Pool, pad: bool, keep: bool) -> tuple[Tensor, Tensor | None]:
    """What follows a convolution, in plain operations: its bias, the rectifier, pooling, and the border that the next
    one sees.

    :param raw: what a convolution without bias gave, (N, C, H, W).
    :param pool: what each 2x2 positions become, if anything; the last row or column of an odd number is left out.
    :param pad: whether one position is added beyond each border, which repeats the border.
    :param keep: whether the rectified maps are wanted.
    :return: what is handed on, and the rectified maps (N, C, H, W) where they are wanted.
    """
    rectified = F.relu(raw + bias.view(1, -1, 1, 1))
    handed_on = rectified
    if pool != "none":
        handed_on = F.avg_pool2d(rectified, 2) if pool == "average" else F.max_pool2d(rectified, 2)
    if pad:
        handed_on = F.pad(handed_on, (1, 1, 1, 1), mode="replicate")
    return handed_on, rectified if keep else None


def first_weight(weight: Tensor) -> Tensor:
    """The weight (C, 3, 3, 3) of a first convolution as a `FirstStage` wants it: 27 rows, one for each tap and colour,
    and five empty ones, (32, C)."""
    return F.pad(weight.permute(2, 3, 1, 0).reshape(27, -1), (0, 0, 0, 5)).contiguous()


class MomentTarget(NamedTuple):
    """The tensors of `style.losses.Moments` that its loss is measured with: float32, (N,) and (N, N)."""

    mean: Tensor
    unit: Tensor
    second: Tensor
    covariance_unit: Tensor


class GramTarget(NamedTuple):
    """... and of its Gram matrix: float32 (N, N), the sum of its squares, a scalar, and the positions it is of."""

    second: Tensor
    energy: Tensor
    positions: int


@dataclass(frozen=True)
class DescentRules:
    """The numbers of `style.optimizers` that a step of L-BFGS is ruled by."""

    uphill: float
    back: float
    least_cosine: float


@dataclass(frozen=True)
class Descent:
    """What L-BFGS holds for a picture of D numbers, with up to m pairs: all on the device, all in place."""

    before: Tensor
    """Where the last step began, (D,)."""
    known: Tensor
    """The gradient there, (D,)."""
    lowest: Tensor
    """The loss there, a scalar."""
    longest: Tensor
    """The longest step that is allowed, as a root mean square; a scalar."""
    scale: Tensor
    """h, the inverse Hessian that is begun with; a scalar."""
    weights: Tensor
    """1 / (s y) of each pair, (m,); 0 where there is none, or one from which nothing was learnt."""
    moves: Tensor
    """s of each pair, (m, at least D)."""
    changes: Tensor
    """y of each pair, (m, at least D)."""
    products: Tensor
    """s_i y_j by place, float64 (m, m); right where pair j is not older than pair i."""
    ring: Tensor
    """The place of the next pair, and how many there are; int32 (2,)."""

    @classmethod
    def empty(cls, size: int, history: int, device: torch.device) -> Descent:
        """Without pairs."""
        # Rows begin where sixteen bytes can be read at once.
        moves, changes = (torch.zeros((history, -(-size // 16) * 16), device=device) for _ in range(2))
        before, known = (torch.zeros(size, device=device) for _ in range(2))
        lowest, longest, scale = (torch.zeros((), device=device) for _ in range(3))
        products = torch.zeros((history, history), dtype=torch.float64, device=device)
        ring = torch.zeros(2, dtype=torch.int32, device=device)
        weights = torch.zeros(history, device=device)
        return cls(before, known, lowest, longest, scale, weights, moves, changes, products, ring)

    def state(self) -> dict[str, Tensor]:
        """All that was learnt, as `style.curvature.PairRing.state`."""
        return {name: getattr(self, name) for name in ("scale", "weights", "moves", "changes", "products", "ring")}

    def load(self, state: Mapping[str, Tensor]) -> None:
        """Go on from a `state` of the same form."""
        for name, tensor in self.state().items():
            tensor.copy_(state[name])

    def forget(self, scale: Tensor) -> None:
        """As `style.curvature.PairRing.forget`."""
        self.weights.zero_()
        self.ring.zero_()
        self.scale.copy_(scale)


@dataclass(frozen=True)
class MotionKernels:
    """What finds optical flow in few launches; frames are float32 (N, 1, H, W), from 0 to 255."""

    searched: Callable[[Tensor, Tensor, Tensor], Tensor]
    """What the patches of the first frames find in the second ones, beginning with a flow of each: the rounds of
    `inverse_search` and the medians after them, (N, rows, columns, 2)."""
    densified: Callable[[Tensor, Tensor, Tensor], Tensor]
    """The flow of pixels, (N, H, W, 2), from that of patches."""
    refined: Callable[[Slopes, Tensor, VariationalRefinement], Tensor]
    """How a flow (N, 2, H, W) changes, by `variational.VariationalRefinement`."""


@dataclass(frozen=True)
class Kernels:
    """One pass, or few launches, for each of these."""

    stage: Stage
    """`plain_stage`."""
    first_stage: FirstStage
    """Normalising a picture, and the first convolution with what follows it."""
    moment_losses: Callable[[Sequence[Tensor], Sequence[MomentTarget], Sequence[float]], Tensor]
    """The weighted sum of `style.losses.moment_loss` over layers: maps (1, N, h, w) in bfloat16, stored channels last,
    their targets and their weights. Scalar."""
    gram_losses: Callable[[Sequence[Tensor], Sequence[GramTarget], Sequence[float], bool], Tensor]
    """The same of sum (G - A)^2, A brought to the number of positions; with True over sum A^2."""
    squares: Callable[[Tensor, Tensor, Tensor, float], Tensor]
    """share / energy sum (F - P)^2 of maps F and a target's P, float32, stored alike; the energy is a scalar tensor.
    Scalar."""
    roughness: Callable[[Tensor], Tensor]
    """`style.losses.total_variation`."""
    expected: Callable[[Tensor, Sequence[tuple[Tensor, Tensor]]], Tensor]
    """The loss of `style.objective.TemporalTerm`."""
    descend: Callable[[Tensor, Tensor, Tensor, Descent, DescentRules], None]
    """A step of `style.optimizers.LBFGS`, but the first: moves the pixels, given the loss and gradient (D,) there."""


def kernels_on(device: torch.device) -> Kernels | None:
    """The kernels of a device; None where it has none."""
    return None if device.type != "cuda" or find_spec("triton") is None else _tried(device)


@lru_cache(maxsize=8)
def _tried(device: torch.device) -> Kernels | None:
    """Triton wants a C compiler beside a GPU that it knows."""
    try:
        from pipeline.network import descent_kernels, difference_kernels, stage_kernels, style_kernels

        maps, bias = torch.zeros((1, 2, 2, 2), device=device), torch.zeros(2, device=device)
        stage_kernels.fused_stage(maps, bias, "average", True, False)
    except Exception as error:
        warnings.warn(
            f"The fused kernels do not run on this device, so painting is slower: {type(error).__name__}: {error}",
            RuntimeWarning,
            stacklevel=2,
        )
        return None
    return Kernels(
        stage_kernels.fused_stage,
        stage_kernels.first_stage,
        style_kernels.moment_losses,
        style_kernels.gram_losses,
        difference_kernels.squares,
        difference_kernels.roughness,
        difference_kernels.expected,
        descent_kernels.descend,
    )


def motion_kernels_on(device: torch.device) -> MotionKernels | None:
    """Those of a device that find motion; None where it has none."""
    return None if device.type != "cuda" or find_spec("triton") is None else _tried_motion(device)


@lru_cache(maxsize=8)
def _tried_motion(device: torch.device) -> MotionKernels | None:
    try:
        from pipeline.network import refinement_kernels, search_kernels
        from pipeline.network.inverse_search import InverseSearch

        known = MotionKernels(search_kernels.searched, search_kernels.densified, refinement_kernels.refined)
        blank = torch.zeros((1, 1, 16, 16), device=device)
        InverseSearch(16, 16, device, known)(blank, blank)
    except Exception as error:
        warnings.warn(
            f"The kernels that find motion do not run on this device, so that is slower: {type(error).__name__}: "
            f"{error}",
            RuntimeWarning,
            stacklevel=2,
        )
        return None
    return known
