"""Where RAFT's weights live, and how the network is opened from them.

They stand in torch.hub's folder under the names that torchvision gives them, whole as they were published, so what
another program has downloaded serves here too.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from pipeline.errors import WeightsError
from pipeline.network.tensor_file import file_sha256, load_weights
from pipeline.network.weights import WeightsRow, row_of, weights_folder


@dataclass(frozen=True)
class RaftFile:
    """One of torchvision's published files."""

    model: str
    """Name of the function in torchvision.models.optical_flow, and the beginning of the file's name."""
    weights: str
    """Name among its weights."""
    digits: str
    """First digits of the file's SHA-256, which also end its name."""
    megabytes: float

    @property
    def name(self) -> str:
        """'raft_large_C_T_SKHT_V2-ff5fadd5.pth'."""
        return f"{self.model}_{self.weights}-{self.digits}.pth"


RAFTS = {
    "raft": RaftFile("raft_large", "C_T_SKHT_V2", "ff5fadd5", 21.1),
    "raft-small": RaftFile("raft_small", "C_T_V2", "01064c6d", 4.0),
}
"""By the name that `--flow` knows."""


@dataclass(frozen=True)
class OpenedRaft:
    """A RAFT network with its weights, on the CPU."""

    network: nn.Module
    digest: str
    """SHA-256 of the file."""


def raft_place(kind: str) -> Path:
    """Where the file of that kind is or, where it is absent, would be.

    :param kind: a key of `RAFTS`.
    """
    return weights_folder() / RAFTS[kind].name


def raft_address(kind: str) -> str:
    """Where torchvision publishes it."""
    from torchvision.models import optical_flow  # a second's import

    file = RAFTS[kind]
    owner = "_".join(word.capitalize() for word in (*file.model.split("_"), "weights"))
    return str(getattr(optical_flow, owner)[file.weights].url)


def open_raft(kind: str) -> OpenedRaft:
    """RAFT from the file on this machine.

    :param kind: a key of `RAFTS`.
    :raises WeightsError: the file is not there (the message says how to get it), damaged, or of another network.
    """
    place = raft_place(kind)
    if not place.is_file():
        raise WeightsError(missing_raft(kind))
    return read_raft(place, kind)


def read_raft(path: Path, kind: str) -> OpenedRaft:
    """RAFT from any file that should be the published one.

    :raises WeightsError: unreadable, damaged, or of another network.
    """
    file, digest = RAFTS[kind], file_sha256(path)
    if not digest.startswith(file.digits):
        raise WeightsError(
            f"{path} is not the file its name promises: its SHA-256 begins with {digest[:8]}, not {file.digits}. "
            f"Delete it and fetch it again (`reelbrush weights download {kind}`)."
        )
    return OpenedRaft(_filled(path, kind), digest)


def raft_table() -> list[WeightsRow]:
    """A line of `reelbrush weights list` for each of them."""
    rows = []
    for kind, file in RAFTS.items():
        about = (
            f"optical flow by {file.model} (Teed and Deng 2020), for --flow {kind}; `reelbrush weights download {kind}`"
        )
        rows.append(row_of(kind, raft_place(kind), about))
    return rows


def missing_raft(kind: str) -> str:
    """What to do where the weights are not here, in one paragraph."""
    file = RAFTS[kind]
    return (
        f"The weights of RAFT ({file.model}) are not on this machine. Three ways out: `reelbrush weights download "
        f"{kind}` fetches them once ({file.megabytes:.0f} MB); or load {file.name} on another machine and put it into "
        f"{weights_folder()}; or paint with `--flow dis`, which needs no download."
    )


def _filled(path: Path, kind: str) -> nn.Module:
    from torchvision.models import optical_flow

    network: nn.Module = getattr(optical_flow, RAFTS[kind].model)()
    tensors = load_weights(path)
    for name, tensor in network.state_dict().items():
        weight = tensors.get(name)
        if weight is None or weight.shape != tensor.shape:
            shown = "is missing" if weight is None else f"has shape {tuple(weight.shape)}"
            raise WeightsError(
                f"{path} does not hold torchvision's {RAFTS[kind].model}: tensor {name!r}, shape {tuple(tensor.shape)} "
                f"expected, {shown}."
            )
        if not torch.isfinite(weight).all():
            raise WeightsError(f"{path} holds NaN or infinity in tensor {name!r}: it is damaged.")
    network.load_state_dict({name: tensors[name] for name in network.state_dict()})
    return network
