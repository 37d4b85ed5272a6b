"""One frame of a clip: repeated where nothing has changed, painted, and painted anew where it came out wrong."""

from __future__ import annotations

import math

from pipeline.errors import PaintingError
from pipeline.job.events import OnEvent, Repainted, Stepped
from pipeline.job.guard import Guard
from pipeline.job.past import Seen, handed_on
from pipeline.job.store import FrameStore
from pipeline.media.frame import Image
from pipeline.style.carried import Carried
from pipeline.style.optimise import Stop
from pipeline.style.painter import OnProgress, Painted, Painter, Progress


def paint_frame(seen: Seen, painter: Painter, store: FrameStore, guard: Guard, on_event: OnEvent) -> Painted:
    """Paint a frame from what the frames before it in the store hand on.

    :param guard: knows the losses of the frames before; it is not told of this one.
    :raises PaintingError: the loss is not a finite number, even where it starts anew.
    """
    carried = handed_on(seen, store, painter.settings)
    index, now = seen.frame.index, seen.frame.image
    on_progress = _forwarded(index, on_event)
    if carried is None or seen.before is None:
        return painter.paint(now, None, index, on_progress)
    if seen.still:
        return Painted(store.image(index - 1), store.record(index - 1)["losses"], 0, 0.0, Stop.STILL)
    result = _tried(painter, now, carried, index, on_progress)
    if result is not None and not guard.suspects(result, seen.before, now):
        return result
    # Where nothing came of the start, and nothing comes of this either, the job ends with the reason.
    fresh = (
        painter.paint(now, None, index, on_progress)
        if result is None
        else _tried(painter, now, None, index, on_progress)
    )
    losses = [math.inf if one is None else guard.loss(one.losses) for one in (result, fresh)]
    kept = fresh if fresh is not None and not losses[0] <= losses[1] else result
    assert kept is not None
    finite = [loss if math.isfinite(loss) else None for loss in losses]
    on_event(Repainted(index, finite[0], finite[1], "fresh" if kept is fresh else "carried"))
    return kept


def _tried(painter: Painter, now: Image, carried: Carried | None, index: int, told: OnProgress) -> Painted | None:
    """The painting; None where no finite loss was found, whatever was tried."""
    try:
        return painter.paint(now, carried, index, told)
    except PaintingError:
        return None


def _forwarded(index: int, on_event: OnEvent) -> OnProgress:
    def forward(progress: Progress) -> None:
        on_event(Stepped(index, progress.step, progress.of, progress.share))

    return forward
