"""Everything that crosses from the frames before to the one that is painted: their input and their paintings."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from pipeline.job.store import FrameStore
from pipeline.media.frame import Frame, Image
from pipeline.motion.carry import adjusted, carried, moved
from pipeline.motion.flow import DIS, FlowMethod
from pipeline.motion.masks import long_term
from pipeline.motion.shots import Shot
from pipeline.motion.track import Track, track
from pipeline.settings import Settings
from pipeline.style.carried import Carried, Expected


@dataclass(frozen=True)
class Seen:
    """A frame of the input, and what it has in common with the frames before it in its shot."""

    frame: Frame
    before: Image | None
    """The frame before it; None where a shot begins."""
    tracks: Mapping[int, Track] = field(default_factory=dict)
    """Earlier frames found again in this one, by how many frames they lie back."""

    @property
    def still(self) -> bool:
        """Whether nothing at all has changed since the frame before."""
        return self.before is not None and np.array_equal(self.before, self.frame.image)


def distances(settings: Settings) -> tuple[int, ...]:
    """How many frames back the frames lie that have to be found again, nearest first."""
    if settings.carry == "none":
        return ()
    wanted = set(settings.long_term) if settings.temporal_weight else set()
    return tuple(sorted(wanted | ({1} if settings.carry == "warped" else set())))


def reach(settings: Settings) -> int:
    """Frames before a frame that have to be read to paint it, at least one."""
    return max((1, *distances(settings)))


def look_back(
    frames: Iterable[Frame], first: int, shots: Sequence[Shot], settings: Settings, flow: FlowMethod = DIS
) -> Iterator[Seen]:
    """The frames from number `first` on. No more than `reach` of the frames before are kept.

    :param frames: from `reach` frames before `first` on, or from the start of the clip.
    """
    begins = {begin for begin, _ in shots}
    wanted = distances(settings)
    kept: deque[Image] = deque(maxlen=reach(settings))
    for frame in frames:
        if frame.index in begins:
            kept.clear()
        if frame.index >= first:
            seen = Seen(frame, kept[-1] if kept else None)
            if not seen.still:
                there = [back for back in wanted if back <= len(kept)]
                seen = Seen(frame, seen.before, {back: track(kept[-back], frame.image, flow) for back in there})
            yield seen
        kept.append(frame.image)


def handed_on(seen: Seen, store: FrameStore, settings: Settings) -> Carried | None:
    """What a frame is painted from; None where a shot begins, or where nothing is to be carried.

    Paintings are read back from the store rather than remembered: a resumed job starts from the same pixels.
    """
    if seen.before is None or settings.carry == "none":
        return None
    index, now = seen.frame.index, seen.frame.image
    painting = store.carried(index)
    if painting is None:
        return None
    if seen.still:
        return Carried(painting)
    if settings.carry == "warped":
        start = carried(painting, now, seen.tracks[1]).start
    else:
        start = painting if settings.carry == "previous" else adjusted(painting, seen.before, now)
    return Carried(start, _expected(seen, store, settings) if settings.temporal_weight else ())


def _expected(seen: Seen, store: FrameStore, settings: Settings) -> tuple[Expected, ...]:
    """Earlier paintings moved to this frame, each with what the nearer ones have not shown already."""
    pictures, tracks = [], []
    for back in settings.long_term:
        found = seen.tracks.get(back)
        painting = store.carried(seen.frame.index - back + 1) if found is not None else None
        if found is not None and painting is not None:
            pictures.append(moved(painting, seen.frame.image, found))
            tracks.append(found)
    weights = long_term([found.weights for found in tracks])
    return tuple(Expected(picture, c) for picture, c in zip(pictures, weights, strict=True))
