"""The built-in network: small, trained by this project from scratch, part of the package.

`tools/train_builtin.py` made `weights.safetensors`; `training.json` beside it holds recipe and figures.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path

from safetensors.torch import load

from pipeline.network.base import Network, Pooling, StackPlan

PLAN = StackPlan(
    name="builtin",
    # Widths are multiples of 16, the block in which CPU convolutions count: 24 would cost as much as 32. Only one layer
    # at full size: every pass over its sixteen maps costs as much as a convolution of block 5.
    blocks=((16,), (32, 48), (96, 96), (192, 192), (256,)),
    mean=(0.5, 0.5, 0.5),
    std=(0.25, 0.25, 0.25),
    # Trained with zeros on small crops, used with the border repeated: it costs a tenth of the time and leaves
    # no dark seam along the border.
    padding="replicate",
)
WEIGHTS = Path(__file__).with_name("weights.safetensors")


@lru_cache(maxsize=1)
def _weights() -> bytes:
    return WEIGHTS.read_bytes()


def builtin(pooling: Pooling = "average") -> Network:
    """The built-in network with its weights, every map at mean activation one over natural photos."""
    data = _weights()
    return Network(PLAN, load(data), pooling, digest=hashlib.sha256(data).hexdigest())
