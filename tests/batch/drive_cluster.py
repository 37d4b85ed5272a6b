"""Paints clips on a Dask cluster: ADDRESS FOLDER STYLE CLIP... Says what happens, one JSON object a line."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path

from jobs import SHALLOW

from pipeline.batch.cluster import open_cluster
from pipeline.batch.devices import WorkerDevice
from pipeline.batch.driver import run_batch
from pipeline.batch.events import BatchEvent, ItemEvent
from pipeline.batch.jobs import RunOptions
from pipeline.batch.plan.item import Item
from pipeline.batch.worker_pool import LocalWorkerPool, WorkerPool
from pipeline.clip.jobs import StylePicture
from pipeline.errors import ReelbrushError

SETTINGS = {**SHALLOW, "levels": 1, "passes": 1, "steps": 30, "carried_steps": 30, "tolerance": 0.0}
"""A frame takes a few tenths of a second."""


def tell(event: BatchEvent) -> None:
    """A line; of what a painting tells, the inner event."""
    inner = event.event if isinstance(event, ItemEvent) else event
    print(json.dumps({"event": type(inner).__name__, **asdict(inner)}, default=str), flush=True)


def main() -> int:
    """As `reelbrush batch` leaves."""
    address, folder, style, *sources = sys.argv[1:]
    items = [
        Item(
            Path(source).name, Path(source), (StylePicture(Path(style), 1.0),), Path(folder) / Path(source).name,
            settings=SETTINGS,
        )
        for source in sources
    ]  # fmt: skip
    try:
        pool: WorkerPool = LocalWorkerPool([WorkerDevice("cpu", 1)])
        if address != "local":
            pool = open_cluster(address, Path(folder), "cpu", on_notice=tell)
        return run_batch(Path(folder), items, pool, RunOptions(device="cpu"), tell).exit_code
    except ReelbrushError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
