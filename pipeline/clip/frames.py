"""The way of every frame of a clip: decode, warp, paint, keep, encode; pass after pass, and anew where one came out
wrong."""

from __future__ import annotations

from collections.abc import Container, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass

import torch

from pipeline.clip.events import Event, FrameDone, Stage, Stepped
from pipeline.clip.exemplars import shares_kept, shots_led
from pipeline.clip.frame_keeper import FrameKeeper
from pipeline.clip.frame_store import FrameStore
from pipeline.clip.looking import OnLook
from pipeline.clip.loss_monitor import monitor_at
from pipeline.clip.moves import MovesAhead, PreviousPaintings
from pipeline.clip.pass_painter import PassPainter
from pipeline.clip.passes import Pass
from pipeline.clip.session import Session
from pipeline.clip.step_budget import FULL, StepBudget
from pipeline.clip.survey import Survey
from pipeline.clip.tracking import Find, TrackedFrame, find_by, lookback, track_frames
from pipeline.clip.work_folder import WorkFolder
from pipeline.media.frame import Frame, FrameSink, FrameSource
from pipeline.media.prefetch import prefetch
from pipeline.motion.device_flow import DeviceDis
from pipeline.network.memory import is_out_of_memory
from pipeline.settings import Settings
from pipeline.style.frame import PaintedFrame
from pipeline.style.painter import Painter
from pipeline.types import deep_only, shallow


@dataclass
class Run:
    """What changes while a clip, or some whole shots of it, is painted."""

    work: WorkFolder
    sinks: Sequence[FrameSink] = ()
    """Take every frame of the result, in the order of the clip."""
    budget: StepBudget | None = None
    """Says how many steps each frame gets; None: as many as the settings say."""
    painted: int = 0
    """Frames that were painted, in several passes each one counted."""
    find: Find | None = None
    """Finds a frame in an earlier one, beside the painting; None leaves it to threads."""
    on_look: OnLook | None = None
    """May look at every frame after each of its steps."""
    encoded: bool = False
    """Whether the sinks had every frame of the result while it was painted."""


def paint_frames(session: Session, survey: Survey, run: Run) -> None:
    """Paint every frame that is missing, in every pass there is time for.

    :raises PaintingError: a loss is not a finite number, and nothing is carried to the frame.
    :raises NotEnoughMemoryError: memory does not suffice, whatever was tried.
    :raises DamagedFrameError: a finished frame is no longer what was written.
    """
    painter = session.painter_over(survey.statistics, survey.looks, survey.masks)
    for one in _passes_in_time(run):
        store, earlier = run.work.begin(one)
        if store.done:
            session.on_event(Stage("Looking at what is finished"))
        # The encoders want the frames in order: of a last pass that goes backward they get them when it is done.
        run.encoded = one.last and one.forward
        encode_kept(store, session.source, run.sinks if run.encoded else ())
        if store.whole:
            continue
        _paint_pass(session, survey, run, session.painter_for(one, painter), one, store, earlier)


