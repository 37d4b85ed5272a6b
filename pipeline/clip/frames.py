"""The way of every frame of a clip: decode, warp, paint, keep, encode; pass after pass, and anew where one came out
wrong."""

from __future__ import annotations

import math
from collections.abc import Container, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass

import torch

from pipeline.clip.events import Event, FrameDone, OnEvent, Repainted, Reverted, Stage, Stepped, stepped
from pipeline.clip.frame_keeper import FrameKeeper
from pipeline.clip.frame_masks import ALIKE, FrameMasks
from pipeline.clip.frame_store import FrameStore
from pipeline.clip.looking import Look, OnLook
from pipeline.clip.loss_monitor import HIGH, LossMonitor, lasting_loss, monitor_at
from pipeline.clip.moves import Moves, MovesAhead, PreviousPaintings, moves_now
from pipeline.clip.passes import Pass
from pipeline.clip.region_tracking import filled_by_regions, within_regions
from pipeline.clip.session import Session
from pipeline.clip.step_budget import FULL, StepBudget, Steps
from pipeline.clip.survey import Survey
from pipeline.clip.tracking import Find, TrackedFrame, find_by, lookback, track_frames
from pipeline.clip.warm_start import MovesOf, closing_share, further_start, warm_start
from pipeline.clip.work_folder import WorkFolder
from pipeline.errors import PaintingError
from pipeline.media.frame import Frame, FrameSink, FrameSource
from pipeline.media.prefetch import prefetch
from pipeline.motion.device_flow import DeviceDis
from pipeline.network.memory import is_out_of_memory
from pipeline.settings import Settings
from pipeline.style.frame import OnProgress, PaintedFrame, Progress, WarmStart
from pipeline.style.optimise import Stop
from pipeline.style.painter import Painter
from pipeline.style.picture import to_image
from pipeline.types import Image, deep_only, shallow


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
    for one in passes_in_time(run):
        store, earlier = run.work.begin(one)
        if store.done:
            session.on_event(Stage(_going_on(store.done, one)))
        # The encoders want the frames in order: of a last pass that goes backward they get them when it is done.
        run.encoded = one.last and one.forward
        encode_kept(store, session.source, run.sinks if run.encoded else ())
        if store.whole:
            continue
        _paint_pass(session, survey, run, one, store, earlier)


def _paint_pass(
    session: Session, survey: Survey, run: Run, one: Pass, store: FrameStore, earlier: FrameStore | None
) -> None:
    """Paint the frames of a pass that are missing.

    :param store: its own frames.
    :param earlier: those of the pass before, whole; None in the first one.
    """
    entered = one.entered(survey.shots)
    previous = PreviousPaintings(store, earlier if one.circle else None)
    monitor = monitor_at(session.settings, entered, store)
    painter = session.painter_for(one, survey.statistics)
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
            one, painter, previous, earlier, monitor, on_event, moves.take, survey.masks, session.first, session.init,
            run.on_look,
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
            monitor.add(painted.losses, begins_shot=tracked.before is None)
            for sink in sinks:
                sink.put(Frame(index, tracked.frame.time, painted.image, painted.deep))
            if run.budget is not None:
                run.budget.record(one, index, painted)


def passes_in_time(run: Run) -> Iterator[Pass]:
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


