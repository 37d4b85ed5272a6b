"""Whether a GIF that may take only so many bytes can be as small as that, as far as it is known before painting."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

from pipeline.clip.session import Session
from pipeline.clip.sink_plans import sink_plan
from pipeline.media import Image, fit_size
from pipeline.media.limited_gif import least_bytes
from pipeline.media.plan import SinkPlan
from pipeline.text import sizes_text

SMALL = 128
"""Pixels of the longer side at which frames are looked at: the smallest GIF is smaller still."""


def limit_notes(session: Session, missing: Sequence[Path]) -> list[str]:
    """What is foreseen of a GIF that has to be small: strokes take more bytes than what they are painted from.

    :param missing: the results that are still to be written.
    :raises OutputError: nothing can be written where it goes.
    """
    job, path = session.job, session.job.the_gif
    if job.max_bytes is None or path is None or path not in missing:
        return []
    plan = sink_plan(job, session.record, session.source, path, None, None, False)
    least = least_bytes(plan, lambda: _unpainted(session, plan))
    if least <= job.max_bytes:
        return []
    takes, allowed = sizes_text(least, job.max_bytes)
    return [
        f"The smallest GIF of the clip takes {takes} before it is painted, and --max-bytes allows {allowed}: it will "
        "hardly fit. Frames that are painted by then are kept, and the same command with more bytes goes on from them."
    ]


def _unpainted(session: Session, plan: SinkPlan) -> Iterator[Image]:
    """The frames of a result as they are before painting, as small as they are of use."""
    info, picks = session.source.info, plan.reframing
    small = session.source.at_size(*fit_size(info.width, info.height, SMALL))
    with closing(small.frames()) as frames:
        for frame in frames:
            for _ in range(1 if picks is None else picks.times_shown(frame.index)):
                yield frame.image if picks is None else picks.layout.show(frame.image)
