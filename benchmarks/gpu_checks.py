"""What `gpu.py` checks before it measures: a device paints what a CPU paints, and recorded steps what single ones do.

Run by itself it checks the kernels on whatever device there is; with TRITON_INTERPRET=1 on a CPU.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import product
from pathlib import Path
from unittest.mock import patch

import numpy as np
import torch
from torch import Tensor

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
# What checks and tests have in common stands with the tests.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from kernel_errors import LIMITS  # type: ignore[import-not-found]

from pipeline.clip.clip import run_clip
from pipeline.clip.engine import Engine
from pipeline.clip.events import Event, FrameDone
from pipeline.clip.jobs import ClipJob, StylePicture
from pipeline.media import read_picture
from pipeline.network.base import Network
from pipeline.settings import resolve
from pipeline.style import objective, optimizers, step_runner
from pipeline.style.frame import Style, TemporalTarget, WarmStart
from pipeline.style.objective import Objective
from pipeline.style.optimizers import LBFGS
from pipeline.style.painter import Painter
from pipeline.style.picture import resized, to_image, to_tensor
from pipeline.style.regions import Masks, shares_of
from pipeline.types import Image

HOME = Path(__file__).resolve().parent.parent
CPU = torch.device("cpu")
SAMPLES = HOME / "samples"


@dataclass(frozen=True)
class Check:
    """What came of one."""

    name: str
    passed: bool | None
    """None where it could not be made."""
    found: str


def sample(name: str, height: int, width: int) -> Image:
    """One of the pictures that the project brings, at some size."""
    return to_image(resized(to_tensor(read_picture(SAMPLES / name)), height, width))


def painter_on(device: torch.device, network: Network, side: int = 256, **values: object) -> Painter:
    """Of the preset `standard` without sizes and stop rules, in the style of a sample."""
    settings = resolve("standard", {"levels": 1, "tolerance": 0.0, **values})
    return Painter(network, [Style(sample("paint.jpg", side, side))], settings, device)


def objective_of(painter: Painter, content: Image) -> Objective:
    """What it paints a picture towards."""
    return painter._targets.objective(to_tensor(content))


@contextmanager
def exact_convolutions() -> Iterator[None]:
    """Float32 as such: left alone, cuDNN takes ten bits of it."""
    before = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = False
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32 = before


def check_kernels(device: torch.device) -> list[Check]:
    """The fused kernels: on a CPU as Triton's interpreter runs them, in a process of its own."""
    if find_spec("triton") is None:
        return [Check("kernels against plain torch in float64", None, "there is no Triton for this system")]
    environment = {**os.environ, "TRITON_INTERPRET": "1" if device.type == "cpu" else "0"}
    command = [sys.executable, str(Path(__file__).resolve()), str(device)]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if ran.returncode:
        return [Check("kernels against plain torch in float64", False, ran.stderr.strip()[-300:])]
    where = "in the interpreter" if device.type == "cpu" else "on the device"
    return [
        Check(f"kernels {where} against plain torch in float64, {name}", error < LIMITS[name], f"{error:.1e}")
        for name, error in json.loads(ran.stdout.splitlines()[-1]).items()
    ]


def check_stacked_pairs(network: Network, side: int = 64) -> Check:
    """L-BFGS with its pairs stacked, as on a GPU, against two loops, as on a CPU; here on the CPU."""
    content = sample("picture.jpg", side, side)
    objective = objective_of(painter_on(CPU, network, side, precision="float32"), content)
    ends = []
    for stacked in (False, True):
        optimizer = LBFGS(to_tensor(content), 0.1, 20, stacked=stacked)
        # Farther on, one path leads away from another that began a millionth beside it.
        ends.append(min(float(optimizer.step(objective).total) for _ in range(12)))
    apart = ends[1] / ends[0] - 1
    return Check("L-BFGS with stacked pairs against two loops, loss after 12 steps", abs(apart) < 0.01, f"{apart:+.2%}")


