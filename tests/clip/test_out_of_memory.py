"""Out of memory is no failure: the same frame is tried again with less, and the record says so."""

from __future__ import annotations

import ctypes
import gc
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from jobs import ROOT, assert_same, environment, events, killed, pictures, reelbrush
from PIL import Image as Pillow
from tiny import CPU, CountingNetwork, picture, tiny_painter, tiny_settings
from torch import Tensor

from pipeline.clip.frame_store import FrameStore
from pipeline.errors import NotEnoughMemoryError
from pipeline.network.base import Network
from pipeline.network.memory import is_out_of_memory
from pipeline.network.weights import open_packaged
from pipeline.settings import resolve
from pipeline.style.frame import Style, TemporalTarget, WarmStart
from pipeline.style.objective import Objective
from pipeline.style.oom_fallback import MemoryFallback, MemoryPlan, OutOfMemoryRetry, memory_plans
from pipeline.style.painter import Painter
from pipeline.style.picture import to_tensor

WAYS = memory_plans(tiny_settings(optimizer="lbfgs", may_shrink=True), 2)
GLIBC = sys.platform.startswith("linux") and hasattr(ctypes.CDLL(None), "gnu_get_libc_version")
needs_limit = pytest.mark.skipif(
    not GLIBC, reason="needs Linux to limit the address space, and glibc to fill it evenly"
)


def too_much() -> Tensor:
    """What no machine has, asked of torch's own allocator."""
    return torch.empty(2**50, dtype=torch.uint8)


def too_large() -> np.ndarray:
    """The same of OpenCV's."""
    return cv2.resize(np.zeros((2, 2), np.uint8), (2**23, 2**23))


def too_large_a_stack() -> None:
    """A thread for whose stack there is no room."""
    before = threading.stack_size(2**50)
    try:
        threading.Thread(target=int).start()
    finally:
        threading.stack_size(before)


# ---- less memory, the same bits


def objectives(network: Network, preset: str) -> tuple[Objective, Objective]:
    """The objective of a small frame as usual, and the one that computes maps again."""
    painter = Painter(network, [Style(picture(40, 48, seed=1))], resolve(preset), CPU)
    content = to_tensor(picture(64, 80, seed=2))
    usual, again = (painter._targets.objective(content, checkpoint=checkpoint) for checkpoint in (False, True))
    return usual, again


def gradient(objective: Objective, seed: int = 3) -> tuple[dict[str, float], Tensor, int]:
    """Losses, gradient, and bytes kept for the way back."""
    kept: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    pixels = torch.rand(1, 3, 64, 80, generator=torch.Generator().manual_seed(seed)).requires_grad_(True)
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        losses = objective(pixels)
    (found,) = torch.autograd.grad(losses.total, pixels)
    return losses.floats(), found, sum(kept.values())


@pytest.mark.parametrize("preset", ["standard", "gatys2016", "classic"])
def test_computing_maps_again_gives_the_same_bits(preset: str) -> None:
    usual, again = (gradient(objective) for objective in objectives(open_packaged(), preset))
    assert again[0] == usual[0]
    assert torch.equal(again[1], usual[1])
    assert usual[1].abs().max() > 0
    assert again[2] < usual[2] / 3


def test_layers_that_several_terms_look_at_give_the_same_bits() -> None:
    """There the gradient is a sum of three, whose order counts."""
    network = CountingNetwork()
    layers = tuple((layer, 0.37) for layer in network.layers)
    settings = tiny_settings(content_layers=layers, style_layers=layers, recolour=0.5)
    painter = Painter(network, [Style(picture(40, 48, seed=1))], settings, CPU)
    content = to_tensor(picture(64, 80, seed=2))
    expected = [TemporalTarget(picture(64, 80, seed=5), np.full((64, 80), 0.5, np.float32))]
    objectives = [painter._targets.objective(content, expected, checkpoint=again) for again in (False, True)]
    usual, again = map(gradient, objectives)
    assert again[0] == usual[0]
    assert torch.equal(again[1], usual[1])


@pytest.mark.parametrize("carried", [False, True])
def test_a_painting_with_maps_computed_again_is_the_same(carried: bool) -> None:
    painter = tiny_painter(levels=2, smallest=16)
    start = WarmStart(picture(48, 64, seed=7)) if carried else None
    found = [painter._paint(picture(48, 64), start, 0, None, None, None, way) for way in (MemoryPlan(), WAYS[2])]
    np.testing.assert_array_equal(found[0].image, found[1].image)
    assert found[0].losses == found[1].losses
    assert [one.memory_fallback for one in found] == [MemoryFallback.NONE, MemoryFallback.CHECKPOINTED]


# ---- what is tried


