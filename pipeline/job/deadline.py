"""When a clip has to be finished, and what is made of it: the passes there is time for, and their pace."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from pipeline.job.duration import spoken
from pipeline.job.events import OnEvent, Stage
from pipeline.job.motion import found_motion
from pipeline.job.pace import Pace, Speed, passes_within, planned
from pipeline.job.speed import measured_speed
from pipeline.job.work import WorkFolder
from pipeline.media.frame import FrameSource, VideoInfo
from pipeline.motion.flow import FlowMethod
from pipeline.motion.shots import Shot
from pipeline.style.painter import Painter

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


def found_pace(
    deadline: Deadline, source: FrameSource, shots: Sequence[Shot], painter: Painter, flow: FlowMethod,
    work: WorkFolder, on_event: OnEvent,
) -> Pace:  # fmt: skip
    """The pace that finishes a clip in time. Where there is too little for all passes, `work` gets fewer, if those that
    are dropped have not begun."""
    info, settings = source.info, painter.settings
    motion = found_motion(source, work, on_event)
    speed = deadline.speed
    if speed is None:
        on_event(Stage(MEASURING))
        speed = measured_speed(source, painter, flow)
    until = deadline.until - reserve(info.frames, info.width, info.height)
    worth = step_worth(painter, info)
    settings = replace(settings, passes=len(work.passes))
    reached = work.reached()
    if reached.number == 1:
        count = passes_within(until - deadline.clock(), settings, info.frames, worth, speed, shots, motion)
        work.settle_passes(count)
        settings = replace(settings, passes=count)
    plan = planned(settings, info.frames, worth, shots, motion)
    return Pace(plan, settings, worth, speed, until, deadline.clock)


def hurry_notes(pace: Pace, done: int, passes: int, wanted: int) -> tuple[str, ...]:
    """What a person should know before painting begins.

    :param done: frames that are finished, of all passes.
    :param wanted: passes of the settings.
    """
    fewer = [f"There is time for {passes} of {wanted} passes."] if passes < wanted else []
    late = pace.late(done)
    if late:
        fewer.append(f"Even with the fewest steps that make sense, this will be done about {spoken(late)} too late.")
    return tuple(fewer)


def reserve(frames: int, width: int, height: int) -> float:
    """Seconds to keep for what follows painting."""
    return RESERVE + frames * (RESERVE_FRAME + RESERVE_PIXEL * width * height)


def step_worth(painter: Painter, info: VideoInfo) -> float:
    """Steps at full size that a step of a frame painted from nothing is worth: it is done at several sizes."""
    return painter.work(info.height, info.width, carried=False) / painter.settings.steps
