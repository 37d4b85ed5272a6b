"""What the warm start brings: steps to the same loss, seconds a frame, and flicker (E_warp).

    python benchmarks/warm_start.py CLIP --style PICTURE [--frames 12] [--size 256]      (needs `pip install .[bench]`)

Every frame is painted anew with the full steps, then anew with as few steps as a carried frame gets, then from the frame
before it. E_warp (Lai et al. 2018): flow between neighbours of the *input* (OpenCV's DIS), the second frame
warped onto the first, mean square difference where the flow is consistent both ways (Ruder et al. 2016); the input's own is the
floor to compare with.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from pipeline.media import open_source, read_picture
from pipeline.media.frame import Image
from pipeline.network.builtin import builtin
from pipeline.settings import resolve
from pipeline.style.painter import Painter, Style


def flow_between(a: Image, b: Image) -> np.ndarray:
    """Dense flow from a to b, (H, W, 2) in pixels."""
    dis = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    return dis.calc(cv2.cvtColor(a, cv2.COLOR_RGB2GRAY), cv2.cvtColor(b, cv2.COLOR_RGB2GRAY), None)


def warped(image: np.ndarray, flow: np.ndarray) -> np.ndarray:
    """image(x + flow(x)), bilinear."""
    height, width = flow.shape[:2]
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    return cv2.remap(image, x + flow[..., 0], y + flow[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def consistent(forward: np.ndarray, backward: np.ndarray) -> np.ndarray:
    """Where going there and back ends at the start (Ruder et al. 2016, disocclusion), within the picture; (H, W) of 0 and 1."""
    back = warped(backward, forward)
    off = ((forward + back) ** 2).sum(2) > 0.01 * ((forward**2).sum(2) + (back**2).sum(2)) + 0.5
    height, width = forward.shape[:2]
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    to_x, to_y = x + forward[..., 0], y + forward[..., 1]
    inside = (to_x >= 0) & (to_x <= width - 1) & (to_y >= 0) & (to_y <= height - 1)
    return (inside & ~off).astype(np.float32)


def e_warp(contents: list[Image], frames: list[Image]) -> float:
    """Mean over neighbours of sum M (warp(O_t+1) - O_t)^2 / sum M, over three channels, frames in 0..1."""
    errors = []
    for (a, b), (first, second) in zip(pairwise(contents), pairwise(frames), strict=True):
        forward, backward = flow_between(a, b), flow_between(b, a)
        mask = consistent(forward, backward)
        difference = (warped(second / 255.0, forward) - first / 255.0) ** 2
        errors.append(float((mask[..., None] * difference).sum() / (3 * mask.sum())))
    return float(np.mean(errors))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("clip", type=Path)
    parser.add_argument("--style", type=Path, required=True)
    parser.add_argument("--frames", type=int, default=12)
    parser.add_argument("--size", type=int, default=256)
    options = parser.parse_args()
    source = open_source(options.clip, size=options.size, frames=(0, options.frames))
    contents = [frame.image for frame in source.frames()]
    style = Style(read_picture(options.style))
    settings = resolve("builtin", "standard", {"size": options.size, "tolerance": 0.0})
    few = resolve("builtin", "standard", {"size": options.size, "steps": settings.carried_steps, "levels": 1})
    print(json.dumps({"input": options.clip.name, "e_warp": round(e_warp(contents, contents), 5)}))
    for name, chosen, carry in (("anew", settings, False), ("anew, few steps", few, False), ("warm start", settings, True)):
        painter = Painter(builtin(), [style], chosen, torch.device("cpu"))
        frames: list[Image] = []
        losses, steps, began = [], [], time.perf_counter()
        for index, content in enumerate(contents):
            painted = painter.paint(content, frames[-1] if carry and frames else None, index)
            frames.append(painted.image)
            if index:
                losses.append(painted.losses["total"])
                steps.append(painted.steps)
        print(json.dumps({
            "start": name, "steps_a_frame": float(np.mean(steps)), "loss": round(float(np.mean(losses)), 4),
            "seconds_a_frame": round((time.perf_counter() - began) / len(contents), 2),
            "e_warp": round(e_warp(contents, frames), 5),
        }))  # fmt: skip


if __name__ == "__main__":
    main()
