"""Inner products of a few long rows with a vector or two, as L-BFGS wants them."""

from __future__ import annotations

import torch
from torch import Tensor

from pipeline.network.after_convolution import kernels_on

PIECE = 4096
"""What the length of rows has to be a multiple of."""


def row_products(rows: Tensor, vectors: Tensor) -> Tensor:
    """The products of rows (m, D) with each of one or two vectors (k, D): (k, m). All float32 and contiguous.

    :param rows, vectors: D is a multiple of `PIECE`.
    """
    kernels = kernels_on(rows.device)
    return plain_row_products(rows, vectors) if kernels is None else kernels.row_products(rows, vectors)


def plain_row_products(rows: Tensor, vectors: Tensor) -> Tensor:
    """The same in plain operations."""
    # One block of threads a row would keep most of a GPU idle: as a batch of pieces.
    pieces = rows.view(rows.shape[0], -1, PIECE).transpose(0, 1)
    others = vectors.view(vectors.shape[0], -1, PIECE).permute(1, 2, 0)
    return torch.bmm(pieces, others).sum(0).T
