"""One clip from end to end: decode, paint frame by frame, keep, encode."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace

import torch

from pipeline.clip.checks import check_clip
from pipeline.clip.clip_statistics import find_statistics
from pipeline.clip.deadline import Deadline, clip_budget, lateness_notes
from pipeline.clip.events import Finished, OnEvent, Stage, ignore
from pipeline.clip.frames import paint_pass
from pipeline.clip.jobs import ClipJob
from pipeline.clip.loop_closure import loop_notes
from pipeline.clip.loss_monitor import worst_notes
from pipeline.clip.passes import Pass, passes_of
from pipeline.clip.path_cache import record_paths
from pipeline.clip.provenance import Record
from pipeline.clip.results import ClipResult
from pipeline.clip.session import checked_shots, open_clip, started
from pipeline.clip.step_budget import StepBudget
from pipeline.clip.store import FrameStore
from pipeline.clip.styles import style_notes
from pipeline.clip.work_folder import WorkFolder, retry_damaged
from pipeline.media import Sound, open_sink
from pipeline.media.frame import Frame, FrameSink, FrameSource
from pipeline.media.plan import SinkPlan
from pipeline.motion.flow import FlowMethod
from pipeline.motion.shots import Shot
from pipeline.network.base import Network
from pipeline.settings import Settings
from pipeline.style.painter import Painter


def run_clip(
    job: ClipJob,
    network: Network,
    settings: Settings,
    device: torch.device,
    on_event: OnEvent = ignore,
    deadline: Deadline | None = None,
) -> ClipResult:
    """Paint a clip. Killed at any instant and run again, it goes on and gives the same frames. A finished frame that is
    damaged on the disk meanwhile is painted again, and so is what came after it.

    :param deadline: when all has to be done; frames then get fewer steps where time is short, and the result depends
        on the speed of the machine.
    :raises ReelbrushError: whatever a user can mend; nothing stands under a final name then.
    """
    check_clip(job)
    began = time.monotonic()
    result = retry_damaged(lambda: _painted(job, network, settings, device, on_event, deadline, began))
    on_event(Finished(result.outputs, result.frames, result.painted, result.seconds, result.notes))
    return result


def _painted(
    job: ClipJob,
    network: Network,
    settings: Settings,
    device: torch.device,
    on_event: OnEvent,
    deadline: Deadline | None,
    began: float,
) -> ClipResult:
    clip = open_clip(job, network, settings, device, on_event)
    source, flow, painter = clip.source, clip.flow, clip.painter
    with ExitStack() as stack:
        sinks = stack.enter_context(_sinks(job, source, clip.record))
        wished = passes_of(settings, source.info.frames)
        work = WorkFolder(job.work, clip.identity, wished, job.restart, on_event)
        stack.callback(work.close)
        work.gather()
        shots = checked_shots(clip, work, on_event)
        said = [*source.info.notes, *style_notes(job.styles), *(note for sink in sinks for note in sink.notes)]
        notes = tuple(dict.fromkeys([*said, *(loop_notes(source, settings.passes) if settings.loop else ())]))
        statistics = find_statistics(source, painter, work, on_event)
        pace = (
            None
            if deadline is None
            else clip_budget(deadline, source, shots, painter.with_statistics(statistics), flow, work, on_event)
        )
        passes, reached = work.passes, work.reached()
        done = (reached.number - 1) * source.info.frames + work.frames(reached).done
        hurry = () if pace is None else lateness_notes(pace, done, len(passes), len(wished))
        on_event(started(clip, source.info.frames, done, shots, len(passes), notes, hurry))
        painted = 0
        for one in in_time(passes[reached.number - 1 :], pace, work):
            painted += paint_one(
                one, source, shots, clip.painter_of(one, statistics), flow, work, sinks, on_event, pace
            )
        on_event(Stage("Encoding"))
        store = work.end()
        if not (passes[-1].forward and work.passes == passes):
            _encode(store, source, sinks)
        for sink in sinks:
            sink.finish()
        said = [*(note for sink in sinks for note in sink.notes), *worst_notes(store, settings)]
        notes = tuple(dict.fromkeys(said))
        record_paths(clip.record)
        if job.keep:
            work.close()
        else:
            work.remove()
    return ClipResult(job.outputs, source.info.frames, painted, time.monotonic() - began, notes, len(work.passes))


def in_time(passes: Sequence[Pass], pace: StepBudget | None, work: WorkFolder) -> Iterator[Pass]:
    """The passes that are still to be painted. One that would begin now, too late for it, is the end of them."""
    for one in passes:
        if pace is not None and one is not passes[0] and not pace.allows(one):
            work.settle_passes(one.number - 1)
            return
        yield one


def paint_one(
    one: Pass,
    source: FrameSource,
    shots: Sequence[Shot],
    painter: Painter,
    flow: FlowMethod,
    work: WorkFolder,
    sinks: Sequence[FrameSink],
    on_event: OnEvent,
    pace: StepBudget | None,
) -> int:
    """What is missing of a pass. Returns how many frames that was."""
    store, earlier = work.begin(one)
    if store.done:
        after = f"Going on after {store.done} frame{'s' if store.done > 1 else ''}"
        on_event(Stage(f"{after} of pass {one.number}" if one.of > 1 else after))
    # The encoders want the frames in order: of a last pass that goes backward they get them when it is done.
    ready = sinks if one.last and one.forward else ()
    _encode(store, source, ready)
    if store.whole:
        return 0
    return paint_pass(one, source, shots, painter, flow, store, earlier, ready, on_event, pace)


def _encode(store: FrameStore, source: FrameSource, sinks: Sequence[FrameSink]) -> None:
    """Hand the encoders what has been painted."""
    for index, image in store.images() if sinks else ():
        for sink in sinks:
            sink.put(Frame(index, source.info.times[index], image))


@contextmanager
def _sinks(job: ClipJob, source: FrameSource, record: Record) -> Iterator[tuple[FrameSink, ...]]:
    """The encoders of every output; all of them are stopped, and their parts removed, if anything goes wrong."""
    info = source.info
    sound = Sound(info.path, info.start, info.duration) if info.audio and info.kind == "video" else None
    opened: list[FrameSink] = []
    try:
        for path in job.outputs:
            # A GIF beside is a result of its own, as it would be without the other.
            made = record if path == job.output else replace(record, codec=None, quality=None)
            opened.append(
                open_sink(
                    SinkPlan(
                        path,
                        width=info.width,
                        height=info.height,
                        times=info.times,
                        duration=info.duration,
                        rate=info.rate,
                        variable=info.variable,
                        sound=sound,
                        codec=made.codec,
                        quality=made.quality,
                        metadata=made.texts(path),
                        overwrite=job.overwrite,
                    )
                )
            )
        yield tuple(opened)
    finally:
        # After finish() this does nothing.
        for sink in opened:
            sink.abort()
