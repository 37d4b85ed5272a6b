"""A clip job opened with everything that painting it needs: shared by the one who paints all of it, by those who paint
some of its shots, and by the deadline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from pipeline.clip.engine import Engine, open_painter
from pipeline.clip.events import OnEvent, Scanned, Stage, Started, ignore
from pipeline.clip.exemplar_files import open_exemplars, parts_with_exemplars
from pipeline.clip.frame_masks import FrameMasks
from pipeline.clip.helper_threads import HelperThreads
from pipeline.clip.identity import file_names, painting_identity
from pipeline.clip.jobs import ClipJob
from pipeline.clip.keyed_painter import KeyPictures, key_pictures, keyed_painter
from pipeline.clip.loop_closure import check_loop
from pipeline.clip.mask_files import NO_MASKS, OpenMasks, open_clip_masks
from pipeline.clip.passes import Pass, further_settings, passes_of
from pipeline.clip.provenance import Record, clip_record
from pipeline.clip.start import read_start
from pipeline.clip.step_budget import StepBudget, lateness_notes
from pipeline.clip.timeline import Looks, Timeline, open_timeline
from pipeline.clip.warm_start import open_flow
from pipeline.clip.work_folder import SHARD, WorkFolder
from pipeline.media import open_source
from pipeline.media.alpha import is_transparent
from pipeline.media.frame import FrameSource
from pipeline.motion.flow import FlowMethod
from pipeline.motion.given_cuts import parse_cuts
from pipeline.motion.shots import Shot
from pipeline.network.device import device_line
from pipeline.network.weights import describe
from pipeline.settings import Settings
from pipeline.style.adain import ClipStatistics
from pipeline.style.painter import Painter
from pipeline.types import Image, OnProgress


@dataclass(frozen=True)
class Session:
    """A job with all that painting it needs. Nothing in it changes while it is painted."""

    job: ClipJob
    settings: Settings
    source: FrameSource
    given_shots: Sequence[Shot] | None
    """Its shots, where they need not be looked for."""
    flow: FlowMethod
    painter: Painter
    """Of the first pass, without the statistics of the clip."""
    record: Record
    on_event: OnEvent
    alpha: bool = False
    """Whether the results keep what is transparent in the input."""
    masks: OpenMasks = NO_MASKS
    """Of the regions, as they were found in their files."""
    exemplars: Mapping[int, Image] = field(default_factory=dict)
    """Frames that were painted by hand, by their numbers; of the size that is painted."""
    init: Image | None = None
    """What each shot starts from, where that is another picture; likewise."""
    timeline: Timeline | None = None
    """Its keyframes; None where there are none."""
    pictures: KeyPictures = field(default_factory=dict)
    """Every style picture that a keyframe may need."""

    @property
    def identity(self) -> Mapping[str, Any]:
        """Everything the frames depend on; a range of times is known as the frames that it means here."""
        record = self.record
        digests = {one.path: one.sha256 for one in record.ingredients}
        return painting_identity(
            replace(self.job, frames=record.frames),
            self.settings,
            record.digest,
            digests.__getitem__,
            precision=record.precision,
            flow=record.flow,
        )

    def painter_over(self, statistics: ClipStatistics, looks: Looks, masks: FrameMasks) -> Painter:
        """The painter of the first pass.

        :param masks: of the regions, in every frame.
        """
        painter = keyed_painter(self.painter, self.timeline, looks, self.pictures)
        if self.timeline is None and self.job.region and self.exemplars:
            parts = parts_with_exemplars(self.job, self.exemplars, masks)
            painter = painter.over_time((self.settings.colours,), parts)
        return painter.with_statistics(statistics)

    def painter_for(self, one: Pass, painter: Painter) -> Painter:
        """The painter for a pass.

        :param painter: that of the first one.
        """
        if one.number == 1:
            return painter
        return painter.with_settings(further_settings(self.settings, self.source.info.frames))

    def passes(self, part: Shot | None = None) -> list[Pass]:
        """The passes that the settings ask for, over the clip or over a part of it."""
        begin, end = part or (0, self.source.info.frames)
        return passes_of(self.settings, end - begin, begin)

    def open_work(self, part: Shot | None = None) -> WorkFolder:
        """Open the work folder of the clip, or that of a part of it, and lock it until it is closed.

        :raises BusyError, StoreError, OutputError: as `WorkFolder`.
        """
        folder = self.job.work if part is None else self.job.work / f"{SHARD}{part[0]:06d}-{part[1]:06d}"
        return WorkFolder(
            folder, self.identity, self.passes(part), self.job.restart, self.on_event, file_names(self.record)
        )

    def started(
        self,
        shots: Sequence[Shot],
        work: WorkFolder,
        budget: StepBudget | None = None,
        part: Shot | None = None,
        notes: tuple[str, ...] = (),
    ) -> Started:
        """What is told before painting begins.

        :param shots: those that are painted.
        """
        info, painter = self.source.info, self.painter
        again = painter.with_settings(further_settings(self.settings, info.frames))
        begin, end = part or (0, info.frames)
        passes, reached = work.passes, work.reached()
        done = (reached.number - 1) * (end - begin) + work.frames(reached).done
        late = () if budget is None else lateness_notes(budget, done, len(passes), len(self.passes(part)))
        return Started(
            source=str(self.job.source),
            outputs=self.job.outputs,
            width=info.width,
            height=info.height,
            frames=end - begin,
            done=done,
            first_work=painter.work(info.height, info.width, carried=False),
            next_work=painter.work(info.height, info.width, carried=self.settings.carry != "none"),
            network=describe(painter.network),
            device=device_line(painter.device, painter.network.dtype),
            notes=(*notes, *work.notes),
            deadline_notes=late,
            cuts=tuple(first for first, _ in shots[1:]),
            passes=len(passes),
            again_work=again.work(info.height, info.width, carried=True),
            in_file=info.in_file,
        )


def open_session(job: ClipJob, engine: Engine, on_event: OnEvent = ignore) -> Session:
    """Open everything that a job names, and make sure that its input is whole.

    :raises ReelbrushError: something cannot be read, or is not on this machine.
    """
    settings = engine.settings
    flow = open_flow(settings, engine.device)
    on_event(Stage(f"Reading {job.source.name}"))
    # The network goes to its device while other programs look through the input.
    with HelperThreads(1, thread_name_prefix="open") as beside:
        opening = beside.submit(open_painter, engine, job.all_styles, job, settings)
        try:
            source = open_clip(
                job, settings.size, job.paints_deep, lambda done, expected: on_event(Scanned(done, expected))
            )
        except Exception:
            # Of two things that are wrong, the styles are told of.
            opening.result()
            raise
        painter = opening.result().deeply(job.paints_deep)
    timeline = open_timeline(job, settings, source.info)
    if timeline is not None:
        painter = painter.over_time(timeline.words)
    shots = given_shots(source, settings)
    if settings.loop:
        check_loop(job.source, source.info.frames, shots or (), source.info.in_file)
    return Session(
        job,
        settings,
        source,
        shots,
        flow,
        painter,
        clip_record(job, source.info.part, painter, flow),
        on_event,
        job.keeps_alpha and is_transparent(source),
        open_clip_masks(job, source.info),
        open_exemplars(job, source.info),
        None if job.init is None else read_start(job.init, job.crop, source.info.width, source.info.height),
        timeline,
        key_pictures(job),
    )


def open_clip(job: ClipJob, size: int, deep: bool = False, on_progress: OnProgress | None = None) -> FrameSource:
    """The frames of the input that are painted, in the shape in which they are.

    :param size: as `Settings.size`.
    :param deep: whether frames have all their bits.
    :param on_progress: as for `open_source`.
    :raises ReelbrushError: as `open_source`.
    """
    return open_source(
        job.source,
        size=size or None,
        upscale=job.upscale,
        frames=job.frames,
        fps=job.rate,
        crop=job.crop,
        deep=deep,
        on_progress=on_progress,
    )


def given_shots(source: FrameSource, settings: Settings) -> list[Shot] | None:
    """The shots where nothing has to be looked for, else None; they count the frames that are painted.

    :raises UsageError: a cut that was named lies behind the last frame of the input.
    """
    frames, info = source.info.frames, source.info
    cuts = parse_cuts(settings.cuts)
    if not cuts.automatic:
        return cuts.shots(frames, info.in_file, info.part is None or info.part[1] is None)
    # Where nothing is carried there is nothing that a cut could end.
    return [(0, frames)] if settings.carry == "none" or frames < 2 else None
