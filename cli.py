"""The command line of Reelbrush: it parses, calls and prints. What it calls lives in `pipeline/`.

A command is a function of the objects that it works with; its options are their fields, see `pipeline.commands`.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from pipeline import __version__
from pipeline.batch.jobs import BatchRun, RunOptions
from pipeline.batch.plan.options import Options
from pipeline.clip.jobs import OVERWRITE, ClipJob, ReplayJob, StillJob, TimeLimit
from pipeline.clip.left_behind import LeftBehind
from pipeline.clip.parse import refuse_clip_settings
from pipeline.commands.console import (
    AsJson,
    Quiet,
    Talk,
    Telling,
    TellingAll,
    drawing,
    errors,
    out,
    running,
    say_line,
    say_made,
    screen,
)
from pipeline.commands.figures import figure_app
from pipeline.commands.painting import ClipPainting, Painting, PreviewPainting, StudioPainting
from pipeline.commands.signature import command
from pipeline.commands.streams import StreamFormat, refuse_streams, through_files, with_image_command
from pipeline.errors import UsageError
from pipeline.network.memory import keep_freed_memory
from pipeline.options import OUTPUT, REPORT, Group, Typed, argument, option
from pipeline.pictures.jobs import (
    CompareJob,
    GalleryJob,
    MeasureJob,
    PanelsJob,
    PreviewJob,
    StoryFiles,
    StoryJob,
    StoryOptions,
)
from pipeline.settings import PRESETS, resolve
from pipeline.signals import between_events, defer_signals
from pipeline.studio.jobs import StudioJob
from pipeline.studio.live_option import Live
from pipeline.text import escape_unencodable_output

# Idle OpenMP threads that spin take the cores from ffmpeg and from whatever else runs. A step took, on two idle cores
# and with one of them busy: spinning as by default 73 and 253 ms, never 89 and 129 ms, briefly 77 and 146 ms.
# It has to be said before torch is imported; who has said something else is left alone.
if "OMP_WAIT_POLICY" not in os.environ:
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")
keep_freed_memory()

app = typer.Typer(
    name="reelbrush",
    help="Repaint videos, GIFs and pictures in the style of a painting (Gatys, Ecker and Bethge 2016).",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
weights_app = typer.Typer(help="The weights of the networks: see, download, import.", no_args_is_help=True)
app.add_typer(weights_app, name="weights")
app.add_typer(figure_app, name="figure")


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


# ---- painting


@command(
    app,
    examples=(
        "reelbrush video clip.mp4 -s scream.jpg -o painted.mp4",
        "reelbrush video clip.mp4 -s scream.jpg -o a.gif --frames 0:2s --preset draft",
        "reelbrush video dance.gif -s ink.jpg:0.7 -s wave.jpg:0.3 -o b.webm --loop",
    ),
)
def video(job: ClipJob, painting: ClipPainting, limit: TimeLimit, talk: Talk, live: Live) -> None:
    """Paint a video, a GIF or a folder of pictures in the style of a painting, frame by frame.

    If it is interrupted, give the same command again: it goes on where it was.
    """
    left = LeftBehind(job.output)
    with running(talk, left) as on_event:
        refuse_streams(job.source, *job.outputs, *(style.path for style in job.styles))
        until = limit.until()
        settings = painting.check()
        from pipeline.clip.checks import check_clip

        job = replace(job, init=painting.start, keyframes=job.keyframes or painting.keyframes)
        check_clip(job, settings, more=painting.shows_later)
        with live.shown(job.source, left.watching(on_event), say_line) as shown:
            with defer_signals():
                from pipeline.clip.clip import run_clip
                from pipeline.clip.deadline import Deadline

            engine = painting.engine()
            deadline = None if until is None else Deadline(until)
            run_clip(job, engine, shown.ready(), deadline, shown.on_look)


@command(
    app,
    examples=(
        "reelbrush image cat.jpg -s scream.jpg -o painted.png",
        "reelbrush image cat.jpg -s scream.jpg -o painted.png --story s.gif --panels",
        "reelbrush image - -s scream.jpg -o - --format jpg > painted.jpg",
    ),
)
def image(
    files: StoryFiles,
    options: Annotated[StoryOptions, Group(StoryOptions, called={"frames": "story_frames", "size": "story_size"})],
    job: StillJob,
    form: StreamFormat,
    painting: Painting,
    talk: Talk,
    live: Live,
) -> None:
    """Paint one picture in the style of a painting; with --story, also show how it came about.

    If it is interrupted, give the same command again: it goes on where it was. To take it as it is, add --accept.
    """
    left = LeftBehind(job.output, accept=True)
    with running(talk, left) as on_event:
        refuse_clip_settings(painting.assigned_values())
        painting.refuse_keyframes()
        painting.check()
        job = replace(job, init=painting.start)
        nameless = {"--keep": files.keep, "--accept": job.accept, "--json": talk.json}
        with through_files(job, form, nameless, left.watching(on_event)) as (placed, told):
            from pipeline.clip.checks import check_still
            from pipeline.pictures.story_job import check_story_files, paint_with_story, refuse_existing_story

            check_story_files(placed, files, options)
            check_still(placed, more=painting.shows_later)
            refuse_existing_story(placed, files, more=painting.shows_later)
            with live.shown(job.content, told, say_line) as shown:
                engine = painting.engine()
                with between_events(shown.ready()) as told_between:
                    paint_with_story(placed, files, options, engine, told_between, shown.on_look)


@command(
    app,
    short_help="Show how a picture was painted, as a GIF or a video.",
    examples=("reelbrush story painted.png.reelbrush -o story.mp4 --curve",),
)
def story(options: StoryOptions, job: StoryJob, talk: Talk) -> None:
    """Show how a picture was painted, from the snapshots that were kept; nothing is painted again.

    Snapshots are kept at 640 pixels, or at the --story-size that the picture was painted with.
    """
    with running(talk, "Nothing unfinished is left.") as on_event:
        from pipeline.pictures.story_job import retell_story

        retell_story(job.folder, job.output, options, on_event, job.overwrite)


@command(
    app,
    short_help="Paint many clips and pictures; start it in the evening.",
    examples=(
        "reelbrush batch holiday/ -s scream.jpg -s wave.jpg -o painted/",
        "reelbrush batch holiday/ -s scream.jpg -o painted/ --dry-run --finish-by 07:00",
        "reelbrush batch job.toml",
    ),
)
def batch(
    run: BatchRun,
    options: Annotated[Typed, Group(Options, without=("preset", "weights"))],
    painting: Annotated[ClipPainting, Group(ClipPainting, without=("device",))],
    how: RunOptions,
    limit: TimeLimit,
    talk: Talk,
) -> None:
    """Paint every input in every style, each to a file of its own. One bad file spoils only itself.

    If it is interrupted, give the same command again: it goes on where it was.

    Exit codes: 0 all done, 3 some failed, 1 all failed, 2 a mistake on the command line, 130 and 143 interrupted.
    """
    with errors("What is finished is kept; the same command goes on where it was.", talk.json):
        refuse_streams(*run.inputs, *run.styles, run.folder)
        from pipeline.batch.events import Planned
        from pipeline.report.batch_console import BatchReporter
        from pipeline.report.batch_run import paint_batch
        from pipeline.report.batch_text import PLAN_HEADS, plan_rows
        from pipeline.report.jsonlines import json_reporter
        from pipeline.report.lines import print_table

        lines = json_reporter(typer.echo) if talk.json else None
        whole = replace(
            run,
            options=painting.options(options),
            run_options=replace(how, finish_by=limit.until()),
        )
        with BatchReporter(screen, talk.quiet, how.fail_fast) as reporter:

            def on_event(event: Any) -> None:
                reporter(event)
                if lines is not None:
                    lines(event)
                elif run.dry_run and isinstance(event, Planned):
                    print_table(out, "", PLAN_HEADS, plan_rows(event.rows))

            outcome = paint_batch(whole, on_event)
        code = outcome.planned_exit_code if run.dry_run else outcome.exit_code
        if code:
            raise typer.Exit(code)


@dataclass(frozen=True)
class _Show:
    show: bool = field(default=False, metadata=option("Show how it was made; nothing is painted.", OUTPUT))


@command(
    app,
    short_help="Paint a result again, or show how it was made.",
    examples=("reelbrush replay painted.mp4 --show", "reelbrush replay painted.mp4 -o again.mp4 --search ~/pictures"),
)
def replay(job: ReplayJob, how: _Show, talk: Talk) -> None:
    """Paint a result again: the same frames, by what its metadata say of how it was made.

    Input, styles and network have to be the same; each is known by its content.
    """
    left = LeftBehind(job.output)
    with running(talk, left) as on_event:
        from pipeline.clip.record_reading import read_record
        from pipeline.report.lines import print_table
        from pipeline.report.provenance import record_as_json, record_rows

        record = read_record(job.result)
        if how.show and talk.json:
            typer.echo(record_as_json(record))
        elif how.show:
            print_table(out, f"How {job.result} was made", ("what", "recorded"), record_rows(record))
        else:
            with defer_signals():
                from pipeline.clip.replay import run_replay

            run_replay(job, left.watching(on_event))


# ---- looking at what was painted, or will be


@command(
    app,
    short_help="Look at a job before it is painted: settings side by side, with what each costs.",
    examples=(
        "reelbrush preview clip.mp4 -s ink.jpg -s wave.jpg -o sheet.png",
        "reelbrush preview clip.mp4 -s ink.jpg --strength 0.3 --strength 0.6 --cell 2",
    ),
)
def preview(
    job: PreviewJob,
    options: Annotated[
        Typed,
        Group(
            Options,
            only=(
                *("frames", "fps", "upscale", "aspect", "pad", "output_size", "alpha"),
                *("region", "protect", "keyframes"),
            ),
        ),
    ],
    painting: PreviewPainting,
    talk: Telling,
) -> None:
    """Paint a few frames at draft size under several styles and strengths, on one sheet.

    The sheet says what the whole job takes in time, disk and memory. The command of every cell goes to stdout.
    """
    with drawing(talk) as on_count:
        refuse_streams(job.source, *job.styles, job.output)
        if job.output is None and job.cell is None:
            raise UsageError("Say where the sheet goes with -o OUT.png, or which command to print with --cell N.")
        from pipeline.pictures.preview import run_preview

        whole = replace(
            job,
            device=painting.device,
            options=painting.options(options),
            written=painting.typed_words(options),
        )
        made = run_preview(whole, on_count)
    for head, line in made.cells:
        typer.echo(f"# {head}\n{line}" if head and job.cell is None else line)
    if job.output is not None:
        say_made(job.output, "", made.notes, talk)


@command(
    app,
    short_help="Try settings on a local page while the painting appears.",
    examples=("reelbrush studio clip.mp4 -s scream.jpg", "reelbrush studio --no-browser --port 8765"),
)
def studio(job: StudioJob, painting: StudioPainting) -> None:
    """Open a page in the browser: drop a clip or a picture and paintings, and see the painting come as you change it.

    Only the address that is shown opens it, on this machine. What was dropped is removed at the end; Ctrl-C ends it.
    """
    with errors("Where a job was begun, what it has finished is kept, and the command that the page shows goes on."):
        painting.check()
        painting.refuse_keyframes()
        from pipeline.studio.server import run_studio

        say = partial(out.print, highlight=False, soft_wrap=True)
        run_studio(job, painting.values(), painting.hidden_words(), painting.weights, painting.device, say)


@command(
    app,
    short_help="Measure how much a painted clip flickers and drifts.",
    examples=("reelbrush measure holiday.mp4 painted.mp4 --plot flicker.png",),
)
def measure(job: MeasureJob, talk: TellingAll) -> None:
    """Measure how much a painted clip flickers, beside the input it was painted from; nothing is painted.

    E_warp (Lai et al. 2018) is the change from frame to frame that the motion of the input does not explain: the less,
    the steadier. No painting can be expected to have less than the input itself, which is measured beside it. Every
    frame is told with --json, and the summary last.
    """
    with errors("Nothing unfinished is left.", talk.json):
        from pipeline.pictures.measure import frame_as_json, run_measure
        from pipeline.report.console import show_count
        from pipeline.report.lines import print_table, print_text

        with show_count(screen, talk.quiet) as on_count:
            report = run_measure(job, on_count, lambda frame: typer.echo(frame_as_json(frame)) if talk.json else None)
        if talk.json:
            typer.echo(report.as_json())
        else:
            print_table(out, report.title, ("", "painting", "input", "ratio"), report.rows())
        if not talk.quiet:
            for line in (*(f"note: {note}" for note in report.notes), *map(str, report.outputs)):
                print_text(screen, line)


@command(
    app,
    short_help="Show many results on a sheet, or one after the other.",
    examples=("reelbrush gallery painted/ -o gallery.jpg", "reelbrush gallery painted/ -o gallery.gif --max-bytes 5MB"),
)
def gallery(job: GalleryJob, talk: Quiet) -> None:
    """Show many results: as one contact sheet, or as an animation that holds each and wipes to the next.

    Content and styles are found by what each result says of how it was made.
    """
    with drawing(talk) as on_count:
        from pipeline.pictures.gallery import run_gallery

        made = run_gallery(job, on_count)
    what = f"{made.results} result{'s' * (made.results > 1)}, {made.width}x{made.height}"
    say_made(job.output, what, made.notes, talk)


@command(
    app,
    short_help="Draw content + style = painting.",
    examples=(
        "reelbrush panels painted.png -o figure.png --labels",
        "reelbrush panels cat.jpg scream.jpg painted.png -o figure.png",
    ),
)
def panels(job: PanelsJob, talk: Quiet) -> None:
    """Draw content + style = painting, for a README or a paper. Of a clip, the frame in the middle is shown."""
    with drawing(talk) as on_count:
        from pipeline.pictures.panels import run_panels

        made = run_panels(job, on_count)
    say_made(job.output, f"{made.width}x{made.height}", made.notes, talk)


@command(
    app,
    short_help="Show clips side by side, or with a wipe.",
    examples=(
        "reelbrush compare a.mp4 painted.mp4 -o both.mp4 --label before --label after",
        "reelbrush compare clip.mp4 painted.mp4 -o wipe.gif --wipe --max-bytes 5MB",
    ),
)
def compare(job: CompareJob, talk: Quiet) -> None:
    """Show clips side by side, matched by time, with the sound of the first one that has some.

    It lasts as long as the longest. A shorter GIF begins again, of another shorter clip the last frame stays.
    """
    with drawing(talk) as on_count:
        from pipeline.pictures.compare import run_compare

        made = run_compare(job, on_count)
    frames = "one frame" if made.frames == 1 else f"{made.frames} frames"
    size = f"{made.width}x{made.height}"
    say_made(job.output, f"{frames} of {size}, {made.seconds:.2f} s" if made.seconds else size, made.notes, talk)


# ---- what there is


@dataclass(frozen=True)
class _Watched:
    folder: Path = field(metadata=argument("The folder of the batch, as given with -o.", "OUTDIR"))
    watch: bool = field(default=False, metadata=option("Go on showing it until the run ends, or Ctrl-C.", REPORT))


@command(
    app,
    short_help="Say how far a batch is, and when it will be done.",
    examples=("reelbrush status painted/ --watch",),
)
def status(what: _Watched, talk: AsJson) -> None:
    """Say how far a batch is: every painting, how fast it goes, and when all will be done.

    With --watch and --json, an object is printed for every change.
    """
    with errors(json=talk.json), suppress(KeyboardInterrupt):
        from pipeline.batch.ledger import Ledger
        from pipeline.report.status import changed_only, watch_batch
        from pipeline.report.status_console import print_status, watch_status

        statuses = watch_batch(Ledger(what.folder))
        if talk.json:
            for found in changed_only(statuses) if what.watch else [next(statuses)]:
                typer.echo(found.as_json())
        elif what.watch:
            watch_status(out, statuses)
        else:
            print_status(out, next(statuses))


@dataclass(frozen=True)
class _Preset:
    name: str | None = field(
        default=None,
        metadata=argument(
            "Show every setting of this preset, as TOML for --config.", "NAME", suggested=lambda: PRESETS
        ),
    )


@command(app, examples=("reelbrush presets fine > mine.toml",))
def presets(which: _Preset) -> None:
    """Show the presets, or one of them with every setting."""
    with errors():
        from pipeline.report.lines import print_table

        if which.name is None:
            print_table(out, "Presets", ("name", "what it is"), list(PRESETS.items()))
            return
        typer.echo(resolve(which.name).as_toml(comments=True), nl=False)


@command(app, short_help="Say what this machine has, and what a job would use.")
def doctor(talk: AsJson) -> None:
    """Say what this machine has: device, precision, ffmpeg, codecs, weights, disk."""
    with errors():
        from pipeline.report.doctor import inspect_machine

        findings = inspect_machine()
        if talk.json:
            typer.echo(findings.as_json())
        else:
            from pipeline.report.lines import print_table

            print_table(out, "", ("what", "found"), findings.rows())


@command(weights_app, name="list")
def weights_list(talk: AsJson) -> None:
    """Show every network, whether its weights are here, and where."""
    with errors():
        from pipeline.report.weights import print_weights, weights_as_json

        if talk.json:
            typer.echo(weights_as_json())
        else:
            print_weights(out)


@dataclass(frozen=True)
class _Download:
    network: str = field(
        default="vgg19",
        metadata=argument(
            "vgg19 (548 MB; 80 MB are kept), or for --flow: raft (21 MB) or raft-small (4 MB).",
            "NETWORK",
            suggested=lambda: ("vgg19", "raft", "raft-small"),
        ),
    )


@command(weights_app, name="download", examples=("reelbrush weights download", "reelbrush weights download raft"))
def weights_download(what: _Download, talk: Quiet) -> None:
    """Download the weights of a network. An interrupted download goes on with the same command."""
    with errors("The part that is there is kept; the same command goes on."):
        from pipeline.report.weights import download_with_progress

        path = download_with_progress(what.network, screen, talk.quiet)
        out.print(str(path), highlight=False, soft_wrap=True, markup=False)


@dataclass(frozen=True)
class _Import:
    file: Path = field(metadata=argument("A VGG-19 file in torchvision's layout: .pth or .safetensors.", "FILE"))
    overwrite: bool = field(default=False, metadata=OVERWRITE)


@command(weights_app, name="import", examples=("reelbrush weights import vgg19-dcbb9e9d.pth",))
def weights_import(what: _Import) -> None:
    """Take VGG-19's weights from a file that was downloaded elsewhere."""
    with errors():
        from pipeline.network.weights import import_weights

        out.print(str(import_weights(what.file, what.overwrite)), highlight=False, soft_wrap=True, markup=False)


def main() -> None:
    """Entry point of the command `reelbrush`."""
    escape_unencodable_output()
    try:
        app(with_image_command(sys.argv[1:]), prog_name="reelbrush")
    except OSError as error:  # of the stdout that a help goes to: what a command does has its own words
        from pipeline.report.failures import error_text

        paragraph, code = error_text(error)
        say_line(f"Error: {paragraph}")
        sys.exit(code)


if __name__ == "__main__":
    main()
