"""What every frame of a clip is painted like, from its keyframes: a function of its time in the input and of nothing
else.

So a frame looks the same whoever paints it and whenever: a resumed job, one of several workers, a pass that goes
backward, a slice of the clip.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise

from pipeline.clip.input_times import InputTimes, input_times
from pipeline.clip.jobs import ClipJob
from pipeline.clip.keyframes import HOLD, Keyframe, ShotNumber, region_number, when_text
from pipeline.clip.tracks import StyleUse, Tracks
from pipeline.errors import UsageError
from pipeline.media.frame import VideoInfo
from pipeline.motion.shots import Shot
from pipeline.settings import Settings, strengthened
from pipeline.style.look import Look
from pipeline.text import first_few

JUMP = 0.5
"""A change from one frame to the next of so much of anything, as `Look.step`, is no fade: the frame is painted anew."""


@dataclass(frozen=True)
class Looks:
    """What every frame of a clip is painted like; empty where all are as the settings say."""

    frames: tuple[Look, ...] = ()
    variants: tuple[tuple[StyleUse, ...], ...] = ()
    """What their shares are of: of the rest of the picture, and of each region."""
    jumps: frozenset[int] = frozenset()
    """Frames that do not look like the one before them, and are painted anew."""

    def of(self, index: int) -> Look | None:
        """That of a frame; None where it is as the settings say."""
        return self.frames[index] if self.frames else None

    @property
    def presence(self) -> tuple[tuple[float, ...], ...]:
        """Of each frame how far each region is there, 0 to 1."""
        return tuple(one.presence for one in self.frames)

    def alike(self, one: int, other: int) -> bool:
        """Whether two frames are painted alike."""
        return not self.frames or self.frames[one] == self.frames[other]

    def rise(self, index: int) -> float:
        """How many times its style weighs as much in a frame as in the one before it; at least 1."""
        if not self.frames or not index:
            return 1.0
        now, before = (strengthened(self.frames[at].strength) for at in (index, index - 1))
        return max(1.0, now / before)

    def split(self, shots: Sequence[Shot]) -> tuple[Shot, ...]:
        """The shots, parted where the look jumps: what is painted anew."""
        return tuple(
            part
            for begin, end in shots
            for part in pairwise([begin, *(index for index in sorted(self.jumps) if begin < index < end), end])
        )

    def changing(self, order: Sequence[int]) -> frozenset[int]:
        """The frames that are not painted like the one before them, in that order."""
        return frozenset(index for before, index in pairwise(order) if not self.alike(before, index))


AS_SET = Looks()
"""Of a clip that is painted alike throughout."""


@dataclass(frozen=True)
class Timeline:
    """The keyframes of a job, with the times of the frames that are painted."""

    job: ClipJob
    settings: Settings
    times: InputTimes

    @property
    def words(self) -> frozenset[str]:
        """Whose colours its frames have."""
        return frozenset({self.settings.colours, *(one.colours for one in self.job.keyframes if one.colours)})

    def looks(self, shots: Sequence[Shot]) -> Looks:
        """The looks of all frames.

        :param shots: of what is painted.
        :raises UsageError: a shot that there is not, two keyframes at one time, or a loop whose ends differ.
        """
        if not self.job.keyframes:
            return AS_SET
        timed = self._timed(shots)
        painted = self.times.painted
        tracks = Tracks(self.job, self.settings, timed)
        mixtures = [tracks.at(time) for time in painted]
        variants = [
            list(dict.fromkeys(key for one in mixtures for key in one.parts[part])) for part in range(tracks.parts)
        ]
        looks = tuple(
            Look(
                one.strength,
                tuple(
                    tuple(float(mixed.get(key, 0.0)) for key in own)
                    for mixed, own in zip(one.parts, variants, strict=True)
                ),
                one.colours.get("keep", 0.0),
                one.presence,
            )
            for one in mixtures
        )
        held = {self.times.first_from(time) for time, one in timed if one.ease == HOLD}
        jumps = frozenset(
            index
            for index in range(1, len(looks))
            if looks[index] != looks[index - 1] and (index in held or looks[index].step(looks[index - 1]) >= JUMP)
        )
        found = Looks(looks, tuple(map(tuple, variants)), jumps)
        self._check_loop(found)
        return found

    def known_parts(self, frames: int) -> tuple[Shot, ...]:
        """What is painted anew, as far as it is known before the shots of a clip are: it is taken as one shot."""
        known = tuple(one for one in self.job.keyframes if not isinstance(one.at, ShotNumber))
        settings = replace(self.settings, loop=False)
        return (
            Timeline(replace(self.job, keyframes=known), settings, self.times).looks([(0, frames)]).split([(0, frames)])
        )

    def _timed(self, shots: Sequence[Shot]) -> list[tuple[Fraction, Keyframe]]:
        """The keyframes by their times, in order."""
        found: dict[Fraction, Keyframe] = {}
        for one in self.job.keyframes:
            time = self._time(one, shots)
            if time in found:
                raise UsageError(
                    f"--keyframe {one.head!r} and {found[time].head!r} are at the same time. Say all of it in one "
                    "keyframe, with commas."
                )
            found[time] = one
        return sorted(found.items(), key=lambda pair: pair[0])

    def _time(self, keyframe: Keyframe, shots: Sequence[Shot]) -> Fraction:
        at = keyframe.at
        if not isinstance(at, ShotNumber):
            return self.times.of(at)
        if at.number > len(shots):
            there = "is one shot" if len(shots) == 1 else f"are {len(shots)} shots"
            begins = first_few([self.times.in_file.of(begin) for begin, _ in shots])
            which = "which begins" if len(shots) == 1 else "which begin"
            raise UsageError(
                f"--keyframe {keyframe.head!r}: there {there} in what is painted of {self.job.source.name}, {which} "
                f"with frame {begins}. Name one of these, from 1, or say with --cuts "
                "where shots begin."
            )
        return self.times.painted[shots[at.number - 1][0]]

    def _check_loop(self, looks: Looks) -> None:
        if self.settings.loop and (looks.jumps or not looks.alike(0, len(looks.frames) - 1)):
            raise UsageError(
                "A loop whose last frame is painted otherwise than its first one would jump there, and one that jumps "
                "on the way is none. Let the last keyframe say the same as the first, without 'hold', or leave out "
                "--loop."
            )


def open_timeline(job: ClipJob, settings: Settings, info: VideoInfo) -> Timeline | None:
    """The keyframes of a job in its input; None where there are none.

    :param info: of what is painted of it.
    :raises UsageError: as `check_keyframes`.
    """
    if not job.keyframes:
        return None
    times = input_times(job.source, info, job.rate)
    check_keyframes(job, times)
    return Timeline(job, settings, times)


def check_keyframes(job: ClipJob, times: InputTimes) -> None:
    """See that keyframes can be, as far as that is known before a clip is looked through.

    :raises UsageError: one lies beyond the clip or speaks of a region that there is not, two are at one time, or the
        input is a single picture.
    """
    if job.keyframes and times.frames == 1:
        raise UsageError(
            f"{job.source.name} is a single picture, and in a picture nothing changes over time. Leave --keyframe out."
        )
    seen: dict[Fraction, Keyframe] = {}
    for one in job.keyframes:
        for key in one.regions:
            region_number(key, job.region)
        if isinstance(one.at, ShotNumber):
            continue
        if not times.reaches(one.at):
            raise UsageError(
                f"--keyframe {one.head!r}: there is no such time. The last frame of {job.source.name} is number "
                f"{times.frames - 1}, counted from 0, and the clip ends at {when_text(times.end)}. Times count from "
                "the start of the input, also where --frames takes a part of it."
            )
        time = times.of(one.at)
        if time in seen:
            raise UsageError(
                f"--keyframe {one.head!r} and {seen[time].head!r} are at the same time. Say all of it in one keyframe, "
                "with commas."
            )
        seen[time] = one
