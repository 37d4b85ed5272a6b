"""`reelbrush doctor`: what this machine has, and what a job would use."""

from __future__ import annotations

import json
import os
import platform
import shutil
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from pipeline import __version__
from pipeline.errors import ReelbrushError
from pipeline.media import FfmpegReport, ffmpeg_report
from pipeline.network.device import choose_device, choose_precision
from pipeline.network.weights import used_without_asking, weights_folder
from pipeline.report.weights import all_weights


@dataclass(frozen=True)
class MachineFindings:
    """What was found on this machine; all texts but the lists."""

    reelbrush: str
    python: str
    torch: str
    device: str
    """The one that `--device auto` picks."""
    others: list[str]
    precision: str
    threads: int
    ffmpeg: str
    codecs: dict[str, str]
    """Codec -> the encoder of ffmpeg that makes it; empty where there is none."""
    network: str
    """The one that paints where no other is asked for, with its weights."""
    weights: dict[str, str]
    weights_folder: str
    disk_free: dict[str, float]
    """Free space in GB by folder."""

    def as_json(self) -> str:
        return json.dumps(asdict(self), indent=2)

    def rows(self) -> list[tuple[str, ...]]:
        """(what, found) for a table."""
        codecs = ", ".join(name if encoder else f"{name} (missing)" for name, encoder in self.codecs.items())
        return [
            ("reelbrush", f"{self.reelbrush} on Python {self.python}, torch {self.torch}"),
            ("device", f"{self.device}{'; also ' + ', '.join(self.others) if self.others else ''}"),
            ("precision", f"{self.precision} for the network, float32 for losses and pictures"),
            ("CPU threads", str(self.threads)),
            ("ffmpeg", self.ffmpeg),
            ("codecs", codecs),
            ("network", self.network),
            *((f"weights, {name}", state) for name, state in self.weights.items()),
            ("weights folder", self.weights_folder),
            *((f"free in {folder}", f"{free:.1f} GB") for folder, free in self.disk_free.items()),
        ]


def inspect_machine() -> MachineFindings:
    """Look at this machine; a part that is missing is a finding, not an error."""
    device = choose_device("auto")
    others = [f"cuda:{i} ({torch.cuda.get_device_name(i)})" for i in range(torch.cuda.device_count())]
    if torch.backends.mps.is_available():
        others.append("mps")
    if device.type != "cpu":
        others.append("cpu")
    report = _ffmpeg()
    folders = {str(Path.cwd()), tempfile.gettempdir(), str(_existing(weights_folder()))}
    return MachineFindings(
        reelbrush=__version__,
        python=platform.python_version(),
        torch=str(torch.__version__),
        device=device.type if device.type != "cuda" else f"cuda ({torch.cuda.get_device_name(device)})",
        others=others,
        precision=str(choose_precision(device)).removeprefix("torch."),
        threads=torch.get_num_threads() or os.cpu_count() or 1,
        ffmpeg=report if isinstance(report, str) else f"{report.version} ({report.path})",
        codecs={} if isinstance(report, str) else dict(report.codecs),
        network=used_without_asking(),
        weights={row.name: row.state for row in all_weights()},
        weights_folder=str(weights_folder()),
        disk_free={folder: round(shutil.disk_usage(folder).free / 1e9, 1) for folder in sorted(folders)},
    )


def _ffmpeg() -> FfmpegReport | str:
    try:
        return ffmpeg_report()
    except ReelbrushError as error:
        return str(error)


def _existing(folder: Path) -> Path:
    """The folder, or the nearest one above it that exists."""
    while not folder.exists():
        folder = folder.parent
    return folder
