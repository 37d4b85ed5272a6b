"""What L-BFGS has learnt of the curvature: pairs of differences, and the inverse Hessian that they stand for."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from pipeline.network.device import exact_dtype

# Rows of pairs are as long as a multiple of this, and multiplied piece by piece.
PIECE = 4096
# The least cosine between a move and the change of the gradient along it from which something is learnt. A cosine, so
# that the scale of the objective does not matter.
LEAST_COSINE = 1e-6


class PairRing:
    """The last pairs s (a move, D numbers) and y (the change of the gradient along it), in buffers that stay in place.

    The inverse Hessian times a vector is the two-loop recursion (Nocedal 1980): 4 m sums over D numbers, each of which
    waits for the one before it. A GPU is idle in between, so there its sums over pairs are products with the stacked
    pairs S and Y (m, D), as in the vector-free form of Chen, Wang and Zhou (2014) and the compact one of Byrd, Nocedal
    and Schnabel (1994): with R the upper triangle of S Y' in the order of time, and E its diagonal,

        a = R^-1 S g,   q = g - Y' a,   c = R^-T (E a - h Y q),   H g = h q + S' c.

    Other than in the vector-free form q is made before it is multiplied with Y: made of inner products alone, Y q would
    be the small difference of large numbers that float32 does not hold. On a CPU nothing waits, memory is read as often
    either way, and its products of matrices with vectors run on one core: with 20 pairs at 512x288 a step of the
    optimiser alone took 11.1 ms so and 9.4 in two loops, 10.3 and 6.3 on two cores. So two loops stay there.

    Nothing depends on a value that has to be read back. Stacked, where the next pair goes is known to the device alone,
    and every step is the same work: it may be recorded once and replayed.
    """

    def __init__(self, history: int, size: int, device: torch.device, stacked: bool) -> None:
        """
        :param history: m, pairs kept; at least 1.
        :param size: D, numbers of a pair.
        :param stacked: multiply all pairs at once.
        """
        self._history, self._size, self._stacked = history, size, stacked
        # Whole pieces: what lies beyond D stays zero. Two loops read only what was written.
        make = torch.zeros if stacked else torch.empty
        self._pieces = -(-size // PIECE)
        self._moves, self._changes = (make((history, self._pieces * PIECE), device=device) for _ in range(2))
        self._weights = torch.zeros(history, device=device)
        self._scale = torch.zeros((), device=device)
        self._zero = torch.zeros((), device=device)
        # Two loops are led from here; stacked, only the device knows where the next pair goes.
        self._learnt = 0
        if stacked:
            self._next = torch.zeros(1, dtype=torch.int64, device=device)
            self._places = torch.arange(history, device=device)
            # Right where pair j is not older than pair i: s_i y_j by place, in the number format of small systems.
            self._products = torch.zeros((history, history), dtype=exact_dtype(device), device=device)
            self._one = torch.eye(history, dtype=exact_dtype(device), device=device)
            self._vectors = torch.zeros((2, self._pieces * PIECE), device=device)

    @property
    def weights(self) -> Tensor:
        """1 / (s y) of each place, float32 (m,); 0 where there is no pair, or one from which nothing was learnt."""
        return self._weights.clone()

    def state(self) -> dict[str, Tensor]:
        """All that was learnt, for `load`: the tensors themselves, and no copies."""
        # Stacked, only the device knows how many there are.
        filled = self._history if self._stacked else min(self._learnt, self._history)
        pairs = {"moves": self._moves[:filled], "changes": self._changes[:filled]}
        own = (
            {"next": self._next, "products": self._products} if self._stacked else {"next": torch.tensor(self._learnt)}
        )
        return {**pairs, **own, "weights": self._weights, "scale": self._scale}

    def load(self, state: Mapping[str, Tensor]) -> None:
        """Go on from a `state` of a ring of the same form."""
        self._moves[: len(state["moves"])].copy_(state["moves"])
        self._changes[: len(state["changes"])].copy_(state["changes"])
        self._weights.copy_(state["weights"])
        self._scale.copy_(state["scale"])
        if self._stacked:
            self._next.copy_(state["next"])
            self._products.copy_(state["products"])
        else:
            self._learnt = int(state["next"])

    def forget(self, scale: Tensor) -> None:
        """As new.

        :param scale: h to begin with, a scalar: the length of a step along the gradient.
        """
        self._weights.zero_()
        self._scale.copy_(scale)
        self._learnt = 0
        if self._stacked:
            self._next.zero_()

    def learn(self, move: Tensor, change: Tensor, vector: Tensor) -> Tensor:
        """Take a pair in, in the place of the oldest, and give H g (D,) of a vector g (D,).

        From a pair with s y <= 0 nothing is learnt.

        :param move, change: s and y (D,), finite.
        """
        curvature, strength = torch.dot(move, change), torch.dot(change, change)
        sound = curvature > LEAST_COSINE * move.norm() * strength.sqrt()
        weight = torch.where(sound, 1 / curvature, self._zero)
        self._scale.copy_(torch.where(sound, curvature / strength, self._scale))
        if self._stacked:
            return self._learn_and_multiply(move, change, weight, vector)
        place = self._learnt % self._history
        self._moves[place, : self._size].copy_(move)
        self._changes[place, : self._size].copy_(change)
        self._weights[place].copy_(weight)
        self._learnt += 1
        return self._in_two_loops(vector)

    def _in_two_loops(self, vector: Tensor) -> Tensor:
        moves, changes = self._moves[:, : self._size], self._changes[:, : self._size]
        # From the newest to the oldest.
        places = [(self._learnt - 1 - age) % self._history for age in range(min(self._learnt, self._history))]
        result = vector.clone()
        shares = []
        for place in places:
            share = self._weights[place] * torch.dot(moves[place], result)
            shares.append(share)
            result.addcmul_(changes[place], share, value=-1)
        result *= self._scale
        for place, share in zip(reversed(places), reversed(shares), strict=True):
            result.addcmul_(moves[place], share - self._weights[place] * torch.dot(changes[place], result))
        return result

    def _learn_and_multiply(self, move: Tensor, change: Tensor, weight: Tensor, vector: Tensor) -> Tensor:
        moves, changes = self._moves[:, : self._size], self._changes[:, : self._size]
        moves.index_copy_(0, self._next, move.unsqueeze(0))
        changes.index_copy_(0, self._next, change.unsqueeze(0))
        self._weights.index_copy_(0, self._next, weight.unsqueeze(0))
        self._vectors[0, : self._size].copy_(vector)
        self._vectors[1, : self._size].copy_(change)
        moves_by_vector, by_change = _row_products(self._moves, self._vectors).to(self._products.dtype)
        self._products.index_copy_(1, self._next, by_change.unsqueeze(1))
        self._next.add_(1).remainder_(self._history)
        # From the oldest to the newest. A pair without weight takes no part: its row and column are those of 1.
        order = (self._next + self._places).remainder(self._history)
        sound = self._weights[order] != 0
        triangle = torch.where(sound & sound.unsqueeze(1), self._products[order][:, order], self._one).triu()

        def by_time(by_place: Tensor) -> Tensor:
            return torch.where(sound, by_place[order], self._zero).unsqueeze(1)

        def by_place(by_time: Tensor) -> Tensor:
            # Every place is written to.
            return torch.empty_like(self._weights).index_copy_(0, order, by_time.squeeze(1).float())

        shares = torch.linalg.solve_triangular(triangle, by_time(moves_by_vector), upper=True)
        rest = torch.addmv(vector, changes.T, by_place(shares), alpha=-1) * self._scale
        self._vectors[0, : self._size].copy_(rest)
        (of_rest,) = _row_products(self._changes, self._vectors[:1]).to(self._products.dtype)
        wanted = triangle.diagonal().unsqueeze(1) * shares - by_time(of_rest)
        back = torch.linalg.solve_triangular(triangle.T, wanted, upper=False)
        return torch.addmv(rest, moves.T, by_place(back))


def _row_products(rows: Tensor, vectors: Tensor) -> Tensor:
    """The products of rows (m, D) with each of one or two vectors (k, D): (k, m)."""
    # One block of threads a row would keep most of a GPU idle: as a batch of pieces.
    pieces = rows.view(rows.shape[0], -1, PIECE).transpose(0, 1)
    others = vectors.view(vectors.shape[0], -1, PIECE).permute(1, 2, 0)
    return torch.bmm(pieces, others).sum(0).T
