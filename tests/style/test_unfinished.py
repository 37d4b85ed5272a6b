"""A painting that is left after one of its steps and gone on with elsewhere is that of a run which was left alone."""

from __future__ import annotations

import copy
import io
from typing import Any

import numpy as np
import pytest
import torch
from tape import Tape
from test_step_runner import tape
from tiny import picture, tiny_painter

from pipeline.errors import UsageError
from pipeline.style import optimise as loop
from pipeline.style.frame import PaintedFrame, Progress, Unfinished
from pipeline.style.painter import Painter

__all__ = ["tape"]

CONTENT = picture(40, 48, seed=3)
WAYS: dict[str, dict[str, Any]] = {
    "lbfgs": {"optimizer": "lbfgs", "history": 3},
    "adam": {"optimizer": "adam", "averaging": 0.9, "learning_rate": 0.1},
    "plateau": {"optimizer": "lbfgs", "tolerance": 0.5, "patience": 4},
    "own colours": {"colours": "keep", "optimizer": "lbfgs"},
}


def painter(**values: Any) -> Painter:
    return tiny_painter(**{"levels": 2, "coarse_steps": 0.5, "smallest": 8, "steps": 14, **values})


class LeftError(Exception):
    pass


def left_after(step: int, painting: Painter) -> Unfinished:
    """Where a painting stands after so many steps, as another process would read it."""
    kept = io.BytesIO()

    def leave(progress: Progress) -> None:
        if progress.step == step:
            torch.save(progress.unfinished(), kept)
            raise LeftError

    with pytest.raises(LeftError):
        painting.paint(CONTENT, on_progress=leave)
    kept.seek(0)
    found: Unfinished = torch.load(kept, weights_only=False)
    return found


def same(one: PaintedFrame, other: PaintedFrame) -> bool:
    return (
        np.array_equal(one.image, other.image)
        and (one.losses, one.steps, one.stopped) == (other.losses, other.steps, other.stopped)
    )  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
def test_left_after_any_step_it_goes_on_to_the_same_painting(way: str) -> None:
    whole = painter(**WAYS[way]).paint(CONTENT)
    for step in range(1, whole.steps + 1):
        unfinished = left_after(step, painter(**WAYS[way]))
        assert unfinished.step == step
        told: list[int] = []
        again = painter(**WAYS[way]).between(unfinished, None)
        assert same(again.paint(CONTENT, on_progress=lambda one: told.append(one.step)), whole), step  # noqa: B023
        assert told == list(range(step + 1, whole.steps + 1))


@pytest.mark.parametrize("way", ["lbfgs", "adam"])
def test_so_it_is_where_steps_are_recorded(tape: Tape, way: str) -> None:
    whole = painter(**WAYS[way]).paint(CONTENT)
    for step in (1, 4, 7, 8, 13):
        unfinished = left_after(step, painter(**WAYS[way]))
        used = painter(**WAYS[way])
        used.paint(picture(40, 48, seed=8))  # its steps are recorded already
        for other in (painter(**WAYS[way]), used):
            assert same(other.between(unfinished, None).paint(CONTENT), whole), step
    assert tape.replayed


def test_an_explosion_is_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """How often steps were undone, and how careful they are since."""
    monkeypatch.setattr(loop, "EXPLODED", 1.0001)
    wild = {"optimizer": "adam", "learning_rate": 0.8, "levels": 1}
    whole = painter(**wild).paint(CONTENT)
    for step in (5, 6, 11):
        unfinished = left_after(step, painter(**wild))
        assert unfinished.loop.retries
        assert same(painter(**wild).between(unfinished, None).paint(CONTENT), whole)


@pytest.mark.parametrize("step", [3, 7, 8, 12])
def test_it_can_be_left_there_and_again(step: int) -> None:
    """What an interrupted run has come to is what a run comes to that is told to end there, at a coarse size too."""
    how = WAYS["lbfgs"]
    unfinished = left_after(step, painter(**how))
    accepted = painter(**how).between(unfinished, step).paint(CONTENT)
    assert accepted.steps == step and accepted.image.shape == CONTENT.shape
    assert same(painter(**how).between(None, step).paint(CONTENT), accepted)
    assert not np.array_equal(accepted.image, painter(**how).paint(CONTENT).image)


def test_memory_is_saved_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """A picture that was begun with less memory goes on so, and says so where that is not allowed any more."""
    right, tried = Painter._paint, []

    def short(self: Painter, *arguments: Any) -> PaintedFrame:
        tried.append(arguments[-1])
        if arguments[-1].halvings == 0:
            raise torch.OutOfMemoryError("out of memory")
        return right(self, *arguments)

    monkeypatch.setattr(Painter, "_paint", short)
    how = {"may_shrink": True, **WAYS["lbfgs"]}
    whole = painter(**how).paint(CONTENT)
    unfinished = left_after(9, painter(**how))
    tried.clear()
    assert same(painter(**how).between(unfinished, None).paint(CONTENT), whole)
    assert tried == [unfinished.plan], "ways that had failed are not tried again"
    with pytest.raises(UsageError, match="--restart"):
        painter(**WAYS["lbfgs"]).between(unfinished, None).paint(CONTENT)
    assert copy.copy(unfinished) == unfinished
