"""What to draw, and where to put it: the jobs of the commands that show, compare and measure.

Each field says in its metadata what the command line tells of it, see `pipeline.options`. Nothing here imports what
reads pictures, or torch: `reelbrush --help` needs these classes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.clip.jobs import DEVICE, OVERWRITE, WEIGHTS
from pipeline.clip.parse import FrameRange, parse_bytes, parse_frames, parse_names, parse_ratios
from pipeline.options import INPUT, MAIN, OUTPUT, PAINTING, argument, option
from pipeline.settings import PRESETS, resolve

MAX_BYTES = option(
    "An animation takes no more than that: 5MB, 800kB. Quality, frames, size are given up, least visible first.",
    OUTPUT,
    metavar="SIZE",
    read=parse_bytes,
)
SEARCH = option("Look here and below for inputs and styles that are not where they were.", INPUT, metavar="FOLDER")


def _output(about: str, metavar: str = "OUT") -> Mapping[str, Any]:
    return option(about, MAIN, flags=("--output", "-o"), metavar=metavar)


_DRAFT_STEPS = resolve("draft").steps


@dataclass(frozen=True)
class StoryOptions:
    """What a story, the picture being painted, should be."""

    frames: int = field(
        default=56, metadata=option("Number of frames of the story, at most.", OUTPUT, low=2, high=1000)
    )
    """The held last one included."""
    size: int = field(default=400, metadata=option("Longest side of the painting in the story.", OUTPUT, low=16))
    """In pixels; a smaller painting keeps its size."""
    panels: bool = field(
        default=False, metadata=option("In the story, show content and style beside the painting.", OUTPUT)
    )
    curve: bool = field(
        default=False, metadata=option("In the story, let the curve of the loss grow below the painting.", OUTPUT)
    )
    max_bytes: int | None = field(default=None, metadata=MAX_BYTES)


@dataclass(frozen=True)
class StoryFiles:
    """What is kept of how a picture was painted."""

    story: Path | None = field(
        default=None,
        metadata=option(
            "The picture being painted: .gif, an animated .webp or .png, .mp4, .webm or .mov.",
            OUTPUT,
            metavar="FILE.gif",
        ),
    )
    keep: bool = field(
        default=False, metadata=option("Keep snapshots in OUT.reelbrush, for 'reelbrush story'.", OUTPUT)
    )


@dataclass(frozen=True)
class StoryJob:
    """A story of a picture that was painted before."""

    folder: Path = field(
        metadata=argument("What 'reelbrush image … -o OUT --keep' has kept: OUT.reelbrush.", "WORKDIR")
    )
    output: Path = field(metadata=_output(".gif, an animated .webp or .png, .mp4, .webm, .mov or .mkv."))
    overwrite: bool = field(default=False, metadata=OVERWRITE)


@dataclass(frozen=True)
class MeasureJob:
    """Two clips to compare, and what to write of it."""

    source: Path = field(metadata=argument("What was painted: a video, a GIF or a folder of pictures.", "INPUT"))
    painting: Path = field(metadata=argument("What was made of it, by any program, at any size.", "OUTPUT"))
    plot: Path | None = field(
        default=None,
        metadata=option("Draw flicker, colour and sharpness over time.", OUTPUT, metavar="FILE.png"),
    )
    heatmap: Path | None = field(
        default=None, metadata=option("A video of where it flickers.", OUTPUT, metavar="FILE.mp4")
    )
    frames: FrameRange | None = field(
        default=None,
        metadata=option(
            "OUTPUT was painted from frames A to B of INPUT, from 0; B is not included. Or times: 0:2s.",
            INPUT,
            metavar="A:B",
            read=parse_frames,
        ),
    )
    cuts: str = field(
        default="auto",
        metadata=option(
            "Where shots begin; LIST is frame numbers of INPUT, from 0, as 24,57.",
            INPUT,
            metavar="auto|none|LIST",
            choices=("auto", "none"),
        ),
    )
    """As `parse_cuts`."""
    size: int | None = field(
        default=None,
        metadata=option("Longest side to compare at, in pixels.", INPUT, low=16, default="that of OUTPUT"),
    )
    overwrite: bool = field(default=False, metadata=OVERWRITE)
    loop: bool = field(
        default=False,
        metadata=option("Also measure from the last frame to the first, which follows it in a loop.", INPUT),
    )


@dataclass(frozen=True)
class GalleryJob:
    """Results to show together."""

    paths: Sequence[Path] = field(metadata=argument("Results, folders of them, or the folder of a batch.", "PAINTING"))
    output: Path = field(metadata=_output("A contact sheet (.png, .jpg) or an animation (.gif, .mp4, .webm)."))
    insets: bool = field(
        default=True,
        metadata=option("Without content and styles, which are shown small in a corner of each.", OUTPUT),
    )
    columns: int | None = field(
        default=None, metadata=option("Columns of a sheet, at most; rows are filled evenly.", OUTPUT, low=1)
    )
    size: int | None = field(
        default=None,
        metadata=option(
            "Width of a sheet, or longest side of an animation, in pixels.",
            OUTPUT,
            low=64,
            default="1600 or 480, at most",
        ),
    )
    search: Path | None = field(default=None, metadata=SEARCH)
    max_bytes: int | None = field(default=None, metadata=MAX_BYTES)
    overwrite: bool = field(default=False, metadata=OVERWRITE)


@dataclass(frozen=True)
class PanelsJob:
    """Content + style = painting."""

    pictures: Sequence[Path] = field(
        metadata=argument(
            "A painting, which says what it was painted from; or CONTENT, one STYLE or more, and PAINTING.",
            "PICTURE",
        )
    )
    output: Path = field(metadata=_output(".png, .jpg, .webp or .tif."))
    height: int | None = field(
        default=None,
        metadata=option(
            "Height of the pictures in pixels.", OUTPUT, low=16, default="that of the painting, 240 to 720"
        ),
    )
    labels: bool = field(default=False, metadata=option("Say under each picture what it is.", OUTPUT))
    search: Path | None = field(default=None, metadata=SEARCH)
    overwrite: bool = field(default=False, metadata=OVERWRITE)


@dataclass(frozen=True)
class CompareJob:
    """Clips to show side by side, or with a wipe."""

    clips: Sequence[Path] = field(
        metadata=argument(
            "Two or more videos, GIFs, folders of pictures, pictures; of any size, rate and length.", "CLIP"
        )
    )
    output: Path = field(
        metadata=_output(".mp4, .mov, .mkv, .webm, .gif or .webp; of pictures alone also .png, .jpg or .tif.")
    )
    wipe: bool = field(
        default=False,
        metadata=option("Lay exactly two on one another, with a line that goes to and fro.", OUTPUT),
    )
    label: Sequence[str] = field(
        default=(),
        metadata=option("What to write on each, in order, not the file's name.", OUTPUT, metavar="TEXT"),
    )
    labels: bool = field(default=True, metadata=option("Write nothing on them.", OUTPUT))
    height: int | None = field(
        default=None,
        metadata=option(
            "Height of the clips in pixels.",
            OUTPUT,
            low=16,
            default="that of the tallest, up to 720 and 2560 across",
        ),
    )
    max_bytes: int | None = field(default=None, metadata=MAX_BYTES)
    overwrite: bool = field(default=False, metadata=OVERWRITE)


@dataclass(frozen=True)
class PreviewJob:
    """A job to look at before it is painted: a few frames under several styles and strengths."""

    source: Path = field(metadata=argument("A video, a GIF, a folder of pictures or a picture.", "INPUT"))
    styles: Sequence[str] = field(
        metadata=option(
            "Style picture; of several each is tried for itself. A blend: a.jpg:0.7+b.jpg:0.3",
            MAIN,
            flags=("--style", "-s"),
            metavar="FILE",
        )
    )
    output: Path | None = field(
        default=None, metadata=_output("The sheet: .png, .jpg, .webp or .tif. Without it nothing is painted.")
    )
    strengths: Sequence[float] = field(
        default=(),
        metadata=option(
            "How much style, 0 to 1; can be given several times.",
            PAINTING,
            flags=("--strength",),
            low=0,
            high=1,
            default="0.25, 0.5 and 0.75",
        ),
    )
    count: int = field(
        default=3, metadata=option("Number of frames to show, of each shot first.", OUTPUT, low=1, high=12)
    )
    device: str = "auto"
    options: Mapping[str, Any] = field(default_factory=dict)
    """Of the real job: fields of the batch's `Options`, and settings."""
    written: Sequence[str] = ()
    """The same as the command line had it, without strength, for the commands."""
    cell: int | None = field(
        default=None,
        metadata=option("Print only the command of this cell, from 1.", OUTPUT, metavar="N", low=1),
    )
    overwrite: bool = field(default=False, metadata=OVERWRITE)


