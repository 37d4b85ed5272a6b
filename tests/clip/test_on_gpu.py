"""Jobs on a GPU that is simulated: they paint what they do on a CPU, and leave nothing behind in the memory there."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
import torch
from interpreted import interpreted_kernels
from jobs import SETS, SHALLOW, invoke, moving_folder, paint_picture
from PIL import Image as Pillow
from simulated_gpu import GPU, simulated_gpu
from tiny import CPU, CountingNetwork, picture, tiny_settings

from pipeline.style.frame import Progress, Style, TemporalTarget, WarmStart
from pipeline.style.oom_fallback import MemoryFallback
from pipeline.style.painter import Painter
from reelbrush import stylize_image

SIZE = (32, 48)
STILLS = {
    "default": (),
    "by Gram matrices": ("--set", "statistic=gram", "--set", "normalisation=relative"),
    "by Adam": ("--set", "optimizer=adam"),
    "in two levels": ("--set", "levels=2", "--set", "smallest=16"),
    "two styles": ("--style", "b.png:0.4"),
    "in bfloat16": ("--set", "precision=bfloat16"),
    "regions": ("--region", "left.png=b.png", "--protect", "right.png"),
    "large shapes": ("--large-shapes", "0.5"),
    "own colours": ("--colours", "keep", "--output-size", "96"),
    "matched colours": ("--colours", "match", "--style-scale", "0.6,1.5"),
    "noise": ("--set", "start=noise"),
    "a start": ("--start", "b.png"),
    "a story": ("--story", "story.gif"),
}
CLIPS = (
    pytest.param((), id="default"),
    pytest.param(("--colours", "keep", "--passes", "1"), id="own colours"),
    pytest.param(("--set", "precision=bfloat16"), id="in bfloat16", marks=pytest.mark.heavy),
    pytest.param(
        ("--passes", "3", "--set", "levels=2", "--set", "smallest=16"), id="three passes", marks=pytest.mark.heavy
    ),
    pytest.param(("--loop",), id="a loop", marks=pytest.mark.heavy),
    pytest.param(
        ("--region", "left.png@0=b.png", "--protect", "right.png@1"), id="regions that follow", marks=pytest.mark.heavy
    ),
    pytest.param(("--keyframe", "1: style=b.png, strength=0.8"), id="keyframes", marks=pytest.mark.heavy),
    pytest.param(("--exemplar", "b.png@2", "--large-shapes", "1"), id="an exemplar", marks=pytest.mark.heavy),
)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in: a picture, a clip, two styles and masks."""
    monkeypatch.chdir(tmp_path)
    paint_picture(tmp_path / "content.png")
    moving_folder(tmp_path / "clip", 4)
    for name, seed in (("a.png", 9), ("b.png", 17)):
        paint_picture(tmp_path / name, seed)
    for name, columns in (("left.png", slice(0, 24)), ("right.png", slice(36, 48))):
        mask = np.zeros(SIZE, np.uint8)
        mask[:, columns] = 255
        Pillow.fromarray(mask).save(tmp_path / name)
    return tmp_path


def painted(device: str, *job: str, flow: str = "dis-cpu") -> list[np.ndarray]:
    """The frames of a job, (H, W, 3)."""
    output = Path(f"out_{device}") if job[0] == "video" else Path(f"out_{device}.png")
    quick = ("--steps", "6", "--device", device, "--overwrite")
    given = job if job[0] == "image" else (*job, "--flow", flow)
    result = invoke(*given, "--style", "a.png", "-o", output, *SETS, *quick)
    assert result.exit_code == 0, result.output
    return frames_of(output)


def on_both(*job: str, flow: str = "dis-cpu") -> tuple[list[np.ndarray], list[np.ndarray]]:
    """The frames of a job on the simulated GPU, and on the CPU.

    :param flow: what finds the motion for the GPU; for the CPU it is OpenCV.
    """
    quick = (*job[:2], "--set", "levels=1", *job[2:])
    with simulated_gpu():
        there = painted("cuda", *quick, flow=flow)
    return there, painted("cpu", *quick)


def frames_of(place: Path) -> list[np.ndarray]:
    """The pictures of a folder, or one, (H, W, 3)."""
    files = sorted(place.glob("*.png")) if place.is_dir() else [place]
    return [np.array(Pillow.open(one).convert("RGB")).astype(int) for one in files]


def apart(some: list[np.ndarray], others: list[np.ndarray]) -> float:
    """Mean difference in levels."""
    return float(np.mean([np.abs(one - other).mean() for one, other in zip(some, others, strict=True)]))


# ---- the simulation itself


def test_tensors_of_both_kinds_do_not_meet() -> None:
    with simulated_gpu():
        there = torch.ones(3, device="cuda")
        assert there.device == GPU and (there + 1).device == GPU and torch.zeros_like(there).device == GPU
        assert (there * torch.tensor(2.0)).tolist() == [2, 2, 2], "a number may come from the CPU"
        with pytest.raises(RuntimeError, match="same device"):
            there + torch.ones(3)
        with pytest.raises(RuntimeError, match="same device"):
            torch.nn.functional.conv2d(torch.ones(1, 1, 3, 3, device="cuda"), torch.ones(1, 1, 3, 3))
        with pytest.raises(TypeError, match="numpy"):
            there.numpy()
        with pytest.raises(TypeError, match="numpy"):
            np.asarray(there)
    assert not torch.cuda.is_available() or torch.cuda.get_device_name() != "simulated"


