"""The shots of one long clip painted side by side, and joined to what one worker alone would have painted.

A shot takes nothing from the one before it: where it begins, and the statistics of the palette, are found for the whole
clip before anything is painted, and in every pass the way through a shot begins anew. So some shots can be painted in
a folder of their own; `run_clip` takes the frames in once all are there (`WorkFolder.gather`) and encodes them.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import torch

from pipeline.clip.clip import in_time, paint_one
from pipeline.clip.clip_statistics import find_statistics
from pipeline.clip.deadline import Deadline, fit_passes, lateness_notes, shard_budget
from pipeline.clip.events import OnEvent, ignore
from pipeline.clip.jobs import ClipJob
from pipeline.clip.passes import passes_of
from pipeline.clip.session import checked_shots, open_clip, started
from pipeline.clip.step_budget import Speed
from pipeline.clip.work_folder import PART, WorkFolder, retry_damaged
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
    has_shards: bool
    """Whether frames of it were painted in parts."""
    speed: Speed | None = None
    """How fast this machine paints it, measured where there is a deadline."""


def look_through(
    job: ClipJob,
    network: Network,
    settings: Settings,
    device: torch.device,
    on_event: OnEvent = ignore,
    deadline: Deadline | None = None,
) -> Outline:
    """Find the shots and the statistics of a clip, and keep them in its work folder for all who paint parts of it.

    :param deadline: when it would have to be done if one painted it alone, with the time of all who do. Where that is
        too little for all passes, it gets fewer.
    :raises ReelbrushError: as `run_clip`.
    """
    clip = open_clip(job, network, settings, device, on_event)
    passes = passes_of(settings, clip.source.info.frames)
    work = WorkFolder(job.work, clip.identity, passes, job.restart, on_event)
    with closing(work):
        reached = work.reached()
        begun = reached.number > 1 or work.frames(reached).done > 0
        shots = checked_shots(clip, work, on_event)
        statistics = find_statistics(clip.source, clip.painter, work, on_event)
        speed = None
        if deadline is not None:
            painter = clip.painter.with_statistics(statistics)
            speed = fit_passes(deadline, clip.source, shots, painter, clip.flow, work, on_event)
        return Outline(shots, begun, has_shards(job.work), speed)


def paint_shard(
    job: ClipJob,
    part: Shot,
    network: Network,
    settings: Settings,
    device: torch.device,
    on_event: OnEvent = ignore,
    deadline: Deadline | None = None,
) -> int:
    """Paint the frames of some whole shots, after `look_through`. Killed and called again, it goes on. Returns how many
    passes there was time for.

    :param part: first frame and the one after the last.
    :param deadline: when they have to be painted.
    :raises ReelbrushError: as `run_clip`.
    """
    return retry_damaged(lambda: _paint_part(job, part, network, settings, device, on_event, deadline))


def _paint_part(
    job: ClipJob,
    part: Shot,
    network: Network,
    settings: Settings,
    device: torch.device,
    on_event: OnEvent,
    deadline: Deadline | None,
) -> int:
    clip = open_clip(job, network, settings, device, on_event)
    source, (begin, end) = clip.source, part
    wished = passes_of(settings, end - begin, begin)
    folder = job.work / f"{PART}{begin:06d}-{end:06d}"
    work = WorkFolder(folder, clip.identity, wished, job.restart, on_event)
    with closing(work):
        work.learn(job.work)
        shots = checked_shots(clip, work, on_event)
        statistics = find_statistics(source, clip.painter, work, on_event)
        pace = None
        if deadline is not None:
            painter = clip.painter.with_statistics(statistics)
            pace = shard_budget(deadline, part, source, shots, painter, clip.flow, work, on_event)
        passes, reached = work.passes, work.reached()
        done = (reached.number - 1) * (end - begin) + work.frames(reached).done
        inside = [shot for shot in shots if begin <= shot[0] < end]
        hurry = () if pace is None else lateness_notes(pace, done, len(passes), len(wished))
        on_event(started(clip, end - begin, done, inside, len(passes), hurry=hurry))
        for one in in_time(passes[reached.number - 1 :], pace, work):
            paint_one(one, source, shots, clip.painter_of(one, statistics), clip.flow, work, (), on_event, pace)
        work.end()
        return len(work.passes)


def has_shards(work: Path) -> bool:
    """Whether frames of the clip with this work folder were painted in parts."""
    return any(work.glob(f"{PART}*"))


def split_shots(shots: Sequence[Shot]) -> list[Shot]:
    """Neighbouring shots put together to parts of about the same length, `MOST` at most: the same for everybody."""
    least = shots[-1][1] / MOST
    parts: list[Shot] = []
    begin = 0
    for _, end in shots:
        if end - begin >= least or end == shots[-1][1]:
            parts.append((begin, end))
            begin = end
    return parts
