"""The command line of Reelbrush: it parses, calls and prints. What it calls lives in `pipeline/`."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.text import Text
from typer.core import TyperCommand

from pipeline import __version__
from pipeline.errors import ReelbrushError, UsageError
from pipeline.network.memory import keep_freed_memory
from pipeline.settings import DEFAULT_PRESET, PRESETS, explained, read_assignment, read_config, resolve
from pipeline.text import escape_unencodable_output

if TYPE_CHECKING:
    from pipeline.clip.events import OnEvent

# Idle OpenMP threads that spin take the cores from ffmpeg and from whatever else runs. A step took, on two idle cores
# and with one of them busy: spinning as by default 73 and 253 ms, never 89 and 129 ms, briefly 77 and 146 ms.
# It has to be said before torch is imported; who has said something else is left alone.
if "OMP_WAIT_POLICY" not in os.environ:
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")
keep_freed_memory()


class _WithFiles(TyperCommand):
    """A command that is given files: where one that begins with a dash is no option, the error says what to do."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """As ever, but for that error."""
        given = list(args)
        try:
            return super().parse_args(ctx, args)
        except Exception as error:
            # Versions of typer differ in where the class of this error lives; others have no such attribute.
            option = getattr(error, "option_name", None)
            file = next((word for word in given if option and word.startswith(option) and Path(word).exists()), None)
            if file is None:
                raise
            raise typer.BadParameter(
                f"{file} begins with a dash, as an option does. If it is the file of that name, write ./{file}", ctx
            ) from None


app = typer.Typer(
    name="reelbrush",
    help="Repaint videos, GIFs and pictures in the style of a painting (Gatys, Ecker and Bethge 2016).",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
weights_app = typer.Typer(help="The weights of the networks: see, download, import.", no_args_is_help=True)
app.add_typer(weights_app, name="weights")
figure_app = typer.Typer(help="Figures of the method, for a paper or a talk.", no_args_is_help=True)
app.add_typer(figure_app, name="figure")
# Without emoji: a file 'a:x:' is called so, and not 'a' with a red cross.
screen = Console(stderr=True, emoji=False)
# A pipe has no width: whoever reads it wants every path in one piece.
out = Console(emoji=False, width=None if sys.stdout.isatty() else 1000)


def _help(text: str, default: object) -> str:
    # Typer would put a default that is a text into brackets of its own.
    return f"{text} [default: {default}]"


def _setting(name: str, metavar: str | None = None, preset: str = DEFAULT_PRESET) -> Any:
    """An option for a setting; what `--help` says of it stands in the settings."""
    default = getattr(resolve(preset), name)
    return typer.Option(
        help=f"{explained(name)} [preset {preset}: {default}]",
        show_default=False,
        rich_help_panel="Painting",
        metavar=metavar,
    )


def _folder(text: str) -> Path:
    # As from a shell variable that is not set. It would be the folder one is in.
    if not text.strip():
        raise typer.BadParameter("It is empty. Say where the paintings go.")
    return Path(text)


Style = Annotated[
    list[str],
    typer.Option(
        "--style",
        "-s",
        metavar="FILE[:WEIGHT]",
        help=("Style picture. Several blend: --style a.jpg:0.7 --style b.jpg:0.3"),
    ),
]
Preset = Annotated[
    str,
    typer.Option(
        help=_help(f"All settings at once: {', '.join(PRESETS)}.", DEFAULT_PRESET),
        show_default=False,
        rich_help_panel="Painting",
    ),
]
Weights = Annotated[
    Path | None,
    typer.Option(
        rich_help_panel="Painting",
        help=("VGG-19 weights from a .pth or .safetensors file, instead of those on this machine."),
    ),
]
Device = Annotated[str, typer.Option(help="auto, cuda, cuda:N, mps or cpu.", rich_help_panel="Painting")]
Size = Annotated[int | None, _setting("size")]
Upscale = Annotated[
    bool, typer.Option("--upscale", help="Let --size enlarge a smaller input.", rich_help_panel="Painting")
]
Steps = Annotated[int | None, _setting("steps")]
CarriedSteps = Annotated[int | None, _setting("carried_steps")]
ContentWeight = Annotated[float | None, _setting("content_weight")]
Strength = Annotated[float | None, _setting("strength")]
StyleWeight = Annotated[float | None, _setting("style_weight")]
TvWeight = Annotated[float | None, _setting("tv_weight")]
Optimizer = Annotated[str | None, _setting("optimizer")]
Start = Annotated[str | None, _setting("start")]
Carry = Annotated[str | None, _setting("carry")]
Cuts = Annotated[str | None, _setting("cuts", "auto|none|LIST")]
FlowName = Annotated[str | None, _setting("flow")]
TemporalWeight = Annotated[float | None, _setting("temporal_weight")]
Passes = Annotated[int | None, _setting("passes")]
Loop = Annotated[bool | None, _setting("loop")]
Seed = Annotated[int | None, _setting("seed")]
Config = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE.toml",
        rich_help_panel="Painting",
        help=("Settings from a TOML file; options on the command line win."),
    ),
]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="NAME=VALUE",
        rich_help_panel="Painting",
        help=("Any other setting; 'reelbrush presets standard' shows them all. Can be given several times."),
    ),
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace outputs that exist already.")]
Restart = Annotated[
    bool,
    typer.Option("--restart", help=("Throw away the frames of an interrupted run that had other inputs or settings.")),
]
Budget = Annotated[
    str | None,
    typer.Option(
        metavar="TIME",
        help=(
            "Be done in so much time: 8h, 90m, 1h30m. Where it is short, frames get fewer steps, calm ones first; "
            "the result then depends on the speed of the machine."
        ),
    ),
]
FinishBy = Annotated[
    str | None, typer.Option(metavar="TIME", help="The same as a time of day: 07:00, or '2026-03-01 07:00'.")
]
Panels = Annotated[bool, typer.Option("--panels", help="In the story, show content and style beside the painting.")]
Curve = Annotated[
    bool, typer.Option("--curve", help="In the story, let the curve of the loss grow below the painting.")
]
MaxBytes = Annotated[
    str | None,
    typer.Option(
        metavar="SIZE",
        help="An animation takes no more than that: 5MB, 800kB. Quality, frames, size are given up, least seen first.",
    ),
]
Search = Annotated[
    Path | None,
    typer.Option(metavar="FOLDER", help="Look here and below for inputs and styles that are not where they were."),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but errors.")]
Json = Annotated[
    bool, typer.Option("--json", help="Report on stdout as JSON, one object a line; progress goes to stderr.")
]


def _version(wanted: bool) -> None:
    if wanted:
        out.print(f"reelbrush {__version__}", highlight=False)
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Options that stand before the command."""


