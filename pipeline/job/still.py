"""One picture from end to end: read, paint, write."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path

import torch

from pipeline.job.clip import device_line, made_with
from pipeline.job.events import Finished, FrameDone, OnEvent, Started, Stepped, ignore
from pipeline.job.styles import StylePicture, load_styles
from pipeline.media import (
    check_picture_output,
    fit_size,
    is_animated,
    read_picture,
    refuse_same_file,
    resize,
    write_picture,
)
from pipeline.media.frame import Image
from pipeline.network.base import Network
from pipeline.network.choose import describe
from pipeline.settings import Settings
from pipeline.style.painter import OnProgress, Painted, Painter, Progress


@dataclass(frozen=True)
class StillJob:
    """What to paint, and where to put it. How is in `Settings`."""

    content: Path
    styles: tuple[StylePicture, ...]
    output: Path | None = None
    """None hands the picture back without writing it."""
    init: Path | None = None
    """A picture to start from, instead of what `settings.start` says; it is resized to fit."""
    upscale: bool = False
    overwrite: bool = False


@dataclass(frozen=True)
class StillResult:
    """A painted picture."""

    image: Image
    """uint8 (H, W, 3) RGB."""
    content: Image
    """What was painted from, at the same size."""
    painted: Painted
    output: Path | None


def run_still(
    job: StillJob,
    network: Network,
    settings: Settings,
    device: torch.device,
    on_event: OnEvent = ignore,
    on_progress: OnProgress | None = None,
) -> StillResult:
    """Paint one picture.

    :param on_progress: called after every step with the picture as it stands, for progress GIFs.
    :raises ReelbrushError: whatever a user can mend; nothing is written then.
    """
    began = time.monotonic()
    if job.output is not None:
        refuse_same_file(job.content, (job.output,))
        check_picture_output(job.output, job.overwrite)
    painter = Painter(network, load_styles(job.styles), settings, device)
    original = read_picture(job.content)
    width, height = fit_size(original.shape[1], original.shape[0], settings.size or None, job.upscale)
    content = resize(original, width, height)
    start = None if job.init is None else resize(read_picture(job.init), width, height)
    outputs = () if job.output is None else (job.output,)
    network = painter.network
    work = painter.work(height, width, carried=False)
    notes = (f"{job.content.name} is animated; its first frame is painted.",) if is_animated(job.content) else ()
    on_event(
        Started(str(job.content), outputs, width, height, 1, 0, work, work, describe(network),
                device_line(device, network), notes)
    )  # fmt: skip

    def progress(step: Progress) -> None:
        on_event(Stepped(0, step.step, step.of, step.share))
        if on_progress is not None:
            on_progress(step)

    painted = painter.paint(content, on_progress=progress, start=start)
    on_event(FrameDone(0, painted.losses, painted.steps, painted.seconds, painted.stopped.value))
    if job.output is not None:
        record = {**made_with(network, settings), "losses": json.dumps(painted.losses)}
        write_picture(job.output, painted.image, metadata=record, overwrite=job.overwrite)
    on_event(Finished(outputs, 1, 1, time.monotonic() - began))
    return StillResult(painted.image, content, painted, job.output)
