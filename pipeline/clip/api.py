"""The two calls that do everything, with the defaults of the command line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import torch

from pipeline.clip.clip import ClipResult, run_clip
from pipeline.clip.deadline import Deadline
from pipeline.clip.events import OnEvent, ignore
from pipeline.clip.jobs import ClipJob, StillJob, StylePicture
from pipeline.clip.parse import parse_deadline, parse_rate, parse_style
from pipeline.clip.still import StillResult, run_still
from pipeline.errors import UsageError
from pipeline.network.base import Network
from pipeline.network.device import choose_device
from pipeline.network.weights import open_vgg19
from pipeline.settings import DEFAULT_PRESET, Settings, resolve
from pipeline.style.painter import OnProgress

Styles = str | Path | Mapping[str | Path, float] | Sequence[str | Path]
"""One style picture, several (in equal shares), or pictures with weights."""


@dataclass(frozen=True)
class Studio:
    """What painting needs beside the job: settings, the network with its weights, the device."""

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
    place = choose_device(device)
    return Studio(settings, open_vgg19(weights, settings.pooling), place)  # type: ignore[arg-type]


def stylize_image(
    content: str | Path,
    style: Styles,
    output: str | Path | None = None,
    *,
    preset: str = DEFAULT_PRESET,
    weights: str | Path | None = None,
    device: str = "auto",
    init: str | Path | None = None,
    upscale: bool = False,
    overwrite: bool = False,
    on_event: OnEvent = ignore,
    on_progress: OnProgress | None = None,
    **settings: Any,
) -> StillResult:
    """Paint one picture.

    :param output: where to write it; None only returns it.
    :param init: a picture to start from.
    :param settings: any field of `pipeline.settings.Settings`, for instance `size=256, strength=0.7`.
    :returns: the picture (`.image`, uint8 (H, W, 3)) with its losses.
    :raises ReelbrushError: `str(error)` says what to do.
    """
    studio = open_studio(preset, _path(weights), device, settings)
    job = StillJob(Path(content), as_styles(style), _path(output), _path(init), upscale, overwrite)
    return run_still(job, studio.network, studio.settings, studio.device, on_event, on_progress)


def stylize_video(
    source: str | Path,
    style: Styles,
    output: str | Path,
    *,
    gif: str | Path | None = None,
    preset: str = DEFAULT_PRESET,
    weights: str | Path | None = None,
    device: str = "auto",
    frames: tuple[int | None, int | None] | None = None,
    fps: Fraction | float | str | None = None,
    upscale: bool = False,
    codec: str | None = None,
    quality: str | int | None = None,
    overwrite: bool = False,
    restart: bool = False,
    keep: bool = False,
    budget: str | None = None,
    finish_by: str | None = None,
    on_event: OnEvent = ignore,
    **settings: Any,
) -> ClipResult:
    """Paint a video, an animated picture or a numbered folder; called again after a crash, it goes on.

    :param output: a video, a GIF, or a folder for numbered pictures; the suffix decides.
    :param gif: a GIF beside it.
    :param frames: first frame and the one after the last.
    :param budget: how long all may take, such as '8h' or '1h30m': frames get fewer steps where that is too short. The
        result then depends on the speed of the machine.
    :param finish_by: the same as a time of day, such as '07:00', or a date with a time.
    :param settings: any field of `pipeline.settings.Settings`.
    :raises ReelbrushError: `str(error)` says what to do.
    """
    until = parse_deadline(budget, finish_by)
    studio = open_studio(preset, _path(weights), device, settings)
    job = ClipJob(
        Path(source), as_styles(style), Path(output), _path(gif), frames,
        None if fps is None else parse_rate(str(fps)), upscale, codec, quality, overwrite, restart, keep,
    )  # fmt: skip
    deadline = None if until is None else Deadline(until)
    return run_clip(job, studio.network, studio.settings, studio.device, on_event, deadline)


def as_styles(style: Styles) -> tuple[StylePicture, ...]:
    """Style pictures with weights out of what a caller may write; a text may carry its weight: 'a.jpg:0.7'.

    :raises UsageError: none at all.
    """
    if isinstance(style, (str, Path)):
        style = [style]
    if isinstance(style, Mapping):
        found = tuple(StylePicture(Path(path), float(weight)) for path, weight in style.items())
    else:
        found = tuple(StylePicture(path) if isinstance(path, Path) else parse_style(path) for path in style)
    if not found:
        raise UsageError("Painting needs at least one style picture.")
    return found


def _path(path: str | Path | None) -> Path | None:
    return None if path is None else Path(path)
