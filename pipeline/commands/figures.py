"""Figures of the method: the commands of the group `figure`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from pipeline.commands.console import Talk, drawing, out, say_made
from pipeline.commands.painting import OF_A_PICTURE, Assigned
from pipeline.commands.signature import command
from pipeline.options import Group, Typed
from pipeline.pictures.jobs import FeaturesJob, LossesJob, ReconstructJob, WeightsJob
from pipeline.settings import Settings
from pipeline.signals import defer_signals

figure_app = typer.Typer(help="Figures of the method, for a paper or a talk.", no_args_is_help=True)


def _check_figure(output: Path, sources: Sequence[Path]) -> None:
    """As whoever draws it, but before torch is imported."""
    from pipeline.pictures.figures.page import check_figure

    check_figure(output, sources)


@command(
    figure_app,
    short_help="Show what layers know, by pictures reconstructed from noise.",
    examples=("reelbrush figure reconstruct cat.jpg scream.jpg -o layers.png",),
)
def reconstruct(job: ReconstructJob, talk: Talk) -> None:
    """Show what the layers know: content and style, reconstructed from white noise (Gatys et al. 2016, Figure 1)."""
    with drawing(talk, talk.json) as on_count:
        _check_figure(job.output, (job.content, job.style))
        with defer_signals():
            from pipeline.pictures.figures.reconstruct import HEADS, run_reconstruct
            from pipeline.report.lines import print_table

        found = run_reconstruct(job, on_count)
    if talk.json:
        typer.echo(found.as_json())
    elif not talk.quiet:
        print_table(out, found.title, HEADS, [row.texts() for row in found.rows])
    say_made(job.output, "", found.notes, talk)


@command(
    figure_app,
    short_help="Show what each layer of the network sees of a picture.",
    examples=(
        "reelbrush figure features cat.jpg -o maps.png",
        "reelbrush figure features cat.jpg scream.jpg -o gram.png --gram",
    ),
)
def features(job: FeaturesJob, talk: Talk) -> None:
    """Show what each layer of the network sees of a picture: its strongest maps, or how they go together."""
    with drawing(talk, talk.json) as on_count:
        _check_figure(job.output, job.pictures)
        with defer_signals():
            from pipeline.pictures.figures.features import run_features

        found = run_features(job, on_count)
    if talk.json:
        typer.echo(found.as_json())
    say_made(job.output, "", found.notes, talk)


@command(
    figure_app,
    short_help="Paint a grid: content against style, and the layers of the style.",
    examples=("reelbrush figure weights cat.jpg scream.jpg -o weights.png --ratios 0.01,0.1,1",),
)
def weights(job: WeightsJob, talk: Talk) -> None:
    """Paint a grid: content against style from left to right, more and more layers of the style downward."""
    with drawing(talk, talk.json) as on_count:
        _check_figure(job.output, (job.content, job.style))
        with defer_signals():
            from pipeline.pictures.figures.weights import run_weights

        found = run_weights(job, on_count)
    if talk.json:
        typer.echo(found.as_json())
    say_made(job.output, "", (), talk)


@command(
    figure_app,
    short_help="Plot every term of the loss over steps or frames.",
    examples=(
        "reelbrush figure losses cat.jpg -s scream.jpg -o losses.svg",
        "reelbrush figure losses painted.mp4.reelbrush -o losses.svg",
    ),
)
def losses(
    job: LossesJob,
    typed: Annotated[Typed, Group(Settings, only=("size", "steps", "seed"), preset="draft", about=OF_A_PICTURE)],
    others: Assigned,
    talk: Talk,
) -> None:
    """Plot every term of the loss over the steps of a picture, or over the frames of a clip in each of its passes."""
    with drawing(talk, talk.json) as on_count:
        _check_figure(job.output, (job.place,))
        with defer_signals():
            from pipeline.pictures.figures.losses import run_losses

        found = run_losses(replace(job, settings={**others.values(), **typed}), on_count)
    if talk.json:
        typer.echo(found.as_json())
    say_made(job.output, "", found.notes, talk)
