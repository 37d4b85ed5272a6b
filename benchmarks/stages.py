"""Where the time of a carried frame goes, stage by stage, one after the other; and how much of a job is painting.

    GOMP_SPINCOUNT=1000 python benchmarks/stages.py CLIP --style PICTURE [--size 512] [--first 0] [--frames 12]
                                                    [--set steps=1 --set carried_steps=1 ...]

In a job decoding and motion run ahead in threads of their own; keeping and encoding behind in others.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from pipeline.clip.events import Event, FrameDone, Started
from pipeline.clip.frame_store import FrameStore
from pipeline.clip.moves import PreviousPaintings
from pipeline.clip.tracking import track_frames
from pipeline.clip.warm_start import warm_start
from pipeline.media import open_sink, open_source, read_picture
from pipeline.media.frame import Frame
from pipeline.media.plan import SinkPlan
from pipeline.motion.shots import find_shots
from pipeline.network.memory import keep_freed_memory
from pipeline.network.weights import open_vgg19
from pipeline.settings import read_assignment, resolve
from pipeline.style.adain import pooled_statistics
from pipeline.style.frame import Style
from pipeline.style.painter import Painter
from reelbrush import stylize_video


class Clock:
    """Adds up seconds under names."""

    def __init__(self) -> None:
        self.spent: dict[str, float] = defaultdict(float)

    @contextmanager
    def on(self, name: str) -> Iterator[None]:
        began = time.perf_counter()
        yield
        self.spent[name] += time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("clip", type=Path)
    parser.add_argument("--style", type=Path, required=True)
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--frames", type=int, default=12, help="of one shot")
    parser.add_argument("--set", dest="values", action="append", default=[], metavar="NAME=VALUE")
    options = parser.parse_args()
    keep_freed_memory()
    values = dict(map(read_assignment, options.values))
    settings = resolve("standard", {"size": options.size, **values})
    source = open_source(options.clip, size=options.size, frames=(options.first, options.first + options.frames))
    painter = Painter(open_vgg19(), [Style(read_picture(options.style))], settings, torch.device("cpu"))
    clock = Clock()
    with clock.on("decode"):
        frames = [replace(frame, index=index) for index, frame in enumerate(source.frames())]
    images = [frame.image for frame in frames]
    with clock.on("find cuts"):
        find_shots(iter(images))
    with clock.on("measure the clip"):
        painter = painter.with_statistics(pooled_statistics([painter.statistics_of(image) for image in images]))
    with tempfile.TemporaryDirectory() as folder:
        store = FrameStore(Path(folder), range(len(frames)))
        previous = PreviousPaintings(store)
        tracking = track_frames(frames, 0, {0}, settings)
        for index in range(len(frames)):
            with clock.on("flow and masks"):
                tracked = next(tracking)
            with clock.on("carry"):
                carried = warm_start(tracked, previous, settings)
            with clock.on("paint" if carried else "paint the first frame"):
                painted = painter.paint(tracked.frame.image, carried, index)
            with clock.on("keep"):
                store.put(index, painted)
        sink = open_sink(SinkPlan(
            Path(folder) / "out.mp4", width=source.info.width, height=source.info.height, times=source.info.times,
            duration=source.info.duration, rate=source.info.rate, variable=source.info.variable,
        ))  # fmt: skip
        with clock.on("encode"):
            for index, image in store.images():
                sink.put(Frame(index, frames[index].time, image))
            sink.finish()
    first = clock.spent.pop("paint the first frame")
    pairs = len(frames) - 1
    counted = {name: spent / (pairs if name in ("flow and masks", "carry", "paint") else len(frames))
               for name, spent in clock.spent.items()}  # fmt: skip
    print(f"{np.shape(images[0])[1]}x{np.shape(images[0])[0]}, {torch.get_num_threads()} threads; "
          f"the first frame took {first:.1f} s to paint")  # fmt: skip
    print("| stage | ms a frame | of painting |\n|---|---|---|")
    for name, spent in counted.items():
        print(f"| {name} | {1000 * spent:.0f} | {100 * spent / counted['paint']:.1f} % |")
    print(job(options, values))


def job(options: argparse.Namespace, values: dict[str, Any]) -> str:
    """The same frames as a job paints them, in one pass, from its first step to its last frame."""
    began, ended, painting = 0.0, 0.0, []

    def on_event(event: Event) -> None:
        nonlocal began, ended
        if isinstance(event, Started):
            began = time.perf_counter()
        elif isinstance(event, FrameDone):
            ended = time.perf_counter()
            painting.append(event.seconds)

    frames = f"{options.first}:{options.first + options.frames}"
    with tempfile.TemporaryDirectory() as folder:
        stylize_video(
            options.clip, options.style, Path(folder) / "out.mp4", device="cpu", on_event=on_event, frames=frames,
            **{"size": options.size, "passes": 1, **values},
        )  # fmt: skip
    other = ended - began - sum(painting)
    return (
        f"as a job: {len(painting) / (ended - began):.2f} frames a second; {1000 * other / len(painting):.0f} ms a "
        f"frame are not painting, {100 * other / (ended - began):.1f} % of the time"
    )


if __name__ == "__main__":
    main()
