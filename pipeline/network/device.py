"""Where the network runs and in which number format: the only place that asks what the device can do."""

from __future__ import annotations

import sys
from functools import lru_cache
from typing import Literal

import torch
from torch import Tensor

from pipeline.errors import DeviceError, UnknownDeviceError

Precision = Literal["auto", "float32", "bfloat16"]


def choose_device(name: str = "auto") -> torch.device:
    """The device to paint on.

    :param name: 'auto' (CUDA, else Apple's MPS, else the CPU), 'cpu', 'cuda', 'cuda:N' or 'mps'.
    :raises UnknownDeviceError: no device is called so.
    :raises DeviceError: one that this machine or this build of torch does not have.
    """
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise _unknown(name) from None
    if device.type not in {"cpu", "cuda", "mps"}:
        raise _unknown(name)
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    missing = (
        (device.type == "cuda" and (device.index or 0) >= count)
        or (device.type == "mps" and not torch.backends.mps.is_available())
        or (device.type == "cpu" and device.index)
    )
    if missing:
        raise DeviceError(
            f"The device {name!r} is not on this machine (CUDA devices found: {count}; "
            f"MPS: {'yes' if torch.backends.mps.is_available() else 'no'}). "
            "Use --device auto or --device cpu, or see 'reelbrush doctor'."
        )
    return device


def _unknown(name: str) -> UnknownDeviceError:
    return UnknownDeviceError(f"There is no device {name!r}. Use auto, cpu, cuda, cuda:N or mps.")


def choose_precision(device: torch.device, wanted: Precision = "auto") -> torch.dtype:
    """Number format of weights and feature maps; losses, pictures and optimisers are float32 always.

    'auto' is bfloat16 on CUDA devices with matrix units for it (compute capability 8 and later) and on CPUs with
    instructions for it (a step of VGG-19 took 0.12 s there instead of 0.20, the losses ended within 1 %), float32
    elsewhere: a CPU without took 40 times longer in bfloat16. float16 is not offered: Gram matrices overflow in it.
    """
    if wanted == "float32":
        return torch.float32
    if wanted == "bfloat16":
        return torch.bfloat16
    if device.type == "cuda" and torch.cuda.get_device_capability(device)[0] >= 8:
        return torch.bfloat16
    return torch.bfloat16 if device.type == "cpu" and _cpu_has_bfloat16() else torch.float32


@lru_cache(maxsize=1)
def _cpu_has_bfloat16() -> bool:
    """Whether the CPU multiplies numbers in bfloat16 itself: AVX-512 BF16 or AMX."""
    # Not every version of torch tells.
    capabilities: dict[str, bool] = getattr(torch.cpu, "get_capabilities", dict)()
    return bool(capabilities.get("avx512_bf16", False) or capabilities.get("amx_bf16", False))


def memory_format(device: torch.device) -> torch.memory_format:
    """How maps are stored: channels last, where matrix units want it.

    On a CPU it changes nothing.
    """
    return torch.contiguous_format if device.type == "mps" else torch.channels_last


def exact_dtype(device: torch.device) -> torch.dtype:
    """The number format for the few numbers that errors would grow in: float64 where there is one."""
    return torch.float32 if device.type == "mps" else torch.float64


def waits_for_launches(device: torch.device) -> bool:
    """Whether work in small pieces leaves the device idle: what is one call should be, and steps be recorded."""
    return device.type == "cuda"


def in_planes(image: Tensor) -> Tensor:
    """A picture (1, 3, H, W) as pixels are painted: plane by plane, where kernels go over its numbers in that order."""
    return image.contiguous() if waits_for_launches(image.device) else image


def multiplies_bfloat16(device: torch.device) -> bool:
    """Whether `product` of numbers in bfloat16 is faster there than of the same numbers in float32."""
    return device.type == "cuda"


def product(one: Tensor, other: Tensor) -> Tensor:
    """The product of two matrices of one number format, bfloat16 or float32, summed and given in float32."""
    if one.dtype == torch.bfloat16 and one.device.type == "cuda":
        # Sixteen times as fast as in float32 on an H100, and no product of two such numbers is rounded.
        return torch.mm(one, other, out_dtype=torch.float32)
    return one.float() @ other.float()


def device_line(device: torch.device, precision: torch.dtype) -> str:
    """'cpu, float32' or 'cuda (NVIDIA …), bfloat16'."""
    called = f"{device.type} ({torch.cuda.get_device_name(device)})" if device.type == "cuda" else device.type
    return f"{called}, {str(precision).removeprefix('torch.')}"


def peak_memory(device: torch.device) -> int | None:
    """The most bytes that were in use so far: on CUDA by torch on the device, on a CPU by this process; None where the
    system does not say."""
    if device.type == "cuda":
        return int(torch.cuda.max_memory_reserved(device))
    if device.type != "cpu":
        return None
    try:
        import resource
    except ImportError:  # Windows
        return None
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Linux counts in kilobytes, macOS in bytes.
    return most if sys.platform == "darwin" else 1024 * most