@dataclass(frozen=True)
class PassPainter:
    """Paints the frames of one pass, each from what the frames before it lead to."""

    one: Pass
    painter: Painter
    previous: PreviousPaintings
    earlier: FrameStore | None
    """The frames of the pass before, whole; None in the first one."""
    monitor: LossMonitor
    """Knows the losses of the frames before."""
    on_event: OnEvent
    moves_of: MovesOf | None = None
    """As for `warm_start`."""
    masks: FrameMasks = ALIKE
    """What is where in every frame."""
    first: Image | None = None
    """The first frame of the clip, where it was painted by hand."""
    init: Image | None = None
    """What is painted from nothing starts from, where that is another picture."""
    on_look: OnLook | None = None
    """As `Run.on_look`."""

    def show(self, frame: Frame, so_far: PaintedFrame | Progress) -> None:
        """Let a frame be looked at, finished or as it stands."""
        if self.on_look is None:
            return
        finished = isinstance(so_far, PaintedFrame)

        def painting() -> Image:
            return so_far.image if isinstance(so_far, PaintedFrame) else to_image(so_far.picture())

        self.on_look(Look(frame.index, frame.image, painting, finished))

    def repeat(self, tracked: TrackedFrame) -> PaintedFrame | None:
        """A painting that is there already and stays as it is, at no cost; None for a frame that has to be painted.

        Where nothing has changed since the frame before, and no region either, its painting is taken. In a further pass
        the frame with which a shot is entered stays: all others of the shot are led to it. So does that with which a
        circle is closed. And what was painted by hand stays in every pass.
        """
        index = tracked.frame.index
        if self.first is not None and index == 0:
            return self._given(tracked.frame, self.first)
        if tracked.before is None:
            return None if self.earlier is None else _kept(self.earlier, index, Stop.KEPT)
        before = self.previous.find(index)
        carries = self.earlier is not None or self.painter.settings.carry != "none"
        still = tracked.still and before is not None and self.masks.alike(before[1], index)
        if still and carries and before is not None and before[0].stable(before[1]):
            return _kept(*before, Stop.STILL)
        if self.earlier is not None and self._closing(index) == 1:
            return _kept(self.earlier, index, Stop.KEPT)
        return None

    def warm_start(self, tracked: TrackedFrame) -> WarmStart | None:
        """What a frame is painted from; None for nothing."""
        settings, index = self.painter.settings, tracked.frame.index
        within = within_regions(tracked, self.masks, self.previous)
        if self.earlier is None:
            return warm_start(within, self.previous, settings, self._moves)
        own = self.earlier.image(index)
        return further_start(within, self.previous, own, settings, self._closing(index), self._moves)

    def _moves(self, tracked: TrackedFrame) -> Moves:
        """The paintings before a frame moved there, with what is new in it."""
        fills = self.earlier is None
        found = moves_now(tracked, self.previous, fills) if self.moves_of is None else self.moves_of(tracked)
        return filled_by_regions(tracked, found, self.masks)

    def paint(self, tracked: TrackedFrame, start: WarmStart | None, steps: Steps) -> PaintedFrame:
        """Paint a frame, and once more where it came out wrong.

        :param steps: that it may take.
        """
        if start is None:
            return self._paint_fresh(tracked.frame, steps)
        painted = self._try(tracked.frame, start, steps.carried)
        if self.earlier is None:
            return self._better_of_fresh(tracked, start, painted, steps)
        return self._better_of_earlier(tracked.frame.index, painted)

    def _given(self, frame: Frame, picture: Image) -> PaintedFrame:
        """A frame that was painted by hand, with the losses that it has."""
        looked_at = self._painter_of(frame).between(None, 0)
        losses = looked_at.paint(frame.image, WarmStart(picture), frame.index).losses
        return PaintedFrame(picture, losses, 0, 0.0, Stop.GIVEN)

    def _paint_fresh(self, frame: Frame, steps: Steps) -> PaintedFrame:
        try:
            return self._painter_of(frame).paint(
                frame.exact, None, frame.index, self._on_progress(frame), self.init, steps.fresh
            )
        except PaintingError as error:
            raise PaintingError(f"Frame {frame.index + 1} cannot be painted. {error}") from None

    def _better_of_fresh(
        self, tracked: TrackedFrame, start: WarmStart, painted: PaintedFrame | None, steps: Steps
    ) -> PaintedFrame:
        """A carried frame of the first pass, painted again from nothing where it came out wrong: the better of both."""
        frame, before = tracked.frame, tracked.before
        if painted is not None and before is not None and not self.monitor.suspects(painted, before, frame.image):
            return painted
        fresh = self._try(frame, None, steps.fresh)
        if painted is None and fresh is None:
            # A frame that cannot be painted is no reason to end a clip in the middle: what was carried to it stays.
            found = self.previous.find(frame.index)
            assert found is not None
            return PaintedFrame(start.start, found[0].record(found[1])["losses"], 0, 0.0, Stop.UNSTABLE)
        losses = [math.inf if one is None else self.monitor.loss(one.losses) for one in (painted, fresh)]
        better = fresh if fresh is not None and not losses[0] <= losses[1] else painted
        assert better is not None
        finite = [loss if math.isfinite(loss) else None for loss in losses]
        self.on_event(Repainted(frame.index, finite[0], finite[1], "fresh" if better is fresh else "carried"))
        return better

    def _better_of_earlier(self, index: int, painted: PaintedFrame | None) -> PaintedFrame:
        """A frame of a further pass; its painting of the pass before where this one has made it worse."""
        before = self.previous.find(index)
        assert self.earlier is not None and before is not None
        weight = self.painter.settings.temporal_weight
        # It cannot be much better than the painting that it is led from.
        known = [
            lasting_loss(store.record(number)["losses"], weight) for store, number in ((self.earlier, index), before)
        ]
        # No comparison with what is not a number is true.
        if (
            painted is not None
            and painted.stopped is not Stop.UNSTABLE
            and lasting_loss(painted.losses, weight) <= HIGH * max(known)
        ):
            return painted
        self.on_event(Reverted(index, self.one.number))
        return _kept(self.earlier, index, Stop.KEPT)

    def _closing(self, index: int) -> float | None:
        return closing_share(self.earlier, self.one, index) if self.one.circle and self.earlier is not None else None

    def _try(self, frame: Frame, start: WarmStart | None, steps: int | None) -> PaintedFrame | None:
        """The painting; None where no finite loss was found, whatever was tried."""
        try:
            return self._painter_of(frame).paint(
                frame.exact, start, frame.index, self._on_progress(frame), self.init, steps
            )
        except PaintingError:
            return None

    def _painter_of(self, frame: Frame) -> Painter:
        """The painter, told where the regions are in this frame."""
        return self.painter.with_masks(self.masks.of(frame.index))

    def _on_progress(self, frame: Frame) -> OnProgress:
        def told(progress: Progress) -> None:
            self.on_event(stepped(frame.index, progress, self.one.number))
            self.show(frame, progress)

        return told


def _kept(store: FrameStore, index: int, why: Stop) -> PaintedFrame:
    """A painting that is there already."""
    return store.painted(index, why if store.stable(index) else Stop.UNSTABLE)


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


def _going_on(done: int, one: Pass) -> str:
    after = f"Going on after {done} frame{'s' if done > 1 else ''}"
    return f"{after} of pass {one.number}" if one.of > 1 else after
