"""Steps that are recorded and replayed are the steps themselves: on a tape that is as blind as a CUDA graph."""

from __future__ import annotations

import gc
import math
import warnings
import weakref
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from tape import Operations, Tape
from tiny import CountingNetwork, picture, tiny_painter, tiny_settings
from torch import Tensor
from torch.utils._pytree import tree_flatten

from pipeline.network.device_graph import Work
from pipeline.style import losses, objective, optimizers, step_runner
from pipeline.style.adain import pooled_statistics
from pipeline.style.frame import PaintedFrame, Style, TemporalTarget, WarmStart
from pipeline.style.objective import Objective
from pipeline.style.oom_fallback import MemoryFallback
from pipeline.style.optimise import LoopSettings, Step, Stop, optimise
from pipeline.style.optimizers import Adam, OptimizerName
from pipeline.style.painter import Painter
from pipeline.style.picture import to_tensor
from pipeline.style.step_runner import Method, StepRunner, StepRunners

OPTIMISERS: tuple[OptimizerName, ...] = ("adam", "lbfgs")


@pytest.fixture
def tape(monkeypatch: pytest.MonkeyPatch) -> Tape:
    """Steps are recorded on it from here on, and everything takes the form that it has on a GPU."""
    made = Tape()
    monkeypatch.setattr(step_runner, "recorder_of", lambda device: made)
    for module in (optimizers, losses, objective):
        monkeypatch.setattr(module, "waits_for_launches", lambda device: True)
    return made


def expected(seed: int, size: tuple[int, int], count: int = 1) -> WarmStart:
    """A warm start with some expected pictures."""
    weights = np.linspace(0, 1 / count, size[0] * size[1], dtype=np.float32).reshape(size)
    targets = tuple(TemporalTarget(picture(*size, seed + 10 * one), weights) for one in range(count))
    return WarmStart(picture(*size, seed), targets)


def clip(painter: Painter, small: tuple[int, int] = (20, 24)) -> list[PaintedFrame]:
    """Frames as they come: of two sizes, the first of a shot, carried ones with one expected picture or several."""
    large = (small[1] + 2, small[0])
    return [
        painter.paint(picture(*small, 1)),
        painter.paint(picture(*small, 2), expected(5, small)),
        painter.paint(picture(*small, 3), expected(6, small)),
        painter.paint(picture(*large, 4)),
        painter.paint(picture(*small, 4), expected(7, small, 3)),
        painter.paint(picture(*small, 5), expected(8, small, 3)),
        painter.paint(picture(*small, 6)),
        painter.paint(picture(*small, 7), replace(expected(7, small), own=picture(*small, 9))),
    ]


VALUES: dict[str, Any] = {"levels": 2, "smallest": 8, "temporal_weight": 5.0, "clip_palette": 1.0}