def check_tape(network: Network) -> Check:
    """Recorded steps on a tape that replays operations as blindly as a CUDA graph; here on the CPU."""
    from tape import Tape  # type: ignore[import-not-found]

    tape = Tape()
    stacked = patch.object(optimizers, "waits_for_launches", lambda device: True)
    with patch.object(step_runner, "recorder_of", lambda device: tape), stacked:
        return _recorded_against_single(CPU, network, "tape on the CPU", 48)


def check_graph(device: torch.device, network: Network, side: int = 256) -> Check:
    """CUDA graphs."""
    return _recorded_against_single(device, network, "graph on the device", side)


def _recorded_against_single(device: torch.device, network: Network, how: str, side: int) -> Check:
    """Fresh frames and carried ones, with one expected picture and with three, recorded and one by one."""
    painters = [painter_on(device, network, side, precision="float32", steps=5, carried_steps=5) for _ in range(2)]
    painters[1]._runners._recorder = None
    content, expected = sample("picture.jpg", side, side), sample("ink.jpg", side, side)
    target = TemporalTarget(expected, np.full((side, side), 0.3, np.float32))
    frames = [None, *[WarmStart(content, (target,) * count) for count in (1, 3)]]
    apart = 0.0
    # What could not be recorded would only be warned of.
    with warnings.catch_warnings(), exact_convolutions():
        warnings.simplefilter("error")
        for turn, carried in product(range(3), frames):
            one, other = (painter.paint(content, carried).losses["total"] for painter in painters)
            apart = max(apart, abs(one / other - 1)) if turn == 2 else apart
    kept = painters[0]._runners._kept.values()
    replayed = all(step._replay is not None for _, runner in kept for step in runner._steps.values())
    return Check(f"recorded steps against single ones, {how}, after 5 steps", apart < 2e-3 and replayed, f"{apart:.1e}")


def check_against_cpu(device: torch.device, network: Network, side: int = 256) -> list[Check]:
    """Losses of a step, and the gradient, on the device and on the CPU in float32."""
    checks, content = [], sample("picture.jpg", side, side)
    expected, _ = _losses_and_gradient(painter_on(CPU, network, side, precision="float32"), content)
    for precision, limit in (("float32", 1e-4), ("bfloat16", 1e-2)):
        with exact_convolutions():
            found, gradient = _losses_and_gradient(painter_on(device, network, side, precision=precision), content)
            plain = painter_on(device, network, side, precision=precision)
            with patch.object(objective, "kernels_on", lambda device: None):
                plain.network.stage = None
                _, by_plain = _losses_and_gradient(plain, content)
        worst = max(abs(found[name] / expected[name] - 1) for name in expected)
        checks.append(Check(f"losses of a step against the CPU, {precision}", worst < limit, f"{worst:.1e}"))
        apart = float((gradient - by_plain).norm() / by_plain.norm())
        checks.append(
            Check(f"gradient with fused kernels against plain, {precision}", apart < 10 * limit, f"{apart:.1e}")
        )
    return checks


def _losses_and_gradient(painter: Painter, content: Image) -> tuple[dict[str, float], Tensor]:
    objective = objective_of(painter, content)
    image = to_tensor(sample("ink.jpg", *content.shape[:2])).to(painter.device).requires_grad_()
    losses = objective(image)
    (gradient,) = torch.autograd.grad(losses.total, image)
    return losses.floats(), gradient


