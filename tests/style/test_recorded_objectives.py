"""What frames are painted towards, recorded once for a size: the same as found piece by piece."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from tape import Tape
from test_step_runner import VALUES, expected
from tiny import picture, tiny_painter
from torch import Tensor

from pipeline.style.adain import pooled_statistics
from pipeline.style.objective import Objective
from pipeline.style.painter import Painter
from pipeline.style.picture import to_tensor
from pipeline.style.recorded_objectives import MOST_KEPT, RecordedObjectives
from pipeline.style.step_runner import StepRunners
from pipeline.style.tensor_tree import tensors_in

SIZE = (20, 24)


@pytest.fixture
def tape(monkeypatch: pytest.MonkeyPatch) -> Tape:
    """Records on the CPU."""
    tape = Tape()
    monkeypatch.setattr("pipeline.style.step_runner.recorder_of", lambda device: tape)
    return tape


def content(seed: int) -> Tensor:
    return to_tensor(picture(*SIZE, seed))


def painter_of_a_clip(**values: Any) -> Painter:
    painter = tiny_painter(recolour=1.0, **{**VALUES, **values})
    return painter.with_statistics(pooled_statistics([painter.statistics_of(picture(*SIZE, seed)) for seed in (1, 2)]))


@pytest.mark.parametrize("statistic", ["moments", "gram"])
def test_what_is_replayed_is_what_is_found_piece_by_piece(statistic: str, tape: Tape) -> None:
    painter = painter_of_a_clip(statistic=statistic)
    clip, targets = painter._statistics.layers[SIZE], painter._targets
    recorded = RecordedObjectives(StepRunners(torch.device("cpu")))
    tape.recorded = tape.replayed = 0
    for seed in range(5):
        found = recorded.objective(lambda seen: targets.objective(seen, (), clip), (content(seed),), targets, clip)
        wanted = targets.objective(content(seed), (), clip)
        assert found.kind == wanted.kind and [one.name for one in found.terms] == [one.name for one in wanted.terms]
        for one, other in zip(tensors_in(found.terms), tensors_in(wanted.terms), strict=True):
            torch.testing.assert_close(one, other)
    assert (tape.recorded, tape.replayed) == (1, 4)


def test_statistics_that_are_replayed_are_those_found_piece_by_piece_and_stay_what_they_are(tape: Tape) -> None:
    targets = tiny_painter(recolour=1.0, **VALUES)._targets
    recorded = RecordedObjectives(StepRunners(torch.device("cpu")))
    found = [recorded.statistics(targets.statistics_of, content(seed), targets) for seed in range(4)]
    assert (tape.recorded, tape.replayed) == (1, 3)
    for seed, one in enumerate(found):
        wanted = targets.statistics_of(content(seed))
        assert list(one) == list(wanted)
        for layer, other in wanted.items():
            torch.testing.assert_close(one[layer].mean, other.mean)
            torch.testing.assert_close(one[layer].variance, other.variance)


def test_a_clip_is_measured_in_replays(tape: Tape) -> None:
    painter = tiny_painter(recolour=1.0, **VALUES)
    measured = [painter.statistics_of(picture(*SIZE, seed)) for seed in range(3)]
    assert tape.recorded == len(measured[0].layers) and tape.replayed == 2 * tape.recorded
    plain = tiny_painter(recolour=1.0, **VALUES)
    plain._runners._recorder = None
    wanted = plain.statistics_of(picture(*SIZE, 2))
    for size, layers in wanted.layers.items():
        for layer, other in layers.items():
            torch.testing.assert_close(measured[2].layers[size][layer].mean, other.mean)


def test_each_is_another_objective_for_a_runner_to_load(tape: Tape) -> None:
    runners = StepRunners(torch.device("cpu"))
    recorded, targets = RecordedObjectives(runners), tiny_painter()._targets
    given = [recorded.objective(targets.objective, (content(seed),), targets) for seed in (1, 2, 3)]
    assert len({id(one) for one in given}) == 3


def test_another_clip_or_size_is_recorded_apart_and_the_last_few_are_kept(tape: Tape) -> None:
    targets = tiny_painter()._targets
    recorded = RecordedObjectives(StepRunners(torch.device("cpu")))
    clips = [object() for _ in range(MOST_KEPT + 1)]
    for clip in clips:
        recorded.objective(targets.objective, (content(1),), targets, clip)
    recorded.objective(targets.objective, (content(1),), targets, clips[0])
    assert tape.recorded == 0, "each was found as it is for the first time"
    recorded.objective(targets.objective, (content(1),), targets, clips[-1])
    assert tape.recorded == 1
    recorded.objective(targets.objective, (to_tensor(picture(24, 20)),), targets, clips[-1])
    assert tape.recorded == 1
    recorded.clear()
    recorded.objective(targets.objective, (content(1),), targets, clips[-1])
    assert tape.recorded == 1


def test_where_nothing_is_recorded_it_is_found_as_it_is(monkeypatch: pytest.MonkeyPatch, tape: Tape) -> None:
    asked: list[Tensor] = []

    def build(seen: Tensor) -> Objective:
        asked.append(seen)
        return targets.objective(seen)

    targets = tiny_painter()._targets
    runners = StepRunners(torch.device("cpu"))
    monkeypatch.setattr("pipeline.style.recorded_objectives.KEPT_PIXELS", SIZE[0] * SIZE[1] - 1)
    seen = content(1)
    RecordedObjectives(runners).objective(build, (seen,))
    runners._recorder = None
    monkeypatch.undo()
    RecordedObjectives(runners).objective(build, (seen,))
    assert asked[0] is seen and asked[1] is seen and not tape.recorded


def test_a_painter_finds_what_its_frames_are_painted_towards_in_a_replay(tape: Tape) -> None:
    """Also in a further pass, and what is kept is given back where memory is short."""
    painter = painter_of_a_clip(optimizer="lbfgs")
    for seed in range(3):
        painter.paint(picture(*SIZE, seed), expected(seed, SIZE))
    (kept,) = (one for one in painter._objectives._kept.values() if one.objective is not None)
    assert kept.work._replay is not None
    painter._let_go()
    assert not painter._objectives._kept and not painter._runners._kept
