"""The devices of the workers of a batch: GPUs, or shares of the CPU's cores."""

from __future__ import annotations

import os
from dataclasses import dataclass

import torch

from pipeline.errors import UsageError
from pipeline.network.device import choose_device


@dataclass(frozen=True)
class WorkerDevice:
    """The device that a worker paints on."""

    name: str
    """As for `choose_device`."""
    threads: int
    """On the CPU. The same sums in the same order, and so the same frames, need the same number."""
    patience: float = 0.0
    """Seconds to wait for another process to leave a work folder: one that paints for a driver of before may not have
    heard yet that it is over."""


def local_devices(workers: int, device: str, threads: int | None) -> list[WorkerDevice]:
    """A device for every worker: GPUs in turn, or an equal share of the cores for each.

    :param device: as for `choose_device`; 'auto' and 'cuda' take all GPUs.
    :param threads: of each worker; None shares the cores out.
    :raises UsageError: no worker.
    :raises DeviceError: the device is not there.
    """
    if workers < 1:
        raise UsageError(f"A batch needs at least one worker, not {workers}.")
    chosen = choose_device(device)
    each = threads or max(1, cores() // workers)
    if chosen.type == "cuda" and chosen.index is None:
        return [WorkerDevice(f"cuda:{number % torch.cuda.device_count()}", each) for number in range(workers)]
    return [WorkerDevice(str(chosen), each)] * workers


def cores() -> int:
    """Cores that this process may use; OMP_NUM_THREADS is a limit."""
    there = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    told = os.environ.get("OMP_NUM_THREADS", "").split(",")[0]
    return min(there, int(told)) if told.isdecimal() and int(told) > 0 else there
