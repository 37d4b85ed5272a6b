"""What painting needs beside a job: settings, a network with its weights, a device, and the pictures of the style."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch

from pipeline.clip.jobs import StylePicture
from pipeline.media import is_animated, read_picture
from pipeline.network.base import Network, Pooling
from pipeline.network.device import choose_device
from pipeline.network.weights import open_vgg19
from pipeline.settings import DEFAULT_PRESET, Settings, resolve
from pipeline.style.frame import Style


@dataclass(frozen=True)
class Engine:
    """What painting needs beside the job. Opened once, it serves any number of jobs, one after the other."""

    settings: Settings
    network: Network
    device: torch.device


def open_engine(
    preset: str = DEFAULT_PRESET,
    weights: Path | None = None,
    device: str = "auto",
    overrides: Mapping[str, Any] | None = None,
) -> Engine:
    """Complete the settings, load the weights.

    :param overrides: single settings that replace those of the preset.
    :raises SettingsError, WeightsError, DeviceError: as their names say.
    """
    settings = resolve(preset, overrides)
    chosen = choose_device(device)
    return Engine(settings, open_vgg19(weights, cast(Pooling, settings.pooling)), chosen)


def load_styles(styles: Sequence[StylePicture]) -> list[Style]:
    """The pictures, at full size; an animated one gives its first frame.

    :raises MediaError: one of them cannot be read.
    """
    return [Style(read_picture(style.path), style.weight) for style in styles]


def style_notes(styles: Sequence[StylePicture]) -> tuple[str, ...]:
    """What a person should know of the style pictures, a sentence each."""
    return tuple(
        f"The style {style.path.name} is animated; its first frame is used."
        for style in styles
        if is_animated(style.path)
    )
