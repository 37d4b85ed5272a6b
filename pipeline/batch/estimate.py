"""What a painting costs, before it is painted: seconds by what a step was measured to take, and room on the disk."""

from __future__ import annotations

from dataclasses import replace

from pipeline.batch.budget import Need
from pipeline.batch.checked_item import CheckedItem, Subject
from pipeline.batch.task import MeasuredCost
from pipeline.clip.deadline import reserve
from pipeline.clip.disk_room import PNG, Room, clip_room
from pipeline.clip.step_budget import Speed, Worth, plan_steps
from pipeline.settings import Settings


def need_of(checked: CheckedItem, measure_cost: MeasuredCost) -> Need:
    """Seconds that a painting takes one worker, from the first frame to the last."""
    if checked.item.still:
        seconds = measure_cost.first * measure_cost.step + measure_cost.frame
        return Need(seconds, seconds)
    subject, settings = checked.subject, checked.settings
    worth = Worth.of_work(measure_cost.first, measure_cost.carried, settings)
    speed = Speed(measure_cost.step, measure_cost.frame)
    need = clip_need(settings, subject, worth, speed)
    # What is written may be larger than what is painted.
    kept = [reserve(subject.frames, *size) for size in ((subject.width, subject.height), checked.written)]
    return Need(need.full + kept[1] - kept[0], need.least + kept[1] - kept[0])


def clip_need(settings: Settings, subject: Subject, worth: Worth, speed: Speed) -> Need:
    """What a clip takes, before its shots and its motion are known: as one shot in which everything moves, but for what
    keyframes begin anew.

    :param worth: as for `plan_steps`.
    """
    frames, parts = subject.frames, subject.parts
    full = plan_steps(settings, frames, worth, parts).seconds(speed)
    # A single pass, where time is short; `passes_of` gives a loop the second one that it needs.
    least = plan_steps(replace(settings, passes=1), frames, worth, parts).least_seconds(speed)
    kept = reserve(frames, subject.width, subject.height)
    return Need(full + kept, least + kept)


def room_of(checked: CheckedItem) -> Room:
    """Room that a painting needs."""
    subject, item = checked.subject, checked.item
    if item.still:
        width, height = checked.written
        return Room(round(PNG * width * height), 0)
    painted = subject.width, subject.height
    return clip_room(item.clip_job(), painted, subject.kept, subject.frames, checked.passes)
