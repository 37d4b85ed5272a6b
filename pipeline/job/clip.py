"""One clip from end to end: decode, paint frame by frame, keep, encode."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import torch

from pipeline.errors import UsageError
from pipeline.job.anchor import found_anchor
from pipeline.job.deadline import Deadline, found_pace, hurry_notes
from pipeline.job.events import Event, Finished, OnEvent, Scanned, Stage, Started, ignore
from pipeline.job.flow import open_flow
from pipeline.job.loop import check_loop, loop_notes
from pipeline.job.one_pass import paint_pass
from pipeline.job.pace import Pace
from pipeline.job.passes import Pass, again, passes_of
from pipeline.job.provenance import Record, clip_record
from pipeline.job.shots import found_shots, told_shots
from pipeline.job.store import FrameStore
from pipeline.job.styles import StylePicture, load_styles, style_notes
from pipeline.job.work import WorkFolder
from pipeline.media import Sound, check_output, open_sink, open_source, refuse_same_file
from pipeline.media.frame import Frame, FrameSink, FrameSource
from pipeline.motion.flow import FlowMethod
from pipeline.motion.shots import Shot
from pipeline.network.base import Network
from pipeline.network.choose import describe
from pipeline.settings import Settings
from pipeline.style.painter import Painter
from pipeline.style.recolour import Anchor


@dataclass(frozen=True)
class ClipJob:
    """What to paint, and where to put it. How is in `Settings`."""

    source: Path
    """A video, an animated picture, a numbered folder of pictures, or a picture."""
    styles: tuple[StylePicture, ...]
    output: Path
    """A video, a GIF, or a folder for numbered pictures."""
    gif: Path | None = None
    """A GIF beside the output."""
    frames: tuple[int | None, int | None] | None = None
    """First frame, and the one after the last; None for all."""
    rate: Fraction | None = None
    """Frames a second, instead of the source's own."""
    upscale: bool = False
    codec: str | None = None
    quality: str | int | None = None
    overwrite: bool = False
    restart: bool = False
    keep: bool = False
    """Whether the work folder with the lossless frames stays when all is done."""

    @property
    def outputs(self) -> tuple[Path, ...]:
        return (self.output,) if self.gif is None else (self.output, self.gif)

    @property
    def work(self) -> Path:
        """The work folder, beside the output."""
        # '.' has no name: what is called '.reelbrush' would lie in the output, not beside it.
        output = self.output if self.output.name not in ("", "..") else self.output.resolve()
        return output.parent / f"{output.name}.reelbrush"


@dataclass(frozen=True)
class ClipResult:
    """What came of it."""

    outputs: tuple[Path, ...]
    frames: int
    painted: int
    """Frames painted by this run, in several passes each one counted; the others were finished by an earlier one."""
    seconds: float
    notes: tuple[str, ...]


@dataclass(frozen=True)
class OpenClip:
    """A job with all that painting it needs."""

    job: ClipJob
    settings: Settings
    source: FrameSource
    told: Sequence[Shot] | None
    """Its shots, where nothing has to be looked for."""
    flow: FlowMethod
    painter: Painter
    """Of the first pass, and without an anchor."""
    record: Record

    @property
    def identity(self) -> Mapping[str, Any]:
        """Everything the frames depend on."""
        return _identity(self.record, self.settings)

    def painter_of(self, one: Pass, anchor: Anchor) -> Painter:
        """The painter for a pass."""
        if one.number == 1:
            return self.painter.anchored(anchor)
        return self.painter.with_settings(again(self.settings, self.source.info.frames)).anchored(anchor)


def open_clip(
    job: ClipJob, network: Network, settings: Settings, device: torch.device, on_event: OnEvent = ignore
) -> OpenClip:
    """Open everything that a job names, and look through its input.

    :raises ReelbrushError: something cannot be read, or is not on this machine.
    """
    for named in (job.source, *(style.path for style in job.styles)):
        refuse_same_file(named, job.outputs)
    painter = Painter(network, load_styles(job.styles), settings, device)
    flow = open_flow(settings, device)
    on_event(Stage(f"Reading {job.source.name}"))
    source = open_source(
        job.source,
        size=settings.size or None,
        upscale=job.upscale,
        frames=job.frames,
        fps=job.rate,
        on_progress=lambda seen, expected: on_event(Scanned(seen, expected)),
    )
    told = told_shots(source, settings)
    if settings.loop:
        check_loop(job.source, source.info.frames, told or ())
    return OpenClip(job, settings, source, told, flow, painter, clip_record(job, painter, flow))


def shots_of(clip: OpenClip, work: WorkFolder, on_event: OnEvent) -> list[Shot]:
    """Where the shots of a clip begin, told or found.

    :raises UsageError: there are several, and the clip is to be a loop.
    """
    if clip.told is not None:
        return list(clip.told)
    shots = found_shots(clip.source, work, on_event)
    if clip.settings.loop and len(shots) > 1:
        work.remove()
        check_loop(clip.job.source, clip.source.info.frames, shots)
    return shots


