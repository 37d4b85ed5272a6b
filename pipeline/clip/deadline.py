"""When a clip has to be finished, and what is made of it: the passes there is time for, and their steps."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from pipeline.clip.events import Stage
from pipeline.clip.output_size import info_layout
from pipeline.clip.session import Session
from pipeline.clip.speed import first_frames, measure_speed
from pipeline.clip.step_budget import Speed, StepBudget, Worth, affordable_passes, plan_steps
from pipeline.clip.survey import Survey
from pipeline.clip.work_folder import WorkFolder
from pipeline.motion.shots import Shot

MEASURING = "Timing a few steps"
RESERVE, RESERVE_FRAME, RESERVE_PIXEL = 1.0, 0.02, 2e-7
"""Seconds kept for encoding and checking a result: in all, for each frame, and for each of its pixels."""


@dataclass(frozen=True)
class Deadline:
    """When the result of a clip has to be there.

    With one, the frames depend on how fast the machine is, as with the setting `seconds`: who wants the same frames on
    another day paints without. It is no part of what a work folder remembers of its job: frames that are finished
    stay, with the steps they had, whether the job is given again with the same deadline, another one or none.
    """

    until: float
    """Seconds on `clock`."""
    speed: Speed | None = None
    """What was measured before; None: it is measured."""
    clock: Callable[[], float] = time.time


def clip_budget(deadline: Deadline, session: Session, survey: Survey, work: WorkFolder) -> StepBudget:
    """The steps that finish a clip in time. Where there is too little for all passes, `work` gets fewer, as with
    `fit_passes`.

    :param survey: with the motion.
    """
    info = session.source.info
    speed = fit_passes(deadline, session, survey, work)
    until = deadline.until - reserve(info.frames, *info_layout(session.job, info).canvas)
    return _budget(replace(deadline, until=until, speed=speed), session, survey, work, (0, info.frames))


def fit_passes(deadline: Deadline, session: Session, survey: Survey, work: WorkFolder) -> Speed:
    """Where there is too little time for all passes over a clip, give `work` fewer, if those that are dropped have not
    begun. Returns how fast this machine is, so that nobody has to measure it again.

    :param survey: with the motion.
    """
    info = session.source.info
    speed = deadline.speed or _measured(session, survey)
    if work.reached().number == 1:
        seconds = deadline.until - reserve(info.frames, *info_layout(session.job, info).canvas) - deadline.clock()
        settings = replace(session.settings, passes=len(work.passes))
        worth = _step_worth(session)
        count = affordable_passes(seconds, settings, info.frames, worth, speed, survey.shots, survey.motion)
        work.settle_passes(count)
    return speed


def shard_budget(deadline: Deadline, session: Session, survey: Survey, work: WorkFolder, shard: Shot) -> StepBudget:
    """The steps that finish some whole shots of a clip in time, in the passes that were settled for all of it.

    :param deadline: of painting alone; somebody else encodes.
    :param survey: with the motion.
    :param shard: first frame and the one after the last.
    """
    speed = deadline.speed or _measured(session, survey)
    return _budget(replace(deadline, speed=speed), session, survey, work, shard)


def _measured(session: Session, survey: Survey) -> Speed:
    session.on_event(Stage(MEASURING))
    frames = survey.first_frames or first_frames(session.source, session.settings)
    return measure_speed(session.painter.with_statistics(survey.statistics), session.flow, frames)


def _budget(deadline: Deadline, session: Session, survey: Survey, work: WorkFolder, part: Shot) -> StepBudget:
    begin, end = part
    assert deadline.speed is not None and survey.motion is not None
    settings = replace(session.settings, passes=len(work.passes))
    inside = [(first - begin, last - begin) for first, last in survey.shots if begin <= first < end]
    worth = _step_worth(session)
    plan = plan_steps(settings, end - begin, worth, inside, survey.motion[begin:end])
    return StepBudget(plan, settings, worth, deadline.speed, deadline.until, deadline.clock)


def reserve(frames: int, width: int, height: int) -> float:
    """Seconds to keep for what follows painting."""
    return RESERVE + frames * (RESERVE_FRAME + RESERVE_PIXEL * width * height)


def _step_worth(session: Session) -> Worth:
    """What a step of its frames is worth."""
    info, painter = session.source.info, session.painter
    first, carried = (painter.work(info.height, info.width, carried) for carried in (False, True))
    return Worth.of_work(first, carried, painter.settings)
