"""What painting needs beside a job: settings, a network with its weights, a device, and the pictures of the style."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch

from pipeline.clip.regions import Regions
from pipeline.clip.styles import StylePicture, part_text
from pipeline.errors import UsageError
from pipeline.media import read_picture
from pipeline.media.pictures import more_in
from pipeline.media.resize import cropped
from pipeline.network.base import Network, Pooling
from pipeline.network.device import choose_device
from pipeline.network.weights import open_vgg19
from pipeline.settings import DEFAULT_PRESET, Settings, resolve
from pipeline.style.frame import Style
from pipeline.style.painter import Painter
from pipeline.types import Image


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
    return [Style(read_style(style), style.weight) for style in styles]


def read_style(style: StylePicture) -> Image:
    """The picture, or the part of it that is used, uint8 (H, W, 3); of an animated one the first frame.

    :raises MediaError: it cannot be read.
    :raises UsageError: the part does not lie in it.
    """
    picture = read_picture(style.path)
    if style.part is None:
        return picture
    left, top, width, height = style.part
    if left + width > picture.shape[1] or top + height > picture.shape[0]:
        raise UsageError(
            f"The part {part_text(style.part)} of the style {style.path} goes beyond the picture, which has "
            f"{picture.shape[1]}x{picture.shape[0]} pixels. Write @X,Y,W,H: its left and upper edge, its width and its "
            "height."
        )
    return cropped(picture, style.part)


def open_painter(engine: Engine, styles: Sequence[StylePicture], regions: Regions, settings: Settings) -> Painter:
    """The painter of a job, with all of its styles.

    :raises MediaError, UsageError: as `read_style`.
    """
    own = [load_styles(one.styles) for one in regions.region]
    return Painter(engine.network, load_styles(styles), settings, engine.device, own)


def style_notes(styles: Sequence[StylePicture]) -> tuple[str, ...]:
    """What a person should know of the style pictures, a sentence each."""
    more = ((style.path.name, more_in(style.path)) for style in styles)
    return tuple(f"The style {name} {what} is used." for name, what in more if what)