@app.command(cls=_WithFiles)
def video(
    source: Annotated[
        Path, typer.Argument(metavar="INPUT", help="A video, an animated picture, or a folder of numbered ones.")
    ],
    style: Style,
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", metavar="OUT", help=(".mp4, .mov, .mkv, .webm, .gif, or a folder for numbered pictures.")
        ),
    ],
    gif: Annotated[Path | None, typer.Option(metavar="FILE.gif", help="A GIF beside the output.")] = None,
    frames: Annotated[
        str | None, typer.Option(metavar="A:B", help="Only frames A to B, from 0; B is not included.")
    ] = None,
    fps: Annotated[
        str | None,
        typer.Option(
            metavar="RATE",
            help=(
                "Frames a second: of a folder, how fast it plays (24 if not said); a video drops or repeats "
                "frames and keeps its duration. 25, 12.5, 24000/1001."
            ),
        ),
    ] = None,
    codec: Annotated[
        str | None,
        typer.Option(help=_help("h264, h265, vp9, av1, prores or ffv1.", "by the suffix"), show_default=False),
    ] = None,
    quality: Annotated[
        str | None,
        typer.Option(
            help=_help("lossless, visual (visually lossless), small, or the codec's own number.", "visual"),
            show_default=False,
        ),
    ] = None,
    carry: Carry = None,
    flow: FlowName = None,
    temporal_weight: TemporalWeight = None,
    passes: Passes = None,
    loop: Loop = None,
    cuts: Cuts = None,
    preset: Preset = "",
    weights: Weights = None,
    device: Device = "auto",
    size: Size = None,
    upscale: Upscale = False,
    steps: Steps = None,
    carried_steps: CarriedSteps = None,
    content_weight: ContentWeight = None,
    strength: Strength = None,
    style_weight: StyleWeight = None,
    tv_weight: TvWeight = None,
    optimizer: Optimizer = None,
    start: Start = None,
    seed: Seed = None,
    config: Config = None,
    set_: Set = None,
    overwrite: Overwrite = False,
    restart: Restart = False,
    keep: Annotated[bool, typer.Option("--keep", help="Keep the lossless frames, in OUT.reelbrush/frames.")] = False,
    budget: Budget = None,
    finish_by: FinishBy = None,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Paint a video, a GIF or a folder of pictures, frame by frame. Interrupted, the same command goes on."""
    given = {
        "carry": carry, "flow": flow, "temporal_weight": temporal_weight, "passes": passes, "loop": loop, "cuts": cuts,
        "size": size, "steps": steps, "carried_steps": carried_steps, "start": start, "seed": seed,
        "strength": strength, "content_weight": content_weight, "style_weight": style_weight, "tv_weight": tv_weight,
        "optimizer": optimizer,
    }  # fmt: skip
    with _running(quiet, json, f"The same command goes on where it was ({output}.reelbrush).") as on_event:
        from pipeline.signals import defer_signals

        with defer_signals():
            from pipeline.clip.api import stylize_video
            from pipeline.clip.parse import parse_frames, parse_rate

        stylize_video(
            source,
            style,
            output,
            gif=gif,
            weights=weights,
            device=device,
            upscale=upscale,
            codec=codec,
            quality=quality,
            frames=parse_frames(frames) if frames is not None else None,
            fps=parse_rate(fps) if fps is not None else None,
            overwrite=overwrite,
            restart=restart,
            keep=keep,
            budget=budget,
            finish_by=finish_by,
            on_event=on_event,
            **_painting(preset, config, set_, given),
        )


@app.command(cls=_WithFiles)
def image(
    content: Annotated[Path, typer.Argument(metavar="CONTENT", help="The picture to paint.")],
    style: Style,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="OUT", help=".png, .jpg, .webp or .tif.")],
    story: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.gif", help="The picture being painted: .gif, an animated .webp or .png, .mp4, .webm or .mov."
        ),
    ] = None,
    story_frames: Annotated[int, typer.Option(min=2, max=1000, help="Number of frames of the story.")] = 56,
    story_size: Annotated[int, typer.Option(min=16, help="Longest side of the painting in the story.")] = 400,
    panels: Panels = False,
    curve: Curve = False,
    max_bytes: MaxBytes = None,
    keep: Annotated[
        bool, typer.Option("--keep", help="Keep snapshots in OUT.reelbrush, for 'reelbrush story'.")
    ] = False,
    init: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A picture to start from, instead of --start.")
    ] = None,
    preset: Preset = "",
    weights: Weights = None,
    device: Device = "auto",
    size: Size = None,
    upscale: Upscale = False,
    steps: Steps = None,
    content_weight: ContentWeight = None,
    strength: Strength = None,
    style_weight: StyleWeight = None,
    tv_weight: TvWeight = None,
    optimizer: Optimizer = None,
    start: Start = None,
    seed: Seed = None,
    config: Config = None,
    set_: Set = None,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Paint one picture; with --story, also show how it came about."""
    given = {
        "size": size, "steps": steps, "start": start, "seed": seed, "content_weight": content_weight,
        "strength": strength, "style_weight": style_weight, "tv_weight": tv_weight, "optimizer": optimizer,
    }  # fmt: skip
    with _running(quiet, json, "A picture is not kept half-painted.") as on_event:
        from pipeline.signals import defer_signals

        with defer_signals():
            from pipeline.clip.parse import parse_bytes, refuse_clip_settings
            from pipeline.pictures.story import StoryOptions
            from pipeline.pictures.story_job import paint_with_story

        refuse_clip_settings(_given(None, set_))
        told = story is not None or panels or curve or max_bytes is not None
        allowed = None if max_bytes is None else parse_bytes(max_bytes)
        paint_with_story(
            content,
            style,
            output,
            story,
            StoryOptions(story_frames, story_size, panels, curve, allowed) if told else None,
            keep,
            weights=weights,
            device=device,
            init=init,
            upscale=upscale,
            overwrite=overwrite,
            on_event=on_event,
            **_painting(preset, config, set_, given),
        )


