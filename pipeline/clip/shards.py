"""The shots of one long clip painted side by side, and joined to what one worker alone would have painted.

A shot takes nothing from the one before it: where it begins, and the statistics of the palette, are found for the whole
clip before anything is painted, and in every pass the way through a shot begins anew. So some shots, a shard, can be
painted in a folder of their own; `run_clip` takes the frames in once all are there (`WorkFolder.collect_shards`) and
encodes them.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from pipeline.clip.deadline import Deadline, fit_passes, shard_budget
from pipeline.clip.engine import Engine
from pipeline.clip.events import OnEvent, ignore
from pipeline.clip.frames import Run, paint_frames
from pipeline.clip.jobs import ClipJob
from pipeline.clip.session import open_session
from pipeline.clip.step_budget import Speed
from pipeline.clip.survey import take_survey
from pipeline.clip.work_folder import SHARD, retry_damaged
from pipeline.motion.shots import Shot

MOST = 16
"""Shards of a clip, at most. Each of them opens the clip once more."""


@dataclass(frozen=True)
class Outline:
    """What is known of a clip before it is painted in shards."""

    shots: Sequence[Shot]
    begun: bool
    """Whether frames of it as a whole were painted already."""
    has_shards: bool
    """Whether frames of it were painted in shards."""
    speed: Speed | None = None
    """How fast this machine paints it, measured where there is a deadline."""


def outline_clip(job: ClipJob, engine: Engine, on_event: OnEvent = ignore, deadline: Deadline | None = None) -> Outline:
    """Take the survey of a clip, and keep it in its work folder for all who paint shards of it.

    :param deadline: when it would have to be done if one painted it alone, with the time of all who do. Where that is
        too little for all passes, it gets fewer.
    :raises ReelbrushError: as `run_clip`.
    """
    session = open_session(job, engine, on_event)
    with closing(session.open_work()) as work:
        reached = work.reached()
        begun = reached.number > 1 or work.frames(reached).done > 0
        survey = take_survey(session, work, motion=deadline is not None)
        speed = None if deadline is None else fit_passes(deadline, session, survey, work)
        return Outline(survey.shots, begun, has_shards(job.work), speed)


def paint_shard(
    job: ClipJob, shard: Shot, engine: Engine, on_event: OnEvent = ignore, deadline: Deadline | None = None
) -> int:
    """Paint the frames of some whole shots, after `outline_clip`. Killed and called again, it goes on. Returns how many
    passes there was time for.

    :param shard: first frame and the one after the last.
    :param deadline: when they have to be painted.
    :raises ReelbrushError: as `run_clip`.
    """

    def attempt() -> int:
        session = open_session(job, engine, on_event)
        with closing(session.open_work(shard)) as work:
            work.copy_survey(job.work)
            survey = take_survey(session, work, motion=deadline is not None)
            budget = None if deadline is None else shard_budget(deadline, session, survey, work, shard)
            begin, end = shard
            inside = [shot for shot in survey.shots if begin <= shot[0] < end]
            on_event(session.started(inside, work, budget, shard))
            paint_frames(session, survey, Run(work, budget=budget))
            work.end()
            return len(work.passes)

    return retry_damaged(attempt)


def has_shards(work: Path) -> bool:
    """Whether frames of the clip with this work folder were painted in shards."""
    return any(work.glob(f"{SHARD}*"))


def split_shots(shots: Sequence[Shot]) -> list[Shot]:
    """Neighbouring shots put together to shards of about the same length, `MOST` at most: the same for everybody."""
    least = shots[-1][1] / MOST
    shards: list[Shot] = []
    begin = 0
    for _, end in shots:
        if end - begin >= least or end == shots[-1][1]:
            shards.append((begin, end))
            begin = end
    return shards
