"""Which network paints: what `auto` means, and how the chosen one is opened."""

from __future__ import annotations

from pathlib import Path

from pipeline.errors import SettingsError, UsageError
from pipeline.network import packaged
from pipeline.network.base import Network, Pooling
from pipeline.network.builtin import builtin
from pipeline.network.weights import open_vgg19


def decide_network(name: str, weights: Path | None = None) -> str:
    """'vgg19' or 'builtin'; 'auto' is VGG-19, whose weights are always there.

    :raises UsageError: a weights file for a network that has its own.
    :raises SettingsError: no network of that name.
    """
    if name == "auto":
        return "vgg19"
    if name not in {"vgg19", "builtin"}:
        raise SettingsError(f"There is no network {name!r}. Networks: auto, vgg19, builtin.")
    if name == "builtin" and weights is not None:
        raise UsageError(f"The built-in network brings its own weights; leave out --weights {weights} or --network.")
    return name


def open_network(name: str, weights: Path | None = None, pooling: Pooling = "average") -> Network:
    """The network of that name ('vgg19' or 'builtin') with its weights, on the CPU in float32.

    :raises WeightsError: the file with VGG-19's weights is not what it should be.
    """
    if name == "builtin":
        return builtin(pooling)
    return open_vgg19(weights, pooling)


def describe(network: Network) -> str:
    """One line that says which network paints: 'VGG-19 (dcbb9e9d), average pooling'."""
    called = {"builtin": "the built-in network", "vgg19": "VGG-19"}[network.name]
    if network.digest == packaged.SHA256:
        called = packaged.ABOUT
    return f"{called} ({network.digest[:8]}), {network.pooling} pooling"
