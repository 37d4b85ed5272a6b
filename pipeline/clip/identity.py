"""What a painting depends on: the one description by which work folders and ledgers know it again.

Where a result goes, how it is encoded and where its inputs lie are no part of it: their content is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path
from typing import Any

from pipeline import __version__
from pipeline.clip.exemplars import exemplars_as_json
from pipeline.clip.jobs import ClipJob, StillJob
from pipeline.clip.keyframes import keyframes_as_json
from pipeline.clip.passes import passes_of
from pipeline.clip.provenance import Record
from pipeline.clip.regions import regions_as_json
from pipeline.clip.styles import style_as_json
from pipeline.motion.given_cuts import parse_cuts
from pipeline.settings import Settings

DEEP = "16 bits"
"""Says of a painting that it is kept with 16 bits a channel."""
NO_MATTER = ("preset", "may_shrink")
"""Settings that do not count: only the values of a preset do; and who is told that memory does not suffice should be
able to allow smaller frames and go on with those that are finished."""


def settings_identity(settings: Settings) -> dict[str, Any]:
    """What of the settings the pixels of a painting depend on."""
    values = {name: value for name, value in asdict(settings).items() if name not in NO_MATTER}
    # A loop takes two passes at least.
    return {**values, "passes": len(passes_of(settings, frames=2))}


def painting_identity(
    job: ClipJob | StillJob,
    settings: Settings,
    network: str,
    digest: Callable[[Path], str],
    *,
    precision: str | None = None,
    flow: str | None = None,
) -> dict[str, Any]:
    """Everything that the pixels of a painting depend on, as JSON values.

    :param network: hash of its weights.
    :param digest: gives the `fingerprint` of a file.
    :param precision: in which the network runs, where it is known which machine paints: 'auto' is another one on
        another device. None leaves what the settings say.
    :param flow: name of the optical flow with the hash of its weights, where these are at hand; None leaves what the
        settings say.
    """
    values = settings_identity(settings)
    if precision is not None:
        values["precision"] = precision
    found: dict[str, Any] = {
        "reelbrush": __version__,
        "styles": [style_as_json(style, digest) for style in job.styles],
        **({name: value for name, value in regions_as_json(job, digest).items() if value}),
        "network": network,
        "settings": values,
        "upscale": job.upscale,
        **({DEEP: True} if job.paints_deep else {}),
        # Bars, and the size at which it is written, come after painting.
        **({} if job.crop is None else {"aspect": job.aspect}),
    }
    if isinstance(job, StillJob):
        return {**found, "input": digest(job.content), "init": job.init and digest(job.init)}
    return {
        **found,
        "input": digest(job.source),
        # A frame is a number, a time a text.
        "frames": job.frames and [str(at) if isinstance(at, Fraction) else at for at in job.frames],
        "fps": job.rate and str(job.rate),
        # Once they counted the frames that are painted: what was begun then does not go on with others.
        **({"cuts": "input"} if parse_cuts(settings.cuts).given and (job.frames or job.rate) else {}),
        "flow": flow,
        **({"exemplar": exemplars_as_json(job.exemplar, digest)} if job.exemplar else {}),
        **({} if job.init is None else {"init": digest(job.init)}),
        **({"keyframes": keyframes_as_json(job.keyframes, job.region, digest)} if job.keyframes else {}),
    }


def file_names(record: Record) -> dict[str, str]:
    """What the files are called that a painting is made from, by their hash."""
    return {one.sha256: one.path.name for one in record.ingredients}
