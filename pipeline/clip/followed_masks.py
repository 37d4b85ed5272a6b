"""Masks that were drawn for some frames of a clip, carried along its motion to all others of their shots.

Between two frames for which it was drawn a mask comes from both: the nearer one has the greater share, so that nothing
jumps where the drawing is refreshed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from itertools import chain, islice
from pathlib import Path

import numpy as np

from pipeline.clip.events import OnEvent, Scanned, Stage
from pipeline.clip.mask_files import OpenMask
from pipeline.clip.packed_masks import packed, unpacked
from pipeline.frame_numbers import FrameNumbers
from pipeline.media import Image, fit_size, resize
from pipeline.media.frame import Frame, FrameSource
from pipeline.media.prefetch import backward
from pipeline.motion.flow import FlowMethod
from pipeline.motion.follow import followed
from pipeline.motion.shots import Shot
from pipeline.motion.track import track

FOLLOWING = "Following the masks"
LARGEST = 384
"""Pixels of the longer side at which motion is looked for, at most, however large the clip is painted."""


def followed_frames(
    masks: Sequence[OpenMask],
    source: FrameSource,
    shots: Sequence[Shot],
    flow: FlowMethod,
    on_event: OnEvent,
    folder: Path | None,
) -> list[tuple[bytes, ...]]:
    """Of each mask what it is in every frame, packed, at the size of the clip; black in shots it was not drawn for.

    :param masks: with the frames that they were drawn for.
    :param source: the clip, at the size at which it is painted.
    :param folder: on whose disk frames may wait, as for `backward`.
    """
    on_event(Stage(FOLLOWING))
    info = source.info
    source = source.at_size(*fit_size(*info.kept, LARGEST))
    drawn = [dict(one.drawn) for one in masks]
    begins, ends = {begin for begin, _ in shots}, {end - 1 for _, end in shots}
    size = (info.width, info.height)
    forward = _Sweep(drawn, begins, flow, size)
    with closing(source.frames()) as frames:
        forward.run(frames, lambda done: on_event(Scanned(done, info.frames, FOLLOWING)))
    back = _Sweep(drawn, ends, flow, size)
    last = 1 + max(index for one in drawn for index in one)
    # Where a mask was drawn for the first frame of a shot, nothing is to be found before it.
    if any(index not in begins for one in drawn for index in one):
        with closing(backward(source, last, folder=folder)) as frames:
            back.run(islice(frames, last), lambda done: on_event(Scanned(done, last, FOLLOWING)))
    return [
        tuple(_together(index, own, forward.found[number], back.found[number], size) for index in range(info.frames))
        for number, own in enumerate(drawn)
    ]


class _Sweep:
    """One way through a clip."""

    def __init__(
        self, drawn: Sequence[Mapping[int, Image]], entered: set[int], flow: FlowMethod, size: tuple[int, int]
    ) -> None:
        """
        :param drawn: of each mask, what was drawn for which frame.
        :param entered: the frames with which this way enters a shot.
        :param size: width and height of what is found.
        """
        self._drawn = drawn
        self._entered = entered
        self._flow = flow
        self._size = size
        self.found: list[dict[int, tuple[int, bytes]]] = [{} for _ in drawn]
        """Of each mask in each frame: the frame that it comes from, and what it is, at the size of the clip."""
        self._origins: dict[int, Image] = {}
        """Frames that the masks come from which are carried now."""

    def run(self, frames: Iterable[Frame], on_done: Callable[[int], None]) -> None:
        """Carry the masks along."""
        now: list[tuple[int, Image] | None] = [None] * len(self._drawn)
        before: Image | None = None
        # The one after it is looked at as well: it shows what moves together.
        ahead: Iterator[Frame | None] = chain(frames, [None])
        frame = next(ahead)
        done = 0
        while frame is not None:
            after = next(ahead)
            entered = frame.index in self._entered
            onward = None if after is None or after.index in self._entered else after.image
            now = self._carried(now, frame, None if entered else before, onward)
            before = frame.image
            frame = after
            done += 1
            on_done(done)

    def _carried(
        self,
        now: Sequence[tuple[int, Image] | None],
        frame: Frame,
        before: Image | None,
        after: Image | None,
    ) -> list[tuple[int, Image] | None]:
        """The masks in a frame, from those in the one before; None of one that is not there (yet)."""
        image = frame.image
        carried = [one if before is not None and frame.index not in own else None
                   for one, own in zip(now, self._drawn, strict=True)]  # fmt: skip
        if before is not None and any(one is not None and one[1].any() for one in carried):
            tracked = track(before, image, self._flow)
            onward = None if after is None else self._flow(image, after)
            origins = {one[0] for one in carried if one is not None and one[1].any()}
            # Right before this one lies what is tracked in any case.
            again = {at: track(self._origins[at], image, self._flow) for at in origins if abs(frame.index - at) > 1}

            def follow(number: int, one: tuple[int, Image]) -> Image:
                drawn = (self._drawn_at(number, one[0], image), again[one[0]]) if one[0] in again else None
                return followed(one[1], image, tracked, onward, drawn)

            carried = [
                None if one is None else (one[0], follow(number, one) if one[1].any() else one[1])
                for number, one in enumerate(carried)
            ]
        for number, own in enumerate(self._drawn):
            if frame.index in own:
                carried[number] = frame.index, self._drawn_at(number, frame.index, image)
                self._origins[frame.index] = image
            one = carried[number]
            if one is not None:
                self.found[number][frame.index] = one[0], packed(resize(one[1], *self._size))
        for at in self._origins.keys() - {one[0] for one in carried if one is not None}:
            del self._origins[at]
        return carried

    def _drawn_at(self, number: int, index: int, image: Image) -> Image:
        """What was drawn of a mask for a frame, at the size of `image`."""
        return resize(self._drawn[number][index], image.shape[1], image.shape[0])


def _together(
    index: int,
    drawn: Mapping[int, Image],
    forward: Mapping[int, tuple[int, bytes]],
    back: Mapping[int, tuple[int, bytes]],
    size: tuple[int, int],
) -> bytes:
    """A mask in a frame, packed: as it was drawn, or from the nearest drawings before and after it in its shot."""
    if index in drawn:
        return packed(drawn[index])
    found = [one[index] for one in (forward, back) if index in one]
    if not found:
        return packed(np.zeros((size[1], size[0]), np.uint8))
    if len(found) == 1:
        return found[0][1]
    (first, one), (second, other) = found
    share = (index - first) / (second - first)
    mixed = (1 - share) * unpacked(one, size) + share * unpacked(other, size)
    return packed(np.asarray(np.rint(mixed), np.uint8))


def follow_notes(masks: Sequence[OpenMask], shots: Sequence[Shot], in_file: FrameNumbers) -> tuple[str, ...]:
    """What a person should know of masks that follow the motion, a sentence each: in which shots they are not.

    :param in_file: which frames of the input are painted.
    """
    notes = []
    for one in masks:
        without = [begin for begin, end in shots if not any(begin <= index < end for index, _ in one.drawn)]
        if one.drawn and without:
            begin = ", ".join(str(in_file.of(one)) for one in without[:5]) + (" and others" if len(without) > 5 else "")
            notes.append(
                f"The mask {one.mask.text} was drawn for no frame of the shot{'s' * (len(without) > 1)} that begin"
                f"{'s' * (len(without) == 1)} with frame {begin}, where its region is not: a mask does not follow over "
                "a cut. Draw it for a frame of each, and write them with '+'."
            )
    return tuple(notes)
