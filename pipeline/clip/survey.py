"""One look through a clip before anything is painted: its shots, its statistics for the palette, how much moves in each
frame, and whether its end leads to its beginning.

All of it comes out of one decode. Another one has gone before, which cannot be this one: only what `media.probe` lists
says whether a file is whole, how many frames it has, and which of these a range or another rate takes; and on that
depends which frames stand for the clip. The probe hands over no pixels, and takes less time for it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import closing
from dataclasses import dataclass
from itertools import islice

import numpy as np

from pipeline.clip.events import Scanned, Stage
from pipeline.clip.frame_masks import ALIKE, FrameMasks, find_frame_masks, masks_as_json, masks_from_json
from pipeline.clip.helper_threads import HelperThreads
from pipeline.clip.keyframes import ShotNumber
from pipeline.clip.loop_closure import Seam, check_loop, measure_seam
from pipeline.clip.mask_files import OpenMasks
from pipeline.clip.session import Session
from pipeline.clip.speed import frames_to_measure
from pipeline.clip.timeline import AS_SET, Looks
from pipeline.clip.work_folder import MASKS, MOTION, SEAM, SHOTS, STATISTICS, WorkFolder
from pipeline.errors import UsageError
from pipeline.media.frame import Frame
from pipeline.motion.frame_difference import downscaled
from pipeline.motion.opencv_threads import single_threaded
from pipeline.motion.shots import Shot, find_shots
from pipeline.motion.track import untracked_share
from pipeline.style.adain import ClipStatistics, pooled_statistics, statistics_as_json, statistics_from_json
from pipeline.types import Image

LOOKING = "Looking through the clip"
SAMPLES = 32
"""Frames that stand for a clip."""
LOOKED_AT = 2
"""Frames that may wait to be looked at by the network."""
LEAST_MOTION = 0.0001
"""A frame that is not exactly the one before it, or is not painted alike, has at least so much motion: only one that is
costs nothing."""


@dataclass(frozen=True)
class Survey:
    """What is known of a clip before its first frame is painted.

    It depends on the input and the settings alone, so that every shot can be painted without the others. It is kept in
    the work folder: a resumed job has the same without looking again.
    """

    shots: tuple[Shot, ...]
    """Stretches that are each painted anew: the shots of the film, parted where keyframes change the look at once."""
    statistics: ClipStatistics
    """Of frames spread evenly over the clip; empty where none are needed.

    The same for all shots: with others for each, a night scene and the end of a fade to black took on every colour of
    the style, and a scene that came back looked different."""
    motion: tuple[float, ...] | None
    """`untracked_share` of every frame against the one before it: 0 where nothing at all has changed; 1 for the first.
    None where nobody asked for it."""
    seam: Seam | None
    """Between the last frame and the first, of a loop."""
    first_frames: tuple[Frame, ...] = ()
    """Those by which it can be measured how fast the clip is painted, where it was looked through for motion."""
    masks: FrameMasks = ALIKE
    """Of the regions, in every frame."""
    looks: Looks = AS_SET
    """What every frame is painted like, where keyframes say it."""
    of_film: tuple[Shot, ...] = ()
    """The shots as they were found."""


def take_survey(session: Session, work: WorkFolder, motion: bool = False) -> Survey:
    """Look through a clip for everything that `work` does not know already, and keep it there.

    :param motion: whether it is needed.
    :raises UsageError: there are several shots, and the clip is to be a loop; or a keyframe that cannot be.
    :raises OutputError: the disk is full, or the work folder has gone.
    """
    count = session.source.info.frames
    # A single frame is all there is to see of its clip: it keeps its own palette, like a picture.
    plain = not session.painter.needs_statistics or count < 2
    scan = _Scan(
        session,
        shots=session.given_shots or _kept_shots(work),
        statistics=ClipStatistics() if plain else _kept_statistics(work),
        motion=_kept_motion(work, count) if motion else (),
        seam=_kept_seam(work) if session.settings.loop else Seam(0, 0),
        masks=_kept_masks(work, session.masks, count) if session.masks.moving else FrameMasks(session.masks),
    )
    missing = scan.missing
    scan.run()
    try:
        if session.settings.loop:
            check_loop(session.job.source, count, scan.of_film, session.source.info.in_file)
        survey = scan.survey(motion)
    except UsageError:
        # With other options the frames would be others: nothing of this is of use then.
        work.remove()
        raise
    for name in missing:
        work.write(name, _as_json(survey, name))
    return survey


def check_shots(session: Session) -> None:
    """See that the shots of a clip are such as the job speaks of. They are looked for where it does; nothing is kept.

    :raises UsageError: as `take_survey`.
    """
    info, shots = session.source.info, session.given_shots
    by_shot = any(isinstance(one.at, ShotNumber) for one in session.job.keyframes)
    if shots is None and not by_shot and not session.settings.loop:
        shots = [(0, info.frames)]
    scan = _Scan(session, shots, statistics=ClipStatistics(), motion=(), seam=Seam(0, 0), masks=ALIKE)
    scan.run()
    if session.settings.loop:
        check_loop(session.job.source, info.frames, scan.of_film, info.in_file)
    if session.timeline is not None:
        session.timeline.looks(scan.of_film)


def sampled_frames(frames: int) -> frozenset[int]:
    """Which of so many frames stand for all: the middles of `SAMPLES` parts, or every one of a short clip."""
    count = min(SAMPLES, frames)
    return frozenset((2 * part + 1) * frames // (2 * count) for part in range(count))


class _Scan:
    """One decode of a clip; what is not known yet is None before it."""

    def __init__(
        self,
        session: Session,
        shots: Sequence[Shot] | None,
        statistics: ClipStatistics | None,
        motion: Sequence[float] | None,
        seam: Seam | None,
        masks: FrameMasks | None,
    ) -> None:
        self._session = session
        self._shots = shots
        self._statistics = statistics
        self._motion = motion
        self._seam = seam
        self._masks = masks
        self._first_frames: list[Frame] = []

    @property
    def missing(self) -> tuple[str, ...]:
        """The files that what is not known yet is kept in."""
        known = {
            SHOTS: self._shots,
            STATISTICS: self._statistics,
            MOTION: self._motion,
            SEAM: self._seam,
            MASKS: self._masks,
        }
        return tuple(name for name, value in known.items() if value is None)

    def run(self) -> None:
        """Find what is missing."""
        if not self.missing:
            return
        self._session.on_event(Stage(LOOKING))
        if self.missing != (MASKS,):
            self._look()
        if self._masks is None:
            session = self._session
            assert self._shots is not None
            self._masks = find_frame_masks(
                session.masks, session.source, self._shots, session.flow, session.on_event, session.job.work
            )

    def _look(self) -> None:
        count, painter = self._session.source.info.frames, self._session.painter
        sampled = sampled_frames(count) if self._statistics is None else frozenset()
        edges = {0, 1, count - 2, count - 1} if self._seam is None else set()
        # Statistics alone may be complete before the last frame.
        end = 1 + max(sampled) if {*self.missing} - {MASKS} == {STATISTICS} else count
        looking: deque[Future[ClipStatistics]] = deque()
        views: list[ClipStatistics] = []
        moved: list[float] = []
        kept: dict[int, Image] = {}

        def images() -> Iterator[Image]:
            before: Image | None = None
            with closing(self._session.source.frames()) as frames:
                for frame in islice(frames, end):
                    index, image = frame.index, frame.image
                    if index in sampled:
                        # Beside the search for shots. What waits for the network is a few frames at most.
                        looking.append(beside.submit(painter.statistics_of, image))
                        if len(looking) > LOOKED_AT:
                            views.append(looking.popleft().result())
                    if self._motion is None:
                        moved.append(1.0 if before is None else _motion(before, image))
                        before = image
                        if index < frames_to_measure(self._session.settings):
                            self._first_frames.append(frame)
                    if index in edges:
                        kept[index] = downscaled(image)
                    yield image
                    self._session.on_event(Scanned(index + 1, count, LOOKING))

        with single_threaded(), HelperThreads(1, thread_name_prefix="measure") as beside:
            if self._shots is None:
                self._shots = find_shots(images())
            else:
                for _ in images():
                    pass
            views += [one.result() for one in looking]
        if self._statistics is None:
            self._statistics = pooled_statistics(views)
        if self._motion is None:
            self._motion = moved
        if self._seam is None:
            self._seam = measure_seam((kept[0], kept[1]), (kept[count - 2], kept[count - 1]))

    def survey(self, motion: bool) -> Survey:
        """All of it, once nothing is missing."""
        assert self._statistics is not None and self._motion is not None and self._masks is not None
        timeline, shots = self._session.timeline, self.of_film
        looks = AS_SET if timeline is None else timeline.looks(shots)
        changing = looks.changing(range(len(self._motion)))
        moved = (max(one, LEAST_MOTION) if index in changing else one for index, one in enumerate(self._motion))
        return Survey(
            looks.split(shots),
            self._statistics,
            tuple(moved) if motion else None,
            self._seam if self._session.settings.loop else None,
            tuple(self._first_frames),
            self._masks.fading(looks.presence),
            looks,
            shots,
        )

    @property
    def of_film(self) -> tuple[Shot, ...]:
        """The shots, once they are found."""
        assert self._shots is not None
        return tuple(self._shots)


def _motion(before: Image, now: Image) -> float:
    if np.array_equal(before, now):
        return 0.0
    return max(LEAST_MOTION, round(untracked_share(downscaled(before), downscaled(now)), 4))


def _as_json(survey: Survey, name: str) -> object:
    if name == STATISTICS:
        return statistics_as_json(survey.statistics)
    if name == SEAM:
        return survey.seam and [survey.seam.levels, survey.seam.usual]
    if name == MASKS:
        return masks_as_json(survey.masks)
    return survey.of_film if name == SHOTS else survey.motion


# What was kept may be damaged: then it is looked for again.


def _kept_shots(work: WorkFolder) -> list[Shot] | None:
    try:
        return [(int(first), int(end)) for first, end in work.read(SHOTS)] or None
    except (ValueError, TypeError):
        return None


def _kept_statistics(work: WorkFolder) -> ClipStatistics | None:
    try:
        return statistics_from_json(work.read(STATISTICS))
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def _kept_masks(work: WorkFolder, masks: OpenMasks, frames: int) -> FrameMasks | None:
    try:
        return masks_from_json(work.read(MASKS), masks, frames)
    except (ValueError, TypeError):
        return None


def _kept_motion(work: WorkFolder, frames: int) -> list[float] | None:
    try:
        found = [float(one) for one in work.read(MOTION)]
    except (ValueError, TypeError):
        return None
    return found if len(found) == frames else None


def _kept_seam(work: WorkFolder) -> Seam | None:
    try:
        levels, usual = work.read(SEAM)
        return Seam(float(levels), float(usual))
    except (ValueError, TypeError):
        return None
