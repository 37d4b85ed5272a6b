"""Iterations a second, beside a matrix product measured in the same run.

    GOMP_SPINCOUNT=1000 python benchmarks/speed.py [--device auto] [--sizes 256 512] [--rounds 5]

Machines are noisy, so what to compare is a ratio within one run: that of the network's arithmetic rate to that of a
2048^3 matrix product.
(`GOMP_SPINCOUNT=1000` is what the command line sets, see `cli.py`.)
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from pipeline.network.base import Network
from pipeline.network.device import choose_device, choose_precision
from pipeline.network.memory import keep_freed_memory
from pipeline.network.weights import open_vgg19
from pipeline.settings import resolve
from pipeline.style.frame import Style, WarmStart
from pipeline.style.painter import Painter


def gflop_of_an_iteration(network: Network, layers: list[str], side: int) -> float:
    """Convolutions forward and back to the pixels, 2 FLOP a multiply-add: the frozen weights need no gradient."""
    deepest = max(network.layers.index(layer) for layer in layers)
    total = 0.0
    for suffix, channels_in, channels_out in network.plan.convolutions:
        if network.layers.index(f"conv{suffix}") > deepest:
            break
        positions = (side / 2 ** (int(suffix[0]) - 1)) ** 2
        total += 2 * 2 * positions * 9 * channels_in * channels_out
    return total / 1e9


def seconds_of(work: Callable[[], object], device: torch.device, rounds: int) -> float:
    """Median time of a call, after one to warm up."""
    times: list[float] = []
    for turn in range(rounds + 1):
        began = time.perf_counter()
        work()
        if device.type == "cuda":
            torch.cuda.synchronize()
        if turn:
            times.append(time.perf_counter() - began)
    return statistics.median(times)


def matrix_product_gflops(device: torch.device, dtype: torch.dtype, rounds: int) -> float:
    """Rate of a 2048^3 matrix product of random numbers, in GFLOP/s."""
    a, b = (torch.randn(2048, 2048, device=device, dtype=dtype) for _ in range(2))
    return 2 * 2048**3 / 1e9 / seconds_of(lambda: a @ b, device, rounds)


def measure(network: Network, side: int, device: torch.device, rounds: int, product: float) -> dict[str, object]:
    """Time of ten iterations of a whole frame's loop, as a job runs it."""
    steps = 10
    picture = np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8)
    settings = resolve("standard", {"levels": 1, "carried_steps": steps, "tolerance": 0.0, "size": side})
    painter = Painter(network, [Style(picture)], settings, device)
    once = seconds_of(lambda: painter.paint(picture, WarmStart(picture)), device, rounds) / steps
    layers = [layer for layer, _ in (*settings.content_layers, *settings.style_layers)]
    work = gflop_of_an_iteration(network, layers, side)
    return {
        "side": side,
        "iterations_per_second": round(1 / once, 2),
        "gflop_per_iteration": round(work, 1),
        "gflops": round(work / once, 1),
        "share_of_matrix_product": round(work / once / product, 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="auto")
    parser.add_argument("--sizes", type=int, nargs="+", default=[256, 512])
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    keep_freed_memory()
    device = choose_device(options.device)
    dtype = choose_precision(device)
    product = matrix_product_gflops(device, dtype, options.rounds)
    network = open_vgg19()
    for side in options.sizes:
        print(json.dumps(measure(network, side, device, options.rounds, product)))
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else f"{torch.get_num_threads()} CPU threads"
    print(json.dumps({"device": name, "dtype": str(dtype), "matrix_product_gflops": round(product, 1)}))


if __name__ == "__main__":
    main()
