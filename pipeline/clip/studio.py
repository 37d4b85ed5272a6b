"""What painting needs beside a job: settings, a network with its weights, a device."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch

from pipeline.network.base import Network, Pooling
from pipeline.network.device import choose_device
from pipeline.network.weights import open_vgg19
from pipeline.settings import DEFAULT_PRESET, Settings, resolve


@dataclass(frozen=True)
class Studio:
    """What painting needs beside the job. Opened once, it serves any number of jobs, one after the other."""

    settings: Settings
    network: Network
    device: torch.device


def open_studio(
    preset: str = DEFAULT_PRESET,
    weights: Path | None = None,
    device: str = "auto",
    overrides: Mapping[str, Any] | None = None,
) -> Studio:
    """Complete the settings, load the weights.

    :param overrides: single settings that replace those of the preset.
    :raises SettingsError, WeightsError, DeviceError: as their names say.
    """
    settings = resolve(preset, overrides)
    chosen = choose_device(device)
    return Studio(settings, open_vgg19(weights, cast(Pooling, settings.pooling)), chosen)
