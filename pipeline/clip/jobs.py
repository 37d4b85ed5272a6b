"""What to paint and where to put it: a clip or a picture. How it is painted is in `Settings`.

Each field says in its metadata what the command line tells of it, see `pipeline.options`. Nothing here imports what
reads pictures, or torch: `reelbrush --help` needs these classes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

from pipeline.clip.exemplars import Exemplars
from pipeline.clip.framing import FLATTEN, SDR, Framing, GifOptions, alpha_option, depth_option
from pipeline.clip.keyframed import Keyframes
from pipeline.clip.parse import FrameRange, parse_audio, parse_deadline, parse_frames, parse_rate
from pipeline.clip.regions import Region, Regions, region_option
from pipeline.clip.styles import StylePicture as StylePicture
from pipeline.clip.styles import parse_style as parse_style
from pipeline.options import INPUT, MAIN, OUTPUT, PAINTING, TIME, argument, option

IDENTITY = "job.json"
"""What says in the work folder of a clip which job it is."""
HALF = ".half.reelbrush"
"""How the name of the folder goes on that keeps a picture which is half-painted."""
STATE, SO_FAR = "painting.pt", "so_far.png"
"""What lies in it: all that the rest of the painting depends on, and how far it is, for people."""
RECORDED = r"snapshot_\d+_\d+\.png"
"""... and a regular expression for what a recorder of its steps has kept there."""

# What several jobs have.
OVERWRITE = option("Replace outputs that exist already.", OUTPUT)
RESTART = option("Throw away the frames of an interrupted run that had other inputs or settings.", OUTPUT)
WEIGHTS = option("Take VGG-19 from this .pth or .safetensors file, not from the package.", PAINTING, metavar="FILE")
DEVICE = option(
    "What to paint on: auto, cuda, cuda:N, mps or cpu.",
    PAINTING,
    metavar="NAME",
    suggested=lambda: ("auto", "cuda", "mps", "cpu"),
)
STYLES = option(
    "Style picture; of a part, a.jpg@X,Y,W,H in pixels. Several blend: --style a.jpg:0.7 --style b.jpg:0.3",
    MAIN,
    flags=("--style", "-s"),
    metavar="FILE[:WEIGHT]",
    read=parse_style,
    each=True,
)
FRAMES = option(
    "Only frames A to B, counted from 0; B is not included. 0:48, 100: and :25; or times: 0:2s, 1.5s: and :1m30s. "
    "All numbers of frames count from 0 in the whole input.",
    INPUT,
    metavar="A:B",
    read=parse_frames,
)
FPS = option(
    "Frames a second: of a folder, how fast it plays (24 if not said); a video drops or repeats frames and keeps its "
    "duration. 25, 12.5, 24000/1001.",
    INPUT,
    flags=("--fps",),
    metavar="RATE",
    read=parse_rate,
)
UPSCALE = option("Let --size enlarge a smaller input.", INPUT)
AUDIO = option(
    "Which audio track of the input: all, none, or a number from 1.",
    OUTPUT,
    metavar="N|all|none",
    read=parse_audio,
    suggested=lambda: ("all", "none"),
    default="the one that players take",
)
SHORTEST = option("Cut sound that goes on after the last picture.", OUTPUT)
LOCATION = option("Take over where a video says that it was filmed.", OUTPUT)


def _codecs() -> tuple[str, ...]:
    from pipeline.media.codecs import CODECS

    return tuple(CODECS)


def _qualities() -> tuple[str, ...]:
    from pipeline.media.codecs import QUALITIES

    return QUALITIES


CODEC = option(
    "h264, h265, vp9, av1, prores or ffv1.", OUTPUT, metavar="NAME", suggested=_codecs, default="by the suffix"
)
QUALITY = option(
    "lossless, visual (visually lossless), small, or the codec's own number.",
    OUTPUT,
    metavar="NAME",
    suggested=_qualities,
    default="visual",
)


def work_folder(output: Path) -> Path:
    """The work folder of a clip, beside its output."""
    # '.' has no name: what is called '.reelbrush' would lie in the output, not beside it.
    named = output if output.name not in ("", "..") else output.resolve()
    return named.parent / f"{named.name}.reelbrush"


@dataclass(frozen=True)
class ClipJob(Framing, GifOptions, Keyframes, Exemplars):
    """A clip to paint, and where to put it."""

    source: Path = field(
        metadata=argument("A video, an animated picture, a folder of numbered pictures, or a picture.", "INPUT")
    )
    styles: tuple[StylePicture, ...] = field(metadata=STYLES)
    output: Path = field(
        metadata=option(
            ".mp4, .mov, .mkv, .webm, .gif, .webp, .apng, or a folder for numbered pictures.",
            MAIN,
            flags=("--output", "-o"),
            metavar="OUT",
        )
    )
    gif: Path | None = field(default=None, metadata=option("A GIF beside the output.", OUTPUT, metavar="FILE.gif"))
    frames: FrameRange | None = field(default=None, metadata=FRAMES)
    rate: Fraction | None = field(default=None, metadata=FPS)
    upscale: bool = field(default=False, metadata=UPSCALE)
    codec: str | None = field(default=None, metadata=CODEC)
    quality: str | int | None = field(default=None, metadata=QUALITY)
    overwrite: bool = field(default=False, metadata=OVERWRITE)
    restart: bool = field(default=False, metadata=RESTART)
    keep: bool = field(default=False, metadata=option("Keep the lossless frames, in OUT.reelbrush/frames.", OUTPUT))
    audio: str | int = field(default="default", metadata=AUDIO)
    shortest: bool = field(default=False, metadata=SHORTEST)
    location: bool = field(default=False, metadata=LOCATION)
    # What is said of a batch holds for pictures as well.
    alpha: str = field(
        default=FLATTEN, kw_only=True, metadata=alpha_option(".mov, .webm, .mkv, .gif, .webp, .apng or a folder")
    )
    depth: int | None = field(
        default=None,
        kw_only=True,
        metadata=depth_option("8 or 10 of a video (ffv1: 16), 8 or 16 of a folder of pictures"),
    )
    init: Path | None = field(default=None, kw_only=True)
    """A picture that each shot starts from, resized to fit, instead of what the settings say."""

    @property
    def all_styles(self) -> tuple[StylePicture, ...]:
        """The styles, and the frames that were painted by hand."""
        return self.styles_with_exemplars(self.styles)

    @property
    def files_read(self) -> tuple[Path, ...]:
        """Every file and folder that it is painted from."""
        init = () if self.init is None else (self.init,)
        return (self.source, *(style.path for style in self.all_styles), *init, *self.region_files)

    @property
    def outputs(self) -> tuple[Path, ...]:
        return (self.output,) if self.gif is None else (self.output, self.gif)

    @property
    def the_gif(self) -> Path | None:
        """What `gif_size` and the like are for: the GIF beside the output, or the output if it is one."""
        return self.output if self.gif is None and self.output.suffix.lower() == ".gif" else self.gif

    @property
    def work(self) -> Path:
        """The work folder, beside the output."""
        return work_folder(self.output)


@dataclass(frozen=True)
class StillJob(Framing, Regions):
    """A picture to paint, and where to put it."""

    content: Path = field(metadata=argument("The picture to paint; - reads it from stdin.", "CONTENT"))
    styles: tuple[StylePicture, ...] = field(metadata=STYLES)
    output: Path | None = field(
        default=None,
        metadata=option(
            ".png, .jpg, .webp or .tif; - for stdout.", MAIN, flags=("--output", "-o"), metavar="OUT", required=True
        ),
    )
    """None hands the picture back without writing it, to a caller in Python."""
    init: Path | None = None
    """A picture to start from, resized to fit, instead of what the settings say."""
    upscale: bool = field(default=False, metadata=UPSCALE)
    overwrite: bool = field(default=False, metadata=OVERWRITE)
    restart: bool = field(
        default=False,
        metadata=option("Throw away a half-finished painting that had other inputs or settings.", OUTPUT),
    )
    accept: bool = field(
        default=False,
        metadata=option("Write the half-finished painting of an interrupted run as it is, and be done.", OUTPUT),
    )
    until: int | None = None
    """End after so many steps over all sizes, as a painting that was accepted did; None: paint it to its end."""
    # As of a clip; but what is said of it is that of a picture.
    alpha: str = field(
        default=FLATTEN,
        kw_only=True,
        metadata=alpha_option(".png, .webp or .tif"),
    )
    depth: int | None = field(
        default=None,
        kw_only=True,
        metadata=depth_option("8, or 16 in a .png", "8", (8, 16)),
    )
    region: tuple[Region, ...] = field(default=(), kw_only=True, metadata=region_option())
    # No picture that can be written has HDR.
    hdr: str = field(default=SDR, kw_only=True)

    @property
    def files_read(self) -> tuple[Path, ...]:
        """Every file that it is painted from."""
        init = () if self.init is None else (self.init,)
        return (self.content, *(style.path for style in self.styles), *init, *self.region_files)

    @property
    def work(self) -> Path | None:
        """Where it is kept while it is half-painted, beside the output."""
        return None if self.output is None else self.output.parent / f"{self.output.name}{HALF}"


@dataclass(frozen=True)
class TimeLimit:
    """When painting has to be done, as a person says it; see `parse.parse_deadline`."""

    budget: str | None = field(
        default=None,
        metadata=option(
            "Be done in so much time: 8h, 90m, 1h30m. Where it is short, frames get fewer steps, calm ones first; the "
            "result then depends on the speed of the machine.",
            TIME,
            metavar="TIME",
        ),
    )
    finish_by: str | None = field(
        default=None,
        metadata=option("The same as a time of day: 07:00, or '2026-03-01 07:00'.", TIME, metavar="TIME"),
    )

    def until(self) -> float | None:
        """When that is, as `time.time()` counts; None where nothing is said.

        :raises UsageError: both are given, or one cannot be read.
        """
        return parse_deadline(self.budget, self.finish_by)


@dataclass(frozen=True)
class ReplayJob:
    """A result to paint again, and where its ingredients are if not where they were."""

    result: Path = field(metadata=argument("A video, GIF, folder or picture that Reelbrush has painted.", "RESULT"))
    output: Path | None = field(
        default=None,
        metadata=option(
            "Where to paint it; the ending decides what it becomes.", MAIN, flags=("--output", "-o"), metavar="OUT"
        ),
    )
    source: Path | None = field(
        default=None,
        metadata=option("The input, if it is not where it was.", INPUT, flags=("--input",), metavar="FILE"),
    )
    styles: tuple[Path, ...] = field(
        default=(),
        metadata=option(
            "A style that is not where it was; in any order.", INPUT, flags=("--style", "-s"), metavar="FILE"
        ),
    )
    """Each is known by its content."""
    search: Path | None = field(
        default=None,
        metadata=option("Look for input and styles here and below, under any name.", INPUT, metavar="FOLDER"),
    )
    weights: Path | None = field(default=None, metadata=WEIGHTS)
    device: str = field(default="auto", metadata=DEVICE)
    overwrite: bool = field(default=False, metadata=OVERWRITE)
    restart: bool = field(default=False, metadata=RESTART)
