"""What the warm start brings: steps to the same loss, seconds a frame, flicker (E_warp) and sharpness.

    python benchmarks/warm_start.py CLIP --style PICTURE [--first 0] [--frames 12] [--size 256] [--only NAME ...]
                                    [--set carried_steps=4 ...]

Every frame is painted anew; from the painting before it as it is ("previous"), changed as the input has changed
("adjusted"), or moved along with what it shows ("warped"); with the temporal loss, over one frame and over several;
and in several passes. Flicker and sharpness are those of `reelbrush measure`; the input's own are the floor to compare
with. `e_warp` lays each frame onto the one before it, `e_warp_backward` onto the one after it: a pass does better in
the direction that it looks in, whichever that is.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import torch

from pipeline.types import Image

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from pipeline.clip.events import ignore
from pipeline.clip.frame_store import FrameStore
from pipeline.clip.loss_monitor import LossMonitor, lasting_loss
from pipeline.clip.moves import PreviousPaintings
from pipeline.clip.pass_painter import PassPainter
from pipeline.clip.passes import Pass, further_settings
from pipeline.clip.step_budget import FULL
from pipeline.clip.survey import sampled_frames
from pipeline.clip.tracking import track_frames
from pipeline.media import open_source, read_picture, write_picture
from pipeline.media.frame import Frame
from pipeline.motion.measure import measure
from pipeline.motion.summary import Summary, summarise
from pipeline.network.memory import keep_freed_memory
from pipeline.network.weights import open_vgg19
from pipeline.settings import Settings, read_assignment, resolve
from pipeline.style.adain import pooled_statistics
from pipeline.style.frame import Progress, Style
from pipeline.style.painter import Painter

WAYS: dict[str, dict[str, Any]] = {
    "anew": {"carry": "none"},
    "previous": {"carry": "previous", "temporal_weight": 0},
    "adjusted": {"carry": "adjusted", "temporal_weight": 0},
    "warped": {"temporal_weight": 0, "passes": 1},
    "warped, temporal loss": {"passes": 1},
    "warped, temporal loss over 1, 2, 4": {"long_term": (1, 2, 4), "passes": 1},
    "2 passes": {"passes": 2},
    "3 passes": {"passes": 3},
    "the default": {},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("clip", type=Path)
    parser.add_argument("--style", type=Path, required=True)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--frames", type=int, default=12)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--only", nargs="+", choices=WAYS, default=[*WAYS], help="with 'anew', which comes first")
    parser.add_argument("--set", dest="values", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--keep", type=Path, help="a folder for the painted frames")
    options = parser.parse_args()
    keep_freed_memory()
    values = dict(map(read_assignment, options.values))
    source = open_source(options.clip, size=options.size, frames=(options.first, options.first + options.frames))
    contents = [frame.image for frame in source.frames()]
    style = Style(read_picture(options.style))
    print(json.dumps({"input": options.clip.name, **flicker(contents, contents)}))

    fresh: Run | None = None
    for name in dict.fromkeys(["anew", *options.only]):
        settings = resolve("standard", {"size": options.size, **values, **WAYS[name]})
        run = paint_all(contents, style, settings)
        fresh = fresh or run
        report(name, run, contents, fresh)
        if options.keep is not None:
            options.keep.mkdir(exist_ok=True)
            for index, image in enumerate(run.frames):
                write_picture(options.keep / f"{name.replace(' ', '_')}_{index:03d}.png", image, overwrite=True)


@dataclass
class Run:
    """One way of painting a clip."""

    frames: list[Image]
    curves: list[list[float]]
    """What is painted towards, without the temporal loss, before each step at the final size, for every frame of the
    first pass."""
    losses: list[dict[str, float]]
    """Of the finished frames; 'total' without the temporal loss."""
    steps: list[int]
    seconds: list[float]


def paint_all(contents: list[Image], style: Style, settings: Settings) -> Run:
    """Paint every frame as a job does, all of them as one shot."""
    painter = Painter(open_vgg19(), [style], settings, torch.device("cpu"))
    statistics = pooled_statistics(
        [painter.statistics_of(contents[index]) for index in sorted(sampled_frames(len(contents)))]
    )
    painter = painter.with_statistics(statistics)
    run = Run([], [], [], [], [])

    inputs = [Frame(index, Fraction(index, 24), image) for index, image in enumerate(contents)]
    shots = [(0, len(inputs))]
    with tempfile.TemporaryDirectory() as folder:
        store = FrameStore(Path(folder) / "1", range(len(inputs)))
        first = PassPainter(
            Pass(1, settings.passes, len(inputs)),
            painter,
            PreviousPaintings(store),
            earlier=None,
            monitor=LossMonitor(settings),
            on_event=ignore,
        )
        began = time.perf_counter()
        for tracked in track_frames(inputs, 0, {0}, settings):
            frame, curve = tracked.frame, list[float]()

            def watch(progress: Progress, curve: list[float] = curve) -> None:
                if progress.level == 0:
                    curve.append(lasting_loss(progress.detail.losses.floats(), settings.temporal_weight))

            painted = painter.paint(frame.image, first.warm_start(tracked), frame.index, watch)
            store.put(frame.index, painted)
            run.curves.append(curve)
            run.steps.append(painted.steps)
            run.seconds.append(time.perf_counter() - began)
            began = time.perf_counter()
        painter = painter.with_settings(further_settings(settings, len(inputs)))
        for number in range(2, settings.passes + 1):
            one = Pass(number, settings.passes, len(inputs))
            earlier, store = store, FrameStore(Path(folder) / str(number), one.order)
            way = [inputs[index] for index in one.order]
            began = time.perf_counter()
            passing = PassPainter(one, painter, PreviousPaintings(store), earlier, LossMonitor(settings), ignore)
            for tracked in track_frames(way, one.order[0], one.entered(shots), settings):
                index = tracked.frame.index
                painted = passing.repeat(tracked) or passing.paint(tracked, passing.warm_start(tracked), FULL)
                store.put(index, painted)
                run.steps[index] += painted.steps
                run.seconds[index] += time.perf_counter() - began
                began = time.perf_counter()
        run.frames.extend(image for _, image in store.images())
        losses = [store.record(index)["losses"] for index in range(len(inputs))]
        run.losses.extend({**found, "total": lasting_loss(found, settings.temporal_weight)} for found in losses)
    return run


def flicker(contents: list[Image], frames: list[Image]) -> dict[str, float | None]:
    """What `reelbrush measure` says of them, at 24 frames a second."""
    times = [index / 24 for index in range(len(contents))]

    def summary(order: int) -> Summary:
        pairs = zip(contents[::order], frames[::order], strict=True)
        return summarise([one.measure for one in measure(pairs, times, [(0, len(contents))])])

    found = summary(1)
    return {
        "e_warp": round(found.e_warp or 0, 5),
        "e_warp_backward": round(summary(-1).e_warp or 0, 5),
        "e_warp_10": None if found.e_warp_long is None else round(found.e_warp_long, 5),
        "sharpness": round(found.sharpness, 3),
        "sharpness_drift": round(found.sharpness_drift or 0, 3),
    }


def mean_loss(run: Run, name: str) -> float:
    return round(float(np.mean([found[name] for found in run.losses[1:]])), 4)


def report(name: str, run: Run, contents: list[Image], fresh: Run) -> None:
    """One line; the first frame, which has nothing before it, does not count."""
    needed = [
        next((step for step, loss in enumerate(curve) if loss <= 1.01 * goal["total"]), None)
        for curve, goal in zip(run.curves[1:], fresh.losses[1:], strict=True)
    ]
    reached = [step for step in needed if step is not None]
    row = {
        "way": name,
        "steps": round(float(np.mean(run.steps[1:])), 1),
        "seconds": round(float(np.mean(run.seconds[1:])), 2),
        "loss": mean_loss(run, "total"),
        "content": mean_loss(run, "content"),
        "style": mean_loss(run, "style"),
        "loss_at_start": round(float(np.mean([curve[0] for curve in run.curves[1:]])), 3),
        **flicker(contents, run.frames),
        "within_1_percent_of_anew": f"{len(reached)}/{len(needed)}",
        "full_size_steps_to_get_there": round(float(np.median(reached)), 1) if reached else None,
    }
    print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