def check_regions(device: torch.device, network: Network, side: int = 256) -> list[Check]:
    """Two regions and the rest: losses of a step and the gradient against the CPU in float32; and frames with a mask
    that moves, recorded and one by one."""
    content, image = sample("picture.jpg", side, side), to_tensor(sample("ink.jpg", side, side))

    def masks(edge: int) -> Masks:
        regions = np.zeros((2, side, side), np.uint8)
        regions[0, :, :edge], regions[1, : side // 3, edge:] = 255, 150
        return Masks(regions)

    def painter(where: torch.device, **values: object) -> Painter:
        settings = resolve("standard", {"levels": 1, "tolerance": 0.0, **values})
        names = ("paint.jpg", "mosaic.jpg", "ink.jpg")
        rest, *regions = ([Style(sample(name, side, side))] for name in names)
        return Painter(network, rest, settings, where, regions)

    def step(where: torch.device, precision: str) -> tuple[float, Tensor]:
        aim = painter(where, precision=precision)._targets.objective(
            to_tensor(content), shares=shares_of(masks(side // 2))
        )
        shown = image.to(where).requires_grad_()
        losses = aim(shown)
        (gradient,) = torch.autograd.grad(losses.total, shown)
        return losses.floats()["style"], gradient.cpu()

    checks = []
    expected, slope = step(CPU, "float32")
    # What goes back through a network in bfloat16 is a tenth apart, with regions or without.
    for precision, limit, slack in (("float32", 1e-4, 1e-3), ("bfloat16", 1e-2, 0.25)):
        with exact_convolutions():
            found, gradient = step(device, precision)
        apart = abs(found / expected - 1)
        checks.append(Check(f"style loss of regions against the CPU, {precision}", apart < limit, f"{apart:.1e}"))
        away = float((gradient - slope).norm() / slope.norm())
        checks.append(Check(f"gradient of regions against the CPU, {precision}", away < slack, f"{away:.1e}"))
    both = [painter(device, precision="float32", steps=5, carried_steps=5) for _ in range(2)]
    both[1]._runners._recorder = None
    worst = 0.0
    with warnings.catch_warnings(), exact_convolutions():
        warnings.simplefilter("error")
        for turn in range(5):
            carried = None if turn == 0 else WarmStart(content)
            losses = [
                one.with_masks(masks(side // 2 + 8 * turn)).paint(content, carried).losses["total"] for one in both
            ]
            worst = max(worst, abs(losses[0] / losses[1] - 1))
    checks.append(Check("recorded steps with moving regions against single ones", worst < 2e-3, f"{worst:.1e}"))
    return checks


def check_resume(device: torch.device, network: Network, side: int = 128) -> Check:
    """A clip that is interrupted and goes on, against one that is painted in one go."""
    settings = resolve("draft", {"size": side, "steps": 6, "carried_steps": 4})
    engine = Engine(settings, network, device)
    done = 0

    def interrupt(event: Event) -> None:
        nonlocal done
        done += isinstance(event, FrameDone)
        if isinstance(event, FrameDone) and done == 3:
            raise KeyboardInterrupt

    with tempfile.TemporaryDirectory(prefix="reelbrush-") as folder:
        ends = []
        for name, on_event in (("whole", None), ("resumed", interrupt)):
            job = ClipJob(
                SAMPLES / "clip.mp4", (StylePicture(SAMPLES / "paint.jpg"),), Path(folder) / name,
                frames=(0, 5),
            )  # fmt: skip
            if on_event is not None:
                with suppress(KeyboardInterrupt):
                    run_clip(job, engine, on_event)
            run_clip(job, engine)
            ends.append([read_picture(path).astype(int) for path in sorted((Path(folder) / name).glob("*.png"))])
    apart = max(float(np.abs(one - other).mean()) for one, other in zip(*ends, strict=True))
    return Check("a clip that goes on against one in one go, grey levels apart", apart < 4, f"{apart:.2g} of 255")


def checks_anywhere(network: Network) -> Iterator[Check]:
    """Those that need no GPU."""
    yield from check_kernels(CPU)
    yield check_stacked_pairs(network)
    yield check_tape(network)
    yield check_resume(CPU, network, 48)


def checks_on(device: torch.device, network: Network) -> Iterator[Check]:
    """Those on a GPU."""
    yield from check_kernels(device)
    yield from check_against_cpu(device, network)
    yield check_graph(device, network)
    yield from check_regions(device, network)
    yield check_resume(device, network)


def tried(checks: Iterator[Check], name: str) -> Iterator[Check]:
    """The checks; one that fails by an error is the last of them."""
    try:
        yield from checks
    except Exception as error:
        yield Check(name, False, f"{type(error).__name__}: {error}")


def main(device: torch.device) -> None:
    """Print the errors of the kernels."""
    from kernel_errors import errors_of_kernels

    print(json.dumps(errors_of_kernels(device)))


if __name__ == "__main__":
    main(torch.device(sys.argv[1] if len(sys.argv) > 1 else "cpu"))
