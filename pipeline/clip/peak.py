"""How much memory painting has taken."""

from __future__ import annotations

import sys

import torch


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
