"""VGG-19 (Simonyan and Zisserman 2015), the network of Gatys et al. 2016, from torchvision's tensors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from torch import Tensor

from pipeline.errors import WeightsError
from pipeline.network.base import Network, Pooling, StackPlan

Preprocessing = Literal["torchvision", "caffe"]
"""What the first convolution was trained on: RGB in 0..1 normalised by ImageNet's mean and deviation
("torchvision"), or BGR in 0..255 minus the mean alone ("caffe", the look of the papers)."""

BLOCKS = ((64,) * 2, (128,) * 2, (256,) * 4, (512,) * 4, (512,) * 4)

_IMAGENET = StackPlan("vgg19", BLOCKS, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))

# (255 x - m) is (x - m / 255) / (1 / 255), so Caffe's input fits the same plan once its channels are turned round.
_CAFFE = StackPlan(
    "vgg19",
    BLOCKS,
    mean=(123.68 / 255, 116.779 / 255, 103.939 / 255),
    std=(1 / 255, 1 / 255, 1 / 255),
)


def _tensor_names() -> dict[str, tuple[str, tuple[int, ...]]]:
    """torchvision's tensor name -> (ours, shape), in order: a convolution takes two places, a pooling one."""
    names: dict[str, tuple[str, tuple[int, ...]]] = {}
    place, block = 0, "1"
    for suffix, channels_in, channels_out in _IMAGENET.convolutions:
        if suffix[0] != block:
            place, block = place + 1, suffix[0]
        names[f"features.{place}.weight"] = (f"conv{suffix}.weight", (channels_out, channels_in, 3, 3))
        names[f"features.{place}.bias"] = (f"conv{suffix}.bias", (channels_out,))
        place += 2
    return names


TENSORS: dict[str, tuple[str, tuple[int, ...]]] = _tensor_names()
"""Every tensor of VGG-19's convolutions: `features.0.weight` -> (`conv1_1.weight`, (64, 3, 3, 3)), in order."""


def check_vgg19(tensors: Mapping[str, Tensor], origin: str = "The weights") -> None:
    """See that `tensors` hold VGG-19's sixteen convolutions; others, as the classifier's, may be there too.

    :param origin: how a message calls the place the tensors came from, a file's path for one.
    :raises WeightsError: names the first tensor that is missing, of another shape, or not made of finite
        floating-point numbers.
    """
    for name, (ours, shape) in TENSORS.items():
        advice = "A torchvision VGG-19 state dict was expected; VGG-16, VGG-11 and the _bn networks are others."
        if name not in tensors:
            raise WeightsError(f"{origin} lack the tensor {name!r} ({ours}, shape {shape}). {advice}")
        tensor = tensors[name]
        if tuple(tensor.shape) != shape:
            raise WeightsError(
                f"{origin} do not fit: tensor {name!r} ({ours}) should have shape {shape}, "
                f"found {tuple(tensor.shape)}. {advice}"
            )
        if not tensor.is_floating_point() or not tensor.isfinite().all():
            wrong = "NaN or infinity among them" if tensor.is_floating_point() else str(tensor.dtype)
            raise WeightsError(
                f"{origin} do not fit: tensor {name!r} ({ours}) should hold finite floating-point numbers, "
                f"found {wrong}. {advice}"
            )


def vgg19(
    weights: Mapping[str, Tensor],
    pooling: Pooling = "average",
    preprocessing: Preprocessing = "torchvision",
    digest: str = "",
) -> Network:
    """VGG-19's convolutions as a frozen feature network; layers conv1_1, relu1_1 ... conv5_4, relu5_4.

    Either kind of weights takes RGB in 0..1: what Caffe's need is folded into the first convolution.

    :param weights: torchvision's names, `features.0.weight` (64, 3, 3, 3) to `features.34.bias` (512,).
    :param pooling: "average" as Gatys et al. recommend for painting, "max" as the network was trained.
    :param digest: hash of the file the weights came from; results carry it.
    :raises WeightsError: the first tensor that is missing or wrong, with expected and found.
    """
    check_vgg19(weights)
    ours = {our_name: weights[name] for name, (our_name, _) in TENSORS.items()}
    if preprocessing == "caffe":
        ours["conv1_1.weight"] = ours["conv1_1.weight"].flip(1)
    return Network(_CAFFE if preprocessing == "caffe" else _IMAGENET, ours, pooling, digest)