def test_what_there_is_to_try() -> None:
    def names(halvings: int = 2, tile_sides: tuple[int, ...] = (), **values: Any) -> list[str]:
        return [way.memory_fallback.value for way in memory_plans(tiny_settings(**values), halvings, tile_sides)]

    assert names() == ["", "freed", "checkpointed"]
    assert names(optimizer="lbfgs") == ["", "freed", "checkpointed", "short history"]
    assert names(optimizer="lbfgs", history=3) == ["", "freed", "checkpointed"]
    assert names(may_shrink=True) == ["", "freed", "checkpointed", "half size", "quarter size"]
    assert names(1, may_shrink=True) == ["", "freed", "checkpointed", "half size"]
    assert names(0, may_shrink=True) == ["", "freed", "checkpointed"]
    assert names(0, tile_sides=(32, 16)) == ["", "freed", "checkpointed", "tiles", "tiles"]
    shrunk = memory_plans(tiny_settings(optimizer="lbfgs", may_shrink=True), 1, (32, 16))
    assert [(way.memory_fallback.value, way.tile_side, way.halvings) for way in shrunk[3:]] == [
        ("short history", None, 0), ("tiles", 32, 0), ("tiles", 16, 0), ("half size", 16, 1),
    ]  # fmt: skip


def test_it_is_tried_with_less_and_less_and_not_from_the_beginning_for_the_next_frame() -> None:
    tried: list[str] = []

    def attempt(way: MemoryPlan) -> str:
        tried.append(way.memory_fallback.value)
        if way.history is None:
            too_much()
        return way.memory_fallback.value

    retry = OutOfMemoryRetry(CPU)
    assert retry.paint((48, 64), WAYS, attempt) == "short history"
    assert tried == ["", "freed", "checkpointed", "short history"]
    assert retry.paint((48, 64), WAYS, attempt) == "short history"
    assert tried[4:] == ["short history"]
    retry.paint((24, 32), WAYS, attempt)
    assert tried[5:] == ["", "freed", "checkpointed", "short history"], "a size of its own"


def test_where_nothing_helps_it_says_what_does() -> None:
    with pytest.raises(NotEnoughMemoryError, match=r"frame of 64x48 .*--set may_shrink=true.*--size"):
        OutOfMemoryRetry(CPU).paint((48, 64), WAYS[:3], lambda way: too_much())
    with pytest.raises(NotEnoughMemoryError) as caught:
        OutOfMemoryRetry(CPU).paint((48, 64), WAYS, lambda way: too_much())
    assert "may_shrink" not in str(caught.value), "it is allowed already"


def test_other_errors_are_not_tried_again() -> None:
    tried = []
    with pytest.raises(RuntimeError, match="shape"):
        OutOfMemoryRetry(CPU).paint((48, 64), WAYS, lambda way: tried.append(way) or torch.zeros(3).view(2, 2))
    assert len(tried) == 1


@pytest.mark.parametrize(
    "ask", [too_much, too_large, lambda: bytearray(2**60), lambda: np.empty(2**58, np.uint8), too_large_a_stack]
)
def test_every_allocator_is_understood(ask: Callable[[], object]) -> None:
    with pytest.raises((RuntimeError, MemoryError, cv2.error)) as caught:
        ask()
    assert is_out_of_memory(caught.value)


def test_nothing_of_a_failed_attempt_stays() -> None:
    """Autograd's queue of what it has not come to outlives an error, and would hold the maps."""
    held: list[float] = []

    class Greedy(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, maps: Tensor) -> Tensor:
            return maps.sum()

        @staticmethod
        def backward(ctx: Any, of_sum: Tensor) -> Tensor:
            return too_much()

    def attempt(way: MemoryPlan) -> None:
        gc.collect()
        held.append(sum(one.numel() for one in gc.get_objects() if type(one) is Tensor and one.requires_grad))
        pixels = torch.rand(300, 400).requires_grad_(True)
        maps = [pixels * number for number in range(8)]
        torch.autograd.grad(sum(one.exp().sum() for one in maps) + Greedy.apply(maps[0]), pixels)

    with pytest.raises(NotEnoughMemoryError):
        OutOfMemoryRetry(CPU).paint((48, 64), WAYS, attempt)
    assert len(held) == len(WAYS)
    assert max(held[1:]) <= held[0]


def test_a_smaller_painting_has_the_full_size_and_the_fine_detail() -> None:
    network = CountingNetwork()
    painter = tiny_painter(network, levels=1, smallest=16, steps=1, learning_rate=1e-6)
    content = picture(64, 96, seed=4)
    for way, size in ((WAYS[-2], (32, 48)), (WAYS[-1], (16, 24))):
        network.asked.clear()
        found = painter._paint(content, None, 0, None, None, None, way)
        assert found.image.shape == content.shape
        assert [asked for asked, layers in network.asked if layers == {"relu2_1"}] == [size], "the content's maps"
        # Hardly anything was painted, so hardly anything may have changed.
        assert np.abs(found.image.astype(int) - content).max() <= 2


