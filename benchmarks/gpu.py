"""Painting on one GPU: whether it is right, how fast it is, and where its time goes.

    python benchmarks/gpu.py [--json FILE] [--device auto] [--seconds 240] [--rehearse] [--no-checks]

First the checks of `gpu_checks.py`, then tables; the same as JSON on the last line, or in a file. It wants no network,
and takes at most `--seconds` on an H100: what is not reached by then is said to be missing. Without a GPU it makes the
checks that need none, says so, and ends with 0. A check that fails makes it end with 1.

`--no-checks` leaves the time to the tables. `--rehearse` goes through everything on a CPU, at sizes and with numbers of
steps that mean nothing.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from fractions import Fraction
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from gpu_checks import SAMPLES, Check, checks_anywhere, checks_on, objective_of, painter_on, sample, tried
from motion_on_device import check_motion, motion_rows
from speed import gflop_of_an_iteration
from torch.profiler import ProfilerActivity, profile

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from pipeline.clip.clip import run_clip
from pipeline.clip.engine import Engine
from pipeline.clip.jobs import ClipJob, StylePicture
from pipeline.media import open_sink
from pipeline.media.frame import Frame
from pipeline.media.plan import SinkPlan
from pipeline.network.base import Network
from pipeline.network.device import choose_device, choose_precision
from pipeline.network.memory import keep_freed_memory
from pipeline.network.weights import open_vgg19
from pipeline.settings import resolve
from pipeline.style.frame import Style
from pipeline.style.optimise import LoopSettings, optimise, runner_for
from pipeline.style.painter import Painter
from pipeline.style.picture import to_tensor

Row = dict[str, object]

# What a kernel is, by a part of its name; the first that is found.
KINDS = (
    ("convolution", ("conv", "cudnn", "fprop", "dgrad", "implicit", "nchwTonhwc", "nhwcTonchw", "mkldnn")),
    ("losses of maps", ("_channel_sums", "_moment_loss", "_gram_loss", "_gradient", "_squares", "nvjet", "cutlass",
                        "splitK", "gemm", "aten::mm", "addmm", "bmm")),
    ("L-BFGS", ("_differences", "_decide", "_learn", "_products", "_solve", "_combine", "_move", "gemv", "dot", "trsm",
                "triangular", "addmv")),
    ("the first convolution, and bias, rectifier, pooling, border",
     ("_first", "_gather", "_forward", "_backward", "pool", "clamp_min", "threshold", "relu", "_pad")),
)  # fmt: skip


@dataclass
class Bench:
    """Where, how large, and until when."""

    device: torch.device
    network: Network
    rehearsal: bool
    until: float
    found: dict[str, list[Row]] = field(default_factory=lambda: defaultdict(list))

    def synchronise(self) -> None:
        """Wait for the device."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)

    def seconds_of(self, work: Callable[[], object], warm: int, rounds: int) -> float:
        """Mean time of a call, after some to warm up."""
        for _ in range(warm):
            work()
        self.synchronise()
        began = time.perf_counter()
        for _ in range(rounds):
            work()
        self.synchronise()
        return (time.perf_counter() - began) / rounds

    def limit_memory(self, most: float | None) -> None:
        """Let torch have so many bytes of a GPU; None: all."""
        # Other than elsewhere, this wants the number of the GPU.
        number = torch.cuda.current_device() if self.device.index is None else self.device.index
        there = torch.cuda.get_device_properties(number).total_memory
        torch.cuda.set_per_process_memory_fraction(1.0 if most is None else min(1.0, most / there), number)

    def table(self, name: str, measured: Callable[[], list[Row]], needs: float) -> None:
        """Measure and print, where there are so many seconds left."""
        if time.monotonic() + needs > self.until:
            print(f"\n{name}: not measured, the time is up.")
            self.found[name] = []
            return
        began = time.monotonic()
        try:
            self.found[name] = rows = measured()
        except Exception as error:
            # The other tables are worth having all the same.
            self.found[name] = [{"error": f"{type(error).__name__}: {error}"}]
            print(f"\n{name}: FAILED, {type(error).__name__}: {error}", flush=True)
            return
        print(f"\n{name} ({time.monotonic() - began:.0f} s)\n")
        names = list(rows[0])
        print("| " + " | ".join(names) + " |\n|" + "---|" * len(names))
        for row in rows:
            print("| " + " | ".join(str(row.get(one, "")) for one in names) + " |", flush=True)


