"""One frame of a clip: repeated where nothing has changed, painted, and painted anew where it came out wrong; and gone
over once more in a further pass."""

from __future__ import annotations

import math

from pipeline.clip.events import OnEvent, Repainted, Reverted, Stepped
from pipeline.clip.loss_monitor import HIGH, LossMonitor, lasting_loss
from pipeline.clip.passes import Pass
from pipeline.clip.step_budget import FULL, Steps
from pipeline.clip.store import FrameStore
from pipeline.clip.warm_start import TrackedFrame, closing_share, further_start, warm_start
from pipeline.errors import PaintingError
from pipeline.style.frame import OnProgress, PaintedFrame, Progress, WarmStart
from pipeline.style.oom_fallback import MemoryFallback
from pipeline.style.optimise import Stop
from pipeline.style.painter import Painter
from pipeline.types import Image


def paint_frame(
    seen: TrackedFrame, painter: Painter, store: FrameStore, guard: LossMonitor, on_event: OnEvent, steps: Steps = FULL
) -> PaintedFrame:
    """Paint a frame from what the frames before it in the store hand on.

    :param guard: knows the losses of the frames before; it is not told of this one.
    :param steps: that it may take.
    :raises PaintingError: the loss is not a finite number, and nothing is carried to the frame.
    :raises NotEnoughMemoryError: memory does not suffice, whatever was tried.
    """
    carried = warm_start(seen, store, painter.settings)
    index, now = seen.frame.index, seen.frame.image
    on_progress = _forwarded(index, on_event)
    if carried is None or seen.before is None:
        try:
            return painter.paint(now, None, index, on_progress, steps=steps.fresh)
        except PaintingError as error:
            raise PaintingError(f"Frame {index + 1} cannot be painted. {error}") from None
    if seen.still:
        return _repeated(store, index - 1, Stop.STILL)
    result = _tried(painter, now, carried, index, on_progress, steps.carried)
    if result is not None and not guard.suspects(result, seen.before, now):
        return result
    fresh = _tried(painter, now, None, index, on_progress, steps.fresh)
    if result is None and fresh is None:
        # A frame that cannot be painted is no reason to end a clip in the middle: what was carried to it stays.
        return PaintedFrame(carried.start, store.record(index - 1)["losses"], 0, 0.0, Stop.UNSTABLE)
    losses = [math.inf if one is None else guard.loss(one.losses) for one in (result, fresh)]
    kept = fresh if fresh is not None and not losses[0] <= losses[1] else result
    assert kept is not None
    finite = [loss if math.isfinite(loss) else None for loss in losses]
    on_event(Repainted(index, finite[0], finite[1], "fresh" if kept is fresh else "carried"))
    return kept


def refine_frame(
    seen: TrackedFrame, painter: Painter, store: FrameStore, earlier: FrameStore, on_event: OnEvent, one: Pass,
    steps: Steps = FULL,
) -> PaintedFrame:  # fmt: skip
    """Paint a frame in a further pass. Where a shot is entered, the painting stays as it is: it is the one that all
    others of the shot are led to. So does that with which a circle is closed, and one that the pass would make worse.

    :param store: of this pass.
    :param earlier: of the pass before, whole.
    :param steps: that it may take.
    """
    index, settings = seen.frame.index, painter.settings
    if seen.before is None:
        return _repeated(earlier, index, Stop.KEPT)
    before = store.before(index)
    assert before is not None
    if seen.still and before[0].stable(before[1]):
        return _repeated(*before, Stop.STILL)
    closing = closing_share(earlier, one, index) if one.circle else None
    if closing == 1:
        return _repeated(earlier, index, Stop.KEPT)
    carried = further_start(seen, store, earlier.image(index), settings, closing)
    told = _forwarded(index, on_event, one.number)
    result = _tried(painter, seen.frame.image, carried, index, told, steps.carried)
    # It cannot be much better than the painting that it is led from.
    known = [_loss(painter, found.record(number)["losses"]) for found, number in ((earlier, index), before)]
    # No comparison with what is not a number is true.
    if (
        result is not None
        and result.stopped is not Stop.UNSTABLE
        and _loss(painter, result.losses) <= HIGH * max(known)
    ):
        return result
    on_event(Reverted(index, one.number))
    return _repeated(earlier, index, Stop.KEPT)


def _loss(painter: Painter, losses: dict[str, float]) -> float:
    return lasting_loss(losses, painter.settings.temporal_weight)


def _repeated(store: FrameStore, index: int, why: Stop) -> PaintedFrame:
    """A painting that is there already, at no cost."""
    stopped, record = why if store.stable(index) else Stop.UNSTABLE, store.record(index)
    return PaintedFrame(
        store.image(index), record["losses"], 0, 0.0, stopped, MemoryFallback(record.get("memory_fallback", ""))
    )


def _tried(
    painter: Painter, now: Image, carried: WarmStart | None, index: int, told: OnProgress, steps: int | None
) -> PaintedFrame | None:
    """The painting; None where no finite loss was found, whatever was tried."""
    try:
        return painter.paint(now, carried, index, told, steps=steps)
    except PaintingError:
        return None


def _forwarded(index: int, on_event: OnEvent, in_pass: int = 1) -> OnProgress:
    def forward(progress: Progress) -> None:
        on_event(Stepped(index, progress.step, progress.of, progress.share, in_pass))

    return forward
