"""How much memory painting a frame takes, as usual and with what is tried where memory runs out.

    python benchmarks/memory.py 512

Peak of the tensors that are alive while a carried frame is painted (preset `standard`, 25 steps), as torch's profiler
counts them, which is what a GPU would have to hold; and the time of it without the profiler.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import numpy as np
import torch
from torch.profiler import ProfilerActivity, profile

from pipeline.network.memory import keep_freed_memory
from pipeline.network.weights import open_vgg19
from pipeline.settings import resolve
from pipeline.style.frame import Style, TemporalTarget, WarmStart
from pipeline.style.oom_fallback import memory_plans
from pipeline.style.painter import Painter

STEPS = 25


def peak(work: Callable[[], object]) -> float:
    """The most bytes of tensors alive at once, beyond those from before, in MB."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as found:
        work()
    results = found.profiler.kineto_results
    changes = sorted((one.start_ns(), one.nbytes()) for one in results.events() if one.name() == "[memory]")
    return float(np.cumsum([change for _, change in changes]).max()) / 1e6


def main(side: int) -> None:
    """Print a line for each way."""
    keep_freed_memory()
    torch.set_num_threads(1)
    settings = resolve("standard", {"carried_steps": STEPS, "tolerance": 0.0, "may_shrink": True})
    random = np.random.default_rng(0)
    coarse = random.integers(0, 256, (2, side // 16, side // 16, 3), dtype=np.uint8)
    content, style = (image.repeat(16, 0).repeat(16, 1) for image in coarse)
    painter = Painter(open_vgg19(), [Style(style)], settings, torch.device("cpu"))
    carried = WarmStart(content, (TemporalTarget(content, np.ones((side, side), np.float32)),))
    for way in memory_plans(settings, 1):
        if way.memory_fallback == "freed":
            continue

        def paint() -> None:
            painter._paint(content, carried, 0, None, None, None, way)  # noqa: B023

        paint()
        began = time.perf_counter()
        paint()
        seconds = time.perf_counter() - began
        print(f"{side} {way.memory_fallback.value or 'as usual'}: {peak(paint):.0f} MB, {seconds / STEPS:.3f} s a step")


if __name__ == "__main__":
    main(int(sys.argv[1]))
