"""What `gpu.py` checks and measures of motion that a device finds itself."""

from __future__ import annotations

import time

import cv2
import numpy as np
import torch
from gpu_checks import CPU, Check, sample

from pipeline.motion.carry import found_again
from pipeline.motion.device_flow import DeviceDis
from pipeline.motion.flow import DIS
from pipeline.types import Image

BACK = (1, 2, 4, 8)
"""Frames before a frame in which `standard` finds it."""


def frames(height: int, width: int) -> list[Image]:
    """Nine of a view that moves over a picture and turns a little, the last one first."""
    wide = sample("picture.jpg", height, width)
    shown = []
    for number in range(9):
        turn = cv2.getRotationMatrix2D((width / 2, height / 2), 0.5 * number, 1 + 0.004 * number)
        turn[:, 2] += np.array([2.3, -0.7]) * number
        shown.append(np.asarray(cv2.warpAffine(wide, turn, (width, height), borderMode=cv2.BORDER_REFLECT), np.uint8))
    return shown[::-1]


def check_motion(device: torch.device, height: int = 144, width: int = 256) -> list[Check]:
    """Flow and ways on the device against those of torch on the CPU, and what is recorded against what is not."""
    shown = frames(height, width)
    earliers = {back: shown[back] for back in BACK}
    there, here = DeviceDis(device, len(BACK)), DeviceDis(CPU, len(BACK))
    flow, expected = (one.both_ways(shown[0], shown[4])[0] for one in (there, here))
    off = float(np.hypot(*np.moveaxis(flow - expected, 2, 0)).mean())
    checks = [Check("flow on the device against the CPU, pixels", off < 0.02, f"{off:.1e}")]
    first, again, once_more = (there.ways(earliers, shown[0]) for _ in range(3))
    wanted = here.ways(earliers, shown[0])
    apart = max(float((again[back].weights != wanted[back].weights).mean()) for back in BACK)
    checks.append(Check("what of a frame is found again, on the device and on the CPU", apart < 0.01, f"{apart:.1e}"))
    same = all(
        np.array_equal(getattr(one[back], name), getattr(again[back], name))
        for one in (first, once_more) for back in BACK for name in ("weights", "light", "places", "parts")
    )  # fmt: skip
    checks.append(Check("motion recorded against found step by step", same, "equal" if same else "not equal"))
    return checks


def motion_rows(device: torch.device, rehearsal: bool) -> list[dict[str, object]]:
    """Milliseconds for a frame and the four before it that it is found in, both ways: the first time, which records,
    and after that; and by OpenCV on one core."""
    rows: list[dict[str, object]] = []
    for height, width in ((48, 64),) if rehearsal else ((288, 512), (512, 512), (720, 1280)):
        shown = frames(height, width)
        earliers = {back: shown[back] for back in BACK}
        flow = DeviceDis(device, len(BACK))
        began = time.perf_counter()
        flow.prepare(height, width)
        first = time.perf_counter() - began
        rounds = 2 if rehearsal else 20
        began = time.perf_counter()
        for _ in range(rounds):
            # It ends once all of it stands in the memory of the host.
            flow.ways(earliers, shown[0])
        each = (time.perf_counter() - began) / rounds
        threads = cv2.getNumThreads()
        cv2.setNumThreads(1)
        began = time.process_time()
        for earlier in earliers.values():
            found_again(earlier, shown[0], DIS)
        by_opencv = time.process_time() - began
        cv2.setNumThreads(threads)
        rows.append({
            "frames": f"{width}x{height}", "ms to record": round(1e3 * first), "ms a frame": round(1e3 * each, 1),
            "of a core by OpenCV, ms": round(1e3 * by_opencv),
        })  # fmt: skip
    return rows
