"""How much sooner a batch is done by two workers than by one, each with one thread of the CPU.

    python benchmarks/workers.py [--workers 2] [--items 6] [--frames 8] [--size 128] [--rounds 2]

Both paint the same clips, one after the other in one run, and take turns in who comes first. The clock runs from the
moment at which everything was looked at and every worker has its network loaded, to the last painting under its name:
decoding, optical flow, encoding and the ledger are part of it, the start of Python is not. Nothing else should be at
work on the machine, and it needs a core for each worker.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from pipeline.batch.devices import cores, local_devices
from pipeline.batch.driver import run_batch
from pipeline.batch.events import BatchEvent, ItemEnded, Planned
from pipeline.batch.jobs import RunOptions
from pipeline.batch.ledger_rows import State
from pipeline.batch.plan.batch import plan_batch
from pipeline.batch.plan.item import Item
from pipeline.batch.task import Task, TaskEvent
from pipeline.batch.worker_pool import LocalWorkerPool, WorkerPool

SAMPLES = Path(__file__).resolve().parent.parent / "samples"


def warm_up(pool: WorkerPool, item: Item) -> None:
    """Have every worker of a pool load its network."""
    for number in range(pool.size):
        pool.assign(Task(item, "time", size=(64, 64 + number)))
    ready = 0
    while ready < pool.size:
        ready += sum(not isinstance(message, TaskEvent) for message in pool.receive(1.0))


def seconds_of(workers: int, inputs: Path, out: Path, options: dict[str, object]) -> tuple[float, list[float]]:
    """Seconds from the plan to the end, and those of every painting."""
    batch = plan_batch([str(inputs)], [str(SAMPLES / "ink.jpg")], out, options=options)
    began, each = 0.0, []

    def on_event(event: BatchEvent) -> None:
        nonlocal began
        if isinstance(event, Planned):
            began = time.perf_counter()
        elif isinstance(event, ItemEnded):
            assert event.state is State.DONE, event.error
            each.append(event.seconds)

    pool = LocalWorkerPool(local_devices(workers, "cpu", threads=1))
    warm_up(pool, batch.items[0])
    run_batch(batch.folder, batch.items, pool, RunOptions(device="cpu"), on_event)
    return time.perf_counter() - began, each


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--items", type=int, default=6)
    parser.add_argument("--frames", type=int, default=8)
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=2)
    given = parser.parse_args()
    options: dict[str, object] = {"size": given.size, "frames": f"0:{given.frames}"}
    print(json.dumps({"cores": cores(), "items": given.items, "frames": given.frames, "size": given.size}))
    found: dict[int, list[float]] = {1: [], given.workers: []}
    with TemporaryDirectory(prefix="reelbrush-") as folder:
        inputs = Path(folder) / "in"
        inputs.mkdir()
        for number in range(given.items):
            shutil.copyfile(SAMPLES / "clip.mp4", inputs / f"{number}.mp4")
        for turn in range(given.rounds):
            for workers in (1, given.workers) if turn % 2 == 0 else (given.workers, 1):
                out = Path(folder) / f"{turn}-{workers}"
                seconds, each = seconds_of(workers, inputs, out, options)
                found[workers].append(seconds)
                row = {"workers": workers, "seconds": round(seconds, 1), "a_painting": round(statistics.mean(each), 1)}
                print(json.dumps(row), flush=True)
    one, several = (sum(found[workers]) / given.rounds for workers in (1, given.workers))
    print(json.dumps({"workers": given.workers, "seconds": [round(one, 1), round(several, 1)],
                      "times_as_fast": round(one / several, 2)}))  # fmt: skip


if __name__ == "__main__":
    main()
