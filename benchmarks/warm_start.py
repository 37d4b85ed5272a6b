"""What the warm start brings: steps to the same loss, seconds a frame, and flicker (E_warp).

    python benchmarks/warm_start.py CLIP --style PICTURE [--first 0] [--frames 12] [--size 256]

Every frame is painted anew, then from the painting before it as it is ("previous"), then from that painting changed as
the input has changed ("adjusted"). E_warp (Lai et al. 2018) is that of `reelbrush measure`: flow between neighbours of
the *input*, the second frame warped onto the first, mean square difference where the flow can be trusted (Ruder et al.
2016); the input's own is the floor to compare with.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from pipeline.media import open_source, read_picture
from pipeline.media.frame import Image
from pipeline.motion.carry import adjusted
from pipeline.motion.flicker import unexplained, warping_error
from pipeline.motion.flow import both_ways
from pipeline.motion.masks import reliability
from pipeline.network.builtin import builtin
from pipeline.settings import Settings, resolve
from pipeline.style.painter import Painter, Progress, Style


def e_warp(contents: list[Image], frames: list[Image]) -> float:
    """Mean over neighbours, flow and masks those of the input `contents`, colours in 0..1."""
    errors = []
    for (a, b), (first, second) in zip(pairwise(contents), pairwise(frames), strict=True):
        flow, reverse = both_ways(a, b)
        error = warping_error(unexplained(first, second, flow), reliability(flow, reverse))
        if error is not None:
            errors.append(error)
    return float(np.mean(errors))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("clip", type=Path)
    parser.add_argument("--style", type=Path, required=True)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--frames", type=int, default=12)
    parser.add_argument("--size", type=int, default=256)
    options = parser.parse_args()
    source = open_source(options.clip, size=options.size, frames=(options.first, options.first + options.frames))
    contents = [frame.image for frame in source.frames()]
    style = Style(read_picture(options.style))
    print(json.dumps({"input": options.clip.name, "e_warp": round(e_warp(contents, contents), 5)}))

    long = {"size": options.size, "tolerance": 0.0}
    usual = resolve("builtin", "standard", long)
    patient = resolve("builtin", "standard", {**long, "carried_steps": usual.steps * usual.levels})
    fresh = paint_all(contents, style, usual, "none")
    report("anew", fresh, contents, fresh)
    for carry in ("previous", "adjusted"):
        report(carry, paint_all(contents, style, usual, carry), contents, fresh)
        report(f"{carry}, as many steps as anew", paint_all(contents, style, patient, carry), contents, fresh)


@dataclass
class Run:
    """One way of painting a clip."""

    frames: list[Image]
    curves: list[list[float]]
    """Total loss after each step at the final size, for every frame."""
    finals: list[float]
    steps: list[int]
    seconds: float


def paint_all(contents: list[Image], style: Style, settings: Settings, carry: str) -> Run:
    """Paint every frame, starting each one as `carry` says."""
    painter = Painter(builtin(), [style], settings, torch.device("cpu"))
    run = Run([], [], [], [], 0.0)
    began = time.perf_counter()
    for index, content in enumerate(contents):
        start = run.frames[-1] if run.frames and carry != "none" else None
        if start is not None and carry == "adjusted":
            start = adjusted(start, contents[index - 1], content)
        curve: list[float] = []

        def watch(progress: Progress, curve: list[float] = curve) -> None:
            if progress.level == 0:
                curve.append(progress.detail.losses.floats()["total"])

        painted = painter.paint(content, start, index, watch)
        run.frames.append(painted.image)
        run.curves.append(curve)
        run.finals.append(painted.losses["total"])
        run.steps.append(painted.steps)
    run.seconds = time.perf_counter() - began
    return run


def report(name: str, run: Run, contents: list[Image], fresh: Run) -> None:
    """One line; the first frame, which has nothing before it, does not count."""
    needed = [
        next((step for step, loss in enumerate(curve) if loss <= 1.01 * goal), None)
        for curve, goal in zip(run.curves[1:], fresh.finals[1:], strict=True)
    ]
    reached = [step for step in needed if step is not None]
    row = {
        "start": name,
        "steps_a_frame": round(float(np.mean(run.steps[1:])), 1),
        "loss": round(float(np.mean(run.finals[1:])), 4),
        "seconds_a_frame": round(run.seconds / len(contents), 2),
        "e_warp": round(e_warp(contents, run.frames), 5),
        "frames_within_1_percent_of_the_loss_of_anew": f"{len(reached)}/{len(needed)}",
        "steps_at_full_size_to_get_there": round(float(np.median(reached)), 1) if reached else None,
    }
    print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
