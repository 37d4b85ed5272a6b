"""Which network paints: what `auto` means, and how the chosen one is opened."""

from __future__ import annotations

from pathlib import Path

from pipeline.errors import SettingsError, UsageError
from pipeline.network.base import Network, Pooling
from pipeline.network.builtin import builtin
from pipeline.network.weights import find_vgg19, open_vgg19


def decide_network(name: str, weights: Path | None = None) -> str:
    """'vgg19' or 'builtin'. With 'auto', VGG-19 if a weights file is given or already on the machine.

    :raises UsageError: a weights file for a network that has its own.
    :raises SettingsError: no network of that name.
    """
    if name == "auto":
        return "vgg19" if weights is not None or find_vgg19() is not None else "builtin"
    if name not in {"vgg19", "builtin"}:
        raise SettingsError(f"There is no network {name!r}. Networks: auto, vgg19, builtin.")
    if name == "builtin" and weights is not None:
        raise UsageError(f"The built-in network brings its own weights; leave out --weights {weights} or --network.")
    return name


def open_network(name: str, weights: Path | None = None, pooling: Pooling = "average") -> Network:
    """The network of that name ('vgg19' or 'builtin') with its weights, on the CPU in float32.

    :raises WeightsError: VGG-19's weights are not there, or the file is not what it should be.
    """
    if name == "builtin":
        return builtin(pooling)
    return open_vgg19(weights, pooling)


def describe(network: Network) -> str:
    """One line that says which network paints: 'built-in network (3f2a91c0)'."""
    called = {"builtin": "the built-in network", "vgg19": "VGG-19"}[network.name]
    return f"{called} ({network.digest[:8]}), {network.pooling} pooling"
