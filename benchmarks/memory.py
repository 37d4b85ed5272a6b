"""How much memory painting a frame takes, as usual and with what is tried where memory runs out.

    python benchmarks/memory.py 512 [STEPS]

Peak of the tensors that are alive while a carried frame is painted (preset `standard`, 25 steps), as torch's profiler
counts them, which is what a GPU would have to hold; and the time of it, with a profiler that looks at nothing else.
Fewer steps leave L-BFGS fewer pairs: 24 bytes for each pixel and pair are missing then.
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


def peak(work: Callable[[], object]) -> tuple[float, float]:
    """The most bytes of tensors alive at once, beyond those from before, in MB; and seconds."""
    began = time.perf_counter()
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as found:
        work()
    seconds = time.perf_counter() - began
    results = found.profiler.kineto_results
    changes = sorted((one.start_ns(), one.nbytes()) for one in results.events() if one.name() == "[memory]")
    return float(np.cumsum([change for _, change in changes]).max()) / 1e6, seconds


def main(side: int, steps: int = STEPS) -> None:
    """Print a line for each way."""
    keep_freed_memory()
    torch.set_num_threads(1)
    settings = resolve("standard", {"carried_steps": steps, "carried_levels": 1, "tolerance": 0.0, "may_shrink": True})
    random = np.random.default_rng(0)
    coarse = random.integers(0, 256, (2, side // 16, side // 16, 3), dtype=np.uint8)
    content, style = (image.repeat(16, 0).repeat(16, 1) for image in coarse)
    painter = Painter(open_vgg19(), [Style(style)], settings, torch.device("cpu"))
    carried = WarmStart(content, (TemporalTarget(content, np.ones((side, side), np.float32)),))
    for way in memory_plans(settings, 1, painter._targets.tile_sides((side, side))):
        if way.memory_fallback == "freed":
            continue

        def paint() -> None:
            painter._paint(content, carried, 0, None, None, None, way)  # noqa: B023

        most, seconds = peak(paint)
        name = way.memory_fallback.value or "as usual"
        if way.tile_side:
            name += f" of {way.tile_side}"
        print(f"{side} {name}: {most:.0f} MB, {seconds / steps:.3f} s a step", flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
