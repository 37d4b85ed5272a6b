"""What the page of the studio says in words, as HTML."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

from pipeline.studio.clip_player import Played
from pipeline.studio.job_runner import JobState
from pipeline.studio.live_painter import View
from pipeline.studio.progress_bar import bar
from pipeline.studio.studio import SECONDS

if TYPE_CHECKING:
    from pathlib import Path


def said(view: View) -> str:
    """What is being done about the draft, or what is to be done next."""
    if view.error:
        return _wrong(view.error)
    if view.wish.source is None:
        return "Begin with field 1: drop a clip or a picture there."
    if not view.finished:
        return f"{html.escape(view.doing or 'Starting')}{bar(view.share)}"
    if not view.wish.styles:
        return "Now field 2: drop a painting there, whose style it is to have, or tick one that is there already."
    if view.doing or view.painting is None:
        return html.escape(view.doing)
    height, width = view.painting.shape[:2]
    whole = f"A draft of {width} x {height} pixels{_moment(view)}."
    return f"{whole} Drag the handle in the picture to compare."


def _moment(view: View) -> str:
    subject = view.subject
    if subject is None or subject.still:
        return ""
    at = subject.times[min(view.wish.frame, len(subject.times) - 1)]
    return f", at {at:.1f} of {subject.duration:.1f} seconds"


def play_said(played: Played) -> str:
    """About the seconds that are played."""
    if played.failed:
        return _wrong(played.text)
    if played.runs:
        more = " (larger ones replace it)" if played.clip is not None else ""
        return f"{html.escape(played.text)}{more}{bar(played.fraction)}"
    if played.clip is None:
        return f"Press Play: {SECONDS} seconds are painted from the moment you look at, small at first, then larger."
    return ""


def job_said(job: JobState, shown: bool) -> str:
    """About the job.

    :param shown: whether the page shows its result.
    """
    text = html.escape(job.text)
    if job.runs:
        return f"{text}{bar(job.fraction)}"
    if job.state == "done":
        where = ", and shown under <b>Result</b>" if shown else ""
        return f"Done{where}: {html.escape(str(job.output))}"
    return _wrong(job.text) if job.state == "failed" else text


def trouble_said(text: str) -> str:
    """What went wrong with what was just asked for; '' for nothing."""
    return f'<span role="alert">{_wrong(f"That did not work: {text}")}</span>' if text else ""


def input_label(source: Path | None) -> str:
    """What stands over the field for the input."""
    return f"1  {source.name}" if source is not None else "1  Clip or picture"


def _wrong(text: str) -> str:
    return f'<span class="wrong">{html.escape(text)}</span>'