FIGURE = _output(".svg, .png, .jpg, .webp or .tif.", "FIG")
DRAFT = option("Settings of what is painted.", PAINTING, metavar="NAME", suggested=lambda: PRESETS)
LAYERS = "LAYER,LAYER"


@dataclass(frozen=True)
class ReconstructJob:
    """What to reconstruct from which layers."""

    content: Path = field(metadata=argument("The picture whose content is reconstructed.", "CONTENT"))
    style: Path = field(metadata=argument("The picture whose style is reconstructed.", "STYLE"))
    output: Path = field(metadata=FIGURE)
    content_layers: tuple[str, ...] = field(
        default=(),
        metadata=option(
            "One reconstruction from each.",
            PAINTING,
            metavar=LAYERS,
            read=parse_names,
            default="relu1_2 to relu5_2, or the nearest that the network has",
        ),
    )
    style_layers: tuple[str, ...] = field(
        default=(),
        metadata=option(
            "One from the first, one from the first two, and so on.",
            PAINTING,
            metavar=LAYERS,
            read=parse_names,
            default="relu1_1 to relu5_1",
        ),
    )
    size: int = field(default=192, metadata=option("Longest side of a reconstruction in pixels.", PAINTING, low=16))
    steps: int = field(default=500, metadata=option("Steps of a reconstruction, at most.", PAINTING, low=1))
    tv_weight: float = field(
        default=0.03,
        metadata=option(
            "Weight of the total variation, which clears away noise that a layer cannot see.", PAINTING, low=0
        ),
    )
    seed: int = field(default=0, metadata=option("Seed of the white noise.", PAINTING, low=0))
    weights: Path | None = field(default=None, metadata=WEIGHTS)
    device: str = field(default="auto", metadata=DEVICE)
    overwrite: bool = field(default=False, metadata=OVERWRITE)


