"""Paint every content in every style with three networks, and put the paintings side by side, with figures.

    python benchmarks/network_sheet.py OUT [--contents PATH ...] [--styles PATH ...] [--sizes 128 256]

The networks: VGG-19 with random weights, the first version of the built-in one, and the one that is shipped, each with
the settings it was shipped with. Under each painting: seconds, and how far it is from content and style as seen by a
network that had no part in it (`networks.Judge`). Paintings are kept in OUT, so a second run goes on where the first
one was stopped. A content may be one frame of a video: `clip.mp4:30`.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from networks import HOME, Judge, random_vgg19, trained
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from pipeline.media import fit_size, open_source, read_picture, resize, write_picture
from pipeline.media.frame import Image
from pipeline.network.base import Network
from pipeline.network.builtin import builtin
from pipeline.network.device import choose_device
from pipeline.presets import equal
from pipeline.settings import resolve
from pipeline.style.painter import Painter, Style

SAMPLES = Path(__file__).resolve().parent.parent / "samples"
CONTENTS = [f"{SAMPLES}/picture.jpg", f"{SAMPLES}/clip.mp4:0", f"{SAMPLES}/clip.mp4:30"]
STYLES = [f"{SAMPLES}/{name}.jpg" for name in ("paint", "ink", "mosaic")]
GAP, CAPTION = 6, 18
FIRST = "first version"
FIRST_SETTINGS = {
    "content_layers": equal("conv2_2", "conv3_2"),
    "style_layers": equal("conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1"),
    "recolour": 0.0,
    "style_weight": 2.0,
    "tv_weight": 20.0,
}


@dataclass(frozen=True)
class Figures:
    """What was measured of one painting."""

    network: str
    size: int
    content: str
    style: str
    seconds: float
    content_distance: float
    style_distance: float


def networks() -> dict[str, Network]:
    return {
        "random VGG-19": random_vgg19(),
        FIRST: trained(HOME / "first.safetensors"),
        "built-in": builtin(),
    }


def read_content(name: str) -> Image:
    """A picture, or frame N of `video:N`."""
    path, _, number = name.rpartition(":")
    if not path or not number.isdigit():
        return read_picture(name)
    return next(iter(open_source(path).frames(start=int(number)))).image


def title(name: str) -> str:
    return Path(name).name.replace(":", " ").replace(".jpg", "").replace(".png", "").replace(".mp4", "")


def shown(picture: Image, size: int) -> Image:
    """The picture with a longest side of `size`."""
    height, width = picture.shape[:2]
    wide, high = fit_size(width, height, size)
    return resize(picture, wide, high)


def paint_all(
    out: Path, contents: list[str], styles: list[str], sizes: list[int], preset: str, device: str
) -> list[Figures]:
    judge = Judge()
    place = choose_device(device)
    found = []
    for size in sizes:
        for name, network in networks().items():
            own = FIRST_SETTINGS if name == FIRST else {}
            settings = resolve(network.name, preset, {"size": size, **own})
            for style in styles:
                wanted = read_picture(style)
                painter = Painter(network, [Style(wanted)], settings, place)
                for content in contents:
                    path = out / "paintings" / f"{size} {name} {title(content)} {title(style)}.png"
                    record = path.with_suffix(".json")
                    if not record.exists():
                        picture = shown(read_content(content), size)
                        painted = painter.paint(picture)
                        path.parent.mkdir(parents=True, exist_ok=True)
                        write_picture(path, painted.image, overwrite=True)
                        figures = Figures(
                            name, size, title(content), title(style), round(painted.seconds, 2),
                            round(judge.content(painted.image, picture), 4),
                            round(judge.style(painted.image, shown(wanted, size)), 4),
                        )  # fmt: skip
                        record.write_text(json.dumps(asdict(figures)))
                        print(json.dumps(asdict(figures)), flush=True)
                    found.append(Figures(**json.loads(record.read_text())))
    return found


def draw(out: Path, found: list[Figures], contents: list[str], styles: list[str], size: int, side: int = 176) -> Path:
    """One sheet: a row for each content, a column for each style, the networks next to each other in each cell."""
    names = list(networks())
    cell = len(names) * (side + 2) + GAP
    thumbs = {content: shown(read_content(content), side) for content in contents}
    heights = [thumbs[content].shape[0] + CAPTION + GAP for content in contents]
    head = side * 3 // 4 + 2 * CAPTION
    sheet = Pillow.new("RGB", (side + GAP + cell * len(styles), head + sum(heights)), "white")
    pen = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(11)
    pen.text((4, 4), f"{size} pixels\nseconds | content | style", "black", font)
    for column, style in enumerate(styles):
        left = side + GAP + column * cell
        picture = shown(read_picture(style), head - 2 * CAPTION)
        sheet.paste(Pillow.fromarray(picture), (left, 2))
        pen.text((left + picture.shape[1] + 6, 4), title(style), "black", font)
        for number, name in enumerate(names):
            pen.text((left + number * (side + 2), head - CAPTION), name, "black", font)
    top = head
    by_key = {(f.network, f.size, f.content, f.style): f for f in found}
    for content, height in zip(contents, heights, strict=True):
        sheet.paste(Pillow.fromarray(thumbs[content]), (0, top))
        pen.text((4, top + height - GAP - CAPTION + 2), title(content), "black", font)
        for column, style in enumerate(styles):
            for number, name in enumerate(names):
                left = side + GAP + column * cell + number * (side + 2)
                painting = read_picture(out / "paintings" / f"{size} {name} {title(content)} {title(style)}.png")
                sheet.paste(Pillow.fromarray(shown(painting, side)), (left, top))
                figures = by_key[name, size, title(content), title(style)]
                caption = f"{figures.seconds:.1f} s | {figures.content_distance:.2f} | {figures.style_distance:.3f}"
                pen.text((left, top + height - GAP - CAPTION + 2), caption, "black", font)
        top += height
    path = out / f"sheet-{size}.jpg"
    write_picture(path, np.asarray(sheet), overwrite=True)
    return path


def table(found: list[Figures]) -> str:
    """Means over all pairs, as a Markdown table."""
    lines = ["| size | network | seconds | content distance | style distance |", "|---|---|---|---|---|"]
    for size, name in dict.fromkeys((f.size, f.network) for f in found):
        rows = [f for f in found if (f.size, f.network) == (size, name)]
        means = [
            statistics.mean(values)
            for values in zip(*((f.seconds, f.content_distance, f.style_distance) for f in rows), strict=True)
        ]
        lines.append(f"| {size} | {name} | {means[0]:.1f} | {means[1]:.2f} | {means[2]:.3f} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--contents", nargs="+", default=CONTENTS)
    parser.add_argument("--styles", nargs="+", default=STYLES)
    parser.add_argument("--sizes", type=int, nargs="+", default=[128, 256])
    parser.add_argument("--preset", default="draft")
    parser.add_argument("--device", default="auto")
    options = parser.parse_args()
    found = paint_all(options.out, options.contents, options.styles, options.sizes, options.preset, options.device)
    for size in options.sizes:
        print(draw(options.out, found, options.contents, options.styles, size))
    text = table(found)
    (options.out / "table.md").write_text(text + "\n")
    print(text)


if __name__ == "__main__":
    main()
