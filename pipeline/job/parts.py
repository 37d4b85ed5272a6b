"""The shots of one long clip painted side by side, and joined to what one worker alone would have painted.

A shot takes nothing from the one before it: where it begins, and the anchor of the palette, are found for the whole
clip before anything is painted, and in every pass the way through a shot begins anew. So some shots can be painted in
a folder of their own; `run_clip` takes the frames in once all are there (`WorkFolder.gather`) and encodes them.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import torch

from pipeline.job.anchor import found_anchor
from pipeline.job.clip import paint_one
from pipeline.job.events import OnEvent, ignore
from pipeline.job.opened import ClipJob, open_clip, shots_of, started
from pipeline.job.passes import passes_of
from pipeline.job.work import PART, WorkFolder
from pipeline.motion.shots import Shot
from pipeline.network.base import Network
from pipeline.settings import Settings

MOST = 16
"""Parts of a clip, at most. Each of them opens the clip once more."""


@dataclass(frozen=True)
class Outline:
    """What is known of a clip before it is painted."""

    shots: Sequence[Shot]
    begun: bool
    """Whether frames of it as a whole were painted already."""
    parted: bool
    """Whether frames of it were painted in parts."""


def look_through(
    job: ClipJob, network: Network, settings: Settings, device: torch.device, on_event: OnEvent = ignore
) -> Outline:
    """Find the shots and the anchor of a clip, and keep them in its work folder for everybody who paints parts of it.

    :raises ReelbrushError: as `run_clip`.
    """
    clip = open_clip(job, network, settings, device, on_event)
    passes = passes_of(settings, clip.source.info.frames)
    work = WorkFolder(job.work, clip.identity, passes, job.restart, on_event)
    with closing(work):
        reached = work.reached()
        begun = reached.number > 1 or work.frames(reached).done > 0
        shots = shots_of(clip, work, on_event)
        found_anchor(clip.source, clip.painter, work, on_event)
        return Outline(shots, begun, parted(job.work))


def paint_part(
    job: ClipJob,
    part: Shot,
    network: Network,
    settings: Settings,
    device: torch.device,
    on_event: OnEvent = ignore,
) -> None:
    """Paint the frames of some whole shots, after `look_through`. Killed and called again, it goes on.

    :param part: first frame and the one after the last.
    :raises ReelbrushError: as `run_clip`.
    """
    clip = open_clip(job, network, settings, device, on_event)
    source, (begin, end) = clip.source, part
    passes = passes_of(settings, end - begin, begin)
    folder = job.work / f"{PART}{begin:06d}-{end:06d}"
    work = WorkFolder(folder, clip.identity, passes, job.restart, on_event)
    with closing(work):
        work.learn(job.work)
        shots = shots_of(clip, work, on_event)
        anchor = found_anchor(source, clip.painter, work, on_event)
        reached = work.reached()
        done = (reached.number - 1) * (end - begin) + work.frames(reached).done
        inside = [shot for shot in shots if begin <= shot[0] < end]
        on_event(started(clip, end - begin, done, inside, len(passes)))
        for one in passes[reached.number - 1 :]:
            paint_one(one, source, shots, clip.painter_of(one, anchor), clip.flow, work, (), on_event, None)
        work.end()


def parted(work: Path) -> bool:
    """Whether frames of the clip with this work folder were painted in parts."""
    return any(work.glob(f"{PART}*"))


def parts_of(shots: Sequence[Shot]) -> list[Shot]:
    """Neighbouring shots put together to parts of about the same length, `MOST` at most: the same for everybody."""
    least = shots[-1][1] / MOST
    parts: list[Shot] = []
    begin = 0
    for _, end in shots:
        if end - begin >= least or end == shots[-1][1]:
            parts.append((begin, end))
            begin = end
    return parts
