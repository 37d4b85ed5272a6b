"""When a clip has to be finished, and what is made of it: the passes there is time for, and their pace."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from pipeline.clip.events import OnEvent, Stage
from pipeline.clip.speed import measure_speed
from pipeline.clip.step_budget import Speed, StepBudget, affordable_passes, plan_steps
from pipeline.clip.survey import find_motion
from pipeline.clip.work_folder import WorkFolder
from pipeline.media.frame import FrameSource, VideoInfo
from pipeline.motion.flow import FlowMethod
from pipeline.motion.shots import Shot
from pipeline.style.painter import Painter
from pipeline.text import duration_text

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


def clip_budget(
    deadline: Deadline, source: FrameSource, shots: Sequence[Shot], painter: Painter, flow: FlowMethod,
    work: WorkFolder, on_event: OnEvent,
) -> StepBudget:  # fmt: skip
    """The pace that finishes a clip in time. Where there is too little for all passes, `work` gets fewer, as with
    `fit_passes`."""
    info = source.info
    speed = fit_passes(deadline, source, shots, painter, flow, work, on_event)
    until = deadline.until - reserve(info.frames, info.width, info.height)
    return _pace(replace(deadline, until=until, speed=speed), (0, info.frames), source, shots, painter, work, on_event)


def fit_passes(
    deadline: Deadline, source: FrameSource, shots: Sequence[Shot], painter: Painter, flow: FlowMethod,
    work: WorkFolder, on_event: OnEvent,
) -> Speed:  # fmt: skip
    """Where there is too little time for all passes over a clip, give `work` fewer, if those that are dropped have not
    begun. Returns how fast this machine is, so that nobody has to measure it again."""
    info = source.info
    motion = find_motion(source, work, on_event)
    speed = deadline.speed
    if speed is None:
        on_event(Stage(MEASURING))
        speed = measure_speed(source, painter, flow)
    if work.reached().number == 1:
        seconds = deadline.until - reserve(info.frames, info.width, info.height) - deadline.clock()
        settings = replace(painter.settings, passes=len(work.passes))
        worth = step_worth(painter, info)
        work.settle_passes(affordable_passes(seconds, settings, info.frames, worth, speed, shots, motion))
    return speed


def shard_budget(
    deadline: Deadline, part: Shot, source: FrameSource, shots: Sequence[Shot], painter: Painter, flow: FlowMethod,
    work: WorkFolder, on_event: OnEvent,
) -> StepBudget:  # fmt: skip
    """The pace that finishes some whole shots of a clip in time, in the passes that were settled for all of it.

    :param deadline: of painting alone; somebody else encodes.
    :param part: first frame and the one after the last.
    """
    if deadline.speed is None:
        on_event(Stage(MEASURING))
        deadline = replace(deadline, speed=measure_speed(source, painter, flow))
    return _pace(deadline, part, source, shots, painter, work, on_event)


def _pace(
    deadline: Deadline, part: Shot, source: FrameSource, shots: Sequence[Shot], painter: Painter, work: WorkFolder,
    on_event: OnEvent,
) -> StepBudget:  # fmt: skip
    begin, end = part
    assert deadline.speed is not None
    settings = replace(painter.settings, passes=len(work.passes))
    motion = find_motion(source, work, on_event)[begin:end]
    inside = [(first - begin, last - begin) for first, last in shots if begin <= first < end]
    worth = step_worth(painter, source.info)
    plan = plan_steps(settings, end - begin, worth, inside, motion)
    return StepBudget(plan, settings, worth, deadline.speed, deadline.until, deadline.clock)


def lateness_notes(pace: StepBudget, done: int, passes: int, wanted: int) -> tuple[str, ...]:
    """What a person should know before painting begins.

    :param done: frames that are finished, of all passes.
    :param wanted: passes of the settings.
    """
    fewer = [f"There is time for {passes} of {wanted} passes."] if passes < wanted else []
    late = pace.late(done)
    if late >= 1:
        fewer.append(
            f"Even with the fewest steps that make sense, this will be done about {duration_text(late)} too late."
        )
    return tuple(fewer)


def reserve(frames: int, width: int, height: int) -> float:
    """Seconds to keep for what follows painting."""
    return RESERVE + frames * (RESERVE_FRAME + RESERVE_PIXEL * width * height)


def step_worth(painter: Painter, info: VideoInfo) -> float:
    """Steps at full size that a step of a frame painted from nothing is worth: it is done at several sizes."""
    return painter.work(info.height, info.width, carried=False) / painter.settings.steps
