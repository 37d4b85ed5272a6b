"""`reelbrush figure losses`: every term of the loss over the steps of a picture, or over the frames of clips."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from pipeline.clip.checks import check_still
from pipeline.clip.engine import Engine, open_engine
from pipeline.clip.events import ignore
from pipeline.clip.jobs import ReplayJob, StillJob, parse_style
from pipeline.clip.replay import prepare_replay
from pipeline.clip.still import run_still
from pipeline.errors import MediaError, ReplayError, UsageError
from pipeline.media import refuse_existing, write_picture
from pipeline.pictures.caption import legible_labels
from pipeline.pictures.figures.loss_sources import LossCurve, stored_loss_curves, weights_of
from pipeline.pictures.figures.page import check_figure
from pipeline.pictures.jobs import LossesJob
from pipeline.style.frame import Progress
from pipeline.types import OnCount


@dataclass(frozen=True)
class LossesFigure:
    """What came of it."""

    output: Path
    curves: tuple[LossCurve, ...]
    notes: tuple[str, ...] = ()

    def as_json(self) -> str:
        """One line."""
        return json.dumps(
            {
                "event": "figure",
                "output": str(self.output),
                "courses": [asdict(curve) for curve in self.curves],
                "notes": self.notes,
            }
        )


def run_losses(job: LossesJob, on_count: OnCount) -> LossesFigure:
    """Draw the figure; of a picture to paint, after painting it.

    :raises ReelbrushError: whatever a user can mend; nothing is written then.
    """
    check_figure(job.output, (job.place,))
    vector = job.output.suffix.lower() == ".svg"
    notes: list[str] = []
    curves = None if job.styles else stored_loss_curves(job.place, on_count, notes)
    still = None if curves is not None else _new(job) if job.styles else _again(job)
    refuse_existing(job.output, job.overwrite)
    if still is not None:
        curves = [replace(_painted_loss_curve(*still, on_count), name=job.place.name)]
    assert curves is not None
    names = list(dict.fromkeys(curve.name for curve in curves))
    alone = ["the picture" if curves[0].along == "step" else "the clip"] if len(names) == 1 else []
    shown, odd = legible_labels(names, alone)
    notes += odd
    on_count("Drawing the figure", 0, None)
    # Matplotlib takes half a second to import: who has made a mistake should hear of it before.
    from pipeline.pictures.figures.loss_plot import DOTS, plot_losses
    from pipeline.pictures.matplotlib_figure import figure_pixels, write_figure_svg

    figure = plot_losses([replace(one, name=shown[names.index(one.name)]) for one in curves])
    if vector:
        write_figure_svg(job.output, figure)
    else:
        write_picture(job.output, figure_pixels(figure), overwrite=job.overwrite, dots=DOTS)
    return LossesFigure(job.output, tuple(curves), tuple(notes))


def _new(job: LossesJob) -> tuple[StillJob, Engine]:
    """A picture that is painted for the figure."""
    engine = open_engine(job.preset, job.weights, job.device, job.settings)
    still = StillJob(job.place, tuple(map(parse_style, job.styles)))
    check_still(still)
    return still, engine


def _again(job: LossesJob) -> tuple[StillJob, Engine]:
    """A picture that Reelbrush has painted: it is painted once more, as it says of itself."""
    try:
        ready = prepare_replay(ReplayJob(job.place, job.output, weights=job.weights, device=job.device))
    except (ReplayError, MediaError) as error:
        if not job.place.exists():
            raise
        raise UsageError(
            f"{job.place}: no losses are kept of this, and it cannot be painted again. Name a picture with --style, "
            "which is painted for the figure; or the work folder of a clip (OUT.reelbrush, kept by reelbrush video "
            f"--keep), or the folder of a batch. ({error})"
        ) from None
    if ready.record.kind == "clip":
        raise UsageError(
            f"{job.place}: this is a clip, and the losses of its frames were not kept. Paint it with reelbrush video "
            "--keep, and name the folder that it leaves beside the result."
        )
    return ready.still(None), ready.engine


def _painted_loss_curve(still: StillJob, engine: Engine, on_count: OnCount) -> LossCurve:
    """The losses of a picture, step by step, while it is painted; the painting itself is not kept.

    :raises ReelbrushError: as `run_still`.
    """
    places: list[int] = []
    losses: list[dict[str, float]] = []
    breaks: list[tuple[int, str]] = []
    levels: list[int] = []

    def record(progress: Progress) -> None:
        if not levels or progress.level != levels[-1]:
            levels.append(progress.level)
            height, width = progress.detail.image().shape[2:]
            breaks.append((progress.step, f"{width}×{height}"))
        places.append(progress.step)
        losses.append(progress.detail.losses.floats())
        on_count("Painting (percent)", int(100 * progress.share), 100)

    run_still(still, engine, ignore, record)
    return LossCurve(
        still.content.name, "step", tuple(places), tuple(losses), weights_of(asdict(engine.settings)),
        tuple(breaks) if len(breaks) > 1 else (),
    )  # fmt: skip
