"""The weights of the networks on the console: the table, and the download with its progress."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn

from pipeline.errors import UsageError
from pipeline.network.download import download_raft, download_vgg19
from pipeline.network.raft import RAFTS, raft_table
from pipeline.network.weights import WeightsRow, weights_table
from pipeline.report.lines import print_table
from pipeline.text import size_text


def all_weights() -> list[WeightsRow]:
    """A line for every set of weights that Reelbrush knows, of feature networks and of optical flow."""
    return [*weights_table(), *raft_table()]


def print_weights(console: Console) -> None:
    """A line for every network."""
    rows = [
        (row.name, row.state, size_text(row.size) if row.size else "", row.about, str(row.where))
        for row in all_weights()
    ]
    print_table(console, "", ("network", "state", "size", "what it is", "where"), rows)


def weights_as_json() -> str:
    """The same, one JSON object a line."""
    return "\n".join(json.dumps(asdict(row), default=str) for row in all_weights())


def download_with_progress(network: str, console: Console, quiet: bool) -> Path:
    """Download the weights of that network, showing how far it is.

    :raises UsageError: a network that needs no download.
    :raises WeightsError: as `download_vgg19` and `download_raft`.
    """
    if network != "vgg19" and network not in RAFTS:
        raise UsageError(
            f"There is nothing to download for {network!r}; what can be downloaded is vgg19, {' and '.join(RAFTS)}."
        )
    columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=quiet) as progress:
        task = progress.add_task(network, total=None)

        def on_progress(done: int, total: int | None) -> None:
            progress.update(task, completed=done, total=total)

        return download_vgg19(on_progress) if network == "vgg19" else download_raft(network, on_progress)
