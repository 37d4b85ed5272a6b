"""How each of the results of a clip is written."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

from pipeline.clip.finished_outputs import output_record
from pipeline.clip.jobs import ClipJob
from pipeline.clip.output_size import info_layout
from pipeline.clip.provenance import Record
from pipeline.media.frame import FrameSource
from pipeline.media.plan import SinkPlan
from pipeline.media.reframe import Reframing
from pipeline.media.sound import Sound
from pipeline.media.subtitles_and_tags import Extras
from pipeline.media.timing import on_grid


def sink_plan(
    job: ClipJob,
    record: Record,
    source: FrameSource,
    path: Path,
    sound: Sound | None,
    extras: Extras | None,
    alpha: bool,
) -> SinkPlan:
    """What `open_sink` is asked for.

    :param record: how the first result of the job comes about.
    :param source: what is painted.
    :param path: of one of the results.
    :param alpha: whether it keeps what is transparent in the source.
    """
    info, made = source.info, output_record(job, record, path)
    layout = info_layout(made, info)
    times, duration, rate, variable = info.times, info.duration, info.rate, info.variable
    picks = None
    if made.gif_fps is not None:
        rate, variable = Fraction(made.gif_fps), False
        picks = on_grid(info.times, info.duration, rate)
        times, duration = tuple(k / rate for k in range(len(picks))), len(picks) / rate
    plain = layout.plain and picks is None and not alpha
    return SinkPlan(
        path,
        *layout.canvas,
        times,
        duration,
        rate,
        variable=variable,
        sound=sound,
        extras=extras,
        codec=made.codec,
        quality=made.quality,
        max_bytes=made.max_bytes,
        reframing=None if plain else Reframing(layout, info.frames, source, picks, alpha),
        alpha=alpha,
        depth=made.depth,
        deep=info.bits > 8,
        deep_frames=job.paints_deep,
        hdr=info.hdr if made.keeps_hdr else "",
        plays=info.plays,
        numbers=info.numbers,
        metadata=made.texts(path),
        overwrite=job.overwrite,
    )