@pytest.mark.parametrize("optimizer", OPTIMISERS)
def test_of_a_painted_frame_nothing_waits_for_the_search_for_cycles(
    optimizer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pairs of L-BFGS are forty pictures; frame after frame they would pile up until Python comes to look."""
    made: list[weakref.ref[StepRunner]] = []
    right = StepRunner.begin

    def begin(runner: StepRunner, start: Tensor) -> None:
        made.append(weakref.ref(runner))
        right(runner, start)

    monkeypatch.setattr(StepRunner, "begin", begin)
    painter = tiny_painter(optimizer=optimizer, steps=3)
    gc.disable()
    try:
        painter.paint(picture(20, 24))
        painter.paint(picture(20, 24, 2), expected(5, (20, 24)))
        assert len(made) == 2 and not any(one() for one in made)
    finally:
        gc.enable()


@pytest.mark.parametrize(
    ("optimizer", "averaging", "levels"), [("adam", 0.0, 1), ("adam", 0.9, 1), ("lbfgs", 0.0, 1), ("lbfgs", 0.0, 2)]
)
def test_replayed_frames_are_those_painted_step_by_step(
    optimizer: str, averaging: float, levels: int, tape: Tape
) -> None:
    values = {**VALUES, "optimizer": optimizer, "averaging": averaging, "carried_levels": levels}
    painter = tiny_painter(**values)
    size = (20, 24) if levels == 1 else (32, 36)
    recorded = clip(painter, size)
    forms = {runner._loaded.terms[-1].name for _, runner in painter._runners._kept.values()}
    assert forms == {"tv", "temporal"} and len(painter._runners._kept) == (4 if levels == 1 else 8)
    assert tape.replayed > 50
    plain = tiny_painter(**values)
    plain._runners._recorder = None
    for one, other in zip(recorded, clip(plain, size), strict=True):
        assert one.losses == pytest.approx(other.losses, rel=1e-3)
        assert one.stopped is other.stopped and one.steps == other.steps
        assert np.abs(one.image.astype(int) - other.image).max() <= 2


def test_what_is_recorded_is_recorded_once(tape: Tape) -> None:
    """Whatever pass, shot or clip it is for: what differs in their targets is written where the record reads it."""
    painter = tiny_painter(optimizer="lbfgs", **VALUES)
    size = (20, 24)
    for number in range(5):
        shot = painter.with_settings(replace(painter.settings, steps=8, carried_steps=4 + number))
        shot = shot.with_statistics(pooled_statistics([painter.statistics_of(picture(*size, number))]))
        shot.paint(picture(*size, number))
        shot.paint(picture(*size, number + 1), expected(number, size))
    # First and later steps and the look at the end, without an expected picture and with one; what frames look like;
    # and for every shot what its frames are painted towards.
    assert tape.recorded == 6 + 1 + 5


def test_what_is_painted_in_grey_is_recorded_apart(tape: Tape) -> None:
    """The same terms and sizes, and other work."""
    runners = StepRunners(torch.device("cpu"))
    content = to_tensor(picture(20, 24, 1))
    painter = tiny_painter(**VALUES)
    style = painter._targets.objective(content)
    in_grey = Objective(painter.network, style.terms, grey=True)
    method = Method("adam", 0.03, 0.0, 4)
    one, other = (runners.runner(aim, content, method) for aim in (style, in_grey))
    assert one is not None and other is not None and one is not other
    assert one.losses_of(content) != other.losses_of(content)
    assert runners.runner(style.with_terms(style.terms), content, method) is one


@pytest.mark.parametrize("optimizer", OPTIMISERS)
def test_a_step_moves_no_value_between_host_and_device(optimizer: OptimizerName, tape: Tape) -> None:
    painter = tiny_painter(optimizer=optimizer, **VALUES)
    runner = begun(painter, optimizer, expected(3, (20, 24), 2))
    runner.step()
    with Operations() as operations:
        for _ in range(4):
            runner.step()
    assert len(operations.ran) > 100


def begun(painter: Painter, optimizer: OptimizerName, carried: WarmStart | None = None) -> StepRunner:
    """A runner that records nothing, at the beginning of a frame of 20x24 pixels."""
    content = to_tensor(picture(20, 24, 1))
    aim = painter._targets.objective(content, carried.temporal_targets if carried is not None else ())
    runner = StepRunner(aim, Method(optimizer, 0.05, 0.0, 4), None)
    runner.begin(content.to(painter.device))
    return runner


def living_tensors() -> dict[int, int]:
    """Address and size of the memory of every tensor that there is."""
    gc.collect()
    tensors = [one for one in gc.get_objects() if issubclass(type(one), Tensor)]
    return {one.untyped_storage().data_ptr(): one.untyped_storage().nbytes() for one in tensors}


@pytest.mark.parametrize("optimizer", OPTIMISERS)
def test_after_the_first_steps_every_tensor_stays_where_it_is(optimizer: OptimizerName, tape: Tape) -> None:
    """Also over the next frame; what a step makes is gone after it."""
    painter = tiny_painter(optimizer=optimizer, **VALUES)
    runner = begun(painter, optimizer, expected(3, (20, 24), 2))
    for _ in range(2):
        runner.step()
    before = living_tensors()
    assert len(before) > 30
    for _ in range(3):
        runner.step()
    runner.begin(torch.full((1, 3, 20, 24), 0.5))
    runner.step()
    after = living_tensors()
    # The gradient that Adam holds until the next one.
    held = {runner.optimizer._pixels.grad.data_ptr()} if isinstance(runner.optimizer, Adam) else set()  # type: ignore
    assert set(after) - held <= set(before)
    assert sum(after.values()) == sum(before.values())


def test_a_step_takes_nothing_in_from_the_cpu() -> None:
    """Not even a single number, on a device without values. (Adam counts its steps on the CPU where it may.)"""
    settings = tiny_settings(optimizer="lbfgs", **VALUES)
    painter = Painter(CountingNetwork(), [Style(picture(30, 30))], settings, torch.device("meta"))
    runner = begun(painter, "lbfgs", expected(3, (20, 24), 2))
    runner.step()
    with Operations() as operations:
        runner.step()
    took_part = tree_flatten([(args, kwargs, result) for _, args, kwargs, result in operations.ran])[0]
    assert {one.device.type for one in took_part if isinstance(one, Tensor)} == {"meta"}


def test_the_best_picture_is_known_without_reading_a_loss(tape: Tape) -> None:
    painter = tiny_painter(**VALUES)
    runner = begun(painter, "adam")
    places, losses = [], []
    for _ in range(8):
        places.append(runner.optimizer.pixels.clone())
        losses.append(runner.step().total)
    best = min(range(8), key=lambda number: float(losses[number]))
    assert torch.equal(runner.best_image, places[best]) and float(runner.best_loss) == float(losses[best])


def test_losses_that_were_handed_out_stay_what_they_are(tape: Tape) -> None:
    """A replay writes its own where the one before did."""
    seen: list[tuple[Any, float]] = []
    painter = tiny_painter(**VALUES)
    painter.paint(picture(20, 24), on_progress=lambda told: seen.append((told.detail, float(told.detail.losses.total))))
    assert tape.replayed > 8
    assert [float(step.losses.total) for step, _ in seen] == [loss for _, loss in seen]
    assert len({loss for _, loss in seen}) == len(seen)


def test_an_explosion_on_the_way_is_caught_in_a_replay(tape: Tape, monkeypatch: pytest.MonkeyPatch) -> None:
    """The loss is not a number for some steps: it is seen at the next look, and undone."""
    painter = tiny_painter(**VALUES)
    content = to_tensor(picture(20, 24, 1))
    painter.paint(picture(20, 24, 1))
    aim = painter._targets.objective(content)
    (_, runner), *_ = painter._runners._kept.values()
    style = next(term for term in runner._objective.terms if term.name == "style")
    mean = style.targets["relu1_1"].mean  # type: ignore[attr-defined]

    def break_once(step: Step) -> None:
        mean.fill_(math.nan if step.number in {6, 7} else 0.3)

    found = optimise(aim, content, LoopSettings("adam", 0.03, 20), break_once, painter._runners)
    assert found.retries == 1 and found.stopped is Stop.STEPS and torch.isfinite(found.image).all()


def test_only_so_many_pixels_are_kept(tape: Tape, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(step_runner, "KEPT_PIXELS", 2 * 20 * 24)
    painter = tiny_painter(steps=3, coarse_steps=1)
    for width in (20, 22, 24, 22):
        painter.paint(picture(20, width))
    assert [key[0][0][3] for key in painter._runners._kept] == [24, 22]  # type: ignore[index]
    replayed = tape.replayed
    painter.paint(picture(40, 40))
    assert len(painter._runners._kept) == 2 and tape.replayed == replayed, "too large to be kept"


def test_where_memory_runs_out_steps_are_no_longer_recorded(tape: Tape, monkeypatch: pytest.MonkeyPatch) -> None:
    painter = tiny_painter(steps=6)
    full = True

    def record(work: Work) -> Any:
        if full:
            raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB")
        raise AssertionError("recorded again")

    monkeypatch.setattr(tape, "record", record)
    painted = painter.paint(picture(20, 24))
    assert painted.memory_fallback is MemoryFallback.FREED and painted.steps == 6
    full = False
    assert painter.paint(picture(20, 24)).memory_fallback is MemoryFallback.FREED
    assert not painter._runners._kept


def test_a_device_that_cannot_record_goes_on_step_by_step_and_says_so(
    tape: Tape, monkeypatch: pytest.MonkeyPatch
) -> None:
    def record(work: Work) -> Any:
        raise RuntimeError("operation not permitted when stream is capturing")

    monkeypatch.setattr(tape, "record", record)
    with pytest.warns(RuntimeWarning, match="cannot be recorded on this device.*not permitted"):
        found = tiny_painter(steps=9).paint(picture(20, 24))
    plain = tiny_painter(steps=9)
    plain._runners._recorder = None
    assert np.array_equal(found.image, plain.paint(picture(20, 24)).image)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("optimizer", OPTIMISERS)
def test_a_cuda_graph_paints_what_single_steps_paint(optimizer: OptimizerName) -> None:
    """As above, on the device itself; nothing may warn that steps could not be recorded."""
    device = torch.device("cuda")
    painters = [
        Painter(CountingNetwork(), [Style(picture(40, 48, 1))], tiny_settings(optimizer=optimizer, **VALUES), device)
        for _ in range(2)
    ]
    painters[1]._runners._recorder = None
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        recorded, plain = (clip(painter) for painter in painters)
    assert any(step._replay for _, runner in painters[0]._runners._kept.values() for step in runner._steps.values())
    for one, other in zip(recorded, plain, strict=True):
        assert one.losses["total"] == pytest.approx(other.losses["total"], rel=0.02)