@app.command(short_help="Show how a picture was painted, as a GIF or a video.")
def story(
    workdir: Annotated[
        Path, typer.Argument(metavar="WORKDIR", help="What 'reelbrush image … -o OUT --keep' has kept: OUT.reelbrush.")
    ],
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", metavar="OUT", help=".gif, an animated .webp or .png, .mp4, .webm, .mov or .mkv."
        ),
    ],
    frames: Annotated[int, typer.Option(min=2, max=1000, help="Number of frames.")] = 56,
    size: Annotated[
        int,
        typer.Option(min=16, help="Longest side of the painting in the story. Up to 640 or --story-size is kept."),
    ] = 400,
    panels: Panels = False,
    curve: Curve = False,
    max_bytes: MaxBytes = None,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Show how a picture was painted, from the snapshots that were kept; nothing is painted again."""
    with _running(quiet, json, "Nothing unfinished is left.") as on_event:
        from pipeline.signals import defer_signals

        with defer_signals():
            from pipeline.clip.parse import parse_bytes
            from pipeline.pictures.story import StoryOptions
            from pipeline.pictures.story_job import retell_story

        allowed = None if max_bytes is None else parse_bytes(max_bytes)
        retell_story(workdir, output, StoryOptions(frames, size, panels, curve, allowed), on_event, overwrite)


@app.command(cls=_WithFiles, short_help="Paint many clips and pictures; start it in the evening.")
def batch(
    inputs: Annotated[
        list[str],
        typer.Argument(
            metavar="INPUT...",
            help="Videos, GIFs, pictures, folders of them (searched to the bottom), patterns; or a job file, JOB.toml.",
        ),
    ],
    style: Annotated[
        list[str] | None,
        typer.Option(
            "--style",
            "-s",
            metavar="FILE",
            help="Style picture or a folder of them; every input is painted in each. A blend: a.jpg:0.7+b.jpg:0.3",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FOLDER",
            parser=_folder,
            help="Where the paintings, the ledger and the report go.",
        ),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(
            help=_help(
                "Names of the paintings, made of {stem}, {style}, {ext}, {preset}, {number} and {parent}.",
                "{stem}-{style}{ext}",
            ),
            show_default=False,
        ),
    ] = None,
    pair: Annotated[bool, typer.Option("--pair", help="The first input in the first style, and so on.")] = False,
    sequences: Annotated[
        bool, typer.Option("--sequences", help="A folder of nothing but numbered pictures is one clip.")
    ] = False,
    gif: Annotated[bool, typer.Option("--gif", help="A GIF beside every clip.")] = False,
    fps: Annotated[str | None, typer.Option(metavar="RATE", help="Frames a second, as for 'reelbrush video'.")] = None,
    codec: Annotated[str | None, typer.Option(help="h264, h265, vp9, av1, prores or ffv1.")] = None,
    quality: Annotated[str | None, typer.Option(help="lossless, visual, small, or the codec's own number.")] = None,
    workers: Annotated[
        int, typer.Option(min=1, help="Worker processes: one for each GPU; on a CPU they share the cores.")
    ] = 1,
    threads: Annotated[
        int | None,
        typer.Option(
            min=1,
            show_default=False,
            help=_help(
                "CPU threads of a worker. With as many, any number of workers paints the same frames.",
                "the cores, shared out",
            ),
        ),
    ] = None,
    cluster: Annotated[
        str | None,
        typer.Option(
            metavar="tcp://HOST:PORT",
            help="Paint on the workers of this Dask scheduler, instead of on this machine (reelbrush[cluster]).",
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Look at everything, and only show the plan.")] = False,
    budget: Budget = None,
    finish_by: FinishBy = None,
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Try again what has failed before.")] = False,
    fail_fast: Annotated[bool, typer.Option("--fail-fast", help="Stop at the first failure.")] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Wait while another process is at work in FOLDER.")] = False,
    flow: FlowName = None,
    temporal_weight: TemporalWeight = None,
    passes: Passes = None,
    preset: Preset = "",
    weights: Weights = None,
    device: Device = "auto",
    size: Size = None,
    upscale: Upscale = False,
    steps: Steps = None,
    carried_steps: CarriedSteps = None,
    content_weight: ContentWeight = None,
    strength: Strength = None,
    style_weight: StyleWeight = None,
    tv_weight: TvWeight = None,
    optimizer: Optimizer = None,
    start: Start = None,
    seed: Seed = None,
    config: Config = None,
    set_: Set = None,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Paint every input in every style. One bad file spoils only itself, and the same command goes on where it was.

    Exit codes: 0 all done, 3 some failed, 1 all failed, 2 a mistake on the command line, 130 and 143 interrupted.
    """
    values: dict[str, Any] = {
        "flow": flow, "temporal_weight": temporal_weight, "passes": passes, "size": size, "steps": steps,
        "carried_steps": carried_steps, "start": start, "seed": seed, "content_weight": content_weight,
        "strength": strength, "style_weight": style_weight, "tv_weight": tv_weight, "optimizer": optimizer,
        "preset": preset or None,
        "weights": weights, "fps": fps, "upscale": upscale or None, "codec": codec,
        "quality": quality, "gif": gif or None,
    }  # fmt: skip
    interrupted = "What is finished is kept; the same command goes on where it was."
    with _errors(interrupted, json):
        from pipeline.report.batch_console import BatchReporter
        from pipeline.signals import defer_signals

        with defer_signals():
            from pipeline.batch.events import Planned
            from pipeline.batch.run_context import RunOptions
            from pipeline.clip.parse import parse_deadline
            from pipeline.report.batch_run import BatchRun, paint_batch
            from pipeline.report.batch_text import PLAN_HEADS, plan_rows
            from pipeline.report.jsonlines import json_reporter
            from pipeline.report.lines import print_table

        lines = json_reporter(typer.echo) if json else None
        options = {**_given(config, set_), **{key: value for key, value in values.items() if value is not None}}
        finish = parse_deadline(budget, finish_by)
        run_options = RunOptions(overwrite, retry_failed, fail_fast, wait, device, finish)
        batch_run = BatchRun(
            inputs, style or [], output, name, pair, sequences, options, workers, threads, cluster, run_options, dry_run
        )
        with BatchReporter(screen, quiet, fail_fast) as reporter:

            def on_event(event: Any) -> None:
                reporter(event)
                if lines is not None:
                    lines(event)
                elif dry_run and isinstance(event, Planned):
                    print_table(out, "", PLAN_HEADS, plan_rows(event.rows))

            outcome = paint_batch(batch_run, on_event)
        code = outcome.planned_exit_code if dry_run else outcome.exit_code
        if code:
            raise typer.Exit(code)


