"""One pass over a clip: every frame that is not finished yet."""

from __future__ import annotations

from collections.abc import Container, Generator, Sequence
from contextlib import closing

from pipeline.clip.events import FrameDone, OnEvent
from pipeline.clip.loss_monitor import monitor_at
from pipeline.clip.one_frame import paint_frame, refine_frame
from pipeline.clip.passes import Pass
from pipeline.clip.step_budget import FULL, StepBudget
from pipeline.clip.store import FrameStore
from pipeline.clip.warm_start import TrackedFrame, reach, track_frames
from pipeline.media.frame import Frame, FrameSink, FrameSource
from pipeline.media.prefetch import prefetch
from pipeline.motion.flow import FlowMethod
from pipeline.motion.shots import Shot
from pipeline.network.memory import is_out_of_memory
from pipeline.settings import Settings
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
    pace: StepBudget | None = None,
) -> int:
    """Paint the frames that are missing. Returns how many that were.

    :param store: the frames of this pass; at least one is missing.
    :param earlier: of the pass before, whole; None for the first.
    :param sinks: are handed every frame as soon as it is finished.
    :param pace: says how many steps each frame gets; None: as many as the settings say.
    """
    settings = painter.settings
    entered = one.entered(shots)
    began = store.done
    guard = monitor_at(settings, entered, store)
    with closing(_seen(one, source, entered, settings, flow, store)) as frames:
        for seen in frames:
            index = seen.frame.index
            steps = FULL if pace is None else pace.steps(one, index)
            if earlier is not None:
                result = refine_frame(seen, painter, store, earlier, on_event, one, steps)
            else:
                if seen.before is None:
                    guard.begin_shot()
                result = paint_frame(seen, painter, store, guard, on_event, steps)
            store.put(index, result)
            if seen.before is not None:
                guard.see(result.losses)
            else:
                guard.see_first(result.losses)
            for sink in sinks:
                sink.put(Frame(index, seen.frame.time, result.image))
            if pace is not None:
                pace.finished(one, index, result)
            on_event(
                FrameDone(index, result.losses, result.steps, result.seconds, result.stopped.value, one.number,
                          result.memory_fallback.value)
            )  # fmt: skip
    return store.done - began


def _seen(
    one: Pass, source: FrameSource, entered: Container[int], settings: Settings, flow: FlowMethod, store: FrameStore
) -> Generator[TrackedFrame, None, None]:
    """The frames that are missing. The flow of the next one is found while a frame is painted; once there is not
    enough memory for both, after that."""
    try:
        yield from prefetch(_from_where_it_is(one, source, entered, settings, flow, store), depth=1)
        return
    except Exception as error:
        if not is_out_of_memory(error):
            raise
    # Only here, where the error is gone and what it held.
    yield from _from_where_it_is(one, source, entered, settings, flow, store)


def _from_where_it_is(
    one: Pass, source: FrameSource, entered: Container[int], settings: Settings, flow: FlowMethod, store: FrameStore
) -> Generator[TrackedFrame, None, None]:
    with closing(one.inputs(source, store.done - reach(settings))) as frames:
        yield from track_frames(frames, one.order[store.done], entered, settings, flow)