def run_clip(
    job: ClipJob,
    network: Network,
    settings: Settings,
    device: torch.device,
    on_event: OnEvent = ignore,
    deadline: Deadline | None = None,
) -> ClipResult:
    """Paint a clip. Killed at any instant and run again, it goes on and gives the same frames.

    :param deadline: when all has to be done; frames then get fewer steps where time is short, and the result depends
        on the speed of the machine.
    :raises ReelbrushError: whatever a user can mend; nothing stands under a final name then.
    """
    began = time.monotonic()
    if job.gif is not None and job.gif.resolve() == job.output.resolve():
        raise UsageError(f"The output and the GIF beside it are the same file: {job.output}. Name two files.")
    for path in job.outputs:
        # The sinks look again, and closer; but first the whole clip is looked through, which takes a while.
        if not path.is_dir():
            check_output(path, job.overwrite)
    clip = open_clip(job, network, settings, device, on_event)
    source, flow, painter = clip.source, clip.flow, clip.painter
    with ExitStack() as stack:
        sinks = stack.enter_context(_sinks(job, source, clip.record))
        wished = passes_of(settings, source.info.frames)
        work = WorkFolder(job.work, clip.identity, wished, job.restart, on_event)
        stack.callback(work.close)
        work.gather()
        shots = shots_of(clip, work, on_event)
        said = [*source.info.notes, *style_notes(job.styles), *(note for sink in sinks for note in sink.notes)]
        notes = tuple(dict.fromkeys([*said, *(loop_notes(source) if settings.loop else ())]))
        anchor = found_anchor(source, painter, work, on_event)
        pace = (
            None
            if deadline is None
            else found_pace(deadline, source, shots, painter.anchored(anchor), flow, work, on_event)
        )
        passes, reached = work.passes, work.reached()
        done = (reached.number - 1) * source.info.frames + work.frames(reached).done
        if pace is not None:
            notes = (*notes, *hurry_notes(pace, done, len(passes), len(wished)))
        on_event(started(clip, source.info.frames, done, shots, len(passes), notes))
        painted = 0
        for one in _in_time(passes[reached.number - 1 :], pace, work):
            painted += paint_one(one, source, shots, clip.painter_of(one, anchor), flow, work, sinks, on_event, pace)
        on_event(Stage("Encoding"))
        store = work.end()
        if not (passes[-1].forward and work.passes == passes):
            _encode(store, source, sinks)
        for sink in sinks:
            sink.finish()
        if job.keep:
            work.close()
        else:
            work.remove()
    notes = tuple(dict.fromkeys(note for sink in sinks for note in sink.notes))
    result = ClipResult(job.outputs, source.info.frames, painted, time.monotonic() - began, notes)
    on_event(Finished(result.outputs, result.frames, result.painted, result.seconds, result.notes))
    return result


def _in_time(passes: Sequence[Pass], pace: Pace | None, work: WorkFolder) -> Iterator[Pass]:
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
    pace: Pace | None,
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
        yield tuple(opened)
    finally:
        # After finish() this does nothing.
        for sink in opened:
            sink.abort()


def _identity(record: Record, settings: Settings) -> dict[str, Any]:
    """Everything the frames depend on. Where they go, and how they are encoded, is not part of it."""
    values = asdict(settings)
    # Only the values count; and 'auto' is another precision on another device.
    del values["preset"]
    # Who is told that memory does not suffice should be able to allow it and go on.
    del values["may_shrink"]
    values["passes"] = len(passes_of(settings, frames=2))
    values["precision"] = record.precision
    return {
        "reelbrush": record.version,
        "input": record.source.sha256,
        "frames": record.frames,
        "fps": str(record.rate) if record.rate else None,
        "upscale": record.upscale,
        "styles": [[style.sha256, style.weight] for style in record.styles],
        "network": record.digest,
        "flow": record.flow,
        "settings": values,
    }


def started(
    clip: OpenClip, frames: int, done: int, shots: Sequence[Shot], passes: int, notes: tuple[str, ...] = ()
) -> Event:
    """What is told before painting begins.

    :param frames: so many are painted; `done` counts those that are finished, in every pass.
    """
    job, info, painter = clip.job, clip.source.info, clip.painter
    carries = clip.settings.carry != "none"
    return Started(
        source=str(job.source),
        outputs=job.outputs,
        width=info.width,
        height=info.height,
        frames=frames,
        done=done,
        first_work=painter.work(info.height, info.width, carried=False),
        next_work=painter.work(info.height, info.width, carried=carries),
        network=describe(painter.network),
        device=device_line(painter.device, painter.network),
        notes=notes,
        cuts=tuple(begin for begin, _ in shots[1:]),
        passes=passes,
        again_work=again(clip.settings, info.frames).carried_steps,
    )


def device_line(device: torch.device, network: Network) -> str:
    """'cpu, float32' or 'cuda (NVIDIA …), bfloat16'."""
    called = f"{device.type} ({torch.cuda.get_device_name(device)})" if device.type == "cuda" else device.type
    return f"{called}, {str(network.dtype).removeprefix('torch.')}"