@app.command(short_help="Measure how much a painted clip flickers and drifts.")
def measure(
    source: Annotated[
        Path, typer.Argument(metavar="INPUT", help="What was painted: a video, a GIF or a folder of pictures.")
    ],
    painting: Annotated[
        Path, typer.Argument(metavar="OUTPUT", help="What was made of it, by any program, at any size.")
    ],
    plot: Annotated[
        Path | None, typer.Option(metavar="FILE.png", help="Draw flicker, colour and sharpness over time.")
    ] = None,
    heatmap: Annotated[Path | None, typer.Option(metavar="FILE.mp4", help="A video of where it flickers.")] = None,
    frames: Annotated[
        str | None,
        typer.Option(metavar="A:B", help="OUTPUT was painted from frames A to B of INPUT, from 0; B is not included."),
    ] = None,
    cuts: Annotated[
        str, typer.Option(metavar="auto|none|LIST", help="Where shots begin; LIST is frame numbers, as 24,57.")
    ] = "auto",
    size: Annotated[
        int | None,
        typer.Option(
            min=16, show_default=False, help=_help("Longest side to compare at, in pixels.", "that of OUTPUT")
        ),
    ] = None,
    loop: Annotated[
        bool, typer.Option("--loop", help="Also measure from the last frame to the first, which follows it in a loop.")
    ] = False,
    overwrite: Overwrite = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress; only the result, and errors.")] = False,
    json: Annotated[
        bool, typer.Option("--json", help="Every frame and the summary on stdout as JSON, one object a line.")
    ] = False,
) -> None:
    """Measure how much a painted clip flickers, beside the input it was painted from; nothing is painted.

    E_warp (Lai et al. 2018) is what the motion of the input does not explain; the input's own is the floor.
    """
    with _errors("Nothing unfinished is left.", json):
        from pipeline.pictures.measure import MeasureJob, frame_as_json, run_measure
        from pipeline.report.console import show_count
        from pipeline.report.lines import print_table, print_text

        job = MeasureJob(source, painting, plot, heatmap, frames, cuts, size, overwrite, loop)
        with show_count(screen, quiet) as on_count:
            report = run_measure(job, on_count, lambda frame: typer.echo(frame_as_json(frame)) if json else None)
        if json:
            typer.echo(report.as_json())
        else:
            print_table(out, report.title, ("", "painting", "input", "ratio"), report.rows())
        if not quiet:
            for line in (*(f"note: {note}" for note in report.notes), *map(str, report.outputs)):
                print_text(screen, line)


