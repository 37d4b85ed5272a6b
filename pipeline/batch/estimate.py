"""What a painting costs, before it is painted: seconds by what a step was measured to take, and room on the disk."""

from __future__ import annotations

from dataclasses import dataclass, replace

from pipeline.batch.budget import Need
from pipeline.batch.checked_item import CheckedItem
from pipeline.batch.task import MeasuredCost
from pipeline.clip.deadline import reserve
from pipeline.clip.step_budget import Speed, plan_steps
from pipeline.settings import Settings

PNG = 2.2
"""Bytes a pixel of a kept frame. Paintings of five clips had 1.6 to 2.2: strokes are hard to compress."""
VIDEO = 0.35
"""Bytes a pixel of a frame in a video, at the most; lossless ones have as many as a PNG."""
GIF = 0.9


@dataclass(frozen=True)
class Room:
    """Bytes on the disk."""

    result: int
    """That stay."""
    work: int
    """That are needed while it is painted."""


def need_of(checked: CheckedItem, measure_cost: MeasuredCost) -> Need:
    """Seconds that a painting takes one worker, from the first frame to the last."""
    if checked.item.still:
        seconds = measure_cost.first * measure_cost.step + measure_cost.frame
        return Need(seconds, seconds)
    subject, worth = checked.subject, measure_cost.first / checked.settings.steps
    speed = Speed(measure_cost.step, measure_cost.frame)
    return clip_need(checked.settings, subject.frames, subject.width, subject.height, worth, speed)


def clip_need(settings: Settings, frames: int, width: int, height: int, worth: float, speed: Speed) -> Need:
    """What a clip takes, before its shots and its motion are known: as one shot in which everything moves.

    :param worth: as for `plan_steps`.
    """
    full = plan_steps(settings, frames, worth).seconds(speed)
    # A single pass, where time is short; `passes_of` gives a loop the second one that it needs.
    least = plan_steps(replace(settings, passes=1), frames, worth).least_seconds(speed)
    kept = reserve(frames, width, height)
    return Need(full + kept, least + kept)


def room_of(checked: CheckedItem) -> Room:
    """Room that a painting needs."""
    pixels = checked.subject.width * checked.subject.height * checked.subject.frames
    written = checked.subject.written_pixels
    if checked.item.still:
        return Room(round(PNG * written), 0)
    suffix = checked.item.output.suffix.lower()
    dense = suffix == "" or checked.item.quality == "lossless" or checked.item.codec in ("ffv1", "prores")
    a_pixel = PNG if dense else GIF if suffix == ".gif" else VIDEO
    result = written * a_pixel + pixels * (GIF if checked.item.gif else 0)
    return Room(round(result), round(PNG * pixels * min(2, checked.passes)))