@dataclass(frozen=True)
class FeaturesJob:
    """Which pictures to show to which layers."""

    pictures: tuple[Path, ...] = field(
        metadata=argument("What the network looks at; a second one is shown beside it.", "PICTURE")
    )
    """One or two."""
    output: Path = field(metadata=FIGURE)
    layers: tuple[str, ...] = field(
        default=(),
        metadata=option(
            "Layers of the network, from low to high.",
            PAINTING,
            metavar=LAYERS,
            read=parse_names,
            default="the first rectified one of every block",
        ),
    )
    maps: int | None = field(
        default=None,
        metadata=option(
            "Maps shown of each layer: those that vary most.", OUTPUT, low=1, high=64, default="8; of two pictures 5"
        ),
    )
    gram: bool = field(default=False, metadata=option("Show the Gram matrices of the layers instead of maps.", OUTPUT))
    size: int = field(
        default=256, metadata=option("Longest side at which the network sees the picture.", PAINTING, low=16)
    )
    weights: Path | None = field(default=None, metadata=WEIGHTS)
    device: str = field(default="auto", metadata=DEVICE)
    overwrite: bool = field(default=False, metadata=OVERWRITE)


@dataclass(frozen=True)
class WeightsJob:
    """A grid of paintings: content against style, and the layers of the style."""

    content: Path = field(metadata=argument("The picture to paint.", "CONTENT"))
    style: Path = field(metadata=argument("The style picture.", "STYLE"))
    output: Path = field(metadata=FIGURE)
    ratios: tuple[float, ...] = field(
        default=(),
        metadata=option(
            "Content weight / style weight, a column each.",
            PAINTING,
            metavar="A,B",
            read=parse_ratios,
            default="1/100, 1/10, 1 and 10 times the preset's",
        ),
    )
    preset: str = field(default="draft", metadata=DRAFT)
    size: int = field(default=192, metadata=option("Longest side of a painting in pixels.", PAINTING, low=16))
    steps: int | None = field(
        default=None,
        metadata=option("Steps of a painting.", PAINTING, low=1, default=f"the preset's; of draft {_DRAFT_STEPS}"),
    )
    seed: int = field(default=0, metadata=option("Seed of the noise.", PAINTING, low=0))
    weights: Path | None = field(default=None, metadata=WEIGHTS)
    device: str = field(default="auto", metadata=DEVICE)
    overwrite: bool = field(default=False, metadata=OVERWRITE)


@dataclass(frozen=True)
class LossesJob:
    """What to show the losses of."""

    place: Path = field(
        metadata=argument(
            "A picture to paint, or one that Reelbrush has painted; or the work folder of a clip or a picture "
            "(OUT.reelbrush, kept with --keep), the folder of a batch, or a clip in it.",
            "PICTURE|FOLDER",
        )
    )
    output: Path = field(metadata=FIGURE)
    styles: tuple[str, ...] = field(
        default=(),
        metadata=option("Style of a picture to paint.", MAIN, flags=("--style", "-s"), metavar="FILE[:WEIGHT]"),
    )
    preset: str = field(default="draft", metadata=DRAFT)
    weights: Path | None = field(default=None, metadata=WEIGHTS)
    device: str = field(default="auto", metadata=DEVICE)
    settings: Mapping[str, Any] = field(default_factory=dict)
    overwrite: bool = field(default=False, metadata=OVERWRITE)