@app.command(short_help="Paint a result again, or show how it was made.")
def replay(
    result: Annotated[
        Path, typer.Argument(metavar="RESULT", help="A video, GIF, folder or picture that Reelbrush has painted.")
    ],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="OUT", help="Where to paint it; the ending decides what it becomes."),
    ] = None,
    show: Annotated[bool, typer.Option("--show", help="Show how it was made; nothing is painted.")] = False,
    source: Annotated[
        Path | None, typer.Option("--input", metavar="FILE", help="The input, if it is not where it was.")
    ] = None,
    style: Annotated[
        list[Path] | None,
        typer.Option("--style", "-s", metavar="FILE", help="A style that is not where it was; in any order."),
    ] = None,
    search: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Look for input and styles here and below, under any name."),
    ] = None,
    weights: Weights = None,
    device: Device = "auto",
    overwrite: Overwrite = False,
    restart: Restart = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Paint a result again: the same frames, by what its metadata say of how it was made.

    Input, styles and network have to be the same; each is known by its content.
    """
    with _running(quiet, json, "The same command goes on; a picture begins anew.") as on_event:
        from pipeline.signals import defer_signals

        with defer_signals():
            from pipeline.clip.recorded import read_record
            from pipeline.clip.replay import ReplayJob, run_replay
            from pipeline.report.lines import print_table
            from pipeline.report.provenance import record_as_json, record_rows

        if show and json:
            typer.echo(record_as_json(read_record(result)))
        elif show:
            print_table(out, f"How {result} was made", ("what", "recorded"), record_rows(read_record(result)))
        elif output is None:
            raise UsageError("Say where to paint it with -o OUT, or see how it was made with --show.")
        else:
            job = ReplayJob(result, output, source, tuple(style or ()), search, weights, device, overwrite, restart)
            run_replay(job, on_event)


@app.command(short_help="Show many results on a sheet, or one after the other.")
def gallery(
    paintings: Annotated[
        list[Path],
        typer.Argument(metavar="PAINTING", help="Results, folders of them, or the folder of a batch."),
    ],
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", metavar="OUT", help="A contact sheet (.png, .jpg) or an animation (.gif, .mp4, .webm)."
        ),
    ],
    no_insets: Annotated[
        bool, typer.Option("--no-insets", help="Without content and styles, which are shown small in a corner of each.")
    ] = False,
    columns: Annotated[
        int | None, typer.Option(min=1, help="Columns of a sheet, at most; rows are filled evenly.")
    ] = None,
    size: Annotated[
        int | None,
        typer.Option(
            min=64,
            show_default=False,
            help=_help("Width of a sheet, or longest side of an animation, in pixels.", "1600 or 480, at most"),
        ),
    ] = None,
    max_bytes: MaxBytes = None,
    search: Search = None,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
) -> None:
    """Show many results: as one contact sheet, or as an animation that holds each and wipes to the next.

    Content and styles are found by what each result says of how it was made.
    """
    with _errors("Nothing unfinished is left."):
        from pipeline.signals import defer_signals

        with defer_signals():
            from pipeline.clip.parse import parse_bytes
            from pipeline.pictures.gallery import GalleryJob, run_gallery
            from pipeline.report.console import show_count

        allowed = None if max_bytes is None else parse_bytes(max_bytes)
        with show_count(screen, quiet) as on_count:
            job = GalleryJob(paintings, output, not no_insets, columns, size, search, overwrite, allowed)
            made = run_gallery(job, on_count)
        _made(output, f"{made.results} result{'s' * (made.results > 1)}, {made.width}x{made.height}", made.notes, quiet)


@app.command(short_help="Draw content + style = painting.")
def panels(
    pictures: Annotated[
        list[Path],
        typer.Argument(
            metavar="PICTURE",
            help="A painting, which says what it was painted from; or CONTENT, one STYLE or more, and PAINTING.",
        ),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="OUT", help=".png, .jpg, .webp or .tif.")],
    height: Annotated[
        int | None,
        typer.Option(
            min=16,
            show_default=False,
            help=_help("Height of the pictures in pixels.", "that of the painting, 240 to 720"),
        ),
    ] = None,
    labels: Annotated[bool, typer.Option("--labels", help="Say under each picture what it is.")] = False,
    search: Search = None,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
) -> None:
    """Draw content + style = painting, for a README or a paper. Of a clip, the frame in the middle is shown."""
    with _errors("Nothing unfinished is left."):
        from pipeline.signals import defer_signals

        with defer_signals():
            from pipeline.pictures.panels import PanelsJob, run_panels
            from pipeline.report.console import show_count

        with show_count(screen, quiet) as on_count:
            made = run_panels(PanelsJob(pictures, output, height, labels, search, overwrite), on_count)
        _made(output, f"{made.width}x{made.height}", made.notes, quiet)


@app.command(short_help="Show clips side by side, or with a wipe.")
def compare(
    clips: Annotated[
        list[Path],
        typer.Argument(
            metavar="CLIP",
            help="Two or more videos, GIFs, folders of pictures, pictures; of any size, rate and length.",
        ),
    ],
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            metavar="OUT",
            help=".mp4, .mov, .mkv, .webm, .gif or .webp; of pictures alone also .png, .jpg or .tif.",
        ),
    ],
    wipe: Annotated[
        bool, typer.Option("--wipe", help="Lay exactly two on one another, with a line that goes to and fro.")
    ] = False,
    label: Annotated[
        list[str] | None, typer.Option(metavar="TEXT", help="What to write on each, in order, not the file's name.")
    ] = None,
    no_labels: Annotated[bool, typer.Option("--no-labels", help="Write nothing on them.")] = False,
    height: Annotated[
        int | None,
        typer.Option(
            min=16,
            show_default=False,
            help=_help("Height of the clips in pixels.", "that of the tallest, up to 720 and 2560 across"),
        ),
    ] = None,
    max_bytes: MaxBytes = None,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
) -> None:
    """Show clips side by side, matched by time, with the sound of the first one that has some.

    It lasts as long as the longest. A shorter GIF begins again, of another shorter clip the last frame stays.
    """
    with _errors("Nothing unfinished is left."):
        from pipeline.clip.parse import parse_bytes
        from pipeline.pictures.compare import CompareJob, run_compare
        from pipeline.report.console import show_count

        allowed = None if max_bytes is None else parse_bytes(max_bytes)
        with show_count(screen, quiet) as on_count:
            labels = () if no_labels else label or None
            made = run_compare(CompareJob(clips, output, wipe, labels, height, overwrite, allowed), on_count)
        frames = "one frame" if made.frames == 1 else f"{made.frames} frames"
        what = f"{frames} of {made.width}x{made.height}, {made.seconds:.2f} s"
        what = what if made.seconds else f"{made.width}x{made.height}"
        _made(output, what, made.notes, quiet)


@app.command(short_help="Look at a job before a long batch: settings side by side, with what each costs.")
def preview(
    source: Annotated[Path, typer.Argument(metavar="INPUT", help="A video, a GIF, a folder of pictures or a picture.")],
    style: Annotated[
        list[str],
        typer.Option(
            "--style",
            "-s",
            metavar="FILE",
            help="Style picture; of several each is tried for itself. A blend: a.jpg:0.7+b.jpg:0.3",
        ),
    ],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="OUT", help="The sheet: .png, .jpg, .webp or .tif.")
    ] = None,
    cell: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Print only the command of this cell; without -o nothing is painted."),
    ] = None,
    strength: Annotated[
        list[float] | None,
        typer.Option(
            min=0,
            max=1,
            show_default=False,
            help=_help("How much style, 0 to 1; can be given several times.", "0.25, 0.5 and 0.75"),
        ),
    ] = None,
    count: Annotated[int, typer.Option(min=1, max=12, help="Number of frames to show, of each shot first.")] = 3,
    preset: Preset = "",
    weights: Weights = None,
    device: Device = "auto",
    size: Size = None,
    frames: Annotated[
        str | None, typer.Option(metavar="A:B", help="Only frames A to B, from 0; B is not included.")
    ] = None,
    fps: Annotated[str | None, typer.Option(metavar="RATE", help="Frames a second, as for 'reelbrush video'.")] = None,
    upscale: Upscale = False,
    config: Config = None,
    set_: Set = None,
    overwrite: Overwrite = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress and no notes; only the commands.")] = False,
) -> None:
    """Paint a few frames at draft size under several styles and strengths, on one sheet, before a long batch.

    The sheet says what the whole job takes in time, disk and memory. The command of every cell goes to stdout.
    """
    with _errors("Nothing unfinished is left."):
        from pipeline.signals import defer_signals

        if output is None and cell is None:
            raise UsageError("Say where the sheet goes with -o OUT.png, or which command to print with --cell N.")
        with defer_signals():
            from pipeline.pictures.preview import PreviewJob, run
            from pipeline.report.console import show_count

        typed = {
            "preset": preset or None, "weights": weights, "size": size, "frames": frames, "fps": fps,
            "upscale": upscale or None,
        }  # fmt: skip
        options = {**_given(config, set_), **{name: value for name, value in typed.items() if value is not None}}
        written = [word for name, value in typed.items() if value is not None for word in _written(name, value)]
        written += [] if device == "auto" else _written("device", device)
        written += [] if config is None else _written("config", config)
        written += [word for text in set_ or () for word in _written("set", text)]
        with show_count(screen, quiet) as on_count:
            job = PreviewJob(source, style, output, strength or (), count, device, options, written, overwrite)
            made = run(job, on_count, cell)
        for head, command in made.cells:
            typer.echo(f"# {head}\n{command}" if head and cell is None else command)
        if output is not None:
            _made(output, "", made.notes, quiet)


@app.command(short_help="Say how far a batch is, and when it will be done.")
def status(
    folder: Annotated[Path, typer.Argument(metavar="OUTDIR", help="The folder of the batch, as given with -o.")],
    watch: Annotated[bool, typer.Option("--watch", help="Go on showing it until the run ends, or Ctrl-C.")] = False,
    json: Annotated[
        bool, typer.Option("--json", help="As one JSON object; with --watch another one for every change.")
    ] = False,
) -> None:
    """Say how far a batch is: every painting, how fast it goes, and when all will be done."""
    with _errors(json=json), suppress(KeyboardInterrupt):
        from pipeline.batch.ledger import Ledger
        from pipeline.report.status import changed_only, watch_batch
        from pipeline.report.status_console import print_status, watch_status

        statuses = watch_batch(Ledger(folder))
        if json:
            for found in changed_only(statuses) if watch else [next(statuses)]:
                typer.echo(found.as_json())
        elif watch:
            watch_status(out, statuses)
        else:
            print_status(out, next(statuses))


@app.command()
def presets(
    name: Annotated[str | None, typer.Argument(help="Show every setting of this preset, as TOML for --config.")] = None,
) -> None:
    """Show the presets, or one of them with every setting."""
    with _errors():
        from pipeline.report.lines import print_table

        if name is None:
            print_table(out, "Presets", ("name", "what it is"), list(PRESETS.items()))
            return
        typer.echo(resolve(name).as_toml(comments=True), nl=False)


@app.command(short_help="Say what this machine has, and what a job would use.")
def doctor(json: Annotated[bool, typer.Option("--json", help="As one JSON object.")] = False) -> None:
    """Say what this machine has: device, precision, ffmpeg, codecs, weights, disk."""
    with _errors():
        from pipeline.report.doctor import inspect_machine

        findings = inspect_machine()
        if json:
            typer.echo(findings.as_json())
        else:
            from pipeline.report.lines import print_table

            print_table(out, "", ("what", "found"), findings.rows())


@weights_app.command("list")
def weights_list(json: Annotated[bool, typer.Option("--json", help="As JSON, one object a line.")] = False) -> None:
    """Show every network, whether its weights are here, and where."""
    with _errors():
        from pipeline.report.weights import print_weights, weights_as_json

        if json:
            typer.echo(weights_as_json())
        else:
            print_weights(out)


@weights_app.command("download")
def weights_download(
    network: Annotated[
        str, typer.Argument(help="vgg19 (548 MB; 80 MB are kept), or for --flow: raft (21 MB) or raft-small (4 MB).")
    ] = "vgg19",
    quiet: Quiet = False,
) -> None:
    """Download the weights of a network. An interrupted download goes on with the same command."""
    with _errors("The part that is there is kept; the same command goes on."):
        from pipeline.report.weights import download_with_progress

        out.print(str(download_with_progress(network, screen, quiet)), highlight=False, soft_wrap=True, markup=False)


@weights_app.command("import")
def weights_import(
    file: Annotated[Path, typer.Argument(help="A VGG-19 file in torchvision's layout: .pth or .safetensors.")],
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace weights that are here already.")] = False,
) -> None:
    """Take VGG-19's weights from a file that was downloaded elsewhere."""
    with _errors():
        from pipeline.network.weights import import_weights

        out.print(str(import_weights(file, overwrite)), highlight=False, soft_wrap=True, markup=False)