def test_a_carried_frame_is_painted_smaller_too() -> None:
    painter = tiny_painter(levels=1, smallest=16, carried_steps=1, learning_rate=1e-6)
    start = picture(64, 96, seed=4)
    carried = WarmStart(start, (TemporalTarget(start, np.ones((64, 96), np.float32)),))
    found = painter._paint(picture(64, 96, seed=5), carried, 0, None, None, None, WAYS[-2])
    assert np.abs(found.image.astype(int) - start).max() <= 2


def test_the_sizes_that_may_come_have_a_palette() -> None:
    painter = tiny_painter(levels=1, smallest=16, recolour=1.0)
    assert set(painter.statistics_of(picture(64, 96)).layers) == {(64, 96), (32, 48), (16, 24)}


def test_the_record_of_a_frame_says_so(tmp_path: Path) -> None:
    painter = tiny_painter()
    store = FrameStore(tmp_path / "frames", range(2))
    store.put(0, painter.paint(picture(24, 32)))
    store.put(1, painter._paint(picture(24, 32), None, 0, None, None, None, WAYS[2]))
    assert [store.record(index)["memory_fallback"] for index in (0, 1)] == ["", "checkpointed"]


# ---- for real

LAYERS = ("content_layers=relu3_1", "style_layers=relu1_1,relu2_1,relu3_1,relu4_1")
STEPS = ("size=272", "precision=float32", "steps=2", "levels=1", "passes=1", "recolour=0", 'carry="none"', *LAYERS)
"""Big enough that most of the memory is maps."""
WEIGHTS = 240
"""MiB of address space that VGG-19 takes while it is read, with the threads that are begun meanwhile."""
# Without these, each thread takes 64 to 128 MiB of address space for its allocations, or none, as they happen to meet.
ONE_ARENA = {"GLIBC_TUNABLES": "glibc.malloc.arena_max=1"}
# Every large block for itself, and gone when it is freed: what the address space is, is what is in use.
EVEN = {"GLIBC_TUNABLES": "glibc.malloc.mmap_threshold=131072:glibc.malloc.arena_max=1"}


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("memory")
    (folder / "in").mkdir()
    for number in range(2):
        Pillow.fromarray(picture(272, 272, seed=number)).save(folder / "in" / f"{number}.png")
    Pillow.fromarray(picture(48, 48, seed=9)).save(folder / "style.png")
    return folder


def limited(way: str, allowed: int, *arguments: str | Path, **extra: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(ROOT / "tests" / "clip" / "limited.py"), way, str(allowed), *map(str, arguments)],
        capture_output=True, text=True, env=environment(**extra), timeout=240, check=False,
    )  # fmt: skip


def painted(here: Path, output: str, allowed: int, *more: str) -> tuple[list[str], int]:
    """Paint the folder as a library does. Returns the memory_fallbacks of its frames and what was taken, in MiB."""
    run = limited("library", allowed, here / "in", here / "style.png", here / output, *STEPS, *more, **EVEN)
    assert run.returncode == 0, run.stderr
    *lines, taken = run.stdout.splitlines()
    done = [event for event in events("\n".join(lines)) if event["event"] == "frame_done"]
    return [event["memory_fallback"] for event in done], int(taken)


@pytest.fixture(scope="module")
def usual(here: Path) -> int:
    """MiB that the undisturbed job takes; it is in `whole`."""
    memory_fallbacks, taken = painted(here, "whole", 0)
    assert memory_fallbacks == ["", ""]
    return taken


@pytest.mark.heavy
@needs_limit
def test_with_too_little_memory_the_frames_are_the_same(here: Path, usual: int) -> None:
    memory_fallbacks, taken = painted(here, "less", round(0.86 * usual))
    assert memory_fallbacks == ["checkpointed", "checkpointed"]
    assert taken < usual
    assert_same(here / "whole", here / "less", 2)


@pytest.mark.heavy
@needs_limit
def test_with_far_too_little_it_is_painted_smaller_if_allowed(here: Path, usual: int) -> None:
    memory_fallbacks, _ = painted(here, "small", round(0.55 * usual), "may_shrink=true")
    assert memory_fallbacks == ["half size", "half size"]
    assert [image.shape for image in pictures(here / "small")] == [(272, 272, 3)] * 2


@pytest.mark.heavy
@needs_limit
def test_if_not_the_job_stops_and_goes_on_when_there_is_memory(here: Path, usual: int) -> None:
    settings = [argument for value in STEPS for argument in ("--set", value)]
    job = (here / "in", "--style", here / "style.png", "--device", "cpu", *settings)
    output = here / "stopped"
    kept = killed(job, output, "frames/000000.png") / "frames" / "000000.png"
    run = limited("command", WEIGHTS + round(0.5 * usual), "video", *job, "-o", output, **ONE_ARENA)
    assert run.returncode == 1
    assert "does not suffice to paint a frame of 272x272 pixels" in run.stderr
    assert "Traceback" not in run.stderr
    assert kept.is_file() and not output.exists()
    again = reelbrush("video", *job, "-o", output)
    assert again.returncode == 0, again.stderr
    assert_same(here / "whole", output, 2)
