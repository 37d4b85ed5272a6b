"""One pass over a clip: every frame that is not finished yet."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack, closing

from pipeline.job.events import FrameDone, OnEvent
from pipeline.job.guard import guard_at
from pipeline.job.one_frame import paint_again, paint_frame
from pipeline.job.pace import FULL, Pace
from pipeline.job.passes import Pass
from pipeline.job.past import look_back, reach
from pipeline.job.store import FrameStore
from pipeline.media.frame import Frame, FrameSink, FrameSource
from pipeline.media.prefetch import prefetch
from pipeline.motion.flow import FlowMethod
from pipeline.motion.shots import Shot
from pipeline.style.painter import Painter


def paint_pass(
    one: Pass,
    source: FrameSource,
    shots: Sequence[Shot],
    painter: Painter,
    flow: FlowMethod,
    store: FrameStore,
    earlier: FrameStore | None,
    sinks: Sequence[FrameSink],
    on_event: OnEvent,
    pace: Pace | None = None,
) -> int:
    """Paint the frames that are missing. Returns how many that were.

    :param store: the frames of this pass; at least one is missing.
    :param earlier: of the pass before, whole; None for the first.
    :param sinks: are handed every frame as soon as it is finished.
    :param pace: says how many steps each frame gets; None: as many as the settings say.
    """
    settings = painter.settings
    entered = one.entered(shots)
    began, first = store.done, one.order[store.done]
    guard = guard_at(settings, entered, store)
    with ExitStack() as stack:
        frames = stack.enter_context(closing(one.inputs(source, began - reach(settings))))
        # The flow of the next frame is found while this one is painted.
        ahead = stack.enter_context(closing(prefetch(look_back(frames, first, entered, settings, flow), depth=1)))
        for seen in ahead:
            index = seen.frame.index
            steps = FULL if pace is None else pace.steps(one, index)
            if earlier is not None:
                result = paint_again(seen, painter, store, earlier, on_event, one, steps)
            else:
                if seen.before is None:
                    guard.begin_shot()
                result = paint_frame(seen, painter, store, guard, on_event, steps)
            store.put(index, result)
            if seen.before is not None:
                guard.see(result.losses)
            for sink in sinks:
                sink.put(Frame(index, seen.frame.time, result.image))
            if pace is not None:
                pace.finished(one, index, result)
            on_event(
                FrameDone(index, result.losses, result.steps, result.seconds, result.stopped.value, one.number,
                          result.economy.value)
            )  # fmt: skip
    return store.done - began