def _paint_pass(
    session: Session,
    survey: Survey,
    run: Run,
    painter: Painter,
    one: Pass,
    store: FrameStore,
    earlier: FrameStore | None,
) -> None:
    """Paint the frames of a pass that are missing.

    :param painter: of the pass.
    :param store: its own frames.
    :param earlier: those of the pass before, whole; None in the first one.
    """
    entered = one.entered(survey.shots)
    previous = PreviousPaintings(store, earlier if one.circle else None)
    # With these, what is usual begins anew.
    breaks = survey.looks.changing(one.order) | session.exemplars.keys()
    monitor = monitor_at(session.settings, entered | breaks, store)
    sinks = run.sinks if run.encoded else ()
    if isinstance(session.flow, DeviceDis):
        session.flow.prepare(session.source.info.height, session.source.info.width)

    def kept(index: int, painted: PaintedFrame) -> None:
        run.painted += 1
        session.on_event(_done(index, painted, one))

    def on_event(event: Event) -> None:
        # Of a frame that others speak of next it is said first how it came to be.
        (keeper.tell if isinstance(event, Stepped) else keeper.settle)()
        session.on_event(event)

    fills = earlier is None and painter.settings.carry == "warped"
    # They are decoded, and found again in one another, ahead in a thread; and kept behind in another. Paintings are
    # moved to the frames that come as soon as they are there.
    with (
        MovesAhead(previous, torch.get_num_threads(), fills, earlier) as moves,
        closing(_tracked_ahead(session, one, entered, painter.settings, store, moves, run.find)) as frames,
        FrameKeeper(store, kept) as keeper,
    ):
        pass_painter = PassPainter(
            one, painter, previous, earlier, monitor, on_event, moves.take, survey.masks, session.exemplars,
            session.init, run.on_look, survey.looks, shares_kept(one, session.exemplars, survey.shots),
            shots_led(session.exemplars, survey.shots), session.source.info.in_file,
        )  # fmt: skip
        for tracked in frames:
            index = tracked.frame.index
            steps = FULL if run.budget is None else run.budget.steps(one, index)
            painted = pass_painter.repeat(tracked)
            if painted is None:
                # The paintings before it, warped to where this frame shows the same.
                start = pass_painter.warm_start(tracked)
                painted = pass_painter.paint(tracked, start, steps)
            pass_painter.show(tracked.frame, painted)
            keeper.put(index, painted)
            moves.painted(index)
            monitor.add(painted.losses, begins_shot=tracked.before is None or index in breaks)
            for sink in sinks:
                sink.put(Frame(index, tracked.frame.time, painted.image, painted.deep))
            if run.budget is not None:
                run.budget.record(one, index, painted)


def _passes_in_time(run: Run) -> Iterator[Pass]:
    """The passes that are still to be painted. One that would begin now, too late for it, is the end of them."""
    reached = run.work.reached()
    for one in run.work.passes[reached.number - 1 :]:
        if run.budget is not None and one.number > reached.number and not run.budget.allows(one):
            run.work.settle_passes(one.number - 1)
            return
        yield one


def encode_kept(store: FrameStore, source: FrameSource, sinks: Sequence[FrameSink]) -> None:
    """Hand the encoders what has been painted."""
    for index, image in store.exact_images() if sinks else ():
        for sink in sinks:
            sink.put(Frame(index, source.info.times[index], shallow(image), deep_only(image)))


def _tracked_ahead(
    session: Session,
    one: Pass,
    entered: Container[int],
    settings: Settings,
    store: FrameStore,
    moves: MovesAhead,
    find: Find | None,
) -> Generator[TrackedFrame, None, None]:
    """The frames that are missing. The flow of the next one is found while a frame is painted; once there is not
    enough memory for both, after that.

    :param settings: of the pass.
    :param moves: is told of the frames as soon as they are known.
    :param find: as `Run.find`.
    """
    # Those that are handed out, not those that are on the disk already.
    done = store.done
    try:
        threads = torch.get_num_threads()
        found = _expected(_tracked(session, one, entered, settings, done, threads, find), moves)
        with closing(prefetch(found, depth=1)) as ahead:
            for tracked in ahead:
                done += 1
                yield tracked
        return
    except Exception as error:
        if not is_out_of_memory(error):
            raise
    # Only here, where the error is gone and what it held.
    yield from _tracked(session, one, entered, settings, done)


def _tracked(
    session: Session,
    one: Pass,
    entered: Container[int],
    settings: Settings,
    done: int,
    threads: int = 1,
    find: Find | None = None,
) -> Generator[TrackedFrame, None, None]:
    """The frames of a pass after the first so many in its order."""
    with closing(one.inputs(session.source, done - lookback(settings), session.job.work)) as frames:
        how = find or find_by(session.flow)
        yield from track_frames(frames, one.order[done], entered, settings, how, threads)


def _expected(frames: Generator[TrackedFrame, None, None], moves: MovesAhead) -> Generator[TrackedFrame, None, None]:
    """The same frames, once `moves` has been told of them."""
    with closing(frames):
        for tracked in frames:
            moves.expect(tracked)
            yield tracked


def _done(index: int, painted: PaintedFrame, one: Pass) -> FrameDone:
    return FrameDone(
        index,
        painted.losses,
        painted.steps,
        painted.seconds,
        painted.stopped.value,
        one.number,
        painted.memory_fallback.value,
    )
