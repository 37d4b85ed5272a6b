"""The weights of the networks on the console: the table, and the download with its progress."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn

from pipeline.errors import UsageError
from pipeline.network.download import download_vgg19
from pipeline.network.weights import weights_table
from pipeline.show.console import print_table


def print_weights(console: Console) -> None:
    """A line for every network."""
    rows = [
        (row.name, row.state, f"{row.size / 1e6:.1f} MB" if row.size else "", row.about, str(row.where))
        for row in weights_table()
    ]
    print_table(console, "", ("network", "state", "size", "what it is", "where"), rows)


def weights_as_json() -> str:
    """The same, one JSON object a line."""
    return "\n".join(json.dumps(asdict(row), default=str) for row in weights_table())


def download_with_progress(network: str, console: Console, quiet: bool) -> Path:
    """Download the weights of that network, showing how far it is.

    :raises UsageError: a network that needs no download.
    :raises WeightsError: as `download_vgg19`.
    """
    if network != "vgg19":
        raise UsageError(f"There is nothing to download for {network!r}; vgg19 is the only network that needs it.")
    columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=quiet) as progress:
        task = progress.add_task("vgg19", total=None)
        return download_vgg19(lambda done, total: progress.update(task, completed=done, total=total))