FigureFile = Annotated[Path, typer.Option("--output", "-o", metavar="FIG", help=".svg, .png, .jpg, .webp or .tif.")]
# Figures are painted with another preset where none is named.
DraftSize = Annotated[int | None, _setting("size", preset="draft")]
DraftSteps = Annotated[int | None, _setting("steps", preset="draft")]
DraftSeed = Annotated[int | None, _setting("seed", preset="draft")]


@figure_app.command("reconstruct")
def figure_reconstruct(
    content: Annotated[Path, typer.Argument(metavar="CONTENT", help="The picture whose content is reconstructed.")],
    style: Annotated[Path, typer.Argument(metavar="STYLE", help="The picture whose style is reconstructed.")],
    output: FigureFile,
    content_layers: Annotated[
        str,
        typer.Option(
            metavar="LAYER,LAYER",
            show_default=False,
            help=_help("One reconstruction from each.", "relu1_2 to relu5_2, or the nearest that the network has"),
        ),
    ] = "",
    style_layers: Annotated[
        str,
        typer.Option(
            metavar="LAYER,LAYER",
            show_default=False,
            help=_help("One from the first, one from the first two, and so on.", "relu1_1 to relu5_1"),
        ),
    ] = "",
    steps: Annotated[int, typer.Option(min=1, help="Steps of a reconstruction, at most.")] = 500,
    tv_weight: Annotated[
        float,
        typer.Option(min=0, help="Weight of the total variation, which clears away noise that a layer cannot see."),
    ] = 0.03,
    size: Annotated[int, typer.Option(min=16, help="Longest side of a reconstruction in pixels.")] = 192,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the white noise.")] = 0,
    weights: Weights = None,
    device: Device = "auto",
    overwrite: Overwrite = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Show what the layers know: content and style, reconstructed from white noise (Gatys et al. 2016, Figure 1)."""
    with _figure(quiet, json) as on_count:
        from pipeline.signals import defer_signals

        with defer_signals():
            from pipeline.clip.parse import parse_names
            from pipeline.pictures.figures.reconstruct import HEADS, ReconstructJob, run_reconstruct
            from pipeline.report.lines import print_table

        job = ReconstructJob(
            content, style, output, parse_names(content_layers), parse_names(style_layers), size, steps, tv_weight,
            seed, weights, device, overwrite,
        )  # fmt: skip
        found = run_reconstruct(job, on_count)
    if json:
        typer.echo(found.as_json())
    elif not quiet:
        print_table(out, found.title, HEADS, [row.texts() for row in found.rows])
    _made(output, "", found.notes, quiet)


@figure_app.command("features")
def figure_features(
    picture: Annotated[Path, typer.Argument(metavar="PICTURE", help="What the network looks at.")],
    output: FigureFile,
    other: Annotated[
        Path | None, typer.Argument(metavar="PICTURE2", help="Another one beside it, as a style beside a content.")
    ] = None,
    gram: Annotated[bool, typer.Option("--gram", help="Show the Gram matrices of the layers instead of maps.")] = False,
    layers: Annotated[
        str,
        typer.Option(
            metavar="LAYER,LAYER",
            show_default=False,
            help=_help("Layers of the network, from low to high.", "the first rectified one of every block"),
        ),
    ] = "",
    maps: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=64,
            show_default=False,
            help=_help("Maps shown of each layer: those that vary most.", "8; of two pictures 5"),
        ),
    ] = None,
    size: Annotated[int, typer.Option(min=16, help="Longest side at which the network sees the picture.")] = 256,
    weights: Weights = None,
    device: Device = "auto",
    overwrite: Overwrite = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Show what each layer of the network sees of a picture: its strongest maps, or how they go together."""
    with _figure(quiet, json) as on_count:
        from pipeline.signals import defer_signals

        with defer_signals():
            from pipeline.clip.parse import parse_names
            from pipeline.pictures.figures.features import FeaturesJob, run_features

        pictures = (picture,) if other is None else (picture, other)
        job = FeaturesJob(
            pictures, output, parse_names(layers), maps, gram, size, weights, device, overwrite
        )  # fmt: skip
        found = run_features(job, on_count)
    if json:
        typer.echo(found.as_json())
    _made(output, "", found.notes, quiet)


@figure_app.command("weights")
def figure_weights(
    content: Annotated[Path, typer.Argument(metavar="CONTENT", help="The picture to paint.")],
    style: Annotated[Path, typer.Argument(metavar="STYLE", help="The style picture.")],
    output: FigureFile,
    ratios: Annotated[
        str | None,
        typer.Option(
            metavar="A,B",
            show_default=False,
            help=_help("Content weight / style weight, a column each.", "1/100, 1/10, 1 and 10 times the preset's"),
        ),
    ] = None,
    preset: Annotated[str, typer.Option(help="Settings of the paintings.")] = "draft",
    size: Annotated[int, typer.Option(min=16, help="Longest side of a painting in pixels.")] = 192,
    steps: DraftSteps = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the noise.")] = 0,
    weights: Weights = None,
    device: Device = "auto",
    overwrite: Overwrite = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Paint a grid: content against style from left to right, more and more layers of the style downward."""
    with _figure(quiet, json) as on_count:
        from pipeline.signals import defer_signals

        with defer_signals():
            from pipeline.clip.parse import parse_ratios
            from pipeline.pictures.figures.weights import WeightsJob, run_weights

        wanted = () if ratios is None else parse_ratios(ratios)
        job = WeightsJob(
            content, style, output, wanted, preset, size, steps, seed, weights, device, overwrite
        )  # fmt: skip
        found = run_weights(job, on_count)
    if json:
        typer.echo(found.as_json())
    _made(output, "", (), quiet)


@figure_app.command("losses")
def figure_losses(
    place: Annotated[
        Path,
        typer.Argument(
            metavar="PICTURE|FOLDER",
            help=(
                "A picture to paint, or one that Reelbrush has painted; or the work folder of a clip or a picture "
                "(OUT.reelbrush, kept with --keep), the folder of a batch, or a clip in it."
            ),
        ),
    ],
    output: FigureFile,
    style: Annotated[
        list[str] | None, typer.Option("--style", "-s", metavar="FILE[:WEIGHT]", help="Style of a picture to paint.")
    ] = None,
    preset: Annotated[str, typer.Option(help="Settings of a picture to paint.")] = "draft",
    size: DraftSize = None,
    steps: DraftSteps = None,
    seed: DraftSeed = None,
    weights: Weights = None,
    device: Device = "auto",
    set_: Set = None,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Plot every term of the loss over the steps of a picture, or over the frames of a clip in each of its passes."""
    with _figure(quiet, json) as on_count:
        from pipeline.signals import defer_signals

        with defer_signals():
            from pipeline.pictures.figures.losses import LossesJob, run_losses

        given = {name: value for name, value in (("size", size), ("steps", steps), ("seed", seed)) if value is not None}
        job = LossesJob(
            place, output, tuple(style or ()), preset, weights, device, {**_given(None, set_), **given},
            overwrite,
        )  # fmt: skip
        found = run_losses(job, on_count)
    if json:
        typer.echo(found.as_json())
    _made(output, "", (), quiet)


@contextmanager
def _figure(quiet: bool, json: bool) -> Iterator[Any]:
    """A figure in the making, with its progress on stderr and its errors as paragraphs."""
    from pipeline.report.console import show_count

    with _errors("Nothing unfinished is left.", json), show_count(screen, quiet) as on_count:
        yield on_count


def _painting(preset: str, config: Path | None, set_: list[str] | None, given: dict[str, Any]) -> dict[str, Any]:
    """Preset and single settings: the file's, then --set, then the options of their own."""
    values = _given(config, set_)
    values.update({name: value for name, value in given.items() if value is not None})
    values["preset"] = preset or values.get("preset", DEFAULT_PRESET)
    return values


def _given(config: Path | None, set_: list[str] | None) -> dict[str, Any]:
    """The settings of a file, and of --set, which win."""
    values = read_config(config) if config is not None else {}
    values.update(read_assignment(text) for text in set_ or [])
    return values


def _written(name: str, value: Any) -> list[str]:
    """An option as one types it."""
    return [f"--{name}"] if value is True else [f"--{name}", str(value)]


def _made(output: Path, what: str, notes: Iterable[str], quiet: bool) -> None:
    """Say what was made, and what a person should know of it."""
    _noted(notes, quiet)
    if not quiet:
        from pipeline.report.lines import print_text

        print_text(screen, f"{output} ({what})" if what else str(output))


def _noted(notes: Iterable[str], quiet: bool) -> None:
    """Say what a person should know."""
    from pipeline.report.lines import print_text

    for note in () if quiet else notes:
        print_text(screen, f"note: {note}")


@contextmanager
def _running(quiet: bool, json: bool, interrupted: str) -> Iterator[OnEvent]:
    """A job with its progress on stderr, its events on stdout where asked, and its errors as paragraphs."""
    from pipeline.report.console import ConsoleReporter
    from pipeline.report.jsonlines import json_reporter

    with _errors(interrupted, json), ExitStack() as stack:
        console = stack.enter_context(ConsoleReporter(screen, quiet))
        lines = json_reporter(typer.echo) if json else None

        def on_event(event: Any) -> None:
            console(event)
            if lines is not None:
                lines(event)

        yield on_event


@contextmanager
def _errors(interrupted: str = "", json: bool = False) -> Iterator[None]:
    """Turn what can go wrong into one paragraph and the right exit code."""
    from pipeline.report.failures import error_text
    from pipeline.report.lines import print_text
    from pipeline.signals import Terminated, on_sigterm
    from pipeline.text import sanitize

    on_sigterm()
    try:
        yield
    except (typer.Exit, BrokenPipeError):
        raise
    except (ReelbrushError, OSError, RuntimeError, MemoryError) as error:
        paragraph, code = error_text(error)
        print_text(screen, Text.assemble(("Error:", "bold red"), " ", sanitize(paragraph)))
        _last_line(json, "error", paragraph, code)
        raise typer.Exit(code) from None
    except (KeyboardInterrupt, Terminated) as stop:
        paragraph, code = f"Interrupted. {interrupted}".strip(), 143 if isinstance(stop, Terminated) else 130
        print_text(screen, paragraph)
        _last_line(json, "interrupted", paragraph, code)
        raise typer.Exit(code) from None


def _last_line(json: bool, event: str, message: str, code: int) -> None:
    """With --json, the last line says why there is no result."""
    if json:
        from json import dumps

        # Where stdout is what broke, stderr has said it already.
        with suppress(OSError):
            typer.echo(dumps({"event": event, "message": message, "exit_code": code}))


def main() -> None:
    """Entry point of the command `reelbrush`."""
    escape_unencodable_output()
    app()


if __name__ == "__main__":
    main()
