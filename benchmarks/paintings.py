"""How near paintings come to style and content, beside `classic`: a table over pairs of pictures, and a sheet.

    python benchmarks/paintings.py --content PICTURE ... --style PICTURE ... [--cross] [--size 256] [--classic 1000]
        [--set NAME=VALUE ...] [-o sheet.png]

Contents and styles are taken in pairs, or with `--cross` each content in each style. The judge is VGG-19 in float32 as
it was trained (zeros beyond the border), with average pooling and with max pooling, because a painting does best by the
pooling that it was painted with: `gram_loss` and `moment_loss`, `relative`, in the mean over relu1_1 to relu5_1; and
`content_loss` of relu4_2, likewise. "Work" is steps at the full size, a step at half the size being a quarter of one.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from itertools import product
from pathlib import Path
from statistics import mean

import torch

from pipeline.types import Image

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from PIL import Image as Pillow

from pipeline.media import fit_size, read_picture, resize
from pipeline.network.device import choose_device, memory_format
from pipeline.network.memory import keep_freed_memory
from pipeline.network.weights import open_vgg19
from pipeline.settings import Settings, read_assignment, resolve
from pipeline.style.frame import Style
from pipeline.style.losses import content_loss, content_target, gram_loss, moment_loss, moments
from pipeline.style.painter import Painter
from pipeline.style.picture import resized, scaled_size, to_tensor

LAYERS = tuple(f"relu{block}_1" for block in range(1, 6))
CONTENT_LAYER = "relu4_2"
CELL = 256
"""Longest side of a picture on the sheet, at most."""

Losses = dict[str, float]


class Judge:
    """VGG-19 as it was trained, with one pooling."""

    def __init__(self, pooling: str, device: torch.device) -> None:
        network = open_vgg19(None, pooling)  # type: ignore[arg-type]
        self._network = network.placed(device, torch.float32, memory_format(device))
        self._device = device

    @torch.no_grad()
    def __call__(self, painting: Image, content: Image, style: Image) -> Losses:
        """Style losses by Gram matrices and by moments, and the content loss, of uint8 pictures (H, W, 3)."""
        shown = to_tensor(style)
        longest = min(max(shown.shape[2:]), max(painting.shape[:2]))
        aims = self._maps(resized(shown, *scaled_size(shown.shape[2], shown.shape[3], longest)), LAYERS)
        found = self._maps(to_tensor(painting), (*LAYERS, CONTENT_LAYER))
        kept = content_target(self._maps(to_tensor(content), (CONTENT_LAYER,))[CONTENT_LAYER])
        grams = [gram_loss(found[one], moments(aims[one], "gram"), "relative").item() for one in LAYERS]
        apart = [moment_loss(found[one], moments(aims[one], "moments")).item() for one in LAYERS]
        lost = content_loss(found[CONTENT_LAYER], kept, "relative").item()
        return {"gram": mean(grams), "moments": mean(apart), "content": lost}

    def _maps(self, picture: torch.Tensor, layers: tuple[str, ...]) -> dict[str, torch.Tensor]:
        return self._network.features(picture.to(self._device), layers)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--content", type=Path, nargs="+", required=True)
    parser.add_argument("--style", type=Path, nargs="+", required=True)
    parser.add_argument("--cross", action="store_true", help="every content in every style")
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--preset", nargs="+", default=["standard"], help="a column of the sheet each")
    parser.add_argument("--classic", type=int, default=1000, help="steps of classic; 0 leaves it out")
    parser.add_argument("--set", nargs="+", default=[], metavar="NAME=VALUE", help="for the presets, not for classic")
    parser.add_argument("--device", default="auto")
    parser.add_argument("-o", "--output", type=Path, help="the sheet")
    options = parser.parse_args()
    keep_freed_memory()
    device = choose_device(options.device)
    changed = dict(read_assignment(text) for text in options.set)
    columns = {name: resolve(name, {"size": options.size, **changed}) for name in options.preset}
    if options.classic:
        yardstick = {"size": options.size, "steps": options.classic, "tolerance": 0.0}
        columns["classic"] = resolve("classic", yardstick)
    pairs = list(product(options.content, options.style) if options.cross
                 else zip(options.content, options.style, strict=True))  # fmt: skip
    judges = {pooling: Judge(pooling, device) for pooling in ("average", "max")}
    figures: dict[str, list[Losses]] = {name: [] for name in columns}
    rows: list[list[Image]] = []
    for content_path, style_path in pairs:
        content, style = _shown(content_path, options.size), read_picture(style_path)
        row = [content, style]
        for name, settings in columns.items():
            image, found = _painted(content, style, settings, device)
            for pooling, judge in judges.items():
                found |= {f"{pooling} {what}": loss for what, loss in judge(image, content, style).items()}
            figures[name].append(found)
            row.append(image)
            print(json.dumps({"content": content_path.stem, "style": style_path.stem, "painted": name,
                              **{key: round(value, 4) for key, value in found.items()}}), flush=True)  # fmt: skip
        rows.append(row)
        if options.output is not None:
            _sheet(rows).save(options.output, quality=90)
    for name, all_of_it in figures.items():
        print(name, {key: round(mean(one[key] for one in all_of_it), 4) for key in all_of_it[0]})


def _shown(path: Path, size: int) -> Image:
    picture = read_picture(path)
    width, height = fit_size(picture.shape[1], picture.shape[0], size, False)
    return resize(picture, width, height)


def _painted(content: Image, style: Image, settings: Settings, device: torch.device) -> tuple[Image, Losses]:
    network = open_vgg19(None, settings.pooling)  # type: ignore[arg-type]
    painter = Painter(network, [Style(style)], settings, device)
    height, width = content.shape[:2]
    began = time.monotonic()
    painted = painter.paint(content)
    seconds = time.monotonic() - began
    return painted.image, {"work": painter.work(height, width, carried=False), "seconds": seconds}


def _sheet(rows: list[list[Image]]) -> Pillow.Image:
    """A row for each pair: content, style, paintings."""
    cells = [[Pillow.fromarray(image) for image in row] for row in rows]
    for row in cells:
        for picture in row:
            picture.thumbnail((CELL, CELL), Pillow.Resampling.LANCZOS)
    heights = [max(picture.height for picture in row) for row in cells]
    sheet = Pillow.new("RGB", (CELL * len(cells[0]), sum(heights)), "white")
    for number, row in enumerate(cells):
        for place, picture in enumerate(row):
            sheet.paste(picture, (place * CELL, sum(heights[:number])))
    return sheet


if __name__ == "__main__":
    main()
