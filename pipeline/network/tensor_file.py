"""Files of tensors: read without ever running code that is hidden in one, written whole or not at all."""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from pipeline.atomic import new_file
from pipeline.errors import NoWeightsError, WeightsError
from pipeline.file_kind import address_text, no_file, stream_kind
from pipeline.text import size_text

CHUNK = 1024 * 1024  # bytes read at a time
ZIP_MAGIC = b"PK\x03\x04"


def load_weights(path: Path | str) -> dict[str, Tensor]:
    """Read a state dict, tensor by name, onto the CPU.

    The content decides, not the ending: safetensors, or what `torch.save` writes today (a zip archive, mapped
    into memory rather than read) and wrote until 2020 (a plain pickle, as torchvision's VGG-19 still is). No
    code in a pickle is run: anything but tensors and plain containers is refused.

    :raises WeightsError: missing, unreadable, truncated, holding code, or not a state dict.
    """
    path = Path(path)
    head = _head(path)
    content = _load_safetensors(path) if _is_safetensors(head) else _load_torch(path, head)
    if not isinstance(content, Mapping) or not content:
        raise WeightsError(f"{path} holds {_kind(content)}, not a state dict (tensors by name). {_ADVICE}")
    for name, tensor in content.items():
        if not isinstance(name, str) or not isinstance(tensor, Tensor):
            raise WeightsError(
                f"{path} is not a state dict (tensors by name): its entry {name!r} is {_kind(tensor)}. "
                "Save the network's state_dict() alone."
            )
    return dict(content)


def read_metadata(path: Path | str) -> dict[str, str]:
    """The notes a safetensors file carries; empty for a file of another kind.

    :raises WeightsError: missing, unreadable or truncated.
    """
    path = Path(path)
    if not _is_safetensors(_head(path)):
        return {}
    try:
        with safe_open(path, framework="pt") as file:
            return dict(file.metadata() or {})
    except (OSError, SafetensorError) as error:
        raise _damaged(path, error) from error


def save_weights(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> None:
    """Write a safetensors file; under `path` stands the old content or the new, never a part.

    :raises WeightsError: the folder cannot be written or the disk is full; nothing is left behind.
    """
    # The library's own save_file makes a file that its owner alone can read: useless in a shared cache.
    content = save({name: tensor.contiguous() for name, tensor in tensors.items()}, dict(metadata))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with new_file(path) as part:
            part.write_bytes(content)
    except OSError as error:
        raise WeightsError(
            f"The weights could not be written to {path} ({error.strerror or error}). Free "
            f"{size_text(len(content))} there, or set TORCH_HOME to a folder that can be written, and run again."
        ) from error


def file_sha256(path: Path | str) -> str:
    """SHA-256 of a file's bytes, 64 hexadecimal digits; the first eight are the short hash results carry.

    :raises WeightsError: missing or unreadable.
    """
    digest = hashlib.sha256()
    _check_file(Path(path))
    try:
        with Path(path).open("rb") as file:
            while chunk := file.read(CHUNK):
                digest.update(chunk)
    except OSError as error:
        raise _unreadable(Path(path), error) from error
    return digest.hexdigest()


def tensors_sha256(tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 over names and values: the same for the same tensors, whatever file they stand in."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(name.encode())
        digest.update(tensors[name].contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


_ADVICE = "A VGG-19 file, .pth or .safetensors, was expected here."


def _check_file(path: Path) -> None:
    if stream_kind(path):
        raise WeightsError(no_file(path))


def _head(path: Path) -> bytes:
    _check_file(path)
    try:
        with path.open("rb") as file:
            return file.read(9)
    except OSError as error:
        raise _unreadable(path, error) from error


def _is_safetensors(head: bytes) -> bool:
    """A little-endian length of eight bytes, then the JSON header's opening brace."""
    return not head.startswith(ZIP_MAGIC) and head[8:] == b"{"


def _load_safetensors(path: Path) -> dict[str, Tensor]:
    try:
        with safe_open(path, framework="pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
    except (OSError, SafetensorError) as error:
        raise _damaged(path, error) from error


def _load_torch(path: Path, head: bytes) -> object:
    try:
        # Only the zip archives of today can be mapped; a plain pickle must be read.
        return torch.load(path, map_location="cpu", weights_only=True, mmap=head.startswith(ZIP_MAGIC))
    except MemoryError:
        raise
    except pickle.UnpicklingError as error:
        if "GLOBAL" not in str(error):
            raise _damaged(path, error) from error
        raise WeightsError(
            f"{path} holds more than tensors: loading it would run code from the file, so it was refused and "
            f"nothing in it was run. Save the network's state_dict() alone, or fetch the published file. {_ADVICE}"
        ) from error
    except Exception as error:  # a damaged archive fails in whichever layer of the reader meets it first
        raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> WeightsError:
    lines = str(error).splitlines()
    reason = type(error).__name__ if isinstance(error, pickle.UnpicklingError) or not lines else lines[0]
    size = path.stat().st_size
    return WeightsError(
        f"{path} ({size_text(size)}) cannot be read as a file of tensors ({reason}): it is truncated, damaged "
        f"or something else. {_ADVICE} Delete it and fetch it again."
    )


def _unreadable(path: Path, error: OSError) -> WeightsError:
    if isinstance(error, FileNotFoundError):
        if address_text(path):
            return NoWeightsError(no_file(path))
        return NoWeightsError(f"There is no weights file {path}. Check the path, or see `reelbrush weights list`.")
    kind = NoWeightsError if isinstance(error, IsADirectoryError) else WeightsError
    return kind(f"The weights file {path} cannot be read ({error.strerror or error}). {_ADVICE}")


def _kind(thing: object) -> str:
    return f"a {type(thing).__name__}" if thing or not isinstance(thing, Mapping) else "nothing"