def matrix_products(bench: Bench) -> list[Row]:
    """Rates of a product of random matrices, what all others are to be compared with."""
    size = 512 if bench.rehearsal else 8192
    rows: list[Row] = []
    for dtype in (torch.bfloat16, torch.float32):
        a, b = (torch.randn(size, size, device=bench.device, dtype=dtype) for _ in range(2))
        seconds = bench.seconds_of(lambda: a @ b, 2, 5)  # noqa: B023
        rows.append({"product": size, "format": str(dtype)[6:], "TFLOP/s": round(2 * size**3 / seconds / 1e12, 1)})
    return rows


def bare_step(network: Network, start: torch.Tensor, compiled: bool = False) -> Callable[[], object]:
    """A step as one would write it: network, five Gram matrices, the content, and Adam, all left to autograd.

    :param compiled: leave network and losses, both ways, to torch.compile.
    """
    image = start.clone(memory_format=torch.contiguous_format).requires_grad_(True)
    adam = torch.optim.Adam([image], lr=0.02, fused=start.device.type == "cuda")
    layers = [f"relu{block}_1" for block in range(1, 6)]

    def gram(maps: torch.Tensor) -> torch.Tensor:
        rows = maps.flatten(2)[0].float()
        return rows @ rows.T / rows.shape[1]

    with torch.no_grad():
        known = network.features(start.flip(2), [*layers, "relu4_2"])
    wanted = {layer: gram(known[layer]) for layer in layers}

    def loss_of(image: torch.Tensor) -> torch.Tensor:
        maps = network.features(image, [*layers, "relu4_2"])
        loss = F.mse_loss(maps["relu4_2"].float(), known["relu4_2"].float())
        for layer in layers:
            loss = loss + F.mse_loss(gram(maps[layer]), wanted[layer])
        return loss

    take = torch.compile(loss_of, mode="reduce-overhead") if compiled else loss_of

    def step() -> None:
        # As torch's fused Adam wants it: stored like the picture.
        image.grad = torch.autograd.grad(take(image), image)[0].contiguous()
        adam.step()

    return step