def test_copies_views_and_gradients_are_those_of_a_gpu() -> None:
    with simulated_gpu():
        one = torch.arange(4.0).requires_grad_()
        loss = (one.to("cuda").square() * torch.tensor([1.0, 2, 3, 4], device="cuda")).sum()
        (gradient,) = torch.autograd.grad(loss, one)
        assert gradient.device.type == "cpu" and gradient.tolist() == [0, 4, 12, 24]
        there = torch.zeros(2, 3, device="cuda")
        there[1:].add_(torch.ones(1, 3).to(there))
        assert there.cpu().tolist() == [[0, 0, 0], [1, 1, 1]]
        back = torch.empty(2, 3)
        assert back.copy_(there).tolist() == there.tolist()
        module = torch.nn.Conv2d(1, 1, 3).to("cuda", torch.bfloat16)
        assert module.weight.device == GPU and module.weight.dtype == torch.bfloat16


# ---- jobs


@pytest.mark.parametrize("options", STILLS.values(), ids=STILLS)
def test_a_picture_is_the_same_on_a_gpu(options: tuple[str, ...], here: Path) -> None:
    there, known = on_both("image", "content.png", *options)
    assert apart(there, known) < 1


@pytest.mark.parametrize("options", CLIPS)
def test_a_clip_is_the_same_on_a_gpu(options: tuple[str, ...], here: Path) -> None:
    there, known = on_both("video", "clip", *options)
    assert apart(there, known) < 1


def test_a_picture_that_is_left_goes_on_there(here: Path) -> None:
    """What its optimiser has learnt is read from a file, and belongs on the GPU."""

    def leave(progress: Progress) -> None:
        if progress.step == 4:
            raise KeyboardInterrupt

    how = {**SHALLOW, "device": "cuda", "levels": 1, "steps": 9}
    steps: list[int] = []
    with simulated_gpu():
        stylize_image("content.png", "a.png", "whole.png", **how)
        with pytest.raises(KeyboardInterrupt):
            stylize_image("content.png", "a.png", "half.png", on_progress=leave, **how)
        stylize_image("content.png", "a.png", "half.png", on_progress=lambda one: steps.append(one.step), **how)
    assert steps == [5, 6, 7, 8, 9]
    assert apart(frames_of(Path("whole.png")), frames_of(Path("half.png"))) == 0


def test_with_less_memory_a_picture_is_the_same_on_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is tried where memory does not suffice: maps computed again, a short history, tiles, and smaller."""
    monkeypatch.setattr("pipeline.style.tiles.SIDES", (48, 24))
    content, found = picture(90, 100, seed=2), []
    settings = tiny_settings(optimizer="lbfgs", steps=4, levels=2, smallest=16, may_shrink=True)
    for device in (GPU, CPU):
        with simulated_gpu() if device == GPU else nullcontext():
            painter = Painter(CountingNetwork(), [Style(picture(40, 48, seed=1))], settings, device)
            plans = painter._plans(90, 100)
            found.append([painter._paint(content, None, 0, None, None, None, plan) for plan in plans])
    assert {one.memory_fallback for one in plans} == {*MemoryFallback}
    for there, known in zip(*found, strict=True):
        assert apart([there.image.astype(int)], [known.image.astype(int)]) < 0.1


def test_motion_that_the_gpu_finds_paints_the_same_clip_but_for_the_motion(here: Path) -> None:
    there, known = on_both("video", "clip", flow="dis")
    assert 0 < apart(there, known) < 0.3 * apart(frames_of(Path("clip")), known)


@pytest.mark.parametrize("statistic", ["moments", "gram"])
def test_with_its_kernels_frames_are_the_same(statistic: str) -> None:
    """A first frame and one that is carried: each with steps that are done, recorded and replayed."""
    values = {"statistic": statistic, "optimizer": "lbfgs", "precision": "bfloat16", "temporal_weight": 5.0}
    settings = tiny_settings(**values, steps=4, carried_steps=4)
    first, later, before = (picture(13, 11, seed) for seed in (1, 2, 3))
    carried = WarmStart(before, (TemporalTarget(before, np.full((13, 11), 0.5, np.float32)),))
    found = []
    for device in (GPU, CPU):
        with simulated_gpu(interpreted_kernels()) if device == GPU else nullcontext():
            painter = Painter(CountingNetwork(), [Style(picture(12, 14, 4))], settings, device)
            assert (painter.network.stage is None) == (device == CPU)
            found.append([painter.paint(first), painter.paint(later, carried)])
    for there, known in zip(*found, strict=True):
        assert there.losses == pytest.approx(known.losses, rel=0.05)
        assert apart([there.image.astype(int)], [known.image.astype(int)]) < 3
