"""Before the first frame: what is left to paint, what it costs, and in which order it is begun."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence

from pipeline.batch.budget import Need, makespan, shortfall
from pipeline.batch.checked_item import CheckedItem, RejectedItem, changes
from pipeline.batch.estimate import Room, need_of, room_of
from pipeline.batch.events import Checking, Notice, Planned, PlanRow, What
from pipeline.batch.item_tasks import ItemTasks
from pipeline.batch.preflight import Preflight
from pipeline.batch.recover import recovered
from pipeline.batch.rows import ItemRow, State
from pipeline.batch.run_context import RunContext
from pipeline.batch.task import Done, Task, TaskEvent, Timed
from pipeline.batch.thumbnails import inspect_result, thumbnail_limits
from pipeline.clip.shards import has_shards
from pipeline.errors import DiskFullError, UsageError
from pipeline.media import read_metadata
from pipeline.text import size_text

NOTHING = Need(0.0, 0.0)
"""Of what could not be measured."""
TIMINGS = 6
"""Sizes and settings at which a step is measured, at most; others are judged by their area."""


def prepare(context: RunContext) -> list[ItemTasks]:
    """Check everything, decide what is done with each item, and send `Planned`.

    :return: what is to be painted, in the order in which it is begun.
    :raises DiskFullError: not half of the room that is needed is there.
    :raises UsageError: the time that was given does not suffice, even with the least effort.
    """
    preflight = Preflight(context.ledger, context.options.device, context.options.overwrite)
    ready: list[CheckedItem] = []
    anew: dict[str, str] = {}
    for number, item in enumerate(context.items):
        context.on_event(Checking(f"Looking at {item.source.name}", number, len(context.items)))
        context.heartbeat()
        if context.interrupts.came is not None:
            return []
        found = preflight.check(item)
        if isinstance(found, RejectedItem):
            context.ledger.change(item.name, state=State.FAILED, error=found.text, again=True)
        elif not _settled(context, found, preflight, anew):
            ready.append(found)
    rows = context.ledger.items()
    failed = context.failures()
    if failed and context.options.fail_fast:
        ready = []
    needs = _estimates(context, ready)
    if context.interrupts.came is not None:
        return []
    all_tasks = _plan(context, ready, needs)
    pieces = [need for one in all_tasks for need in one.to_come(context.pool.size)]
    room, free = _room(context, ready)
    context.on_event(
        Planned(
            folder=context.folder,
            items=len(context.items),
            paint=len(ready),
            finished=sum(row.state is State.DONE for row in rows),
            failed=failed,
            seconds=makespan([need.full for need in pieces], [0.0] * context.pool.size),
            room=room,
            free=free,
            workers=context.pool.size,
            rows=tuple(_plan_row(row, needs.get(row.name, NOTHING).full, anew.get(row.name)) for row in rows),
            finish_by=context.options.finish_by,
        )
    )
    if room > 2 * free:
        raise DiskFullError(
            f"{context.folder}: this batch needs about {size_text(room)}, and {size_text(free)} are free there. "
            "Make room, choose another folder with -o, or paint less at once or smaller (--size)."
        )
    if context.options.finish_by is not None:
        seconds, busy = context.options.finish_by - time.time(), [0.0] * context.pool.size
        if why := shortfall(pieces, seconds, busy, len(all_tasks)):
            raise UsageError(why)
    return all_tasks


def _settled(context: RunContext, ready: CheckedItem, preflight: Preflight, anew: dict[str, str]) -> bool:
    """Whether nothing is to be done for an item: it is finished, or has failed in the same way before.

    :param anew: takes up what has changed of those that are finished and will be painted once more, by name.
    """
    row = context.ledger.item(ready.item.name)
    assert row is not None
    if preflight.finished(ready):
        if row.state is not State.DONE:
            context.ledger.change(row.name, state=State.DONE, error=None, again=False)
        return True
    same = row.identity == ready.identity
    if row.state is State.FAILED and same and not row.again and not context.options.retry_failed:
        return True
    subject = ready.subject
    opened = {
        "identity": ready.identity, "width": subject.width, "height": subject.height,
        "frames": subject.frames, "passes": ready.passes,
    }  # fmt: skip
    if not row.made and (found := recovered(ready, row)):
        context.ledger.change(row.name, **opened)
        inspection = inspect_result(ready.item, limits=thumbnail_limits(len(context.items)), loop=ready.settings.loop)
        made = read_metadata(ready.item.output)
        context.ledger.finish(row.name, found, made=made, **vars(inspection))
        return True
    if row.made and row.identity is not None and not same:
        anew[row.name] = changes(row.identity, ready.identity)
    if not same or row.made:
        context.ledger.forget(row.name)
    context.ledger.change(
        row.name,
        state=State.INTERRUPTED if row.done and same else State.WAITING,
        error=None,
        **opened,
    )
    return False


def _estimates(context: RunContext, ready: Sequence[CheckedItem]) -> dict[str, Need]:
    """Seconds for every painting, by its name, from steps that are really taken."""
    groups: dict[tuple[str, int, int], CheckedItem] = {}
    for one in ready:
        groups.setdefault((one.item.as_settings(), one.subject.height, one.subject.width), one)
    chosen = list(groups.items())[:: max(1, -(-len(groups) // TIMINGS))]
    timings: dict[tuple[str, int, int], Timed] = {}
    for number, (group, one) in enumerate(chosen):
        context.on_event(Checking(f"Measuring a step at {group[2]}x{group[1]}", number, len(chosen)))
        found = _measured(context, Task(one.item, "time", size=(group[1], group[2])))
        if found is not None:
            timings[group] = found
    needs = {}
    for one in ready:
        timed = _nearest(timings, one.item.as_settings(), one.subject.height, one.subject.width)
        needs[one.item.name] = need = NOTHING if timed is None else need_of(one, timed)
        context.ledger.change(one.item.name, estimate=need.full or None)
    return needs


def _measured(context: RunContext, task: Task) -> Timed | None:
    """What a step costs; None where it cannot be found out: painting will say why."""
    if context.interrupts.came is not None:
        return None
    context.pool.assign(task)
    while True:
        for message in context.pool.receive(0.5):
            if isinstance(message, Done) and isinstance(message.result, Timed):
                return message.result
            if isinstance(message, Notice):
                context.on_event(message)
            elif not isinstance(message, TaskEvent):
                return None
        if context.interrupts.came is not None and not context.stopping:
            context.stop()


def _plan(context: RunContext, ready: Sequence[CheckedItem], needs: dict[str, Need]) -> list[ItemTasks]:
    """Decide the order, and which clips are painted in parts."""
    workers, total = context.pool.size, sum(need.full for need in needs.values())
    # Several workers end at about the same time if the longest come first; of one, the order is the user's.
    order = sorted(ready, key=lambda one: -needs[one.item.name].full) if workers > 1 else ready
    all_tasks = []
    for one in order:
        name = one.item.name
        large = workers > 1 and needs[name].full > total / (2 * workers)
        several = not (one.item.still or one.settings.loop) and (large or has_shards(one.item.clip_job().work))
        overwrite = context.options.overwrite or any(path.exists() for path in one.item.outputs)
        all_tasks.append(ItemTasks(one, needs[name], len(context.items), overwrite, several))
    return all_tasks


def _room(context: RunContext, ready: Sequence[CheckedItem]) -> tuple[int, int]:
    """Bytes that are needed, roughly, and that are free."""
    rooms: list[Room] = [room_of(one) for one in ready]
    # Work folders go when their painting is done: as many of the largest as there are workers stand side by side.
    work = sorted((room.work for room in rooms), reverse=True)[: context.pool.size]
    there = next(one for one in (context.folder.absolute(), *context.folder.absolute().parents) if one.is_dir())
    return sum(room.result for room in rooms) + sum(work), shutil.disk_usage(there).free


def _plan_row(row: ItemRow, seconds: float, changed: str | None) -> PlanRow:
    rest: What = "paint" if changed is None else "paint anew"
    known: dict[State, What] = {State.DONE: "finished", State.FAILED: "failed", State.INTERRUPTED: "go on"}
    what = known.get(row.state, rest)
    size = (row.width, row.height)
    return PlanRow(row.name, str(row.item.source), what, *size, row.frames, row.passes, seconds, changed or "")


def _nearest(timings: dict[tuple[str, int, int], Timed], settings: str, height: int, width: int) -> Timed | None:
    """What a step was measured to cost with these settings, at the nearest size, by the area."""
    same = {key: timed for key, timed in timings.items() if key[0] == settings} or timings
    if not same:
        return None
    key = min(same, key=lambda one: abs(one[1] * one[2] - height * width))
    share, timed = height * width / (key[1] * key[2]), same[key]
    return Timed(timed.step * share, timed.frame * share, timed.first)
