"""Results that stand under their names already and say in their metadata that this very job has made them.

A job may be killed once one of its results has its name and the others have none, or be given again when it is done.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from pipeline.clip.framing import SDR
from pipeline.clip.identity import settings_identity
from pipeline.clip.jobs import ClipJob
from pipeline.clip.provenance import Record
from pipeline.clip.record_reading import read_record, recorded_settings
from pipeline.errors import ReelbrushError
from pipeline.media import open_source
from pipeline.media.animation_sink import SUFFIXES as ANIMATED


def says_how_made(path: Path) -> bool:
    """Whether something is there that says how Reelbrush has made it; by which job is not known before all inputs are
    read."""
    try:
        read_record(path)
    except ReelbrushError:
        return False
    return True


def output_options(job: ClipJob, path: Path) -> dict[str, Any]:
    """How one of the results of a job is to be written, as it was asked for: fields of its `Record`."""
    # A GIF beside is a result of its own, as it would be without the other.
    own = path == job.output
    return {
        "codec": job.codec if own else None,
        "quality": job.quality if own else None,
        "output_size": job.output_size if own else None,
        "depth": job.depth if own else None,
        "hdr": job.hdr if own else SDR,
        "gif_fps": None,
        "max_bytes": None,
        **(_as_output(job) if path == job.the_gif else {}),
    }


def _as_output(job: ClipJob) -> dict[str, Any]:
    """What is asked of the GIF, in the words of a result."""
    found = job.gif_options
    return {"output_size" if name == "gif_size" else name: value for name, value in found.items()}


def output_record(job: ClipJob, record: Record, path: Path) -> Record:
    """How one of the results of a job comes about."""
    return replace(record, **output_options(job, path))


def finished_outputs(job: ClipJob, record: Record, frames: int) -> tuple[Path, ...]:
    """The results of a job that are there and complete; none where they are to be replaced.

    :param record: how the job's first result comes about.
    :param frames: of the clip.
    """
    if job.overwrite:
        return ()
    return tuple(path for path in job.outputs if _is_result(path, output_record(job, record, path), frames))


def _is_result(path: Path, wanted: Record, frames: int) -> bool:
    try:
        if not path.exists() or not same_making(read_record(path), wanted):
            return False
        # A GIF of which something was asked has as many frames as came of that; and animated pictures have none that
        # are as those before them.
        fewer = wanted.fewer_frames or path.suffix.lower() in ANIMATED
        return open_source(path).info.frames == frames or fewer
    except ReelbrushError:
        return False


def is_made_so(path: Path, record: Record) -> bool:
    """Whether what is there says that it was made just so, and can be read."""
    try:
        return same_making(read_record(path), record) and open_source(path).info.frames > 0
    except ReelbrushError:
        return False


def same_making(found: Record, wanted: Record) -> bool:
    """Whether two results were made alike: of the same bytes, with the same settings, by the same network and version.

    :raises ReplayError: the settings of one of them cannot be.
    """
    return _making(found) == _making(wanted)


def _making(record: Record) -> tuple[Any, ...]:
    """Everything in a record but where the files lie."""
    settings, _ = recorded_settings(record)
    return (
        record.version,
        record.kind,
        record.source.sha256,
        [style.identity for style in record.styles],
        record.parts,
        record.init and record.init.sha256,
        record.network,
        record.digest,
        record.precision,
        settings_identity(settings),
        record.flow,
        record.frames,
        record.rate,
        # Where frames are repeated or left out, a list of cuts was another one when it did not count the input's.
        record.cuts_in_file or record.rate is None,
        record.upscale,
        record.codec,
        record.quality,
        record.audio,
        record.shortest,
        record.location,
        record.framing,
        record.gif_fps,
        record.max_bytes,
        record.until,
    )
