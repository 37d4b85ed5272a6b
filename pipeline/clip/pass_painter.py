"""What becomes of each frame of a pass: painted, painted anew where it came out wrong, or left as it is."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from pipeline.clip.events import OnEvent, Repainted, Reverted, stepped
from pipeline.clip.frame_masks import ALIKE, FrameMasks
from pipeline.clip.frame_store import FrameStore
from pipeline.clip.looking import Look, OnLook
from pipeline.clip.loss_monitor import HIGH, LossMonitor, lasting_loss
from pipeline.clip.moves import Moves, PreviousPaintings, moves_now
from pipeline.clip.passes import Pass
from pipeline.clip.region_tracking import filled_by_regions, within_regions
from pipeline.clip.step_budget import Steps
from pipeline.clip.timeline import AS_SET, Looks
from pipeline.clip.tracking import TrackedFrame
from pipeline.clip.warm_start import MovesOf, closing_share, further_start, warm_start
from pipeline.errors import PaintingError
from pipeline.frame_numbers import ALL_FRAMES, FrameNumbers
from pipeline.media.frame import Frame
from pipeline.motion.carry import opening
from pipeline.motion.shots import Shot
from pipeline.style.frame import OnProgress, PaintedFrame, Progress, WarmStart
from pipeline.style.optimise import Stop
from pipeline.style.painter import Painter
from pipeline.style.picture import to_image
from pipeline.types import Image


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
    exemplars: Mapping[int, Image] = field(default_factory=dict)
    """Frames that were painted by hand, by their numbers."""
    init: Image | None = None
    """What is painted from nothing starts from, where that is another picture."""
    on_look: OnLook | None = None
    """As `Run.on_look`."""
    looks: Looks = AS_SET
    """What every frame is painted like, where keyframes say it."""
    kept: Mapping[int, float] = field(default_factory=dict)
    """As `shares_kept` says it of this pass."""
    led: Sequence[Shot] = ()
    """Shots with frames that were painted by hand."""
    in_file: FrameNumbers = ALL_FRAMES
    """Which frames of the input are painted."""

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

        Where nothing has changed since the frame before, no region and no look either, its painting is taken. In a
        further pass the frame with which a shot is entered stays: all others of the shot are led to it. So does that
        with which a circle is closed. And what was painted by hand stays in every pass.
        """
        index = tracked.frame.index
        if index in self.exemplars:
            return self._given(tracked.frame, self.exemplars[index])
        if tracked.before is None:
            return None if self.earlier is None else _kept(self.earlier, index, Stop.KEPT)
        before = self.previous.find(index)
        carries = self.earlier is not None or self.painter.settings.carry != "none"
        # Between two frames that were painted by hand, what shows the same still goes from one to the other.
        still = tracked.still and before is not None and self._alike(before[1], index) and index not in self.kept
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
            return warm_start(within, self.previous, settings, self._moves, self._hold(index))
        own, hold = self.earlier.image(index), self._hold(index)
        return further_start(within, self.previous, own, settings, self._closing(index), self._moves, hold)

    def _hold(self, index: int) -> float:
        """Share of the temporal loss that a frame has in this pass.

        What was painted by hand leads the frames after it in the first pass alone, and as firmly as the last one leads.
        So are those painted to which the last frames of a circle are held while it is closed: held to what was painted
        less firmly, a swaying cradle had an E_warp of 0.00009 instead of 0.00005.
        """
        led = any(begin <= index < end for begin, end in self.led)
        firm = 2 if self.painter.settings.loop else 1
        return 1.0 if self.one.number > self.one.of - firm or led else self.painter.settings.early_hold

    def _moves(self, tracked: TrackedFrame) -> Moves:
        """The paintings before a frame moved there, with what is new in it."""
        # What only a frame painted by hand leads to keeps nothing of how it was painted without that.
        fills = self.earlier is None or self.kept.get(tracked.frame.index) == 0
        found = moves_now(tracked, self.previous, fills) if self.moves_of is None else self.moves_of(tracked)
        if fills and found.opening is None and 1 in tracked.ways:
            found = replace(found, opening=opening(tracked.frame.image, tracked.ways[1].weights))
        return filled_by_regions(tracked, self._led_on(tracked.frame, found), self.masks)

    def _led_on(self, frame: Frame, moves: Moves) -> Moves:
        """Paintings moved to a frame, in the colours of its look."""
        if not self.looks.frames:
            return moves
        painter = self.painter.with_masks(self.masks.whole(frame.index)).with_look(self.looks.of(frame.index))
        found = dict(moves.paintings)
        for back, painting in found.items():
            place = self.previous.find(frame.index, back)
            before = None if place is None else self.looks.of(place[1])
            if before is not None:
                found[back] = painter.led_on(painting, before, frame.image)
        return replace(moves, paintings=found)

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
        painter = self._painter_of(frame)
        looked_at = painter.with_settings(replace(painter.settings, carried_levels=1)).between(None, 0)
        losses = looked_at.paint(frame.image, WarmStart(picture), frame.index).losses
        return PaintedFrame(picture, losses, 0, 0.0, Stop.GIVEN)

    def _paint_fresh(self, frame: Frame, steps: Steps) -> PaintedFrame:
        try:
            return self._painter_of(frame).paint(
                frame.exact, None, frame.index, self._on_progress(frame), self.init, steps.fresh
            )
        except PaintingError as error:
            raise PaintingError(f"Frame {self.in_file.of(frame.index)} cannot be painted. {error}") from None

    def _better_of_fresh(
        self, tracked: TrackedFrame, start: WarmStart, painted: PaintedFrame | None, steps: Steps
    ) -> PaintedFrame:
        """A carried frame of the first pass, painted again from nothing where it came out wrong: the better of both."""
        frame, before = tracked.frame, tracked.before
        if painted is not None and before is not None:
            rise = self.looks.rise(frame.index)
            if not self.monitor.suspects(painted, before, frame.image, rise):
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
        if self.one.circle and self.earlier is not None:
            return closing_share(self.earlier, self.one, index)
        return self.kept.get(index)

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
        return self.painter.with_masks(self.masks.of(frame.index)).with_look(self.looks.of(frame.index))

    def _alike(self, one: int, other: int) -> bool:
        """Whether two frames that show the same are painted alike."""
        return self.masks.alike(one, other) and self.looks.alike(one, other)

    def _on_progress(self, frame: Frame) -> OnProgress:
        def told(progress: Progress) -> None:
            self.on_event(stepped(frame.index, progress, self.one.number))
            self.show(frame, progress)

        return told


def _kept(store: FrameStore, index: int, why: Stop) -> PaintedFrame:
    """A painting that is there already."""
    return store.painted(index, why if store.stable(index) else Stop.UNSTABLE)
