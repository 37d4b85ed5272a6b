"""Iterations a second of both networks, beside a matrix product measured in the same run.

    GOMP_SPINCOUNT=1000 python benchmarks/speed.py [--device auto] [--sizes 256 512] [--rounds 5]

Machines are noisy, so the ratios within one run are what to compare: between networks, and of the network's
arithmetic rate to that of a 2048^3 matrix product. VGG-19 runs with random weights: its speed does not depend on them.
(`GOMP_SPINCOUNT=1000` is what the command line sets, see `cli.py`.)
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch
from networks import random_vgg19

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from pipeline.network.base import Network
from pipeline.network.builtin import builtin
from pipeline.network.device import choose_device, choose_precision
from pipeline.network.memory import keep_freed_memory
from pipeline.settings import resolve
from pipeline.style.carried import Carried
from pipeline.style.painter import Painter, Style


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


def seconds_of(works: Sequence[Callable[[], object]], device: torch.device, rounds: int) -> list[float]:
    """Median time of a call of each, after one to warm up. They take turns, so that a noisy minute hits all of them."""
    times: list[list[float]] = [[] for _ in works]
    for turn in range(rounds + 1):
        for work, found in zip(works, times, strict=True):
            began = time.perf_counter()
            work()
            if device.type == "cuda":
                torch.cuda.synchronize()
            if turn:
                found.append(time.perf_counter() - began)
    return [statistics.median(found) for found in times]


def matrix_product_gflops(device: torch.device, dtype: torch.dtype, rounds: int) -> float:
    """Rate of a 2048^3 matrix product of random numbers, in GFLOP/s."""
    a, b = (torch.randn(2048, 2048, device=device, dtype=dtype) for _ in range(2))
    return 2 * 2048**3 / 1e9 / seconds_of([lambda: a @ b], device, rounds)[0]


def measure(
    networks: Sequence[Network], side: int, device: torch.device, rounds: int, product: float
) -> list[dict[str, object]]:
    """Time of ten iterations of a whole frame's loop, as a job runs it, with each network."""
    steps = 10
    overrides = {"levels": 1, "carried_steps": steps, "tolerance": 0.0, "size": side}
    picture = np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8)
    every = [resolve(network.name, "standard", overrides) for network in networks]
    painters = [
        Painter(network, [Style(picture)], settings, device) for network, settings in zip(networks, every, strict=True)
    ]
    works = [partial(painter.paint, picture, Carried(picture)) for painter in painters]
    rows: list[dict[str, object]] = []
    for network, settings, seconds in zip(networks, every, seconds_of(works, device, rounds), strict=True):
        layers = [layer for layer, _ in (*settings.content_layers, *settings.style_layers)]
        work, once = gflop_of_an_iteration(network, layers, side), seconds / steps
        rows.append({
            "network": network.name,
            "side": side,
            "iterations_per_second": round(1 / once, 2),
            "gflop_per_iteration": round(work, 1),
            "gflops": round(work / once, 1),
            "share_of_matrix_product": round(work / once / product, 2),
        })  # fmt: skip
    return rows


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
    networks = (builtin(), random_vgg19())
    rows = [row for side in options.sizes for row in measure(networks, side, device, options.rounds, product)]
    for row in rows:
        print(json.dumps(row))
    for side in options.sizes:
        small, large = (row["iterations_per_second"] for row in rows if row["side"] == side)
        print(json.dumps({"side": side, "builtin_over_vgg19": round(float(small) / float(large), 1)}))  # type: ignore[arg-type]
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else f"{torch.get_num_threads()} CPU threads"
    print(json.dumps({"device": name, "dtype": str(dtype), "matrix_product_gflops": round(product, 1)}))


if __name__ == "__main__":
    main()
