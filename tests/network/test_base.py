"""The frozen network: names, depth, pooling, and what it refuses."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from tiny import PLAN, tiny_weights
from torch import Tensor, nn

from pipeline.errors import SettingsError, WeightsError
from pipeline.network.base import Network, StackPlan


@pytest.fixture
def network() -> Network:
    return Network(PLAN, tiny_weights())


@pytest.fixture
def image() -> Tensor:
    return torch.rand(1, 3, 16, 24, generator=torch.Generator().manual_seed(1))


def counted(network: Network) -> list[str]:
    """The names of the convolutions that run from now on."""
    ran: list[str] = []
    for name, convolution in network.convolutions.items():

        def note(module: nn.Module, inputs: object, output: object, name: str = name) -> None:
            ran.append(name)

        convolution.register_forward_hook(note)
    return ran


def test_layers_have_vggs_names(network: Network) -> None:
    assert network.layers == (
        "conv1_1", "relu1_1", "conv1_2", "relu1_2", "conv2_1", "relu2_1", "conv3_1", "relu3_1"
    )  # fmt: skip
    assert PLAN.convolutions == (("1_1", 3, 8), ("1_2", 8, 8), ("2_1", 8, 12), ("3_1", 12, 16))
    assert (network.name, network.digest) == ("tiny", "")


def test_maps_are_halved_from_block_to_block(network: Network, image: Tensor) -> None:
    found = network.features(image, network.layers)
    assert set(found) == set(network.layers)
    assert {layer[4:]: tuple(maps.shape[1:]) for layer, maps in found.items()} == {
        "1_1": (8, 16, 24), "1_2": (8, 16, 24), "2_1": (12, 8, 12), "3_1": (16, 4, 6)
    }  # fmt: skip


@pytest.mark.parametrize("pooling", ["average", "max"])
def test_maps_by_hand(image: Tensor, pooling: str) -> None:
    """The same, written out with functions."""
    weights = tiny_weights()

    def conv(x: Tensor, suffix: str) -> Tensor:
        return F.conv2d(x, weights[f"conv{suffix}.weight"], weights[f"conv{suffix}.bias"], padding=1)

    pool = F.avg_pool2d if pooling == "average" else F.max_pool2d
    first = conv((image - 0.5) / 0.25, "1_1")
    second = conv(pool(conv(first.relu(), "1_2").relu(), 2), "2_1")
    network = Network(PLAN, weights, pooling)  # type: ignore[arg-type]
    found = network.features(image, ["conv1_1", "relu1_1", "conv2_1"])
    torch.testing.assert_close(found["conv1_1"], first)
    torch.testing.assert_close(found["relu1_1"], first.relu())
    torch.testing.assert_close(found["conv2_1"], second)
    assert float(found["conv1_1"].min()) < 0  # before the rectifier indeed


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        (["conv1_1"], ["conv1_1"]),
        (["relu1_2", "relu1_1"], ["conv1_1", "conv1_2"]),
        (["relu2_1", "conv2_1", "relu2_1"], ["conv1_1", "conv1_2", "conv2_1"]),
        (["relu3_1"], ["conv1_1", "conv1_2", "conv2_1", "conv3_1"]),
        ([], []),
    ],
)
def test_nothing_deeper_than_asked_is_computed(
    network: Network, image: Tensor, layers: list[str], expected: list[str]
) -> None:
    ran = counted(network)
    assert set(network.features(image, layers)) == set(layers)
    assert ran == expected


def test_a_shallow_layer_of_a_tiny_picture_needs_no_pooling(network: Network) -> None:
    assert network.features(torch.rand(1, 3, 1, 1), ["relu1_2"])["relu1_2"].shape == (1, 8, 1, 1)


@pytest.mark.parametrize(("layers", "side"), [(["relu1_1"], 1), (["relu2_1"], 2), (["conv3_1", "relu1_1"], 4)])
def test_smallest_side(network: Network, layers: list[str], side: int) -> None:
    assert network.smallest_side(layers) == side
    assert min(network.features(torch.rand(1, 3, side, side), layers)[layers[0]].shape[2:]) == 1
    if side > 1:
        with pytest.raises(RuntimeError):
            network.features(torch.rand(1, 3, side - 1, side - 1), layers)


def test_an_unknown_layer_names_the_nearest(network: Network, image: Tensor) -> None:
    with pytest.raises(SettingsError, match=r"'tiny' has no layer 'relu_3_1'; the nearest it has is 'relu3_1'"):
        network.features(image, ["relu1_1", "relu_3_1"])
    with pytest.raises(SettingsError, match="1_1, 1_2, 2_1, 3_1"):
        network.smallest_side(["pool9"])


def test_a_missing_tensor_is_named() -> None:
    weights = tiny_weights()
    del weights["conv2_1.bias"]
    with pytest.raises(WeightsError, match=r"'tiny' lack the tensor 'conv2_1\.bias'"):
        Network(PLAN, weights)


def test_a_tensor_of_another_shape_is_named_with_both_shapes() -> None:
    weights = {**tiny_weights(), "conv3_1.weight": torch.zeros(16, 12, 1, 1)}
    with pytest.raises(WeightsError, match=r"'conv3_1\.weight' has shape \(16, 12, 1, 1\), \(16, 12, 3, 3\)"):
        Network(PLAN, weights)


def test_the_network_is_frozen_and_keeps_its_own_copy(image: Tensor) -> None:
    weights = tiny_weights()
    network = Network(PLAN, weights)
    before = network.features(image, ["relu3_1"])["relu3_1"]
    weights["conv1_1.weight"].zero_()
    assert torch.equal(network.features(image, ["relu3_1"])["relu3_1"], before)
    assert not any(parameter.requires_grad for parameter in network.parameters())
    assert not network.training


def test_placing_changes_the_convolutions_and_not_the_normalisation(image: Tensor) -> None:
    network = Network(StackPlan("tiny", PLAN.blocks, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)), tiny_weights())
    exact = network.features(image, ["relu3_1"])["relu3_1"]
    placed = network.placed(torch.device("cpu"), torch.bfloat16, torch.channels_last)
    assert (placed.dtype, placed.mean.dtype, placed.std.dtype) == (torch.bfloat16, torch.float32, torch.float32)
    rough = placed.features(image, ["relu3_1"])["relu3_1"]
    assert rough.dtype == torch.bfloat16
    torch.testing.assert_close(rough.float(), exact, rtol=0.05, atol=0.05 * float(exact.abs().max()))


def test_gradients_reach_the_pixels(network: Network, image: Tensor) -> None:
    pixels = image.clone().requires_grad_(True)
    network.features(pixels, ["relu3_1"])["relu3_1"].square().sum().backward()  # type: ignore[no-untyped-call]
    assert pixels.grad is not None
    assert (pixels.grad != 0).float().mean() > 0.9
