"""Where the workers of a batch work: on GPUs, or on shares of the CPU's cores."""

from __future__ import annotations

import os

import torch

from pipeline.batch.worker import WorkerDevice
from pipeline.errors import UsageError
from pipeline.network.device import choose_device


def local_devices(workers: int, device: str = "auto", threads: int | None = None) -> list[WorkerDevice]:
    """A place for every worker: GPUs in turn, or an equal share of the cores for each.

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
