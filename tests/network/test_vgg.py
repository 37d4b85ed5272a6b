"""VGG-19 gives what torchvision's own gives, layer by layer."""

from __future__ import annotations

import pytest
import torch
import torchvision
from torch import Tensor, nn
from torchvision.transforms.functional import normalize

from pipeline.errors import SettingsError, WeightsError
from pipeline.network.vgg import TENSORS, vgg19

LAYERS = tuple(
    f"{kind}{block}_{number}"
    for block, count in enumerate((2, 2, 4, 4, 4), start=1)
    for number in range(1, count + 1)
    for kind in ("conv", "relu")
)


def empty_torchvision() -> nn.Module:
    """torchvision's network without the 548 MB."""
    with torch.device("meta"):
        return torchvision.models.vgg19(weights=None)


@pytest.fixture(scope="module")
def weights() -> dict[str, Tensor]:
    """Seeded, and of a size that keeps responses near 1 through all sixteen layers."""
    generator = torch.Generator().manual_seed(7)
    tensors = {}
    for name, tensor in empty_torchvision().features.state_dict().items():
        scale = (2 / tensor[0].numel()) ** 0.5 if tensor.dim() == 4 else 0.1
        tensors[f"features.{name}"] = torch.randn(tensor.shape, generator=generator) * scale
    return tensors


@pytest.fixture(scope="module")
def image() -> Tensor:
    return torch.rand(2, 3, 50, 37, generator=torch.Generator().manual_seed(8))


def torchvision_maps(weights: dict[str, Tensor], x: Tensor, pooling: str) -> dict[str, Tensor]:
    features = empty_torchvision().features
    features.load_state_dict({name[9:]: tensor for name, tensor in weights.items()}, assign=True)
    maps: list[Tensor] = []
    with torch.no_grad():
        for module in features:
            if isinstance(module, nn.ReLU):
                module.inplace = False  # or the map before it would be overwritten
            if isinstance(module, nn.MaxPool2d):
                x = (nn.AvgPool2d(2) if pooling == "average" else module)(x)
            else:
                x = module(x)
                maps.append(x)
    return dict(zip(LAYERS, maps, strict=True))


@pytest.mark.parametrize("pooling", ["average", "max"])
def test_every_layer_equals_torchvision(weights: dict[str, Tensor], image: Tensor, pooling: str) -> None:
    transforms = torchvision.models.VGG19_Weights.IMAGENET1K_V1.transforms()
    expected = torchvision_maps(weights, normalize(image, transforms.mean, transforms.std), pooling)
    network = vgg19(weights, pooling)
    assert network.name == "vgg19"
    assert network.layers == LAYERS
    found = network.features(image, network.layers)
    assert set(found) == set(LAYERS)
    for layer in LAYERS:
        torch.testing.assert_close(found[layer], expected[layer], rtol=1e-4, atol=1e-4, msg=layer)


def test_caffe_weights_see_bgr_of_0_to_255_minus_the_mean(weights: dict[str, Tensor], image: Tensor) -> None:
    weights = {**weights, "features.0.weight": weights["features.0.weight"] / 60}
    bgr = 255 * image.flip(1) - torch.tensor([103.939, 116.779, 123.68]).view(3, 1, 1)
    expected = torchvision_maps(weights, bgr, "max")
    found = vgg19(weights, "max", preprocessing="caffe").features(image, LAYERS)
    for layer in LAYERS:
        torch.testing.assert_close(found[layer], expected[layer], rtol=1e-3, atol=1e-3, msg=layer)


def test_weights_given_are_left_alone(weights: dict[str, Tensor]) -> None:
    before = weights["features.0.weight"].clone()
    network = vgg19(weights, preprocessing="caffe")
    with torch.no_grad():
        network.convolutions["conv1_1"].weight.zero_()
    assert torch.equal(weights["features.0.weight"], before)


def test_classifier_is_ignored(weights: dict[str, Tensor]) -> None:
    vgg19({**weights, "classifier.6.bias": torch.zeros(1000)})


def test_every_tensor_of_torchvision_has_its_place() -> None:
    theirs = {
        f"features.{name}": tuple(tensor.shape) for name, tensor in empty_torchvision().features.state_dict().items()
    }
    assert {name: shape for name, (_, shape) in TENSORS.items()} == theirs
    assert TENSORS["features.34.bias"] == ("conv5_4.bias", (512,))


def test_missing_tensor_is_named(weights: dict[str, Tensor]) -> None:
    lacking = {
        name: tensor for name, tensor in weights.items() if name not in ("features.30.weight", "features.34.bias")
    }
    with pytest.raises(WeightsError, match=r"lack the tensor 'features\.30\.weight' \(conv5_2\.weight"):
        vgg19(lacking)


def test_first_wrong_shape_is_named(weights: dict[str, Tensor]) -> None:
    wrong = {**weights, "features.10.weight": torch.zeros(128, 256, 3, 3), "features.34.bias": torch.zeros(3)}
    with pytest.raises(
        WeightsError, match=r"'features\.10\.weight' .*shape \(256, 128, 3, 3\), found \(128, 256, 3, 3\)"
    ):
        vgg19(wrong)


def test_vgg16_is_told_apart(weights: dict[str, Tensor]) -> None:
    with torch.device("meta"):
        vgg16 = torchvision.models.vgg16(weights=None).features.state_dict()
    other = {f"features.{name}": torch.zeros(tensor.shape) for name, tensor in vgg16.items()}
    with pytest.raises(WeightsError, match="VGG-16"):
        vgg19(other)


@pytest.mark.parametrize(
    ("bad", "said"),
    [(torch.full((64,), torch.nan), "NaN or infinity"), (torch.zeros(64, dtype=torch.int8), r"torch\.int8")],
)
def test_values_that_are_no_weights(weights: dict[str, Tensor], bad: Tensor, said: str) -> None:
    with pytest.raises(WeightsError, match=rf"'features\.0\.bias'.*{said}"):
        vgg19({**weights, "features.0.bias": bad})


def test_unknown_layer_names_the_nearest(weights: dict[str, Tensor], image: Tensor) -> None:
    with pytest.raises(SettingsError, match="relu5_4"):
        vgg19(weights).features(image, ["relu5_5"])
