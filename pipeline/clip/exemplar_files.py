"""Frames that were painted by hand, opened: which frames they are, at the size that is painted."""

from __future__ import annotations

from collections.abc import Mapping

from pipeline.clip.engine import load_styles
from pipeline.clip.exemplars import Exemplar
from pipeline.clip.frame_masks import FrameMasks
from pipeline.clip.input_times import InputTimes, input_times
from pipeline.clip.jobs import ClipJob
from pipeline.errors import UsageError
from pipeline.media import read_picture, resize
from pipeline.media.frame import VideoInfo
from pipeline.media.resize import centre_crop, cropped
from pipeline.style.frame import Style
from pipeline.style.regions import shares_of
from pipeline.types import Image

LEAST_PART = 0.01
"""Of a frame, that a region has to take there for a frame painted by hand to say something of it."""
OTHER_SHAPE = 0.01
"""By how much the shape of a frame that was painted by hand may differ from that of the clip, in the quotient of its
sides; and by a pixel in any case."""


def open_exemplars(job: ClipJob, info: VideoInfo) -> dict[int, Image]:
    """The frames of a job that were painted by hand, by their numbers among those that are painted.

    :param info: of what is painted.
    :raises MediaError: one of them cannot be read.
    :raises UsageError: there is no such frame, two are for the same one, or one has another shape than the clip.
    """
    found: dict[int, Image] = {}
    named: dict[int, Exemplar] = {}
    times = input_times(job.source, info, job.rate) if any(one.at is not None for one in job.exemplar) else None
    for one in job.exemplar:
        index = 0 if times is None or one.at is None else _index(one, times, job)
        if index in named:
            raise UsageError(
                f"{named[index].text} and {one.text} are for the same frame, and it can only be painted as one of "
                "them. Leave one out, or name another frame: FILE@FRAME."
            )
        named[index], found[index] = one, _fitted(one, job, info)
    return found


def _index(one: Exemplar, times: InputTimes, job: ClipJob) -> int:
    assert one.at is not None
    times.check(one.at, one.text, job.source.name)
    time, painted = times.of(one.at), times.painted
    index = min(range(len(painted)), key=lambda place: abs(painted[place] - time))
    # Where frames are dropped, the one nearest to it is meant.
    step = (times.end - times.whole[0]) / times.frames
    if not painted[0] - step < time < painted[-1] + max(step, painted[-1] - painted[max(0, len(painted) - 2)]):
        raise UsageError(
            f"{one.text}: this frame is not among those that are painted. Let --frames include it, or leave it out."
        )
    return index


def _fitted(one: Exemplar, job: ClipJob, info: VideoInfo) -> Image:
    whole = read_picture(one.path)
    height, width = whole.shape[:2]
    picture = cropped(whole, centre_crop(width, height, job.crop))
    wanted, found = info.width / info.height, picture.shape[1] / picture.shape[0]
    if abs(found / wanted - 1) > OTHER_SHAPE + 1 / min(info.height, *picture.shape[:2]):
        raise UsageError(
            f"{one.path}: this has {width}x{height} pixels, another shape than the frames of {job.source.name}, which "
            f"are painted at {info.width}x{info.height}. Paint the frame as it is, at any size."
        )
    return resize(picture, info.width, info.height)


def parts_with_exemplars(job: ClipJob, exemplars: Mapping[int, Image], masks: FrameMasks) -> list[list[Style]]:
    """The styles of the rest of a clip and of each of its regions; of the frames that were painted by hand, each part
    has what they show of it, which counts together as much as its styles.

    :param exemplars: as `open_exemplars`.
    :raises MediaError: a style cannot be read any more.
    """
    found = [load_styles(styles) for styles in (job.styles, *(one.styles for one in job.region))]
    shares = {index: shares_of(at).numpy() for index in exemplars if (at := masks.of(index)) is not None}
    for number, part in enumerate(found):
        seen = {index: share[number] for index, share in shares.items() if share[number].mean() >= LEAST_PART}
        weight = sum(style.weight for style in part) / max(1, len(seen))
        part += [Style(exemplars[index], weight, counts=counts) for index, counts in seen.items()]
    return found
