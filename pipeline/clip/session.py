"""A clip job with everything that painting it needs: opened, looked through, and known by what it depends on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch

from pipeline.clip.events import Event, OnEvent, Scanned, Stage, Started, ignore
from pipeline.clip.jobs import ClipJob
from pipeline.clip.loop_closure import check_loop
from pipeline.clip.passes import Pass, further_settings, passes_of
from pipeline.clip.provenance import Record, clip_record
from pipeline.clip.styles import load_styles
from pipeline.clip.survey import find_clip_shots, given_shots
from pipeline.clip.warm_start import open_flow
from pipeline.clip.work_folder import WorkFolder
from pipeline.media import open_source
from pipeline.media.frame import FrameSource
from pipeline.motion.flow import FlowMethod
from pipeline.motion.shots import Shot
from pipeline.network.base import Network
from pipeline.network.device import device_line
from pipeline.network.weights import describe
from pipeline.settings import Settings
from pipeline.style.adain import ClipStatistics
from pipeline.style.painter import Painter


@dataclass(frozen=True)
class OpenClip:
    """A job with all that painting it needs."""

    job: ClipJob
    settings: Settings
    source: FrameSource
    told: Sequence[Shot] | None
    """Its shots, where nothing has to be looked for."""
    flow: FlowMethod
    painter: Painter
    """Of the first pass, and without an statistics."""
    record: Record

    @property
    def identity(self) -> Mapping[str, Any]:
        """Everything the frames depend on."""
        return _identity(self.record, self.settings)

    def painter_of(self, one: Pass, statistics: ClipStatistics) -> Painter:
        """The painter for a pass."""
        if one.number == 1:
            return self.painter.with_statistics(statistics)
        return self.painter.with_settings(further_settings(self.settings, self.source.info.frames)).with_statistics(
            statistics
        )


def open_clip(
    job: ClipJob, network: Network, settings: Settings, device: torch.device, on_event: OnEvent = ignore
) -> OpenClip:
    """Open everything that a job names, and look through its input.

    :raises ReelbrushError: something cannot be read, or is not on this machine.
    """
    painter = Painter(network, load_styles(job.styles), settings, device)
    flow = open_flow(settings, device)
    on_event(Stage(f"Reading {job.source.name}"))
    source = open_source(
        job.source,
        size=settings.size or None,
        upscale=job.upscale,
        frames=job.frames,
        fps=job.rate,
        on_progress=lambda seen, expected: on_event(Scanned(seen, expected)),
    )
    told = given_shots(source, settings)
    if settings.loop:
        check_loop(job.source, source.info.frames, told or ())
    return OpenClip(job, settings, source, told, flow, painter, clip_record(job, source.info.part, painter, flow))


def checked_shots(clip: OpenClip, work: WorkFolder, on_event: OnEvent) -> list[Shot]:
    """Where the shots of a clip begin, told or found.

    :raises UsageError: there are several, and the clip is to be a loop.
    """
    if clip.told is not None:
        return list(clip.told)
    shots = find_clip_shots(clip.source, work, on_event)
    if clip.settings.loop and len(shots) > 1:
        work.remove()
        check_loop(clip.job.source, clip.source.info.frames, shots)
    return shots


def _identity(record: Record, settings: Settings) -> dict[str, Any]:
    """Everything the frames depend on. Where they go, and how they are encoded, is not part of it."""
    values = asdict(settings)
    # Only the values count; and 'auto' is another precision on another device.
    del values["preset"]
    # Who is told that memory does not suffice should be able to allow it and go on.
    del values["may_shrink"]
    values["passes"] = len(passes_of(settings, frames=2))
    values["precision"] = record.precision
    return {
        "reelbrush": record.version,
        "input": record.source.sha256,
        "frames": record.frames,
        "fps": str(record.rate) if record.rate else None,
        "upscale": record.upscale,
        "styles": [[style.sha256, style.weight] for style in record.styles],
        "network": record.digest,
        "flow": record.flow,
        "settings": values,
    }


def started(
    clip: OpenClip,
    frames: int,
    done: int,
    shots: Sequence[Shot],
    passes: int,
    notes: tuple[str, ...] = (),
    hurry: tuple[str, ...] = (),
) -> Event:
    """What is told before painting begins.

    :param frames: so many are painted; `done` counts those that are finished, in every pass.
    """
    job, info, painter = clip.job, clip.source.info, clip.painter
    carries = clip.settings.carry != "none"
    return Started(
        source=str(job.source),
        outputs=job.outputs,
        width=info.width,
        height=info.height,
        frames=frames,
        done=done,
        first_work=painter.work(info.height, info.width, carried=False),
        next_work=painter.work(info.height, info.width, carried=carries),
        network=describe(painter.network),
        device=device_line(painter.device, painter.network.dtype),
        notes=notes,
        hurry=hurry,
        cuts=tuple(begin for begin, _ in shots[1:]),
        passes=passes,
        again_work=further_settings(clip.settings, info.frames).carried_steps,
    )
