"""Before the first frame: what is left to paint, what it costs, and in which order it is begun."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from pipeline.batch.budget import Need, makespan, shortfall
from pipeline.batch.checked_item import CheckedItem, RejectedItem, changes
from pipeline.batch.estimate import need_of, room_of
from pipeline.batch.events import Checking, Notice, Planned, PlanRow, What
from pipeline.batch.item_tasks import ItemTasks
from pipeline.batch.ledger_rows import ItemRow, State
from pipeline.batch.preflight import Preflight
from pipeline.batch.recover import recovered
from pipeline.batch.run_context import RunContext
from pipeline.batch.task import Done, MeasuredCost, Task, TaskEvent
from pipeline.batch.thumbnails import inspect_result, thumbnail_limits
from pipeline.clip.disk_room import Room, check_room, free_bytes
from pipeline.clip.shards import has_shards
from pipeline.errors import OutputError, UsageError
from pipeline.media import read_metadata
from pipeline.text import listed

NO_NEED = Need(0.0, 0.0)
"""Of what could not be measured."""
MOST_MEASURED = 6
"""Sizes and settings at which a step is measured, at most; others are judged by their area."""


def prepare(context: RunContext, only_plan: bool = False) -> list[ItemTasks]:
    """Check everything, decide what is done with each item, and send `Planned`.

    :param only_plan: nothing will be painted, so that nothing that is finished can be lost.
    :return: what is to be painted, in the order in which it is begun.
    :raises DiskFullError: not half of the room that is needed is there.
    :raises UsageError: the time that was given does not suffice, even with the least effort.
    :raises OutputError: finished paintings would be painted anew, and it was not said that they may be.
    """
    preflight = Preflight(context.ledger, context.options.device, context.options.overwrite)
    checked: list[CheckedItem] = []
    anew: dict[str, str] = {}
    for number, item in enumerate(context.items):
        context.on_event(Checking(f"Looking at {item.source.name}", number, len(context.items)))
        context.heartbeat()
        if context.interrupts.came is not None:
            return []
        found = preflight.check(item)
        if isinstance(found, RejectedItem):
            context.ledger.change(item.name, state=State.FAILED, error=found.text, again=True)
        elif not _is_settled(context, found, preflight, anew):
            checked.append(found)
    if anew and not context.options.overwrite and not only_plan:
        raise OutputError(_would_replace(anew))
    for one in checked:
        _begin_row(context, one)
    rows = context.ledger.items()
    failed = context.failures()
    if failed and context.options.fail_fast:
        checked = []
    needs = _estimates(context, checked)
    if context.interrupts.came is not None:
        return []
    all_tasks = _plan(context, checked, needs)
    pieces = [need for one in all_tasks for need in one.to_come(context.pool.size)]
    room, free = _room(context, checked)
    context.on_event(
        Planned(
            folder=context.folder,
            items=len(context.items),
            paint=len(checked),
            finished=sum(row.state is State.DONE for row in rows),
            failed=failed,
            seconds=makespan([need.full for need in pieces], [0.0] * context.pool.size),
            room=room,
            free=free,
            workers=context.pool.size,
            rows=tuple(_plan_row(row, needs.get(row.name, NO_NEED).full, anew.get(row.name)) for row in rows),
            finish_by=context.options.finish_by,
        )
    )
    check_room(context.folder, room, "this batch", "less at once or ")
    if context.options.finish_by is not None:
        seconds, busy = context.options.finish_by - time.time(), [0.0] * context.pool.size
        if why := shortfall(pieces, seconds, busy, len(all_tasks)):
            raise UsageError(why)
    return all_tasks


def _is_settled(context: RunContext, checked: CheckedItem, preflight: Preflight, anew: dict[str, str]) -> bool:
    """Whether nothing is to be done for an item: it is finished, or has failed in the same way before.

    :param anew: takes up what has changed of those that are finished and will be painted once more, by name.
    """
    row = context.ledger.item(checked.item.name)
    assert row is not None
    if preflight.finished(checked, row):
        if row.state is not State.DONE:
            context.ledger.change(row.name, state=State.DONE, error=None, again=False)
        return True
    same = row.identity == checked.identity
    if row.state is State.FAILED and same and not row.again and not context.options.retry_failed:
        return True
    if row.made and row.identity is not None and not same and any(path.exists() for path in checked.item.outputs):
        if context.options.keep_old:
            context.ledger.change(row.name, state=State.DONE, error=None, again=False)
            return True
        anew[row.name] = changes(row.identity, checked.identity)
    if not row.made and (found := recovered(checked, row)):
        context.ledger.change(row.name, **_opened(checked))
        inspection = inspect_result(
            checked.item, limits=thumbnail_limits(len(context.items)), loop=checked.settings.loop
        )
        made = read_metadata(checked.item.output)
        context.ledger.finish(row.name, found, made=made, **vars(inspection))
        return True
    return False


def _opened(checked: CheckedItem) -> dict[str, Any]:
    """What the ledger notes of an item that can be painted."""
    subject = checked.subject
    return {
        "identity": checked.identity, "width": subject.width, "height": subject.height,
        "frames": subject.frames, "passes": checked.passes,
    }  # fmt: skip


def _begin_row(context: RunContext, checked: CheckedItem) -> None:
    """Note of an item that it will be painted; what there was of it by other settings is forgotten."""
    row = context.ledger.item(checked.item.name)
    assert row is not None
    same = row.identity == checked.identity
    if not same or row.made:
        context.ledger.forget(row.name)
    state = State.INTERRUPTED if row.done and same else State.WAITING
    context.ledger.change(row.name, state=state, error=None, **_opened(checked))


def _would_replace(anew: Mapping[str, str]) -> str:
    """Why nothing is painted: name -> what has changed of those that are finished."""
    names, reasons = listed(list(anew)), "; ".join(dict.fromkeys(anew.values()))
    those = f"{len(anew)} finished paintings" if len(anew) > 1 else "A finished painting"
    return (
        f"{those} would be replaced, since something has changed ({reasons}): {names}. Give the command with "
        "--overwrite to paint anew, with --keep-old to leave what is finished and paint the rest, or choose another "
        "output folder."
    )


def _estimates(context: RunContext, checked: Sequence[CheckedItem]) -> dict[str, Need]:
    """Seconds for every painting, by its name, from steps that are really taken."""
    groups: dict[tuple[str, int, int], CheckedItem] = {}
    for one in checked:
        groups.setdefault((one.item.as_settings(), one.subject.height, one.subject.width), one)
    chosen = list(groups.items())[:: max(1, -(-len(groups) // MOST_MEASURED))]
    costs: dict[tuple[str, int, int], MeasuredCost] = {}
    for number, (group, one) in enumerate(chosen):
        context.on_event(Checking(f"Measuring a step at {group[2]}x{group[1]}", number, len(chosen)))
        found = _measure(context, Task(one.item, "time", size=(group[1], group[2])))
        if found is not None:
            costs[group] = found
    needs = {}
    for one in checked:
        measure_cost = _cost_at(costs, one.item.as_settings(), one.subject.height, one.subject.width)
        needs[one.item.name] = need = NO_NEED if measure_cost is None else need_of(one, measure_cost)
        context.ledger.change(one.item.name, estimate=need.full or None)
    return needs


def _measure(context: RunContext, task: Task) -> MeasuredCost | None:
    """What a step costs; None where it cannot be found out: painting will say why."""
    if context.interrupts.came is not None:
        return None
    context.pool.assign(task)
    while True:
        for message in context.pool.receive(0.5):
            if isinstance(message, Done) and isinstance(message.result, MeasuredCost):
                return message.result
            if isinstance(message, Notice):
                context.on_event(message)
            elif not isinstance(message, TaskEvent):
                return None
        if context.interrupts.came is not None and not context.stopping:
            context.stop()


def _plan(context: RunContext, checked: Sequence[CheckedItem], needs: dict[str, Need]) -> list[ItemTasks]:
    """Decide the order, and which clips are painted in parts."""
    workers, total = context.pool.size, sum(need.full for need in needs.values())
    # Several workers end at about the same time if the longest come first; of one, the order is the user's.
    order = sorted(checked, key=lambda one: -needs[one.item.name].full) if workers > 1 else checked
    all_tasks = []
    for one in order:
        name = one.item.name
        large = workers > 1 and needs[name].full > total / (2 * workers)
        several = not (one.item.still or one.settings.loop) and (large or has_shards(one.item.clip_job().work))
        overwrite = context.options.overwrite or any(path.exists() for path in one.item.outputs)
        all_tasks.append(ItemTasks(one, needs[name], len(context.items), overwrite, several))
    return all_tasks


def _room(context: RunContext, checked: Sequence[CheckedItem]) -> tuple[int, int]:
    """Bytes that are needed, roughly, and that are free."""
    rooms: list[Room] = [room_of(one) for one in checked]
    # Work folders go when their painting is done: as many of the largest as there are workers stand side by side.
    work = sorted((room.work for room in rooms), reverse=True)[: context.pool.size]
    return sum(room.result for room in rooms) + sum(work), free_bytes(context.folder)


def _plan_row(row: ItemRow, seconds: float, changed: str | None) -> PlanRow:
    rest: What = "paint" if changed is None else "paint anew"
    known: dict[State, What] = {State.DONE: "finished", State.FAILED: "failed", State.INTERRUPTED: "go on"}
    what = known.get(row.state, rest)
    size = (row.width, row.height)
    return PlanRow(row.name, str(row.item.source), what, *size, row.frames, row.passes, seconds, changed or "")


def _cost_at(
    costs: dict[tuple[str, int, int], MeasuredCost], settings: str, height: int, width: int
) -> MeasuredCost | None:
    """What a step was measured to cost with these settings, at the nearest size, by the area."""
    same = {key: measure_cost for key, measure_cost in costs.items() if key[0] == settings} or costs
    if not same:
        return None
    key = min(same, key=lambda one: abs(one[1] * one[2] - height * width))
    share, measure_cost = height * width / (key[1] * key[2]), same[key]
    return replace(measure_cost, step=measure_cost.step * share, frame=measure_cost.frame * share)