def steps_a_second(bench: Bench) -> list[Row]:
    """Of the loop as frames are painted by it, of the same loop unrecorded, and of a bare eager one."""
    rows: list[Row] = []
    steps = 3 if bench.rehearsal else 100
    products = bench.found["matrix products"]
    for side in (32, 48) if bench.rehearsal else (256, 512, 1024):
        painter = painter_on(bench.device, bench.network, side)
        content = sample("picture.jpg", side, side)
        objective, start = objective_of(painter, content), to_tensor(content).to(bench.device)
        loop = LoopSettings("lbfgs", 0.1, steps)
        recorded = bench.seconds_of(lambda: optimise(objective, start, loop, None, painter._runners), 2, 2)  # noqa: B023
        single = bench.seconds_of(lambda: optimise(objective, start, loop), 1, 1)  # noqa: B023
        painter.network.stage = None
        bare = bench.seconds_of(bare_step(painter.network, start), 3, steps // 2)
        layers = [layer for layer, _ in (*painter.settings.content_layers, *painter.settings.style_layers)]
        work = gflop_of_an_iteration(bench.network, layers, side)
        fastest = max(float(str(row["TFLOP/s"])) for row in products)
        rows.append({
            "side": side, "steps a second": round(steps / recorded, 1), "not recorded": round(steps / single, 1),
            "bare, eager": round(1 / bare, 1), "GFLOP a step": round(work, 1),
            "of the product": round(work * steps / recorded / 1e3 / fastest, 3),
        })  # fmt: skip
    return rows


def by_torch_compile(bench: Bench) -> list[Row]:
    """The bare step, compiled: what it takes to begin with, and what it brings. With zeros beyond the border: of maps
    stored channels last, torch 2.15 did not compile the way back through a border that is repeated."""
    side = 32 if bench.rehearsal else 512
    painter = painter_on(bench.device, bench.network, side, padding="zeros")
    painter.network.stage = None
    start = to_tensor(sample("picture.jpg", side, side)).to(bench.device)
    step = bare_step(painter.network, start, compiled=True)
    began = time.perf_counter()
    # The second and the third one record.
    for _ in range(3):
        step()
    bench.synchronise()
    seconds = time.perf_counter() - began
    rounds = 3 if bench.rehearsal else 100
    once, eager = (bench.seconds_of(one, 2, rounds) for one in (step, bare_step(painter.network, start)))
    return [{
        "side": side, "seconds for three steps": round(seconds, 1), "steps a second": round(1 / once, 1),
        "eager": round(1 / eager, 1),
    }]  # fmt: skip


def where_a_step_goes(bench: Bench) -> list[Row]:
    """Milliseconds of kernels in a step, by kind, and the kernels that take most."""
    side, steps = (32, 2) if bench.rehearsal else (512, 20)
    painter = painter_on(bench.device, bench.network, side)
    content = sample("picture.jpg", side, side)
    loop = LoopSettings("lbfgs", 0.1, steps)
    runner = runner_for(objective_of(painter, content), to_tensor(content), loop, painter._runners)
    start = to_tensor(content).to(bench.device)
    for _ in range(2):
        runner.begin(start)
        for _ in range(4):
            runner.step()
    on_gpu = bench.device.type == "cuda"
    with profile(activities=[ProfilerActivity.CUDA if on_gpu else ProfilerActivity.CPU]) as seen:
        for _ in range(steps):
            runner.step()
        bench.synchronise()
    spent: dict[tuple[str, str], float] = defaultdict(float)
    for event in seen.events():
        if not str(event.device_type).endswith("CUDA" if on_gpu else "CPU"):
            continue
        kind = next((kind for kind, parts in KINDS if any(part in event.name for part in parts)), "pointwise, sums")
        microseconds = event.self_device_time_total if on_gpu else event.self_cpu_time_total
        spent[kind, event.name] += microseconds / 1e3 / steps
    kinds: dict[str, float] = defaultdict(float)
    for (kind, _), milliseconds in spent.items():
        kinds[kind] += milliseconds
    ordered = sorted(kinds.items(), key=lambda one: -one[1])
    most = sorted(spent.items(), key=lambda one: -one[1])[:12]
    return [
        {"kernels": "all", "ms a step": round(sum(kinds.values()), 3)},
        *[{"kernels": f"kind: {kind}", "ms a step": round(ms, 3)} for kind, ms in ordered],
        *[{"kernels": name[:70].replace("|", "/"), "ms a step": round(ms, 3)} for (_, name), ms in most],
    ]


def write_clip(path: Path, width: int, height: int, frames: int) -> None:
    """A view that moves over a picture, eight pixels from frame to frame."""
    wide = sample("picture.jpg", height, width + 8 * frames)
    times = tuple(Fraction(number, 24) for number in range(frames))
    plan = SinkPlan(path, width=width, height=height, times=times, duration=Fraction(frames, 24), rate=Fraction(24))
    sink = open_sink(plan)
    for number, moment in enumerate(times):
        sink.put(Frame(number, moment, np.ascontiguousarray(wide[:, 8 * number : 8 * number + width])))
    sink.finish()


def frames_a_second(bench: Bench) -> list[Row]:
    """From one file to another: decoding, motion, painting, keeping, encoding. The network is loaded."""
    rows: list[Row] = []
    frames = 3 if bench.rehearsal else 24
    kinds = [(512, 288, "dis"), (512, 288, "dis-cpu"), (512, 512, "dis")]
    for width, height, flow in [(48, 32, "dis")] if bench.rehearsal else kinds:
        for passes in (1, 2):
            with tempfile.TemporaryDirectory(prefix="reelbrush-") as folder:
                clip = Path(folder) / "in.mp4"
                write_clip(clip, width, height, frames)
                values = {"steps": 3, "carried_steps": 2} if bench.rehearsal else {}
                settings = resolve("standard", {"size": max(width, height), "passes": passes, "flow": flow, **values})
                engine = Engine(settings, bench.network, bench.device)
                job = ClipJob(clip, (StylePicture(SAMPLES / "paint.jpg"),), Path(folder) / "out.mp4")
                began = time.perf_counter()
                result = run_clip(job, engine)
                seconds = time.perf_counter() - began
                assert result.outputs
                rows.append({
                    "clip": f"{width}x{height}", "motion": flow, "passes": passes, "frames": frames,
                    "seconds": round(seconds, 2),
                    "frames a second": round(frames / seconds, 2),
                })  # fmt: skip
    return rows


def pictures(bench: Bench) -> list[Row]:
    """`standard` ones, the network loaded: the first one, which also records, and the next; and 4K with its memory, as
    much as there is and 8 GB."""
    rows: list[Row] = []
    sizes = ((48, 32, 0),) if bench.rehearsal else ((512, 512, 0), (3840, 2160, 0), (3840, 2160, 8))
    for width, height, gigabytes in sizes:
        values = {"steps": 3} if bench.rehearsal else {}
        settings = resolve("standard", {"size": max(width, height), **values})
        content, large = sample("picture.jpg", height, width), width > 2000
        if bench.device.type == "cuda":
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats(bench.device)
            bench.limit_memory(gigabytes * 1e9 or None)
        began = time.perf_counter()
        painter = Painter(bench.network, [Style(sample("paint.jpg", 512, 512))], settings, bench.device)
        each = []
        for _ in range(1 if large else 3):
            painted = painter.paint(content)
            each.append(time.perf_counter() - began)
            began = time.perf_counter()
        peak = torch.cuda.max_memory_allocated(bench.device) / 1e9 if bench.device.type == "cuda" else 0.0
        rows.append({
            "picture": f"{width}x{height}" + f" in {gigabytes} GB" * bool(gigabytes),
            "first, seconds": round(each[0], 2), "next, seconds": "" if large else round(each[-1], 2),
            "peak of tensors, GB": round(peak, 2),
            "memory": painted.memory_fallback.value or "as usual",
        })  # fmt: skip
    if bench.device.type == "cuda":
        bench.limit_memory(None)
    return rows


def _on_gpu(bench: Bench) -> Iterator[Check]:
    yield from checks_on(bench.device, bench.network)
    yield from check_motion(bench.device)


def run_checks(bench: Bench) -> list[Check]:
    """Make the checks, and print each as soon as it is made."""
    on_gpu = bench.device.type == "cuda"
    # What a GPU does itself is not checked in the forms that stand in for it on a CPU.
    name = "checks on the GPU" if on_gpu else "checks that need no GPU"
    checks = _on_gpu(bench) if on_gpu else checks_anywhere(bench.network)
    made = []
    for check in tried(checks, name):
        word = "left out" if check.passed is None else "passed" if check.passed else "FAILED"
        print(f"{word:8}  {check.name}: {check.found}", flush=True)
        made.append(check)
    return made


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, help="where to write the figures; without it they are printed")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--seconds", type=float, default=240.0)
    parser.add_argument("--rehearse", action="store_true")
    parser.add_argument("--no-checks", action="store_true")
    options = parser.parse_args()
    until = time.monotonic() + options.seconds
    keep_freed_memory()
    device = choose_device("cpu" if options.rehearse else options.device)
    bench = Bench(device, open_vgg19(), options.rehearse, until)
    called = torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
    print(f"{called}, torch {torch.__version__}, {str(choose_precision(device))[6:]}\n")
    checks = [] if options.no_checks else run_checks(bench)
    if device.type == "cuda" or options.rehearse:
        bench.table("matrix products", lambda: matrix_products(bench), 5)
        bench.table("steps a second", lambda: steps_a_second(bench), 15)
        bench.table("pictures", lambda: pictures(bench), 15)
        bench.table("motion", lambda: motion_rows(bench.device, bench.rehearsal), 5)
        bench.table("clips", lambda: frames_a_second(bench), 30)
        bench.table("where a step goes", lambda: where_a_step_goes(bench), 10)
        if not options.rehearse:
            bench.table("the bare step by torch.compile", lambda: by_torch_compile(bench), 45)
    else:
        print("\nThere is no GPU here: nothing was measured.")
    text = json.dumps({"device": called, "torch": torch.__version__, "checks": [asdict(one) for one in checks],
                       **bench.found})  # fmt: skip
    if options.json is None:
        print("\n" + text)
    else:
        options.json.write_text(text + "\n", encoding="utf-8")
    rows = [row for rows in bench.found.values() for row in rows]
    return int(any(check.passed is False for check in checks) or any("error" in row for row in rows))


if __name__ == "__main__":
    sys.exit(main())
